"""Parts of MP4 and MOV files, with the sound over the same time."""

from __future__ import annotations

import itertools
import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, Final

from recaster.errors import InputError
from recaster.files import atomic_file
from recaster.isobmff.boxes import (
    MovieFile,
    UnsupportedMovieError,
    child_boxes,
    read_movie,
    read_spans,
    required_box,
)
from recaster.isobmff.movie_box import build_movie
from recaster.isobmff.presentation import compute_presentation
from recaster.isobmff.sample_table import Track, read_handler, read_number, read_track
from recaster.isobmff.selection import extract_audio, extract_video, select_video

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.isobmff.movie_box import NewMovie
    from recaster.isobmff.selection import TrackPart, VideoSelection

MAX_PART_SHARE: Final = Fraction(4, 5)
"""A part larger than this share of its file isn't cut out."""
MAX_TRACKS: Final = 64
NON_VIDEO_HANDLERS: Final = {b"tmcd", b"text", b"sbtl", b"subt", b"clcp", b"hint", b"sdsm", b"odsm"}
"""Handlers of tracks that FFmpeg can't take for the video."""


@dataclass(frozen=True)
class TrimmedMovie:
    """A part of a movie; ``frames`` are the wanted ones in it, which shows one more at each end if it can."""

    out: Path
    frames: range
    size: int


def trim_movie(path: Path, frames: range, out: Path) -> TrimmedMovie | None:
    """Writes the part of an MP4 or MOV that holds some frames, and the sound over the same time.

    What the decoder needs before the first frame is there, and hidden by an edit list. The frames are the
    original's to the bit; sound keeps its time to them within half a tick of its own clock.

    Args:
        frames: indices of the frames as the engine counts them.

    Returns:
        None, and nothing is written, where the file isn't a plain movie whose frames can be counted without
        decoding, or the part would not be smaller than 80 % of it: use the whole file.

    Raises:
        InputError: the file can't be read.
        OutputError: ``out`` can't be written.
    """
    try:
        with path.open("rb") as file:
            index = read_movie(file)
            parts, timescale, selection = _parts(file, index, frames)
            header = required_box(child_boxes(index.moov), b"mvhd")
            new = build_movie(index.ftyp, header, timescale, parts)
            if new.size > MAX_PART_SHARE * index.size:
                return None
            _check(new, selection)
            if out.exists() and path.samefile(out):
                raise InputError(f"{out}: is the movie itself; choose another file for the part")
    except (
        UnsupportedMovieError,
        struct.error,
        OverflowError,
    ):  # the latter: a number too large to be written
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    with atomic_file(out) as temporary, temporary.open("wb") as file:
        file.write(new.head)
        for data in read_spans(path, [(span.start, span.length) for span in new.chunk_spans]):
            file.write(data)
    return TrimmedMovie(out, selection.frames, new.size)


def _parts(file: BinaryIO, index: MovieFile, frames: range) -> tuple[list[TrackPart], int, VideoSelection]:
    """Returns the new movie's tracks, the video first; its timescale; the selected video."""
    video, sounds, timescale = _tracks(index)
    presentation = compute_presentation(video)
    selection = select_video(video, presentation, frames, file)
    begin = Fraction(presentation.pts[selection.order[0]] - presentation.origin, video.timescale)
    end = Fraction(selection.over - presentation.origin, video.timescale)
    parts = [extract_video(video, presentation, selection)]
    parts += [part for sound in sounds if (part := extract_audio(sound, begin, end)) is not None]
    exact = math.lcm(*(part.track.timescale for part in parts))  # so that edit lists can say every time
    return parts, exact if exact < 1 << 31 else timescale, selection


def _tracks(index: MovieFile) -> tuple[Track, list[Track], int]:
    """Reads the video track, the sound tracks, and the movie's timescale."""
    boxes = child_boxes(index.moov)
    timescale = read_number(required_box(boxes, b"mvhd"))
    traks = [box.payload for box in boxes if box.kind == b"trak"]
    if any(box.kind in (b"mvex", b"cmov") for box in boxes) or len(traks) > MAX_TRACKS:
        raise UnsupportedMovieError("it is fragmented, packed, or has too many tracks")
    if not 1 <= timescale < 1 << 31:
        raise UnsupportedMovieError("its clock is wrong")
    handlers = [read_handler(trak) for trak in traks]
    if handlers.count(b"vide") != 1:
        raise UnsupportedMovieError("it has no video, or several")
    before = handlers[: handlers.index(b"vide")]
    if any(handler != b"soun" and handler not in NON_VIDEO_HANDLERS for handler in before):
        raise UnsupportedMovieError("another track may be taken for the video")
    video = read_track(traks[handlers.index(b"vide")], timescale, index.size)
    audible = [trak for trak, handler in zip(traks, handlers, strict=True) if handler == b"soun"]
    sounds = [read_track(trak, timescale, index.size) for trak in audible]
    # Chunks that overlap, or lie where there is no media, have wrong offsets or sizes.
    chunks = sorted(itertools.chain(index.other_spans, *(track.chunk_spans() for track in (video, *sounds))))
    if any(end > start for (_, end), (start, _) in itertools.pairwise(chunks)):
        raise UnsupportedMovieError("its chunks overlap")
    return video, sounds, timescale


def _check(new: NewMovie, selection: VideoSelection) -> None:
    """Reads the new movie box as if it were another's: it must show the selection."""
    video, _, _ = _tracks(MovieFile(new.size, b"", new.moov))
    presentation = compute_presentation(video)
    if presentation.order[: len(selection.order)] != [sample - selection.start for sample in selection.order]:
        raise UnsupportedMovieError("the part would show something else")

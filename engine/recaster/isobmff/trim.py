"""Parts of MP4 and MOV files, with the sound, text, timecode and data of the same time."""

from __future__ import annotations

import itertools
import math
import struct
from array import array
from dataclasses import dataclass, replace
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
from recaster.isobmff.sample_table import (
    Track,
    read_handler,
    read_media_duration,
    read_number,
    read_references,
    read_track,
)
from recaster.isobmff.selection import extract_audio, extract_video, select_video
from recaster.isobmff.side_tracks import (
    SIDE_HANDLERS,
    TIMECODE_FORMATS,
    copy_movie_boxes,
    extract_side_track,
    extract_timecode,
    pictures_per_timecode,
)

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.isobmff.movie_box import NewMovie
    from recaster.isobmff.selection import VideoSelection

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
    """Writes the part of an MP4 or MOV that holds some frames, and what stands around them.

    What the decoder needs before the first frame is there, and hidden by an edit list. The frames are the
    original's to the bit; sound, text and data keep their time to them within half a tick of their own clock.
    Timecode is moved, chapters are cut; dates, tags and all that describes tracks stay as they are.

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
            new, selection = _build_part(file, index, frames)
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


def _build_part(file: BinaryIO, index: MovieFile, frames: range) -> tuple[NewMovie, VideoSelection]:
    """Builds the movie that shows some frames; returns the selected samples of its video, too."""
    video, sounds, sides, timescale = _tracks(index)
    presentation = compute_presentation(video)
    unit = pictures_per_timecode(video, sides)
    selection = select_video(video, presentation, frames, file, unit)
    start = presentation.pts[selection.order[0]]
    begin = Fraction(start - presentation.origin, video.timescale)
    end = Fraction(selection.over - presentation.origin, video.timescale)
    parts = [extract_video(video, presentation, selection)]
    parts += [part for sound in sounds if (part := extract_audio(sound, begin, end)) is not None]
    exact = math.lcm(*(part.track.timescale for part in parts))  # so that edit lists can say every time
    offset = Fraction(start - presentation.pts[presentation.order[0]], video.timescale)
    for side in sides:
        if side.sample_format in TIMECODE_FORMATS:
            parts.append(extract_timecode(side, video, offset, end - begin, file))
        elif (part := extract_side_track(side, begin, end)) is not None:
            parts.append(part)
    boxes = child_boxes(index.moov)
    new = build_movie(
        index.ftyp,
        required_box(boxes, b"mvhd"),
        exact if exact < 1 << 31 else timescale,
        parts,
        copy_movie_boxes(boxes, begin, end),
    )
    return new, selection


def _tracks(index: MovieFile) -> tuple[Track, list[Track], list[Track], int]:
    """Reads the video track, the sound tracks, those of ``SIDE_HANDLERS``, and the movie's timescale."""
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
    chapters = itertools.chain.from_iterable(read_references(trak).get(b"chap", ()) for trak in traks)
    # Any track may refer to the chapters; the video is sure to be kept.
    video = replace(video, references={**video.references, b"chap": array("I", dict.fromkeys(chapters))})
    sounds = []
    sides = []
    for trak, handler in zip(traks, handlers, strict=True):
        if handler == b"soun":
            sounds.append(read_track(trak, timescale, index.size))
        elif handler in SIDE_HANDLERS and (handler == b"tmcd" or read_media_duration(trak)):
            sides.append(read_track(trak, timescale, index.size, has_empty_samples=True))
    # Chunks that overlap, or lie where there is no media, have wrong offsets or sizes.
    tracks = (video, *sounds, *sides)
    chunks = sorted(itertools.chain(index.other_spans, *(track.chunk_spans() for track in tracks)))
    if any(end > start for (_, end), (start, _) in itertools.pairwise(chunks)):
        raise UnsupportedMovieError("its chunks overlap")
    return video, sounds, sides, timescale


def _check(new: NewMovie, selection: VideoSelection) -> None:
    """Reads the new movie box as if it were another's: it must show the selection."""
    video, _, _, _ = _tracks(MovieFile(new.size, b"", new.moov))
    presentation = compute_presentation(video)
    if presentation.order[: len(selection.order)] != [sample - selection.start for sample in selection.order]:
        raise UnsupportedMovieError("the part would show something else")

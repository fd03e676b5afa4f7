"""Small movies for an engine, made without decoding: a part of an MP4 or MOV, and pictures as a MOV.

The format is ISO/IEC 14496-12 and Apple's QuickTime File Format. Samples are copied as they are; only the
index around them is new. What is shown of a track follows ffmpeg's reading of edit lists, since the engine
counts frames with it.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, Final

from recaster.client.movies.atoms import Index, UnclearError, children, index_of, needed, stretches, unpack
from recaster.client.movies.moov import new_movie
from recaster.client.movies.parts import part_of_sound, part_of_video, wanted
from recaster.client.movies.pictures import from_pictures
from recaster.client.movies.shown import shown
from recaster.client.movies.tracks import Track, handler_of, track_of
from recaster.errors import InputError
from recaster.files import atomic_file

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client.movies.moov import NewMovie
    from recaster.client.movies.parts import Part, Wanted

__all__ = ["Cut", "cut", "from_pictures"]

WORTH_IT: Final = Fraction(4, 5)
"""A part larger than this share of its file isn't cut out."""
MOST_TRACKS: Final = 64
BEFORE_VIDEO: Final = frozenset((b"tmcd", b"text", b"sbtl", b"subt", b"clcp", b"hint", b"sdsm", b"odsm"))
"""Tracks that ffmpeg can't take for the video."""


@dataclass(frozen=True)
class Cut:
    """A part of a movie.

    Attributes:
        out: the new file.
        frames: where the wanted frames are in it; it shows one more at each end where there is one.
        size: its bytes.
    """

    out: Path
    frames: range
    size: int


def cut(path: Path, frames: range, out: Path) -> Cut | None:
    """Write the part of an MP4 or MOV that holds some frames, and the sound over the same time.

    What the decoder needs before the first frame is there, and hidden by an edit list. The frames are the
    original's to the bit; sound keeps its time to them within half a tick of its own clock.

    Args:
        path: the movie.
        frames: indices of the frames as the engine counts them.
        out: the new file.

    Returns:
        None, and nothing is written, where the file isn't a plain movie whose frames can be counted without
        decoding, or the part would not be smaller than 80 % of it: use the whole file.

    Raises:
        InputError: the file can't be read.
        OutputError: ``out`` can't be written.
    """
    try:
        with path.open("rb") as file:
            index = index_of(file)
            parts, scale, what = _parts(file, index, frames)
            header = needed(index.moov, children(index.moov), b"mvhd")
            new = new_movie(index.brand, header, scale, parts)
            if new.size > WORTH_IT * index.size:
                return None
            _check(new, what)
            if out.exists() and path.samefile(out):
                raise InputError(f"{out}: is the movie itself; choose another file for the part")
    except UnclearError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    _write(path, new, out)
    return Cut(out, what.frames, new.size)


def _parts(file: BinaryIO, index: Index, frames: range) -> tuple[list[Part], int, Wanted]:
    """What of each track goes into the new movie, the video first; the new movie's clock."""
    video, sounds, scale = _tracks(index)
    seen = shown(video)
    what = wanted(video, seen, frames, file)
    begin = Fraction(seen.times[what.order[0]] - seen.origin, video.scale)
    end = Fraction(what.over - seen.origin, video.scale)
    parts = [part_of_video(video, seen, what)]
    parts += [found for sound in sounds if (found := part_of_sound(sound, begin, end)) is not None]
    exact = math.lcm(*(part.track.scale for part in parts))  # so that edit lists can say every time
    return parts, exact if exact < 1 << 31 else scale, what


def _tracks(index: Index) -> tuple[Track, list[Track], int]:
    """The video track, the sound tracks, and the movie's clock."""
    moov = index.moov
    atoms = children(moov)
    header = needed(moov, atoms, b"mvhd")
    (scale,) = unpack("20xI" if header[:1] == b"\1" else "12xI", header)
    traks = [moov[atom.start : atom.stop] for atom in atoms if atom.kind == b"trak"]
    if any(atom.kind in (b"mvex", b"cmov") for atom in atoms) or len(traks) > MOST_TRACKS:
        raise UnclearError("it is fragmented, packed, or has too many tracks")
    if not 1 <= scale < 1 << 31:
        raise UnclearError("its clock is wrong")
    handlers = [handler_of(trak) for trak in traks]
    if handlers.count(b"vide") != 1:
        raise UnclearError("it has no video, or several")
    before = handlers[: handlers.index(b"vide")]
    if any(handler != b"soun" and handler not in BEFORE_VIDEO for handler in before):
        raise UnclearError("another track may be taken for the video")
    video = track_of(traks[handlers.index(b"vide")], scale, index.size)
    sounds = [
        track_of(trak, scale, index.size)
        for trak, handler in zip(traks, handlers, strict=True)
        if handler == b"soun"
    ]
    _check_apart([video, *sounds], index)
    return video, sounds, scale


def _check_apart(tracks: list[Track], index: Index) -> None:
    """Places or sizes that are wrong make chunks overlap, or lie where there is no media."""
    chunks = sorted([*index.taken, *(chunk for track in tracks for chunk in track.stretches())])
    if any(end > start for (_, end), (start, _) in itertools.pairwise(chunks)):
        raise UnclearError("its chunks overlap")


def _check(new: NewMovie, what: Wanted) -> None:
    """Read the new index as if it were another's: it must show what is wanted."""
    video, _, _ = _tracks(Index(new.size, b"", new.moov))
    seen = shown(video)
    if seen.order[: len(what.order)] != [sample - what.start for sample in what.order]:
        raise UnclearError("the part would show something else")


def _write(path: Path, new: NewMovie, out: Path) -> None:
    with atomic_file(out) as temporary, temporary.open("wb") as file:
        file.write(new.head)
        for data in stretches(path, [(piece.start, piece.length) for piece in new.pieces]):
            file.write(data)

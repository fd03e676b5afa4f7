"""Reader of clips as timed RGB frames."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from recaster.errors import ClipError, UsageError
from recaster.media.colour_view import ColourView
from recaster.media.decoder import ClipDecoder, DecodedPicture, check_file
from recaster.media.lazy_frame import LazyFrame, PictureCropper
from recaster.media.picture import RgbConverter, deinterlace, read_presentation
from recaster.media.picture_frame import read_pictures
from recaster.media.probe import scan
from recaster.media.sequence_name import find_sequence
from recaster.media.types import Frame
from recaster.settings.reading import DEFAULT_READING, ReadOptions

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from recaster.media.types import Scan


def read_frames(
    path: Path,
    start: int = 0,
    stop: int | None = None,
    *,
    fast: bool = False,
    lazy: bool = False,
    options: ReadOptions = DEFAULT_READING,
) -> Iterator[Frame]:
    """Reads the frames of a clip as a person would see them, one at a time, in constant memory.

    Images are RGB, full range, upright, in square pixels. Colours follow the stream's tags; an
    untagged stream is bt709 when it is HD and smpte170m when smaller, limited range (what mpv does).
    HDR is shown in an sRGB view (``colour_view``). Interlaced frames are deinterlaced, one image
    for each. Alpha is dropped. Frames that do not decode are left out, as ``probe`` counts.

    A range is exact: its frames are those that a reading of the whole clip gives at these indices. It
    starts at a key frame where the container can seek; the first range of a clip needs one decoding
    pass over it (shared with ``probe``).

    Args:
        start: index of the first frame wanted.
        stop: index after the last one, or None for the rest of the clip.
        fast: convert colours in a tenth of the time, up to two levels too dark: to look at, not to paint on.
        lazy: convert a frame when its image, or part of it, is asked for; what comes of it is the same.
        options: what isn't as the files say.

    Raises:
        ClipError: the clip cannot be used.
        UsageError: ``start`` is negative or ``stop`` before it, or there is no such layer or colour space.
    """
    if start < 0 or (stop is not None and stop < start):
        raise UsageError(f"{path}: frames {start} to {stop} are not a range")
    sequence = find_sequence(Path(path), is_still=options.stills)
    if sequence is not None:
        return read_pictures(sequence, scan(path, options), start, stop, fast=fast)
    check_file(Path(path))
    return _read(Path(path), start, stop, fast=fast, lazy=lazy, view=find_named_view(options))


def find_named_view(options: ReadOptions) -> ColourView | None:
    """The view of the colour space that is named; None where none is (UsageError for a wrong one)."""
    return None if options.colour_space is None else ColourView.of_space(options.colour_space)


def read_indices(
    path: Path, indices: Sequence[int], options: ReadOptions = DEFAULT_READING
) -> Iterator[Frame]:
    """Reads the frames with these indices (ascending), as ``read_frames`` does, lazily.

    No part of the clip is decoded twice: reading begins anew only where a key frame lies between.
    """
    if not indices:
        return
    sequence = find_sequence(Path(path), is_still=options.stills)
    if sequence is not None:
        yield from read_pictures(sequence, scan(path, options), indices[0], indices[-1] + 1, set(indices))
        return
    view = find_named_view(options)
    keys = scan(path).seek_points
    wanted = set(indices)
    begin = indices[0]
    for index, following in zip(indices, [*indices[1:], None], strict=True):
        # A range is read from one frame before its first on.
        if following is None or ((keys > index + 1) & (keys < following)).any():
            check_file(path)
            yield from _read(path, begin, index + 1, wanted, lazy=True, view=view)
            begin = following if following is not None else begin


def find_cheap_indices(path: Path, options: ReadOptions = DEFAULT_READING) -> NDArray[np.int64]:
    """Finds the frames for which ``read_indices`` decodes at most two others: those after key frames.

    Of a sequence of pictures these are all.
    """
    if find_sequence(Path(path), is_still=options.stills) is not None:
        return scan(path, options).seek_points
    return scan(path).seek_points + 1


def _read(
    path: Path,
    start: int,
    stop: int | None,
    wanted: Container[int] | None = None,
    *,
    fast: bool = False,
    lazy: bool = False,
    view: ColourView | None = None,
) -> Iterator[Frame]:
    """Frames of a range; where ``wanted`` is given, only those (others are decoded, but not converted)."""
    seen = scan(path) if start > 0 else None
    if stop == start or (seen is not None and start >= len(seen.pts)):
        return
    begin = max(start - 1, 0)  # one more at each end: deinterlacing looks at the neighbours
    pictures = _decode_from_start(path, stop) if seen is None else _decode_from(begin, path, stop, seen)
    first: int | None = None if seen is None else int(seen.pts[0])
    converter: RgbConverter | None = None
    cropper = PictureCropper()
    for index, source, decoded in pictures:
        first = decoded.pts if first is None else first
        if index < start or (wanted is not None and index not in wanted):
            continue
        if converter is None:
            converter = RgbConverter(*read_presentation(decoded.picture, source), path, fast=fast, view=view)
        time = (decoded.pts - first) * source.time_base
        if lazy:
            yield LazyFrame(index, decoded.pts, time, decoded.picture, converter, cropper)
        else:
            yield Frame(index, decoded.pts, time, converter(decoded.picture))


Numbered = tuple[int, ClipDecoder, DecodedPicture]


def _decode_from_start(path: Path, stop: int | None) -> Iterator[Numbered]:
    with ClipDecoder(path) as source:
        yield from _number_pictures(source, source.decode(), 0, stop)


def _decode_from(begin: int, path: Path, stop: int | None, seen: Scan) -> Iterator[Numbered]:
    """Frames from an index: from the key frame before it, else from the start of the clip."""
    expected = seen.pts[begin:]
    before = seen.seek_points[seen.seek_points <= begin].tolist()
    for key in [*before[-1:], 0]:
        with ClipDecoder(path) as source:
            if key > 0:
                source.seek(int(seen.pts[key]))
            pictures = source.decode()
            head = next((decoded for decoded in pictures if decoded.pts >= expected[0]), None)
            if head is None or head.pts != expected[0]:
                continue  # the seek went too far
            pictures = _check_times(itertools.chain([head], pictures), expected, begin, path)
            yield from _number_pictures(source, pictures, begin, stop)
            return
    raise ClipError(f"{path}: frame {begin} cannot be found again; did the file change?")


def _number_pictures(
    source: ClipDecoder, pictures: Iterator[DecodedPicture], begin: int, stop: int | None
) -> Iterator[Numbered]:
    count = None if stop is None else stop - begin
    if count is not None:  # one more is decoded: deinterlacing looks at the neighbours
        pictures = itertools.islice(pictures, count + 1)
    for index, decoded in enumerate(itertools.islice(deinterlace(pictures, source.time_base), count), begin):
        yield index, source, decoded


def _check_times(
    pictures: Iterator[DecodedPicture], expected: NDArray[np.int64], begin: int, path: Path
) -> Iterator[DecodedPicture]:
    for index, decoded in enumerate(pictures):
        if index >= len(expected) or decoded.pts != expected[index]:
            raise ClipError(f"{path}: frame {begin + index} is not where it was; did the file change?")
        yield decoded

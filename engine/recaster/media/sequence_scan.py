"""Facts about a sequence of pictures, found by reading the headers of all of them."""

from __future__ import annotations

import functools
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import ClipError
from recaster.media import picture_header
from recaster.media.colour_tags import HDR_TRANSFERS, describe_hdr
from recaster.media.picture_file import PICTURE_FORMATS, read_header
from recaster.media.picture_layer import choose_layer
from recaster.media.remote_files import stat_file
from recaster.media.still_file import has_further_pictures
from recaster.media.types import ClipInfo, Scan
from recaster.progress import step
from recaster.settings.reading import DEFAULT_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recaster.media.picture_file import PicturePart
    from recaster.media.picture_layer import PictureLayer
    from recaster.media.sequence_name import SequenceName
    from recaster.media.types import Shape
    from recaster.settings.reading import ReadOptions

READERS: Final = 4
"""Threads that read files: they mostly wait for disks and networks."""
MAX_NAMED_GAPS: Final = 5
_KEPT_SCANS: Final = 64
_FURTHER_PICTURES: Final = (
    "holds further pictures behind its first (another view, or a map of depth or gain), which are left out: "
    "the first is used"
)
_PIXEL_FORMATS: Final = {
    "uint8": ("rgb24", "rgba", 8),
    "uint16": ("rgb48le", "rgba64le", 16),
    "float16": ("rgbf16le", "rgbaf16le", 16),
    "float32": ("rgbf32le", "rgbaf32le", 32),
}
"""FFmpeg's names, without alpha and with it, and the bits of a component, by numpy's types."""


def scan_sequence(sequence: SequenceName, options: ReadOptions) -> Scan:
    """Reads all headers of a sequence; the result is kept while its files stay the same.

    Raises:
        ClipError: a header can't be read, or a picture is unlike the first.
        UsageError: the layer isn't there, or has to be named.
    """
    return _scan(sequence, stat_pictures(sequence), options)


def stat_pictures(sequence: SequenceName) -> tuple[tuple[int, int, int], ...]:
    """Lists number, time of change in ns, and bytes of all pictures (ClipError where one is gone)."""
    try:
        stats = [(number, *stat_file(sequence.picture_path(number))) for number in sequence.find_numbers()]
    except OSError as error:
        path = error.filename or sequence.path  # a link to nothing, say
        raise ClipError(f"{path}: cannot be read ({error.strerror})") from error
    return tuple(stats)


@functools.lru_cache(maxsize=_KEPT_SCANS)
def _scan(sequence: SequenceName, stats: tuple[tuple[int, int, int], ...], options: ReadOptions) -> Scan:
    numbers = [number for number, _, _ in stats]
    paths = [sequence.picture_path(number) for number in numbers]
    if not numbers:
        raise ClipError(f"{sequence.path}: there is no such picture")
    empty = next((path for path, (_, _, size) in zip(paths, stats, strict=True) if size == 0), None)
    if empty is not None:
        raise ClipError(f"{empty}: the file is empty (0 bytes); copy or render it again")
    with ThreadPoolExecutor(READERS) as pool:
        headers = zip(paths, pool.map(read_header, paths), strict=True)
        path, parts = next(headers)
        layer = choose_layer(path, parts, options.layer)
        if layer.dtype not in _PIXEL_FORMATS:
            raise ClipError(
                f"{path}: values of 32-bit integers cannot be used; convert them to 16-bit integers or floats"
            )
        info = _build_info(sequence, numbers, parts, layer, options)
        _check_alike(headers, info.shape, layer, options)
    pts = np.array(numbers, np.int64) - numbers[0]
    return Scan(info, pts, np.arange(len(numbers), dtype=np.int64), ())


def _check_alike(
    headers: Iterator[tuple[Path, tuple[PicturePart, ...]]],
    shape: Shape,
    layer: PictureLayer,
    options: ReadOptions,
) -> None:
    """Refuses a picture of another shape, or of other channels, than the first (ClipError)."""
    for path, parts in headers:
        part = parts[layer.part] if layer.part < len(parts) else parts[0]
        size = picture_header.read_picture_shape(part, picture_header.read_attributes(part))
        if size != shape:
            raise ClipError(
                f"{path}: is {size.width}x{size.height}, and the sequence begins with "
                f"{shape.width}x{shape.height}; give sequences of one size and shape"
            )
        if choose_layer(path, parts, options.layer) != layer:
            raise ClipError(
                f"{path}: has other channels, values of another type, or colours multiplied by alpha "
                "otherwise, than the first picture"
            )
        step()


def _build_info(
    sequence: SequenceName,
    numbers: Sequence[int],
    parts: Sequence[PicturePart],
    layer: PictureLayer,
    options: ReadOptions,
) -> ClipInfo:
    part = parts[layer.part]
    header = picture_header.read_attributes(part)
    stated = picture_header.read_rate(header)
    rate = options.rate or stated or DEFAULT_RATE
    shape = picture_header.read_picture_shape(part, header)
    first_path = sequence.picture_path(numbers[0])
    colour, view = picture_header.read_colours(first_path, layer, header, options.colour_space)
    opaque, transparent, bits = _PIXEL_FORMATS[layer.dtype]
    if layer.dtype == "uint16":
        bits = int(header.get("oiio:BitsPerSample", bits))
    gaps = find_gaps(numbers)
    warnings = _describe_gaps(gaps) + _describe_similar(sequence)
    if options.rate is not None and stated not in (None, rate):
        warnings.append(
            f"its header says {float(stated or 0):.6g} frames/s, and {float(rate):.6g} was asked for"
        )
    warnings += [f"ignored: {what}" for what in shape.ignored]
    warnings += picture_header.list_header_warnings(header, layer, options.colour_space)
    warnings += [_FURTHER_PICTURES] if has_further_pictures(first_path) else []
    if colour.transfer in HDR_TRANSFERS:
        warnings.append(describe_hdr(colour.transfer))
    return ClipInfo(
        path=sequence.path,
        shape=shape,
        frame_count=len(numbers),
        rate=rate,
        variable=bool(gaps),
        duration=(numbers[-1] - numbers[0] + 1) / rate,
        time_base=1 / rate,
        codec=PICTURE_FORMATS[sequence.suffix.lower()],
        pixel_format=opaque if layer.alpha is None else transparent,
        bit_depth=bits,
        interlaced=False,
        colour=colour,
        metadata=picture_header.read_sequence_metadata(header, rate),
        has_alpha=layer.alpha is not None,
        warnings=tuple(warnings),
        first_number=numbers[0],
        gaps=gaps,
        layer=layer.name,
        view=view,
        reading=options,
    )


def find_gaps(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Finds the first and the last of numbers that are missing between others, in ascending order."""
    steps = itertools.pairwise(numbers)
    return tuple((before + 1, after - 1) for before, after in steps if after > before + 1)


def _describe_gaps(gaps: Sequence[tuple[int, int]]) -> list[str]:
    if not gaps:
        return []
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in gaps[:MAX_NAMED_GAPS]]
    if len(gaps) > MAX_NAMED_GAPS:
        shown.append(f"{sum(last - first + 1 for first, last in gaps[MAX_NAMED_GAPS:])} more")
    is_single = len(gaps) == 1 and gaps[0][0] == gaps[0][1]
    words = f"frame {shown[0]} is" if is_single else f"frames {', '.join(shown)} are"
    return [f"{words} missing: the picture before stays on the screen in a movie"]


def _describe_similar(sequence: SequenceName) -> list[str]:
    similar = sequence.find_similar()
    if not similar:
        return []
    more = f" and {len(similar) - MAX_NAMED_GAPS} more" if len(similar) > MAX_NAMED_GAPS else ""
    names = ", ".join(similar[:MAX_NAMED_GAPS])
    return [f"passed over, since they aren't called {sequence.path.name}: {names}{more}"]

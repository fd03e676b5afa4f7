"""Pictures of rendered segments, brought to their places, and what such a sequence cannot hold of a clip."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from recaster.errors import OutputError
from recaster.files import atomic_file, sha256, sync, write_error
from recaster.media.colour_tags import HDR_TRANSFERS
from recaster.media.encoders import ENCODERS, find_codec_losses, keeps_alpha
from recaster.media.picture_file import count_passed_over, read_header
from recaster.media.picture_layer import choose_layer
from recaster.media.sequence_name import SequenceName
from recaster.progress import step
from recaster.settings.formats import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recaster.media.types import ClipInfo
    from recaster.settings.encoding import WriterOptions


MAX_NAMED: Final = 6
"""Channels that are named."""
WIDE_PRIMARIES: Final = ("bt2020", "smpte431", "smpte432")
DATED_CODECS: Final = ("exr", "dpx", "tiff")
"""Codecs of pictures that say when they were taken."""


_TYPES_BY_FORMAT: Final = {
    "rgb24": "uint8", "rgba": "uint8", "rgb48le": "uint16", "rgba64le": "uint16", "rgbf16le": "half",
    "rgbaf16le": "half", "rgbf32le": "float", "rgbaf32le": "float",
}  # fmt: skip
"""Types of samples of sequences by their pixel formats."""


def list_numbers(info: ClipInfo, frames: range) -> list[int]:
    """Lists the numbers of pictures that hold frames of a clip: its own, or from 1 for a movie's first."""
    first = 1 if info.first_number is None else info.first_number
    numbers: list[int] = []
    for gap_first, gap_last in info.gaps:
        numbers += range(first, gap_first)
        first = gap_last + 1
    numbers += range(first, first + info.frame_count - len(numbers))
    return numbers[frames.start : frames.stop]


def list_places(out: Path, info: ClipInfo, frames: range) -> list[Path]:
    """Lists where the pictures of a result are; of a movie, its file."""
    sequence = SequenceName.parse(out)
    if sequence is None:
        return [out]
    return [sequence.picture_path(number) for number in list_numbers(info, frames)]


def gather_pictures(folders: Sequence[Path], expected: int) -> list[Path]:
    """Lists the pictures of segments in order.

    Raises:
        OutputError: there aren't as many as expected.
    """
    try:
        pictures = [path for folder in folders for path in sorted(folder.iterdir())]
    except OSError as error:
        raise OutputError(f"{error.filename}: cannot be read ({error.strerror}); render it again") from error
    if len(pictures) != expected:
        raise OutputError(
            f"the segments hold {len(pictures)} pictures, but {expected} belong there; render them again"
        )
    return pictures


def place_pictures(pictures: Sequence[Path], places: Sequence[Path], *, are_kept: bool = False) -> None:
    """Puts pictures at their places, each at once, in place of what is there; they stay where they are, too.

    Both names are of one file where the disk can do that; so whoever was stopped begins anew.

    Args:
        are_kept: whether they stay for long; then they are copied, as places may be edited.

    Raises:
        OutputError: a folder cannot be written.
    """
    for picture, place in zip(pictures, places, strict=True):
        step()
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if are_kept or not _link_over(picture, place):
                with atomic_file(place) as temporary:
                    shutil.copyfile(picture, temporary)
        except OSError as error:
            raise write_error(place, error) from error
    for folder in {place.parent for place in places}:
        sync(folder)


def refuse_changed(pictures: Sequence[Path], places: Sequence[Path], digests: Mapping[str, str]) -> None:
    """Refuses pictures that a stopped run put at their places, where somebody changed them since.

    Args:
        digests: SHA-256, hex, of the pictures by the names of their places, as they were put there.

    Raises:
        OutputError: one was changed.
    """
    for picture, place in zip(pictures, places, strict=True):
        is_placed = place.exists() and place.samefile(picture)
        if is_placed and digests.get(place.name) != sha256(picture):
            raise OutputError(
                f"{place}: was changed after its swap was stopped, and so was what is kept of it in "
                f"{picture.parent.parent.name}; remove that folder and run the same command again"
            )


def _link_over(picture: Path, place: Path) -> bool:
    """Makes a place another name of a picture; tells whether the disk can do that."""
    if place.exists() and place.samefile(picture):
        return True
    temporary = place.with_name(f".{place.stem}.placed{place.suffix}")
    try:
        temporary.unlink(missing_ok=True)  # of a run that was stopped here
        temporary.hardlink_to(picture)
    except OSError:
        return False
    try:
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def describe_picture_losses(out: Path, info: ClipInfo, options: WriterOptions) -> tuple[str, ...]:
    """Describes what of a clip a sequence of pictures cannot hold: a sentence, or none."""
    codec = ENCODERS[options.codec]
    metadata = info.metadata
    counts = {
        "sound": len(info.audio),
        **{
            kind: sum(stream.kind == kind for stream in info.side_streams)
            for kind in ("subtitle", "data", "attachment", "cover")
        },
    }
    lost = [f"{count} {kind} stream{'s' if count > 1 else ''}" for kind, count in counts.items() if count]
    lost += list_lost_parts(info, options)
    if metadata.chapters:
        lost.append(f"{len(metadata.chapters)} chapters")
    tags = {*metadata.tags, *metadata.picture_tags} - {"language"}
    if options.codec in DATED_CODECS:
        tags -= {"creation_time"}
    if tags and not keeps_files(info, options) and not info.reading.stills:
        lost.append(f"tags ({', '.join(sorted(tags))})")
    if info.variable and not info.is_sequence:
        lost.append("the times of its frames, which aren't even")
    if not codec.holds_times and not keeps_files(info, options) and not info.reading.stills:
        lost.append(f"the rate of {float(info.rate):.6g} frames/s")
        lost += ["timecode"] if metadata.timecode is not None else []
    if options.codec != "exr" and metadata.reel is not None and not keeps_files(info, options):
        lost.append("reel")
    if info.has_alpha and not keeps_alpha(info, options):
        lost.append("transparency")
    lost += _describe_lost_tags(info, options)
    lost += find_codec_losses(out, info, options)
    return (f"{out.name} cannot hold of the clip: {'; '.join(lost)}",) if lost else ()


def _describe_lost_tags(info: ClipInfo, options: WriterOptions) -> list[str]:
    """Describes colour tags without which a picture is taken for another: PQ, HLG, wide primaries."""
    primaries, transfer = info.colour.primaries, info.colour.transfer
    is_tagged = options.codec == "png" and primaries is not None and transfer is not None
    if is_tagged or options.codec == "exr" or keeps_files(info, options):
        return []
    tags = [HDR_TRANSFERS[transfer]] if transfer in HDR_TRANSFERS else []
    tags += [primaries] if primaries in WIDE_PRIMARIES else []
    return [f"colour tags ({', '.join(tags)})"] if tags else []


def keeps_files(info: ClipInfo, options: WriterOptions) -> bool:
    """Tells whether a result's pictures are a sequence's own, painted over: same kind, size and samples."""
    own = "uint10" if info.bit_depth == 10 else _TYPES_BY_FORMAT.get(info.pixel_format)
    is_same_kind = info.is_sequence and info.path.suffix.lower() in SUFFIXES[options.codec]
    is_as_stored = not options.square_pixels or info.shape.is_plain
    return is_same_kind and is_as_stored and options.pixel_format in (None, own)


def list_lost_parts(info: ClipInfo, options: WriterOptions) -> list[str]:
    """Lists what a result lacks of a sequence's pictures, their other channels and pages, as texts."""
    if not info.is_sequence:
        return []
    sequence = SequenceName.parse(info.path)
    first = info.path if sequence is None else sequence.picture_path(info.first_number or 0)
    parts = read_header(first)
    pages = count_passed_over(first)
    lost = [f"{pages} more page{'s' if pages > 1 else ''} of each picture"] if pages else []
    if keeps_files(info, options):
        # OpenImageIO reads and writes channels of several types as floats.
        rounded = [
            channel
            for part in parts
            for channel, kind in zip(part.channels, part.types, strict=False)
            if kind == "uint"
        ]
        return lost + ([f"channels {_name_some(rounded)} beyond 24 bits"] if rounded else [])
    layer = choose_layer(first, parts, info.reading.layer)
    seen = {(layer.part, place) for place in (*layer.colours, layer.alpha)}
    names = [
        channel
        for number, part in enumerate(parts)
        for place, channel in enumerate(part.channels)
        if (number, place) not in seen
    ]
    return lost + ([f"channels {_name_some(names)}"] if names else [])


def _name_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"

"""Sentences on what is wrong with a clip or will be lost of it, for ``scan``."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from av.sidedata.sidedata import Type

from recaster.media.colour_tags import HDR_TRANSFERS, describe_hdr
from recaster.media.decoder import list_copyable_sounds
from recaster.media.hdr_metadata import read_hdr_metadata
from recaster.media.picture import has_alpha

if TYPE_CHECKING:
    from recaster.media.decoder import ClipDecoder, Damage
    from recaster.media.timeline import Timeline
    from recaster.media.types import ColourTags, Shape

END_TOLERANCE_S: Final = Fraction(1, 2)
"""A file may end before the end that it announces by so much without a warning."""
SIDE_DATA: Final = {
    "DYNAMIC_HDR_PLUS": "HDR10+ data",
    "DYNAMIC_HDR_VIVID": "HDR Vivid data",
    "DOVI_METADATA": "Dolby Vision data",
    "DOVI_RPU_BUFFER": "Dolby Vision data",
    "A53_CC": "closed captions in the picture",
    "ICC_PROFILE": "an ICC profile",
    "SPHERICAL": "its spherical projection",
    "STEREO3D": "its stereoscopic layout",
}
"""Data of pictures that describe other pictures than a result's, or that no encoder here writes."""


def list_warnings(
    source: ClipDecoder,
    first: Any,
    count: int,
    end: Fraction,
    presentation: tuple[Shape, ColourTags],
    *,
    interlaced: bool,
) -> tuple[str, ...]:
    """Lists what a pass over a clip survived, and what of the clip no result keeps.

    ``first`` is its first picture as it was decoded, of ``count``; the last one ends at ``end`` seconds.
    """
    return (
        *_damage_warnings(source, count, end),
        *_sound_warnings(source),
        *_stream_warnings(source, first),
        *_picture_warnings(source.damage, *presentation, interlaced=interlaced),
    )


def _damage_warnings(source: ClipDecoder, count: int, video_end: Fraction) -> list[str]:
    damage = source.damage
    warnings = []
    missing = _describe_missing_end(source, video_end)
    if damage.cut_off is not None or missing is not None:
        warnings.append(
            f"cut off: only {missing or _format_seconds(video_end)} could be read ({count} frames decode)"
        )
    if damage.undecodable:
        warnings.append(f"damaged: {damage.undecodable} packets could not be decoded ({count} frames decode)")
    if damage.first_corrupt is not None:
        warnings.append(f"damaged: pictures are broken from frame {damage.first_corrupt} on")
    return warnings + _time_warnings(source.timeline)


def _time_warnings(timeline: Timeline) -> list[str]:
    warnings = []
    if timeline.jumps:
        times = "once" if len(timeline.jumps) == 1 else f"{len(timeline.jumps)} times"
        warnings.append(
            f"its clock jumps {times}; what follows a jump is placed right after what is before it"
        )
    if timeline.made_from is not None:
        rate = f"{float(timeline.made_from):.6g}"
        warnings.append(f"it holds frames without times; they are placed at {rate} frames/s")
    if timeline.repaired:
        warnings.append(f"{timeline.repaired} frames had no usable time and follow the one before")
    return warnings


def _describe_missing_end(source: ClipDecoder, video_end: Fraction) -> str | None:
    """Describes how much of the announced length was there; None for all of it, or if none is announced."""
    spans = [span for index in source.damage.sounds if (span := source.find_sound_span(index)) is not None]
    end = max([video_end, *(span[1] for span in spans)])
    announced = source.container.duration
    if announced is None or source.timeline.jumps:  # after a jump, the announced end is another clock's
        return None
    length = Fraction(announced, 1_000_000)  # from zero in some formats, from the start in others
    begin = Fraction(min(source.container.start_time or 0, 0), 1_000_000)
    if length - (end - begin) <= END_TOLERANCE_S:
        return None
    return f"{_format_seconds(end - begin)} of the {_format_seconds(length)} that it announces"


def _format_seconds(length: Fraction) -> str:
    return f"{float(length):.2f} s"


def _sound_warnings(source: ClipDecoder) -> list[str]:
    unknown = len(source.container.streams.audio) - len(list_copyable_sounds(source.container))
    if unknown == 0:
        return []
    tracks = "1 sound track has" if unknown == 1 else f"{unknown} sound tracks have"
    return [f"{tracks} an unknown format and will be missing in results"]


def _stream_warnings(source: ClipDecoder, picture: Any) -> list[str]:
    warnings = []
    others = [_describe_stream(stream) for stream in source.other_streams]
    if others:
        warnings.append(
            f"picture stream {source.stream.index} is used; others are left out: {', '.join(others)}"
        )
    dropped = _list_unkept(source, picture)
    if dropped:
        warnings.append(f"results don't keep: {', '.join(dropped)}")
    return warnings


def _picture_warnings(damage: Damage, shape: Shape, colour: ColourTags, *, interlaced: bool) -> list[str]:
    warnings = []
    if len({layout[:2] for layout in damage.layouts}) > 1:
        warnings.append(f"the picture size changes; every frame is scaled to {shape.width}x{shape.height}")
    if len({layout[2] for layout in damage.layouts}) > 1:
        warnings.append("the pixel format changes; every frame is brought to that of the first")
    warnings += [f"ignored: {what}" for what in shape.ignored]
    if shape.mirrored:
        warnings.append("stored mirrored; read as a player shows it")
    if interlaced:
        warnings.append("interlaced: each frame is deinterlaced to one picture")
    if colour.transfer in HDR_TRANSFERS:
        warnings.append(describe_hdr(colour.transfer))
    return warnings


def _describe_stream(stream: Any) -> str:
    """A video stream in words: its number, size and codec."""
    context = stream.codec_context
    return f"stream {stream.index} ({context.width}x{context.height} {context.codec.canonical_name})"


def _list_unkept(source: ClipDecoder, picture: Any) -> tuple[str, ...]:
    """Names the data of a picture that no result keeps, in words."""
    named = [SIDE_DATA["ICC_PROFILE"]] if source.has_png_profile else []
    named += [words for name, words in SIDE_DATA.items() if _has_side_data(picture, name)]
    hdr = read_hdr_metadata(picture)
    if _has_side_data(picture, "MASTERING_DISPLAY_METADATA") and (hdr is None or hdr.display is None):
        named.append("incomplete HDR10 mastering data")
    if _has_side_data(picture, "CONTENT_LIGHT_LEVEL") and (hdr is None or hdr.light is None):
        named.append("HDR10 light levels that make no sense")
    tags = source.stream.metadata
    if tags.get("ALPHA_MODE", tags.get("alpha_mode")) == "1" and not has_alpha(picture):
        named.append("transparency beside the picture (VP8, VP9)")
    return tuple(dict.fromkeys(named))


def _has_side_data(picture: Any, name: str) -> bool:
    kind = getattr(Type, name, None)  # FFmpeg's younger kinds are unknown to older builds
    return kind is not None and picture.side_data.get(kind) is not None

"""Contents of a clip beside its picture and sound: results don't keep them, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from av.sidedata.sidedata import Type

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS: Final = {"subtitle": "subtitle track", "attachment": "attachment"}
TAGS: Final = {
    "timecode": "timecode",
    "reel_name": "reel",
    "creation_time": "date",
    "com.apple.quicktime.creationdate": "date",
}
"""Metadata that an edit relies on, by FFmpeg's keys."""
SIDE_DATA: Final = {
    "MASTERING_DISPLAY_METADATA": "HDR10 mastering data",
    "CONTENT_LIGHT_LEVEL": "HDR10 light levels",
    "DYNAMIC_HDR_PLUS": "HDR10+ data",
    "DOVI_METADATA": "Dolby Vision data",
    "S12M_TIMECODE": "timecode in the picture stream",
}


def list_unkept(container: Any, stream: Any, picture: Any) -> tuple[str, ...]:
    """Names what a clip holds and no result keeps, in words.

    Args:
        container: the opened clip.
        stream: of its picture.
        picture: its first one, as it was decoded.
    """
    others = [other for other in container.streams if other.index != stream.index]
    named = [*_describe_tags([container, *container.streams]), *_count_streams(others)]
    chapters = len(container.chapters())
    if chapters:
        named.append(_plural(chapters, "chapter"))
    named += [words for name, words in SIDE_DATA.items() if _has_side_data(picture, name)]
    if any(component.is_alpha for component in picture.format.components):
        named.append("transparency")
    return tuple(dict.fromkeys(named))


def _describe_tags(holders: Iterable[Any]) -> list[str]:
    tags = []
    for holder in holders:
        for key, text in holder.metadata.items():
            if key.lower() in TAGS and text:
                tags.append(f"{TAGS[key.lower()]} {text}")
    return tags


def _count_streams(streams: Iterable[Any]) -> list[str]:
    kinds = [stream.type for stream in streams if stream.type in KINDS]
    return [_plural(kinds.count(kind), KINDS[kind]) for kind in KINDS if kind in kinds]


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _has_side_data(picture: Any, name: str) -> bool:
    kind = getattr(Type, name, None)  # FFmpeg's younger kinds are unknown to older builds
    return kind is not None and picture.side_data.get(kind) is not None

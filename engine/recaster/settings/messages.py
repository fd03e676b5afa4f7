"""Options in requests: a message's fields, where they are set, are the options of the same names.

Messages are only asked for their fields, so nothing of protobuf is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from recaster.settings.anonymise import AnonymiseSettings
from recaster.settings.choices import Bounds
from recaster.settings.corrections import ANGLE_BOUNDS_DEG, PLACE_BOUNDS_PX
from recaster.settings.devices import DeviceSettings
from recaster.settings.extract import ExtractSettings
from recaster.settings.options import NOTHING, Option, options_of, own_options, parts_of
from recaster.settings.swap import FRAME_BOUNDS, PreviewSettings, SwapSettings
from recaster.settings.train import Schedule, TrainSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

S = TypeVar("S")

MAX_SHOWN_FRAMES: Final = 100
"""Frames whose points one request asks for."""

NUMBER_BOUNDS = {
    each.wire: each.bounds
    for kind in (
        SwapSettings,
        AnonymiseSettings,
        PreviewSettings,
        ExtractSettings,
        Schedule,
        TrainSettings,
        DeviceSettings,
    )
    for each in options_of(kind)
    if each.bounds is not None
}
NUMBER_BOUNDS |= dict.fromkeys(("other", "index", "points_first", "person_number"), FRAME_BOUNDS)
NUMBER_BOUNDS |= dict.fromkeys(("left", "top", "width", "height", "x", "y", "z"), PLACE_BOUNDS_PX)
NUMBER_BOUNDS |= {"angle": ANGLE_BOUNDS_DEG, "points_count": Bounds(0, MAX_SHOWN_FRAMES)}
"""Of every number in the options of a request, by its field's name."""


def settings_from(kind: type[S], message: Any, **others: Any) -> S:
    """Builds settings from those fields of a message that are set; the rest keeps the defaults.

    Args:
        kind: a dataclass of options; the message's fields are called as these are on the wire.
        message: fields that are no options are left alone.
        others: fields that the message doesn't hold as they are wanted.

    Raises:
        UsageError: a value that there isn't.
    """
    known = message.DESCRIPTOR.fields_by_name
    values = {
        each.name: _read_field(message, each)
        for each in own_options(kind)
        if each.name not in others and each.wire in known and _is_set(message, each)
    }
    parts = {name: settings_from(part, message) for name, part in parts_of(kind).items()}
    return kind(**{**values, **parts, **others})


def _is_set(message: Any, option: Option) -> bool:
    """True if a message has an option's field; a list that is empty isn't set."""
    return bool(getattr(message, option.wire)) if _is_list(option) else message.HasField(option.wire)


def _read_field(message: Any, option: Option) -> Any:
    value = getattr(message, option.wire)
    return read_names(value) if _is_list(option) else value


def read_names(names: Iterable[str]) -> tuple[str, ...]:
    """Reads a list of names of a message, in which an empty list would say nothing."""
    found = tuple(names)
    return () if found == (NOTHING,) else found


def _is_list(option: Option) -> bool:
    return bool(option.hint == tuple[str, ...])

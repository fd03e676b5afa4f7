"""Presets as they stand in ``model.json``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from recaster.errors import ModelError, UsageError
from recaster.models.presets import (
    Augmentation,
    GuidedNetwork,
    Losses,
    PairwiseNetwork,
    Preset,
    check_preset,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def to_json(preset: Preset) -> dict[str, Any]:
    """Converts a preset to values that JSON can hold; ``from_json`` reads them back."""
    return {"family": preset.family, **dataclasses.asdict(preset)}


def from_json(value: Mapping[str, Any]) -> Preset:
    """Reads the preset that ``to_json`` wrote.

    Raises:
        ModelError: a field is missing, unknown, of the wrong type, or has an impossible value.
    """
    values = dict(value)
    family = values.pop("family", None)
    if family not in ("pairwise", "guided"):
        raise ModelError(f"the preset's family is {family!r}; expected pairwise or guided")
    kinds = {
        "network": PairwiseNetwork if family == "pairwise" else GuidedNetwork,
        "augmentation": Augmentation,
        "losses": Losses,
    }
    groups = {name: _read_group(kind, values.pop(name, None), name) for name, kind in kinds.items()}
    result: Preset = _read_group(Preset, values, "preset", **groups)
    try:
        check_preset(result)
    except UsageError as error:
        raise ModelError(str(error)) from None
    return result


def _read_group(kind: type[Any], values: Any, what: str, **given: Any) -> Any:
    if not isinstance(values, dict):
        raise ModelError(f"the preset's {what} is missing or not an object")
    hints = get_type_hints(kind)
    expected = {item.name for item in dataclasses.fields(kind)} - given.keys()
    if wrong := sorted(expected ^ values.keys()):
        raise ModelError(f"the preset's {what} has missing or unknown fields: {', '.join(wrong)}")
    read = {name: _require_type(values[name], hints[name], name) for name in expected}
    return kind(**read, **given)


def _require_type(value: Any, hint: Any, name: str) -> Any:
    """Checks that a value is of its type: bool, int, float, str, one of some strings, or ints."""
    if get_origin(hint) is Literal:
        good = value in get_args(hint)
    elif get_origin(hint) is tuple:
        good = isinstance(value, list | tuple) and all(type(item) is int for item in value)
        value = tuple(value) if good else value
    elif hint is float:
        good = type(value) in (int, float)
        value = float(value) if good else value
    else:
        good = type(value) is hint
    if not good:
        raise ModelError(f"the preset's {name} cannot be {value!r}")
    return value

"""Variants of a training benchmark: presets, each perhaps with some options changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import UsageError
from recaster.models.presets import Preset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


AT_ONCE: Final = "at-once"
"""The variant without any training: the source's own pixels, warped."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Variant:
    """One variant of the comparison.

    Attributes:
        preset: the preset with its options changed; None for the swap without training.
        base: name of the preset that was changed; "" without training.
        flags: the changes, as ``recaster train`` would be given them.
    """

    name: str
    preset: Preset | None = None
    base: str = ""
    flags: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"variant {self.name!r}: a name is made of letters, digits, dots and dashes, as it becomes "
                'a folder: "NAME: PRESET --flag value"'
            )
        if (self.preset is None) != (self.name == AT_ONCE):
            raise UsageError(f"{AT_ONCE} is the swap without training: it takes no preset and no flags")

    @property
    def sides(self) -> int:
        """Identities in each step's batch: two for pairwise presets, one for guided ones."""
        return 2 if self.preset is not None and self.preset.family == "pairwise" else 1

    def as_json(self) -> dict[str, Any]:
        """Converts to plain JSON values."""
        preset = None if self.preset is None else self.preset.to_json()
        return {"name": self.name, "preset": preset, "base": self.base, "flags": self.flags}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Variant:
        """Reads a variant that ``as_json`` wrote."""
        preset = None if value["preset"] is None else Preset.from_json(value["preset"])
        return cls(value["name"], preset, value["base"], value["flags"])


def split_variant(text: str) -> tuple[str, str, str]:
    """Splits ``"name: preset --flag value"`` into its three parts; a preset alone is its own name.

    Raises:
        UsageError: a preset with flags but without a name.
    """
    name, colon, rest = text.partition(":")
    words = (rest if colon else text).split(maxsplit=1)
    if not words:
        raise UsageError(f'variant {text!r}: names no preset: "NAME: PRESET --flag value"')
    flags = words[1] if len(words) == 2 else ""
    if flags and not colon:
        raise UsageError(f'variant {text!r}: give what differs from a preset a name: "NAME: {text}"')
    return (name.strip() if colon else words[0]), words[0], flags


def check_names(variants: Sequence[Variant]) -> None:
    """Refuses two variants of one name, and none at all (UsageError)."""
    names = [variant.name.lower() for variant in variants]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"two variants are called {min(twice)}: give each its own name")
    if not names:
        raise UsageError("name at least one variant, such as guided-128")

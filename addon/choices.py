# SPDX-License-Identifier: GPL-3.0-or-later
"""What is chosen for a swap, as plain data and as the engine's options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .properties import CHOICES

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client


@dataclass(frozen=True)
class Choice:
    """How a strip is to be swapped, as plain data for threads; see ``StripSettings``."""

    face: str
    person: str
    everyone: bool
    mask: str
    feather: float
    erode: float
    colour: str
    smoothing: str
    codec: str
    label: str
    label_language: str

    @classmethod
    def of(cls, strip: Any) -> Choice:
        """What is chosen on a strip."""
        chosen = strip.recaster
        person = bpy.path.abspath(chosen.person) if chosen.person and not chosen.everyone else ""
        return cls(
            chosen.face, person, chosen.everyone, chosen.mask, chosen.feather, chosen.erode, chosen.colour,
            chosen.smoothing, chosen.codec, chosen.label, chosen.label_language,
        )  # fmt: skip


def choices_from(active: Any, strips: list[Any]) -> None:
    """Let the choices made on the active strip hold for others."""
    for strip in strips:
        if strip != active:
            for name in CHOICES:
                setattr(strip.recaster, name, getattr(active.recaster, name))


def options_of(client: Client, choice: Choice, frames: str) -> job_pb2.SwapOptions:
    """A choice as the engine's options; brings the performer's picture there."""
    from recaster.api.v1 import job_pb2

    options = job_pb2.SwapOptions(
        range=frames,
        mask=choice.mask,
        feather=round(choice.feather, 4),
        erode=round(choice.erode, 4),
        colour=choice.colour,
        smoothing=choice.smoothing,
        codec=choice.codec,
    )
    if choice.label != "none":
        options.label, options.label_language = choice.label, choice.label_language
    if choice.everyone:
        options.everyone = True
    elif choice.person:
        options.person = client.transfer.upload(Path(choice.person))
    return options


def face_of(choice: Choice) -> dict[str, str]:
    """The field of a spec that says whose face is put on."""
    kind, _, name = choice.face.partition(":")
    return {f"{kind}_id": name}

"""The course of a look along a clip."""

from __future__ import annotations

from dataclasses import dataclass, field

from recaster.settings.look import LookSettings


@dataclass(frozen=True)
class LookCourse:
    """The look of a face in every frame of a clip."""

    base: LookSettings = field(default_factory=LookSettings)

    @property
    def looks(self) -> tuple[LookSettings, ...]:
        """Looks that together have every choice that any frame's look has."""
        return (self.base,)

    def at(self, frame: int) -> LookSettings:
        """The look in a frame, by its index in the clip."""
        del frame
        return self.base

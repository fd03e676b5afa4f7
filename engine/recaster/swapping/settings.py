"""How a clip is swapped, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.swapping.coverage import Coverage


@dataclass(frozen=True)
class SwapResult:
    """What came of a swap.

    Attributes:
        out: the finished clip (or picture).
        coverage: what was swapped in each of its frames.
        resumed: frames that an earlier, stopped run had already rendered.
        tracks: numbers of the tracks that were swapped.
        seconds: wall time by stage; decoding, rendering and encoding run side by side.
        warnings: what an editor should know (damage in the clip, discarded parts).
        marked: what was said in the result of its making, in words; empty for nothing.
    """

    out: Path
    coverage: Coverage
    resumed: int
    tracks: tuple[int, ...]
    seconds: dict[str, float]
    warnings: tuple[str, ...] = ()
    marked: str = ""

    @property
    def frames(self) -> int:
        """Frames in it."""
        return len(self.coverage.frames)

    @property
    def swapped(self) -> int:
        """Frames whose faces were really swapped."""
        return self.coverage.swapped

    def summary(self, device: str) -> tuple[str, ...]:
        """The result in lines of words; ``device`` says what computed it."""
        tracks = f"{len(self.tracks)} track" + ("s" if len(self.tracks) != 1 else "")
        frames = f"{self.frames} frame" + ("s" if self.frames != 1 else "")
        rest = self.frames - self.swapped
        without = f", {rest} without one or with too little of it" if rest else ""
        lines = [f"{frames}, {self.swapped} with a swapped face ({tracks}){without}", *self.coverage.lines]
        if self.resumed:
            lines.append(f"{self.resumed} frames were there already from an earlier run")
        lines.append(self.marked or "without a manifest: nothing in the file says that a face was swapped")
        times = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.seconds.items())
        return (*lines, f"seconds: {times}; {device}")


def described(value: Any) -> Any:
    """``value`` (dataclasses of plain values) as JSON, so that two settings can be compared."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: described(getattr(value, name)) for name in value.__dataclass_fields__}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, range | tuple | list):
        return [
            described(item) for item in ((value.start, value.stop) if isinstance(value, range) else value)
        ]
    return str(value)

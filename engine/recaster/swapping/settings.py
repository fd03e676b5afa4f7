"""How a clip is swapped, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recaster.errors import UsageError
from recaster.faces.analysis import AnalysisSettings
from recaster.faces.smoothing import Smoothing
from recaster.media.writer import WriterOptions
from recaster.swapping.colour_transfer import check_colour
from recaster.swapping.label import LabelSettings
from recaster.swapping.masks import MaskSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.swapping.coverage import Coverage


@dataclass(frozen=True)
class SwapSettings:
    """Every choice of a swap but the model.

    Attributes:
        frames: frame indices to swap; None for the whole clip.
        person: picture of the performer to swap; None for the clip's main person.
        track: number of a track that shows the performer, instead of a picture.
        everyone: swap every face, instead of one person's.
        smoothing: how landmarks are smoothed over time.
        mask: where the swapped face is laid over the frame.
        colour: how it takes on the target's colours, one of ``COLOURS``.
        analysis: how faces are found.
        writer: how the result is encoded.
        matte: also write the mask to this clip, as grey.
        report: also write what was swapped, frame by frame, to this file, as JSON.
        label: what is written into the picture, to say what it is.
        chunk: frames in each part that a stopped swap can go on from.
        batch: frames whose faces are swapped in one call.

    Raises:
        UsageError: choices that do not go together.
    """

    frames: range | None = None
    person: Path | None = None
    track: int | None = None
    everyone: bool = False
    smoothing: Smoothing = field(default_factory=Smoothing)
    mask: MaskSettings = field(default_factory=MaskSettings)
    colour: str = "light"
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    writer: WriterOptions = field(default_factory=WriterOptions)
    matte: Path | None = None
    report: Path | None = None
    label: LabelSettings = field(default_factory=LabelSettings)
    chunk: int = 64
    batch: int = 8

    def __post_init__(self) -> None:
        check_colour(self.colour)
        if (self.person is not None) + (self.track is not None) + self.everyone > 1:
            raise UsageError("choose whom to swap only once: a person, a track, or everyone")
        if self.frames is not None and (len(self.frames) == 0 or self.frames.step != 1):
            raise UsageError(f"frames {self.frames} cannot be swapped: give consecutive ones, at least one")
        if self.chunk < 1 or self.batch < 1:
            raise UsageError("a chunk and a batch hold at least one frame")


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

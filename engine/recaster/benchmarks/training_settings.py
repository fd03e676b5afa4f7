"""Settings of a training benchmark: the clip, the faces, the marks."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recaster import __version__
from recaster.errors import UsageError
from recaster.facesets.faceset import Faceset
from recaster.media.clip import digest_media

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.benchmarks.training_variants import Variant

FORMAT = 1


@dataclass(frozen=True)
class BenchSettings:
    """Settings that all variants of a benchmark share.

    Attributes:
        marks: points of the training that are judged, rising, in ``unit``.
        unit: minutes of training (wall time, as ``recaster train`` counts it) or steps.
        target: faceset of the performer, on which pairwise presets are trained too.
        gallery, truth: further references of the evaluations.
        frames: frames of the original to swap and judge; None for all.
        separate: train anew for every mark, each with its own decay of the learning rate, instead of
            once with the schedule of the last mark.
        vggface_weights: for variants whose perceptual loss is VGGFace.
    """

    original: Path
    source: Path
    marks: tuple[float, ...]
    unit: Literal["minutes", "steps"] = "minutes"
    target: Path | None = None
    gallery: tuple[Path, ...] = ()
    truth: Path | None = None
    frames: range | None = None
    separate: bool = False
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    vggface_weights: Path | None = None

    def __post_init__(self) -> None:
        """Refuses marks that mean nothing, and puts them in order."""
        if not self.marks or not all(0 < mark < math.inf for mark in self.marks):
            raise UsageError(f"the {self.unit} to look at must be numbers above 0, at least one")
        if self.unit == "steps" and any(mark != int(mark) for mark in self.marks):
            raise UsageError("steps are whole numbers")
        object.__setattr__(self, "marks", tuple(sorted(set(self.marks))))

    def runs(self) -> list[tuple[float, tuple[float, ...]]]:
        """Lists the trainings of one variant: each one's budget, and the marks on its way."""
        if self.separate:
            return [(mark, (mark,)) for mark in self.marks]
        return [(self.marks[-1], self.marks)]

    def as_json(self) -> dict[str, Any]:
        """Converts to plain JSON values."""
        return {name: _json_value(value) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BenchSettings:
        """Reads settings that ``as_json`` wrote."""
        read = dict(value)
        for name in ("original", "source", "target", "truth", "vggface_weights"):
            read[name] = None if read[name] is None else Path(read[name])
        read["gallery"] = tuple(Path(path) for path in read["gallery"])
        read["marks"] = tuple(read["marks"])
        read["frames"] = None if read["frames"] is None else range(*read["frames"])
        return cls(**{item.name: read[item.name] for item in dataclasses.fields(cls)})

    def fingerprint(self, variant: Variant) -> dict[str, Any]:
        """Describes all that decides one variant's results, by content and not by place."""
        return {
            "format": FORMAT,
            "recaster": __version__,
            "preset": variant.as_json()["preset"],
            "original": digest_media(self.original),
            "frames": _json_value(self.frames),
            "source": Faceset.open(self.source).digest(),
            "target": None if self.target is None else Faceset.open(self.target).digest(),
            "gallery": [Faceset.open(path).digest() for path in self.gallery],
            "truth": None if self.truth is None else digest_media(self.truth),
            "unit": self.unit,
            "budget": None if self.separate or variant.preset is None else self.marks[-1],
            "separate": self.separate,
            "seed": self.seed,
            "device": self.device,
            "threads": self.threads,
        }


def _json_value(value: Any) -> Any:
    if isinstance(value, range):
        return [value.start, value.stop]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_json_value(item) for item in value]
    return value

"""Coverage: the share of the face that was swapped in every frame, and the reasons where it was too little.

While a frame is painted, the swapped face's mask is held against the whole face, as far as the picture
shows it (``measure_coverage``); each segment of a clip keeps that of its frames beside it, so that a swap
that goes on after a stop tells the same. Over the whole clip it becomes a ``Coverage``: every frame is
swapped, or isn't for one ``Reason``.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.files import parse_json, write_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MIN_COVERED: Final = 0.66
"""A face is swapped where at least this share of it is; of what the picture shows of it. On nine real clips
it was mostly .92 and more where nothing is in front of a face, and .75 with a hand before the mouth."""
MIN_SHOWN: Final = 0.1
"""Of a face that lies beyond the picture's border, this share has to be within it to count."""
MIN_TINTED_PX: Final = 64.0
"""Painted pixels of a crop from which on their mean says something."""
MAX_NAMED: Final = 3
"""Ranges of frames that a sentence names; the others are counted."""
AMOUNTS: Final = (
    (0.85, "the face"),
    (0.6, "most of the face"),
    (0.42, "half of the face"),
    (0.0, "a third of the face"),
)


class Reason(StrEnum):
    """Reasons for which nothing or too little of a face was swapped; the names are written into reports.

    Whatever takes something away from a face's mask has a reason of its own (``Renderer._composite``).
    """

    NO_FACE = "no-face"
    OTHER_PERSON = "other-person"
    HIDDEN = "hidden"
    TURNED = "turned"
    UNPAINTED = "unpainted"
    KEPT_OUT = "kept-out"

    def sentence(self, lost: float) -> str:
        """In an editor's words; ``lost`` is the share of the face that it took, 0 to 1."""
        amount = next(words for least, words in AMOUNTS if lost >= least)
        return SENTENCES[self].format(amount=amount)


SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.NO_FACE: "no face found",
    Reason.OTHER_PERSON: "not swapped: another person",
    Reason.HIDDEN: "{amount} is behind something",
    Reason.TURNED: "the head is turned too far away",
    Reason.UNPAINTED: "{amount} could not be painted",
    Reason.KEPT_OUT: "{amount} is kept out by the mask that was given",
}


@dataclass(frozen=True)
class FaceCoverage:
    """One face in one frame.

    Attributes:
        area: what the picture shows of it, in pixels of the frame.
        covered: share of that which was swapped, 0 to 1; of what isn't kept by choice.
        lost: shares of it that were not, by reason; with ``covered`` they make 1.
        kept: share of what the picture shows that stays by choice.
        tint: mean red, green and blue of what was painted, over that of the performer there; None where next
            to nothing was.
    """

    track: int
    area: int
    covered: float
    lost: Mapping[Reason, float]
    kept: float = 0.0
    tint: tuple[float, ...] | None = None

    @property
    def reason(self) -> Reason | None:
        """Reason that took most of it, where too little was swapped."""
        return None if self.covered >= MIN_COVERED else max(self.lost, key=lambda reason: self.lost[reason])

    def to_json(self) -> dict[str, Any]:
        """Turns it into plain values for a report."""
        lost = {str(reason): share for reason, share in self.lost.items() if share}
        more: dict[str, Any] = {"kept": self.kept} if self.kept else {}
        more |= {"tint": list(self.tint)} if self.tint else {}
        return {"track": self.track, "area": self.area, "covered": self.covered, "lost": lost} | more

    @classmethod
    def from_json(cls, value: Any) -> FaceCoverage:
        """Reads what ``to_json`` made (ValueError, TypeError, KeyError or AttributeError where it didn't)."""
        lost = {Reason(name): float(share) for name, share in value["lost"].items()}
        kept = float(value.get("kept", 0))
        tint = tuple(float(each) for each in value.get("tint", ())) or None
        return cls(int(value["track"]), int(value["area"]), float(value["covered"]), lost, kept, tint)


Faces = tuple[FaceCoverage, ...]
"""The faces of one frame that were to be swapped."""


def measure_coverage(
    track: int,
    whole: NDArray[np.float32],
    left: Mapping[Reason, NDArray[np.float32]],
    inside: NDArray[Any],
    zoom: float,
    kept: NDArray[np.float32] | None = None,
    tint: tuple[float, ...] | None = None,
    kept_out: NDArray[np.float32] | None = None,
) -> FaceCoverage | None:
    """Computes how much of a face was swapped; None where next to nothing of it lies within the picture.

    Args:
        whole: (size, size), 0 to 1: its mask if nothing were missing.
        left: the mask after each step that may have taken something away, by the reason that it had.
        inside: where the crop shows the frame, (size, size) or (1, 1).
        zoom: frame pixels a crop pixel.
        kept: mask of what stays by choice, (size, size), 0 to 1; None for nothing.
        tint: as ``measure_tint``.
        kept_out: mask of what an artist keeps out, likewise; it stays by choice, too, but nothing is swapped
            where it leaves next to nothing.
    """
    shown = _total_inside(whole, inside)
    # A sliver at the picture's border says nothing of the face.
    if shown < max(1.0, MIN_SHOWN * _total(whole)):
        return None
    area = round(shown * zoom * zoom)
    wanted = shown if kept is None else _total_inside(whole * (1 - kept), inside)
    if kept_out is not None:
        before = wanted
        inside = inside * (1 - kept_out)
        wanted = _total_inside(whole if kept is None else whole * (1 - kept), inside)
        if wanted < MIN_SHOWN * before:
            return FaceCoverage(track, area, 0.0, {Reason.KEPT_OUT: 1.0}, tint=tint)
    # Where all that the picture shows is kept, nothing is missing.
    shares = [
        1.0,
        *(min(1.0, _total_inside(mask, inside) / wanted) if wanted >= 1 else 1.0 for mask in left.values()),
    ]
    # Rounded before they are subtracted, so that what is lost and what is covered make 1.
    steps = [round(share, 3) for share in shares]
    lost = {reason: round(max(0.0, a - b), 3) for reason, (a, b) in zip(left, pairwise(steps), strict=True)}
    return FaceCoverage(track, area, steps[-1], lost, round(1 - wanted / shown, 3), tint)


def measure_tint(
    painted: NDArray[Any], performer: NDArray[Any], mask: NDArray[np.float32]
) -> tuple[float, ...] | None:
    """Computes mean red, green and blue of a painted face over the performer's; None of next to nothing.

    Args:
        painted: (size, size, 3), and
        performer: likewise, in the same values.
        mask: (size, size), 0 to 1: where it is painted.
    """
    if _total(mask) < MIN_TINTED_PX:
        return None
    # Row by row: all pixels at once in float32 would be a little off, in float64 they take ten times as long.
    rows = [mask[:, None] @ image.astype(np.float32, copy=False) for image in (painted, performer)]
    sums = [row.sum((0, 1), dtype=np.float64) for row in rows]
    # A grey level more: nearly black faces have no tint.
    ratios = (sums[0] / _total(mask) + 1) / (sums[1] / _total(mask) + 1)
    return tuple(round(float(ratio), 3) for ratio in np.clip(ratios, 0.001, 1000))


def _total_inside(mask: NDArray[np.float32], inside: NDArray[Any]) -> float:
    # Nearly always all of it is, and (1, 1) says so.
    return _total(mask if inside.shape == (1, 1) and inside.all() else mask * inside)


def _total(values: NDArray[np.float32]) -> float:
    return float(values.sum(dtype=np.float64))


def write_record(path: Path, frames: Sequence[Faces], plan: str = "") -> None:
    """Writes what was covered in a segment of a clip, frame by frame, and the digest of its plan."""
    value = {"plan": plan, "frames": [[face.to_json() for face in faces] for faces in frames]}
    write_bytes(path, json.dumps(value).encode())


def read_record(path: Path, count: int) -> tuple[Faces, ...] | None:
    """Reads what ``write_record`` kept of ``count`` frames; None where it isn't there, or is damaged."""
    try:
        value = parse_json(path.read_bytes())["frames"]
        record = tuple(tuple(FaceCoverage.from_json(face) for face in faces) for faces in value)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return record if len(record) == count else None


def read_plan_digest(path: Path) -> str | None:
    """Reads the digest of the plan that a segment was rendered by; None where its record can't be read."""
    try:
        return str(parse_json(path.read_bytes())["plan"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True)
class FrameCoverage:
    """Coverage of the faces of one frame that were to be swapped.

    Attributes:
        frame: its index in the clip.
        reason: why it doesn't count as swapped; None where each of its faces was.
    """

    frame: int
    faces: Faces
    reason: Reason | None

    @property
    def least(self) -> FaceCoverage | None:
        """Face of which least was swapped."""
        return min(self.faces, key=lambda face: face.covered, default=None)

    @property
    def covered(self) -> float:
        """Share of that face that was swapped, 0 to 1; 0 where there is none."""
        return self.least.covered if self.least else 0.0

    def to_json(self) -> dict[str, Any]:
        """Turns it into plain values for a report."""
        faces = [face.to_json() for face in self.faces]
        state = str(self.reason or "swapped")
        return {"frame": self.frame, "state": state, "covered": self.covered, "faces": faces}


@dataclass(frozen=True)
class Run:
    """Consecutive frames of the clip that weren't swapped, for one reason.

    Attributes:
        covered: share of the face that was swapped all the same, on average, 0 to 1.
    """

    first: int
    last: int
    reason: Reason
    covered: float

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def sentence(self) -> str:
        """The reason in an editor's words."""
        return self.reason.sentence(1 - self.covered)

    def to_json(self) -> dict[str, Any]:
        """Turns it into plain values for a report."""
        return asdict(self) | {"reason": str(self.reason), "sentence": self.sentence}


@dataclass(frozen=True)
class Coverage:
    """Coverage of every frame of a clip, or of a part of it, in order."""

    frames: tuple[FrameCoverage, ...]

    @classmethod
    def of(
        cls, frames: range, faces: Iterable[Faces], left_out: Collection[int], others: Collection[int]
    ) -> Coverage:
        """Gathers the coverage of frames, with a reason for each that doesn't count as swapped.

        Args:
            faces: what was covered of the faces in each of them.
            left_out: frames with the performer's face that no plan has, as it looks too far away.
            others: frames with other people in them.
        """
        coverages = (
            FrameCoverage(frame, seen, _find_reason(seen, frame in left_out, frame in others))
            for frame, seen in zip(frames, faces, strict=True)
        )
        return cls(tuple(coverages))

    @cached_property
    def swapped(self) -> int:
        """Number of frames whose faces were really swapped."""
        return sum(frame.reason is None for frame in self.frames)

    @property
    def counts(self) -> dict[Reason, int]:
        """Numbers of frames that weren't, by reason."""
        counts = Counter(frame.reason for frame in self.frames if frame.reason is not None)
        return {reason: counts[reason] for reason in Reason if counts[reason]}

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Runs of those frames."""
        runs = []
        for reason, group in groupby(self.frames, key=lambda frame: frame.reason):
            if reason is not None:
                members = list(group)
                mean = round(sum(frame.covered for frame in members) / len(members), 3)
                runs.append(Run(members[0].frame, members[-1].frame, reason, mean))
        return tuple(runs)

    @property
    def lines(self) -> tuple[str, ...]:
        """Sentences on frames that weren't swapped, one for each reason, by the first frame of each."""
        by_sentence: dict[str, list[Run]] = defaultdict(list)
        for run in self.runs:
            by_sentence[run.sentence].append(run)
        return tuple(f"{_name_frames(runs)}: {sentence}" for sentence, runs in by_sentence.items())

    def to_json(self) -> dict[str, Any]:
        """Turns it into plain values for a report: counts, ranges, and each frame's faces."""
        return {
            "swapped": self.swapped,
            "not_swapped": {str(reason): count for reason, count in self.counts.items()},
            "ranges": [run.to_json() for run in self.runs],
            "frames": [frame.to_json() for frame in self.frames],
        }


def _find_reason(faces: Faces, left_out: bool, others: bool) -> Reason | None:
    """Finds the reason for which a frame doesn't count as swapped: that of the face of which least was."""
    if left_out:
        return Reason.TURNED
    if faces:
        return min(faces, key=lambda face: face.covered).reason
    return Reason.OTHER_PERSON if others else Reason.NO_FACE


def _name_frames(runs: Sequence[Run]) -> str:
    """Names the frames of some runs in words: the longest ones by their numbers, the others counted."""
    named = sorted(sorted(runs, key=len, reverse=True)[:MAX_NAMED], key=lambda run: run.first)
    words = [f"{run.first}-{run.last}" if len(run) > 1 else str(run.first) for run in named]
    if rest := sum(map(len, runs)) - sum(map(len, named)):
        words.append(f"{rest} more")
    listed = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
    return f"frame {listed}" if len(runs) == len(named[0]) == 1 else f"frames {listed}"

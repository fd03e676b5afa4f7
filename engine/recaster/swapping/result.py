"""Result of a swap: what was written, what of it is swapped, and what an editor should know."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster import __version__
from recaster.faces.landmarkers import make_landmarker
from recaster.files import write_json
from recaster.settings.look_course import value_in
from recaster.settings.options import listed
from recaster.swapping.coverage import MIN_COVERED
from recaster.swapping.render_trouble import find_render_trouble

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.settings.parts import Part
    from recaster.swapping.casting import Role
    from recaster.swapping.coverage import Coverage
    from recaster.swapping.request import SwapRequest
    from recaster.swapping.swap_plan import SwapPlan

REPORT_FORMAT: Final = 1
DRAFT: Final = "This is a draft: every other frame was swapped, and is shown twice."
LOST_GLASSES: Final = (
    "Glasses were seen on a face, but not clearly enough to be kept whole: parts of the frame may be "
    "missing. Look the result through, or choose a shot in which they are larger or sharper."
)
NO_GLASSES: Final = (
    "Glasses were to be kept, and none were found on {}: they are too small, too blurred or without "
    "rims, or there are none. Keep them out by a mask instead, which can be learned of a few frames."
)


@dataclass(frozen=True)
class MemberCoverage:
    """Coverage of one member of a cast.

    Attributes:
        tracks: numbers of the tracks that were swapped; none where nobody in the clip has the role.
        frames: those that show whom it is put on.
        swapped: those in which that face was really swapped.
    """

    name: str
    model: str
    tracks: tuple[int, ...]
    frames: int
    swapped: int

    @property
    def line(self) -> str:
        """It in a line of words."""
        if not self.tracks:
            return f"{self.name}: nobody in the clip"
        numbers = ", ".join(map(str, self.tracks))
        return (
            f"{self.name}: swapped in {self.swapped} of {self.frames} frames that show the face "
            f"(track{'s' if len(self.tracks) > 1 else ''} {numbers})"
        )


def cover_members(
    cast: Sequence[Role], plan: SwapPlan, seen: Sequence[frozenset[int]], coverage: Coverage
) -> tuple[MemberCoverage, ...]:
    """Counts what was swapped with each role of a cast; ``seen``: the frames that show whom it is put on."""
    members = []
    for number, role in enumerate(cast):
        tracks = tuple(track for track, own in zip(plan.tracks, plan.roles, strict=True) if own == number)
        swapped = 0
        for frame in coverage.frames:
            reasons = [face.reason for face in frame.faces if face.track in tracks]
            swapped += bool(reasons) and not any(reasons)
        frames = sum(frame.frame in seen[number] for frame in coverage.frames)
        members.append(MemberCoverage(role.name, plan.sources[number], tracks, frames, swapped))
    return tuple(members)


@dataclass(frozen=True)
class SwapResult:
    """Outcome of a swap of a clip, or of a preview.

    Attributes:
        out: the finished clip (or picture).
        resumed: frames that an earlier, stopped run had already rendered.
        tracks: numbers of the tracks that were swapped.
        seconds: wall time by stage; decoding, rendering and encoding run side by side.
        warnings: what an editor should know (damage in the clip, discarded parts).
        marked: what was said in the result of its making, in words; empty for nothing.
        cast: what was swapped with each member of a cast.
    """

    out: Path
    coverage: Coverage
    resumed: int
    tracks: tuple[int, ...]
    seconds: dict[str, float]
    warnings: tuple[str, ...] = ()
    marked: str = ""
    cast: tuple[MemberCoverage, ...] = ()

    @property
    def frames(self) -> int:
        """Frames in it."""
        return len(self.coverage.frames)

    @property
    def swapped(self) -> int:
        """Frames whose faces were really swapped."""
        return self.coverage.swapped

    def summary(self, device: str) -> tuple[str, ...]:
        """Describes the result in lines of words; ``device`` says what computed it."""
        tracks = f"{len(self.tracks)} track" + ("s" if len(self.tracks) != 1 else "")
        frames = f"{self.frames} frame" + ("s" if self.frames != 1 else "")
        rest = self.frames - self.swapped
        without = f", {rest} without one or with too little of it" if rest else ""
        lines = [f"{frames}, {self.swapped} with a swapped face ({tracks}){without}", *self.coverage.lines]
        lines += [member.line for member in self.cast]
        if self.resumed:
            lines.append(f"{self.resumed} frames were there already from an earlier run")
        lines.append(self.marked or "without a manifest: nothing in the file says that a face was swapped")
        times = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.seconds.items())
        return (*lines, f"seconds: {times}; {device}")


@dataclass(frozen=True)
class PartResult:
    """Outcome of a part of a swap that several machines render.

    Attributes:
        segments: those of this part, as ranges of frames.
        total: segments of all parts.
        resumed: frames that were there already.
        seconds: as of ``SwapResult``.
        warnings: as of ``SwapResult``.
    """

    share: Part
    segments: Sequence[range]
    total: int
    resumed: int
    seconds: dict[str, float]
    warnings: tuple[str, ...] = ()

    def summary(self, device: str) -> tuple[str, ...]:
        """Describes it in lines of words; ``device`` says what computed it."""
        if not self.segments:
            return (f"{self.share}: no segments; there are {self.total} for all parts",)
        count = len(self.segments)
        frames = f"frames {self.segments[0].start}-{self.segments[-1].stop - 1}"
        lines = [f"{self.share}: {count} of {count} segments ({frames})"]
        if self.resumed:
            lines.append(f"{self.resumed} frames were there already from an earlier run")
        times = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.seconds.items())
        return (*lines, f"seconds: {times}; {device}")


def collect_warnings(request: SwapRequest, plan: SwapPlan) -> tuple[str, ...]:
    """Collects warnings of the clip, its corrections, a landmarker's licence, lost glasses and the source."""
    notice = make_landmarker(request.settings.analysis.landmarker).notice
    has_lost_glasses = any(appearance.lost for appearance in plan.appearances.values())
    return (
        *request.clip.info.warnings,
        *plan.warnings,
        *([notice] if notice else ()),
        *([LOST_GLASSES] if has_lost_glasses else ()),
        *([NO_GLASSES.format(listed(bare))] if (bare := _find_bare(plan)) else ()),
        *([DRAFT] if request.settings.draft else ()),
        *request.swapper.warnings,
    )


def _find_bare(plan: SwapPlan) -> list[str]:
    """Names the tracks whose glasses are to be kept, and on which none were found."""
    wanted = [number for number in range(len(plan.track_plans)) if plan.keeps_glasses(number)]
    known = plan.appearances
    bare = (number for number in wanted if number not in known or known[number].worn is None)
    return [f"track {plan.tracks[number]}" for number in bare]


def write_report(request: SwapRequest, plan: SwapPlan, result: SwapResult) -> None:
    """Writes what was swapped, frame by frame, as JSON; the same whether the swap was stopped or not."""
    if request.settings.report is None:
        return
    info = request.clip.info
    report: dict[str, Any] = {
        "format": REPORT_FORMAT,
        "recaster": __version__,
        "clip": info.path.name,
        "sha256": request.clip.own_digest,
        "result": result.out.name,
        "rate": str(info.rate),
        "tracks": list(result.tracks),
        **describe_sources(request),
        "swapped_from": MIN_COVERED,
        "warnings": list(result.warnings),
        "marked": result.marked,
        "frame_count": result.frames,
    }
    report |= result.coverage.to_json()
    faces = ((frame.frame, frame.faces) for frame in result.coverage.frames)
    report["trouble"] = [trouble.to_json() for trouble in find_render_trouble(faces, info.rate)]
    for frame in report["frames"]:
        for face in frame["faces"]:
            course = plan.courses[plan.tracks.index(face["track"])]
            look = course.at(frame["frame"])
            if course.names:
                face["look"] = {name: value_in(look, name) for name in course.names}
    if result.cast:
        report["cast"] = [asdict(member) for member in result.cast]
    write_json(request.settings.report, report)


def describe_sources(request: SwapRequest) -> dict[str, Any]:
    """Names what puts the face on, by its digest; nothing of a cast, whose members have each their own."""
    return {} if request.cast else {"model": request.swapper.digest}

"""Casting: the roles of a swap, and which tracks of a clip each is put on.

A swap without a cast is a cast of one role without a name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recaster.errors import FaceNotFoundError, UsageError
from recaster.faces.track_choice import choose_tracks
from recaster.facesets.still_faces import person_in
from recaster.settings.cast import Selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.settings.detection import AnalysisSettings
    from recaster.settings.look_course import LookCourse
    from recaster.swapping.swapper import Swapper


@dataclass(frozen=True)
class Role:
    """One member of a cast, as a clip is swapped.

    Attributes:
        name: empty for a swap without a cast.
        course: of its look; None for that of the swap's settings.
        matte: the clip for its own masks; None for none.
    """

    name: str = ""
    selector: Selector = field(default_factory=Selector)
    course: LookCourse | None = None
    matte: Path | None = None


@dataclass(frozen=True, eq=False)
class CastSwapper:
    """Swappers of a cast's roles, in their order; roles of one source share one."""

    swappers: tuple[Swapper, ...]

    @property
    def digest(self) -> str:
        """Digests of all, which change whenever results would."""
        return " ".join(swapper.digest for swapper in self.swappers)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on the sources that an editor should know."""
        return tuple(dict.fromkeys(text for swapper in self.swappers for text in swapper.warnings))


def swapper_of(swapper: Swapper | CastSwapper, role: int) -> Swapper:
    """The swapper of a role, by its number."""
    return swapper.swappers[role] if isinstance(swapper, CastSwapper) else swapper


@dataclass(frozen=True, eq=False)
class Casting:
    """Tracks of a clip that are swapped, in the order of the analysis.

    Attributes:
        tracks: at least one.
        numbers: of each track's role.
        roles: all of the cast, also those that nobody in the clip has.
        warnings: sentences on those.
    """

    tracks: tuple[FaceTrack, ...]
    numbers: tuple[int, ...]
    roles: tuple[Role, ...]
    warnings: tuple[str, ...] = ()

    @classmethod
    def plain(cls, tracks: Iterable[FaceTrack]) -> Casting:
        """Casts all of some tracks for one role."""
        chosen = tuple(tracks)
        return cls(chosen, (0,) * len(chosen), (Role(),))

    def frames_of(self, role: int) -> frozenset[int]:
        """Indices of the frames that show whom a role is put on."""
        own = (track for track, number in zip(self.tracks, self.numbers, strict=True) if number == role)
        return frozenset(frame for track in own for frame in track.frames.tolist())


def cast_tracks(
    roles: Sequence[Role], analysis: Analysis, detection: AnalysisSettings, *, may_lack: bool = False
) -> Casting:
    """Casts the tracks of a clip, at least one.

    Args:
        may_lack: whether roles that nobody in the clip has are told, and no error, as long as one is cast.

    Raises:
        FaceNotFoundError: there is nobody, or nobody for a role; or a person's picture shows nobody clearly.
        UsageError: two roles are put on the same track.
        ImageError: a person's picture cannot be read.
    """
    people = [_identify(role.selector, detection) for role in roles]
    cast: dict[int, int] = {}
    absent: list[str] = []
    for number, role in enumerate(roles):
        try:
            tracks = _choose(role.selector, people[number], analysis, detection.min_face)
        except FaceNotFoundError as error:
            absent.append(f"{role.name}: {error}" if role.name else str(error))
            continue
        for track in tracks:
            other = cast.setdefault(track.track, number)
            if other != number:
                raise _clash(roles[other], role, track)
    if absent and not (cast and may_lack):
        raise FaceNotFoundError("; ".join(absent))
    chosen = tuple(track for track in analysis.tracks if track.track in cast)
    return Casting(chosen, tuple(cast[track.track] for track in chosen), tuple(roles), tuple(absent))


def _identify(selector: Selector, detection: AnalysisSettings) -> Floats | None:
    if selector.picture is None:
        return None
    return person_in(selector.picture, detection.detector, detection.min_face)


def _choose(
    selector: Selector, person: Floats | None, analysis: Analysis, min_face: int
) -> tuple[FaceTrack, ...]:
    return choose_tracks(
        analysis,
        person=person,
        track=selector.track,
        number=selector.number,
        name=selector.name,
        everyone=selector.everyone,
        min_face=min_face,
    )


def _clash(one: Role, other: Role, track: FaceTrack) -> UsageError:
    return UsageError(
        f"track {track.track} (frames {track.frames[0]}-{track.frames[-1]}) is wanted by {one.name} "
        f"({one.selector}) and by {other.name} ({other.selector}), and a face is put on once: name other "
        "people, or part the tracks with recaster tracks CLIP assign"
    )

"""Plan of a swap: the chosen tracks, their crops in every frame, and what is in front of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from recaster.errors import FaceNotFoundError
from recaster.faces.alignment import shown, transform, warp
from recaster.faces.topology import POINTS
from recaster.media.types import Rect
from recaster.swapping.casting import Casting, CastSwapper, cast_tracks, swapper_of
from recaster.swapping.face_overlap import outline_nearer_faces
from recaster.swapping.mask_clips import NO_FRAME_MASKS, MaskClips
from recaster.swapping.swapper import NO_ROWS, PlannedFace
from recaster.swapping.track_planning import PlannedTrack, plan_tracks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.appearance.face_appearance import FaceAppearance
    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.media.types import Frame, Image
    from recaster.settings.look import LookSettings
    from recaster.settings.look_course import LookCourse
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.head_cover import HeadCover
    from recaster.swapping.load import CastFactory, SwapperFactory
    from recaster.swapping.mask_clips import FrameMasks
    from recaster.swapping.request import SwapRequest
    from recaster.swapping.swapper import Swapper, TrackPlan


def select_tracks(request: SwapRequest, analysis: Analysis) -> Casting:
    """Selects the tracks whose face a request asks to be swapped, and by which of its roles.

    Raises:
        FaceNotFoundError: there are none, or none for a role, or a person's picture doesn't show one clearly;
            what is odd about the clip is said, too: it may be why.
        UsageError, ImageError: as ``cast_tracks``.
    """
    try:
        return cast_tracks(request.roles, analysis, request.settings.analysis, may_lack=request.may_lack)
    except FaceNotFoundError as error:
        raise FaceNotFoundError("; ".join([str(error), *request.clip.info.warnings])) from None


@dataclass(frozen=True, eq=False)
class SwapPlan:
    """Every face that will be swapped.

    Attributes:
        sizes: side of each plan's crops, in pixels.
        track_plans: one for each chosen track. A track is one person in one shot, so that what is smoothed
            within a plan never reaches over a cut.
        faces_by_frame: frame index to the (plan, row) pairs of that frame's faces.
        tracks: the numbers of those tracks.
        roles: the number of each plan's role in the cast, 0 without one.
        sources: of a cast, the digest of each role's swapper.
        matte_roles: roles whose mattes are drawn for themselves.
        left_out: frames that show a chosen face which no plan has, as it looks too far away.
        others: frames that show faces that are not swapped.
        courses: the course of each plan's look.
        appearances: how the performer usually looks, by the number of the plan, where that is known.
        nearer: outlines of the faces in front of a plan's face, by plan and frame.
        found_plans: of corrected tracks, by the number of the plan, the plans of the tracks as found, whose
            usual looks theirs are.
        warnings: sentences on corrections that could not be applied, and on roles that nobody has.
        covers: over heads, by frame, which are laid over whatever is swapped.
        masks: those that artists brought.
    """

    sizes: tuple[int, ...]
    track_plans: tuple[TrackPlan, ...]
    faces_by_frame: Mapping[int, Sequence[tuple[int, int]]]
    tracks: tuple[int, ...]
    roles: tuple[int, ...]
    sources: tuple[str, ...] = ()
    matte_roles: tuple[int, ...] = ()
    left_out: frozenset[int] = frozenset()
    others: frozenset[int] = frozenset()
    courses: tuple[LookCourse, ...] = ()
    appearances: Mapping[int, FaceAppearance] = field(default_factory=dict)
    nearer: Mapping[tuple[int, int], Sequence[NDArray[np.float32]]] = field(default_factory=dict)
    found_plans: Mapping[int, TrackPlan] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    covers: Mapping[int, Sequence[HeadCover]] = field(default_factory=dict)
    masks: MaskClips = field(default_factory=MaskClips)

    @classmethod
    def of(
        cls,
        chosen: Casting | Sequence[FaceTrack],
        swapper: Swapper | CastSwapper,
        settings: SwapSettings,
        analysis: Analysis | None = None,
        factory: SwapperFactory | CastFactory | None = None,
        processes: int | None = 1,
    ) -> SwapPlan:
        """Lets swappers plan every track, and finds who of everybody in the clip is in front of whom.

        Args:
            chosen: tracks that are swapped, and for which roles; without roles all for one.
            factory, processes: as ``plan_tracks``.
        """
        casting = chosen if isinstance(chosen, Casting) else Casting.plain(chosen)
        tracks = casting.tracks
        roles = [casting.roles[number] for number in casting.numbers]
        everybody = () if analysis is None else analysis.tracks
        uncorrected = None if analysis is None else analysis.uncorrected
        courses = tuple(role.course or settings.course for role in roles)
        asked = [
            PlannedTrack(track, number, course, uncorrected)
            for track, number, course in zip(tracks, casting.numbers, courses, strict=True)
        ]
        planned = plan_tracks(asked, swapper, settings.smoothing, factory, processes)
        plans = tuple(plan for plan, _ in planned)
        faces: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, plan in enumerate(plans):
            for row, frame in enumerate(plan.frames.tolist()):
                # Where the target stays there is nothing to crop, to swap or to blend.
                if plan.opacity_at(row) > 0:
                    faces[frame].append((number, row))
        numbers = tuple(track.track for track in tracks)
        return cls(
            sizes=tuple(swapper_of(swapper, number).size for number in casting.numbers),
            track_plans=plans,
            faces_by_frame=dict(faces),
            tracks=numbers,
            roles=casting.numbers,
            sources=tuple(own.digest for own in swapper.swappers) if isinstance(swapper, CastSwapper) else (),
            matte_roles=tuple(n for n, role in enumerate(casting.roles) if role.matte is not None),
            left_out=_frames_of(tracks).difference(faces),
            others=_frames_of(track for track in everybody if track.track not in numbers),
            courses=courses,
            nearer=outline_nearer_faces(tracks, everybody, settings.smoothing),
            found_plans={number: found for number, (_, found) in enumerate(planned) if found is not None},
            warnings=(*(() if analysis is None else analysis.warnings), *casting.warnings),
        )

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """Number of each plan among those of its role: what grain follows from, whoever else is cast."""
        return tuple(self.roles[:number].count(role) for number, role in enumerate(self.roles))

    def count_painted(self, frames: range) -> int:
        """Counts the frames that show a face to swap."""
        return sum(frame in self.faces_by_frame for frame in frames)

    def opacity(self, number: int, frame: int) -> float:
        """Opacity of a plan's face in a frame that has it, above 0 to 1."""
        return self.track_plans[number].opacity_at(self._find_row(number, frame))

    def finds_occluders(self, number: int) -> bool:
        """Tells whether what is in front of a plan's face is looked for and left alone."""
        return any(look.mask.kind == "learned" for look in self.courses[number].looks)

    def keeps_glasses(self, number: int) -> bool:
        """Tells whether the glasses of a plan's performer stay by choice."""
        return any("glasses" in look.keep for look in self.courses[number].looks)

    def look(self, number: int, frame: int) -> LookSettings:
        """Look of a plan's face in a frame."""
        return self.courses[number].at(frame)

    def mesh(self, number: int, frame: int) -> Floats | None:
        """Mesh (478, 3), in frame pixels, of what is painted of a plan's face; None where none drives it."""
        plan = self.track_plans[number]
        meshes = plan.extra.get("wanted", plan.landmarks)
        return meshes[self._find_row(number, frame)] if meshes.shape[1] == POINTS else None

    def seen_mesh(self, number: int, frame: int) -> Floats:
        """The performer's landmarks, in frame pixels, of a plan's face."""
        return self.track_plans[number].landmarks[self._find_row(number, frame)]

    def part(self, frames: range) -> SwapPlan:
        """All that rendering needs of some frames; plans keep their numbers, and rows become others."""
        shown = {at: self.faces_by_frame[at] for at in frames if at in self.faces_by_frame}
        keys = [(number, at) for at, faces in shown.items() for number, _ in faces]
        first = {number: self.track_plans[number].find_rows(frames).start for number, _ in keys}
        plans = [NO_ROWS] * len(self.track_plans)
        for number in first:
            plans[number] = self.track_plans[number].part(frames)
        return replace(
            self,
            track_plans=tuple(plans),
            faces_by_frame={
                at: [(number, row - first[number]) for number, row in faces] for at, faces in shown.items()
            },
            left_out=frozenset(),
            others=frozenset(),
            appearances={number: self.appearances[number] for number in first if number in self.appearances},
            nearer={key: self.nearer[key] for key in keys if key in self.nearer},
            found_plans={},
            warnings=(),
            covers={at: self.covers[at] for at in frames if at in self.covers},
        )

    def _find_row(self, number: int, frame: int) -> int:
        return next(row for other, row in self.faces_by_frame[frame] if other == number)

    def crop_faces(self, frame: Frame, masks: FrameMasks = NO_FRAME_MASKS) -> dict[int, PlannedFace]:
        """Crops the faces of a frame, and its masks, by the number of their plan."""
        faces = {}
        for number, row in self.faces_by_frame.get(frame.index, ()):
            size = self.sizes[number]
            face = crop_face(self.track_plans[number], size, row, frame)
            faces[number] = replace(face, by_hand=masks.crop(face.matrix, size))
        return faces


def crop_face(plan: TrackPlan, size: int, row: int, frame: Frame) -> PlannedFace:
    """Crops the face of a track plan's row out of its frame."""
    matrix = plan.matrices[row]
    return PlannedFace(
        image=np.ascontiguousarray(crop_frame(frame, matrix, size)),
        matrix=matrix,
        landmarks=transform(plan.landmarks[row], matrix),
        extra={name: values[row] for name, values in plan.extra.items()},
    )


def crop_frame(frame: Frame, matrix: Floats, size: int) -> Image:
    """Crops a frame, as ``warp`` does, converting no more of it to RGB than the crop shows."""
    place = Rect(*shown(matrix, size, frame.size))
    # The matrix counts from the frame's corner, what is cropped here from that of the part.
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (place.left, place.top)
    return np.asarray(warp(frame.part(place), moved, size))


def _frames_of(tracks: Iterable[FaceTrack]) -> frozenset[int]:
    """Indices of the frames that show any of these faces."""
    return frozenset(frame for track in tracks for frame in track.frames.tolist())

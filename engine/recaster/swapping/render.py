"""Rendering of frames: frames go in, frames with swapped faces come out, a few frames later.

A frame waits until the colours of the frames after it are known, and what is in front of faces in them,
and frames are swapped in groups that begin at multiples of the batch: whatever frame a render starts
at, every frame comes out the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from recaster.appearance.light import compute_normals
from recaster.appearance.occluders import Occluders, glasses_mask
from recaster.faces.alignment import transform
from recaster.faces.topology import POINTS
from recaster.media.patches import paste_patches
from recaster.media.prefetch import prefetch
from recaster.swapping import colour_transfer
from recaster.swapping.casting import swapper_of
from recaster.swapping.composite import Layer, PaintedFace, composite, draw_mattes
from recaster.swapping.coverage import Reason, measure_coverage, measure_tint
from recaster.swapping.face_overlap import draw_outlines
from recaster.swapping.kept_parts import mask_kept_parts
from recaster.swapping.masks import compute_face_masks, limit_kept_in, remove_occluded
from recaster.swapping.performer_appearance import mask_in_frame
from recaster.swapping.performer_mix import fade_in, mix_performer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats, SwappedFace
    from recaster.media.types import Frame, Image, Patch, Plate
    from recaster.settings.look import LookSettings
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.casting import CastSwapper
    from recaster.swapping.coverage import Faces
    from recaster.swapping.mask_clips import FrameMasks, HandMasks
    from recaster.swapping.stage_timer import StageTimer
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import PlannedFace, Swapper

T = TypeVar("T")

PREFETCHED_FRAMES: Final = 4
"""Frames that one stage may be before the next."""
GRAIN_SEEDS_PER_FRAME: Final = 1009
"""More than a frame has faces, so that no two faces of one source have the same grain."""


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """One finished frame.

    Attributes:
        frame: the frame as it was.
        patches: the parts of it in which faces were swapped, or a label drawn.
        faces: how much of each was.
        painted: the faces themselves, where layers are asked for that need them.
        role_mattes: (height, width) uint8, where the faces of a role show, for roles that have a matte.
    """

    frame: Frame
    patches: Sequence[Patch]
    faces: Faces = ()
    painted: Sequence[PaintedFace] = ()
    role_mattes: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict)

    @property
    def plate(self) -> Plate:
        """The frame's plate, with all faces swapped."""
        return paste_patches(self.frame.plate, self.patches)

    @property
    def image(self) -> Image:
        """(height, width, 3) uint8 RGB, with all faces swapped."""
        if self.frame.view is None:
            return np.asarray(paste_patches(self.frame.image, self.patches), np.uint8)
        return np.rint(self.frame.view.decode(np.asarray(self.plate, np.float32))).astype(np.uint8)

    @property
    def matte(self) -> NDArray[np.uint8]:
        """(height, width) uint8, where they show."""
        matte = np.zeros(self.frame.size[::-1], np.uint8)
        for patch in self.patches:
            patch.place.crop(matte)[...] = patch.matte
        return matte


@dataclass(frozen=True, eq=False)
class _MeasuredFace:
    """A swapped face and what decides how it is laid over the frame; masks are (size, size) float32, 0 to 1.

    Attributes:
        look: of this face in this frame.
        target: the performer's face.
        whole: mask as the settings want it, if the model can paint all of the face.
        painted: mask of what the model has painted, but for what is kept.
        kept: mask of what stays the performer's by choice; None for nothing.
        foreground: mask of nearer faces and of the performer's own glasses; None for nothing.
        occlusion: probability that the face is hidden, place by place; None where nothing was found out.
        colours: measurements for ``colour_transfer.apply``, by each mode that any frame near may need.
        by_hand: masks that artists brought.
    """

    look: LookSettings
    target: PlannedFace
    swapped: SwappedFace
    whole: NDArray[np.float32]
    painted: NDArray[np.float32]
    kept: NDArray[np.float32] | None
    foreground: NDArray[np.float32] | None
    occlusion: Floats | None
    colours: Mapping[str, colour_transfer.Measured]
    by_hand: HandMasks

    def uncover(self, mask: NDArray[np.float32], opacity: float = 1.0) -> NDArray[np.float32]:
        """Removes from a mask what is found before the face, but where an artist wants the face."""
        return self.by_hand.add_kept(remove_occluded(mask, self.occlusion, self.foreground), opacity)


_MeasuredFrame = tuple["Frame", "Mapping[int, _MeasuredFace]"]
"""A frame and its faces, by their plans' numbers."""


class Renderer:
    """Renders frames of one clip; holds no state between calls."""

    def __init__(
        self, plan: SwapPlan, swapper: Swapper | CastSwapper, settings: SwapSettings, timer: StageTimer
    ) -> None:
        self._plan = plan
        self._swappers = [swapper_of(swapper, role) for role in plan.roles]
        self._settings = settings
        self._timer = timer
        self._keeps_faces = not {*settings.layers} <= {"frame", "face", "mesh"}
        self._occluders = Occluders() if plan.appearances else None

    def render(
        self, read: Callable[[int, int], Iterable[Frame]], wanted: range, available: range
    ) -> Iterator[RenderedFrame]:
        """Renders the frames ``wanted``.

        Args:
            read: the clip's frames from a first index to before a last one.
            wanted: which frames come out, in order.
            available: which frames may be looked at (colours and occluders are averaged over neighbours).
        """
        reach = _find_reach(self._plan)
        read_frames = find_read_frames(self._plan, self._settings, wanted, available)
        with contextlib.ExitStack() as stages:

            def stage(items: Iterable[T]) -> Iterator[T]:
                """In a thread of its own (stages mostly wait outside of Python) that ends with the render."""
                return stages.enter_context(contextlib.closing(prefetch(items, PREFETCHED_FRAMES)))

            span = read_frames.start, read_frames.stop
            decoded = zip(self._timer.each("decode", read(*span)), self._plan.masks.read(*span), strict=False)
            cropped = stage(self._crop_faces(decoded))
            swapped = stage(self._measure_faces(stage(self._swap_groups(cropped))))
            for frame, faces in _average_over_time(swapped, reach):
                if frame.index in wanted:
                    with self._timer.timing("composite"):
                        result = self._composite(frame, faces)
                    yield result

    def _crop_faces(
        self, frames: Iterable[tuple[Frame, FrameMasks]]
    ) -> Iterator[tuple[Frame, dict[int, PlannedFace]]]:
        """Crops the faces out of each frame, by their plans' numbers, and the masks that artists brought."""
        for frame, masks in frames:
            with self._timer.timing("crop"):
                faces = self._plan.crop_faces(frame, masks)
            yield frame, faces

    def _swap_groups(
        self, frames: Iterable[tuple[Frame, dict[int, PlannedFace]]]
    ) -> Iterator[tuple[Frame, dict[int, tuple[PlannedFace, SwappedFace]]]]:
        """Swaps the faces of each group of frames together."""
        for group in _batched(frames, self._settings.batch):
            by_swapper: dict[Swapper, list[PlannedFace]] = defaultdict(list)
            for _, planned in group:
                for number, face in planned.items():
                    by_swapper[self._swappers[number]].append(face)
            with self._timer.timing("swap"):
                swapped = {swapper: self._swap(swapper, faces) for swapper, faces in by_swapper.items()}
            for frame, planned in group:
                own = {number: next(swapped[self._swappers[number]]) for number in planned}
                yield frame, {number: (planned[number], face) for number, face in own.items()}

    def _swap(self, swapper: Swapper, faces: Sequence[PlannedFace]) -> Iterator[SwappedFace]:
        # A group of frames may have more faces than a batch holds.
        parts = _batched(faces, self._settings.batch)
        return iter([face for part in parts for face in swapper.swap(part)])

    def _measure_faces(
        self, frames: Iterable[tuple[Frame, dict[int, tuple[PlannedFace, SwappedFace]]]]
    ) -> Iterator[_MeasuredFrame]:
        """Finds what is before each frame's faces, and measures their light."""
        for frame, faces in frames:
            yield frame, {number: self._measure_face(frame, number, *face) for number, face in faces.items()}

    def _measure_face(
        self, frame: Frame, number: int, target: PlannedFace, swapped: SwappedFace
    ) -> _MeasuredFace:
        look = self._plan.look(number, frame.index)
        is_learned = look.mask.kind == "learned"
        with self._timer.timing("occluders"):
            occlusion = self._find_occlusion(frame, number, target)
            foreground = self._mask_foreground(frame, number, target, finds_glasses=is_learned)
        with self._timer.timing("mask"):
            by_hand = limit_kept_in(target.by_hand, swapped.mask, target.landmarks, look.mask)
            masks = compute_face_masks(swapped.mask, target.landmarks, look.mask)
            whole, painted = map(by_hand.add_kept, masks)
            # The inside of the mouth is the target's own.
            shown = painted if swapped.mouth is None else painted * (1 - swapped.mouth.share)
            shown = remove_occluded(shown, occlusion if is_learned else None, foreground)
            shown = by_hand.remove_left(shown)
            # Measured as if nothing were kept: what is painted looks the same beside it.
            modes = {each.colour for each in self._plan.courses[number].looks}
            colours = {mode: self._measure_colour(swapped, target, shown, mode) for mode in modes}
            kept = _mask_kept(target, look, self._plan.sizes[number])
            if kept is not None:
                painted = painted * (1 - kept)
                by_hand = by_hand.without(kept)
        return _MeasuredFace(
            look, target, swapped, whole, painted, kept, foreground, occlusion, colours, by_hand
        )

    def _find_occlusion(self, frame: Frame, number: int, face: PlannedFace) -> Floats | None:
        """Computes the probability that a face whose usual look is known is hidden, place by place."""
        appearance = self._plan.appearances.get(number)
        if self._occluders is None or appearance is None:
            return None
        # Beyond the frame's border its last pixels are repeated: nothing is in front there.
        inside = mask_in_frame(frame.size, face.matrix, self._plan.sizes[number])
        return inside * self._occluders.occlusion_probability(appearance, face.image, face.landmarks)

    def _mask_foreground(
        self, frame: Frame, number: int, face: PlannedFace, *, finds_glasses: bool
    ) -> NDArray[np.float32] | None:
        """Masks nearer faces, and the performer's own glasses where they are looked for, before a face."""
        masks = []
        if outlines := self._plan.nearer.get((number, frame.index)):
            masks.append(draw_outlines(outlines, face.matrix, self._plan.sizes[number]))
        appearance = self._plan.appearances.get(number)
        if appearance is not None and finds_glasses:
            glasses = glasses_mask(appearance, face.image, face.landmarks)
            if glasses is not None:
                masks.append(glasses)
        return np.maximum.reduce(masks) if masks else None

    def _measure_colour(
        self, swapped: SwappedFace, target: PlannedFace, mask: NDArray[np.float32], mode: str
    ) -> colour_transfer.Measured:
        """Measures the colours of a face where its mask shows it."""
        directions = None
        if mode == "light":  # it alone depends on which way each part of the face looks
            directions = compute_normals(target.landmarks, len(mask))
        mesh = target.landmarks if len(target.landmarks) == POINTS else None
        return colour_transfer.measure(swapped.image, target.image, mask, mode, directions, mesh)

    def _composite(self, frame: Frame, faces: Mapping[int, _MeasuredFace]) -> RenderedFrame:
        layers = []
        coverages = []
        painted = []
        for number, face in faces.items():
            swapped = face.swapped
            mode = face.look.colour
            seed = frame.index * GRAIN_SEEDS_PER_FRAME + self._plan.ranks[number]
            image = colour_transfer.apply(swapped.image, face.colours[mode], mode, seed)
            # The inside of the mouth is the target's own and has its light already.
            if swapped.mouth is not None:
                image += swapped.mouth.share[..., None] * (swapped.mouth.image - image)
            opacity = self._plan.opacity(number, frame.index)
            turned = face.painted * np.float32(opacity)
            uncovered = face.uncover(turned, opacity)
            visible = face.by_hand.remove_left(uncovered)
            tint = measure_tint(image, face.target.image, visible)
            layer = Layer(image, visible * fade_in(face.look.strength), swapped.matrix)
            layers.append(self._finish_layer(frame, number, face, layer))
            if self._keeps_faces:
                painted.append(self._keep_face(frame, number, face, layer))
            inside = mask_in_frame(frame.size, layer.matrix, len(layer.mask), side=len(layer.mask))
            # In the order in which they are taken off: each reason has what it took beyond those before it.
            left = {Reason.UNPAINTED: face.painted, Reason.TURNED: turned, Reason.HIDDEN: uncovered}
            left[Reason.KEPT_OUT] = visible
            track = self._plan.tracks[number]
            coverages.append(measure_coverage(track, face.whole, left, inside, layer.zoom, face.kept, tint))
        has_layer = "face" in self._settings.layers
        covers = self._plan.covers.get(frame.index, ())
        patches = composite(frame, layers, self._settings.label, has_layer=has_layer, covers=covers)
        shares = tuple(found for found in coverages if found is not None)
        roles = [self._plan.roles[number] for number in faces]
        mattes = draw_mattes(frame.size, layers, roles, self._plan.matte_roles)
        return RenderedFrame(frame, patches, shares, painted, mattes)

    def _finish_layer(self, frame: Frame, number: int, face: _MeasuredFace, layer: Layer) -> Layer:
        """Mixes the performer into a painted face as its look wants, and brings it to the plate's values."""
        wanted = self._plan.mesh(number, frame.index)
        if face.look.strength < 1 and wanted is not None:
            seen = self._plan.seen_mesh(number, frame.index)
            layer = mix_performer(frame, layer, seen, wanted, face.look.strength)
        if frame.view is None:
            return layer
        return dataclasses.replace(
            layer, image=frame.view.encode(layer.image), is_unbounded=frame.view.is_unbounded
        )

    def _keep_face(self, frame: Frame, number: int, face: _MeasuredFace, layer: Layer) -> PaintedFace:
        """Keeps of a face what layers show of it."""
        image = face.swapped.image.astype(np.float32)
        return PaintedFace(
            number,
            image if frame.view is None else frame.view.encode(image),
            layer.mask,
            face.whole - face.by_hand.remove_left(face.uncover(face.whole)),
            layer.matrix,
            self._plan.mesh(number, frame.index),
            frame.view is not None and frame.view.is_unbounded,
        )


def find_read_frames(plan: SwapPlan, settings: SwapSettings, wanted: range, available: range) -> range:
    """Finds the frames that are read to render those wanted.

    They begin at a multiple of the batch, so that a frame is always swapped with the same others.
    """
    reach = _find_reach(plan)
    before = wanted.start - available.start - reach
    after = wanted.stop - available.start + reach
    first = available.start + max(before - before % settings.batch, 0)
    return range(first, min(available.start + after + -after % settings.batch, available.stop))


def _find_reach(plan: SwapPlan) -> int:
    """Frames to either side over which colours and occluders are averaged."""
    occluders = colour_transfer.REACH_FRAMES if plan.appearances else 0
    modes = {look.colour for course in plan.courses for look in course.looks}
    return max(occluders, *map(colour_transfer.reach, modes))


def _mask_kept(face: PlannedFace, look: LookSettings, size: int) -> NDArray[np.float32] | None:
    """Masks what stays of a performer's face; None for nothing."""
    if not look.keep:
        return None
    wanted = face.extra.get("wanted")
    meshes = [face.landmarks] + ([] if wanted is None else [transform(wanted, face.matrix)])
    return mask_kept_parts(look.keep, look.keep_feather, meshes, size)


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Gathers ``items`` in lists of ``size``; the last one may be shorter."""
    iterator = iter(items)
    while group := list(itertools.islice(iterator, size)):
        yield group


def _average_over_time(frames: Iterable[_MeasuredFrame], reach: int) -> Iterator[_MeasuredFrame]:
    """Averages what was measured of each frame's faces over ``reach`` frames to either side."""
    past: deque[Mapping[int, _MeasuredFace]] = deque(maxlen=reach)
    waiting: deque[_MeasuredFrame] = deque()
    for item in frames:
        waiting.append(item)
        if len(waiting) > reach:
            yield _average_first(past, waiting)
    while waiting:
        yield _average_first(past, waiting)


def _average_first(
    past: deque[Mapping[int, _MeasuredFace]], waiting: deque[_MeasuredFrame]
) -> _MeasuredFrame:
    """Takes the first frame that waits, with the averages of its window, which is centred on it."""
    window = [*past, *(faces for _, faces in waiting)]
    centre = len(past)
    frame, faces = waiting.popleft()
    averaged = {}
    for number, face in faces.items():
        seen = [others.get(number) for others in window]
        mode = face.look.colour
        colours = [other.colours[mode] if other else None for other in seen]
        is_learned = face.look.mask.kind == "learned"
        occlusions = [other.occlusion if other and is_learned else None for other in seen]
        averaged[number] = dataclasses.replace(
            face,
            colours={mode: colour_transfer.average_measured(colours, centre)},
            occlusion=colour_transfer.average(occlusions, centre),
        )
    past.append(faces)  # as they were: an average of averages would reach farther
    return frame, averaged

"""Rendering of frames: frames go in, frames with swapped faces come out, a few frames later.

A frame waits until the colours of the frames after it are known, and what is in front of faces in them,
and frames are swapped in groups that begin at multiples of the batch: whatever frame a render starts
at, every frame comes out the same.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from recaster.appearance.light import compute_normals
from recaster.appearance.occluders import Occluders, glasses_mask, worn_glasses_mask
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
from recaster.swapping.light_course import find_measured
from recaster.swapping.masks import compute_face_masks, limit_kept_in, remove_occluded
from recaster.swapping.measured_faces import MeasuredFace, average_over_time, find_manners, find_read_frames
from recaster.swapping.performer_appearance import mask_in_frame
from recaster.swapping.performer_mix import fade_in, mix_performer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats, SwappedFace
    from recaster.media.types import Frame, Image, Patch, Plate
    from recaster.settings.look import LookSettings, MaskSettings
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.casting import CastSwapper
    from recaster.swapping.coverage import Faces
    from recaster.swapping.mask_clips import FrameMasks, HandMasks
    from recaster.swapping.measured_faces import Manner, MeasuredFrame
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

    def shown_again(self, frame: Frame) -> RenderedFrame:
        """The same picture in the place of another frame."""
        shown = copy.copy(self.frame)
        for name in ("index", "pts", "time"):  # frames are frozen
            object.__setattr__(shown, name, getattr(frame, name))
        return dataclasses.replace(self, frame=shown)

    @property
    def matte(self) -> NDArray[np.uint8]:
        """(height, width) uint8, where they show."""
        matte = np.zeros(self.frame.size[::-1], np.uint8)
        for patch in self.patches:
            patch.place.crop(matte)[...] = patch.matte
        return matte


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
        read_frames = find_read_frames(self._plan, self._settings, wanted, available)
        with contextlib.ExitStack() as stages:

            def stage(items: Iterable[T]) -> Iterator[T]:
                """In a thread of its own (stages mostly wait outside of Python) that ends with the render."""
                return stages.enter_context(contextlib.closing(prefetch(items, PREFETCHED_FRAMES)))

            span = read_frames.start, read_frames.stop
            decoded = zip(self._timer.each("decode", read(*span)), self._plan.masks.read(*span), strict=False)
            cropped = stage(self._crop_faces(decoded, available.start))
            swapped = stage(self._measure_faces(stage(self._swap_groups(cropped))))
            result: RenderedFrame | None = None
            for frame, faces in average_over_time(swapped):
                if frame.index not in wanted:
                    continue
                if result is not None and self._is_repeated(frame.index, available.start):
                    result = result.shown_again(frame)
                else:
                    with self._timer.timing("composite"):
                        result = self._composite(frame, faces)
                yield result

    def _is_repeated(self, index: int, first: int) -> bool:
        """Tells if a draft shows the frame before in a frame's place; ``first``: of the result's frames."""
        return self._settings.draft and (index - first) % 2 == 1

    def _crop_faces(
        self, frames: Iterable[tuple[Frame, FrameMasks]], first: int
    ) -> Iterator[tuple[Frame, dict[int, PlannedFace]]]:
        """Crops the faces out of each frame, by their plans' numbers, and the masks that artists brought."""
        for frame, masks in frames:
            if self._is_repeated(frame.index, first):
                yield frame, {}
                continue
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
    ) -> Iterator[MeasuredFrame]:
        """Finds what is before each frame's faces, and measures their light."""
        for group in _batched(frames, self._settings.batch):
            crops = [{number: face.image for number, (face, _) in faces.items()} for _, faces in group]
            lit = find_measured(crops)
            for at, (frame, faces) in enumerate(group):
                yield (
                    frame,
                    {
                        number: self._measure_face(frame, number, *face, has_light=(at, number) in lit)
                        for number, face in faces.items()
                    },
                )

    def _measure_face(
        self, frame: Frame, number: int, target: PlannedFace, swapped: SwappedFace, *, has_light: bool
    ) -> MeasuredFace:
        look = self._plan.look(number, frame.index)
        manners = find_manners(self._plan.courses[number], frame.index)
        kinds = {mask.kind == "learned" for mask, _ in manners}
        with self._timer.timing("occluders"):
            occlusion = self._find_occlusion(frame, number, target) if True in kinds else None
            foregrounds = {
                is_learned: self._mask_foreground(frame, number, target, finds_glasses=is_learned)
                for is_learned in kinds
            }
        with self._timer.timing("mask"):
            masks = {mask: _mask_face(target, swapped, mask) for mask in {each for each, _ in manners}}
            colours: dict[Manner, colour_transfer.Measured] = {}
            for mask, mode in manners:
                if mode == "light" and not has_light:
                    colours[mask, mode] = None
                    continue
                by_hand, _, shown = masks[mask]
                is_learned = mask.kind == "learned"
                if swapped.mouth is not None:  # the inside of the mouth is the target's own
                    shown = shown * (1 - swapped.mouth.share)
                shown = remove_occluded(shown, occlusion if is_learned else None, foregrounds[is_learned])
                shown = by_hand.remove_left(shown)
                # Measured as if nothing were kept: what is painted looks the same beside it.
                colours[mask, mode] = self._measure_colour(swapped, target, shown, mode)
            by_hand, whole, painted = masks[look.mask]
            kept = self._mask_kept(number, target, look)
            if kept is not None:
                painted = painted * (1 - kept)
                by_hand = by_hand.without(kept)
        foreground = foregrounds[look.mask.kind == "learned"]
        return MeasuredFace(
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

    def _mask_kept(self, number: int, face: PlannedFace, look: LookSettings) -> NDArray[np.float32] | None:
        """Masks what stays of a performer's face by choice; None for nothing."""
        if not look.keep:
            return None
        wanted = face.extra.get("wanted")
        meshes = [face.landmarks] + ([] if wanted is None else [transform(wanted, face.matrix)])
        appearance = self._plan.appearances.get(number)
        glasses = None
        if appearance is not None and "glasses" in look.keep:
            glasses = worn_glasses_mask(appearance, face.image, face.landmarks)
        return mask_kept_parts(look.keep, look.keep_feather, meshes, self._plan.sizes[number], glasses)

    def _measure_colour(
        self, swapped: SwappedFace, target: PlannedFace, mask: NDArray[np.float32], mode: str
    ) -> colour_transfer.Measured:
        """Measures the colours of a face where its mask shows it."""
        directions = None
        if mode == "light":  # it alone depends on which way each part of the face looks
            directions = compute_normals(target.landmarks, len(mask))
        mesh = target.landmarks if len(target.landmarks) == POINTS else None
        return colour_transfer.measure(swapped.image, target.image, mask, mode, directions, mesh)

    def _composite(self, frame: Frame, faces: Mapping[int, MeasuredFace]) -> RenderedFrame:
        layers = []
        coverages = []
        painted = []
        for number, face in faces.items():
            swapped = face.swapped
            mode = face.look.colour
            colours = face.colours[face.look.mask, mode]
            seed = frame.index * GRAIN_SEEDS_PER_FRAME + self._plan.ranks[number]
            image = colour_transfer.apply(swapped.image, colours, mode, seed)
            # The inside of the mouth is the target's own and has its light already.
            if swapped.mouth is not None:
                swapped.mouth.show_in(image)
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
            track = self._plan.tracks[number]
            kept = (face.kept, tint, face.by_hand.keep_out)
            coverages.append(measure_coverage(track, face.whole, left, inside, layer.zoom, *kept))
        has_layer = "face" in self._settings.layers
        covers = self._plan.covers.get(frame.index, ())
        patches = composite(frame, layers, self._settings.label, has_layer=has_layer, covers=covers)
        shares = tuple(found for found in coverages if found is not None)
        roles = [self._plan.roles[number] for number in faces]
        mattes = draw_mattes(frame.size, layers, roles, self._plan.matte_roles)
        return RenderedFrame(frame, patches, shares, painted, mattes)

    def _finish_layer(self, frame: Frame, number: int, face: MeasuredFace, layer: Layer) -> Layer:
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

    def _keep_face(self, frame: Frame, number: int, face: MeasuredFace, layer: Layer) -> PaintedFace:
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


def _mask_face(
    target: PlannedFace, swapped: SwappedFace, settings: MaskSettings
) -> tuple[HandMasks, NDArray[np.float32], NDArray[np.float32]]:
    """Masks a face as settings have it: what artists brought, and both of ``compute_face_masks`` with it."""
    by_hand = limit_kept_in(target.by_hand, swapped.mask, target.landmarks, settings)
    whole, painted = compute_face_masks(swapped.mask, target.landmarks, settings)
    return by_hand, by_hand.add_kept(whole), by_hand.add_kept(painted)


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Gathers ``items`` in lists of ``size``; the last one may be shorter."""
    iterator = iter(items)
    while group := list(itertools.islice(iterator, size)):
        yield group

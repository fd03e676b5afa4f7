"""Rendering of frames: frames go in, frames with swapped faces come out, a few frames later.

A frame waits until the colours of the frames after it are known, and what is in front of faces in them,
and frames are swapped in groups that begin at multiples of the batch: whatever frame a render starts
at, every frame comes out the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from recaster.appearance.light import compute_normals
from recaster.appearance.occluders import Occluders, glasses_mask, occlusion_mask
from recaster.faces.topology import POINTS
from recaster.media.patches import paste_patches
from recaster.media.prefetch import prefetch
from recaster.swapping import colour_transfer
from recaster.swapping.composite import Layer, composite
from recaster.swapping.coverage import Reason, measure_coverage
from recaster.swapping.face_overlap import draw_outlines
from recaster.swapping.masks import compute_face_mask
from recaster.swapping.performer_appearance import mask_in_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats, SwappedFace
    from recaster.media.types import Frame, Image, Patch
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.coverage import FaceCoverage, Faces
    from recaster.swapping.stage_timer import StageTimer
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import PlannedFace, Swapper

T = TypeVar("T")

PREFETCHED_FRAMES: Final = 4
"""Frames that one stage may be before the next."""
GRAIN_SEEDS_PER_FRAME: Final = 1009
"""More than a frame has faces, so that no two faces of a clip have the same grain."""


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """One finished frame.

    Attributes:
        frame: the frame as it was.
        patches: the parts of it in which faces were swapped, or a label drawn.
        faces: how much of each was.
    """

    frame: Frame
    patches: Sequence[Patch]
    faces: Faces = ()

    @property
    def image(self) -> Image:
        """(height, width, 3) uint8 RGB, with all faces swapped."""
        return paste_patches(self.frame.image, self.patches)

    @property
    def matte(self) -> NDArray[np.uint8]:
        """(height, width) uint8, where they show."""
        matte = np.zeros(self.frame.size[::-1], np.uint8)
        for patch in self.patches:
            patch.place.crop(matte)[...] = patch.matte
        return matte


@dataclass(frozen=True, eq=False)
class _CroppedFrame:
    """A frame and the crops of its faces, by plan."""

    frame: Frame
    faces: Mapping[int, PlannedFace]


@dataclass(frozen=True, eq=False)
class _Masks:
    """Masks of one face, (size, size) float32, 0 to 1.

    Attributes:
        whole: as the settings want it, if the model can paint all of the face.
        painted: of what the model has painted.
    """

    whole: NDArray[np.float32]
    painted: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _SwappedFrame:
    """A frame whose faces are swapped, by plan.

    Attributes:
        frame: the frame as it was.
        faces: swapped faces and their masks.
        foreground: masks of nearer faces and of the performer's own glasses, (size, size), 0 to 1.
        colours: measurements for ``colour_transfer.apply``.
        occlusions: probabilities that a face is hidden, place by place; None where nothing was found out.
    """

    frame: Frame
    faces: Mapping[int, tuple[SwappedFace, _Masks]]
    foreground: Mapping[int, NDArray[np.float32]]
    colours: Mapping[int, colour_transfer.Measured]
    occlusions: Mapping[int, Floats | None]


class Renderer:
    """Renders frames of one clip; holds no state between calls."""

    def __init__(self, plan: SwapPlan, swapper: Swapper, settings: SwapSettings, timer: StageTimer) -> None:
        self._plan = plan
        self._swapper = swapper
        self._settings = settings
        self._timer = timer
        self._occluders = Occluders() if plan.appearances else None

    def render(
        self, read: Callable[[int, int], Iterable[Frame]], wanted: range, available: range
    ) -> Iterator[RenderedFrame]:
        """Renders the frames ``wanted``.

        Args:
            read: the clip's frames from a first index to before a last one.
            wanted: which frames come out.
            available: which frames may be looked at (colours and occluders are averaged over neighbours).

        Yields:
            The finished frames in order.
        """
        reach = self._reach()
        batch = self._settings.batch
        # Read from a multiple of the batch on, so that a frame is always swapped with the same others.
        before = wanted.start - available.start - reach
        after = wanted.stop - available.start + reach
        first = available.start + max(before - before % batch, 0)
        last = min(available.start + after + -after % batch, available.stop)
        with contextlib.ExitStack() as stages:

            def stage(items: Iterable[T]) -> Iterator[T]:
                """In a thread of its own (stages mostly wait outside of Python) that ends with the render."""
                return stages.enter_context(contextlib.closing(prefetch(items, PREFETCHED_FRAMES)))

            cropped = stage(self._crop_faces(self._timer.each("decode", read(first, last))))
            swapped = stage(self._measure_faces(stage(self._swap_groups(cropped))))
            for item in _average_over_time(swapped, reach):
                if item.frame.index in wanted:
                    with self._timer.timing("composite"):
                        result = self._composite(item)
                    yield result

    def _reach(self) -> int:
        """Frames before and after one that it depends on."""
        occluder_reach = colour_transfer.REACH_FRAMES if self._occluders else 0
        return max(colour_transfer.reach(self._settings.colour), occluder_reach)

    def _crop_faces(self, frames: Iterable[Frame]) -> Iterator[_CroppedFrame]:
        """Crops the faces out of each frame."""
        for frame in frames:
            with self._timer.timing("crop"):
                cropped = _CroppedFrame(frame, self._plan.crop_faces(frame))
            yield cropped

    def _swap_groups(
        self, frames: Iterable[_CroppedFrame]
    ) -> Iterator[tuple[_CroppedFrame, dict[int, SwappedFace]]]:
        """Swaps the faces of each group of frames together."""
        for group in _batched(frames, self._settings.batch):
            faces = [face for cropped in group for face in cropped.faces.values()]
            with self._timer.timing("swap"):
                swapped = iter(self._swap_in_batches(faces))
            for cropped in group:
                yield cropped, {number: next(swapped) for number in cropped.faces}

    def _swap_in_batches(self, faces: list[PlannedFace]) -> list[SwappedFace]:
        # A group of frames may have more faces than a batch holds.
        batches = _batched(faces, self._settings.batch)
        return [swapped for batch in batches for swapped in self._swapper.swap(batch)]

    def _measure_faces(
        self, frames: Iterable[tuple[_CroppedFrame, dict[int, SwappedFace]]]
    ) -> Iterator[_SwappedFrame]:
        """Finds what is before each frame's faces, and measures their light."""
        for cropped, swapped in frames:
            with self._timer.timing("occluders"):
                occlusions = self._find_occlusions(cropped)
                foreground = self._mask_foreground(cropped)
            with self._timer.timing("mask"):
                masks = {
                    number: self._mask(face.mask, cropped.faces[number].landmarks)
                    for number, face in swapped.items()
                }
                colours = {
                    number: self._measure_colour(
                        face,
                        cropped.faces[number],
                        _remove_occluded(
                            _remove_mouth(face, masks[number].painted),
                            occlusions.get(number),
                            foreground.get(number),
                        ),
                    )
                    for number, face in swapped.items()
                }
            faces = {number: (face, masks[number]) for number, face in swapped.items()}
            yield _SwappedFrame(cropped.frame, faces, foreground, colours, occlusions)

    def _find_occlusions(self, cropped: _CroppedFrame) -> dict[int, Floats | None]:
        """Computes the probabilities that faces whose usual look is known are hidden, place by place."""
        if self._occluders is None:
            return {}
        occlusions: dict[int, Floats | None] = {}
        for number, face in cropped.faces.items():
            if appearance := self._plan.appearances.get(number):
                # Beyond the frame's border its last pixels are repeated: nothing is in front there.
                inside = mask_in_frame(cropped.frame.size, face.matrix, self._plan.size)
                probability = self._occluders.occlusion_probability(appearance, face.image, face.landmarks)
                occlusions[number] = inside * probability
        return occlusions

    def _mask_foreground(self, cropped: _CroppedFrame) -> dict[int, NDArray[np.float32]]:
        """Masks nearer faces and the performer's own glasses before each face."""
        foreground = {}
        for number, face in cropped.faces.items():
            masks = []
            if outlines := self._plan.nearer.get((number, cropped.frame.index)):
                masks.append(draw_outlines(outlines, face.matrix, self._plan.size))
            appearance = self._plan.appearances.get(number)
            if appearance is not None:
                glasses = glasses_mask(appearance, face.image, face.landmarks)
                if glasses is not None:
                    masks.append(glasses)
            if masks:
                foreground[number] = np.maximum.reduce(masks)
        return foreground

    def _measure_colour(
        self, swapped: SwappedFace, target: PlannedFace, mask: NDArray[np.float32]
    ) -> colour_transfer.Measured:
        """Measures the colours of a face where its mask shows it."""
        mode = self._settings.colour
        directions = None
        if mode == "light":  # it alone depends on which way each part of the face looks
            directions = compute_normals(target.landmarks, self._plan.size)
        mesh = target.landmarks if len(target.landmarks) == POINTS else None
        return colour_transfer.measure(swapped.image, target.image, mask, mode, directions, mesh)

    def _mask(self, learned: NDArray[np.float32], landmarks: Floats) -> _Masks:
        """Masks what is painted over, and what would be if the model left nothing out."""
        settings = self._settings.mask
        painted = compute_face_mask(learned, landmarks, settings)
        if settings.kind != "learned":
            return _Masks(painted, painted)
        return _Masks(compute_face_mask(np.ones_like(learned), landmarks, settings), painted)

    def _composite(self, item: _SwappedFrame) -> RenderedFrame:
        layers = []
        coverages = []
        for number, (face, masks) in item.faces.items():
            seed = item.frame.index * GRAIN_SEEDS_PER_FRAME + number
            image = colour_transfer.apply(face.image, item.colours[number], self._settings.colour, seed)
            # The inside of the mouth is the target's own and has its light already.
            if face.mouth is not None:
                image += face.mouth.share[..., None] * (face.mouth.image - image)
            turned = masks.painted * np.float32(self._plan.opacity(number, item.frame.index))
            visible = _remove_occluded(turned, item.occlusions.get(number), item.foreground.get(number))
            layers.append(Layer(image, visible, face.matrix))
            # In the order in which they are taken off: each reason has what it took beyond those before it.
            left = {Reason.UNPAINTED: masks.painted, Reason.TURNED: turned, Reason.HIDDEN: visible}
            coverages.append(self._measure_coverage(item.frame, number, masks.whole, left, layers[-1]))
        patches = composite(item.frame, layers, self._settings.label)
        faces = tuple(coverage for coverage in coverages if coverage is not None)
        return RenderedFrame(item.frame, patches, faces)

    def _measure_coverage(
        self,
        frame: Frame,
        number: int,
        whole: NDArray[np.float32],
        left: Mapping[Reason, NDArray[np.float32]],
        layer: Layer,
    ) -> FaceCoverage | None:
        """Measures how much of a face is swapped, and what took the rest."""
        size = self._plan.size
        inside = mask_in_frame(frame.size, layer.matrix, size, side=size)
        return measure_coverage(self._plan.tracks[number], whole, left, inside, layer.zoom)


def _remove_occluded(
    mask: NDArray[np.float32], occlusion: Floats | None, foreground: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Removes what is in front of a face from its mask."""
    if occlusion is not None:
        mask = mask * (1 - occlusion_mask(occlusion, len(mask)))
    return mask if foreground is None else mask * (1 - foreground)


def _remove_mouth(face: SwappedFace, mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Removes what shows the target's own mouth from a face's mask."""
    return mask if face.mouth is None else mask * (1 - face.mouth.share)


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Gathers ``items`` in lists of ``size``; the last one may be shorter."""
    group: list[T] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


Measurements = tuple["Mapping[int, colour_transfer.Measured]", "Mapping[int, Floats | None]"]
"""Colours and occlusions of one frame's faces."""


def _average_over_time(items: Iterable[_SwappedFrame], reach: int) -> Iterator[_SwappedFrame]:
    """Averages what was measured of each frame's faces over ``reach`` frames to either side."""
    past: deque[Measurements] = deque(maxlen=reach)
    waiting: deque[_SwappedFrame] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > reach:
            yield _average_first(past, waiting)
    while waiting:
        yield _average_first(past, waiting)


def _average_first(past: deque[Measurements], waiting: deque[_SwappedFrame]) -> _SwappedFrame:
    """Takes the first frame that waits, with the averages of its window, which is centred on it."""
    window = [*past, *((item.colours, item.occlusions) for item in waiting)]
    centre = len(past)
    item = waiting.popleft()
    colours = {
        number: colour_transfer.average_measured([seen.get(number) for seen, _ in window], centre)
        for number in item.faces
    }
    occlusions = {
        number: colour_transfer.average([seen.get(number) for _, seen in window], centre)
        for number in item.occlusions
    }
    past.append((item.colours, item.occlusions))  # as they were: an average of averages would reach farther
    return dataclasses.replace(item, colours=colours, occlusions=occlusions)

"""The second pass: frames go in, frames with swapped faces come out, a few frames later.

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

from recaster.appearance.light import CELLS
from recaster.appearance.normals import compute_normals
from recaster.appearance.occluders import Occluders, glasses_mask, occlusion_mask
from recaster.faces.topology import POINTS
from recaster.media.patches import paste_patches
from recaster.media.prefetch import prefetch
from recaster.swapping import colour_transfer
from recaster.swapping.composite import Layer, composite
from recaster.swapping.coverage import Reason, coverage_of
from recaster.swapping.face_overlap import draw_outlines
from recaster.swapping.masks import face_mask
from recaster.swapping.performer_appearance import in_frame

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
            patch.place.of(matte)[...] = patch.matte
        return matte


@dataclass(frozen=True, eq=False)
class _CroppedFrame:
    """A frame and its faces by plan, before or after the network."""

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
    """A frame whose faces are swapped: masks, what is in front of them, and what was seen of colours."""

    frame: Frame
    faces: Mapping[int, tuple[SwappedFace, _Masks]]
    front: Mapping[int, NDArray[np.float32]]
    statistics: Mapping[int, colour_transfer.Measured]
    occlusion_probability: Mapping[int, Floats | None]


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
        """Render the frames ``wanted``.

        Args:
            read: the clip's frames from a first index to before a last one.
            wanted: which frames come out.
            available: which frames may be looked at (colours and occluders are averaged over neighbours).

        Yields:
            The finished frames in order.
        """
        reach, batch = self._reach(), self._settings.batch
        before = wanted.start - available.start - reach
        after = wanted.stop - available.start + reach
        first = available.start + max(before - before % batch, 0)
        last = min(available.start + after + -after % batch, available.stop)
        with contextlib.ExitStack() as stages:

            def stage(items: Iterable[T]) -> Iterator[T]:
                """In a thread of its own (stages mostly wait outside of Python) that ends with the render."""
                return stages.enter_context(contextlib.closing(prefetch(items, PREFETCHED_FRAMES)))

            cuts = stage(self._cut(self._timer.each("decode", read(first, last))))
            for painted in _steadied(stage(self._painted(stage(self._swapped(cuts)))), reach):
                if painted.frame.index in wanted:
                    with self._timer.timing("composite"):
                        result = self._composited(painted)
                    yield result

    def _reach(self) -> int:
        """How many frames before and after one it depends on."""
        return max(
            colour_transfer.reach(self._settings.colour), colour_transfer.REACH if self._occluders else 0
        )

    def _cut(self, frames: Iterable[Frame]) -> Iterator[_CroppedFrame]:
        """Cut the faces out of each frame."""
        for frame in frames:
            with self._timer.timing("crop"):
                cut = _CroppedFrame(frame, self._plan.crop_faces(frame))
            yield cut

    def _swapped(
        self, cut_out: Iterable[_CroppedFrame]
    ) -> Iterator[tuple[_CroppedFrame, dict[int, SwappedFace]]]:
        """Swap the faces of each group of frames together."""
        for cuts in _groups(cut_out, self._settings.batch):
            planned = [face for cut in cuts for face in cut.faces.values()]
            with self._timer.timing("swap"):
                swapped = iter(self._in_batches(planned))
            for cut in cuts:
                yield cut, {number: next(swapped) for number in cut.faces}

    def _painted(
        self, faces: Iterable[tuple[_CroppedFrame, dict[int, SwappedFace]]]
    ) -> Iterator[_SwappedFrame]:
        """Look at what is before each frame's faces, and at their light."""
        for cut, swapped in faces:
            with self._timer.timing("occluders"):
                occlusion_probability, front = self._chances(cut), self._in_front(cut)
            with self._timer.timing("mask"):
                painted = self._measured(cut, swapped, occlusion_probability, front)
            yield painted

    def _in_batches(self, faces: list[PlannedFace]) -> list[SwappedFace]:
        return [
            swapped for batch in _groups(faces, self._settings.batch) for swapped in self._swapper.swap(batch)
        ]

    def _chances(self, cut: _CroppedFrame) -> dict[int, Floats | None]:
        """How likely the faces whose usual look is known are hidden, and where."""
        if self._occluders is None:
            return {}
        found: dict[int, Floats | None] = {}
        for number, face in cut.faces.items():
            if look := self._plan.appearances.get(number):
                seen = in_frame(cut.frame.size, face.matrix, self._plan.size)
                found[number] = seen * self._occluders.occlusion_probability(look, face.image, face.landmarks)
        return found

    def _in_front(self, cut: _CroppedFrame) -> dict[int, NDArray[np.float32]]:
        """Where nearer faces and the performer's own glasses are before each face."""
        found = {}
        for number, face in cut.faces.items():
            outlines, look = (
                self._plan.nearer.get((number, cut.frame.index)),
                self._plan.appearances.get(number),
            )
            glasses = None if look is None else glasses_mask(look, face.image, face.landmarks)
            nearer = draw_outlines(outlines, face.matrix, self._plan.size) if outlines else None
            if known := [one for one in (nearer, glasses) if one is not None]:
                found[number] = np.maximum.reduce(known)
        return found

    def _measured(
        self,
        cut: _CroppedFrame,
        swapped: Mapping[int, SwappedFace],
        occlusion_probability: Mapping[int, Floats | None],
        front: Mapping[int, NDArray[np.float32]],
    ) -> _SwappedFrame:
        masks = {
            number: self._masks(face.mask, cut.faces[number].landmarks) for number, face in swapped.items()
        }
        statistics = {
            number: colour_transfer.measure(
                face.image,
                cut.faces[number].image,
                _behind(
                    _changed(face, masks[number].painted),
                    occlusion_probability.get(number),
                    front.get(number),
                ),
                self._settings.colour,
                self._normals(cut.faces[number]),
                _mesh(cut.faces[number]),
            )
            for number, face in swapped.items()
        }
        faces = {number: (swapped[number], masks[number]) for number in swapped}
        return _SwappedFrame(cut.frame, faces, front, statistics, occlusion_probability)

    def _masks(self, learned: NDArray[np.float32], landmarks: Floats) -> _Masks:
        """What is painted over, and what would be if the model left nothing out."""
        settings = self._settings.mask
        painted = face_mask(learned, landmarks, settings)
        if settings.kind != "learned":
            return _Masks(painted, painted)
        return _Masks(face_mask(np.ones_like(learned), landmarks, settings), painted)

    def _normals(self, face: PlannedFace) -> Floats | None:
        """Which way the face looks, where its light depends on that."""
        if self._settings.colour != "light":
            return None
        return compute_normals(face.landmarks, self._plan.size, CELLS)

    def _composited(self, painted: _SwappedFrame) -> RenderedFrame:
        layers, faces = [], []
        for number, (face, masks) in painted.faces.items():
            seed = painted.frame.index * GRAIN_SEEDS_PER_FRAME + number
            image = colour_transfer.apply(face.image, painted.statistics[number], self._settings.colour, seed)
            if face.mouth is not None:
                image += face.mouth.share[..., None] * (face.mouth.image - image)
            turned = masks.painted * np.float32(self._plan.opacity(number, painted.frame.index))
            seen = _behind(turned, painted.occlusion_probability.get(number), painted.front.get(number))
            layers.append(Layer(image, seen, face.matrix))
            left = {Reason.UNPAINTED: masks.painted, Reason.TURNED: turned, Reason.HIDDEN: seen}
            faces.append(self._covered(painted.frame, number, masks.whole, left, layers[-1]))
        patches = composite(painted.frame, layers, self._settings.label)
        return RenderedFrame(painted.frame, patches, tuple(face for face in faces if face is not None))

    def _covered(
        self,
        frame: Frame,
        number: int,
        whole: NDArray[np.float32],
        left: Mapping[Reason, NDArray[np.float32]],
        layer: Layer,
    ) -> FaceCoverage | None:
        """How much of a face is swapped, and what took the rest."""
        size = self._plan.size
        inside = in_frame(frame.size, layer.matrix, size, side=size)
        return coverage_of(self._plan.tracks[number], whole, left, inside, layer.zoom)


def _mesh(face: PlannedFace) -> Floats | None:
    """The mesh of a face in its crop; None where its landmarks are others."""
    return face.landmarks if len(face.landmarks) == POINTS else None


def _behind(
    mask: NDArray[np.float32], occlusion_probability: Floats | None, front: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """A face's mask without what is in front of the face."""
    for covered in (
        None if occlusion_probability is None else occlusion_mask(occlusion_probability, len(mask)),
        front,
    ):
        mask = mask if covered is None else mask * (1 - covered)
    return mask


def _changed(face: SwappedFace, mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """A face's mask without what shows the target's own mouth."""
    return mask if face.mouth is None else mask * (1 - face.mouth.share)


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` in lists of ``size``; the last one may be shorter."""
    group: list[T] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


Seen = tuple["Mapping[int, colour_transfer.Measured]", "Mapping[int, Floats | None]"]
"""Of one frame: what was measured of its faces' colours, and how likely they are hidden."""


def _steadied(items: Iterable[_SwappedFrame], reach: int) -> Iterator[_SwappedFrame]:
    """Each frame with what was seen of its faces averaged over ``reach`` frames to either side."""
    past: deque[Seen] = deque(maxlen=reach)
    waiting: deque[_SwappedFrame] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > reach:
            yield _averaged(past, waiting)
    while waiting:
        yield _averaged(past, waiting)


def _averaged(past: deque[Seen], waiting: deque[_SwappedFrame]) -> _SwappedFrame:
    window, at = [*past, *((item.statistics, item.occlusion_probability) for item in waiting)], len(past)
    item = waiting.popleft()
    statistics = {
        n: colour_transfer.average_measured([seen.get(n) for seen, _ in window], at) for n in item.faces
    }
    occlusion_probability = {
        n: colour_transfer.average([seen.get(n) for _, seen in window], at)
        for n in item.occlusion_probability
    }
    past.append((item.statistics, item.occlusion_probability))
    return dataclasses.replace(item, statistics=statistics, occlusion_probability=occlusion_probability)

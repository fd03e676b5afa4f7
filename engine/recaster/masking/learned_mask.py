"""A mask of what is in front of a clip's faces, learned of a few frames that an artist corrected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.face_appearance import FINE_PX
from recaster.appearance.occluders import Occluders, glasses_mask, occlusion_mask
from recaster.errors import FaceNotFoundError
from recaster.faces import geometry
from recaster.faces.alignment import invert, warp, zoom
from recaster.faces.neutral_shape import compute_canonical_mesh, mesh_to_crop
from recaster.faces.smoothing import smooth
from recaster.masking.face_samples import (
    SHARPER,
    WIDER,
    MaskedFace,
    PixelFeatures,
    choose_pixels,
    join_pixels,
    outline_region,
    split_pixels,
    vary,
)
from recaster.masking.mask_course import Known, gather, join
from recaster.masking.mask_edges import SHARP_PX, learn_edges, refine, to_logits, to_probabilities
from recaster.masking.pixel_classifier import EPOCHS, learn_classifier
from recaster.progress import Report, Update, silent
from recaster.settings.look_course import LookCourse
from recaster.swapping.swap_plan import SwapPlan, crop_frame
from recaster.swapping.swapper import TrackPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence

    from recaster.faces.types import FaceTrack, Floats, Floats32, Uint8s
    from recaster.masking.corrected_frames import CorrectedFrame
    from recaster.masking.pixel_classifier import PixelClassifier
    from recaster.media.types import Frame, Image
    from recaster.settings.detection import Smoothing

EXAMPLES: Final = 200
SHARP_EXAMPLES: Final = 40
"""Faces to learn what is in front from, and its edges: the corrected ones, and variations of those."""
_MARGIN_PX: Final = 25
"""Around a face's outline up to which the mask is written: swaps feather within it."""
MIN_PIXELS: Final = 80
"""Of a crop, below which a part of the mask is a speck."""
_HARDNESS: Final = 4.0
"""Slope of the mask's edge over that of the probability."""
_BLOCK_FRAMES: Final = 16
_AHEAD_FRAMES: Final = 8
"""Frames that are drawn together, and how many after them are looked at for that."""


@dataclass(frozen=True, eq=False)
class LearnedMask:
    """Classifiers learned of corrected frames, and these.

    Attributes:
        pixels: classifier of the features of four pixels.
        edges: classifier of pixels about an edge.
        corrected: masks (height, width) by their frames' indices.
    """

    pixels: PixelClassifier
    edges: PixelClassifier
    corrected: Mapping[int, Floats32]


def plan_crops(tracks: Sequence[FaceTrack], smoothing: Smoothing) -> SwapPlan:
    """Plans the crops of faces, whoever may be put on them."""
    plans = [_plan_track(track, smoothing) for track in tracks]
    faces: dict[int, list[tuple[int, int]]] = {}
    for number, plan in enumerate(plans):
        for row, frame in enumerate(plan.frames.tolist()):
            faces.setdefault(frame, []).append((number, row))
    count = len(plans)
    numbers = tuple(track.track for track in tracks)
    return SwapPlan(
        (FINE_PX,) * count, tuple(plans), faces, numbers, (0,) * count, courses=(LookCourse(),) * count
    )


def _plan_track(track: FaceTrack, smoothing: Smoothing) -> TrackPlan:
    landmarks = smooth(track.landmarks, track.times, smoothing)
    shape = mesh_to_crop(compute_canonical_mesh(landmarks), FINE_PX)
    return TrackPlan(track.frames, geometry.fit_crop(landmarks, shape), landmarks)


def learn(
    plan: SwapPlan, corrected: Iterable[CorrectedFrame], seed: int, report: Report = silent
) -> LearnedMask:
    """Learns what is in front of faces from corrected frames; the same frames and seed give the same.

    Args:
        plan: of ``plan_crops``, with appearances.

    Raises:
        FaceNotFoundError: none of the frames shows one of the plan's faces.
    """
    given = list(corrected)
    faces = [face for each in given for face in _crop_corrected(plan, each, 1)]
    if not faces:
        raise FaceNotFoundError("none of the corrected frames shows the face, or too little is seen of it")
    random = np.random.default_rng(seed)
    finder = PixelFeatures()
    pixels = _learn_pixels(faces, finder, random, report)
    sharp = [face for each in given for face in _crop_corrected(plan, each, SHARPER)]
    examples = ((face, _find_coarse(face, finder, pixels)) for face in _vary(sharp, SHARP_EXAMPLES, random))

    def tick(epoch: int) -> None:
        report(Update("learning edges", epoch, EPOCHS))

    return LearnedMask(
        pixels, learn_edges(examples, random, tick), {each.frame.index: each.mask for each in given}
    )


def _learn_pixels(
    faces: Sequence[MaskedFace], finder: PixelFeatures, random: np.random.Generator, report: Report
) -> PixelClassifier:
    features = []
    wanted = []
    for number, face in enumerate(_vary(faces, EXAMPLES, random), 1):
        chosen = choose_pixels(face, random)
        found = finder.find(face.appearance, face.image, face.points)
        features.append(found[chosen].astype(np.float16))
        wanted.append(split_pixels(face.mask)[chosen])
        report(Update("looking at corrected faces", number, max(EXAMPLES, len(faces))))

    def tick(epoch: int) -> None:
        report(Update("learning", epoch, EPOCHS))

    return learn_classifier(np.concatenate(features), np.concatenate(wanted), random, tick)


def _vary(faces: Sequence[MaskedFace], count: int, random: np.random.Generator) -> Iterator[MaskedFace]:
    """The faces, and as many variations of them as make ``count``."""
    yield from faces
    for _ in range(count - len(faces)):
        yield vary(faces, random)


def _find_coarse(face: MaskedFace, finder: PixelFeatures, pixels: PixelClassifier) -> Floats32:
    """Probabilities (FINE_PX, FINE_PX) of a sharp face."""
    image = np.asarray(cv2.resize(face.image, (FINE_PX, FINE_PX), interpolation=cv2.INTER_AREA), np.uint8)
    return join_pixels(pixels.probabilities(finder.find(face.appearance, image, face.points)))


def _crop_corrected(plan: SwapPlan, corrected: CorrectedFrame, scale: int) -> Iterator[MaskedFace]:
    side = scale * FINE_PX
    for number, face in plan.crop_faces(corrected.frame).items():
        appearance = plan.appearances.get(number)
        if appearance is not None:
            matrix = zoom(face.matrix, scale)
            image = face.image if scale == 1 else crop_frame(corrected.frame, matrix, side)
            mask = np.asarray(warp(corrected.mask, matrix, side), np.float32)
            wide = matrix + np.array([[0, 0, 1], [0, 0, 1]]) * (WIDER - 1) * side / 2
            wide_image = crop_frame(corrected.frame, wide, WIDER * side)
            wide_mask = np.asarray(warp(corrected.mask, wide, WIDER * side), np.float32)
            yield MaskedFace(appearance, image, face.landmarks, mask, wide_image, wide_mask)


def draw_automatic(plan: SwapPlan, frame: Frame, occluders: Occluders) -> Uint8s:
    """Draws what is found before the faces of a frame by itself, (height, width) uint8, 0 to 255."""
    masks = []
    for number, face in plan.crop_faces(frame).items():
        if appearance := plan.appearances.get(number):
            hidden = occluders.occlusion_probability(appearance, face.image, face.landmarks)
            mask = occlusion_mask(hidden, FINE_PX)
            glasses = glasses_mask(appearance, face.image, face.landmarks)
            mask = mask if glasses is None else np.maximum(mask, glasses)
            masks.append((face.matrix, mask * outline_region(face.landmarks, 1)))
    return _paste(masks, frame.size)


@dataclass(frozen=True, eq=False)
class _SeenFace:
    """A face of a frame, looked at by itself.

    Attributes:
        matrix: of the sharp crop.
        image: (SHARP_PX, SHARP_PX, 3).
        known: of the coarse crop (FINE_PX, FINE_PX).
        region: (FINE_PX, FINE_PX), 1 where the mask is written.
        corrected: (SHARP_PX, SHARP_PX), the artist's mask, if there is one.
    """

    matrix: Floats
    image: Image
    known: Known
    region: Uint8s
    corrected: Floats32 | None


_Seen = tuple["Frame", "Mapping[int, _SeenFace]"]


def draw_learned(
    plan: SwapPlan, frames: Iterable[Frame], learned: LearnedMask
) -> Iterator[tuple[Frame, Uint8s]]:
    """Draws what is in front of the faces of frames, (height, width) uint8, 0 to 255, some frames later."""
    finder = PixelFeatures()
    waiting: list[_Seen] = []
    states: dict[int, Known | None] = {}
    for frame in frames:
        waiting.append((frame, _look(plan, frame, finder, learned)))
        if len(waiting) == _BLOCK_FRAMES + _AHEAD_FRAMES:
            yield from _draw_first(waiting, _BLOCK_FRAMES, states, learned)
            del waiting[:_BLOCK_FRAMES]
    yield from _draw_first(waiting, len(waiting), states, learned)


def _look(plan: SwapPlan, frame: Frame, finder: PixelFeatures, learned: LearnedMask) -> dict[int, _SeenFace]:
    """Looks at the faces of a frame by itself."""
    seen = {}
    by_hand = learned.corrected.get(frame.index)
    for number, face in plan.crop_faces(frame).items():
        if appearance := plan.appearances.get(number):
            matrix = zoom(face.matrix, SHARPER)
            if by_hand is None:
                corrected = None
                features = finder.find(appearance, face.image, face.landmarks)
                hidden = join_pixels(learned.pixels.probabilities(features))
            else:
                corrected = np.asarray(warp(by_hand, matrix, SHARP_PX), np.float32)
                hidden = np.asarray(warp(by_hand, face.matrix, FINE_PX), np.float32)
            seen[number] = _SeenFace(
                matrix,
                crop_frame(frame, matrix, SHARP_PX),
                Known.of(face.image, to_logits(hidden)),
                outline_region(face.landmarks, _MARGIN_PX),
                corrected,
            )
    return seen


def _draw_first(
    seen: Sequence[_Seen], count: int, states: MutableMapping[int, Known | None], learned: LearnedMask
) -> Iterator[tuple[Frame, Uint8s]]:
    """Draws the first frames of those seen; ``states`` is what is known of faces up to them, and goes on."""
    hidden: dict[tuple[int, int], Floats32] = {}
    for number in sorted({number for _, faces in seen for number in faces}):
        own = [faces[number].known if number in faces else None for _, faces in seen]
        before = gather(own[:count], states.get(number))
        after = gather(own[::-1])[::-1]
        states[number] = before[-1] if before else None
        for row, (alone, past, future) in enumerate(zip(own, before, after, strict=False)):
            if alone is not None and past is not None and future is not None:
                hidden[row, number] = to_probabilities(join(alone, past, future))
    for row, (frame, faces) in enumerate(seen[:count]):
        masks = [(face.matrix, _finish(face, hidden[row, number], learned)) for number, face in faces.items()]
        yield frame, _paste(masks, frame.size)


def _finish(face: _SeenFace, hidden: Floats32, learned: LearnedMask) -> Floats32:
    """Finishes a face's mask, (SHARP_PX, SHARP_PX): with the picture's edges, or as the artist has it."""
    mask = face.corrected
    if mask is None:
        sharp = refine(face.image, _drop_specks(hidden), learned.edges)
        mask = np.clip((sharp - np.float32(0.5)) * np.float32(_HARDNESS) + np.float32(0.5), 0, 1)
    region = cv2.resize(face.region, (SHARP_PX, SHARP_PX), interpolation=cv2.INTER_NEAREST)
    return np.asarray(mask * region, np.float32)


def _drop_specks(hidden: Floats32) -> Floats32:
    """Drops specks of what is in front, and closes holes as small."""
    cleaned = hidden.copy()
    for inside, value in ((hidden > 0.5, 0.0), (hidden <= 0.5, 1.0)):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=4)
        small = stats[:, cv2.CC_STAT_AREA] < MIN_PIXELS
        small[0] = False
        cleaned[small[labels]] = value
    return cleaned


def _paste(masks: Iterable[tuple[Floats, Floats32]], size: tuple[int, int]) -> Uint8s:
    """Puts masks of crops, with their matrices, into a frame of (width, height); the largest value counts."""
    whole = np.zeros(size[::-1], np.float32)
    for matrix, mask in masks:
        np.maximum(whole, cv2.warpAffine(mask, invert(matrix), size), out=whole)
    return np.asarray(np.rint(whole * 255), np.uint8)

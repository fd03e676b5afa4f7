"""Layers of clips whose pixels are no squares."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from layered_swaps import ALLOWED, COUNT, Made, make_deep_clip, over

from recaster.media.clip import Clip

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("rotation", [0, 90])
def test_layers_of_anamorphic_clips_lie_on_the_stored_plate(swap: Any, tmp_path: Path, rotation: int) -> None:
    clip = make_deep_clip(tmp_path / "clip.mp4", Fraction(4, 3), rotation)
    swap(clip, tmp_path)
    made = Made(tmp_path, clip)
    for number, frame in enumerate(Clip(clip).read(0, COUNT), 1):
        told = made.tracking["frames"][number - 1]
        assert tuple(made.tracking["size"]) == frame.size
        plate = np.rot90(np.asarray(frame.stored_plate, np.float32) / 255, rotation // 90)
        face = made.layer(number, "face")
        result = made.layer(number, "")
        assert result.shape == plate.shape
        assert 0.6 < np.mean(face[..., 3] == 0) < 1
        assert np.abs(result - plate)[face[..., 3] == 0].max() < ALLOWED / 3
        assert np.abs(result - plate).max() > 0.2
        off = np.abs(over(face, plate) - result)
        assert off[face[..., 3] == 1].max() < ALLOWED
        # Within its edge the result is the plate stretched and squeezed again.
        assert off.max() < 12 / 1024
        height, width = plate.shape[:2]
        x = (np.arange(width) + 0.5) * frame.size[0] / width - 0.5
        y = (np.arange(height) + 0.5) * frame.size[1] / height - 0.5
        x, y = np.meshgrid(x, y)
        for each in told["faces"]:
            u, v, known = np.moveaxis(made.layer(number, f"st_{each['slot']}"), -1, 0)
            assert set(np.unique(known)) == {0, 1}
            (a, b, c), (d, e, f) = each["plate_to_crop"]
            size = made.tracking["crop_size"]
            inside = known == 1
            assert np.abs(u - (a * x + b * y + c + 0.5) / size)[inside].max() < 1e-4
            assert np.abs(1 - v - (d * x + e * y + f + 0.5) / size)[inside].max() < 1e-4
            lengths = np.linalg.norm(made.layer(number, f"normals_{each['slot']}"), axis=-1)
            shown = lengths > 0
            assert np.abs(lengths[shown] - 1).max() < 0.002
            points = np.array(each["mesh"])
            middle = np.array([x[shown].mean(), y[shown].mean()])
            assert np.abs(middle - (points.max(0) + points.min(0))[:2] / 2).max() < 2

"""Face layers and mattes in a real Blender: over the original they are the swapped frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from tests.addon.conftest import Blender

FACE = np.s_[90:250, 90:230]
ABOVE = np.s_[:40]
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def read_levels(path: str) -> np.ndarray:
    """A PNG of 16 bits, in levels of 8 bits."""
    return cv2.imread(path, cv2.IMREAD_UNCHANGED)[..., ::-1].astype(np.float32) / 257


def test_a_layer_over_its_original_is_the_whole_frame(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("layered", tmp_path, **facts, out=tmp_path)
    assert found["parts"] == {
        "frame": ["shot (Face Swap)", 2, True, "ALPHA_OVER", [41, 49]],
        "face": ["shot (Face Layer)", 3, False, "ALPHA_OVER", [41, 49]],
        "matte": ["shot (Face Matte)", 4, True, "ALPHA_OVER", [41, 49]],
    }
    shown = {name: read_levels(path) for name, path in found["pictures"].items()}
    error = np.abs(shown["layer"] - shown["whole"])
    assert np.abs(shown["whole"] - shown["original"])[FACE].mean() > 3
    assert error[ABOVE].max() == 0
    assert error.mean() < 0.4
    assert error.max() < 16  # a colour of the whole frame's spans four pixels
    luma = np.abs((shown["layer"] - shown["whole"]) @ LUMA)
    assert luma.max() < 5
    assert luma.mean() < 0.4
    half = (shown["layer"] + shown["original"]) / 2
    assert np.abs(shown["half"] - half).mean() < 0.5  # opacity is the sequencer's own
    graded = shown["graded"] - shown["original"]
    assert np.abs(graded[ABOVE]).max() < 0.1  # outside of the matte nothing is graded
    assert graded[150:190, 140:180].mean() > 10


def test_layers_follow_their_strips_in_time(
    blender: Blender, facts: dict[str, Any], short: Path, tmp_path: Path
) -> None:
    blender.run("layered_in_time", tmp_path, **facts)
    blender.run("layered_slowly", tmp_path, **{**facts, "clip": short})

"""Masks of Blender go along with their strip, in real Blenders and with a real engine."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from recaster.media.reader import read_frames
from recaster.media.sheet import load_image

if TYPE_CHECKING:
    from tests.addon.conftest import Blender


def test_a_mask_keeps_its_part_of_the_picture_out_when_it_is_there(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("drawn_masks", tmp_path, **facts)
    mattes = [frame.image[..., 0] for frame in read_frames(Path(found["matte"]))]
    # The strip begins with the file's 4th frame, the mask is there from its 7th on.
    assert len(mattes) == 6
    lefts = [bool((matte[:, :150] > 40).any()) for matte in mattes]
    rights = [bool((matte[:, 170:] > 200).any()) for matte in mattes]
    assert lefts == [True, True, True, False, False, False]
    assert all(rights)
    assert found["end"] == 5, "the mask is as it was"
    frames = list(read_frames(Path(facts["clip"]), 7, 8))
    shown = load_image(Path(found["preview"])).astype(int)
    assert abs(shown[:, :150] - frames[0].image[:, :150]).max() <= 2
    assert abs(shown[120:220, 170:210] - frames[0].image[120:220, 170:210]).mean() > 2


def test_a_mask_strip_is_a_mask_as_it_lies_over_the_strip(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("strip_masks", tmp_path, clip=facts["clip"])
    assert found["nothing"] is None, "the choice is the mask strip, and none is chosen"
    assert found["kind"] == "keep_out"
    shown = _read_masks(Path(found["packed"]))
    # It is there at frames 107 to 109 of the timeline, which show frames 6 to 8 of the file.
    assert [bool(mask.any()) for mask in shown] == [3 <= at < 6 for at in range(10)]
    # The picture's middle is 40 to the left of the strip's, whose pixels are 1.6 of the scene's.
    [border] = {int(np.argmax(mask[160] < 128)) for mask in shown[3:6]}
    assert abs(border - (160 - 40 / 1.6)) <= 1
    # Of the strip's picture the scene shows the middle alone.
    assert shown[4][60:260, :130].min() == 255
    assert shown[4][:40].max() == 0
    assert shown[4][:, 140:].max() == 0
    backwards = _read_masks(Path(found["reverse"]))
    assert not any(mask.any() for mask in backwards), "those frames are shown at another time"
    assert found["gone"] == "Choose another mask strip: half isn't in this scene any more"


def test_masks_are_rendered_a_few_frames_at_a_time(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("masks_in_steps", tmp_path, **facts)
    assert found["line"].startswith("Recaster: 1 swap, rendering masks: frame ")
    assert "Wait until the masks of shot are rendered" in found["refused"]
    mattes = [frame.image[..., 0] for frame in read_frames(Path(found["matte"]))]
    assert len(mattes) == 36
    assert [bool((matte[:, :150] > 40).any()) for matte in mattes] == [at < 3 for at in range(36)]
    assert found["steps"] > 6
    # Seconds of Blender's main thread alone, whatever else the machine does: some 7 ms a frame of this size.
    assert found["usual"] < 0.05


def test_masks_that_cant_be_written_end_their_swap_alone(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("masks_fail", tmp_path, **facts)
    for where in ("in a window", "without"):
        stage, trouble = found[where]
        assert stage == "failed"
        assert "masks" in trouble, "the file in the way is named"
    assert found["sent"] == 1


def test_masks_that_are_changed_while_they_are_rendered_are_not_sent(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("masks_changed", tmp_path, clip=facts["clip"])
    changed = "A mask was changed while it was rendered, or what it lies over: swap it again"
    unharmed = ("nothing", "playhead", "selection")
    assert found == {name: "" if name in unharmed else changed for name in found}


def test_masks_are_kept_until_their_job_is_made(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    assert blender.run("masks_kept", tmp_path, **facts) == {"same": 0, "edited": 1}


def test_masks_of_a_shared_range_need_one_of_its_strips(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("shared_masks", tmp_path, **facts)
    assert found == {"shot": ["cancelled", ""], "second": ["placed", ""]}


def _read_masks(path: Path) -> list[np.ndarray]:
    """The pictures of a zip, grey."""
    with zipfile.ZipFile(path) as packed:
        names = sorted(packed.namelist())
        return [cv2.imdecode(np.frombuffer(packed.read(name), np.uint8), 0) for name in names]

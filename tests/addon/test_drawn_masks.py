"""Masks of Blender go along with their strip, in real Blenders and with a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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

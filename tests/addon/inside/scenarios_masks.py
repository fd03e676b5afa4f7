"""Masks that are drawn in Blender decide where a face shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import kit


def drawn_masks(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A mask that comes at the 7th frame of the file keeps the left half out of a trimmed strip."""
    scene, strip = kit.shot(engine, token, face, clip, 4, 10)
    mask = _left_half(bpy.data.masks.new("half"), from_frame=7)
    mask.frame_start = 1
    mask.frame_end = 5
    strip.recaster.keep_out = mask
    strip.recaster.matte = True
    about = kit.part("swap.previews").view_of(strip)
    scene.frame_set(8)
    assert bpy.ops.sequencer.recaster_preview() == {"FINISHED"}
    kit.until(lambda: about.preview or about.trouble)
    assert not about.trouble
    results = {one.recaster.part: one for one in kit.swap(scene, strip)}
    assert [each.name for each in bpy.data.scenes] == [scene.name], "no scene is left behind"
    assert not list((kit.part("config").cache_folder() / "masks").iterdir())
    end = mask.frame_end
    bpy.data.masks.remove(mask)
    assert strip.recaster.keep_out is None
    matte = results["matte"]
    return {
        "matte": bpy.path.abspath(matte.filepath),
        "preview": str(Path(about.preview)),
        "end": end,
    }


def _left_half(mask: Any, from_frame: int) -> Any:
    """A mask of the left half, that isn't there before a frame of the mask."""
    layer = mask.layers.new()
    spline = layer.splines.new()
    spline.points.add(4 - len(spline.points))
    for point, place in zip(spline.points, ((-0.5, -0.5), (0.5, -0.5), (0.5, 1.5), (-0.5, 1.5)), strict=True):
        point.co = place
        point.handle_left_type = point.handle_right_type = "VECTOR"
        point.handle_left = point.handle_right = place
    spline.use_cyclic = True
    for frame, alpha in ((from_frame - 1, 0.0), (from_frame, 1.0)):
        layer.alpha = alpha
        layer.keyframe_insert("alpha", frame=frame)
    return mask

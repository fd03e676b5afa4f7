"""Strips of pictures that a movie can't hold come back as strips of such pictures."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_layers import write_still
from scenarios_rights import drawn


def kept_pictures(
    engine: str, token: str, face: str, clip: str, folder: str, space: str, out: str
) -> dict[str, Any]:
    """A trimmed strip of pictures with handles and a matte; swapped again, undone, saved and opened."""
    kit.enable(engine, token)
    del clip  # its pictures are what is swapped
    scene = kit.fresh(fps=24)
    file = Path(out) / "edit.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    strip = _image_strip(scene, folder)
    strip.colorspace_settings.name = space
    strip.alpha_mode = "PREMUL"
    strip.transform.scale_x = 1.25
    strip.use_flip_x = True
    kit.trim(strip, 13, 17)
    own = strip.recaster
    own.face = face
    own.handles = 1
    _look_at(scene, strip)
    own.result = "both"
    refusal = kit.refusal()
    own.result = "frame"
    own.matte = True
    panel = kit.part("swap.panels").RECASTER_PT_result
    texts = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    results = {one.recaster.part: one for one in kit.swap(scene, strip)}
    _compare(scene, strip, results["frame"])
    pictures = _stills(scene, strip, results["frame"], Path(out))
    assert not bpy.ops.sequencer.recaster_sign_render.poll()
    assert kit.addon_state().unsigned_renders  # the stills
    first = _folder_of(results["frame"])
    matte = _folder_of(results["matte"])
    assert results["matte"].mute
    assert len(results["matte"].elements) == len(results["frame"].elements)
    by_part = _replace(scene, strip, first, file)
    assert by_part["frame"].directory.startswith("//")
    assert _folder_of(by_part["frame"]) == first
    _compare(bpy.context.scene, by_part[""], by_part["frame"])
    return {"texts": sorted(texts), "refusal": refusal, "result": first, "matte": matte, "stills": pictures}


def _look_at(scene: Any, strip: Any) -> None:
    """People are found, a frame is previewed and faces are extracted as of any other strip."""
    about = kit.part("swap.previews").view_of(strip)
    assert bpy.ops.sequencer.recaster_find_people() == {"FINISHED"}
    kit.until(lambda: about.people or about.trouble)
    assert (len(about.people), about.trouble) == (1, "")
    scene.frame_set(15)
    assert bpy.ops.sequencer.recaster_preview() == {"FINISHED"}
    kit.until(lambda: about.preview or about.trouble)
    assert not about.trouble
    assert bpy.ops.recaster.add_strips(role="source") == {"FINISHED"}
    extraction = kit.addon_state().extractions["source"]
    kit.until(lambda: scene.recaster.source or extraction.trouble)
    assert not extraction.trouble
    faceset = scene.recaster.source
    find_faceset = kit.part("engine.catalog").find_faceset
    kit.until(lambda: getattr(find_faceset(faceset), "faces", 0) == 4)  # without handles


def _replace(scene: Any, strip: Any, first: str, file: Path) -> dict[str, Any]:
    """Swaps again and takes that back, saves and opens; returns the strips by their parts."""
    strip.recaster.matte = False
    [again] = kit.swap(scene, strip)
    assert again.type == "IMAGE"
    assert again.channel == 2
    assert len(kit.strips(scene)) == 2
    assert _folder_of(again) != first
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    assert len(kit.strips(scene)) == 3
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(file))
    return {one.recaster.part: one for one in kit.strips(bpy.context.scene)}


def _image_strip(scene: Any, folder: str) -> Any:
    names = sorted(path.name for path in Path(folder).iterdir())
    compat = kit.part("compat")
    strip = compat.new_pictures(scene.sequence_editor, "shot", f"{folder}/{names[0]}", names, 1, 11)
    kit.select(scene, strip)
    return strip


def _folder_of(strip: Any) -> str:
    return str(Path(bpy.path.abspath(strip.directory)).resolve())


def _compare(scene: Any, strip: Any, result: Any) -> None:
    """A result is an image strip that shows a picture with the same name at every frame, in the same way."""
    file_frame = kit.part("swap.source_range").file_frame
    assert result.type == "IMAGE"
    assert kit.span(result) == kit.span(strip) == (13, 17)
    for frame in range(13, 17):
        shown = [one.elements[file_frame(one, scene, frame)].filename for one in (strip, result)]
        assert shown[0] == shown[1], (frame, shown)
    assert len(result.elements) == 6  # with the handles
    assert result.colorspace_settings.name == strip.colorspace_settings.name
    assert result.alpha_mode == "PREMUL"
    assert round(result.transform.scale_x, 4) == 1.25
    assert result.use_flip_x
    assert result.channel == 2


def _stills(scene: Any, strip: Any, result: Any, out: Path) -> list[str]:
    """A frame as the result and as the original have it."""
    paths = []
    for name, hidden in (("result", strip), ("original", result)):
        hidden.mute = True
        paths.append(write_still(scene, 15, out / f"{name}.png"))
        hidden.mute = False
    return paths

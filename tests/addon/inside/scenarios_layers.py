"""The face comes back as a layer over the untouched original, and its matte as a strip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import kit


def write_still(scene: Any, frame: int, path: Path) -> str:
    """Renders one frame of the sequencer as a PNG of 16 bits."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    settings.color_mode = "RGB"
    settings.color_depth = "16"
    scene.render.use_sequencer = True
    scene.render.filepath = str(path)
    scene.frame_set(frame)
    bpy.ops.render.render(write_still=True)
    return str(path)


def _by_part(strips: list[Any]) -> dict[str, Any]:
    return {strip.recaster.part: strip for strip in strips}


def layered(engine: str, token: str, face: str, clip: str, out: str) -> dict[str, Any]:
    """Whole frame, face layer and matte; swapped again, saved, opened and undone."""
    folder = Path(out)
    scene, strip = kit.shot(engine, token, face, clip, 41, 49)
    file = folder / "layered.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    strip.recaster.result = "both"
    strip.recaster.matte = True
    strip.recaster.mute = True
    strip.recaster.codec = "ffv1"  # no loss of its own
    results = _by_part(kit.swap(scene, strip))
    found = {
        part: [one.name, one.channel, one.mute, one.blend_type, kit.span(one)]
        for part, one in results.items()
    }
    assert not strip.mute  # a layer needs something below
    mode = results["face"].alpha_mode
    pictures = {"layer": write_still(scene, 45, folder / "layer.png")}
    results["face"].mute = True
    pictures["original"] = write_still(scene, 45, folder / "original.png")
    results["frame"].mute = False
    pictures["whole"] = write_still(scene, 45, folder / "whole.png")
    results["frame"].mute = True
    grade = strip.modifiers.new("grade", "BRIGHT_CONTRAST")
    grade.bright = 20.0
    grade.input_mask_type = "STRIP"
    grade.input_mask_strip = results["matte"]
    pictures["graded"] = write_still(scene, 45, folder / "graded.png")
    grade.mute = True
    results["face"].mute = False
    results["face"].blend_alpha = 0.5
    pictures["half"] = write_still(scene, 45, folder / "half.png")
    results["frame"].mute = False
    results["face"].mute = True

    matte = results["matte"].name
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(file))
    scene = bpy.context.scene
    [strip] = [one for one in kit.strips(scene) if one.name == "shot"]
    assert strip.modifiers[0].input_mask_strip.name == matte
    _replace(scene, strip)
    return {"parts": found, "mode": mode, "pictures": pictures}


def _replace(scene: Any, strip: Any) -> None:
    """Swaps again, with other choices: each part takes the place of the one before, or leaves with it."""
    [grade] = strip.modifiers
    again = _by_part(kit.swap(scene, strip))
    assert len(kit.strips(scene)) == 4
    assert grade.input_mask_strip == again["matte"]
    assert not again["matte"].modifiers
    assert [again[part].mute for part in ("frame", "face", "matte")] == [False, True, True]
    assert [again[part].channel for part in ("frame", "face", "matte")] == [2, 3, 4]

    strip.recaster.result = "face"
    strip.recaster.matte = False
    [only] = kit.swap(scene, strip)
    assert only.recaster.part == "face"
    assert only.channel == 3
    assert only.mute  # as the editor has left it
    assert len(kit.strips(scene)) == 2
    assert grade.input_mask_strip is None
    bpy.ops.ed.undo()  # one step takes back all three that left
    scene = bpy.context.scene
    assert len(kit.strips(scene)) == 4
    strip = next(one for one in kit.strips(scene) if one.name == "shot")
    strip.recaster.result = "frame"
    strip.recaster.matte = False  # which undo has brought back
    [whole] = kit.swap(scene, strip)
    assert whole.recaster.part == "frame"
    assert strip.mute
    assert len(kit.strips(scene)) == 2


def layered_in_time(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Layers of strips that are turned, retimed, under an effect and graded."""
    compat = kit.part("compat")
    scene, strip = kit.shot(engine, token, face, clip, 11, 17)
    strip.recaster.result = "face"
    strip.recaster.matte = True
    strip.use_reverse_frames = True
    strip.transform.rotation = 0.5
    strip.transform.scale_x = 1.25
    strip.use_flip_x = True
    strip.modifiers.new("grade", "BRIGHT_CONTRAST").bright = 5.0
    strip.keyframe_insert("blend_alpha", frame=11)
    strips = compat.strips_in(scene.sequence_editor)
    known = {one.identifier for one in strips.bl_rna.functions["new_effect"].parameters}
    end = {"length": 6} if "length" in known else {"frame_end": 17}
    given = {"input1" if "input1" in known else "seq1": strip}
    effect = strips.new_effect(name="soft", type="GAUSSIAN_BLUR", channel=2, frame_start=11, **end, **given)
    results = _by_part(kit.swap(scene, strip))
    assert sorted(results) == ["face", "matte"]
    copies = [one for one in kit.strips(scene) if compat.effect_input(one) in results.values()]
    for part, one in results.items():
        assert kit.span(one) == kit.span(strip)
        assert one.use_reverse_frames
        assert one.use_flip_x
        assert round(one.transform.rotation, 4) == 0.5
        assert round(one.transform.scale_x, 4) == 1.25
        assert [modifier.name for modifier in one.modifiers] == (["grade"] if part == "face" else [])
    assert sorted((one.name, one.channel, one.mute, one.blend_type) for one in copies) == [
        ("soft (Face Layer)", 4, False, "ALPHA_OVER"),
        ("soft (Face Matte)", 6, True, "ALPHA_OVER"),
    ]
    assert effect.channel == 2

    return {}


def layered_slowly(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """The layer of a strip that is retimed."""
    scene, strip = kit.shot(engine, token, face, clip)
    strip.recaster.result = "face"
    with kit.part("compat").in_sequencer(scene):
        bpy.ops.sequencer.retiming_key_add(timeline_frame=21)
    strip.retiming_keys[1].timeline_frame = 31
    kit.trim(strip, 5, 38)
    [layer] = kit.swap(scene, strip)
    keys = [[int(key.timeline_frame) for key in one.retiming_keys] for one in (strip, layer)]
    assert keys[0] == keys[1]
    assert kit.span(layer) == kit.span(strip) == (5, 38)
    assert layer.blend_type == "ALPHA_OVER"
    assert layer.recaster.part == "face"
    return {}

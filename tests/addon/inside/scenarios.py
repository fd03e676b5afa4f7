"""Strips are swapped, and come back as they were asked for."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import addon_utils
import bpy
import kit


def install(zip_path: str) -> dict[str, Any]:
    """Install the built extension through Blender, and turn it off and on twice."""
    done = bpy.ops.extensions.package_install_files(
        filepath=zip_path, repo="user_default", enable_on_install=True
    )
    assert done == {"FINISHED"}
    for _ in range(2):
        assert kit.ADDON in [one.module for one in bpy.context.preferences.addons]
        assert hasattr(bpy.types.Scene, "recaster")
        kit.part("engine.session").engine_state()
        kit.until(
            lambda: not kit.part("engine.session").engine_state().online and kit.addon_state().connection
        )
        addon_utils.disable(kit.ADDON, default_set=True)
        assert not hasattr(bpy.types.Scene, "recaster")
        assert not hasattr(kit.part("compat").STRIP, "recaster")
        assert [one.name for one in threading.enumerate() if one.name == "recaster"] == []
        addon_utils.enable(kit.ADDON, default_set=True)
    return {"version": bpy.app.version_string, "temporary": bpy.app.tempdir}


def choices() -> dict[str, Any]:
    """Choices of the panels, and their defaults."""
    kit.enable()
    own = kit.fresh()
    strip = (
        kit.part("compat")
        .strips_in(own.sequence_editor)
        .new_effect(name="any", type="COLOR", channel=1, frame_start=1, **_until(own, 10))
    )
    chosen = strip.recaster
    profiles = ("prores_profile", "dnxhr_profile")
    names = ("mask", "colour", "smoothing", "codec", *profiles, "result", "label", "label_language")
    known = {name: chosen.bl_rna.properties[name].enum_items for name in (*names, "keep")}
    numbers = ("feather", "erode", "strength", "keep_feather", "expression", "gaze")
    untouched = {name: getattr(chosen, name) for name in (*names, *numbers)}
    chosen.keep = {"nose", "eyes"}
    chosen.strength = 0.3
    choice = kit.part("swap.strip_choices").StripChoices.of(strip)
    options = kit.part("swap.strip_choices").to_swap_options(None, choice, "0-1")
    return {
        "numbers": {name: {one.identifier: one.value for one in items} for name, items in known.items()},
        "defaults": untouched,
        "sent": {"keep": list(options.keep), "strength": options.strength, "gaze": options.gaze},
    }


def _until(scene: Any, end: int) -> dict[str, int]:
    """Keywords that end a new effect of frame 1 on."""
    strips = kit.part("compat").strips_in(scene.sequence_editor)
    known = {one.identifier for one in strips.bl_rna.functions["new_effect"].parameters}
    return {"length": end} if "length" in known else {"frame_end": end}


def look_of(strip: Any) -> dict[str, Any]:
    """Properties that a result must share with its strip."""
    return {
        "offset": (strip.transform.offset_x, strip.transform.offset_y),
        "scale": round(strip.transform.scale_x, 5),
        "crop": (strip.crop.min_x, strip.crop.max_y),
        "blend": (strip.blend_type, round(strip.blend_alpha, 5)),
        "flip": strip.use_flip_x,
        "saturation": round(strip.color_saturation, 5),
        "span": kit.span(strip),
        "modifiers": [(one.name, one.type, round(getattr(one, "bright", 0), 4)) for one in strip.modifiers],
        "curves": [
            [tuple(round(value, 4) for value in point.location) for point in curve.points]
            for one in strip.modifiers
            if one.type == "CURVES"
            for curve in one.curve_mapping.curves
        ],
        "colours": strip.colorspace_settings.name,
    }


def trimmed(engine: str, token: str, face: str, clip: str, out: str) -> dict[str, Any]:
    """A trimmed 25 fps clip with sound in a 24 fps scene."""
    kit.enable(engine, token)
    scene = kit.fresh(fps=24)
    sounds = scene.sequence_editor.strips if hasattr(scene.sequence_editor, "strips") else None
    sounds = scene.sequence_editor.sequences if sounds is None else sounds
    with_sound = bpy.app.build_options.audaspace  # 4.2 as a Python module has none
    if with_sound:
        sounds.new_sound("voice", clip, 1, 11)
    strip = kit.movie(scene, clip, channel=2, start=11)
    kit.trim(strip, 41, 61)
    strip.recaster.face = face
    [result] = kit.swap(scene, strip)
    assert result.channel == 3
    assert not strip.mute
    assert kit.span(result) == (41, 61)
    assert kit.part("compat").content_duration(result) == 20
    assert scene.render.fps == 24
    kit.render(scene, Path(out) / "swapped.mp4", 41, 60)
    result.mute = True
    kit.render(scene, Path(out) / "original.mp4", 41, 60)
    alike = look_of(result) == look_of(strip)
    return {"result": bpy.path.abspath(result.filepath), "look": alike, "sound": with_sound}


def dress(strip: Any) -> None:
    """Gives a strip whatever changes its look."""
    strip.transform.offset_x = 12
    strip.transform.scale_x = 1.5
    strip.crop.min_x = 3
    strip.crop.max_y = 4
    strip.blend_type = "ALPHA_OVER"
    strip.blend_alpha = 0.5
    strip.use_flip_x = True
    strip.color_saturation = 0.7
    strip.modifiers.new("bright", "BRIGHT_CONTRAST").bright = 3.0
    mapping = strip.modifiers.new("graded", "CURVES").curve_mapping
    mapping.curves[0].points.new(0.25, 0.75)
    mapping.update()
    strip.keyframe_insert("blend_alpha", frame=101)
    strip.blend_alpha = 0.25
    strip.keyframe_insert("blend_alpha", frame=110)


def dressed(engine: str, token: str, face: str, clip: str, out: str) -> dict[str, Any]:
    """Everything that a strip looks like is on its result; a second swap replaces the first."""
    kit.enable(engine, token)
    scene = kit.fresh()
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(out) / "dressed.blend"))
    strip = kit.movie(scene, clip, channel=1, start=1)
    kit.trim(strip, 101, 111)
    dress(strip)
    own = strip.recaster
    own.face = face
    own.mute = True
    own.handles = 5
    own.codec = "prores"
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = None  # as Blender has it at first
    [result] = kit.swap(scene, strip)
    assert strip.mute
    assert not result.mute
    assert look_of(result) == look_of(strip)
    assert kit.part("compat").content_duration(result) == 20  # with its handles
    assert result.filepath.startswith("//recaster")
    assert result.filepath.endswith(".mov")
    scene.frame_set(101)
    early = result.blend_alpha
    scene.frame_set(110)
    assert (round(early, 3), round(result.blend_alpha, 3)) == (0.5, 0.25)
    kit.trim(result, 103, 108)  # what an editor does to a result ...
    kit.select(scene, result)  # ... and swaps it again from there
    own.codec = "h264"
    result.recaster.versions.add().name = "a swap of this swap"
    result.recaster.asked = "{}"
    [again] = kit.swap(scene, result)
    assert [one.name for one in again.recaster.versions] == ["a swap of this swap"]
    assert again.recaster.asked == "{}"
    assert again.filepath.endswith(".mp4")
    assert again.channel == 2
    assert kit.span(again) == (101, 111)
    assert len(kit.strips(scene)) == 2
    own.handles = 0
    duplicate = kit.movie(scene, clip, channel=5, start=1, name="copy")
    kit.trim(duplicate, 101, 111)
    duplicate.recaster.uid = own.uid
    duplicate.recaster.face = face  # as Blender's own copies have it
    [other] = kit.swap(scene, duplicate)
    assert other.recaster.result_of != own.uid
    assert len(kit.strips(scene)) == 4
    return {}


def pictures(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """A sequence of pictures, trimmed."""
    kit.enable(engine, token)
    del clip  # its pictures are what is swapped
    scene = kit.fresh(fps=24)
    names = sorted(path.name for path in Path(folder).iterdir())
    owner = scene.sequence_editor
    found = owner.strips if hasattr(owner, "strips") else owner.sequences
    strip = found.new_image("stills", str(Path(folder) / names[0]), 1, 1)
    for name in names[1:]:
        strip.elements.append(name)
    kit.trim(strip, 1, 1 + len(names))
    kit.trim(strip, 5, 15)
    strip.recaster.face = face
    [result] = kit.swap(scene, strip)
    assert kit.span(result) == (5, 15)
    assert kit.part("compat").content_duration(result) == 10
    assert round(result.fps, 3) == 24
    return {"result": bpy.path.abspath(result.filepath)}


def several(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Two strips at once, one of them in a meta strip; muted and locked channels are passed over."""
    kit.enable(engine, token)
    scene = kit.fresh()
    one = kit.movie(scene, clip, channel=1, start=1, name="one")
    two = kit.movie(scene, clip, channel=1, start=300, name="two")
    kit.trim(one, 11, 16)
    kit.trim(two, 311, 316)
    kit.movie(scene, clip, channel=2, start=1, name="above")
    scene.sequence_editor.channels[3].mute = True
    scene.sequence_editor.channels[4].lock = True
    one.recaster.face = face
    kit.swap(scene, one, two)
    by_name = {strip.name: strip for strip in kit.strips(scene)}
    assert by_name["one (Face Swap)"].channel == 5
    assert by_name["two (Face Swap)"].channel == 2
    assert kit.span(by_name["two (Face Swap)"]) == (311, 316)
    return {}


def full(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """No channel is free: nothing is lost, and the result is placed when there is room."""
    kit.enable(engine, token)
    compat = kit.part("compat")
    scene = kit.fresh()
    strip = kit.movie(scene, clip, channel=1, start=1)
    kit.trim(strip, 11, 16)
    strip.recaster.face = face
    blocks = [
        kit.movie(scene, clip, channel=channel, start=1, name=f"block {channel}") for channel in range(2, 129)
    ]
    kit.select(scene, strip)
    task = kit.press()
    kit.until(lambda: task.has_ended)
    assert task.stage == "failed"
    assert "No channel above 'shot' is free" in task.trouble
    assert task.files["frame"].is_file()
    compat.strips_in(scene.sequence_editor).remove(blocks[8])
    assert bpy.ops.sequencer.recaster_place(request=task.request) == {"FINISHED"}
    [result] = [one for one in kit.strips(scene) if one.recaster.result_of]
    assert result.channel == 10
    return {}


def timed(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Strips that are retimed, reversed, under a speed effect, in a meta strip, held beyond their ends."""
    kit.enable(engine, token)
    compat = kit.part("compat")
    scene = kit.fresh()
    strip = kit.movie(scene, clip, channel=1, start=1, name="held")
    kit.trim(strip, 246, 256)  # five frames of it, then the last one for five more
    strip.use_reverse_frames = True
    strip.recaster.face = face
    [result] = kit.swap(scene, strip)
    assert kit.span(result) == (246, 256)
    assert result.use_reverse_frames
    assert compat.content_duration(result) == 5

    fast = kit.movie(scene, clip, channel=4, start=1, name="fast")
    kit.trim(fast, 11, 21)
    scene_strips = compat.strips_in(scene.sequence_editor)
    known = {one.identifier for one in scene_strips.bl_rna.functions["new_effect"].parameters}
    end = {"length": 10} if "length" in known else {"frame_end": 21}
    given = {"input1" if "input1" in known else "seq1": fast}
    effect = scene_strips.new_effect(name="speed", type="SPEED", channel=5, frame_start=11, **end, **given)
    effect.speed_control = "MULTIPLY"
    effect.speed_factor = 2.0
    fast.recaster.face = face
    [result] = kit.swap(scene, fast)
    assert result.channel == 6
    [copied] = [one for one in kit.strips(scene) if one.type == "SPEED" and one != effect]
    assert compat.effect_input(copied) == result
    assert (copied.speed_control, copied.speed_factor, copied.channel) == ("MULTIPLY", 2.0, 7)
    assert kit.span(copied) == kit.span(fast)
    for _ in range(2):
        [again] = kit.swap(scene, fast)
        assert (again.channel, kit.span(again)) == (6, kit.span(fast))
        [copied] = [one for one in kit.strips(scene) if one.type == "SPEED" and one != effect]
        assert (copied.channel, kit.span(copied)) == (7, kit.span(fast))
        assert copied.name == "speed (Face Swap)"

    meta = scene_strips.new_meta("meta", 12, 1)
    inner = kit.movie(scene, clip, channel=11, start=1, name="inner")
    kit.trim(inner, 1, 6)
    assert inner.move_to_meta(meta) is None
    inner.recaster.face = face
    [result] = kit.swap(scene, inner)
    assert result.parent_meta() == meta
    return {"span": kit.span(result)}


def paced(engine: str, token: str, face: str, clip: str, out: str) -> dict[str, Any]:
    """A 25 fps clip that Blender stretched for a 30 fps scene, as it does when one drops it there."""
    kit.enable(engine, token)
    compat = kit.part("compat")
    scene = kit.fresh(fps=30)
    how = {"use_framerate": False, "adjust_playback_rate": True, "sound": False}
    if "move_strips" in bpy.ops.sequencer.movie_strip_add.get_rna_type().properties:
        how["move_strips"] = False
    with compat.in_sequencer(scene):
        bpy.ops.sequencer.movie_strip_add(filepath=clip, frame_start=1, channel=1, **how)
    [strip] = kit.strips(scene)
    assert kit.span(strip) == (1, 301)
    kit.trim(strip, 101, 125)
    strip.recaster.face = face
    [result] = kit.swap(scene, strip)
    assert kit.span(result) == (101, 125)
    kit.render(scene, Path(out) / "swapped.mp4", 101, 124)
    result.mute = True
    kit.render(scene, Path(out) / "original.mp4", 101, 124)
    [again] = kit.swap(scene, strip)
    assert again.mute
    assert len(kit.strips(scene)) == 2
    scene.frame_set(110)
    kit.select(scene, strip)
    bpy.ops.sequencer.recaster_preview()
    about = kit.part("swap.previews").view_of(strip)
    kit.until(lambda: about.preview or about.trouble)
    return {"preview": str(about.preview)}


def copied(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Copies of a scene keep to themselves; what is selected inside a meta strip isn't swapped."""
    kit.enable(engine, token)
    compat = kit.part("compat")
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    kit.trim(strip, 1, 6)
    strip.recaster.face = face
    kit.swap(scene, strip)
    bpy.ops.scene.new(type="FULL_COPY")
    other = bpy.context.scene
    assert other != scene
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = other
    [theirs] = [one for one in kit.strips(other) if not one.recaster.result_of]
    names = [one.filepath for one in kit.strips(scene)]
    [result] = kit.swap(other, theirs)
    assert len(kit.strips(other)) == len(kit.strips(scene)) == 2
    assert [one.filepath for one in kit.strips(scene)] == names
    assert result.filepath not in names
    assert theirs.recaster.uid != strip.recaster.uid
    meta = compat.strips_in(other.sequence_editor).new_meta("meta", 12, 1)
    inner = kit.movie(other, clip, channel=11, start=1, name="inner")
    inner.move_to_meta(meta)
    kit.select(other, theirs)
    inner.select = True
    assert compat.selected_strips(bpy.context) == [theirs]
    return {}


def retimed(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A strip that plays at half its speed: so does its result."""
    kit.enable(engine, token)
    compat = kit.part("compat")
    scene = kit.fresh()
    strip = kit.movie(scene, clip, channel=1, start=1)
    with compat.in_sequencer(scene):
        bpy.ops.sequencer.retiming_key_add(timeline_frame=21)
    strip.retiming_keys[1].timeline_frame = 31  # the first half slower, the second faster
    kit.trim(strip, 5, 38)
    strip.recaster.face = face
    [result] = kit.swap(scene, strip)
    keys = [[int(key.timeline_frame) for key in one.retiming_keys] for one in (strip, result)]
    assert result.recaster.uid == ""
    assert result.recaster.asked == ""
    assert result.channel == 2
    [again] = kit.swap(scene, strip)
    assert not again.recaster.versions
    assert len(kit.strips(scene)) == 2
    return {"keys": keys, "spans": [kit.span(strip), kit.span(again)]}

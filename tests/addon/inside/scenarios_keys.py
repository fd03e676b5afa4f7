"""The look of a strip is animated; its keys reach the engine in frames of its clip. Looks have names."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_layers import write_still
from scenarios_rights import drawn


def _animate(strip: Any, name: str, keys: dict[int, Any], interpolation: str = "LINEAR") -> None:
    """Keys of a strip's own property, in frames of the timeline."""
    for frame, value in keys.items():
        setattr(strip, f"recaster_{name}", value)
        assert strip.keyframe_insert(f"recaster_{name}", frame=frame)
    curves = kit.part("compat").curves_of(strip.id_data)
    path = f"{strip.path_from_id()}.recaster_{name}"
    for point in next(one for one in curves if one.data_path == path).keyframe_points:
        point.interpolation = interpolation


def _keys_of(strip: Any, scene: Any) -> dict[str, list[Any]]:
    choices = kit.part("swap.strip_choices").StripChoices.along(strip, scene)
    return {name: [list(key) for key in keys] for name, keys in choices.keys}


def keyed(clip: str) -> dict[str, Any]:
    """A strip of file frames 20 to 59, whose look is keyed and driven."""
    kit.enable()
    scene = kit.fresh()
    strip = kit.movie(scene, clip, start=101)
    kit.trim(strip, 121, 161)
    choices = kit.part("swap.strip_choices").StripChoices
    plain = choices.of(strip) == choices.along(strip, scene)
    _animate(strip, "feather", {121: 0.0, 141: 0.4, 161: 0.2})
    _animate(strip, "mask", {131: "hull", 146: "learned"})
    _animate(strip, "colour", {125: "mean", 155: "mean"})
    _animate(strip, "keep", {131: {"mouth"}, 141: {"mouth", "eyes"}})
    scene.frame_set(136)
    found = {
        "plain": plain,
        "now": [strip.recaster.feather, strip.recaster.mask, sorted(strip.recaster.keep)],
        "trimmed": _keys_of(strip, scene),
        "colour": choices.along(strip, scene).colour,
    }
    scene.frame_set(150)
    found["same"] = choices.along(strip, scene) == choices.along(strip, scene)
    strip.use_reverse_frames = True
    found["reversed"] = _keys_of(strip, scene)
    strip.use_reverse_frames = False
    sources = kit.part("swap.source_range")
    source = sources.source_range_of(strip, scene)
    part = SimpleNamespace(clip=SimpleNamespace(variable_frame_rate=False), frames=range(3, 43))
    write = kit.part("swap.look_keys").write_changes
    made = write(choices.along(strip, scene).keys, source, part)
    found["written"] = [[one.range, dict(one.values)] for one in made]
    part.clip.variable_frame_rate = True
    found["timed"] = [one.range for one in write(choices.along(strip, scene).keys, source, part)]
    strip.keyframe_delete("recaster_feather", frame=121)
    for name in ("feather", "mask"):
        strip.id_data.animation_data_clear()
        strip.driver_add(f"recaster_{name}").driver.expression = {
            "feather": "frame / 1000",
            "mask": "frame > 140",
        }[name]
        scene.frame_set(150)
        found[f"driven {name}"] = _keys_of(strip, scene)[name]
    found["frame"] = scene.frame_current
    return found


def paced_keys(clip: str, out: str) -> dict[str, Any]:
    """A strip that Blender stretches, and is retimed then: keys follow the frames that Blender renders."""
    kit.enable()
    scene = kit.fresh(fps=50)
    how = {"use_framerate": False, "adjust_playback_rate": True, "sound": False}
    if "move_strips" in bpy.ops.sequencer.movie_strip_add.get_rna_type().properties:  # 5.x
        how["move_strips"] = False
    with kit.part("compat").in_sequencer(scene):
        bpy.ops.sequencer.movie_strip_add(filepath=clip, frame_start=1, channel=1, **how)
    [strip] = kit.strips(scene)
    scalar = kit.part("swap.source_range").time_scalar_of(strip, scene)
    _animate(strip, "erode", {1: 0.0, 101: 0.5})
    found = {"scalar": scalar == Fraction(2), "keys": _keys_of(strip, scene)}
    with kit.part("compat").in_sequencer(scene):
        bpy.ops.sequencer.retiming_key_add(timeline_frame=21)
    strip.retiming_keys[1].timeline_frame = 41
    kit.trim(strip, 11, 91)
    scenes = len(bpy.data.scenes)
    found["retimed"] = _keys_of(strip, scene)["erode"]
    frames = kit.part("swap.retimed_frames")
    shown = frames.find_shown_frames(strip, scene)
    found["shown"] = sorted(shown.items())
    bits, frames.BITS = frames.BITS, 3  # as of a long file
    found["in parts"] = sorted(frames.find_shown_frames(strip, scene).items())
    frames.BITS = bits
    assert len(bpy.data.scenes) == scenes
    stills = [write_still(scene, frame, Path(out) / f"{frame}.png") for frame in shown]
    kit.part("compat").set_content_start(strip, -300)
    try:
        frames.find_shown_frames(strip, scene)
    except kit.part("swap.source_range").StripError as error:
        found["before"] = str(error)
    return {**found, "rendered": stills}


def copied_keys(clip: str) -> dict[str, Any]:
    """A strip's animation goes along with its settings: to another part of the file, and to another file."""
    kit.enable()
    scene = kit.fresh()
    strip = kit.movie(scene, clip, start=101)
    kit.trim(strip, 121, 161)
    later = kit.movie(scene, clip, channel=2, start=301, name="later")
    kit.trim(later, 331, 361)
    other = kit.movie(scene, clip.replace("performer", "neighbour"), channel=3, start=11, name="other")
    _animate(strip, "feather", {121: 0.0, 141: 0.4})
    _animate(other, "gaze", {11: 0.0, 21: 1.0})
    strip.driver_add("recaster_erode").driver.expression = "frame / 1000"
    kit.part("swap.strip_choices").copy_choices(strip, [strip, later, other])
    curves = kit.part("compat").curves_of(scene)
    points = {
        one.data_path.partition('"')[2].replace('"].recaster_', " "): [
            list(point.co) + list(point.handle_left)[:1] for point in one.keyframe_points
        ]
        for one in curves
    }
    drivers = [one.data_path for one in scene.animation_data.drivers]
    return {"points": points, "drivers": sorted(drivers)}


def keyed_swap(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A keyed strip is swapped; its result is not animated, and its job has the keys."""
    scene, strip = kit.shot(engine, token, face, clip, 21, 29)
    _animate(strip, "erode", {21: 0.0, 29: 0.4})
    [result] = kit.swap(scene, strip)
    curves = [one.data_path for one in kit.part("compat").curves_of(scene)]
    return {
        "job": strip.recaster.job,
        "animated": [path for path in curves if path.startswith(result.path_from_id())],
    }


def named_looks(data: str, clip: str) -> dict[str, Any]:
    """A look is kept under a name, listed, given to another strip, and deleted."""
    os.environ["RECASTER_DATA"] = data
    kit.enable()
    scene = kit.fresh()
    one = kit.movie(scene, clip)
    other = kit.movie(scene, clip, channel=2, name="other")
    one.recaster.feather = 0.25
    one.recaster.mask = "hull"
    one.recaster.keep = {"brows", "nose"}
    kit.select(scene, one)
    operators = bpy.ops.sequencer
    assert operators.recaster_save_look(name="soft") == {"FINISHED"}
    kit.select(scene, other)
    assert operators.recaster_load_look(name="soft") == {"FINISHED"}
    menu = kit.part("swap.looks").RECASTER_MT_looks
    shown = drawn(lambda paper: menu.draw(SimpleNamespace(layout=paper), bpy.context))
    found = {
        "loaded": [other.recaster.feather, other.recaster.mask, sorted(other.recaster.keep)],
        "menu": sorted(shown),
    }
    for name in ("../soft", "gone"):
        try:
            operators.recaster_load_look(name=name)
        except RuntimeError as error:
            found[name] = str(error).strip()
    panel = drawn(
        lambda paper: kit.part("swap.panels").RECASTER_PT_look.draw(
            SimpleNamespace(layout=paper), bpy.context
        )
    )
    found["panel"] = sorted(panel)
    assert operators.recaster_delete_look(name="soft") == {"FINISHED"}
    return found

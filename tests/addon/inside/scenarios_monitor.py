"""Previews and comparisons in the monitor, and marks of swaps on the timeline, as data."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn

COMPARE = bpy.ops.sequencer.recaster_compare


def previewed(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A preview is drawn where its strip lies, wiped, and dimmed or hidden when it is stale."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 20)
    drawing_of = kit.part("monitor.preview_drawing").drawing_of
    state = kit.addon_state().monitor
    preferences = bpy.context.preferences.addons[kit.ADDON].preferences
    scene.frame_set(4)
    assert drawing_of(strip, scene) is None
    following = kit.part("monitor.update_on_change")
    following.REST_S = 0.0
    preferences.update_on_change = True  # asks by itself
    about = kit.part("swap.previews").view_of(strip)
    kit.until(lambda: about.is_swapping)
    said = [drawing_of(strip, scene).note]
    kit.until(lambda: about.picture or about.trouble)
    preferences.update_on_change = False
    assert about.trouble == ""
    assert about.picture.size == (320, 320)
    kit.until(lambda: not kit.part("images")._waiting)

    fresh = drawing_of(strip, scene)
    strip.crop.min_x = 32
    strip.crop.max_y = 16
    state.shows = "wipe"
    state.line = 0.25
    wiped = drawing_of(strip, scene)
    strip.recaster.feather = 0.4
    changed = drawing_of(strip, scene)
    scene.frame_set(5)
    other = drawing_of(strip, scene)
    state.shows = "before"
    before = drawing_of(strip, scene)
    said += [one.note for one in (fresh, changed, other, before)]
    assert wiped.line_at(wiped.to_view((0.6, 0.9))) - 0.6 < 1e-6
    return {
        "said": said,
        "whole": [fresh.sides.corners[0], fresh.sides.corners[2]],
        "wiped": [wiped.sides.corners[0], wiped.sides.corners[2]],
        "brightness": [one.brightness for one in (fresh, changed)],
        "hidden": [other.sides is None, before.sides is None],
    }


def _placed(scene: Any, clip: str) -> tuple[Any, Any]:
    """A strip with something that passes for its result on the channel above."""
    strip = kit.movie(scene, clip, name="shot")
    result = kit.movie(scene, clip, channel=2, name="shot (Face Swap)")
    strip.recaster.uid = result.recaster.result_of = "one"
    kit.select(scene, strip)
    return strip, result


def _facts(result: Any) -> list[Any]:
    return [result.mute, result.crop.min_x, result.blend_type, bool(result.recaster.held)]


def compared(clip: str, other: str, out: str) -> dict[str, Any]:
    """A result is held back for a look at its original, but in no file, render or undo step."""
    kit.enable()
    session = kit.part("engine.session")
    comparison = kit.part("monitor.comparison")
    scene = kit.fresh()
    _, result = _placed(scene, clip)
    result.filepath = other
    result.blend_type = "REPLACE"
    rest = _facts(result)
    kit.render(scene, Path(out) / "plain.mp4", 1, 2)
    bpy.ops.ed.undo_push(message="placed")

    assert COMPARE("EXEC_DEFAULT", shows="wipe") == {"FINISHED"}
    comparison.move_line(0.25)
    wiped = _facts(result)
    kit.render(scene, Path(out) / "wiped.mp4", 1, 2)
    rendered = _facts(result)
    session.process_events()
    assert _facts(result) == wiped
    held = []
    bpy.app.handlers.save_pre.append(lambda *_: held.append(_facts(result)))
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(out) / "cut.blend"))
    bpy.app.handlers.save_pre.pop()
    session.process_events()
    assert _facts(result) == wiped
    bpy.ops.ed.undo_push(message="something")
    bpy.ops.ed.undo()
    result = kit.strips(bpy.context.scene)[1]
    undone = _facts(result)
    bpy.ops.ed.redo()
    result = kit.strips(bpy.context.scene)[1]
    redone = _facts(result)
    session.process_events()
    assert _facts(result) == wiped
    assert COMPARE("EXEC_DEFAULT") == {"FINISHED"}  # the next one
    before = _facts(result)
    scene = bpy.context.scene
    assert kit.part("rights.signing").shown_swaps(scene) == [result]
    _original_is_shown(scene)
    assert COMPARE("EXEC_DEFAULT", shows="swap") == {"FINISHED"}

    held += [rendered, undone, redone, _facts(result)]
    crashed = _crash(result, out, held)
    return {"rest": rest, "wiped": wiped, "before": before, "crashed": crashed, "held": held}


def _original_is_shown(scene: Any) -> None:
    """An original that was muted for its result is shown, and muted again; a pasted result is free."""
    strip, result = kit.strips(scene)
    is_muted = kit.part("selection").is_muted
    state = kit.addon_state().monitor
    kit.part("monitor.comparison").let_go()
    strip.mute = True
    kit.part("engine.session").process_events()
    assert (strip.mute, result.mute) == (False, True)
    assert (is_muted(strip), is_muted(result)) == (True, False)
    kit.part("swap.held_results").release(result)  # for a result that can't be placed, say
    kit.part("engine.session").process_events()
    assert result.mute
    note = result.recaster.held
    kit.part("monitor.comparison").show("swap")
    assert (strip.mute, result.mute, state.shows) == (True, False, "swap")
    pasted = kit.movie(scene, strip.filepath, channel=5, name="pasted")
    pasted.mute = True
    pasted.recaster.held = note
    kit.part("engine.session").process_events()
    assert (pasted.mute, pasted.recaster.held) == (False, "")
    kit.part("compat").strips_in(scene.sequence_editor).remove(pasted)
    strip.mute = False
    kit.select(scene, strip)
    kit.part("monitor.comparison").show("before")


def _crash(result: Any, out: str, held: list[Any]) -> list[Any]:
    """A file that was written while a result was held is opened; one that is animated isn't held at all."""
    hold = kit.part("swap.held_results").hold
    hold(bpy.context.scene, [result], 0.5)
    crashed = _facts(result)
    bpy.app.handlers.save_pre.remove(kit.part("monitor.comparison")._let_go)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(out) / "crashed.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(Path(out) / "crashed.blend"))
    result = kit.strips(bpy.context.scene)[1]
    held.append(_facts(result))
    result.crop.keyframe_insert("min_x", frame=1)
    hold(bpy.context.scene, [result], 0.5)
    held.append(_facts(result))
    return crashed


def marked(clip: str) -> dict[str, Any]:
    """Progress, a ghost of the result, failure, other settings; drawn anew only when they change."""
    kit.enable()
    states = kit.part("monitor.strip_states")
    tasks = kit.part("swap.tasks")
    session = kit.part("engine.session")
    placement = kit.part("swap.placement")
    scene = kit.fresh()
    strip, result = _placed(scene, clip)
    strip.recaster.request = "asked"
    kit.trim(result, 300, 350)
    session.process_events()

    redrawn = _count_redraws()
    for _ in range(10):
        session.process_events()
    assert redrawn == []

    task = tasks.SwapTask("asked", "one", strip.name, scene.name, 0, "")
    kit.addon_state().tasks["asked"] = task
    for _ in range(5):
        session.process_events()
    once = sorted(redrawn)
    shown = [_mark(one) for one in states.marks_of(scene)]
    channels = placement.channels_for(scene, strip, task.parts, task.replaces)
    line = kit.addon_state().monitor.status
    task.stage = tasks.SwapStage.FETCHING
    session.process_events()
    shown += [_mark(one) for one in states.marks_of(scene) if one.kind == "progress"]
    in_the_way = kit.movie(scene, clip, channel=2, name="in the way")
    shown += [_mark(one) for one in states.marks_of(scene) if one.kind == "ghost"]
    kit.part("compat").strips_in(scene.sequence_editor).remove(in_the_way)
    task.stage = tasks.SwapStage.FAILED
    session.process_events()
    shown += [_mark(one) for one in states.marks_of(scene)]
    kit.addon_state().tasks.clear()
    session.process_events()

    shown += _changed(scene, strip, result)
    return {
        "once": once,
        "shown": shown,
        "channels": channels,
        "line": line,
        "last": kit.addon_state().monitor.status,
    }


def _changed(scene: Any, strip: Any, result: Any) -> list[list[Any]]:
    """Marks of a result whose strip has other settings since."""
    marks_of = kit.part("monitor.strip_states").marks_of
    versions = kit.part("swap.versions")
    kit.trim(result, 1, 100)
    version = strip.recaster.versions.add()
    version.name = result.recaster.version = "first"
    version.settings = versions.read_settings(strip, scene)
    assert marks_of(scene) == []
    strip.recaster.mute = not strip.recaster.mute  # says nothing about the picture
    assert marks_of(scene) == []
    strip.recaster.erode = 0.1
    kit.part("monitor.strip_states").update()
    assert marks_of(scene, 10_000) == []
    return [_mark(one) for one in marks_of(scene)]


def _count_redraws() -> list[str]:
    """Names of what is drawn anew, from now on."""
    redrawn: list[str] = []
    session = kit.part("engine.session")
    for name in ("redraw", "redraw_previews", "redraw_timelines"):
        setattr(session, name, lambda name=name: redrawn.append(name))
    kit.part("monitor.status_line").redraw_status_bars = lambda: redrawn.append("status")
    return redrawn


def _mark(one: Any) -> list[Any]:
    return [one.kind, one.left, one.channel, one.share]


def picked() -> dict[str, Any]:
    """A place in a face names the person whom its track shows."""
    kit.enable()
    picking = kit.part("monitor.picking")
    box = kit.part("mend.geometry").FaceBox(100, 50, 40, 60)
    own = picking.overlay.shown_frame, picking.tracks.faces_at, picking.previews.view_of
    picking.overlay.shown_frame = lambda *_: 7
    picking.tracks.faces_at = lambda *_: [(SimpleNamespace(track=3), box)]
    picking.previews.view_of = lambda *_: SimpleNamespace(tracks={"a.jpg": (1,), "b.jpg": (2, 3)})
    try:
        found = [picking.person_at(None, None, point) for point in ((120, 80), (10, 10))]
    finally:
        picking.overlay.shown_frame, picking.tracks.faces_at, picking.previews.view_of = own
    return {"found": found}


def controls(clip: str) -> dict[str, Any]:
    """The panel of what the monitor shows, with nothing of an engine loaded in Blender's main thread."""
    kit.enable()
    scene = kit.fresh()
    strip, result = _placed(scene, clip)
    panel = kit.part("monitor.panels").RECASTER_PT_monitor
    bpy.context.window_manager.recaster_shows = "wipe"
    bpy.context.preferences.addons[kit.ADDON].preferences.update_on_change = True
    strip.recaster.keep_out = bpy.data.masks.new("mask")
    texts = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    bpy.context.window_manager.recaster_shows = "swap"
    return {"texts": sorted(texts), "held": result.recaster.held}

"""Many strips are swapped at once, each range of a file in one go."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn


def show(scene: Any, clip: str, channel: int, left: int, frames: range, **more: Any) -> Any:
    """A strip that shows frames of a clip from a frame of the timeline on."""
    strip = kit.movie(scene, clip, channel=channel, start=left - frames.start, **more)
    kit.trim(strip, left, left + len(frames))
    return strip


def press_all() -> list[Any]:
    """Presses Swap All Shown; returns the new tasks."""
    before = set(kit.addon_state().tasks)
    assert bpy.ops.sequencer.recaster_swap_all("EXEC_DEFAULT", True) == {"FINISHED"}  # with its undo step
    return [task for request, task in kit.addon_state().tasks.items() if request not in before]


def ranges_of(tasks: list[Any]) -> dict[str, list[str]]:
    """The strips of each range of the clips that the engine was asked for."""
    state = kit.part("engine.session").engine_state()
    ranges: dict[str, list[str]] = {}
    for task in tasks:
        asked = kit.until(lambda task=task: state.job(task.job) or refreshed().job(task.job))
        ranges.setdefault(asked.spec.swap.options.range, []).append(task.title)
    return ranges


def refreshed() -> Any:
    kit.addon_state().connection.refresh()
    return kit.part("engine.session").engine_state()


def in_panel() -> set[str]:
    module = kit.part("swap.jobs_list")
    module.sync()
    panel = module.RECASTER_PT_jobs
    return drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))


def make_edit(scene: Any, clip: str, empty: str) -> tuple[Any, Any]:
    """Strips that are cut, reversed, in a meta strip, not shown; returns the first and the meta strip."""
    editor = scene.sequence_editor
    first = show(scene, clip, 1, 1, range(10, 15), name="first")
    show(scene, clip, 2, 6, range(13, 19), name="second").recaster.face = "model:another"
    back = show(scene, clip, 3, 12, range(227, 231), name="back")
    back.use_reverse_frames = True  # frames 22 to 19 of the file
    show(scene, clip, 4, 16, range(100, 104), name="far")
    meta = kit.part("compat").strips_in(editor).new_meta("meta", 5, 1)
    inner = show(scene, clip, 21, 20, range(101, 106), name="inner")
    outside = show(scene, clip, 22, 400, range(40, 50), name="outside")
    for one in (inner, outside):
        assert one.move_to_meta(meta) is None
    kit.trim(meta, 20, 25)
    show(scene, empty, 6, 25, range(5), name="nobody")
    show(scene, clip, 10, 1, range(60, 70), name="muted").mute = True
    show(scene, clip, 11, 1, range(60, 70), name="channel")
    editor.channels[11].mute = True
    kit.select(scene, first)
    return first, meta


def planned(scene: Any, *strips: Any) -> list[tuple[Any, ...]]:
    """Plans ranges of strips: first frame, count, names of strips and the offsets of their content."""
    for strip in strips:
        strip.recaster.face = strip.recaster.face or "faceset:any"
    ranges, troubles = kit.part("swap.shared_ranges").plan_ranges(scene, list(strips))
    assert troubles == []
    return [
        (one.source.first, one.source.count, [strip.name for strip in one.strips], one.content_offsets)
        for one in ranges
    ]


def all_planned(clip: str) -> dict[str, Any]:
    """Ranges of files are joined where strips overlap or touch; each strip's place in them is its own."""
    kit.enable()
    compat = kit.part("compat")
    scene = kit.fresh()
    strips = [
        show(scene, clip, channel, 100 * channel, frames, name=f"{frames.start}")
        for channel, frames in enumerate((range(4), range(4, 8), range(9, 12), range(2, 3)), 1)
    ]
    assert planned(scene, *strips) == [(0, 8, ["0", "2", "4"], (0, 0, 0)), (9, 3, ["9"], (9,))]
    strips[3].recaster.face = "faceset:other"
    assert planned(scene, *strips)[2] == (2, 1, ["2"], (2,))
    for strip in strips:
        strip.recaster.handles = 1
    assert planned(scene, *strips[:3]) == [(0, 13, ["0", "4", "9"], (0, 0, 0))]
    strips[1].use_reverse_frames = True  # frames 245 to 242 of the file
    assert planned(scene, *strips[:2])[1] == (241, 6, ["4"], (3,))
    hard = show(scene, clip, 6, 1, range(20, 24), name="hard")
    name = "content_trim_start" if hasattr(hard, "content_trim_start") else "animation_offset_start"
    setattr(hard, name, 10)
    compat.set_content_start(hard, -9)
    kit.trim(hard, 1, 5)
    early = show(scene, clip, 7, 1, range(12, 21), name="early")
    assert planned(scene, hard, early) == [(12, 12, ["early", "hard"], (12, 2))]
    with compat.in_sequencer(scene):
        kit.select(scene, early)
        bpy.ops.sequencer.retiming_key_add(timeline_frame=5)
    assert planned(scene, hard, early) == [(0, None, ["early", "hard"], (0, -10))]
    return {}


def all_pictures(folder: str) -> dict[str, Any]:
    """Two parts of one sequence of pictures that touch are one range."""
    kit.enable()
    scene = kit.fresh()
    strips = kit.part("compat").strips_in(scene.sequence_editor)
    names = sorted(path.name for path in Path(folder).iterdir())
    parts = []
    for channel, (left, right) in enumerate(((103, 105), (105, 109)), 1):
        part = strips.new_image(f"part {channel}", f"{folder}/{names[0]}", channel, 100)
        for name in names[1:]:
            part.elements.append(name)
        kit.trim(part, 100, 100 + len(names))
        kit.trim(part, left, right)
        parts.append(part)
    assert planned(scene, *parts) == [(0, 6, ["part 1", "part 2"], (3, 3))]
    ranges, _ = kit.part("swap.shared_ranges").plan_ranges(scene, parts)
    assert [path.name for path in ranges[0].source.files] == names[3:9]
    return {}


def all_shown(engine: str, token: str, face: str, clip: str, empty: str, out: str) -> dict[str, Any]:
    """All that an edit shows is swapped, and what it doesn't show stays as it is."""
    kit.enable(engine, token)
    scene = kit.fresh()
    first, meta = make_edit(scene, clip, empty)
    first.recaster.face = face
    first.recaster.mask = "hull"
    panel = kit.part("swap.panels").RECASTER_PT_swap
    labels = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    assert "Swap All Shown (6)" in labels
    begun = press_all()
    assert sorted(task.title for task in begun) == ["back", "far", "first", "inner", "nobody", "second"]
    assert "Swap of 6 strips" in in_panel()
    assert "0 of 6 done" in in_panel()
    kit.until(lambda: all(task.has_ended for task in begun))
    ranges = ranges_of(begun)
    assert {key: sorted(names) for key, names in ranges.items()} == {
        "10-22": ["back", "first", "second"], "100-105": ["far", "inner"], "0-4": ["nobody"]
    }  # fmt: skip
    line = kit.part("swap.task_panels").batch_line(begun)
    assert (line.title, line.text) == ("Swap of 6 strips", "5 swapped, 1 without a face")
    assert line.trouble == "Nobody found, they stay as they are: nobody"
    assert line.text in in_panel()
    assert "Try Again" not in in_panel()
    by_name = {strip.name: strip for strip in kit.strips(scene)}
    results = {name: by_name[f"{name} (Face Swap)"] for name in ("first", "second", "back", "far", "inner")}
    assert len([strip for strip in by_name.values() if strip.recaster.result_of]) == 5
    for name, result in results.items():
        assert kit.span(result) == kit.span(by_name[name])
    assert results["inner"].parent_meta() == meta
    files = {name: Path(bpy.path.abspath(result.filepath)) for name, result in results.items()}
    assert files["first"] == files["second"] == files["back"]
    assert files["far"] == files["inner"] != files["first"]
    assert {strip.recaster.mask for strip in by_name.values() if strip.recaster.uid} == {"hull"}
    kit.render(scene, Path(out) / "swapped.mp4", 1, 24)
    for result in results.values():
        result.mute = True
    kit.render(scene, Path(out) / "original.mp4", 1, 24)
    return {"files": sorted({str(path) for path in files.values()})}


def all_again(engine: str, token: str, face: str, clip: str, empty: str) -> dict[str, Any]:
    """The asking is one step to undo; with two strips selected, new results take the places of old ones."""
    kit.enable(engine, token)
    scene = kit.fresh()
    first = show(scene, clip, 1, 1, range(10, 12), name="first")
    show(scene, clip, 2, 11, range(12, 14), name="second")
    lost = show(scene, empty, 3, 21, range(2), name="lost")
    lost.filepath = "/nowhere/clip.mp4"
    kit.select(scene, first)
    first.recaster.face = face
    bpy.ops.ed.undo_push(message="before")
    begun = press_all()
    assert len(begun) == 2
    by_name = {strip.name: strip for strip in kit.strips(scene)}
    assert by_name["second"].recaster.face == face
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    by_name = {strip.name: strip for strip in kit.strips(scene)}
    assert by_name["second"].recaster.face == ""
    assert by_name["second"].recaster.pending
    bpy.ops.ed.redo()
    kit.until(lambda: all(task.has_ended for task in begun))
    assert [(task.stage, task.trouble) for task in begun] == [("placed", "")] * 2
    scene = bpy.context.scene
    bpy.ops.ed.undo()  # both results are one step
    assert len(kit.strips(bpy.context.scene)) == 3
    bpy.ops.ed.redo()
    assert len(kit.strips(bpy.context.scene)) == 5

    by_name = {strip.name: strip for strip in kit.strips(bpy.context.scene)}
    before = by_name["first (Face Swap)"].filepath
    kit.select(bpy.context.scene, by_name["first"], by_name["second (Face Swap)"])
    by_name["first"].recaster.handles = 1
    assert by_name["second"].recaster.handles == 0
    again = press_all()
    kit.until(lambda: all(task.has_ended for task in again))
    assert ranges_of(again) == {"9-14": ["first", "second"]}
    strips = kit.strips(bpy.context.scene)
    assert len(strips) == 5
    assert {strip.filepath for strip in strips if strip.recaster.result_of} != {before}
    assert bpy.ops.sequencer.recaster_forget() == {"FINISHED"}
    assert not kit.addon_state().tasks
    return {}


def all_cancelled(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """One of two strips that share a range is cancelled, and the other goes on; then all are."""
    from recaster.api.v1 import job_pb2

    kit.enable(engine, token)
    scene = kit.fresh()
    first = show(scene, clip, 1, 1, range(10, 14), name="first")
    show(scene, clip, 2, 11, range(12, 16), name="second")
    kit.select(scene, first)
    first.recaster.face = face
    begun = press_all()
    kit.until(lambda: all(task.stage == "working" for task in begun))
    assert begun[0].job == begun[1].job
    assert bpy.ops.sequencer.recaster_cancel_swap(request=begun[0].request) == {"FINISHED"}
    kit.until(lambda: begun[1].has_ended)
    ended = [(task.stage, task.trouble) for task in begun]
    assert ended == [("cancelled", ""), ("placed", "")], ended
    [result] = [strip for strip in kit.strips(scene) if strip.recaster.result_of]
    assert result.name == "second (Face Swap)"

    third = show(scene, clip, 5, 21, range(40, 250), name="third")
    kit.select(scene, third)
    third.recaster.face = face
    begun = press_all()
    kit.until(lambda: all(task.stage in ("working", "fetching", "placed") for task in begun))
    [batch] = {task.batch for task in begun}
    assert bpy.ops.sequencer.recaster_cancel_all(batch=batch) == {"FINISHED"}
    assert all(task.has_ended for task in begun)
    assert not any(strip.recaster.pending for strip in kit.strips(scene))
    [long] = [task for task in begun if task.title == "third"]
    ended = kit.until(lambda: (job := refreshed().job(long.job)) and job.HasField("end_time") and job)
    assert ended.state == job_pb2.JOB_STATE_CANCELLED
    return {}


def all_limited(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """An engine takes one job at a time of this client: the others are asked for when there is room."""
    kit.enable(engine, token)
    scene = kit.fresh()
    first = show(scene, clip, 1, 1, range(10, 12), name="first")
    for number in (2, 3):
        show(scene, clip, number, 10 * number, range(50 * number, 50 * number + 2), name=f"strip {number}")
    kit.select(scene, first)
    first.recaster.face = face
    begun = press_all()
    kit.until(lambda: any(task.stage == "waiting" and task.asked and not task.work for task in begun))
    kit.until(lambda: all(task.has_ended for task in begun))
    assert [(task.stage, task.trouble) for task in begun] == [("placed", "")] * 3
    assert len({task.job for task in begun}) == 3
    return {}


def all_begun_and_left(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """Blender is closed when one range is being swapped and another one was not sent yet."""
    kit.enable(engine, token)
    tasks = kit.addon_state().tasks
    scene = kit.fresh()
    first = show(scene, clip, 1, 1, range(10, 40), name="first")
    show(scene, clip, 2, 41, range(30, 60), name="second")
    show(scene, clip, 3, 81, range(100, 104), name="far")
    kit.select(scene, first)
    first.recaster.face = face
    press_all()
    assert {task.title: task.stage for task in tasks.values()} == {
        "first": "sending", "second": "sending", "far": "waiting"
    }  # fmt: skip
    kit.until(lambda: any(task.stage == "working" for task in tasks.values()))
    if any(task.job for task in tasks.values() if task.title == "far"):
        raise AssertionError("the second range was sent before the first one was taken")
    kit.trim(first, 21, 31)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(folder) / "left.blend"))
    return {}


def all_opened_later(engine: str, token: str, folder: str) -> dict[str, Any]:
    """The file that was left is opened by another Blender, which gets all results."""
    kit.enable(engine, token)
    tasks = kit.addon_state().tasks
    bpy.ops.wm.open_mainfile(filepath=str(Path(folder) / "left.blend"))
    assert len(tasks) == 3
    kit.until(lambda: all(task.has_ended for task in tasks.values()))
    ended = [(task.stage, task.trouble) for task in tasks.values()]
    assert ended == [("placed", "")] * 3, ended
    assert ranges_of(list(tasks.values())) == {"10-59": ["first", "second"], "100-103": ["far"]}
    results = {strip.name[:-12]: strip for strip in kit.strips(bpy.context.scene) if strip.recaster.result_of}
    spans = {name: kit.span(result) for name, result in results.items()}
    assert spans == {"first": (21, 31), "second": (41, 71), "far": (81, 85)}
    starts = {name: kit.part("compat").content_start(result) for name, result in results.items()}
    assert starts == {"first": 1, "second": 21, "far": 81}
    return {"file": bpy.path.abspath(results["first"].filepath)}

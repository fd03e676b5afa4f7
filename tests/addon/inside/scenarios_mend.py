"""Faces that were found in a strip are looked at and put right."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn

OPS = bpy.ops.sequencer


def _settled(strip: Any) -> Any:
    """Waits until nothing is done to a strip's faces; returns what is known of them."""
    view = kit.part("mend.tracks").view_of(strip)
    kit.until(lambda: view.work is None)
    assert view.trouble == "", view.trouble
    assert view.found is not None
    return view


def _do(operator: Any, strip: Any, **values: Any) -> Any:
    """Presses a button and waits for what comes of it; as with its undo step."""
    assert operator("EXEC_DEFAULT", True, **values) == {"FINISHED"}
    return _settled(strip)


def _strip(scene: Any) -> Any:
    [strip] = kit.strips(scene)
    return strip


def mended(engine: str, token: str, face: str, clip: str, out: str) -> dict[str, Any]:
    """Each correction, undone and done again, saved and opened; the file is the command line's."""
    del face
    kit.enable(engine, token)
    overlay = kit.part("mend.overlay")
    scene = kit.fresh()
    strip = kit.movie(scene, clip, start=101)
    kit.trim(strip, 111, 131)  # frames 10 to 29 of the file
    scene.frame_set(115)
    kept = Path(f"{clip}.corrections.json")
    strip.recaster.show_points = True
    view = _do(OPS.recaster_find_tracks, strip)
    assert [(one.track, one.first, one.last) for one in view.found.tracks] == [(0, 10, 29)]
    [drawing] = overlay.drawings_of(strip, scene)
    assert (drawing.colour, drawing.label) == (overlay.SWAPPED, "Track 0: Person 0")
    assert len(drawing.points) == 478

    strip = _undo_the_first(view, strip, kept)
    _keep_what_others_do(strip, kept)
    scene = bpy.context.scene
    strip = _strip(scene)
    view = _do(OPS.recaster_find_tracks, strip)
    first = kept.read_text()
    _do(OPS.recaster_assign_track, strip, track=1, person="Anna")
    assert len(json.loads(kept.read_text())["corrections"]) == 2
    bpy.ops.ed.undo()
    assert kept.read_text() == first
    bpy.ops.ed.redo()
    assert len(json.loads(kept.read_text())["corrections"]) == 2
    scene = bpy.context.scene
    strip = _strip(scene)
    view = _settled(strip)
    assert {one.name for one in view.found.tracks} == {"", "Anna"}
    scene.frame_set(112)
    [other] = overlay.drawings_of(strip, scene)
    assert other.colour == overlay.OTHER
    _do(OPS.recaster_join_tracks, strip, track=1, other=0)
    assert len(view.found.tracks) == 1

    _drag(scene, strip)
    made = json.loads(kept.read_text())["corrections"]
    (Path(out) / "made.json").write_bytes(kept.read_bytes())
    _reopen(out, kept, len(made))
    kinds = [one["kind"] for one in made]
    return {"kinds": kinds, "points": made[3]["points"], "box": made[4]["box"], "angle": made[4].get("angle")}


def _undo_the_first(view: Any, strip: Any, kept: Path) -> Any:
    """The first correction is undone, which leaves no file, and done again; returns the strip."""
    bpy.ops.ed.undo_push(message="Find Faces")  # scripts' first steps leave none
    _do(OPS.recaster_split_track, strip, track=0)
    assert [(one.track, one.first, one.last) for one in view.found.tracks] == [(0, 14, 29), (1, 10, 13)]
    first = kept.read_text()
    bpy.ops.ed.undo()
    assert not kept.exists()
    bpy.ops.ed.redo()
    assert kept.read_text() == first
    strip = _strip(bpy.context.scene)
    _settled(strip)
    return strip


def _reopen(out: str, kept: Path, count: int) -> None:
    """The saved file knows what was found and corrected, and takes the last correction back."""
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(out) / "cut.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(Path(out) / "cut.blend"))
    scene = bpy.context.scene
    strip = _strip(scene)
    view = _do(OPS.recaster_find_tracks, strip)
    assert {one.name for one in view.found.tracks} == {"Anna"}
    _do(OPS.recaster_undo_correction, strip)
    assert len(json.loads(kept.read_text())["corrections"]) == count - 1


def _keep_what_others_do(strip: Any, kept: Path) -> None:
    """Numbers of another range are refused; what others write meanwhile stays, after undo, too."""
    kit.trim(strip, 111, 118)
    said = ""
    try:
        OPS.recaster_drop_track("EXEC_DEFAULT", track=0)
    except RuntimeError as error:
        said = str(error)
    assert "Press Find Faces" in said
    kit.trim(strip, 111, 131)
    first = kept.read_text()
    theirs = json.loads(first)
    theirs["corrections"].append({"kind": "drop", "face": [[2, 160, 160, 90]]})
    assert OPS.recaster_assign_track("EXEC_DEFAULT", True, track=1, person="Bea") == {"FINISHED"}
    _write_whole(kept, json.dumps(theirs))
    _settled(strip)
    assert [one["kind"] for one in json.loads(kept.read_text())["corrections"]] == ["split", "drop", "assign"]
    bpy.ops.ed.undo()
    assert [one["kind"] for one in json.loads(kept.read_text())["corrections"]] == ["split", "drop"]
    _settled(_strip(bpy.context.scene))
    _write_whole(kept, first)


def _write_whole(kept: Path, text: str) -> None:
    """Writes corrections as the command line does: the add-on may be reading them just now."""
    aside = kept.with_suffix(".part")
    aside.write_text(text)
    aside.replace(kept)


def _drag(scene: Any, strip: Any) -> None:
    """Drags a point of the face in frame 20 of the file, then a corner of its box."""
    tracks = kit.part("mend.tracks")
    dragging = kit.part("mend.dragging")
    view = tracks.view_of(strip)
    scene.frame_set(121)
    frame = 20
    [(track, box)] = tracks.faces_at(strip, frame)
    hold = dragging.take_hold(strip, frame, view.found.points[track.track, frame][152], 4)
    assert hold.point == 152
    dragging.let_go(strip, scene, hold, (hold.start[0] + 6, hold.start[1]))
    _settled(strip)
    assert abs(view.found.points[track.track, frame][152][0] - hold.start[0] - 6) < 0.01
    strip.recaster.show_points = False
    hold = dragging.take_hold(strip, frame, box.corner("se"), 6)
    assert hold.part == "se"
    corner = hold.start
    dragging.let_go(strip, scene, hold, (corner[0] + 4, corner[1] + 4))
    _settled(strip)
    assert dragging.take_hold(strip, frame, (1.0, 1.0), 6) is None


def troubled(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Trouble becomes markers on the timeline and a list; both are renewed."""
    del face
    kit.enable(engine, token)
    tracks = kit.part("mend.tracks")
    scene = kit.fresh()
    strip = kit.movie(scene, clip, start=101)
    kit.trim(strip, 111, 131)
    own = scene.timeline_markers.new("No face (mine)", frame=120)
    _do(OPS.recaster_find_trouble, strip)
    assert [one.name for one in scene.timeline_markers] == [own.name]
    for frame in (115, 116, 117, 118):
        scene.frame_set(frame)
        [(track, _)] = tracks.faces_at(strip, frame - 101)
        _do(OPS.recaster_drop_track, strip, track=track.track, here=True)
    _do(OPS.recaster_find_trouble, strip)
    marks = sorted((one.frame, one.name) for one in scene.timeline_markers)
    scene.frame_set(101)
    assert OPS.recaster_show_trouble(step=1) == {"FINISHED"}
    at = scene.frame_current
    panel = kit.part("mend.panels").RECASTER_PT_mend
    texts = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    _do(OPS.recaster_find_trouble, strip)
    assert sorted((one.frame, one.name) for one in scene.timeline_markers) == marks
    copy = kit.movie(scene, clip, start=301)
    copy.recaster.markers = strip.recaster.markers
    kit.part("mend.trouble_markers").remove_markers(copy, scene)
    scene.sequence_editor.active_strip = strip
    assert sorted((one.frame, one.name) for one in scene.timeline_markers) == marks
    _split_reversed(scene, strip)
    _drag_fast(scene, strip, Path(f"{clip}.corrections.json"))
    scene = bpy.context.scene
    strip = next(one for one in kit.strips(scene) if one.name == "shot")
    _settled(strip)
    kit.part("mend.trouble_markers").remove_markers(strip, scene)
    left = [one.name for one in scene.timeline_markers]
    number = tracks.view_of(strip).found.trouble[0].track
    return {"marks": marks, "at": at, "texts": sorted(texts), "left": left, "track": number}


def _drag_fast(scene: Any, strip: Any, kept: Path) -> None:
    """Faces that are dragged before the first is there wait, where they were let go of, and go together."""
    tracks = kit.part("mend.tracks")
    dragging = kit.part("mend.dragging")
    before = len(json.loads(kept.read_text())["corrections"])
    view = tracks.view_of(strip)
    strip.recaster.show_faces = True
    scene.frame_set(125)
    [(_, box)] = tracks.faces_at(strip, 24)
    session = kit.part("engine.session")
    asked = []
    own = tracks._Ask.correct, session.push_undo_step
    tracks._Ask.correct = lambda *given: asked.append(len(given[-1])) or own[0](*given)
    session.push_undo_step = lambda said: bpy.ops.ed.undo_push(message=said)
    for shift in (3, 4, 5):
        hold = dragging.take_hold(strip, 24, box.corner("se"), 6)
        now = (hold.start[0] + shift, hold.start[1] + shift)
        dragging.let_go(strip, scene, hold, now)
    assert len(view.queue) == 1
    [(_, other)] = tracks.faces_at(strip, 22)
    hold = dragging.take_hold(strip, 22, other.corner("se"), 6)
    dragging.let_go(strip, scene, hold, (hold.start[0] + 4, hold.start[1] + 4))
    assert len(view.queue) == 2
    [drawing] = kit.part("mend.overlay").drawings_of(strip, scene)
    assert drawing.grips[3] == (box.corner("se")[0] + 5, box.corner("se")[1] + 5)
    _settled(strip)
    tracks._Ask.correct, session.push_undo_step = own
    assert (view.queue, view.placed) == ([], [])
    assert asked == [1, 2]
    made = json.loads(kept.read_text())["corrections"][before:]
    assert [one["face"][-1][0] for one in made] == [24, 24, 22], made
    bpy.ops.ed.undo()  # each is a step of its own
    assert json.loads(kept.read_text())["corrections"][before:] == made[:2]
    bpy.ops.ed.redo()
    assert json.loads(kept.read_text())["corrections"][before:] == made


def _split_reversed(scene: Any, strip: Any) -> None:
    """Of a strip that runs backwards the frame at the playhead and those before it in the file go on."""
    tracks = kit.part("mend.tracks")
    asked = []
    own, tracks.correct = tracks.correct, lambda *given, **_more: asked.append(given[3])
    strip.use_reverse_frames = True
    try:
        scene.frame_set(120)
        shown = kit.part("mend.overlay").shown_frame(strip, scene)
        assert OPS.recaster_split_track("EXEC_DEFAULT", track=0) == {"FINISHED"}
    finally:
        tracks.correct = own
        strip.use_reverse_frames = False
    assert [action(0)["split"]["frame"] for action in asked] == [shown + 1]


def placed(clip: str, out: str) -> dict[str, Any]:
    """A dot of the clip is where the overlay would draw it, however the strip lies."""
    kit.enable()
    overlay = kit.part("mend.overlay")
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    places = []
    for number, (offset, scale, rotation, origin, flip) in enumerate(
        (
            ((0, 0), (1, 1), 0.0, (0.5, 0.5), (False, False)),
            ((12, -20), (0.8, 0.6), 0.5, (0.5, 0.5), (True, False)),
            ((-8, 5), (0.7, 0.7), -0.8, (0.2, 0.7), (False, True)),
        )
    ):
        strip.transform.offset_x, strip.transform.offset_y = offset
        strip.transform.scale_x, strip.transform.scale_y = scale
        strip.transform.rotation = rotation
        strip.transform.origin = origin
        strip.use_flip_x, strip.use_flip_y = flip
        kit.render(scene, Path(out) / f"{number}.mp4", 1, 2)
        placement = overlay.placement_of(strip, scene, (320, 320))
        places.append(placement.to_view((100, 60)))
    return {"places": places}

"""Results as part of the edit: versions, originals, leftovers; strips and jobs in lists."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import bpy
import kit


def versions(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """Earlier swaps of a strip are shown again, undone, found from their originals, and cleaned up."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 4)
    place = Path(folder) / "project"
    place.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(place / "cut.blend"))
    scene, strip = bpy.context.scene, kit.strips(bpy.context.scene)[0]
    strip.recaster.result = "face"
    strip.recaster.matte = True
    strip.recaster.draft = True
    kit.swap(scene, strip)
    layers = _shown(scene, strip)
    state = kit.part("swap.state_view")
    assert state.state_of(scene, strip).text == "Draft"
    assert {one.name.rpartition(" ")[2] for one in kit.strips(scene) if one.recaster.result_of} == {"Draft"}
    strip.recaster.draft = False
    assert sorted(layers) == ["face", "matte"]
    strip.recaster.result = "frame"
    strip.recaster.matte = False
    strip.recaster.mask = "box"
    strip.recaster.feather = 0.25
    assert state.state_of(scene, strip).text == "Differs"
    kit.swap(scene, strip)
    whole = _shown(scene, strip)
    assert sorted(whole) == ["frame"]
    assert state.state_of(scene, strip).text == "Done"
    module = kit.part("swap.versions")
    old, new = strip.recaster.versions
    told = module.describe_version(old, new.settings)
    kit.select(scene, strip)
    first, second = old.name, new.name
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.sequencer.recaster_show_version(version=first) == {"FINISHED"}
    bpy.ops.ed.undo_push(message="Show Version")
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    [strip] = [one for one in kit.strips(scene) if one.name == "shot"]
    assert _shown(scene, strip) == whole
    assert bpy.ops.sequencer.recaster_show_version(version=first) == {"FINISHED"}
    assert _shown(scene, strip) == layers
    assert scene.sequence_editor.active_strip == strip
    assert [one.name for one in kit.strips(scene) if one.select] == [strip.name]
    assert state.state_of(scene, strip).text == "Differs"
    _find_each_other(scene, strip)
    kit.trim(strip, 1, 9)
    assert bpy.ops.sequencer.recaster_show_version(version=second) == {"FINISHED"}
    [result] = [one for one in kit.strips(scene) if one.recaster.result_of]
    assert module.missing_frames(result) == 5
    assert [one.name for one in strip.recaster.versions] == [first, second]
    return {"told": told, "left": _clean_up(scene, strip, place)}


def _find_each_other(scene: Any, strip: Any) -> None:
    """The original selects its layer and matte, and they select it."""
    [layer, matte] = [one for one in kit.strips(scene) if one.recaster.result_of]
    assert matte.mute
    assert bpy.ops.sequencer.recaster_select_result() == {"FINISHED"}
    assert {one.name for one in kit.strips(scene) if one.select} == {layer.name, matte.name}
    assert bpy.ops.sequencer.recaster_select_original() == {"FINISHED"}
    assert [one.name for one in kit.strips(scene) if one.select] == [strip.name]


def _clean_up(scene: Any, strip: Any, place: Path) -> list[str]:
    """Deletes what nothing shows, and nothing that others may show; returns what stays."""
    leftovers = kit.part("swap.leftovers")
    folder = place / "recaster"
    (folder / "own-12345678.mp4").write_bytes(b"an editor's own")
    assert leftovers.find(with_versions=False) == []
    shown = leftovers.find(with_versions=True)
    assert sorted(one.name.partition("-")[2][9:] for one in shown) == ["face_draft.mov", "matte_draft.mp4"]
    (place.parent / "elsewhere").mkdir()
    for compress in (False, True):
        for other in (place / "other.blend", place.parent / "elsewhere" / "far.blend"):
            bpy.ops.wm.save_as_mainfile(filepath=str(other), copy=True, compress=compress)
            assert leftovers.find(with_versions=True) == []
            whole = other.read_bytes()
            other.write_bytes(whole[: len(whole) // 2])
            assert _opaque(leftovers) == other.name
            other.unlink()
    bpy.ops.wm.save_mainfile(compress=False)
    bpy.ops.wm.save_mainfile(compress=False)
    [backup] = [one for one in place.iterdir() if one.suffix == ".blend1"]
    assert leftovers.find(with_versions=True) == shown  # a menu of versions isn't a strip
    content, end, rest = backup.read_bytes().rpartition(b"ENDB")
    backup.write_bytes(content + shown[0].name.encode() + b"\0" + end + rest)
    assert leftovers.find(with_versions=True) == shown[1:]
    backup.unlink()
    [result] = [one for one in kit.strips(scene) if one.recaster.result_of]
    kept, result.filepath = result.filepath, strip.filepath
    assert leftovers.find(with_versions=True) == shown  # the file on the disk still has it
    result.filepath = kept
    found = shown
    _note_at_once(leftovers, folder)
    listed = folder / leftovers.LIST
    before = listed.read_text()
    noted = json.loads(before)
    noted["results"] |= {
        "..": {"blend": "../cut.blend", "files": {"../cut.blend": leftovers._stamp(place / "cut.blend")}},
        "a": {"blend": "../cut.blend", "files": {"a/../../cut.blend": leftovers._stamp(place / "cut.blend")}},
    }
    listed.write_text(json.dumps(noted))
    assert leftovers.find(with_versions=True) == found
    listed.write_text(before)
    changed = next(one for one in found if "matte" in one.name).files[0]
    changed.write_bytes(changed.read_bytes() + b"\0")
    assert bpy.ops.sequencer.recaster_clean_up(with_versions=True) == {"FINISHED"}
    assert "REGISTER" not in kit.part("swap.version_operators").RECASTER_OT_clean_up.bl_options
    assert len(strip.recaster.versions) == 1
    shown = [Path(bpy.path.abspath(one.filepath)) for one in kit.strips(scene)]
    assert all(path.is_file() for path in shown)
    return sorted(path.name.partition("-")[2][-15:] for path in folder.iterdir() if path not in shown)


def _opaque(leftovers: Any) -> str:
    """The .blend for which nothing is deleted, as it can't be read."""
    try:
        leftovers.find(with_versions=True)
    except leftovers.OpaqueError as error:
        return str(error)
    return ""


def _note_at_once(leftovers: Any, folder: Path) -> None:
    """Results that arrive at once are all noted, and one that can't be isn't lost for that."""
    paths = [folder / f"at-once-{number}.mp4" for number in range(8)]
    for path in paths:
        path.write_bytes(b"a result")
    notes = [threading.Thread(target=leftovers.note, args=(folder, [path], "")) for path in paths]
    for one in notes:
        one.start()
    for one in notes:
        one.join()
    assert {path.name for path in paths} <= set(leftovers._read(folder).results)
    for path in paths:
        path.unlink()
    leftovers.note(folder, [folder / "gone" / "a.png"], "")


def _shown(scene: Any, strip: Any) -> dict[str, str]:
    """Files of a strip's results by parts."""
    results = [one for one in kit.strips(scene) if one.recaster.result_of == strip.recaster.uid]
    return {one.recaster.part: one.filepath for one in results}

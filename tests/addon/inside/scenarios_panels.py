"""Panels, buttons and texts of the add-on, walked one by one."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn

REFUSED = "poll()"


def walked(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Reasons of grey operators, with and without a strip and an engine; texts of classes and properties."""
    kit.enable()
    addon = sys.modules[kit.ADDON]
    scene = kit.fresh()
    grey = {"nothing": _grey(addon)}
    strip = kit.movie(scene, clip)
    grey["strip"] = _grey(addon)
    kit.enable(engine, token)
    grey["engine"] = _grey(addon)
    strip.recaster.face = face
    grey["face"] = _grey(addon)
    _look_at_portraits(face)
    keys = kit.part("shortcuts")
    return {"grey": grey, "texts": sorted(_texts(addon)), "keys": _clashes(keys.KEYS)}


def _look_at_portraits(face: str) -> None:
    """A set's portrait comes when a panel wishes for it; a model has that of the faces that it learned."""
    pictures = kit.part("swap.face_pictures")
    found = kit.part("engine.session").engine_state()
    pictures.icon_of(found, face)
    kit.until(lambda: kit.addon_state().face_pictures)
    paths = kit.addon_state().face_pictures
    faceset = kit.part("engine.catalog").holder_of(found, face)
    key = f"{faceset.faceset_id} {faceset.digest}"
    images = kit.part("images")
    assert images.has(paths[key])
    kit.until(lambda: str(paths[key]) in images._pictures)
    portrait = images._pictures[str(paths[key])]
    assert max(portrait.icon_size) == images.LINE_ICON_PX < max(portrait.image_size)
    assert len(set(portrait.icon_pixels_float)) > 100  # a picture, as lines of text show it
    learned = SimpleNamespace(model_id="m", source_digest=faceset.digest, identity_id="")
    assert pictures.faceset_of(found, learned) == faceset
    assert pictures.faceset_of(found, SimpleNamespace(source_digest="x", identity_id="")) is None


def _operator(one: Any) -> Any:
    """An operator as it is called."""
    module, _, name = one.bl_idname.partition(".")
    return getattr(getattr(bpy.ops, module), name)


def _grey(addon: Any) -> dict[str, str]:
    """The reasons of operators that are grey."""
    said = {}
    for one in [one for one in addon._CLASSES if issubclass(one, bpy.types.Operator)]:
        if _operator(one).poll():
            continue
        try:
            _operator(one)()
        except RuntimeError as error:
            said[one.bl_idname] = str(error).partition(REFUSED)[2].strip()
    return said


def _texts(addon: Any) -> set[str]:
    """Labels, tooltips, names and choices."""
    found: set[str] = set()
    for one in (*addon._CLASSES, *kit.part("properties").CLASSES):
        is_operator = issubclass(one, bpy.types.Operator)
        rna = _operator(one).get_rna_type() if is_operator else one.bl_rna
        found |= {rna.name if is_operator else "", rna.description, getattr(one, "bl_label", "")}
        for name in [name for name in getattr(one, "__annotations__", {}) if not name.startswith("_")]:
            kind = rna.properties[name]
            found |= {kind.name, kind.description}
            for each in kind.enum_items if kind.type == "ENUM" else ():
                found |= {each.name, each.description}
    return found


def _clashes(keys: Any) -> list[str]:
    """Operators of Blender that have one of the add-on's keys in the sequencer."""
    wanted = [
        (key["type"], key.get("ctrl", False), key.get("alt", False), key.get("shift", False))
        for _, key in keys
    ]
    return [
        each.idname
        for keymap in bpy.context.window_manager.keyconfigs.default.keymaps
        if "equence" in keymap.name or keymap.name in ("Window", "Screen", "Frames", "View2D")
        for each in keymap.keymap_items
        if (each.type, bool(each.ctrl), bool(each.alt), bool(each.shift)) in wanted
    ]


def placed_panels(clip: str) -> dict[str, Any]:
    """The order of the tab, the panels of the strip's own tab, and the buttons of the grid."""
    kit.enable()
    scene = kit.fresh()
    panels = [one for one in sys.modules[kit.ADDON]._CLASSES if issubclass(one, bpy.types.Panel)]
    tops = [one for one in panels if not getattr(one, "bl_parent_id", "")]
    strip = kit.movie(scene, clip)
    choose = kit.part("train.extraction").choose_for_strip
    choose(scene, "faceset:first", "another strip", "Anna")
    assert strip.recaster.face == ""
    for face, name in (("faceset:first", "Anna"), ("faceset:second", "Bob")):
        choose(scene, face, strip.name, name)
    assert (strip.recaster.face, strip.recaster.face_name) == ("faceset:first", "Anna")
    return {
        "tab": [one.bl_label for one in tops if getattr(one, "bl_category", "") == "Recaster"],
        "strip": [one.bl_label for one in panels if getattr(one, "bl_context", "") == "strip"],
        "grid": sorted(drawn(lambda paper: kit.part("swap.face_grid").draw_sources(paper))),
        "opened": _opened_sidebars(),
        "faces": [_has_room_for_faces(width, scale) for width, scale in ((340, 1.0), (240, 1.0), (480, 2.0))],
    }


def _has_room_for_faces(width: int, scale: float) -> bool:
    """Tells if the list of strips names faces in a sidebar of this width."""
    system = SimpleNamespace(ui_scale=scale)
    context = SimpleNamespace(region=SimpleNamespace(width=width), preferences=SimpleNamespace(system=system))
    return bool(kit.part("swap.state_view").has_room_for_faces(context))


def _opened_sidebars() -> list[str]:
    """Views of sequencers of Blender's workspace for edits whose sidebar is open after the tab was shown."""
    bpy.ops.wm.read_homefile(app_template="Video_Editing", use_factory_startup=True)
    kit.part("first_tab").open_sidebar()
    spaces = [area.spaces.active for area in bpy.context.window_manager.windows[0].screen.areas]
    sequencers = [one for one in spaces if one.type == "SEQUENCE_EDITOR"]
    assert len(sequencers) > 1
    return [one.view_type for one in sequencers if one.show_region_ui]


def dismissed_error() -> dict[str, Any]:
    """An error of the add-on's own as the panel shows it, and the panel after it was dismissed."""
    kit.enable()
    kit.fresh()
    session = kit.part("engine.session")

    def fail() -> None:
        raise ValueError("a number")

    session.tickers.append(fail)
    session._tick()
    session.tickers.remove(fail)
    shown = drawn(kit.part("engine.panels").draw_engine)
    assert bpy.ops.recaster.dismiss_error() == {"FINISHED"}
    assert not bpy.ops.recaster.dismiss_error.poll()
    return {"shown": sorted(shown), "after": sorted(drawn(kit.part("engine.panels").draw_engine))}


def strip_presets(clip: str) -> dict[str, Any]:
    """Presets: the shipped ones, one that is kept, set again, and removed."""
    kit.enable()
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    own = strip.recaster
    names = kit.part("swap.presets").NAMES
    new = {name: getattr(own, name) for name in names}

    def shown() -> list[str]:
        folders = bpy.utils.preset_paths("recaster/strip")
        return sorted(path.stem for folder in folders for path in Path(folder).glob("*.py"))

    def execute(name: str) -> None:
        [path] = [
            path for folder in bpy.utils.preset_paths("recaster/strip") for path in Path(folder).glob(name)
        ]
        bpy.ops.script.execute_preset(filepath=str(path), menu_idname="RECASTER_PT_strip_presets")

    found = {"shipped": shown()}
    own.face = "faceset:any"
    own.feather = 0.25
    own.keep = {"eyes", "nose"}
    own.codec = "prores"
    own.prores_profile = "hq"
    kept = {name: getattr(own, name) for name in names}
    assert bpy.ops.sequencer.recaster_add_preset(name="Mine") == {"FINISHED"}
    found["kept"] = shown()
    execute("Draft.py")
    found["draft"] = [name for name in names if getattr(own, name) != new[name]]
    execute("Mine.py")
    assert {name: getattr(own, name) for name in names} == kept
    execute("Default.py")
    assert {name: getattr(own, name) for name in names} == new
    assert own.face == "faceset:any"
    mine = Path(bpy.utils.user_resource("SCRIPTS", path="presets/recaster/strip/Mine.py"))
    found["accessor"] = mine.read_text().splitlines()[1]
    scene.sequence_editor.active_strip = None
    strip.select = False
    assert kit.part("selection").chosen_strip(bpy.context) is None
    execute("Mine.py")
    execute("Default.py")
    kit.select(scene, strip)
    assert {name: getattr(own, name) for name in names} == new
    assert bpy.ops.sequencer.recaster_add_preset(name="Mine", remove_name=True) == {"FINISHED"}
    found["left"] = shown()
    return found

"""Tools of stories that are told in a Blender with a window: the project, mouse and keys, pictures.

A story is a generator: after each ``yield`` Blender draws and handles events for STEP_S.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from collections.abc import Generator

ADDON = "bl_ext.user_default.recaster"
OUT = Path(os.environ["RECASTER_GUI_OUT"])
WORK = Path(os.environ["RECASTER_GUI_WORK"])
FACTS = json.loads((WORK / "facts.json").read_text())
STEP_S = 0.5
NARROW_PX = 240
"""Blender's own sidebars are about as wide when they are first opened."""
PATIENCE = 600
"""Steps that something may take."""


def part(name: str) -> Any:
    """A module of the add-on."""
    return importlib.import_module(f"{ADDON}.{name}")


def window() -> Any:
    """The window."""
    return bpy.context.window_manager.windows[0]


def area_of(view: str) -> Any:
    """The largest sequencer of the window that shows "SEQUENCER" or "PREVIEW"."""
    found = [area for area in window().screen.areas if area.type == "SEQUENCE_EDITOR"]
    fitting = [area for area in found if area.spaces.active.view_type == view]
    return max(fitting, key=lambda area: area.width * area.height)


def region_of(area: Any, kind: str) -> Any:
    """A region of an area."""
    return next(region for region in area.regions if region.type == kind)


def picture(name: str) -> None:
    """A picture of the whole screen; Blender's own come out black without a compositor."""
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True)
    print("took", name, flush=True)


def open_project() -> Any:
    """Blender's own template for video editing, with a clip of an actor and its sound."""
    bpy.ops.wm.read_homefile(app_template="Video_Editing", use_factory_startup=True)
    yield
    bpy.context.preferences.view.show_splash = False
    scene = window().scene
    if hasattr(window().workspace, "sequencer_scene"):
        window().workspace.sequencer_scene = scene
    scene.render.fps = 25
    scene.render.resolution_x = 1280
    scene.render.resolution_y = 720
    scene.view_settings.view_transform = "Standard"
    if scene.sequence_editor is None:
        scene.sequence_editor_create()
    owner = part("compat").strips_in(scene.sequence_editor)
    shutil.copy(FACTS["clip"], WORK)
    bpy.ops.wm.save_as_mainfile(filepath=str(WORK / "cut.blend"))
    clip = f"//{Path(FACTS['clip']).name}"
    owner.new_sound("performer (sound)", clip, 1, 1)
    strip = part("compat").new_movie(scene.sequence_editor, "performer", clip, 2, 1)
    strip.transform.scale_x = strip.transform.scale_y = 2.25
    part("compat").set_handles(strip, 1, 126)
    scene.frame_start = 1
    scene.frame_end = 125
    scene.frame_set(40)
    select(scene, strip)
    yield


def select(scene: Any, strip: Any) -> None:
    """Select this strip only."""
    for one in part("compat").all_strips(scene):
        one.select = one == strip
    scene.sequence_editor.active_strip = strip


def show_tab() -> Any:
    """One sequencer with preview over all of the window; its sidebar shows the add-on's tab."""
    area = area_of("SEQUENCER")
    area.spaces.active.view_type = "SEQUENCER_PREVIEW"
    with bpy.context.temp_override(window=window(), area=area, region=region_of(area, "WINDOW")):
        bpy.ops.screen.screen_full_area()
    yield
    area = area_of("SEQUENCER_PREVIEW")
    area.spaces.active.show_region_ui = True
    yield
    region_of(area, "UI").active_panel_category = "Recaster"
    with bpy.context.temp_override(window=window(), area=area, region=region_of(area, "WINDOW")):
        bpy.ops.sequencer.view_all()
    yield


def panel_classes() -> list[Any]:
    """The add-on's panels, as they are registered."""
    return [
        one for one in vars(importlib.import_module(ADDON))["_CLASSES"] if issubclass(one, bpy.types.Panel)
    ]


def open_panels(*names: str) -> None:
    """Lets these panels, or all, be open when they are first drawn: those that are closed by default, too."""
    for one in panel_classes():
        if names and one.__name__.removeprefix("RECASTER_PT_") not in names:
            continue
        one.bl_options = set(getattr(one, "bl_options", ())) - {"DEFAULT_CLOSED"}
    show_panels()


def show_panels(*names: str) -> None:
    """Shows these panels only (ends of their names), or all, in their order; and what opens out of them."""
    every = panel_classes()
    for one in reversed(every):
        if one.is_registered:
            bpy.utils.unregister_class(one)
    for one in every:
        is_popover = "INSTANCED" in getattr(one, "bl_options", ())
        if not names or is_popover or one.__name__.removeprefix("RECASTER_PT_") in names:
            bpy.utils.register_class(one)


def wait(come: Any) -> Any:
    """Until something has come."""
    for _ in range(PATIENCE):
        if come():
            return
        yield
    raise RuntimeError("nothing came")


def drag(start: tuple[int, int], end: tuple[int, int]) -> Generator[None, None, None]:
    """The mouse drags from one place to another, in pixels from the lower left."""
    between = ((start[0] + end[0]) // 2, (start[1] + end[1]) // 2)
    steps = (
        ("MOUSEMOVE", "NOTHING", start), ("LEFTMOUSE", "PRESS", start), ("MOUSEMOVE", "NOTHING", between),
        ("MOUSEMOVE", "NOTHING", end), ("LEFTMOUSE", "RELEASE", end),
    )  # fmt: skip
    for kind, value, (x, y) in steps:
        window().event_simulate(kind, value, x=x, y=y)
        yield


def narrow_sidebar(area: Any) -> Generator[None, None, None]:
    """The sidebar becomes as narrow as its texts should bear."""
    sidebar = region_of(area, "UI")
    x, y = sidebar.x - 1, sidebar.y + sidebar.height // 2
    yield from drag((x, y), (x + sidebar.width - NARROW_PX, y))


def shown(name: str) -> Generator[None, None, None]:
    """A picture, when Blender has drawn what is new."""
    part("engine.session").redraw()
    for _ in range(3):
        yield
    picture(name)


def install() -> Generator[None, None, None]:
    """Installs the extension, opens a project with all panels open, and connects to the engine."""
    yield from enable()
    open_panels()
    yield from open_project()
    yield from show_tab()
    yield from connect()


def enable() -> Generator[None, None, None]:
    """Installs the extension."""
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["RECASTER_GUI_ZIP"], repo="user_default", enable_on_install=True
    )
    if language := os.environ.get("RECASTER_GUI_LANGUAGE"):
        bpy.context.preferences.view.language = language
    yield


def connect() -> Generator[None, None, None]:
    """Connects to the engine."""
    preferences = bpy.context.preferences.addons[ADDON].preferences
    preferences.where = "remote"
    preferences.host = FACTS["engine"]
    preferences.token = FACTS["token"]
    yield from wait(lambda: part("engine.session").engine_state().online)


def act(operator: Any, view: str = "SEQUENCER_PREVIEW", **values: Any) -> None:
    """Runs an operator as from the sequencer's own region."""
    sequencer = area_of(view)
    with bpy.context.temp_override(window=window(), area=sequencer, region=region_of(sequencer, "WINDOW")):
        operator("EXEC_DEFAULT", **values)

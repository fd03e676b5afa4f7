"""Runs inside a Blender with a window: swaps and trains through the add-on, and takes pictures of it."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import traceback
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
PATIENCE = 600
TRAIN_HEADER = (1330, 198)
"""Where the header of the training panel is while no strip is selected."""


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


def wait(come: Any) -> Any:
    """Until something has come."""
    for _ in range(PATIENCE):
        if come():
            return
        yield
    raise RuntimeError("nothing came")


def click(x: int, y: int, *, ctrl: bool = False) -> Generator[None, None, None]:
    """A click at pixels from the upper left."""
    for kind, value in (("MOUSEMOVE", "NOTHING"), ("LEFTMOUSE", "PRESS"), ("LEFTMOUSE", "RELEASE")):
        window().event_simulate(kind, value, x=x, y=window().height - y, ctrl=ctrl)
        yield


def install() -> Generator[None, None, None]:
    """Installs the extension, opens a project, and connects to the engine."""
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["RECASTER_GUI_ZIP"], repo="user_default", enable_on_install=True
    )
    yield
    yield from open_project()
    yield from show_tab()
    preferences = bpy.context.preferences.addons[ADDON].preferences
    preferences.where = "remote"
    preferences.host = FACTS["engine"]
    preferences.token = FACTS["token"]
    yield from wait(lambda: part("engine.session").engine_state().online)


def act(operator: Any, **values: Any) -> None:
    """Runs an operator as from the sequencer's own region."""
    sequencer = area_of("SEQUENCER_PREVIEW")
    with bpy.context.temp_override(window=window(), area=sequencer, region=region_of(sequencer, "WINDOW")):
        operator("EXEC_DEFAULT", **values)


def story() -> Generator[None, None, None]:
    """Steps of an editor's work: previews, a swap and a training; Blender draws in between."""
    yield from install()
    session = part("engine.session")
    faces = part("swap.previews")
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    act(bpy.ops.sequencer.recaster_choose_face, face=f"faceset:{FACTS['faceset']}")
    act(bpy.ops.sequencer.recaster_find_people)
    yield from wait(lambda: faces.view_of(strip).people)
    act(bpy.ops.sequencer.recaster_choose_person, person=str(faces.view_of(strip).people[0]))
    yield
    yield
    picture("1-before")
    act(bpy.ops.sequencer.recaster_preview)
    yield from wait(lambda: faces.view_of(strip).preview)
    yield
    yield
    picture("2-preview")
    act(bpy.ops.sequencer.recaster_swap)
    [task] = part("state").addon_state.tasks.values()

    def rendering() -> bool:
        job = session.engine_state().job(task.job)
        return task.has_ended or (
            job is not None and job.progress.stage == "swapping" and job.progress.done > 20
        )

    yield from wait(rendering)
    yield
    picture("3-progress")
    yield from wait(lambda: task.has_ended)
    if task.stage != "placed":
        raise RuntimeError(task.trouble)
    scene.frame_set(41)
    yield
    yield
    picture("4-result")
    yield from train(scene)


def train(scene: Any) -> Generator[None, None, None]:
    """Faces, a training, its curve and preview."""
    trainings = part("train.training")
    for strip in part("compat").all_strips(scene):
        strip.select = False
    scene.sequence_editor.active_strip = None
    yield
    yield from click(*TRAIN_HEADER, ctrl=True)  # opens it and closes all others
    scene.recaster.source = FACTS["faceset"]
    scene.recaster.minutes = 3
    scene.recaster.name = "Actor B"
    act(bpy.ops.recaster.show_faces, role="source", page=1)
    act(bpy.ops.recaster.train)
    yield from wait(lambda: scene.recaster.model)
    yield from wait(lambda: part("state").addon_state.faces_pages[FACTS["faceset"]].files)

    def learnt() -> bool:
        view = part("state").addon_state.training_views.get(scene.recaster.model)
        job = trainings.training_of(part("engine.session").engine_state(), scene.recaster.model)
        return view is not None and view.preview is not None and job is not None and job.progress.done > 90

    yield from wait(learnt)
    yield
    picture("5-training")


def main() -> None:
    """Run the story on a timer."""
    steps = story()

    def step() -> float | None:
        try:
            next(steps)
        except StopIteration:
            (WORK / "done").touch()
            bpy.ops.wm.quit_blender()
            return None
        except BaseException:  # noqa: BLE001 - a timer's error would go unheard
            traceback.print_exc()
            picture("0-failed")
            sys.stdout.flush()
            os._exit(1)
        return STEP_S

    bpy.app.timers.register(step, first_interval=3.0, persistent=True)


main()

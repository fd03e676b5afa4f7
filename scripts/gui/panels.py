"""Each panel in each of its states."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import bpy
from tools import (
    FACTS,
    act,
    area_of,
    connect,
    enable,
    narrow_sidebar,
    open_panels,
    open_project,
    part,
    region_of,
    select,
    show_panels,
    show_tab,
    shown,
    wait,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Generator

SWAP = ("engine", "swap")


def story() -> Generator[None, None, None]:
    """From no engine to several people."""
    yield from enable()
    open_panels()
    yield from open_project()
    yield from show_tab()
    show_panels(*SWAP)
    yield from shown("01-no-engine")
    state = part("state").addon_state
    local = state.local
    state.local = SimpleNamespace(running=True, stopping=False, was_stopped=True, crashed=lambda: "")
    yield from shown("02-starting")
    state.local = local
    yield from connect()
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    scene.sequence_editor.active_strip = None
    strip.select = False
    yield from shown("03-no-strip")
    select(scene, strip)
    yield from shown("04-no-face")
    yield from grid("05-grid")
    act(bpy.ops.sequencer.recaster_choose_face, face=f"faceset:{FACTS['unstated']}")
    yield from shown("06-no-right")
    act(bpy.ops.sequencer.recaster_choose_face, face=f"faceset:{FACTS['faceset']}")
    yield from shown("07-ready")
    yield from people(scene)
    show_panels(*SWAP, "look", "result")
    yield from shown("11-look-and-result")
    show_panels("engine", "train", "faces", "course")
    yield from shown("12-training-empty")
    show_panels("engine", "jobs", "mend", "provenance")
    yield from shown("13-jobs-mend-provenance")
    show_panels(*SWAP, "jobs")
    yield from failed(scene)
    yield from narrow(scene)


def grid(name: str) -> Generator[None, None, None]:
    """The grid of faces, open."""
    pictures = part("state").addon_state.face_pictures
    part("state").addon_state.are_face_pictures_wanted = True
    yield from wait(lambda: any(pictures.values()))
    area = area_of("SEQUENCER_PREVIEW")
    sidebar = region_of(area, "UI")
    x, y = sidebar.x + 60, sidebar.y + sidebar.height - 160
    window().event_simulate("MOUSEMOVE", "NOTHING", x=x, y=y)
    yield
    with bpy.context.temp_override(window=window(), area=area, region=sidebar):
        bpy.ops.wm.call_panel(name="RECASTER_PT_face_grid", keep_open=True)
    yield from shown(name)
    window().event_simulate("ESC", "PRESS", x=x, y=y)
    yield
    window().event_simulate("ESC", "RELEASE", x=x, y=y)
    yield


def people(scene: Any) -> Generator[None, None, None]:
    """Two people in one strip, and several strips."""
    compat = part("compat")
    first = compat.active_strip(bpy.context) or scene.sequence_editor.active_strip
    pair = compat.new_movie(scene.sequence_editor, "two", FACTS["pair"], 3, 60)
    pair.recaster.face = f"faceset:{FACTS['faceset']}"
    select(scene, pair)
    act(bpy.ops.sequencer.recaster_find_people)
    yield from wait(lambda: len(pair.recaster.cast) > 1)
    yield from shown("08-people")
    second = pair.recaster.cast[1].person
    act(bpy.ops.sequencer.recaster_cast_face, person=second, face=f"faceset:{FACTS['unstated']}")
    yield from shown("09-people-with-faces")
    first.select = True
    yield from shown("10-several-strips")


def failed(scene: Any) -> Generator[None, None, None]:
    """A swap that fails, and one that is done."""
    pair = scene.sequence_editor.active_strip
    select(scene, pair)
    pair.recaster.cast.clear()
    act(bpy.ops.sequencer.recaster_swap)
    tasks = part("state").addon_state.tasks
    yield from wait(lambda: all(one.has_ended for one in tasks.values()))
    yield from shown("14-done")
    [task] = tasks.values()
    task.stage = part("swap.tasks").SwapStage.FAILED
    task.trouble = "The engine's disk is full: make room there, and it goes on"
    yield from shown("15-failed")


def narrow(scene: Any) -> Generator[None, None, None]:
    """The same panels in a narrow sidebar."""
    yield from narrow_sidebar(area_of("SEQUENCER_PREVIEW"))
    scene.recaster.source = FACTS["faceset"]
    for name, panels in {
        "16-narrow-swap": (*SWAP, "jobs"),
        "17-narrow-look": ("engine", "swap", "look", "result"),
        "18-narrow-training": ("engine", "train", "faces", "course"),
        "19-narrow-others": ("engine", "strips", "mend", "provenance"),
        "25-narrow-anonymize": ("engine", "anonymise", "monitor", "swap"),
    }.items():
        show_panels(*panels)
        yield from shown(name)

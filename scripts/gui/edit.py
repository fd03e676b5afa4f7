"""Results as part of the edit: versions, leftovers, the strips and the jobs, a render that is signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from tools import (
    FACTS,
    act,
    area_of,
    install,
    part,
    picture,
    region_of,
    select,
    show_panels,
    shown,
    wait,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Generator


def story() -> Generator[None, None, None]:
    """Three strips are swapped, one of them twice; then what comes of it is looked at."""
    yield from install()
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    compat = part("compat")
    compat.set_handles(strip, 1, 13)
    act(bpy.ops.sequencer.recaster_choose_face, face=f"faceset:{FACTS['faceset']}")
    others = [_clip(scene, f"shot {number}", 40 * number) for number in (1, 2, 3)]
    part("swap.strip_choices").copy_choices(strip, others[:2])
    yield from _swap(scene, strip)
    strip.recaster.mask = "hull"
    strip.recaster.feather = 0.2
    yield from _swap(scene, strip)
    select(scene, strip)
    scene.frame_set(6)
    yield
    show_panels("swap", "result")
    yield from shown("edit-1-result")
    with bpy.context.temp_override(**_place()):
        bpy.ops.wm.call_menu(name="RECASTER_MT_versions")
    yield
    picture("edit-2-versions")
    yield from _escape()
    with bpy.context.temp_override(**_place()):
        bpy.ops.wm.save_mainfile()
    yield  # Blender notices
    with bpy.context.temp_override(**_place()):
        bpy.ops.sequencer.recaster_clean_up("INVOKE_DEFAULT")
    yield
    picture("edit-3-clean-up")
    yield from _escape()
    strip.recaster.feather = 0.1
    for one in others[:2]:
        select(scene, one)
        act(bpy.ops.sequencer.recaster_swap)
    tasks = list(part("state").addon_state.tasks.values())[-2:]
    show_panels("strips", "jobs", "provenance")
    job_of = part("engine.session").engine_state
    yield from wait(lambda: (job := job_of().job(tasks[0].job)) is not None and job.progress.done)
    yield from shown("edit-4-strips-and-jobs")
    yield from wait(lambda: all(one.has_ended for one in tasks))
    act(bpy.ops.sequencer.recaster_go_to_strip, strip="shot 2")
    yield from shown("edit-5-done")


def _clip(scene: Any, name: str, start: int) -> Any:
    """Another strip of the actor's clip, of twelve frames."""
    strip = part("compat").new_movie(scene.sequence_editor, name, f"//{Path(FACTS['clip']).name}", 2, start)
    strip.transform.scale_x = strip.transform.scale_y = 2.25
    part("compat").set_handles(strip, start, start + 12)
    return strip


def _swap(scene: Any, strip: Any) -> Generator[None, None, None]:
    """Swaps a strip, and waits for the result."""
    select(scene, strip)
    act(bpy.ops.sequencer.recaster_swap)
    task = list(part("state").addon_state.tasks.values())[-1]
    yield from wait(lambda: task.has_ended)
    if task.stage != "placed":
        raise RuntimeError(task.trouble)
    yield


def _place() -> dict[str, Any]:
    """The sequencer's own region, for menus and questions."""
    area = area_of("SEQUENCER_PREVIEW")
    return {"window": window(), "area": area, "region": region_of(area, "WINDOW")}


def _escape() -> Generator[None, None, None]:
    """Closes a menu or a question."""
    for value in ("PRESS", "RELEASE"):
        window().event_simulate("ESC", value)
        yield

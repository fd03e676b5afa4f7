"""In the monitor and on the strip: a preview and comparisons, progress, a failure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import bpy
from tools import FACTS, act, area_of, install, part, picture, region_of, wait, window

if TYPE_CHECKING:
    from collections.abc import Generator

PLACES = {
    "scaled": {"scale_x": 1.2, "scale_y": 1.2, "offset_x": 200.0, "offset_y": -40.0},
    "rotated": {"rotation": 0.5, "scale_x": 1.4, "scale_y": 1.4},
}


def story() -> Generator[None, None, None]:
    """A preview as it is drawn, stale, wiped and compared; then a swap's progress and result."""
    yield from install()
    yield from start_measuring()
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    act(bpy.ops.sequencer.recaster_choose_face, face=f"faceset:{FACTS['faceset']}")
    act(bpy.ops.sequencer.recaster_preview)
    yield
    picture("monitor-1-asked")
    about = part("swap.previews").view_of(strip)
    yield from wait(lambda: about.preview or about.trouble)
    yield from shown("monitor-2-preview")
    yield from compare(scene, strip)
    yield from transformed(strip)
    yield from pick(scene, strip)
    yield from swap(scene, strip)
    report_gaps()


def shown(name: str) -> Generator[None, None, None]:
    """A picture, once Blender has drawn."""
    yield
    yield
    picture(name)


def compare(scene: Any, strip: Any) -> Generator[None, None, None]:
    """Wiped, before, and stale."""
    show(shows="wipe", line=0.3)
    yield from shown("monitor-3-wipe")
    show(shows="before")
    yield from shown("monitor-4-before")
    show(shows="swap")
    strip.recaster.feather = 0.3
    yield from shown("monitor-5-settings")
    scene.frame_set(52)
    yield from shown("monitor-6-stale")
    scene.frame_set(40)
    strip.recaster.property_unset("feather")


def show(shows: str, line: float = 0.5) -> None:
    """Chooses what the monitor shows."""
    manager = bpy.context.window_manager
    manager.recaster_shows = shows
    manager.recaster_line = line


def transformed(strip: Any) -> Generator[None, None, None]:
    """The preview where the strip lies: scaled, rotated, cropped, mirrored, at another zoom."""
    kept = {
        name: getattr(strip.transform, name)
        for name in ("scale_x", "scale_y", "offset_x", "offset_y", "rotation")
    }
    show(shows="wipe", line=0.5)
    for name, values in PLACES.items():
        for key, value in values.items():
            setattr(strip.transform, key, value)
        yield from shown(f"monitor-7-{name}")
        for key, value in kept.items():
            setattr(strip.transform, key, value)
    strip.crop.min_x = 60
    strip.crop.max_y = 40
    strip.use_flip_x = True
    yield from shown("monitor-7-cropped-mirrored")
    strip.crop.min_x = strip.crop.max_y = 0
    strip.use_flip_x = False
    area = area_of("SEQUENCER_PREVIEW")
    with bpy.context.temp_override(window=window(), area=area, region=region_of(area, "PREVIEW")):
        bpy.ops.sequencer.view_zoom_ratio(ratio=1.0)
    yield from shown("monitor-7-zoomed")
    with bpy.context.temp_override(window=window(), area=area, region=region_of(area, "PREVIEW")):
        bpy.ops.sequencer.view_all_preview()
    show(shows="swap")


def pick(scene: Any, strip: Any) -> Generator[None, None, None]:
    """A click on a face chooses the person."""
    sequencer = area_of("SEQUENCER_PREVIEW")
    with bpy.context.temp_override(window=window(), area=sequencer, region=region_of(sequencer, "WINDOW")):
        bpy.ops.recaster.pick_person("INVOKE_DEFAULT")
    picking = part("monitor.picking")
    yield from wait(lambda: not picking.is_looking(strip))
    yield from shown("monitor-8-pick")
    tracks = part("mend.tracks")
    frame = part("mend.overlay").shown_frame(strip, scene)
    [(_, box)] = tracks.faces_at(strip, frame)
    preview = region_of(sequencer, "PREVIEW")
    place = part("mend.overlay").placement_of(strip, scene, tracks.view_of(strip).found.size)
    x, y = preview.view2d.view_to_region(*place.to_view(box.middle), clip=False)
    for kind, value in (("MOUSEMOVE", "NOTHING"), ("LEFTMOUSE", "PRESS"), ("LEFTMOUSE", "RELEASE")):
        window().event_simulate(kind, value, x=preview.x + int(x), y=preview.y + int(y))
        yield
    if [one.swapped for one in strip.recaster.cast] != [True]:
        raise RuntimeError("the click chose nobody")


def swap(scene: Any, strip: Any) -> Generator[None, None, None]:
    """Progress and ghost on the timeline, the status bar, the result wiped, other settings, a failure."""
    session = part("engine.session")
    act(bpy.ops.sequencer.recaster_swap)
    [task] = part("state").addon_state.tasks.values()

    def rendering() -> bool:
        job = session.engine_state().job(task.job)
        return task.has_ended or (
            job is not None and job.progress.stage == "swapping" and job.progress.done > 20
        )

    yield from wait(rendering)
    yield from shown("monitor-9-progress")
    yield from wait(lambda: task.has_ended)
    if task.stage != "placed":
        raise RuntimeError(task.trouble)
    yield from shown("monitor-10-done")
    part("swap.previews").view_of(strip).picture = None
    show(shows="wipe", line=0.45)
    yield from shown("monitor-11-result-wipe")
    show(shows="before")
    yield from shown("monitor-11-result-before")
    show(shows="swap")
    strip.recaster.erode = 0.05
    yield from shown("monitor-12-changed")
    strip.recaster.face = "faceset:gone"
    part("swap.workflow").begin(scene, strip)
    [task] = [one for one in part("state").addon_state.tasks.values() if not one.has_ended]
    yield from wait(lambda: task.has_ended)
    yield from shown("monitor-13-failed")


_gaps: list[float] = []
_redrawn: list[str] = []


def start_measuring() -> Generator[None, None, None]:
    """Measures how long the timer of the add-on and its drawing take in Blender's main thread."""
    calls: dict[str, list[float]] = {}
    bpy.app.driver_namespace["recaster_calls"] = calls

    def measured(owner: Any, name: str) -> None:
        own = getattr(owner, name)

        def call(*given: Any, **named: Any) -> Any:
            begin = time.thread_time()
            try:
                return own(*given, **named)
            finally:
                calls.setdefault(f"{owner.__name__.rpartition('.')[2]}.{name}", []).append(
                    time.thread_time() - begin
                )

        setattr(owner, name, call)

    session = part("engine.session")
    measured(session, "process_events")
    for name in ("redraw", "redraw_previews", "redraw_timelines"):
        measured(session, name)
    measured(part("monitor.preview_drawing"), "drawing_of")
    measured(part("monitor.strip_states"), "marks_of")
    measured(part("monitor.monitor_overlay"), "_texture_of")
    yield


def report_gaps() -> None:
    """Prints how often each was called, and the longest and the mean, in milliseconds of the main thread."""
    for name, times in sorted(bpy.app.driver_namespace["recaster_calls"].items()):
        mean = sum(times) / len(times)
        print(f"{name}: {len(times)} calls, worst {1e3 * max(times):.1f} ms, mean {1e3 * mean:.2f} ms")

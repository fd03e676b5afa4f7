"""A shot is mended with the mouse: boxes and points are dragged, people named, trouble marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from tools import (
    act,
    area_of,
    connect,
    enable,
    open_panels,
    open_project,
    part,
    picture,
    region_of,
    show_panels,
    show_tab,
    wait,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Generator

FRAME = 40
CHIN = 152
THIS_IS = (1510, 154)
"""Where that button is while only this panel is open."""
"""Number of the mesh's point at the chin."""


def story() -> Generator[None, None, None]:
    """Finds faces, drags a box and a point, draws a box, names a person, splits, finds trouble."""
    yield from enable()
    open_panels("mend")
    yield from open_project()
    yield from show_tab()
    yield from connect()
    show_panels("mend")
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    part("compat").set_handles(strip, 31, 55)
    scene.frame_set(FRAME)
    strip.recaster.show_points = True
    act(bpy.ops.sequencer.recaster_find_tracks)
    yield from settled(strip)
    picture("mend-1-found")
    yield from drag_all(scene, strip)
    strip.recaster.show_points = False
    [*_, (track, _)] = faces(scene, strip)
    act(bpy.ops.sequencer.recaster_assign_track, track=track.track, person="Anna")
    yield from settled(strip)
    scene.frame_set(FRAME + 4)
    yield
    [*_, (track, _)] = faces(scene, strip)
    act(bpy.ops.sequencer.recaster_split_track, track=track.track)
    yield from settled(strip)
    picture("mend-6-named-and-split")
    yield from click(*THIS_IS)
    yield
    picture("mend-7-this-is")
    yield from key("ESC")
    for frame in range(FRAME + 6, FRAME + 10):
        scene.frame_set(frame)
        act(bpy.ops.sequencer.recaster_drop_track, track=faces(scene, strip)[0][0].track, here=True)
        yield from settled(strip)
    act(bpy.ops.sequencer.recaster_find_trouble)
    yield from settled(strip)
    act(bpy.ops.sequencer.recaster_show_trouble, step=1)
    yield
    yield
    picture("mend-8-trouble")


def drag_all(scene: Any, strip: Any) -> Generator[None, None, None]:
    """Drags a box's corner, its handle, a point and a new box."""
    view = part("mend.tracks").view_of(strip)
    with bpy.context.temp_override(window=window(), area=preview(), region=region_of(preview(), "PREVIEW")):
        bpy.ops.recaster.drag_faces("INVOKE_DEFAULT")
    yield
    [(track, box)] = faces(scene, strip)
    points = view.found.points[track.track, FRAME - 1]
    yield from drag(strip, points[CHIN], (points[CHIN][0] + 12, points[CHIN][1] + 14), "mend-2-point")
    yield from settled(strip)
    picture("mend-3-point-there")
    strip.recaster.show_points = False
    [(track, box)] = faces(scene, strip)
    yield from drag(strip, box.corner("se"), (box.corner("se")[0] + 20, box.corner("se")[1] + 10))
    yield from settled(strip)
    [*_, (track, box)] = faces(scene, strip)
    yield from drag(strip, box.handle, (box.handle[0] + 25, box.handle[1] + 3), "mend-4-turned")
    yield from settled(strip)
    yield from drag(strip, (20.0, 20.0), (80.0, 90.0), "mend-5-new", ctrl=True)
    yield from settled(strip, allows_trouble=True)
    picture("mend-5b-new-there")
    yield from key("ESC")


def faces(scene: Any, strip: Any) -> list[Any]:
    """Faces at the playhead."""
    return part("mend.tracks").faces_at(strip, part("mend.overlay").shown_frame(strip, scene))


def settled(strip: Any, *, allows_trouble: bool = False) -> Generator[None, None, None]:
    """Waits for what was asked for."""
    view = part("mend.tracks").view_of(strip)
    yield from wait(lambda: view.work is None)
    if view.trouble and not allows_trouble:
        raise RuntimeError(view.trouble)
    yield
    yield


def preview() -> Any:
    """The area with the preview."""
    return area_of("SEQUENCER_PREVIEW")


def on_screen(strip: Any, point: tuple[float, float]) -> tuple[int, int]:
    """A point of the clip in pixels of the window."""
    scene = window().scene
    found = part("mend.tracks").view_of(strip).found
    placement = part("mend.overlay").placement_of(strip, scene, found.size)
    region = region_of(preview(), "PREVIEW")
    x, y = region.view2d.view_to_region(*placement.to_view(point), clip=False)
    return region.x + round(x), region.y + round(y)


def drag(
    strip: Any, start: tuple[float, float], end: tuple[float, float], name: str = "", *, ctrl: bool = False
) -> Generator[None, None, None]:
    """Drags with the left button; a picture of the last moment before it is let go."""
    begin, stop = on_screen(strip, start), on_screen(strip, end)
    middle = (begin[0] + stop[0]) // 2, (begin[1] + stop[1]) // 2
    steps = (("MOUSEMOVE", "NOTHING", begin), ("LEFTMOUSE", "PRESS", begin))
    steps += tuple(("MOUSEMOVE", "NOTHING", place) for place in (middle, stop))
    for kind, value, (x, y) in steps:
        window().event_simulate(kind, value, x=x, y=y, ctrl=ctrl)
        yield
    if name:
        yield
        picture(name)
    window().event_simulate("LEFTMOUSE", "RELEASE", x=stop[0], y=stop[1], ctrl=ctrl)
    yield


def click(x: int, y: int) -> Generator[None, None, None]:
    """A click at pixels from the upper left."""
    for kind, value in (("MOUSEMOVE", "NOTHING"), ("LEFTMOUSE", "PRESS"), ("LEFTMOUSE", "RELEASE")):
        window().event_simulate(kind, value, x=x, y=window().height - y)
        yield


def key(name: str) -> Generator[None, None, None]:
    """Presses a key."""
    for value in ("PRESS", "RELEASE"):
        window().event_simulate(name, value)
        yield

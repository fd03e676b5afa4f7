"""The tab where it is first met: Blender's own workspace for video editing."""

from __future__ import annotations

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
    shown,
    wait,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Generator


def story() -> Generator[None, None, None]:
    """The sidebar beside the timeline, then narrow; the strip's own tab; the preferences."""
    yield from enable()
    open_panels("strip_swap")
    yield from open_project()
    yield from connect()
    area = area_of("SEQUENCER")
    area.spaces.active.show_region_ui = True
    yield
    region_of(area, "UI").active_panel_category = "Recaster"
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    strip.recaster.face = f"faceset:{FACTS['faceset']}"
    part("state").addon_state.are_face_pictures_wanted = True
    yield from wait(lambda: any(part("state").addon_state.face_pictures.values()))
    yield from shown("20-workspace")
    yield from narrow(area)
    yield from properties(area)
    yield from preferences()


def narrow(area: Any) -> Generator[None, None, None]:
    """The sidebar as narrow as its texts should bear."""
    yield from narrow_sidebar(area)
    yield from shown("21-narrow")
    strip = window().scene.sequence_editor.active_strip
    strip.recaster.face = f"faceset:{FACTS['unstated']}"
    act(bpy.ops.sequencer.recaster_find_people, "SEQUENCER")
    yield from wait(lambda: len(strip.recaster.cast))
    yield from shown("22-narrow-people")


def properties(area: Any) -> Generator[None, None, None]:
    """The strip's tab of the properties, where Blender has one."""
    if bpy.app.version < (5, 0, 0):
        return
    area.type = "PROPERTIES"
    yield
    area.spaces.active.context = "STRIP"
    with bpy.context.temp_override(window=window(), area=area):
        bpy.ops.screen.screen_full_area()
    yield
    x, y = window().width // 2, window().height // 2
    for _ in range(60):
        window().event_simulate("WHEELDOWNMOUSE", "PRESS", x=x, y=y)
    yield from shown("23-properties")
    with bpy.context.temp_override(window=window(), area=window().screen.areas[0]):
        bpy.ops.screen.back_to_previous()
    yield


def preferences() -> Generator[None, None, None]:
    """The add-on's preferences, with its keys."""
    place = area_of("PREVIEW")
    place.type = "PREFERENCES"
    with bpy.context.temp_override(window=window(), area=place):
        bpy.ops.screen.screen_full_area()
    yield
    [place] = [one for one in window().screen.areas if one.type == "PREFERENCES"]
    yield
    with bpy.context.temp_override(window=window(), area=place):
        bpy.ops.preferences.addon_show(module="bl_ext.user_default.recaster")
    yield from shown("24-preferences")

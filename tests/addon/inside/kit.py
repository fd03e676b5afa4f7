"""Helpers of the scenarios that run inside Blender."""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import addon_utils
import bpy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADDON = "bl_ext.user_default.recaster"


def part(name: str) -> Any:
    """A module of the add-on."""
    return importlib.import_module(f"{ADDON}.{name}")


def enable(engine: str = "", token: str = "", **more: Any) -> Any:
    """Enable the installed add-on and name the engine; returns its preferences."""
    addon_utils.enable(ADDON, default_set=True)
    preferences = bpy.context.preferences.addons[ADDON].preferences
    preferences.start_by_itself = False  # never the engine of whoever runs the tests
    preferences.cache = more.pop("cache", os.environ["RECASTER_TEST_CACHE"])
    for name, value in more.items():
        setattr(preferences, name, value)
    if engine:
        preferences.where = "remote"
        preferences.host = engine
        preferences.token = token
        until(lambda: part("engine.session").engine_state().online)
    return preferences


def addon_state() -> Any:
    """The state of the add-on."""
    return part("state").addon_state


def until(come: Callable[[], Any], seconds: float = 120) -> Any:
    """Pump until something has come, as the timer does where there is a window."""
    session = part("engine.session")
    last = time.monotonic() + seconds
    while True:
        session.process_events()
        found = come()
        if found:
            return found
        if time.monotonic() > last:
            raise AssertionError(f"nothing came in {seconds:.0f} s; {state()}")
        time.sleep(0.05)


def state() -> str:
    """Texts that the add-on would show."""
    found = part("engine.session").engine_state()
    tasks = [(one.title, one.stage, one.trouble) for one in addon_state().tasks.values()]
    return f"online {found.online} {found.trouble}; {tasks}"


def fresh(fps: int = 25, width: int = 320, height: int = 320) -> Any:
    """An empty file with one scene; returns the scene."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.render.fps = fps
    scene.render.fps_base = 1.0
    scene.render.resolution_x = width
    scene.render.resolution_y = height
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = scene
    if scene.sequence_editor is None:
        scene.sequence_editor_create()
    if ADDON in sys.modules and addon_state().is_engine_wanted:
        # Blender may have taken the add-on away and brought it back, which hangs up.
        until(lambda: not part("engine.session").engine_state().connecting)
    return scene


def strips(scene: Any) -> list[Any]:
    """The scene's strips by name."""
    return sorted(part("compat").all_strips(scene), key=lambda strip: strip.name)


def movie(scene: Any, path: str, channel: int = 1, start: int = 1, *, name: str = "shot") -> Any:
    """A movie strip that is selected and active."""
    strip = part("compat").new_movie(scene.sequence_editor, name, path, channel, start)
    select(scene, strip)
    return strip


def select(scene: Any, *chosen: Any) -> None:
    """Select these strips only; the first is active."""
    for strip in strips(scene):
        strip.select = strip in chosen
    scene.sequence_editor.active_strip = chosen[0]


def trim(strip: Any, left: int, right: int) -> None:
    """Set where a strip begins and, exclusively, ends."""
    part("compat").set_handles(strip, left, right)


def span(strip: Any) -> tuple[int, int]:
    """First and last frame of a strip."""
    compat = part("compat")
    return compat.left_handle(strip), compat.right_handle(strip)


def shot(engine: str, token: str, face: str, clip: str, first: int = 0, last: int = 0) -> tuple[Any, Any]:
    """An engine, a fresh scene, and a strip in it with a face chosen; trimmed where that is said."""
    enable(engine, token)
    scene = fresh()
    until_online()
    strip = movie(scene, clip)
    if last:
        trim(strip, first, last)
    strip.recaster.face = face
    return scene, strip


def until_online() -> None:
    """Wait for the engine's answer: on a busy machine it may miss a call."""
    until(lambda: part("engine.session").engine_state().online)


def press() -> Any:
    """Press Face Swap; returns the newest errand."""
    until_online()
    assert bpy.ops.sequencer.recaster_swap() == {"FINISHED"}
    return list(addon_state().tasks.values())[-1]


def refusal() -> str:
    """The sentence by which Face Swap is refused; "" where it isn't."""
    until_online()
    try:
        bpy.ops.sequencer.recaster_swap()
    except RuntimeError as error:
        return str(error)
    return ""


def swap(scene: Any, *chosen: Any) -> list[Any]:
    """Press Face Swap and wait for all results; returns their strips."""
    before = set(addon_state().tasks)
    select(scene, *chosen)
    until_online()
    assert bpy.ops.sequencer.recaster_swap() == {"FINISHED"}
    begun = [one for request, one in addon_state().tasks.items() if request not in before]
    assert begun
    until(lambda: all(one.has_ended for one in begun))
    ended = [(one.stage, one.trouble) for one in begun]
    assert ended == [("placed", "")] * len(begun), ended
    uids = {one.uid for one in begun}
    return [strip for strip in strips(scene) if strip.recaster.result_of in uids]


def render(scene: Any, out: Path, first: int, last: int) -> None:
    """Render the sequencer to an mp4 with sound."""
    scene.frame_start = first
    scene.frame_end = last
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    ffmpeg = scene.render.ffmpeg
    ffmpeg.format = "MPEG4"
    ffmpeg.codec = "H264"
    ffmpeg.audio_codec = "AAC"
    ffmpeg.constant_rate_factor = "PERC_LOSSLESS"
    scene.render.filepath = str(out)
    scene.render.use_sequencer = True
    bpy.ops.render.render(animation=True)


def signal(path: Path, text: str = "now") -> None:
    """Tell whoever waits outside."""
    aside = path.with_suffix(".part")
    aside.write_text(text)
    aside.rename(path)


def remembered() -> tuple[Any, ...]:
    """Settings of Blender itself that a scenario may change."""
    known = {name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)}
    handlers = {name: list(one) for name, one in known.items() if isinstance(one, list)}
    return bpy.context.preferences.system.use_online_access, handlers


def restore(before: tuple[Any, ...]) -> None:
    """Take the add-on away with all that it knows, and set Blender back, so that others find it as it was."""
    addon_utils.disable(ADDON, default_set=True)
    for name in [name for name in sys.modules if name == ADDON or name.startswith(f"{ADDON}.")]:
        del sys.modules[name]
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    online, handlers = before
    bpy.context.preferences.system.use_online_access = online
    for name, known in handlers.items():
        getattr(bpy.app.handlers, name)[:] = known


def leave(code: int) -> None:
    """End at once: Blender as a module sometimes hangs where it is taken apart."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

"""Renders while the monitor compares: neither the wipe nor what is drawn over the preview gets into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from tools import FACTS, OUT, act, area_of, install, part, picture, region_of, wait, window

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

FRAMES = (40, 42)
CHOICES = ("swap", "wipe", "before")
AS_SHOWN = "sequence"
"""The one way that takes what the monitor shows, as the panel says: Blender tells nobody of it beforehand."""


def story() -> Generator[None, None, None]:
    """A result, rendered by F12, by *Sequence Render* and as an animation, each while it is compared."""
    yield from install()
    bpy.context.preferences.view.render_display_type = "NONE"
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    strip.recaster.show_faces = True
    act(bpy.ops.sequencer.recaster_choose_face, face=f"faceset:{FACTS['faceset']}")
    part("compat").set_handles(strip, 31, 51)
    act(bpy.ops.sequencer.recaster_swap)
    [task] = part("state").addon_state.tasks.values()
    yield from wait(lambda: task.has_ended)
    if task.stage != "placed":
        raise RuntimeError(task.trouble)
    if hasattr(scene.render.image_settings, "media_type"):
        scene.render.image_settings.media_type = "IMAGE"
    scene.render.image_settings.file_format = "PNG"
    scene.frame_start, scene.frame_end = FRAMES
    seen: dict[str, dict[str, Any]] = {}
    for choice in CHOICES:
        bpy.context.window_manager.recaster_shows = choice
        bpy.context.window_manager.recaster_line = 0.5
        for name, begin in WAYS.items():
            scene.frame_set(FRAMES[0])
            for _ in range(4):
                yield
            picture(f"render-{choice}-{name}")
            yield from rendered(scene, OUT / f"render-{choice}-{name}", begin)
            seen.setdefault(name, {})[choice] = pixels_of(scene, OUT / f"render-{choice}-{name}")
            print(name, choice, "done", flush=True)
    for name, by_choice in seen.items():
        for choice, found in by_choice.items():
            apart = abs(found - by_choice["swap"]).max()
            print(f"{name}, {choice}: {apart:.4f} apart from the swap, mean {found.mean():.4f}", flush=True)
    del seen[AS_SHOWN]
    if any((found != by_choice["swap"]).any() for by_choice in seen.values() for found in by_choice.values()):
        raise RuntimeError("a comparison got into a render")


def press_f12(_: Any) -> None:
    """As with the keyboard."""
    x, y = window().width // 2, window().height // 2
    window().event_simulate("F12", "PRESS", x=x, y=y)
    window().event_simulate("F12", "RELEASE", x=x, y=y)


def render_sequence(_: Any) -> None:
    """As from the menu View > Sequence Render Image."""
    invoke(bpy.ops.render.opengl, sequencer=True)


def render_sequence_frames(_: Any) -> None:
    """As from the menu View > Sequence Render Animation."""
    invoke(bpy.ops.render.opengl, animation=True, sequencer=True)


def render_animation(_: Any) -> None:
    """As from the menu Render > Render Animation."""
    invoke(bpy.ops.render.render, animation=True, use_viewport=True)


WAYS: dict[str, Callable[[Any], None]] = {
    "f12": press_f12,
    "sequence": render_sequence,
    "sequence-frames": render_sequence_frames,
    "animation": render_animation,
}


def invoke(operator: Any, **values: Any) -> None:
    """Runs an operator as from a menu of the sequencer."""
    sequencer = area_of("SEQUENCER_PREVIEW")
    with bpy.context.temp_override(window=window(), area=sequencer, region=region_of(sequencer, "WINDOW")):
        operator("INVOKE_DEFAULT", **values)


def rendered(scene: Any, out: Any, begin: Callable[[Any], None]) -> Generator[None, None, None]:
    """Renders, and waits until that is over."""
    over: list[str] = []
    tell = [lambda *_, name=name: over.append(name) for name in ("complete", "cancel", "post")]
    lists = [bpy.app.handlers.render_complete, bpy.app.handlers.render_cancel, bpy.app.handlers.render_post]
    for handlers, one in zip(lists, tell, strict=True):
        handlers.append(one)
    scene.render.filepath = f"{out}-"
    begin(scene)
    for _ in range(12):
        yield
    yield from wait(lambda: not part("compat").is_rendering())
    for _ in range(2):
        yield
    for handlers, one in zip(lists, tell, strict=True):
        handlers.remove(one)
    print("heard", over, flush=True)


def pixels_of(scene: Any, out: Any) -> Any:
    """Pixels of what was rendered: a frame of an animation, else Blender's render result."""
    import numpy as np

    frames = sorted(OUT.glob(f"{out.name}-[0-9]*.png"))
    path = frames[0] if frames else OUT / f"{out.name}-still.png"
    if not frames:
        bpy.data.images["Render Result"].save_render(str(path), scene=scene)
    image = bpy.data.images.load(str(path))
    found = np.array(image.pixels[:])
    bpy.data.images.remove(image)
    return found

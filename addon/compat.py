# SPDX-License-Identifier: GPL-3.0-or-later
"""Every difference between the versions of Blender from 4.2 LTS to 5.2 LTS that the add-on meets.

Names follow the newest version: a strip lies from its ``left_handle`` up to, not including, its
``right_handle``; its content begins at ``content_start`` and is ``content_duration`` frames long.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from collections.abc import Iterator

STRIP: type = getattr(bpy.types, "Strip", None) or bpy.types.Sequence
"""The type of strips (4.4: Sequence became Strip)."""


PATHS: dict[str, set[str]] = (
    {"options": {"PATH_SUPPORTS_BLEND_RELATIVE"}} if bpy.app.version >= (4, 5, 0) else {}
)
"""What properties that hold paths say of themselves (4.5: those that don't take // are shown in red)."""


MOVIE_ALPHA = "premultiplied" if bpy.app.version >= (4, 4, 0) else "straight"
"""Alpha that movies of more than 8 bits are taken to have, whatever their strips say.

4.4: they become floats, which Blender takes for premultiplied, no longer bytes, which it takes for straight.
"""
ALPHA_MODES = {"straight": "STRAIGHT", "premultiplied": "PREMUL"}
"""What strips say of each."""


def sequencer_keymap() -> str:
    """The name of the keys of the sequencer and its preview together (renamed before 5.2)."""
    known = bpy.context.window_manager.keyconfigs.default
    is_old = known is not None and "SequencerCommon" in known.keymaps
    return "SequencerCommon" if is_old else "Video Sequence Editor"


def preview_keymap() -> str:
    """The name of the keys of the preview alone (renamed before 5.2)."""
    known = bpy.context.window_manager.keyconfigs.default
    return "SequencerPreview" if known is not None and "SequencerPreview" in known.keymaps else "Preview"


def scene_of(context: Any) -> Any | None:
    """The scene whose strips are being edited (5.0: may be another than the active one)."""
    workspace = getattr(context, "workspace", None)
    return getattr(workspace, "sequencer_scene", None) or getattr(context, "scene", None)


@contextlib.contextmanager
def editing(scene: Any) -> Iterator[None]:
    """Lets a scene be the one that is edited while the block lasts.

    Blender 5.0 crashes where retiming keys or modifiers are made while there is none.
    """
    windows = bpy.context.window_manager.windows
    workspace = bpy.context.workspace or (windows[0].workspace if windows else None)
    if not hasattr(workspace, "sequencer_scene"):
        yield
        return
    before = workspace.sequencer_scene
    workspace.sequencer_scene = scene
    try:
        yield
    finally:
        workspace.sequencer_scene = before


@contextlib.contextmanager
def in_sequencer(scene: Any) -> Iterator[None]:
    """Lets operators of the sequencer work, in whatever window; the area of one is lent for that."""
    windows = bpy.context.window_manager.windows
    areas = [(window, area) for window in windows for area in window.screen.areas]
    found = [one for one in areas if one[1].type == "SEQUENCE_EDITOR"] or areas[:1]
    window, area = found[0]
    before = area.type
    area.type = "SEQUENCE_EDITOR"
    try:
        region = next(one for one in area.regions if one.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region, scene=scene), editing(scene):
            yield
    finally:
        area.type = before


def duplicate(scene: Any, container: Any, strip: Any) -> Any | None:
    """A copy of a strip as Blender makes it, the only way to copy retiming keys; in the strip's own place.

    None where the strip isn't among those that the sequencer shows (another meta strip is open).
    """
    before = list(strips_in(container))
    chosen = [one for one in all_strips(scene) if one.select]
    active = scene.sequence_editor.active_strip
    for one in chosen:
        one.select = False
    strip.select = True
    with in_sequencer(scene):
        bpy.ops.sequencer.duplicate()
    made = [one for one in strips_in(container) if one not in before]
    for one in all_strips(scene):
        one.select = one in chosen
    scene.sequence_editor.active_strip = active
    return made[0] if made else None


def connect(scene: Any, strip: Any, result: Any) -> None:
    """Lets a result move along with what its strip is connected to (4.4: strips can be connected)."""
    others = connected(strip)
    if not others:
        return
    with selected(scene, [strip, *others, result]), in_sequencer(scene), contextlib.suppress(RuntimeError):
        bpy.ops.sequencer.connect(toggle=False)  # fails where another meta strip is open


def build_proxies(scene: Any, strip: Any) -> None:
    """Lets Blender build a strip's proxies while one goes on editing."""
    if bpy.app.background:
        return
    with selected(scene, [strip]), in_sequencer(scene), contextlib.suppress(RuntimeError):
        bpy.ops.sequencer.rebuild_proxy("INVOKE_DEFAULT")


def frame_selected() -> None:
    """Brings the selected strips into view, in all sequencers."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "SEQUENCE_EDITOR" else ():
                if region.type == "WINDOW" and area.spaces.active.view_type != "PREVIEW":
                    with bpy.context.temp_override(window=window, area=area, region=region):
                        bpy.ops.sequencer.view_selected()


@contextlib.contextmanager
def selected(scene: Any, strips: list[Any]) -> Iterator[None]:
    """Selects these strips only, while the block lasts."""
    every = all_strips(scene)
    active = scene.sequence_editor.active_strip
    before = [one for one in every if one.select]
    for one in every:
        one.select = one in strips
    try:
        yield
    finally:
        for one in every:
            one.select = one in before
        scene.sequence_editor.active_strip = active


def strips_in(container: Any) -> Any:
    """The strips directly in a sequence editor or a meta strip (4.4: sequences became strips)."""
    return container.strips if hasattr(container, "strips") else container.sequences


def all_strips(scene: Any) -> list[Any]:
    """All strips of a scene, those in meta strips too."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def remove_all_but(scene: Any, names: list[str]) -> None:
    """Removes all strips but one and the meta strips that it is in; lets these be seen."""
    editor = scene.sequence_editor
    containers = [editor, *(one for one in all_strips(scene) if one.type == "META" and one.name in names)]
    for container in containers:
        strips = strips_in(container)
        # Asked anew each time: effects on a strip go with it.
        while (other := next((one for one in strips if one.name not in names), None)) is not None:
            strips.remove(other)
        for channel in getattr(container, "channels", None) or ():
            channel.mute = False
    for one in all_strips(scene):
        one.mute = False


def selected_strips(context: Any) -> list[Any]:
    """The selected strips among those that the sequencer shows, by channel and time.

    Strips keep being selected inside a meta strip that is closed, or open, where nobody sees that.
    """
    scene = scene_of(context)
    if scene is None or scene.sequence_editor is None:
        return []
    editor = scene.sequence_editor
    shown = editor.meta_stack[-1] if len(editor.meta_stack) else editor
    chosen = [strip for strip in strips_in(shown) if strip.select]
    return sorted(chosen, key=lambda strip: (strip.channel, left_handle(strip)))


def active_strip(context: Any) -> Any | None:
    """The active strip of the scene that is being edited."""
    scene = scene_of(context)
    return None if scene is None or scene.sequence_editor is None else scene.sequence_editor.active_strip


def connected(strip: Any | None) -> list[Any]:
    """The strips that move with a strip, its sound say (4.4: strips can be connected)."""
    return list(getattr(strip, "connections", ()))


def left_handle(strip: Any) -> int:
    """First frame of the timeline that shows a strip (5.2: renamed)."""
    return int(strip.left_handle if hasattr(strip, "left_handle") else strip.frame_final_start)


def right_handle(strip: Any) -> int:
    """The frame after the last one that shows a strip (5.2: renamed)."""
    return int(strip.right_handle if hasattr(strip, "right_handle") else strip.frame_final_end)


def set_handles(strip: Any, left: int, right: int) -> None:
    """Trims a strip; a handle can't be moved past the other one."""
    names = ("left_handle", "right_handle")
    if not hasattr(strip, "left_handle"):
        names = ("frame_final_start", "frame_final_end")
    handles = list(zip(names, (left, right), strict=True))
    for name, frame in reversed(handles) if left >= right_handle(strip) else handles:
        setattr(strip, name, frame)


def content_start(strip: Any) -> int:
    """Frame of the timeline at which a strip's content begins (5.2: renamed)."""
    return round(strip.content_start if hasattr(strip, "content_start") else strip.frame_start)


def set_content_start(strip: Any, frame: int) -> None:
    """Moves a strip so that its content begins at a frame (5.2: renamed)."""
    setattr(strip, "content_start" if hasattr(strip, "content_start") else "frame_start", frame)


def content_span(strip: Any) -> int:
    """Frames of the timeline that a strip would take if it weren't trimmed (5.2: renamed)."""
    if hasattr(strip, "left_handle_offset"):
        offsets = strip.left_handle_offset + strip.right_handle_offset
    else:
        offsets = strip.frame_offset_start + strip.frame_offset_end
    return round(right_handle(strip) - left_handle(strip) + offsets)


def content_duration(strip: Any) -> int:
    """Frames of a strip's content (5.2: renamed)."""
    return int(strip.content_duration if hasattr(strip, "content_duration") else strip.frame_duration)


def trimmed_start(strip: Any) -> int:
    """Frames of the file that lie before a strip's content (5.2: renamed)."""
    if hasattr(strip, "content_trim_start"):
        return int(strip.content_trim_start)
    return int(strip.animation_offset_start)


def trimmed_end(strip: Any) -> int:
    """Frames of the file that lie after a strip's content (5.2: renamed)."""
    if hasattr(strip, "content_trim_end"):
        return int(strip.content_trim_end)
    return int(strip.animation_offset_end)


def retimed(strip: Any) -> bool:
    """Tells if a strip is played at another speed by retiming keys (4.2: pictures can't have any)."""
    return len(getattr(strip, "retiming_keys", ())) > 0


TIMING = frozenset(
    {
        "animation_offset_start", "animation_offset_end", "content_duration", "content_end", "content_start",
        "content_trim_end", "content_trim_start", "duration", "frame_duration", "frame_final_duration",
        "frame_final_end", "frame_final_start", "frame_offset_end", "frame_offset_start", "frame_start",
        "left_handle", "left_handle_offset", "right_handle", "right_handle_offset",
    }
)  # fmt: skip
"""Properties that say when a strip is shown, in any version."""


def new_movie(container: Any, name: str, path: str, channel: int, start: int) -> Any:
    """A new movie strip. Operators would change the scene's frame rate, or crash without a window."""
    return strips_in(container).new_movie(
        name=name, filepath=path, channel=channel, frame_start=start, fit_method="ORIGINAL"
    )


def new_pictures(container: Any, name: str, path: str, names: list[str], channel: int, start: int) -> Any:
    """A new image strip of all these pictures of a folder; ``path`` is the first."""
    strip = strips_in(container).new_image(
        name=name, filepath=path, channel=channel, frame_start=start, fit_method="ORIGINAL"
    )
    for other in names[1:]:
        strip.elements.append(other)
    set_handles(strip, start, start + len(names))
    return strip


def new_mask(container: Any, mask: Any, start: int) -> Any:
    """A new mask strip."""
    return strips_in(container).new_mask(name=mask.name, mask=mask, channel=1, frame_start=start)


def write_grey_pictures(scene: Any) -> None:
    """Lets a scene be rendered to grey PNG (5.0: kinds of media come first), values as they are stored."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    settings.color_mode = "BW"
    settings.color_depth = "8"
    settings.color_management = "FOLLOW_SCENE"
    with contextlib.suppress(TypeError):  # somebody's own colors: the view below must be there then
        scene.display_settings.display_device = "sRGB"
    view = scene.view_settings
    view.view_transform = "Standard"
    view.look = "None"
    view.exposure = 0.0
    view.gamma = 1.0
    view.use_curve_mapping = False
    if hasattr(view, "use_white_balance"):  # 4.3
        view.use_white_balance = False


MASKS_LACK_A_CORNER = bpy.app.version < (5, 0, 0)
"""Tells if the upper right pixel of a rendered mask may be anything (4.2: what was in memory before)."""


def effect_input(strip: Any) -> Any | None:
    """The strip that an effect with one input works on; None for all others."""
    if getattr(strip, "input_count", 0) != 1:
        return None
    return getattr(strip, "input_1", None)


def new_effect(container: Any, like: Any, channel: int, source: Any) -> Any:
    """An effect like another on ``source`` (4.5: seq1 became input1; 5.0: frame_end became length)."""
    strips = strips_in(container)
    known = {one.identifier for one in strips.bl_rna.functions["new_effect"].parameters}
    left = left_handle(source)
    right = right_handle(source)
    end = {"length": right - left} if "length" in known else {"frame_end": right}
    given = {"input1" if "input1" in known else "seq1": source}
    return strips.new_effect(
        name=like.name, type=like.type, channel=channel, frame_start=left, **end, **given
    )


def curves_of(scene: Any) -> Any | None:
    """The animation curves of a scene, None where it has none (5.0: they lie in layers)."""
    animation = scene.animation_data
    action = None if animation is None else animation.action
    if action is None:
        return None
    if hasattr(action, "fcurves"):
        return action.fcurves
    for layer in action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(animation.action_slot)
            if bag is not None:
                return bag.fcurves
    return None


def editing_contexts() -> list[Any]:
    """Contexts of all windows, for a timer, which has none: the workspace and the scene of each."""
    windows = bpy.context.window_manager.windows
    return [SimpleNamespace(workspace=one.workspace, scene=one.scene) for one in windows] or [bpy.context]


def is_rendering() -> bool:
    """Tells if Blender renders or bakes: its data must not change meanwhile."""
    return any(map(bpy.app.is_job_running, ("RENDER", "OBJECT_BAKE")))

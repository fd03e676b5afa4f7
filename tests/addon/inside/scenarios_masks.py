"""Masks that are drawn in Blender decide where a face shows."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import bpy
import kit

if TYPE_CHECKING:
    from collections.abc import Callable


def drawn_masks(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A mask that comes at the 7th frame of the file keeps the left half out of a trimmed strip."""
    scene, strip = kit.shot(engine, token, face, clip, 4, 10)
    mask = _left_half(bpy.data.masks.new("half"), from_frame=7)
    mask.frame_start = 1
    mask.frame_end = 5
    strip.recaster.keep_out = mask
    strip.recaster.matte = True
    about = kit.part("swap.previews").view_of(strip)
    scene.frame_set(8)
    assert bpy.ops.sequencer.recaster_preview() == {"FINISHED"}
    kit.until(lambda: about.preview or about.trouble)
    assert not about.trouble
    heard: list[str] = []
    names = kit.part("swap.lone_strips").RENDER_HANDLERS
    lists = [getattr(bpy.app.handlers, name) for name in names]
    for name, handlers in zip(names, lists, strict=True):
        handlers.insert(0, lambda *_, name=name: heard.append(name))
    before = [list(handlers) for handlers in lists]
    results = {one.recaster.part: one for one in kit.swap(scene, strip)}
    assert not heard, "masks are no renders of the artist's"
    assert lists == before
    for handlers in lists:
        del handlers[0]
    assert [each.name for each in bpy.data.scenes] == [scene.name], "no scene is left behind"
    assert not list((kit.part("config").cache_folder() / "masks").iterdir())
    end = mask.frame_end
    bpy.data.masks.remove(mask)
    assert strip.recaster.keep_out is None
    matte = results["matte"]
    return {
        "matte": bpy.path.abspath(matte.filepath),
        "preview": str(Path(about.preview)),
        "end": end,
    }


def strip_masks(clip: str) -> dict[str, Any]:
    """A mask strip over a strip that lies shifted and larger in a wide picture, from a frame on."""
    kit.enable()
    scene = kit.fresh(width=640, height=360)
    strip = kit.movie(scene, clip, start=101)
    kit.trim(strip, 104, 114)  # frames 3 to 12 of the file
    strip.transform.scale_x = strip.transform.scale_y = 1.6
    strip.transform.offset_x = 40
    compat = kit.part("compat")
    mask = _left_half(bpy.data.masks.new("half"), from_frame=1)
    over = compat.new_mask(scene.sequence_editor, mask, 107)
    over.channel = 3
    over.mute = True
    compat.set_handles(over, 107, 110)
    _fill(scene, clip)
    own = strip.recaster
    own.keep_out = mask
    own.keep_out_from = "strip"
    choices = kit.part("swap.strip_choices").StripChoices
    nothing = choices.of(strip).keep_out
    own.keep_out_strip = over.name
    render = kit.part("swap.drawn_masks").render_masks
    source = kit.part("swap.source_range").source_range_of(strip, scene)
    shown = render(strip, choices.of(strip), source)
    [(kind, packed)] = shown.pack()
    strip.use_reverse_frames = True
    backwards = render(strip, choices.of(strip), source)
    [(_, reverse)] = backwards.pack()
    strip.use_reverse_frames = False
    compat.strips_in(scene.sequence_editor).remove(over)
    said = ""
    try:
        render(strip, choices.of(strip), source)
    except kit.part("swap.source_range").StripError as error:
        said = str(error)
    assert len(bpy.data.scenes) == 1
    return {
        "nothing": nothing,
        "kind": kind,
        "packed": str(_keep(packed, "packed")),
        "reverse": str(_keep(reverse, "reverse")),
        "gone": said,
    }


def _keep(packed: Path, name: str) -> Path:
    """A copy of masks, which are gone with whoever rendered them."""
    return Path(shutil.copy(packed, packed.parents[1] / f"{name}.zip"))


def masks_in_steps(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Masks are rendered a few frames at a time: canceled, undone meanwhile, and brought to their end."""
    scene, strip = kit.shot(engine, token, face, clip, 4, 40)
    strip.recaster.keep_out = _left_half(bpy.data.masks.new("half"), from_frame=7)
    strip.recaster.matte = True
    scene.frame_set(8)
    steps = kit.part("swap.mask_steps")
    steps.bpy = SimpleNamespace(app=SimpleNamespace(background=False, timers=bpy.app.timers))
    cache = kit.part("config").cache_folder() / "masks"
    shutil.rmtree(cache, ignore_errors=True)
    spent = []

    def tick() -> Any:
        begun = time.thread_time()
        left = steps.tick()
        spent.append(time.thread_time() - begun)
        assert [each.name for each in bpy.data.scenes] == [bpy.context.scene.name]
        assert bpy.context.scene.frame_current == 8
        assert [one.name for one in kit.strips(bpy.context.scene) if one.select] == ["shot"]
        return left

    task = kit.press()
    assert task.stage == "sending"
    assert bpy.app.timers.is_registered(steps.tick)
    assert tick() == 0.0
    found = {"line": kit.part("monitor.status_line").line_of([task])}
    try:
        bpy.ops.sequencer.recaster_swap()
    except RuntimeError as error:
        found["refused"] = str(error)
    assert list(cache.iterdir())
    assert bpy.ops.recaster.cancel_swaps() == {"FINISHED"}
    assert tick() is None
    assert not list(cache.iterdir())
    assert task.stage == "cancelled"

    task = _press_and_undo(tick)
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", "")
    assert not list(cache.iterdir())
    matte = next(one for one in kit.strips(bpy.context.scene) if one.recaster.part == "matte")
    steps.bpy = bpy
    return {
        **found,
        "matte": bpy.path.abspath(matte.filepath),
        "steps": len(spent),
        "usual": sorted(spent)[len(spent) // 2],
    }


def masks_fail(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Masks can't be written: that ends their swap alone, with and without a window."""
    scene, strip = kit.shot(engine, token, face, clip, 4, 8)
    strip.recaster.keep_out = _left_half(bpy.data.masks.new("half"), from_frame=7)
    second = kit.movie(scene, clip, channel=3, start=31, name="second")
    kit.trim(second, 51, 54)
    second.recaster.face = face
    cache = kit.part("config").cache_folder() / "masks"
    shutil.rmtree(cache, ignore_errors=True)
    cache.touch()
    kit.select(scene, strip)
    steps = kit.part("swap.mask_steps")
    steps.bpy = SimpleNamespace(app=SimpleNamespace(background=False, timers=bpy.app.timers))
    task = kit.press()
    assert steps.tick() is None
    steps.bpy = bpy
    found = {"in a window": (task.stage, task.trouble)}
    assert not kit.addon_state().mask_renderings

    workflow = kit.part("swap.workflow")
    sending = kit.part("swap.sending")
    workflow.send_waiting = lambda: None  # both wait before either is sent
    [masked], _ = workflow.begin_all(scene, [(strip, False)])
    [other], _ = workflow.begin_all(scene, [(second, False)])
    workflow.send_waiting = sending.send_waiting
    before = len(kit.addon_state().connection.works)
    sending.send_waiting()
    found["without"] = masked.stage, masked.trouble
    found["sent"] = len(kit.addon_state().connection.works) - before
    kit.until(lambda: other.has_ended)
    assert other.stage == "placed", other.trouble

    cache.unlink()
    assert [one.name for one in kit.swap(scene, strip)] == ["shot (Face Swap)"]
    return found


def masks_changed(clip: str) -> dict[str, Any]:
    """Changes while masks are rendered, of which some let it go on."""
    kit.enable()
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    kit.trim(strip, 4, 24)
    compat = kit.part("compat")
    mask = _left_half(bpy.data.masks.new("half"), from_frame=7)
    over = compat.new_mask(scene.sequence_editor, mask, 1)
    over.channel = 3
    strip.recaster.keep_out = mask
    strip.recaster.keep_in_from = "strip"
    strip.recaster.keep_in_strip = over.name
    point = mask.layers[0].splines[0].points[0]
    choices = kit.part("swap.strip_choices").StripChoices.of(strip)
    source = kit.part("swap.source_range").source_range_of(strip, scene)
    masks = kit.part("swap.drawn_masks")

    def said(change: Callable[[], Any]) -> str:
        steps = masks.render_steps(lambda: strip, choices, source)
        next(steps)
        change()
        try:
            for _ in steps:
                pass
        except kit.part("swap.source_range").StripError as error:
            return str(error)
        return ""

    def move_key() -> None:
        compat.curves_of(mask)[0].keyframe_points[0].co[1] = 0.5

    said(lambda: None)  # a script's mask is as Blender takes it once it was rendered
    found = {
        "nothing": said(lambda: None),
        "playhead": said(lambda: scene.frame_set(9)),
        "selection": said(lambda: setattr(strip, "select", False)),
        "point": said(lambda: setattr(point, "co", (0.1, 0.1))),
        "key": said(move_key),
        "layer": said(mask.layers.new),
        "strip": said(lambda: setattr(over.transform, "offset_x", 20)),
        "clip": said(lambda: setattr(strip.transform, "scale_x", 1.5)),
        "trim": said(lambda: kit.trim(over, 3, 9)),
        "size": said(lambda: setattr(scene.render, "resolution_x", 640)),
    }
    assert not list((kit.part("config").cache_folder() / "masks").iterdir())
    return found


def masks_kept(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A swap that could not be sent with its masks is sent with them later, unless something was edited."""
    scene, strip = kit.shot(engine, token, face, clip, 4, 8)
    strip.recaster.keep_out = mask = _left_half(bpy.data.masks.new("half"), from_frame=7)
    steps = kit.part("swap.mask_steps")
    steps.bpy = SimpleNamespace(app=SimpleNamespace(background=False, timers=bpy.app.timers))
    cache = kit.part("config").cache_folder() / "masks"
    shutil.rmtree(cache, ignore_errors=True)
    workflow = kit.part("swap.workflow")
    sending = kit.part("swap.sending")

    def rendered_again(change: Callable[[], Any]) -> int:
        kit.select(scene, strip)
        task = kit.press()
        while steps.tick() is not None:
            pass
        workflow.send_waiting = lambda: None  # not before the edit
        task.work.stop()
        kit.until(lambda: task.stage == "waiting")
        [folder] = cache.iterdir()
        change()
        workflow.send_waiting = sending.send_waiting
        sending.send_waiting()
        again = len(kit.addon_state().mask_renderings)
        while steps.tick() is not None:
            pass
        kit.until(lambda: task.has_ended)
        assert task.stage == "placed", task.trouble
        assert not folder.exists()
        return again

    found = {"same": rendered_again(lambda: None), "edited": rendered_again(mask.layers.new)}
    steps.bpy = bpy
    return found


def shared_masks(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """The first of two strips that share a range is cancelled and deleted while masks are rendered."""
    scene, first = kit.shot(engine, token, face, clip, 4, 8)
    second = kit.movie(scene, clip, channel=3, start=31, name="second")
    kit.trim(second, 36, 40)
    mask = _left_half(bpy.data.masks.new("half"), from_frame=7)
    for strip in (first, second):
        strip.recaster.face = face
        strip.recaster.keep_out = mask
    steps = kit.part("swap.mask_steps")
    steps.bpy = SimpleNamespace(app=SimpleNamespace(background=False, timers=bpy.app.timers))
    begun, _ = kit.part("swap.workflow").begin_all(scene, [(first, False), (second, False)])
    assert begun[0].shared == begun[1].shared
    assert steps.tick() == 0.0
    gone = next(one for one in begun if one.title == "shot")
    assert bpy.ops.sequencer.recaster_cancel_swap(request=gone.request) == {"FINISHED"}
    kit.part("compat").strips_in(scene.sequence_editor).remove(first)
    while steps.tick() is not None:
        pass
    steps.bpy = bpy
    kit.until(lambda: all(task.has_ended for task in begun))
    return {one.title: (one.stage, one.trouble) for one in begun}


def _press_and_undo(tick: Callable[[], Any]) -> Any:
    """Begins to render masks, undoes something meanwhile, and goes on to the end; returns the swap."""
    bpy.ops.ed.undo_push(message="Before")
    task = kit.press()
    assert tick() == 0.0
    bpy.context.scene.render.fps = 24
    bpy.ops.ed.undo_push(message="Meanwhile")
    bpy.ops.ed.undo()
    while tick() is not None:
        pass
    return task


def _fill(scene: Any, clip: str) -> None:
    """Effects on effects, and settings of output that would change a mask."""
    editor = scene.sequence_editor
    below = kit.movie(scene, clip, channel=5, start=101, name="below")
    for channel, kind in ((6, "GLOW"), (7, "GAUSSIAN_BLUR")):
        below = kit.part("compat").new_effect(editor, SimpleNamespace(name=kind, type=kind), channel, below)
    render = scene.render
    view = scene.view_settings
    render.use_stamp = render.use_border = render.use_crop_to_border = render.use_multiview = True
    render.border_max_x = 0.4
    view.exposure = -2.0
    view.gamma = 2.0
    view.use_curve_mapping = True


def _left_half(mask: Any, from_frame: int) -> Any:
    """A mask of the left half, that isn't there before a frame of the mask."""
    layer = mask.layers.new()
    spline = layer.splines.new()
    spline.points.add(4 - len(spline.points))
    for point, place in zip(spline.points, ((-0.5, -0.5), (0.5, -0.5), (0.5, 1.5), (-0.5, 1.5)), strict=True):
        point.co = place
        point.handle_left_type = point.handle_right_type = "VECTOR"
        point.handle_left = point.handle_right = place
    spline.use_cyclic = True
    for frame, alpha in ((from_frame - 1, 0.0), (from_frame, 1.0)):
        layer.alpha = alpha
        layer.keyframe_insert("alpha", frame=frame)
    return mask

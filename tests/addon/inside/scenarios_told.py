"""Frames that a swap left undone are told beside its result, as frames of the timeline."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn


def told(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A trimmed strip of a clip that can't be swapped whole; its result is moved and trimmed."""
    kit.enable(engine, token)
    kit.part("drawing").WRAP_FIRST = 200  # a panel that is wide enough
    scene = kit.fresh()
    compat = kit.part("compat")
    strip = kit.movie(scene, clip, start=101)
    kit.trim(strip, 105, 147)
    strip.recaster.face = face
    [result] = kit.swap(scene, strip)
    panel = kit.part("swap.panels").RECASTER_PT_swap
    jobs = kit.part("swap.jobs_list").RECASTER_PT_jobs
    rows = bpy.context.window_manager.recaster_jobs
    kit.until(lambda: any(row.name.startswith("swap") for row in rows))  # panels can't write while they draw
    found = {"jobs": _shown(jobs)}
    for name, chosen in (("strip", strip), ("result", result)):
        kit.select(scene, chosen)
        found[name] = _shown(panel)
    compat.set_content_start(result, compat.content_start(result) + 1000)
    compat.set_handles(result, compat.left_handle(result), 1139)
    kit.select(scene, result)
    found["moved"] = _shown(panel)
    result.recaster.told = '{"frames": 3, "swapped": "x", "ranges": [[0, 1e999, 5]], "pace": [1, 0]}'
    found["damaged"] = _shown(panel)
    return found


def _shown(panel: Any) -> list[str]:
    texts = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    return sorted(text for text in texts if "rame" in text and "Preview" not in text)


def told_at(clip: str) -> dict[str, Any]:
    """Ranges are where the strip shows those frames of its file, at any pace, trimmed or played backwards."""
    kit.enable()
    compat = kit.part("compat")
    shots = kit.part("swap.source_range")
    module = kit.part("swap.coverage_notes")
    scene = kit.fresh(fps=30)
    how = {"use_framerate": False, "adjust_playback_rate": True, "sound": False}
    if "move_strips" in bpy.ops.sequencer.movie_strip_add.get_rna_type().properties:
        how["move_strips"] = False
    with compat.in_sequencer(scene):
        bpy.ops.sequencer.movie_strip_add(filepath=clip, frame_start=11, channel=1, **how)
    [slow] = kit.strips(scene)
    plain = kit.movie(scene, clip, channel=2, start=400, name="plain")
    backwards = kit.movie(scene, clip, channel=3, start=800, name="backwards")
    backwards.use_reverse_frames = True
    kit.trim(plain, 420, 450)
    compared = 0
    for strip in (slow, plain, backwards):
        pace = shots.time_scalar_of(strip, scene)
        for first, last in ((5, 9), (21, 21), (0, 3), (30, 70)):
            module.keep_coverage(
                strip, kit.part("engine.coverage").Coverage(250, 0, ((first, last, "so"),)), pace
            )
            _, lines = module.lines_of(strip)
            shown = range(*kit.span(strip))
            wanted = [at for at in shown if first <= shots.file_frame(strip, scene, at) <= last]
            words = (
                f"Frames {wanted[0]} to {wanted[-1]}: so"
                if len(wanted) > 1
                else "".join(f"Frame {at}: so" for at in wanted)
            )
            assert lines == ([words] if words else []), (strip.name, first, last, lines, words)
            compared += len(wanted)
    assert shots.time_scalar_of(slow, scene) == Fraction(6, 5)
    many = tuple((at, at, "so") for at in range(20, 40, 2))
    module.keep_coverage(plain, kit.part("engine.coverage").Coverage(250, 240, many), Fraction(1))
    return {"compared": compared, "many": module.lines_of(plain)[1]}

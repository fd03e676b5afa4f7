"""Results have the colours, the codec and the timecode that their strips have, or ask for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn


def coloured(
    engine: str, token: str, face: str, clip: str, clips: dict[str, dict[str, str]], out: str
) -> dict[str, Any]:
    """Strips of clips in many colour spaces, and what each of their results is read as."""
    kit.enable(engine, token)
    del clip
    scene = kit.fresh()
    found = {}
    for number, (name, asked) in enumerate(clips.items()):
        begin = 1 + 20 * number
        strip = kit.movie(scene, asked["path"], channel=1, start=begin, name=name)
        if "space" in asked:
            strip.colorspace_settings.name = asked["space"]
        strip.alpha_mode = "PREMUL"
        strip.use_deinterlace = True
        strip.use_multiview = True
        strip.views_format = asked.get("views", "INDIVIDUAL")
        strip.stereo_3d_format.display_mode = "TOPBOTTOM"
        own = strip.recaster
        own.face = face
        own.codec = asked.get("codec", "h264")
        own.prores_profile = asked.get("profile", "auto")
        own.matte = asked.get("matte", "") == "yes"
        parts = {one.recaster.part: one for one in kit.swap(scene, strip)}
        result = parts["frame"]
        strip.use_deinterlace = False
        strip.use_multiview = False
        shown = result.use_multiview
        result.use_multiview = False
        strip.mute = True
        kit.render(scene, Path(out) / f"{name}-swapped.mp4", begin, begin + 1)
        strip.mute = False
        result.mute = True
        kit.render(scene, Path(out) / f"{name}-original.mp4", begin, begin + 1)
        found[name] = {
            "result": bpy.path.abspath(result.filepath),
            "spaces": [strip.colorspace_settings.name, result.colorspace_settings.name],
            "matte": parts["matte"].colorspace_settings.name if own.matte else "",
            "read": [result.alpha_mode, result.use_deinterlace, shown, result.stereo_3d_format.display_mode],
        }
    return found


def logged(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A camera's log space is suggested where Blender takes the strip for it, and asked for when chosen."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 3)
    panel = kit.part("swap.panels").RECASTER_PT_look
    kit.part("drawing").WRAP_FIRST = 200
    own = strip.recaster

    def suggestions() -> list[str]:
        texts = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
        return [text for text in texts if "color space is" in text]

    before = suggestions()
    camera = "S-Log3 S-Gamut3.Cine"
    spaces = strip.colorspace_settings.bl_rna.properties["name"].enum_items
    is_known = camera in spaces
    strip.colorspace_settings.name = camera if is_known else "Filmic Log"
    suggested = suggestions()
    assert own.input_colour_space == ""
    assert bpy.ops.sequencer.recaster_use_strip_space() == {"FINISHED"}
    used = own.input_colour_space
    after = suggestions()
    own.input_colour_space = " slog3_sgamut3cine "
    [result] = kit.swap(scene, strip)
    [task] = kit.addon_state().tasks.values()
    options = kit.part("engine.session").engine_state().job(task.job).spec.swap.options
    return {
        "known": is_known,
        "texts": [before, suggested, after],
        "used": used,
        "asked": options.input_colour_space,
        "result": result.colorspace_settings.name == strip.colorspace_settings.name,
    }


def cut_out(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A trimmed strip for an engine elsewhere: only a part of its file is sent."""
    kit.enable(engine, token)
    kit.part("swap.sending").is_loopback = lambda _: False
    kit.part("swap.uploads").MAX_WHOLE_UPLOAD_BYTES = 0
    scene = kit.fresh(fps=25)
    strip = kit.movie(scene, clip)
    kit.trim(strip, 31, 36)
    strip.recaster.face = face
    [result] = kit.swap(scene, strip)
    parts = list((kit.part("config").cache_folder() / "clips").glob(f"{Path(clip).stem}-*"))
    return {"result": bpy.path.abspath(result.filepath), "parts": [str(part) for part in parts]}

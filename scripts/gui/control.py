"""Control: a face of photographs, a cast with looks of their own, an overlay, people made unknown."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from tools import (
    FACTS,
    WORK,
    act,
    connect,
    enable,
    open_panels,
    open_project,
    part,
    select,
    show_panels,
    show_tab,
    shown,
    wait,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Generator

FRAME = 45


def story() -> Generator[None, None, None]:
    """Photographs, a look of one's own, an overlay, and a promise that holds and one that doesn't."""
    yield from enable()
    open_panels("swap", "result", "anonymise")
    yield from open_project()
    yield from show_tab()
    yield from connect()
    show_panels("swap", "result")
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    part("compat").set_handles(strip, 41, 51)
    scene.frame_set(FRAME)
    yield from photographs(scene, strip)
    yield from looks(strip)
    yield from unknown(scene, strip)


def photographs(scene: Any, strip: Any) -> Generator[None, None, None]:
    """Makes a face of two photographs, which say what they don't show."""
    folder = WORK / "photographs"
    folder.mkdir()
    likeness = Path(FACTS["clip"]).with_name("likeness.mp4")
    for name, frame in (("anna 1", 5), ("anna 2", 60)):
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            likeness,
            "-vf",
            f"select=eq(n\\,{frame})",
            "-frames:v",
            "1",
        ]
        subprocess.run([*command, folder / f"{name}.png"], check=True)
    files = [{"name": "anna 1.png"}, {"name": "anna 2.png"}]
    act(bpy.ops.recaster.new_from_pictures, directory=str(folder), files=files)
    extraction = part("state").addon_state.extractions["pictures"]
    yield from wait(lambda: extraction.work is None)
    if extraction.trouble:
        raise RuntimeError(extraction.trouble)
    yield from wait(lambda: part("engine.catalog").find_faceset(scene.recaster.source))
    yield from shown("control-1-photographs")
    strip.recaster.face = f"faceset:{FACTS['faceset']}"


def looks(strip: Any) -> Generator[None, None, None]:
    """Gives a member of a cast a look of their own; an overlay comes along."""
    previews = part("swap.previews")
    act(bpy.ops.sequencer.recaster_save_look, name="soft")
    act(bpy.ops.sequencer.recaster_find_people)
    yield from wait(lambda: previews.view_of(strip).people)
    [person] = map(str, previews.view_of(strip).people)
    act(bpy.ops.sequencer.recaster_cast_face, person=person, face=strip.recaster.face)
    act(bpy.ops.sequencer.recaster_person_look, person=person, look="=soft")
    strip.recaster.overlay = True
    yield from shown("control-2-own-look")
    act(bpy.ops.sequencer.recaster_swap)
    yield from settled()
    for one in part("compat").all_strips(window().scene):
        if one.recaster.part == "overlay":
            one.mute = False
    yield from shown("control-3-overlay")
    act(bpy.ops.sequencer.recaster_delete_look, name="soft")
    strip.recaster.cast.clear()


def unknown(scene: Any, strip: Any) -> Generator[None, None, None]:
    """Makes everybody unknown, and fails to where the engine says so."""
    select(scene, strip)
    show_panels("anonymise")
    yield
    act(bpy.ops.sequencer.recaster_anonymise)
    yield from wait(lambda: any(one.job for one in tasks()))
    yield from shown("control-4-anonymizing")
    yield from settled()
    yield from shown("control-5-anonymized")
    task = tasks()[-1]
    task.stage = part("swap.tasks").SwapStage.FAILED
    task.files = {}
    said = "somebody may still be known in 3 of 10 frames (40, 41, 44); nothing was written"
    task.trouble = f"{part('messages').plain(said)}. {part('swap.anonymity').COVER_MORE}"
    yield from shown("control-6-does-not-hold")


def tasks() -> list[Any]:
    """Swaps that were asked for."""
    return list(part("state").addon_state.tasks.values())


def settled() -> Generator[None, None, None]:
    """Waits for all that was asked for."""
    yield from wait(lambda: all(one.has_ended for one in tasks()))
    troubles = [one.trouble for one in tasks() if one.stage != "placed"]
    if troubles:
        raise RuntimeError(troubles)

"""Rights to a face in Blender, strips that tell of themselves, a render that is signed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit


def signed_render(scene: Any, file: Path, render: Path) -> dict[str, str]:
    """Renders the edit, and signs it from the panel that asks for that."""
    signing = kit.part("rights.signing")
    kit.render(scene, render, 1, 12)
    assert signing.shown_swap_files(scene) == [file]
    assert kit.addon_state().unsigned_renders == {scene.name: render}
    panel = kit.part("rights.panels").RECASTER_PT_provenance
    shown = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    assert any(line.startswith("The render render.mp4 has swaps") for line in shown)
    assert bpy.ops.sequencer.recaster_sign_render(filepath=str(render)) == {"FINISHED"}
    kit.until(lambda: kit.addon_state().signing.line or kit.addon_state().signing.trouble)
    assert kit.addon_state().unsigned_renders == {}
    return {"signed": kit.addon_state().signing.line, "trouble": kit.addon_state().signing.trouble}


def signed_as_it_ends(scene: Any, folder: Path, program: str, data: str) -> None:
    """Renders that are signed when they end, as a farm makes them: a movie, and pictures as a list."""
    scene.frame_end = 2
    scene.render.filepath = str(folder / "ended.mp4")
    signing = kit.part("rights.render_signing")
    assert signing.why_unsignable(scene) == ""
    assert bpy.ops.sequencer.recaster_render_and_sign() == {"FINISHED"}
    assert kit.addon_state().render_to_sign == ""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    scene.render.filepath = str(folder / "ended.")
    assert signing.why_unsignable(scene) == signing.PICTURES_THERE
    assert not bpy.ops.sequencer.recaster_render_and_sign.poll()
    preferences = bpy.context.preferences.addons[kit.ADDON].preferences
    preferences.command = program
    preferences.data = data
    preferences.where = "local"
    assert signing.why_unsignable(scene) == ""
    scene.recaster.sign_renders = True
    bpy.ops.render.render(animation=True)
    scene.frame_start = 2  # another machine of the farm; the first half is there
    scene.render.use_overwrite = False
    scene.frame_end = 3
    bpy.ops.render.render(animation=True)
    scene.recaster.sign_renders = False
    not_signed(scene, signing)
    scene.frame_start = 1
    preferences.where = "remote"


def not_signed(scene: Any, signing: Any) -> None:
    """Renders that can't be signed say so, and leave nothing to be signed of the next one."""
    state = kit.addon_state()
    begun = kit.part("state").RenderBegun(frames={2, 4})
    assert signing.rendered_files(scene, begun) == ([], "ended.0004.png isn't there")
    scene.render.use_overwrite = True
    files, why = signing.rendered_files(scene, kit.part("state").RenderBegun())
    assert files == []
    assert signing.sign_now(scene, files, why) == (
        f"Recaster: the render of {scene.name} isn't signed. No picture was written"
    )
    signing.begin(None, [])
    assert state.signing.trouble.startswith("The render isn't signed. Its scene has another name")
    state.signing.trouble = ""
    path = scene.render.filepath
    scene.render.filepath = "/dev/null/ended."
    with contextlib.suppress(RuntimeError):  # what an operator reports as an error reaches scripts so
        assert bpy.ops.sequencer.recaster_render_and_sign() == {"CANCELLED"}
    scene.render.filepath = path
    assert state.render_to_sign == ""


def rights(
    engine: str, token: str, face: str, clip: str, out: str, program: str, data: str
) -> dict[str, Any]:
    """From a face of which nobody said anything to a signed render."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 13)
    known = kit.part("rights.consent")
    session = kit.part("engine.session")
    signing = kit.part("rights.signing")
    assert not bpy.ops.sequencer.recaster_swap.poll()
    refused = kit.part("swap.workflow").begin(scene, strip)  # as another client would, that doesn't ask
    kit.until(lambda: refused.has_ended)
    assert refused.stage == "failed"
    assert refused.trouble == known.blocking_reason(session.engine_state(), face)
    said = {"refused": refused.trouble}

    assert bpy.ops.sequencer.recaster_state_basis(face=face, basis="synthetic") == {"FINISHED"}
    person = kit.until(lambda: person_of(face))
    said["person"] = known.describe_right(person)

    assert bpy.ops.sequencer.recaster_revoke_basis(face=face) == {"FINISHED"}
    kit.until(lambda: not known.describe_right(person_of(face))[1])
    assert not bpy.ops.sequencer.recaster_swap.poll()
    said["revoked"] = known.blocking_reason(session.engine_state(), face)
    assert bpy.ops.sequencer.recaster_state_basis(face=face, basis="synthetic") == {"FINISHED"}
    kit.until(lambda: known.describe_right(person_of(face))[1])

    assert drawn(lambda paper: kit.part("rights.panels").draw_basis(paper, face)) >= {"Synthetic"}

    strip.recaster.label = "text"
    [result] = kit.swap(scene, strip)
    kit.select(scene, result)
    said["made"] = signing.report_of(signing.movie_path(result)).line
    assert bpy.ops.sequencer.recaster_verify() == {"FINISHED"}
    file = signing.movie_path(result)
    kit.until(lambda: signing.report_of(file).work is None)
    said["strip"] = signing.report_of(file).line
    assert signing.report_of(file).is_valid

    said |= signed_render(scene, file, Path(out) / "render.mp4")
    signed_as_it_ends(scene, Path(out), program, data)
    result.mute = True
    assert not bpy.ops.sequencer.recaster_sign_render.poll()  # no swap is shown
    return said


def person_of(face: str) -> Any | None:
    """The person whose face it is, as the engine was last seen."""
    catalog = kit.part("engine.catalog")
    found = kit.part("engine.session").engine_state()
    return catalog.person_of(found, catalog.holder_of(found, face))


class Paper:
    """A layout that remembers what is written on it, and is told everything else in vain."""

    def __init__(self, written: set[str]) -> None:
        self.__dict__["written"] = written

    def __getattr__(self, _name: str) -> Any:
        def put(*_: Any, text: str = "", **__: Any) -> Paper:
            self.written.add(text)
            return self

        return put

    def template_list(self, kind: str, _id: str, data: Any, name: str, *_: Any, **__: Any) -> None:
        """Writes all rows of a list."""
        for row in getattr(data, name):
            getattr(bpy.types, kind).draw_item(None, bpy.context, self, data, row, 0, None, "")

    def __setattr__(self, name: str, value: Any) -> None:
        """Whatever is set on a row, or asked of an operator."""


def drawn(draw: Any) -> set[str]:
    """The texts that a panel shows."""
    written: set[str] = set()
    draw(Paper(written))
    return written

"""Whose face may be put on, what strips say of themselves, a render that is signed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit


def rights(engine: str, token: str, face: str, clip: str, out: str) -> dict[str, Any]:
    """From a face of which nobody said anything to a signed render."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 13)
    known, session = kit.part("rights.consent"), kit.part("engine.session")
    assert not bpy.ops.sequencer.recaster_swap.poll()
    refused = kit.part("swap.workflow").begin(scene, strip)  # as another client would, that doesn't ask
    kit.until(lambda: refused.ended)
    assert refused.stage == "failed"
    assert refused.trouble == known.hindrance(session.snapshot(), face)
    said = {"refused": refused.trouble}

    assert bpy.ops.sequencer.recaster_state_basis(face=face, basis="synthetic") == {"FINISHED"}
    person = kit.until(lambda: known.person_of(session.snapshot(), known.holder_of(session.snapshot(), face)))
    said["person"] = known.described(person)

    assert bpy.ops.sequencer.recaster_revoke_basis(face=face) == {"FINISHED"}
    kit.until(lambda: not known.described(known.person_of(*seen_face(known, session, face)))[1])
    assert not bpy.ops.sequencer.recaster_swap.poll()
    said["revoked"] = known.hindrance(session.snapshot(), face)
    assert bpy.ops.sequencer.recaster_state_basis(face=face, basis="synthetic") == {"FINISHED"}
    kit.until(lambda: known.described(known.person_of(*seen_face(known, session, face)))[1])

    assert drawn(lambda paper: kit.part("rights.panels").draw_basis(paper, face)) >= {
        "Basis",
        "Synthetic",
    }

    strip.recaster.label = "text"
    [result] = kit.swap(scene, strip)
    kit.select(scene, result)
    said["made"] = known.known(known.file_of(result)).line
    assert bpy.ops.sequencer.recaster_verify() == {"FINISHED"}
    file = known.file_of(result)
    kit.until(lambda: known.known(file).work is None)
    said["strip"] = known.known(file).line
    assert known.known(file).valid

    render = Path(out) / "render.mp4"
    kit.render(scene, render, 1, 12)
    assert known.swaps_in(scene) == [file]
    assert known.rendered == {scene.name: render}
    panel = kit.part("rights.panels").RECASTER_PT_provenance
    shown = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    assert any(line.startswith("The render render.mp4 has swaps") for line in shown)
    assert bpy.ops.sequencer.recaster_sign_render(filepath=str(render)) == {"FINISHED"}
    kit.until(lambda: known.signing.line or known.signing.trouble)
    assert known.rendered == {}
    said["signed"], said["trouble"] = known.signing.line, known.signing.trouble
    result.mute = True
    assert not bpy.ops.sequencer.recaster_sign_render.poll()  # no swap is shown
    return said


def seen_face(known: Any, session: Any, face: str) -> tuple[Any, Any]:
    """The engine as it was last seen, and who holds a face there."""
    found = session.snapshot()
    return found, known.holder_of(found, face)


class Paper:
    """A layout that remembers what is written on it, and is told everything else in vain."""

    def __init__(self, written: set[str]) -> None:
        self.__dict__["written"] = written

    def __getattr__(self, _name: str) -> Any:
        def put(*_: Any, text: str = "", **__: Any) -> Paper:
            self.written.add(text)
            return self

        return put

    def __setattr__(self, name: str, value: Any) -> None:
        """Whatever is set on a row, or asked of an operator."""


def drawn(draw: Any) -> set[str]:
    """The texts that a panel shows."""
    written: set[str] = set()
    draw(Paper(written))
    return written

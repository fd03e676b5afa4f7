"""Engines that lie, and clients whose role isn't enough."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn

MAX_LETTERS = 420
"""Of anything that a panel or a menu shows."""
DATA = ("images", "texts", "sounds", "movieclips", "libraries", "scenes", "objects", "materials", "masks")


def everything_drawn() -> set[str]:
    """The texts of all panels and menus, as they are now."""
    found: set[str] = set()
    for module in (
        "engine.panels",
        "swap.panels",
        "swap.face_grid",
        "swap.jobs_list",
        "swap.state_view",
        "swap.version_operators",
        "rights.panels",
        "train.panels",
        "swap.operators",
        "train.operators",
    ):
        part = kit.part(module)
        shown = part.CLASSES
        for one in shown:
            if issubclass(one, bpy.types.Panel | bpy.types.Menu) and (
                not hasattr(one, "poll") or one.poll(bpy.context)
            ):
                self = SimpleNamespace(layout=None, role=getattr(one, "role", ""))
                found |= drawn(lambda paper, one=one, self=self: _draw(one, self, paper))
    return found


def _draw(one: Any, self: Any, paper: Any) -> None:
    self.layout = paper
    one.draw(self, bpy.context)


def harmless(texts: set[str]) -> list[str]:
    """The texts that do more than to be read, or are too long."""
    return sorted(
        one
        for one in texts
        if not isinstance(one, str) or len(one) > MAX_LETTERS or any(not each.isprintable() for each in one)
    )


def names() -> list[tuple[str, str, str]]:
    """Contents of the file by kind: names, and the files that they are of."""
    return sorted(
        (kind, one.name, getattr(one, "filepath", "")) for kind in DATA for one in getattr(bpy.data, kind)
    )


def lied_to(engine: str, clip: str, folder: str, render: str) -> dict[str, Any]:
    """Everything that an editor can do, at an engine that answers what it likes."""
    place = Path(folder)
    preferences = kit.enable(cache=str(place / "cache"), results=str(place / "results"))
    preferences.where = "remote"
    preferences.host = engine
    preferences.token = "secret"  # noqa: S105 - nobody's
    scene = kit.fresh()
    session = kit.part("engine.session")
    strip = kit.movie(scene, clip)
    kit.trim(strip, 1, 6)
    before = names()
    session.engine_state()
    kit.until(lambda: session.engine_state().trouble != kit.part("engine.connection").CONNECTING)
    found = session.engine_state()
    texts = everything_drawn()
    if found.online:
        texts |= _used(scene, strip, place, Path(render))
    texts |= everything_drawn()
    kit.until(lambda: not kit.addon_state().connection.works)
    session.process_events()
    assert not kit.addon_state().own_error, kit.addon_state().own_error
    bpy.ops.wm.save_as_mainfile(filepath=str(place / "kept.blend"))
    new = [one for one in names() if one not in before]
    files = [str((Path(top) / name).relative_to(place)) for top, _, given in os.walk(place) for name in given]
    return {
        "online": found.online,
        "trouble": found.trouble,
        "wrong": harmless(texts),
        "new": new,
        "files": files,
        "strips": [one.name for one in kit.strips(scene)],
    }


def _use_rights(face: str, strip: Any, place: Path, render: Path) -> None:
    """Presses whatever is about rights and signatures."""
    rights = kit.part("rights.consent")
    kit.part("rights.signing").verify(Path(bpy.path.abspath(strip.filepath)))
    rights.state_right(face, "self")
    kit.until(lambda: kit.addon_state().stating.work is None)
    rights.revoke_right(face)
    kit.until(lambda: kit.addon_state().stating.work is None)
    (place / "render.mp4").write_bytes(render.read_bytes())
    kit.part("rights.signing").sign(place / "render.mp4", [Path(bpy.path.abspath(strip.filepath))])
    kit.until(lambda: kit.addon_state().signing.work is None)


def _used(scene: Any, strip: Any, place: Path, render: Path) -> set[str]:
    """Presses whatever there is; returns all that was shown."""
    session = kit.part("engine.session")
    faces = kit.part("swap.previews")
    found = session.engine_state()
    trainings = kit.part("train.training")
    name = found.facesets[0].faceset_id
    face = f"faceset:{name}"
    assert bpy.ops.sequencer.recaster_choose_face(face=face) == {"FINISHED"}
    scene.recaster.source = name
    scene.recaster.model = found.models[0].model_id
    assert bpy.ops.recaster.choose_preset(preset=found.info.presets[0].name) == {"FINISHED"}
    faces.find_people(strip, scene)
    about = faces.view_of(strip)
    kit.until(lambda: about.work is None)
    faces.preview_frame(strip, scene, 2)
    kit.until(lambda: about.work is None)
    if about.people:
        bpy.ops.sequencer.recaster_choose_person(person=str(about.people[0]))
        bpy.ops.sequencer.recaster_choose_person(person="")
    kit.part("swap.workflow").begin(scene, strip)
    kit.until(lambda: all(one.has_ended for one in kit.addon_state().tasks.values()))
    bpy.ops.recaster.show_faces(role="source")
    kit.until(lambda: kit.addon_state().faces_pages[name].work is None)
    kit.part("train.faces_pages").drop_face(
        found.facesets[0], (kit.addon_state().faces_pages[name].faces or [None])[0]
    )
    kit.part("train.extraction").extract_from_strips(
        scene, "source", [kit.part("swap.source_range").source_range_of(strip, scene)]
    )
    kit.until(lambda: kit.addon_state().extractions["source"].work is None)
    trainings.train(scene, None)
    kit.addon_state().connection.refresh()
    kit.until(lambda: all(one.work is None for one in kit.addon_state().training_views.values()))
    _use_rights(face, strip, place, render)
    for what in ("pause", "resume", "cancel", "delete"):
        bpy.ops.recaster.job(job=next(iter(found.jobs)), what=what)
    shown = {one.trouble for one in kit.addon_state().tasks.values()} | {one.made_for for one in _owns(scene)}
    shown |= {
        about.trouble,
        *about.warnings,
        kit.addon_state().signing.line,
        kit.addon_state().signing.trouble,
    }
    return shown | everything_drawn()


def _owns(scene: Any) -> list[Any]:
    return [one.recaster for one in kit.strips(scene)]


def in_role(engine: str, token: str, face: str, clip: str, job: str) -> dict[str, Any]:
    """Buttons that a client may press, and the reasons where it may not; of somebody else's job, too."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 4)
    scene.recaster.source = face.partition(":")[2]
    session = kit.part("engine.session")
    found = kit.until(lambda: session.engine_state() if session.engine_state().job(job) else None)
    ops = bpy.ops.sequencer
    buttons = {
        "swap": ops.recaster_swap, "preview": ops.recaster_preview, "people": ops.recaster_find_people,
        "train": bpy.ops.recaster.train, "folder": bpy.ops.recaster.add_folder,
        "faces": bpy.ops.recaster.show_faces, "drop": bpy.ops.recaster.drop_face,
        "verify": ops.recaster_verify,
    }  # fmt: skip
    pressed = {name: bool(one.poll()) for name, one in buttons.items()}
    task = kit.part("swap.workflow").begin(scene, strip)  # as if the role had changed meanwhile
    kit.until(lambda: task.has_ended)
    roles = kit.part("engine.access")
    other = found.job(job)
    panel = kit.part("engine.panels").RECASTER_PT_engine
    shown = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    row = SimpleNamespace(operator=lambda *_, **__: SimpleNamespace())
    kit.part("engine.panels").draw_job_buttons(row, other)
    told = _told(lambda: ops.recaster_state_basis(face=face, basis="synthetic"))
    basis = drawn(lambda paper: kit.part("rights.panels").draw_basis(paper, face))
    kit.until(lambda: kit.addon_state().stating.work is None)
    return {
        "pressed": pressed,
        "why": roles.lacking(found, "editor"),
        "stage": task.stage,
        "trouble": task.trouble,
        "buttons": row.enabled,
        "job": roles.lacking_for_job(found, other),
        "mine": kit.part("engine.jobs").is_own_job(found, other),
        "own": roles.is_own_clients_job(found, other),
        "basis": roles.lacking_for_basis(found, None),
        "told": told,
        "stating": kit.addon_state().stating.trouble,
        "shown": sorted(shown | basis),
        "cancelled": _told(lambda: bpy.ops.recaster.job(job=job, what="cancel")),
    }


def _told(do: Any) -> str:
    """Report of an operator that refuses; "" where it doesn't."""
    try:
        do()
    except RuntimeError as error:
        return str(error).strip()
    return ""

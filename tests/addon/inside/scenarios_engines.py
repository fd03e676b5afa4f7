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
        "rights.panels",
        "train.panels",
        "swap.operators",
        "train.operators",
    ):
        part = kit.part(module)
        shown = [*part.CLASSES, *([part.RECASTER_PT_jobs] if module == "swap.panels" else [])]
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
    """What the file holds, by kind: names, and the files that they are of."""
    return sorted(
        (kind, one.name, getattr(one, "filepath", "")) for kind in DATA for one in getattr(bpy.data, kind)
    )


def lied_to(engine: str, clip: str, folder: str, render: str) -> dict[str, Any]:
    """Everything that an editor can do, at an engine that answers what it likes."""
    place = Path(folder)
    preferences = kit.enable(cache=str(place / "cache"), results=str(place / "results"))
    preferences.where, preferences.host, preferences.token = "remote", engine, "secret"
    scene, session = kit.fresh(), kit.part("engine.session")
    strip = kit.movie(scene, clip)
    kit.trim(strip, 1, 6)
    before = names()
    session.snapshot()
    kit.until(lambda: session.snapshot().trouble != kit.part("engine.connection").CONNECTING)
    found = session.snapshot()
    texts = everything_drawn()
    if found.online:
        texts |= _used(scene, strip, place, Path(render))
    texts |= everything_drawn()
    kit.until(lambda: not session.link().works)
    session.pump()
    assert not session.error(), session.error()
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


def _used(scene: Any, strip: Any, place: Path, render: Path) -> set[str]:
    """Press whatever there is; returns what was shown."""
    session, errands, faces = kit.part("engine.session"), kit.part("swap.tasks"), kit.part("swap.previews")
    found, trainings, rights = session.snapshot(), kit.part("train.trainings"), kit.part("rights.consent")
    name = found.facesets[0].faceset_id
    face = f"faceset:{name}"
    assert bpy.ops.sequencer.recaster_choose_face(face=face) == {"FINISHED"}
    scene.recaster.source, scene.recaster.model = name, found.models[0].model_id
    assert bpy.ops.recaster.choose_preset(preset=found.info.presets[0].name) == {"FINISHED"}
    faces.find_people(strip, scene)
    about = faces.seen(strip)
    kit.until(lambda: about.work is None)
    faces.preview(strip, scene, 2)
    kit.until(lambda: about.work is None)
    if about.people:
        bpy.ops.sequencer.recaster_choose_person(person=str(about.people[0]))
        bpy.ops.sequencer.recaster_choose_person(person="")
    kit.part("swap.workflow").begin(scene, strip)
    kit.until(lambda: all(one.ended for one in errands.errands.values()))
    bpy.ops.recaster.show_faces(role="source")
    kit.until(lambda: trainings.sheets[name].work is None)
    trainings.drop_face(found.facesets[0], (trainings.sheets[name].faces or [None])[0])
    trainings.gather_strips(scene, "source", [kit.part("swap.source_range").shot_of(strip, scene)])
    kit.until(lambda: trainings.gatherings["source"].work is None)
    trainings.train(scene, None)
    session.link().look()
    kit.until(lambda: all(one.work is None for one in trainings.courses.values()))
    rights.verify(Path(bpy.path.abspath(strip.filepath)))
    rights.state(face, "self")
    kit.until(lambda: rights.stating.work is None)
    rights.revoke(face)
    kit.until(lambda: rights.stating.work is None)
    (place / "render.mp4").write_bytes(render.read_bytes())
    rights.sign(place / "render.mp4", [Path(bpy.path.abspath(strip.filepath))])
    kit.until(lambda: rights.signing.work is None)
    for what in ("pause", "resume", "cancel", "delete"):
        bpy.ops.recaster.job(job=next(iter(found.jobs)), what=what)
    shown = {one.trouble for one in errands.errands.values()} | {one.made_for for one in _owns(scene)}
    shown |= {about.trouble, *about.warnings, rights.signing.line, rights.signing.trouble}
    return shown | everything_drawn()


def _owns(scene: Any) -> list[Any]:
    return [one.recaster for one in kit.strips(scene)]


def in_role(engine: str, token: str, face: str, clip: str, job: str) -> dict[str, Any]:
    """What a client may press, and what is said where it may not; of somebody else's job, too."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 4)
    scene.recaster.source = face.partition(":")[2]
    session, rights = kit.part("engine.session"), kit.part("rights.consent")
    found = kit.until(lambda: session.snapshot() if session.snapshot().job(job) else None)
    ops = bpy.ops.sequencer
    buttons = {
        "swap": ops.recaster_swap, "preview": ops.recaster_preview, "people": ops.recaster_find_people,
        "train": bpy.ops.recaster.train, "folder": bpy.ops.recaster.add_folder,
        "faces": bpy.ops.recaster.show_faces, "drop": bpy.ops.recaster.drop_face,
        "verify": ops.recaster_verify,
    }  # fmt: skip
    pressed = {name: bool(one.poll()) for name, one in buttons.items()}
    errand = kit.part("swap.workflow").begin(scene, strip)  # as if the role had changed meanwhile
    kit.until(lambda: errand.ended)
    roles, other = kit.part("engine.access"), found.job(job)
    panel = kit.part("engine.panels").RECASTER_PT_engine
    shown = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    row = SimpleNamespace(operator=lambda *_, **__: SimpleNamespace())
    kit.part("engine.panels").draw_job_buttons(row, other)
    told = _told(lambda: ops.recaster_state_basis(face=face, basis="synthetic"))
    basis = drawn(lambda paper: kit.part("rights.panels").draw_basis(paper, face))
    kit.until(lambda: rights.stating.work is None)
    return {
        "pressed": pressed,
        "why": roles.lacking(found, "editor"),
        "stage": errand.stage,
        "trouble": errand.trouble,
        "buttons": row.enabled,
        "job": roles.lacking_for_job(found, other),
        "mine": kit.part("engine.jobs").mine(found, other),
        "own": roles.own_job(found, other),
        "basis": roles.lacking_for_basis(found, None),
        "told": told,
        "stating": rights.stating.trouble,
        "shown": sorted(shown | basis),
        "cancelled": _told(lambda: bpy.ops.recaster.job(job=job, what="cancel")),
    }


def _told(do: Any) -> str:
    """What an operator that refuses reports; "" where it doesn't refuse."""
    try:
        do()
    except RuntimeError as error:
        return str(error).strip()
    return ""

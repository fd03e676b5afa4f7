"""What an editor has in hand stays in hand, and whose face it is stays said."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import addon_utils
import bpy
import kit
from scenarios_rights import drawn


def chosen_only(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Rights are shown, stated and taken back of the face that is chosen, and of no other."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 6)
    rights, session, panels = kit.part("rights"), kit.part("session"), kit.part("panels_rights")
    stated = bpy.ops.sequencer.recaster_state_basis
    revoke = bpy.ops.sequencer.recaster_revoke_basis
    assert stated(face=face, basis="synthetic") == {"FINISHED"}
    person = kit.until(
        lambda: rights.person_of(session.snapshot(), rights.holder_of(session.snapshot(), face))
    )
    found = session.snapshot()
    kind, _, name = face.partition(":")
    other = "model" if kind == "faceset" else "faceset"
    nobody = [
        "",
        ":",
        kind,
        f"{kind}:",
        f":{name}",
        name,
        f"{other}:{name}",
        "identity:",
        f"display_name:{name}",
    ]
    assert [one for one in nobody if rights.holder_of(found, one) is not None] == []
    assert [one for one in nobody if drawn(lambda paper, one=one: panels.draw_basis(paper, one))] == []
    strip.recaster.face = ""
    assert not revoke.poll()  # nothing is chosen, so there is nothing to take back
    assert not bpy.ops.sequencer.recaster_swap.poll()
    scene.recaster.source = name
    for one in nobody:
        strip.recaster.face = one
        for asked in (lambda one=one: revoke(face=one), lambda one=one: stated(face=one, basis="self")):
            assert _fails(asked), one
    scene.recaster.source, strip.recaster.face = "", f"{kind}:another"
    assert _fails(lambda: revoke(face=face))  # it was chosen once
    strip.recaster.face = face
    assert _fails(lambda: revoke(face=face, person="somebody else", asked=True))
    title, follows = kit.part("operators_rights").RevokeBasis.question(
        None, found, rights.holder_of(found, face), person
    )
    assert person.display_name in title
    kit.until(lambda: not session.link().works)
    kit.part("session").link().look()
    kit.until(lambda: session.snapshot().online)
    now = rights.person_of(session.snapshot(), rights.holder_of(session.snapshot(), face))
    assert rights.described(now) == ("synthetic", True)
    return {"title": title, "follows": follows}


def _fails(do: Any) -> bool:
    try:
        return bool(do() == {"CANCELLED"})
    except RuntimeError:
        return True


def in_hand(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A result leaves alone what is selected, and what is active; one that is replaced hands that on."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 4)
    other = kit.movie(scene, clip, channel=8, start=1, name="other")
    kit.select(scene, strip)
    errand = kit.press()
    kit.select(scene, other)
    kit.until(lambda: errand.ended)
    assert errand.stage == "placed"
    assert scene.sequence_editor.active_strip == other
    assert [one.name for one in kit.strips(scene) if one.select] == ["other"]
    [result] = [one for one in kit.strips(scene) if one.recaster.result_of]
    [again] = kit.swap(scene, result)  # whose result was selected keeps it selected
    assert scene.sequence_editor.active_strip == again
    assert [one for one in kit.strips(scene) if one.select] == [again]
    assert again.color_tag != "NONE"
    return {}


def dropped(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A clip that was dropped has its sound active, proxies, and a connection between the two."""
    kit.enable(engine, token)
    compat, swapping = kit.part("compat"), kit.part("operators_swap")
    scene = kit.fresh()
    strip = kit.movie(scene, clip, channel=2, name="shot")
    sounds = compat.strips_in(scene.sequence_editor)
    with_sound = bpy.app.build_options.audaspace
    sound = (
        sounds.new_sound("voice", clip, 1, 1)
        if with_sound
        else sounds.new_effect(name="voice", type="COLOR", channel=1, frame_start=1, **_until(scene, 20))
    )
    kit.trim(strip, 1, 4)
    kit.select(scene, sound, strip)
    assert swapping.chosen_strip(bpy.context) == strip
    assert kit.part("rights").file_of(swapping.shown_clip(bpy.context)) == Path(clip)
    connects = hasattr(strip, "connections") and with_sound
    if connects:
        with compat.in_sequencer(scene):
            bpy.ops.sequencer.connect(toggle=False)
        kit.select(scene, sound)
        strip.select = False
        assert swapping.chosen_strip(bpy.context) == strip
    kit.select(scene, sound, strip)
    strip.use_proxy = True
    strip.proxy.build_25, strip.proxy.build_50, strip.proxy.quality = True, False, 33
    strip.recaster.face = face
    errand = kit.press()
    kit.until(lambda: errand.ended)
    assert (errand.stage, errand.trouble) == ("placed", "")
    [result] = [one for one in kit.strips(scene) if one.recaster.result_of]
    assert scene.sequence_editor.active_strip == sound
    assert {one.name for one in kit.strips(scene) if one.select} == {"voice", "shot"}
    assert result.use_proxy
    assert (result.proxy.build_25, result.proxy.build_50, result.proxy.quality) == (True, False, 33)
    if connects:
        assert {one.name for one in result.connections} == {"voice", "shot"}
    kit.select(scene, sound)
    for one in kit.strips(scene):
        if one.name != "voice":
            sounds.remove(one)
    assert swapping.chosen_strip(bpy.context) is None  # a sound alone is none
    return {"connects": connects}


def _until(scene: Any, end: int) -> dict[str, int]:
    strips = kit.part("compat").strips_in(scene.sequence_editor)
    known = {one.identifier for one in strips.bl_rna.functions["new_effect"].parameters}
    return {"length": end} if "length" in known else {"frame_end": end}


def two_people(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """A result of one person, and then another: it shows both. The portrait outlives its file."""
    kit.enable(engine, token)
    choices, faces, swapping = kit.part("choices"), kit.part("faces"), kit.part("operators_swap")
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    kit.trim(strip, 1, 4)
    strip.recaster.face = face
    assert bpy.ops.sequencer.recaster_find_people() == {"FINISHED"}
    about = faces.seen(strip)
    first = str(kit.until(lambda: about.people)[0])
    second = Path(folder) / "second.jpg"
    second.write_bytes(Path(first).read_bytes() + b"\0")  # another picture of the only one there is
    bpy.ops.sequencer.recaster_choose_person(person=str(second))
    [one] = kit.swap(scene, strip)
    assert one.recaster.made_for == "second.jpg"
    kit.select(scene, one)
    assert swapping.targets(bpy.context) == [(strip, None)]  # the same person again: anew
    bpy.ops.sequencer.recaster_choose_person(person=first)
    assert swapping.targets(bpy.context) == [(one, strip)]
    errand = kit.press()
    kit.until(lambda: errand.ended)
    assert (errand.stage, errand.trouble) == ("placed", "")
    [both] = [result for result in kit.strips(scene) if result.recaster.result_of == one.recaster.uid]
    names = sorted(result.name for result in kit.strips(scene))
    assert len(names) == 3, names  # nothing was replaced
    assert Path(bpy.path.abspath(both.filepath)) != Path(bpy.path.abspath(one.filepath))
    assert both.channel > one.channel > strip.channel
    kit.select(scene, strip)
    assert swapping.targets(bpy.context) == [(strip, None)]  # from the original: anew
    uid = one.recaster.uid
    [anew] = kit.swap(scene, strip)
    assert anew.recaster.uid == uid  # what was made from the earlier one is still its own

    second.unlink()
    bpy.ops.sequencer.recaster_choose_person(person=first)
    strip.recaster.person = str(Path(folder) / "other" / "machine.jpg")
    path = choices.person_file(strip)
    assert path.read_bytes() == Path(first).read_bytes()
    blend = str(Path(folder) / "people.blend")
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    bpy.ops.wm.open_mainfile(filepath=blend)
    [strip] = [found for found in kit.strips(bpy.context.scene) if found.name == "shot"]
    assert faces.portrait_icon(strip) in kit.part("pictures")._pictures
    kit.select(bpy.context.scene, strip)
    strip.recaster.portrait = ""
    assert _fails(bpy.ops.sequencer.recaster_swap)
    strip.recaster.everyone = True
    assert choices.person_file(strip) is None
    return {}


def own_settings(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """Several strips keep their own settings, and the person always; copying is a button of its own."""
    kit.enable(engine, token)
    scene = kit.fresh()
    one = kit.movie(scene, clip, channel=1, name="one")
    two = kit.movie(scene, clip, channel=2, name="two")
    for strip in (one, two):
        kit.trim(strip, 1, 3)
    picture = Path(folder) / "her.jpg"
    picture.write_bytes(b"nobody reads it")
    one.recaster.face, one.recaster.mask, one.recaster.feather = face, "box", 0.3
    one.recaster.person = str(picture)
    two.recaster.face, two.recaster.mask = face, "hull"
    kit.select(scene, one, two)
    shown = drawn(lambda paper: kit.part("panels").SwapPanel.draw(SimpleNamespace(layout=paper), bpy.context))
    assert "2 strips, each with its own settings" in shown
    one.recaster.person = ""
    two.recaster.person = str(picture)
    two.recaster.everyone = True
    kit.swap(scene, one, two)
    assert (two.recaster.mask, two.recaster.person, two.recaster.everyone) == ("hull", str(picture), True)
    kit.select(scene, one, two)
    assert bpy.ops.sequencer.recaster_copy_settings() == {"FINISHED"}
    assert (two.recaster.mask, round(two.recaster.feather, 3)) == ("box", 0.3)
    assert (two.recaster.person, two.recaster.everyone) == (str(picture), True)
    return {}


def cleared(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Swaps of earlier sessions leave the list, and stay away; what others wait for stays at the engine."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 3)
    jobs, session = kit.part("jobs"), kit.part("session")
    kit.swap(scene, strip)
    [errand] = kit.part("errands").errands.values()
    kit.part("errands").errands.clear()  # as in the next session
    ended = kit.until(lambda: session.snapshot().job(errand.job))
    shown = jobs.title_of(ended)
    assert shown == "Swap of shot"
    assert shown in _listed()
    assert bpy.ops.sequencer.recaster_forget() == {"FINISHED"}
    assert shown not in _listed()
    jobs._hidden = None  # read anew
    assert shown not in _listed()
    session.link().look()
    kit.until(lambda: session.pump() or True)
    assert session.snapshot().job(errand.job) is not None
    return {}


def _listed() -> set[str]:
    panel = kit.part("panels").JobsPanel
    return drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))


def still(engine: str, token: str) -> dict[str, Any]:
    """Nothing is redrawn where nothing has changed; only sidebars are where something has."""
    kit.enable(engine, token)
    session, drawn_again = kit.part("session"), []
    kit.fresh()
    kit.until(lambda: session.snapshot().online)
    session.pump()
    session.redraw = lambda: drawn_again.append(1)
    seen = []
    session.listeners.append(seen.append)
    first = session.snapshot()
    while len(seen) < 2:  # looked at twice
        session.link().look()
        session.pump()
    same = first.looks_like(seen[-1])
    if same:
        assert drawn_again == []
    session._state.link.finished += 1
    session.pump()
    assert drawn_again
    assert session.REDRAWN["SEQUENCE_EDITOR"] == "UI"
    link = kit.part("link")
    assert link.LOOK_AWAY_S > link.LOOK_S
    return {"same": same}


def paths() -> dict[str, Any]:
    """Every property that holds a path says that // is fine, where Blender asks for that."""
    kit.enable()
    owners = [kit.part("preferences").Preferences, *kit.part("properties").CLASSES]
    for module in ("operators_rights", "operators_train", "operators_swap", "operators_engine"):
        owners += kit.part(module).CLASSES
    held, wrong = [], []
    for owner in owners:
        if issubclass(owner, bpy.types.Operator):
            group, _, name = owner.bl_idname.partition(".")
            owner = getattr(getattr(bpy.ops, group), name).get_rna_type()  # noqa: PLW2901
        for known in getattr(owner, "bl_rna", owner).properties:
            if known.type == "STRING" and known.subtype in ("FILE_PATH", "DIR_PATH"):
                held.append(known.identifier)
                if not getattr(known, "is_path_supports_blend_relative", True):
                    wrong.append(f"{owner}.{known.identifier}")
    return {"held": held, "wrong": wrong}


def templates(command: str, data: str, port: int) -> dict[str, Any]:
    """File > New takes add-ons away and brings them back: the engine goes on, unless it is disabled."""
    kit.enable(command=command, data=data, port=port)
    session = kit.part("session")
    assert bpy.ops.recaster.start_engine() == {"FINISHED"}
    kit.until(lambda: session.snapshot().online)
    process = session.local()._process.pid
    for _ in range(2):
        bpy.ops.wm.read_homefile(app_template="Video_Editing")
        session._stop_if_disabled()  # what the timer does a moment later
        bpy.ops.wm.read_homefile(app_template="")
    addon_utils.disable_all()
    session._stop_if_disabled()
    assert session.local().running
    assert not session.local().stopping
    addon_utils.enable(kit.ADDON, default_set=True)
    assert not bpy.app.timers.is_registered(session._stop_if_disabled)
    session.snapshot()
    kit.until(lambda: session.snapshot().online)
    assert bpy.ops.recaster.stop_engine.poll()

    session._state.local = kit.part("local_engine").LocalEngine()  # another Blender, after this one crashed
    session.reconnect()
    assert session.local().running
    assert session.local()._found.pid == process
    assert bpy.ops.recaster.stop_engine.poll()
    addon_utils.disable(kit.ADDON, default_set=True)
    assert session.local().running  # not yet: it may come back
    assert not session.local().stopping
    session._stop_if_disabled()
    assert session.local().stopping
    return {"pid": process}


def greyed(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """What can't work says why before it is pressed; a preview says what it is of."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 20)
    rights, session, faces = kit.part("rights"), kit.part("session"), kit.part("faces")
    swap, preview = bpy.ops.sequencer.recaster_swap, bpy.ops.sequencer.recaster_preview
    said = []
    for one in ("", "faceset:gone", "model:gone", ":"):
        strip.recaster.face = one
        assert not swap.poll()
        assert not preview.poll()
        said.append(rights.hindrance(session.snapshot(), one))
    strip.recaster.face = face
    assert swap.poll()
    scene.frame_set(4)
    preview()
    about = faces.seen(strip)
    assert bpy.ops.sequencer.recaster_stop_looking() == {"FINISHED"}
    assert about.work is None
    kit.until(lambda: not session.link().works)
    assert about.preview is None  # it was canceled
    preview()
    kit.until(lambda: about.preview)
    assert (about.frame, faces.stale(strip, scene)) == (4, "")
    scene.frame_set(5)
    said.append(faces.stale(strip, scene))
    scene.frame_set(4)
    strip.recaster.feather = 0.4
    said.append(faces.stale(strip, scene))
    return {"said": said}


def paced_once(clip: str) -> dict[str, Any]:
    """How long a file is, is asked of Blender once."""
    kit.enable()
    compat, shots = kit.part("compat"), kit.part("shots")
    scene = kit.fresh(fps=30)
    strip = kit.movie(scene, clip)
    made = []
    new_movie = compat.new_movie
    compat.new_movie = lambda *given: made.append(given) or new_movie(*given)
    paces = {shots.pace_of(strip, scene) for _ in range(5)}
    assert len(made) <= 1
    assert scene.sequence_editor.active_strip == strip
    return {"paces": len(paces)}


def states() -> dict[str, Any]:
    """Engines that can't be used are told apart; and no name decides where a result goes."""
    kit.enable()
    session, panels, link = kit.part("session"), kit.part("panels"), kit.part("link")

    def said(*, here: bool = True, local: dict[str, Any] | None = None, **found: Any) -> list[Any]:
        known = {"running": False, "stopping": False, "crashed": lambda: "", **(local or {})}
        kept, session._state.local = session._state.local, SimpleNamespace(**known)
        label, _, why, buttons = panels.state_of(link.Snapshot(**found), here=here)
        session._state.local = kept
        return [label, why, [operator.bl_label for operator, _ in buttons]]

    names = ["shot", "../../x", "C:\\x", "/etc/x", ".", "a" * 500, "\x1b[31m", "con/", "x\0y"]
    files = [
        kit.part("swaps").result_name(*given) for one in names for given in ((one, one, one), ("a", "b", one))
    ]
    return {
        "offline": said(away=True, trouble="x"),
        "far": said(here=False, away=True, trouble="x"),
        "starting": said(local={"running": True}, away=True),
        "stopping": said(local={"running": True, "stopping": True}, away=True),
        "crashed": said(local={"crashed": lambda: "The engine stopped unexpectedly"}, away=True),
        "token": said(here=False, refused=True),
        "another": said(refused=True),
        "connecting": said(trouble=link.CONNECTING),
        "odd": said(here=False, trouble="The engine met an error of its own"),
        "files": files,
    }


def kept() -> dict[str, Any]:
    """The names of what .blend files hold."""
    kit.enable()
    known = kit.part("properties")
    return {
        "strip": [one.identifier for one in known.StripSettings.bl_rna.properties],
        "scene": [one.identifier for one in known.TrainingSettings.bl_rna.properties],
    }

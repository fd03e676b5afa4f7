"""An editor's own work stays as it is, and so does the note of a face's person."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn, person_of


def chosen_only(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Rights are shown, stated and taken back of the face that is chosen, and of no other."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 6)
    rights = kit.part("rights.consent")
    session = kit.part("engine.session")
    panels = kit.part("rights.panels")
    stated = bpy.ops.sequencer.recaster_state_basis
    revoke = bpy.ops.sequencer.recaster_revoke_basis
    assert stated(face=face, basis="synthetic") == {"FINISHED"}
    person = kit.until(lambda: person_of(face))
    found = session.engine_state()
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
    assert [one for one in nobody if kit.part("engine.catalog").holder_of(found, one) is not None] == []
    assert [one for one in nobody if drawn(lambda paper, one=one: panels.draw_basis(paper, one))] == []
    strip.recaster.face = ""
    assert not revoke.poll()  # nothing is chosen, so there is nothing to take back
    assert not bpy.ops.sequencer.recaster_swap.poll()
    scene.recaster.source = name
    for one in nobody:
        strip.recaster.face = one
        for asked in (lambda one=one: revoke(face=one), lambda one=one: stated(face=one, basis="self")):
            assert _fails(asked), one
    scene.recaster.source = ""
    strip.recaster.face = f"{kind}:another"
    assert _fails(lambda: revoke(face=face))  # it was chosen once
    strip.recaster.face = face
    assert _fails(lambda: revoke(face=face, person="somebody else", asked=True))
    title, follows = kit.part("rights.operators").RECASTER_OT_revoke_basis.question(
        None, found, kit.part("engine.catalog").holder_of(found, face), person
    )
    assert person.display_name in title
    kit.until(lambda: not kit.addon_state().connection.works)
    kit.addon_state().connection.refresh()
    kit.until_online()
    now = person_of(face)
    assert rights.describe_right(now) == ("synthetic", True)
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
    task = kit.press()
    kit.select(scene, other)
    kit.until(lambda: task.has_ended)
    assert task.stage == "placed"
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
    compat = kit.part("compat")
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
    assert kit.part("selection").chosen_strip(bpy.context) == strip
    assert kit.part("rights.signing").movie_path(kit.part("selection").shown_clip(bpy.context)) == Path(clip)
    connects = hasattr(strip, "connections") and with_sound
    if connects:
        with compat.in_sequencer(scene):
            bpy.ops.sequencer.connect(toggle=False)
        kit.select(scene, sound)
        strip.select = False
        assert kit.part("selection").chosen_strip(bpy.context) == strip
    kit.select(scene, sound, strip)
    strip.use_proxy = True
    strip.proxy.build_25 = True
    strip.proxy.build_50 = False
    strip.proxy.quality = 33
    strip.recaster.face = face
    task = kit.press()
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", "")
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
    assert kit.part("selection").chosen_strip(bpy.context) is None  # a sound alone is none
    return {"connects": connects}


def _until(scene: Any, end: int) -> dict[str, int]:
    strips = kit.part("compat").strips_in(scene.sequence_editor)
    known = {one.identifier for one in strips.bl_rna.functions["new_effect"].parameters}
    return {"length": end} if "length" in known else {"frame_end": end}


def portrait_outlives_its_file(strip: Any, first: str, folder: str) -> None:
    choices = kit.part("swap.strip_choices").StripChoices
    cast = kit.part("swap.cast")
    bpy.ops.sequencer.recaster_choose_person(person=first)
    [row] = [one for one in strip.recaster.cast if one.swapped]
    row.person = str(Path(folder) / "other" / "machine.jpg")
    path = Path(choices.of(strip).person)
    assert path.read_bytes() == Path(first).read_bytes()
    blend = str(Path(folder) / "people.blend")
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    bpy.ops.wm.open_mainfile(filepath=blend)
    [strip] = [found for found in kit.strips(bpy.context.scene) if found.name == "shot"]
    [row] = cast.swapped_people(strip)
    assert kit.part("images").has(cast.cast_icon(row))
    kit.select(bpy.context.scene, strip)
    row.portrait = ""
    assert _fails(bpy.ops.sequencer.recaster_swap)
    strip.recaster.everyone = True
    assert (choices.of(strip).person, choices.of(strip).everyone) == ("", True)


def two_people(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """A result of one person, and then another: it shows both. The portrait outlives its file."""
    kit.enable(engine, token)
    faces = kit.part("swap.previews")
    swapping = kit.part("swap.operators")
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    kit.trim(strip, 1, 4)
    strip.recaster.face = face
    assert bpy.ops.sequencer.recaster_find_people() == {"FINISHED"}
    about = faces.view_of(strip)
    first = str(kit.until(lambda: about.people)[0])
    second = Path(folder) / "second.jpg"
    second.write_bytes(Path(first).read_bytes() + b"\0")  # another picture of the only one there is
    bpy.ops.sequencer.recaster_choose_person(person=str(second))
    [one] = kit.swap(scene, strip)
    assert one.recaster.made_for == "second.jpg"
    kit.select(scene, one)
    assert swapping.targets(bpy.context) == [swapping.Target(strip)]  # the same person again: anew
    bpy.ops.sequencer.recaster_choose_person(person=first)
    assert swapping.targets(bpy.context) == [swapping.Target(one, adopted=strip)]
    task = kit.press()
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", "")
    [both] = [result for result in kit.strips(scene) if result.recaster.result_of == one.recaster.uid]
    names = sorted(result.name for result in kit.strips(scene))
    assert len(names) == 3, names  # nothing was replaced
    assert Path(bpy.path.abspath(both.filepath)) != Path(bpy.path.abspath(one.filepath))
    assert both.channel > one.channel > strip.channel
    kit.select(scene, strip)
    assert swapping.targets(bpy.context) == [swapping.Target(strip)]  # from the original: anew
    uid = one.recaster.uid
    [anew] = kit.swap(scene, strip)
    assert anew.recaster.uid == uid  # what was made from the earlier one is still its own

    second.unlink()
    portrait_outlives_its_file(strip, first, folder)
    return {}


def two_cast(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """Everybody who is found has a row: whose face they get, whether they are swapped; one swap for all."""
    scene, strip = kit.shot(engine, token, face, clip)
    cast = kit.part("swap.cast")
    choices = kit.part("swap.strip_choices").StripChoices
    assert bpy.ops.sequencer.recaster_find_people() == {"FINISHED"}
    about = kit.part("swap.previews").view_of(strip)
    people = [str(path) for path in kit.until(lambda: about.people)]
    rows = strip.recaster.cast
    assert [(one.person, one.swapped, one.face) for one in rows] == [
        (people[0], True, ""), (people[1], False, "")
    ]  # fmt: skip
    assert choices.of(strip).person == people[0]  # the strip's face on the main person
    assert kit.part("swap.strip_choices").swapped_person(strip) == "main"  # as before anybody looked
    bpy.ops.sequencer.recaster_cast_face(person=people[1], face=face)
    assert choices.of(strip).cast == (
        cast.CastChoice("", face, people[0]),
        cast.CastChoice(rows[1].face_name, face, people[1]),
    )
    strip.recaster.face = ""
    kit.select(scene, strip)
    assert not bpy.ops.sequencer.recaster_swap.poll()  # one has none yet
    bpy.ops.sequencer.recaster_cast_face(person=people[0], face=face)
    [result] = kit.swap(scene, strip)
    assert result.recaster.made_for == "cast"
    blend = str(Path(folder) / "people.blend")
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    bpy.ops.wm.open_mainfile(filepath=blend)
    [strip] = [one for one in kit.strips(bpy.context.scene) if one.name == "shot"]
    rows = strip.recaster.cast
    assert [(one.person, one.swapped, one.face) for one in rows] == [(one, True, face) for one in people]
    assert all(kit.part("images").has(cast.cast_icon(one)) for one in rows)
    kit.select(bpy.context.scene, strip)
    bpy.ops.sequencer.recaster_cast_face(person=people[0], face="nobody")
    assert choices.of(strip).person == people[1]
    rows[1].swapped = False
    assert not bpy.ops.sequencer.recaster_swap.poll()  # nobody is to be swapped
    bpy.ops.sequencer.recaster_choose_person(person="")
    assert len(strip.recaster.cast) == 0
    return {"job": strip.recaster.job, "people": len(people)}


def earlier_people(clip: str, folder: str) -> dict[str, Any]:
    """Files of the last release: the person who was chosen is swapped, and so is a cast."""
    kit.enable()
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    picture = Path(folder) / "her.jpg"
    picture.write_bytes(b"nobody reads it")
    other = Path(folder) / "him.jpg"
    other.write_bytes(b"nor this")
    choices = kit.part("swap.strip_choices").StripChoices
    own = strip.recaster
    own.face = "faceset:one"
    own.person = str(picture)
    assert (choices.of(strip).person, choices.of(strip).face) == (str(picture), "faceset:one")
    own.everyone = True
    assert (choices.of(strip).person, choices.of(strip).everyone) == ("", True)
    entry = own.cast.add()  # as the last release made them
    entry.person = str(other)
    entry.face = "faceset:two"
    made = choices.of(strip)
    assert (made.person, made.face, made.everyone, made.cast) == (str(other), "faceset:two", False, ())
    own.cast.clear()
    own.everyone = False
    kit.part("swap.cast").take_people(strip, [str(other), str(picture)])
    assert [(one.person, one.swapped) for one in own.cast] == [(str(picture), True), (str(other), False)]
    assert own.person == ""
    assert kit.part("swap.strip_choices").swapped_person(strip) == "her.jpg"  # who isn't the main person
    two = kit.movie(scene, clip, channel=3, name="two")
    copy_person = kit.part("swap.strip_choices").copy_person
    copy_person(strip, [strip, two])
    assert [one.person for one in two.recaster.cast] == [str(picture), str(other)]
    kit.part("swap.cast").choose_person(strip, str(other))  # the main person: nobody's own choice
    two.recaster.cast.clear()
    copy_person(strip, [strip, two])
    assert len(two.recaster.cast) == 0
    kit.part("swap.cast").entry_of(strip, str(other)).look = "hers"
    assert kit.part("swap.strip_choices").swapped_person(strip) == "main"
    copy_person(strip, [strip, two])
    kit.part("swap.cast").take_people(two, [str(other)])
    assert [(one.person, one.look) for one in two.recaster.cast] == [(str(other), "hers")]
    return {}


def two_layers(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """A layer of one person, and then another: each has their own over the same original."""
    swapping = kit.part("swap.operators")
    scene, strip = kit.shot(engine, token, face, clip, 1, 4)
    strip.recaster.result = "face"
    assert bpy.ops.sequencer.recaster_find_people() == {"FINISHED"}
    about = kit.part("swap.previews").view_of(strip)
    first = str(kit.until(lambda: about.people)[0])
    second = Path(folder) / "second.jpg"
    second.write_bytes(Path(first).read_bytes() + b"\0")
    bpy.ops.sequencer.recaster_choose_person(person=str(second))
    [one] = kit.swap(scene, strip)
    kit.select(scene, one)
    assert swapping.targets(bpy.context) == [swapping.Target(strip)]
    bpy.ops.sequencer.recaster_choose_person(person=first)
    assert swapping.targets(bpy.context) == [swapping.Target(strip, adds_layer=True)]
    shown = drawn(
        lambda paper: kit.part("swap.panels").RECASTER_PT_swap.draw(
            SimpleNamespace(layout=paper), bpy.context
        )
    )
    assert any(line.startswith("The layer keeps") for line in shown)  # it is several lines
    task = kit.press()
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", "")
    layers = [each for each in kit.strips(scene) if each.recaster.part == "face"]
    assert sorted((each.channel, each.recaster.made_for) for each in layers) == [
        (2, "second.jpg"),
        (3, "main"),
    ]
    [anew] = kit.swap(scene, strip)  # from the original: in the place of both
    assert (anew.channel, anew.recaster.made_for) == (2, "main")
    assert len(kit.strips(scene)) == 2
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
    one.recaster.face = face
    one.recaster.mask = "box"
    one.recaster.feather = 0.3
    one.recaster.person = str(picture)
    two.recaster.face = face
    two.recaster.mask = "hull"
    kit.select(scene, one, two)
    shown = drawn(
        lambda paper: kit.part("swap.panels").RECASTER_PT_swap.draw(
            SimpleNamespace(layout=paper), bpy.context
        )
    )
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

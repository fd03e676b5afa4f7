"""People are made unknown, have looks of their own, and what was found is drawn over the clip."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn

OPS = bpy.ops.sequencer


def unknown(engine: str, token: str, face: str, clip: str, out: str) -> dict[str, Any]:
    """The request by which people are made unknown, and a result of it on the timeline."""
    scene, strip = kit.shot(engine, token, face, clip, 41, 47)
    strip.recaster.keep = {"mouth"}
    strip.recaster.person = "gone.jpg"
    strip.recaster.unknown.who = "person"
    kit.select(scene, strip)
    said = ""
    try:
        OPS.recaster_anonymise()
    except RuntimeError as error:
        said = str(error)
    assert strip.recaster.errand == ""
    strip.recaster.person = ""
    strip.recaster.cast.add().swapped = False  # of no matter for everyone
    strip.recaster.unknown.who = "everyone"
    strip.recaster.unknown.margin = 0.0
    kit.until_online()
    assert OPS.recaster_anonymise() == {"FINISHED"}
    task = list(kit.addon_state().tasks.values())[-1]
    kit.until(lambda: task.job)
    kit.part("swap.sending").cancel(task)  # it takes minutes, and is the engine's business
    _place_unknown(task, Path(clip), Path(out))
    [result] = [one for one in kit.strips(scene) if one.recaster.result_of == strip.recaster.uid]
    texts = _drawn_panel()
    kit.select(scene, strip)
    assert OPS.recaster_anonymise() == {"FINISHED"}
    failed = list(kit.addon_state().tasks.values())[-1]
    kit.until(lambda: failed.job)
    kit.part("swap.sending").cancel(failed)
    kit.part("swap.tasks").fail(failed, "Somebody is known")
    texts_after_failure = _drawn_panel()
    sources = kit.part("swap.source_range")
    pictures = sources.source_range_of(strip, scene)._replace(pictures=True, files=(Path("one.exr"),))
    refused = ""
    try:
        kit.part("swap.anonymity").check_promise(pictures)
    except sources.StripError as error:
        refused = str(error)
    return {
        "nobody": said,
        "pictures": refused,
        "job": task.job,
        "name": result.name,
        "muted": [strip.mute, result.mute],
        "span": kit.span(result),
        "texts": texts,
        "texts_after_failure": texts_after_failure,
        "told": json.loads(result.recaster.told),
    }


def _place_unknown(task: Any, clip: Path, out: Path) -> None:
    """Puts a result there, and how it went."""
    report = out / "report.json"
    frames = [{"done": "swapped", "reasons": []}] * 4 + [{"done": "covered", "reasons": ["turned"]}] * 2
    report.write_text(json.dumps({"each": frames}))
    task.coverage = kit.part("swap.anonymity").read_report(report)
    task.files = {"unknown": clip}
    kit.part("swap.results").put([task])
    assert task.stage == "placed", task.trouble


def _drawn_panel() -> list[str]:
    """Texts of the panel."""
    panel = kit.part("swap.anonymity_panel").RECASTER_PT_anonymise
    return sorted(drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context)))


def seen(engine: str, token: str, face: str, clip: str, data: str) -> dict[str, Any]:
    """A person of a cast has a look of their own; an overlay comes along, muted."""
    os.environ["RECASTER_DATA"] = data
    scene, strip = kit.shot(engine, token, face, clip, 41, 45)
    previews = kit.part("swap.previews")
    kit.select(scene, strip)
    assert OPS.recaster_find_people() == {"FINISHED"}
    [person] = map(str, kit.until(lambda: previews.view_of(strip).people))
    assert OPS.recaster_cast_face(person=person, face=face) == {"FINISHED"}
    strip.recaster.feather = 0.2
    strip.recaster.keep = {"nose"}
    strip.recaster.mask = "hull"
    assert OPS.recaster_save_look(name="hers") == {"FINISHED"}
    strip.recaster.feather = 0.1
    strip.recaster.keep = {"mouth"}
    assert OPS.recaster_person_look(person=person, look="=hers") == {"FINISHED"}
    details = kit.part("swap.cast_looks").draw_details
    texts = drawn(lambda paper: details(paper, strip.recaster, strip.recaster.cast[0]))
    strip.recaster.cast[0].matte = True
    strip.recaster.overlay = True
    strip.recaster.draft = True
    choices = kit.part("swap.strip_choices")
    refused = ""
    try:
        source = kit.part("swap.source_range").source_range_of(strip, scene)
        choices.check_choices(choices.StripChoices.of(strip), source)
    except kit.part("swap.source_range").StripError as error:
        refused = str(error)
    strip.recaster.draft = False
    results = {one.recaster.part: one for one in kit.swap(scene, strip)}
    results["overlay"].mute = False
    assert results["overlay"] not in kit.part("rights.signing").shown_swaps(scene)
    results["overlay"].mute = True
    assert OPS.recaster_delete_look(name="hers") == {"FINISHED"}
    said = kit.refusal()
    return {
        "job": strip.recaster.job,
        "texts": sorted(texts),
        "draft": refused,
        "gone": said,
        "parts": {part: [one.name, one.mute, kit.span(one)] for part, one in results.items()},
        "overlay": bpy.path.abspath(results["overlay"].filepath),
    }


def photographs(engine: str, token: str, face: str, clip: str, folder: str, stills: str) -> dict[str, Any]:
    """A face is made of photographs, and put on stills, which come back as they are."""
    del face, clip
    kit.enable(engine, token)
    scene = kit.fresh(width=320, height=320)
    extraction = kit.addon_state().extractions["pictures"]
    compat = kit.part("compat")
    strips = []
    for channel, path in enumerate(sorted(Path(stills).iterdir()), 1):
        strip = compat.new_pictures(scene.sequence_editor, path.stem, str(path), [path.name], channel * 3, 11)
        kit.trim(strip, 11, 36)
        strips.append(strip)
    kit.select(scene, strips[0])
    said = {}
    for name, files in (("none", []), ("strangers", ["a.png", "b.png"]), ("two", ["a.png", "c.png"])):
        try:
            new = bpy.ops.recaster.new_from_pictures(
                "EXEC_DEFAULT", directory=folder, files=_files(files), basis="synthetic"
            )
            assert new == {"FINISHED"}
            kit.until(lambda: extraction.work is None)
            said[name] = [extraction.trouble, *extraction.notes]
        except RuntimeError as error:
            said[name] = [str(error)]
    chosen = strips[0].recaster
    assert chosen.face == f"faceset:{scene.recaster.source}"
    find_faceset = kit.part("engine.catalog").find_faceset
    kit.until(lambda: getattr(find_faceset(scene.recaster.source), "identity_id", ""))
    panel = kit.part("swap.panels").RECASTER_PT_swap
    texts = drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))
    for strip in strips[1:]:
        strip.recaster.face = chosen.face
    results = kit.swap(scene, *strips)
    return {
        "said": said,
        "face": chosen.face_name,
        "texts": sorted(texts),
        "results": {
            one.name: [one.type, kit.span(one), bpy.path.abspath(one.directory) + one.elements[0].filename]
            for one in results
        },
    }


def _files(names: list[str]) -> list[dict[str, str]]:
    return [{"name": name} for name in names]

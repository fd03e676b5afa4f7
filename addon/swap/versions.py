# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of a strip's result: earlier swaps of it, whose files stay on the disk, kept with the strip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, messages
from ..config import results_folder
from ..people_properties import UnknownSettings
from ..properties import KEYED, LOOK, MASKS, PROFILES, RESULT, StripSettings
from ..translations import translate
from . import placement
from .cast import face_names_of, face_on, faces_of, swapped_people
from .drawn_masks import MaskChoice
from .look_keys import find_animated
from .result_parts import DRAFT, PARTS, part_of
from .source_range import strip_fingerprint
from .strip_choices import swapped_person

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .tasks import SwapTask

DRAWN_IN = tuple(name for name in RESULT if name not in ("mute", "handles", "matte", "overlay", "result"))
"""Settings of a result that its picture shows; the others say what becomes of it on the timeline."""
UNCOUNTED = frozenset({"face_name"})
"""What is told of a version, but is no difference by itself: a model that is trained on has another name."""


def read_settings(strip: Any, scene: Any) -> str:
    """Reads the settings that a strip's picture depends on, as JSON: to tell one swap of it from another."""
    own = strip.recaster
    look = () if own.errand else LOOK
    codec = PROFILES.get(own.codec)
    names = [name for name in (*look, *DRAWN_IN) if name not in PROFILES.values() or name == codec]
    found: dict[str, Any] = {name: _plain(getattr(own, name)) for name in names}
    if not own.draft:
        del found["draft"]
    if own.label == "none":
        del found["label_language"]
    if own.corrections:
        found["corrections"] = own.corrections
    if own.errand:
        found.pop("draft", None)  # a promise is of every frame
        return json.dumps(found | _read_promise(strip), sort_keys=True)
    if not own.keep:
        del found["keep_feather"]
    masks = {name: choice for name in MASKS if (choice := MaskChoice.of(strip, name))}
    found |= {name: f"{each.name} (strip)" if each.over else each.name for name, each in masks.items()}
    people = swapped_people(strip)
    found |= {"face": faces_of(strip)[0], "person": swapped_person(strip)}
    found["face_name"] = ", ".join(face_names_of(strip))
    looks = {one.person: look for one in people if (look := getattr(one, "look", ""))}
    found |= {"looks": looks} if looks else {}
    if len(people) > 1:
        found |= {"face": "", "cast": sorted([one.person, face_on(strip, one)] for one in people)}
    start = compat.content_start(strip)
    found |= {name: _trace(curve, start) for name, curve in find_animated(strip, scene).items()}
    return json.dumps(found, sort_keys=True)


def _read_promise(strip: Any) -> dict[str, Any]:
    """Reads the settings by which people were made unknown."""
    own = strip.recaster.unknown
    found = {name: _plain(getattr(own, name)) for name in ("who", "face", "coverage", "fallback", "margin")}
    found |= {"person": swapped_person(strip)} if own.who == "person" else {}
    return found | {"face_name": own.face_name or "Anonymized"}


def _trace(curve: Any | None, start: int) -> list[Any]:
    """The points of a curve from the beginning of a strip's content on; those of a driver can't be told."""
    points = () if curve is None else curve.keyframe_points
    return [[round(one.co[0] - start, 3), round(one.co[1], 4), one.interpolation] for one in points] or [
        "driven"
    ]


def _plain(value: Any) -> Any:
    return (
        ",".join(sorted(value))
        if isinstance(value, set)
        else round(value, 4)
        if isinstance(value, float)
        else value
    )


def list_differences(one: str, other: str) -> list[str]:
    """Lists what one swap's settings have that another's haven't, as Blender names it."""
    here = _parse(one)
    there = _parse(other)
    names = [
        name for name in {**here, **there} if name not in UNCOUNTED and here.get(name) != there.get(name)
    ]
    return [_describe(name, here.get(name)) for name in names]


def _parse(settings: str) -> dict[str, Any]:
    try:
        found = json.loads(settings or "{}")
    except ValueError:  # somebody's own .blend
        return {}
    return found if isinstance(found, dict) else {}


TITLES = {
    "looks": "Own Looks",
    "person": "Person",
    "cast": "Cast",
    "corrections": "Corrections",
    "face": "Face",
}
"""What settings are called that no property has, or another name; they are told without their value."""


def _describe(name: str, value: Any) -> str:
    """A setting and its value in words."""
    kinds = (StripSettings, UnknownSettings)
    kind = next((found for one in kinds if (found := one.bl_rna.properties.get(name))), None)
    title = translate(TITLES.get(name) or (name if kind is None else kind.name))
    if name in TITLES or kind is None:
        return title
    if name in KEYED and isinstance(value, list):
        return translate("{setting} animated", setting=title)
    if kind.type == "ENUM":
        chosen = [
            translate(kind.enum_items[each].name)
            for each in str(value or "").split(",")
            if each in kind.enum_items
        ]
        return f"{title} {', '.join(chosen) or translate('none')}"
    if kind.type == "BOOLEAN":
        return title if value else translate("no {setting}", setting=title)
    if kind.type == "FLOAT":
        return f"{title} {float(value or 0):.2f}"
    return f"{title} {messages.text(value) or translate('none')}"


def _describe_time(seconds: float | None = None) -> str:
    """Describes a time, now where None, as ISO 8601 has it, to the minute, with its zone."""
    import datetime as dt  # here: Blender's start would wait for it

    made = dt.datetime.now(dt.UTC) if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
    return made.astimezone().isoformat(timespec="minutes")


def keep_version(strip: Any, task: SwapTask, results: Iterable[Any]) -> None:
    """Keeps a result that was just placed among its strip's versions."""
    entry = _new_entry(strip, task.request)
    entry.made = _describe_time()
    entry.settings = task.settings
    entry.face_name = str(_parse(task.settings).get("face_name", ""))
    entry.person = task.person
    entry.offset = task.content_offset
    entry.facts = task.fingerprint
    _note_results(entry, results)


def keep_unnamed(scene: Any, strip: Any, results: Iterable[Any]) -> None:
    """Keeps results of releases that had no versions, before they are replaced."""
    unnamed: dict[str, list[Any]] = {}
    for one in results:
        if not one.recaster.version and one.type == "MOVIE":
            unnamed.setdefault(one.recaster.made_for, []).append(one)
    for person, parts in unnamed.items():
        path = Path(bpy.path.abspath(parts[0].filepath))
        if not path.is_file():
            continue
        entry = _new_entry(strip, f"before {path.name}")
        entry.made = _describe_time(path.stat().st_mtime)
        entry.person = person
        entry.offset = compat.content_start(parts[0]) - compat.content_start(strip)
        entry.facts = strip_fingerprint(strip, scene)
        _note_results(entry, parts)


def _new_entry(strip: Any, request: str) -> Any:
    versions = strip.recaster.versions
    at = versions.find(request)
    entry = versions[at] if at >= 0 else versions.add()
    entry.name = request
    return entry


def _note_results(entry: Any, results: Iterable[Any]) -> None:
    files = {}
    for one in results:
        one.recaster.version = entry.name
        files[part_of(one)] = shown_file(one)
        entry.told = entry.told or one.recaster.told
    entry.files = json.dumps(files)


def shown_file(strip: Any) -> str:
    """The file that a movie strip shows, or the first of an image strip's, as the strip notes it."""
    if strip.type == "MOVIE":
        return str(strip.filepath)
    return f"{strip.directory.rstrip('/')}/{strip.elements[0].filename}"


def files_of(entry: Any) -> dict[str, Path]:
    """The files of a version, by the parts of the result."""
    found = _parse(entry.files)
    return {part: Path(bpy.path.abspath(str(found[part]))) for part in PARTS if part in found}


def results_shown(scene: Any, strip: Any) -> list[Any]:
    """The strip's results that are on the timeline where it is."""
    return placement.results_of(placement.container_of(scene, strip), strip)


def shown_version(strip: Any, results: Iterable[Any]) -> Any | None:
    """The version that a strip's results show; None where that isn't known."""
    versions = strip.recaster.versions
    named = {one.recaster.version for one in results}
    return next((one for one in reversed(versions) if one.name in named), None)


def show_version(scene: Any, strip: Any, entry: Any) -> list[Any]:
    """Puts an earlier result where the present one is.

    Raises:
        PlacementError: it can't be shown; the message says why.
    """
    files = files_of(entry)
    if not files:
        raise placement.PlacementError(translate("Nothing is known of this version's files"))
    # Entries move where others are added.
    name = entry.name
    person = entry.person
    told = entry.told
    offset = entry.offset
    facts = entry.facts
    is_shown_draft = is_draft(entry)
    present = results_shown(scene, strip)
    keep_unnamed(scene, strip, present)
    of_person = [one for one in present if one.recaster.made_for == person]
    _, beside = results_folder()
    with compat.editing(scene):
        made = placement.place_result(
            scene,
            strip,
            files,
            offset,
            facts,
            is_relative=beside,
            replaces=lambda earlier: not of_person or earlier in of_person,
        )
    for result in made:
        name_draft(result, is_draft=is_shown_draft)
        result.recaster.version = name
        result.recaster.made_for = person
        result.recaster.told = told
    return made


def name_draft(result: Any, *, is_draft: bool) -> None:
    """Lets the name of a draft's strip say that it is one."""
    if is_draft:
        result.name += DRAFT


def missing_frames(result: Any) -> int:
    """Frames that a result's strip shows, but its file hasn't."""
    start = compat.content_start(result)
    before = start - compat.left_handle(result)
    after = compat.right_handle(result) - start - compat.content_span(result)
    return max(0, before) + max(0, after)


def differs(strip: Any, scene: Any, entry: Any) -> bool:
    """Tells if a strip would be swapped otherwise now than a version of its result was."""
    return bool(entry.settings and list_differences(read_settings(strip, scene), entry.settings))


def is_draft(entry: Any) -> bool:
    """Tells if a version is a draft."""
    return is_of_draft(entry.settings)


def is_of_draft(settings: str) -> bool:
    """Tells if settings are those of a draft."""
    return _parse(settings).get("draft") is True


def describe_version(entry: Any, others: str) -> str:
    """Describes a version in a line: when, whose face, what differs from ``others``, other settings."""
    import datetime as dt

    try:
        when = dt.datetime.fromisoformat(entry.made).strftime(translate("%b %d, %H:%M"))
    except ValueError:
        when = translate("Earlier")
    is_there = all(path.is_file() for path in files_of(entry).values())
    lacking = [] if is_there else [translate("its file is gone")]
    differing = list_differences(entry.settings, others) if entry.settings and others else []
    face = messages.text(entry.face_name)
    return "  ".join(filter(None, (when, face, ", ".join([*lacking, *differing]))))


def version_called(strip: Any, name: str) -> Any | None:
    """The version of a strip that has this name; None where there is none."""
    versions = strip.recaster.versions
    at = versions.find(name)
    return versions[at] if at >= 0 else None


def in_use(strips: Iterable[Any]) -> set[Path]:
    """Files of all versions of strips."""
    return {
        path for strip in strips for entry in strip.recaster.versions for path in files_of(entry).values()
    }

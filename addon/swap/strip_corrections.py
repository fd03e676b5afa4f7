# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections of what is found in strips' movies: kept beside these, in the file of ``recaster tracks``.

The file is the truth; a strip knows by a digest which state of it an editor saw, so that Blender's undo can
bring that back.
"""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..state import addon_state
from .tasks import every_strip

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.api.v1 import job_pb2
    from recaster.client import Client
    from recaster.settings.corrections import Corrections

    from .source_range import SourceRange
    from .uploads import UploadedRange


def movie_of(strip: Any) -> Path | None:
    """The file of a movie strip; None for others, whose pictures have no corrections here."""
    return Path(bpy.path.abspath(strip.filepath)) if strip.type == "MOVIE" else None


def read_for(movie: Path) -> Corrections:
    """Reads a movie's corrections (InputError); none where there is no file."""
    from recaster.settings.corrections import NO_CORRECTIONS, default_path, has_corrections, read_corrections

    path = default_path(movie)
    return read_corrections(path) if has_corrections(path) else NO_CORRECTIONS


def upload_corrections(client: Client, source: SourceRange, uploaded: UploadedRange) -> str:
    """Brings the corrections of a source range to the engine; returns their digest, "" for none; for threads.

    Raises:
        EngineError, InputError: the file can't be read, or the engine won't have it.
    """
    corrections = (
        fit_corrections(read_for(source.files[0]), source, uploaded) if not source.pictures else None
    )
    if not corrections:
        return ""
    with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
        path = Path(folder) / "corrections.json"
        path.write_text(corrections.to_text(), encoding="utf-8")
        digest: str = client.transfer.upload(path)
        return digest


def correction_options(client: Client, source: SourceRange, uploaded: UploadedRange) -> job_pb2.SwapOptions:
    """The same as options of a request."""
    from recaster.api.v1 import job_pb2

    digest = upload_corrections(client, source, uploaded)
    return job_pb2.SwapOptions(corrections=digest) if digest else job_pb2.SwapOptions()


def fit_corrections(corrections: Corrections, source: SourceRange, uploaded: UploadedRange) -> Corrections:
    """The corrections of what was uploaded: the movie itself, or a part that was cut out of it."""
    from recaster.files import sha256
    from recaster.settings.corrections import shift_frames

    digest = uploaded.clip.digest
    if not corrections or corrections.clip in ("", digest) or corrections.clip != sha256(source.files[0]):
        return corrections
    return shift_frames(corrections, digest, -shift_of(source, uploaded))


def shift_of(source: SourceRange, uploaded: UploadedRange) -> int:
    """Frames of a movie before the part of it that was uploaded."""
    return source.first - uploaded.frames.start


def read_last(document: bytes, source: SourceRange, uploaded: UploadedRange, count: int) -> Corrections:
    """The corrections of a movie, so many, that an engine has added to those of its part."""
    from recaster.files import sha256
    from recaster.settings.corrections import parse_corrections, shift_frames

    made = parse_corrections(document)
    last = dataclasses.replace(made, items=made.items[-count:])
    return shift_frames(last, sha256(source.files[0]), shift_of(source, uploaded))


def split_corrections(several: Corrections) -> list[Corrections]:
    """Each of several corrections alone."""
    return [dataclasses.replace(several, items=(one,)) for one in several.items]


def add(movie: Path, new: Corrections) -> None:
    """Adds corrections to a movie's, whatever was written there meanwhile.

    Raises:
        InputError, UsageError, OutputError: as ``change_corrections``.
    """
    _change(movie, lambda now: join_corrections(now, new))


def take_last(movie: Path) -> str:
    """Takes the last correction of a movie back, and returns it in words, "" for none; raises as ``add``."""
    taken = ""

    def take(now: Corrections) -> Corrections:
        nonlocal taken
        taken = now.items[-1].describe() if now else ""
        return dataclasses.replace(now, items=now.items[:-1])

    _change(movie, take)
    return taken


def join_corrections(own: Corrections, new: Corrections) -> Corrections:
    """A movie's corrections, and new ones after them."""
    return dataclasses.replace(own, clip=own.clip or new.clip, items=(*own.items, *new.items))


def _change(movie: Path, change: Callable[[Corrections], Corrections]) -> None:
    """Changes a movie's corrections while nobody else does, and lets its strips know."""
    from recaster.settings.corrections import change_corrections, default_path

    def follow(now: Corrections) -> Corrections:
        _follow_others(movie, now)
        return change(now)

    change_corrections(default_path(movie), follow)
    _remember(movie, read_for(movie))


def note(movie: Path) -> str:
    """Lets the strips of a movie know the state of its corrections, and returns its digest (InputError)."""
    corrections = read_for(movie)
    _follow_others(movie, corrections)
    return _remember(movie, corrections)


def digest_of(corrections: Corrections) -> str:
    """The digest of a state of a movie's corrections."""
    import hashlib  # here: Blender's start would wait for it

    return hashlib.sha256(corrections.to_text().encode()).hexdigest()


def _follow_others(movie: Path, now: Corrections) -> None:
    """Does to all states of a movie's corrections what others have done to its file since the last one.

    So undo takes back what was done here, and leaves alone what others did.
    """
    states = addon_state.corrections_states.get(str(movie), {})
    known = states.get(addon_state.corrections.get(str(movie), ""))
    if known is None or known == now:
        return
    gone = [item for item in known.items if item not in now.items]
    new = [item for item in now.items if item not in known.items]
    for digest, state in states.items():
        kept = [item for item in state.items if item not in gone]
        items = (*kept, *(item for item in new if item not in kept))
        states[digest] = dataclasses.replace(now, clip=now.clip or state.clip, items=items)


def _remember(movie: Path, corrections: Corrections) -> str:
    digest = digest_of(corrections)
    addon_state.corrections[str(movie)] = digest
    addon_state.corrections_states.setdefault(str(movie), {})[digest] = corrections
    for _, strip in every_strip():
        if movie_of(strip) == movie:
            strip.recaster.corrections = digest
    return digest


def _state_of(states: dict[str, Corrections], digest: str, _now: Corrections) -> Corrections:
    return states[digest]


def after_undo() -> list[Any]:
    """Brings the corrections back that strips had before; returns those whose corrections are others now.

    What others changed meanwhile stays.
    """
    from recaster.errors import RecasterError

    changed = []
    for _, strip in every_strip():
        movie = movie_of(strip)
        known = addon_state.corrections.get(str(movie))
        states = addon_state.corrections_states.get(str(movie), {})
        wanted = strip.recaster.corrections
        if movie is None or known is None or wanted not in states or wanted == known:
            continue
        try:
            _change(movie, functools.partial(_state_of, states, wanted))
        except (RecasterError, OSError):
            continue
        changed.append(strip)
    return changed

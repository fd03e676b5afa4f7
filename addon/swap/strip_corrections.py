# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections of what is found in strips' movies: kept beside these, in the file of ``recaster tracks``.

The file is the truth; a strip knows by a digest which state of it an editor saw, so that Blender's undo can
bring that back.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..state import addon_state
from .tasks import every_strip

if TYPE_CHECKING:
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


def add_last(document: bytes, source: SourceRange, uploaded: UploadedRange) -> Corrections:
    """All corrections of a movie with the one that an engine has added to those of its part."""
    from recaster.files import sha256
    from recaster.settings.corrections import parse_corrections, shift_frames

    made = parse_corrections(document)
    own = read_for(source.files[0])
    if own.clip == made.clip or (not own and made.clip == sha256(source.files[0])):
        return made
    digest = own.clip or sha256(source.files[0])
    [new] = shift_frames(
        dataclasses.replace(made, items=made.items[-1:]), digest, shift_of(source, uploaded)
    ).items
    return dataclasses.replace(own, clip=digest, items=(*own.items, new))


def put(movie: Path, corrections: Corrections) -> None:
    """Writes a movie's corrections, and lets its strips know (OutputError)."""
    from recaster.settings.corrections import default_path, write_corrections

    write_corrections(default_path(movie), corrections)
    note(movie)


def note(movie: Path) -> None:
    """Lets the strips of a movie know the state of its corrections (InputError)."""
    corrections = read_for(movie)
    text = corrections.to_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    addon_state.corrections[str(movie)] = digest
    addon_state.corrections_texts[digest] = text
    for _, strip in every_strip():
        if movie_of(strip) == movie:
            strip.recaster.corrections = digest


def after_undo() -> list[Any]:
    """Brings the corrections back that strips had before; returns those whose corrections are others now.

    A file that somebody else changed meanwhile stays as it is.
    """
    from recaster.errors import RecasterError
    from recaster.settings.corrections import parse_corrections

    changed = []
    for _, strip in every_strip():
        movie = movie_of(strip)
        known = addon_state.corrections.get(str(movie))
        wanted = addon_state.corrections_texts.get(strip.recaster.corrections)
        if movie is None or known is None or wanted is None or strip.recaster.corrections == known:
            continue
        try:
            now = hashlib.sha256(read_for(movie).to_text().encode()).hexdigest()
            if now == known:
                put(movie, parse_corrections(wanted))
            else:
                note(movie)
        except (RecasterError, OSError):
            continue
        changed.append(strip)
    return changed

# SPDX-License-Identifier: GPL-3.0-or-later
"""Results that nothing shows any more, found by what was noted as they came, and deleted.

A list beside the results says which files were made for which .blend, with their sizes and times, and which
.blends were saved while they showed some of them. What it doesn't name, what has changed since, what was made
for another .blend, and what any .blend may show is left alone.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy
from bpy.app.handlers import persistent

from recaster.errors import RecasterError
from recaster.files import atomic_file

from ..config import results_folder
from ..state import addon_state
from ..translations import translate
from . import versions
from .tasks import every_strip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LIST = "recaster-results.json"
PLAIN = b"BLENDER"
"""First bytes of a .blend, which most often is compressed."""
END = b"ENDB"
"""Beginning of the last block of a .blend, which is near its end: else it is cut off."""
TAIL_BYTES = 64
PIECE_BYTES = 1 << 22
"""Bytes of a .blend that are searched at once."""
_LOCK = threading.Lock()
"""Held while the list changes: results of several jobs arrive in threads."""


class OpaqueError(Exception):
    """A .blend that may show results can't be read; the message is its name."""


class Leftover(NamedTuple):
    """A result that nothing shows: a file, or a folder of pictures.

    Attributes:
        name: of the file or folder in the results' folder.
        files: its files.
        size: bytes of all of them.
    """

    name: str
    files: tuple[Path, ...]
    size: int


class _Noted(NamedTuple):
    """The list.

    Attributes:
        results: by their names: the .blend they were made for, and their files with sizes and times.
        blends: files that were saved while they showed some, as seen from the folder.
    """

    results: dict[str, dict[str, Any]]
    blends: list[str]


def note(folder: Path, results: Iterable[Path], blend: str) -> None:
    """Notes results, of pictures the first, that were fetched for a .blend; for threads."""

    def add(noted: _Noted) -> None:
        for path in results:
            name = path.relative_to(folder).parts[0]
            files = [folder / name] if path.parent == folder else sorted(path.parent.iterdir())
            noted.results[name] = {
                "blend": _name_blend(blend, folder),
                "files": {one.relative_to(folder).as_posix(): _stamp(one) for one in files},
            }

    _change(folder, add)


def note_saved(blend: str) -> None:
    """Notes a .blend that was just saved wherever results lie that its strips show or have in their menus."""
    strips = [strip for _, strip in every_strip()]
    shown = _shown_by(strips) | versions.in_use(strips)
    for folder in {place for path in shown for place in list(path.parents)[:2] if (place / LIST).is_file()}:
        name = _name_blend(blend, folder)
        if name not in _read(folder).blends:
            _change(folder, lambda noted, name=name: noted.blends.append(name))


def find(*, with_versions: bool) -> list[Leftover]:
    """Finds what was made for this .blend, is as it was made, and is shown by no .blend that is known of.

    ``with_versions``: also what is kept as an earlier version of a strip.

    Raises:
        OpaqueError: a .blend that may show some of it can't be read.
    """
    folder, _ = results_folder()
    here = Path(bpy.data.filepath)
    own = _name_blend(str(here), folder)
    used = _used_files(with_versions=with_versions)
    noted = _read(folder)
    found = {}
    for name, about in noted.results.items():
        files = [folder / each for each in about["files"]]
        is_same = all(_stamp(folder / each) == stamp for each, stamp in about["files"].items())
        if about["blend"] == own and is_same and not any(_key(each) in used for each in files):
            found[name] = Leftover(name, tuple(files), sum(each.stat().st_size for each in files))
    for path in _saved_blends(folder, noted.blends):
        if not found:
            break
        is_own = path.parent == here.parent and path.name.startswith(here.name)
        for name in _mentioned(path, found, with_menus=not (with_versions and is_own)):
            del found[name]
    return list(found.values())


def delete(found: Iterable[Leftover]) -> list[str]:
    """Deletes results, and the versions of strips that showed them; returns names of those that can't be."""
    folder, _ = results_folder()
    failed = []
    done: list[Leftover] = []
    for one in found:
        try:
            for path in one.files:
                path.unlink(missing_ok=True)
        except OSError:
            failed.append(one.name)
            continue
        parent = one.files[0].parent
        if parent != folder:
            with contextlib.suppress(OSError):  # somebody else's files are in it, too
                parent.rmdir()
        done.append(one)
    gone = {_key(path) for one in done for path in one.files}
    for _, strip in every_strip():
        entries = strip.recaster.versions
        for at in reversed(range(len(entries))):
            if any(_key(path) in gone for path in versions.files_of(entries[at]).values()):
                entries.remove(at)
    _change(folder, lambda noted: [noted.results.pop(one.name, None) for one in done])
    return failed


def _saved_blends(folder: Path, noted: Iterable[str]) -> list[Path]:
    """Files that may show the same results: this one as it is on the disk, others, and backups."""
    own = Path(bpy.data.filepath)
    paths = {*own.parent.glob("*.blend"), own, *(Path(os.path.normpath(folder / each)) for each in noted)}
    backups = {found for path in paths for found in path.parent.glob("*.blend*")}
    kept = [one for one in backups if one.name.rstrip("0123456789") in {path.name for path in paths}]
    return sorted(path for path in {*paths, *kept} if path.is_file())


def _used_files(*, with_versions: bool) -> set[str]:
    """Files that this .blend shows, or waits for."""
    strips = [strip for _, strip in every_strip()]
    shown = {Path(path) for path in bpy.utils.blend_paths(absolute=True)} | _shown_by(strips)
    for task in addon_state.tasks.values():
        shown |= set(task.files.values()) if task.stage != "placed" else set()
    if not with_versions:
        shown |= versions.in_use(strips)
    return {_key(path) for path in shown}


def _shown_by(strips: Iterable[Any]) -> set[Path]:
    """Files of movie and image strips."""
    shown = set()
    for strip in strips:
        if strip.type == "MOVIE":
            shown.add(Path(bpy.path.abspath(strip.filepath)))
        if strip.type == "IMAGE":
            folder = Path(bpy.path.abspath(strip.directory))
            shown |= {folder / each.filename for each in strip.elements}
    return shown


def _key(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _name_blend(blend: str, folder: Path) -> str:
    """A .blend as the list names it: from there, so that both may be moved together."""
    try:
        return Path(os.path.relpath(blend, folder)).as_posix() if blend else ""
    except ValueError:  # another drive of Windows
        return blend


def _stamp(path: Path) -> list[int]:
    """Size and time of a file; empty where there is none."""
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _mentioned(path: Path, names: Iterable[str], *, with_menus: bool) -> list[str]:
    """Lists those names that a .blend has in it, in menus of versions too where that is asked for.

    Raises:
        OpaqueError: it can't be read to its end.
    """
    found: set[str] = set()
    sought = {name: {name.encode(), json.dumps(name)[1:-1].encode()} for name in names}
    overlap = max([TAIL_BYTES, *(len(each) + 1 for spellings in sought.values() for each in spellings)])
    rest = b""
    try:
        for piece in _pieces(path):
            content = rest + piece
            for name in sought.keys() - found:
                if any(_has(content, each, with_menus=with_menus) for each in sought[name]):
                    found.add(name)
            rest = content[-overlap:]
    except Exception as error:  # what is broken about a compressed file has many names
        raise OpaqueError(path.name) from error
    if END not in rest[-TAIL_BYTES:]:
        raise OpaqueError(path.name)
    return sorted(found)


def _has(content: bytes, name: bytes, *, with_menus: bool) -> bool:
    """Tells if a name is there; versions have theirs in quotation marks, strips don't."""
    return content.count(name) > (0 if with_menus else content.count(name + b'"'))


def _pieces(path: Path) -> Iterator[bytes]:
    """Yields the content of a .blend, compressed or not (ValueError: it is none)."""
    with path.open("rb") as plain:
        start = plain.read(4)
        plain.seek(0)
        with contextlib.ExitStack() as stack:
            file: Any = plain
            if start[:2] == b"\x1f\x8b":  # as of Blender before 3.0
                import gzip

                file = stack.enter_context(gzip.open(plain))
            elif start == b"\x28\xb5\x2f\xfd":
                file = stack.enter_context(_open_zstd(plain))
            piece = file.read(PIECE_BYTES)
            if not piece.startswith(PLAIN):
                raise ValueError(path)
            while piece:
                yield piece
                piece = file.read(PIECE_BYTES)


def _open_zstd(plain: Any) -> Any:
    """Opens a file that is compressed with Zstandard; Blender brings one of two modules for that."""
    try:
        module = importlib.import_module("zstandard")
    except ImportError:
        return importlib.import_module("compression.zstd").open(plain)
    return module.ZstdDecompressor().stream_reader(plain, read_across_frames=True, closefd=False)


def _change(folder: Path, change: Callable[[_Noted], Any]) -> None:
    """Changes the list. Where that can't be a result stays unknown, and so is never deleted."""
    try:
        with _LOCK:
            noted = _read(folder)
            change(noted)
            content = {"version": 1, "results": noted.results, "blends": noted.blends}
            with atomic_file(folder / LIST) as temporary:
                temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    except (OSError, RecasterError) as error:
        text = translate("Recaster: {path} can't be written: {why}", path=folder / LIST, why=error)
        print(text, file=sys.stderr)


def _read(folder: Path) -> _Noted:
    """The list, without what can't be of it: names that lead out of the folder, say."""
    try:
        noted = json.loads((folder / LIST).read_text(encoding="utf-8"))
        results = {
            name: {"blend": str(about["blend"]), "files": {**about["files"]}}
            for name, about in noted["results"].items()
            if about["files"] and all(_lies_in(name, each) for each in about["files"])
        }
        return _Noted(results, [str(one) for one in noted.get("blends", ())])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return _Noted({}, [])


def _lies_in(name: str, file: str) -> bool:
    """Tells if a file of a result is that result itself, or directly in its folder."""
    parts = Path(file).parts
    return ".." not in parts and parts[:1] == (name,) and len(parts) <= 2 and not Path(file).is_absolute()


@persistent
def _saved(blend: str, *_: Any) -> None:
    if blend:  # else it is what Blender starts with
        note_saved(blend)


def register() -> None:
    """Notes each .blend that is saved."""
    bpy.app.handlers.save_post.append(_saved)


def unregister() -> None:
    """Notes none any more."""
    if _saved in bpy.app.handlers.save_post:
        bpy.app.handlers.save_post.remove(_saved)

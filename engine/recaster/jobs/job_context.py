"""Context of a running job, and its output."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ClipError, DamagedError
from recaster.files import atomic_directory, is_intact, safe_name
from recaster.jobs.grants import grant_from_proto
from recaster.processes.channel import path_of
from recaster.provenance.face_traces import NO_TRACES, FaceTraces
from recaster.settings.corrections import default_path
from recaster.zips import PICTURE_LIMITS, UnpackingRoom, unpack_pictures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.api.internal.v1.worker_pb2 import WorkerTask
    from recaster.operations.face_rights import Grant
    from recaster.progress import Report


INPUTS: Final = "inputs"
"""Where a job's inputs are, in its folder, under names that people know."""
PICTURE_ZIP_SUFFIX: Final = ".zip"
"""Of a clip's name that is a sequence of pictures, packed as one file."""


@dataclass(frozen=True)
class JobOutput:
    """Output of a job.

    Attributes:
        kind: "clip", "faceset" or "model" where it took in, made or changed one; else empty.
        body: that one's message, without times.
        files: role and path of every file that it made, in the job's folder.
        summary: what a person should know of it, as lines.
        warnings: what an editor should be warned of.
        coverage: a ``SwapCoverage``; None for other work than a swap.
        mark: what a swap's file says of its making, in words; empty for nothing, None for other work.
    """

    kind: str = ""
    body: Any = None
    files: tuple[tuple[str, Path], ...] = ()
    summary: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    traces: FaceTraces = NO_TRACES
    coverage: Any = None
    mark: str | None = None


@dataclass(frozen=True)
class JobContext:
    """One run of a job; ``preview`` takes a PNG and the steps done then, ``log`` a level and a line."""

    task: WorkerTask
    report: Report
    preview: Callable[[Path, int], None]
    log: Callable[[str, str], None]
    _links: dict[str, Path] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The job's own folder."""
        return path_of(self.task.folder)

    @property
    def grant(self) -> Grant:
        """The engine's permission."""
        return grant_from_proto(self.task.grant)

    def faceset(self, faceset_id: str) -> Path:
        """A faceset's folder."""
        return path_of(dict(self.task.facesets)[faceset_id])

    def model(self, model_id: str) -> Path:
        """A model's folder."""
        return path_of(dict(self.task.models)[model_id])

    def clip(self, clip_id: str, corrections: str = "") -> Path:
        """A clip's file under the name that people know it by; ``corrections``, a blob, are beside it."""
        clip = self.task.clips[clip_id]
        path = self.footage(clip.digest, clip.name)
        if corrections:
            _link(path_of(dict(self.task.files)[corrections]), default_path(path))
        return path

    def footage(self, digest: str, name: str) -> Path:
        """A blob that is a clip, as ``named``; of a zip of pictures the pattern that they are unpacked to.

        Raises:
            ClipError: the zip isn't one of a sequence.
            DiskFullError: there is no room for it.
        """
        if not is_picture_zip(name):
            return self.named(digest, name)
        room = UnpackingRoom(spare=self.task.limits.spare_bytes)
        packed = path_of(dict(self.task.files)[digest])
        return unpack_footage(packed, digest, name, self.folder / INPUTS / digest[:12], room)

    def named(self, digest: str, name: str) -> Path:
        """A blob under a name that people know it by: its suffix tells clips from pictures."""
        from recaster.media.clip import note_blob

        link = self._links.get(digest)
        if link is None:
            shown = safe_name(name)
            link = self.folder / INPUTS / digest[:12] / shown
            link.parent.mkdir(parents=True, exist_ok=True)
            _link(path_of(dict(self.task.files)[digest]), link)
            note_blob(link)
            self._links[digest] = link
        return link

    def picture(self, digest: str) -> Path | None:
        """A picture that an option names by its digest; None where it names none."""
        return self.named(digest, "person.png") if digest else None


def _link(file: Path, link: Path) -> None:
    """Lets a file be found at another place, too; what is there gives way."""
    link.unlink(missing_ok=True)
    try:
        link.hardlink_to(file)
    except OSError:  # a disk without hard links, or a process that may only read it
        link.symlink_to(file)


def is_picture_zip(name: str) -> bool:
    """Tells by the name of a clip whether its blob is a zip of pictures."""
    return name.lower().endswith(PICTURE_ZIP_SUFFIX)


def unpack_footage(packed: Path, digest: str, name: str, folder: Path, room: UnpackingRoom) -> Path:
    """Unpacks a sequence of pictures, unless it was before; returns their pattern.

    Args:
        packed: the zip.
        digest: its SHA-256, by which the clip's analyses are found here.
        name: of the clip, by which people know it.
        folder: where a folder of that name is made.
        room: bytes that stay free on the disk.

    Raises:
        ClipError: the zip isn't one of a sequence.
        DiskFullError: there is no room for it.
    """
    from recaster.media.clip import note_digest
    from recaster.media.sequence_name import resolve_clip

    place = folder / safe_name(name[: -len(PICTURE_ZIP_SUFFIX)])
    if not place.is_dir():
        with atomic_directory(place) as aside:
            aside.mkdir()
            limits = dataclasses.replace(PICTURE_LIMITS, room=room)
            unpack_pictures(packed, lambda _, entry: aside / entry, limits)
    pattern = resolve_clip(place)
    if pattern == place:
        raise ClipError(f"{name}: holds no pictures of a kind that can be read")
    note_digest(pattern, digest)
    return pattern


def check_blobs(task: WorkerTask) -> None:
    """Read all blobs that a task names, before anybody works on them.

    Every time anew: what a disk has lost changes neither a file's size nor its time.

    Raises:
        DamagedError: some aren't what came any more.
    """
    damaged = tuple(digest for digest, path in task.files.items() if not is_intact(path_of(path), digest))
    if damaged:
        names = {clip.digest: clip.name for clip in task.clips.values()}
        shown = ", ".join(names.get(digest) or f"blob {digest[:12]}" for digest in damaged)
        raise DamagedError(f"{shown}: lost or damaged on the engine's disk; send the file again", damaged)


def without_paths(text: str, task: WorkerTask) -> str:
    """A message without where things lie at the engine: clients know files by their own names."""
    own = path_of(task.folder)
    text = re.sub(re.escape(str(own)) + rf"/{INPUTS}/[0-9a-f]{{12}}/", "", text)
    for what, folders in (("faceset", task.facesets), ("model", task.models)):
        for name, data in folders.items():
            folder = path_of(data)
            half_made = re.escape(str(folder.parent)) + rf"/\.{re.escape(folder.name)}\.[^/]+/[^/]+/"
            text = re.sub(half_made, "", text).replace(str(folder), f"{what} {name}")
    return text.replace(f"{own}/", "")

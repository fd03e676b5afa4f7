"""Context of a running job, and its output."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import DamagedError
from recaster.files import is_intact, safe_name
from recaster.jobs.grants import grant_from_proto
from recaster.processes.channel import path_of
from recaster.provenance.face_traces import NO_TRACES, FaceTraces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.api.internal.v1.worker_pb2 import WorkerTask
    from recaster.operations.face_rights import Grant
    from recaster.progress import Report


INPUTS: Final = "inputs"
"""Where a job's inputs are, in its folder, under names that people know."""


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

    def clip(self, clip_id: str) -> Path:
        """A clip's file under the name that people know it by."""
        clip = self.task.clips[clip_id]
        return self.named(clip.digest, clip.name)

    def named(self, digest: str, name: str) -> Path:
        """A blob under a name that people know it by: its suffix tells clips from pictures."""
        link = self._links.get(digest)
        if link is None:
            shown = safe_name(name)
            link = self.folder / INPUTS / digest[:12] / shown
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            file = path_of(dict(self.task.files)[digest])
            try:
                link.hardlink_to(file)
            except OSError:  # a disk without hard links, or a process that may only read it
                link.symlink_to(file)
            self._links[digest] = link
        return link

    def picture(self, digest: str) -> Path | None:
        """A picture that an option names by its digest; None where it names none."""
        return self.named(digest, "person.png") if digest else None


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

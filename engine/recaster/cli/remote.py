"""Commands whose work an engine does: local files go there, results come back to local files."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from recaster.cli.cluster_options import refuse_cluster, use_chosen_cluster
from recaster.cli.display import log_line, reporter, say_error, say_note
from recaster.cli.parsers import Options, add_switch
from recaster.files import atomic_directory, sha256
from recaster.zips import pack_pictures, unpack_pictures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from recaster.api.v1 import job_pb2
    from recaster.client import Client
    from recaster.progress import Report

M = TypeVar("M")


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose who does the work."""
    where = parser.add_argument_group("where the work is done (default: here, or where RECASTER_ENGINE says)")
    choice = where.add_mutually_exclusive_group()
    choice.add_argument(
        "--engine",
        nargs="?",
        const="here",
        metavar="ADDRESS",
        help="let this engine do it (see: recaster serve): HOST:PORT or unix:PATH, its token in "
        "RECASTER_TOKEN; your own on this machine where none is named",
    )
    add_switch(choice, "--local", "do it here, whatever RECASTER_ENGINE says")


@contextlib.contextmanager
def connect_engine(options: Options) -> Iterator[Client | None]:
    """Connects to the engine that is to do a command's work; None where this process does it.

    Raises:
        UsageError: an engine is named, but there is no token.
    """
    target = options.engine or os.environ.get("RECASTER_ENGINE", "")
    if options.local or not target:
        yield None
        return
    from recaster.client import Address, Client

    with Client(Address.from_environment(target)) as client:
        yield client


def here_or_there(
    here: Callable[[Options], None], there: Callable[[Options, Client], None]
) -> Callable[[Options], None]:
    """Makes what runs a command of its ways to do the work: in this process, and at an engine."""

    def run(options: Options) -> None:
        with connect_engine(options) as engine:
            if engine is None:
                with use_chosen_cluster(options):
                    here(options)
            else:
                refuse_cluster(options)
                there(options, engine)

    return run


class Remote:
    """One command's work at an engine; its progress is that of the command."""

    def __init__(self, client: Client, options: Options) -> None:
        self.client = client
        self._options = options
        self._sent: list[str] = []  # digests of what was packed: an id stays, what it stands for may change
        self.report: Report = reporter(options)

    def picture(self, path: Path | None) -> str:
        """Uploads a picture; returns its digest, "" for none."""
        return "" if path is None else self.client.transfer.upload(path, self.report)

    def clip(self, path: Path, *, is_still: bool = False) -> str:
        """Brings a clip there, a sequence of pictures, or a still, as a zip of them; returns its id."""
        from recaster.media.sequence_name import find_sequence

        sequence = find_sequence(path, is_still=is_still)
        if sequence is None:
            return self.client.take_clip(path, self.report)
        with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
            packed = Path(folder) / f"{sequence.path.name}.zip"
            pictures = {number: sequence.picture_path(number) for number in sequence.find_numbers()}
            pack_pictures(pictures, sequence.digits, packed)
            return self.client.take_clip(packed, self.report)

    def corrections(self, path: Path, clip_id: str, named: Path | None = None) -> str:
        """Brings the corrections of a clip that is there; returns their digest, "" for none.

        Args:
            path: the clip here.
            clip_id: the clip there.
            named: the file of corrections; None for the one beside the clip, if there is one.
        """
        from recaster.media.clip import digest_media
        from recaster.media.sequence_name import find_sequence
        from recaster.settings.corrections import default_path, has_corrections, read_corrections

        sequence = find_sequence(path)
        if named is None:
            named = default_path(path if sequence is None else sequence.path)
            if not has_corrections(named):
                return ""
        corrections = read_corrections(named)
        if sequence is not None and corrections and corrections.clip == digest_media(path):
            # There it is known by the digest of the zip.
            corrections = dataclasses.replace(corrections, clip=self.client.clip(clip_id).digest)
        if not corrections:
            return ""
        with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
            sent = Path(folder) / named.name
            sent.write_text(corrections.to_text(), encoding="utf-8")
            return self.client.transfer.upload(sent, self.report)

    def faceset(self, path: Path | None) -> str:
        """Brings a faceset there, a folder or a zip; returns its id, "" for none."""

        def pack(folder: Path, packed: Path) -> None:
            from recaster.facesets.faceset import Faceset
            from recaster.facesets.faceset_archive import export_zip

            export_zip(Faceset.open(folder), packed, self.report)

        return self._take(path, pack, self.client.take_faceset)

    def model(self, path: Path | None) -> str:
        """Brings a model there, a folder or a zip; returns its id, "" for none."""

        def pack(folder: Path, packed: Path) -> None:
            from recaster.models.archive import export_model
            from recaster.models.model_folder import ModelFolder

            export_model(ModelFolder(folder), packed, self.report)

        return self._take(path, pack, self.client.take_model)

    def _take(
        self, path: Path | None, pack: Callable[[Path, Path], None], take: Callable[[Path, Report], str]
    ) -> str:
        """Sends a zip with ``take``; a folder is packed first, for which a thin client lacks the packages."""
        if path is None:
            return ""
        if path.suffix.lower() == ".zip":
            return take(self._note_digest(path), self.report)
        with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
            packed = Path(folder) / f"{path.resolve().name}.zip"
            pack(path, packed)
            return take(self._note_digest(packed), self.report)

    def do(self, spec: job_pb2.JobSpec, out: Path | None) -> job_pb2.Job:
        """Lets a job be done and waits for it, as ``submit`` and ``follow``."""
        return self.follow(self.submit(spec, out))

    def submit(self, spec: job_pb2.JobSpec, out: Path | None) -> job_pb2.Job:
        """Queues a job; the same command given again finds the same job."""
        from recaster.api.v1 import job_pb2

        parts = [spec.SerializeToString(deterministic=True).hex(), str(out and out.resolve()), *self._sent]
        request = f"command {hashlib.sha256(' '.join(parts).encode()).hexdigest()}"
        job = self.client.jobs.create(spec, request_id=request)
        while job.state in (job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED):
            job = self.client.jobs.create(spec, request_id=f"again after {job.job_id}")
        if job.state == job_pb2.JOB_STATE_PAUSED:
            self.client.jobs.resume(job.job_id)
        return job

    def fetch(self, job: job_pb2.Job, role: str, out: Path) -> None:
        """Downloads what a job made (AnswerError where it made no such file)."""
        artifact = artifact_of(job, role)
        self.client.transfer.download(artifact.digest, out, self.report, artifact.size)

    def fetch_clip(self, job: job_pb2.Job, role: str, out: Path) -> None:
        """Downloads a clip that a job made; the pictures of a sequence to their places, whole or absent."""
        from recaster.media.sequence_name import SequenceName

        sequence = SequenceName.parse(out)
        if sequence is None:
            self.fetch(job, role, out)
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".recaster-", dir=out.parent) as folder:
            packed = Path(folder) / "pictures.zip"
            self.fetch(job, role, packed)
            unpack_pictures(packed, lambda number, _: sequence.picture_path(number))

    def fetch_faceset(self, faceset_id: str, out: Path) -> None:
        """Brings a faceset here, as a folder or, where ``out`` is named so, as a zip."""
        from recaster.api.v1 import job_pb2

        job = self._pack(job_pb2.ExportSpec(faceset_id=faceset_id))
        if out.suffix.lower() == ".zip":
            self.fetch(job, "zip", out)
            return
        from recaster.facesets.faceset_archive import import_faces

        with self._fetched_zip(job, "faceset.zip") as packed, _replacing(out) as aside:
            import_faces(packed, aside, report=self.report)

    def fetch_model(self, model_id: str, out: Path) -> None:
        """Brings a model here; its previews stay beside it."""
        from recaster.api.v1 import job_pb2
        from recaster.models.archive import import_model
        from recaster.models.model_folder import ModelFolder

        job = self._pack(job_pb2.ExportSpec(model_id=model_id))
        with self._fetched_zip(job, "model.zip") as packed, _replacing(out) as aside:
            import_model(packed, ModelFolder(aside), self.report)
            for kept in ("previews", "logs"):
                if (out / kept).is_dir():
                    shutil.copytree(out / kept, aside / kept)

    @contextlib.contextmanager
    def _fetched_zip(self, job: job_pb2.Job, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
            packed = Path(folder) / name
            self.fetch(job, "zip", packed)
            yield packed

    def _pack(self, export: job_pb2.ExportSpec) -> job_pb2.Job:
        """Lets something be packed as it is now."""
        from recaster.api.v1 import job_pb2

        return self.follow(self.client.jobs.create(job_pb2.JobSpec(export=export)))

    def follow(self, job: job_pb2.Job) -> job_pb2.Job:
        """Waits for a job.

        Raises:
            JobFailedError: it failed; its exit code is the local command's.
            KeyboardInterrupt: waiting was stopped; the job goes on.
        """
        say_note(self._options, f"job {job.job_id} at {self.client.connection.address.target}")
        try:
            job = self.client.jobs.wait(job.job_id, self.report, self._log)
        except KeyboardInterrupt:
            going_on = f"recaster jobs watch {job.job_id} (or cancel {job.job_id})"
            say_note(self._options, f"job {job.job_id} goes on: {going_on}")
            raise
        for warning in job.result.warnings:
            say_error(f"recaster {self._options.command}: warning: {warning}")
        return job

    def _note_digest(self, packed: Path) -> Path:
        self._sent.append(sha256(packed))
        return packed

    def _log(self, level: str, line: str) -> None:
        say_note(self._options, log_line(level, line))


def artifact_of(job: job_pb2.Job, role: str) -> job_pb2.Artifact:
    """Finds the file of a role that a job made (AnswerError)."""
    from recaster.client import AnswerError

    artifact: job_pb2.Artifact
    for artifact in job.result.artifacts:
        if artifact.role == role:
            return artifact
    raise AnswerError(f"job {job.job_id} ended well, but the engine has no {role} of it; run it again")


@contextlib.contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """Makes a folder beside ``out`` that then takes its place; what was there goes last."""
    from recaster.provenance.identity_note import NOTE_FILE

    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        before = Path(folder) / "before"
        with atomic_directory(Path(folder) / "after") as aside:
            yield aside
        if (out / NOTE_FILE).is_file():  # whose face it is stays known here
            shutil.copy(out / NOTE_FILE, Path(folder) / "after" / NOTE_FILE)
        if out.exists():
            out.replace(before)
        (Path(folder) / "after").replace(out)

"""Messages of a job's process to the engine, and its note of finished work."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError

from recaster.api.internal.v1 import worker_pb2
from recaster.api.v1 import job_pb2
from recaster.errors import DamagedError, RecasterError, reason_of
from recaster.files import parse_json, sha256, write_json
from recaster.jobs.job_context import JobOutput, without_paths
from recaster.jobs.proto_records import traces_from_proto, traces_to_proto
from recaster.processes.channel import Sender, path_of, path_to_bytes, plain_text, progress_to_proto
from recaster.provenance.face_traces import FaceTraces

if TYPE_CHECKING:
    from recaster.progress import Update

FINISHED: Final = "finished.json"
"""A worker's note of what it has made, in its job's folder."""


class WorkerChannel:
    """Sends messages to the engine, from any thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._sender = Sender(stream)

    def progress(self, update: Update) -> None:
        """Reports where the work is."""
        self.send(progress=progress_to_proto(update))

    def preview(self, picture: Path, step: int) -> None:
        """Reports a picture of what was learnt."""
        self.send(preview=worker_pb2.PreviewFile(path=path_to_bytes(picture), step=step))

    def log(self, level: str, line: str) -> None:
        """Reports something worth knowing."""
        self.send(log=job_pb2.LogLine(level=level, message=plain_text(line)))

    def failed(self, error: BaseException, message: str) -> None:
        """Reports that it can't go on, and why."""
        reason = reason_of(error)
        message = message or type(error).__name__
        if reason == "INTERNAL":
            message = (
                f"an error in Recaster itself ({type(error).__name__}: {message}); the job's log has more"
            )
        elif reason == "LIMIT":
            message = "it needs more memory than a job of this kind may take; is the file what it says it is?"
        code = error.exit_code if isinstance(error, RecasterError) else 1
        damaged = error.digests if isinstance(error, DamagedError) else ()
        self._sender.send(failure(reason, plain_text(message), code, damaged))

    def send(self, **message: Any) -> None:
        """Sends a ``WorkerMessage`` of this one field."""
        self._sender.send(worker_pb2.WorkerMessage(**message))


def failure(
    reason: str, message: str, exit_code: int, damaged: tuple[str, ...] = ()
) -> worker_pb2.WorkerMessage:
    """The message that a job can't go on."""
    error = job_pb2.JobError(reason=reason, message=message, exit_code=exit_code)
    return worker_pb2.WorkerMessage(failed=worker_pb2.JobFailure(error=error, damaged=damaged))


def finish(task: worker_pb2.WorkerTask, output: JobOutput) -> worker_pb2.FinishedJob:
    """Notes what was made, so that it isn't made again if the engine dies before it has heard of it."""
    files = [
        worker_pb2.MadeFile(
            role=role, path=path_to_bytes(path), digest=sha256(path), size=path.stat().st_size
        )
        for role, path in output.files
    ]
    finished = worker_pb2.FinishedJob(
        files=files,
        summary=[plain_text(without_paths(line, task)) for line in output.summary],
        warnings=[plain_text(without_paths(line, task)) for line in output.warnings],
        traces=traces_to_proto(output.traces),
        coverage=output.coverage,
        mark=None if output.mark is None else plain_text(without_paths(output.mark, task)),
    )
    if output.kind:
        getattr(finished, output.kind).CopyFrom(output.body)
    write_json(path_of(task.folder) / FINISHED, _note_of(finished))
    return finished


def finished_before(folder: Path) -> worker_pb2.FinishedJob | None:
    """Reads what ``finish`` noted in a job's folder, also of an earlier release; None where it did not."""
    try:
        note = parse_json((folder / FINISHED).read_bytes())
        traces = FaceTraces.from_json(note["traces"]) if "traces" in note else FaceTraces()
        finished = worker_pb2.FinishedJob(
            files=[
                worker_pb2.MadeFile(**{**file, "path": path_to_bytes(Path(file["path"]))})
                for file in note["files"]
            ],
            summary=note["summary"],
            warnings=note["warnings"],
            traces=traces_to_proto(traces),
            mark=note.get("mark"),
        )
        if note["kind"]:
            getattr(finished, note["kind"]).MergeFromString(bytes.fromhex(note["body"]))
        if note.get("coverage"):
            finished.coverage.MergeFromString(bytes.fromhex(note["coverage"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, DecodeError):
        return None  # or it is damaged: then all is made again
    return finished


def _note_of(finished: worker_pb2.FinishedJob) -> dict[str, Any]:
    kind = finished.WhichOneof("resource") or ""
    return {
        "kind": kind,
        "body": getattr(finished, kind).SerializeToString().hex() if kind else "",
        "files": [
            {"role": file.role, "path": str(path_of(file.path)), "digest": file.digest, "size": file.size}
            for file in finished.files
        ],
        "summary": list(finished.summary),
        "warnings": list(finished.warnings),
        "traces": traces_from_proto(finished.traces).to_json(),
        "coverage": finished.coverage.SerializeToString().hex(),
        "mark": finished.mark if finished.HasField("mark") else None,
    }

"""A worker that a hostile file has taken over says what it likes: the engine believes nothing of it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import done

import recaster
from recaster.api.internal.v1 import query_pb2
from recaster.api.v1 import faceset_pb2, identity_pb2, job_pb2
from recaster.files import open_nofollow
from recaster.jobs import logs
from recaster.jobs.query_workers import QueryWorker
from recaster.jobs.watchdog import Patience, Watchdog
from recaster.jobs.worker_process import WorkerHandle
from recaster.store.folder import DataFolder
from recaster.store.job_store import FAILED
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

SECRET = "a secret of the engine's\n"  # noqa: S105 - no real one


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"))
    (tmp_path / "data" / "token").write_text(SECRET)
    yield opened
    opened.close()


def exporting() -> job_pb2.JobSpec:
    return job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id="0" * 12))


def made(path: str) -> str:
    """A worker's word that it has made a file."""
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    return (
        f"file = MadeFile(role='zip', path=os.fsencode({path}), digest='{digest}', size={len(SECRET)})\n"
        "send(done=FinishedJob(files=[file]))"
    )


def link(name: str, to: str) -> str:
    return f"link = folder + '/{name}'\nos.path.lexists(link) or os.symlink({to!r}, link)"


LINKED = "link + '/token'"


@pytest.mark.parametrize(
    "body",
    [
        made("folder + '/../../token'"),
        made("os.path.dirname(os.path.dirname(folder)) + '/token'"),
        f"{link('made.zip', '../../token')}\n{made('link')}",
        f"{link('made', '../..')}\n{made(LINKED)}",
        "send(preview=PreviewFile(step=1, path=os.fsencode(folder + '/../../token')))",
    ],
    ids=["upwards", "outright", "a link", "a linked folder", "a preview"],
)
def test_no_file_of_the_engine_is_handed_out(
    body: str, store: Store, taken_over: Callable[..., None]
) -> None:
    taken_over(body)
    job = done(store, exporting(), job_pb2.JOB_KIND_EXPORT)
    assert job.state == FAILED
    assert not job.result.artifacts
    assert store.folder.token_file.read_text() == SECRET
    assert not store.blobs.has(hashlib.sha256(SECRET.encode()).hexdigest())
    assert not [event for event in store.jobs.events(job.job_id, 0) if event.HasField("preview")]


@pytest.mark.parametrize("digest", ["../../planted", "{outside}", "", "A" * 64])
def test_what_is_no_digest_names_no_file(
    digest: str, store: Store, taken_over: Callable[..., None], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("somebody's")
    name = digest.format(outside=outside)
    taken_over(
        "path = folder + '/made.zip'\n"
        "open(path, 'w').close()\n"
        f"file = MadeFile(role='zip', path=os.fsencode(path), digest={name!r}, size=0)\n"
        "send(done=FinishedJob(files=[file]))"
    )
    job = done(store, exporting(), job_pb2.JOB_KIND_EXPORT)
    assert job.state == FAILED
    assert not job.result.artifacts
    store.blobs.release_all(f"job {job.job_id}")
    assert outside.read_text() == "somebody's"
    assert not list(store.folder.path.rglob("planted"))


def test_no_thing_of_another_is_replaced(store: Store, taken_over: Callable[..., None]) -> None:
    whose = identity_pb2.Identity(identity_id="a" * 12, display_name="she")
    hers = faceset_pb2.Faceset(faceset_id="b" * 12, identity_id=whose.identity_id, faces=5)
    store.catalog.identities.add(whose)
    store.catalog.facesets.add(hers)
    forged = faceset_pb2.Faceset(faceset_id=hers.faceset_id, identity_id=whose.identity_id, faces=1)
    digest = packed(store, "faces.zip")
    ingest = job_pb2.IngestSpec(digest=digest, kind=job_pb2.INGEST_KIND_FACESET, display_name="forged")
    spec = job_pb2.JobSpec(ingest=ingest)
    taken_over(thing("faceset", forged))
    job = done(store, spec, job_pb2.JOB_KIND_INGEST)
    assert job.result.faceset_id == job.job_id
    assert store.catalog.facesets.get(job.job_id).identity_id == ""
    assert store.catalog.facesets.get(hers.faceset_id) == hers

    digest = packed(store, "other.zip")
    ingest.digest = digest
    identity = identity_pb2.Identity(identity_id=whose.identity_id, display_name="forged")
    for body in (thing("model", identity), f"write_message({told(DONE, told(UNKNOWN, identity))!r})"):
        taken_over(body)
        job = done(store, job_pb2.JobSpec(ingest=ingest), job_pb2.JOB_KIND_INGEST)
        assert job.state == FAILED
        assert store.catalog.identities.get(whose.identity_id).display_name == "she"


def packed(store: Store, name: str) -> str:
    path = store.folder.drops / name
    path.write_text(name)
    return store.blobs.put(path)[0]


def thing(kind: str, body: Message) -> str:
    """A worker's word that it has made a thing."""
    return f"done = FinishedJob()\ndone.{kind}.MergeFromString({body.SerializeToString()!r})\nsend(done=done)"


DONE, COVERAGE, UNKNOWN = 5, 8, 15
"""Numbers of fields: of what a worker sends, of what it has made, and of nothing."""


def told(number: int, value: Message | bytes) -> bytes:
    """A field of a message that holds bytes, as protocol buffers are written."""
    data = value if isinstance(value, bytes) else value.SerializeToString()
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


@pytest.mark.parametrize(
    "coverage", [told(COVERAGE, b"\xff\xff\xff"), told(COVERAGE, b"\x22\x7f"), bytes([COVERAGE << 3, 5])]
)
def test_what_a_swap_did_is_told_in_messages_alone(
    store: Store, taken_over: Callable[..., None], coverage: bytes
) -> None:
    taken_over(f"write_message({told(DONE, coverage)!r})")
    job = done(store, exporting(), job_pb2.JOB_KIND_EXPORT)
    assert job.state == FAILED
    assert not job.result.HasField("coverage")


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 0xFFFFFFFF) + b"too long",
        struct.pack(">I", (16 << 20) + 1) + bytes((16 << 20) + 1),
        struct.pack(">I", 100) + b"cut off",
        struct.pack(">I", 3) + b"\xff\xff\xff",
        struct.pack(">I", 0),
        b'{"say": "stopped"}\n',
        b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    ],
    ids=["no end", "too long", "cut off", "noise", "nothing", "a line", "a pickle"],
)
def test_what_is_no_message_is_a_crash(store: Store, taken_over: Callable[..., None], data: bytes) -> None:
    taken_over(f"write({data!r})" if len(data) < 200 else f"write({data[:4]!r} + bytes({len(data) - 4}))")
    job = done(store, exporting(), job_pb2.JOB_KIND_EXPORT)
    assert job.state == FAILED
    assert job.error.reason == "CRASHED"
    assert job.attempts == 2


def test_a_worker_that_says_too_much_ends_when_it_is_killed() -> None:
    async def work() -> int | None:
        code = "import os\nos.write(1, bytes(1 << 20))"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1024
        )
        assert process.stdout is not None
        handle = WorkerHandle("job", "export", "", Watchdog(Patience()))
        handle.process = process
        while not process.stdout._paused:  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        return await asyncio.wait_for(handle.wait_killed(), 60)

    assert asyncio.run(work()) == -signal.SIGKILL


def test_a_log_has_levels_of_its_own(store: Store, taken_over: Callable[..., None]) -> None:
    taken_over("send(log=LogLine(level='bind', message='anything'))")
    assert done(store, exporting(), job_pb2.JOB_KIND_EXPORT).error.reason == "CRASHED"


def test_no_link_is_written_or_read_through(store: Store, taken_over: Callable[..., None]) -> None:
    taken_over(
        "for name in ('log.jsonl', 'stderr.txt'):\n"
        "    path = folder + '/' + name\n"
        "    os.path.lexists(path) and os.unlink(path)\n"
        "    os.symlink('../../token', path)\n"
        "send(log=LogLine(level='info', message='into the token'))\n"
        "send(failed=JobFailure(error=JobError(reason='INPUT', message='over', exit_code=3)))"
    )
    job = done(store, exporting(), job_pb2.JOB_KIND_EXPORT)
    assert job.state == FAILED
    assert (store.folder.job(job.job_id) / logs.FILE).is_symlink()
    assert store.folder.token_file.read_text() == SECRET


@pytest.mark.parametrize(
    "body",
    [
        (
            "path = folder + '/painted'\nopen(path, 'w').write('painted')\n"
            "os.symlink('../../token', folder + '/preview.png')"
        ),
        "path = folder + '/painted'\nopen(path, 'w').truncate(1 << 40)",
        "path = folder + '/painted'\nos.mkfifo(path)",
    ],
    ids=["a link", "a huge file", "a pipe"],
)
def test_a_preview_is_read_with_care(body: str, store: Store, taken_over: Callable[..., None]) -> None:
    tidy = "[os.unlink(folder + '/' + one) for one in os.listdir(folder) if one[0] == 'p']"
    taken_over(f"{tidy}\n{body}\nsend(preview=PreviewFile(step=1, path=os.fsencode(path)))")
    job = done(store, exporting(), job_pb2.JOB_KIND_EXPORT)
    assert job.state == FAILED
    assert store.folder.token_file.read_text() == SECRET


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.jsonl")
    held = os.open(tmp_path / "log.jsonl", os.O_RDWR)  # else this would wait for ever without a refusal
    for mode in ("rb", "ab"):
        with (
            pytest.raises(OSError, match="no file"),
            open(tmp_path / "log.jsonl", mode, opener=open_nofollow),
        ):
            pass
    os.close(held)


@pytest.mark.parametrize("place", ["jobs", "facesets"])
def test_folders_nested_without_end_are_removed(
    place: str, store: Store, taken_over: Callable[..., None], tmp_path: Path
) -> None:
    path = f"os.path.dirname(os.path.dirname(folder)) + '/{place}/' + request.task.job_id"
    taken_over(
        f"path = {path}\nos.makedirs(path, exist_ok=True)\nos.chdir(path)\n"
        "for _ in range(2500):\n    os.makedirs('d', exist_ok=True)\n    os.chdir('d')\n"
        "open('file', 'w')\nos.mkdir('closed', 0)\n"
        "send(failed=JobFailure(error=JobError(reason='INPUT', message='over', exit_code=3)))"
    )
    try:
        job = done(store, exporting(), job_pb2.JOB_KIND_EXPORT)
        assert job.state == FAILED
        assert job.error.message == "over"
        left = store.folder.path / place / job.job_id
        assert not left.exists() or {path.name for path in left.iterdir()} <= {logs.FILE, "stderr.txt"}
    finally:  # pytest itself couldn't
        subprocess.run(["rm", "-rf", str(tmp_path / "data" / place)], check=True)


def test_folders_that_a_worker_may_have_filled_are_removed_by_one_function() -> None:
    own = Path(recaster.__file__).parent
    found = {str(path.relative_to(own)) for path in own.rglob("*.py") if "rmtree(" in path.read_text()}
    assert found <= {"files.py"}


def test_a_query_worker_hands_out_only_what_it_painted(store: Store, taken_over: Callable[..., None]) -> None:
    path = os.fspath(store.folder.token_file)
    body = f"write(pack(Answer(preview=PreviewAnswer(path={os.fsencode(path)!r}))))"
    taken_over(body, "Question")

    async def ask() -> None:
        query_worker = QueryWorker(store.folder.path / "jobs")
        try:
            await query_worker._exchange(query_pb2.Question(preview=query_pb2.PreviewQuestion()))
        except ValueError as error:
            said.append(str(error))
        finally:
            process = query_worker._process
            query_worker.close()
            assert process is not None
            await process.communicate()

    said: list[str] = []

    asyncio.run(ask())
    assert said == [f"{path}: isn't where a file of this process would be"]
    assert store.folder.token_file.read_text() == SECRET


@pytest.mark.parametrize("answer", ["Answer()", "Answer(describe=FacesetCount(faces=1))"])
def test_a_query_worker_answers_what_it_was_asked(
    answer: str, store: Store, taken_over: Callable[..., None]
) -> None:
    taken_over(f"write(pack({answer}))", "Question")

    async def ask() -> None:
        query_worker = QueryWorker(store.folder.path / "jobs")
        question = query_pb2.Question(recognise=query_pb2.RecogniseQuestion(model=b"/nowhere"))
        with pytest.raises(ValueError, match="another question"):
            await query_worker._exchange(question)
        process = query_worker._process
        query_worker.close()
        assert process is not None
        await process.communicate()

    asyncio.run(ask())

"""Parts of the system that a real worker can't reach, though it does its work all the same."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from recaster.api.v1 import faceset_pb2, job_pb2
from recaster.client import JobFailedError
from recaster.jobs import confinement, landlock, seccomp, startup_checks
from recaster.store import learned_faces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served
    from tests.jobs.conftest import Material

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or bool(startup_checks.unconfined()), reason="this system confines no workers"
)

REFUSED = {os.strerror(code) for code in (errno.EACCES, errno.EPERM, errno.EXDEV)}
"""How the system says that something may not be done."""
PROBE = """
import sys

if {"recaster.jobs.worker", "recaster.jobs.query_worker"} & set(sys.orig_argv):
    import json
    import os

    from recaster.jobs import confinement, handlers

    def run(work):
        from attempts import attempts

        say(work.task.spec.WhichOneof("work"), attempts(work))
        return really_run(work)

    def confine(reach):
        kept = really_confine(reach)
        if "recaster.jobs.query_worker" in sys.orig_argv:
            first = reach.reads[0]
            others = f"{os.path.dirname(first)}/other/faceset.sqlite"
            tried = {
                "its own": lambda: os.listdir(first),
                "another's": lambda: open(others),
                "the token": lambda: open(f"{os.path.dirname(first)}/../token"),
                "a change": lambda: open(f"{first}/note", "w"),
                "a program": lambda: os.execv("/bin/true", ["true"]),
            }
            say("answer", tried)
        return kept

    def say(kind, attempts):
        found = json.dumps([kind, {name: attempt(what) for name, what in attempts.items()}])
        print("TRIED", found, file=sys.stderr, flush=True)

    def attempt(what):
        try:
            what()
        except OSError as error:
            return error.strerror
        return "done"

    really_run, handlers.run = handlers.run, run
    really_confine, confinement.confine = confinement.confine, confine
"""
"""Lets real workers and query workers of a real engine try what they mustn't, just before their work."""
ATTEMPTS = """
import ctypes, os, resource, socket, subprocess, sys
from pathlib import Path

KEYCTL = 250 if os.uname().machine == "x86_64" else 219
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *values):
    if getattr(libc, name)(*values) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def linked(work, to):
    link = work.folder / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(to)


def opened(needed):
    return os.open(min(needed), os.O_RDONLY)


def attempts(work):
    data, engine, home = work.folder.parent.parent, os.getppid(), Path(os.environ["HOME"])
    needed = {*map(os.fsdecode, (*work.task.files.values(), *work.task.facesets.values()))}
    for one in needed:  # these it has
        open(one).close() if os.path.isfile(one) else os.listdir(one)
    (work.folder / "note").write_text("written")
    return {
        "the store": lambda: open(data / "store.sqlite"),
        "the token": lambda: open(data / "token"),
        "the lock": lambda: open(data / "lock"),
        "the data": lambda: os.listdir(data),
        "another's faces": lambda: open(data / "facesets/other/faceset.sqlite"),
        "facesets": lambda: os.listdir(data / "facesets"),
        "another's upload": lambda: open(data / "blobs/ff" / ("f" * 64)),
        "analyses": lambda: os.listdir(Path(os.environ["RECASTER_CACHE"]) / "analysis"),
        "others' likenesses": lambda: os.listdir(Path(os.environ["RECASTER_CACHE"]) / "likeness"),
        "embeddings": lambda: os.listdir(Path(os.environ["RECASTER_CACHE"]) / "embeddings"),
        "users": lambda: open("/etc/passwd"),
        "home": lambda: os.listdir(home),
        "a key": lambda: open(home / ".ssh/id_ed25519"),
        "the engine's environment": lambda: open(f"/proc/{engine}/environ"),
        "a command line": lambda: open("/proc/1/cmdline"),
        "a terminal": lambda: open("/dev/tty"),
        "a file beside": lambda: open(data / "jobs/new", "w"),
        "a file in tmp": lambda: open("/tmp/recaster-new", "w"),
        "a file at home": lambda: open(home / "new", "w"),
        "a faceset beside": lambda: os.mkdir(data / "facesets/new"),
        "removing the token": lambda: os.unlink(data / "token"),
        "opening the token to all": lambda: os.chmod(data / "token", 0o666),
        "emptying the token": lambda: os.truncate(data / "token", 0),
        "an input": lambda: open(next(iter(work.task.files.values()), data / "token"), "a"),
        "opening an input to all": lambda: os.fchmod(opened(needed), 0o666),
        "giving an input away": lambda: os.fchown(opened(needed), 1, 1),
        "marking an input": lambda: os.setxattr(opened(needed), "user.mark", b"1"),
        "linking the token": lambda: os.link(data / "token", work.folder / "token"),
        "a link in its folder": lambda: linked(work, data / "token"),
        "a program": lambda: subprocess.run(["/bin/true"]),
        "a program of its own": lambda: subprocess.run([str(work.folder / "note")]),
        "looking into the engine": lambda: call("ptrace", 16, engine, 0, 0),
        "a signal to the engine": lambda: os.kill(engine, 0),
        "the engine's limits": lambda: resource.prlimit(engine, resource.RLIMIT_CPU),
        "a socket": lambda: socket.socket(socket.AF_UNIX),
        "a connection": lambda: socket.create_connection(("127.0.0.1", 9)),
        "a namespace": lambda: call("unshare", 0x10000000),
        "a mount": lambda: call("mount", b"none", b"/mnt", b"tmpfs", 0, 0),
        "a key of the kernel": lambda: call("syscall", KEYCTL, 0, 0, 0),
    }
"""


@pytest.fixture(scope="module")
def probed(
    serve: Callable[..., Served],
    prepare: Callable[[Served], Material],
    tmp_path_factory: pytest.TempPathFactory,
) -> Material:
    """An engine whose workers try what they mustn't, with material; and what isn't theirs."""
    folder = tmp_path_factory.mktemp("probe")
    (folder / "sitecustomize.py").write_text(PROBE)
    (folder / "attempts.py").write_text(ATTEMPTS)
    home = tmp_path_factory.mktemp("home")
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        searched = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(searched))
        served = serve()
    for kind in learned_faces.KINDS:
        learned_faces.root_folder(kind).mkdir(exist_ok=True)
    data = served.data
    (data / "facesets" / "other").mkdir()
    (data / "facesets" / "other" / "faceset.sqlite").touch()
    (data / "blobs" / "ff").mkdir(exist_ok=True)
    (data / "blobs" / "ff" / ("f" * 64)).touch()
    return prepare(served)


def made(material: Material, spec: job_pb2.JobSpec) -> job_pb2.Job:
    job = material.client.jobs.wait(material.client.jobs.create(spec).job_id)
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED
    return job


def evaluation(material: Material, swapped: str) -> job_pb2.JobSpec:
    spec = job_pb2.EvaluateSpec(
        original_clip_id=material.clip,
        swapped_clip_id=swapped,
        source_faceset_id=material.faceset,
        range="0-9",
    )
    return job_pb2.JobSpec(evaluate=spec)


def test_every_kind_of_work_is_done_without_what_it_does_not_need(probed: Material, tmp_path: Path) -> None:
    client = probed.client
    inputs = [job_pb2.ExtractInput(clip_id=probed.clip)]
    extract = job_pb2.ExtractSpec(inputs=inputs, options=job_pb2.ExtractOptions(range="0-9"))
    made(probed, job_pb2.JobSpec(extract=extract))
    [swapped, *_] = made(probed, probed.swapping("0-9")).result.artifacts
    learned = learned_faces.faceset_folder("likeness", probed.served.data / "facesets" / probed.faceset)
    assert [*learned.glob("*.safetensors")]
    client.transfer.download(swapped.digest, tmp_path / "swapped.mp4")
    made(probed, evaluation(probed, client.take_clip(tmp_path / "swapped.mp4")))
    sign = job_pb2.SignSpec(digest=swapped.digest, display_name="edit.mp4", swaps=[swapped.digest])
    made(probed, job_pb2.JobSpec(sign=sign))
    made(probed, probed.training(1))
    made(probed, job_pb2.JobSpec(export=job_pb2.ExportSpec(faceset_id=probed.faceset)))

    folders = (probed.served.data / "jobs").iterdir()
    tried = [said for folder in folders for said in words((folder / "stderr.txt").read_text())]
    assert {kind for kind, _ in tried} == {
        "ingest", "extract", "swap", "evaluate", "sign", "train", "export",
    }  # fmt: skip
    got = {(kind, name): how for kind, found in tried for name, how in found.items() if how not in REFUSED}
    assert got == {}
    assert (probed.served.data / "token").read_text().strip() == probed.served.token
    logs = "".join(path.read_text() for path in (probed.served.data / "jobs").glob("*/log.jsonl"))
    assert "confined" not in logs


def test_what_is_wrong_with_a_file_is_said_as_it_is(probed: Material, tmp_path: Path) -> None:
    (tmp_path / "none.png").write_bytes(b"no picture")
    digest = probed.client.transfer.upload(tmp_path / "none.png")
    picture = job_pb2.Picture(digest=digest, display_name="none.png")
    spec = job_pb2.JobSpec(extract=job_pb2.ExtractSpec(inputs=[job_pb2.ExtractInput(picture=picture)]))
    job_id = probed.client.jobs.create(spec).job_id
    with pytest.raises(JobFailedError, match="not an image"):
        probed.client.jobs.wait(job_id)
    assert not (probed.served.data / "facesets" / job_id).exists()


def words(text: str) -> list[list[Any]]:
    lines = text.splitlines()
    return [json.loads(line.removeprefix("TRIED ")) for line in lines if line.startswith("TRIED ")]


def test_an_assistant_reaches_what_it_is_asked_about(probed: Material) -> None:
    client = probed.client
    faces = faceset_pb2.ListFacesRequest(faceset_id=probed.faceset, page_size=3)
    shown = client.connection.call(client.facesets.ListFaces, faces).faces
    assert client.connection.call(client.facesets.ListFaces, faces).faces == shown
    drop = faceset_pb2.DropFacesRequest(faceset_id=probed.faceset, face_ids=[shown[0].face_id])
    client.connection.call(client.facesets.DropFaces, drop)
    assert client.connection.call(client.facesets.ListFaces, faces).faces[0].dropped

    refused = os.strerror(errno.EACCES)
    nothing_else = {"another's": refused, "the token": refused, "a program": os.strerror(errno.EPERM)}
    looking = {"its own": "done", "a change": refused, **nothing_else}
    # One process looks, asked twice; another may also change the faces, and is asked again.
    assert [tried for kind, tried in words(probed.served.log()) if kind == "answer"] == [
        looking, {**looking, "a change": "done"},
    ]  # fmt: skip


PARENT = """
import concurrent.futures, multiprocessing, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from recaster.jobs import confinement, limits
import child

if __name__ == "__main__":
    limits.keep_privileges()
    folder = Path(sys.argv[1])
    print(confinement.confine(confinement.Reach(writes=(folder,), processes=True)))
    context = multiprocessing.get_context("spawn")
    begun = context.Value("q", 0)
    with concurrent.futures.ProcessPoolExecutor(2, context, child.begin, (begun,)) as pool:
        print(*pool.submit(child.work, sys.argv[1]).result(), begun.value > 0)
"""
CHILD = """
import subprocess
from pathlib import Path

def begin(begun):
    begun.value += 1

def work(folder):
    import cv2, numpy
    from ai_edge_litert.interpreter import Interpreter
    Path(folder, "made.png").write_bytes(cv2.imencode(".png", numpy.zeros((9, 9, 3), numpy.uint8))[1])
    found = []
    for what in (lambda: open("/etc/passwd"), lambda: subprocess.run(["/bin/true"])):
        try:
            what()
            found.append("done")
        except OSError as error:
            found.append(error.errno)
    return found
"""


def test_processes_of_a_worker_are_confined_with_it(tmp_path: Path) -> None:
    code = tmp_path / "code"
    folder = tmp_path / "folder"
    code.mkdir()
    folder.mkdir()
    (code / "parent.py").write_text(PARENT)
    (code / "child.py").write_text(CHILD)
    command = [sys.executable, str(code / "parent.py"), str(folder), str(code)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.stdout.splitlines() == ["[]", f"{errno.EACCES} {errno.EACCES} True"], ended.stderr
    assert (folder / "made.png").is_file()


def test_a_process_with_threads_is_not_confined_in_silence() -> None:
    script = """
import threading
from recaster.jobs import confinement
threading.Thread(target=threading.Event().wait, daemon=True).start()
print(*confinement.confine(confinement.Reach()))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert confinement.KEEPS_FILES in ended.stdout


@pytest.mark.parametrize("abi", range(1, 8))
def test_older_kernels_keep_what_they_know(abi: int, tmp_path: Path) -> None:
    """Calls of this kernel's Landlock by a process that takes it to be an older one."""
    if landlock.abi() < abi:
        pytest.skip(f"this kernel knows Landlock up to {landlock.abi()}")
    for name in ("in/a", "out"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "out/secret").touch()
    script = """
import sys
from pathlib import Path
from recaster.jobs import landlock
here = Path(sys.argv[1])
from recaster.jobs.limits import keep_privileges
keep_privileges()
landlock.restrict([(here / "in", landlock.WRITE)], landlock.CONNECT_TCP, int(sys.argv[2]))
(here / "in/file").write_text("")
for what in (
    lambda: (here / "in/file").rename(here / "in/other"),
    lambda: (here / "in/other").rename(here / "in/a/other"),
    lambda: open(here / "out/secret"),
    lambda: open(here / "out/new", "w"),
    lambda: (here / "in/link").symlink_to("elsewhere"),
):
    try:
        what()
        print("done")
    except OSError as error:
        print(error.errno)
"""
    command = [sys.executable, "-c", script, str(tmp_path), str(abi)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    moved = "done" if abi > 1 else str(errno.EXDEV)
    refused = str(errno.EACCES)
    assert ended.stdout.split() == ["done", moved, refused, refused, refused]


def test_what_a_system_keeps_workers_from_giving_up_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSYS, "not here")

    monkeypatch.setattr(confinement, "drop_capabilities", lambda: None)
    monkeypatch.setattr(landlock, "restrict", fails)
    monkeypatch.setattr(seccomp, "restrict", fails)
    assert confinement.confine(confinement.Reach()) == [confinement.KEEPS_FILES, confinement.KEEPS_CALLS]
    real = subprocess.run
    said = "print('it keeps the network'); print"
    monkeypatch.setattr(
        startup_checks.subprocess, "run", lambda command, **more: real([*command[:2], f"{said}()"], **more)
    )
    assert startup_checks.unconfined() == "workers can't be confined as they should be: it keeps the network"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "only Linux" in startup_checks.unconfined()
    assert confinement.confine(confinement.Reach()) == []

"""``recaster swap`` of several clips: names, checks, failures, and what a second run does."""

from __future__ import annotations

import argparse
import re
import shutil
from typing import TYPE_CHECKING, Any

import PIL.Image
import pytest
from swap_tasks_named import files, options

from recaster.cli import main as cli
from recaster.cli.swap_several import swap_several_there
from recaster.cli.swap_tasks import split_tasks
from recaster.client import BusyError, JobFailedError, UnreachableError
from recaster.errors import BatchError, ClipError, ConsentError, FaceNotFoundError, RecasterError, UsageError
from recaster.media.probe import probe
from recaster.operations import swap as operation
from recaster.progress import silent
from recaster.provenance.register import open_register

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.facesets.faceset import Faceset


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "a.mov x/a.mov -o out",
            "out/a.mov: would be written 2 times, for a.mov, x/a.mov; rename one of them",
        ),
        ("a.mov x/A.MOV -o out", "would be written 2 times, for a.mov, x/A.MOV"),
        ("a.avi a.mp4 -o out", "out/a.mp4: would be written 2 times, for a.avi, a.mp4"),
        (
            "a.mov b.mov -o out --matte out",
            "out/a.mov: would be written 2 times, for a.mov; choose another folder",
        ),
        ("x/a.mov b.mov -o x/", "x/a.mov: would replace what is read"),
        ("a.mov b.mov -o out --matte x --person x/a.mov", "x/a.mov: would replace what is read"),
        ("x b.mov -o x", "-o x: is a folder of clips"),
        ("x b.mov -o out --matte x", "--matte x: is a folder of clips"),
        ("x b.mov -o out --layers face --layers-out x", "--layers-out x: is a folder of clips"),
        ("a.mov b.mov -o out --layers face --layers-out out", "out/a.mov: would be written 2 times"),
        ("a.mov b.mov -o out.mp4", "-o out.mp4: several clips need a folder"),
        ("a.mov b.mov -o out --report r.json", "--report r.json: several clips need a folder"),
        ("a.mov b.mov -o notes.txt", "-o notes.txt: several clips need a folder"),
        ("a.mov b.mov -o q/s.%04d.exr", "-o q/s.%04d.exr: several clips need a folder here, and --codec exr"),
        (
            "a.mov b.mov -o out --matte m.##.png",
            "--matte m.##.png: several clips need a folder here, and --codec png",
        ),
        ("x -o s.%d.tif", "-o s.%d.tif: several clips need a folder here, and --codec tiff"),
        ("a.mkv a.webm -o out --codec ffv1", "out/a.mkv: would be written 2 times"),
        ("two -o out", "out/two_s.png.sha256: would be written 2 times"),
        ("a.mov b.mov -o out --track 1", "--track is a number of one clip"),
        ("a.mov b.mov -o out --preview 1", "--preview writes one picture"),
        ("a.mov gone.mov -o out", "gone.mov: there is no such file"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, arguments: str, said: str) -> None:
    files(folder, "a.mov", "b.mov", "a.avi", "a.mp4", "x/a.mov", "x/A.MOV", "notes.txt", "a.mkv", "a.webm")
    files(folder, "two/s.1.png", "two/s.2.png", "two/s_1.png", "two/s_2.png")
    with pytest.raises(RecasterError, match=re.escape(said)):
        split_tasks(options(*arguments.split()))


def test_a_folder_without_stills_is_said(folder: Path) -> None:
    files(folder, "clips/a.mov")
    with pytest.raises(ClipError, match="clips: no pictures are in this folder"):
        split_tasks(options("clips", "--stills", "-o", "out/"))


def test_a_preview_is_one_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files(folder, "a.mov")
    for engine in ((), ("--engine", "127.0.0.1:1")):
        arguments = ("a.mov", "--source", "faces", "-o", "p/pv.%04d.png", "--preview", "7", *engine)
        assert cli.main(["swap", *arguments]) == UsageError.exit_code
    assert not (folder / "p").exists()
    told = "-o p/pv.%04d.png: --preview writes one picture; name it, pv.0007.png say"
    assert told in capsys.readouterr().err


def test_unusable_stills_are_named_before_an_engine_gets_any(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files(folder, "photos/a.jpg", "photos/c.png")
    pixels = PIL.Image.new("RGB", (8, 8))
    pixels.save(folder / "photos" / "b.png")
    tasks = split_tasks(options("photos", "--stills", "-o", "out"))
    told: list[str] = []

    def submit(task: argparse.Namespace) -> Any:
        told.append(capsys.readouterr().err)
        return task.clip.name

    remote: Any = argparse.Namespace(report=silent, follow=lambda job: job)
    with pytest.raises(BatchError, match="2 of 3 clips failed"):
        swap_several_there(tasks[0], tasks, remote, submit, lambda _task, job: told.append(job))
    assert told[1:] == ["b.png"]
    for name in ("a.jpg", "c.png"):
        assert f"photos/{name}: the file is empty" in told[0]


def test_one_error_names_all_that_is_wrong(folder: Path) -> None:
    files(folder, "a.mov", "x/a.mov")
    wrong = ("a.mov", "x/a.mov", "gone.mov", "-o", "out", "--track", "1")
    with pytest.raises(BatchError, match=r"3 things are wrong: --track.*; gone\.mov.*; out/a\.mov") as raised:
        split_tasks(options(*wrong))
    assert raised.value.exit_code == UsageError.exit_code


@pytest.fixture
def faked(folder: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Three clips whose swap is faked: what happened, and by clip the error that it ends with."""
    for name in ("a", "b", "c"):
        shutil.copy(clip, folder / f"{name}.mp4")
    happened: dict[str, Any] = {"loads": 0, "runs": [], "errors": {}, "made": set(), "cast": {}}

    class Result:
        def __init__(self, name: str) -> None:
            found = [argparse.Namespace(name=one, tracks=(0,)) for one in happened["cast"].get(name, ())]
            self.swap = argparse.Namespace(warnings=("odd",), resumed=0, cast=found)

        def summary(self) -> tuple[str, ...]:
            return ("10 frames",)

    def load(*_: Any, **__: object) -> Any:
        happened["loads"] += 1
        return None, "on the CPU"

    def run(request: Any, _: Any, log: Any, load: Callable[..., Any]) -> Result:
        load(request, log)
        name = request.clip.name
        happened["runs"].append(name)
        if name in happened["errors"]:
            raise happened["errors"][name]
        return Result(name)

    monkeypatch.setattr(operation, "load_on_device", load)
    monkeypatch.setattr(operation, "run", run)
    monkeypatch.setattr(operation, "is_made", lambda request, _: request.clip.name in happened["made"])
    return happened


CLIPS = ("swap", "a.mp4", "b.mp4", "c.mp4", "-m", "model", "-o", "out/")


def test_a_failure_does_not_stop_the_others(
    faked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    faked["errors"] = {"b.mp4": FaceNotFoundError("nobody is in it")}
    assert cli.main(CLIPS) == FaceNotFoundError.exit_code
    assert (faked["runs"], faked["loads"]) == (["a.mp4", "b.mp4", "c.mp4"], 1)
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "out/a.mp4: 10 frames",
        "out/c.mp4: 10 frames",
        "3 clips: 2 swapped, 1 failed",
    ]
    lines = [line for line in said.err.splitlines() if "checking" not in line]
    assert lines == [
        "recaster swap: warning: a.mp4: odd",
        "recaster swap: b.mp4: nobody is in it",
        "recaster swap: warning: c.mp4: odd",
        "failed: b.mp4: nobody is in it",
        "recaster swap: 1 of 3 clips failed",
    ]


def test_a_member_who_is_in_no_clip_is_an_error(
    faked: dict[str, Any], actor_faceset: Faceset, capsys: pytest.CaptureFixture[str]
) -> None:
    faked["cast"] = {"a.mp4": ["anna"], "b.mp4": [], "c.mp4": ["anna"]}
    put = ("--put", f"anna={actor_faceset.folder}@all", "--put", f"ben={actor_faceset.folder}@person:Ben")
    command = (*CLIPS[:4], *put, *CLIPS[6:], "--quiet")
    assert cli.main(command) == FaceNotFoundError.exit_code
    assert faked["runs"] == ["a.mp4", "b.mp4", "c.mp4"]
    assert "ben: nobody in any of these clips; all others are swapped" in capsys.readouterr().err
    faked["cast"]["b.mp4"] = ["ben"]
    assert cli.main(command) == 0


def test_a_broken_clip_is_left_out(
    faked: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b.mp4").write_bytes(b"no clip")
    assert cli.main([*CLIPS, "--quiet"]) == ClipError.exit_code
    assert faked["runs"] == ["a.mp4", "c.mp4"]
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("b.mp4: this is not a video that can be read") == 2


def test_checks_of_all_clips_come_first(faked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*CLIPS, "--range", "0-50", "--quiet"]) == UsageError.exit_code
    assert (faked["runs"], faked["loads"]) == ([], 0)
    error = capsys.readouterr().err
    assert "nothing was begun, 3 things are wrong" in error
    assert all(f'"0-50" is not inside {name}.mp4' in error for name in "abc")


def test_a_stopped_batch_says_what_is_done(faked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    faked["errors"] = {"b.mp4": KeyboardInterrupt()}
    assert cli.main(CLIPS) == 130
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "3 clips: 1 swapped, 2 not done"
    assert said.err.splitlines()[-1] == "recaster swap: stopped; run the same command again to go on"
    faked.update(errors={}, made={"a.mp4"}, runs=[])
    assert cli.main(CLIPS) == 0
    said = capsys.readouterr()
    assert faked["runs"] == ["b.mp4", "c.mp4"]
    assert "out/a.mp4: is there already, made by the same request" in said.err
    assert said.out.splitlines()[-1] == "3 clips: 2 swapped, 1 there already"
    assert cli.main([*CLIPS, "--again", "--quiet"]) == 0
    assert faked["runs"][2:] == ["a.mp4", "b.mp4", "c.mp4"]


def test_a_lost_right_ends_all(faked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    faked["errors"] = {"a.mp4": ConsentError("revoked")}
    assert cli.main(CLIPS) == ConsentError.exit_code
    assert faked["runs"] == ["a.mp4"]
    assert "3 clips: 0 swapped, 1 failed, 2 not done" in capsys.readouterr().out


class FakeRemote:
    """An engine that takes two jobs at a time; jobs are numbers of seconds, which are errors below zero."""

    def __init__(self, failing: dict[str, Exception]) -> None:
        self.report = lambda _: None
        self.failing = failing
        self.log: list[str] = []
        self.open = 0

    def submit(self, task: Any) -> Any:
        if self.open == 2:
            raise BusyError("no more jobs", Any, "QUOTA_EXCEEDED")  # type: ignore[arg-type]
        self.open += 1
        self.log.append(f"submit {task.clip.name}")
        return argparse.Namespace(job_id=task.clip.name)

    def follow(self, job: Any) -> Any:
        self.open -= 1
        self.log.append(f"follow {job.job_id}")
        if job.job_id in self.failing:
            raise self.failing[job.job_id]
        return job

    def fetch(self, task: Any, job: Any) -> None:
        self.log.append(f"fetch {task.clip.name}")
        assert task.clip.name == job.job_id

    def swap(self, *arguments: str) -> None:
        chosen = options("a.mov", "b.mov", "c.mov", "-o", "out", *arguments)
        remote: Any = self
        swap_several_there(chosen, split_tasks(chosen), remote, self.submit, self.fetch)


def test_an_engine_gets_a_job_for_each_clip(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from recaster.api.v1 import job_pb2

    files(folder, "a.mov", "b.mov", "c.mov")
    error = job_pb2.JobError(message="nobody is in it", exit_code=4, reason="FACE_NOT_FOUND")
    remote = FakeRemote({"a.mov": JobFailedError(job_pb2.Job(error=error))})
    with pytest.raises(BatchError, match="1 of 3 clips failed") as raised:
        remote.swap()
    assert raised.value.exit_code == 4
    assert remote.log == [
        "submit a.mov", "submit b.mov", "follow a.mov", "submit c.mov",
        "follow b.mov", "fetch b.mov", "follow c.mov", "fetch c.mov",
    ]  # fmt: skip
    said = capsys.readouterr()
    assert said.out == "3 clips: 2 swapped, 1 failed\n"
    assert said.err == "recaster swap: a.mov: nobody is in it\nfailed: a.mov: nobody is in it\n"
    with pytest.raises(UsageError, match="--again is for work here"):
        remote.swap("--again")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UnreachableError("gone", Any)])  # type: ignore[arg-type]
def test_jobs_of_a_stopped_batch_go_on(folder: Path, error: Any, capsys: pytest.CaptureFixture[str]) -> None:
    files(folder, "a.mov", "b.mov", "c.mov")
    with pytest.raises(type(error)):
        FakeRemote({"a.mov": error}).swap()
    said = capsys.readouterr()
    assert "not done" in said.out
    assert ("b.mov: job b.mov goes on" in said.err) == isinstance(error, KeyboardInterrupt)


def test_a_real_batch(
    actors: Path, few_faces: Faceset, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A performer, a clip of nobody and a broken one; the second run finds the first one's result."""
    shutil.copytree(few_faces.folder, folder / "faces")
    (folder / "shots").mkdir()
    shutil.copy(actors / "performer.mp4", folder / "shots" / "performer.mp4")
    (folder / "shots" / "broken.mov").write_bytes(b"no clip")
    files(folder, "shots/notes.txt")
    command = ["swap", "shots", "--source", "faces", "-o", "out/", "--range", "0-3", "--threads", "1"]
    command += ["--report", "reports", "--basis", "synthetic", "--quiet"]
    assert cli.main(command) == ClipError.exit_code
    out = folder / "out" / "performer.mp4"
    assert probe(out).frame_count == 4
    assert [path.name for path in out.parent.iterdir()] == ["performer.mp4"]
    assert [path.name for path in (folder / "reports").iterdir()] == ["performer.mp4.json"]
    first = out.read_bytes()
    assert cli.main(command) == ClipError.exit_code
    assert out.read_bytes() == first  # a manifest made anew would have another time and id
    with open_register() as register:
        assert [record.event for record in register.audit.records()].count("swap.start") == 1
    assert capsys.readouterr().err.count("broken.mov: this is not a video") == 4

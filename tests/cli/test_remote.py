"""Commands whose work an engine does: the same files come out as without one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from recaster.cli import main as cli
from recaster.facesets.faceset import Faceset
from recaster.media.probe import probe
from recaster.models.model_folder import ModelFolder
from recaster.provenance.identity_note import read_identity, write_identity
from recaster.provenance.register import open_register

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command with RECASTER_ENGINE set; returns its exit code and what it printed."""
    monkeypatch.setenv("RECASTER_ENGINE", served.address)
    monkeypatch.setenv("RECASTER_TOKEN", served.token)

    def command(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(one) for one in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


def extracts(run: Run, likeness: Path, faces: Path, here: Path) -> None:
    code, out, _ = run("extract", likeness, "-o", faces, "--every", "10", "--range", "0-149")
    assert code == 0
    assert f"{faces}: 15 faces" in out
    assert run("extract", likeness, "-o", here, "--every", "10", "--range", "0-149", "--local")[0] == 0
    assert Faceset.open(faces).digest() == Faceset.open(here).digest()
    assert run("extract", likeness, "-o", faces, "--every", "10", "--range", "150-199")[0] == 0
    assert len(Faceset.open(faces)) == 20

    with open_register() as register:
        write_identity(faces, register.add_stated("her", "synthetic").identity_id)
    noted = read_identity(faces)
    assert run("extract", likeness, "-o", faces, "--every", "10", "--range", "150-199")[0] == 0
    assert read_identity(faces) == noted  # what an engine brings back doesn't forget whose they are


def swaps(run: Run, performer: Path, faces: Path, tmp_path: Path) -> None:
    swap = ("swap", performer, "--source", faces, "--range", "0-9", "--no-manifest", "--matte")
    report = tmp_path / "report.json"
    files = ("--report", report, "--layers", "face", "--layers-out", tmp_path / "face.mov")
    code, out, error = run(*swap, tmp_path / "matte.mp4", "-o", tmp_path / "there.mp4", *files)
    assert code == 0
    assert f"{tmp_path / 'there.mp4'}: 10 frames, 10 with a swapped face" in out
    assert "job " in error
    assert json.loads(report.read_text())["swapped"] == 10
    assert probe(tmp_path / "face.mov").has_alpha
    assert run(*swap, tmp_path / "m.mp4", "-o", tmp_path / "here.mp4", "--local")[0] == 0
    assert (tmp_path / "there.mp4").read_bytes() == (tmp_path / "here.mp4").read_bytes()
    assert (tmp_path / "matte.mp4").read_bytes() == (tmp_path / "m.mp4").read_bytes()

    preview = ("swap", performer, "--source", faces, "--preview", "5", "-o", tmp_path / "5.png")
    assert run(*preview)[0] == 0
    assert (tmp_path / "5.png").read_bytes().startswith(b"\x89PNG")


def trains(run: Run, performer: Path, faces: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    train = ("train", "--source", faces, "-o", model, "--warmup", "2")
    code, _, error = run(*train, "--steps", "2")
    assert code == 0
    assert f"{model}: 2 steps" in error
    assert read_identity(model) == read_identity(faces)
    card = ModelFolder(model).read()
    assert (card.steps, card.preset.warmup) == (2, 2)
    assert "add --resume" in run(*train, "--steps", "3")[2]
    assert run(*train, "--steps", "3", "--resume")[0] == 0
    assert ModelFolder(model).read().steps == 3
    again = ("swap", performer, "-m", model, "--range", "0-3", "-o", tmp_path / "trained.mp4")
    assert run(*again)[0] == 0
    first = (tmp_path / "trained.mp4").read_bytes()
    assert cli.main(["verify", str(tmp_path / "trained.mp4")]) == 10  # the engine signed
    assert run(*train, "--steps", "9", "--resume")[0] == 0
    assert run(*again)[0] == 0  # the same command, but the model is another now
    assert (tmp_path / "trained.mp4").read_bytes() != first


def judges(run: Run, performer: Path, faces: Path, tmp_path: Path) -> None:
    judged = tmp_path / "judged"
    given = ("evaluate", performer, tmp_path / "there.mp4", "--source", faces, "--range", "0-9")
    code, out, _ = run(*given, "-o", judged, "--json")
    assert code == 0
    assert json.loads(out) == json.loads((judged / "evaluation.json").read_bytes())
    assert (judged / "sheet.jpg").is_file()


def test_the_whole_job(run: Run, actors: Path, tmp_path: Path) -> None:
    performer = actors / "performer.mp4"
    faces = tmp_path / "faces"
    extracts(run, actors / "likeness.mp4", faces, tmp_path / "here")
    swaps(run, performer, faces, tmp_path)
    trains(run, performer, faces, tmp_path)
    judges(run, performer, faces, tmp_path)


def test_errors_are_those_of_the_command(
    run: Callable[..., tuple[int, str, str]], actors: Path, tmp_path: Path
) -> None:
    performer = actors / "performer.mp4"
    missing = run("swap", performer, "-m", tmp_path / "none", "-o", tmp_path / "out.mp4")
    assert missing[0] == 3
    assert "not a model folder" in missing[2]
    code, _, error = run("extract", actors / "README.md", "-o", tmp_path / "faces")
    assert code == 3
    assert error.splitlines()[-1] == "recaster extract: README.md: this is not a video that can be read"


def test_jobs_are_listed_shown_and_ended(
    run: Callable[..., tuple[int, str, str]], actors: Path, tmp_path: Path
) -> None:
    assert run("extract", actors / "rehearsal.mp4", "-o", tmp_path / "f.zip", "--range", "0-4")[0] == 0
    code, out, _ = run("jobs", "list", "--kind", "extract", "--state", "succeeded", "-n", "1")
    assert code == 0
    [line] = out.splitlines()
    job = line.split()[0]
    assert "extract  succeeded" in line
    shown = json.loads(run("jobs", "show", job)[1])
    assert shown["spec"]["extract"]["display_name"] == "f.zip"
    assert "succeeded" in run("jobs", "logs", job)[1]
    assert run("jobs", "watch", job)[0] == 0
    code, _, error = run("jobs", "cancel", job)
    assert (code, "has ended already" in error) == (8, True)
    assert run("jobs", "delete", job)[0] == 0
    assert run("jobs", "show", job)[0] == 8
    assert run("jobs", "list", "--state", "nonsense")[0] == 2


def test_which_engine_and_what_token(
    run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RECASTER_TOKEN")
    code, _, error = run("jobs", "list")
    assert (code, "set RECASTER_TOKEN" in error) == (2, True)
    monkeypatch.setenv("RECASTER_TOKEN", "wrong")
    code, _, error = run("jobs", "list")
    assert (code, "token is missing or wrong" in error) == (8, True)
    for name in ("RECASTER_ENGINE", "RECASTER_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path))
    code, _, error = run("jobs", "list")
    assert (code, "no engine of yours has run on this machine yet" in error) == (2, True)


def test_the_doctor(
    run: Callable[..., tuple[int, str, str]], served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("doctor", "--data", served.data, "--listen", served.address, "--json")
    assert ended.value.code == 1
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    assert not found["port"]["ok"]  # an engine is running there
    assert "choose another" in found["port"]["mend"]
    assert all(found[name]["ok"] for name in ("packages", "weights", "codecs", "device", "data", "engine"))
    assert found["codecs"]["says"].startswith("h264, hevc, prores, dnxhr, ffv1, av1 can be written; hardware")


def test_certificates(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, out, _ = run("certs", tmp_path / "certs", "--host", "localhost", "--client", "anna")
    assert code == 0
    assert f"RECASTER_TLS_CA={tmp_path}/certs/ca.pem" in out
    assert f"--client-ca {tmp_path}/certs/ca.pem" in out
    assert f"RECASTER_TLS_CERT={tmp_path}/certs/anna.pem RECASTER_TLS_KEY={tmp_path}/certs/anna.key" in out
    assert {one.name for one in (tmp_path / "certs").iterdir()} == {
        "ca.pem", "engine.pem", "engine.key", "anna.pem", "anna.key"
    }  # fmt: skip
    assert run("certs", tmp_path / "certs", "--host", "localhost")[0] == 6  # nothing is overwritten
    assert run("certs", tmp_path / "other", "--host", "x", "--client", "../y")[0] == 2

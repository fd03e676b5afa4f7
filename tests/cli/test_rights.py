"""The commands about the right to a face, and what the others do without one."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from recaster.cli import main as cli
from recaster.facesets.faceset import Faceset
from recaster.files import sha256
from recaster.models.model_folder import ModelFolder
from recaster.provenance.audit_log import AuditLog
from recaster.provenance.identity_note import read_identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served


Run = "Callable[..., tuple[int, str, str]]"


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command where nobody has said anything yet; returns its exit code and what it printed."""
    monkeypatch.delenv("RECASTER_BASIS")
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "data"))

    def command(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(one) for one in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


@pytest.fixture
def faces(few_faces: Faceset, tmp_path: Path) -> Path:
    """A copy of the actor's faces that belong to nobody yet."""
    return shutil.copytree(few_faces.folder, tmp_path / "faces")


def test_a_person_is_registered_shown_and_revoked(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("I agree")
    terms = ("--basis", "consent", "--scope", "the film", "--until", "2099-12-31", "--document", letter)
    code, out, _ = run("identity", "add", "Anna", *terms)
    assert code == 0
    assert "Anna: consent, until 2099-12-31" in out
    assert "scope: the film" in out
    name = out.split()[0]
    assert run("identity", "show")[1] == out
    assert "revoked on" in run("identity", "revoke", name, "--reason", "enough")[1]
    assert "revoked because: enough" in run("identity", "show", "Anna")[1]
    assert "Anna: self" in run("identity", "attest", "Anna", "--basis", "self")[1]
    code, out, _ = run("audit", "verify")
    assert code == 0
    assert "3 records, whole" in out
    assert "identity.revoke" in run("audit", "show", "--last", "2")[1]
    code, _, error = run("identity", "add", "Ben", "--basis", "consent", "--until", "tomorrow")
    assert code == 2
    assert "'tomorrow' is no date" in error
    assert "no identity 'Ben'" in run("identity", "show", "Ben")[2]


def test_a_swap_needs_a_basis_once(
    run: Callable[..., tuple[int, str, str]], faces: Path, actors: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    swap = ("swap", actors / "performer.mp4", "--source", faces, "--range", "0-5", "-o", out)
    code, _, error = run(*swap)
    assert code == 9
    assert "by what right is this face used?" in error
    assert not out.exists()
    assert run(*swap, "--basis", "synthetic")[0] == 0
    code, printed, _ = run(*swap)
    assert code == 0
    assert "marked as a face swap" in printed
    code, printed, _ = run("verify", out)
    assert code == 0
    assert "basis: synthetic" in printed
    assert run("identity", "revoke", read_identity(faces))[0] == 0
    code, _, error = run(*swap)
    assert code == 9
    assert f"{faces}: identity {read_identity(faces)}: the right to use this face was revoked" in error
    code, _, error = run("swap", swap[1], *swap[4:], "--put", f"bob={faces}@all")
    assert code == 9
    assert f"bob ({faces}): identity {read_identity(faces)}: the right" in error
    assert run("verify", out)[0] == 0  # what was made stays
    code, _, error = run("evaluate", actors / "performer.mp4", out, "--source", faces, "--range", "0-5")
    assert code == 9
    assert "revoked" in error

    edit = tmp_path / "edit.mp4"
    sign = ("sign", actors / "neighbour.mp4", "--swap", out, "-o", edit)
    code, _, error = run(*sign)
    assert code == 9
    assert "revoked" in error
    assert not edit.exists()
    assert run("identity", "attest", read_identity(faces), "--basis", "synthetic")[0] == 0
    assert run(*sign)[0] == 0
    *_, last = AuditLog(tmp_path / "data" / "audit.jsonl").records()
    assert last.event == "sign.deliver"
    assert (last.details["swaps"], last.details["identities"]) == ([sha256(out)], [read_identity(faces)])
    again = tmp_path / "again.mp4"  # an edit that was signed here may be in another
    assert run("sign", actors / "neighbour.mp4", "--swap", edit, "-o", again)[0] == 0
    assert "an edit with 1 face swap in it" in run("verify", edit)[1]
    code, _, error = run("verify", actors / "neighbour.mp4")
    assert code == 3
    assert "carries no manifest" in error


def test_leaving_the_manifest_out_is_noted(
    run: Callable[..., tuple[int, str, str]], faces: Path, actors: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mkv"
    out.with_suffix(".c2pa").write_bytes(b"what an earlier result of this name says")
    swap = ("swap", actors / "performer.mp4", "--source", faces, "--range", "0-5", "-o", out)
    code, printed, _ = run(*swap, "--basis", "self", "--no-manifest")
    assert code == 0
    assert "without a manifest" in printed
    assert not out.with_suffix(".c2pa").exists()
    assert run("verify", out)[0] == 3
    *_, last = AuditLog(tmp_path / "data" / "audit.jsonl").records()
    assert last.event == "swap.deliver"
    assert last.details["manifest"] == "left out, as asked"


def test_a_training_needs_one_too_and_its_model_is_theirs(
    run: Callable[..., tuple[int, str, str]], faces: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    train = ("train", "--source", faces, "-o", model, "--steps", "1", "--warmup", "1")
    code, _, error = run(*train)
    assert code == 9
    assert "by what right" in error
    assert not model.exists()
    assert run("identity", "add", "Anna", "--basis", "self")[0] == 0
    assert run(*train, "--identity", "Anna")[0] == 0
    assert read_identity(model) == read_identity(faces)
    run("identity", "revoke", "Anna")
    assert run(*train, "--resume")[0] == 9
    # A copy of her faces that belongs to nobody doesn't make the model somebody else's.
    copy = shutil.copytree(faces, tmp_path / "copy", ignore=shutil.ignore_patterns("identity.json"))
    again = ("train", "--source", copy, "-o", model, "--steps", "2", "--resume")
    assert run(*again, "--basis", "self")[0] == 9  # they are known
    assert read_identity(model) == read_identity(faces)


def test_faces_are_bound_to_a_person_when_they_are_taken(
    run: Callable[..., tuple[int, str, str]], actors: Path, tmp_path: Path
) -> None:
    extract = ("extract", actors / "likeness.mp4", "--range", "0-9", "--every", "5", "-o", tmp_path / "f")
    assert run(*extract)[0] == 0  # taking faces needs no right: who they are may not be known yet
    assert read_identity(tmp_path / "f") == ""
    assert run(*extract, "--basis", "synthetic")[0] == 0
    assert "synthetic" in run("identity", "show", read_identity(tmp_path / "f"))[1]


def test_faces_are_taken_within_the_policy(
    run: Callable[..., tuple[int, str, str]], actors: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "policy.toml").write_text("[consent]\nbases = ['synthetic']\n")
    out = tmp_path / "f"
    extract = ("extract", actors / "likeness.mp4", "--range", "0-9", "--every", "5", "-o", out)
    code, _, error = run(*extract)
    assert code == 9
    assert "by what right" in error
    assert run(*extract, "--basis", "self")[0] == 9
    assert not out.exists()
    assert run(*extract, "--basis", "synthetic")[0] == 0
    assert run(*extract)[0] == 0  # whose they are is known
    assert run("identity", "revoke", read_identity(out))[0] == 0
    code, _, error = run(*extract)
    assert code == 9
    assert "revoked" in error
    (tmp_path / "data" / "policy.toml").unlink()
    again = ("extract", actors / "likeness.mp4", "--range", "20-49", "--every", "5", "-o", tmp_path / "g")
    code, _, error = run(*again)
    assert code == 9  # she is known
    assert "revoked" in error
    assert not (tmp_path / "g").exists()


def test_all_that_is_done_with_a_face_here_is_in_the_log(
    run: Callable[..., tuple[int, str, str]], actors: Path, tmp_path: Path
) -> None:
    faces = tmp_path / "faces"
    clip = actors / "performer.mp4"
    packed = tmp_path / "faces.zip"
    swapped = tmp_path / "swap.mp4"
    edit = tmp_path / "edit.mp4"
    figures = tmp_path / "figures"
    told: dict[str, dict[str, Any]] = {}
    seen = 0

    def does(*events: str, command: tuple[object, ...]) -> None:
        nonlocal seen
        assert run(*command)[0] == 0
        every = list(AuditLog(tmp_path / "data" / "audit.jsonl").records())
        told.update({one.event: dict(one.details) for one in every[seen:]})
        assert {one.event for one in every[seen:]} >= set(events), command
        seen = len(every)

    source = actors / "likeness.mp4"
    extract = ("extract", source, "--range", "0-49", "--every", "5", "-o", faces, "--basis", "synthetic")
    does("extract.start", "extract.deliver", command=extract)
    does("export.start", "export.deliver", command=("faceset", "export", faces, packed))
    imported = ("faceset", "import", packed, "-o", tmp_path / "again")
    does("ingest.start", "ingest.deliver", command=imported)
    train = ("train", "--source", faces, "-o", tmp_path / "model", "--steps", "1", "--warmup", "1")
    does("train.start", "train.deliver", command=train)
    swap = ("swap", clip, "--source", faces, "-o", swapped)
    does("swap.preview", "swap.deliver", command=(*swap[:-1], tmp_path / "frame.png", "--preview", "3"))
    does("swap.start", "swap.deliver", command=(*swap, "--range", "0-5"))
    judge = ("evaluate", clip, swapped, "--source", faces, "--range", "0-5", "-o", figures)
    does("evaluate.start", "evaluate.deliver", command=judge)
    sign = ("sign", actors / "neighbour.mp4", "--swap", swapped, "-o", edit)
    does("sign.start", "sign.deliver", command=sign)

    digest = Faceset.open(faces).digest()
    people = [read_identity(faces)]
    for event in ("extract.deliver", "export.deliver", "ingest.deliver", "evaluate.deliver", "swap.deliver"):
        assert told[event]["faces"] == [digest], event
    for event in ("extract.deliver", "export.deliver", "train.deliver", "evaluate.deliver", "swap.deliver"):
        assert told[event]["identities"] == people, event
    assert told["train.start"]["faces"] == told["swap.start"]["faces"] == [digest]
    assert told["train.deliver"]["faces"] == [ModelFolder(tmp_path / "model").digest()]
    assert told["extract.start"]["clips"] == [sha256(source)]
    assert told["swap.start"]["clips"] == [sha256(clip)]
    assert told["export.deliver"]["made"] == told["ingest.start"]["blobs"] == [sha256(packed)]
    assert told["swap.deliver"]["made"] == told["sign.start"]["swaps"] == [sha256(swapped)]
    assert sha256(figures / "sheet.jpg") in told["evaluate.deliver"]["made"]
    assert told["sign.deliver"]["made"] == [sha256(edit)]


def test_a_person_is_deleted_after_a_look(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "analysis" / f"{'a' * 64}-b.npz"
    kept.parent.mkdir(parents=True)
    kept.touch()
    letter = tmp_path / "letter.txt"
    letter.write_text("I agree")
    name = run("identity", "add", "Anna", "--basis", "consent", "--document", letter)[1].split()[0]
    document = tmp_path / "data" / "documents" / sha256(letter)

    code, out, err = run("identity", "delete", "Anna")
    assert (code, "delete with --yes" in err) == (2, True)
    assert f"identity  {name}  Anna" in out
    assert run("identity", "delete", "Anna", "--dry-run")[1].startswith(out)
    assert document.is_file()
    assert kept.is_file()
    monkeypatch.setattr("sys.stdin", _Terminal("n\n"))
    assert "nothing was deleted" in run("identity", "delete", "Anna")[2]
    assert document.is_file()

    monkeypatch.setattr("sys.stdin", _Terminal("y\n"))
    code, out, _ = run("identity", "delete", "Anna")
    assert code == 0
    assert f"letter  {sha256(letter)}" in out
    assert "the audit log" in out
    assert not document.exists()
    assert not kept.exists()
    assert b"Anna" not in (tmp_path / "data" / "store.sqlite").read_bytes()
    assert run("identity", "delete", "Anna", "--yes")[0] == 3


def test_one_s_own_running_engine_deletes(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = serve()
    monkeypatch.setenv("RECASTER_DATA", str(engine.data))
    monkeypatch.setenv("RECASTER_TOKEN", engine.token)
    there = ("--engine", engine.address)
    assert cli.main(["identity", "add", "Anna", "--basis", "self", *there]) == 0
    assert cli.main(["identity", "delete", "Anna", "--yes"]) == 2
    assert "--engine" in capsys.readouterr().err
    assert cli.main(["identity", "delete", "Anna", "--yes", *there]) == 0
    assert "deleted:" in capsys.readouterr().out
    assert cli.main(["identity", "delete", "Anna", "--yes", *there]) == 2


class _Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True

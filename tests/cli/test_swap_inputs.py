"""Nothing that a swap reads is written over."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING

import pytest

from recaster.cli import main as cli
from recaster.cli import swap
from recaster.cli.cast_options import read_cast_options
from recaster.cli.parsers import Commands
from recaster.errors import UsageError
from recaster.operations.face_rights import NO_CLAIM

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with data of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "data"))
    for name in ("target.jpg", "anna.jpg", "soft.toml", "mask.png", "c.json", "who.png", "ANNA/x", "a.mov"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-o anna.jpg", "anna.jpg: would replace a picture of the source"),
        ("-o x.jpg --overlay ANNA/../anna.jpg", "would replace a picture of the source"),
        ("-o x.jpg --report soft.toml --look soft.toml", "soft.toml: would replace the look"),
        ("-o x.jpg --matte mask.png --keep-out mask.png", "mask.png: would replace the keep-out mask"),
        ("-o x.jpg --report c.json --corrections c.json", "c.json: would replace the corrections"),
        ("-o x.jpg --matte who.png --person who.png", "who.png: would replace the picture of the person"),
        ("-o target.jpg", "target.jpg: would replace the clip"),
    ],
)
@pytest.mark.parametrize("engine", [(), ("--engine", "localhost:1")])
def test_nothing_that_is_read_is_replaced(
    folder: Path,
    arguments: str,
    said: str,
    engine: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RECASTER_TOKEN", "token")
    opened = contextlib.nullcontext((folder / "faceset", NO_CLAIM))
    monkeypatch.setattr("recaster.operations.source_pictures.open_source", lambda *_, **__: opened)
    assert cli.main(["swap", "target.jpg", "--source", "anna.jpg", *arguments.split(), *engine]) == 2
    assert said in capsys.readouterr().err


def test_the_files_of_a_cast_are_not_replaced(folder: Path) -> None:
    (folder / "soft.toml").write_text("feather = 0.1\n")
    (folder / "c.toml").write_text('[ben]\nfaceset = "faces"\nperson = "who.png"\nlook = "soft.toml"\n')
    (folder / "faces").mkdir()
    for said, *arguments in (
        ("the cast", "--report", "c.toml"),
        ("the look of ben", "--report", "soft.toml"),
        ("the picture of ben", "--overlay", "who.png"),
        ("the source of ben", "--report", "faces/x.json"),
    ):
        root = argparse.ArgumentParser()
        swap.add_swap(Commands(root, "COMMAND"))
        wanted = root.parse_args(["swap", "a.mov", "-o", "b.mov", "-m", "model", *arguments])
        wanted.model, wanted.cast = None, folder / "c.toml"
        read_cast_options(wanted)
        with pytest.raises(UsageError, match=f"would (replace|lie in) {said}; choose another"):
            swap._list_tasks(wanted)

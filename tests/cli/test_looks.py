"""``recaster looks``: what is kept under a name, and what isn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recaster.cli.main import main
from recaster.cli.parsers import join_open_ranges

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path))
    return tmp_path


def test_a_look_is_replaced_only_where_that_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["looks", "save", "soft", "--feather", ".1"]) == 0
    kept = (data / "looks" / "soft.toml").read_text()
    assert main(["looks", "save", "soft", "--feather", ".3"]) == 2
    assert "there is a look 'soft' already; --replace replaces it" in capsys.readouterr().err
    assert (data / "looks" / "soft.toml").read_text() == kept
    assert main(["looks", "save", "soft", "--feather", ".3", "--replace"]) == 0
    assert (data / "looks" / "soft.toml").read_text() == "feather = 0.3\n"


def test_a_key_alone_is_not_kept(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["looks", "save", "one", "--set", "1s:erode=0"]) == 2
    assert "erode has one key only, at 1s" in capsys.readouterr().err
    assert not (data / "looks").exists()
    assert main(["looks", "save", "two", "--set", "1s:erode=0", "--set", "50:erode=.1"]) == 0


def test_nothing_kept_holds_against_a_look(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["looks", "save", "lips", "--keep", "mouth", "--feather", ".1"]) == 0
    assert main(["looks", "save", "none", "--look", "lips", "--keep", "none"]) == 0
    capsys.readouterr()
    assert main(["looks", "show", "none"]) == 0
    assert capsys.readouterr().out == "keep = []\nfeather = 0.1\n"
    assert main(["looks", "save", "all", "--look", "lips", "--erode", "0"]) == 0
    assert 'keep = ["mouth"]' in (data / "looks" / "all.toml").read_text()


def test_a_range_may_begin_with_a_hyphen(data: Path) -> None:
    assert main(["looks", "save", "early", "--set", "-5:feather=.1", "--set", "-:erode=.1"]) == 0
    text = (data / "looks" / "early.toml").read_text()
    assert 'frames = "-5"' in text
    assert 'frames = "-"' in text
    assert join_open_ranges(["--range", "-5s", "--range", "--set"]) == ["--range=-5s", "--range", "--set"]

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from recaster.cli.main import main
from recaster.media.reader import read_frames
from recaster.media.sheet import save_image

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_bench_detect(actors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_image(tmp_path / "one.png", next(iter(read_frames(actors / "performer.mp4", 0, 1))).image)
    (tmp_path / "face_counts.json").write_text('{"_about": "one actor", "one.png": 2}')
    assert main(["bench", "detect", str(tmp_path), "--detectors", "yunet", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "yunet" in shown
    assert "one.png: 1 boxes for 2" in shown
    command = ["bench", "detect", str(tmp_path), "--detectors", "yunet", "dlib-hog", "--json", "--quiet"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["detector"] for one in told] == ["yunet", "dlib-hog"]
    assert told[0]["recall"] == 0.5


def test_bench_swap_needs_a_face_to_put_on(actors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "swap", str(actors / "performer.mp4"), "--source", "no-such-faceset"]
    assert main([*command, "--range", "0-1", "--quiet"]) != 0
    assert "no-such-faceset" in capsys.readouterr().err

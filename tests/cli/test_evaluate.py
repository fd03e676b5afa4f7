from __future__ import annotations

import json
from typing import TYPE_CHECKING

from clips import write_clip

from recaster.cli.main import main
from recaster.evaluation.measures import MEASURES
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.sheet import load_image

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from recaster.facesets.faceset import Faceset

FRAMES = range(40, 52)


def test_evaluate_then_report(
    actors: Path, few_faces: Faceset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    performer = actors / "performer.mp4"
    swapped = tmp_path / "swapped.mp4"
    out = tmp_path / "evaluation"
    truth = actors / "truth" / "far.mp4"
    write_clip(read_frames(truth, FRAMES.start, FRAMES.stop), probe(truth), swapped, FRAMES)
    command = ["evaluate", str(performer), str(swapped), "--source", str(few_faces.folder)]
    command += ["--range", "40-51", "-o", str(out), "--quiet"]
    assert main(command) == 0
    table = capsys.readouterr().out
    assert all(MEASURES[name].title in table for name in ("cosine_source", "motion_deviation", "missed"))
    assert "no swap" in table
    assert "excludes commercial use" in table
    told = json.loads((out / "evaluation.json").read_text())
    assert told["frames"]["index"] == list(FRAMES)
    assert load_image(out / "sheet.jpg").shape[1] > load_image(out / "sheet.jpg").shape[0]

    assert main([*command, "--truth", str(truth), "--json"]) == 0
    figures = {one["name"]: one for one in json.loads(capsys.readouterr().out)["figures"]}
    assert figures["psnr_inside"]["value"] > 35 > figures["psnr_inside"]["references"]["no swap"]

    assert main(["report", str(out), "-o", str(tmp_path / "report.html")]) == 0
    assert "report.html" in capsys.readouterr().out
    assert main(["report", str(out), "-o", str(tmp_path / "report.pdf")]) == 2


def test_clips_that_do_not_match_are_one_line(
    actors: Path, few_faces: Faceset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    performer = actors / "performer.mp4"
    short = tmp_path / "short.mp4"
    write_clip(read_frames(performer, 0, 5), probe(performer), short, range(5))
    assert main(["evaluate", str(performer), str(short), "--source", str(few_faces.folder)]) == 3
    assert capsys.readouterr().err.count("\n") == 1

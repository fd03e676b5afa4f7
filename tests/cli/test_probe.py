from __future__ import annotations

import json

from recaster.cli.main import main
from recaster.media.sheet import load_image


def test_facts_for_people(clip, capsys) -> None:
    assert main(["probe", str(clip)]) == 0
    told = capsys.readouterr().out
    assert "64x48" in told
    assert "10, 25.000 frames/s, 0.400 s" in told
    assert "sound    none" in told


def test_facts_for_programs(clip, capsys) -> None:
    assert main(["probe", str(clip), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["width"], facts["height"], facts["frame_count"]) == (64, 48, 10)
    assert (facts["rate"], facts["duration"], facts["variable"]) == ("25", "2/5", False)
    assert facts["colour"]["matrix"] is None
    assert facts["audio"] == []


def test_a_broken_clip_is_one_line_and_exit_code_3(tmp_path, capsys) -> None:
    (tmp_path / "a.mp4").touch()
    assert main(["probe", str(tmp_path / "a.mp4")]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "empty" in told.err


def test_who_is_in_it(actors, clip, tmp_path, capsys) -> None:
    sheet = tmp_path / "people.png"
    assert main(["probe", str(actors / "performer.mp4"), "--people", str(sheet), "--quiet"]) == 0
    assert load_image(sheet).shape[1] >= 256
    assert main(["probe", str(clip), "--people", str(tmp_path / "none.png"), "--quiet"]) == 4
    assert "no face" in capsys.readouterr().err
    assert not (tmp_path / "none.png").exists()

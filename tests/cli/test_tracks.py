"""``recaster tracks``: the list, the sheet, and corrections that are kept beside the clip."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import pytest

from recaster.cli.main import main
from recaster.cli.remote import Remote
from recaster.errors import InputError
from recaster.files import sha256
from recaster.media.sheet import load_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def performer(actors: Path, tmp_path: Path) -> Path:
    path = tmp_path / "performer.mp4"
    path.symlink_to(actors / "performer.mp4")
    return path


def tracks(clip: Path, *arguments: str) -> int:
    return main(["tracks", str(clip), "--quiet", "--range", "0-11", *arguments])


def test_a_clip_is_listed_for_people_and_programs(performer: Path, tmp_path: Path, capsys) -> None:
    sheet = tmp_path / "sheet.jpg"
    assert tracks(performer, "--sheet", str(sheet)) == 0
    first, shot, track = capsys.readouterr().out.splitlines()
    assert first.endswith("12 frames, 1 shot, 1 track, 0 corrections, 1 person")
    assert shot == "shot 0: frames 0-11"
    assert track.startswith("  track 0   person 0  frames 0-11 (0.0-0.4 s)")
    assert load_image(sheet).shape[1] >= 256
    assert tracks(performer, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["shots"] == [{"first_frame": 0, "last_frame": 11}]
    assert facts["people"] == [{"person": 0, "tracks": [0]}]
    [listed] = facts["tracks"]
    assert 0.9 < listed["confidence"] <= 1
    assert listed["swappable"] == 1
    assert facts["corrections"] == facts["warnings"] == facts["trouble"] == []


def test_trouble_is_listed(performer: Path, capsys) -> None:
    assert tracks(performer, "--trouble") == 0
    assert capsys.readouterr().out.endswith("no trouble was found\n")
    assert tracks(performer, "drop", "0:4-7") == 0
    capsys.readouterr()
    assert tracks(performer, "--trouble") == 0
    assert capsys.readouterr().out.startswith("frames 4-7, track 0: no face")
    assert tracks(performer, "--json") == 0
    [trouble] = json.loads(capsys.readouterr().out)["trouble"]
    assert trouble == {"reason": "no-face", "track": 0, "first_frame": 4, "last_frame": 7}


def test_trouble_of_a_swap_is_listed_too(performer: Path, tmp_path: Path, capsys) -> None:
    report = tmp_path / "report.json"
    lost = {"track": 0, "area": 900, "covered": 0.3, "lost": {"hidden": 0.7}}
    frames = [{"frame": frame, "faces": [lost]} for frame in (4, 5)]
    document = {"clip": "renamed.mp4", "sha256": sha256(performer), "frames": frames}
    report.write_text(json.dumps(document))
    assert tracks(performer, "--trouble", "--report", str(report)) == 0
    assert capsys.readouterr().out == "frames 4-5, track 0: too little of the face was swapped\n"
    assert tracks(performer, "--report", str(report)) == 2
    assert "--report goes with --trouble or --json" in capsys.readouterr().err


def test_corrections_of_a_text_are_made_at_once(performer: Path, tmp_path: Path, capsys) -> None:
    kept = performer.with_name("performer.mp4.corrections.json")
    text = tmp_path / "lines.txt"
    for lines, why in {
        "# nothing": "there are no corrections in it",
        "split 0 5\nhat 0": "'hat 0': is none of split, join",
        "split 0 5\nbox 1 2 3": "'box 1 2 3': the following arguments are required: WIDTH, HEIGHT",
        "split 0 5\nassign 0 'Anna": "No closing quotation",
        "split 0 5\nsplit 1 7": "2 of 2 corrections: there is no track 1; there are: 0",
    }.items():
        text.write_text(lines)
        assert tracks(performer, "apply", str(text)) == 2
        assert why in capsys.readouterr().err
        assert not kept.exists()
    text.write_text("split 0 5  # here\n\nassign 0 'Anna B.'\n")
    assert tracks(performer, "apply", str(text)) == 0
    assert [line.partition(": ")[2][:20] for line in capsys.readouterr().out.splitlines()] == [
        "correction 0, split:",
        "correction 1, assign",
    ]
    assert [one["kind"] for one in json.loads(kept.read_text())["corrections"]] == ["split", "assign"]


def test_corrections_are_kept_listed_and_taken_back(performer: Path, capsys) -> None:
    kept = performer.with_name("performer.mp4.corrections.json")
    assert tracks(performer, "split", "0", "5") == 0
    assert tracks(performer, "drop", "1:0-2") == 0
    assert "correction 1, drop: the face at" in capsys.readouterr().out
    assert len(json.loads(kept.read_text())["corrections"]) == 2
    assert tracks(performer, "--json") == 0
    spans = {
        each["track"]: (each["first_frame"], each["last_frame"])
        for each in json.loads(capsys.readouterr().out)["tracks"]
    }
    assert spans == {0: (5, 11), 1: (3, 4)}
    assert tracks(performer, "list") == 0
    assert [line[:8] for line in capsys.readouterr().out.splitlines()] == ["0: split", "1: drop:"]
    assert tracks(performer, "undo") == 0
    assert len(json.loads(kept.read_text())["corrections"]) == 1
    assert tracks(performer, "clear") == 0
    assert "took back 1 correction; 0 left" in capsys.readouterr().out
    assert not kept.exists()
    assert tracks(performer, "undo") == 2
    assert "there are no corrections to take back" in capsys.readouterr().err


def test_points_are_printed_and_read_again(performer: Path, tmp_path: Path, capsys) -> None:
    assert tracks(performer, "points", "4") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 478
    index, x, y, _ = lines[152].split()
    file = tmp_path / "points.txt"
    file.write_text(f"# chin\n{index} {float(x) + 3} {y}\n")
    named = tmp_path / "mine.json"
    assert tracks(performer, "--corrections", str(named), "points", "4", str(file)) == 0
    assert json.loads(named.read_text())["corrections"][0]["points"] == [
        [152, pytest.approx(float(x) + 3), float(y)]
    ]
    for line in ("152 3", "152 150 1e9", "152 nan 3", "-1 150 3", "99999999999 150 3"):
        file.write_text(f"{line}\n")
        assert tracks(performer, "points", "4", str(file)) == 3
        error = capsys.readouterr().err
        assert f"{file}: lines have to be INDEX X Y, or INDEX X Y Z ({line})" in error


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["split", "3", "4"], "there is no track 3; there are: 0"),
        (["drop", "all"], "'all' is no track"),
        (["box", "40", "1", "1", "9", "9"], "there is no frame 40: frames are 0 to 11"),
        (["box", "4", "0", "0", "30", "30"], "no face can be made out in the box"),
        (["points", "40"], "tracks in frame 40: none"),
    ],
)
def test_what_cannot_be_corrected_is_refused(performer: Path, capsys, arguments: list[str], why: str) -> None:
    assert tracks(performer, *arguments) == 2
    assert why in capsys.readouterr().err
    assert not performer.with_name("performer.mp4.corrections.json").exists()


def test_corrections_of_another_clip_are_named_and_left_alone(performer: Path, capsys) -> None:
    kept = performer.with_name("performer.mp4.corrections.json")
    text = '{"format": 1, "clip": "other", "corrections": [{"kind": "split", "face": [[1, 2, 3, 4]]}]}'
    kept.write_text(text)
    assert tracks(performer) == 0
    assert "its corrections are of another clip" in capsys.readouterr().err
    assert tracks(performer, "split", "0", "5") == 2
    assert "move it away" in capsys.readouterr().err
    assert kept.read_text() == text
    for action in ("undo", "clear"):
        assert tracks(performer, action) == 2
        assert "move it away" in capsys.readouterr().err
        assert kept.read_text() == text
    assert tracks(performer, "list") == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("0: split")
    assert "is of another clip, or of this one before it changed; they are not applied" in shown.err


def test_corrections_behind_a_link_to_nothing_are_missed(performer: Path, capsys) -> None:
    performer.with_name("performer.mp4.corrections.json").symlink_to("gone.json")
    for arguments in ([], ["split", "0", "5"], ["list"]):
        assert tracks(performer, *arguments) == 3
        assert "a folder or a link to nothing" in capsys.readouterr().err
    remote = Remote(None, argparse.Namespace(quiet=True))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a folder or a link to nothing"):
        remote.corrections(performer, "0" * 12)


def test_options_stand_before_an_action_or_after_it(performer: Path, capsys) -> None:
    assert main(["tracks", str(performer), "drop", "0:4-7", "--range", "0-11", "--quiet"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "drop: the face at" in shown.out
    for arguments in (["--json", "list", "--quiet"], ["--quiet", "list", "--json"]):
        assert main(["tracks", str(performer), *arguments]) == 0
        assert json.loads(capsys.readouterr().out)[0]["kind"] == "drop"


def test_it_is_said_which_corrections_could_not_be_applied(performer: Path, tmp_path: Path, capsys) -> None:
    named = tmp_path / "mine.json"
    assert tracks(performer, "--corrections", str(named), "split", "0", "5") == 0
    assert tracks(performer, "--corrections", str(named), "--min-face", "500") == 0
    error = capsys.readouterr().err
    assert "correction 0 was not applied (split: the face at" in error
    assert error.rstrip().endswith("there is no face")

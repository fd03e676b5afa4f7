from __future__ import annotations

import pytest

from recaster.cli.main import main


def test_a_missing_input_is_one_line(tmp_path, capsys) -> None:
    assert main(["extract", str(tmp_path / "nowhere.mp4"), "-o", str(tmp_path / "out")]) == 3
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "nowhere.mp4: there is no such file or folder" in told
    assert not (tmp_path / "out").exists()


def test_one_person_and_everybody_do_not_go_together(tmp_path, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["extract", "clip.mp4", "-o", str(tmp_path), "--person", "a.jpg", "--all"])
    assert stopped.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.footage
def test_damage_that_can_be_lived_with_is_told(footage, tmp_path, capsys) -> None:
    clip = footage / "variants" / "truncated_faststart.mp4"
    assert main(["extract", str(clip), "-o", str(tmp_path / "faces"), "--range", "0-3", "--quiet"]) == 0
    assert f"recaster extract: warning: {clip}: cut off" in capsys.readouterr().err


@pytest.mark.footage
def test_a_real_clip(footage, tmp_path, capsys) -> None:
    clip = footage / "variants" / "base4s.mp4"
    out = tmp_path / "faces"
    command = ["extract", str(clip), "-o", str(out), "--range", "0-10", "--every", "5", "--note", "somebody"]
    assert main(command) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == ["base4s.mp4: 3 faces (3 frames, 3 kept)", f"{out}: 3 faces"]
    assert "extracting 11/11 frames" in told.err
    assert main([*command, "--quiet"]) == 0
    assert capsys.readouterr() == (told.out, "")

from __future__ import annotations

from recaster.cli.main import main


def test_a_comparison_is_written(clip, tmp_path, capsys) -> None:
    out = tmp_path / "out.mkv"
    assert main(["compare", str(clip), str(clip), "-o", str(out), "--labels", "before", "after"]) == 0
    assert "comparing 10/10 frames" in capsys.readouterr().err
    assert out.stat().st_size > 0


def test_a_result_that_cannot_be_is_refused(clip, tmp_path, capsys) -> None:
    assert main(["compare", str(clip), str(clip), "-o", str(tmp_path / "out.avi")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.avi").exists()


def test_a_missing_clip_is_named(clip, tmp_path, capsys) -> None:
    assert main(["compare", str(clip), str(tmp_path / "none.mp4"), "-o", str(tmp_path / "out.mp4")]) == 3
    assert "none.mp4: no such file" in capsys.readouterr().err

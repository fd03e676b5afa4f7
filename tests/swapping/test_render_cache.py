"""The folder of parts."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import pytest

from recaster.errors import OutputError
from recaster.swapping.coverage import write_record
from recaster.swapping.render_cache import RenderCache

if TYPE_CHECKING:
    from pathlib import Path

PLAN = {"clip": "1", "settings": {"mask": "hull"}}


def parts(folder: Path, *, mattes: bool = False) -> RenderCache:
    return RenderCache.of(folder / "out.mp4", range(10, 95), 30, mattes=mattes)


def finish(made: RenderCache, chunk: range, *, matte: bool = False) -> None:
    write_record(made.record(chunk), [()] * len(chunk))
    made.clip(chunk).touch()
    if matte:
        made.matte(chunk).touch()


def test_chunks_cover_the_frames_once(tmp_path: Path) -> None:
    made = parts(tmp_path)
    assert made.chunks == (range(10, 40), range(40, 70), range(70, 95))
    assert made.folder == tmp_path / "out.mp4.parts"
    assert len({made.clip(c) for c in made.chunks} | {made.matte(c) for c in made.chunks}) == 6


def test_neighbouring_missing_chunks_are_rendered_in_one_go(tmp_path: Path) -> None:
    made = parts(tmp_path)
    made.open(PLAN)
    assert made.missing() == [range(10, 95)]
    finish(made, made.chunks[1])
    assert made.missing() == [range(10, 40), range(70, 95)]
    assert made.within(range(70, 95)) == [range(70, 95)]


def test_a_part_without_its_matte_is_missing(tmp_path: Path) -> None:
    made = parts(tmp_path, mattes=True)
    made.open(PLAN)
    for chunk in made.chunks:
        finish(made, chunk, matte=chunk == made.chunks[2])
    assert made.missing() == [range(10, 70)]


@pytest.mark.parametrize("harm", ["gone", "cut", "another's", "of other frames"])
def test_a_part_of_which_it_is_not_known_what_was_swapped_is_missing(tmp_path: Path, harm: str) -> None:
    made = parts(tmp_path)
    made.open(PLAN)
    for chunk in made.chunks:
        finish(made, chunk)
    assert made.missing() == []
    assert made.faces() == [()] * 85
    record = made.record(made.chunks[1])
    if harm == "gone":
        record.unlink()
    elif harm == "of other frames":
        write_record(record, [()] * 31)
    else:
        record.write_text({"cut": "[[], [", "another's": '[[{"track": "x"}]]'}[harm])
    assert made.missing() == [range(40, 70)]
    with pytest.raises(OutputError, match="gone or damaged; run the same command again"):
        made.faces()


def test_parts_of_the_same_plan_are_kept_and_of_another_discarded(tmp_path: Path) -> None:
    made = parts(tmp_path)
    assert made.open(PLAN) is False
    finish(made, made.chunks[0])
    assert made.open({**PLAN}) is False
    assert made.finished(made.chunks[0])
    (made.folder / f".{made.clip(made.chunks[1]).stem}.abc123.mov").touch()
    assert made.open({**PLAN, "clip": "2"}) is True
    assert [path.name for path in made.folder.iterdir()] == ["plan.json"]
    (made.folder / "plan.json").write_text("{broken")
    assert made.open(PLAN) is True


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")
def test_what_isn_t_signed_yet_is_for_its_owner_alone(tmp_path: Path) -> None:
    made = parts(tmp_path)
    for _ in range(2):
        made.open(PLAN)
        assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
        made.folder.chmod(0o755)  # as an earlier release left it


def test_nothing_of_the_users_is_deleted(tmp_path: Path) -> None:
    made = parts(tmp_path)
    made.folder.mkdir()
    (made.folder / "holiday.mov").touch()
    (made.folder / "00000010.clip.mov").touch()
    with pytest.raises(OutputError, match=r"holiday\.mov: is in the way"):
        made.open(PLAN)
    assert len(list(made.folder.iterdir())) == 2


def test_removing(tmp_path: Path) -> None:
    made = parts(tmp_path)
    made.open(PLAN)
    made.clip(made.chunks[0]).touch()
    made.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    made = parts(tmp_path)
    made.folder.touch()
    with pytest.raises(OutputError, match="cannot be written"):
        made.open(PLAN)

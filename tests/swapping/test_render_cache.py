"""The folder of rendered segments."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import pytest

from recaster.errors import OutputError
from recaster.swapping.coverage import write_record
from recaster.swapping.render_cache import CLIP, MATTE, RenderCache

if TYPE_CHECKING:
    from pathlib import Path

PLAN = {"clip": "1", "settings": {"mask": "hull"}}
DISCARDED = ("out.mp4.parts: parts of a swap with other settings were discarded",)


def cache_of(folder: Path, products: dict[str, str] | None = None) -> RenderCache:
    return RenderCache.of(folder / "out.mp4", range(10, 95), 30, products or {CLIP: ".mov"})


def finish(cache: RenderCache, segment: range, *products: str) -> None:
    write_record(cache.coverage_path(segment), [()] * len(segment))
    for product in products or cache.products:
        path = cache.segment_path(product, segment)
        if path.suffix == ".mov":
            path.touch()
        else:
            path.mkdir()
            (path / f"{segment.start:08}{path.suffix}").touch()


def test_segments_cover_the_frames_once(tmp_path: Path) -> None:
    cache = cache_of(tmp_path, {CLIP: ".mov", MATTE: ".mov"})
    assert cache.segments == (range(10, 40), range(40, 70), range(70, 95))
    assert cache.folder == tmp_path / "out.mp4.parts"
    assert len({*cache.segment_paths(CLIP), *cache.segment_paths(MATTE)}) == 6


def test_neighbouring_missing_segments_are_rendered_in_one_go(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    cache.open(PLAN)
    assert cache.find_missing() == [range(10, 95)]
    finish(cache, cache.segments[1])
    assert cache.find_missing() == [range(10, 40), range(70, 95)]
    assert cache.select_segments(range(70, 95)) == [range(70, 95)]


@pytest.mark.parametrize("suffix", [".mov", ".exr"])
def test_a_part_without_its_matte_is_missing(tmp_path: Path, suffix: str) -> None:
    cache = cache_of(tmp_path, {CLIP: ".exr", MATTE: suffix})
    cache.open(PLAN)
    for segment in cache.segments[:2]:
        finish(cache, segment, CLIP)
    finish(cache, cache.segments[2])
    assert cache.find_missing() == [range(10, 70)]


@pytest.mark.parametrize("harm", ["gone", "cut", "another's", "of other frames"])
def test_a_part_of_which_it_is_not_known_what_was_swapped_is_missing(tmp_path: Path, harm: str) -> None:
    cache = cache_of(tmp_path)
    cache.open(PLAN)
    for segment in cache.segments:
        finish(cache, segment)
    assert cache.find_missing() == []
    assert cache.read_coverage() == [()] * 85
    record = cache.coverage_path(cache.segments[1])
    if harm == "gone":
        record.unlink()
    elif harm == "of other frames":
        write_record(record, [()] * 31)
    else:
        record.write_text({"cut": "[[], [", "another's": '[[{"track": "x"}]]'}[harm])
    assert cache.find_missing() == [range(40, 70)]
    with pytest.raises(OutputError, match="gone or damaged; run the same command again"):
        cache.read_coverage()


def test_parts_of_the_same_plan_are_kept_and_of_another_discarded(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    assert cache.open(PLAN) == ()
    finish(cache, cache.segments[0])
    assert cache.open({**PLAN}) == ()
    assert cache.is_complete(cache.segments[0])
    (cache.folder / f".{cache.segment_path(CLIP, cache.segments[1]).stem}.abc123.mov").touch()
    assert cache.open({**PLAN, "clip": "2"}) == DISCARDED
    assert [path.name for path in cache.folder.iterdir()] == ["plan.json"]
    (cache.folder / "plan.json").write_text("{broken")
    assert cache.open(PLAN) == DISCARDED


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")
def test_what_isn_t_signed_yet_is_for_its_owner_alone(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    for _ in range(2):
        cache.open(PLAN)
        assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
        cache.folder.chmod(0o755)  # as an earlier release left it


def test_nothing_of_the_users_is_deleted(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    cache.folder.mkdir()
    (cache.folder / "holiday.mov").touch()
    (cache.folder / "00000010.clip.mov").touch()
    with pytest.raises(OutputError, match=r"holiday\.mov: is in the way"):
        cache.open(PLAN)
    assert len(list(cache.folder.iterdir())) == 2


def test_a_still_that_was_not_signed_yet_goes_with_the_other_parts(tmp_path: Path) -> None:
    cache = RenderCache.of(tmp_path / "out.jpg", range(1), 30, {CLIP: ".jpg"})
    cache.open(PLAN)
    finish(cache, cache.segments[0])
    cache.unsigned_path(".jpg").touch()
    assert cache.open({**PLAN, "clip": "2"})
    assert not cache.unsigned_path(".jpg").exists()
    cache.unsigned_path(".jpg").touch()
    cache.remove()
    assert not cache.folder.exists()


def test_no_folder_is_deleted_where_a_file_belongs(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    (cache.folder / "00000010.clip.mov").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"00000010\.clip\.mov: is in the way"):
        cache.open(PLAN)


@pytest.mark.parametrize("suffix", [".mov", ".exr"])
def test_removing(tmp_path: Path, suffix: str) -> None:
    cache = cache_of(tmp_path, {CLIP: suffix})
    cache.open(PLAN)
    finish(cache, cache.segments[0])
    stopped = cache.folder / f".00000040.clip.abc123{suffix}"
    stopped.mkdir() if suffix == ".exr" else stopped.touch()
    cache.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    cache.folder.touch()
    with pytest.raises(OutputError, match="cannot be written"):
        cache.open(PLAN)

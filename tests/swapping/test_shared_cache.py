"""A folder of segments that several machines share: what is refused, what is said, what is removed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from recaster.errors import OutputError, UsageError
from recaster.swapping.coverage import write_record
from recaster.swapping.render_cache import CLIP
from recaster.swapping.shared_cache import SharedCache

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DESCRIPTION: dict[str, Any] = {
    "clip": "a" * 64,
    "recaster": "1.0",
    "products": {CLIP: ".mov"},
    "settings": {"writer": {"quality": 15}, "look": {"mask": {"kind": "learned"}}, "label": {"kind": "none"}},
}


@pytest.fixture
def cache(tmp_path: Path) -> SharedCache:
    """Six segments, of 30 frames each."""
    return SharedCache.inside(tmp_path / "parts", range(180), 30, {CLIP: ".mov"})


def finish(cache: SharedCache, segments: Iterable[range]) -> None:
    for segment in segments:
        cache.segment_path(CLIP, segment).write_bytes(b"frames")
        write_record(cache.coverage_path(segment), [()] * len(segment), "digest")


def test_a_folder_is_of_one_swap_and_says_what_differs(cache: SharedCache) -> None:
    cache.begin_part(DESCRIPTION, 3)
    cache.begin_part(DESCRIPTION, 3)
    finish(cache, cache.segments[:2])
    kept = {path: path.read_bytes() for path in cache.folder.iterdir()}
    other = DESCRIPTION | {
        "clip": "b" * 64,
        "corrections": "c" * 64,
        "settings": {"writer": {"quality": 20}, "look": {"mask": {"kind": "box"}}, "label": {"kind": "none"}},
    }
    with pytest.raises(UsageError, match="holds parts of another swap") as refused:
        cache.begin_part(other, 4)
    text = str(refused.value)
    for part in (
        "differ in the clip, the corrections of the clip, the number of parts (3 there, 4 here)",
        "--mask (learned there, box here), --quality (15 there, 20 here)",
        "name another folder",
    ):
        assert part in text
    assert "--label" not in text
    finish(cache, cache.segments)
    with pytest.raises(UsageError, match="differ in the release of Recaster;"):
        cache.begin_join(DESCRIPTION | {"recaster": "2.0"})
    assert kept.items() <= {path: path.read_bytes() for path in cache.folder.iterdir()}.items()


def test_missing_segments_are_named_by_their_parts(cache: SharedCache) -> None:
    with pytest.raises(OutputError, match="holds no parts of a swap"):
        cache.begin_join(DESCRIPTION)
    assert not cache.folder.exists()
    cache.begin_part(DESCRIPTION, 4)  # 1, 2, 1 and 2 segments
    finish(cache, [cache.segments[0], cache.segments[4]])
    with pytest.raises(OutputError, match="segments are missing") as refused:
        cache.begin_join(DESCRIPTION)
    assert (
        "4 of 6 segments are missing: part 2 of 4 (frames 30-89); part 3 of 4 (frames 90-119); "
        "part 4 of 4 (frames 150-179). Run these parts again"
    ) in str(refused.value)
    finish(cache, cache.segments)
    cache.begin_join(DESCRIPTION)


def test_of_many_parts_some_are_named(tmp_path: Path) -> None:
    cache = SharedCache.inside(tmp_path / "parts", range(500), 10, {CLIP: ".mov"})
    cache.begin_part(DESCRIPTION, 50)
    with pytest.raises(OutputError, match=r"part 12 of 50 \(frames 110-119\); and 38 more parts\. Run"):
        cache.begin_join(DESCRIPTION)


@pytest.mark.skipif(os.name == "nt", reason="folders have no modes on Windows")
def test_a_folder_that_others_use_is_not_taken_from_them(cache: SharedCache) -> None:
    cache.folder.mkdir()
    cache.folder.chmod(0o755)
    note = cache.folder / "notes.txt"
    note.write_text("somebody's")
    with pytest.raises(UsageError, match=r"holds other things \(notes\.txt\)"):
        cache.begin_part(DESCRIPTION, 3)
    assert cache.folder.stat().st_mode & 0o777 == 0o755
    assert [*cache.folder.iterdir()] == [note]
    cache.folder.chmod(0o700)
    cache.begin_part(DESCRIPTION, 3)
    note.unlink()
    cache.remove()
    cache.folder.mkdir()
    cache.folder.chmod(0o755)
    cache.begin_part(DESCRIPTION, 3)
    assert cache.folder.stat().st_mode & 0o777 == 0o700


def test_segments_of_nobody_knows_what_are_left_alone(cache: SharedCache) -> None:
    cache.begin_part(DESCRIPTION, 3)
    finish(cache, cache.segments[:1])
    (cache.folder / "plan.json").write_text("{")
    with pytest.raises(OutputError, match="gone or damaged"):
        cache.begin_part(DESCRIPTION, 3)
    assert cache.is_complete(cache.segments[0])


def test_the_first_digests_hold_for_all(cache: SharedCache) -> None:
    cache.begin_part(DESCRIPTION, 3)
    first = {segment: f"first {segment.start}" for segment in cache.segments}
    assert cache.settle_digests(first) == first
    assert cache.settle_digests(dict.fromkeys(cache.segments, "of another processor")) == first
    (cache.folder / "plan.digests.json").write_text("{}")
    with pytest.raises(OutputError, match="damaged"):
        cache.settle_digests(first)


def test_what_is_others_stays_in_the_folder(cache: SharedCache) -> None:
    cache.begin_part(DESCRIPTION, 3)
    finish(cache, cache.segments)
    cache.settle_digests(dict.fromkeys(cache.segments, "digest"))
    (cache.folder / ".00000030.clip.1a2b3c4d.mov").write_bytes(b"of a machine that died")
    found = cache.folder / "plan.analysis"
    found.mkdir()
    (found / "00000000.npz").write_bytes(b"faces")
    (cache.folder / "plan.analysis.npz").write_bytes(b"faces")
    (cache.folder / "job_1.log").write_text("a farm's")
    (cache.folder / "notes").mkdir()
    cache.remove()
    assert sorted(path.name for path in cache.folder.iterdir()) == ["job_1.log", "notes"]
    (cache.folder / "job_1.log").unlink()
    (cache.folder / "notes").rmdir()
    cache.remove()
    assert not cache.folder.exists()

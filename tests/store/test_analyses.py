"""Analyses know faces: they are for their owner's eyes, end with their clip, and don't stay unused."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time

import pytest

from recaster.errors import ClipError
from recaster.faces.analysis_cache import analyse_clip, cached_analysis
from recaster.files import sha256
from recaster.locks import try_lock
from recaster.media.clip import Clip
from recaster.store import analyses
from recaster.store.folder import DataFolder
from recaster.store.store import Store

FRAMES = range(3)
OLD_S = (analyses.MAX_UNUSED_DAYS + 1) * 24 * 3600


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "analysis"


@pytest.fixture
def clip(actors, tmp_path):
    copy = tmp_path / "clip.mp4"
    copy.write_bytes((actors / "performer.mp4").read_bytes())
    return copy


def names(cache):
    return sorted(path.name for path in cache.glob("*/*"))


def interrupt(_):
    raise KeyboardInterrupt


def aged(path):
    then = time.time() - OLD_S
    os.utime(path, (then, then))
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")
def test_analyses_are_for_their_owner_alone(cache, clip):
    before = os.umask(0)
    try:
        analyse_clip(Clip(clip), frames=FRAMES)
        with pytest.raises(KeyboardInterrupt):
            analyse_clip(Clip(clip), frames=range(1), report=interrupt)
    finally:
        os.umask(before)
    assert not any(
        stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (cache, *cache.iterdir(), *cache.glob("*/*"))
    )
    for path in (cache, *cache.iterdir(), *cache.glob("*/*")):
        path.chmod(0o755)  # as an earlier release left them
    analyses.tidy()
    assert not any(
        stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (cache, *cache.iterdir(), *cache.glob("*/*"))
    )


def test_an_engine_mends_what_was_open_when_it_starts(cache, serve):
    cache.mkdir(parents=True)
    cache.chmod(0o755)
    kept = cache / ("a" * 64) / f"{'b' * 32}.npz"
    kept.parent.mkdir(mode=0o755)
    kept.touch()
    kept.chmod(0o644)
    nameless = cache / f"{'c' * 32}.npz"
    nameless.touch()
    serve()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (cache, kept.parent)} == {0o700}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not nameless.exists()


def test_what_nobody_uses_ends(cache, clip):
    analyse_clip(Clip(clip), frames=FRAMES)
    [used] = cache.glob("*/*")
    aged(used)
    assert cached_analysis(Clip(clip), frames=FRAMES) is not None  # used today
    analyses.make_clip_folder("a" * 64)
    unused = analyses.analysis_path("a" * 64, "b")
    unused.touch()
    aged(unused)
    other = analyses.make_clip_folder("d" * 64)
    for name in ("old", "held", "new"):
        (other / f"{name}.parts").mkdir()
    with try_lock(other / "held.parts" / "lock"):
        for name in ("old", "held"):
            aged(other / f"{name}.parts")
        analyses.tidy()
        assert names(cache) == sorted([used.name, "held.parts", "new.parts"])


def test_a_clip_s_analyses_go_with_it(cache, clip, tmp_path):
    store = Store.open(DataFolder(tmp_path / "data"))
    try:
        digest = sha256(clip)
        store.blobs.commit(clip, digest)
        store.blobs.acquire([digest], "clip 1")
        store.blobs.acquire([digest], "job 1")
        analyse_clip(Clip(store.blobs.path(digest)), frames=FRAMES)
        analyse_clip(Clip(store.blobs.path(digest)), frames=range(2))
        half_made = cache / digest / ".x.abcd.npz"
        half_made.touch()
        (cache / digest / "y.parts").mkdir()
        other = analyses.make_clip_folder("e" * 64) / "b.npz"
        other.touch()
        assert len(names(cache)) == 5
        store.blobs.release_all("clip 1")
        assert len(names(cache)) == 5  # a job needs it still
        store.blobs.release_all("job 1")
        assert names(cache) == [other.name]
        assert not (cache / digest).exists()
    finally:
        store.close()


@pytest.mark.parametrize("when", [0, 2])
def test_a_clip_that_goes_while_it_is_looked_at_leaves_nothing(cache, clip, when):
    def gone(update):
        if update.done == when:
            clip.unlink()

    with pytest.raises(ClipError, match="no such file") if when == 0 else contextlib.nullcontext():
        analyse_clip(Clip(clip), frames=FRAMES, report=gone)
    assert not names(cache)

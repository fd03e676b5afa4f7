"""The cache of a node: limited, private, shared by processes, and never wrong."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from recaster.errors import OutputError
from recaster.storage import node_cache
from recaster.storage.node_cache import NodeCache

if TYPE_CHECKING:
    from pathlib import Path


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def path_of(cache: NodeCache, digest: str) -> Path:
    return cache.folder / digest[:2] / digest


def fill(cache: NodeCache, count: int, size: int) -> list[str]:
    digests = []
    for _ in range(count):
        data = os.urandom(size)
        cache.put(digest_of(data), data)
        digests.append(digest_of(data))
    return digests


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    cache = NodeCache(tmp_path / "cache", 1000)
    cache.put(digest_of(b"x"), b"x")
    assert cache.get(digest_of(b"x")) == b"x"
    assert cache.get(digest_of(b"y")) is None
    assert NodeCache(tmp_path / "cache", 1000).get(digest_of(b"x")) == b"x"


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o755)
    cache = NodeCache(tmp_path / "cache", 1000)
    (digest,) = fill(cache, 1, 10)
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert path_of(cache, digest).stat().st_mode & 0o777 == 0o600


def test_a_changed_file_is_no_hit_and_goes(tmp_path: Path) -> None:
    cache = NodeCache(tmp_path / "cache", 1000)
    (digest,) = fill(cache, 1, 10)
    path_of(cache, digest).write_bytes(b"something else")
    assert cache.get(digest) is None
    assert not path_of(cache, digest).exists()


def test_what_was_read_least_recently_goes_first(tmp_path: Path) -> None:
    cache = NodeCache(tmp_path / "cache", 1000)
    digests = fill(cache, 9, 100)
    for age, digest in enumerate(reversed(digests)):
        os.utime(path_of(cache, digest), (1000 - age, 1000 - age))
    assert cache.get(digests[0]) is not None  # read now, so it stays
    fill(cache, 3, 100)
    assert cache.count_bytes() <= 1000
    assert cache.get(digests[0]) is not None
    assert cache.get(digests[1]) is None
    assert cache.get(digests[8]) is not None


def test_the_limit_holds(tmp_path: Path) -> None:
    cache = NodeCache(tmp_path / "cache", 100_000)
    for size in (10, 30_000, 1000, 99_999, 20_000, 7) * 5:
        fill(cache, 3, size)
        assert cache.count_bytes() <= 100_000
    assert fill(cache, 1, 99_999)[0] not in {path.name for path in cache.folder.rglob("*")}


def test_temporary_files_of_the_dead_go(tmp_path: Path) -> None:
    cache = NodeCache(tmp_path / "cache", 1000)
    fill(cache, 1, 100)
    folder = next(path for path in cache.folder.iterdir() if path.is_dir())
    (folder / ".old").write_bytes(b"x")
    (folder / ".new").write_bytes(b"x")
    os.utime(folder / ".old", (0, 0))
    NodeCache(cache.folder, 1000).put(digest_of(b"y"), b"y")
    assert not (folder / ".old").exists()
    assert (folder / ".new").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file")
    cache = NodeCache(tmp_path / "cache", 1000)
    with pytest.raises(OutputError, match=r"cache.*cannot be written"):
        cache.put(digest_of(b"x"), b"x")


FILLING = """
import hashlib, random, sys
from pathlib import Path
from recaster.storage.node_cache import NodeCache
cache = NodeCache(Path(sys.argv[1]), 400_000)
blobs = [random.Random(number).randbytes(10_000) for number in range(100)]
order = random.Random(int(sys.argv[2]))
hits = 0
for _ in range(1500):
    data = order.choice(blobs)
    digest = hashlib.sha256(data).hexdigest()
    found = cache.get(digest)
    hits += found is not None
    assert found in (None, data)
    if found is None:
        cache.put(digest, data)
assert hits > 100, hits
"""


def test_several_processes_fill_one_cache(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    running = [subprocess.Popen([sys.executable, "-c", FILLING, str(folder), str(seed)]) for seed in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    cache = NodeCache(folder, 400_000)
    assert 200_000 < cache.count_bytes() <= 400_000
    assert [path for path in folder.rglob(".*") if path.is_file()] == []
    for path in folder.glob("??/*"):
        assert digest_of(path.read_bytes()) == path.name


def test_shares_make_sense() -> None:
    assert node_cache.LOOK_SHARE * 8 <= 1 - node_cache.KEPT_SHARE

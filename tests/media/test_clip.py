"""The handle of a clip: probed and hashed once, wherever it goes."""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from recaster.errors import ClipError
from recaster.media import clip as module
from recaster.media.clip import Clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Probes and digests of files as they are made, one word each."""
    asked: list[str] = []

    def counted(name: str) -> Callable[[Any], Any]:
        original = getattr(module, name)

        def count(path: Path, *options: Any) -> Any:
            asked.append(name)
            return original(path, *options)

        return count

    for name in ("probe", "hash_file"):
        monkeypatch.setattr(module, name, counted(name))
    return asked


def test_it_is_probed_and_hashed_once_and_tells_other_processes(make_clip: Any, asked: list[str]) -> None:
    path = make_clip(count=20)
    clip = Clip(path)
    assert asked == []
    for _ in range(2):
        assert clip.frames == range(20)
        assert clip.info.path == path
        assert clip.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sorted(asked) == ["hash_file", "probe"]
    elsewhere = copy.copy(clip)  # by the same way as pickling it
    assert (elsewhere, elsewhere.info, elsewhere.digest) == (clip, clip.info, clip.digest)
    assert len(asked) == 2


def test_its_frames_are_the_readers(make_clip: Any) -> None:
    clip = Clip(make_clip(count=20))
    assert [frame.index for frame in clip.read(3, 7)] == [3, 4, 5, 6]
    assert [frame.index for frame in clip.read_indices([2, 11])] == [2, 11]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="no such file"):
        _ = Clip(tmp_path / "gone.mp4").info
    with pytest.raises(ClipError, match="cannot be read"):
        _ = Clip(tmp_path / "gone.mp4").digest

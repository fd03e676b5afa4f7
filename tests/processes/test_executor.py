"""Work by an executor: what is known of its clips goes along."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from recaster.media import probe
from recaster.media.clip import Clip
from recaster.processes.executor import LocalExecutor, Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def prepare(clip: Clip) -> Clip:
    return clip


def read(clip: Clip, start: int, _tick: Callable[[], None]) -> list[Any]:
    """The times of two frames, and how often this process has gone through the clip for them."""
    return [[frame.pts for frame in clip.read(start, start + 2)], probe._scan.cache_info().misses]


def test_processes_do_not_look_through_a_clip_again(actors: Path, tmp_path: Path) -> None:
    clip = Clip(actors / "performer.mp4")
    expected = [frame.pts for frame in clip.read(0, 14)]
    work = Work(prepare, read, clip, tmp_path, "reading", json.dumps, 1, 1, clips=[clip])
    found = LocalExecutor().run(work, [4, 12], 2, lambda _: None)
    assert found == [[expected[4:6], 0], [expected[12:14], 0]]

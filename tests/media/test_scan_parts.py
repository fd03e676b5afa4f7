"""Scans of clips in parts: what one pass finds, or nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from recaster.media import probe, scan_parts
from recaster.media.clip import Clip
from recaster.media.probe import is_scanned, scan
from recaster.media.scan_parts import scan_by_executor
from recaster.processes.executor import LocalExecutor, use_executor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from recaster.media.types import Scan
    from recaster.processes.executor import Work

COUNT = 130
SIDE = 64
KINDS = {
    "b_frames.mp4": ("libx264", {"bf": "3", "g": "12", "x264-params": "scenecut=0"}),
    "open_groups.mkv": ("libx264", {"bf": "3", "g": "12", "x264-params": "open-gop=1:scenecut=0"}),
    "leading_pictures.mov": ("libx265", {"x265-params": "open-gop=1:keyint=12:bframes=3:log-level=none"}),
    "pictures.mov": ("prores_ks", {}),
}


class Here(LocalExecutor):
    """Does the work in this process, whichever number of cores it has; notes what it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def limit(self, useful: int, *_: Any, **__: Any) -> int:
        return min(useful, 2)

    def run(self, work: Work, items: Sequence[Any], _count: int, tick: Callable[[int], None]) -> list[Any]:
        self.asked += items
        prepared = work.prepare(work.shared)
        return [list(work.do(prepared, item, lambda: tick(1))) for item in items]


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_parts, "PART_FRAMES", 20)
    monkeypatch.setattr(scan_parts, "MIN_PARTS", 3)


@pytest.fixture
def executor() -> Iterator[Here]:
    made = Here()
    with use_executor(made):
        yield made


def write(path: Path, count: int = COUNT) -> Path:
    codec, options = KINDS[path.name]
    noise = np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25, options=options)
        video.width = video.height = SIDE
        video.pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
        sound = container.add_stream("aac", rate=48000, layout="mono")
        for index in range(count):
            image = noise.integers(0, 255, (SIDE, SIDE, 3), np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            heard = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.float32), "fltp", "mono")
            heard.rate = 48000
            heard.pts = index * 1920
            container.mux(sound.encode(heard))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


def facts(found: Scan) -> Any:
    return dataclasses.asdict(found.info), found.pts.tolist(), found.seek_points.tolist(), found.jumps


@pytest.mark.parametrize("name", KINDS)
def test_parts_find_what_one_pass_finds(tmp_path: Path, executor: Here, name: str) -> None:
    path = write(tmp_path / name)
    whole = scan(path)
    scan_by_executor(Clip(path))
    assert len(executor.asked) >= 5
    assert scan(path) is not whole
    assert facts(scan(path)) == facts(whole)
    assert len(whole.pts) == COUNT


def damage(path: Path) -> None:
    """Spoils a picture in the middle, as a bad disk would."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(1).bytes(400)
    path.write_bytes(data)


def test_what_is_wrong_is_told_by_one_pass(tmp_path: Path, executor: Here) -> None:
    path = write(tmp_path / "b_frames.mp4")
    damage(path)
    scan_by_executor(Clip(path))
    assert executor.asked
    assert not is_scanned(path)
    assert any("damaged" in each for each in scan(path).info.warnings)


def test_a_file_that_was_cut_off_is_told(tmp_path: Path, executor: Here) -> None:
    path = write(tmp_path / "open_groups.mkv")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    whole = scan(path)
    scan_by_executor(Clip(path))
    assert executor.asked
    assert facts(scan(path)) == facts(whole)
    assert any("cut off" in each for each in whole.info.warnings)


def test_frames_that_do_not_come_are_not_counted(
    tmp_path: Path, executor: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "b_frames.mp4")
    part = scan_parts.scan_part

    def lose(*given: Any, **options: Any) -> Any:
        found = part(*given, **options)
        return found._replace(pts=found.pts[1:])

    monkeypatch.setattr(scan_parts, "scan_part", lose)
    scan_by_executor(Clip(path))
    assert executor.asked
    assert not is_scanned(path)


def test_a_file_that_changed_is_scanned_again(tmp_path: Path, executor: Here) -> None:
    path = write(tmp_path / "b_frames.mp4")
    scan_by_executor(Clip(path))
    assert executor.asked
    write(path, COUNT + 7)
    assert len(scan(path).pts) == COUNT + 7


def test_short_clips_are_not_worth_it(tmp_path: Path, executor: Here) -> None:
    path = write(tmp_path / "b_frames.mp4", 40)
    scan_by_executor(Clip(path))
    assert not executor.asked
    assert probe.probe(path).frame_count == 40

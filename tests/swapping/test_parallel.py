"""Rendering by several processes: the same clip, to the bit, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.swapping.travelling import NotingExecutor, TravellingExecutor

from recaster.errors import ClipError, OutputError
from recaster.faces import segments
from recaster.media.clip import Clip
from recaster.processes import pieces, pool
from recaster.processes.executor import LocalExecutor, use_executor
from recaster.processes.pool import MAX_PROCESSES
from recaster.processes.spawn import follow_pool_owner
from recaster.settings.encoding import WriterOptions
from recaster.settings.look_course import LookChange
from recaster.settings.swap import SwapSettings
from recaster.swapping import appearance_pieces, parallel, track_planning
from recaster.swapping.load import SwapperFactory, load_swapper
from recaster.swapping.parallel import choose_count, split_runs
from recaster.swapping.pipeline import swap_clip
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.progress import Update
    from recaster.swapping.result import SwapResult

KEYS = (
    LookChange(range(20, 21), (("erode", 0.0),), is_key=True),
    LookChange(range(60, 61), (("erode", 0.2),), is_key=True),
)
SETTINGS = SwapSettings(frames=range(10, 74), chunk=8, changes=KEYS)


def swap(
    actors: Path,
    faceset: Faceset,
    out: Path,
    processes: int,
    report=lambda _: None,
    settings: SwapSettings = SETTINGS,
) -> SwapResult:
    swapper = load_swapper(source=faceset.folder)
    factory = SwapperFactory(None, faceset.folder, "cpu")
    clip = Clip(actors / "performer.mp4")
    request = SwapRequest(clip, out, swapper, settings, factory=factory, processes=processes)
    return swap_clip(request, report)


def test_the_result_is_the_same(actors: Path, few_faces: Faceset, tmp_path: Path) -> None:
    told: list[Update] = []
    alone = swap(actors, few_faces, tmp_path / "alone.mp4", 1)
    beside_one_another = swap(actors, few_faces, tmp_path / "beside.mp4", 2, told.append)
    assert (tmp_path / "alone.mp4").read_bytes() == (tmp_path / "beside.mp4").read_bytes()
    assert beside_one_another.swapped == alone.swapped == 64
    assert {"swap", "encode", "composite"} <= beside_one_another.seconds.keys()
    done = [one.done for one in told if one.stage == "swapping"]
    assert done == sorted(done)
    assert done[-1] == 64
    assert not multiprocessing.active_children()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone.mp4", "beside.mp4"]


@pytest.fixture
def cuts(patchy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clip of three shots with a face each, which are analysed, looked at and rendered by pieces."""
    monkeypatch.setattr(segments, "MIN_SEGMENT_FRAMES", 10)
    monkeypatch.setattr(appearance_pieces, "PIECE_FRAMES", 10)
    return patchy


@pytest.fixture
def swap_cuts(
    cuts: Path, few_faces: Faceset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., bytes]:
    """Swaps everybody in it, from the first look on, by so many processes."""

    def run(name: str, processes: int | None) -> bytes:
        monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / f"{name}-cache"))
        settings = SwapSettings(everyone=True, chunk=4)
        out = tmp_path / f"{name}.mp4"
        swapper = load_swapper(source=few_faces.folder)
        factory = SwapperFactory(None, few_faces.folder, "cpu")
        result = swap_clip(
            SwapRequest(Clip(cuts), out, swapper, settings, factory=factory, processes=processes)
        )
        assert result.swapped == 36
        return out.read_bytes()

    return run


def test_all_of_a_swap_is_the_same_for_any_number_of_processes(
    swap_cuts: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = swap_cuts("alone", 1)
    planning: list[int] = []

    def note(*work: Any, **options: Any) -> Any:
        planning.append(work[4])
        return pool.run_in_processes(*work, **options)

    noting = NotingExecutor()
    monkeypatch.setattr(track_planning, "MIN_FRAMES_PER_PROCESS", 10)
    monkeypatch.setattr(track_planning, "run_in_processes", note)
    monkeypatch.setattr(pieces, "LocalExecutor", lambda: noting)
    monkeypatch.setattr(parallel, "LocalExecutor", lambda: noting)
    assert swap_cuts("two", 2) == alone
    assert swap_cuts("four", 4) == alone
    assert noting.asked == [
        *(("analysis", 2), ("looks", 2), ("render", 2)),
        *(("analysis", 4), ("looks", 3), ("render", 4)),
    ]
    assert planning == [2, 3]


def test_nodes_get_what_they_need_of_a_plan(swap_cuts: Callable[..., bytes]) -> None:
    alone = swap_cuts("alone", 1)
    executor = TravellingExecutor()
    with use_executor(executor):
        assert swap_cuts("nodes", None) == alone
    assert {name: len(packed) for name, packed in executor.packed.items()} == {
        "analysis": 4,
        "looks": 3,
        "render": 3,
    }
    # Rows of the frames that a run reads: those of 16, and up to 16 of its neighbours.
    assert max(executor.packed["render"]) < 32 * 26_000 + 3 * 90_000


def test_pictures_are_the_same(actors: Path, few_faces: Faceset, tmp_path: Path) -> None:
    settings = SwapSettings(frames=range(10, 42), chunk=4, writer=WriterOptions("exr"))
    for name, processes in (("alone", 1), ("beside", 2)):
        out = tmp_path / name / "shot.%04d.exr"
        swap(actors, few_faces, out, processes, settings=settings)
    alone, beside = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("alone", "beside")
    )
    assert alone == beside
    assert sorted(alone) == [f"shot.{number:04}.exr" for number in range(11, 43)]


def test_a_stopped_one_goes_on(actors: Path, few_faces: Faceset, tmp_path: Path) -> None:
    def stopping(update: Update) -> None:
        # Of chunks of 8 one is whole by then, whoever of the two processes is ahead.
        if update.stage == "swapping" and update.done >= 24:
            raise KeyboardInterrupt

    out = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        swap(actors, few_faces, out, 2, stopping)
    assert not multiprocessing.active_children()
    assert (tmp_path / "out.mp4.parts").is_dir()
    assert not out.exists()
    resumed = swap(actors, few_faces, out, 2)
    assert resumed.resumed > 0
    swap(actors, few_faces, tmp_path / "alone.mp4", 1)
    assert out.read_bytes() == (tmp_path / "alone.mp4").read_bytes()


def test_a_process_that_dies_is_said(
    actors: Path, few_faces: Faceset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = pool.wait

    def kill(*waited: Any, **options: Any) -> Any:
        monkeypatch.setattr(pool, "wait", wait)
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        return wait(*waited, **options)

    monkeypatch.setattr(pool, "wait", kill)
    with pytest.raises(OutputError, match="died"):
        swap(actors, few_faces, tmp_path / "out.mp4", 2)
    assert not (tmp_path / "out.mp4").exists()


def test_what_goes_wrong_there_is_said_here(actors: Path, few_faces: Faceset, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((actors / "performer.mp4").read_bytes())
    swapper = load_swapper(source=few_faces.folder)
    factory = SwapperFactory(None, few_faces.folder, "cpu")

    def spoiling(update: Update) -> None:
        if update.stage == "looking at faces" and update.done == update.total:
            clip.write_bytes(b"nothing")  # before anybody renders it

    request = SwapRequest(Clip(clip), tmp_path / "out.mp4", swapper, SETTINGS, factory=factory, processes=2)
    with pytest.raises(ClipError, match=r"clip\.mp4"):
        swap_clip(request, spoiling)


def test_pieces_are_whole_chunks() -> None:
    missing = [range(640), range(704, 1000)]
    found = split_runs(missing, 64, 2)
    assert [one.start for one in found] == [0, 256, 512, 704, 960]
    assert [frame for one in found for frame in one] == [frame for run in missing for frame in run]
    assert len(split_runs([range(64 * 1000)], 64, 4)) == 8


def test_short_clips_and_small_machines_need_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "memory_bytes", lambda: 256 << 30)
    monkeypatch.setattr(pool, "cores", lambda: 64)
    assert choose_count(LocalExecutor(), [range(64 * 1000)], 64) == MAX_PROCESSES
    assert choose_count(LocalExecutor(), [range(64 * 8)], 64) == 2
    assert choose_count(LocalExecutor(), [range(64 * 7)], 64) == 1
    monkeypatch.setattr(pool, "cores", lambda: 2)
    assert choose_count(LocalExecutor(), [range(64 * 1000)], 64) == 2
    monkeypatch.setattr(pool, "cores", lambda: 1)
    assert choose_count(LocalExecutor(), [range(64 * 1000)], 64) == 1
    monkeypatch.setattr(pool, "cores", lambda: 16)
    monkeypatch.setattr(pool, "memory_bytes", lambda: 8 << 30)
    assert choose_count(LocalExecutor(), [range(64 * 1000)], 64) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGHUP there")
def test_a_closed_terminal_is_for_the_owner_of_a_pool() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=follow_pool_owner) as pool:
        assert pool.submit(signal.raise_signal, signal.SIGHUP).result() is None

"""Several swaps in one command: failures collected, progress over all, one load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recaster.errors import (
    BatchError,
    ClipError,
    ConsentError,
    DiskFullError,
    FaceNotFoundError,
    UsageError,
)
from recaster.operations.swap_batch import (
    BatchProgress,
    Tally,
    describe_failure,
    load_once,
    merge_errors,
)
from recaster.progress import Update

CLIPS = [Path("a.mov"), Path("b.mov"), Path("c.mov")]


def test_a_failure_is_told_at_once_and_others_go_on() -> None:
    told: list[tuple[Path, BaseException]] = []
    tally = Tally(CLIPS, lambda *failure: told.append(failure))
    errors = [FaceNotFoundError("nobody is in it"), None, ValueError("a bug")]
    for clip, error in zip(CLIPS, errors, strict=True):
        with tally.collect(clip):
            if error is not None:
                raise error
            tally.made.append(clip)
    assert told == [(CLIPS[0], errors[0]), (CLIPS[2], errors[2])]
    assert tally.summary() == (
        "3 clips: 1 swapped, 2 failed",
        "failed: a.mov: nobody is in it",
        "failed: c.mov: ValueError: a bug",
    )
    with pytest.raises(BatchError, match=r"^2 of 3 clips failed$") as raised:
        tally.check()
    assert (raised.value.exit_code, raised.value.reason) == (4, "FACE_NOT_FOUND")


@pytest.mark.parametrize("error", [ConsentError("revoked"), DiskFullError("full"), KeyboardInterrupt()])
def test_what_every_clip_would_end_with_ends_all(error: BaseException) -> None:
    tally = Tally(CLIPS, lambda *_: None)
    tally.made.append(CLIPS[0])
    with pytest.raises(type(error)), tally.collect(CLIPS[1]):
        raise error
    counts = tally.summary()[0]
    stopped = isinstance(error, KeyboardInterrupt)
    assert counts == f"3 clips: 1 swapped, {'2' if stopped else '1 failed, 1'} not done"


def test_without_failures_nothing_is_raised() -> None:
    tally = Tally(CLIPS[:1], lambda *_: None, kept=CLIPS[:1])
    tally.check()
    assert tally.summary() == ("1 clip: 0 swapped, 1 there already",)


def test_errors_are_merged_into_one_that_names_all() -> None:
    first = ClipError("a.mov: is missing")
    assert merge_errors([first, ClipError("a.mov: is missing")]) is first
    merged = merge_errors([first, UsageError("b.mov: is twice there")])
    assert str(merged) == "nothing was begun, 2 things are wrong: a.mov: is missing; b.mov: is twice there"
    assert merged.exit_code == 3


def test_a_failure_names_its_clip_once() -> None:
    assert describe_failure(Path("x/a.mov"), ClipError("a.mov: is broken")) == "a.mov: is broken"
    assert describe_failure(Path("x/a.mov"), ClipError("is broken")) == "x/a.mov: is broken"


def test_progress_says_how_long_all_clips_still_take() -> None:
    time = [0.0]
    said: list[str] = []
    progress = BatchProgress(
        lambda update: said.append(update.detail),
        dict(zip(CLIPS, (100, 50, 200), strict=True)),
        lambda: time[0],
    )
    progress.begin(CLIPS[0])
    progress(Update("swapping", 1, 100, detail="fast"))
    time[0] = 20  # 0.2 s a frame
    progress.end(is_measured=True)
    progress.begin(CLIPS[1])
    progress(Update("analysing", 1, 50))
    time[0] = 24
    progress(Update("swapping", 1, 50))
    progress.end(is_measured=False)  # it failed
    progress.begin(CLIPS[2])
    time[0] = 100
    progress(Update("swapping", 1, 200))
    assert said == [
        "fast, clip 1 of 3: a.mov",
        "clip 2 of 3: b.mov, 0:50 left for all",
        "clip 2 of 3: b.mov, 0:46 left for all",
        "clip 3 of 3: c.mov, 0:00 left for all",
    ]


def test_a_swapper_is_loaded_once() -> None:
    loaded: list[Any] = []

    def load(request: Any, _: Any) -> Any:
        loaded.append(request)
        return object(), "on the CPU"

    kept = load_once(load)
    requests: list[Any] = ["first", "second"]
    assert kept(requests[0], lambda *_: None) is kept(requests[1], lambda *_: None)
    assert loaded == ["first"]

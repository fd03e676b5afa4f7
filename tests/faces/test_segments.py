"""Analyses by segments: alike whoever looks at them and when, and gone on with after an interruption."""

from __future__ import annotations

import multiprocessing
import os
import threading
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.faces.segmenting import assert_alike, assert_same, segmented
from tests.faces.test_tracker import World

from recaster.faces import segments, tracklets
from recaster.faces.analysis import analyse, join_segments
from recaster.faces.analysis_cache import analyse_clip, cached_analysis
from recaster.faces.clip_analysis import analyse_segments
from recaster.faces.segments import load_findings, save_findings, split_frames, widen_segment
from recaster.locks import try_lock
from recaster.media.clip import Clip
from recaster.media.reader import read_frames
from recaster.media.types import Frame
from recaster.processes import pieces
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faces.conftest import Points

    from recaster.faces.segments import Findings
    from recaster.progress import Update

SETTINGS = AnalysisSettings()
LENGTH = 60


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(segments, "MIN_SEGMENT_FRAMES", 20)
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))


def test_frames_are_split_and_looked_at_beside() -> None:
    assert split_frames(range(10, 55)) == [range(10, 32), range(32, 55)]
    assert split_frames(range(10, 29)) == [range(10, 29)]
    assert split_frames(range(0)) == []
    assert widen_segment(range(60, 80), range(10, 95), 24, SETTINGS) == range(30, 86)
    assert widen_segment(range(60, 80), range(40, 82), 24, SETTINGS) == range(40, 82)


def test_a_real_clip_is_analysed_alike(actors: Path) -> None:
    clip = actors / "performer.mp4"
    whole = analyse(read_frames(clip, 10, LENGTH), SETTINGS)
    found = segmented(lambda begin, end: read_frames(clip, begin, end), range(10, LENGTH), SETTINGS)
    assert_alike(found, whole, within=0.01 * float(np.ptp(whole.tracks[0].landmarks[0], axis=0).max()))


def test_several_processes_find_the_same_as_one(actors: Path, tmp_path: Path) -> None:
    clip = Clip(actors / "performer.mp4")
    told: list[Update] = []
    alone = analyse_segments(clip, SETTINGS, range(LENGTH), tmp_path / "alone")
    beside = analyse_segments(clip, SETTINGS, range(LENGTH), tmp_path / "beside", told.append, 2)
    assert_same(beside, alone)
    done = [update.done for update in told]
    assert done == sorted(done)
    assert done[-1] == LENGTH
    assert not multiprocessing.active_children()


def test_the_cache_goes_on_and_tidies_up(actors: Path, tmp_path: Path) -> None:
    clip = Clip(actors / "performer.mp4")
    told = list[float]()

    def stop(update: Update) -> None:
        told.append(update.done)
        if update.done == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse_clip(clip, frames=range(LENGTH), report=stop)
    assert cached_analysis(clip, frames=range(LENGTH)) is None
    found = analyse_clip(clip, frames=range(LENGTH), report=lambda update: told.append(update.done))
    assert told == [*range(26), *range(20, LENGTH + 1)]
    assert [path.suffix for path in (tmp_path / "cache" / "analysis").glob("*/*")] == [".npz"]
    assert_same(found, analyse_segments(clip, SETTINGS, range(LENGTH), tmp_path / "anew"))


@pytest.mark.parametrize("how", ["cut short", "of another segment", "of nothing"])
def test_what_is_damaged_is_looked_at_again(actors: Path, tmp_path: Path, how: str) -> None:
    clip = Clip(actors / "performer.mp4")
    found = analyse_segments(clip, SETTINGS, range(40), tmp_path / "parts")
    first, second = sorted((tmp_path / "parts").glob("*.npz"))
    if how == "cut short":
        second.write_bytes(second.read_bytes()[:-100])
    elif how == "of another segment":
        second.write_bytes(first.read_bytes())
    else:
        second.write_bytes(b"")
    told: list[Update] = []
    again = analyse_segments(clip, SETTINGS, range(40), tmp_path / "parts", told.append)
    assert_same(again, found)
    assert told[-1].done == 40
    assert len(told) == 21


def test_two_share_a_folder_and_the_work(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment that another looks at just now is waited for, and taken from there."""
    clip = Clip(actors / "performer.mp4")
    found = analyse_segments(clip, SETTINGS, range(40), tmp_path / "alone")
    theirs = (tmp_path / "alone" / "00000020.npz").read_bytes()
    (tmp_path / "parts").mkdir()
    waited = threading.Event()

    def wait(_: float) -> None:
        waited.set()
        (tmp_path / "parts" / "00000020.npz").write_bytes(theirs)

    monkeypatch.setattr(pieces.time, "sleep", wait)
    told: list[float] = []
    with try_lock(tmp_path / "parts" / "00000020.lock") as held:
        assert held
        again = analyse_segments(
            clip, SETTINGS, range(40), tmp_path / "parts", lambda update: told.append(update.done)
        )
    assert waited.is_set()
    assert max(told) == 20
    assert_same(again, found)


def test_an_analysis_that_another_process_makes_is_waited_for(actors: Path, tmp_path: Path) -> None:
    clip = Clip(actors / "performer.mp4")
    found = analyse_clip(clip, frames=range(20))
    [kept] = (tmp_path / "cache" / "analysis").glob("*/*.npz")
    theirs = kept.read_bytes()
    kept.unlink()
    told: list[str] = []

    def finish(update: Update) -> None:
        told.append(update.detail)
        if not kept.exists():
            kept.write_bytes(theirs)
            others.release()

    others = threading.Semaphore(0)

    def hold() -> None:
        with try_lock(kept.with_suffix(".parts") / "lock") as alone:
            assert alone
            holding.set()
            others.acquire()

    holding = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    again = analyse_clip(clip, frames=range(20), report=finish)
    thread.join()
    assert set(told) == {"another process does"}
    assert_same(again, found)


def test_what_was_found_in_segments_is_private_from_the_first(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine's worker may not change the mode of a folder that was made open to others."""
    monkeypatch.setattr(os, "fchmod", lambda *_: pytest.fail("a mode was changed"))
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "cache" / "analysis").mkdir(mode=0o700)
    modes: list[int] = []

    def look(_update: Update) -> None:
        modes.extend(path.stat().st_mode & 0o777 for path in (tmp_path / "cache").glob("analysis/*/*.parts"))

    before = os.umask(0)
    try:
        analyse_clip(Clip(actors / "performer.mp4"), frames=range(5), report=look)
    finally:
        os.umask(before)
    assert set(modes) == {0o700}


def scene(light: bool, shift: int = 0) -> np.ndarray:
    """A picture of one of two shots, without anybody in it."""
    image = np.full((120, 160, 3), (40, 60, 200) if light else (200, 90, 20), np.uint8)
    if light:
        image[:, 20 + shift : 60 + shift] = (220, 230, 240)
    else:
        image[70 + shift :] = (30, 20, 10)
    return image


@pytest.mark.parametrize("black", [range(0), range(14, 34), range(19, 23), range(5, 58)])
@pytest.mark.parametrize("changes", [True, False])
def test_cuts_are_found_as_in_one_piece(black: range, changes: bool) -> None:
    """Also where the frames that a segment looks at before itself are black."""

    def read(begin: int, end: int) -> list[Frame]:
        last = black.stop if black else 20
        return [
            Frame(
                index,
                index,
                Fraction(index, 25),
                np.zeros((120, 160, 3), np.uint8) if index in black else scene(changes and index >= last),
            )
            for index in range(begin, end)
        ]

    whole = analyse(read(0, LENGTH), SETTINGS)
    assert whole.cuts == ((black.stop or 20,) if changes else ())
    assert segmented(read, range(LENGTH), SETTINGS).cuts == whole.cuts


def test_findings_are_read_as_they_were_written(actors: Path, tmp_path: Path) -> None:
    def describe(findings: Findings) -> list[object]:
        return [
            findings.segment,
            [*findings.going_on],
            [*findings.cuts],
            [[each.seen, each.frames, each.times, each.scores, each.behind] for each in findings.tracklets],
            [np.asarray(each.points).tobytes() for each in findings.tracklets],
            [[(p.quality, p.image.tobytes()) for p in each.portraits] for each in findings.tracklets],
            [[p.known is not None for p in each.portraits] for each in findings.tracklets],
            None if findings.first is None else [findings.first[0], [p.tobytes() for p in findings.first[1]]],
            None if findings.last is None else [part.tobytes() for part in findings.last],
        ]

    for name in ("performer.mp4", "nobody"):
        frames = (
            read_frames(actors / name, 0, 26)
            if name != "nobody"
            else [Frame(i, i, Fraction(i, 25), np.zeros((90, 90, 3), np.uint8)) for i in range(26)]
        )
        found = segments.follow_faces(frames, SETTINGS, range(20), lambda: None)
        save_findings(tmp_path / "found.npz", found)
        assert describe(load_findings(tmp_path / "found.npz", range(20))) == describe(found)
        assert bool(found.going_on) == (name != "nobody")


def test_whoever_joins_segments_knows_who_is_in_them(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = read_frames(actors / "performer.mp4", 0, 20)
    found = segments.follow_faces(shown, SETTINGS, range(20), lambda: None)
    save_findings(tmp_path / "found.npz", found)
    monkeypatch.setattr(tracklets, "embed", lambda *_, **__: pytest.fail("a portrait was looked at"))
    joined = join_segments([load_findings(tmp_path / "found.npz", range(20))], SETTINGS)
    assert_same(joined, join_segments([found], SETTINGS))
    assert joined.tracks[0].embedding.shape == (128,)


@pytest.mark.parametrize(("rate", "blind"), [(60, range(28, 70)), (24, range(30, 47))])
def test_a_face_that_the_detector_misses_at_a_border_is_followed_over_it(
    rate: int, blind: range, points_at: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one behind a hand, which the landmarks' network still follows for a second."""
    monkeypatch.setattr(segments, "MIN_SEGMENT_FRAMES", 40)
    world = World(
        lambda index: {"ann": 50.0 + index}, points_at, blind=lambda index: index in blind, rate=rate
    )
    monkeypatch.setattr(segments, "make_detector", lambda *_, **__: world)
    monkeypatch.setattr(segments, "make_landmarker", lambda *_, **__: world)
    settings = AnalysisSettings(identify=False)
    found = segmented(lambda begin, end: world.frames(end - begin, begin), range(120), settings, rate)
    assert_alike(found, analyse(world.frames(120), settings))
    [track] = found.tracks
    assert len(track) == 120


def test_a_border_keeps_no_picture_twice(actors: Path) -> None:
    found = [
        segments.follow_faces(
            read_frames(actors / "performer.mp4", wide.start, wide.stop), SETTINGS, segment, lambda: None
        )
        for segment in split_frames(range(LENGTH))
        for wide in [widen_segment(segment, range(LENGTH), 25, SETTINGS)]
    ]
    [tracklet] = segments.join_findings(found).tracklets
    kept = [portrait.index for portrait in tracklet.portraits]
    assert len(kept) == len(set(kept)) == 8


def test_a_clip_that_ends_early_is_as_long_as_it_is(actors: Path) -> None:
    def read(begin: int, end: int) -> list[Frame]:
        return list(read_frames(actors / "performer.mp4", begin, min(end, 35))) if begin < 35 else []

    assert segmented(read, range(LENGTH), SETTINGS).frame_count == 35

"""Frames that weren't swapped are told, one by one and in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.appearance.face_appearance import FINE_PX
from recaster.media.clip import Clip
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline, render
from recaster.swapping.casting import Casting
from recaster.swapping.coverage import (
    Coverage,
    FaceCoverage,
    Reason,
    measure_coverage,
    read_record,
    write_record,
)
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

COUNT = 40
WRITER = WriterOptions(quality=4, preset="ultrafast")


def face(share: float, reason: Reason = Reason.HIDDEN, track: int = 0) -> FaceCoverage:
    return FaceCoverage(track, 900, share, {reason: round(1 - share, 3)})


def test_every_frame_is_swapped_or_is_not_for_one_reason() -> None:
    faces = [(face(0.9),), (face(0.7),), (face(0.5),), (face(0.3, Reason.UNPAINTED),), (), (), ()]
    found = Coverage.of(range(10, 17), faces, left_out={16}, others={12, 15})
    assert [one.reason for one in found.frames] == [
        None, None, Reason.HIDDEN, Reason.UNPAINTED, Reason.NO_FACE, Reason.OTHER_PERSON, Reason.TURNED,
    ]  # fmt: skip
    assert [one.covered for one in found.frames] == [0.9, 0.7, 0.5, 0.3, 0, 0, 0]
    assert found.swapped == 2
    assert sum(found.counts.values()) == 5
    assert found.lines == (
        "frame 12: half of the face is behind something",
        "frame 13: most of the face could not be painted",
        "frame 14: no face found",
        "frame 15: not swapped: another person",
        "frame 16: the head is turned too far away",
    )


def test_of_several_faces_the_one_counts_of_which_least_was_swapped() -> None:
    found = Coverage.of(range(1), [(face(0.9), face(0.1, track=3))], left_out=(), others=())
    assert found.swapped == 0
    assert found.lines == ("frame 0: the face is behind something",)


def test_ranges_are_folded_when_there_are_many() -> None:
    faces = [() if at % 10 < at // 10 else (face(1.0),) for at in range(60)]
    found = Coverage.of(range(60), faces, left_out=(), others=())
    assert [(run.first, run.last) for run in found.runs] == [(10, 10), (20, 21), (30, 32), (40, 43), (50, 54)]
    assert found.lines == ("frames 30-32, 40-43, 50-54 and 3 more: no face found",)
    assert Coverage.of(range(3), [(), (face(1.0),), ()], (), ()).lines == ("frames 0 and 2: no face found",)


def test_the_share_of_a_face_that_is_swapped_is_of_what_the_picture_shows() -> None:
    whole = np.zeros((8, 8), np.float32)
    whole[2:6, 2:6] = 1
    painted = whole.copy()
    behind = whole.copy()
    painted[2] = behind[2] = 0
    behind[3] = 0
    left = {Reason.UNPAINTED: painted, Reason.HIDDEN: behind}
    everywhere = np.ones((1, 1), bool)
    found = measure_coverage(5, whole, left, everywhere, 2.0)
    assert found == FaceCoverage(5, 64, 0.5, {Reason.UNPAINTED: 0.25, Reason.HIDDEN: 0.25})
    inside = np.zeros((8, 8), bool)
    inside[4:] = True
    assert measure_coverage(5, whole, left, inside, 2.0) == FaceCoverage(
        5, 32, 1.0, {Reason.UNPAINTED: 0.0, Reason.HIDDEN: 0.0}
    )
    inside[:] = False
    assert measure_coverage(5, whole, left, inside, 2.0) is None


def test_what_is_kept_by_choice_is_not_missing() -> None:
    whole = np.ones((8, 8), np.float32)
    kept = np.zeros_like(whole)
    kept[:6] = 1
    behind = 1 - kept
    behind[6] = 0
    everywhere = np.ones((1, 1), bool)
    found = measure_coverage(5, whole, {Reason.HIDDEN: behind}, everywhere, 1.0, kept)
    assert found == FaceCoverage(5, 64, 0.5, {Reason.HIDDEN: 0.5}, kept=0.75)
    assert FaceCoverage.from_json(found.to_json()) == found
    all_kept = measure_coverage(5, whole, {Reason.HIDDEN: 0 * whole}, everywhere, 1.0, whole)
    assert all_kept is not None
    assert (all_kept.covered, all_kept.kept, all_kept.reason) == (1, 1, None)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    faces = [(), (face(0.25), face(1.0, Reason.UNPAINTED, 2))]
    write_record(tmp_path / "record.json", faces)
    read = read_record(tmp_path / "record.json", 2)
    assert read is not None
    assert [[one.to_json() for one in some] for some in read] == [
        [one.to_json() for one in some] for some in faces
    ]


@pytest.fixture(scope="module")
def clip(fake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.make_clip(tmp_path_factory.mktemp("clips") / "target.mp4", COUNT)


def swap(fake: Any, clip: Path, out: Path, tracks: list[Any], swapper: Any = None) -> Any:
    """Swap track 0 of a clip in which ``tracks`` were found, with a report; and what the report says."""
    settings = SwapSettings(
        writer=WRITER,
        look=LookSettings(colour="none"),
        chunk=8,
        batch=4,
        track=0,
        report=out.with_suffix(".json"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "analyse_clip", lambda *_, **__: fake.analysis(tracks, COUNT))
        patch.setattr(pipeline, "select_tracks", lambda _, found: Casting.plain(found.tracks[:1]))
        swapper = swapper or fake.FakeSwapper()
        result = pipeline.swap_clip(SwapRequest(Clip(clip), out, swapper, settings))
    return result, json.loads(out.with_suffix(".json").read_text())


def test_frames_without_the_performer_say_who_is_there(fake: Any, clip: Path, tmp_path: Path) -> None:
    tracks = [fake.track(range(4, 20)), fake.track(range(10, 32), 1, (112.0, 45.0))]
    result, report = swap(fake, clip, tmp_path / "out.mp4", tracks)
    assert (result.frames, result.swapped) == (COUNT, 16)
    assert result.coverage.lines == (
        "frames 0-3 and 32-39: no face found",
        "frames 20-31: not swapped: another person",
    )
    assert report["swapped"] == 16
    assert report["not_swapped"] == {"no-face": 12, "other-person": 12}
    states = [one["state"] for one in report["frames"]]
    assert states == ["no-face"] * 4 + ["swapped"] * 16 + ["other-person"] * 12 + ["no-face"] * 8
    assert [one["covered"] > 0.8 for one in report["frames"]] == [4 <= at < 20 for at in range(COUNT)]


def test_scraps_are_not_counted(fake: Any, clip: Path, tmp_path: Path) -> None:
    class Scraps(fake.FakeSwapper):
        """Paints the upper third alone from frame 16 on."""

        def swap(self, faces: Any) -> Any:
            for given, made in zip(faces, found := super().swap(faces), strict=True):
                made.mask[28 if given.extra["frame"] >= 16 else 64 :] = 0
            return found

    result, report = swap(fake, clip, tmp_path / "out.mp4", [fake.track(range(COUNT))], Scraps())
    assert result.swapped == 16
    assert result.coverage.lines == ("frames 16-39: most of the face could not be painted",)
    assert 0.1 < report["frames"][30]["covered"] < 0.4
    assert report["frames"][30]["faces"][0]["lost"]["unpainted"] > 0.6


def test_a_hidden_face_is_told_apart(
    fake: Any, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hand:
        """Half of the face is behind something in bright frames."""

        def occlusion_probability(self, look: Any, crop: np.ndarray, points: np.ndarray) -> np.ndarray:
            del look, points
            occlusion_probability = np.zeros((FINE_PX, FINE_PX))
            occlusion_probability[FINE_PX // 2 :] = crop.mean() > 120
            return occlusion_probability

    monkeypatch.setattr(render, "Occluders", Hand)
    monkeypatch.setattr(pipeline, "add_appearance", lambda plan, *_, **__: fake.with_look(plan))
    result, report = swap(fake, clip, tmp_path / "out.mp4", [fake.track(range(COUNT))])
    assert 0 < result.swapped < COUNT
    assert set(report["not_swapped"]) == {"hidden"}
    assert all("of the face is behind something" in line for line in result.coverage.lines)


def test_a_clip_with_a_cut_another_person_nobody_and_a_board(
    patchy: Path, few_faces: Faceset, tmp_path: Path
) -> None:
    from recaster.swapping.load import load_swapper

    out = tmp_path / "out.mp4"
    report = tmp_path / "out.json"
    settings = SwapSettings(writer=WRITER, report=report)
    swapper = load_swapper(source=few_faces.folder)
    result = pipeline.swap_clip(SwapRequest(Clip(patchy), out, swapper, settings))
    assert (result.frames, result.swapped, len(result.tracks)) == (46, 28, 2)
    assert result.coverage.lines == (
        "frames 12-17: no face found",
        "frames 18-25: not swapped: another person",
        "frames 36-39: half of the face is behind something",
    )
    told = json.loads(report.read_text())
    shares = [one["covered"] for one in told["frames"]]
    assert min(shares[:12] + shares[26:36] + shares[40:]) > 0.85
    assert not any(shares[12:26])
    assert all(0.3 < one < 0.66 for one in shares[36:40])
    assert [one["faces"][0]["track"] for one in told["frames"] if one["faces"]] == [0] * 12 + [2] * 20


def test_a_swap_that_goes_on_reports_the_same(fake: Any, clip: Path, tmp_path: Path) -> None:
    class Stopping(fake.FakeSwapper):
        def swap(self, faces: Any) -> Any:
            if faces[0].extra["frame"] > 26:
                raise KeyboardInterrupt
            return super().swap(faces)

    tracks = [fake.track(range(4, 36))]
    with pytest.raises(KeyboardInterrupt):
        swap(fake, clip, tmp_path / "out.mp4", tracks, Stopping())
    assert not (tmp_path / "out.json").exists()
    result, report = swap(fake, clip, tmp_path / "out.mp4", tracks)
    assert result.resumed >= 8
    (tmp_path / "whole").mkdir()
    assert report == swap(fake, clip, tmp_path / "whole" / "out.mp4", tracks)[1]


def test_a_report_does_not_decide_what_is_painted(fake: Any, clip: Path, tmp_path: Path) -> None:
    """Whoever wants one after a swap was stopped needn't begin again."""
    swapper = fake.FakeSwapper()
    plain = SwapSettings(frames=range(COUNT), report=None)
    reported = SwapSettings(frames=range(COUNT), report=tmp_path / "out.json")
    without, with_report = (
        SwapRequest(Clip(clip), tmp_path / "out.mp4", swapper, settings) for settings in (plain, reported)
    )
    assert without.describe() == with_report.describe()

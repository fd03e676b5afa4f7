from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.api.internal.v1.benchmark_pb2 import SpeedTask
from recaster.benchmarks import faceswap_gan_baseline
from recaster.benchmarks.detection import measure_detector, read_counts
from recaster.benchmarks.plots import draw_stages
from recaster.benchmarks.process_cost import WorkError, measured
from recaster.benchmarks.speed import SpeedSettings, measure_speed
from recaster.cli.bench import speed_table
from recaster.errors import InputError, UsageError
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.sheet import load_image, save_image
from recaster.media.types import Shape
from recaster.media.writer import ClipWriter

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset


def test_the_seeds_box_is_its_own_moving_average() -> None:
    assert faceswap_gan_baseline.smooth_box(None, (10, 90, 70, 30)) == (10, 90, 70, 30)
    assert faceswap_gan_baseline.smooth_box((10, 90, 70, 30), (30, 110, 90, 50)) == (17, 97, 77, 37)
    # int() leaves a dead band, as in the original: a box that stays near is never reached
    assert faceswap_gan_baseline.smooth_box((10, 90, 70, 30), (11, 91, 71, 31)) == (10, 90, 70, 30)


def test_the_seeds_crop_loses_a_fifteenth_of_each_side() -> None:
    assert faceswap_gan_baseline.trim_box((0, 150, 300, 0)) == (20, 140, 280, 10)


def test_the_seeds_feather_changes_nothing_at_the_rim_and_all_in_the_middle() -> None:
    frame = np.zeros((200, 200, 3), np.uint8)
    painted = np.full((64, 64, 3), 200, np.uint8)
    result = faceswap_gan_baseline.paste_face(frame, painted, (40, 160, 160, 40))
    assert result[100, 100].tolist() == [200, 200, 200]
    assert result[41, 100, 0] < 70
    assert not result[:40].any()
    assert not frame.any()


def small_actor(actors: Path, folder: Path) -> Path:
    """Two frames of the performer at 160 pixels: dlib's CNN takes time by the pixel."""
    info = probe(actors / "performer.mp4")
    small = dataclasses.replace(info, shape=Shape.plain(160, 160))
    with ClipWriter(folder / "small.mp4", small) as writer:
        for frame in read_frames(info.path, 0, 3):
            writer.write(cv2.resize(frame.image, (160, 160), interpolation=cv2.INTER_AREA), frame.pts)
    return folder / "small.mp4"


def test_the_three_pipelines_are_measured(actors: Path, few_faces: Faceset, tmp_path: Path) -> None:
    clip = small_actor(actors, tmp_path)
    settings = SpeedSettings(source=few_faces.folder, baseline_frames=1)
    found = measure_speed(clip, settings)
    assert set(found) == {"format", "clip", "machine", "floor", "baseline", "engine", "ratios"}
    for part, frames in (("floor", 3), ("baseline", 1), ("engine", 3)):
        one = found[part]
        assert one["frames"] == frames
        assert min(one["cpu_ms_per_frame"], one["frames_per_second"], one["peak_rss_mb"]) > 0
        assert all(spent >= 0 for spent in one["stages"].values())
    assert {"detect", "predict", "blend", "read and write"} == set(found["baseline"]["stages"])
    assert {"analyse", "swap", "encode"} <= set(found["engine"]["stages"])
    assert found["engine"]["cpu_ms_per_frame"] > found["engine"]["cpu_ms_per_frame_without_start"]
    draw_stages(tmp_path / "stages.png", found)
    chart = load_image(tmp_path / "stages.png")
    assert chart.shape[1] > 900
    assert len(np.unique(chart.reshape(-1, 3), axis=0)) > 10


def test_the_baseline_can_be_left_out(actors: Path, few_faces: Faceset, tmp_path: Path) -> None:
    settings = SpeedSettings(source=few_faces.folder, baseline_frames=0, frames=range(2))
    found = measure_speed(small_actor(actors, tmp_path), settings)
    assert "baseline" not in found
    assert set(found["ratios"]) == {"engine_to_floor_cpu"}
    assert "baseline" not in "\n".join(speed_table(found)).replace("baseline /", "")


def test_a_measured_process_that_fails_says_why() -> None:
    with pytest.raises(WorkError, match="KeyError"):
        measured("recaster.benchmarks.speed_worker", SpeedTask(work="nothing"))


def test_cpu_time_of_children_is_counted(tmp_path: Path) -> None:
    work = tmp_path / "spinning.py"
    work.write_text(
        "import subprocess, sys\n"
        "spin = 'import time\\nwhile time.process_time() < .5: pass'\n"
        "subprocess.run([sys.executable, '-c', spin], check=True)\n"
        "from recaster.api.internal.v1.benchmark_pb2 import SpeedResult\n"
        "from recaster.benchmarks.process_cost import serve_task\n"
        "serve_task(lambda task: SpeedResult(frames=task.stop))\n"
    )
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    cost = measured("spinning", SpeedTask(stop=3), {"PYTHONPATH": path})
    assert cost.result.frames == 3
    assert cost.cpu > 0.5
    assert cost.peak_mb > 1


@pytest.mark.parametrize("settings", [{}, {"baseline_frames": -1}])
def test_settings_that_measure_nothing_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="either a model or a source"):
        SpeedSettings(**settings)  # type: ignore[arg-type]


def pictures(actors: Path, folder: Path) -> Path:
    frame = next(iter(read_frames(actors / "performer.mp4", 0, 1))).image
    save_image(folder / "one.png", frame)
    save_image(folder / "two.png", np.hstack([frame, frame]))
    save_image(folder / "none.png", np.full((200, 200, 3), 90, np.uint8))
    return folder


def test_detectors_are_counted(actors: Path, tmp_path: Path) -> None:
    folder = pictures(actors, tmp_path)
    counts = {"one.png": 1, "two.png": 3, "none.png": 0}
    found = measure_detector(folder, counts, "yunet")
    assert (found.faces, found.hits, found.extra) == (4, 3, 0)
    assert found.recall == 0.75
    assert found.wrong == (("two.png", 3, 2),)
    assert measure_detector(folder, {"one.png": 0}, "yunet").extra == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "picture.jpg"),
        ('{"one.png": -1}', "whole number"),
        ('{"x.png": 1}', "none of"),
    ],
)
def test_unusable_counts_are_named(actors: Path, tmp_path: Path, text: str, message: str) -> None:
    folder = pictures(actors, tmp_path)
    (folder / "face_counts.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_counts(folder)


@pytest.mark.footage
def test_no_face_is_missed_on_the_counted_stills(footage: Path) -> None:
    stills = footage / "stills"
    counts = read_counts(stills, Path(__file__).parents[1] / "data" / "face_counts.json")
    found = measure_detector(stills, counts, "yunet")
    assert found.pictures == 24
    assert found.recall == 1
    assert found.extra <= 2

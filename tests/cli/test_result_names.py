"""Names of the results of ``recaster swap``, and of the files beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swap_tasks_named import files, options, outs

from recaster.cli import swap
from recaster.cli.swap_tasks import split_tasks

if TYPE_CHECKING:
    from pathlib import Path


def test_one_clip_and_a_file_stay_as_they_are() -> None:
    assert outs("a.mov", "-o", "out.mp4") == ["out.mp4"]  # even of one that isn't there
    (task,) = split_tasks(options("a.mov", "-o", "b.mp4", "--matte", "m.mp4", "--preview", "3"))
    assert (str(task.clip), str(task.matte), task.report, task.preview) == ("a.mov", "m.mp4", None, 3)


def test_results_are_called_as_their_clips(folder: Path) -> None:
    files(
        folder,
        "a.mov",
        "b.MP4",
        "c.avi",
        "shots/d.mkv",
        "shots/e.mov",
        "shots/.hidden.mov",
        "shots/notes.txt",
    )
    clips = ("a.mov", "b.MP4", "c.avi", "shots", "shots/d.mkv")
    assert outs(*clips, "-o", "out") == ["out/a.mov", "out/b.MP4", "out/c.mp4", "out/d.mkv", "out/e.mov"]
    assert outs(*clips, "-o", "out", "--codec", "prores") == [
        "out/a.mov", "out/b.mov", "out/c.mov", "out/d.mkv", "out/e.mov",
    ]  # fmt: skip


def test_stills_are_called_as_they_are(folder: Path) -> None:
    files(
        folder, *(f"photos/{name}" for name in ("anna.jpg", "IMG_1.png", "IMG_2.png", ".IMG_3.png", "a.txt"))
    )
    tasks = split_tasks(options("photos", "--stills", "-o", "out", "--matte", "m", "--overlay", "seen"))
    names = ["IMG_1.png", "IMG_2.png", "anna.jpg"]
    assert [task.clip.as_posix() for task in tasks] == [f"photos/{name}" for name in names]
    assert [task.out.as_posix() for task in tasks] == [f"out/{name}" for name in names]
    assert [task.matte.as_posix() for task in tasks] == [f"m/{name}" for name in names]
    assert tasks[2].overlay.as_posix() == "seen/anna.png"
    assert all(task.stills for task in tasks)
    assert outs("photos", "--stills", "--codec", "tiff", "-o", "out")[2] == "out/anna.tif"


def test_clips_that_differ_in_their_suffixes_alone_have_files_of_their_own(folder: Path) -> None:
    files(folder, "photos/a.jpg", "photos/A.png", "photos/b.jpg")
    beside = ("--overlay", "seen", "--layers", "face", "--layers-out", "l", "--report", "r", "--matte", "m")
    tasks = split_tasks(options("photos", "--stills", "-o", "out", *beside))
    assert [task.overlay.as_posix() for task in tasks] == ["seen/A.png.png", "seen/a.jpg.png", "seen/b.png"]
    assert [task.layers_out.as_posix() for task in tasks] == ["l/A.png.mov", "l/a.jpg.mov", "l/b.mov"]
    files(folder, "clips/a.mov", "clips/a.mp4")
    layers = ("--layers", "face,mesh", "--layers-out", "l")
    tasks = split_tasks(options("clips", "-o", "out", "--overlay", "seen", *layers))
    assert [task.overlay.as_posix() for task in tasks] == ["seen/a.mov.mp4", "seen/a.mp4.mp4"]
    names = [task.layers_out.as_posix() for task in tasks]
    assert names == ["l/a.mov/a.mov.%04d.exr", "l/a.mp4/a.mp4.%04d.exr"]


def test_the_results_name_says_whether_a_picture_is_a_still(folder: Path) -> None:
    files(folder, "IMG_1.png", "IMG_2.png", "anna.jpg")
    (still,) = split_tasks(options("IMG_1.png", "-o", "out.png"))
    assert (still.clip.as_posix(), still.stills) == ("IMG_1.png", True)
    assert swap.request_of(still).options.stills
    (sequence,) = split_tasks(options("IMG_1.png", "-o", "out.%04d.png"))
    assert (sequence.clip.as_posix(), sequence.stills) == ("IMG_%d.png", False)
    (movie,) = split_tasks(options("anna.jpg", "-o", "out.mp4"))
    assert not movie.stills
    assert outs("anna.jpg", "-o", "new/") == ["new/anna.jpg"]
    assert outs("anna.jpg", "-o", "new/", "--codec", "h264") == ["new/anna.mp4"]


def test_a_slash_a_folder_and_a_folder_of_clips_mean_a_folder(folder: Path) -> None:
    files(folder, "a.mov", "a.mp4", "there/x.txt", "shots/b.mov")
    assert outs("a.mov", "-o", "new/") == ["new/a.mov"]
    assert outs("a.mov", "-o", "there") == ["there/a.mov"]
    assert outs("shots", "-o", "new") == ["new/b.mov"]
    layers = ("--layers", "face", "--layers-out", "l")
    (task,) = split_tasks(options("a.mp4", "-o", "new/", "--matte", "m", "--report", "r", *layers))
    assert (task.matte.as_posix(), task.report.as_posix()) == ("m/a.mp4", "r/a.mp4.json")
    assert task.layers_out.as_posix() == "l/a.mov"


def test_beside_one_clip_files_may_be_named_although_the_result_goes_into_a_folder(folder: Path) -> None:
    files(folder, "shot/s.1001.png", "shot/s.1002.png", "reports/x.txt")
    (task,) = split_tasks(options("shot", "-o", "new/", "--matte", "m.%04d.png", "--report", "r.json"))
    assert [path.as_posix() for path in (task.out, task.matte, task.report)] == [
        "new/s.%04d.png", "m.%04d.png", "r.json",
    ]  # fmt: skip
    (task,) = split_tasks(options("shot", "-o", "new/", "--matte", "m", "--report", "reports"))
    assert [path.as_posix() for path in (task.matte, task.report)] == ["m/s.%04d.png", "reports/s.png.json"]

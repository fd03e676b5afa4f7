import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from recaster.errors import OutputError, UsageError
from recaster.media.probe import probe, scan
from recaster.media.reader import read_frames
from recaster.media.types import ColourTags, Shape
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import WriterOptions

FINE = WriterOptions(quality=1, preset="veryfast")


def write(path, info, images, pts, options=FINE):
    with ClipWriter(path, info, options) as writer:
        for image, time in zip(images, pts, strict=True):
            writer.write(image, time)
    return path


def pictures(tools, count, size=(96, 64)):
    return [tools.picture(index, size) for index in range(count)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_times_of_any_spacing_are_kept_exactly(make_clip, tools, tmp_path, suffix):
    info = probe(make_clip())
    pts = [317, 1318, 4321, 5322, 5400, 9001, 30000, 30001, 31002, 40000]
    out = write(tmp_path / f"out{suffix}", info, pictures(tools, 10), pts)
    assert scan(out).pts.tolist() == pts
    assert probe(out).time_base == info.time_base
    assert [tools.index_of(frame.image) for frame in read_frames(out)] == list(range(10))


def test_a_time_base_that_is_no_unit_fraction_keeps_its_times(make_clip, tools, tmp_path):
    info = replace(probe(make_clip()), time_base=Fraction(1001, 24000))
    out = write(tmp_path / "out.mov", info, pictures(tools, 4), [0, 1, 3, 4])
    seconds = scan(out).pts * probe(out).time_base
    assert seconds.tolist() == [k * Fraction(1001, 24000) for k in (0, 1, 3, 4)]


def test_the_mean_rate_of_a_long_clip_can_be_told(make_clip, tools, tmp_path):
    info = replace(probe(make_clip()), rate=Fraction(25_001 * 90_000, 89_999_999), variable=True)
    out = write(tmp_path / "out.mp4", info, pictures(tools, 3), [0, 1001, 3003])
    assert scan(out).pts.tolist() == [0, 1001, 3003]


@pytest.mark.parametrize("range_", [None, "tv", "pc"])
@pytest.mark.parametrize("matrix", [None, "bt709", "smpte170m", "bt470bg", "bt2020nc"])
@pytest.mark.parametrize("depth", [8, 10])
def test_colours_come_back_and_tags_with_them(make_clip, tmp_path, matrix, range_, depth):
    tags = ColourTags(
        range_, matrix, None if matrix is None else "bt709", None if matrix is None else "bt709"
    )
    info = replace(probe(make_clip()), colour=tags, bit_depth=depth)
    rng = np.random.default_rng(1)
    images = [cv2.resize(rng.integers(40, 216, (6, 9, 3), np.uint8), (96, 64)) for _ in range(3)]
    out = write(tmp_path / "out.mp4", info, images, [0, 1001, 2002])
    found = probe(out)
    assert found.bit_depth == depth
    assert (found.colour.matrix, found.colour.primaries) == (tags.matrix, tags.primaries)
    assert (found.colour.range or "tv") == (range_ or "tv")
    for frame, image in zip(read_frames(out), images, strict=True):
        assert np.abs(frame.image.mean((0, 1)) - image.mean((0, 1))).max() <= 0.7
        assert np.abs(frame.image.astype(int) - image).mean() <= 3  # another matrix: 8


def test_ten_generations_do_not_drift(make_clip, tmp_path):
    rng = np.random.default_rng(3)
    smooth = np.kron(rng.integers(30, 220, (4, 6, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    info = replace(probe(make_clip()), pixel_format="yuv444p")
    options = WriterOptions(quality=0, preset="ultrafast", pixel_format="yuv444p")
    image = smooth
    for _ in range(10):
        out = write(tmp_path / "out.mp4", info, [image], [0], options)
        image = next(read_frames(out)).image
    assert np.abs(image.mean((0, 1)) - smooth.mean((0, 1))).max() < 0.7


@pytest.mark.parametrize("size", [(97, 64), (96, 65), (97, 65)])
@pytest.mark.parametrize("codec", ["h264", "prores"])
def test_odd_sizes_are_kept(make_clip, tools, tmp_path, size, codec):
    info = replace(probe(make_clip()), shape=Shape.plain(*size))
    out = write(
        tmp_path / "out.mov", info, pictures(tools, 3, size), [0, 1, 2], WriterOptions(codec=codec, quality=4)
    )
    found = probe(out)
    assert (found.width, found.height) == size
    assert found.frame_count == 3
    last = list(read_frames(out))[2].image
    assert np.abs(last[-3:, -3:].reshape(-1, 3).mean(0) - (50, 70, 190)).max() <= 3


@pytest.mark.parametrize(
    ("codec", "name", "pixel_format"), [("hevc", "hevc", "yuv420p"), ("prores", "prores", "yuv422p10le")]
)
def test_other_codecs(make_clip, tools, tmp_path, codec, name, pixel_format):
    out = write(
        tmp_path / "out.mov", probe(make_clip()), pictures(tools, 6), range(6), WriterOptions(codec=codec)
    )
    found = probe(out)
    assert (found.codec, found.pixel_format, found.frame_count) == (name, pixel_format, 6)


def test_the_same_frames_give_the_same_bytes(make_clip, tools, tmp_path):
    info = probe(make_clip())
    first, second = (
        write(tmp_path / name, info, pictures(tools, 20), range(20)) for name in ("a.mp4", "b.mp4")
    )
    assert first.read_bytes() == second.read_bytes()


SAVED_FROM_MEMORY = """
import dataclasses, sys
from pathlib import Path
import cv2
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.types import Shape
from recaster.media.writer import ClipWriter
clip, out = map(Path, sys.argv[1:])
info = dataclasses.replace(probe(clip), shape=Shape.plain(720, 720))
with ClipWriter(out, info) as writer:
    for frame in read_frames(clip, 0, 12):
        writer.write(cv2.resize(frame.image, (720, 720)), frame.pts)
"""


def test_what_memory_held_before_changes_no_byte(actors, tmp_path):
    written = set()
    for number in ("0", "85"):  # glibc fills memory with it, before it is used
        out = tmp_path / f"{number}.mp4"
        environment = {
            **os.environ,
            "MALLOC_PERTURB_": number,
            "MALLOC_MMAP_THRESHOLD_": str(100 << 20),
        }
        command = [sys.executable, "-c", SAVED_FROM_MEMORY, actors / "performer.mp4", out]
        subprocess.run(command, env=environment, check=True)
        written.add(out.read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("a.avi", WriterOptions(), r"\.mp4, \.mov, \.mkv"),
        ("a", WriterOptions(), "without a suffix"),
        ("a.mp4", WriterOptions(codec="prores"), r"prores goes into \.mov"),
        ("a.mp4", WriterOptions(codec="vhs"), "no codec is called vhs"),
        ("a.mp4", WriterOptions(quality=52), "quality must be 0 to 51"),
        ("a.mp4", WriterOptions(preset="hasty"), "no preset is called hasty; .*veryslow"),
        ("a.mp4", WriterOptions(pixel_format="rgb48"), "cannot be written as rgb48"),
        ("a.mp4", WriterOptions(pixel_format="yuv420p"), "is odd"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_written(
    make_clip, tmp_path, name, options, says
):
    info = replace(probe(make_clip()), shape=Shape.plain(97, 64))
    folder = tmp_path / "results"
    with pytest.raises(UsageError, match=says):
        ClipWriter(folder / name, info, options)
    assert not folder.exists()


def test_a_failure_leaves_what_was_there(make_clip, tools, tmp_path):
    out = tmp_path / "results" / "out.mp4"
    out.parent.mkdir()
    out.write_text("before")

    def interrupted():
        yield tools.picture(0, (96, 64))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(out, probe(make_clip()), interrupted(), [0, 1])
    assert out.read_text() == "before"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        ([], "no frame was given"),
        ([((64, 95, 3), 0)], "not \\(64, 96, 3\\)"),
        ([((64, 96, 3), 5), ((64, 96, 3), 5)], "does not follow"),
    ],
)
def test_wrong_frames_are_refused_and_nothing_is_left(make_clip, tmp_path, frames, says):
    out = tmp_path / "results" / "out.mp4"
    images = [np.zeros(shape, np.uint8) for shape, _ in frames]
    pts = [time for _, time in frames]
    with pytest.raises(OutputError, match=says):
        write(out, probe(make_clip()), images, pts)
    assert list(out.parent.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_output_error(make_clip, tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="cannot be written"),
        ClipWriter(tmp_path / "file" / "out.mp4", probe(make_clip())),
    ):
        pass

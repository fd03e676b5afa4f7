"""The main job through the command line: two clips in, a swapped clip with its sound out."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from recaster.cli.main import main
from recaster.media.probe import probe
from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 25


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("job")


@pytest.fixture(scope="module")
def source(actors: Path, job: Path) -> Path:
    faces = job / "likeness"
    arguments = ["extract", str(actors / "likeness.mp4"), "-o", str(faces), "--range", "0-39", "--every", "2"]
    assert main([*arguments, "--quiet"]) == 0
    return faces


@pytest.fixture(scope="module")
def target(actors: Path, job: Path) -> Path:
    faces = job / "performer"
    arguments = [
        "extract",
        str(actors / "performer.mp4"),
        "-o",
        str(faces),
        "--range",
        "0-39",
        "--every",
        "2",
    ]
    assert main([*arguments, "--quiet"]) == 0
    return faces


def swap(actors: Path, out: Path, *how: object) -> None:
    arguments = ["swap", actors / "performer.mp4", *how, "-o", out, "--range", f"0-{FRAMES - 1}", "--quiet"]
    assert main([str(argument) for argument in arguments]) == 0


def check_swapped(actors: Path, out: Path) -> None:
    """The clip has its frames, times and sound; the face is another, the background is not."""
    before = list(read_frames(actors / "performer.mp4", stop=FRAMES))
    after = list(read_frames(out))
    assert [frame.time for frame in after] == [frame.time for frame in before]
    assert len(probe(out).audio) == 1
    with av.open(str(out)) as container:
        assert sum(packet.size for packet in container.demux(audio=0)) > 1000
    one = before[12].image.astype(int)
    other = after[12].image.astype(int)
    changed = np.abs(one - other).max(-1) > 12
    assert 0.02 < changed.mean() < 0.4
    corner = np.abs(one - other)[:40, :40]
    assert corner.mean() < 3


def test_at_once(actors: Path, source: Path, job: Path) -> None:
    out = job / "at_once.mp4"
    swap(actors, out, "--source", source)
    check_swapped(actors, out)
    assert not out.with_name("at_once.mp4.parts").exists()


def test_a_guided_model(actors: Path, source: Path, job: Path) -> None:
    model = job / "guided"
    out = job / "guided.mp4"
    train = ["train", "--source", str(source), "-o", str(model), "--quiet", "--batch", "2"]
    assert main([*train, "--steps", "2"]) == 0
    assert main([*train, "--steps", "2"]) != 0, "an existing model is not trained over without --resume"
    assert main([*train, "--steps", "3", "--resume"]) == 0
    assert json.loads((model / "model.json").read_bytes())["steps"] == 3
    assert any((model / "previews").glob("*.png"))
    assert any((model / "logs").iterdir())
    swap(actors, out, "-m", model)
    check_swapped(actors, out)
    swapped = ["swap", actors / "performer.mp4", "-m", model, "-o", job / "again.mp4", "--range", "0-4"]
    script = (
        f"import sys; from recaster.cli.main import main; assert main({list(map(str, swapped))!r}) == 0;"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_pairwise_model(actors: Path, source: Path, target: Path, job: Path) -> None:
    model = job / "fast"
    out = job / "fast.mp4"
    train = ["train", "--source", source, "--target", target, "-o", model, "--preset", "fast-96"]
    assert main([*map(str, train), "--steps", "2", "--batch", "2", "--quiet"]) == 0
    swap(actors, out, "-m", model, "--mask", "hull")
    check_swapped(actors, out)


def test_one_frame_and_a_sheet(actors: Path, source: Path, job: Path) -> None:
    picture = job / "frame.png"
    clip = str(actors / "performer.mp4")
    assert (
        main(["swap", clip, "--source", str(source), "--preview", "10", "-o", str(picture), "--quiet"]) == 0
    )
    assert main(["compare", clip, clip, "-o", str(job / "sheet.png"), "--quiet"]) == 0
    assert picture.stat().st_size > 10_000
    assert (job / "sheet.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["swap", "missing.mp4", "--source", "nowhere", "-o", "out.mp4"], 3, "missing.mp4"),
        (["extract", "missing.mp4", "-o", "faces"], 3, "missing.mp4"),
        (["train", "--source", "nowhere", "-o", "model", "--steps", "1"], 3, "nowhere"),
        (["probe", "missing.mp4"], 3, "missing.mp4"),
    ],
)
def test_an_expected_error_is_one_line(
    arguments: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert says in lines[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.footage
def test_the_real_job(footage: Path, job: Path) -> None:
    faces = job / "b"
    out = job / "b_on_a.mp4"
    clips = footage / "clips"
    extract = [
        "extract",
        clips / "personB_man_curly_640.mp4",
        "-o",
        faces,
        "--range",
        "0-119",
        "--every",
        "4",
    ]
    assert main([*map(str, extract), "--quiet"]) == 0
    target = clips / "personA_man_beard_720.mp4"
    arguments = ["swap", target, "--source", faces, "-o", out, "--range", "2s-3s", "--quiet"]
    assert main([str(argument) for argument in arguments]) == 0
    assert probe(out).frame_count in (25, 26)
    assert (probe(out).width, probe(out).height) == (720, 720)

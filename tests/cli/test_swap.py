"""``recaster swap``: options to settings, and a whole swap."""

from __future__ import annotations

import argparse
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from recaster.cli import main as cli
from recaster.cli import swap
from recaster.cli.parsers import Commands
from recaster.cli.swap_tasks import split_tasks
from recaster.errors import UsageError
from recaster.media.probe import probe
from recaster.provenance.policy import Policy
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.look_course import LookChange
from recaster.settings.swap import LabelSettings, SwapSettings
from recaster.swapping.coverage import Coverage, FaceCoverage
from recaster.swapping.load import choose_device
from recaster.swapping.result import SwapResult

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def clip(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real clip of a man talking, under a name of its own."""
    path = tmp_path_factory.mktemp("clips") / "target.mp4"
    shutil.copy(footage / "clips" / "personA_man_beard_720.mp4", path)
    return path


def parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """The whole command line with this command only, and the command's own part of it."""
    root = argparse.ArgumentParser()
    swap.add_swap(Commands(root, "COMMAND"))
    (commands,) = root._subparsers._group_actions
    return root, commands.choices["swap"]


def options(*arguments: str) -> argparse.Namespace:
    return parsers()[0].parse_args(["swap", "clip.mp4", "-o", "out.mp4", *arguments])


def settings(given: argparse.Namespace, info: Any, policy: Policy | None = None) -> SwapSettings:
    (task,) = split_tasks(given)
    return swap.request_of(task).settings(info, policy or Policy())


def test_without_options_the_librarys_defaults_hold() -> None:
    info: Any = None
    assert settings(options("-m", "model"), info) == SwapSettings()


def test_a_look_reaches_the_settings_from_its_file_and_what_is_said_beside_it_holds(tmp_path: Path) -> None:
    info: Any = SimpleNamespace(
        path="clip.mp4", frame_count=50, rate=25, duration=2, variable=False, first_number=None
    )
    look = tmp_path / "look.toml"
    keys = "[[set]]\nframes = 4\nerode = 0\n[[set]]\nframes = '1s'\nerode = 0.2"
    look.write_text(f"feather = 0\nerode = 0.1\n{keys}")
    chosen = ("-m", "model", "--look", str(look), "--scale", "2", "--set", "30-:mask=box")
    made = settings(options(*chosen), info)
    assert made.look == LookSettings(MaskSettings(feather=0, erode=0.1, scale=2))
    assert made.changes == (
        LookChange(range(4, 5), (("erode", 0.0),), is_key=True),
        LookChange(range(25, 26), (("erode", 0.2),), is_key=True),
        LookChange(range(30, 50), (("mask", "box"),)),
    )
    assert settings(options(*chosen, "--erode", "0"), info).changes == made.changes[2:]
    for late in ("50:erode=0", "2s-3s:erode=0"):
        with pytest.raises(UsageError, match=r"is not inside clip\.mp4: it has frames 0-49"):
            settings(options("-m", "model", "--set", late), info)


def test_help_states_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options("--help")
    text = " ".join(capsys.readouterr().out.split())
    own = SwapSettings()
    mask = own.look.mask
    analysis = own.analysis
    writer = own.writer
    shown = {
        "feather": mask.feather, "erode": mask.erode, "scale": mask.scale, "mask": mask.kind,
        "smoothing": own.smoothing.name, "colour": own.look.colour, "detector": analysis.detector,
        "min-face": analysis.min_face, "codec": writer.codec, "quality": writer.quality,
        "preset": writer.preset,
    }  # fmt: skip
    for name, value in shown.items():
        line = text.rpartition(f" --{name} ")[2].partition(" --")[0]
        assert f"(default: {value:g}" in line if isinstance(value, float) else f"(default: {value}" in line
    assert f"(default: {analysis.landmarker};" in text


def test_options_reach_the_settings() -> None:
    info: Any = None
    look = "-m model --mask box --feather .2 --erode .1 --scale 1.1 --colour hist --smoothing ema"
    encoding = "--codec hevc --quality 20 --preset slow --pixel-format yuv444p --matte m.mov --report r.json"
    encoding += " --layers face --layers-out f.mov"
    people = "--all --detector dlib-hog --landmarker dlib-68 --min-face 80"
    made = settings(options(*f"{look} {encoding} {people}".split()), info)
    assert made.look.mask == MaskSettings("box", 0.2, 0.1, 1.1)
    assert made.writer == WriterOptions("hevc", 20, "slow", "yuv444p")
    assert (made.look.colour, made.smoothing.name, made.everyone) == ("hist", "ema", True)
    assert (made.analysis.detector, made.analysis.landmarker, made.analysis.min_face) == (
        "dlib-hog",
        "dlib-68",
        80,
    )
    assert (str(made.matte), str(made.report)) == ("m.mov", "r.json")
    assert (made.layers, str(made.layers_out)) == (("face",), "f.mov")


def test_a_label_is_asked_for() -> None:
    info: Any = None
    assert settings(options("-m", "model"), info).label == LabelSettings()
    shown = "--label icon --label-language fr --label-corner top-left --label-size .05"
    made = settings(options("-m", "model", *shown.split()), info)
    assert made.label == LabelSettings("icon", "fr", "top-left", 0.05)
    assert settings(options("-m", "model", "--publish"), info).label.kind == "text"
    assert settings(options("-m", "model", "--publish", "--label", "icon"), info).label.kind == "icon"
    with pytest.raises(UsageError, match="leave --label none out"):
        settings(options("-m", "model", "--publish", "--label", "none"), info)


def test_a_policy_has_the_last_word() -> None:
    info: Any = None
    strict = Policy(label_required=True, label_kind="icon", label_language="de", manifest_required=True)
    assert settings(options("-m", "model"), info, strict).label == LabelSettings("icon", "de")
    for forbidden in ("--label none", "--no-manifest"):
        with pytest.raises(UsageError, match="the policy asks for"):
            settings(options("-m", "model", *forbidden.split()), info, strict)


@pytest.mark.parametrize(
    "arguments",
    ["", "-m model --source faces", "-m model --all --track 1", "-m model --track 1 --person anna.jpg"],
)
def test_options_that_do_not_go_together(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        options(*arguments.split())
    assert ending.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_values_that_there_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options("-m", "model", "--feather", "3")
    assert "--feather: must be 0 to 0.5, not 3" in capsys.readouterr().err
    with pytest.raises(UsageError, match="at least 1"):
        choose_device("auto", 0, tensorflow=True)


def test_summary(tmp_path: Path) -> None:
    faces = [(FaceCoverage(0, 900, 1.0, {}),)] * 90 + [()] * 10
    coverage = Coverage.of(range(100), faces, left_out=(), others=())
    result = SwapResult(tmp_path / "out.mp4", coverage, 64, (0, 3), {"swap": 1.25})
    text = "\n".join(result.summary("on the CPU"))
    assert "100 frames, 90 with a swapped face (2 tracks), 10 without" in text
    assert "\nframes 90-99: no face found\n" in text
    assert "64 frames were there already" in text
    assert text.endswith("seconds: swap 1.2; on the CPU")


@pytest.mark.footage
def test_errors_end_with_one_line_and_their_code(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["swap", str(clip), "-m", str(tmp_path), "-o", str(tmp_path / "out.mp4")]) == 3
    assert "not a model folder" in capsys.readouterr().err
    assert (
        cli.main(["swap", str(tmp_path / "no.mp4"), "-m", str(tmp_path), "-o", str(tmp_path / "out.mp4")])
        == 3
    )


@pytest.mark.footage
def test_swap_of_real_footage(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import recaster.swapping.load
    from recaster.faces.alignment import align_matrix
    from recaster.faces.smoothing import smooth
    from recaster.faces.types import SwappedFace
    from recaster.swapping.swapper import TrackPlan

    class Negative:
        size = 128
        digest = "negative"
        warnings = ()

        def plan(self, track: Any, smoothing: Any, *_: Any) -> TrackPlan:
            landmarks = smooth(track.landmarks, track.times, smoothing)
            return TrackPlan(track.frames, align_matrix(landmarks, self.size), landmarks)

        def swap(self, faces: Any) -> list[SwappedFace]:
            import numpy as np

            full = np.ones((self.size, self.size), np.float32)
            return [SwappedFace(255 - face.image, full, face.matrix) for face in faces]

    monkeypatch.setattr(recaster.swapping.load, "load_swapper", lambda *_, **__: Negative())
    out = tmp_path / "out.mp4"
    arguments = [
        "swap",
        str(clip),
        "--source",
        "faces",
        "-o",
        str(out),
        "--range",
        "10-21",
        "--preset",
        "ultrafast",
    ]
    assert cli.main(arguments) == 0
    said = capsys.readouterr()
    assert "12 frames, 12 with a swapped face (1 track)\n" in said.out
    assert "swapping 12/12 frames" in said.err
    info = probe(out)
    assert (info.frame_count, info.width, len(info.audio)) == (12, 720, 1)
    assert cli.main([*arguments[:4], "-o", str(tmp_path / "one.png"), "--preview", "15", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "one.png").is_file()

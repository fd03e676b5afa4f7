"""Options as fields: what each states of itself holds, and requests have a field for each of theirs."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import pytest

from recaster.api.v1 import job_pb2
from recaster.cli.flags import add_option, add_options, fill_message, fill_options
from recaster.errors import UsageError
from recaster.media.encoders import ENCODERS
from recaster.settings.choices import Bounds
from recaster.settings.conform import ConformSettings
from recaster.settings.detection import AnalysisSettings, Smoothing
from recaster.settings.devices import DeviceSettings
from recaster.settings.encoding import WriterOptions
from recaster.settings.evaluate import EvaluateSettings
from recaster.settings.extract import CleanSettings, ExtractSettings
from recaster.settings.formats import CODECS, SUFFIXES
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.messages import settings_from
from recaster.settings.options import check_options, option_of, options_of, own_options
from recaster.settings.reading import ReadOptions
from recaster.settings.serve import ServeLimits
from recaster.settings.swap import LabelSettings, PreviewSettings, SwapSettings
from recaster.settings.train import Schedule, TrainSettings

EVERY = (
    SwapSettings, PreviewSettings, ExtractSettings, CleanSettings, EvaluateSettings, Schedule, TrainSettings,
    DeviceSettings, ServeLimits, ConformSettings,
)  # fmt: skip


@pytest.mark.parametrize("kind", EVERY)
def test_every_option_has_a_help_and_a_default_that_it_can_have(kind: type[Any]) -> None:
    every = list(options_of(kind))
    assert every
    assert len({each.flag for each in every}) == len(every)
    for each in every:
        assert each.help, each.name
        if each.default is not None:
            each.check(each.default)


@pytest.mark.parametrize(
    ("message", "kinds", "besides"),
    [
        (job_pb2.SwapOptions, (SwapSettings, ReadOptions, DeviceSettings), {"changes", "corrections"}),
        (job_pb2.ExtractOptions, (ExtractSettings,), {"stills"}),
        (job_pb2.TrainOptions, (TrainSettings, Schedule, DeviceSettings), {"ingredients"}),
    ],
)
def test_every_field_of_a_request_is_an_option(message: Any, kinds: Any, besides: set[str]) -> None:
    # Files, which no options name.
    here = {"matte", "report", "overlay", "layers", "layers_out", "vggface_weights"}
    wires = {each.wire for kind in kinds for each in options_of(kind)}
    assert wires - here - besides == set(message.DESCRIPTOR.fields_by_name) - besides


def test_what_a_request_sets_is_read_and_all_else_keeps_its_default() -> None:
    assert settings_from(SwapSettings, job_pb2.SwapOptions()) == SwapSettings()
    chosen = job_pb2.SwapOptions(
        mask="hull", feather=0.2, smoothing="ema", detector="dlib-hog", encoder_preset="slow", track=3,
        label="icon", label_language="fr", keep=["nose", "eyes"], strength=0.5,
    )  # fmt: skip
    assert settings_from(SwapSettings, chosen, frames=range(2, 9)) == SwapSettings(
        frames=range(2, 9),
        track=3,
        smoothing=Smoothing("ema"),
        look=LookSettings(MaskSettings("hull", 0.2), keep=("nose", "eyes"), strength=0.5),
        analysis=AnalysisSettings("dlib-hog"),
        writer=WriterOptions(preset="slow"),
        label=LabelSettings("icon", "fr"),
    )
    assert settings_from(ExtractSettings, job_pb2.ExtractOptions(note="she")).identity == "she"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MaskSettings("oval"), "there is no mask 'oval'; choose one of learned, hull, box"),
        (lambda: MaskSettings(feather=0.6), "feather must be 0 to 0.5, not 0.6"),
        (lambda: MaskSettings(erode=math.nan), "erode must be 0 to 0.5, not nan"),
        (lambda: LabelSettings(corner="middle"), "a label's corner can't be 'middle'; choose among bottom-"),
        (lambda: LabelSettings(size=1), "label size must be 0.01 to 0.2, not 1"),
        (lambda: AnalysisSettings(min_face=2), "min face must be 10 to 16,384, not 2"),
        (
            lambda: check_options(WriterOptions("vp9")),
            "no codec is called vp9; choose from h264, hevc, prores",
        ),
        (lambda: check_options(WriterOptions(sound="no")), "sound can be auto or copy, not no"),
        (lambda: Schedule(steps=0), "steps must be 1 to 1,000,000,000, not 0"),
    ],
)
def test_what_an_option_can_not_be_is_said(make: Any, words: str) -> None:
    with pytest.raises(UsageError, match=r"choose|must be|can be") as caught:
        make()
    assert str(caught.value).startswith(words)


def test_results_of_edits_are_movies() -> None:
    assert ConformSettings().suffix("prores") == ".mov"
    with pytest.raises(UsageError, match="results of an edit are movies, and exr makes pictures"):
        ConformSettings().suffix("exr")


def test_bounds_are_both_allowed() -> None:
    bounds = Bounds(0.5, 2)
    assert [bounds.fault(value) for value in (0.5, 2)] == ["", ""]
    assert bounds.fault(2.1) == bounds.fault(math.inf) == "must be 0.5 to 2"


def test_a_codec_has_its_usual_container_first() -> None:
    assert list(SUFFIXES) == list(CODECS)
    assert list(ENCODERS) == list(CODECS)
    assert [suffixes[0] for suffixes in SUFFIXES.values()] == [
        ".mp4", ".mp4", ".mov", ".mov", ".mkv", ".mp4", ".exr", ".dpx", ".tif", ".png", ".jpg", ".webp",
    ]  # fmt: skip


def test_flags_follow_from_options(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser("any")
    add_options(parser, MaskSettings)
    add_options(parser, ExtractSettings, "everyone", "min_face", defaults=True)
    add_option(parser, SwapSettings, "person", help="of another command")
    read = parser.parse_args(["--feather", ".1", "--mask", "box", "--all", "--person", "a.jpg"])
    assert (read.feather, read.mask, read.all, read.person) == (0.1, "box", True, Path("a.jpg"))
    assert (read.erode, read.min_face) == (None, 40)
    with pytest.raises(SystemExit):
        parser.parse_args(["--feather", "1"])
    assert "--feather: must be 0 to 0.5, not 1" in capsys.readouterr().err
    text = " ".join(parser.format_help().split())
    for each in own_options(MaskSettings):
        assert f"(default: {each.default:g})" in text if each.bounds else f"(default: {each.default})" in text
    assert "of another command" in text
    assert option_of(ExtractSettings, "min_face") == option_of(AnalysisSettings, "min_face")
    wanted = job_pb2.SwapOptions(mask="box", feather=0.1)
    assert fill_options(job_pb2.SwapOptions(), read, MaskSettings) == wanted
    read.keep = ("nose", "eyes")
    assert fill_message(wanted, keep=read.keep).keep == ["nose", "eyes"]

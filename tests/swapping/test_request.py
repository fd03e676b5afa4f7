"""Notes of a request beside its rendered segments: a newer engine has to go on with them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from recaster import __version__
from recaster.errors import UsageError
from recaster.media.clip import Clip
from recaster.settings.corrections import default_path
from recaster.settings.reading import ReadOptions
from recaster.settings.swap import SwapSettings
from recaster.swapping.request import PLAN_FORMAT, SwapRequest

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {
    "frames": [2, 9],
    "person": None,
    "track": None,
    "everyone": False,
    "smoothing": {"name": "zero-phase", "strength": None},
    "look": {
        "mask": {"kind": "learned", "feather": 0.06, "erode": 0.0, "scale": 1.0},
        "colour": "light",
        "keep": [],
        "keep_feather": 0.05,
        "strength": 1.0,
        "expression": 1.0,
        "gaze": 1.0,
    },
    "analysis": {
        "detector": "yunet",
        "landmarker": "mesh",
        "min_face": 40,
        "presence": 0.5,
        "detect_every": 6,
        "gap": 0.5,
        "identify": True,
    },
    "writer": {
        "codec": "h264",
        "quality": 15,
        "preset": "veryfast",
        "pixel_format": None,
        "square_pixels": False,
        "sound": "auto",
        "profile": None,
        "encoder": None,
    },
    "matte": None,
    "report": None,
    "label": {"kind": "none", "language": "en", "corner": "bottom-right", "size": 0.035},
    "chunk": 64,
    "batch": 8,
}


def test_a_swap_that_was_stopped_is_known_again_by_what_is_noted_of_it(fake: Any, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    settings = SwapSettings(frames=range(2, 9), report=tmp_path / "report.json", matte=tmp_path / "matte.mov")
    request = SwapRequest(Clip(clip), tmp_path / "out.mp4", fake.FakeSwapper(), settings)
    assert request.describe() == {
        "format": PLAN_FORMAT,
        "recaster": __version__,
        "clip": hashlib.sha256(b"a clip").hexdigest(),
        "swapper": "f00d",
        "settings": SETTINGS,
        "person": None,
    }


def test_a_colour_space_is_noted_by_what_the_configuration_makes_of_it(fake: Any, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")

    def note(space: str) -> str:
        request = SwapRequest(
            Clip(clip, ReadOptions(space)), tmp_path / "out.mp4", fake.FakeSwapper(), SwapSettings(range(1))
        )
        return request.describe()["view"]

    assert note("ACEScct") == note("acescct_ap1")  # an alias
    assert note("ACEScct") != note("slog3_sgamut3cine")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"report": "clip.mp4.corrections.json"}, "the report would replace the corrections beside the clip"),
        ({"report": "mine.json"}, "the report would replace the corrections"),
        ({"matte": "model/masks.mov"}, "the matte would lie in the model"),
        (
            {"layers": ("st",), "layers_out": "mine.%04d.exr"},
            r"the file of layers \(tracking\) would replace the corrections",
        ),
        ({"layers": ("st",), "layers_out": "model/a.%04d.exr"}, "the file of layers would lie in the model"),
    ],
)
def test_nothing_that_is_read_is_written_to(
    fake: Any, tmp_path: Path, settings: dict[str, Any], why: str
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    default_path(clip).write_text("{}")
    (tmp_path / "model").mkdir()
    files = {
        name: value if isinstance(value, tuple) else tmp_path / value for name, value in settings.items()
    }
    inputs = {"the model": tmp_path / "model", "the corrections": tmp_path / "mine.json"}
    request = SwapRequest(
        Clip(clip), tmp_path / "out.mp4", fake.FakeSwapper(), SwapSettings(**files), inputs=inputs
    )
    with pytest.raises(UsageError, match=why):
        request.check()
    with pytest.raises(UsageError, match=why):
        request.refuse_overwriting()


def test_two_sequences_of_a_swap_need_a_list_each(fake: Any, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    settings = SwapSettings(layers=("st",), layers_out=tmp_path / "a_%04d.exr")
    request = SwapRequest(Clip(clip), tmp_path / "a.%04d.exr", fake.FakeSwapper(), settings)
    with pytest.raises(UsageError, match="would replace the list of the layers"):
        request.check()


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("shot.json", '{\n "format": 1,\n "clip": "ab"}', "tracking"),
        ("shot.usda", '#usda 1.0\n(\n    defaultPrim = "tracked"\n    doc = "My set"\n)', "mesh"),
        ("shot.json", None, "tracking"),
    ],
)
def test_files_of_others_are_not_replaced_by_those_beside_layers(
    fake: Any, tmp_path: Path, name: str, text: str | None, kind: str
) -> None:
    clip = fake.make_clip(tmp_path / "clip.mp4", 1)
    if text is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text(text)
    chosen = SwapSettings(layers=("mesh",), layers_out=tmp_path / "shot.%04d.exr")
    with pytest.raises(UsageError, match=rf"{name}: is in the way of the {kind} file of the layers"):
        SwapRequest(Clip(clip), tmp_path / "out.mp4", fake.FakeSwapper(), chosen).check()

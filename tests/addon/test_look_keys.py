"""Animated looks in a real Blender, and looks that have names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from recaster.media.sheet import load_image

if TYPE_CHECKING:
    from serving import Served
    from tests.addon.conftest import Blender


def near(keys: list[tuple[int, float]]) -> list[Any]:
    return [[frame, pytest.approx(value, abs=1e-6)] for frame, value in keys]


def test_keys_and_drivers_are_read_in_frames_of_the_file(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("keyed", tmp_path, clip=facts["clip"])
    assert found["plain"]
    assert found["now"] == [pytest.approx(0.3), "hull", ["mouth"]]
    assert found["trimmed"] == {
        "feather": near([(20, 0), (40, 0.4), (59, 0.21)]),
        "mask": [[20, "hull"], [45, "learned"]],
        "keep": [[20, "mouth"], [40, "mouth,eyes"]],
    }
    assert (found["colour"], found["same"]) == ("mean", True)
    first, middle, last = found["reversed"]["feather"]
    assert (last[0] - middle[0], middle[0] - first[0]) == (20, 19)
    assert [first[1], middle[1], last[1]] == [pytest.approx(value, abs=1e-6) for value in (0.21, 0.4, 0)]
    assert found["written"] == [
        ["3", {"feather": "0.000000", "keep": "mouth", "mask": "hull"}],
        ["23", {"feather": "0.400000", "keep": "mouth,eyes"}],
        ["28", {"mask": "learned"}],
        ["42", {"feather": "0.210000"}],
    ]
    assert found["timed"] == ["0.120s", "0.920s", "1.120s", "1.680s"]
    assert found["driven feather"] == near([(20, 0.121), (59, 0.16)])
    assert found["driven mask"] == [[20, "learned"], [40, "hull"]]
    assert found["frame"] == 150


def test_keys_follow_a_strip_that_is_stretched_or_retimed(blender: Blender, tmp_path: Path) -> None:
    ramp = tmp_path / "ramp.mov"
    _write_ramp(ramp)
    found = blender.run("paced_keys", tmp_path, clip=ramp, out=tmp_path)
    assert found["scalar"]
    assert found["keys"]["erode"][:2] == near([(0, 0), (50, 0.5)])
    shown = [round(float(load_image(Path(path)).mean()) / 2) for path in found["rendered"]]
    assert [index for _, index in found["shown"]] == shown
    assert len(set(shown)) < len(shown)
    assert found["in parts"] == found["shown"]
    assert found["before"].startswith("Move it to frame 0 or later")
    first = {index: frame for frame, index in reversed(found["shown"])}
    assert [key[0] for key in found["retimed"]][:1] == [shown[0]]
    values = dict(map(tuple, found["retimed"]))
    for index in (shown[0], shown[-1]):
        assert values[index] == pytest.approx((first[index] - 1) / 200, abs=1e-3)


def _write_ramp(path: Path) -> None:
    """A movie of 60 frames, each of twice its number as grey."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("png", 25)
        stream.width = stream.height = 32
        stream.pix_fmt = "rgb24"
        for number in range(60):
            grey = np.full((32, 32, 3), 2 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(stream.encode())


def test_keys_and_drivers_are_copied_with_the_settings(
    newest_blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = newest_blender.run("copied_keys", tmp_path, clip=facts["clip"])
    points = found["points"]
    begin = points["shot feather"][0][2]
    # Of the same file keys stay at its frames; of another they begin with the strip.
    for name, shift in (("later", 200), ("other", -110)):
        assert points[f"{name} feather"] == [
            [121 + shift, 0, pytest.approx(begin + shift)],
            [141 + shift, pytest.approx(0.4), pytest.approx(points["shot feather"][1][2] + shift)],
        ]
    assert "other gaze" not in points, "what it had before is gone"
    assert [path.partition('"')[2].partition('"')[0] for path in found["drivers"]] == [
        "later",
        "other",
        "shot",
    ]


def test_a_keyed_strip_is_swapped_with_its_keys(
    newest_blender: Blender, facts: dict[str, Any], served: Served, tmp_path: Path
) -> None:
    found = newest_blender.run("keyed_swap", tmp_path, **facts)
    with served.client(patience_s=60) as client:
        options = client.jobs.get(found["job"]).spec.swap.options
    assert options.range == "20-27"
    changes = [(change.range, dict(change.values)) for change in options.changes]
    assert changes == [("20", {"erode": "0.000000"}), ("27", {"erode": "0.350000"})]
    assert found["animated"] == []


def test_looks_have_names(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    found = blender.run("named_looks", tmp_path, clip=facts["clip"], data=tmp_path / "data")
    assert found["loaded"] == [pytest.approx(0.25), "hull", ["brows", "nose"]]
    assert "soft" in found["menu"]
    assert "Looks" in found["panel"]
    assert found["../soft"] == "Error: Use letters, digits, spaces, - and _"
    assert found["gone"].startswith("Error: Cannot be read")
    assert not list((tmp_path / "data" / "looks").iterdir())

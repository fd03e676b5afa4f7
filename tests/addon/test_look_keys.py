"""Animated looks in a real Blender, and looks that have names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

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


def test_keys_follow_a_strip_that_is_stretched_and_a_retimed_one_says_why_not(
    newest_blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = newest_blender.run("paced_keys", tmp_path, clip=facts["clip"])
    assert found["scalar"]
    assert found["keys"]["erode"][:2] == near([(0, 0), (50, 0.5)])
    assert found["retimed"].startswith("Remove the retiming, or the keys of its look")


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

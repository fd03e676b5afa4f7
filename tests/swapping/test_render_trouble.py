"""Trouble in what was rendered is found where it was put, and nowhere else."""

from __future__ import annotations

import dataclasses
import json
import math
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recaster.errors import InputError
from recaster.swapping.coverage import FaceCoverage, Reason, measure_tint
from recaster.swapping.render_trouble import find_render_trouble, read_report_trouble

RATE = Fraction(25)


def calm(frame: int) -> FaceCoverage:
    """A face that moves and is lit as faces are."""
    covered = round(0.9 + 0.02 * np.sin(frame / 5), 3)
    tint = tuple(round(1 + 0.01 * np.sin(frame / 7 + channel), 3) for channel in range(3))
    return FaceCoverage(0, 9000, covered, {Reason.HIDDEN: round(1 - covered, 3)}, tint=tint)


def found(faces: dict[int, FaceCoverage]) -> list[tuple[str, int, int]]:
    listed = find_render_trouble(((frame, [face]) for frame, face in faces.items()), RATE)
    return [(str(one.reason), one.first_frame, one.last_frame) for one in listed]


FACES = {frame: calm(frame) for frame in range(100, 200)}


def changed(frames: range, **values: object) -> dict[int, FaceCoverage]:
    return FACES | {frame: dataclasses.replace(FACES[frame], **values) for frame in frames}


def test_a_calm_face_is_no_trouble() -> None:
    assert found(FACES) == []
    assert found({}) == []


@pytest.mark.parametrize(
    ("faces", "expected"),
    [
        (changed(range(140, 150), covered=0.4), [("low-coverage", 140, 149)]),
        (changed(range(140, 141), covered=0.68), [("mask-jump", 140, 141)]),
        (changed(range(140, 170), covered=0.7), [("mask-jump", 140, 140), ("mask-jump", 170, 170)]),
        (changed(range(150, 200), tint=(1.0, 0.98, 1.2)), [("tint-jump", 150, 150)]),
        (changed(range(150, 160), tint=None), []),
        (changed(range(150, 200), tint=(0.0, 1.0, 1.0)), [("tint-jump", 150, 150)]),
    ],
)
def test_what_changes_suddenly_is_found(
    faces: dict[int, FaceCoverage], expected: list[tuple[str, int, int]]
) -> None:
    assert found(faces) == expected


def test_a_gap_is_no_jump() -> None:
    late = {
        frame: dataclasses.replace(face, covered=0.7) if frame > 150 else face
        for frame, face in FACES.items()
        if frame != 150
    }
    assert found(late) == []


def test_tint_is_that_of_what_was_painted() -> None:
    performer = np.full((16, 16, 3), 99, np.uint8)
    painted = np.broadcast_to(np.array([99.0, 49.0, 199.0], np.float32), performer.shape)
    mask = np.zeros((16, 16), np.float32)
    assert measure_tint(painted, performer, mask) is None
    mask[:8] = 0.5
    assert measure_tint(painted, performer, mask) == (1.0, 0.5, 2.0)


def test_the_tint_of_a_large_face_is_exact() -> None:
    rng = np.random.default_rng(1)
    painted = rng.uniform(0, 255, (256, 256, 3)).astype(np.float32)
    performer = rng.integers(0, 256, (256, 256, 3), np.uint8)
    mask = rng.random((256, 256), np.float32)
    sums = [(image * np.float64(mask)[..., None]).sum((0, 1)) for image in (painted, performer)]
    total = mask.sum(dtype=np.float64)
    assert measure_tint(painted, performer, mask) == pytest.approx(
        (sums[0] / total + 1) / (sums[1] / total + 1), abs=6e-4
    )


def test_reports_are_read(tmp_path: Path) -> None:
    faces = changed(range(140, 150), covered=0.4)
    report = tmp_path / "report.json"
    frames = [{"frame": frame, "faces": [face.to_json()]} for frame, face in faces.items()]
    named: dict[str, Any] = {"clip": "a.mp4", "sha256": "12ab"}
    report.write_text(json.dumps(named | {"frames": frames}))
    clip: Any = SimpleNamespace(path=Path("b.mp4"), own_digest="12ab", info=SimpleNamespace(rate=RATE))
    [trouble] = read_report_trouble(report, clip)
    assert trouble.sentence == "frames 140-149, track 0: too little of the face was swapped"
    changed_clip: Any = SimpleNamespace(path=Path("a.mp4"), own_digest="34cd")
    with pytest.raises(InputError, match=r"a swap of a\.mp4 before it changed, and not of a\.mp4"):
        read_report_trouble(report, changed_clip)
    face = FACES[150].to_json()
    odd = [
        json.dumps(named | {"frames": [{"frame": frame, "faces": [face | change]}]})
        for frame, change in (
            (1, {"tint": [1.0, 1.0]}),
            (1, {"tint": [1.0, -1.0, 1.0]}),
            (1, {"covered": math.nan}),
            (1, {"covered": 10**400}),
            (1, {"track": 10**30}),
            (10**30, {}),
        )
    ]
    for text in ("{}", "[", json.dumps(named | {"frames": [{"frame": "x"}]}), *odd):
        report.write_text(text)
        with pytest.raises(InputError, match="is no report of a swap"):
            read_report_trouble(report, clip)
    with pytest.raises(InputError, match="cannot be read"):
        read_report_trouble(tmp_path / "gone.json", clip)

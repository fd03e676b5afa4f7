from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from recaster.cli.main import main
from recaster.faces.types import Box, Pose
from recaster.facesets.face_records import FaceRecord, FacesetSettings, SourceRecord
from recaster.facesets.faceset import Faceset


@pytest.fixture
def faceset(tmp_path) -> Faceset:
    """Eight faces of noise; the last is blurred, the one before it of someone else."""
    made = Faceset.create(tmp_path / "set", FacesetSettings(size=64, identity="nobody"))
    made.add_source(SourceRecord(0, "clip.mp4", "ab" * 32, "clip"))
    random = np.random.default_rng(0)
    faces = []
    for frame in range(8):
        record = FaceRecord(
            0, "", "clip.mp4", 1, frame, frame / 25, 0, Box(9, 9, 55, 55), 1.0, 2.0 if frame == 7 else 40.0,
            Pose(frame * 5.0, 0, 0), random.uniform(10, 54, (478, 3)),
            np.full(128, 0.2 if frame == 6 else 0.0), np.eye(2, 3),
        )  # fmt: skip
        faces.append((record, random.integers(0, 255, (64, 64, 3), dtype=np.uint8)))
    made.add(faces)
    return made


def test_info(faceset, capsys) -> None:
    assert main(["faceset", "info", str(faceset.folder)]) == 0
    told = capsys.readouterr().out
    assert "(nobody): 8 of 8 faces kept, crops of 64 px" in told
    assert "from clip.mp4: 8 of 8 kept" in told
    assert "yaw, degrees: median 17.5" in told
    assert main(["faceset", "info", str(faceset.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == faceset.digest()


def test_clean_and_undo(faceset, capsys) -> None:
    assert main(["faceset", "clean", str(faceset.folder), "--dry-run", "--quiet"]) == 0
    assert "1 would be dropped as wrong person, such as:\n  face 7: distance" in capsys.readouterr().out
    assert len(Faceset.open(faceset.folder)) == 8
    assert main(["faceset", "clean", str(faceset.folder), "--quiet"]) == 0
    told = capsys.readouterr().out
    assert "1 dropped as blurred, such as:\n  face 8: sharpness 2, needs 20" in told
    assert told.endswith("6 of 8 faces kept\n")
    assert len(Faceset.open(faceset.folder)) == 6
    assert main(["faceset", "clean", str(faceset.folder), "--undo"]) == 0
    assert capsys.readouterr().out == "2 faces restored, 8 kept\n"
    assert Faceset.open(faceset.folder).digest() == faceset.digest()
    assert main(["faceset", "clean", str(faceset.folder), "--undo", "--dry-run"]) == 2


def test_contact_sheet(faceset, tmp_path, capsys) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["faceset", "contact-sheet", str(faceset.folder), "-o", str(sheet), "--columns", "4"]) == 0
    assert capsys.readouterr().out == f"{sheet}: 8 faces\n"
    assert cv2.imread(str(sheet)).shape[1] > 4 * 160
    assert main(["faceset", "contact-sheet", str(faceset.folder), "-o", str(sheet), "--dropped"]) == 3
    assert "nothing was dropped" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["faceset", "contact-sheet", str(faceset.folder), "-o", str(sheet), "--count", "0"])
    assert "--count: must be 1 to 10,000, not 0" in capsys.readouterr().err


def test_export_and_import(faceset, tmp_path, capsys) -> None:
    archive = tmp_path / "set.zip"
    again = tmp_path / "again"
    assert main(["faceset", "export", str(faceset.folder), str(archive), "--quiet"]) == 0
    assert capsys.readouterr().out == f"{archive}: 8 faces\n"
    assert main(["faceset", "import", str(archive), "-o", str(again), "--quiet"]) == 0
    assert capsys.readouterr().out.endswith(f"{again}: 8 faces\n")
    assert Faceset.open(again).digest() == faceset.digest()
    assert main(["faceset", "import", str(archive), "-o", str(again)]) == 3
    assert "already exists" in capsys.readouterr().err


def test_what_is_no_faceset(tmp_path, capsys) -> None:
    assert main(["faceset", "info", str(tmp_path)]) == 3
    assert "this is not a faceset" in capsys.readouterr().err

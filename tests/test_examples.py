"""The programs in docs/examples do what they say, with a real engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recaster.facesets.faceset_archive import export_zip
from recaster.media.probe import probe

if TYPE_CHECKING:
    from serving import Served

    from recaster.facesets.faceset import Faceset

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "docs" / "examples"
NODE = Path(os.environ.get("RECASTER_NODE_MODULES", ROOT / ".npm" / "node_modules"))


@pytest.fixture
def faces(few_faces: Faceset, tmp_path: Path) -> Path:
    export_zip(few_faces, tmp_path / "faces.zip")
    return tmp_path / "faces.zip"


def run(served: Served, *command: str | Path) -> str:
    environment = os.environ | {"RECASTER_ENGINE": served.address, "RECASTER_TOKEN": served.token}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=300
    ).stdout


def test_python(served: Served, actors: Path, faces: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    said = run(served, sys.executable, EXAMPLES / "swap.py", actors / "rehearsal.mp4", faces, out)
    assert "with a swapped face" in said
    assert probe(out).frame_count == probe(actors / "rehearsal.mp4").frame_count


def test_javascript(served: Served, actors: Path, faces: Path, tmp_path: Path) -> None:
    if shutil.which("node") is None or not (NODE / "@grpc").is_dir():
        pytest.skip(f"node or @grpc/grpc-js is not here ({NODE}; set RECASTER_NODE_MODULES)")
    shutil.copy(EXAMPLES / "swap.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE)
    out = tmp_path / "out.mp4"
    said = run(served, "node", tmp_path / "swap.mjs", ROOT / "proto", actors / "rehearsal.mp4", faces, out)
    assert "with a swapped face" in said
    assert probe(out).frame_count == probe(actors / "rehearsal.mp4").frame_count

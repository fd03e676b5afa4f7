"""In a real Blender, a face needs a basis once, and files say what they are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.addon.conftest import facts_of

from recaster.media.probe import probe
from recaster.provenance.inspection import inspect_file

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from serving import Served
    from tests.addon.conftest import Blender


def test_a_face_with_a_basis_and_a_signed_render(
    newest_blender: Blender,
    serve: Callable[..., Served],
    packed_faces: Path,
    actors: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RECASTER_BASIS")
    engine = serve()
    known = facts_of(engine, packed_faces, actors) | {
        "program": Path(sys.executable).parent,
        "data": engine.data,
    }
    found = newest_blender.run("rights", tmp_path, **known, out=tmp_path)
    assert found["refused"].startswith("Nobody has said yet by what right")
    assert "was revoked" in found["revoked"]
    assert found["person"] == ["synthetic", True]
    assert found["made"].startswith("Marked as a face swap")
    assert found["strip"].startswith("A face swap made by Recaster")
    assert "basis: synthetic" in found["strip"]
    assert found["trouble"] == ""
    assert found["signed"].startswith("Marked as a face swap")
    signed = inspect_file(tmp_path / "render.mp4", engine.data)
    assert "an edit with 1 face swap in it" in signed.line
    assert probe(tmp_path / "render.mp4").frame_count == 12
    for ended in ("ended.mp4", "ended.0001-0002.png.sha256", "ended.0002-0003.png.sha256"):
        assert "an edit with 1 face swap in it" in inspect_file(tmp_path / ended, engine.data).line
    assert (tmp_path / "ended.0001-0002.png.sha256").read_text().count("ended.000") == 2
    engine.stop()

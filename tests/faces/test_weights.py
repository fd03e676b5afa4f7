"""Weights that come along are whole, and a damaged file is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from recaster.errors import WeightsError
from recaster.faces import weights

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", sorted(weights.SHA256))
def test_every_model_is_whole(name: str) -> None:
    assert weights.read(name)


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    data = bytearray(weights.read(weights.YUNET))
    data[1000] ^= 1
    (tmp_path / weights.YUNET).write_bytes(data)
    with pytest.raises(WeightsError, match=re.escape(weights.YUNET)):
        weights.read(weights.YUNET, tmp_path)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.read(weights.IRIS, tmp_path)


def test_the_notice_tells_of_every_model_and_its_licence() -> None:
    notice = (weights.FOLDER / "NOTICE").read_text()
    for name, digest in weights.SHA256.items():
        assert name in notice
        assert digest in notice
    for licence in re.findall(r"LICENSE-\S+\.txt", notice):
        assert (weights.FOLDER / licence).stat().st_size > 500
    kinds = (".onnx", ".tflite", ".safetensors")
    models = {path.name for path in weights.FOLDER.iterdir() if path.suffix in kinds}
    assert models == set(weights.SHA256)

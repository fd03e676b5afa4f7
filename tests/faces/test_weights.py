"""Weights that come along are whole, and a damaged file is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from recaster.errors import WeightsError
from recaster.faces.weights import FOLDER, MODELS, read_weights
from recaster.weights_registry import IRIS, YUNET

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.weights_registry import Weights


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.file)
def test_every_model_is_whole(model: Weights) -> None:
    assert read_weights(model)


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    data = bytearray(read_weights(YUNET))
    data[1000] ^= 1
    (tmp_path / YUNET.file).write_bytes(data)
    with pytest.raises(WeightsError, match=re.escape(YUNET.file)):
        read_weights(YUNET, tmp_path)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        read_weights(IRIS, tmp_path)


def test_the_notice_tells_of_every_model_and_its_licence() -> None:
    notice = (FOLDER / "NOTICE").read_text()
    for model in MODELS:
        assert model.file in notice
        assert model.sha256 in notice
    for licence in re.findall(r"LICENSE-\S+\.txt", notice):
        assert (FOLDER / licence).stat().st_size > 500
    kinds = (".onnx", ".tflite", ".safetensors")
    models = {path.name for path in FOLDER.iterdir() if path.suffix in kinds}
    assert models == {model.file for model in MODELS}

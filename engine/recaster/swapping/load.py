"""Which swapper a model folder or a faceset makes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from recaster.errors import ModelError, UsageError
from recaster.facesets.faceset import Faceset
from recaster.models.model_folder import ModelFolder
from recaster.swapping.device import choose_device

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.swapping.swapper import Swapper


def load_swapper(model: Path | None = None, source: Path | None = None, device: str = "auto") -> Swapper:
    """The swapper of a trained model, or of a source identity without any training.

    Args:
        model: a model folder, written by training.
        source: a faceset of the person whose face is put on; exactly one of the two is given.
        device: what ``choose_device`` was asked for.

    Raises:
        UsageError: not exactly one of them is given.
        ModelError: the folder holds no model, or one that can't swap yet.
        WeightsError: its weights are damaged.
        FacesetError: the faceset can't be used.
        FaceNotFoundError: it holds too few faces.
    """
    if model is not None and source is None:
        return _of_model(ModelFolder(model), device)
    if source is not None and model is None:
        return _of_faceset(Faceset.open(source))
    raise UsageError("give either a model or a source faceset, not both")


def load_again(model: Path | None, source: Path | None, device: str) -> Callable[[], Swapper]:
    """What makes the same swapper in another process, on the same kind of device."""
    return functools.partial(_loaded_on, model, source, device)


def _loaded_on(model: Path | None, source: Path | None, device: str) -> Swapper:
    choose_device(device, None, tensorflow=needs_tensorflow(model))
    return load_swapper(model, source, device)


def needs_tensorflow(model: Path | None, detector: str = "") -> bool:
    """Whether a swap has networks that only TensorFlow runs: pairwise models, and dlib's detector.

    Raises:
        ModelError: there is no model.
    """
    return detector == "dlib-cnn" or (
        model is not None and ModelFolder(model).read().preset.family == "pairwise"
    )


def _of_faceset(faceset: Faceset) -> Swapper:
    from recaster.swapping.guided import GuidedSwapper

    return GuidedSwapper.from_faceset(faceset)


def _of_model(folder: ModelFolder, device: str) -> Swapper:
    # TensorFlow takes seconds to import: only the family that is needed is.
    card = folder.read()
    if not folder.weights.is_file():
        raise ModelError(f"{folder.path}: has no weights to swap with yet; go on training it with --resume")
    if card.preset.family == "pairwise":
        from recaster.swapping.pairwise import PairwiseSwapper

        return PairwiseSwapper.from_model(folder)
    from recaster.swapping.guided import GuidedSwapper

    return GuidedSwapper.from_model(folder, gpu=device == "gpu")

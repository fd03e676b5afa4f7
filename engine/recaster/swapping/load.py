"""Swapper of a model folder or a faceset, and the device that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from recaster.errors import ModelError, UsageError
from recaster.facesets.faceset import Faceset
from recaster.models.model_folder import ModelFolder, needs_tensorflow
from recaster.processes.cpu_cores import check_threads
from recaster.swapping.casting import CastSwapper

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.swapping.swapper import Swapper


def choose_device(name: str, threads: int | None, *, tensorflow: bool) -> str:
    """Chooses what computes; returns a note on it.

    TensorFlow is loaded only where it is needed: guided models are swapped with on the CPU, which a GPU
    does no faster (docs/performance.md), unless the GPU is asked for.

    Args:
        name: "auto", "cpu" or "gpu".
        threads: CPU threads; None for all cores.
        tensorflow: whether there is a network that only TensorFlow runs.

    Raises:
        UsageError: no thread at all, or more than there are cores.
        DeviceError: the device can't be used.
    """
    if threads is not None:
        check_threads(threads)
        cv2.setNumThreads(threads)
    if not tensorflow and name != "gpu":
        return "on the CPU"
    from recaster.networks.device import select_device

    return select_device(name, threads).note


def load_swapper(model: Path | None = None, source: Path | None = None, device: str = "auto") -> Swapper:
    """Loads the swapper of a trained model, or of a source identity without any training.

    Args:
        model: a model folder, or
        source: a faceset of the person whose face is put on.
        device: what ``choose_device`` was asked for.

    Raises:
        UsageError: not exactly one of them is given.
        ModelError, WeightsError: the folder holds no model, one that can't swap yet, or a damaged one.
        FacesetError, FaceNotFoundError: the faceset can't be used, or holds too few faces.
    """
    if model is not None and source is None:
        return _load_model(ModelFolder(model), device)
    if source is not None and model is None:
        from recaster.swapping.guided import GuidedSwapper

        return GuidedSwapper.from_faceset(Faceset.open(source))
    raise UsageError("give either a model or a source faceset, not both")


@dataclass(frozen=True)
class SwapperFactory:
    """Makes the same swapper as ``load_swapper`` in another process, on the same kind of device."""

    model: Path | None = None
    source: Path | None = None
    device: str = "auto"

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Folders that the swapper is made of."""
        return tuple(path for path in (self.model, self.source) if path is not None)

    def make(self) -> Swapper:
        """Chooses the device of this process and loads the swapper."""
        choose_device(self.device, None, tensorflow=needs_tensorflow(self.model))
        return load_swapper(self.model, self.source, self.device)


@dataclass(frozen=True)
class CastFactory:
    """Makes the same swappers of a cast's roles in another process; roles of one source share one."""

    factories: tuple[SwapperFactory, ...]

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Folders that the swappers are made of."""
        return tuple(dict.fromkeys(path for factory in self.factories for path in factory.inputs))

    def make(self) -> CastSwapper:
        """Chooses the device of this process and loads the swappers."""
        made = {factory: factory.make() for factory in dict.fromkeys(self.factories)}
        return CastSwapper(tuple(made[factory] for factory in self.factories))


def _load_model(folder: ModelFolder, device: str) -> Swapper:
    # TensorFlow takes seconds to import: only the family that is needed is.
    card = folder.read()
    if not folder.weights.is_file():
        raise ModelError(f"{folder.path}: has no weights to swap with yet; go on training it with --resume")
    if card.preset.family == "pairwise":
        from recaster.swapping.pairwise import PairwiseSwapper

        return PairwiseSwapper.from_model(folder)
    from recaster.swapping.guided import GuidedSwapper

    return GuidedSwapper.from_model(folder, gpu=device == "gpu")

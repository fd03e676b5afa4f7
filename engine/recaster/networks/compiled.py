"""A trained guided network made ready for swaps on the CPU: run by LiteRT, without TensorFlow.

TensorFlow takes seconds to start, half a gigabyte, and nearly twice the CPU time for a face. It is needed
once after a training, to translate the network; the result is kept beside the weights.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import ModelError, OutputError, WeightsError
from recaster.files import sha256
from recaster.networks.litert import interpreter
from recaster.networks.model_folder import FORMAT, ModelFolder
from recaster.networks.presets import to_json
from recaster.networks.tensors import load_metadata, load_tensors, save_tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AT_ONCE: Final = 2
"""Faces that are finished side by side."""
_UNFIT: Final = 3
"""Exit status of the translation where the weights are at fault."""


class CompiledSwap:
    """As ``GuidedSwap``, for the CPU; equal to it within one grey level.

    Args:
        content: a network as ``GuidedSwap.as_tflite`` made it.
    """

    def __init__(self, content: bytes) -> None:
        self._beside = ThreadPoolExecutor(_AT_ONCE)
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(_AT_ONCE):
            self._idle.put(interpreter(content))

    def finish(self, conditions: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Paint faces: see ``GuidedSwap.finish``."""
        return np.stack(list(self._beside.map(self._finished, conditions)))

    def _finished(self, condition: NDArray[np.uint8]) -> NDArray[np.uint8]:
        network = self._idle.get()
        try:
            network.set_tensor(network.get_input_details()[0]["index"], condition[None])
            network.invoke()
            return np.asarray(network.get_tensor(network.get_output_details()[0]["index"])[0])
        finally:
            self._idle.put(network)


def compiled_swap(folder: ModelFolder, channels: int) -> CompiledSwap:
    """The network of a trained guided model; translated first where that wasn't done since it was trained.

    Args:
        folder: the model.
        channels: channels of its condition.

    Raises:
        ModelError: it is no model, or cannot be translated.
        WeightsError: its weights are missing, damaged or another network's.
    """
    key = _key(folder)
    content = _kept(folder, key)
    if content is None:
        content = _translated_beside(folder, channels)
        # Where it can't be kept, or a training has gone on meanwhile, it is translated again the next time.
        with contextlib.suppress(OutputError):
            if _key(folder) == key:
                _keep(folder, key, content)
    return CompiledSwap(content)


def compile_network(folder: ModelFolder, channels: int) -> None:
    """Translate a guided model's network in this process, where TensorFlow is at work anyway.

    Raises:
        ModelError, WeightsError: as ``compiled_swap``.
        OutputError: the folder cannot be written.
    """
    _keep(folder, _key(folder), _translated(folder, channels))


def _key(folder: ModelFolder) -> str:
    """What a translation depends on."""
    preset = folder.read().preset
    if not folder.weights.is_file():
        raise WeightsError(f"{folder.weights}: there is no such file; train first, or check the path")
    parts = [FORMAT, to_json(preset), sha256(folder.weights)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _kept(folder: ModelFolder, key: str) -> bytes | None:
    """An earlier translation of just these weights; None where there is none, or it is damaged."""
    if not folder.compiled.is_file():
        return None
    try:
        about = load_metadata(folder.compiled)
        content = load_tensors(folder.compiled)["network"].tobytes()
    except (WeightsError, KeyError):
        return None
    whole = about == {"of": key, "sha256": hashlib.sha256(content).hexdigest()}
    return content if whole else None


def _keep(folder: ModelFolder, key: str, content: bytes) -> None:
    about = {"of": key, "sha256": hashlib.sha256(content).hexdigest()}
    save_tensors(folder.compiled, {"network": np.frombuffer(content, np.uint8)}, about)


def _translated_beside(folder: ModelFolder, channels: int) -> bytes:
    """Translated in a process of its own: TensorFlow's memory goes with it, and no device is chosen here."""
    with tempfile.TemporaryDirectory(prefix="recaster-") as made:
        out = Path(made) / "network.tflite"
        command = [sys.executable, "-P", "-m", __name__, str(folder.path.absolute()), str(channels), str(out)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if ended.returncode == 0:
            return out.read_bytes()
    if ended.returncode == _UNFIT:
        raise WeightsError(ended.stdout.strip())
    said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
    raise ModelError(f"{folder.path}: its network could not be made ready for the CPU ({said})")


def _translated(folder: ModelFolder, channels: int) -> bytes:
    from recaster.networks.device import device_in_use
    from recaster.networks.guided import GuidedSwap

    device_in_use()
    preset = folder.read().preset
    weights = load_tensors(folder.weights, GuidedSwap.expected(preset, channels))
    return GuidedSwap(preset, channels, weights).as_tflite()


def _main(model: str, channels: str, out: str) -> int:
    try:
        Path(out).write_bytes(_translated(ModelFolder(Path(model)), int(channels)))
    except WeightsError as error:
        sys.stdout.write(str(error))
        return _UNFIT
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))

"""What computes a swap."""

from __future__ import annotations

import cv2

from recaster.processes.cpu_cores import check_threads


def choose_device(name: str, threads: int | None, *, tensorflow: bool) -> str:
    """Choose what computes; returns a note on it.

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

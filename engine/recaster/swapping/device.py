"""What computes a swap."""

from __future__ import annotations

import cv2

from recaster.errors import UsageError


def choose_device(name: str, threads: int | None, *, network: bool) -> str:
    """Choose what computes; returns a note on it. Without a network there is no need for TensorFlow.

    Args:
        name: "auto", "cpu" or "gpu".
        threads: CPU threads; None for all cores.
        network: whether there is a network to run, or a detector that is one.

    Raises:
        UsageError: no thread at all.
        DeviceError: the device can't be used.
    """
    if threads is not None:
        if threads < 1:
            raise UsageError(f"{threads} threads are none; give at least 1")
        cv2.setNumThreads(threads)
    if not network and name == "auto":
        return "on the CPU: there is no network to run"
    from recaster.networks.device import select_device

    return select_device(name, threads).note

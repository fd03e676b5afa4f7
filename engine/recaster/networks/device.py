"""Choice of the device that networks run on, made once, before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recaster.errors import DeviceError
from recaster.processes.cpu_cores import check_threads
from recaster.settings.devices import DEVICES
from recaster.settings.options import listed
from recaster.stderr_filter import filter_stderr

# TensorFlow greets before any setting of how much it logs is heeded.
with filter_stderr(b"I0000", b"WARNING: All log messages before absl"):
    import tensorflow as tf


@dataclass(frozen=True)
class Device:
    """A chosen device; ``note`` is one line for the user that says so, and why."""

    kind: Literal["cpu", "gpu"]
    note: str


_chosen: list[Device] = []


def device_in_use() -> Device:
    """The device chosen in this process; the CPU, from now on, where none was yet."""
    return _chosen[0] if _chosen else select_device("cpu")


def select_device(name: str = "auto", threads: int | None = None) -> Device:
    """Chooses the device for all that follows in this process.

    Args:
        name: "auto" is a GPU where there is one.
        threads: CPU threads of one operation; None leaves the choice to TensorFlow.

    Raises:
        DeviceError: the GPU was asked for and there is none, there is one that does not work, the
            name is unknown, or the choice comes too late: something was computed already.
        UsageError: no thread at all, or more than there are cores.
    """
    if name not in DEVICES:
        raise DeviceError(f"there is no device {name!r}; choose {listed(DEVICES)}")
    if threads is not None:
        check_threads(threads)
    try:
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            # Operations side by side would each have so many.
            tf.config.threading.set_inter_op_parallelism_threads(1)
        gpus = tf.config.list_physical_devices("GPU")
        if name == "cpu":
            tf.config.set_visible_devices([], "GPU")
        else:
            for gpu in gpus:  # else the first to come takes all of its memory
                tf.config.experimental.set_memory_growth(gpu, enable=True)
    except RuntimeError as error:
        raise DeviceError(f"the device must be chosen before anything is computed ({error})") from None
    if name == "cpu":
        return _remember(Device("cpu", "on the CPU, as asked"))
    if not gpus and name == "auto":
        return _remember(Device("cpu", "on the CPU: TensorFlow finds no GPU"))
    problem = _find_gpu_problem() if gpus else "TensorFlow finds none"
    if problem is not None:
        raise DeviceError(
            f"the GPU cannot be used: {problem}; install recaster[gpu] and its driver, or use --device cpu"
        )
    return _remember(Device("gpu", f"on the GPU ({_gpu_name(gpus[0])})"))


def _remember(device: Device) -> Device:
    _chosen[:] = [device]
    return device


def _find_gpu_problem() -> str | None:
    """Message of the error that comes of really using the first GPU, or None."""
    try:
        with tf.device("/GPU:0"):
            tf.linalg.matmul(tf.ones((8, 8)), tf.ones((8, 8))).numpy()
    except (tf.errors.OpError, RuntimeError) as error:
        return str(error).splitlines()[0]
    return None


def _gpu_name(gpu: tf.config.PhysicalDevice) -> str:
    return str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name))

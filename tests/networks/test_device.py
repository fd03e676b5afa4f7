from __future__ import annotations

import pytest

from recaster.errors import DeviceError, UsageError
from recaster.networks.device import select_device


def test_auto_says_that_it_is_the_cpu() -> None:
    device = select_device("auto")
    assert device.kind == "cpu"
    assert "no GPU" in device.note


def test_cpu() -> None:
    assert select_device("cpu").kind == "cpu"


def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DeviceError, match="--device cpu"):
        select_device("gpu")


def test_unknown_device_and_no_threads() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        select_device("cpu", 0)
    with pytest.raises(UsageError, match="more than the"):
        select_device("cpu", 20_000)
    with pytest.raises(DeviceError, match="tpu"):
        select_device("tpu")

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import OutputError, WeightsError
from recaster.models.tensors import load_metadata, load_tensors, save_tensors

if TYPE_CHECKING:
    from pathlib import Path

TENSORS = {
    "a/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "count": np.array(7, np.int64),
    "turned": np.arange(6, dtype=np.uint8).reshape(2, 3).T,
}
EXPECTED = {"a/kernel": ((3, 4), "float32"), "count": ((), "int64"), "turned": ((3, 2), "uint8")}


def test_round_trip_keeps_values_dtypes_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.safetensors"
    save_tensors(path, TENSORS, {"steps": "3"})
    found = load_tensors(path, EXPECTED)
    assert found.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype
    assert load_metadata(path) == {"steps": "3"}
    assert [item.name for item in path.parent.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a/kernel": ((4, 3), "float32")}, r"'a/kernel' is float32 \(3, 4\), expected float32 \(4, 3\)"),
        ({"count": ((), "int32")}, "'count' is int64"),
        ({"more": ((1,), "float32")}, "has no 'more'"),
    ],
)
def test_the_first_difference_is_named(tmp_path: Path, change: dict, message: str) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS, {})
    with pytest.raises(WeightsError, match=message):
        load_tensors(path, EXPECTED | change)


def test_what_is_too_much_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS, {})
    with pytest.raises(WeightsError, match="holds 'count'"):
        load_tensors(path, {name: value for name, value in EXPECTED.items() if name != "count"})


@pytest.mark.parametrize("keep", [0, 4, 100])
def test_damaged_files_are_one_clear_error(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS, {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        load_tensors(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("expected", [True, False])
def test_numbers_that_are_not_finite_are_refused(
    tmp_path: Path, value: float, kind: type, expected: bool
) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, {"fine": np.ones(2, kind), "deep/one": np.array([[1, value]], kind)}, {})
    wanted = {"fine": ((2,), kind), "deep/one": ((1, 2), kind)} if expected else None
    with pytest.raises(WeightsError, match="'deep/one' holds numbers that aren't finite"):
        load_tensors(path, wanted)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load_tensors(tmp_path / "x.safetensors")


def test_a_failed_write_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, {"a": np.zeros(4, np.float32)}, {})
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OutputError, match=r"x\.safetensors"):
            save_tensors(path, {"a": np.zeros(4000, np.float32)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1

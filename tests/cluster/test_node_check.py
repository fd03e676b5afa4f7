"""Faults of a node, by what it says of itself."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace

import cv2
import pytest

pytest.importorskip("ray")

from recaster.cluster.node import check_release, describe_release
from recaster.cluster.node_check import MAX_CLOCK_DIFFERENCE_S, NodeReport, NodeState
from recaster.cluster.private_addresses import refuse_public
from recaster.errors import ClusterError

WELL = NodeState("render1", "10.0.0.7", 16, 2**36, NodeReport("Recaster 1 (weights a)", (), "storage", True))


def faults_of(state: NodeState) -> list[str]:
    return [f"{says} -> {mend}" for says, mend in state.list_faults("Recaster 1 (weights a)")]


def test_a_node_that_is_well_has_no_fault() -> None:
    assert faults_of(WELL) == []
    assert WELL.describe() == "10.0.0.7, 16 cores, 64.0 GiB, Recaster 1 (weights a), clock +0.0 s, storage"


@pytest.mark.parametrize("other", ["Recaster 2 (weights a)", "Recaster 1 (weights b)"])
def test_another_release_is_named(other: str) -> None:
    assert WELL.report is not None
    (fault,) = faults_of(replace(WELL, report=replace(WELL.report, release=other)))
    assert fault.startswith(
        f"has {other}, and this machine Recaster 1 (weights a) -> install the same release"
    )


def test_clocks_may_differ_a_little() -> None:
    assert faults_of(replace(WELL, clock_ahead_s=-MAX_CLOCK_DIFFERENCE_S)) == []
    (fault,) = faults_of(replace(WELL, clock_ahead_s=-90))
    assert fault == "its clock is 90 s behind this machine's -> set both clocks (NTP)"
    assert "90 s ahead of" in faults_of(replace(WELL, clock_ahead_s=90))[0]


def test_each_fault_is_said() -> None:
    report = NodeReport("Recaster 1 (weights a)", ("cv2 (no libGL)",), "/mnt/s: isn't there", False)
    missing, storage = faults_of(replace(WELL, report=report))
    assert missing.startswith("can't import cv2 (no libGL) -> ")
    assert storage.startswith("/mnt/s: isn't there -> mount the storage there")
    (silent,) = faults_of(replace(WELL, report=None, error="didn't answer in time"))
    assert silent.startswith("didn't answer in time -> ")


def test_work_of_another_release_is_refused() -> None:
    check_release(describe_release())
    with pytest.raises(
        ClusterError, match=r"the node .+ has Recaster .+, and this machine Recaster 0 .+ install"
    ):
        check_release("Recaster 0 (weights a)")


@pytest.mark.parametrize(("package", "name"), [("av", "PyAV"), ("numpy", "NumPy"), ("cv2", "OpenCV")])
def test_another_library_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, package: str, name: str
) -> None:
    wanted = describe_release()

    def find_version(each: str) -> str:
        return "9.9" if each == package else version(each)

    version = importlib.metadata.version
    monkeypatch.setattr(cv2, "__version__", "9.9" if package == "cv2" else cv2.__version__)
    monkeypatch.setattr(importlib.metadata, "version", find_version)
    describe_release.cache_clear()
    try:
        says = rf"has Recaster .*{name} 9\.9.* and this machine .*{name} [^9]"
        with pytest.raises(ClusterError, match=says):
            check_release(wanted)
    finally:
        describe_release.cache_clear()


@pytest.mark.parametrize("address", ["8.8.8.8:6379", "8.8.8.8", "[2001:4860:4860::8888]:6379"])
def test_public_addresses_are_refused(address: str) -> None:
    with pytest.raises(ClusterError, match="is a public address"):
        refuse_public(address)


@pytest.mark.parametrize("address", ["127.0.0.1:6379", "10.1.2.3", "192.168.0.9:6379", "[fd00::7]:6379"])
def test_private_addresses_are_taken(address: str) -> None:
    refuse_public(address)

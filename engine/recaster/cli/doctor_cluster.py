"""``recaster doctor --cluster``: what is wrong with the nodes of a Ray cluster, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.cli.findings import Finding, find_error, try_check
from recaster.errors import RecasterError, UsageError
from recaster.settings.cluster import ClusterSettings

if TYPE_CHECKING:
    from recaster.settings.storage import StorageSettings
    from recaster.storage.storage import Storage


def check_cluster(address: str | None, stored: StorageSettings) -> dict[str, Finding]:
    """Checks a cluster and each node of it; returns the findings by what was looked at.

    Args:
        address: None for the cluster that this machine belongs to.

    Raises:
        UsageError: no storage is named, or its URL can't be one.
    """
    from recaster.cluster.ray_connection import connect
    from recaster.storage.storage import open_storage

    if stored.storage is None:
        raise UsageError("--cluster needs --storage: a folder that all nodes see, or s3://BUCKET/PREFIX")
    storage = open_storage(stored.storage, stored)
    try:
        with connect(ClusterSettings("ray", address)):
            nodes = _check_nodes(storage)
    except RecasterError as error:
        return {"cluster": find_error(error)}
    says = "asks for a token, and has private addresses only"
    return {"cluster": Finding(True, says), "storage": try_check(lambda: _check_storage(storage)), **nodes}


def _check_nodes(storage: Storage) -> dict[str, Finding]:
    from recaster.cluster.node import describe_release
    from recaster.cluster.node_check import check_nodes

    findings = {}
    for node in check_nodes(storage):
        faults = node.list_faults(describe_release())
        says = "; ".join(says for says, _ in faults)
        mend = "; ".join(dict.fromkeys(mend for _, mend in faults))
        described = node.describe()
        findings[f"node {node.name}"] = Finding(
            not faults, f"{described}: {says}" if says else described, mend
        )
    return findings


def _check_storage(storage: Storage) -> Finding:
    from recaster.cluster.node_check import describe_speed

    return Finding(True, f"{storage.url} from this machine: {describe_speed(storage)}")

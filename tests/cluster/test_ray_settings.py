"""Choices of a cluster that are refused before anything is done."""

from __future__ import annotations

import pytest

from recaster.cluster.ray_connection import check_settings, use_cluster
from recaster.errors import UsageError
from recaster.settings.cluster import ClusterSettings
from recaster.settings.storage import StorageSettings

SHARED = StorageSettings("/mnt/shared")


@pytest.mark.parametrize(
    ("cluster", "stored", "said"),
    [
        (ClusterSettings("ray"), StorageSettings(), "--executor ray needs --storage"),
        (ClusterSettings(ray_address="10.0.0.1:6379"), StorageSettings(), "--ray-address is for"),
        (ClusterSettings(ray_gpus=0.5), StorageSettings(), "--ray-gpus is for"),
        (ClusterSettings(), SHARED, "--storage is for --executor ray"),
        (ClusterSettings("ray", ray_labels=("fast",)), SHARED, "'fast' is no NAME=VALUE"),
    ],
)
def test_what_does_not_go_together_is_refused(
    cluster: ClusterSettings, stored: StorageSettings, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        check_settings(cluster, stored)


def test_a_cluster_without_a_token_is_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    storage = StorageSettings(str(tmp_path))
    with (
        pytest.raises(UsageError, match="takes commands from anybody"),
        use_cluster(ClusterSettings("ray", "127.0.0.1:6379"), storage),
    ):
        pass

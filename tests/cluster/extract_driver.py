"""Extraction on a cluster, in a process of its own: CLIP OUT ADDRESS STORAGE; parts are small."""

from __future__ import annotations

import sys
from pathlib import Path

from recaster.cluster import turns
from recaster.cluster.ray_connection import use_cluster
from recaster.facesets import clip_crops
from recaster.facesets.extraction import extract
from recaster.settings.cluster import ClusterSettings
from recaster.settings.extract import ExtractSettings
from recaster.settings.storage import StorageSettings


def main(clip: str, out: str, address: str, storage: str) -> None:
    """Extract."""
    clip_crops.PART_BATCHES = 1  # type: ignore[misc]
    turns.PATIENCE_S = 1.0  # type: ignore[misc]
    with use_cluster(ClusterSettings("ray", address), StorageSettings(storage)):
        extract([Path(clip)], Path(out), ExtractSettings(size=128, frames="0-95"))


main(*sys.argv[1:])

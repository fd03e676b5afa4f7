"""Swap on a cluster, in a process that can be killed: CLIP FACESET OUT [ADDRESS STORAGE].

Parts are small, so that a short clip has several pieces.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from recaster.cluster.ray_connection import use_cluster
from recaster.faces import segments
from recaster.media import scan_parts
from recaster.media.clip import Clip
from recaster.media.probe import is_scanned
from recaster.settings.cluster import ClusterSettings
from recaster.settings.storage import StorageSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping.load import SwapperFactory, load_swapper
from recaster.swapping.pipeline import swap_clip
from recaster.swapping.request import SwapRequest

SETTINGS = SwapSettings(frames=range(96), chunk=8)


def main(clip: str, faceset: str, out: str, *cluster: str) -> None:
    """Swap, and print how far it is."""
    segments.MIN_SEGMENT_FRAMES = 20  # type: ignore[misc]
    scan_parts.PART_FRAMES = 20  # type: ignore[misc]
    scan_parts.MIN_PARTS = 2  # type: ignore[misc]
    source = Path(faceset)
    request = SwapRequest(
        Clip(Path(clip)),
        Path(out),
        load_swapper(source=source),
        SETTINGS,
        factory=SwapperFactory(None, source, "cpu"),
    )
    with contextlib.ExitStack() as stack:
        if cluster:
            address, storage = cluster
            stack.enter_context(use_cluster(ClusterSettings("ray", address), StorageSettings(storage)))
            print("scanned by nodes", is_scanned(scan_parts.scan_by_executor(request.clip).path), flush=True)
        result = swap_clip(request, lambda update: print(update.stage, update.done, flush=True))
    print("swapped", result.swapped, "resumed", result.resumed)


main(*sys.argv[1:])

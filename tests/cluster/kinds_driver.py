"""Swaps of several kinds, and an evaluation, in one process: INPUTS FACESET OUT [ADDRESS STORAGE].

Parts are small, so that short clips have several pieces.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.main import main
from recaster.cluster.ray_connection import use_cluster
from recaster.evaluation import observe
from recaster.faces import segments
from recaster.operations import swap
from recaster.settings.cluster import ClusterSettings
from recaster.settings.storage import StorageSettings
from recaster.swapping import parallel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.settings.swap import SwapSettings


def list_commands(inputs: Path, faces: str, out: Path) -> Iterator[list[str]]:
    """List commands, each with a result of its own in a folder."""
    source = ["--source", faces]
    for rate in ("25", "12"):
        shot = f"{inputs}/shot/a.%04d.png"
        yield ["swap", shot, *source, "--frame-rate", rate, "-o", f"{out}/at{rate}/b.%04d.png"]
    cast = ["--put", f"anna={faces}@track:0", "--put", f"ben={faces}@track:1"]
    yield ["swap", f"{inputs}/pair.mp4", *cast, "-o", f"{out}/cast/pair.mp4"]
    masks = ["--keep-out", f"{inputs}/half.png", "--keep-in", f"{inputs}/band/m.%04d.png"]
    yield ["swap", f"{inputs}/one.mp4", *source, *masks, "-o", f"{out}/masks/one.mp4"]
    yield ["evaluate", f"{inputs}/one.mp4", f"{out}/masks/one.mp4", *source, "-o", f"{out}/figures"]


def read_settings(request: swap.Request, *rest: Any) -> SwapSettings:
    """Read the settings as ever, but for small segments."""
    return dataclasses.replace(as_ever(request, *rest), chunk=4)


def run(inputs: str, faces: str, out: str, *cluster: str) -> None:
    """Run all commands, of which each may be the work of a cluster."""
    with contextlib.ExitStack() as stack:
        if cluster:
            address, storage = cluster
            stack.enter_context(use_cluster(ClusterSettings("ray", address), StorageSettings(storage)))
        for command in list_commands(Path(inputs), faces, Path(out)):
            more = ["--no-manifest"] if command[0] == "swap" else []
            assert main([*command, *more, "--local", "--quiet"]) == 0, command


as_ever = swap.Request.settings
swap.Request.settings = read_settings  # type: ignore[method-assign]
segments.MIN_SEGMENT_FRAMES = 8  # type: ignore[misc]
parallel.MIN_SEGMENTS_PER_RUN = 2  # type: ignore[misc]
observe.PIECE_FRAMES = 6  # type: ignore[misc]
run(*sys.argv[1:])

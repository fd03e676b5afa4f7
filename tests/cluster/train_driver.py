"""Training of a tiny model, in a process that can be killed: SOURCE TARGET OUT STEPS [ADDRESS STORAGE].

It takes all cores of a node, and leaves its place to others soon.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recaster.cluster import turns
from recaster.cluster.ray_connection import use_cluster
from recaster.operations import train
from recaster.operations.face_rights import FaceClaim
from recaster.settings.cluster import ClusterSettings
from recaster.settings.storage import StorageSettings
from recaster.settings.train import Schedule

if TYPE_CHECKING:
    from recaster.progress import Update

TINY = {
    "size": 32, "bottleneck": 8, "bottom_width": 8, "batch": 2, "encoder_widths": (8, 8, 8),
    "decoder_widths": (8, 8),
}  # fmt: skip


def main(source: str, target: str, out: str, steps: str, *cluster: str) -> None:
    """Train, on where the model is there, and print how far it is."""
    turns.TURN_S = turns.ASK_INTERVAL_S = 1.0  # type: ignore[misc]
    model = Path(out)
    resumes = (model / "model.json").is_file()
    request = train.Request(
        Path(source),
        model,
        Schedule(int(steps), checkpoint_every=0.5, preview_every=0.7),
        Path(target),
        None if resumes else "fast-96",
        {} if resumes else TINY,
        resumes,
        device="cpu",
        threads=1,
        claim=FaceClaim(basis="consent"),
    )
    with contextlib.ExitStack() as stack:
        if cluster:
            address, storage = cluster
            settings = ClusterSettings("ray", address, ray_cpus=2)
            stack.enter_context(use_cluster(settings, StorageSettings(storage)))
        result = train.run(request, report, lambda level, line: print(level, line, flush=True))
    print("trained", result.steps, f"{result.seconds:.1f}", flush=True)


def report(update: Update) -> None:
    """Print it."""
    print(update.stage, update.done, update.detail, flush=True)


main(*sys.argv[1:])

"""Train the weights that guided trainings start from, on rendered people (scripts/actors/README.md).

    .venv/bin/python scripts/train_start.py FACESETS WORK --minutes 60

FACESETS holds one faceset per person, WORK keeps checkpoints, so that training can be stopped and go on,
also with more people. What comes out is engine/recaster/networks/weights/guided-rendered.safetensors.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from recaster.cli.display import ProgressLine
from recaster.facesets.faceset import Faceset
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.presets import overridden, preset
from recaster.networks.guided import save_start_weights, start_weights
from recaster.networks.perceptual import make_backbone
from recaster.settings.train import Schedule
from recaster.training import checkpoints
from recaster.training.guided import guided_training
from recaster.training.guided_data import Source
from recaster.training.loop import train

PRESET = "guided-128"
SEED = 1


def main() -> None:
    """Train on what was asked for, and write the weights as float16."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("facesets", type=Path, metavar="FACESETS")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--minutes", type=float, required=True, help="in all, over all runs")
    parser.add_argument("--anew", action="store_true", help="from random weights, not from those there are")
    options = parser.parse_args()
    begun = overridden(preset(PRESET), start="none" if options.anew else "rendered")
    folders = sorted(path for path in options.facesets.iterdir() if path.is_dir())
    sources = [
        Source.of(begun, Faceset.open(path), ModelFolder(options.work / path.name)) for path in folders
    ]
    model = ModelFolder(options.work / "model")
    resume = bool(checkpoints.list_checkpoints(model.checkpoints))
    if resume and options.anew:
        parser.error(
            f"{options.work}: holds an unfinished training; choose another folder, or leave --anew out"
        )
    model.write(ModelCard(begun, "", seed=SEED))
    start = None if resume else start_weights(begun)
    training = guided_training(begun, sources, SEED, start, make_backbone("dlib-resnet"))
    schedule = Schedule(minutes=options.minutes, preview_every=300)
    result = train(training, model, schedule, ProgressLine(sys.stderr), resume=resume)
    facts = {
        "people": str(len(sources)),
        "steps": str(result.steps),
        "seed": str(SEED),
        "start": begun.guided.start,
    }
    save_start_weights(begun, training.model.start_weights(), facts)


if __name__ == "__main__":
    main()

"""Sources of the picture matrix: facesets made of clips, and models trained for some steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.facesets.extraction import extract
from recaster.facesets.faceset import Faceset
from recaster.files import remove_folder
from recaster.models.model_folder import ModelFolder
from recaster.models.presets import preset
from recaster.progress import Report, silent
from recaster.settings.extract import ExtractSettings
from recaster.settings.train import DEFAULT_PRESET, Schedule
from recaster.swapping.load import choose_device, load_swapper

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.benchmarks.picture_matrix.rows import Row
    from recaster.swapping.swapper import Swapper

SEED: Final = 0


def faceset_of(row: Row, out: Path, report: Report = silent) -> Path:
    """Returns the faceset of a row's source: the one it names, or one made of its clips, kept in ``out``."""
    if len(row.sources) == 1 and row.sources[0].is_dir():
        return row.sources[0]
    made = out / "facesets" / _named(row)
    if not made.is_dir():
        begun = made.with_name(f"{made.name}.part")
        remove_folder(begun)  # a stopped run's: nobody knows which faces it lacks
        extract(list(row.sources), begun, ExtractSettings(), report)
        begun.rename(made)
    return made


def swapper_of(row: Row, faceset: Path, out: Path, report: Report = silent) -> Swapper:
    """Loads the swapper of a row: with its model, one trained for it, or the faceset at once."""
    if row.model is not None:
        return load_swapper(row.model)
    if row.train is not None:
        return load_swapper(_trained(row, row.train, faceset, out, report))
    return load_swapper(source=faceset)


def _trained(row: Row, steps: int, faceset: Path, out: Path, report: Report) -> Path:
    """Trains a model, kept in ``out`` for all rows that train the source as long; goes on after a stop."""
    from recaster.training.loop import train
    from recaster.training.preparation import build_training, new_model, perceptual_backbone, resumed_model

    folder = ModelFolder(out / "models" / f"{_named(row)}-{steps}")
    source = Faceset.open(faceset)
    begun = folder.exists()
    recipe = preset(DEFAULT_PRESET)
    card = resumed_model(folder, source, None) if begun else new_model(folder, recipe, source, None, SEED)
    choose_device("auto", None, tensorflow=True)
    backbone = perceptual_backbone(card.preset)
    training = build_training(card.preset, source, None, folder, card.seed, backbone, report)
    if not begun:
        folder.write(card)
    train(training, folder, Schedule(steps=steps), report, resume=begun)
    return folder.path


def _named(row: Row) -> str:
    return "-".join(source.stem for source in row.sources)

"""Benchmark of the picture: every row swapped under each of its conditions, and judged."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np

from recaster.benchmarks.picture_matrix.conditions import PLAIN, Condition, condition
from recaster.benchmarks.picture_matrix.figures import ShotFrame, judge_motion, judge_shot
from recaster.benchmarks.picture_matrix.sheets import draw_shot
from recaster.benchmarks.picture_matrix.shots import faces_of, make_shot, moments, plain_frames
from recaster.benchmarks.speed import machine_facts
from recaster.errors import FaceNotFoundError, InputError
from recaster.evaluation.feature_judge import SourceFeatures
from recaster.evaluation.ground_truth import Truth
from recaster.evaluation.nan_stats import rounded
from recaster.facesets.extraction import extract
from recaster.facesets.faceset import Faceset
from recaster.files import remove_folder, write_json
from recaster.media.clip import Clip
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.sheet import save_image
from recaster.models.model_folder import ModelFolder
from recaster.models.presets import preset
from recaster.progress import Report, Update, silent
from recaster.settings.choices import DEFAULT_PRESET
from recaster.settings.extract import ExtractSettings
from recaster.settings.swap import SwapSettings
from recaster.settings.train import Schedule
from recaster.swapping.load import choose_device, load_swapper
from recaster.swapping.pipeline import swap_clip
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.benchmarks.picture_matrix.rows import Row
    from recaster.faces.types import Floats
    from recaster.swapping.swapper import Swapper

FORMAT: Final = 1
RESULTS: Final = "matrix.json"
DIGITS: Final = 5
"""Significant ones of a figure in JSON."""
SEED: Final = 0


@dataclass(frozen=True)
class ShotResult:
    """Figures of one shot.

    Attributes:
        figures: name to value; NaN for what could not be measured.
        true: of the true swap; empty where nobody knows it.
        note: reason why there is nothing to judge; else empty.
    """

    row: str
    condition: str
    figures: dict[str, float]
    true: dict[str, float]
    note: str = ""

    @property
    def name(self) -> str:
        """Name of the shot and of its folder."""
        return f"{self.row}-{self.condition}"

    def as_json(self) -> dict[str, Any]:
        """Converts to plain JSON values."""
        figures, true = (
            {name: rounded(value, DIGITS) for name, value in part.items()}
            for part in (self.figures, self.true)
        )
        return vars(self) | {"figures": figures, "true": true}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ShotResult:
        """Reads a result that ``as_json`` made."""
        figures, true = (
            {name: float("nan" if figure is None else figure) for name, figure in value[part].items()}
            for part in ("figures", "true")
        )
        return cls(value["row"], value["condition"], figures, true, value["note"])


def measure_pictures(rows: list[Row], out: Path, report: Report = silent) -> list[ShotResult]:
    """Swaps and judges every shot of a matrix; returns the results, in the order of rows and conditions.

    Facesets, shots, sheets and ``matrix.json`` are written to ``out``; shots that are done there are not
    done again.

    Raises:
        InputError: something in ``out`` is damaged.
        RecasterError: whatever extracting, swapping and judging raise.
    """
    began = time.monotonic()
    spent = time.process_time()
    shots = {_folder(out, row, name): (row, condition(name)) for row in rows for name in row.conditions}
    results = {folder: _finished_result(folder) for folder in shots}
    source = None
    for folder, (row, wanted) in shots.items():
        if results[folder] is not None:
            continue
        done = sum(result is not None for result in results.values())
        report(Update("swapping and judging", done, len(shots), "shots", f"{row.name}, {wanted.title}"))
        if source is None or source.row is not row:
            source = _Source.of(row, out, report)
        result = _judge(source, wanted, out)
        write_json(folder / RESULTS, result.as_json())
        results[folder] = result
    report(Update("swapping and judging", len(shots), len(shots), "shots"))
    about = {
        "format": FORMAT,
        "machine": machine_facts(),
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - spent, 1),
    }
    finished = [result for result in results.values() if result is not None]
    write_json(out / RESULTS, about | {"shots": [result.as_json() for result in finished]})
    return finished


def read_results(out: Path) -> list[ShotResult]:
    """Reads the results of an earlier run (InputError)."""
    path = out / RESULTS
    try:
        return [ShotResult.from_json(shot) for shot in json.loads(path.read_bytes())["shots"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: no results of a picture matrix can be read ({error})") from None


def _finished_result(folder: Path) -> ShotResult | None:
    path = folder / RESULTS
    if not path.is_file():
        return None
    try:
        return ShotResult.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged ({error}); delete {folder} to make it again") from None


def _folder(out: Path, row: Row, name: str) -> Path:
    return out / "shots" / f"{row.name}-{name}"


def faceset_of(row: Row, out: Path) -> Path:
    """Returns the faceset of a row's source: the one it names, or one made of its clips, kept in ``out``."""
    if len(row.sources) == 1 and row.sources[0].is_dir():
        return row.sources[0]
    made = out / "facesets" / _named(row)
    if not made.is_dir():
        begun = made.with_name(f"{made.name}.part")
        remove_folder(begun)  # a stopped run's: nobody knows which faces it lacks
        extract(list(row.sources), begun, ExtractSettings())
        begun.rename(made)
    return made


def swapper_of(row: Row, faceset: Path, out: Path, report: Report) -> Swapper:
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


class _Source(NamedTuple):
    """Source of a row's shots: its faceset, its swapper and its features."""

    row: Row
    faceset: Path
    swapper: Swapper
    features: SourceFeatures

    @classmethod
    def of(cls, row: Row, out: Path, report: Report) -> Self:
        faceset = faceset_of(row, out)
        features = SourceFeatures.measure(Faceset.open(faceset))
        return cls(row, faceset, swapper_of(row, faceset, out, report), features)


def _judge(source: _Source, wanted: Condition, out: Path) -> ShotResult:
    """Makes a shot, swaps it, judges it and its true swap, and draws its sheets."""
    row = source.row
    folder = _folder(out, row, wanted.name)
    plain = _folder(out, row, PLAIN) / "target.mp4"
    target, swapped, matte = (folder / name for name in ("target.mp4", "swapped.mp4", "matte.mp4"))
    true = None if row.truth is None else folder / "truth.mp4"
    shots = [(row.target, condition(PLAIN), plain), (row.target, wanted, target), (row.truth, wanted, true)]
    for clip, shown, shot in shots:
        if clip is not None and shot is not None and not shot.is_file():
            make_shot(row, clip, shown, probe(row.target).rate, shot)
    person = _person(row, plain, wanted, folder)
    settings = SwapSettings(matte=matte, person=person)
    try:
        swap_clip(SwapRequest(Clip(target), swapped, source.swapper, settings))
    except FaceNotFoundError as error:
        return ShotResult(row.name, wanted.name, {"found": 0.0}, {}, str(error))
    clips = (target, swapped, matte, true)
    meshes = faces_of(row, plain, person)
    figures = judge_shot(_shot_frames(row, wanted, clips, meshes, plain), source.features)
    known = {}
    if true is not None:
        frames = _shot_frames(row, wanted, (target, true, None, true), meshes, plain)
        known = judge_shot(frames, source.features)
    if wanted.name == PLAIN:
        moving, moving_true = judge_motion(row, target, swapped, source.faceset)
        figures |= moving
        known |= moving_true
    draw_shot(folder, wanted, clips, meshes, probe(plain))
    return ShotResult(row.name, wanted.name, figures, known)


def _person(row: Row, plain: Path, wanted: Condition, folder: Path) -> Path | None:
    """Saves a picture of the performer, where the shot shows somebody else as well."""
    if not wanted.needs_other and row.person is None:
        return None
    picture = folder / "person.png"
    save_image(picture, next(iter(read_frames(row.person or plain, 0, 1))).image)
    return picture


def _shot_frames(
    row: Row,
    wanted: Condition,
    clips: tuple[Path, Path, Path | None, Path | None],
    meshes: dict[int, Floats],
    plain: Path,
) -> Iterator[ShotFrame]:
    """Yields the frames to judge; the true swap's face is taken to be covered whole."""
    info = probe(plain)
    size = (info.width, info.height)
    truth = None if row.truth is None else Truth.load(row.truth)
    originals, swaps = (plain_frames(clip, wanted, size) for clip in clips[:2])
    streams = [None if clip is None else plain_frames(clip, wanted, size) for clip in clips[2:]]
    for moment in moments(row, wanted):
        index = row.frames.start + moment.index
        protected = None if wanted.protected is None else wanted.protected(size, moment)
        front, clouded = (None if truth is None else truth.occluders(index)) or (None, None)
        original = next(originals)
        matte, true = (None if stream is None else next(stream) for stream in streams)
        yield ShotFrame(
            original=original,
            swapped=next(swaps),
            matte=np.full_like(original, 255) if matte is None else matte,
            mesh=meshes.get(moment.index),
            truth=true,
            known=None if truth is None else truth.mask(index),
            protected=front if protected is None else protected,
            clouded=clouded,
        )

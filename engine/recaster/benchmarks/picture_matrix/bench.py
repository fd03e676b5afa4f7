"""The picture matrix: every row swapped under every one of its conditions, judged, and shown on a page."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np

from recaster.benchmarks.picture_matrix.conditions import PLAIN, condition
from recaster.benchmarks.picture_matrix.judging import judge_motion, judge_shot
from recaster.benchmarks.picture_matrix.sheets import draw_shot
from recaster.benchmarks.picture_matrix.shots import faces_of, make_shot, moments, plain_frames
from recaster.benchmarks.picture_matrix.sources import faceset_of, swapper_of
from recaster.benchmarks.speed import machine
from recaster.errors import FaceNotFoundError, InputError
from recaster.evaluation.feature_judge import SourceLook
from recaster.evaluation.truth import Truth
from recaster.facesets.faceset import Faceset
from recaster.files import write_json
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.sheet import save_image
from recaster.progress import Report, Update, silent
from recaster.settings.swap import SwapSettings
from recaster.swapping.pipeline import swap_clip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.benchmarks.picture_matrix.conditions import Condition
    from recaster.benchmarks.picture_matrix.rows import Row
    from recaster.faces.types import Floats
    from recaster.swapping.swapper import Swapper

FORMAT: Final = 1
RESULTS: Final = "matrix.json"


@dataclass(frozen=True)
class Result:
    """What came of one shot.

    Attributes:
        row: the row's name.
        condition: the condition's name.
        figures: name to value; NaN for what could not be measured.
        true: the same of the true swap; empty where nobody knows it.
        note: why there is nothing to judge; empty where there is.
    """

    row: str
    condition: str
    figures: dict[str, float]
    true: dict[str, float]
    note: str = ""

    @property
    def name(self) -> str:
        """Row and condition, also of its folder."""
        return f"{self.row}-{self.condition}"

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "row": self.row,
            "condition": self.condition,
            "figures": {name: _plain(value) for name, value in self.figures.items()},
            "true": {name: _plain(value) for name, value in self.true.items()},
            "note": self.note,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Result:
        """What ``as_json`` made."""
        figures, true = (
            {name: float("nan") if one is None else float(one) for name, one in value[part].items()}
            for part in ("figures", "true")
        )
        return cls(value["row"], value["condition"], figures, true, value["note"])


def bench_picture(rows: list[Row], out: Path, report: Report = silent) -> list[Result]:
    """Swap and judge every shot of a matrix; shots that are done in ``out`` are not done again.

    Args:
        rows: the matrix.
        out: folder for its facesets, shots, sheets and ``matrix.json``.
        report: told about every shot.

    Returns:
        A result for each row and condition, in their order.

    Raises:
        InputError: something in ``out`` is damaged.
        RecasterError: whatever extracting, swapping and judging raise.
    """
    began = time.monotonic()
    spent = time.process_time()
    shots = [(row, name) for row in rows for name in row.conditions]
    known = {(row.name, name): _done(_folder(out, row, name)) for row, name in shots}
    done = sum(one is not None for one in known.values())
    source = None
    for row, name in shots:
        if known[row.name, name] is not None:
            continue
        report(
            Update("swapping and judging", done, len(shots), "shots", f"{row.name}, {condition(name).title}")
        )
        if source is None or source.row is not row:
            source = _Source.of(row, out, report)
        result = _judged(source, condition(name), out)
        write_json(_folder(out, row, name) / RESULTS, result.as_json())
        known[row.name, name] = result
        done += 1
    report(Update("swapping and judging", done, len(shots), "shots"))
    results = [one for one in known.values() if one is not None]
    about = {
        "format": FORMAT,
        "machine": machine(),
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - spent, 1),
    }
    write_json(out / RESULTS, about | {"shots": [one.as_json() for one in results]})
    return results


def read_results(out: Path) -> list[Result]:
    """What an earlier run found.

    Raises:
        InputError: it isn't there, or damaged.
    """
    path = out / RESULTS
    try:
        return [Result.from_json(one) for one in json.loads(path.read_bytes())["shots"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: no results of a picture matrix can be read ({error})") from None


def _done(folder: Path) -> Result | None:
    path = folder / RESULTS
    if not path.is_file():
        return None
    try:
        return Result.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged ({error}); delete {folder} to make it again") from None


def _folder(out: Path, row: Row, name: str) -> Path:
    return out / "shots" / f"{row.name}-{name}"


class _Source(NamedTuple):
    """Who is put on in a row's shots: the faceset, its swapper and what it looks like."""

    row: Row
    faceset: Path
    swapper: Swapper
    look: SourceLook

    @classmethod
    def of(cls, row: Row, out: Path, report: Report) -> Self:
        faceset = faceset_of(row, out)
        look = SourceLook.measured(Faceset.open(faceset))
        return cls(row, faceset, swapper_of(row, faceset, out, report), look)


def _judged(source: _Source, wanted: Condition, out: Path) -> Result:
    """Make a shot, swap it, judge it and its true swap, and draw its pictures."""
    row = source.row
    rate = probe(row.target).rate
    folder = _folder(out, row, wanted.name)
    plain = _folder(out, row, PLAIN) / "target.mp4"
    if not plain.is_file():
        make_shot(row, row.target, condition(PLAIN), rate, plain)
    target, swapped, matte = (folder / name for name in ("target.mp4", "swapped.mp4", "matte.mp4"))
    if not target.is_file():
        make_shot(row, row.target, wanted, rate, target)
    true = None if row.truth is None else folder / "truth.mp4"
    if true is not None and row.truth is not None and not true.is_file():
        make_shot(row, row.truth, wanted, rate, true)
    person = _person(row, plain, wanted, folder)
    note = _swap(target, swapped, matte, source.swapper, person)
    if note:
        return Result(row.name, wanted.name, {"found": 0.0}, {}, note)
    clips = (target, swapped, matte, true)
    meshes = faces_of(row, plain, person)
    figures = judge_shot(_frames(row, wanted, clips, meshes, plain), source.look)
    known = {}
    if true is not None:
        known = judge_shot(_frames(row, wanted, (target, true, None, true), meshes, plain), source.look)
    if wanted.name == PLAIN:
        moving, moving_true = judge_motion(row, target, swapped, source.faceset)
        figures, known = figures | moving, known | moving_true
    draw_shot(folder, wanted, clips, meshes, probe(plain))
    return Result(row.name, wanted.name, figures, known)


def _swap(target: Path, out: Path, matte: Path, swapper: Swapper, person: Path | None) -> str:
    """Swap a shot; returns why that is impossible."""
    try:
        swap_clip(target, out, swapper, SwapSettings(matte=matte, person=person))
    except FaceNotFoundError as error:
        return str(error)
    return ""


def _person(row: Row, plain: Path, wanted: Condition, folder: Path) -> Path | None:
    """A picture of the performer, where the shot shows somebody else as well."""
    if not wanted.needs_other and row.person is None:
        return None
    picture = folder / "person.png"
    save_image(picture, next(iter(read_frames(row.person or plain, 0, 1))).image)
    return picture


def _frames(
    row: Row,
    wanted: Condition,
    clips: tuple[Path, Path, Path | None, Path | None],
    meshes: dict[int, Floats],
    plain: Path,
) -> Iterator[dict[str, Any]]:
    """What ``ShotJudge.add`` is told of each frame; the true swap's face is taken to be covered whole."""
    info = probe(plain)
    size = (info.width, info.height)
    truth = None if row.truth is None else Truth.load(row.truth)
    originals = plain_frames(clips[0], wanted, size)
    streams = [None if clip is None else plain_frames(clip, wanted, size) for clip in clips[1:]]
    for moment in moments(row, wanted):
        index = row.frames.start + moment.index
        protected = None if wanted.protected is None else wanted.protected(size, moment)
        front, clouded = (None if truth is None else truth.before(index)) or (None, None)
        original = next(originals)
        swapped, matte, true = (None if one is None else next(one) for one in streams)
        yield {
            "original": original,
            "swapped": swapped,
            "matte": np.full_like(original, 255) if matte is None else matte,
            "mesh": meshes.get(moment.index),
            "truth": true,
            "known": None if truth is None else truth.mask(index),
            "protected": front if protected is None else protected,
            "clouded": clouded,
        }


def _plain(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None

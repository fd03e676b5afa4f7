"""Benchmark of training: a swap's quality over training time, for several variants.

Every variant is trained from scratch in a process of its own, one after another. At each mark the
weights that a swap would use are kept, with the clock stopped; later the clip is swapped with each and
judged. All marks of a variant lie on one training with the learning-rate schedule of the last mark: a
point before the end is a model whose rate has not fallen yet, which somewhat understates what a
training of just that length would give. ``separate`` trains once for each mark instead, for as much
more time.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import math
import os
import platform
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Final

from recaster import __version__
from recaster.api.internal.v1.benchmark_pb2 import TrainingReport, TrainingRun
from recaster.benchmarks.plots import draw_bench
from recaster.benchmarks.training_results import Point, Row, as_markdown
from recaster.benchmarks.training_variants import Variant, check_names
from recaster.benchmarks.training_worker import STOPPED, points_of
from recaster.errors import InputError, TrainingError, UsageError
from recaster.evaluation.evaluation_result import EvaluationResult
from recaster.evaluation.sface import SFace
from recaster.facesets.faceset import Faceset
from recaster.files import parse_json, write_bytes, write_error, write_json
from recaster.processes.channel import messages, path_to_bytes, progress_from_proto
from recaster.processes.spawn import last_lines, start_with_task
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recaster.benchmarks.training_settings import BenchSettings
    from recaster.benchmarks.training_variants import Variant

FORMAT: Final = 1
MAX_LOG_LINES: Final = 3
"""Lines of a failed variant's log that are shown."""


def bench(
    variants: Sequence[Variant], settings: BenchSettings, out: Path, report: Report = silent
) -> list[Row]:
    """Trains, swaps and judges all variants, and writes ``bench.json``, ``bench.md`` and ``bench.png``.

    What is there already, made with the same settings, is not made again. Ctrl-C ends the step, keeps
    what is there and raises KeyboardInterrupt; the same call then goes on.

    Raises:
        UsageError: variants or settings that do not go together, or a judge that is not installed.
        InputError: a clip or faceset cannot be used, or ``out`` holds results of other settings.
        TrainingError: some variants failed; the others are done and written.
        OutputError: a result cannot be written.
    """
    check(variants, settings)
    for variant in variants:
        claim(out / variant.name, settings.fingerprint(variant))
    progress = OverallProgress(variants, settings, out, report)
    failures = []
    for number, variant in enumerate(variants):
        folder = out / variant.name
        progress.begin(number)
        if not all(point.is_judged for point in points_of(variant, settings, folder)):
            code = run_child(variant, settings, folder, progress)
            if code == STOPPED:
                raise KeyboardInterrupt
            if code:
                failures.append(_failure(folder, code))
        rows = read_rows(variants, settings, out)
        write(out, rows, settings)
    if failures:
        raise TrainingError(f"{len(failures)} of {len(variants)} variants failed: " + "; ".join(failures))
    return rows


def check(variants: Sequence[Variant], settings: BenchSettings) -> None:
    """Refuses settings that would fail an hour later."""
    check_names(variants)
    SFace()  # says what is not installed
    source = Faceset.open(settings.source).digest()
    for variant in variants:
        if variant.sides == 2 and settings.target is None:
            raise UsageError(
                f"variant {variant.name}: preset {variant.base} trains on two people: add --target FACESET"
            )
    if settings.target is not None and Faceset.open(settings.target).digest() == source:
        raise UsageError("source and target are the same faces: give facesets of two people")


def claim(folder: Path, described: Mapping[str, Any]) -> None:
    """Makes the folder that of these settings (InputError where it is that of others, OutputError)."""
    path = folder / "variant.json"
    described = json.loads(json.dumps(described))  # as it will be read: tuples become lists
    if not path.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(f"{folder}: exists and is not of a bench; choose another --out")
        write_json(path, described)
        return
    try:
        before = dict(parse_json(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: unusable ({error}); delete {folder} to begin it anew") from None
    if differing := sorted(name for name in described if before.get(name) != described[name]):
        raise InputError(
            f"{folder}: was made with another {', '.join(differing)}; choose another --out, "
            "or delete the folder to begin it anew"
        )


def run_child(variant: Variant, settings: BenchSettings, folder: Path, progress: OverallProgress) -> int:
    """Runs one variant in a process of its own; returns its exit code.

    It has a session of its own, so that a terminal's Ctrl-C reaches only this process, which passes it
    on once and waits until the child has kept what it has. If this process dies, the child ends at its
    next word.
    """
    task = TrainingRun(
        variant=json.dumps(variant.as_json()),
        settings=json.dumps(settings.as_json()),
        folder=path_to_bytes(folder),
    )
    try:
        log = _log(folder).open("wb")
    except OSError as error:
        raise write_error(_log(folder), error) from error
    with log, start_with_task("recaster.benchmarks.training_worker", task, subprocess.PIPE, log) as child:
        assert child.stdout is not None  # noqa: S101 - asked for
        try:
            for message in messages(child.stdout, TrainingReport):
                progress.receive(message)
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
            collections.deque(child.stdout, maxlen=0)  # until it has ended
            raise
    return child.returncode


def _log(folder: Path) -> Path:
    return folder / "log.txt"


def _failure(folder: Path, code: int) -> str:
    with _log(folder).open("rb") as log:
        said = " | ".join(last_lines(log, MAX_LOG_LINES if code < 0 or code == 1 else 1))
    ended = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    return f"{folder.name} ({ended}; {_log(folder)}): {said}"


class OverallProgress:
    """Progress of all variants: adds a variant's name and the time left to each update of its process."""

    def __init__(
        self, variants: Sequence[Variant], settings: BenchSettings, out: Path, report: Report
    ) -> None:
        self._variants = variants
        self._settings = settings
        self._report = report
        self._points = [points_of(variant, settings, out / variant.name) for variant in variants]
        self._judged: list[float] = []
        self.begin(0)

    def begin(self, number: int) -> None:
        """Begins a variant: the next updates are of it."""
        self._number = number
        self._training = 0.0

    def receive(self, message: TrainingReport) -> None:
        """Passes on one report of the process."""
        if message.HasField("judged_s"):
            self._judged.append(message.judged_s)
            return
        update = progress_from_proto(message.progress)
        if update.stage == "training" and update.unit == "seconds":
            self._training = update.done
        stage = f"{self._variants[self._number].name}: {update.stage}"
        detail = "  ".join(part for part in (update.detail, self._all()) if part)
        self._report(Update(stage, update.done, update.total, update.unit, detail))

    def seconds_left(self) -> float | None:
        """Estimates the time left for training and judging; None until a first point was judged."""
        if self._settings.unit == "steps" or not self._judged:
            return None
        left = 0.0
        for variant, points in zip(self._variants[self._number :], self._points[self._number :], strict=True):
            for budget, marks in self._settings.runs() if variant.preset else ():
                is_done = all(point.is_trained for point in points if point.mark in marks)
                left += 0 if is_done else 60 * budget
        left -= min(left, self._training)
        return left + self._unjudged() * sum(self._judged) / len(self._judged)

    def _unjudged(self) -> int:
        return sum(not point.is_judged for points in self._points for point in points)

    def _all(self) -> str:
        every = sum(map(len, self._points))
        seconds = self.seconds_left()
        done = f"[all: {every - self._unjudged()}/{every} points"
        return f"{done}]" if seconds is None else f"{done}, {max(1, round(seconds / 60))} min left]"


def read_rows(variants: Sequence[Variant], settings: BenchSettings, out: Path) -> list[Row]:
    """Reads the rows of all judged points, variant by variant and in time (InputError)."""
    return [
        _row(variant, point, settings, out)
        for variant in variants
        for point in points_of(variant, settings, out / variant.name)
        if point.is_judged
    ]


def _row(variant: Variant, point: Point, settings: BenchSettings, out: Path) -> Row:
    cost = point.cost()
    figures = EvaluationResult.load(point.evaluation).scores.figures
    return Row(
        variant=variant.name,
        preset=variant.base,
        flags=variant.flags,
        mark=point.mark,
        minutes=point.mark if settings.unit == "minutes" else cost.seconds / 60,
        steps=cost.steps,
        steps_per_second=cost.steps_per_second,
        faces_per_second=cost.faces_per_second,
        cpu_seconds=cost.cpu_seconds,
        peak_bytes=cost.peak_bytes,
        figures={figure.name: _finite_or_none(figure.value) for figure in figures},
        references={
            figure.name: {name: _finite_or_none(value) for name, value in figure.references.items()}
            for figure in figures
        },
        folder=str(point.folder.relative_to(out)),
    )


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def write(out: Path, rows: Sequence[Row], settings: BenchSettings) -> None:
    """Writes the rows as JSON, as a table and as a picture (OutputError)."""
    document = {
        "format": FORMAT,
        "unit": settings.unit,
        "separate": settings.separate,
        "settings": settings.as_json(),
        "versions": {"recaster": __version__, "python": platform.python_version()},
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "rows": [dataclasses.asdict(row) for row in rows],
    }
    write_json(out / "bench.json", document)
    write_bytes(out / "bench.md", as_markdown(rows).encode())
    if rows:
        draw_bench(out / "bench.png", rows)

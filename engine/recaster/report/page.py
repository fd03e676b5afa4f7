"""Report as one HTML page."""

from __future__ import annotations

import base64
import io
import math
from html import escape
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import PIL.Image

from recaster import __version__
from recaster.errors import ImageError, InputError
from recaster.evaluation.measures import MEASURES, Measure
from recaster.files import write_bytes
from recaster.media.sheet import load_image
from recaster.report.charts import Line, chart
from recaster.report.collect import SPEED_PARTS, Found, Training, collect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from recaster.evaluation.evaluation_result import EvaluationResult
    from recaster.evaluation.types import Figure

MAX_PICTURE_PX: Final = 1800
"""Longer side of a picture in the page."""

CURVES: Final = (
    ("Likeness (cosine)", ("cosine_source", "cosine_target")),
    ("Motion deviation (% of the eye distance)", ("motion_deviation",)),
    ("Mouth opening (eye distances)", ("mouth_opening", "mouth_opening_original")),
    ("Eye opening (eye distances)", ("eye_opening", "eye_opening_original")),
    ("Jitter (original's mean = 1)", ("jitter",)),
    ("Flicker (original's mean = 1)", ("flicker",)),
    ("Sharpness (original's mean = 1)", ("sharpness",)),
    ("Seam (levels per % of the eye distance)", ("seam",)),
    ("PSNR to the truth inside the mask (dB)", ("psnr_inside",)),
)  # fmt: skip

READING: Final = "A figure means nothing without its references: read each beside them."

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c1c1e;--soft:#6b6b70;--ground:#fff;--line:#d9d9de;--good:#2a8a4a}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8ea;--soft:#a0a0a6;--ground:#161618;--line:#38383c;--good:#5cc080}}
body{margin:0 auto;max-width:1180px;padding:2rem 1.2rem;background:var(--ground);color:var(--ink);
 font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.9rem;margin:0}h2{margin:2.6rem 0 .4rem;padding-top:1rem;border-top:1px solid var(--line)}
h3{margin:1.6rem 0 .4rem}p.about,figcaption,small{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;margin:.6rem 0}
th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right}td.value{font-weight:650;text-align:right}td small{display:block;max-width:46rem}
.scroll{overflow-x:auto}img{max-width:100%;height:auto;border-radius:4px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:1rem}
figure{margin:0}svg{width:100%;height:auto}svg text{font-size:11px;fill:var(--soft)}
.grid{stroke:var(--line);stroke-width:1}
.level{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:5 4;fill:none}
@media print{h2{break-before:page}figure,img{break-inside:avoid}}
"""


def write_report(folder: Path, out: Path) -> None:
    """Writes one page that shows everything below a folder; it needs no other file and no network.

    Raises:
        InputError: nothing to show is there, or something is damaged.
        OutputError: the page cannot be written.
    """
    write_bytes(out, page(collect(folder), folder).encode())


def page(found: Found, folder: Path) -> str:
    """Formats all that was found in ``folder`` as HTML."""
    title = f"Recaster: {folder.resolve().name}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="about">{_contents(found)} {READING} Recaster {__version__}.</p>',
        *([_summary(found.evaluations, folder)] if len(found.evaluations) > 1 else []),
        *(_readable(path, _evaluation, outcome, folder) for path, outcome in found.evaluations),
        *(_readable(path, _bench, rows, folder) for path, rows in found.benches),
        *(_readable(path, _speed, figures, folder) for path, figures in found.speeds),
        *(_training(training, folder) for training in found.trainings),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _readable(path: Path, show: Callable[..., str], value: Any, folder: Path) -> str:
    """A part of the page; others' files may lack anything, or hold it where it shouldn't be (InputError)."""
    try:
        return show(path, value, folder)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: holds something that it shouldn't ({error!r}), so it can't be shown; measure it again"
        ) from error


def _contents(found: Found) -> str:
    counts = (
        (len(found.evaluations), "evaluation"), (len(found.benches), "training benchmark"),
        (len(found.speeds), "speed benchmark"), (len(found.trainings), "model"),
    )  # fmt: skip
    return ", ".join(f"{n} {what}{'s' * (n != 1)}" for n, what in counts if n) + "."


def _summary(evaluations: Sequence[tuple[Path, EvaluationResult]], folder: Path) -> str:
    """Formats all evaluations side by side."""
    measured = {figure.name for _, outcome in evaluations for figure in outcome.scores.figures}
    rows = [
        f"<td>{escape(_titled(measure))}</td>{_cells(outcome.value(name) for _, outcome in evaluations)}"
        for name, measure in MEASURES.items()
        if name in measured
    ]
    head = f"<th></th>{_heads(_name(path, folder) for path, _ in evaluations)}"
    return f"<h2>Side by side</h2>{_table(head, rows)}"


def _evaluation(path: Path, outcome: EvaluationResult, folder: Path) -> str:
    about = outcome.about
    original, swapped, source = (about[role] for role in ("original", "swapped", "source"))
    size = f"{original['width']} x {original['height']}, {len(outcome.index)} frames judged"
    made = f"{swapped['path']}, made from {original['path']} ({size}), source {source['path']}"
    notes = [escape(note) for note in (made, *about.get("notices", []))]
    parts = [
        f"<h2>{escape(_name(path, folder))}</h2>",
        f'<p class="about">{"<br>".join(notes)}</p>',
        _figures(outcome.scores.figures),
    ]
    for name, title in (("sheet", "Through the clip"), ("worst", "The worst frames")):
        if name in outcome.pictures:
            parts.append(f"<h3>{title}</h3>{_picture(path / outcome.pictures[name], title, folder)}")
    parts.append(f"<h3>Frame by frame</h3>{_grid(_curves(outcome))}")
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    settings = _listed(about.get("settings", {}))
    parts.append(f"<p><small>Settings: {settings}. Versions: {escape(versions)}.</small></p>")
    return "\n".join(parts)


def _figures(figures: Sequence[Figure]) -> str:
    rows = []
    for figure in figures:
        measure = MEASURES.get(figure.name)
        title = _titled(measure) if measure else figure.name
        definition = f"<small>{escape(measure.definition)}</small>" if measure else ""
        against = ", ".join(
            f"{escape(name)}&nbsp;{_number(value)}" for name, value in figure.references.items()
        )
        rows.append(
            f'<td>{escape(title)}{definition}</td><td class="value">{_number(figure.value)}</td>'
            f"<td>{escape(measure.unit) if measure else ''}</td><td>{against}</td>"
        )
    return _table(f"<th>Figure</th>{_heads(['Value'])}<th>Unit</th><th>Read it against</th>", rows)


def _curves(outcome: EvaluationResult) -> list[str]:
    x = outcome.index.astype(np.float64)
    references = {figure.name: figure.references for figure in outcome.scores.figures}
    charts = []
    for title, names in CURVES:
        lines = []
        for name in names:
            values = outcome.scores.frames.get(name)
            if values is not None:
                known = np.isfinite(values)
                label = MEASURES[name].title if name in MEASURES else name.replace("_", " ")
                lines.append(Line(label, x[known], values[known]))
        if lines:
            levels = references.get(names[0], {}) if len(names) == 1 else {}
            charts.append(
                chart(title, lines, levels={k: v for k, v in levels.items() if k in ("frozen", "noise")})
            )
    return charts


def _bench(path: Path, rows: Sequence[dict[str, Any]], folder: Path) -> str:
    """Formats a training benchmark: a table, and every figure over the minutes."""
    names = [name for name in MEASURES if any(name in row.get("figures", {}) for row in rows)]
    lines = []
    for row in rows:
        values = [row.get(name) for name in ("minutes", "steps", "steps_per_second", "cpu_seconds")]
        values += [row.get("figures", {}).get(name) for name in names]
        lines.append(f'<td class="n">{escape(str(row["variant"]))}</td>{_cells(values)}')
    titles = [_titled(MEASURES[name]) for name in names]
    table = _table(_heads(["variant", "minutes", "steps", "steps/s", "CPU s", *titles]), lines)
    charts = _grid(_over_minutes(MEASURES[name], rows) for name in names)
    return f"<h2>Over the minutes: {escape(_name(path, folder))}</h2>{table}{charts}"


def _over_minutes(measure: Measure, rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for variant in dict.fromkeys(str(row["variant"]) for row in rows):
        points = [
            (row.get("minutes") or 0.0, row["figures"][measure.name])
            for row in rows
            if str(row["variant"]) == variant and row.get("figures", {}).get(measure.name) is not None
        ]
        if points:
            x, y = np.array(sorted(points), np.float64).T
            lines.append(Line(variant, x, y, dots=True))
    return chart(_titled(measure), lines, across="minutes of training") if lines else ""


def _speed(path: Path, figures: dict[str, Any], folder: Path) -> str:
    lines = []
    for part in SPEED_PARTS:
        if part in figures:
            row = figures[part]
            numbers = _cells(row[name] for name in ("cpu_ms_per_frame", "frames_per_second", "peak_rss_mb"))
            lines.append(f"<td>{part}</td>{numbers}<td>{_numbers(row.get('stages', {}))}</td>")
    heads = _heads(["CPU ms a frame", "frames/s", "peak MiB"])
    table = _table(f"<th></th>{heads}<th>stages, wall ms a frame</th>", lines)
    about = "<br>".join(_listed(figures.get(name, {})) for name in ("clip", "machine"))
    return (
        f'<h2>Speed: {escape(_name(path, folder))}</h2><p class="about">{about}</p>'
        f"{table}<p>Ratios: {_numbers(figures.get('ratios', {}))}.</p>"
    )


def _training(training: Training, folder: Path) -> str:
    card = training.card
    charts = _grid(
        chart(f"Loss: {name}", [Line(name, x, y)], across="step") for name, (x, y) in training.curves.items()
    )
    preview = "" if training.preview is None else _picture(training.preview, "what the model paints", folder)
    return (
        f"<h2>Model: {escape(_name(training.folder, folder))}</h2>"
        f'<p class="about">{escape(card.preset.name)}, {card.steps} steps in {card.seconds / 60:.1f} minutes'
        f", seed {card.seed}</p>{preview}{charts}"
    )


def _picture(path: Path, what: str, folder: Path) -> str:
    """Makes an image element that holds the picture itself, as JPEG of at most ``MAX_PICTURE_PX`` pixels.

    Raises:
        ImageError: it cannot be read, or lies outside of ``folder``: a report shows nothing else of a disk.
    """
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ImageError(f"{path}: lies outside of {folder}; a report shows only pictures that are in it")
    image = PIL.Image.fromarray(load_image(path))
    image.thumbnail((MAX_PICTURE_PX, MAX_PICTURE_PX), PIL.Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img alt="{escape(what)}" width="{image.width}" height="{image.height}" '
        f'src="data:image/jpeg;base64,{data}">'
    )


def _titled(measure: Measure) -> str:
    better = {"higher": " ↑", "lower": " ↓", "near 1": " →1", "": ""}[measure.better]
    return measure.title + better


def _name(path: Path, folder: Path) -> str:
    """Returns a path below the folder, as a name."""
    inside = path.relative_to(folder)
    return str(inside) if inside.parts else folder.resolve().name


def _table(head: str, rows: Iterable[str]) -> str:
    """Formats a table of the cells of its head and of its rows."""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _heads(names: Iterable[str]) -> str:
    return "".join(f'<th class="n">{escape(name)}</th>' for name in names)


def _cells(values: Iterable[float | None]) -> str:
    return "".join(f'<td class="n">{_number(value)}</td>' for value in values)


def _grid(charts: Iterable[str]) -> str:
    return f'<div class="charts">{"".join(charts)}</div>'


def _numbers(values: dict[str, Any]) -> str:
    return ", ".join(f"{escape(name)} {_number(value)}" for name, value in values.items())


def _number(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.3g}"


def _listed(values: dict[str, Any]) -> str:
    """Formats a JSON object in words."""
    return escape(", ".join(f"{name} {value}" for name, value in values.items() if value is not None))

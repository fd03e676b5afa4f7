"""``recaster evaluate ORIGINAL SWAPPED --source FACESET``: how good a swap is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from recaster.evaluation.outcome import Outcome
    from recaster.evaluation.types import Figure

DESCRIPTION = """Judge a swapped clip against the clip it was made from, by judges that had no part in the
swap. Each figure comes with what it must be read against: the unswapped clip, the judge's own noise, a
frozen face. docs/evaluation.md defines them all."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add this command's parser."""
    parser = commands.add_parser(
        "evaluate", parents=[common], help="say how good a swap is", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="the clip that was swapped")
    parser.add_argument("swapped", type=Path, metavar="SWAPPED", help="its swap, in the same size")
    parser.add_argument(
        "--source", type=Path, metavar="FACESET", required=True, help="faces of whoever was put on"
    )
    parser.add_argument(
        "--target", type=Path, metavar="FACESET", help="faces of the performer (default: those in ORIGINAL)"
    )
    parser.add_argument(
        "--gallery",
        type=Path,
        nargs="+",
        default=[],
        metavar="FACESET",
        help="faces of other people, among whom the source must be found",
    )
    parser.add_argument("--truth", type=Path, metavar="CLIP", help="the true swap of a rendered actor")
    parser.add_argument("--range", help="the frames of ORIGINAL that SWAPPED holds, as in swap")
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--person", type=Path, metavar="IMAGE", help="the performer, where there are several")
    whose.add_argument("--track", type=int, metavar="N", help="likewise, by track")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FOLDER", help="write evaluation.json, sheet.jpg and worst.jpg here"
    )
    parser.add_argument("--json", action="store_true", help="print evaluation.json instead of a table")


def run(options: argparse.Namespace) -> None:
    """Judge, and print the figures."""
    import json

    from recaster.cli.display import reporter
    from recaster.evaluation.evaluate import EvaluateSettings, evaluate
    from recaster.media.probe import probe
    from recaster.media.ranges import parse_range

    frames = None if options.range is None else parse_range(options.range, probe(options.original))
    settings = EvaluateSettings(
        target=options.target,
        gallery=tuple(options.gallery),
        truth=options.truth,
        frames=frames,
        person=options.person,
        track=options.track,
    )
    outcome = evaluate(
        options.original, options.swapped, options.source, options.out, settings, reporter(options)
    )
    print(json.dumps(outcome.as_json(), indent=1) if options.json else as_text(outcome))


def as_text(outcome: Outcome) -> str:
    """A line for each figure: what, value, better direction, and what to read it against."""
    lines = [_line(figure) for figure in outcome.scores.figures]
    lines += [f"note: {notice}" for notice in outcome.about["notices"]]
    return "\n".join(lines)


def _line(figure: Figure) -> str:
    from recaster.evaluation.measures import MEASURES

    measure = MEASURES[figure.name]
    unit = f" {measure.unit}" if measure.unit else ""
    better = f"({measure.better} is better)" if measure.better else ""
    against = ", ".join(f"{name} {_number(value)}" for name, value in figure.references.items())
    return f"{measure.title:<38} {_number(figure.value):>8}{unit:<18} {better:<20} {against}".rstrip()


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3g}"

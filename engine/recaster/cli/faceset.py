"""``recaster faceset``: look at, clean, export and import facesets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_json
from recaster.cli.extract import add_extract_options, print_summary
from recaster.cli.flags import add_options, number
from recaster.settings.extract import CleanSettings
from recaster.settings.options import Bounds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from recaster.facesets.clean import CleanResult
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_info import FacesetInfo, Spread
    from recaster.facesets.filming_needs import FilmingNeeds

EXAMPLES_SHOWN = 3
NEEDS_SHOWN = 8


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds the command and its own commands."""
    parser = commands.add_parser("faceset", help="look at, clean, export and import facesets")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_info(actions, common)
    _add_clean(actions, common)
    _add_contact_sheet(actions, common)
    _add_export(actions, common)
    _add_import(actions, common)


def _add_info(actions: Any, common: argparse.ArgumentParser) -> None:
    parser = actions.add_parser("info", parents=[common], help="say what is in a faceset")
    parser.add_argument("faceset", type=Path, metavar="FACESET")
    parser.add_argument(
        "--target",
        type=Path,
        metavar="CLIP",
        help="also say what its main person does that the faces don't show, and what to film more of",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_info)


def _add_clean(actions: Any, common: argparse.ArgumentParser) -> None:
    parser = actions.add_parser(
        "clean",
        parents=[common],
        help="leave out blurred, doubled and foreign faces",
        description="Leave out blurred, doubled and foreign faces. Nothing is deleted: --undo keeps all "
        "again, and cleaning again judges every face anew.",
    )
    parser.add_argument("faceset", type=Path, metavar="FACESET")
    add_options(parser, CleanSettings, "blur", "duplicates", defaults=True)
    parser.add_argument(
        "--person", type=Path, metavar="IMAGE", help="picture of the person (default: the set's own)"
    )
    add_options(parser, CleanSettings, "distance", defaults=True)
    add_options(parser, CleanSettings, "force")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be left out")
    parser.add_argument("--undo", action="store_true", help="keep every face again")
    parser.set_defaults(run=run_clean)


def _add_contact_sheet(actions: Any, common: argparse.ArgumentParser) -> None:
    parser = actions.add_parser(
        "contact-sheet", parents=[common], help="save a picture with faces of the set"
    )
    parser.add_argument("faceset", type=Path, metavar="FACESET")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="PICTURE", help="PNG or JPEG file")
    parser.add_argument(
        "--columns",
        type=number(Bounds(1, 100)),
        default=8,
        metavar="N",
        help="faces side by side (default: %(default)s)",
    )
    parser.add_argument(
        "--count",
        type=number(Bounds(1, 10_000)),
        default=48,
        metavar="N",
        help="at most this many faces (default: %(default)s)",
    )
    parser.add_argument("--dropped", action="store_true", help="show what cleaning left out, and why")
    parser.set_defaults(run=run_contact_sheet)


def _add_export(actions: Any, common: argparse.ArgumentParser) -> None:
    parser = actions.add_parser("export", parents=[common], help="save a faceset as one zip")
    parser.add_argument("faceset", type=Path, metavar="FACESET")
    parser.add_argument("zip", type=Path, metavar="OUT.zip")
    parser.set_defaults(run=run_export)


def _add_import(actions: Any, common: argparse.ArgumentParser) -> None:
    parser = actions.add_parser(
        "import",
        parents=[common],
        help="make a faceset of an exported zip, or of a zip or folder of face images",
    )
    parser.add_argument("given", type=Path, metavar="ZIP_OR_FOLDER")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FACESET", help="folder of the new faceset"
    )
    parser.add_argument("--note", default="", help="whose faces these are, for plain images (default: none)")
    add_extract_options(parser)
    parser.set_defaults(run=run_import)


def run_info(options: argparse.Namespace) -> None:
    """Prints a faceset's numbers."""
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_info import describe

    faceset = Faceset.open(options.faceset)
    info = describe(faceset)
    wanted = None if options.target is None else _needs(faceset, options)
    if options.json:
        say_json({**info.as_json(), **({"needs": wanted.as_json()} if wanted else {})})
    else:
        say(*info_lines(info), *(needs_lines(wanted, options.target) if wanted else []))


def _needs(faceset: Faceset, options: argparse.Namespace) -> FilmingNeeds:
    from recaster.faces.analysis_cache import analyse_clip
    from recaster.faces.track_choice import choose_tracks
    from recaster.facesets.filming_needs import find_filming_needs
    from recaster.media.clip import Clip

    analysis = analyse_clip(Clip(options.target), report=reporter(options))
    return find_filming_needs(faceset, choose_tracks(analysis))


def run_clean(options: argparse.Namespace) -> None:
    """Cleans or restores a faceset, and says why faces were dropped."""
    from recaster.errors import UsageError
    from recaster.facesets.clean import clean, restore
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.still_faces import person_in

    faceset = Faceset.open(options.faceset)
    if options.undo:
        if options.dry_run:
            raise UsageError("--undo and --dry-run do not go together")
        say(f"{restore(faceset)} faces restored, {len(faceset)} kept")
        return
    settings = CleanSettings(
        blur=options.blur,
        duplicates=options.duplicates,
        person=None if options.person is None else person_in(options.person),
        distance=options.distance,
        force=options.force,
    )
    result = clean(faceset, settings, reporter(options), dry_run=options.dry_run)
    say(*clean_lines(result, dry_run=options.dry_run))


def run_contact_sheet(options: argparse.Namespace) -> None:
    """Saves a sheet of faces."""
    from recaster.errors import UsageError
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_info import contact_sheet

    if options.columns < 1 or options.count < 1:
        raise UsageError("--columns and --count must be at least 1")
    faceset = Faceset.open(options.faceset)
    shown = contact_sheet(
        faceset, options.out, count=options.count, columns=options.columns, dropped=options.dropped
    )
    say(f"{options.out}: {shown} faces")


def run_export(options: argparse.Namespace) -> None:
    """Saves a faceset as a zip."""
    from recaster.operations.faceset_exchange import export_faceset

    faceset = export_faceset(options.faceset, options.zip, reporter(options))
    say(f"{options.zip}: {len(faceset.all_records)} faces")


def run_import(options: argparse.Namespace) -> None:
    """Makes a faceset of a zip or folder."""
    from recaster.facesets.faceset_info import describe
    from recaster.operations.faceset_exchange import import_faceset
    from recaster.settings.extract import ExtractSettings

    settings = ExtractSettings(
        detector=options.detector,
        min_face=options.min_face,
        min_area=options.min_area,
        size=options.size,
        identity=options.note,
    )
    print_summary(describe(import_faceset(options.given, options.out, settings, reporter(options))))


def info_lines(info: FacesetInfo) -> list[str]:
    """Writes a faceset's numbers for people."""
    note = f" ({info.identity})" if info.identity else ""
    lines = [f"{info.folder}{note}: {info.kept} of {info.faces} faces kept, crops of {info.size} px"]
    lines += [f"  dropped as {reason}: {count}" for reason, count in info.dropped.items()]
    lines += [f"  from {source.name}: {source.kept} of {source.faces} kept" for source in info.sources[:20]]
    if len(info.sources) > 20:
        lines.append(f"  ... and {len(info.sources) - 20} more inputs")
    lines += _spread_lines(
        {
            "yaw, degrees": info.yaw,
            "pitch, degrees": info.pitch,
            "sharpness": info.sharpness,
            "mouth open / eye distance": info.mouth,
            "eye distance in frame, px": info.eyes,
        }
    )
    for name, histogram in (("yaw", info.yaw_histogram), ("pitch", info.pitch_histogram)):
        bins = [f"{span}: {count}" for span, count in histogram.items() if count]
        if bins:
            lines.append(f"  faces by {name}: {', '.join(bins)}")
    return lines


def needs_lines(wanted: FilmingNeeds, clip: Path) -> list[str]:
    """Writes what a clip asks of a faceset, for people."""
    covered = f"{wanted.pose:.0%} of the head poses and {wanted.mouth:.0%} of the mouths are covered"
    first = f"for {clip} ({wanted.frames} frames with a face): {covered}"
    if not wanted.missing:
        return [first, "  nothing worth filming is missing"]
    films = [f"    {need.film} ({need.share:.0%})" for need in wanted.missing[:NEEDS_SHOWN]]
    return [first, "  film more of:", *films]


def clean_lines(result: CleanResult, *, dry_run: bool) -> list[str]:
    """Writes the outcome of cleaning, with a few examples of each reason."""
    from recaster.facesets.clean import REASONS

    verb = "would be dropped" if dry_run else "dropped"
    lines = []
    for reason in REASONS:
        numbers = result.of(reason)
        if numbers:
            lines.append(f"{len(numbers)} {verb} as {reason}, such as:")
            lines += [
                f"  face {number}{result.reasons[number].removeprefix(reason)}"
                for number in numbers[:EXAMPLES_SHOWN]
            ]
    return [*lines, f"{result.kept} of {result.total} faces {'would be kept' if dry_run else 'kept'}"]


def _spread_lines(spreads: Mapping[str, Spread | None]) -> list[str]:
    return [
        f"  {name}: median {spread.median:.3g}, most {spread.q05:.3g} to {spread.q95:.3g}, "
        f"all {spread.lowest:.3g} to {spread.highest:.3g}"
        for name, spread in spreads.items()
        if spread is not None
    ]

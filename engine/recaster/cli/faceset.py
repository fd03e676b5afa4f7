"""``recaster faceset``: look at, clean, export and import facesets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.cli.display import reporter, say, say_error, say_json
from recaster.cli.extract import add_extract_options, print_summary
from recaster.cli.flags import add_options, number, read_settings
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_switch
from recaster.errors import UsageError
from recaster.settings.choices import Bounds
from recaster.settings.extract import CleanSettings, ExtractSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.clean import CleanResult
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_info import FacesetInfo, Spread
    from recaster.facesets.filming_needs import FilmingNeeds

EXAMPLES_SHOWN = 3
NEEDS_SHOWN = 8
SOURCES_SHOWN = 20
CLEAN = """Leave out blurred, doubled and foreign faces. Nothing is deleted: --undo keeps all again, and
cleaning again judges every face anew."""


def add_faceset(commands: Commands) -> None:
    """Adds this command's parsers."""
    actions = commands.add_group("faceset", help="look at, clean, export and import facesets")
    _add_info(actions)
    _add_clean(actions)
    _add_contact_sheet(actions)
    exporting = actions.add("export", _export, "save a faceset as one zip")
    add_path(exporting, "faceset", "FACESET")
    add_path(exporting, "zip", "OUT.zip")
    _add_import(actions)


def _add_info(actions: Commands) -> None:
    parser = actions.add("info", _info, "say what is in a faceset")
    add_path(parser, "faceset", "FACESET")
    text = "also say what its main person does that the faces don't show, and what to film more of"
    add_path(parser, "--target", "CLIP", text)
    add_switch(parser, "--json", "print JSON")


def _add_clean(actions: Commands) -> None:
    parser = actions.add("clean", _clean, "leave out blurred, doubled and foreign faces", CLEAN)
    add_path(parser, "faceset", "FACESET")
    add_options(parser, CleanSettings, "blur", "duplicates", defaults=True)
    add_path(parser, "--person", "IMAGE", "picture of the person (default: the set's own)")
    add_options(parser, CleanSettings, "distance", defaults=True)
    add_options(parser, CleanSettings, "force")
    add_switch(parser, "--dry-run", "only say what would be left out")
    add_switch(parser, "--undo", "keep every face again")


def _add_contact_sheet(actions: Commands) -> None:
    parser = actions.add("contact-sheet", _contact_sheet, "save a picture with faces of the set")
    add_path(parser, "faceset", "FACESET")
    add_out(parser, "PICTURE", "PNG or JPEG file")
    text = "faces side by side (default: %(default)s)"
    parser.add_argument("--columns", type=number(Bounds(1, 100)), default=8, metavar="N", help=text)
    text = "at most this many faces (default: %(default)s)"
    parser.add_argument("--count", type=number(Bounds(1, 10_000)), default=48, metavar="N", help=text)
    add_switch(parser, "--dropped", "show what cleaning left out, and why")


def _add_import(actions: Commands) -> None:
    text = "make a faceset of an exported zip, or of a zip or folder of face images"
    parser = actions.add("import", _import, text)
    add_path(parser, "given", "ZIP_OR_FOLDER")
    add_out(parser, "FACESET", "folder of the new faceset")
    parser.add_argument("--note", default="", help="whose faces these are, for plain images (default: none)")
    add_extract_options(parser)


def _info(options: Options) -> None:
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_info import describe

    faceset = Faceset.open(options.faceset)
    info = describe(faceset)
    wanted = None if options.target is None else _needs(faceset, options)
    if options.json:
        say_json({**info.as_json(), **({"needs": wanted.as_json()} if wanted else {})})
    else:
        say(*info_lines(info), *(needs_lines(wanted, options.target) if wanted else []))


def _needs(faceset: Faceset, options: Options) -> FilmingNeeds:
    from recaster.faces.analysis_cache import analyse_clip
    from recaster.faces.track_choice import choose_tracks
    from recaster.facesets.filming_needs import find_filming_needs
    from recaster.media.clip import Clip

    analysis = analyse_clip(Clip(options.target), report=reporter(options), processes=None)
    for warning in analysis.warnings:
        say_error(f"recaster faceset info: warning: {warning}")
    return find_filming_needs(faceset, choose_tracks(analysis))


def _clean(options: Options) -> None:
    """Cleans or restores a faceset, and says why faces were dropped."""
    from recaster.facesets.clean import clean, restore
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.still_faces import person_in

    faceset = Faceset.open(options.faceset)
    if options.undo:
        if options.dry_run:
            raise UsageError("--undo and --dry-run do not go together")
        say(f"{restore(faceset)} faces restored, {len(faceset)} kept")
        return
    person = None if options.person is None else person_in(options.person)
    settings = read_settings(CleanSettings, options, person=person)
    result = clean(faceset, settings, reporter(options), dry_run=options.dry_run)
    say(*clean_lines(result, dry_run=options.dry_run))


def _contact_sheet(options: Options) -> None:
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_info import contact_sheet

    faceset = Faceset.open(options.faceset)
    shown = contact_sheet(
        faceset, options.out, count=options.count, columns=options.columns, dropped=options.dropped
    )
    say(f"{options.out}: {shown} faces")


def _export(options: Options) -> None:
    from recaster.operations.faceset_exchange import export_faceset

    faceset = export_faceset(options.faceset, options.zip, reporter(options))
    say(f"{options.zip}: {len(faceset.all_records)} faces")


def _import(options: Options) -> None:
    from recaster.facesets.faceset_info import describe
    from recaster.operations.faceset_exchange import import_faceset

    settings = read_settings(ExtractSettings, options)
    print_summary(describe(import_faceset(options.given, options.out, settings, reporter(options))))


def info_lines(info: FacesetInfo) -> list[str]:
    """Writes a faceset's numbers for people."""
    note = f" ({info.identity})" if info.identity else ""
    lines = [f"{info.folder}{note}: {info.kept} of {info.faces} faces kept, crops of {info.size} px"]
    lines += [f"  dropped as {reason}: {count}" for reason, count in info.dropped.items()]
    shown = info.sources[:SOURCES_SHOWN]
    lines += [f"  from {source.name}: {source.kept} of {source.faces} kept" for source in shown]
    if len(info.sources) > SOURCES_SHOWN:
        lines.append(f"  ... and {len(info.sources) - SOURCES_SHOWN} more inputs")
    spreads = {
        "yaw, degrees": info.yaw,
        "pitch, degrees": info.pitch,
        "sharpness": info.sharpness,
        "mouth open / eye distance": info.mouth,
        "eye distance in frame, px": info.eyes,
    }
    lines += [_spread_line(name, spread) for name, spread in spreads.items() if spread is not None]
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


def _spread_line(name: str, spread: Spread) -> str:
    most = f"most {spread.q05:.3g} to {spread.q95:.3g}"
    return f"  {name}: median {spread.median:.3g}, {most}, all {spread.lowest:.3g} to {spread.highest:.3g}"

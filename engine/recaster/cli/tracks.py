"""``recaster tracks``: who is in a clip, and corrections of what was found."""

from __future__ import annotations

import dataclasses
import sys
from argparse import SUPPRESS, ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_error, say_json
from recaster.cli.flags import add_options, number, read_settings
from recaster.cli.parsers import Commands, Options, add_common, add_path, add_switch
from recaster.errors import FaceNotFoundError, InputError, UsageError
from recaster.settings.corrections import (
    KINDS,
    SUFFIX,
    Corrections,
    default_path,
    parse_corrections,
    parse_point,
    write_corrections,
)
from recaster.settings.detection import AnalysisSettings
from recaster.settings.options import Bounds
from recaster.settings.reading import ReadOptions
from recaster.settings.swap import FRAME_BOUNDS, MendSettings, SwapSettings

if TYPE_CHECKING:
    from recaster.faces.types import Analysis
    from recaster.media.clip import Clip
    from recaster.settings.corrections import Correction

DESCRIPTION = f"""List a clip's shots, tracks and people: a track is one face through one shot. With an
ACTION, correct what was found. Corrections are kept in CLIP{SUFFIX}, beside the clip; swap, extract
and evaluate use them, whatever finds the faces. docs/control.md has examples."""
PLACE_BOUNDS_PX = Bounds(-100_000, 100_000)
ANGLE_BOUNDS_DEG = Bounds(-360, 360)
_COLUMNS = 6
_PICTURE_PX = 256


def add_tracks(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("tracks", run, "list who is in a clip; correct it", DESCRIPTION)
    add_path(parser, "clip", "CLIP")
    add_path(parser, "--sheet", "PICTURE", "also write a PNG or JPEG with a picture of each track")
    text = "list what had better be looked at: lost and wrong faces, jumps, low confidence"
    add_switch(parser, "--trouble", text)
    _add_shared_options(parser)
    _add_actions(parser)


def _add_shared_options(parser: ArgumentParser) -> None:
    """Adds the options that stand before an action or after it."""
    add_switch(parser, "--json", "print JSON")
    add_options(parser, MendSettings, "corrections")
    add_options(parser, SwapSettings, "frames")
    add_options(parser, AnalysisSettings)
    add_options(parser, ReadOptions)


def _add_actions(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=False)
    # Without defaults, which would take the place of what was said before the action.
    shared = ArgumentParser(add_help=False, argument_default=SUPPRESS)
    add_common(shared)
    _add_shared_options(shared)

    def add(name: str, text: str | None = None) -> ArgumentParser:
        text = text or KINDS[name]
        description = f"{text[0].upper()}{text[1:]}."
        return actions.add_parser(name, help=text, description=description, parents=[shared])

    split = add("split")
    _add_numbers(split, "track", "frame")
    join = add("join")
    _add_numbers(join, "track", "other")
    drop = add("drop")
    drop.add_argument("track", metavar="TRACK[:RANGE]", help="frames as in --range")
    assign = add("assign")
    _add_numbers(assign, "track")
    assign.add_argument("person", metavar="PERSON", help="a number in the list, or a name, new or not")
    box = add("box")
    _add_numbers(box, "frame")
    for name in ("left", "top", "width", "height"):
        box.add_argument(
            name, type=number(PLACE_BOUNDS_PX, float), metavar=name.upper(), help="in pixels, of brow to chin"
        )
    box.add_argument(
        "angle",
        type=number(ANGLE_BOUNDS_DEG, float),
        metavar="ANGLE",
        nargs="?",
        default=0.0,
        help="roll in degrees, clockwise",
    )
    points = add("points")
    _add_numbers(points, "frame")
    text = "lines of INDEX X Y [Z], in pixels; - reads them here; left out, all points are printed so"
    points.add_argument("file", metavar="FILE", nargs="?", help=text)
    points.add_argument(
        "--of", type=number(FRAME_BOUNDS), metavar="TRACK", help="whose (default: the nearest face's)"
    )
    add("undo", "take the last correction back")
    add("clear", "take all corrections back")
    add("list", "list the corrections")


def _add_numbers(parser: ArgumentParser, *names: str) -> None:
    for name in names:
        metavar = "TRACK" if name == "other" else name.upper()
        parser.add_argument(name, type=number(FRAME_BOUNDS), metavar=metavar)


def run(options: Options) -> None:
    """Lists the tracks, or corrects them."""
    clip = _open_clip(options)
    if options.action in ("undo", "clear", "list"):
        _edit_list(options, clip)
        return
    analysis = _analyse(options, clip)
    for warning in analysis.warnings:
        say_error(f"recaster tracks: warning: {warning}")
    if options.action == "points" and options.file is None:
        _print_points(options, analysis)
    elif options.action is not None:
        _add_correction(options, clip, analysis)
    else:
        _list(options, clip, analysis)


def _open_clip(options: Options) -> Clip:
    from recaster.media.clip import Clip
    from recaster.settings.corrections import NO_CORRECTIONS, has_corrections, read_corrections

    clip = Clip(options.clip, read_settings(ReadOptions, options))
    path = _path(options, clip)
    named = read_corrections(path) if has_corrections(path) else NO_CORRECTIONS
    return dataclasses.replace(clip, named_corrections=named)


def _path(options: Options, clip: Clip) -> Path:
    """Path of the file of corrections."""
    path: Path = options.corrections or default_path(clip.path)
    return path


def _analyse(options: Options, clip: Clip) -> Analysis:
    from recaster.faces.analysis_cache import analyse_clip
    from recaster.media.ranges import parse_range

    frames = None if options.range is None else parse_range(options.range, clip.info)
    chosen = {
        name: value
        for name in ("detector", "landmarker", "min_face")
        if (value := getattr(options, name)) is not None
    }
    return analyse_clip(clip, AnalysisSettings(**chosen), frames, reporter(options))


def _list(options: Options, clip: Clip, analysis: Analysis) -> None:
    from recaster.faces.trouble import find_trouble
    from recaster.swapping.track_listing import ClipListing

    listing = ClipListing.of(analysis)
    corrections = clip.corrections.items
    trouble = find_trouble(analysis, (clip.info.width, clip.info.height))
    if options.json:
        facts = {"clip": str(options.clip), "frame_count": analysis.frame_count} | listing.to_json()
        facts["corrections"] = [item.to_json() for item in corrections]
        say_json(facts | {"trouble": [each.to_json() for each in trouble]})
    elif options.trouble:
        say(*([each.sentence for each in trouble] or [f"{options.clip}: no trouble was found"]))
    else:
        counts = (
            (len(listing.shots), "shot"),
            (len(listing.tracks), "track"),
            (len(corrections), "correction"),
        )
        words = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts]
        people = f"{len(listing.people)} {'person' if len(listing.people) == 1 else 'people'}"
        say(f"{options.clip}: {analysis.frame_count} frames, {', '.join(words)}, {people}", *listing.lines())
    if options.sheet is not None:
        _write_sheet(options, clip, analysis)


def _write_sheet(options: Options, clip: Clip, analysis: Analysis) -> None:
    """Writes a picture of each track, person by person (FaceNotFoundError where there is none)."""
    from recaster.faces.people import cut_clear_picture, group_people
    from recaster.media.sheet import contact_sheet, save_image

    if not analysis.tracks:
        raise FaceNotFoundError(f"{options.clip}: no face was found in it; there is nothing to show")
    images = []
    captions = []
    for person, numbers in enumerate(group_people(analysis)):
        for each in numbers:
            track = analysis.track(each)
            images.append(cut_clear_picture(clip, track, _PICTURE_PX)[1])
            who = track.person or f"person {person}"
            captions.append(f"track {each}, {who}: {track.frames[0]}-{track.frames[-1]}")
    sheet = contact_sheet(images, min(len(images), _COLUMNS), (_PICTURE_PX, _PICTURE_PX), captions)
    save_image(options.sheet, sheet)


def _print_points(options: Options, analysis: Analysis) -> None:
    reached = [track for track in analysis.tracks if track.frames[0] <= options.frame <= track.frames[-1]]
    if options.of is not None:
        reached = [track for track in reached if track.track == options.of]
    if len(reached) != 1:
        numbers = ", ".join(str(track.track) for track in reached) or "none"
        raise UsageError(f"tracks in frame {options.frame}: {numbers}; name one of them with --of")
    mesh = reached[0].landmarks[options.frame - int(reached[0].frames[0])]
    say(*(f"{index} {x:.2f} {y:.2f} {z:.2f}" for index, (x, y, z) in enumerate(mesh.tolist())))


def _add_correction(options: Options, clip: Clip, analysis: Analysis) -> None:
    """Adds a correction where it can be applied (UsageError)."""
    _refuse_other_clip(options, clip)
    corrections = clip.corrections
    correction = _make_correction(options, clip, analysis)
    changed = Corrections(clip.digest, (*corrections.items, correction))
    after = _analyse(options, dataclasses.replace(clip, named_corrections=changed))
    new = [warning for warning in after.warnings if warning not in analysis.warnings]
    if new:
        raise UsageError("; ".join(new))
    path = _path(options, clip)
    # As it would be read again: what is too large or out of order never gets there.
    parse_corrections(changed.to_text(), str(path))
    write_corrections(path, changed)
    say(f"{path}: correction {len(corrections.items)}, {correction.describe()}")


def _refuse_other_clip(options: Options, clip: Clip) -> None:
    """Refuses to change a file of another clip's corrections (UsageError)."""
    fault = _find_other_clip(options, clip)
    if fault:
        raise UsageError(f"{fault}; move it away")


def _find_other_clip(options: Options, clip: Clip) -> str:
    """Describes, in words, that the corrections are of another clip; "" where they are of this one."""
    if not clip.corrections or clip.corrections.clip == clip.digest:
        return ""
    return f"{_path(options, clip)}: is of another clip, or of this one before it changed"


def _make_correction(options: Options, clip: Clip, analysis: Analysis) -> Correction:
    from recaster.faces import correction_making as making
    from recaster.media.ranges import parse_range

    if options.action == "split":
        return making.make_split(analysis, options.track, options.frame)
    if options.action == "join":
        return making.make_join(analysis, options.track, options.other)
    if options.action == "drop":
        number, _, text = options.track.partition(":")
        if not number.isdecimal():
            raise UsageError(f"{options.track!r} is no track: write 3, or 3:100-120 for some of its frames")
        return making.make_drop(analysis, int(number), parse_range(text, clip.info) if text else None)
    if options.action == "assign":
        return making.make_assign(analysis, options.track, options.person)
    if options.action == "box":
        sides = (options.left, options.top, options.width, options.height)
        return making.make_box(analysis, options.frame, sides, options.angle)
    return making.make_points(analysis, options.frame, _read_points(options.file), options.of)


def _read_points(name: str) -> list[tuple[float, ...]]:
    """Reads lines of a point's index, x, y and, where it is moved, z (InputError)."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        rows = [line.partition("#")[0].split() for line in text.splitlines()]
        return [_parse_point(row) for row in rows if row]
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{name}: lines have to be INDEX X Y, or INDEX X Y Z ({error})") from error


def _parse_point(row: list[str]) -> tuple[float, ...]:
    try:
        return parse_point([int(row[0]), *map(float, row[1:])])
    except ValueError:
        raise ValueError(" ".join(row)[:40]) from None


def _edit_list(options: Options, clip: Clip) -> None:
    """Lists the corrections, or takes some back."""
    path = _path(options, clip)
    items = clip.corrections.items
    if options.action == "list":
        if fault := _find_other_clip(options, clip):
            say_error(f"recaster tracks: warning: {fault}; they are not applied")
        if options.json:
            say_json([item.to_json() for item in items])
        else:
            say(*(f"{number}: {item.describe()}" for number, item in enumerate(items)))
        return
    if not items:
        raise UsageError(f"{path}: there are no corrections to take back")
    _refuse_other_clip(options, clip)
    kept = items[:-1] if options.action == "undo" else ()
    write_corrections(path, Corrections(clip.corrections.clip, kept))
    gone: Any = items[-1].describe() if options.action == "undo" else f"{len(items)} corrections"
    say(f"{path}: took back {gone}; {len(kept)} left")

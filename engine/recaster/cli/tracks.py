"""``recaster tracks``: who is in a clip, and corrections of what was found."""

from __future__ import annotations

import dataclasses
import sys
from argparse import SUPPRESS, ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from recaster.cli.display import reporter, say, say_error, say_json
from recaster.cli.flags import add_options, number, read_settings
from recaster.cli.parsers import Commands, Options, add_common, add_path, add_switch
from recaster.errors import FaceNotFoundError, InputError, UsageError
from recaster.settings.corrections import (
    ANGLE_BOUNDS_DEG,
    KINDS,
    PLACE_BOUNDS_PX,
    SUFFIX,
    Corrections,
    default_path,
    parse_point,
    write_corrections,
)
from recaster.settings.detection import AnalysisSettings
from recaster.settings.reading import ReadOptions
from recaster.settings.swap import FRAME_BOUNDS, MendSettings, SwapSettings

if TYPE_CHECKING:
    from recaster.api.v1 import clip_pb2
    from recaster.faces.types import Analysis
    from recaster.media.clip import Clip

DESCRIPTION = f"""List a clip's shots, tracks and people: a track is one face through one shot. With an
ACTION, correct what was found. Corrections are kept in CLIP{SUFFIX}, beside the clip; swap, extract
and evaluate use them, whatever finds the faces. docs/control.md has examples."""
_COLUMNS = 6
_PICTURE_PX = 256


def add_tracks(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("tracks", run, "list who is in a clip; correct it", DESCRIPTION)
    add_path(parser, "clip", "CLIP")
    add_path(parser, "--sheet", "PICTURE", "also write a PNG or JPEG with a picture of each track")
    add_options(parser, SwapSettings, "overlay")
    text = "list what had better be looked at: lost and wrong faces, jumps, low confidence"
    add_switch(parser, "--trouble", text)
    text = "with --trouble, also what a swap's report shows: low coverage, sudden changes of mask and tint"
    add_path(parser, "--report", "REPORT", text)
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
    if options.report is not None and not (options.trouble or options.json):
        raise UsageError("--report goes with --trouble or --json")
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
    from recaster.swapping.render_trouble import read_report_trouble
    from recaster.swapping.track_listing import ClipListing

    listing = ClipListing.of(analysis)
    corrections = clip.corrections.items
    trouble = find_trouble(analysis, (clip.info.width, clip.info.height))
    if options.report is not None:
        trouble += read_report_trouble(options.report, clip.path.name, clip.info.rate)
        trouble = tuple(sorted(trouble, key=lambda each: each.first_frame))
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
    if options.overlay is not None:
        _write_overlay(options, clip, analysis)


def _write_overlay(options: Options, clip: Clip, analysis: Analysis) -> None:
    """Writes the clip with what was found drawn over it (UsageError where that would replace it)."""
    from recaster.media.sequence_name import would_replace
    from recaster.swapping.overlay import write_overlay

    if would_replace(options.overlay, clip.path):
        raise UsageError(f"{options.overlay}: would replace the clip; choose another name")
    frames = range(analysis.first_frame, analysis.first_frame + analysis.frame_count)
    write_overlay(clip, frames, analysis, options.overlay, report=reporter(options))


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
    from recaster.operations.correct import add_correction

    path = _path(options, clip)
    _refuse_other_clip(options, clip)
    request = _make_request(options)
    changed = add_correction(clip, analysis, request, lambda corrected: _analyse(options, corrected))
    write_corrections(path, changed)
    say(f"{path}: correction {len(changed.items) - 1}, {changed.items[-1].describe()}")


def _refuse_other_clip(options: Options, clip: Clip) -> None:
    """Refuses to change a file of another clip's corrections (UsageError)."""
    from recaster.operations.correct import find_other_clip

    fault = find_other_clip(clip, _path(options, clip))
    if fault:
        raise UsageError(f"{fault}; move it away")


def _make_request(options: Options) -> clip_pb2.CorrectTracksRequest:
    """Writes the action as a request (UsageError, InputError)."""
    from recaster.api.v1 import clip_pb2

    request = clip_pb2.CorrectTracksRequest()
    if options.action == "split":
        request.split.track = options.track
        request.split.frame = options.frame
    elif options.action == "join":
        request.join.track = options.track
        request.join.other = options.other
    elif options.action == "drop":
        number, _, request.drop.range = options.track.partition(":")
        if not number.isdecimal() or FRAME_BOUNDS.fault(int(number)):
            raise UsageError(f"{options.track!r} is no track: write 3, or 3:100-120 for some of its frames")
        request.drop.track = int(number)
    elif options.action == "assign":
        request.assign.track = options.track
        request.assign.person = options.person
    elif options.action == "box":
        for name in ("frame", "left", "top", "width", "height", "angle"):
            setattr(request.box, name, getattr(options, name))
    else:
        request.points.frame = options.frame
        if options.of is not None:
            request.points.track = options.of
        names = ("index", "x", "y", "z")
        for point in _read_points(options.file):
            request.points.points.add(**dict(zip(names, (int(point[0]), *point[1:]), strict=False)))
    return request


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
    from recaster.operations.correct import find_other_clip

    path = _path(options, clip)
    items = clip.corrections.items
    if options.action == "list":
        if fault := find_other_clip(clip, path):
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
    count = f"{len(items)} correction{'' if len(items) == 1 else 's'}"
    gone = items[-1].describe() if options.action == "undo" else count
    say(f"{path}: took back {gone}; {len(kept)} left")

"""Actions of ``recaster tracks``: their arguments, and the requests for corrections that they mean."""

from __future__ import annotations

import shlex
import sys
from argparse import SUPPRESS, ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from recaster.api.v1 import clip_pb2
from recaster.cli.display import say
from recaster.cli.flags import number
from recaster.cli.parsers import Options, add_common
from recaster.errors import InputError, UsageError
from recaster.settings.corrections import (
    ANGLE_BOUNDS_DEG,
    KINDS,
    PLACE_BOUNDS_PX,
    Corrections,
    change_corrections,
    parse_point,
)
from recaster.settings.swap import FRAME_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.settings.corrections import Correction


class _LineParser(ArgumentParser):
    """A parser of a line of a text, whose complaints are errors."""

    def error(self, message: str) -> NoReturn:
        """Raises what is wrong (UsageError)."""
        raise UsageError(message)


def add_actions(parser: ArgumentParser, add_shared: Callable[[ArgumentParser], None]) -> None:
    """Adds the actions; ``add_shared`` adds the options that stand before an action or after it."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=False)
    # Without defaults, which would take the place of what was said before the action.
    shared = ArgumentParser(add_help=False, argument_default=SUPPRESS)
    add_common(shared)
    add_shared(shared)

    def add(name: str, text: str) -> ArgumentParser:
        description = f"{text[0].upper()}{text[1:]}."
        return actions.add_parser(name, help=text, description=description, parents=[shared])

    for name, text in KINDS.items():
        _add_arguments(add(name, text), name)
    text = "make the corrections of a text at once, a line each as it would stand here; all or none"
    add("apply", text).add_argument("file", metavar="FILE", help="the text; - reads it here")
    add("undo", "take the last correction back")
    add("clear", "take all corrections back")
    add("list", "list the corrections")


def _add_arguments(parser: ArgumentParser, kind: str) -> None:
    """Adds the arguments of a kind of correction."""
    if kind == "split":
        _add_numbers(parser, "track", "frame")
    elif kind == "join":
        _add_numbers(parser, "track", "other")
    elif kind == "drop":
        parser.add_argument("track", metavar="TRACK[:RANGE]", help="frames as in --range")
    elif kind == "assign":
        _add_numbers(parser, "track")
        text = "a number in the list, or a name, new or not"
        parser.add_argument("person", metavar="PERSON", help=text)
    elif kind == "box":
        _add_numbers(parser, "frame")
        for name in ("left", "top", "width", "height"):
            of_place = number(PLACE_BOUNDS_PX, float)
            parser.add_argument(name, type=of_place, metavar=name.upper(), help="in pixels, of brow to chin")
        of_angle = number(ANGLE_BOUNDS_DEG, float)
        text = "roll in degrees, clockwise"
        parser.add_argument("angle", type=of_angle, metavar="ANGLE", nargs="?", default=0.0, help=text)
    else:
        _add_numbers(parser, "frame")
        text = "lines of INDEX X Y [Z], in pixels; - reads them here; left out, all points are printed so"
        parser.add_argument("file", metavar="FILE", nargs="?", help=text)
        text = "whose (default: the nearest face's)"
        parser.add_argument("--of", type=number(FRAME_BOUNDS), metavar="TRACK", help=text)


def _add_numbers(parser: ArgumentParser, *names: str) -> None:
    for name in names:
        metavar = "TRACK" if name == "other" else name.upper()
        parser.add_argument(name, type=number(FRAME_BOUNDS), metavar=metavar)


def prints_points(options: Options) -> bool:
    """Tells whether an action asks for points, and doesn't move any."""
    return options.action == "points" and options.file is None


def make_request(options: Options) -> clip_pb2.CorrectTracksRequest:
    """Writes an action as a request (UsageError, InputError)."""
    request = clip_pb2.CorrectTracksRequest()
    if options.action != "apply":
        _fill_action(request, options)
        return request
    lines = [line for line in _read_text(options.file).splitlines() if line.partition("#")[0].strip()]
    if not lines:
        raise UsageError(f"{options.file}: there are no corrections in it")
    for at, line in enumerate(lines):
        try:
            _fill_action(request.more.add() if at else request, _parse_line(line))
        except (UsageError, ValueError) as error:
            raise UsageError(f"{options.file}: {line.strip()[:60]!r}: {error}") from None
    return request


def _parse_line(line: str) -> Options:
    """Parses a correction as a line (UsageError; ValueError for a quote without an end)."""
    kind, *arguments = shlex.split(line, comments=True)
    if kind not in KINDS:
        raise UsageError(f"is none of {', '.join(KINDS)}")
    parser = _LineParser(prog=kind, add_help=False)
    parser.set_defaults(action=kind)
    _add_arguments(parser, kind)
    options = parser.parse_args(arguments)
    if prints_points(options):
        raise UsageError("name the file of the points")
    return options


def _fill_action(message: clip_pb2.CorrectTracksRequest | clip_pb2.TrackCorrection, options: Options) -> None:
    """Writes one correction into a message (UsageError, InputError)."""
    if options.action == "split":
        message.split.track = options.track
        message.split.frame = options.frame
    elif options.action == "join":
        message.join.track = options.track
        message.join.other = options.other
    elif options.action == "drop":
        track, _, message.drop.range = options.track.partition(":")
        if not track.isdecimal() or FRAME_BOUNDS.fault(int(track)):
            raise UsageError(f"{options.track!r} is no track: write 3, or 3:100-120 for some of its frames")
        message.drop.track = int(track)
    elif options.action == "assign":
        message.assign.track = options.track
        message.assign.person = options.person
    elif options.action == "box":
        for name in ("frame", "left", "top", "width", "height", "angle"):
            setattr(message.box, name, getattr(options, name))
    else:
        message.points.frame = options.frame
        if options.of is not None:
            message.points.track = options.of
        names = ("index", "x", "y", "z")
        for point in _read_points(options.file):
            message.points.points.add(**dict(zip(names, (int(point[0]), *point[1:]), strict=False)))


def _read_text(name: str) -> str:
    """Reads a file, or what comes in where it is called - (InputError)."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{name}: is no text in UTF-8") from error


def _read_points(name: str) -> list[tuple[float, ...]]:
    """Reads lines of a point's index, x, y and, where it is moved, z (InputError)."""
    rows = [line.partition("#")[0].split() for line in _read_text(name).splitlines()]
    try:
        return [_parse_point(row) for row in rows if row]
    except ValueError as error:
        raise InputError(f"{name}: lines have to be INDEX X Y, or INDEX X Y Z ({error})") from error


def _parse_point(row: list[str]) -> tuple[float, ...]:
    try:
        return parse_point([int(row[0]), *map(float, row[1:])])
    except ValueError:
        raise ValueError(" ".join(row)[:40]) from None


def keep_corrections(path: Path, digest: str, new: tuple[Correction, ...]) -> None:
    """Adds new corrections of a clip of a digest to those that are there by now, and says which.

    Raises:
        InputError, UsageError, OutputError: as ``change_corrections``; or those there are of another clip.
    """

    def add(now: Corrections) -> Corrections:
        if now and now.clip != digest:
            raise UsageError(f"{path}: is of another clip, or of this one before it changed; move it away")
        return Corrections(digest, (*now.items, *new))

    items = change_corrections(path, add).items
    first = len(items) - len(new)
    say(*(f"{path}: correction {at}, {items[at].describe()}" for at in range(first, len(items))))

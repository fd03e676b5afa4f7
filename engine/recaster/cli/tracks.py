"""``recaster tracks``: who is in a clip, and corrections of what was found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_error, say_json
from recaster.cli.flags import add_options, fill_options, read_settings
from recaster.cli.parsers import Commands, Options, add_path, add_switch
from recaster.cli.remote import add_engine, here_or_there
from recaster.cli.track_actions import add_actions, keep_corrections, make_request, prints_points
from recaster.errors import FaceNotFoundError, UsageError
from recaster.settings.corrections import (
    NO_CORRECTIONS,
    SUFFIX,
    Corrections,
    change_corrections,
    default_path,
)
from recaster.settings.detection import AnalysisSettings
from recaster.settings.reading import ReadOptions
from recaster.settings.swap import MendSettings, SwapSettings

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.api.v1 import clip_pb2
    from recaster.cli.remote import Remote
    from recaster.client import Client
    from recaster.faces.types import Analysis
    from recaster.media.clip import Clip
    from recaster.swapping.track_listing import ClipListing

DESCRIPTION = f"""List a clip's shots, tracks and people: a track is one face through one shot. With an
ACTION, correct what was found. Corrections are kept in CLIP{SUFFIX}, beside the clip; swap, extract
and evaluate use them, whatever finds the faces. docs/control.md has examples."""
LIST_ACTIONS = ("undo", "clear", "list")
"""Actions that need nothing but the file of corrections."""
_COLUMNS = 6
_PICTURE_PX = 256


def add_tracks(commands: Commands) -> None:
    """Adds this command's parser."""
    run = here_or_there(_run_here, _run_there)
    parser = commands.add("tracks", run, "list who is in a clip; correct it", DESCRIPTION)
    add_path(parser, "clip", "CLIP")
    add_path(parser, "--sheet", "PICTURE", "also write a PNG or JPEG with a picture of each track")
    add_options(parser, SwapSettings, "overlay")
    text = "list what had better be looked at: lost and wrong faces, jumps, low confidence"
    add_switch(parser, "--trouble", text)
    text = "with --trouble, also what a swap's report shows: low coverage, sudden changes of mask and tint"
    add_path(parser, "--report", "REPORT", text)
    _add_shared_options(parser)
    add_actions(parser, _add_shared_options)


def _add_shared_options(parser: ArgumentParser) -> None:
    """Adds the options that stand before an action or after it."""
    add_switch(parser, "--json", "print JSON")
    add_options(parser, MendSettings, "corrections")
    add_options(parser, SwapSettings, "frames")
    add_options(parser, AnalysisSettings)
    add_options(parser, ReadOptions)
    add_engine(parser)


def _run_here(options: Options) -> None:
    _check(options)
    clip = _open_clip(options)
    if options.action in LIST_ACTIONS:
        _edit_list(options, clip)
        return
    analysis = _analyse(options, clip)
    for warning in analysis.warnings:
        say_error(f"recaster tracks: warning: {warning}")
    if prints_points(options):
        _print_points(options, analysis)
    elif options.action is not None:
        _add_corrections(options, clip, analysis)
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
    return analyse_clip(clip, AnalysisSettings(**chosen), frames, reporter(options), processes=None)


def _list(options: Options, clip: Clip, analysis: Analysis) -> None:
    from recaster.faces.trouble import find_trouble
    from recaster.swapping.track_listing import ClipListing

    trouble = [
        (each.to_json(), each.sentence)
        for each in find_trouble(analysis, (clip.info.width, clip.info.height))
    ]
    _say_listing(options, clip, ClipListing.of(analysis), trouble, analysis.frame_count)
    if options.sheet is not None:
        _write_sheet(options, clip, analysis)
    if options.overlay is not None:
        _write_overlay(options, clip, analysis)


def _say_listing(
    options: Options,
    clip: Clip,
    listing: ClipListing,
    trouble: Sequence[tuple[dict[str, Any], str]],
    frames: int,
) -> None:
    """Prints what was found; trouble is given as JSON's types and in words."""
    from recaster.swapping.render_trouble import read_report_trouble

    corrections = clip.corrections.items
    if options.report is not None:
        reported = [(each.to_json(), each.sentence) for each in read_report_trouble(options.report, clip)]
        trouble = sorted([*trouble, *reported], key=lambda each: each[0]["first_frame"])
    if options.json:
        facts = {"clip": str(options.clip), "frame_count": frames} | listing.to_json()
        facts["corrections"] = [item.to_json() for item in corrections]
        say_json(facts | {"trouble": [each for each, _ in trouble]})
    elif options.trouble:
        say(*([sentence for _, sentence in trouble] or [f"{options.clip}: no trouble was found"]))
    else:
        counts = (
            (len(listing.shots), "shot"),
            (len(listing.tracks), "track"),
            (len(corrections), "correction"),
        )
        words = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts]
        people = f"{len(listing.people)} {'person' if len(listing.people) == 1 else 'people'}"
        say(f"{options.clip}: {frames} frames, {', '.join(words)}, {people}", *listing.lines())


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
    number = _choose_track(options, [track.track for track in reached])
    track = analysis.track(number)
    mesh = track.landmarks[options.frame - int(track.frames[0])]
    say(*(f"{index} {x:.2f} {y:.2f} {z:.2f}" for index, (x, y, z) in enumerate(mesh.tolist())))


def _choose_track(options: Options, reached: list[int]) -> int:
    """Chooses the one whose points are meant among the tracks of a frame (UsageError)."""
    meant = reached if options.of is None else [number for number in reached if number == options.of]
    if len(meant) != 1:
        numbers = ", ".join(map(str, reached)) or "none"
        raise UsageError(f"tracks in frame {options.frame}: {numbers}; name one of them with --of")
    return meant[0]


def _add_corrections(options: Options, clip: Clip, analysis: Analysis) -> None:
    """Adds corrections where they can be applied (UsageError)."""
    from recaster.operations.correct import add_corrections

    _refuse_other_clip(options, clip)
    request = make_request(options)
    changed = add_corrections(clip, analysis, request, lambda corrected: _analyse(options, corrected))
    keep_corrections(_path(options, clip), clip.digest, changed.items[-1 - len(request.more) :])


def _refuse_other_clip(options: Options, clip: Clip) -> None:
    """Refuses to change a file of another clip's corrections (UsageError)."""
    from recaster.operations.correct import find_other_clip

    fault = find_other_clip(clip, _path(options, clip))
    if fault:
        raise UsageError(f"{fault}; move it away")


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
    _refuse_other_clip(options, clip)
    gone: list[str] = []

    def take(now: Corrections) -> Corrections:
        if not now:
            raise UsageError(f"{path}: there are no corrections to take back")
        if options.action == "undo":
            gone.append(now.items[-1].describe())
            return dataclasses.replace(now, items=now.items[:-1])
        gone.append(f"{len(now.items)} correction{'' if len(now.items) == 1 else 's'}")
        return NO_CORRECTIONS

    left = len(change_corrections(path, take).items)
    say(f"{path}: took back {gone[0]}; {left} left")


def _check(options: Options) -> None:
    if options.report is not None and not (options.trouble or options.json):
        raise UsageError("--report goes with --trouble or --json")


def _run_there(options: Options, engine: Client) -> None:
    from recaster.cli.remote import Remote
    from recaster.settings.corrections import parse_corrections

    _check(options)
    drawn = [name for name in ("sheet", "overlay") if getattr(options, name) is not None]
    if drawn:
        raise UsageError(f"--{drawn[0]} is drawn here; say --local")
    clip = _open_clip(options)
    if options.action in LIST_ACTIONS:
        _edit_list(options, clip)
        return
    asked = _Asked(options, clip, Remote(engine, options))
    if prints_points(options):
        asked.print_points()
    elif options.action is not None:
        _refuse_other_clip(options, clip)
        request = make_request(options)
        made = parse_corrections(asked.correct(request)).items[-1 - len(request.more) :]
        keep_corrections(_path(options, clip), clip.digest, made)
    else:
        asked.list_tracks()


class _Asked:
    """Tracks of a clip as an engine finds them."""

    def __init__(self, options: Options, clip: Clip, remote: Remote) -> None:
        from recaster.api.v1 import job_pb2

        self._options = options
        self._clip = clip
        self._engine = remote.client
        clip_id = remote.clip(options.clip, is_still=options.stills)
        corrections = remote.corrections(options.clip, clip_id, options.corrections)
        chosen = {"range": options.range, "corrections": corrections}
        kinds = (AnalysisSettings, ReadOptions)
        self._about: dict[str, Any] = {
            "clip_id": clip_id,
            "options": fill_options(job_pb2.SwapOptions(), options, *kinds, **chosen),
        }

    def _ask(self, method: Any, request: Any) -> Any:
        from recaster.client.client import LONG_CALL_TIMEOUT_S

        return self._engine.connection.call(method, request, timeout_s=LONG_CALL_TIMEOUT_S)

    def _tracks(self, **more: Any) -> clip_pb2.ListTracksResponse:
        from recaster.api.v1 import clip_pb2

        request = clip_pb2.ListTracksRequest(**self._about, **more)
        answer: clip_pb2.ListTracksResponse = self._ask(self._engine.clips.ListTracks, request)
        for warning in answer.warnings:
            say_error(f"recaster tracks: warning: {warning}")
        return answer

    def correct(self, request: clip_pb2.CorrectTracksRequest) -> bytes:
        """Returns the file of all corrections, the request's last."""
        from recaster.api.v1 import clip_pb2

        request.MergeFrom(clip_pb2.CorrectTracksRequest(**self._about))
        answer: clip_pb2.CorrectTracksResponse = self._ask(self._engine.clips.CorrectTracks, request)
        if len(answer.more_descriptions) != len(request.more):
            raise UsageError("the engine takes one correction at a time only: update it, or say --local")
        return answer.document

    def print_points(self) -> None:
        """Prints the points of a face, without depths."""
        frame = self._options.frame
        answer = self._tracks(points_first=frame, points_count=1)
        points = {each.track: each.positions for each in answer.points}
        flat = list(points[_choose_track(self._options, sorted(points))])
        pairs = zip(flat[::2], flat[1::2], strict=True)
        say(*(f"{index} {x:.2f} {y:.2f}" for index, (x, y) in enumerate(pairs)))

    def list_tracks(self) -> None:
        """Lists what was found."""
        from recaster.swapping.track_listing import ClipListing

        answer = self._tracks()
        names = ("reason", "track", "first_frame", "last_frame")
        trouble = [({name: getattr(each, name) for name in names}, each.sentence) for each in answer.trouble]
        _say_listing(self._options, self._clip, ClipListing.of_answer(answer), trouble, answer.frame_count)

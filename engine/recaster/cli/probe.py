"""``recaster probe`` and ``recaster compare``: what a clip is, and clips side by side."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_error, say_json
from recaster.cli.flags import add_options, read_settings
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_switch
from recaster.errors import FaceNotFoundError
from recaster.settings.detection import MIN_FACE_PX
from recaster.settings.reading import ReadOptions

if TYPE_CHECKING:
    from recaster.faces.types import Analysis
    from recaster.media.types import AudioStream, ClipInfo

PROBE = "Decode a whole clip; tell its size, frames, rate, colour, sound and what is wrong."
COMPARE = """Write a clip that shows clips side by side, or a sheet of stills. The first one leads: its
height, frames, length and sound; the others are scaled to it and stay on their last frame where they are
shorter."""
_COLUMNS = 6


def add_probe(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("probe", run, "tell what a clip is", PROBE)
    add_path(parser, "clip", "CLIP", "the clip; of a sequence of pictures its folder, pattern or a picture")
    add_switch(parser, "--json", "print JSON; fractions as text like 24000/1001")
    add_path(parser, "--people", "PICTURE", "also look for people; write a PNG or JPEG of who is where")
    add_options(parser, ReadOptions)


def run(options: Options) -> None:
    """Prints what the clip is."""
    from recaster.media.probe import probe

    info = probe(options.clip, read_settings(ReadOptions, options))
    say_json(as_json(info)) if options.json else say(*as_lines(info))
    if options.people is not None:
        write_people(options)


def write_people(options: Options) -> None:
    """Writes a sheet of the clip's people with the numbers of their tracks.

    Raises:
        FaceNotFoundError: there is nobody in the clip.
    """
    from recaster.faces.analysis_cache import analyse_clip
    from recaster.faces.people import portraits
    from recaster.faces.track_choice import size_needed
    from recaster.media.clip import Clip
    from recaster.media.sheet import contact_sheet, save_image

    clip = Clip(options.clip, read_settings(ReadOptions, options))
    analysis = analyse_clip(clip, report=reporter(options), processes=None)
    for warning in analysis.warnings:
        say_error(f"recaster probe: warning: {warning}")
    people = portraits(clip, analysis)
    if not people:
        raise FaceNotFoundError(f"{options.clip}: no face was found in it; {size_needed(MIN_FACE_PX)}")
    captions = [
        f"track {' '.join(map(str, person.tracks))}: from {_seconds(analysis, person.tracks)}"
        for person in people
    ]
    images = [person.image for person in people]
    sheet = contact_sheet(images, min(len(people), _COLUMNS), (256, 256), captions)
    save_image(options.people, sheet)


def _seconds(analysis: Analysis, tracks: tuple[int, ...]) -> str:
    """Writes the times at which a person is first and last seen."""
    times = [analysis.track(number).times for number in tracks]
    return f"{min(t[0] for t in times):.1f} to {max(t[-1] for t in times):.1f} s"


def as_json(info: ClipInfo) -> dict[str, Any]:
    """A clip's facts in JSON's types; rational numbers and paths are text."""
    facts: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(info), default=str))
    return {**facts.pop("shape"), **facts}


def as_lines(info: ClipInfo) -> list[str]:
    """A clip's facts for people, one a line."""
    pace = "frames/s on average (variable)" if info.variable else "frames/s"
    exact = "" if info.rate.denominator == 1 else f" = {info.rate}"
    rows = [
        ("clip", str(info.path)),
        ("size", f"{info.width}x{info.height}" + _how_shown(info)),
        ("frames", f"{info.frame_count}, {float(info.rate):.3f}{exact} {pace}, {float(info.duration):.3f} s"),
        ("picture", f"{info.codec}, {info.pixel_format}, {info.bit_depth} bits{', alpha' * info.has_alpha}"),
        ("colour", _colour(info)),
    ]
    if info.first_number is not None:
        rows.append(("numbers", _number(info, info.first_number)))
    rows += [(f"sound {stream.index}", _sound(stream)) for stream in info.audio]
    if not info.audio:
        rows.append(("sound", "none"))
    rows += _metadata(info)
    rows += [("warning", warning) for warning in info.warnings]
    return [f"{name:<8} {text}" for name, text in rows]


def _number(info: ClipInfo, first: int) -> str:
    """Describes the numbers of a sequence's pictures, and its layer."""
    missing = sum(after - before + 1 for before, after in info.gaps)
    notes = [f"{first}-{first + info.frame_count + missing - 1}"]
    if missing:
        notes.append(f"{missing} missing")
    if info.layer:
        notes.append(f"layer {info.layer}")
    return ", ".join(notes)


def _metadata(info: ClipInfo) -> list[tuple[str, str]]:
    """Lists what stands around picture and sound."""
    metadata = info.metadata
    rows = [("timecode", metadata.timecode), ("reel", metadata.reel)]
    if info.hdr is not None:
        rows.append(("HDR10", info.hdr.describe()))
    rows += [
        (side.kind, ", ".join(note for note in (side.codec, side.language, side.title) if note))
        for side in info.side_streams
    ]
    rows += [
        ("chapter", f"{float(chapter.start):.3f} s, {chapter.tags.get('title', 'without a title')}")
        for chapter in metadata.chapters
    ]
    rows += [("tag", f"{name}: {text}") for name, text in metadata.tags.items()]
    return [(name, text) for name, text in rows if text]


def _how_shown(info: ClipInfo) -> str:
    notes = []
    shape = info.shape
    if not shape.is_plain:
        notes.append(f"stored as {shape.stored[0]}x{shape.stored[1]}")
    if shape.mirrored:
        notes.append("mirrored")
    if shape.rotation:
        notes.append(f"turned {shape.rotation} degrees")
    if shape.sample_aspect != 1:
        notes.append(f"pixel aspect {shape.sample_aspect}")
    if info.interlaced:
        notes.append("interlaced")
    return f" ({', '.join(notes)})" if notes else ""


def _sound(stream: AudioStream) -> str:
    parts = [stream.codec, f"{stream.channels} channels", f"{stream.sample_rate} Hz"]
    if stream.duration is not None:
        parts.append(f"{float(stream.duration):.3f} s")
    parts.append(f"starts {float(stream.offset):+.3f} s")
    if stream.language:
        parts.append(stream.language)
    return ", ".join(parts)


def _colour(info: ClipInfo) -> str:
    names = ("range", "matrix", "primaries", "transfer")
    return ", ".join(f"{name} {getattr(info.colour, name) or 'untagged'}" for name in names)


def add_compare(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("compare", _compare, "show clips side by side", COMPARE)
    add_path(parser, "clips", "CLIP", "two clips or more", nargs="+")
    add_out(parser, "OUT", ".mp4, .mov, .mkv; .png or .jpg for stills")
    text = "a text for each clip (default: the file names)"
    parser.add_argument("--labels", nargs="+", metavar="LABEL", help=text)


def _compare(options: Options) -> None:
    from recaster.media.compare import compare

    compare(options.clips, options.out, options.labels, reporter(options))

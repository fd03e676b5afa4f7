# SPDX-License-Identifier: GPL-3.0-or-later
"""What a strip shows: which frames of which files, as plain data that threads may work with."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat

if TYPE_CHECKING:
    from recaster.api.v1 import clip_pb2
    from recaster.client import Client

    from ..engine.connection import Work

CLIP_TYPES = ("MOVIE", "IMAGE")
SMALL = 64 << 20
"""Bytes of a movie that is sent to another machine as a whole rather than cut."""


SAME = 0.0005
"""Rates that differ by a smaller share are the same."""
HALF = Fraction(1, 2)
FAR_AWAY = 1_000_000
"""A frame of the timeline where nothing is."""


class ShotError(Exception):
    """A strip can't be used; the message says why."""


@dataclass(frozen=True)
class Shot:
    """Frames of a movie or of a sequence of pictures.

    Attributes:
        name: of the strip, for people.
        files: the movie, or the pictures from the first to the last that is wanted.
        pictures: whether they are pictures.
        first: index in the file of the first frame that is wanted; 0 for pictures.
        count: frames that are wanted; None for all to the end of the movie.
        rate: frames per second that Blender takes for the file's.
    """

    name: str
    files: tuple[Path, ...]
    pictures: bool
    first: int
    count: int | None
    rate: Fraction


@dataclass(frozen=True)
class Window:
    """Which frames of a strip's content a swap must hold.

    Attributes:
        before: frames of the timeline from where the content begins to the first one that is needed.
        first: index in the file of the first one.
        count: how many; None for all to the end of the file.
    """

    before: int
    first: int
    count: int | None


def pace_of(strip: Any, scene: Any) -> Fraction:
    """Frames of the timeline for each frame of a strip's file.

    Blender stretches a movie that is added at another frame rate than the scene's, unless told not to; no
    property says whether it did, but a new strip of the same file, which isn't stretched, is as long as the
    file.
    """
    rate = _scene_rate(scene)
    if strip.type != "MOVIE" or compat.retimed(strip) or strip.fps <= 0 or abs(strip.fps / rate - 1) < SAME:
        return Fraction(1)
    length = _plain_length(strip, scene) - (compat.trimmed_start(strip) + compat.trimmed_end(strip))
    stretched = rate / Fraction(strip.fps).limit_denominator(1001)
    span = compat.content_span(strip)
    return stretched if abs(span - length * stretched) < abs(span - length) else Fraction(1)


_lengths: dict[tuple[str, int, int, float], int] = {}
"""Frames of movies that aren't stretched, by path, time, size and rate: Blender opens the file to tell."""


def _plain_length(strip: Any, scene: Any) -> int:
    path = bpy.path.abspath(strip.filepath)
    try:
        state = Path(path).stat()
        mark = path, state.st_mtime_ns, state.st_size, round(strip.fps, 6)
    except OSError:
        mark = path, 0, 0, round(strip.fps, 6)
    if mark not in _lengths:
        editor = scene.sequence_editor
        active = editor.active_strip
        plain = compat.new_movie(editor, "length", strip.filepath, 1, FAR_AWAY)
        _lengths[mark] = compat.content_span(plain)
        compat.strips_in(editor).remove(plain)
        editor.active_strip = active
    return _lengths[mark]


def window_of(strip: Any, scene: Any, handles: int) -> Window:
    """The frames that a strip shows, with some more at either end where the file has them.

    A strip that is retimed needs all of its file, so that its keys still mean the same.
    """
    pace = pace_of(strip, scene)
    reverse = getattr(strip, "use_reverse_frames", False)
    cut = compat.trimmed_start(strip) or compat.trimmed_end(strip)
    if compat.retimed(strip) or (pace != 1 and (reverse or cut)):
        return Window(0, 0, None)
    length = max(1, compat.content_span(strip))
    start = compat.content_start(strip)
    # A handle outside the content holds its first or last frame.
    wanted = (compat.left_handle(strip) - start - handles, compat.right_handle(strip) - 1 - start + handles)
    first, last = (min(max(one, 0), length - 1) for one in wanted)
    if pace != 1:
        # The part begins where a frame of the file begins with one of the timeline, or it would shift.
        begin = int(first / pace) // pace.denominator * pace.denominator
        count = round(last / pace) + 2 - begin  # one to spare: Blender rounds halves up, Python to even
        return Window(int(begin * pace), compat.trimmed_start(strip) + begin, count)
    in_content = length - 1 - last if reverse else first
    return Window(first, compat.trimmed_start(strip) + in_content, last - first + 1)


def shot_of(strip: Any, scene: Any, handles: int = 0) -> Shot:
    """The frames of a strip that are to be swapped or learned from.

    Raises:
        ShotError: it shows no file, or the file isn't there.
    """
    if strip.type not in CLIP_TYPES:
        raise ShotError(f"Select a movie or image strip: {strip.name} is neither")
    window = window_of(strip, scene, handles)
    if strip.type == "MOVIE":
        path = Path(bpy.path.abspath(strip.filepath))
        _require(strip.name, [path])
        rate = Fraction(strip.fps).limit_denominator(1001) if strip.fps > 0 else _scene_rate(scene)
        return Shot(strip.name, (path,), False, window.first, window.count, rate)
    if window.count is None:
        raise ShotError(f"Remove the retiming: retimed pictures can't be swapped ({strip.name})")
    folder = Path(bpy.path.abspath(strip.directory))
    names = [element.filename for element in strip.elements]
    names = names[window.first : window.first + window.count] or names[-1:]
    files = tuple(folder / name for name in names)
    _require(strip.name, files)
    return Shot(strip.name, files, True, 0, len(files), _scene_rate(scene))


def facts_of(strip: Any, scene: Any) -> str:
    """What must not change about a strip between asking for a swap and placing it, as a short text."""
    facts = [
        Path(bpy.path.abspath(getattr(strip, "filepath", "") or strip.directory)).name,
        compat.retimed(strip),
        getattr(strip, "use_reverse_frames", False),
        compat.trimmed_start(strip),
        compat.trimmed_end(strip),
        str(pace_of(strip, scene)),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def file_frame(strip: Any, scene: Any, frame: int) -> int:
    """Index in a strip's shot of the frame that a strip shows at a frame of the timeline.

    Raises:
        ShotError: the strip isn't shown then, or is retimed.
    """
    if not compat.left_handle(strip) <= frame < compat.right_handle(strip):
        raise ShotError(f"Move the playhead over it: {strip.name} isn't shown there")
    if compat.retimed(strip):
        raise ShotError(f"Swap it as a whole: {strip.name} is retimed, so a single frame can't be picked")
    pace, length = pace_of(strip, scene), max(1, compat.content_span(strip))
    index = int(min(max(frame - compat.content_start(strip), 0), length - 1) / pace + HALF)
    length = math.ceil(length / pace)
    if getattr(strip, "use_reverse_frames", False):
        index = length - 1 - index
    return compat.trimmed_start(strip) + index


def _scene_rate(scene: Any) -> Fraction:
    return Fraction(scene.render.fps) / Fraction(scene.render.fps_base).limit_denominator(1001)


def _require(name: str, files: Any) -> None:
    for path in files:
        if not path.is_file():
            raise ShotError(f"Relink the strip {name}: {path} isn't there")


@dataclass(frozen=True)
class Brought:
    """A shot that the engine has.

    Attributes:
        clip: the engine's clip (Clip).
        frames: where the shot's frames are in it.
        range: the same as the engine's options write it.
    """

    clip: clip_pb2.Clip
    frames: range
    range: str


def bring(client: Client, work: Work, shot: Shot, cache: Path, local: bool) -> Brought:
    """Bring a shot to the engine, unless it is there; for threads.

    A movie goes there as it is where the engine shares this machine (which costs a link or a copy), else
    only the part that is needed, cut out without touching a pixel; pictures go there as a movie that holds
    them as they are.

    Raises:
        EngineError, InputError: the files can't be read, or the engine won't have them.
    """
    from recaster import isobmff

    cache.mkdir(parents=True, exist_ok=True)
    stop = None if shot.count is None else shot.first + shot.count
    frames = range(shot.first, shot.first if stop is None else stop)
    if shot.pictures:
        path = cache / f"{shot.files[0].stem}-{_mark(shot)}.mov"
        if not path.is_file():
            isobmff.movie_from_pictures(shot.files, shot.rate, path)
    else:
        path = shot.files[0]
        if not local and stop is not None and path.stat().st_size > SMALL:
            part = isobmff.trim_movie(path, frames, cache / f"{path.stem}-{_mark(shot)}{path.suffix}")
            if part is not None:
                path, frames = part.out, part.frames
    work.check()
    clip = _taken(client, work, path)
    if stop is None:
        frames = range(frames.start, clip.frame_count)
    frames = range(frames.start, max(frames.start + 1, min(frames.stop, clip.frame_count)))
    if clip.variable_frame_rate:  # Blender counts in even steps of time, the engine in frames
        seconds = [float(one / shot.rate) for one in (frames.start, frames.stop)]
        return Brought(clip, frames, f"{seconds[0]:.3f}s-{min(seconds[1], clip.duration_s):.3f}s")
    return Brought(clip, frames, f"{frames.start}-{frames.stop - 1}")


_known: dict[tuple[str, str, int, int], str] = {}
"""Clips that engines have, by address, path, size and time: large files needn't be read again."""


def _taken(client: Client, work: Work, path: Path) -> clip_pb2.Clip:
    """A movie as the engine has it; brought there unless it is known there."""
    from recaster.client import MissingError

    state = path.stat()
    mark = (client.connection.address.target, str(path), state.st_size, state.st_mtime_ns)
    if mark in _known:
        try:
            return client.clip(_known[mark])
        except MissingError:  # somebody has deleted it there
            del _known[mark]
    _known[mark] = client.take_clip(path, work.report)
    return client.clip(_known[mark])


def _mark(shot: Shot) -> str:
    """A name for just these bytes of just these files."""
    known = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in shot.files]
    facts = json.dumps([known, shot.first, shot.count, str(shot.rate)])
    return hashlib.sha256(facts.encode()).hexdigest()[:12]

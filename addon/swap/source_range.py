# SPDX-License-Identifier: GPL-3.0-or-later
"""Source ranges of strips: the frames of the files that they show, as plain data for threads."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from .. import compat
from ..selection import CLIP_TYPES
from ..state import addon_state
from ..translations import translate
from .strip_pictures import STILLS, stays_pictures

if TYPE_CHECKING:
    from fractions import Fraction

RATE_TOLERANCE = 0.0005
"""Rates that differ by a smaller share are the same."""
PROBE_FRAME = 1_000_000
"""A frame of the timeline where nothing is."""


class StripError(Exception):
    """A strip can't be used; the message says why."""


class SourceRange(NamedTuple):
    """Frames of a movie or of a sequence of pictures.

    Attributes:
        name: of the strip, for people.
        files: the movie, or the pictures from the first to the last that is wanted.
        pictures: whether they are pictures.
        first: index in the file of the first frame that is wanted; 0 for pictures.
        count: frames that are wanted; None for all to the end of the movie.
        rate: frames per second that Blender takes for the file's.
        begin: the first frame's number in the file, or among the strip's pictures.
        is_still: whether it is the only picture of its strip, whose result is such a picture.
    """

    name: str
    files: tuple[Path, ...]
    pictures: bool
    first: int
    count: int | None
    rate: Fraction
    begin: int = 0
    is_still: bool = False

    @property
    def stays_pictures(self) -> bool:
        """Tells if the result is such a picture, or a sequence of them, too."""
        return self.is_still or (self.pictures and stays_pictures(self.files[0]))


class FrameWindow(NamedTuple):
    """The frames of a strip's content that a swap must hold.

    Attributes:
        content_offset: frames of the timeline from where the content begins to the first one that is needed.
        first: index in the file of the first one.
        count: how many; None for all to the end of the file.
    """

    content_offset: int
    first: int
    count: int | None


def fraction(*parts: float) -> Fraction:
    """Makes a fraction, of a number, or of a numerator and a denominator."""
    from fractions import Fraction  # here: Blender's start would wait for it

    return Fraction(*parts)


def time_scalar_of(strip: Any, scene: Any) -> Fraction:
    """Frames of the timeline for each frame of a strip's file.

    Blender stretches a movie that is added at another frame rate than the scene's, unless told not to; no
    property says whether it did, but a new strip of the same file, which isn't stretched, is as long as the
    file.
    """
    if strip.type != "MOVIE" or compat.retimed(strip):
        return fraction(1)
    rate = _scene_rate(scene)
    own = file_rate(strip)
    if _plays_plainly(own, rate):
        return fraction(1)
    length = plain_length(strip, scene) - (compat.trimmed_start(strip) + compat.trimmed_end(strip))
    stretched = rate / fraction(own).limit_denominator(1001)
    span = compat.content_span(strip)
    return stretched if abs(span - length * stretched) < abs(span - length) else fraction(1)


def is_known(strip: Any, scene: Any) -> bool:
    """Tells if a strip's frames can be told without a look at its file: drawing must not take that time."""
    if strip.type != "MOVIE" or compat.retimed(strip):
        return True
    mark = _file_mark(strip)
    own = addon_state.source_rates.get(mark)
    return own is not None and (_plays_plainly(own, _scene_rate(scene)) or mark in addon_state.source_lengths)


def _plays_plainly(own: float, rate: Fraction) -> bool:
    """Tells if a movie of a frame rate isn't stretched in a scene of another, whatever Blender was told."""
    return own <= 0 or abs(own / rate - 1) < RATE_TOLERANCE


def file_rate(strip: Any) -> float:
    """Frames per second of a movie strip's file; Blender opens it to tell."""
    mark = _file_mark(strip)
    if mark not in addon_state.source_rates:
        addon_state.source_rates[mark] = strip.fps
    return addon_state.source_rates[mark]


def _file_mark(strip: Any) -> tuple[str, int, int]:
    """A movie strip's file as it is now: path, time and size."""
    path = bpy.path.abspath(strip.filepath)
    try:
        state = Path(path).stat()
    except OSError:
        return path, 0, 0
    return path, state.st_mtime_ns, state.st_size


def plain_length(strip: Any, scene: Any) -> int:
    """Frames of a movie strip's file; of a strip that is retimed or stretched no property says it."""
    mark = _file_mark(strip)
    if mark not in addon_state.source_lengths:
        editor = scene.sequence_editor
        active = editor.active_strip
        plain = compat.new_movie(editor, "length", strip.filepath, 1, PROBE_FRAME)
        addon_state.source_lengths[mark] = compat.content_span(plain)
        compat.strips_in(editor).remove(plain)
        editor.active_strip = active
    return addon_state.source_lengths[mark]


def frame_window_of(strip: Any, scene: Any, handles: int) -> FrameWindow:
    """The frames that a strip shows, with some more at either end where the file has them.

    A strip that is retimed needs all of its file, so that its keys still mean the same.
    """
    time_scalar = time_scalar_of(strip, scene)
    reverse = getattr(strip, "use_reverse_frames", False)
    if _needs_whole_file(strip, time_scalar):
        return FrameWindow(0, 0, None)
    length = max(1, compat.content_span(strip))
    start = compat.content_start(strip)
    # A handle outside the content holds its first or last frame.
    wanted = (compat.left_handle(strip) - start - handles, compat.right_handle(strip) - 1 - start + handles)
    first, last = (min(max(one, 0), length - 1) for one in wanted)
    if time_scalar != 1:
        # The part begins where a frame of the file begins with one of the timeline, or it would shift.
        begin = int(first / time_scalar) // time_scalar.denominator * time_scalar.denominator
        # One to spare: Blender rounds halves up, Python to even.
        count = round(last / time_scalar) + 2 - begin
        return FrameWindow(int(begin * time_scalar), compat.trimmed_start(strip) + begin, count)
    in_content = length - 1 - last if reverse else first
    return FrameWindow(first, compat.trimmed_start(strip) + in_content, last - first + 1)


def _needs_whole_file(strip: Any, time_scalar: Fraction) -> bool:
    cut = compat.trimmed_start(strip) or compat.trimmed_end(strip)
    reverse = getattr(strip, "use_reverse_frames", False)
    return compat.retimed(strip) or bool(time_scalar != 1 and (reverse or cut))


def content_offset_of(strip: Any, scene: Any, window: FrameWindow) -> int:
    """Frames of the timeline from a strip's content to frames of its file that it shares with other strips.

    Args:
        window: all that is needed of the file, the strip's own frames among it.
    """
    time_scalar = time_scalar_of(strip, scene)
    if _needs_whole_file(strip, time_scalar):
        return 0
    begin = compat.trimmed_start(strip)
    if not getattr(strip, "use_reverse_frames", False):
        return int((window.first - begin) * time_scalar)
    end = begin + max(1, compat.content_span(strip))
    stop = end + compat.trimmed_end(strip) if window.count is None else window.first + window.count
    return end - stop


def source_range_of(strip: Any, scene: Any, handles: int = 0) -> SourceRange:
    """The frames of a strip that are to be swapped or learned from.

    Raises:
        StripError: it shows no file, or the file isn't there.
    """
    if strip.type not in CLIP_TYPES:
        raise StripError(translate("Select a movie or image strip: {strip} is neither", strip=strip.name))
    return source_of(strip, scene, frame_window_of(strip, scene, handles))


def source_of(strip: Any, scene: Any, window: FrameWindow) -> SourceRange:
    """The same for frames of a strip's file that are known (StripError)."""
    if strip.type == "MOVIE":
        path = Path(bpy.path.abspath(strip.filepath))
        _require(strip.name, [path])
        own = file_rate(strip)
        rate = fraction(own).limit_denominator(1001) if own > 0 else _scene_rate(scene)
        return SourceRange(strip.name, (path,), False, window.first, window.count, rate, window.first)
    if window.count is None:
        raise StripError(
            translate("Remove the retiming: retimed pictures can't be swapped ({strip})", strip=strip.name)
        )
    folder = Path(bpy.path.abspath(strip.directory))
    names = [element.filename for element in strip.elements]
    names = names[window.first : window.first + window.count] or names[-1:]
    files = tuple(folder / name for name in names)
    _require(strip.name, files)
    rate = _scene_rate(scene)
    return SourceRange(strip.name, files, True, 0, len(files), rate, window.first, is_still(strip))


def is_still(strip: Any) -> bool:
    """Tells if a strip shows one picture alone, of a kind that comes back as it is."""
    return len(strip.elements) == 1 and Path(strip.elements[0].filename).suffix.lower() in STILLS


def kept_pictures(strip: Any) -> str:
    """The suffix of a strip's pictures, without the dot, where its result is such pictures, too; else ""."""
    if strip.type != "IMAGE" or not strip.elements:
        return ""
    path = Path(bpy.path.abspath(strip.directory)) / strip.elements[0].filename
    return path.suffix[1:].upper() if is_still(strip) or stays_pictures(path) else ""


def strip_fingerprint(strip: Any, scene: Any) -> str:
    """Returns a digest of what must not change about a strip between asking for a swap and placing it."""
    fingerprint = [
        Path(bpy.path.abspath(getattr(strip, "filepath", "") or strip.directory)).name,
        compat.retimed(strip),
        getattr(strip, "use_reverse_frames", False),
        compat.trimmed_start(strip),
        compat.trimmed_end(strip),
        str(time_scalar_of(strip, scene)),
    ]
    import hashlib  # here: Blender's start would wait for it

    return hashlib.sha256(json.dumps(fingerprint).encode()).hexdigest()[:16]


def file_frame(strip: Any, scene: Any, frame: int) -> int:
    """Index in a strip's source range of the frame that a strip shows at a frame of the timeline.

    Raises:
        StripError: the strip isn't shown then, or is retimed.
    """
    if not compat.left_handle(strip) <= frame < compat.right_handle(strip):
        raise StripError(translate("Move the playhead over it: {strip} isn't shown there", strip=strip.name))
    if compat.retimed(strip):
        raise StripError(
            translate(
                "Swap it as a whole: {strip} is retimed, so a single frame can't be picked", strip=strip.name
            )
        )
    return file_index(strip, time_scalar_of(strip, scene), frame)


def file_index(strip: Any, time_scalar: Fraction, frame: int) -> int:
    """Index in a strip's file, or among its pictures, of what it shows, or would untrimmed, at a frame."""
    length = max(1, compat.content_span(strip))
    index = int(min(max(frame - compat.content_start(strip), 0), length - 1) / time_scalar + fraction(1, 2))
    length = math.ceil(length / time_scalar)
    if getattr(strip, "use_reverse_frames", False):
        index = length - 1 - index
    return compat.trimmed_start(strip) + index


def _scene_rate(scene: Any) -> Fraction:
    return fraction(scene.render.fps) / fraction(scene.render.fps_base).limit_denominator(1001)


def _require(name: str, files: Any) -> None:
    for path in files:
        if not path.is_file():
            raise StripError(translate("Relink the strip {strip}: {path} isn't there", strip=name, path=path))

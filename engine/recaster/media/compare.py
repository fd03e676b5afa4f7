"""Two clips side by side, with labels and sound."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from moviepy import ImageClip, clips_array

from recaster.media.join import join_with_sound, times_of
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.scan import scan
from recaster.media.sheet import caption, fitted
from recaster.media.sound import Sound, check_sound
from recaster.media.types import ColourTags
from recaster.media.writer import SEGMENT_SUFFIX, ClipWriter, WriterOptions, check_encoding, scratch_folder
from recaster.progress import Update, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.media.types import ClipInfo, Frame, Image
    from recaster.progress import Report

LABEL_HEIGHT_SHARE = 16
SMALLEST_LABEL = 16
TIME_TOLERANCE = Fraction(1, 1000)
"""Seconds by which a frame may be late and still count as on time (containers round to this)."""
BT709 = ColourTags("tv", "bt709", "bt709", "bt709")


def compare(
    left: Path, right: Path, out: Path, labels: tuple[str, str] | None = None, report: Report = silent
) -> None:
    """Write a clip that shows two clips side by side under their labels.

    The left clip leads: the result has its height, its frames at its times and its length. The right
    one is scaled to that height and shows what it shows at the same time after its own first frame; it
    stays on its last frame where it is shorter and is cut where it is longer. The sound is the left
    clip's, or the right's where the left has none, copied unchanged.

    Args:
        left: a clip.
        right: a clip.
        out: the result, .mp4, .mov or .mkv.
        labels: texts over the two; the file names by default.
        report: told about every frame.

    Raises:
        ClipError: one of the clips cannot be used.
        UsageError: the container cannot hold the sound.
        OutputError: the result cannot be written.
    """
    left, right, out = Path(left), Path(right), Path(out)
    infos = probe(left), probe(right)
    sound = _sound(*infos)
    label_height = max(SMALLEST_LABEL, infos[0].height // LABEL_HEIGHT_SHARE)
    layout = Layout(infos, labels or (left.name, right.name), label_height)
    info, options = layout.result(out), WriterOptions()
    check_encoding(out, info, options)
    check_sound(sound.path, out)
    with scratch_folder(out) as folder:
        segment = folder / f"video{SEGMENT_SUFFIX}"
        with ClipWriter(segment, info, options) as writer:
            for frame, image in layout.pictures():
                writer.write(image, frame.pts)
                report(Update("comparing", frame.index + 1, info.frame_count))
        times, _, _ = times_of(infos[0], range(infos[0].frame_count))
        join_with_sound([segment], out, times, sound)


def _sound(left: ClipInfo, right: ClipInfo) -> Sound:
    if left.audio or not right.audio:
        return Sound(left.path)
    seen, other = scan(left.path), scan(right.path)
    return Sound(right.path, shift=seen.pts[0] * seen.time_base - other.pts[0] * other.time_base)


class Layout:
    """Where everything is on the canvas.

    moviepy lays out the row of labels. The pictures below change with every frame and are put side by
    side directly: moviepy reads neither rotation nor variable rates right, and its compositing of a
    2560x760 canvas takes 80 ms of CPU a frame where copying takes 2.
    """

    def __init__(self, infos: tuple[ClipInfo, ClipInfo], labels: tuple[str, str], label_height: int) -> None:
        self._infos = infos
        height = infos[0].height + infos[0].height % 2
        self._sizes = [(_even_width(info, height), height) for info in infos]
        heads = [
            ImageClip(caption(text, width, label_height + label_height % 2))
            for text, (width, _) in zip(labels, self._sizes, strict=True)
        ]
        self._head: Image = clips_array([heads]).get_frame(0)

    def result(self, path: Path) -> ClipInfo:
        """What the comparison will be: the left clip's times, 8 bits, bt709."""
        width = sum(size[0] for size in self._sizes)
        height = self._sizes[0][1] + self._head.shape[0]
        return replace(
            self._infos[0],
            path=path,
            width=width,
            height=height,
            bit_depth=8,
            colour=BT709,
            pixel_format="yuv420p",
        )

    def pictures(self) -> Iterator[tuple[Frame, Image]]:
        """(the left clip's frame, the whole picture at its time), for every frame of the left clip."""
        right = Player(self._infos[1].path)
        for frame in read_frames(self._infos[0].path):
            shown = zip((frame.image, right.at(frame.time)), self._sizes, strict=True)
            row = np.hstack([fitted(image, *size) for image, size in shown])
            yield frame, np.vstack([self._head, row])


class Player:
    """Shows a clip at ever later times; stays on the last frame after the end."""

    def __init__(self, path: Path) -> None:
        self._frames = read_frames(path)
        self._shown = next(self._frames)
        self._next = next(self._frames, None)

    def at(self, time: Fraction) -> Image:
        """The picture on the screen ``time`` seconds after the first frame; times must not go back."""
        while self._next is not None and self._next.time <= time + TIME_TOLERANCE:
            self._shown, self._next = self._next, next(self._frames, None)
        return self._shown.image


def _even_width(info: ClipInfo, height: int) -> int:
    return max(2, round(info.width * height / info.height / 2) * 2)

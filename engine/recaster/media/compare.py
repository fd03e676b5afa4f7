"""Clips side by side, with labels and sound, or as a sheet of stills."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recaster.errors import UsageError
from recaster.media.colour_tags import BT709
from recaster.media.encoders import SEGMENT_SUFFIX, check_encoding
from recaster.media.join import mux_streams, read_frame_times
from recaster.media.probe import probe, scan
from recaster.media.reader import read_frames
from recaster.media.sequence_name import choose_picture_codec, resolve_clip, would_replace
from recaster.media.sheet import FORMATS, contact_sheet, draw_caption, fit_image, save_image
from recaster.media.sound import CopySource
from recaster.media.types import Shape
from recaster.media.writer import ClipWriter, scratch_folder
from recaster.progress import Update, silent
from recaster.settings.encoding import WriterOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recaster.media.types import ClipInfo, Frame, Image
    from recaster.progress import Report

LABEL_HEIGHT_SHARE = 16
MIN_LABEL_PX = 16
SHEET_COLUMNS = 8
SHEET_HEIGHT = 240
TIME_TOLERANCE = Fraction(1, 1000)
"""Seconds by which a frame may be late and still count as on time (containers round to this)."""


def compare(
    clips: Sequence[Path], out: Path, labels: Sequence[str] | None = None, report: Report = silent
) -> None:
    """Writes a clip that shows clips side by side under their labels, or a sheet of stills.

    The first clip leads: the result has its height, its frames at its times and its length. The others
    are scaled to that height and show what they show at the same time after their own first frame; they
    stay on their last frame where they are shorter and are cut where they are longer. The sound is that
    of the first clip that has one, copied unchanged.

    Args:
        clips: two or more.
        out: the result: .mp4, .mov or .mkv; or .png, .jpg for a sheet of ``SHEET_COLUMNS`` moments,
            one row for each clip.
        labels: one for each clip; the file names by default.

    Raises:
        ClipError: one of the clips cannot be used.
        UsageError: fewer than two clips, another number of labels, a result that would replace one of
            the clips, or a container that cannot hold the sound.
        OutputError: the result cannot be written.
    """
    clips = [Path(clip) for clip in clips]
    out = Path(out)
    labels = [resolve_clip(clip).name for clip in clips] if labels is None else list(labels)
    if len(clips) < 2:
        raise UsageError("a comparison needs two clips or more")
    if len(labels) != len(clips):
        raise UsageError(f"{len(labels)} labels for {len(clips)} clips: give one for each")
    if any(would_replace(out, resolve_clip(clip)) for clip in clips):
        raise UsageError(f"{out}: the result would replace one of the clips; choose another name")
    if choose_picture_codec(out) is not None:
        raise UsageError(f"{out}: a comparison is one clip or picture; name it without a place for a number")
    infos = [probe(clip) for clip in clips]
    if out.suffix.lower() in FORMATS:
        _write_sheet(infos, out, labels, report)
    else:
        _write_clip(infos, out, labels, report)


def _write_clip(infos: Sequence[ClipInfo], out: Path, labels: Sequence[str], report: Report) -> None:
    layout = Layout(infos, labels)
    info = layout.result(out)
    options = WriterOptions()
    check_encoding(out, info, options)
    with scratch_folder(out) as folder:
        segment = folder / f"video{SEGMENT_SUFFIX}"
        with ClipWriter(segment, info, options) as writer:
            for frame, image in layout.pictures():
                writer.write(image, frame.pts)
                report(Update("comparing", frame.index + 1, info.frame_count))
        times, _, _ = read_frame_times(infos[0], range(infos[0].frame_count))
        mux_streams([segment], out, times, _choose_sound(infos, segment))


def _write_sheet(infos: Sequence[ClipInfo], out: Path, labels: Sequence[str], report: Report) -> None:
    """Stills at evenly spread moments of the first clip, a row for each clip."""
    count = infos[0].frame_count
    wanted = {round((column + 0.5) * count / SHEET_COLUMNS - 0.5) for column in range(SHEET_COLUMNS)}
    others = [Player(info.path) for info in infos[1:]]
    columns = []
    captions = []
    for frame in read_frames(infos[0].path):
        report(Update("comparing", frame.index + 1, count))
        if frame.index in wanted:
            columns.append([frame.image, *(player.at(frame.time) for player in others)])
            captions.append([f"{label} {float(frame.time):.2f} s" for label in labels])
    width = round(SHEET_HEIGHT * infos[0].width / infos[0].height)
    rows = [image for row in zip(*columns, strict=True) for image in row]
    texts = [text for row in zip(*captions, strict=True) for text in row]
    save_image(out, contact_sheet(rows, len(columns), (width, SHEET_HEIGHT), texts))


def _choose_sound(infos: Sequence[ClipInfo], segment: Path) -> CopySource:
    heard = next((info for info in infos if info.audio), infos[0])
    if heard.is_sequence:
        return CopySource(segment)  # which has nothing but the picture
    # Both begin with their first pictures, at whatever times their files say.
    starts = [scan(info.path, info.reading).start for info in (infos[0], heard)]
    return CopySource(heard.path, shift=starts[0] - starts[1])


class Layout:
    """Layout of the canvas: a row of labels over the clips, all as high as the first, of even widths."""

    def __init__(self, infos: Sequence[ClipInfo], labels: Sequence[str]) -> None:
        self._infos = infos
        self._height = infos[0].height + infos[0].height % 2
        self._widths = [max(2, round(info.width * self._height / info.height / 2) * 2) for info in infos]
        label_height = max(MIN_LABEL_PX, infos[0].height // LABEL_HEIGHT_SHARE)
        label_height += label_height % 2
        captions = zip(labels, self._widths, strict=True)
        self._head = np.hstack([draw_caption(text, width, label_height) for text, width in captions])

    def result(self, path: Path) -> ClipInfo:
        """Describes the comparison: the first clip's times, 8 bits, bt709."""
        shape = Shape.plain(sum(self._widths), self._height + self._head.shape[0])
        first = replace(self._infos[0], path=path, shape=shape)
        return replace(first, bit_depth=8, colour=BT709, pixel_format="yuv420p")

    def pictures(self) -> Iterator[tuple[Frame, Image]]:
        """(the first clip's frame, the whole picture at its time), for every frame of the first clip."""
        others = [Player(info.path) for info in self._infos[1:]]
        for frame in read_frames(self._infos[0].path):
            images = (frame.image, *(player.at(frame.time) for player in others))
            shown = zip(images, self._widths, strict=True)
            row = np.hstack([fit_image(image, width, self._height) for image, width in shown])
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
            self._shown = self._next
            self._next = next(self._frames, None)
        return self._shown.image

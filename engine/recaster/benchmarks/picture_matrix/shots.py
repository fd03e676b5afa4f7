"""Shots of the picture matrix: a part of a row's target, and of its true swap, under a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import av
import numpy as np

from recaster.benchmarks.picture_matrix.conditions import Condition, Moment
from recaster.errors import ClipError
from recaster.evaluation.observe import points_by_frame
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.track_choice import choose_tracks
from recaster.facesets.still_faces import person_in
from recaster.files import atomic_file
from recaster.media.clip import Clip
from recaster.media.encoders import choose_reproducible_x264_options
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from recaster.benchmarks.picture_matrix.rows import Row
    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.media.types import Image

QUALITY: Final = "10"
"""x264's: what is judged is the swap, not what encoding took from its input."""


def moments(row: Row, condition: Condition) -> Iterator[Moment]:
    """Yields each frame of a row's shots, with the other person's frame where the condition shows one."""
    count = len(row.frames)
    if not condition.needs_other or row.other is None:
        yield from (Moment(index, count) for index in range(count))
        return
    others = read_frames(row.other, 0, count)
    for index, frame in zip(range(count), others, strict=False):
        yield Moment(index, count, frame.image)


def faces_of(row: Row, plain: Path, person: Path | None) -> dict[int, Floats]:
    """Finds the face's mesh (478, 3) by frame of a row's plain shot, in its pixels (FaceNotFoundError).

    ``person`` is a picture of the performer, where somebody else is in the shot.
    """
    if row.bare is None:
        return points_by_frame(_tracks(analyse_clip(Clip(plain)), person))
    clip, first = row.bare
    frames = range(first, first + len(row.frames))
    meshes = points_by_frame(_tracks(analyse_clip(Clip(clip), frames=frames), None))
    scale = probe(plain).width / probe(clip).width
    corner = np.array([0.5, 0.5, 0.0])  # pixels are counted from their centres
    return {index - first: (points + corner) * scale - corner for index, points in meshes.items()}


def _tracks(analysis: Analysis, person: Path | None) -> tuple[FaceTrack, ...]:
    if not analysis.tracks:
        return ()
    settings = AnalysisSettings()
    embedding = None if person is None else person_in(person, settings.detector, settings.min_face)
    return choose_tracks(analysis, person=embedding, min_face=settings.min_face)


def make_shot(row: Row, clip: Path, condition: Condition, rate: Fraction, out: Path) -> None:
    """Writes a row's part of a clip, of target or true swap, under a condition (ClipError, OutputError)."""
    frames = read_frames(clip, row.frames.start, row.frames.stop)
    pictures = (
        condition.change(frame.image, moment)
        for frame, moment in zip(frames, moments(row, condition), strict=False)
    )
    with atomic_file(out) as temporary:
        written = _encode(pictures, condition, rate, temporary)
    if written != len(row.frames):
        out.unlink()
        raise ClipError(f"row {row.name}: its clips hold {written} of the {len(row.frames)} frames wanted")


def _encode(pictures: Iterator[Image], condition: Condition, rate: Fraction, out: Path) -> int:
    """Encodes pictures; returns how many there were."""
    written = 0
    with av.open(str(out), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=rate)
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # what x264 writes depends on it
        options = {"preset": "veryfast"} | choose_reproducible_x264_options()
        if condition.bit_rate is None:
            stream.options = options | {"crf": QUALITY}
        else:
            rate_limit = str(condition.bit_rate)
            stream.options = options | {"maxrate": rate_limit, "bufsize": rate_limit}
            stream.bit_rate = condition.bit_rate
        for picture in pictures:
            even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
            if written == 0:
                stream.height, stream.width = even.shape[:2]
                stream.codec_context.sample_aspect_ratio = condition.aspect
            for packet in stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")):
                file.mux(packet)
            written += 1
        for packet in stream.encode():
            file.mux(packet)
    return written


def plain_frames(clip: Path, condition: Condition, size: tuple[int, int]) -> Iterator[Image]:
    """Yields the frames of a shot, or of what was made of it, in the plain shot's size (width, height)."""
    for frame in read_frames(clip):
        image = frame.image
        if condition.undo is not None:
            image = condition.undo(image, size)
        elif image.shape[1::-1] != size:
            image = image[: size[1], : size[0]]
        yield image

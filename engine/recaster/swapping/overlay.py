"""Clip with all that was found in it drawn over its pictures: boxes, meshes, angles, and a swap's masks."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from recaster.errors import UsageError
from recaster.faces.mesh_surface import TRIANGLES
from recaster.faces.people import group_people
from recaster.faces.pose import head_poses
from recaster.faces.topology import MESH_POINTS, NOSE_TIP, POINTS
from recaster.media.colour_tags import BT709
from recaster.media.encoders import SEGMENT_SUFFIX, check_encoding
from recaster.media.join import mux_streams, read_frame_times
from recaster.media.reader import read_frames
from recaster.media.sheet import FORMATS, save_image
from recaster.media.sound import CopySource
from recaster.media.types import Rect, Shape
from recaster.media.writer import ClipWriter, scratch_folder
from recaster.progress import Report, Update, silent
from recaster.settings.encoding import WriterOptions
from recaster.settings.formats import CLIP_SUFFIXES
from recaster.settings.reading import DEFAULT_READING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.media.clip import Clip
    from recaster.media.types import ClipInfo, Image

    Matte = NDArray[np.uint8]

COLOURS: Final = (
    (64, 190, 255), (255, 176, 32), (120, 220, 90), (255, 110, 160), (190, 140, 255), (255, 235, 80),
    (70, 225, 205), (255, 120, 70),
)  # fmt: skip
"""Of people, the one who fills most of the clip first."""
_MASK_INK: Final = (255, 255, 255)
_GROUND: Final = (16, 16, 16)
_LINE_SHARE: Final = 1 / 480
_LETTERS_SHARE: Final = 1 / 36
"""Width of lines and height of letters, over the picture's shorter side."""
_MIN_LETTERS_PX: Final = 11
_LETTERS_PER_FACE: Final = 9
"""Letters' heights in a small face's box, at least: else what is written of it hides its neighbours."""
_MESH_SHARE: Final = 1 / 1200  # width of the mesh's lines, likewise
_MESH_OPACITY: Final = 0.45
_DENSE_MESH_PX: Final = 160
"""Width of a face below which the mesh's lines would cover it: they fade."""
_GROUND_OPACITY: Final = 0.7
_MADE_UP: Final = "not seen"


@dataclass(frozen=True, eq=False)
class Overlay:
    """Drawing of all that was found in a clip: its tracks, and each one's person and poses."""

    tracks: tuple[FaceTrack, ...]
    people: tuple[int, ...]
    poses: tuple[Floats | None, ...]

    @classmethod
    def of(cls, analysis: Analysis) -> Overlay:
        """Draws all tracks of an analysis."""
        groups = group_people(analysis)
        people = {number: person for person, numbers in enumerate(groups) for number in numbers}
        tracks = analysis.tracks
        poses = [head_poses(each.landmarks) if each.landmarks.shape[1] == POINTS else None for each in tracks]
        return cls(tracks, tuple(people[each.track] for each in tracks), tuple(poses))

    def draw(self, image: Image, index: int, matte: Matte | None = None) -> Image:
        """Draws over a frame of the clip; returns another picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            index: the frame's.
            matte: (H, W) uint8, where faces were swapped; None where nothing was.
        """
        shown = np.ascontiguousarray(image).copy()
        side = min(shown.shape[:2])
        width = max(1, round(_LINE_SHARE * side))
        here = [
            (number, int(index - track.frames[0]))
            for number, track in enumerate(self.tracks)
            if track.frames[0] <= index <= track.frames[-1]
        ]
        for number, row in here:
            self._draw_mesh(shown, number, row)
        if matte is not None:
            _draw_outline(shown, matte, width)
        for number, row in here:
            self._draw_box(shown, number, row, width)
        for number, row in here:
            self._write_facts(shown, number, row, width)
        return shown

    def _colour(self, number: int) -> tuple[int, int, int]:
        return COLOURS[self.people[number] % len(COLOURS)]

    def _draw_mesh(self, shown: Image, number: int, row: int) -> None:
        points = self.tracks[number].landmarks[row]
        place = _around(points, shown)
        if place is None:
            return
        there = place.crop(shown)
        drawn = there.copy()
        at = np.rint((points[:, :2] - (place.left, place.top)) * 16).astype(np.int32)
        if len(points) == POINTS:
            lines = [at[list(edge)][:, None] for edge in _edges()]
            thickness = max(1, round(_MESH_SHARE * min(shown.shape[:2])))
            cv2.polylines(drawn, lines, False, self._colour(number), thickness, cv2.LINE_AA, 4)
        else:
            for x, y in at.tolist():
                cv2.circle(drawn, (x, y), 24, self._colour(number), -1, cv2.LINE_AA, 4)
        opacity = _MESH_OPACITY * min(place.width / _DENSE_MESH_PX, 1)
        cv2.addWeighted(drawn, opacity, there, 1 - opacity, 0, dst=there)

    def _draw_box(self, shown: Image, number: int, row: int, width: int) -> None:
        track = self.tracks[number]
        left, top, right, bottom = np.rint(track.boxes[row]).astype(int).tolist()
        colour = self._colour(number)
        for ink, thickness in ((_GROUND, width + 2), (colour, width)):
            if track.filled[row]:  # corners alone: nobody saw this face
                _draw_corners(shown, (left, top, right, bottom), ink, thickness)
            else:
                cv2.rectangle(shown, (left, top), (right, bottom), ink, thickness, cv2.LINE_AA)
        poses = self.poses[number]
        if poses is None:
            return
        yaw, pitch, _ = np.radians(poses[row])
        nose = track.landmarks[row, NOSE_TIP, :2]
        reach = 0.8 * (right - left)
        goal = nose + reach * np.array([np.sin(yaw) * np.cos(pitch), -np.sin(pitch)])
        ends = [tuple(np.rint(each).astype(int).tolist()) for each in (nose, goal)]
        for ink, thickness in ((_GROUND, width + 2), (colour, width)):
            cv2.arrowedLine(shown, ends[0], ends[1], ink, thickness, cv2.LINE_AA, tipLength=0.2)

    def _write_facts(self, shown: Image, number: int, row: int, width: int) -> None:
        track = self.tracks[number]
        left, top, right, bottom = track.boxes[row].tolist()
        person = track.person or f"person {self.people[number]}"
        seen = _MADE_UP if track.filled[row] else f"{100 * track.scores[row]:.0f} %"
        lines = [f"track {track.track}  {person}", seen]
        poses = self.poses[number]
        if poses is not None:
            yaw, pitch, roll = np.rint(poses[row]).astype(int).tolist()
            lines[1] += f"  yaw {yaw:+d} pitch {pitch:+d} roll {roll:+d}"
        side = min(shown.shape[:2])
        letters = min(_LETTERS_SHARE * side, (right - left) / _LETTERS_PER_FACE)
        block = _write_lines(tuple(lines), max(_MIN_LETTERS_PX, round(letters)), self._colour(number))
        above = round(top) - len(block) - width - 1
        y = above if above >= 0 else round(bottom) + width + 2
        _lay_over(shown, block, round(left), y)


def write_overlay(
    clip: Clip,
    frames: range,
    analysis: Analysis,
    out: Path,
    mattes: Iterable[Matte] | None = None,
    report: Report = silent,
) -> None:
    """Writes a clip's frames with what was found in them drawn over, without sound; of one frame a picture.

    Args:
        mattes: (H, W) of each frame, where faces were swapped; None where nothing was.

    Raises:
        UsageError: it is named as nothing that can be written.
        ClipError: the clip can't be read.
        OutputError: it can't be written.
    """
    info = clip.info
    check_overlay(out, info, frames)
    overlay = Overlay.of(analysis)
    pictures = _draw_all(clip, frames, overlay, mattes, report)
    if out.suffix.lower() in FORMATS:
        ((_, image),) = pictures
        save_image(out, image)
        return
    with scratch_folder(out) as folder:
        segment = folder / f"video{SEGMENT_SUFFIX}"
        with ClipWriter(segment, describe_overlay(info), WriterOptions()) as writer:
            for pts, image in pictures:
                writer.write(image, pts)
        times, begin, _ = read_frame_times(info, frames)
        mux_streams([segment], out, times.moved(-begin), CopySource(segment))


def check_overlay(out: Path, info: ClipInfo, frames: range) -> None:
    """Checks that an overlay can be written under a name (UsageError)."""
    suffix = out.suffix.lower()
    if suffix in FORMATS and len(frames) == 1:
        return
    if suffix not in CLIP_SUFFIXES:
        names = ", ".join(CLIP_SUFFIXES)
        raise UsageError(f"{out}: an overlay is a clip, named {names}; of one frame it may be .png or .jpg")
    check_encoding(out, describe_overlay(info), WriterOptions())


def read_mattes(segments: Sequence[Path]) -> Iterator[Matte]:
    """Reads the mattes of segments, in order."""
    for path in segments:
        for frame in read_frames(path):
            yield frame.image[..., 1]


def describe_overlay(info: ClipInfo) -> ClipInfo:
    """Describes an overlay: the clip's times, upright square pixels, 8 bits, bt709."""
    plain = replace(info, shape=Shape.plain(info.width, info.height), bit_depth=8, colour=BT709)
    others: dict[str, Any] = {"first_number": None, "has_alpha": False, "hdr": None, "view": None}
    return replace(plain, pixel_format="yuv420p", reading=DEFAULT_READING, **others)


def _draw_all(
    clip: Clip, frames: range, overlay: Overlay, mattes: Iterable[Matte] | None, report: Report
) -> Iterator[tuple[int, Image]]:
    """Draws over all frames: their times in ticks and pictures."""
    masks = itertools.repeat(None) if mattes is None else iter(mattes)
    pairs = zip(clip.read_fast(frames.start, frames.stop), masks, strict=False)
    for done, (frame, mask) in enumerate(pairs, 1):
        yield frame.pts, overlay.draw(frame.image, frame.index, mask)
        report(Update("drawing", done, len(frames), "frames"))


@functools.cache
def _edges() -> tuple[tuple[int, int], ...]:
    """Edges of the mesh's triangles, each once, as pairs of points."""
    face = TRIANGLES[(TRIANGLES < MESH_POINTS).all(1)]
    pairs = np.sort(np.concatenate([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]]), 1)
    return tuple((int(a), int(b)) for a, b in np.unique(pairs, axis=0))


def _around(points: Floats, shown: Image) -> Rect | None:
    """The part of a picture that holds points; None where they lie outside."""
    height, width = shown.shape[:2]
    left, top = np.floor(points[:, :2].min(0)).astype(int) - 2
    right, bottom = np.ceil(points[:, :2].max(0)).astype(int) + 3
    place = Rect(max(int(left), 0), max(int(top), 0), min(int(right), width), min(int(bottom), height))
    return place if place.width > 0 and place.height > 0 else None


def _draw_outline(shown: Image, matte: Matte, width: int) -> None:
    """Draws the line at which a swapped face is half there."""
    lines, _ = cv2.findContours((matte > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for ink, thickness in ((_GROUND, width + 3), (_MASK_INK, width + 1)):
        cv2.drawContours(shown, lines, -1, ink, thickness, cv2.LINE_AA)


def _draw_corners(
    shown: Image, box: tuple[int, int, int, int], ink: tuple[int, int, int], thickness: int
) -> None:
    left, top, right, bottom = box
    across = (right - left) // 5
    down = (bottom - top) // 5
    for x, inwards in ((left, across), (right, -across)):
        for y, along in ((top, down), (bottom, -down)):
            cv2.line(shown, (x, y), (x + inwards, y), ink, thickness, cv2.LINE_AA)
            cv2.line(shown, (x, y), (x, y + along), ink, thickness, cv2.LINE_AA)


@functools.lru_cache(maxsize=256)
def _write_lines(lines: tuple[str, ...], letters: int, ink: tuple[int, int, int]) -> Image:
    """Writes lines of text of so many pixels in height on a dark ground, (h, w, 3)."""
    font = PIL.ImageFont.load_default(size=letters)
    pad = max(2, letters // 4)
    step = round(1.25 * letters)
    length = max(font.getlength(line) for line in lines)
    picture = PIL.Image.new("RGB", (round(length) + 2 * pad, step * len(lines) + 2 * pad), _GROUND)
    drawing = PIL.ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        drawing.text((pad, pad + number * step), line, font=font, fill=ink)
    return np.asarray(picture)


def _lay_over(shown: Image, block: Image, x: int, y: int) -> None:
    """Lays a block of text over a picture, as near to a place as it fits."""
    height, width = shown.shape[:2]
    rows, columns = min(block.shape[0], height), min(block.shape[1], width)
    x = min(max(x, 0), width - columns)
    y = min(max(y, 0), height - rows)
    there = shown[y : y + rows, x : x + columns]
    block = block[:rows, :columns]
    # The ground lets the picture through, letters don't.
    is_ground = (block == _GROUND).all(-1, keepdims=True)
    mixed = cv2.addWeighted(block, _GROUND_OPACITY, there, 1 - _GROUND_OPACITY, 0)
    there[...] = np.where(is_ground, mixed, block)

"""Timecode: reading it from tags and pictures, and moving it by frames (SMPTE ST 12-1)."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from av.sidedata.sidedata import Type

from recaster.isobmff.boxes import UnsupportedMovieError, child_boxes, optional_box, read_movie
from recaster.media.remote_files import open_binary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PATTERN: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)([:;.,])(\d\d\d?)")
_SECONDS_PER_DAY: Final = 24 * 60 * 60
TMCD_FRAMES_AT: Final = 40
"""Place of the frames a second in the sample description of a timecode track."""
_DROP_FRAME: Final = 1 << 6
_COUNTED_IN_PAIRS: Final = 30
"""Timecode in pictures has no room for more frames a second: above, each number stands for two."""


def move_timecode(timecode: str, frames: int, rate: Fraction) -> str | None:
    """Moves a timecode by frames; past midnight it begins anew.

    Args:
        timecode: "hh:mm:ss:ff", or with ";", "." or "," before the frames for drop frame.
        frames: how many later; negative for earlier.
        rate: frames per second of the picture.

    Returns:
        The timecode, with ";" before the frames only where the rate has drop frame; None where the given one
        is none, or counts frames that the rate doesn't have.
    """
    matched = _PATTERN.fullmatch(timecode)
    nominal = round(rate)
    if matched is None or not 0 <= int(matched[5]) < nominal:
        return None
    hours, minutes, seconds = (int(matched[group]) for group in (1, 2, 3))
    is_drop = matched[4] in ";.," and nominal % 30 == 0
    skipped = nominal // 15 if is_drop else 0  # numbers left out each minute, but every tenth
    per_minute = nominal * 60 - skipped
    per_ten_minutes = 10 * per_minute + skipped
    whole_minutes = hours * 60 + minutes
    count = (whole_minutes * 60 + seconds) * nominal + int(matched[5])
    count += frames - skipped * (whole_minutes - whole_minutes // 10)
    count %= per_ten_minutes * (_SECONDS_PER_DAY // 600)
    tens, rest = divmod(count, per_ten_minutes)
    # The first minute of ten has all its numbers.
    dropped_minutes = 9 * tens + max(0, rest - skipped) // per_minute
    count += skipped * dropped_minutes
    total, frame = divmod(count, nominal)
    return f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}{';' if is_drop else ':'}{frame:02}"


def pack_smpte_word(timecode: str, rate: Fraction) -> int:
    """Packs a timecode into the word of SMPTE ST 12-1 that OpenEXR and DPX have, hours in the highest byte.

    Args:
        timecode: of ``move_timecode``.
        rate: frames per second that it counts; above 30 two frames have one number.
    """
    hours, minutes, seconds, frames = (int(part) for part in re.split("[:;]", timecode))
    if round(rate) > _COUNTED_IN_PAIRS:
        frames //= 2
    word = 0
    for number in (hours, minutes, seconds, frames):
        tens, units = divmod(number, 10)
        word = word << 8 | tens << 4 | units
    return word | (_DROP_FRAME if ";" in timecode else 0)


def read_timecode(container: Any, stream: Any, picture: Any, rate: Fraction) -> str | None:
    """Reads the timecode of a clip's first frame, or None where it has none.

    Args:
        container: the opened clip.
        stream: of its picture.
        picture: its first one, as it was decoded.
        rate: frames per second.
    """
    holders = (stream, *container.streams, container)
    stated = _first_tag(holders, "timecode")
    return stated or _timecode_in(picture, rate)


def read_reel(container: Any, stream: Any) -> str | None:
    """Reads the name of the reel, or None where a clip names none."""
    return _first_tag((stream, *container.streams, container), "reel_name")


def read_timecode_rate(path: Path, container: Any, rate: Fraction) -> Fraction:
    """Reads how many frames a second a clip's timecode counts; cameras of 60 frames often count 30.

    Args:
        rate: frames per second of the picture.
    """
    base = _read_track_base(path) if "mov" in container.format.name else None
    return rate if base is None or base == round(rate) else rate * Fraction(base, round(rate))


def _read_track_base(path: Path) -> int | None:
    """Reads the frames a second of a MOV's or MP4's timecode track (Apple: QuickTime File Format, tmcd)."""
    try:
        with open_binary(path) as file:
            tracks = [box.payload for box in child_boxes(read_movie(file).moov) if box.kind == b"trak"]
        for track in tracks:
            payload = track
            for kind in (b"mdia", b"minf", b"stbl", b"stsd"):
                payload = optional_box(child_boxes(payload), kind) or b""
            if payload[12:16] == b"tmcd" and len(payload) > TMCD_FRAMES_AT:
                return payload[TMCD_FRAMES_AT] or None
    except (OSError, UnsupportedMovieError):
        return None
    return None


def _first_tag(holders: Iterable[Any], key: str) -> str | None:
    tags = ({name.lower(): text for name, text in holder.metadata.items()} for holder in holders)
    return next((tag[key] for tag in tags if tag.get(key)), None)


def _timecode_in(picture: Any, rate: Fraction) -> str | None:
    """Reads the timecode in a picture's side data: SMPTE ST 12-1 words, or that of an MPEG-2 group."""
    words = picture.side_data.get(Type.S12M_TIMECODE)
    if words is not None:
        count, word = (int(value) for value in np.frombuffer(bytes(words), np.uint32)[:2])
        return _decode_smpte_word(word, rate) if count else None
    group = picture.side_data.get(Type.GOP_TIMECODE)
    if group is None:
        return None
    word = int(np.frombuffer(bytes(group), np.int64)[0])
    if word & 0xFF_EFFF == 0:  # hours to frames: encoders that know no timecode write zeros
        return None
    separator = ";" if word >> 24 & 1 else ":"
    return f"{word >> 19 & 31:02}:{word >> 13 & 63:02}:{word >> 6 & 63:02}{separator}{word & 63:02}"


def _decode_smpte_word(word: int, rate: Fraction) -> str:
    """Decodes one word of binary-coded decimals, frames in the highest byte."""
    hours, minutes, seconds, frames = (
        10 * (word >> shift + 4 & tens) + (word >> shift & 15)
        for shift, tens in ((0, 3), (8, 7), (16, 7), (24, 3))
    )
    if round(rate) > _COUNTED_IN_PAIRS:
        frames *= 2
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if word >> 30 & 1 else ':'}{frames:02}"

"""Scan of a long clip by an executor: parts between key frames, each decoded by whoever is free.

Parts count only where nothing is wrong with the clip and they hold exactly the frames that its packets
announce: then they are what one pass over all of it finds. Whatever is wrong with a clip, that pass tells.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from recaster.errors import ClipError
from recaster.media.decoder import ClipDecoder, Damage
from recaster.media.probe import build_scan, is_scanned, keep_scan
from recaster.media.remote_files import find_remote
from recaster.media.sequence_name import find_sequence
from recaster.processes.executor import Work, current_executor
from recaster.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from recaster.media.clip import Clip
    from recaster.media.types import Scan

PART_FRAMES: Final = 500
"""A part has as many and more, up to a key frame."""
MIN_PARTS: Final = 8
"""Fewer are decoded sooner than processes are there for them."""
MEMORY_PER_PROCESS_BYTES: Final = 1 << 30
FORMATS: Final = frozenset({"mov", "matroska"})
"""Containers whose index finds key frames exactly, and in which no clock jumps."""
CODECS: Final = frozenset({"av1", "dnxhd", "ffv1", "h264", "hevc", "prores", "vp9"})


class Packets(NamedTuple):
    """Packets of a clip's picture, in the order in which they are shown, and the runs of its sounds.

    Attributes:
        pts: (N,) int64, strictly increasing.
        keys: (K,) int64, indices of those that decoding can begin at.
    """

    pts: NDArray[np.int64]
    keys: NDArray[np.int64]
    damage: Damage


class PartFindings(NamedTuple):
    """Findings of a part, as plain values.

    Attributes:
        pts: times of its frames.
        keys: places of key frames among them.
        layouts: width, height and pixel format of its pictures.
        last_duration: ticks that the last one stays; 0 where nothing says so.
        is_sound: whether all of it decoded without a fault.
    """

    pts: list[int]
    keys: list[int]
    interlaced: bool
    layouts: list[tuple[int, int, str]]
    last_duration: int
    is_sound: bool


def scan_by_executor(clip: Clip) -> Clip:
    """Scans a long clip by the executor in use, so that ``probe.scan`` knows what it looks like; returns it.

    Nothing is done where that doesn't pay, and nothing is known then of a clip with which something is wrong.
    """
    is_movie = find_sequence(clip.path, is_still=clip.options.stills) is None and not clip.options.stills
    is_here = find_remote(clip.path) is None and clip.exists()
    if is_movie and is_here and not is_scanned(clip.path) and _is_shared_out():
        with contextlib.suppress(ClipError):  # the pass over all of it tells
            found = _scan_parts(clip)
            if found is not None:
                keep_scan(clip.path, found)
    return clip


def _is_shared_out() -> bool:
    """Tells whether the executor in use has room for more than this very process."""
    executor = current_executor()
    return not executor.is_local or executor.limit(MIN_PARTS, 1, MEMORY_PER_PROCESS_BYTES) > 1


def _scan_parts(clip: Clip) -> Scan | None:
    with ThreadPoolExecutor(1) as pool:  # both read all of the file: together they do so once
        digest = pool.submit(lambda: clip.digest)
        packets = _list_packets(clip.path)
        digest.result()
    parts = [] if packets is None else split_packets(packets)
    if packets is None or len(parts) < MIN_PARTS:
        return None
    executor = current_executor()
    with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
        work = Work(
            Path,
            scan_part,
            str(clip.path),
            Path(folder, "nothing"),
            json.dumps(["scan", clip.digest]),
            json.dumps,
            cores=1,
            memory_bytes=MEMORY_PER_PROCESS_BYTES,
            files=(clip.path,),
        )
        count = executor.limit(len(parts), work.cores, work.memory_bytes)
        found = [PartFindings(*each) for each in executor.run(work, parts, count, lambda _: step())]
    return _join(clip.path, packets, found) if all(each.is_sound for each in found) else None


def _list_packets(path: Path) -> Packets | None:
    """Lists a clip's packets; None where parts may not be what the whole is."""
    with ClipDecoder(path, counting=True) as source:
        if FORMATS.isdisjoint(source.container.format.name.split(",")):
            return None
        if source.stream.codec_context.codec.canonical_name not in CODECS:
            return None
        listed = []
        for packet in source.demux():
            if packet.size == 0:
                continue
            if packet.pts is None or packet.is_corrupt or packet.is_discard:
                return None
            listed.append((packet.pts, packet.is_keyframe))
        if source.damage.cut_off is not None or not listed:
            return None
        pts, keys = (np.array(column) for column in zip(*sorted(listed), strict=True))
        if (np.diff(pts) <= 0).any():
            return None
        return Packets(pts.astype(np.int64), np.flatnonzero(keys), source.damage)


def split_packets(packets: Packets) -> list[tuple[int, int | None]]:
    """Splits a clip at key frames: the time at which each part begins, and the next; None after the last."""
    borders = [0]
    for key in packets.keys.tolist():
        if key - borders[-1] >= PART_FRAMES:
            borders.append(key)
    times: list[int | None] = [int(packets.pts[border]) for border in borders]
    return [(begin, stop) for begin, stop in itertools.pairwise([*times, None]) if begin is not None]


def scan_part(path: Path, part: Sequence[int | None], tick: Callable[[], None]) -> PartFindings:
    """Decodes the pictures of a part: from the time of a key frame up to another."""
    begin, stop = part
    assert begin is not None  # noqa: S101 - only the end may be open
    pts: list[int] = []
    keys: list[int] = []
    interlaced = False
    duration = 0
    with ClipDecoder(path, counting=True) as source:
        source.seek(begin)
        for decoded in source.decode():
            if decoded.pts < begin:  # shown before the key frame, though stored behind it
                continue
            if stop is not None and decoded.pts >= stop:
                break
            if decoded.picture.key_frame:
                keys.append(len(pts))
            pts.append(decoded.pts)
            interlaced = interlaced or bool(decoded.picture.interlaced_frame)
            duration = int(decoded.picture.duration or 0)
            tick()
        damage = source.damage
        is_sound = damage.undecodable == 0 and damage.first_corrupt is None and damage.cut_off is None
        is_sound = is_sound and source.timeline.repaired == 0 and source.timeline.made_from is None
        return PartFindings(pts, keys, interlaced, sorted(damage.layouts), duration, is_sound)


def _join(path: Path, packets: Packets, found: Sequence[PartFindings]) -> Scan | None:
    """Joins what was found in parts; None where these aren't the frames that the packets announce."""
    pts = np.array([time for each in found for time in each.pts], np.int64)
    if not np.array_equal(pts, packets.pts):
        return None
    starts = itertools.accumulate((len(each.pts) for each in found), initial=0)
    keys = [start + key for start, each in zip(starts, found, strict=False) for key in each.keys]
    layouts = {(layout[0], layout[1], layout[2]) for each in found for layout in each.layouts}
    with ClipDecoder(path, counting=True) as source:
        first = next(source.decode(), None)
        if first is None or first.pts != pts[0]:
            return None
        source.damage = Damage(layouts=layouts, sounds=packets.damage.sounds)
        interlaced = any(each.interlaced for each in found)
        return build_scan(source, pts, keys, first.picture, found[-1].last_duration, interlaced=interlaced)

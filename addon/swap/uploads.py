# SPDX-License-Identifier: GPL-3.0-or-later
"""Source ranges at the engine: whole files, cut parts, picture sequences as movies or zips."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from ..state import addon_state
from .strip_pictures import ZIP_SUFFIX, pack_strip_pictures

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import clip_pb2
    from recaster.client import Client

    from ..engine.connection import BackgroundWork
    from .source_range import SourceRange


MAX_WHOLE_UPLOAD_BYTES = 64 << 20
"""Bytes of a movie that is sent to another machine as a whole rather than cut."""


class UploadedRange(NamedTuple):
    """A source range that the engine has.

    Attributes:
        clip: the engine's clip (Clip).
        frames: where the source's frames are in it.
        range: the same as the engine's options write it.
    """

    clip: clip_pb2.Clip
    frames: range
    range: str


def upload_range(
    client: Client, work: BackgroundWork, source: SourceRange, cache: Path, local: bool
) -> UploadedRange:
    """Brings a source range to the engine, unless it is there; for threads.

    A movie goes there as it is where the engine shares this machine (which costs a link or a copy), else only
    the part that is needed, cut out without touching a pixel; pictures go there as they are, in a movie or,
    where they come back as pictures, in a zip.

    Raises:
        EngineError, InputError: the files can't be read, or the engine won't have them.
    """
    from recaster import isobmff

    cache.mkdir(parents=True, exist_ok=True)
    stop = None if source.count is None else source.first + source.count
    frames = range(source.first, source.first if stop is None else stop)
    if source.stays_pictures:
        path = cache / f"{source.files[0].stem}-{_cache_key(source)}{ZIP_SUFFIX}"
        if not path.is_file():
            pack_strip_pictures(source.files, path)
    elif source.pictures:
        path = cache / f"{source.files[0].stem}-{_cache_key(source)}.mov"
        if not path.is_file():
            isobmff.movie_from_pictures(source.files, source.rate, path)
    else:
        path = source.files[0]
        if not local and stop is not None and path.stat().st_size > MAX_WHOLE_UPLOAD_BYTES:
            part = isobmff.trim_movie(path, frames, cache / f"{path.stem}-{_cache_key(source)}{path.suffix}")
            if part is not None:
                path = part.out
                frames = part.frames
    work.check()
    clip = _upload_clip(client, work, path)
    if stop is None:
        frames = range(frames.start, clip.frame_count)
    frames = range(frames.start, max(frames.start + 1, min(frames.stop, clip.frame_count)))
    if (
        clip.variable_frame_rate and not source.pictures
    ):  # Blender counts in even steps of time, the engine in frames
        seconds = [float(one / source.rate) for one in (frames.start, frames.stop)]
        return UploadedRange(clip, frames, f"{seconds[0]:.3f}s-{min(seconds[1], clip.duration_s):.3f}s")
    return UploadedRange(clip, frames, f"{frames.start}-{frames.stop - 1}")


def _upload_clip(client: Client, work: BackgroundWork, path: Path) -> clip_pb2.Clip:
    """A movie as the engine has it; brought there unless it is known there."""
    from recaster.client import MissingError

    state = path.stat()
    mark = (client.connection.address.target, str(path), state.st_size, state.st_mtime_ns)
    if mark in addon_state.uploaded_clips:
        try:
            return client.clip(addon_state.uploaded_clips[mark])
        except MissingError:  # somebody has deleted it there
            del addon_state.uploaded_clips[mark]
    addon_state.uploaded_clips[mark] = client.take_clip(path, work.report)
    return client.clip(addon_state.uploaded_clips[mark])


def _cache_key(source: SourceRange) -> str:
    """A name for just these bytes of just these files."""
    known = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in source.files]
    fingerprint = json.dumps([known, source.first, source.count, str(source.rate)])
    import hashlib  # here: Blender's start would wait for it

    return hashlib.sha256(fingerprint.encode()).hexdigest()[:12]

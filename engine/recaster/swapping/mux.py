"""Muxing of rendered segments into one clip with the original's sound, and of their mattes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.media.join import compute_start_shift, join_segments, mux_with_sound, read_frame_times
from recaster.media.sound import SoundSource

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.swapping.render_cache import RenderCache
    from recaster.swapping.request import SwapRequest


def mux_segments(request: SwapRequest, cache: RenderCache) -> Path:
    """Puts all segments together, as the result, or beside them where it is still to be signed.

    Returns:
        The whole clip.

    Raises:
        OutputError: it cannot be written, or a segment is damaged.
        ClipError: the original cannot be read any more.
    """
    out = request.out if request.mark is None else cache.unsigned_path(request.out.suffix)
    info = request.clip.info
    frames = request.frames
    writer = request.settings.writer
    if request.settings.matte is not None:
        mattes = [cache.matte_path(segment) for segment in cache.segments]
        times, begin, _ = read_frame_times(info, frames)
        times = times.moved(compute_start_shift(frames, begin))
        # A matte has no sound; the first segment, which has none either, stands for that.
        mux_with_sound(mattes, request.settings.matte, times, SoundSource(mattes[0]))
    segments = [cache.clip_path(segment) for segment in cache.segments]
    join_segments(segments, info, out, frames, writer)
    return out

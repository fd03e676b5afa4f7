"""Muxing of rendered segments into one clip with the original's sound, and of their mattes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.media.join import join_segments

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
        join_segments(mattes, info, request.settings.matte, frames, writer, has_sound=False)
    segments = [cache.clip_path(segment) for segment in cache.segments]
    join_segments(segments, info, out, frames, writer)
    return out

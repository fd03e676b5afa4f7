"""Clips for tests, written by the engine's own writer in one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recaster.media.encoders import choose_segment_suffix
from recaster.media.join import check_output, join_segments
from recaster.media.writer import ClipWriter, scratch_folder
from recaster.settings.encoding import WriterOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recaster.media.types import ClipInfo, Frame


def write_clip(
    frames: Iterable[Frame],
    original: ClipInfo,
    out: Path,
    wanted: range | None = None,
    options: WriterOptions | None = None,
) -> None:
    """Writes frames of a clip to a new clip in one go, with the original's sound.

    Args:
        frames: every frame of ``wanted``, in order; only plate and pts are used.
        original: the clip they come from.
        out: the result, .mp4, .mov or .mkv.
        wanted: which frames of the original these are; all of them by default.
        options: how to encode.

    Raises:
        UsageError, OutputError, ClipError: as ``ClipWriter`` and ``join_segments``.
    """
    out = Path(out)
    check_output(out, original, options)
    with scratch_folder(out) as folder:
        segment = folder / f"video{choose_segment_suffix((options or WriterOptions()).codec)}"
        with ClipWriter(segment, original, options) as writer:
            for frame in frames:
                writer.write(frame.plate, frame.pts)
        join_segments([segment], original, out, wanted or range(original.frame_count), options)

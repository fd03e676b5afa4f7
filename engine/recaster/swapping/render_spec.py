"""The second pass over a part of a clip: frames are painted and encoded into chunks."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from recaster.errors import ClipError
from recaster.media.prefetch import prefetch
from recaster.media.reader import read_frames
from recaster.media.writer import ClipWriter
from recaster.swapping.coverage import write_record
from recaster.swapping.render import AHEAD, Renderer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recaster.media.types import ClipInfo
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.render import RenderedFrame
    from recaster.swapping.render_cache import RenderCache
    from recaster.swapping.stage_timer import StageTimer
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import Swapper


@dataclass(frozen=True, eq=False)
class RenderSpec:
    """All that a render has to know but who paints; another process can be told it.

    Attributes:
        clip: the clip.
        info: about it.
        frames: which frames the result holds.
        scene: who is swapped where.
        settings: how.
        parts: where the chunks go.
    """

    clip: Path
    info: ClipInfo
    frames: range
    scene: SwapPlan
    settings: SwapSettings
    parts: RenderCache

    def run(self, run: range, swapper: Swapper, watch: StageTimer, tick: Callable[[], None]) -> None:
        """Render the chunks of a range of frames, one after the other.

        Args:
            run: frames that begin and end with chunks.
            swapper: who paints.
            watch: told where the time goes.
            tick: called after every frame.

        Raises:
            ClipError, OutputError: the clip can't be read, or a chunk not be written.
        """
        renderer = Renderer(self.scene, swapper, self.settings, watch)
        frames = renderer.render(lambda a, b: read_frames(self.clip, a, b, lazy=True), run, self.frames)
        with _one_thread_each(), contextlib.closing(prefetch(frames, AHEAD)) as rendered:
            for chunk in self.parts.within(run):
                self._write(chunk, _ticking(itertools.islice(rendered, len(chunk)), tick), watch)

    def _write(self, chunk: range, rendered: Iterator[RenderedFrame], watch: StageTimer) -> None:
        """Encode one part of the clip and of its matte, and note what was swapped in it."""
        faces, info, writer = [], self.info, self.settings.writer
        with contextlib.ExitStack() as stack:
            # The clip's part is entered first and so finished last: where it is, all else is too.
            picture = stack.enter_context(ClipWriter(self.parts.clip(chunk), info, writer))
            matte = None
            if self.parts.mattes:
                # x264 codes mostly flat pictures with two threads now one way and now another.
                matte = stack.enter_context(ClipWriter(self.parts.matte(chunk), info, writer, threads=1))
            for item in rendered:
                with watch.timing("encode"):
                    picture.write_painted(item.frame, item.patches)
                    if matte is not None:
                        matte.write(cv2.cvtColor(item.matte, cv2.COLOR_GRAY2RGB), item.frame.pts)
                faces.append(item.faces)
            if len(faces) != len(chunk):
                raise ClipError(
                    f"{info.path}: ended before frame {chunk.start + len(faces)} while it was read; "
                    "has it changed? Run the same command again"
                )
            write_record(self.parts.record(chunk), faces)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """OpenCV without threads of its own: stages run side by side, and faces are too small to share out."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _ticking(items: Iterator[RenderedFrame], tick: Callable[[], None]) -> Iterator[RenderedFrame]:
    for item in items:
        yield item
        tick()

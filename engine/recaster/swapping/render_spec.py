"""Picklable description of a render, without the swapper, and the rendering of segments by it."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from recaster.errors import ClipError
from recaster.media.encoders import choose_layer_options
from recaster.media.prefetch import prefetch
from recaster.media.writer import ClipWriter
from recaster.swapping.coverage import write_record
from recaster.swapping.render import PREFETCHED_FRAMES, Renderer
from recaster.swapping.render_cache import CLIP, LAYER, MATTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recaster.media.clip import Clip
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.render import RenderedFrame
    from recaster.swapping.render_cache import RenderCache
    from recaster.swapping.stage_timer import StageTimer
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import Swapper


@dataclass(frozen=True, eq=False)
class RenderSpec:
    """All that a render needs but the swapper; ``frames`` are those of the clip that the result holds."""

    clip: Clip
    frames: range
    plan: SwapPlan
    settings: SwapSettings
    cache: RenderCache

    def render(self, run: range, swapper: Swapper, timer: StageTimer, tick: Callable[[], None]) -> None:
        """Renders the segments of a range of frames that begins and ends with one.

        ``tick`` is called after every frame.
        """
        renderer = Renderer(self.plan, swapper, self.settings, timer)
        frames = renderer.render(self.clip.read, run, self.frames)
        with _single_threaded_opencv(), contextlib.closing(prefetch(frames, PREFETCHED_FRAMES)) as rendered:
            for segment in self.cache.select_segments(run):
                self._write(segment, _ticking(itertools.islice(rendered, len(segment)), tick), timer)

    def _write(self, segment: range, rendered: Iterator[RenderedFrame], timer: StageTimer) -> None:
        """Encodes one segment, its matte and its layers, and notes what was swapped in it."""
        faces = []
        info = self.clip.info
        writer = self.settings.writer
        with contextlib.ExitStack() as stack:
            # The clip's segment is entered first and so finished last: where it is, all else is too.
            picture = stack.enter_context(ClipWriter(self.cache.segment_path(CLIP, segment), info, writer))
            matte = None
            if MATTE in self.cache.products:
                # x264 codes mostly flat pictures with two threads now one way and now another.
                matte_path = self.cache.segment_path(MATTE, segment)
                matte = stack.enter_context(ClipWriter(matte_path, info, writer, threads=1))
            layers = None
            if LAYER in self.cache.products:
                layers_path = self.cache.segment_path(LAYER, segment)
                layers = stack.enter_context(ClipWriter(layers_path, info, choose_layer_options(writer)))
            for item in rendered:
                with timer.timing("encode"):
                    picture.write_painted(item.frame, item.patches)
                    if matte is not None:
                        matte.write(cv2.cvtColor(item.matte, cv2.COLOR_GRAY2RGB), item.frame.pts)
                    if layers is not None:
                        layers.write_layer(item.patches, item.frame.pts)
                faces.append(item.faces)
            if len(faces) != len(segment):
                raise ClipError(
                    f"{info.path}: ended before frame {segment.start + len(faces)} while it was read; "
                    "has it changed? Run the same command again"
                )
            write_record(self.cache.coverage_path(segment), faces)


@contextlib.contextmanager
def _single_threaded_opencv() -> Iterator[None]:
    """Keeps OpenCV from starting threads: stages run side by side, and faces are too small to share out."""
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

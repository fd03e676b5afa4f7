"""Picklable description of a render, without the swapper, and the rendering of segments by it."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import cv2

from recaster.errors import ClipError
from recaster.media.encoders import THREADS, choose_layer_options, choose_matte_options
from recaster.media.picture_file import PICTURE_FORMATS
from recaster.media.picture_writer import PictureWriter
from recaster.media.prefetch import prefetch
from recaster.media.writer import ClipWriter
from recaster.swapping.coverage import write_record
from recaster.swapping.face_layers import LayerDrawer, LayerWriter, assign_slots
from recaster.swapping.mask_clips import NO_MASK_CLIPS
from recaster.swapping.measured_faces import find_read_frames
from recaster.swapping.overlay import describe_overlay
from recaster.swapping.render import PREFETCHED_FRAMES, Renderer
from recaster.swapping.render_cache import CLIP, LAYER, MATTE, OVERLAY, name_role_matte
from recaster.swapping.segment_digests import digest_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from recaster.media.clip import Clip
    from recaster.media.types import ClipInfo
    from recaster.settings.encoding import WriterOptions
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.casting import CastSwapper
    from recaster.swapping.render import RenderedFrame
    from recaster.swapping.render_cache import RenderCache
    from recaster.swapping.stage_timer import StageTimer
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import Swapper


class RenderRun(NamedTuple):
    """Part of a plan that is needed to render the segments of a range of frames, with their digests."""

    frames: range
    plan: SwapPlan
    digests: Mapping[range, str]


@dataclass(frozen=True, eq=False)
class RenderSpec:
    """All that a render needs but the swapper.

    Attributes:
        frames: those of the clip that the result holds.
        digests: of the segments' parts of the plan, kept with them.
        slots: by which layers of faces are named.
    """

    clip: Clip
    frames: range
    plan: SwapPlan
    settings: SwapSettings
    cache: RenderCache
    digests: Mapping[range, str]
    slots: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, clip: Clip, frames: range, plan: SwapPlan, settings: SwapSettings, cache: RenderCache
    ) -> RenderSpec:
        """Describes the render of a plan."""
        slots = assign_slots(plan) if settings.layers else ()
        digests = digest_segments(plan, cache.segments, frames, settings, slots)
        return cls(clip, frames, plan, settings, cache, digests, slots)

    def without_faces(self) -> RenderSpec:
        """All of it that holds for any frames."""
        plan = replace(self.plan.part(range(0)), masks=replace(self.plan.masks, digests={}))
        return replace(self, plan=plan, cache=replace(self.cache, segments=()), digests={})

    def cut(self, run: range) -> RenderRun:
        """Cuts out of a plan all that segments of a range of frames need beside ``without_faces``."""
        read = find_read_frames(self.plan, self.settings, run, self.frames)
        segments = tuple(self.cache.select_segments(run))
        digests = {segment: self.digests[segment] for segment in segments}
        return RenderRun(run, replace(self.plan.part(read), masks=NO_MASK_CLIPS), digests)

    def with_faces(self, run: RenderRun) -> RenderSpec:
        """Adds to what holds for any frames what ``cut`` has of some."""
        plan = replace(run.plan, masks=self.plan.masks)
        return replace(
            self, plan=plan, cache=replace(self.cache, segments=tuple(run.digests)), digests=run.digests
        )

    def render(
        self, run: range, swapper: Swapper | CastSwapper, timer: StageTimer, tick: Callable[[], None]
    ) -> None:
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
        picture: ClipWriter | PictureWriter
        with contextlib.ExitStack() as stack:
            # The clip's segment is entered first and so finished last: where it is, all else is too.
            picture = stack.enter_context(make_writer(self.cache.segment_path(CLIP, segment), info, writer))
            mattes = self._open_mattes(segment, stack)
            write_layers = self._open_layers(segment, stack)
            outlined: ClipWriter | None = None
            if OVERLAY in self.cache.products:
                path = self.cache.segment_path(OVERLAY, segment)
                outlined = stack.enter_context(ClipWriter(path, describe_overlay(info), threads=1))
            for item in rendered:
                with timer.timing("encode"):
                    picture.write_painted(item.frame, item.patches)
                    for role, matte in mattes.items():
                        shown = item.matte if role is None else item.role_mattes[role]
                        matte.write_matte(item.frame, shown)
                    if write_layers is not None:
                        write_layers(item)
                    if outlined is not None:
                        outlined.write_matte(item.frame, item.matte)
                faces.append(item.faces)
            if len(faces) != len(segment):
                raise ClipError(
                    f"{info.path}: ended before frame {segment.start + len(faces)} while it was read; "
                    "has it changed? Run the same command again"
                )
            write_record(self.cache.coverage_path(segment), faces, self.digests[segment])

    def _open_mattes(
        self, segment: range, stack: contextlib.ExitStack
    ) -> dict[int | None, ClipWriter | PictureWriter]:
        """Opens a segment's mattes for writing: that of all, by None, and those of roles by their numbers."""
        if self.settings.matte is None:
            return {}
        how = choose_matte_options(self.settings.matte, self.settings.writer)
        products = {None: MATTE} | {role: name_role_matte(role) for role in self.plan.matte_roles}
        # x264 codes mostly flat pictures with two threads now one way and now another.
        return {
            role: stack.enter_context(
                make_writer(self.cache.segment_path(product, segment), self.clip.info, how, threads=1)
            )
            for role, product in products.items()
        }

    def _open_layers(
        self, segment: range, stack: contextlib.ExitStack
    ) -> Callable[[RenderedFrame], None] | None:
        """Opens a segment's layers for writing; returns what writes those of a frame, None for no layers."""
        settings = self.settings
        if settings.layers_out is None or LAYER not in self.cache.products:
            return None
        path = self.cache.segment_path(LAYER, segment)
        options = choose_layer_options(settings.layers_out, settings.writer)
        if path.suffix in PICTURE_FORMATS:
            drawer = LayerDrawer(settings.layers, self.slots, settings.label)
            return stack.enter_context(LayerWriter(path, self.clip, options, drawer)).write_rendered
        writer = stack.enter_context(ClipWriter(path, self.clip.info, options))
        premultiplied = settings.layers_alpha == "premultiplied"
        return lambda item: writer.write_layer(item.patches, item.frame.pts, premultiplied=premultiplied)


def make_writer(
    path: Path, info: ClipInfo, options: WriterOptions, threads: int = THREADS
) -> contextlib.AbstractContextManager[ClipWriter | PictureWriter]:
    """Makes the writer of a segment: a file, or a folder of pictures."""
    if path.suffix in PICTURE_FORMATS:
        return PictureWriter(path, info, options)
    return ClipWriter(path, info, options, threads)


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

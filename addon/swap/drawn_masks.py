# SPDX-License-Identifier: GPL-3.0-or-later
"""Masks that artists drew in Blender: rendered as grey pictures of a strip's frames, for the engine.

The first frame of a mask (its *Start*) is the first of the strip's file, as in the Clip Editor, and as a mask
strip plays it that begins where the file would.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from .. import compat
from ..config import cache_folder
from ..translations import translate
from . import mask_strips
from .lone_strips import list_rendered, mend_corners, render_in_steps, render_scene, write_grey
from .mask_facts import MaskFacts, MaskWatch
from .source_range import StripError, plain_length
from .strip_pictures import ZIP_SUFFIX, pack_strip_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from recaster.client import Client

    from ..engine.connection import BackgroundWork
    from .source_range import SourceRange
    from .strip_choices import StripChoices

KINDS = ("keep_out", "keep_in")
"""Choices on a strip that are masks, as the engine's options call them."""
CHANGED = "A mask was changed while it was rendered, or what it lies over: swap it again"
FIRST_FRAME = 1
"""Frame of the timeline at which a mask is rendered from its first frame on."""


class DrawnMasks(NamedTuple):
    """Rendered masks; no strip needs Blender's data for them any more.

    Attributes:
        rendered: by kind what lists a mask's pictures, for threads: it may make them of what was rendered.
        folder: of all files; gone with the last that knows these masks, or with ``delete``.
        source: the frames that they are of.
        facts: what they were rendered of; None for no masks.
    """

    rendered: tuple[tuple[str, Callable[[], list[Path]]], ...] = ()
    folder: tempfile.TemporaryDirectory[str] | None = None
    source: SourceRange | None = None
    facts: MaskFacts | None = None

    def are_of(self, strip: Any, choices: StripChoices, source: SourceRange) -> bool:
        """Tells if masks that are rendered for a strip anew would be these."""
        if self.facts is None or self.source != source:
            return False
        return MaskFacts.of(strip, choices, KINDS).is_same_as(self.facts)

    def delete(self) -> None:
        """Deletes all files: nobody needs them any more."""
        if self.folder is not None:
            self.folder.cleanup()

    def pack(self) -> Iterator[tuple[str, Path]]:
        """Packs the pictures of one mask after the other, as zips; for threads."""
        for kind, list_pictures in self.rendered:
            packed = Path(self.folder.name) / f"{kind}{ZIP_SUFFIX}"
            pack_strip_pictures(list_pictures(), packed)
            yield kind, packed


class MaskChoice(NamedTuple):
    """The choice of a mask, as plain data for threads.

    Attributes:
        name: of the mask, or of the mask strip.
        over: the strip that a mask strip lies over, which shares no result with others; "" for a mask.
    """

    name: str
    over: str = ""

    @classmethod
    def of(cls, strip: Any, kind: str) -> MaskChoice | None:
        """Reads a strip's choice of a kind (``KINDS``); None for none."""
        own = strip.recaster
        if getattr(own, f"{kind}_from") == "strip":
            name = getattr(own, f"{kind}_strip")
            return cls(name, strip.name) if name else None
        mask = getattr(own, kind)
        return cls(mask.name) if mask else None


def has_masks(choices: StripChoices) -> bool:
    """Tells if masks are chosen for a strip."""
    return any(getattr(choices, kind) for kind in KINDS)


def render_masks(strip: Any, choices: StripChoices, source: SourceRange) -> DrawnMasks:
    """Renders the masks that are chosen for a strip in one go, while Blender waits; see ``render_steps``."""
    steps = render_steps(lambda: strip, choices, source)
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            made: DrawnMasks = ended.value
            return made


def render_steps(
    find: Callable[[], Any], choices: StripChoices, source: SourceRange
) -> Generator[tuple[int, int], None, DrawnMasks]:
    """Renders the masks that are chosen for a strip, for frames of its file, a few of them a step.

    Blender's data belong to its main thread, which is busy in each step. Between them all data are as they
    were, and may be changed; but for the masks and where they lie.

    Args:
        find: returns the strip; where it isn't there any more, it raises StripError.
        choices: its choices.
        source: the frames.

    Yields:
        How many frames are done, and how many there are in all.

    Raises:
        StripError: a mask isn't there any more, can't be rendered, or was changed between two steps.
    """
    chosen = [(kind, choice) for kind in KINDS if (choice := getattr(choices, kind))]
    if not chosen:
        return DrawnMasks()
    strip = find()
    first = _first_index(strip, source)
    count = plain_length(strip, strip.id_data) if source.count is None else source.count
    frames = range(first, first + count)
    size = _size_of(strip)
    watch = MaskWatch(lambda: MaskFacts.of(find(), choices, KINDS))
    cache = cache_folder() / "masks"
    cache.mkdir(parents=True, exist_ok=True)
    folder = tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True)
    rendered = []
    with contextlib.ExitStack() as unless_done:
        unless_done.callback(folder.cleanup)
        for number, (kind, choice) in enumerate(chosen):
            render = mask_strips.render_mask_strip if choice.over else _render_mask
            steps = render(choice.name, find, size, frames, Path(folder.name) / kind)
            while True:
                try:
                    done = number * count + next(steps)
                except StopIteration as ended:
                    rendered.append((kind, ended.value))
                    break
                watch.note_step()
                yield done, len(chosen) * count
                if watch.was_changed():
                    raise StripError(translate(CHANGED))
        unless_done.pop_all()
    return DrawnMasks(tuple(rendered), folder, source, watch.facts)


def _first_index(strip: Any, source: SourceRange) -> int:
    """The place of a range's first frame in its file, or among the pictures of its strip (StripError)."""
    if not source.pictures:
        return source.first
    name = source.files[0].name
    for index, element in enumerate(strip.elements):
        if element.filename == name:
            return index
    text = "The picture {name} isn't in the strip any more: swap it again"
    raise StripError(translate(text, name=name))


def upload_masks(client: Client, work: BackgroundWork, masks: DrawnMasks, options: Any) -> None:
    """Brings rendered masks to the engine and names them in the options of a swap; for threads."""
    for kind, packed in masks.pack():
        setattr(options, kind, client.take_clip(packed, work.report))


def _size_of(strip: Any) -> tuple[int, int]:
    """Width and height of a strip's pictures."""
    element = strip.elements[0] if strip.elements else None
    size = (0, 0) if element is None else (element.orig_width, element.orig_height)
    if not all(size):
        raise StripError(
            translate("Show the strip once: the size of its pictures isn't known ({strip})", strip=strip.name)
        )
    return size


def _render_mask(
    name: str, _find: Callable[[], Any], size: tuple[int, int], frames: range, folder: Path
) -> Generator[int, None, Callable[[], list[Path]]]:
    """Renders a mask for frames of a file in steps (StripError: it is gone, or can't be rendered)."""

    def render(some: range) -> None:
        mask = bpy.data.masks.get(name)
        if mask is None:
            raise StripError(translate("Choose another mask: {name} isn't in this file any more", name=name))
        with _scene_of(mask, size, some) as scene:
            render_scene(scene, folder)

    yield from render_in_steps(frames, render)
    pictures = list_rendered(folder)
    if len(pictures) != len(frames):
        raise StripError(
            translate("The mask {name} could not be rendered: render it once yourself", name=name)
        )
    return lambda: mend_corners(pictures)


@contextlib.contextmanager
def _scene_of(mask: Any, size: tuple[int, int], frames: range) -> Iterator[Any]:
    """A scene that shows a mask alone, as grey; gone afterwards."""
    scene = bpy.data.scenes.new("Recaster mask")
    end = mask.frame_end
    try:
        # Beyond its end a mask strip stands still, and so it does in its last frame.
        mask.frame_end = max(end, mask.frame_start + frames.stop)
        strip = compat.new_mask(scene.sequence_editor_create(), mask, FIRST_FRAME)
        compat.set_handles(strip, FIRST_FRAME, FIRST_FRAME + frames.stop)
        write_grey(scene, size, range(FIRST_FRAME + frames.start, FIRST_FRAME + frames.stop))
        yield scene
    finally:
        mask.frame_end = end
        bpy.data.scenes.remove(scene)

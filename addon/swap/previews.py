# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews of a strip before its swap: the people in it, and one frame swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import images, messages
from ..config import cache_folder, is_loopback
from ..engine import session
from ..state import addon_state
from ..translations import translate
from .cast import show_cast, take_people
from .drawn_masks import render_masks, upload_masks
from .source_range import SourceRange, StripError, file_frame, is_known, source_range_of
from .strip_choices import StripChoices, bring_faces, check_choices, to_swap_options
from .strip_corrections import correction_options, upload_corrections
from .tasks import every_strip
from .uploads import upload_range

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from ..engine.connection import BackgroundWork
    from ..png_reader import Picture

FIND_PEOPLE_TIMEOUT_S = 330.0
"""Seconds that a look at a whole strip may take; asked again, it goes on where it was."""


Tracks = tuple[int, ...]
MAX_PEOPLE = 60
"""So many people are shown, the main one first."""
MAX_MONITOR_PIXELS = 1920 * 1088
"""Pixels of a preview in the monitor; of larger ones every second or third row and column."""

MAX_KEPT = 4
"""Previews of strips whose pictures are kept; one takes some 8 MB, and as much of the graphics card's."""


class StripView:
    """Findings about a strip.

    Attributes:
        people: pictures of the people in it, the main one first.
        tracks: numbers of their tracks, by those pictures.
        preview: a file with the frame that was previewed, as it was swapped.
        picture: the same decoded, for the monitor.
        frame: the frame of the timeline that it is of.
        index: the frame of the strip's file.
        previewed: what was chosen for it.
        corrections: the digest of the corrections that it was made with.
        warnings: what the engine had to say of it.
        trouble: what went wrong, and what to do.
        work: what is being found out now.
        preview_work: what swaps, or swapped, a frame.
    """

    def __init__(self) -> None:
        self.people: list[Path] = []
        self.tracks: dict[str, Tracks] = {}
        self.preview: Path | None = None
        self.picture: Picture | None = None
        self.frame: int = 0
        self.index: int = -1
        self.previewed: StripChoices | None = None
        self.corrections: str = ""
        self.warnings: tuple[str, ...] = ()
        self.trouble: str = ""
        self.work: BackgroundWork | None = None
        self.preview_work: BackgroundWork | None = None

    @property
    def is_swapping(self) -> bool:
        """Tells if a frame is being swapped."""
        return self.work is not None and self.work is self.preview_work

    @property
    def icon(self) -> str:
        """The name of the preview among the pictures."""
        return f"preview {id(self)}"


def view_of(strip: Any) -> StripView:
    """Returns the findings about a strip's files."""
    files = (strip.filepath,) if strip.type == "MOVIE" else (strip.directory, strip.elements[0].filename)
    return addon_state.strip_views.setdefault((strip.name, *files), StripView())


def forget_all() -> None:
    """Another file was opened."""
    addon_state.strip_views.clear()
    addon_state.monitor.previews.clear()


def find_people(strip: Any, scene: Any) -> None:
    """Looks who is in a strip, in a thread (StripError)."""
    source = source_range_of(strip, scene, strip.recaster.handles)
    place = (scene.name, strip.name)

    def do(client: Client, work: BackgroundWork, local: bool, cache: Path) -> dict[Path, Tracks]:
        from recaster.api.v1 import clip_pb2

        uploaded = upload_range(client, work, source, cache / "clips", local)
        work.report(_update("Looking for people"))
        request = clip_pb2.FindPeopleRequest(clip_id=uploaded.clip.clip_id, range=uploaded.range)
        if digest := upload_corrections(client, source, uploaded):
            request.corrections = digest
        found = client.connection.call(client.clips.FindPeople, request, FIND_PEOPLE_TIMEOUT_S).people
        shown = [one for one in found if one.portrait][:MAX_PEOPLE]
        return {images.keep(one.portrait, cache / "people", ".jpg"): tuple(one.tracks) for one in shown}

    def done(about: StripView, found: dict[Path, Tracks]) -> None:
        about.people = list(found)
        about.tracks = {str(path): tracks for path, tracks in found.items()}
        for path in found:
            images.load(path)
        if not found:
            about.trouble = translate("Nobody's face was found in {name}", name=source.name)
        for each, one in every_strip():  # undo may have made others of them
            if found and (each.name, one.name) == place and view_of(one) is about:
                take_people(one, list(about.tracks))
                session.push_undo_step(translate("Recaster: Find People"))

    run_for_view(view_of(strip), translate("Looking for people"), do, done)


def preview_frame(strip: Any, scene: Any, frame: int) -> None:
    """Swaps the frame that a strip shows at ``frame``, in a thread (StripError)."""
    source = source_range_of(strip, scene, strip.recaster.handles)
    index = file_frame(strip, scene, frame)
    choices = StripChoices.of(strip)
    corrections = strip.recaster.corrections
    check_choices(choices, source)
    place = frame_in_range(source, index, strip)
    masks = render_masks(strip, choices, source._replace(first=index, count=1, files=source.files[place:]))

    def do(client: Client, work: BackgroundWork, local: bool, cache: Path) -> tuple[Any, ...]:
        from recaster.api.v1 import swap_pb2

        uploaded = upload_range(client, work, source, cache / "clips", local)
        work.report(_update("Swapping a frame"))
        options = to_swap_options(client, choices, uploaded.range)
        options.MergeFrom(correction_options(client, source, uploaded))
        upload_masks(client, work, masks, options)
        masks.delete()
        request = swap_pb2.PreviewFrameRequest(
            clip_id=uploaded.clip.clip_id,
            frame=uploaded.frames[min(place, len(uploaded.frames) - 1)],
            options=options,
            **bring_faces(client, choices),
        )
        answer = client.preview(request, work.check)
        picture = images.read(answer.png).fit(MAX_MONITOR_PIXELS)
        kept = images.keep(answer.png, cache / "previews", ".png")
        warnings = tuple(messages.plain(one) for one in answer.warnings)
        return kept, warnings, picture, picture.fit(images.MAX_ICON_PIXELS).floats()

    def done(about: StripView, found: tuple[Any, ...]) -> None:
        about.preview, about.warnings, about.picture, small = found
        about.frame = frame
        about.index = index
        about.previewed = choices
        about.corrections = corrections
        _forget_older(about)
        images.draw_pixels(about.icon, small)
        images.show_in_editors(about.preview)
        session.redraw_previews()

    about = view_of(strip)
    run_for_view(about, translate("Swapping frame {frame}", frame=frame), do, done)
    about.preview_work = about.work


def _forget_older(about: StripView) -> None:
    """Lets go of the pictures of all previews but the last few."""
    state = addon_state.monitor
    kept = [*(one for one in state.previews if one is not about), about]
    for one in kept[:-MAX_KEPT]:
        one.picture = one.preview = one.previewed = None
        state.textures.pop(one.icon, None)
        images.forget(one.icon)
    state.previews = kept[-MAX_KEPT:]


def why_stale(strip: Any, scene: Any) -> str:
    """Says why a preview isn't what the strip would look like now; "" where it is."""
    about = view_of(strip)
    try:
        if (about.previewed, about.corrections) != (StripChoices.of(strip), strip.recaster.corrections):
            return translate("The settings have changed since")
        is_here = is_known(strip, scene) and about.index == file_frame(strip, scene, scene.frame_current)
    except StripError as error:
        return str(error)
    return "" if is_here else translate("The playhead is at another frame")


def stop(about: StripView) -> None:
    """Stops what is being found out about a strip; whatever comes of it is dropped."""
    if about.work is not None:
        about.work.stop()
        about.work = None
        session.redraw_previews()


def show_all() -> None:
    """Loads the pictures of all people who are chosen in the file."""
    for _, strip in every_strip():
        show_cast(strip)


def frame_in_range(source: SourceRange, index: int, strip: Any) -> int:
    """Returns the place of frame ``index`` of a strip's file among the frames of its source range."""
    if not source.pictures:
        return index - source.first
    wanted = strip.elements[min(index, len(strip.elements) - 1)].filename
    return next((at for at, path in enumerate(source.files) if path.name == wanted), 0)


def run_for_view(about: Any, title: str, do: Any, done: Any) -> None:
    """Does something for findings, in a thread; newer work replaces older.

    Args:
        about: findings with ``work`` and ``trouble``.
        title: of the work.
        do: takes the client, the work, whether the engine is on this machine, and a folder for files.
        done: takes the findings and what came of it.
    """
    connection = addon_state.connection
    if connection is None:
        about.trouble = session.engine_state().trouble
        return
    if about.work is not None:
        about.work.stop()
    cache = cache_folder()
    local = is_loopback(connection.address.target)

    def settled(found: Any) -> None:
        if about.work is work:  # else something newer is being looked for
            about.work = None
            done(about, found)

    def failed(error: Exception) -> None:
        if about.work is work:
            about.work = None
            about.trouble = messages.of_error(error)
            session.redraw_previews()

    about.trouble = ""
    about.work = work = connection.run(
        title, lambda client, own: do(client, own, local, cache), settled, failed
    )


def _update(stage: str) -> Any:
    from recaster.progress import Update

    return Update(stage, 0, None, "")

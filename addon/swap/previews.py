# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews of a strip before its swap: the people in it, and one frame swapped."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import images, messages
from ..config import cache_folder, is_loopback
from ..engine import session
from ..state import addon_state
from .cast import show_cast
from .drawn_masks import render_masks, upload_masks
from .portraits import encode_portrait
from .source_range import SourceRange, StripError, file_frame, source_range_of
from .strip_choices import StripChoices, bring_faces, check_choices, person_file, to_swap_options
from .strip_corrections import correction_options, upload_corrections
from .tasks import every_strip
from .uploads import upload_range

if TYPE_CHECKING:
    from recaster.client import Client

    from ..engine.connection import BackgroundWork

FIND_PEOPLE_TIMEOUT_S = 330.0
"""Seconds that a look at a whole strip may take; asked again, it goes on where it was."""


Tracks = tuple[int, ...]
MAX_PEOPLE = 60
"""So many people are shown, the main one first."""


@dataclass
class StripView:
    """Findings about a strip.

    Attributes:
        people: pictures of the people in it, the main one first.
        tracks: numbers of their tracks, by those pictures.
        preview: a file with the frame that was previewed, as it was swapped.
        frame: the frame of the timeline that it is of.
        previewed: what was chosen for it.
        warnings: what the engine had to say of it.
        trouble: what went wrong, and what to do.
        work: what is being found out now.
    """

    people: list[Path] = field(default_factory=list)
    tracks: dict[str, Tracks] = field(default_factory=dict)
    preview: Path | None = None
    frame: int = 0
    previewed: StripChoices | None = None
    warnings: tuple[str, ...] = ()
    trouble: str = ""
    work: BackgroundWork | None = None

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


def find_people(strip: Any, scene: Any) -> None:
    """Looks who is in a strip, in a thread (StripError)."""
    source = source_range_of(strip, scene, strip.recaster.handles)

    def do(client: Client, work: BackgroundWork, local: bool, cache: Path) -> dict[Path, Tracks]:
        from recaster.api.v1 import clip_pb2

        uploaded = upload_range(client, work, source, cache / "clips", local)
        work.report(_update("looking for people"))
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
            about.trouble = f"Nobody's face was found in {source.name}"

    run_for_view(view_of(strip), "Looking for people", do, done)


def preview_frame(strip: Any, scene: Any, frame: int) -> None:
    """Swaps the frame that a strip shows at ``frame``, in a thread (StripError)."""
    source = source_range_of(strip, scene, strip.recaster.handles)
    index = file_frame(strip, scene, frame)
    choices = StripChoices.of(strip)
    check_choices(choices, source)
    place = frame_in_range(source, index, strip)
    masks = render_masks(strip, choices, replace(source, first=index, count=1, files=source.files[place:]))

    def do(client: Client, work: BackgroundWork, local: bool, cache: Path) -> tuple[Path, tuple[str, ...]]:
        from recaster.api.v1 import swap_pb2

        uploaded = upload_range(client, work, source, cache / "clips", local)
        work.report(_update("swapping a frame"))
        options = to_swap_options(client, choices, uploaded.range)
        options.MergeFrom(correction_options(client, source, uploaded))
        upload_masks(client, work, masks, options)
        request = swap_pb2.PreviewFrameRequest(
            clip_id=uploaded.clip.clip_id,
            frame=uploaded.frames[min(place, len(uploaded.frames) - 1)],
            options=options,
            **bring_faces(client, choices),
        )
        answer = client.preview(request)
        return images.keep(answer.png, cache / "previews", ".png"), tuple(
            messages.plain(one) for one in answer.warnings
        )

    def done(about: StripView, found: tuple[Path, tuple[str, ...]]) -> None:
        about.preview, about.warnings = found
        about.frame = frame
        about.previewed = choices
        images.draw(about.icon, about.preview)
        images.show_in_editors(about.preview)

    run_for_view(view_of(strip), "Swapping a frame", do, done)


def why_stale(strip: Any, scene: Any) -> str:
    """Says why a preview isn't what the strip would look like now; "" where it is."""
    about = view_of(strip)
    try:
        if about.previewed != StripChoices.of(strip):
            return "The settings have changed since"
    except StripError as error:
        return str(error)
    return "" if about.frame == scene.frame_current else "The playhead is at another frame"


def stop(strip: Any) -> None:
    """Stops what is being found out about a strip; whatever comes of it is dropped."""
    about = view_of(strip)
    if about.work is not None:
        about.work.stop()
        about.work = None


def choose_person(strip: Any, person: str) -> None:
    """Lets a person be swapped, by their picture; "" for the main one. The .blend keeps it, too."""
    own = strip.recaster
    own.person = person
    own.everyone = False
    own.portrait = encode_portrait(Path(person)) if person else ""
    show_person(strip)


def show_person(strip: Any) -> None:
    """Loads the picture of whom a strip's swap is of, so that panels can show it."""
    with contextlib.suppress(StripError, OSError):
        path = person_file(strip)
        if path is not None:
            images.draw(portrait_icon(strip), path)


def portrait_icon(strip: Any) -> str:
    """The name of the chosen person's picture among the pictures."""
    return f"person {strip.recaster.person}"


def show_all() -> None:
    """Loads the pictures of all people who are chosen in the file."""
    for _, strip in every_strip():
        if strip.recaster.person:
            show_person(strip)
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

    about.trouble = ""
    about.work = work = connection.run(
        title, lambda client, own: do(client, own, local, cache), settled, failed
    )


def _update(stage: str) -> Any:
    from recaster.progress import Update

    return Update(stage, 0, None, "")

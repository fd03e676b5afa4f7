# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is seen in a strip, and one frame of it swapped: what helps to choose before a swap."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import images, messages
from ..config import cache_folder, is_loopback
from ..engine import session
from .source_range import Shot, ShotError, bring, file_frame, shot_of
from .strip_choices import Choice, face_of, options_of, person_file, portrait_of
from .tasks import every_strip

if TYPE_CHECKING:
    from recaster.client import Client

    from ..engine.connection import Work

LOOK_S = 330.0
"""Seconds that a look at a whole strip may take; asked again, it goes on where it was."""


MAX_PEOPLE = 60
"""So many people are shown, the main one first."""


@dataclass
class Seen:
    """What was found out about a strip.

    Attributes:
        people: pictures of the people in it, the main one first.
        preview: a file with the frame that was previewed, as it was swapped.
        frame: the frame of the timeline that it is of.
        previewed: what was chosen for it.
        warnings: what the engine had to say of it.
        trouble: what went wrong, and what to do.
        work: what is being found out now.
    """

    people: list[Path] = field(default_factory=list)
    preview: Path | None = None
    frame: int = 0
    previewed: Choice | None = None
    warnings: tuple[str, ...] = ()
    trouble: str = ""
    work: Work | None = None

    @property
    def icon(self) -> str:
        """The name of the preview among the pictures."""
        return f"preview {id(self)}"


_seen: dict[tuple[str, ...], Seen] = {}


def seen(strip: Any) -> Seen:
    """What is known of a strip's files."""
    files = (strip.filepath,) if strip.type == "MOVIE" else (strip.directory, strip.elements[0].filename)
    return _seen.setdefault((strip.name, *files), Seen())


def forget_all() -> None:
    """Another file was opened."""
    _seen.clear()


def find_people(strip: Any, scene: Any) -> None:
    """Look who is in a strip, in a thread (ShotError)."""
    shot = shot_of(strip, scene, strip.recaster.handles)

    def do(client: Client, work: Work, local: bool, cache: Path) -> list[Path]:
        from recaster.api.v1 import clip_pb2

        brought = bring(client, work, shot, cache / "clips", local)
        work.report(_update("looking for people"))
        request = clip_pb2.FindPeopleRequest(clip_id=brought.clip.clip_id, range=brought.range)
        found = client.connection.call(client.clips.FindPeople, request, LOOK_S).people
        seen = [one.portrait for one in found if one.portrait][:MAX_PEOPLE]
        return [images.keep(one, cache / "people", ".jpg") for one in seen]

    def done(about: Seen, found: list[Path]) -> None:
        about.people = found
        for path in found:
            images.load(path)
        if not found:
            about.trouble = f"Nobody's face was found in {shot.name}"

    _find(strip, "Looking for people", do, done)


def preview(strip: Any, scene: Any, frame: int) -> None:
    """Swap the frame that a strip shows at ``frame``, in a thread (ShotError)."""
    shot = shot_of(strip, scene, strip.recaster.handles)
    index, choice = file_frame(strip, scene, frame), Choice.of(strip)
    whose = face_of(choice)
    place = frame_in_shot(shot, index, strip)

    def do(client: Client, work: Work, local: bool, cache: Path) -> tuple[Path, tuple[str, ...]]:
        from recaster.api.v1 import swap_pb2

        brought = bring(client, work, shot, cache / "clips", local)
        work.report(_update("swapping a frame"))
        request = swap_pb2.PreviewFrameRequest(
            clip_id=brought.clip.clip_id,
            frame=brought.frames[min(place, len(brought.frames) - 1)],
            options=options_of(client, choice, brought.range),
            **whose,
        )
        answer = client.preview(request)
        return images.keep(answer.png, cache / "previews", ".png"), tuple(
            messages.plain(one) for one in answer.warnings
        )

    def done(about: Seen, found: tuple[Path, tuple[str, ...]]) -> None:
        about.preview, about.warnings = found
        about.frame, about.previewed = frame, choice
        images.draw(about.icon, about.preview)
        images.show_in_editors(about.preview)

    _find(strip, "Swapping a frame", do, done)


def stale(strip: Any, scene: Any) -> str:
    """Why a preview isn't what the strip would look like now; "" where it is."""
    about = seen(strip)
    try:
        if about.previewed != Choice.of(strip):
            return "The settings have changed since"
    except ShotError as error:
        return str(error)
    return "" if about.frame == scene.frame_current else "The playhead is at another frame"


def stop(strip: Any) -> None:
    """Stop what is being found out about a strip; whatever comes of it is dropped."""
    about = seen(strip)
    if about.work is not None:
        about.work.stop()
        about.work = None


def choose_person(strip: Any, person: str) -> None:
    """Let a person be swapped, by their picture; "" for the main one. The .blend keeps it, too."""
    own = strip.recaster
    own.person, own.everyone = person, False
    own.portrait = portrait_of(Path(person)) if person else ""
    show_person(strip)


def show_person(strip: Any) -> None:
    """Load the picture of whom a strip's swap is of, so that panels can show it."""
    with contextlib.suppress(ShotError, OSError):
        path = person_file(strip)
        if path is not None:
            images.draw(portrait_icon(strip), path)


def portrait_icon(strip: Any) -> str:
    """The name of the chosen person's picture among the pictures."""
    return f"person {strip.recaster.person}"


def show_all() -> None:
    """Load the pictures of all people who are chosen in the file."""
    for _, strip in every_strip():
        if strip.recaster.person:
            show_person(strip)


def frame_in_shot(shot: Shot, index: int, strip: Any) -> int:
    """Where the frame ``index`` of a strip's file is among the frames of its shot."""
    if not shot.pictures:
        return index - shot.first
    wanted = strip.elements[min(index, len(strip.elements) - 1)].filename
    return next((at for at, path in enumerate(shot.files) if path.name == wanted), 0)


def _find(strip: Any, title: str, do: Any, done: Any) -> None:
    link, about = session.link(), seen(strip)
    if link is None:
        about.trouble = session.snapshot().trouble
        return
    if about.work is not None:
        about.work.stop()
    cache, local = cache_folder(), is_loopback(link.address.target)

    def settled(found: Any) -> None:
        if about.work is work:  # else something newer is being looked for
            about.work = None
            done(about, found)

    def failed(error: Exception) -> None:
        if about.work is work:
            about.work, about.trouble = None, messages.of_error(error)

    about.trouble = ""
    about.work = work = link.run(title, lambda client, own: do(client, own, local, cache), settled, failed)


def _update(stage: str) -> Any:
    from recaster.progress import Update

    return Update(stage, 0, None, "")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is seen in a strip, and one frame of it swapped: what helps to choose before a swap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import pictures, session
from .choices import Choice, face_of, options_of
from .preferences import cache_folder, loopback
from .shots import Shot, bring, file_frame, shot_of

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from .link import Work

LOOK_S = 330.0
"""Seconds that a look at a whole strip may take; asked again, it goes on where it was."""


@dataclass
class Seen:
    """What was found out about a strip.

    Attributes:
        people: pictures of the people in it, the main one first.
        preview: a file with the frame that was previewed, as it was swapped.
        warnings: what the engine had to say of it.
        trouble: what went wrong, and what to do.
        work: what is being found out now.
    """

    people: list[Path] = field(default_factory=list)
    preview: Path | None = None
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
        return [pictures.keep(one.portrait, cache / "people", ".jpg") for one in found]

    def done(about: Seen, found: list[Path]) -> None:
        about.people = found
        for path in found:
            pictures.load(path)
        if not found:
            about.trouble = f"{shot.name}: nobody's face was found"

    _find(strip, "Looking for people", do, done)


def preview(strip: Any, scene: Any, frame: int) -> None:
    """Swap the frame that a strip shows at ``frame``, in a thread (ShotError)."""
    shot = shot_of(strip, scene, strip.recaster.handles)
    index, choice = file_frame(strip, scene, frame), Choice.of(strip)
    place = frame_in_shot(shot, index, strip)

    def do(client: Client, work: Work, local: bool, cache: Path) -> tuple[Path, tuple[str, ...]]:
        from recaster.api.v1 import swap_pb2

        brought = bring(client, work, shot, cache / "clips", local)
        work.report(_update("swapping a frame"))
        request = swap_pb2.PreviewFrameRequest(
            clip_id=brought.clip.clip_id,
            frame=brought.frames[min(place, len(brought.frames) - 1)],
            options=options_of(client, choice, brought.range),
            **face_of(choice),
        )
        answer = client.preview(request)
        return pictures.keep(answer.png, cache / "previews", ".png"), tuple(answer.warnings)

    def done(about: Seen, found: tuple[Path, tuple[str, ...]]) -> None:
        about.preview, about.warnings = found
        pictures.draw(about.icon, about.preview)
        pictures.show_in_editors(about.preview)

    _find(strip, "Swapping a frame", do, done)


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
    cache, local = cache_folder(), loopback(link.address.target)

    def settled(found: Any) -> None:
        if about.work is work:  # else something newer is being looked for
            about.work = None
            done(about, found)

    def failed(error: Exception) -> None:
        if about.work is work:
            about.work, about.trouble = None, str(error)

    about.trouble = ""
    about.work = work = link.run(title, lambda client, own: do(client, own, local, cache), settled, failed)


def _update(stage: str) -> Any:
    from recaster.progress import Update

    return Update(stage, 0, None, "")

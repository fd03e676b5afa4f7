# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracks of strips: listed and corrected at the engine, and where their faces are in each frame."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from .. import compat, messages
from ..engine import session
from ..state import addon_state
from ..swap import cast, strip_corrections
from ..swap.previews import run_for_view
from ..swap.previews import view_of as strip_view_of
from ..swap.source_range import StripError, source_range_of
from ..swap.strip_corrections import shift_of
from ..swap.uploads import upload_range
from ..translations import translate
from .findings import Dragged, FoundTracks, MendView, TrackView, TroubleView, WantedCorrection

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.api.v1 import clip_pb2
    from recaster.client import Client
    from recaster.settings.corrections import Corrections

    from ..engine.connection import BackgroundWork
    from ..swap.source_range import SourceRange
    from ..swap.uploads import UploadedRange
    from .geometry import FaceBox

LIST_TIMEOUT_S = 330.0
"""Seconds that a look at a whole strip may take; asked again, it goes on where it was."""
MAX_POINT_FRAMES = 100
MAX_NAME_LETTERS = 64


def view_of(strip: Any) -> MendView:
    """Returns the findings about a strip's file."""
    return addon_state.mend_views.setdefault((strip.name, getattr(strip, "filepath", "")), MendView())


def forget_all() -> None:
    """Another file was opened."""
    addon_state.mend_views.clear()
    addon_state.corrections.clear()
    addon_state.corrections_states.clear()


def faces_at(strip: Any, frame: int) -> list[tuple[TrackView, FaceBox]]:
    """The faces in a frame of a strip's file, and where they are."""
    found = view_of(strip).found
    faces = [(track, track.box_at(frame)) for track in (found.tracks if found else ())]
    return [(track, box) for track, box in faces if box is not None]


def is_swapped(strip: Any, track: TrackView) -> bool | None:
    """Tells if a track's face is swapped by the strip's choices; None where that can't be told here."""
    if cast.is_everyone(strip):
        return True
    if not cast.people_of(strip):
        return track.person == 0
    people = [one.person for one in cast.swapped_people(strip)]
    known = strip_view_of(strip).tracks
    if any(track.track in known.get(person, ()) for person in people):
        return True
    return False if all(person in known for person in people) else None


def find_tracks(
    strip: Any, scene: Any, done: Callable[[], None] = lambda: None, points_from: int = 0
) -> None:
    """Looks for the faces of a strip, in a thread (StripError).

    Args:
        strip: with a movie.
        scene: where it is.
        done: called when they are there.
        points_from: the frame of the file from which on points are wanted, too, if the strip shows them.
    """
    from recaster.errors import RecasterError

    view_of(strip).drop_waiting()
    source = _source_of(strip, scene)
    try:
        state = strip_corrections.note(source.files[0])
    except RecasterError as error:
        raise StripError(messages.of_error(error)) from None
    ask = _Ask(source, strip.recaster.input_colour_space.strip(), _points_of(strip, points_from))

    def do(client: Client, work: BackgroundWork, uploaded: UploadedRange) -> FoundTracks:
        return ask.list_tracks(client, work, uploaded)

    def settled(view: MendView, found: FoundTracks) -> None:
        view.found = found._replace(basis=ask.basis(state))
        _forget_others(view, source.files[0])
        done()

    _run(strip, source, translate("Looking for faces"), do, settled)


def correct(
    strip: Any,
    scene: Any,
    said: str,
    action: Callable[[int], dict[str, Any]],
    points_from: int = 0,
    dragged: Dragged | None = None,
) -> None:
    """Corrects what was found in a strip, in a thread (StripError); done, it is one step to undo.

    Where another correction is on its way it waits for that one, and goes together with all that wait; it is
    dropped if that one fails.

    Args:
        strip: with a movie.
        scene: where it is.
        said: the step in words, in the interface's language.
        action: as in ``WantedCorrection``.
        points_from: as in ``find_tracks``.
        dragged: the face that was let go of, if it is about one.
    """
    view = view_of(strip)
    wanted = WantedCorrection(scene.name, said, action, points_from, dragged)
    if view.work is not None:
        view.queue = [*(one for one in view.queue if not one.gives_way_to(wanted)), wanted]
        return
    view.drop_waiting()
    _correct(strip, scene, [wanted])


def _correct_waiting(view: MendView) -> None:
    """Corrects all that waits (StripError)."""
    waiting = view.queue
    view.queue = []
    scene = bpy.data.scenes.get(waiting[0].scene) if waiting else None
    every = compat.all_strips(scene) if scene is not None else []
    for one in [one for one in every if one.type == "MOVIE" and view_of(one) is view][:1]:
        _correct(one, scene, waiting)


def _correct(strip: Any, scene: Any, wanted: list[WantedCorrection]) -> None:
    """Makes corrections now, which all are of what is shown (StripError)."""
    source = _source_of(strip, scene)
    movie = source.files[0]
    ask = _Ask(source, strip.recaster.input_colour_space.strip(), _points_of(strip, wanted[-1].points_from))
    before = _read(movie)
    shown = view_of(strip).found
    if shown is not None and shown.basis != ask.basis(strip_corrections.digest_of(before)):
        raise StripError(
            translate("Press Find Faces: the strip's range or its corrections have changed since")
        )

    def do(client: Client, work: BackgroundWork, uploaded: UploadedRange) -> tuple[Corrections, FoundTracks]:
        return ask.correct(client, work, uploaded, [one.action for one in wanted])

    def settled(view: MendView, made: tuple[Corrections, FoundTracks]) -> None:
        from recaster.errors import RecasterError

        new, found = made
        try:
            after = strip_corrections.join_corrections(before, new)
            for one, correction in zip(wanted, strip_corrections.split_corrections(new), strict=False):
                strip_corrections.add(movie, correction)
                session.push_undo_step(f"Recaster: {one.said}")
        except (RecasterError, OSError) as error:
            view.trouble = messages.of_error(error)
            return
        # What others wrote meanwhile isn't in it: then it is of no state that is.
        view.found = found._replace(basis=ask.basis(strip_corrections.digest_of(after)))
        view.queue[:0] = wanted[len(new.items) :]  # an earlier engine takes one at a time
        _forget_others(view, movie)

    _run(strip, source, wanted[0].said, do, settled)
    view_of(strip).sent = wanted


def take_back(strip: Any, scene: Any) -> str:
    """Takes the last correction of a strip's movie back; returns what it was (StripError)."""
    from recaster.errors import RecasterError

    source = _source_of(strip, scene)
    movie = source.files[0]
    try:
        taken = strip_corrections.take_last(movie)
    except RecasterError as error:
        raise StripError(messages.of_error(error)) from None
    if not taken:
        raise StripError(translate("There are no corrections to take back"))
    return taken


def after_undo() -> None:
    """Undo brought other corrections back: what is shown of them is found anew."""
    for strip in strip_corrections.after_undo():
        view = view_of(strip)
        scene = next((one for one in bpy.data.scenes if strip.id_data == one), None)
        if view.found is not None and scene is not None:
            try:
                find_tracks(strip, scene)
            except StripError as error:
                view.trouble = str(error)


def _forget_others(view: MendView, movie: Path) -> None:
    """Forgets what was found in other strips of a movie, by other corrections perhaps."""
    for (_, path), other in addon_state.mend_views.items():
        if other is not view and other.work is None and Path(bpy.path.abspath(path)) == movie:
            other.found = None


def _read(movie: Path) -> Corrections:
    """Reads a movie's corrections (StripError)."""
    from recaster.errors import RecasterError

    try:
        return strip_corrections.read_for(movie)
    except RecasterError as error:
        raise StripError(messages.of_error(error)) from None


def _source_of(strip: Any, scene: Any) -> SourceRange:
    if strip.type != "MOVIE":
        raise StripError(
            translate("Faces of movies can be corrected: {strip} shows pictures", strip=strip.name)
        )
    return source_range_of(strip, scene, strip.recaster.handles)


def _points_of(strip: Any, first: int) -> int | None:
    return max(0, first) if strip.recaster.show_points else None


class _Ask(NamedTuple):
    """A question about a strip's tracks, as plain data for threads."""

    source: SourceRange
    input_colour_space: str
    points_from: int | None

    def basis(self, state: str) -> tuple[Any, ...]:
        """All that numbers of tracks depend on, at a state of the corrections."""
        return (self.source.first, self.source.count, self.input_colour_space, state)

    def list_tracks(
        self, client: Client, work: BackgroundWork, uploaded: UploadedRange, digest: str | None = None
    ) -> FoundTracks:
        """Lists the tracks, with corrections of a digest, or those beside the movie where it is None."""
        from recaster.api.v1 import clip_pb2

        shift = shift_of(self.source, uploaded)
        request = clip_pb2.ListTracksRequest(
            clip_id=uploaded.clip.clip_id, options=self._options(client, uploaded, digest)
        )
        if self.points_from is not None:
            request.points_first = max(0, self.points_from - shift)
            request.points_count = MAX_POINT_FRAMES
        work.check()
        answer = client.connection.call(client.clips.ListTracks, request, LIST_TIMEOUT_S)
        return read_tracks(answer, (uploaded.clip.width, uploaded.clip.height), shift)

    def correct(
        self,
        client: Client,
        work: BackgroundWork,
        uploaded: UploadedRange,
        actions: list[Callable[[int], dict[str, Any]]],
    ) -> tuple[Corrections, FoundTracks]:
        """Makes corrections; returns them alone, of the movie, and what is found with them."""
        from recaster.api.v1 import clip_pb2

        first, *more = (action(shift_of(self.source, uploaded)) for action in actions)
        request = clip_pb2.CorrectTracksRequest(
            clip_id=uploaded.clip.clip_id,
            options=self._options(client, uploaded, None),
            more=[clip_pb2.TrackCorrection(**one) for one in more],
            **first,
        )
        answer = client.connection.call(client.clips.CorrectTracks, request, LIST_TIMEOUT_S)
        with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
            path = Path(folder) / "corrections.json"
            path.write_bytes(answer.document)
            digest = client.transfer.upload(path)
        found = self.list_tracks(client, work, uploaded, digest)
        count = 1 + len(answer.more_descriptions)
        return strip_corrections.read_last(answer.document, self.source, uploaded, count), found

    def _options(self, client: Client, uploaded: UploadedRange, digest: str | None) -> Any:
        from recaster.api.v1 import job_pb2

        if digest is None:
            digest = strip_corrections.upload_corrections(client, self.source, uploaded)
        options = job_pb2.SwapOptions(range=uploaded.range)
        if self.input_colour_space:
            options.input_colour_space = self.input_colour_space
        if digest:
            options.corrections = digest
        return options


def read_tracks(answer: clip_pb2.ListTracksResponse, size: tuple[int, int], shift: int) -> FoundTracks:
    """An engine's answer in frames of the strip's file, ``shift`` after those that it counts."""
    return FoundTracks(
        size=size,
        tracks=tuple(
            TrackView(
                one.track,
                one.person,
                messages.text(one.person_name, MAX_NAME_LETTERS),
                one.first_frame + shift,
                one.last_frame + shift,
                tuple(one.boxes),
            )
            for one in answer.tracks
        ),
        trouble=tuple(
            TroubleView(
                messages.text(one.reason, MAX_NAME_LETTERS),
                one.track,
                one.first_frame + shift,
                one.last_frame + shift,
            )
            for one in answer.trouble
        ),
        points={
            (one.track, one.frame + shift): list(zip(one.positions[::2], one.positions[1::2], strict=False))
            for one in answer.points
        },
        warnings=tuple(messages.plain(one) for one in answer.warnings),
    )


def _run(strip: Any, source: SourceRange, title: str, do: Any, settled: Any) -> None:
    """Does something with a strip's movie at the engine, in a thread."""

    def work_on(client: Client, work: BackgroundWork, local: bool, cache: Path) -> Any:
        from recaster.errors import InputError

        uploaded = upload_range(client, work, source, cache / "clips", local)
        if uploaded.clip.variable_frame_rate:
            raise InputError(
                translate(
                    "Frames of {name} vary in length: make a movie of it that has a rate", name=source.name
                )
            )
        return do(client, work, uploaded)

    def done(view: MendView, made: Any) -> None:
        settled(view, made)
        view.sent = []
        try:
            _correct_waiting(view)
        except StripError as error:
            view.trouble = str(error)
        session.redraw_previews()

    run_for_view(view_of(strip), title, work_on, done)

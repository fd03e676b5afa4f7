# SPDX-License-Identifier: GPL-3.0-or-later
"""Swaps on their way to the engine: their files are sent, and jobs asked for and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recaster.settings import encoding

from .. import messages
from ..config import cache_folder, is_loopback
from ..engine import session
from ..engine.connection import StoppedError, is_offline
from ..engine.jobs import control_job
from ..state import addon_state
from .drawn_masks import DrawnMasks, render_masks, upload_masks
from .look_keys import write_changes
from .result_parts import FACE, MATTE
from .shared_ranges import RangeUse, join_uses
from .source_range import StripError, strip_fingerprint
from .strip_choices import StripChoices, bring_faces, to_swap_options
from .strip_corrections import correction_options
from .strip_pictures import PictureNames
from .tasks import SwapStage, SwapTask, fail, mark_settled, ranges_in, sharers, strip_of, strip_settings_of
from .uploads import UploadedRange, upload_range

if TYPE_CHECKING:
    from recaster.client import Client

    from ..engine.connection import BackgroundWork, EngineConnection
    from .source_range import SourceRange

CLIENT = {"client": "blender"}
"""Label of all jobs that come from here."""
MAX_LABEL_LETTERS = 100
MAX_TITLE_LETTERS = 80


def send(tasks: list[SwapTask], source: SourceRange, choices: StripChoices) -> None:
    """Sends the file of strips that share a range and asks for the job, in a thread."""
    connection = addon_state.connection
    if connection is None:
        for task in tasks:
            fail(task, session.engine_state().trouble)
        return
    cache = cache_folder() / "clips"
    local = is_loopback(connection.address.target)
    for task in tasks:
        task.parts = choices.parts
    masks = _render_masks(tasks, choices, source)
    if masks is None:
        return
    request = tasks[0].job_request
    labels = _labels_of(tasks)

    def do(client: Client, work: BackgroundWork) -> str:
        from recaster.api.v1 import job_pb2

        uploaded = upload_range(client, work, source, cache, local)
        spec = _spec_of(client, choices, uploaded, source, several=bool(tasks[0].shared))
        upload_masks(client, work, masks, spec.options)
        work.check()
        job: str = client.jobs.create(job_pb2.JobSpec(swap=spec), labels, request).job_id
        return job

    work = connection.run(
        _title_of(tasks),
        do,
        lambda job: _note_job(tasks, job, connection),
        lambda error: _note_unsent(tasks, error),
    )
    for task in tasks:
        task.stage = SwapStage.SENDING
        task.trouble = ""
        task.work = work


def _render_masks(tasks: list[SwapTask], choices: StripChoices, source: SourceRange) -> DrawnMasks | None:
    """Renders the masks of strips that share a range; None where they can't be, which fails the swaps."""
    _, strip = strip_of(tasks[0])
    try:
        return DrawnMasks() if strip is None else render_masks(strip, choices, source)
    except StripError as error:
        for task in tasks:
            fail(task, str(error))
        return None


def _spec_of(
    client: Client, choices: StripChoices, uploaded: UploadedRange, source: SourceRange, *, several: bool
) -> Any:
    """The request to the engine (SwapSpec); brings people's pictures there.

    ``several``: whether it is one of several ranges, of which each need not show all of a cast.
    """
    from recaster.api.v1 import job_pb2

    options = to_swap_options(client, choices, uploaded.range)
    options.MergeFrom(correction_options(client, source, uploaded))
    options.changes.extend(write_changes(choices.keys, source, uploaded))
    if source.stays_pictures:
        options.ClearField("codec")  # the pictures' own
        options.ClearField("profile")
    return job_pb2.SwapSpec(
        clip_id=uploaded.clip.clip_id,
        options=options,
        suffix="" if source.stays_pictures else _choose_suffix(choices.codec, source),
        pictures=PictureNames.of(source.files).pattern if source.stays_pictures else "",
        matte=MATTE in choices.parts,
        layers=[FACE] if FACE in choices.parts else [],
        cast_may_lack=several and bool(choices.cast),
        **bring_faces(client, choices),
    )


def _choose_suffix(codec: str, source: SourceRange) -> str:
    """Chooses a result's container: the codec's usual one, but MOV, which holds more than MP4, for a MOV."""
    suffixes: tuple[str, ...] = encoding.SUFFIXES[codec]
    return ".mov" if ".mov" in suffixes and source.files[0].suffix.lower() == ".mov" else suffixes[0]


def _note_job(tasks: list[SwapTask], job: str, connection: EngineConnection) -> None:
    """Notes the job of swaps; ends it where nobody wants any of them any more."""
    for task in tasks:
        task.work = None
        task.job = job
    current = [one for one in tasks if addon_state.tasks.get(one.request) is one]
    if not current:
        return  # another file was opened
    for task in current:
        own = strip_settings_of(task)
        if own is not None:
            own.job = job
        if task.stage != SwapStage.CANCELLED:
            task.stage = SwapStage.WORKING
    if all(one.stage == SwapStage.CANCELLED for one in current):  # too late to be stopped
        cancel(current[0])
    watch_jobs(connection)
    send_waiting()


def _note_unsent(tasks: list[SwapTask], error: Exception) -> None:
    for task in tasks:
        task.work = None
    wanted = [one for one in tasks if one.stage != SwapStage.CANCELLED]
    if is_offline(error) or isinstance(error, StoppedError) or _is_full(error):
        for task in wanted:
            task.stage = SwapStage.WAITING  # sent when the engine answers again, or has done another
        return
    for task in wanted:
        fail(task, messages.of_error(error))
    send_waiting()


def _is_full(error: Exception) -> bool:
    """Tells if an engine takes no more jobs of this client until one of those here has ended."""
    from recaster.client import BusyError

    is_full = isinstance(error, BusyError) and error.reason == "QUOTA_EXCEEDED"
    return is_full and bool(ranges_in(SwapStage.WORKING))


def send_waiting() -> None:
    """Sends what waits to be sent; of swaps that were asked for at once, one range after the other."""
    for tasks in ranges_in(SwapStage.WAITING):
        batch = tasks[0].batch
        sending = {one.batch for one in addon_state.tasks.values() if one.stage == SwapStage.SENDING}
        if not batch or batch not in sending:
            _resume(tasks)


def _resume(tasks: list[SwapTask]) -> None:
    """Sends strips that share a range and could not be sent before."""
    if tasks[0].asked is not None:
        send(tasks, *tasks[0].asked)
        return
    uses: list[RangeUse] = []
    ready: list[SwapTask] = []
    for task in tasks:
        try:
            uses.append(_read_use(task, uses))
        except StripError as error:
            fail(task, str(error))
        else:
            ready.append(task)
    if not ready:
        return
    scene, _ = strip_of(ready[0])
    shared = join_uses(scene, uses)
    for task, strip, content_offset in zip(ready, shared.strips, shared.content_offsets, strict=True):
        task.content_offset = content_offset
        task.fingerprint = strip_fingerprint(strip, scene)
        if task.shared:
            strip.recaster.before = task.content_offset
            strip.recaster.facts = task.fingerprint
    send(ready, shared.source, shared.choices)


def _read_use(task: SwapTask, others: list[RangeUse]) -> RangeUse:
    """Reads what a swap's strip shows now (StripError: it can't share a range with others any more)."""
    scene, strip = strip_of(task)
    if strip is None:
        raise StripError("Its strip isn't here any more")
    use = RangeUse.of(scene, strip)
    if others and (use.media, use.choices) != (others[0].media, others[0].choices):
        raise StripError("The strip or its settings have changed since: swap it again")
    return use


def _title_of(tasks: list[SwapTask]) -> str:
    title = tasks[0].title[:MAX_TITLE_LETTERS]
    return f"{title} (+{len(tasks) - 1})" if len(tasks) > 1 else title


def _labels_of(tasks: list[SwapTask]) -> dict[str, str]:
    """Returns the labels of a swap's job, by which it is found again and taken up by another Blender."""
    task = tasks[0]
    labels = {
        **CLIENT,
        "request": task.job_request,
        "name": _title_of(tasks),
        "person": task.person,
        "parts": " ".join(task.parts),
        **({"adds": "person"} if task.adds_person else {}),
    }
    if not task.shared:  # else each strip has its own
        labels |= {"strip": task.uid, "before": str(task.content_offset), "facts": task.fingerprint}
    return labels


def cancel(task: SwapTask) -> None:
    """Ends a swap for good; the job of its range goes on as long as another strip waits for it."""
    task.stage = SwapStage.CANCELLED
    mark_settled(task)
    if is_awaited(task):
        return
    if task.work is not None:
        task.work.stop()
    if task.job:
        control_job("cancel", task.job)


def is_awaited(task: SwapTask) -> bool:
    """Tells if another strip waits for the result of a swap's range."""
    return not all(one.has_ended for one in sharers(task))


def watch_jobs(connection: EngineConnection) -> None:
    """Lets the connection look at the jobs that are waited for, however many newer ones there are."""
    wanted = frozenset(
        one.job
        for one in addon_state.tasks.values()
        if one.job and one.stage in (SwapStage.WORKING, SwapStage.CANCELLED)
    )
    if wanted - connection.watched_jobs:
        connection.refresh()
    connection.watched_jobs = wanted

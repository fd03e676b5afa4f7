# SPDX-License-Identifier: GPL-3.0-or-later
"""Swaps on their way to the engine: their files are sent, and jobs asked for and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recaster.settings import formats

from .. import messages
from ..config import cache_folder, is_loopback
from ..engine import session
from ..engine.connection import StoppedError, is_offline
from ..engine.jobs import control_job
from ..state import addon_state
from ..translations import translate
from . import mask_steps
from .anonymity import promise_spec
from .drawn_masks import DrawnMasks, has_masks, upload_masks
from .look_keys import write_changes
from .result_parts import FACE, MATTES, OVERLAY
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
    """Sends the file of strips that share a range and asks for the job; masks are rendered before that."""
    for task in tasks:
        task.parts = choices.parts
        task.stage = SwapStage.SENDING
        task.trouble = ""
    if not has_masks(choices):
        _send(tasks, source, choices, DrawnMasks())
        return

    kept = tasks[0].masks
    strip = mask_steps.find_strip(tasks)
    if kept is not None and strip is not None and kept.are_of(strip, choices, source):
        _send(tasks, source, choices, kept)
        return

    def failed(why: str) -> None:
        _fail_wanted(tasks, why)
        send_waiting()

    rendering = mask_steps.begin(
        tasks, choices, source, lambda masks: _send(tasks, source, choices, masks), failed
    )
    if rendering is not None:
        for task in tasks:
            task.work = rendering


def _send(tasks: list[SwapTask], source: SourceRange, choices: StripChoices, masks: DrawnMasks) -> None:
    """Sends it, in a thread."""
    connection = addon_state.connection
    if connection is None:
        _fail_wanted(tasks, session.engine_state().trouble)
        return
    for task in tasks:
        task.masks = masks
    cache = cache_folder() / "clips"
    local = is_loopback(connection.address.target)
    request = tasks[0].job_request
    labels = _labels_of(tasks)

    def do(client: Client, work: BackgroundWork) -> str:
        from recaster.client import RefusedError

        try:
            return create(client, work)
        except RefusedError as error:
            if error.reason != "BLOB_MISSING":
                raise
            # It was there when it was offered, held by a job that was deleted meanwhile.
            return create(client, work)

    def create(client: Client, work: BackgroundWork) -> str:
        from recaster.api.v1 import job_pb2

        uploaded = upload_range(client, work, source, cache, local)
        if choices.promise is None:
            swap = _spec_of(client, choices, uploaded, source, several=bool(tasks[0].shared))
            upload_masks(client, work, masks, swap.options)
            spec = job_pb2.JobSpec(swap=swap)
        else:
            suffix = _choose_suffix(choices.codec, source)
            options = correction_options(client, source, uploaded)
            choices.write_delivery(options)
            asked = promise_spec(client, choices.promise, uploaded, suffix, options)
            spec = job_pb2.JobSpec(anonymise=asked)
        work.check()
        job: str = client.jobs.create(spec, labels, request).job_id
        return job

    work = connection.run(
        _title_of(tasks),
        do,
        lambda job: _note_job(tasks, job, connection),
        lambda error: _note_unsent(tasks, error),
    )
    for task in tasks:
        task.work = work


def _spec_of(
    client: Client, choices: StripChoices, uploaded: UploadedRange, source: SourceRange, *, several: bool
) -> Any:
    """The request to the engine (SwapSpec); brings people's pictures there.

    ``several``: whether it is one of several ranges, of which each need not show all of a cast.
    """
    from recaster.api.v1 import job_pb2

    options = to_swap_options(client, choices, uploaded.range)
    options.MergeFrom(correction_options(client, source, uploaded))
    if choices.draft:
        options.draft = True
    options.changes.extend(write_changes(choices.keys, source, uploaded))
    if source.is_still:
        options.stills = True
    if source.stays_pictures:
        options.ClearField("codec")  # the pictures' own
        options.ClearField("profile")
    return job_pb2.SwapSpec(
        clip_id=uploaded.clip.clip_id,
        options=options,
        **_name_result(choices.codec, source),
        matte=any(part in MATTES for part in choices.parts),
        overlay=OVERLAY in choices.parts,
        layers=[FACE] if FACE in choices.parts else [],
        cast_may_lack=several and bool(choices.cast),
        **bring_faces(client, choices),
    )


def _name_result(codec: str, source: SourceRange) -> dict[str, str]:
    """The fields of a request that name its result: a still or pictures as the strip's, or a movie."""
    if source.is_still:
        return {"suffix": source.files[0].suffix.lower()}
    if source.stays_pictures:
        return {"pictures": PictureNames.of(source.files).pattern}
    return {"suffix": _choose_suffix(codec, source)}


def _choose_suffix(codec: str, source: SourceRange) -> str:
    """Chooses a result's container: the codec's usual one, but MOV, which holds more than MP4, for a MOV."""
    suffixes: tuple[str, ...] = formats.SUFFIXES[codec]
    return ".mov" if ".mov" in suffixes and source.files[0].suffix.lower() == ".mov" else suffixes[0]


def _note_job(tasks: list[SwapTask], job: str, connection: EngineConnection) -> None:
    """Notes the job of swaps; ends it where nobody wants any of them any more."""
    for task in tasks:
        task.work = None
        task.job = job
        if task.masks is not None:
            task.masks.delete()
            task.masks = None
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
    _fail_wanted(wanted, messages.of_error(error))
    send_waiting()


def _fail_wanted(tasks: list[SwapTask], why: str) -> None:
    """Ends swaps that can't go on; those that were cancelled stay so."""
    for task in tasks:
        if task.stage != SwapStage.CANCELLED:
            fail(task, why)


def _is_full(error: Exception) -> bool:
    """Tells if an engine takes no more jobs of this client until one of those here has ended."""
    from recaster.client import BusyError

    is_full = isinstance(error, BusyError) and error.reason == "QUOTA_EXCEEDED"
    return is_full and bool(ranges_in(SwapStage.WORKING))


def send_waiting() -> None:
    """Sends what waits to be sent; of swaps that were asked for at once, one range after the other."""
    for tasks in ranges_in(SwapStage.WAITING):
        if any(one.stage != SwapStage.WAITING for one in tasks):
            continue  # sending another range came to an end at once, and sent this one
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
        raise StripError(translate("Its strip isn't here any more"))
    use = RangeUse.of(scene, strip)
    if others and (use.media, use.choices) != (others[0].media, others[0].choices):
        raise StripError(translate("The strip or its settings have changed since: swap it again"))
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
    task.masks = None
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

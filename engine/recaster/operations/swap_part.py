"""Part of a swap that several machines render: policy, rights and an audit record, but no result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.errors import ConsentError, UsageError
from recaster.operations import swap
from recaster.operations.cast import authorize_cast, list_faces
from recaster.operations.request_options import read_threads
from recaster.processes.cpu_cores import limit_cores
from recaster.progress import LogLine, Report, no_log, silent
from recaster.provenance.audit_events import name_identities
from recaster.provenance.register import open_register

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.clip import Clip
    from recaster.settings.parts import Part
    from recaster.swapping.result import PartResult


@dataclass(frozen=True)
class Result:
    """Outcome of a part; ``device`` is a note on what computed it."""

    part: PartResult
    device: str

    def summary(self) -> tuple[str, ...]:
        """Describes it in lines of words."""
        return self.part.summary(self.device)


def run(request: swap.Request, report: Report = silent, log: LogLine = no_log) -> Result:
    """Renders the part of a swap that a request names, into the folder that it shares with others.

    The same request again renders only what is missing. ``operations.swap`` joins what all have rendered.

    Raises:
        UsageError: the request names no part; or its folder holds parts of another swap.
        ConsentError, ClipError and others: as ``operations.swap.run``.
    """
    share = request.parts.share
    if share is None or request.parts.folder is None:
        raise UsageError("name the part that is to be rendered, and the folder for it")
    with limit_cores(read_threads(request.options)):
        return _run_limited(request, share, request.parts.folder, report, log)


def _run_limited(request: swap.Request, share: Part, folder: Path, report: Report, log: LogLine) -> Result:
    from recaster.swapping.pipeline import render_part
    from recaster.swapping.shared_cache import remove_shared

    swap.check(request)  # whatever would keep the result from being written at last
    clip = swap.open_clip(request)
    settings = swap.settings_by_policy(request, clip)
    swapper, device = swap.load_on_device(request, log)
    people = _authorize(request, clip, share)
    result = render_part(swap.prepare(request, clip, swapper, settings, None), share, report)
    with open_register() as register:
        try:
            swap.require_faces(register, people)
        except ConsentError:  # all parts show that face
            remove_shared(folder)
            raise
    return Result(result, device)


def _authorize(request: swap.Request, clip: Clip, share: Part) -> dict[str, tuple[Path, str]]:
    """Checks the right to each face and records the part; returns the faces, as ``list_faces``, by people."""
    with open_register() as register:
        ids = [person.identity_id for person in authorize_cast(request, register)]
        register.audit.add(
            "swap.part",
            **name_identities(dict.fromkeys(ids)),
            faces=swap.digest_faces(request),
            clips=[clip.digest],
            part=f"{share.number}/{share.count}",
        )
    return dict(zip(ids, list_faces(request), strict=True))

# SPDX-License-Identifier: GPL-3.0-or-later
"""People of a strip who must not be known: what is asked for, and what an engine's report says was done."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine.coverage import Coverage, parse_coverage
from ..translations import translate
from .cast import swapped_people
from .portraits import portrait_file
from .result_parts import UNKNOWN
from .source_range import StripError

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client

    from .source_range import SourceRange
    from .strip_choices import StripChoices
    from .uploads import UploadedRange

ANONYMISE = "anonymise"
"""Of a strip's errand; an engine's jobs are called so, too."""
MAX_REPORT_BYTES = 256 << 20
CHOOSE_ONE = "Choose the person first: under Face Swap, find people and leave one eye on"
COVER_MORE = "Raise Coverage or Margin, or cut those frames out"
REASONS = {
    "turned": "the head is turned too far away",
    "coverage": "something is in front of the face",
    "border": "the head is cut off by the picture's border",
    "margin": "the head comes or goes",
    "gap": "the head is lost for a while",
    "known": "the person could be known by hair or shape of the head",
    "uncertain": "somebody who may be the person",
    "untold": "nobody can tell who it is, so it may be the person",
}
"""Why a head is covered, by the words of reports."""


class Promise(NamedTuple):
    """Promise of a result, as plain data for threads; see ``UnknownSettings``.

    Attributes:
        person: picture of whoever must not be known; "" for everyone.
        face: "" for one that comes with Recaster.
    """

    person: str
    face: str
    coverage: float
    fallback: str
    margin: float

    @classmethod
    def of(cls, strip: Any) -> Promise:
        """Reads the choices on a strip (StripError: no person is chosen, or their picture is lost)."""
        own = strip.recaster.unknown
        person = ""
        if own.who == "person":
            people = swapped_people(strip)
            if len(people) != 1:
                raise StripError(f"{translate(CHOOSE_ONE)} ({strip.name})")
            person = str(portrait_file(people[0]))
        return cls(person, own.face, round(own.coverage, 4), own.fallback, round(own.margin, 4))


def with_promise(strip: Any, choices: StripChoices) -> StripChoices:
    """The choices for a strip in which people are made unknown, without those of a look (StripError)."""
    return replace(
        choices,
        promise=Promise.of(strip),
        keys=(),
        keep_out=None,
        keep_in=None,
        draft=False,
        cast=(),
        parts=(UNKNOWN,),
    )


def check_promise(source: SourceRange) -> None:
    """Checks that people in a source range can be made unknown (StripError)."""
    if source.stays_pictures:
        raise StripError(
            translate(
                "Render {name} as a movie first, and make people in that unknown: of separate pictures it "
                "can't be promised",
                name=source.name,
            )
        )


def promise_spec(
    client: Client, promise: Promise, uploaded: UploadedRange, suffix: str, options: job_pb2.SwapOptions
) -> job_pb2.AnonymiseSpec:
    """The request to the engine; brings the person's picture there. ``options``: corrections and encoding."""
    from recaster.api.v1 import job_pb2

    options.range = uploaded.range
    if promise.person:
        options.person = client.transfer.upload(Path(promise.person))
    kind, _, name = promise.face.partition(":")
    swap = job_pb2.SwapSpec(
        clip_id=uploaded.clip.clip_id,
        options=options,
        suffix=suffix,
        report=True,
        **({f"{kind}_id": name} if name else {}),
    )
    return job_pb2.AnonymiseSpec(
        swap=swap, coverage=promise.coverage, fallback=promise.fallback, margin=promise.margin
    )


def read_report(path: Path) -> Coverage | None:
    """Reads what an engine says was done in each frame; None where that can't be read."""
    try:
        if path.stat().st_size > MAX_REPORT_BYTES:
            return None
        report = json.loads(path.read_text(encoding="utf-8"))
        frames = [(str(one["done"]), _list_reasons(one)) for one in report["each"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    ranges = []
    begin = 0
    for (done, why), group in itertools.groupby(frames):
        stop = begin + len(list(group))
        if done == "covered":
            ranges.append((begin, stop - 1, why))
        begin = stop
    swapped = sum(done == "swapped" for done, _ in frames)
    covered = sum(done == "covered" for done, _ in frames)
    return parse_coverage(len(frames), swapped, ranges, covered)


def _list_reasons(frame: Any) -> str:
    """Lists the known reasons of a frame (``REASONS``) by name: files are opened in other languages, too."""
    return " ".join(dict.fromkeys(one for one in frame["reasons"] if one in REASONS))


def say_why(reasons: str) -> str:
    """Says why heads are covered; ``reasons`` as ``read_report`` lists them."""
    known = [translate(REASONS[one]) for one in reasons.split() if one in REASONS]
    if not known:
        return translate("head covered")
    return translate("head covered: {reasons}", reasons=", ".join(known))

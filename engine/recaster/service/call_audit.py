"""Audit records of calls that change nothing: faces that went out, and calls that were refused.

Who looks at the same thing again and again leaves one record in WINDOW_S. Refused calls are written as they
come, the first of each client, method and reason, and those that follow as one number each WINDOW_S; of
strangers, MAX_STRANGERS addresses are told apart, so that no flood fills the log.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import logging
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf.message import Message

from recaster import __version__
from recaster.errors import RecasterError
from recaster.provenance.caller import caller
from recaster.service.request_checks import texts_in
from recaster.service.rpc_errors import Code
from recaster.service.threads import run_write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.provenance.audit_log import AuditLog
    from recaster.provenance.policy import Policy
    from recaster.service.rpc_errors import RpcError

log = logging.getLogger("recaster.service")

WINDOW_S: Final = 60.0
MAX_LOOKS: Final = 10_000
"""Looks that are remembered; where there are more, each is written."""
MAX_STRANGERS: Final = 10
"""Addresses without a valid token that are told apart in WINDOW_S."""
MAX_CLIENTS: Final = 200
"""Clients with a method and a reason each, likewise."""
OTHERS: Final = "others"
MAX_NAMED: Final = 20
MAX_SWEPT: Final = 1000
"""Digests in one record."""
_DENIED: Final = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)
_NAME: Final = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")


class Denial(NamedTuple):
    """Refused calls that are counted as one: of a client and a method, or of a stranger's address."""

    client: str
    peer: str
    method: str
    reason: str


class CallAudit:
    """Writes them, and counts calls ``refused`` for want of a token or a role, by reason."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._looks: dict[tuple[str, str, str], tuple[float, asyncio.Task[Any]]] = {}
        self.refused: Counter[str] = Counter()
        self._denied: dict[Denial, int] = {}  # how many since that was last written
        self._writing: set[asyncio.Task[None]] = set()

    async def note_shown(self, event: str, **about: Any) -> None:
        """Note that something goes to the client who is asking, before it does; on any error it must not."""
        now = time.monotonic()
        look = (caller(), event, json.dumps(about, sort_keys=True))
        when, task = self._looks.get(look, (now - WINDOW_S, None))
        if task is None or now - when >= WINDOW_S or (task.done() and task.exception() is not None):
            task = asyncio.create_task(run_write(functools.partial(self._audit.add, event, **about)))
            self._remember(look, now, task)
        await asyncio.shield(task)

    def _remember(self, look: tuple[str, str, str], now: float, task: asyncio.Task[Any]) -> None:
        if len(self._looks) >= MAX_LOOKS:
            self._looks = {key: known for key, known in self._looks.items() if now - known[0] < WINDOW_S}
        if len(self._looks) < MAX_LOOKS:
            self._looks[look] = (now, task)

    def note_refused(self, refusal: RpcError, method: str, client: str, peer: str, request: Any) -> None:
        """Note that a call was refused for want of a token, a role or a right to a face; others count not.

        ``client`` is empty for a stranger; what was asked for is None where it wasn't read.
        """
        if refusal.code in _DENIED:
            self.refused[refusal.reason] += 1
        elif not refusal.reason.startswith("CONSENT_"):
            return
        host = re.sub(r":\d+$", "", peer)  # a connection's port says nothing
        denial = self._counted_as(
            Denial(client, "", method, refusal.reason) if client else Denial("", host, "", refusal.reason)
        )
        if denial in self._denied:
            self._denied[denial] += 1
            return
        self._denied[denial] = 0
        named = named_in(request) if client and isinstance(request, Message) else []
        details = _log_denial(denial, 1)
        # In the background: being refused takes no longer where it is written down.
        task = asyncio.create_task(self._write_denial(denial, details, named[:MAX_NAMED]))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _counted_as(self, denial: Denial) -> Denial:
        alike = sum(bool(known.client) == bool(denial.client) for known in self._denied)
        if denial in self._denied or alike < (MAX_CLIENTS if denial.client else MAX_STRANGERS):
            return denial
        return denial._replace(client=denial.client and OTHERS, peer=denial.peer and OTHERS, method="")

    async def watch(self) -> None:
        """Write from time to time how many more were refused, until cancelled."""
        while True:
            await asyncio.sleep(WINDOW_S)
            await self.write_counts()

    async def write_counts(self) -> None:
        """Write how many more were refused since that was last written."""
        await asyncio.gather(*self._writing)
        counts = self._denied
        self._denied = {denial: 0 for denial, count in counts.items() if count}
        for denial, count in counts.items():
            if count:
                await self._write_denial(denial, _log_denial(denial, count), [])

    async def _write_denial(self, denial: Denial, details: dict[str, Any], named: list[str]) -> None:
        details = details | {"by": denial.client} | ({"named": named} if named else {})
        event = "call.refuse" if denial.client else "token.refuse"
        try:
            await run_write(functools.partial(self._audit.add, event, **details))
        except (RecasterError, OSError):  # told again with those that come
            log.exception("a refused call can't be noted in the audit log now")
            self._denied[denial] = self._denied.get(denial, 0) + details["calls"]


def _log_denial(denial: Denial, calls: int) -> dict[str, Any]:
    """Log refused calls without their client's name; returns what it says."""
    details: dict[str, Any] = {"reason": denial.reason, "calls": calls}
    details |= {"method": denial.method} if denial.client else {"peer": denial.peer}
    log.warning("a call was refused", extra=details)
    return details


def note_start(audit: AuditLog, policy: Policy) -> None:
    """Note that an engine starts, with the rules of its policy, and whether those were others before."""
    rules = policy.rules()
    digest = hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
    starts = [record.details for record in audit.mentioning("engine.start") if record.event == "engine.start"]
    audit.add("engine.start", version=__version__, policy=digest, rules=rules)
    if starts and starts[-1]["policy"] != digest:
        audit.add("policy.change", before=starts[-1]["policy"], after=digest)


def note_swept(audit: AuditLog, digests: Sequence[str]) -> None:
    """Note that blobs were removed that nobody needed."""
    for begin in range(0, len(digests), MAX_SWEPT):
        audit.add("blob.sweep", digests=digests[begin : begin + MAX_SWEPT])


def named_in(message: Message) -> list[str]:
    """Ids and digests that a request names."""
    return [text for path, text in texts_in(message) if path != "request_id" and _NAME.fullmatch(text)]

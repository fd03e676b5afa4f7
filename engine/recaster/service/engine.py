"""What all services share: the store, the supervisor, and who waits for news of which job."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recaster.errors import RecasterError
from recaster.jobs.tasks import needs, works_on
from recaster.provenance.caller import caller
from recaster.service.refusals import Code, Refusal
from recaster.store.jobs import UNENDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recaster.jobs.assistants import Assistants
    from recaster.jobs.supervisor import Supervisor
    from recaster.service.refusals import Context
    from recaster.store.store import Store


@dataclass
class Engine:
    """One engine at work.

    Attributes:
        store: what it keeps.
        supervisor: who runs its jobs.
        assistants: who answers quick questions about what is in files.
        local_drops: whether files may be handed over on this machine.
    """

    store: Store
    supervisor: Supervisor
    assistants: Assistants
    local_drops: bool = True
    _refreshing: set[asyncio.Task[None]] = field(default_factory=set)
    _waiting: defaultdict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.store.jobs.on_event = self._on_event
        self.supervisor.on_changed(self._look_again)

    def _on_event(self, job_id: str) -> None:
        for news in self._waiting.get(job_id, ()):
            news.set()

    @contextlib.contextmanager
    def news(self, job_id: str) -> Iterator[asyncio.Event]:
        """Something that is set whenever there is news of a job."""
        news = asyncio.Event()
        self._waiting[job_id].add(news)
        try:
            yield news
        finally:
            self._waiting[job_id].discard(news)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    def _look_again(self, faceset_id: str) -> None:
        """A job that fell short may have added faces to a faceset: count them."""
        task = asyncio.get_running_loop().create_task(self._recount(faceset_id))
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    async def _recount(self, faceset_id: str) -> None:
        with contextlib.suppress(RecasterError):  # it was deleted meanwhile, say
            folder = str(self.store.folder.faceset(faceset_id))
            self.keep_count(faceset_id, await self.assistants.ask("describe", folder=folder))

    async def ask(self, what: str, context: Context, **values: Any) -> Mapping[str, Any]:
        """Ask an assistant, for as long as the caller waits (RecasterError)."""
        client = f"{caller()} {context.peer()}"
        return await self.assistants.ask(what, client, context.time_remaining(), **values)

    def keep_count(self, faceset_id: str, found: Mapping[str, Any]) -> Any:
        """Keep how many faces a faceset holds, and their digest; returns the faceset."""
        faceset = self.store.things.get("faceset", faceset_id)
        faceset.faces, faceset.dropped, faceset.digest = found["faces"], found["dropped"], found["digest"]
        self.store.things.put("faceset", faceset)
        return faceset

    def refuse_in_use(self, kind: str, thing_id: str) -> None:
        """Refuse to change what a job needs that hasn't ended.

        Raises:
            Refusal: FAILED_PRECONDITION (IN_USE).
        """
        for job in self.store.jobs.in_states(UNENDED):
            if (kind, thing_id) in (*needs(job.spec).named(), works_on(job)):
                raise Refusal(
                    Code.FAILED_PRECONDITION,
                    "IN_USE",
                    f"{kind} {thing_id} is needed by job {job.job_id}, which hasn't ended; cancel that first",
                    metadata={"job_id": job.job_id},
                )

"""Pools of assistants: one lane of warm processes for each kind of question, shared fairly by clients.

Questions of one kind never wait for those of another, a client has a few processes of a lane at most, and a
question whose client has hung up, or has no time left, is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import (
    CertificateError,
    FaceNotFoundError,
    InputError,
    OutputError,
    RecasterError,
    UsageError,
)
from recaster.files import remove_folder, resolve_inside
from recaster.jobs.confinement import PLACES
from recaster.processes.spawn import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE_S: Final = 300.0
"""Seconds that an answer may take: a first preview looks at a whole clip."""
LINGER_S: Final = 3.0
"""Seconds that a process may go on with what nobody waits for any more: a warm one is worth that."""
MAX_PROCESSES: Final = max(4, min(8, os.cpu_count() or 1))
"""Processes of one lane."""
MAX_PER_CLIENT: Final = 2
"""Processes of one lane that one client may keep busy."""
IDLE_S: Final = 300.0
"""Seconds after which a process ends that nobody asks any more."""
LINE_LIMIT: Final = 64 << 20
"""Bytes of the longest answer."""
_PASSED_ON: Final = {
    kind.reason: kind for kind in (UsageError, CertificateError, OutputError, FaceNotFoundError)
}
"""Errors that whoever asked gets as they were raised, by their reason; all others are an InputError."""
LANES: Final = {
    "people": "people",
    "preview": "previews",
    "verify": "files",
    "faces": "facesets",
    "describe": "facesets",
    "drop": "facesets",
    "curves": "models",
    "recognise": "models",
}
"""The lane of each kind of question."""


class QueryWorker:
    """One process, started when there is none; one question at a time.

    What its first question is about is all that it can reach, so it answers others about the same only.
    """

    def __init__(self, parent: Path) -> None:
        """``parent`` is where the process has a folder of its own."""
        self._parent = parent
        self._folder: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._reach: frozenset[str] = frozenset()
        self._idle: asyncio.TimerHandle | None = None

    @property
    def is_warm(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.returncode is None

    async def ask(self, what: str, **values: Any) -> Mapping[str, Any]:
        """Ask one thing; cancelled, the process ends.

        Raises:
            RecasterError: what went wrong over there; of the class that fits best.
        """
        if self._idle is not None:
            self._idle.cancel()
        try:
            answer = await self._exchange({"ask": what, **values})
        except BaseException:
            self.close()  # whatever it is doing, its answer would be taken for the next one's
            raise
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.close)
        if "error" in answer:
            kind: type[RecasterError] = _PASSED_ON.get(answer["reason"], InputError)
            raise kind(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process = None
        if self._folder is not None:
            remove_folder(self._folder, quietly=True)
            self._folder = None

    async def _exchange(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        about = _places(question)
        if self.is_warm and not about <= self._reach:
            self.close()  # it has given up all that its first question wasn't about
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="tmp", dir=self._parent))
        if not self.is_warm:
            self._reach = about
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "recaster.jobs.query_worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment() | {"TMPDIR": str(self._folder)},
                limit=LINE_LIMIT,
                start_new_session=True,  # Ctrl-C in a terminal is for the engine
            )
        process = self._process
        assert process is not None  # noqa: S101 - started above
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - asked for
        process.stdin.write(
            json.dumps({**question, "folder_for_pictures": str(self._folder)}).encode() + b"\n"
        )
        with contextlib.suppress(ConnectionError):  # it has ended: so has its output
            await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise InputError("the question could not be answered: what it is about made its process fail")
        answer: dict[str, Any] = json.loads(line)
        if "path" in answer:  # whatever it says: a file of its own
            answer["path"] = str(resolve_inside(Path(answer["path"]), [self._folder]))
        return answer


def _places(question: Mapping[str, Any]) -> frozenset[str]:
    """What a question is about: files and folders as they are now, and whether one is to be changed."""
    found = {"change"} if question["ask"] == "drop" else set[str]()
    for name in PLACES:
        path = question.get(name)
        if path:
            with contextlib.suppress(OSError):  # gone: whoever answers will say so
                path = f"{path} {Path(path).stat().st_ino}"
            found.add(path)
    return frozenset(found)


@dataclass(eq=False)
class _Request:
    client: str
    granted: asyncio.Future[QueryWorker]


@dataclass
class _Lane:
    """Processes for one kind of question, and who waits for one."""

    make: Callable[[], QueryWorker]
    made: list[QueryWorker] = field(default_factory=list)
    free: list[tuple[str, QueryWorker]] = field(default_factory=list)
    busy: Counter[str] = field(default_factory=Counter)
    waiting: list[_Request] = field(default_factory=list)

    async def take(self, client: str) -> QueryWorker:
        """Waits for a process; ``give_back`` it."""
        request = _Request(client, asyncio.get_running_loop().create_future())
        self.waiting.append(request)
        self._grant()
        try:
            return await request.granted
        except asyncio.CancelledError:
            if request in self.waiting:
                self.waiting.remove(request)
            elif not request.granted.cancelled():  # it was granted just now
                self.give_back(client, request.granted.result())
            raise

    def give_back(self, client: str, query_worker: QueryWorker) -> None:
        """Lets the next one have a process."""
        self.busy[client] -= 1
        if not self.busy[client]:
            del self.busy[client]
        self.free.append((client, query_worker))
        self._grant()

    def _grant(self) -> None:
        while self.busy.total() < MAX_PROCESSES:
            able = [one for one in self.waiting if self.busy[one.client] < MAX_PER_CLIENT]
            if not able:
                return
            request = min(able, key=lambda one: self.busy[one.client])  # the first of those with the fewest
            self.waiting.remove(request)
            if not request.granted.done():
                self.busy[request.client] += 1
                request.granted.set_result(self._choose(request.client))

    def _choose(self, client: str) -> QueryWorker:
        """A free process, best one that is warm with what this client asked before; else a new one."""
        own = [at for at, (last, _) in enumerate(self.free) if last == client]
        if self.free and (own or len(self.free) + self.busy.total() > MAX_PROCESSES):
            return self.free.pop(own[-1] if own else 0)[1]
        cold = [at for at, (_, query_worker) in enumerate(self.free) if not query_worker.is_warm]
        if cold:
            return self.free.pop(cold[0])[1]
        self.made.append(self.make())
        return self.made[-1]


class QueryWorkerPool:
    """All assistants of one engine."""

    def __init__(self, folder: Path, make: Callable[[Path], QueryWorker] = QueryWorker) -> None:
        """``folder`` is where each process may have a folder of its own."""
        self._lanes = {name: _Lane(lambda: make(folder)) for name in set(LANES.values())}
        self._leaving: set[asyncio.Task[None]] = set()

    async def ask(
        self, what: str, client: str = "", time_s: float | None = None, **values: Any
    ) -> Mapping[str, Any]:
        """Asks one thing. Cancelled, or after ``time_s`` seconds, the question is ended.

        Args:
            what: kind of question, one of LANES.
            client: who asks.
            time_s: how long the answer may take; None for as long as any may.
            values: the question.

        Raises:
            RecasterError: what went wrong over there; of the class that fits best.
        """
        lane = self._lanes[LANES[what]]
        patience = PATIENCE_S if time_s is None else min(time_s, PATIENCE_S)
        try:
            async with asyncio.timeout(patience):
                query_worker = await lane.take(client)
                asking = asyncio.create_task(query_worker.ask(what, **values))
                try:
                    return await asyncio.shield(asking)
                finally:
                    if asking.done():
                        lane.give_back(client, query_worker)
                    else:
                        self._leave(lane, client, query_worker, asking)
        except TimeoutError:
            raise OutputError(f"no answer within {patience:.0f} s; try a shorter clip") from None

    def _leave(
        self, lane: _Lane, client: str, query_worker: QueryWorker, asking: asyncio.Task[Mapping[str, Any]]
    ) -> None:
        leaving = asyncio.create_task(_end(lane, client, query_worker, asking))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def close(self) -> None:
        """End all processes."""
        for task in self._leaving:
            task.cancel()
        for lane in self._lanes.values():
            for query_worker in lane.made:
                query_worker.close()


async def _end(
    lane: _Lane, client: str, query_worker: QueryWorker, asking: asyncio.Task[Mapping[str, Any]]
) -> None:
    """Let a process end what it does, soon, or end the process."""
    try:
        await asyncio.wait({asking}, timeout=LINGER_S)
    finally:
        asking.cancel()
        answer: Mapping[str, Any] = {}
        with contextlib.suppress(Exception, asyncio.CancelledError):
            answer = await asking
        if "path" in answer:
            Path(answer["path"]).unlink(missing_ok=True)
        lane.give_back(client, query_worker)

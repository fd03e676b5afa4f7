"""Pools of query workers: one lane of warm processes for each kind of question, shared fairly by clients.

Questions of one kind never wait for those of another, a client has a few processes of a lane at most, and a
question whose client has hung up, or has no time left, is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recaster.api.internal.v1 import query_pb2
from recaster.errors import (
    CertificateError,
    FaceNotFoundError,
    InputError,
    OutputError,
    RecasterError,
    UsageError,
)
from recaster.files import remove_folder, resolve_inside
from recaster.jobs.confinement import paths_of_question
from recaster.processes.channel import ChannelError, pack, path_of, path_to_bytes, receive_async
from recaster.processes.spawn import start_confined

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ANSWER_S: Final = 300.0
"""Seconds that an answer may take: a first preview looks at a whole clip."""
LINGER_S: Final = 3.0
"""Seconds that a process may go on with what nobody waits for any more: a warm one is worth that."""
MAX_PROCESSES: Final = max(4, min(8, os.cpu_count() or 1))
"""Processes of one lane."""
MAX_PER_CLIENT: Final = 2
"""Processes of one lane that one client may keep busy."""
IDLE_S: Final = 300.0
"""Seconds after which a process ends that nobody asks any more."""
MAX_ANSWER_BYTES: Final = 64 << 20
_PASSED_ON: Final = {
    kind.reason: kind for kind in (UsageError, CertificateError, OutputError, FaceNotFoundError)
}
"""Errors that whoever asked gets as they were raised, by their reason; all others are an InputError."""
LANES: Final = {
    "people": "people",
    "tracks": "people",
    "correct": "people",
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
        """True while its process runs."""
        return self._process is not None and self._process.returncode is None

    async def ask(self, question: query_pb2.Question) -> query_pb2.Answer:
        """Asks one thing; cancelled, the process ends.

        Raises:
            RecasterError: what went wrong over there; of the class that fits best.
            ValueError: it answered what no query worker does.
        """
        if self._idle is not None:
            self._idle.cancel()
        try:
            answer = await self._exchange(question)
        except BaseException:
            self.close()  # whatever it is doing, its answer would be taken for the next one's
            raise
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.close)
        if answer.HasField("error"):
            kind: type[RecasterError] = _PASSED_ON.get(answer.error.reason, InputError)
            raise kind(answer.error.message)
        return answer

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process = None
        if self._folder is not None:
            remove_folder(self._folder, quietly=True)
            self._folder = None

    async def _exchange(self, question: query_pb2.Question) -> query_pb2.Answer:
        process, scratch = await self._started(_subjects(question))
        asked = query_pb2.Question(scratch=path_to_bytes(scratch))
        asked.MergeFrom(question)
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - asked for
        process.stdin.write(pack(asked))
        with contextlib.suppress(ConnectionError):  # it has ended: so has its output
            await process.stdin.drain()
        answer = await receive_async(process.stdout, query_pb2.Answer, MAX_ANSWER_BYTES)
        if answer is None:
            raise InputError("the question could not be answered: what it is about made its process fail")
        if answer.WhichOneof("answer") not in ("error", question.WhichOneof("question")):
            raise ChannelError("an answer to another question")
        if answer.HasField("preview"):  # whatever it says: a file of its own
            answer.preview.path = path_to_bytes(resolve_inside(path_of(answer.preview.path), [scratch]))
        return answer

    async def _started(self, subjects: frozenset[str]) -> tuple[asyncio.subprocess.Process, Path]:
        """The process and its folder, started anew where it has given up what the question is about."""
        if self.is_warm and not subjects <= self._reach:
            self.close()
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="tmp", dir=self._parent))
        if self._process is None or not self.is_warm:
            self._reach = subjects
            self._process = await start_confined("recaster.jobs.query_worker", self._folder)
        return self._process, self._folder


def _subjects(question: query_pb2.Question) -> frozenset[str]:
    """Subjects of a question: files and folders as they are now, and a mark where one is to be changed."""
    subjects = {"change"} if question.HasField("drop") else set[str]()
    for path in paths_of_question(question):
        subject = str(path)
        with contextlib.suppress(OSError):  # gone: whoever answers will say so
            subject = f"{path} {path.stat().st_ino}"
        subjects.add(subject)
    return frozenset(subjects)


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
            able = [each for each in self.waiting if self.busy[each.client] < MAX_PER_CLIENT]
            if not able:
                return
            request = min(able, key=lambda each: self.busy[each.client])  # the first of those with the fewest
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
    """All query workers of one engine."""

    def __init__(self, folder: Path, make: Callable[[Path], QueryWorker] = QueryWorker) -> None:
        """``folder`` is where each process may have a folder of its own."""
        self._lanes = {name: _Lane(lambda: make(folder)) for name in set(LANES.values())}
        self._leaving: set[asyncio.Task[None]] = set()

    async def ask(
        self, question: query_pb2.Question, client: str = "", time_s: float | None = None
    ) -> query_pb2.Answer:
        """Asks one thing, as ``QueryWorker.ask``; ended after ``time_s``, or where it is cancelled."""
        lane = self._lanes[LANES[question.WhichOneof("question")]]
        timeout_s = MAX_ANSWER_S if time_s is None else min(time_s, MAX_ANSWER_S)
        try:
            async with asyncio.timeout(timeout_s):
                query_worker = await lane.take(client)
                asking = asyncio.create_task(query_worker.ask(question))
                try:
                    return await asyncio.shield(asking)
                finally:
                    if asking.done():
                        lane.give_back(client, query_worker)
                    else:
                        leaving = asyncio.create_task(_end(lane, client, query_worker, asking))
                        self._leaving.add(leaving)
                        leaving.add_done_callback(self._leaving.discard)
        except TimeoutError:
            raise OutputError(f"no answer within {timeout_s:.0f} s; try a shorter clip") from None

    def close(self) -> None:
        """Ends all processes."""
        for task in self._leaving:
            task.cancel()
        for lane in self._lanes.values():
            for query_worker in lane.made:
                query_worker.close()


async def _end(
    lane: _Lane, client: str, query_worker: QueryWorker, asking: asyncio.Task[query_pb2.Answer]
) -> None:
    """Lets a process end what it does, soon, or ends the process."""
    try:
        await asyncio.wait({asking}, timeout=LINGER_S)
    finally:
        asking.cancel()
        with contextlib.suppress(Exception, asyncio.CancelledError):
            answer = await asking
            if answer.HasField("preview"):
                path_of(answer.preview.path).unlink(missing_ok=True)
        lane.give_back(client, query_worker)

"""Quick questions: whose turn it is, and when a process ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from serving import wait_ended

from recaster.api.internal.v1.query_pb2 import Answer, PreviewAnswer, Question
from recaster.errors import OutputError
from recaster.jobs import query_workers as module
from recaster.jobs.query_workers import LANES, MAX_PER_CLIENT, MAX_PROCESSES, QueryWorkerPool

if TYPE_CHECKING:
    from pathlib import Path


PREVIEW = Answer(preview=PreviewAnswer(path=b"x"))


def about(kind: str, name: str = "") -> Question:
    """A question of a kind; one about people names their clip."""
    question = Question()
    getattr(question, kind).SetInParent()
    if name:
        question.people.name = name
    return question


class Fake:
    """Answers when it is told to; notes whether it was closed."""

    made: list[Fake]

    def __init__(self, _: Path) -> None:
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.asked: list[Any] = []
        self.ended = 0
        self.is_warm = False
        Fake.made.append(self)

    async def ask(self, question: Question) -> Answer:
        self.is_warm = True
        self.asked.append(question)
        try:
            return await self.answer
        except BaseException:
            self.ended += 1
            raise
        finally:
            self.answer = asyncio.get_running_loop().create_future()

    def close(self) -> None:
        self.ended += 1


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    Fake.made = []
    monkeypatch.setattr(module, "LINGER_S", 0)
    return Fake.made


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_nobody_waits_for_another_kind_or_another_client(tmp_path: Path, fakes: list[Fake]) -> None:
    async def work() -> None:
        pool = QueryWorkerPool(tmp_path, Fake)
        greedy = [asyncio.create_task(pool.ask(about("people"), "a")) for _ in range(3 * MAX_PROCESSES)]
        await settle()
        assert len(fakes) == MAX_PER_CLIENT
        others = [asyncio.create_task(pool.ask(about("people"), "b"))]
        one_of_each = {lane: what for what, lane in LANES.items() if lane != "people"}
        others += [asyncio.create_task(pool.ask(about(what), "a")) for what in one_of_each.values()]
        await settle()
        assert sum(len(one.asked) for one in fakes) == MAX_PER_CLIENT + len(others)
        for task in (*greedy, *others):
            task.cancel()
        await asyncio.gather(*greedy, *others, return_exceptions=True)

    asyncio.run(work())


def test_no_more_processes_than_allowed_and_the_one_with_fewest_goes_first(
    tmp_path: Path, fakes: list[Fake]
) -> None:
    async def work() -> None:
        pool = QueryWorkerPool(tmp_path, Fake)
        tasks = [
            asyncio.create_task(pool.ask(about("people"), f"{number // MAX_PER_CLIENT}"))
            for number in range(MAX_PROCESSES)
        ]
        await settle()
        tasks.append(asyncio.create_task(pool.ask(about("people", "late"), "0")))
        tasks.append(asyncio.create_task(pool.ask(about("people", "first"), "new")))
        await settle()
        assert len(fakes) == MAX_PROCESSES
        fakes[-1].answer.set_result(Answer())
        await settle()
        assert [one.asked[-1].people.name for one in fakes].count("first") == 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(work())


@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_question_that_nobody_waits_for_is_ended(
    tmp_path: Path, fakes: list[Fake], *, hangs_up: bool
) -> None:
    async def work() -> None:
        pool = QueryWorkerPool(tmp_path, Fake)
        asking = asyncio.create_task(pool.ask(about("preview"), "a", None if hangs_up else 0.01))
        await settle()
        if hangs_up:
            asking.cancel()
        with pytest.raises(asyncio.CancelledError if hangs_up else OutputError, match=r"^$|no answer within"):
            await asking
        while not fakes[0].ended:
            await asyncio.sleep(0)
        await settle()
        again = asyncio.create_task(pool.ask(about("preview"), "a"))
        await settle()
        assert len(fakes) == 1
        fakes[0].answer.set_result(PREVIEW)
        assert await again == PREVIEW

    asyncio.run(work())


def test_who_hangs_up_while_waiting_leaves_the_queue(tmp_path: Path, fakes: list[Fake]) -> None:
    async def work() -> None:
        pool = QueryWorkerPool(tmp_path, Fake)
        tasks = [asyncio.create_task(pool.ask(about("verify"), "a")) for _ in range(MAX_PER_CLIENT + 1)]
        await settle()
        tasks[-1].cancel()
        await asyncio.gather(tasks[-1], return_exceptions=True)
        for one in fakes:
            one.answer.set_result(Answer())
        await asyncio.gather(*tasks[:-1])
        await settle()
        assert [len(one.asked) for one in fakes] == [1] * MAX_PER_CLIENT

    asyncio.run(work())


ENGINE = """
import subprocess, sys
command = [sys.executable, "-c", sys.argv[1]]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdin.write(bytes(4))  # a question about nothing
child.stdin.flush()
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""
BUSY = """
import sys
from recaster.jobs.query_worker import questions
for question in questions(sys.stdin.buffer):
    print("at it", flush=True)
    {work}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    "work", ["[].sort() or sum(iter(int, 1))", "import ctypes; ctypes.PyDLL(None).sleep(600)"]
)
def test_a_query_worker_ends_with_its_engine_whatever_it_does(work: str) -> None:
    """Computing, or in a library that keeps all of Python's threads waiting."""
    if "PyDLL" in work and sys.platform != "linux":
        pytest.skip("only Linux ends such a process")
    command = [sys.executable, "-c", ENGINE, BUSY.format(work=work)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        child = int(engine.stdout.readline())
        engine.kill()
    if not wait_ended(child, 20):
        os.kill(child, signal.SIGKILL)
        pytest.fail("it goes on")

"""The jobs and their events, durably.

A job is kept as the message that clients get. Every change of its state is one transaction with the
event that tells of it, so that whoever follows the events sees every state.
"""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import sqlite3
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import job_pb2
from recaster.errors import NotFoundError, ReusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from recaster.store.database import Database

QUEUED = job_pb2.JOB_STATE_QUEUED
STARTING = job_pb2.JOB_STATE_STARTING
RUNNING = job_pb2.JOB_STATE_RUNNING
PAUSING = job_pb2.JOB_STATE_PAUSING
PAUSED = job_pb2.JOB_STATE_PAUSED
CANCELLING = job_pb2.JOB_STATE_CANCELLING
CANCELLED = job_pb2.JOB_STATE_CANCELLED
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED
FAILED = job_pb2.JOB_STATE_FAILED
BLOCKED = job_pb2.JOB_STATE_BLOCKED
ENDED: Final = frozenset({SUCCEEDED, FAILED, CANCELLED})
UNENDED: Final = (QUEUED, STARTING, RUNNING, PAUSING, PAUSED, CANCELLING, BLOCKED)
_UNLIKE: Final[dict[str, tuple[int, ...]]] = {
    "cancel": (QUEUED, PAUSED, BLOCKED, STARTING, RUNNING, PAUSING),
    "pause": (QUEUED, BLOCKED, STARTING, RUNNING),
    "run": (PAUSED, BLOCKED),
}
"""States in which a job isn't where clients want it, by what they want."""
_BY_TURN: Final = "case turn when 0 then number else turn end, number"
"""The order of jobs that wait; those that were queued before there were turns have none."""
KEPT_PREVIEWS: Final = 20
KEPT_LOGS: Final = 2000
DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1000
MAX_BATCH_BYTES: Final = 8 << 20
"""Bytes of messages that are handed out at a time; one that is longer by itself goes alone."""


@dataclass(frozen=True)
class ControlRecord:
    """State of a job that clients don't see.

    Attributes:
        desired_state: what clients want: "run", "pause" or "cancel".
        best: the furthest the job ever came, as JSON: units by stage; ``failures`` are crashes since then.
    """

    desired_state: str
    best: str
    failures: int


@dataclass(frozen=True)
class JobFilter:
    """Filter of listed jobs: of these states, kinds and labels; empty for all."""

    states: Sequence[int] = ()
    kinds: Sequence[int] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


class JobStore:
    """The jobs of one engine.

    Attributes:
        on_event: called with a job's id after each of its events.
        on_time: called with a job's kind, a state that it has left, and the seconds that it was in it; where
            it ended, also with that state, and the seconds since the job was asked for.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_event: Callable[[str], None] = lambda _: None
        self.on_time: Callable[[int, int, float], None] = lambda *_: None

    def create(
        self,
        spec: job_pb2.JobSpec,
        kind: job_pb2.JobKind,
        request_id: str,
        labels: Mapping[str, str],
        created_by: str = "",
    ) -> tuple[job_pb2.Job, bool]:
        """Queue a job; returns it, and whether it is new (ReusedError where the id was another request's)."""
        with self._database.transaction() as opened:
            if request_id:
                known = self._database.row("select body from job where request_id = ?", (request_id,))
                if known is not None:
                    job = _parse_job(known)
                    if job.spec == spec:
                        return job, False
                    why = f"was used before, for another job ({job.job_id})"
                    raise ReusedError(f"request id {request_id!r} {why}")
            job = job_pb2.Job(job_id=secrets.token_hex(6), kind=kind, spec=spec, state=QUEUED, labels=labels)
            job.created_by = created_by
            job.create_time.GetCurrentTime()
            added = opened.execute(
                "insert into job (job_id, request_id, kind, state, labels, body, wish, best, failures, "
                "created_by) values (?, ?, ?, ?, ?, ?, 'run', '{}', 0, ?)",
                (job.job_id, request_id or None, kind, QUEUED, json.dumps(dict(labels)), b"", created_by),
            )
            job.turn = added.lastrowid or 0
            self._append_state(opened, job)
        self._database.on_commit(lambda: self.on_event(job.job_id))
        return job, True

    def get(self, job_id: str) -> job_pb2.Job:
        """One job (NotFoundError where there is none)."""
        return _parse_job(self._job_row(job_id))

    def get_control_record(self, job_id: str) -> ControlRecord:
        """Its state that clients don't see (NotFoundError)."""
        row = self._job_row(job_id)
        return ControlRecord(row["wish"], row["best"], row["failures"])

    def listed(self, filters: JobFilter, size: int, token: str) -> tuple[list[job_pb2.Job], str]:
        """A page of jobs, the newest first, and the token of the next (UsageError)."""
        clauses = ["1"]
        values = list[object]()
        for column, wanted in (("state", filters.states), ("kind", filters.kinds)):
            if wanted:
                clauses.append(f"{column} in ({','.join('?' * len(wanted))})")
                values += wanted
        for name, value in filters.labels.items():
            clauses.append("exists (select 1 from json_each(labels) where key = ? and value = ?)")
            values += [name, value]
        rows, following = page(self._database, "job", " and ".join(clauses), tuple(values), size, token)
        return [_parse_job(row) for row in rows], following

    def in_states(self, states: Sequence[int]) -> list[job_pb2.Job]:
        """Jobs in one of these states, the oldest first."""
        where = f"state in ({','.join('?' * len(states))})"
        query = f"select body from job where {where} order by number"  # noqa: S608 - only marks
        return [_parse_job(row) for row in self._database.rows(query, tuple(states))]

    def counts(self) -> dict[tuple[int, int], int]:
        """Numbers of jobs, by kind and state."""
        rows = self._database.rows("select kind, state, count(*) from job group by kind, state")
        return {(kind, state): count for kind, state, count in rows}

    def waiting_since(self) -> dict[int, float]:
        """Since when the job has waited that has waited longest (seconds since 1970), by kind."""
        query = """
            select kind, (select body from event where job_id = job.job_id and kind = 'state'
            order by seq desc limit 1) as body from job where state = ?"""
        found = dict[int, float]()
        for row in self._database.rows(query, (QUEUED,)):
            since = job_pb2.JobEvent.FromString(row["body"]).time.ToMilliseconds() / 1000
            found[row["kind"]] = min(since, found.get(row["kind"], since))
        return found

    def queued(self) -> list[tuple[str, int]]:
        """Id and kind of the jobs that wait for their turn, in that order."""
        query = f"select job_id, kind from job where state = ? order by {_BY_TURN}"  # noqa: S608 - a constant
        return [tuple(row) for row in self._database.rows(query, (QUEUED,))]

    def move(self, job_id: str, before: str) -> None:
        """Puts a queued job of a client right before another; "" for all of them.

        The client's jobs share the turns that they have, so that nobody else's place changes.

        Raises:
            NotFoundError, UsageError: not both wait for their turn, or they are of two clients.
        """
        with self._database.transaction():
            client = self.get(job_id).created_by
            query = f"""select job_id, turn, number from job where state = ? and created_by = ?
            order by {_BY_TURN}"""  # noqa: S608 - a constant
            rows = list(self._database.rows(query, (QUEUED, client)))
            turns = [row["turn"] or row["number"] for row in rows]
            order = [row["job_id"] for row in rows]
            for one in filter(None, (job_id, before)):
                if one not in order:
                    self._job_row(one)
                    raise UsageError(f"job {one} doesn't wait for its turn, or is another client's")
            if before == job_id:
                return
            order.remove(job_id)
            order.insert(order.index(before) if before else 0, job_id)
            for each, turn in zip(order, turns, strict=True):
                with self.changing(each) as job:
                    job.turn = turn

    def count_unended(self, client: str) -> int:
        """Number of jobs of a client that wait or run."""
        marks = ",".join("?" * len(UNENDED))
        query = f"select count(*) from job where created_by = ? and state in ({marks})"  # noqa: S608
        found = self._database.row(query, (client, *UNENDED))
        return 0 if found is None else int(found[0])

    def jobs_to_reconcile(self) -> list[tuple[str, int, str]]:
        """Id, state and desired state of the jobs that aren't where clients want them."""
        marks = ",".join("?" * len(UNENDED))
        query = f"select job_id, state, wish from job where state in ({marks})"  # noqa: S608 - only marks
        rows = self._database.rows(query, UNENDED)
        return [tuple(row) for row in rows if row["state"] in _UNLIKE[row["wish"]]]

    @contextlib.contextmanager
    def changing(self, job_id: str) -> Iterator[job_pb2.Job]:
        """The job, whose changes by the block are kept, and told where they include its state."""
        with self._database.transaction() as opened:
            job = self.get(job_id)
            before = job.state
            yield job
            if job.state != before:
                self._note_time(job, before)
                if job.state in ENDED:
                    job.end_time.GetCurrentTime()
                self._append_state(opened, job)
            else:
                self._write_job(opened, job)
        self._database.on_commit(lambda: self.on_event(job_id))

    def put_best(self, job_id: str, best: str, failures: int) -> None:
        """Keep the furthest that a job came, and its crashes since then (as ``ControlRecord``).

        What clients want of the job stays as it is: only they change that, at any time.
        """
        with self._database.transaction() as opened:
            opened.execute("update job set best = ?, failures = ? where job_id = ?", (best, failures, job_id))

    def set_desired_state(self, job_id: str, state: str) -> bool:
        """Note what clients want of a job (NotFoundError); False where that is nothing new.

        Who cancels, means it: after that nothing else can be wanted.
        """
        self._job_row(job_id)
        query = "update job set wish = ?1 where job_id = ?2 and wish not in ('cancel', ?1)"
        with self._database.transaction() as opened:
            return opened.execute(query, (state, job_id)).rowcount > 0

    def add_event(self, job_id: str, event: job_pb2.JobEvent) -> list[job_pb2.JobEvent]:
        """Keep an event that is no change of state; returns older ones that were let go for it."""
        thinned: list[job_pb2.JobEvent] = []
        kind = event.WhichOneof("event") or ""
        with self._database.transaction() as opened:
            job = self.get(job_id)
            if kind == "progress":
                job.progress.CopyFrom(event.progress)
                opened.execute("delete from event where job_id = ? and kind = 'progress'", (job_id,))
            self._append(opened, job, event, kind)
            self._write_job(opened, job)
            for kept, limit in (("preview", KEPT_PREVIEWS), ("log", KEPT_LOGS)):
                if kind == kept:
                    thinned = self._thin(opened, job_id, kind, limit)
        self._database.on_commit(lambda: self.on_event(job_id))
        return thinned

    def events(self, job_id: str, after: int, limit: int = 500) -> list[job_pb2.JobEvent]:
        """Events of a job after a number, in order; fewer than there are where those are many or long."""
        query = "select body from event where job_id = ? and seq > ? order by seq limit ?"
        events = list[job_pb2.JobEvent]()
        length = 0
        with contextlib.closing(self._database.each(query, (job_id, after, limit))) as found:
            for row in found:
                length += len(row["body"])
                if events and length > MAX_BATCH_BYTES:
                    break
                events.append(job_pb2.JobEvent.FromString(row["body"]))
        return events

    def delete(self, job_id: str) -> None:
        """Forget a job and its events (NotFoundError)."""
        self._job_row(job_id)
        with self._database.transaction() as opened:
            opened.execute("delete from job where job_id = ?", (job_id,))

    def _job_row(self, job_id: str) -> sqlite3.Row:
        row = self._database.row("select * from job where job_id = ?", (job_id,))
        if row is None:
            raise NotFoundError(f"there is no job {job_id}")
        return row

    def _append_state(self, opened: sqlite3.Connection, job: job_pb2.Job) -> None:
        event = job_pb2.JobEvent()
        job.last_seq += 1
        event.job.CopyFrom(job)
        job.last_seq -= 1
        self._append(opened, job, event, "state")
        self._write_job(opened, job)

    def _note_time(self, job: job_pb2.Job, left: int) -> None:
        """Tell how long a job was in the state that it leaves, and, where it ends, how long it took."""
        query = "select body from event where job_id = ? and kind = 'state' order by seq desc limit 1"
        row = self._database.row(query, (job.job_id,))
        came = job.create_time if row is None else job_pb2.JobEvent.FromString(row["body"]).time
        now = time.time()
        times = [(job.kind, left, max(0, now - came.ToMilliseconds() / 1000))]
        if job.state in ENDED:
            times.append((job.kind, job.state, max(0, now - job.create_time.ToMilliseconds() / 1000)))
        for time_in_state in times:
            self._database.on_commit(functools.partial(self.on_time, *time_in_state))

    @staticmethod
    def _append(opened: sqlite3.Connection, job: job_pb2.Job, event: job_pb2.JobEvent, kind: str) -> None:
        job.last_seq += 1
        event.seq = job.last_seq
        event.time.GetCurrentTime()
        opened.execute(
            "insert into event values (?, ?, ?, ?)", (job.job_id, event.seq, kind, event.SerializeToString())
        )

    @staticmethod
    def _write_job(opened: sqlite3.Connection, job: job_pb2.Job) -> None:
        opened.execute(
            "update job set state = ?, turn = ?, body = ? where job_id = ?",
            (job.state, job.turn, job.SerializeToString(), job.job_id),
        )

    @staticmethod
    def _thin(opened: sqlite3.Connection, job_id: str, kind: str, keep: int) -> list[job_pb2.JobEvent]:
        rows = opened.execute(
            "delete from event where job_id = ?1 and kind = ?2 and seq <= "
            "(select seq from event where job_id = ?1 and kind = ?2 order by seq desc limit 1 offset ?3) "
            "returning body",
            (job_id, kind, keep),
        ).fetchall()
        return [job_pb2.JobEvent.FromString(row["body"]) for row in rows]


def page(
    database: Database, table: str, where: str, values: tuple[object, ...], size: int, token: str
) -> tuple[deque[sqlite3.Row], str]:
    """Rows of one of our tables, the newest first, and the token of the next page (UsageError)."""
    if not 0 <= size <= MAX_PAGE:
        raise UsageError(f"a page of {size} cannot be had; ask for 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}")
    if token and not (token.isascii() and token.isdigit() and len(token) < 19):
        raise UsageError("the page token isn't one that this engine gave")
    size = size or DEFAULT_PAGE
    below = int(token) if token else 1 << 62
    query = f"select * from {table} where {where} and number < ? order by number desc limit ?"  # noqa: S608
    rows = deque[sqlite3.Row]()
    length = 0
    with contextlib.closing(database.each(query, (*values, below, size + 1))) as found:
        for row in found:
            length += len(row["body"])
            if rows and (len(rows) == size or length > MAX_BATCH_BYTES):
                return rows, str(rows[-1]["number"])
            rows.append(row)
    return rows, ""


def _parse_job(row: sqlite3.Row) -> job_pb2.Job:
    return job_pb2.Job.FromString(row["body"])

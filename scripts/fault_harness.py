"""Kills engines and their workers, cuts their connections and floods them, and measures what is left.

    ./scripts/faults [--kills 50] [--only kills watchers crowd silence locks ...] [-o FILE]

Prints a table for docs/reliability.md, and JSON to FILE. Ends with 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from crowd_scenarios import crowd, locks, silence  # noqa: E402
from serving import Cutter, Served, alive  # noqa: E402

from recaster.api.v1 import job_pb2  # noqa: E402
from recaster.client import Address, Client  # noqa: E402
from recaster.files import sync  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

ACTORS = ROOT / "scripts" / "actors"
STEPS = 40
LIVE = (job_pb2.JOB_STATE_STARTING, job_pb2.JOB_STATE_RUNNING)
ENDED = (job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED)
GIB = 1 << 30


def prepared(folder: Path) -> tuple[Served, Client, str, str]:
    """An engine with a clip and faces: engine, client, clip, faceset."""
    served = Served(folder / f"data{random.randrange(10**9)}")  # noqa: S311
    client = served.client(patience_s=120)
    clip = client.take_clip(ACTORS / "performer.mp4")
    likeness = job_pb2.ExtractInput(clip_id=client.take_clip(ACTORS / "likeness.mp4"))
    options = job_pb2.ExtractOptions(every=6)
    extract = job_pb2.ExtractSpec(inputs=[likeness], display_name="likeness", options=options)
    job = client.jobs.wait(client.jobs.create(job_pb2.JobSpec(extract=extract)).job_id)
    return served, client, clip, job.result.faceset_id


def specs(clip: str, faceset: str) -> tuple[job_pb2.JobSpec, job_pb2.JobSpec]:
    """A training and a swap."""
    train = job_pb2.TrainSpec(source_faceset_id=faceset, options=job_pb2.TrainOptions(steps=STEPS))
    return job_pb2.JobSpec(train=train), job_pb2.JobSpec(
        swap=job_pb2.SwapSpec(clip_id=clip, faceset_id=faceset, without_manifest=True)
    )


def kills(folder: Path, count: int) -> dict[str, Any]:
    """Kill workers and engines at random moments of trainings and swaps, ``count`` times in all."""
    dice = random.Random(count)  # noqa: S311 - the same every time
    served, client, clip, faceset = prepared(folder)
    train, swap = specs(clip, faceset)
    undisturbed = client.jobs.wait(client.jobs.create(swap).job_id).result.artifacts[0].digest
    done = {"worker": 0, "engine": 0}
    jobs = 0
    lost = []
    back = []
    while sum(done.values()) < count:
        for spec in (train, swap):
            job = client.jobs.create(spec)
            jobs += 1
            while (now := client.jobs.get(job.job_id)).state not in ENDED:
                time.sleep(dice.uniform(0.2, 3.0))
                now = client.jobs.get(job.job_id)
                if now.state not in LIVE or sum(done.values()) >= count or crashes(served, job.job_id):
                    continue  # a worker that dies twice at the same place has failed, as it should
                attempts = now.attempts
                began = time.monotonic()
                if dice.random() < 0.6:
                    for process in served.workers():
                        os.kill(process, signal.SIGKILL)
                    done["worker"] += 1
                else:
                    orphans = served.workers()
                    served.kill()
                    while any(map(alive, orphans)):
                        time.sleep(0.01)
                    back.append(time.monotonic() - began)
                    served.start()
                    done["engine"] += 1
                # What the dead one had told may still come in: only what the next one does counts.
                until(
                    client, job.job_id, lambda one, last=attempts: one.attempts > last or one.state in ENDED
                )
            ended = client.jobs.get(job.job_id)
            lost += (found := checked(client, ended, undisturbed))
            print(*found, sep="\n", file=sys.stderr)
            print(f"{sum(done.values())}/{count} kills, {jobs} jobs, {len(lost)} losses", file=sys.stderr)
    served.stop()
    return {
        "kills of workers": done["worker"],
        "kills of engines": done["engine"],
        "jobs": jobs,
        "slowest end of an orphaned worker, s": round(max(back, default=0.0), 2),
        "losses": lost,
    }


def crashes(served: Served, job_id: str) -> int:
    """Counts the deaths of a job's worker since it came further than ever, as the engine counts."""
    with contextlib.closing(sqlite3.connect(served.data / "store.sqlite", timeout=60)) as store:
        return int(store.execute("select failures from job where job_id = ?", (job_id,)).fetchone()[0])


def checked(client: Client, job: job_pb2.Job, undisturbed: str) -> list[str]:
    """Losses of a job that was disturbed."""
    if job.state != job_pb2.JOB_STATE_SUCCEEDED:
        return [f"{job.job_id}: {job.error.message}"]
    lost = []
    if job.result.model_id and client.model(job.result.model_id).steps != STEPS:
        lost.append(f"{job.job_id}: {client.model(job.result.model_id).steps} steps, not {STEPS}")
    if job.result.artifacts and job.result.artifacts[0].digest != undisturbed:
        lost.append(f"{job.job_id}: another clip than undisturbed")
    events = list(client.jobs.watch(job.job_id))[1:]
    numbers = [event.seq for event in events]
    if numbers != sorted(set(numbers)) or events[-1].job.state != job_pb2.JOB_STATE_SUCCEEDED:
        lost.append(f"{job.job_id}: events out of order")
    return lost


def uploads(folder: Path, cuts: int = 20) -> dict[str, Any]:
    """Cut one upload and one download again and again."""
    served = Served(folder / "uploads")
    path = folder / "big.bin"
    path.write_bytes(os.urandom(256 << 20))
    up, down = (Cutter(served.address, 10 << 20, cuts) for _ in range(2))
    with Client(Address(up.address, served.token)) as client:
        digest = client.transfer.upload(path, local=False)
    with Client(Address(down.address, served.token)) as client:
        client.transfer.download(digest, folder / "back.bin")
    same = (folder / "back.bin").read_bytes() == path.read_bytes()
    served.stop()
    return {
        "size, MiB": 256,
        "cuts up": up.cut,
        "cuts down": down.cut,
        "losses": [] if same else ["bytes differ"],
    }


def watchers(folder: Path, count: int = 200) -> dict[str, Any]:
    """Time unary calls while many watch a training."""
    served, client, clip, faceset = prepared(folder)
    train, _ = specs(clip, faceset)
    train.train.options.steps = 100_000
    job = client.jobs.create(train)
    seen = [0] * count
    clients = [served.client() for _ in range(count)]

    def watch(number: int) -> None:
        for _ in clients[number].jobs.watch(job.job_id):
            seen[number] += 1

    for number in range(count):
        threading.Thread(target=watch, args=(number,), daemon=True).start()
    while min(seen) < 3:
        time.sleep(0.2)
    alone = []
    many = []
    for _ in range(500):
        began = time.monotonic()
        client.jobs.get(job.job_id)
        many.append(1000 * (time.monotonic() - began))
        time.sleep(0.01)
    began = time.monotonic()
    client.jobs.cancel(job.job_id)
    while client.jobs.get(job.job_id).state not in ENDED:
        time.sleep(0.01)
    cancelled = time.monotonic() - began
    for _ in range(500):
        began = time.monotonic()
        client.jobs.get(job.job_id)
        alone.append(1000 * (time.monotonic() - began))
        time.sleep(0.01)
    served.kill()
    return {
        "watchers": count,
        "events each saw, least": min(seen),
        "unary p50 / p95, ms": f"{percentile(many, 50):.1f} / {percentile(many, 95):.1f}",
        "without watchers or job, ms": f"{percentile(alone, 50):.1f} / {percentile(alone, 95):.1f}",
        "cancelled within, s": round(cancelled, 2),
        "losses": [],
    }


def rates(folder: Path) -> dict[str, Any]:
    """Move a GiB up, down, and through a drop, against a copy of the file."""
    served = Served(folder / "rates")
    path = folder / "gib.bin"
    with path.open("wb") as file:
        for _ in range(1024):
            file.write(os.urandom(1 << 20))
    with served.client() as client:
        copy = seconds(lambda: shutil.copyfile(path, folder / "copy.bin"))
        durable = copy + seconds(lambda: sync(folder / "copy.bin"))
        hashing = seconds(lambda: hashlib.file_digest(path.open("rb"), "sha256"))
        up = seconds(lambda: client.transfer.upload(path, local=False)) - hashing
        digest = hashlib.file_digest(path.open("rb"), "sha256").hexdigest()
        down = seconds(lambda: client.transfer.download(digest, folder / "back.bin"))
        with path.open("r+b") as file:
            file.write(os.urandom(64))
        drop = seconds(lambda: client.transfer.upload(path)) - hashing
    served.stop()
    named = {
        "copy": copy,
        "copy and fsync": durable,
        "SHA-256": hashing,
        "upload": up,
        "download": down,
        "handed over": drop,
    }
    return {f"{name}, MB/s": round(GIB / 1e6 / took) for name, took in named.items()} | {"losses": []}


def many(folder: Path, count: int = 10_000) -> dict[str, Any]:
    """Create, list and cancel many jobs, and look at the engine's memory."""
    served, client, clip, faceset = prepared(folder)
    train, swap = specs(clip, faceset)
    train.train.options.steps = 10**9
    client.jobs.create(train)  # keeps the device, so that the others wait
    memory = {}
    create = []
    for number in range(count):
        if number in (100, count // 2):
            memory[f"at {number} jobs"] = resident(served)
        began = time.monotonic()
        client.jobs.create(swap, labels={"number": str(number)})
        create.append(1000 * (time.monotonic() - began))
    memory[f"at {count} jobs"] = resident(served)
    began = time.monotonic()
    listed = sum(1 for _ in client.jobs.listed(page_size=1000))
    took = time.monotonic() - began
    memory["after listing all"] = resident(served)
    served.kill()
    lost = [] if listed >= count else [f"{listed} of {count} listed"]
    return {
        "jobs": count,
        "create p50 / p95, ms": f"{percentile(create, 50):.1f} / {percentile(create, 95):.1f}",
        "list all, s": round(took, 1),
        "resident memory, MiB": memory,
        "losses": lost,
    }


def answers(folder: Path) -> dict[str, Any]:
    """Measures the delay until pausing, resuming and cancelling a training and a swap act."""
    served, client, clip, faceset = prepared(folder)
    train, swap = specs(clip, faceset)
    train.train.options.steps = 100_000
    found: dict[str, Any] = {}
    for name, spec in (("training", train), ("swap", swap)):
        job = client.jobs.create(spec).job_id
        until(client, job, lambda one: one.state == LIVE[1] and one.progress.done > 1)
        for what, ask, states in (
            ("pause", client.jobs.pause, (job_pb2.JOB_STATE_PAUSED,)),
            ("resume", client.jobs.resume, LIVE),
            ("cancel", client.jobs.cancel, (job_pb2.JOB_STATE_CANCELLED,)),
        ):
            began = time.monotonic()
            ask(job)
            until(client, job, lambda one, states=states: one.state in (*states, *ENDED))
            found[f"{what} a {name}, s"] = round(time.monotonic() - began, 2)
        time.sleep(1)
    served.kill()
    return found | {"losses": []}


def until(client: Client, job_id: str, good: Callable[[job_pb2.Job], bool]) -> None:
    """Wait until a job is as it should be."""
    while not good(client.jobs.get(job_id)):
        time.sleep(0.01)


def seconds(do: Callable[[], Any]) -> float:
    """Measures the time of a call."""
    began = time.monotonic()
    do()
    return time.monotonic() - began


def percentile(values: list[float], share: int) -> float:
    """The value below which so many percent lie."""
    return statistics.quantiles(values, n=100)[share - 1]


def resident(served: Served) -> float:
    """MiB of memory that an engine's own process has."""
    pages = int(Path(f"/proc/{served.pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def main() -> int:
    """Run what is asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    scenarios = (kills, uploads, watchers, rates, many, answers, crowd, silence, locks)
    every: dict[str, Callable[..., dict[str, Any]]] = {one.__name__: one for one in scenarios}
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--only", nargs="+", choices=every, default=list(every))
    parser.add_argument("-o", "--out", type=Path)
    options = parser.parse_args()
    found = {"load before": os.getloadavg()[0], "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="recaster-faults-") as name:
        os.environ["RECASTER_CACHE"] = f"{name}/cache"
        for one in options.only:
            began = time.monotonic()
            more = (options.kills,) if one == "kills" else ()
            found[one] = every[one](Path(name), *more) | {"took, s": 0}
            found[one]["took, s"] = round(time.monotonic() - began)
            print(
                f"\n### {one}\n",
                *(f"- {what}: {value}" for what, value in found[one].items()),
                sep="\n",
                flush=True,
            )
            if options.out:
                options.out.write_text(json.dumps(found, indent=1))
    return int(any(found[one]["losses"] for one in options.only))


if __name__ == "__main__":
    sys.exit(main())

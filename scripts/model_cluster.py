"""Models series of 1080p on many machines: ``python scripts/model_cluster.py``.

Clips go through stages. Some are done by the cluster, in tasks, which are begun for whichever clip has the
fewest; the others are done by one process for each clip in work, on the machine that its command runs on,
whose cores and network these processes share evenly. Commands run on machines of the cluster: what they do
themselves is taken off, as cores that nodes lack. Figures of CPU are taken as the time of a core.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import Final, NamedTuple

FRAMES_HOUR: Final = 3600 * 25
STEP_S: Final = 0.1

# Measured, in CPU seconds: 150 frames of 1920 x 1080 at 21 Mbit/s with noise, one face, at once, one process
# beside so much other work (load 24 to 31 on two cores) that an idle machine takes perhaps half of it. The
# rest was measured beside other work, too.
SCAN_S: Final = 0.0159
FIRST_PASS_S: Final = 0.0529
RENDER_S: Final = 0.1768
LOOK_S: Final = 4.5
"""For each track: how its performer usually looks, of 48 frames, which are decoded for it."""
RESULT_BYTES: Final = 139_000
PACKETS_S: Final = 0.00057
"""Of the pass over a clip's packets, before it is split for the scan."""
DIGEST_BYTES_S: Final = 1.07e9
PLAN_S: Final = 0.0016
"""Of 80 tracks of 125 frames (docs/performance.md, "Before the rendering")."""
SETTLE_S: Final = 0.00014
"""Of it and of the digests, what one process does even where several plan."""
MIN_FRAMES_PLANNED_AT_ONCE: Final = 8_000
JOIN_S: Final = 0.0652e-3
"""Of a frame with its sound: 32,000 small frames in 500 segments."""
SIGN_BYTES_S: Final = 1.6e9 / 9.5
"""docs/performance.md, "Signing"."""
START_S: Final = 3.1
"""Of a process: its start and the source's likeness (docs/performance.md, a clip of three frames)."""

# Assumed.
CORES: Final = 16
"""Of each machine, the command's own too."""
FRAME_BYTES: Final = 20e6 / 8 / 25  # 20 Mbit/s
NETWORK_BYTES_S: Final = 1.17e9  # 10 Gbit/s, of the command's machine
SHOT_FRAMES: Final = 125  # a shot of 5 s, and one track in each
SCAN_TASK: Final = 500 * SCAN_S
FIRST_PASS_TASK: Final = 250 * FIRST_PASS_S
LOOK_TASK: Final = 4 * LOOK_S  # of the shots that begin in 500 frames
RENDER_TASK: Final = 4 * 64 * RENDER_S


class Stage(NamedTuple):
    """Something of a clip that has to end before its next stage begins.

    Attributes:
        amount: seconds of cores, or bytes of the command's network.
        task: seconds of the core of one task where the cluster does it; 0 where the command does.
    """

    name: str
    amount: float
    task: float = 0.0
    is_network: bool = False


@dataclass
class Clip:
    """A clip in work: its stages, and of the first of them what is done, running and to be begun."""

    stages: list[Stage]
    done: float = 0.0
    running: int = 0
    waiting: int = 0

    def begin(self) -> None:
        """Begins the stage that is now the first."""
        self.done = 0.0
        self.waiting = 0
        if self.stages and self.stages[0].task:
            self.waiting = math.ceil(self.stages[0].amount / self.stages[0].task)


class Series(NamedTuple):
    """A series of equal clips, and how it is worked on.

    Attributes:
        at_once: clips in work at a time.
        is_shared: whether their files are read in place by all machines, and not stored first.
        commands: machines that commands run on, which divide clips evenly.
    """

    clips: int
    at_once: int
    is_shared: bool = True
    commands: int = 1
    hours: int = 10


class Outcome(NamedTuple):
    """Time of all, its efficiency, and seconds of each stage, of all clips together."""

    seconds: float
    efficiency: float
    stages: dict[str, float]


def list_stages(series: Series, number: int) -> list[Stage]:
    """Lists the stages of a clip by its number; a process's first one begins with its start."""
    frames = series.hours * FRAMES_HOUR / series.clips
    size = frames * FRAME_BYTES
    result = frames * RESULT_BYTES
    own_cores = CORES * series.commands // series.at_once
    planners = max(1, own_cores) if frames >= MIN_FRAMES_PLANNED_AT_ONCE else 1
    return [
        *([Stage("start", START_S)] if number < series.at_once else []),
        Stage("reading", size, is_network=True),
        Stage("digest, packets", max(size / DIGEST_BYTES_S, frames * PACKETS_S)),
        *([] if series.is_shared else [Stage("storing", size, is_network=True)]),
        Stage("scan", frames * SCAN_S, SCAN_TASK),
        Stage("first pass", frames * FIRST_PASS_S, FIRST_PASS_TASK),
        Stage("planning", frames * (SETTLE_S + PLAN_S / planners)),
        Stage("looks", frames / SHOT_FRAMES * LOOK_S, LOOK_TASK),
        Stage("rendering", frames * RENDER_S, RENDER_TASK),
        Stage("joining", frames * JOIN_S),
        Stage("signing", result / SIGN_BYTES_S),
    ]


def model(machines: int, series: Series) -> Outcome:
    """Models a series on some machines; commands on no more than there are."""
    commands = min(series.commands, machines)
    series = series._replace(commands=commands, at_once=series.at_once * commands // series.commands)
    waiting = [Clip(list_stages(series, number)) for number in range(series.clips)]
    stages = [stage for clip in waiting for stage in clip.stages if not stage.is_network]
    work = sum(stage.amount for stage in stages if stage.task)
    own = sum(stage.amount for stage in stages if not stage.task)
    active: list[Clip] = []
    ends: list[tuple[float, int, Clip]] = []
    free = machines * CORES
    spent: dict[str, float] = {}
    time = 0.0
    while waiting or active:
        while waiting and len(active) < series.at_once:
            active.append(waiting.pop(0))
            active[-1].begin()
        free -= _begin_tasks(active, ends, free, time)
        time += STEP_S
        while ends and ends[0][0] <= time:
            clip = heapq.heappop(ends)[2]
            clip.running -= 1
            free += 1
        _advance(active, series.commands)
        for clip in active:
            name = clip.stages[0].name
            spent[name] = spent.get(name, 0) + STEP_S
            if _has_ended(clip):
                clip.stages.pop(0)
                clip.begin()
        active = [clip for clip in active if clip.stages]
    return Outcome(time, work / (machines * CORES * time + own), spent)


def _begin_tasks(active: list[Clip], ends: list[tuple[float, int, Clip]], free: int, time: float) -> int:
    """Begins tasks while there are cores for them; returns how many cores they take."""
    taken = 0
    while True:
        able = [clip for clip in active if clip.waiting]
        if not able or taken == free:
            return taken
        clip = min(able, key=lambda each: each.running)
        stage = clip.stages[0]
        seconds = stage.amount / math.ceil(stage.amount / stage.task)
        clip.waiting -= 1
        clip.running += 1
        heapq.heappush(ends, (time + seconds, id(clip), clip))
        taken += 1


def _advance(active: list[Clip], commands: int) -> None:
    """Lets what commands do themselves come further by a step."""
    networked = [clip for clip in active if clip.stages[0].is_network]
    alone = [clip for clip in active if not clip.stages[0].task and not clip.stages[0].is_network]
    for clip in networked:
        clip.done += NETWORK_BYTES_S * STEP_S * min(1.0, commands / len(networked))
    for clip in alone:
        clip.done += STEP_S * min(1.0, CORES * commands / len(alone))


def _has_ended(clip: Clip) -> bool:
    stage = clip.stages[0]
    return clip.waiting == clip.running == 0 if stage.task else clip.done >= stage.amount


def main() -> None:
    """Prints time and efficiency for numbers of machines, and what takes longest."""
    for title, series in SERIES.items():
        print(title)
        for machines in (1, 10, 100, 1000):
            outcome = model(machines, series)
            longest = sorted(outcome.stages.items(), key=lambda stage: -stage[1])[:6]
            named = ", ".join(f"{name} {seconds / series.clips:,.1f}" for name, seconds in longest)
            said = f"{machines:5} machines {outcome.seconds:8,.0f} s, efficiency {outcome.efficiency:.4f}"
            print(f"{said}; seconds of a clip: {named}")


SERIES: Final = {
    "one clip of ten hours": Series(1, 1),
    "20 episodes, one after another": Series(20, 1),
    "20 episodes, 16 at once": Series(20, 16),
    "20 episodes, 16 at once, stored first": Series(20, 16, is_shared=False),
    "20 episodes, by 5 commands": Series(20, 20, commands=5),
    "120 reels of 5 minutes, by 5 commands, 16 at once each": Series(120, 80, commands=5),
    "120 reels of 5 minutes, by 50 commands, 3 at once each": Series(120, 120, commands=50),
    "600 reels of a minute, by 50 commands, 12 at once each": Series(600, 600, commands=50),
    "7,200 shots of 5 seconds, by 100 commands, 16 at once each": Series(7200, 1600, commands=100),
    "200 episodes (100 hours), by 5 commands, 16 at once each": Series(200, 80, commands=5, hours=100),
    "200 episodes (100 hours), by 50 commands, 4 at once each": Series(200, 200, commands=50, hours=100),
}

if __name__ == "__main__":
    main()

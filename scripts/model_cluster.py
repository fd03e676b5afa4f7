"""Models 10 h of 1080p on many machines, from measured rates: ``python scripts/model_cluster.py``.

What the driver does alone (planning, looking at faces, joining, signing) isn't shared out, so it bounds what
machines can give. Figures of CPU are taken as the time of a core; nothing waits but as said here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

CORES: Final = 16
"""Assumed, of each machine."""
FRAMES: Final = 10 * 3600 * 25
"""Of one clip, or of several that one driver swaps."""

# Measured: CPU seconds of 300 frames of 1920 x 1080 with one face, at once, one process, beside other work.
FIRST_PASS_S: Final = 9.47 / 300
RENDER_S: Final = 26.64 / 300
PLAN_S: Final = (0.160 - 0.113) / 150
"""By which 300 frames took longer than 150."""
LOOK_S: Final = 1.85
"""For each track: how its performer usually looks, of 48 frames; the second time in one process."""
RESULT_BYTES: Final = 4.43e6 / 300
JOIN_S: Final = (0.229 - 0.147) / 150
# Measured: on a folder of this machine, 268 MB of random bytes.
STORE_BYTES_S: Final = 373e6
FETCH_BYTES_S: Final = 332e6
# Measured before: docs/performance.md, "Signing".
SIGN_BYTES_S: Final = 1.6e9 / 9.5
START_S: Final = 3.1
"""Of a process: its start and the source's likeness (docs/performance.md, a clip of three frames)."""

# Assumed.
CLIP_BYTES: Final = 10 * 3600 * 20e6 / 8  # 20 Mbit/s
NETWORK_BYTES_S: Final = 1.17e9  # 10 Gbit/s, of driver and storage each
SHOT_FRAMES: Final = 125  # a shot of 5 s, and one track in each
ROUGHNESS: Final = 0.5  # of a task, that the last one runs alone


class Stage(NamedTuple):
    """Something that has to end before the next begins, in seconds."""

    name: str
    seconds: float


def model(machines: int, driver_cores: int = 1) -> tuple[list[Stage], float]:
    """Models the stages of a swap on some machines; returns them, and its work in seconds of a core.

    Args:
        driver_cores: how many cores share looking at faces, if that were shared out.
    """
    cores = machines * CORES
    segment = 250 * FIRST_PASS_S
    run = 4 * 64 * RENDER_S
    result = FRAMES * RESULT_BYTES
    rendering = FRAMES * RENDER_S / cores + ROUGHNESS * run
    stages = [
        Stage("storing the clip", CLIP_BYTES / min(STORE_BYTES_S, NETWORK_BYTES_S)),
        Stage("first pass", START_S + FRAMES * FIRST_PASS_S / cores + ROUGHNESS * segment),
        Stage("planning", FRAMES * PLAN_S),
        Stage("looking at faces", FRAMES / SHOT_FRAMES * LOOK_S / driver_cores),
        # Results are fetched meanwhile: the slower of both counts.
        Stage("rendering", START_S + max(rendering, result / min(FETCH_BYTES_S, NETWORK_BYTES_S))),
        Stage("joining", FRAMES * JOIN_S),
        Stage("signing", result / SIGN_BYTES_S),
    ]
    return stages, FRAMES * (FIRST_PASS_S + RENDER_S)


def main() -> None:
    """Prints time and efficiency for numbers of machines, and what takes longest."""
    for shares_look in (False, True):
        print("looking at faces shared out by all cores" if shares_look else "as it is")
        for machines in (1, 10, 100, 1000):
            stages, work = model(machines, machines * CORES if shares_look else 1)
            total = sum(stage.seconds for stage in stages)
            efficiency = work / (machines * CORES * total)
            longest = sorted(stages, key=lambda stage: -stage.seconds)[:3]
            named = ", ".join(f"{stage.name} {stage.seconds:,.0f} s" for stage in longest)
            print(f"{machines:5} machines {total:8,.0f} s, efficiency {efficiency:.4f}: {named}")


if __name__ == "__main__":
    main()

"""Benchmark of speed: the engine, the faceswap-GAN baseline, and decoding and encoding alone."""

from __future__ import annotations

import os
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster import __version__
from recaster.api.internal.v1.benchmark_pb2 import SpeedTask
from recaster.benchmarks.process_cost import Cost, measured
from recaster.errors import UsageError
from recaster.media.probe import probe
from recaster.processes.channel import path_to_bytes
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from recaster.media.types import ClipInfo

TASK: Final = "recaster.benchmarks.speed_worker"
FORMAT: Final = 1


@dataclass(frozen=True)
class SpeedSettings:
    """Settings of a speed benchmark.

    Attributes:
        model, source: a trained model for the engine, or a faceset for a swap without training.
        frames: of the clip, for engine and floor; None for all.
        baseline_frames: frames that the baseline gets, from the clip's start; 0 leaves it out.
        baseline_model: a trained classic-64 model for it; None leaves its network untrained, which
            takes as long.
        device: "auto", "cpu" or "gpu".
    """

    model: Path | None = None
    source: Path | None = None
    frames: range | None = None
    baseline_frames: int = 3
    baseline_model: Path | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuses settings that can't be measured."""
        if (self.model is None) == (self.source is None):
            raise UsageError("give either a model or a source faceset to measure the engine with")
        if self.baseline_frames < 0:
            raise UsageError("the baseline can't have fewer than no frames")


def measure_speed(clip: Path, settings: SpeedSettings, report: Report = silent) -> dict[str, Any]:
    """Measures floor, baseline and engine one after another, each in a process of its own.

    CPU time is that of whole processes, all cores, by the system's accounts. Of floor and baseline the
    start (imports, weights, first graph) is left out, since it says nothing about a frame; the engine's is
    left in, as its user pays it for every clip, and given beside it. The engine analyses the clip anew.
    Stages are wall time: the engine's run side by side.

    Returns:
        A JSON object: "clip", "machine", and for each of "floor", "baseline", "engine"
        "cpu_ms_per_frame", "frames_per_second", "peak_rss_mb" (MiB), "stages" (wall ms a frame), "frames",
        "start_cpu_s"; "ratios": "baseline_to_engine_cpu", "engine_to_floor_cpu", "baseline_to_engine_wall".
        Where the baseline was left out, so are its figures and the ratios to it.

    Raises:
        ClipError: the clip cannot be used.
        WorkError: one of the processes failed.
    """
    info = probe(clip)
    frames = range(info.frame_count) if settings.frames is None else settings.frames
    first = range(min(settings.baseline_frames, info.frame_count))
    result: dict[str, Any] = {"format": FORMAT, "clip": _clip(info, frames), "machine": machine_facts()}
    with tempfile.TemporaryDirectory(prefix="recaster-bench-") as folder:
        parts = [("floor", frames), ("baseline", first), ("engine", frames)]
        parts = [(work, part) for work, part in parts if len(part) > 0]
        for at, (work, part) in enumerate(parts):
            report(Update(f"measuring the {work}", at, len(parts), "parts"))
            task = _task(clip, settings, work, part, Path(folder))
            cost = measured(TASK, task, {"RECASTER_CACHE": str(Path(folder) / "cache")})
            result[work] = cost_per_frame(cost, with_start=work == "engine")
    report(Update("measuring", len(parts), len(parts), "parts"))
    ratios = {"engine_to_floor_cpu": _ratio(result, "engine", "floor", "cpu_ms_per_frame")}
    if "baseline" in result:
        ratios["baseline_to_engine_cpu"] = _ratio(result, "baseline", "engine", "cpu_ms_per_frame")
        ratios["baseline_to_engine_wall"] = _ratio(result, "engine", "baseline", "frames_per_second")
    return result | {"ratios": ratios}


def _task(clip: Path, settings: SpeedSettings, work: str, frames: range, folder: Path) -> SpeedTask:
    return SpeedTask(
        work=work,
        clip=path_to_bytes(clip.resolve()),
        out=path_to_bytes(folder / f"{work}.mp4"),
        first=frames.start,
        stop=frames.stop,
        model=_path_bytes(settings.model),
        source=_path_bytes(settings.source),
        baseline_model=_path_bytes(settings.baseline_model),
        device=settings.device,
    )


def cost_per_frame(cost: Cost, *, with_start: bool) -> dict[str, Any]:
    """Divides a process's cost by its frames; with the start's CPU time or without it."""
    frames = cost.result.frames
    stages = {stage.name: stage.seconds for stage in cost.result.stages}
    start = cost.result.start_cpu_s
    cpu = cost.cpu if with_start else cost.cpu - start
    # Wall time is counted like CPU time: what came before the first frame only where it belongs.
    wall = cost.wall if with_start else sum(stages.values())
    return {
        "cpu_ms_per_frame": round(1000 * cpu / frames, 2),
        "cpu_ms_per_frame_without_start": round(1000 * (cost.cpu - start) / frames, 2),
        "frames_per_second": round(frames / wall, 4),
        "peak_rss_mb": round(cost.peak_mb, 1),
        "stages": {name: round(1000 * spent / frames, 2) for name, spent in stages.items()},
        "frames": frames,
        "start_cpu_s": round(start, 2),
    }


def machine_facts() -> dict[str, Any]:
    """Describes the machine that figures are measured on."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "recaster": __version__,
    }


def _clip(info: ClipInfo, frames: range) -> dict[str, Any]:
    return {
        "path": str(info.path),
        "width": info.width,
        "height": info.height,
        "fps": round(float(info.rate), 3),
        "frames": [frames.start, frames.stop],
    }


def _path_bytes(path: Path | None) -> bytes:
    return path_to_bytes(None if path is None else path.resolve())


def _ratio(result: dict[str, Any], above: str, below: str, figure: str) -> float:
    return round(float(result[above][figure] / result[below][figure]), 2)

"""One measured piece of a speed benchmark, in a process of its own (see ``process_cost``)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from recaster.api.internal.v1.benchmark_pb2 import SpeedResult, SpeedTask, StageTime
from recaster.benchmarks.process_cost import serve_task
from recaster.processes.channel import optional_path, path_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_task(task: SpeedTask) -> SpeedResult:
    """Does what was asked: "floor", "baseline" or "engine"."""
    return {"floor": _run_floor, "baseline": _run_baseline, "engine": _run_engine}[task.work](task)


def _run_floor(task: SpeedTask) -> SpeedResult:
    """Decodes and encodes, with nothing between, not even a conversion of colours."""
    from recaster.media.probe import probe
    from recaster.media.reader import read_frames
    from recaster.media.writer import ClipWriter
    from recaster.swapping.stage_timer import StageTimer

    clip = path_of(task.clip)
    watch = StageTimer()
    start = time.process_time()
    with ClipWriter(path_of(task.out), probe(clip)) as writer:
        for frame in watch.each("decode", read_frames(clip, task.first, task.stop, lazy=True)):
            with watch.timing("encode"):
                writer.write_painted(frame, [])
    return _result(task.stop - task.first, watch.seconds, start)


def _run_baseline(task: SpeedTask) -> SpeedResult:
    """Swaps the first frames by the faceswap-GAN pipeline."""
    from recaster.benchmarks.faceswap_gan_baseline import FaceswapGanPipeline, swap_clip
    from recaster.models.model_folder import ModelFolder
    from recaster.networks.device import select_device

    select_device(task.device)
    model = optional_path(task.baseline_model)
    pipeline = FaceswapGanPipeline(None if model is None else ModelFolder(model))
    pipeline.warm_up()
    start = time.process_time()
    began = time.perf_counter()
    count = swap_clip(path_of(task.clip), path_of(task.out), pipeline, task.stop - task.first)
    stages = pipeline.watch.seconds
    stages["read and write"] = time.perf_counter() - began - sum(stages.values())
    return _result(count, stages, start)


def _run_engine(task: SpeedTask) -> SpeedResult:
    """Swaps from nothing: the clip was never analysed before."""
    from recaster.media.clip import Clip
    from recaster.models.model_folder import needs_tensorflow
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.load import choose_device, load_swapper
    from recaster.swapping.pipeline import swap_clip
    from recaster.swapping.request import SwapRequest

    model = optional_path(task.model)
    choose_device(task.device, None, tensorflow=needs_tensorflow(model))
    swapper = load_swapper(model, optional_path(task.source), task.device)
    start = time.process_time()
    settings = SwapSettings(frames=range(task.first, task.stop))
    swapped = swap_clip(SwapRequest(Clip(path_of(task.clip)), path_of(task.out), swapper, settings))
    return _result(swapped.frames, swapped.seconds, start)


def _result(frames: int, stages: Mapping[str, float], start_cpu_s: float) -> SpeedResult:
    """A result; ``start_cpu_s`` is what imports, weights and graphs took before the first frame."""
    times = [StageTime(name=name, seconds=seconds) for name, seconds in stages.items()]
    return SpeedResult(frames=frames, stages=times, start_cpu_s=start_cpu_s)


if __name__ == "__main__":
    serve_task(run_task)

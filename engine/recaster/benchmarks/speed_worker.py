"""One measured piece of a speed benchmark, in a process of its own (see ``processes``)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from recaster.benchmarks.process_cost import answer, task


def main() -> None:
    """Do what was asked: "floor", "baseline" or "engine"."""
    given = task()
    clip, out = Path(given["clip"]), Path(given["out"])
    frames = range(*given["frames"])
    work = {"floor": _floor, "baseline": _baseline, "engine": _engine}[given["work"]]
    answer(work(clip, out, frames, given))


def _floor(clip: Path, out: Path, frames: range, given: dict[str, Any]) -> dict[str, Any]:
    """Decode and encode, nothing between, not even a conversion of colours."""
    del given
    from recaster.media.probe import probe
    from recaster.media.reader import read_frames
    from recaster.media.writer import ClipWriter
    from recaster.swapping.stage_timer import StageTimer

    watch, start = StageTimer(), _start()
    with ClipWriter(out, probe(clip)) as writer:
        for frame in watch.each("decode", read_frames(clip, frames.start, frames.stop, lazy=True)):
            with watch.timing("encode"):
                writer.write_painted(frame, [])
    return {"frames": len(frames), "stages": watch.seconds, **start}


def _baseline(clip: Path, out: Path, frames: range, given: dict[str, Any]) -> dict[str, Any]:
    """The seed's pipeline over the first frames."""
    from recaster.benchmarks.faceswap_gan_baseline import FaceswapGanPipeline, swap_clip
    from recaster.models.model_folder import ModelFolder
    from recaster.networks.device import select_device

    select_device(given["device"])
    model = given["baseline_model"]
    pipeline = FaceswapGanPipeline(None if model is None else ModelFolder(Path(model)))
    pipeline.warm_up()
    start, began = _start(), time.perf_counter()
    count = swap_clip(clip, out, pipeline, len(frames))
    stages = pipeline.watch.seconds
    stages["read and write"] = time.perf_counter() - began - sum(stages.values())
    return {"frames": count, "stages": stages, **start}


def _engine(clip: Path, out: Path, frames: range, given: dict[str, Any]) -> dict[str, Any]:
    """Recaster, from nothing: the clip was never analysed before."""
    from recaster.media.clip import Clip
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.load import choose_device, load_swapper, needs_tensorflow
    from recaster.swapping.pipeline import swap_clip
    from recaster.swapping.request import SwapRequest

    model, source = (None if given[name] is None else Path(given[name]) for name in ("model", "source"))
    device = choose_device(given["device"], None, tensorflow=needs_tensorflow(model))
    swapper = load_swapper(model, source, given["device"])
    start = _start()
    result = swap_clip(SwapRequest(Clip(clip), out, swapper, SwapSettings(frames=frames)))
    return {
        "frames": result.frames,
        "stages": result.seconds,
        "swapped": result.swapped,
        "device": device,
        **start,
    }


def _start() -> dict[str, float]:
    """What it took to get here: imports, weights, graphs."""
    return {"start_cpu": time.process_time()}


if __name__ == "__main__":
    main()

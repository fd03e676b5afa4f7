"""An engine for scripts/gui_check with faces of an actor; writes FOLDER/facts.json, serves until stopped."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import av
import numpy as np

from recaster.facesets.extraction import extract
from recaster.facesets.faceset_archive import export_zip
from recaster.files import atomic_file
from recaster.media.reader import read_frames
from recaster.settings.extract import ExtractSettings

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from serving import Served  # noqa: E402


def pack(path: Path, actor: str, every: int) -> Path:
    """A set of an actor's faces."""
    clip = ROOT / f"scripts/actors/{actor}.mp4"
    export_zip(extract([clip], path.with_suffix(".faces"), ExtractSettings(every=every)), path)
    return path


def write_pair(path: Path) -> Path:
    """A clip of two actors side by side."""
    halves = [read_frames(ROOT / f"scripts/actors/{name}.mp4", 0, 25) for name in ("performer", "neighbour")]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "12"})
        video.width, video.height, video.pix_fmt = 640, 320, "yuv420p"
        for one, other in zip(*halves, strict=True):
            image = np.concatenate([one.image, other.image], axis=1)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode(None))
    return path


def main() -> None:
    """Serve."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    engine = Served(folder / "data")
    try:
        packed = pack(folder / "Actor B.zip", "likeness", 2)
        other = pack(folder / "An Actor with a Rather Long Name.zip", "neighbour", 10)
        with engine.client() as client:
            faceset = client.take_faceset(packed)
            client.say_whose("Actor B", "synthetic", faceset_id=faceset)
            facts = {
                "engine": engine.address,
                "token": engine.token,
                "faceset": faceset,
                "unstated": client.take_faceset(other),
                "clip": str(ROOT / "scripts/actors/performer.mp4"),
                "pair": str(write_pair(folder / "two.mp4")),
            }
        with atomic_file(folder / "facts.json") as temporary:
            temporary.write_text(json.dumps(facts))
        signal.pause()
    finally:
        engine.stop()


if __name__ == "__main__":
    main()

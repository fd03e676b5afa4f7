"""An engine for scripts/gui_check with faces of an actor; writes FOLDER/facts.json, serves until stopped."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from recaster.facesets.extraction import extract
from recaster.facesets.faceset_archive import export_zip
from recaster.files import atomic_file
from recaster.settings.extract import ExtractSettings

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from serving import Served  # noqa: E402


def main() -> None:
    """Serve."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    engine = Served(folder / "data")
    try:
        packed = folder / "Actor B.zip"
        export_zip(
            extract([ROOT / "scripts/actors/likeness.mp4"], folder / "faces", ExtractSettings(every=2)),
            packed,
        )
        with engine.client() as client:
            faceset = client.take_faceset(packed)
            client.say_whose("Actor B", "synthetic", faceset_id=faceset)
            facts = {
                "engine": engine.address,
                "token": engine.token,
                "faceset": faceset,
                "clip": str(ROOT / "scripts/actors/performer.mp4"),
            }
        with atomic_file(folder / "facts.json") as temporary:
            temporary.write_text(json.dumps(facts))
        signal.pause()
    finally:
        engine.stop()


if __name__ == "__main__":
    main()

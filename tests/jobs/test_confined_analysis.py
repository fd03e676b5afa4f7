"""A confined worker analyses, cuts faces and judges with several processes, which are confined as it is."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from recaster.files import sha256
from recaster.store import analyses

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LOOKING = """
import sys
from pathlib import Path

if __name__ == "__main__":
    from recaster.jobs import confinement, limits
    limits.keep_privileges()
    path, scratch, kept = map(Path, sys.argv[1:])
    print(confinement.confine(confinement.Reach(reads=(path,), writes=(scratch, kept), processes=True)))
    from recaster.faces import segments
    from recaster.faces.analysis_cache import analyse_clip
    from recaster.media.clip import Clip
    segments.MIN_SEGMENT_FRAMES = 10
    print(len(analyse_clip(Clip(path), frames=range(20), processes=2).tracks))
"""

CUTTING = """
import sys
from pathlib import Path

if __name__ == "__main__":
    from recaster.jobs import confinement, limits
    limits.keep_privileges()
    path, scratch, kept, out = map(Path, sys.argv[1:])
    print(confinement.confine(confinement.Reach(reads=(path,), writes=(scratch, kept, out), processes=True)))
    from recaster.facesets import clip_crops
    from recaster.facesets.extraction import extract
    from recaster.processes.executor import LocalExecutor
    from recaster.settings.extract import ExtractSettings
    clip_crops.PART_BATCHES = 1
    LocalExecutor.limit = lambda *_: 2
    print(len(extract([path], out, ExtractSettings(frames="0-39"))))
"""

JUDGING = """
import sys
from pathlib import Path

if __name__ == "__main__":
    from recaster.jobs import confinement, limits
    limits.keep_privileges()
    path, scratch, kept = map(Path, sys.argv[1:])
    print(confinement.confine(confinement.Reach(reads=(path,), writes=(scratch, kept), processes=True)))
    from recaster.evaluation import observe
    from recaster.evaluation.sface import SFace
    from recaster.faces.analysis_cache import analyse_clip
    from recaster.media.clip import Clip
    from recaster.processes.executor import LocalExecutor
    observe.PIECE_FRAMES = 6
    LocalExecutor.limit = lambda *_: 2
    tracks = analyse_clip(Clip(path), frames=range(10), processes=1).tracks
    seen = observe.observe([Clip(path), Clip(path)], None, tracks, range(10), SFace(), 5)
    print(len(seen.swaps[0][0].points))
"""


def test_a_worker_looks_at_a_clip_with_several_processes(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    clip = actors / "performer.mp4"
    kept = analyses.make_clip_folder(sha256(clip))
    run_program(LOOKING, "1", clip, tmp_path / "scratch", kept)
    assert [path.suffix for path in kept.iterdir()] == [".npz"]


def test_a_worker_cuts_faces_with_several_processes(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    clip = actors / "performer.mp4"
    kept = analyses.make_clip_folder(sha256(clip))
    out = tmp_path / "faceset"
    out.mkdir()
    run_program(CUTTING, "40", clip, tmp_path / "scratch", kept, out)
    assert sorted(path.name for path in out.iterdir()) == ["faces", "faceset.sqlite"]


def test_a_worker_judges_a_swap_with_several_processes(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    clip = actors / "performer.mp4"
    kept = analyses.make_clip_folder(sha256(clip))
    run_program(JUDGING, "10", clip, tmp_path / "scratch", kept)
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["program.py"]  # no notes stay


def run_program(text: str, wanted: str, clip: Path, scratch: Path, *folders: Path) -> None:
    """Run a program that confines itself, and require what it prints."""
    scratch.mkdir()
    program = scratch / "program.py"
    program.write_text(text)
    command = [sys.executable, *map(str, (program, clip, scratch, *folders))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert ended.stdout.splitlines() == ["[]", wanted], ended.stderr

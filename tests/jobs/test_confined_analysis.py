"""A confined worker analyses, cuts faces, renders and judges with several processes, confined as it is."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from recaster.files import sha256
from recaster.store import analyses

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

BEGIN = """
import sys
from pathlib import Path

if __name__ == "__main__":
    from recaster.jobs import confinement, limits
    limits.keep_privileges()
    count, *rest = sys.argv[1:]
    paths = [Path(each) for each in rest]
    reads, writes = paths[:int(count)], paths[int(count):]
    print(confinement.confine(confinement.Reach(reads=tuple(reads), writes=tuple(writes), processes=True)))
    from recaster.faces.analysis_cache import analyse_clip
    from recaster.media.clip import Clip
    from recaster.processes.executor import LocalExecutor
    LocalExecutor.limit = lambda *_: 2
    clip = Clip(reads[0])
"""

LOOKING = """
from recaster.faces import segments
segments.MIN_SEGMENT_FRAMES = 10
print(len(analyse_clip(clip, frames=range(20), processes=2).tracks))
"""

CUTTING = """
from recaster.facesets import clip_crops
from recaster.facesets.extraction import extract
from recaster.settings.extract import ExtractSettings
clip_crops.PART_BATCHES = 1
print(len(extract([clip.path], writes[-1], ExtractSettings(frames="0-39"))))
"""

RENDERING = """
from recaster.settings.swap import SwapSettings
from recaster.swapping.load import SwapperFactory, load_swapper
from recaster.swapping.pipeline import swap_clip
from recaster.swapping.request import SwapRequest
settings = SwapSettings(frames=range(20), chunk=2)
factory = SwapperFactory(None, reads[1], "cpu")
out = writes[0] / "out.mp4"
print(swap_clip(SwapRequest(clip, out, load_swapper(source=reads[1]), settings, factory=factory)).swapped)
"""

JUDGING = """
from recaster.evaluation import observe
from recaster.evaluation.sface import SFace
observe.PIECE_FRAMES = 6
tracks = analyse_clip(clip, frames=range(10), processes=1).tracks
seen = observe.observe([clip, clip], None, tracks, range(10), SFace(), 5)
print(len(seen.swaps[0][0].points))
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the temporary files of a worker whose cache is in another one."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def clip(actors: Path) -> Path:
    return actors / "performer.mp4"


@pytest.fixture
def kept(scratch: Path, clip: Path) -> Path:
    """Folder of the clip's analyses."""
    assert scratch.is_dir()  # and so the cache is its own
    return analyses.make_clip_folder(sha256(clip))


def test_a_worker_looks_at_a_clip_with_several_processes(clip: Path, scratch: Path, kept: Path) -> None:
    run_program(LOOKING, "1", [clip], [scratch, kept])
    assert [path.suffix for path in kept.iterdir()] == [".npz"]


def test_a_worker_cuts_faces_with_several_processes(
    clip: Path, scratch: Path, kept: Path, tmp_path: Path
) -> None:
    out = tmp_path / "faceset"
    out.mkdir()
    run_program(CUTTING, "40", [clip], [scratch, kept, out])
    assert sorted(path.name for path in out.iterdir()) == ["faces", "faceset.sqlite"]


def test_a_worker_renders_with_several_processes(
    clip: Path, scratch: Path, kept: Path, few_faces: Faceset
) -> None:
    run_program(RENDERING, "20", [clip, few_faces.folder], [scratch, kept])
    assert [path.name for path in scratch.iterdir() if path.suffix != ".py"] == ["out.mp4"]


def test_a_worker_judges_a_swap_with_several_processes(clip: Path, scratch: Path, kept: Path) -> None:
    run_program(JUDGING, "10", [clip], [scratch, kept])
    assert [path.name for path in scratch.iterdir()] == ["program.py"]  # no notes stay


def run_program(text: str, wanted: str, reads: list[Path], writes: list[Path]) -> None:
    """Run a program that confines itself, and require what it prints; it is in the first folder it writes."""
    program = writes[0] / "program.py"
    program.write_text(BEGIN + textwrap.indent(text, "    "))
    command = [sys.executable, *map(str, (program, len(reads), *reads, *writes))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert ended.stdout.splitlines() == ["[]", wanted], ended.stderr

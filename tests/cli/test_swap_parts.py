"""``recaster swap --parts``: processes that render one clip at once, one of which dies, and their joining."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recaster.cli import main as cli
from recaster.provenance.register import open_register

if TYPE_CHECKING:
    from serving import Served

    from recaster.facesets.faceset import Faceset

MAIN = "import sys; from recaster.cli.main import main; sys.exit(main())"
ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "docs" / "deploy" / "swap.sbatch"
TIMEOUT_S = 600


@pytest.fixture
def command(actors: Path, few_faces: Faceset, folder: Path) -> list[str]:
    """A swap of 250 frames, which are four segments, with a matte, a report and no manifest."""
    del folder
    clip = actors / "performer.mp4"
    files = ["-o", "out.mp4", "--matte", "matte.mp4", "--report", "report.json"]
    return [str(clip), "--source", str(few_faces.folder), "--no-manifest", *files]


def start(command: list[str], *options: str, cache: Path) -> subprocess.Popen[str]:
    """Starts a swap as on a machine of its own, which has no analyses."""
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "swap", *command, *options],
        env=os.environ | {"RECASTER_CACHE": str(cache), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_machines_share_a_clip_and_one_of_them_dies(
    command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["swap", *command, "--quiet"]) == 0
    whole = files(folder)
    for name in whole:
        (folder / name).unlink()
    shared = ("--parts", "parts")
    running = [start(command, *shared, "--part", f"{k}/3", cache=folder / f"cache{k}") for k in (1, 2, 3)]
    first, second, dying = running
    end = time.monotonic() + TIMEOUT_S
    while not (folder / "parts" / "00000128.clip.mov").exists():
        assert dying.poll() is None, dying.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    dying.send_signal(signal.SIGKILL)
    dying.communicate()
    for number, process in ((1, first), (2, second)):
        said, complaints = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0, complaints
        assert f"parts: part {number} of 3: 1 of 1 segments (frames " in said
    assert not files(folder), "parts make no result"

    assert cli.main(["swap", *command, *shared, "--join"]) == 6
    missing = "1 of 4 segments are missing: part 3 of 3 (frames 192-249)"
    assert missing in capsys.readouterr().err
    assert cli.main(["swap", *command, *shared, "--part", "3/3", "--quality", "30"]) == 2
    assert "differ in --quality (15 there, 30 here)" in capsys.readouterr().err

    # Twice at once: both end well.
    twins = [start(command, *shared, "--part", "3/3", cache=folder / "cache3") for _ in range(2)]
    for twin in twins:
        said, complaints = twin.communicate(timeout=TIMEOUT_S)
        assert twin.returncode == 0, complaints
        assert "part 3 of 3: 2 of 2 segments" in said
        assert "frames were there already from an earlier run" in said
    assert cli.main(["swap", *command, *shared, "--join"]) == 0
    assert files(folder) == whole
    assert not (folder / "parts").exists()

    with open_register() as register:
        events = [(each.event, each.details.get("part")) for each in register.audit.records()]
    parts = [part for event, part in events if event == "swap.part"]
    assert sorted(parts) == ["1/3", "2/3", "3/3", "3/3", "3/3", "3/3"]
    swaps = [event for event, _ in events if event in ("swap.start", "swap.deliver")]
    assert swaps == ["swap.start", "swap.deliver", "swap.start", "swap.start", "swap.deliver"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("swap", "a.mp4", "b.mp4", "-m", "m", "-o", "out/", "--part", "1/2"),
            "of several a folder of its own",
        ),
        (("swap", "a.mp4", "-m", "m", "-o", "a.png", "--preview", "3", "--part", "1/2"), "is one frame"),
        (("swap", "a.mp4", "-m", "m", "-o", "out.mp4", "--keep-parts", "--join"), "leave --keep-parts out"),
        (("conform", "a.otio", "-m", "m", "-o", "out", "--join"), "swap the ranges of an edit one by one"),
        (("anonymise", "a.mp4", "-o", "out.mp4", "--part", "1/2"), "is judged as a whole, on one machine"),
    ],
)
def test_what_has_no_parts_says_so(
    arguments: tuple[str, ...], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(b"")
    assert cli.main([*arguments, "--parts", "parts"]) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "parts").exists()


def test_an_engine_takes_no_parts(
    command: list[str], served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECASTER_TOKEN", served.token)
    engine = ("--engine", served.address)
    assert cli.main(["swap", *command, *engine, "--parts", "parts", "--part", "1/2"]) == 2
    assert "use --local on each of them" in capsys.readouterr().err


def run_slurm(*words: str | Path) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=TIMEOUT_S).stdout.strip()


@pytest.fixture
def slurm() -> None:
    """A Slurm that takes jobs."""
    try:
        idle = run_slurm("sinfo", "--noheader", "--states=idle,mixed,allocated", "--format=%n")
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"there is no Slurm that takes jobs here ({error})")
    if not idle:
        pytest.skip("no node of this Slurm takes jobs")


@pytest.mark.usefixtures("slurm")
def test_an_array_job_of_slurm(command: list[str], folder: Path) -> None:
    assert cli.main(["swap", *command, "--quiet"]) == 0
    whole = files(folder)
    for name in whole:
        (folder / name).unlink()
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    program = bin_folder / "recaster"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{MAIN}' \"$@\"\n")
    program.chmod(0o755)
    size = ("--parsable", "--cpus-per-task=1", "--mem=1G", "--output=slurm-%j.log", f"--chdir={folder}")
    with pytest.MonkeyPatch.context() as patch:  # jobs get the environment of who submits them
        patch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
        array = run_slurm("sbatch", *size, "--array=1-3", TEMPLATE, "3", "parts", *command)
        join = run_slurm("sbatch", *size, f"--dependency=afterok:{array}", TEMPLATE, "3", "parts", *command)
    end = time.monotonic() + TIMEOUT_S
    while run_slurm("squeue", "--noheader", f"--jobs={array},{join}"):
        assert time.monotonic() < end
        time.sleep(0.5)
    made = files(folder)
    logs = [made.pop(name).decode() for name in sorted(made) if name.startswith("slurm-")]
    assert made == whole, logs
    assert sum("segments (frames " in log for log in logs) == 3

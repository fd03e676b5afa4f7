import json
import subprocess
import sys

import pytest


def recaster(command, *arguments):
    """Run one command of the command line as main() would, alone."""
    code = (
        "import argparse, importlib, sys; from recaster.cli import main; "
        "main.COMMANDS = (sys.argv[1],); sys.exit(main.main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, command, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def clip(tmp_path):
    import av
    import numpy as np

    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 64, 48
        for index in range(10):
            image = np.full((48, 64, 3), 20 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_facts_for_people(clip):
    result = recaster("probe", clip)
    assert result.returncode == 0, result.stderr
    assert "64x48" in result.stdout
    assert "10, 25.000 frames/s, 0.400 s" in result.stdout
    assert "sound    none" in result.stdout


def test_facts_for_programs(clip):
    facts = json.loads(recaster("probe", clip, "--json").stdout)
    assert (facts["width"], facts["height"], facts["frame_count"]) == (64, 48, 10)
    assert (facts["rate"], facts["duration"], facts["variable"]) == ("25", "2/5", False)
    assert facts["colour"]["matrix"] is None
    assert facts["audio"] == []


def test_a_broken_clip_is_one_line_and_exit_code_3(tmp_path):
    (tmp_path / "a.mp4").touch()
    result = recaster("probe", tmp_path / "a.mp4")
    assert result.returncode == 3
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "empty" in result.stderr

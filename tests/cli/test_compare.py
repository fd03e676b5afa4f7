import subprocess
import sys

import pytest

CODE = (
    "import sys; from recaster.cli import main; "
    "main.COMMANDS = (sys.argv[1],); sys.exit(main.main(sys.argv[1:]))"
)


def compare(*arguments):
    return subprocess.run(
        [sys.executable, "-c", CODE, "compare", *map(str, arguments)],
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
        for index in range(5):
            image = np.full((48, 64, 3), 20 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_comparison_is_written(clip, tmp_path):
    result = compare(clip, clip, "-o", tmp_path / "out.mkv", "--labels", "before", "after")
    assert result.returncode == 0, result.stderr
    assert "comparing 5/5 frames" in result.stderr
    assert (tmp_path / "out.mkv").stat().st_size > 0


def test_a_result_that_cannot_be_is_refused(clip, tmp_path):
    result = compare(clip, clip, "-o", tmp_path / "out.avi")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out.avi").exists()


def test_a_missing_clip_is_named(clip, tmp_path):
    result = compare(clip, tmp_path / "none.mp4", "-o", tmp_path / "out.mp4")
    assert result.returncode == 3
    assert "none.mp4: no such file" in result.stderr

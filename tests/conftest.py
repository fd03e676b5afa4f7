"""Fixtures of every test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from serving import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from recaster.client import Client
    from recaster.facesets.faceset import Faceset

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# What tests put on is rendered, or is no face at all; those that are about the right to a face say more.
os.environ["RECASTER_BASIS"] = "synthetic"
# As recaster.networks has it; some tests import TensorFlow before it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Programs that tests start are stopped as by Ctrl-C, which is ignored by what runs in a script's background.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
MIN_FREE_BYTES = 3 << 30


def pytest_sessionstart() -> None:
    """Ends the run where the disk is nearly full: engines would wait for room, and every job with them."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < MIN_FREE_BYTES:
        needs = f"{MIN_FREE_BYTES >> 30} GiB free in {tempfile.gettempdir()}"
        pytest.exit(f"the tests need {needs}; there are {free >> 20} MiB", 1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to a failed test's report the jobs of the engines at work, and the last lines of their logs."""
    report = yield
    if report.failed:
        report.sections += [(f"Engine of {one.data}", one.account()) for one in Served.at_work]
    return report


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of real test footage, which is not part of the project."""
    folder = Path(os.environ.get("RECASTER_FOOTAGE", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real footage is absent: {folder} (set RECASTER_FOOTAGE)")
    return folder


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one test run share (pytest-xdist gives each its own below it)."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests find out, and whom they register, out of the user's own folders; engines' too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECASTER_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setenv("RECASTER_DATA", str(tmp_path_factory.getbasetemp() / "data"))
        yield


@pytest.fixture(scope="session")
def actors() -> Path:
    """The folder of the rendered actors' clips."""
    return ROOT / "scripts" / "actors"


@pytest.fixture(scope="session")
def patchy(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that can't be swapped whole.

    Frames 0-11 show the performer, 12-17 nobody, 18-25 another actor, and 26-45 the performer again, in 36-39
    with a board before half of the face.
    """
    import av
    import numpy as np

    from recaster.media.reader import read_frames

    stripes = np.full((320, 320, 3), 40, np.uint8)
    stripes[np.arange(320) % 80 < 40] = (90, 160, 220)

    def shots() -> Iterator[Any]:
        yield from (frame.image for frame in read_frames(actors / "performer.mp4", 0, 12))
        yield from [stripes] * 6
        for frame in read_frames(actors / "neighbour.mp4", 0, 8):
            image = stripes.copy()
            image[80:, 80:] = frame.image[40:280, 40:280]
            yield image
        for frame in read_frames(actors / "performer.mp4", 40, 60):
            image = frame.image.copy()
            if 50 <= frame.index < 54:
                image[:, 150:] = (40, 70, 30)
            yield image

    out = tmp_path_factory.mktemp("patchy") / "patchy.mp4"
    with av.open(str(out), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "veryfast"})
        video.width = 320
        video.height = 320
        video.pix_fmt = "yuv420p"
        for image in shots():
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode(None))
    return out


@pytest.fixture(scope="session")
def pair(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of two actors side by side."""
    import av
    import numpy as np

    from recaster.media.reader import read_frames

    out = tmp_path_factory.mktemp("pair") / "pair.mp4"
    halves = [read_frames(actors / f"{name}.mp4", 0, 6) for name in ("performer", "neighbour")]
    with av.open(str(out), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "veryfast"})
        video.width = 640
        video.height = 320
        video.pix_fmt = "yuv420p"
        for one, other in zip(*halves, strict=True):
            image = np.concatenate([one.image, other.image], axis=1)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode(None))
    return out


@pytest.fixture(scope="session")
def actor_faceset(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Faceset:
    """Every third face of the likeness actor's first four seconds, really extracted."""
    from recaster.facesets.extraction import extract
    from recaster.settings.extract import ExtractSettings

    folder = tmp_path_factory.mktemp("actor") / "faces"
    return extract([actors / "likeness.mp4"], folder, ExtractSettings(every=3, frames="0-99"))


@pytest.fixture(scope="session")
def few_faces(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Faceset:
    """Nine faces of the same actor: enough to swap where the picture doesn't matter, in half the time."""
    from recaster.facesets.extraction import extract
    from recaster.settings.extract import ExtractSettings

    folder = tmp_path_factory.mktemp("few") / "faces"
    return extract([actors / "likeness.mp4"], folder, ExtractSettings(every=12, frames="0-99"))


@pytest.fixture(scope="session")
def packed_faces(few_faces: Faceset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those as a zip."""
    from recaster.facesets.faceset_archive import export_zip

    out = tmp_path_factory.mktemp("packed") / "likeness.zip"
    export_zip(few_faces, out)
    return out


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """Starts an engine of its own; all are stopped at the end."""
    engines: list[Served] = []

    def start(*options: str) -> Served:
        engines.append(Served(tmp_path_factory.mktemp("engine") / "data", *options))
        return engines[-1]

    yield start
    for one in engines:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture(scope="session")
def served(serve: Callable[..., Served]) -> Served:
    """An engine that many tests share; nobody may stop it."""
    return serve()


@pytest.fixture
def engine(served: Served) -> Iterator[Client]:
    """A client of the shared engine."""
    with served.client(patience_s=5) as client:
        yield client

"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recaster.client import Client
    from recaster.facesets.faceset import Faceset

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# What tests put on is rendered, or is no face at all; those that are about the right to a face say more.
os.environ["RECASTER_BASIS"] = "synthetic"
# As recaster.networks has it; some tests import TensorFlow before it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of real test footage, which is not part of the project."""
    folder = Path(os.environ.get("RECASTER_FOOTAGE", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real footage is absent: {folder} (set RECASTER_FOOTAGE)")
    return folder


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
def actor_faceset(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Faceset:
    """Every third face of the likeness actor's first four seconds, really extracted."""
    from recaster.facesets.extract import ExtractSettings, extract

    folder = tmp_path_factory.mktemp("actor") / "faces"
    return extract([actors / "likeness.mp4"], folder, ExtractSettings(every=3, frames="0-99"))


@pytest.fixture(scope="session")
def packed_faces(actor_faceset: Faceset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The actor's faces as a zip."""
    from recaster.facesets.archive import export_zip

    out = tmp_path_factory.mktemp("packed") / "likeness.zip"
    export_zip(actor_faceset, out)
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

"""Fixtures of the tests of swapping."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from layered_swaps import COUNT, LABEL, follow

from recaster.media.clip import Clip
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings
from recaster.settings.swap import LAYERS, SwapSettings
from recaster.swapping import pipeline
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.facesets.faceset import Faceset


@pytest.fixture(scope="session")
def fake() -> Any:
    """The module ``fake.py``: a clip, an analysis and a swapper."""
    spec = importlib.util.spec_from_file_location("recaster_fake_swap", Path(__file__).with_name("fake.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mesh(actor_faceset: Faceset) -> np.ndarray:
    """A face's mesh, 40 pixels high, around 0."""
    points = np.array(actor_faceset.records[0].landmarks, np.float64)
    points -= points.mean(0)
    return points * 40 / np.ptp(points[:, 1])


@pytest.fixture(scope="module")
def swap(fake: Any, mesh: np.ndarray) -> Any:
    tracks = [
        follow(fake, mesh, range(COUNT), 0, (52.0, 45.0)),
        follow(fake, mesh * 0.8, range(1, 4), 1, (75.0, 50.0)),
    ]

    def run(clip: Path, out: Path, swapper: Any = None, layers: Sequence[str] = tuple(LAYERS)) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pipeline, "analyse_clip", lambda *_, **__: fake.analysis(tracks, COUNT))
            settings = SwapSettings(
                everyone=True,
                writer=WriterOptions(preset="ultrafast"),
                look=LookSettings(colour="mean"),
                label=LABEL,
                chunk=4,
                batch=2,
                layers=tuple(layers),
                layers_out=out / "shot.%04d.exr",
            )
            request = SwapRequest(Clip(clip), out / "out.mp4", swapper or fake.FakeSwapper(), settings)
            return pipeline.swap_clip(request)

    return run

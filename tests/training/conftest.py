"""Made-up people and presets for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from drawn_people import draw_person

from recaster.models.presets import overridden, preset

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.facesets.faceset import Faceset
    from recaster.models.presets import Preset

TINY = {"size": 32, "bottleneck": 16, "bottom_width": 16, "batch": 4, "warmup": 5}


@pytest.fixture(scope="session")
def tiny() -> Preset:
    """The light recipe, small enough for a test."""
    return overridden(preset("fast-96"), **TINY, encoder_widths=(8, 12, 16), decoder_widths=(12, 8))


@pytest.fixture(scope="session")
def tiny_classic() -> Preset:
    """faceswap-GAN's preset, small enough for a test."""
    widths = {"encoder_widths": (8, 12, 16), "decoder_widths": (12, 8), "discriminator_widths": (8, 8)}
    return overridden(preset("classic-64"), **TINY, **widths)


@pytest.fixture(scope="session")
def make_set(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Faceset]:
    """A function that draws a person's faceset: ``make_set(skin, count, seed)``."""

    def make(skin: tuple[int, int, int], count: int = 16, seed: int = 0) -> Faceset:
        return draw_person(tmp_path_factory.mktemp("faces") / "set", skin, count, seed)

    return make


@pytest.fixture(scope="session")
def light_person(make_set: Callable[..., Faceset]) -> Faceset:
    return make_set((225, 180, 150), seed=1)


@pytest.fixture(scope="session")
def dark_person(make_set: Callable[..., Faceset]) -> Faceset:
    return make_set((150, 105, 80), seed=2)

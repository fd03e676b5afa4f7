"""Faces between two people."""

from __future__ import annotations

import numpy as np

from recaster.appearance.face_mix import mix_faces

SIZE = 128


def test_colours_lie_between_and_the_ends_are_either_face() -> None:
    grid = np.linspace(0, np.pi, SIZE)
    waves = 40 * np.sin(grid)[:, None, None] * np.ones((SIZE, SIZE, 3))
    performer = (100 + waves).astype(np.uint8)
    source = (60 + waves[:, ::-1].swapaxes(0, 1)).astype(np.float32)
    for strength in (0, 0.25, 1):
        wanted = performer + strength * (source - performer)
        assert np.abs(mix_faces(performer, source, strength) - wanted).max() < 1
    assert np.abs(mix_faces(performer, source, 0) - performer).max() < 1e-3


def test_two_textures_that_have_nothing_in_common_do_not_weaken_each_other() -> None:
    random = np.random.default_rng(3)
    performer, source = (np.clip(random.normal(128, 20, (SIZE, SIZE, 3)), 0, 255) for _ in range(2))
    performer = performer.astype(np.uint8)
    half = mix_faces(performer, source.astype(np.float32), 0.5)
    plain = performer + 0.5 * (source - performer)
    assert plain.std() < 0.75 * performer.std()
    assert half.std() > 0.9 * performer.std()

"""Overlays: what was found in a clip, drawn over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.media.clip import Clip
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.sheet import load_image
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline
from recaster.swapping.overlay import COLOURS, Overlay, write_overlay
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.faces.types import Analysis

COUNT = 6
GREY = 120


def found(fake: Any, *, filled: bool = False) -> Analysis:
    track = fake.track(range(COUNT))
    if filled:
        track.filled[:] = True
    return fake.analysis([track], COUNT)


def drawn(analysis: Analysis, width: int, height: int, matte: np.ndarray | None = None) -> np.ndarray:
    image = np.full((height, width, 3), GREY, np.uint8)
    shown = Overlay.of(analysis).draw(image, 2, matte)
    assert (image == GREY).all()
    return shown


def is_ink(pixels: np.ndarray) -> np.ndarray:
    """Tells where the first person's colour is, but for soft edges."""
    return (np.abs(pixels.astype(int) - COLOURS[0]) < 25).all(-1)


def test_box_words_and_mask_are_drawn(fake: Any) -> None:
    analysis = found(fake)
    left, top, right, bottom = np.rint(analysis.tracks[0].boxes[2]).astype(int)
    plain = drawn(analysis, 160, 120)
    middle = (top + bottom) // 2
    assert is_ink(plain[middle, left])
    assert is_ink(plain[middle, right])
    assert (plain[:10, 150:] == GREY).all(), "what is far from faces stays"
    matte = np.zeros((120, 160), np.uint8)
    cv2.circle(matte, (80, 60), 50, 255, -1)
    masked = drawn(analysis, 160, 120, matte)
    assert (masked[60, 128:133] == 255).all(-1).any(), "the mask's outline"
    assert not (plain[60, 128:133] == 255).all(-1).any()


def test_a_face_that_nobody_saw_has_corners_alone(fake: Any) -> None:
    analysis = found(fake, filled=True)
    left, top, _, bottom = np.rint(analysis.tracks[0].boxes[2]).astype(int)
    shown = drawn(analysis, 160, 120)
    assert is_ink(shown[bottom - 2, left])
    assert not is_ink(shown[(top + bottom) // 2, left])


def test_lines_and_letters_follow_the_size_of_the_picture(fake: Any) -> None:
    track = fake.track(range(COUNT))
    for scale in (1, 12):
        for name in ("boxes", "landmarks"):
            object.__setattr__(track, name, getattr(fake.track(range(COUNT)), name) * scale)
        shown = drawn(fake.analysis([track], COUNT), 160 * scale, 120 * scale)
        left, top, _, bottom = np.rint(track.boxes[2]).astype(int)
        row = shown[int(top * 0.6 + bottom * 0.4), max(left - 3 * scale, 0) : left + 3 * scale]
        wide = int(is_ink(row).sum())
        assert 1 <= wide <= 2 if scale == 1 else 3 <= wide <= 6


def test_nothing_is_drawn_where_no_face_is(fake: Any) -> None:
    image = np.full((120, 160, 3), GREY, np.uint8)
    assert (Overlay.of(found(fake)).draw(image, COUNT + 5) == GREY).all()


def test_a_clip_is_drawn_over_at_its_times(fake: Any, tmp_path: Path) -> None:
    clip = Clip(fake.make_clip(tmp_path / "clip.mp4", COUNT))
    out = tmp_path / "seen.mp4"
    write_overlay(clip, range(2, COUNT), found(fake), out)
    info = probe(out)
    assert (info.frame_count, info.rate, info.audio) == (COUNT - 2, clip.info.rate, ())
    write_overlay(clip, range(2, 3), found(fake), tmp_path / "seen.png")
    assert load_image(tmp_path / "seen.png").shape == (clip.info.height, clip.info.width, 3)
    with pytest.raises(UsageError, match=r"seen\.png: an overlay is a clip, named \.mp4"):
        write_overlay(clip, range(2), found(fake), tmp_path / "seen.png")


def test_a_swap_draws_its_mask(fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "analyse_clip", lambda *_, **__: found(fake))
    clip = fake.make_clip(tmp_path / "clip.mp4", COUNT)
    outs = {}
    for name in (None, tmp_path / "seen.mp4"):
        settings = SwapSettings(overlay=name, chunk=4)
        outs[name] = tmp_path / f"out{len(outs)}.mp4"
        pipeline.swap_clip(SwapRequest(Clip(clip), outs[name], fake.FakeSwapper(), settings))
    plain, seen = outs
    assert outs[plain].read_bytes() == outs[seen].read_bytes(), "the swap is the same with an overlay"
    assert len(list(read_frames(tmp_path / "seen.mp4"))) == COUNT
    write_overlay(Clip(clip), range(COUNT), found(fake), tmp_path / "unmasked.mp4")
    pairs = zip(read_frames(tmp_path / "seen.mp4"), read_frames(tmp_path / "unmasked.mp4"), strict=True)
    assert all(np.abs(one.image.astype(int) - other.image).max() > 60 for one, other in pairs)

"""Clips of PNG and WebP: animations, and pictures with ICC profiles."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

from recaster.errors import ClipError
from recaster.media.decoder import ClipDecoder
from recaster.media.probe import probe
from recaster.settings.reading import ReadOptions

if TYPE_CHECKING:
    from pathlib import Path

HEIGHT, WIDTH = 48, 64


def make_frames() -> list[PIL.Image.Image]:
    random = np.random.default_rng(5)
    return [PIL.Image.fromarray(random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)) for _ in range(3)]


def test_an_animated_png_is_a_clip_of_its_own(tmp_path: Path) -> None:
    frames = make_frames()
    frames[0].save(tmp_path / "a.1.png", save_all=True, append_images=frames[1:], duration=40)
    info = probe(tmp_path / "a.1.png")
    assert (info.frame_count, info.is_sequence) == (3, False)


@pytest.mark.parametrize("suffix", [".png", ".mov"])
def test_a_clip_of_png_may_have_an_icc_profile(tmp_path: Path, suffix: str) -> None:
    profile = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    frames = make_frames()
    path = tmp_path / f"a{suffix}"
    if suffix == ".png":
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=40, icc_profile=profile)
    else:
        with av.open(path, "w") as file:
            stream = file.add_stream("png", rate=25)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "rgb24"
            for index, frame in enumerate(frames):
                coded = io.BytesIO()
                frame.save(coded, "PNG", icc_profile=profile)
                packet = av.Packet(coded.getvalue())
                packet.stream, packet.time_base, packet.pts, packet.dts = (
                    stream,
                    Fraction(1, 25),
                    index,
                    index,
                )
                file.mux(packet)
    info = probe(path)
    assert info.frame_count == 3
    assert info.warnings == ("results don't keep: an ICC profile",)
    with ClipDecoder(path) as decoder:
        pictures = [decoded.picture for decoded in decoder.decode()]
    # PyAV crashes where a profile's name is still there when its picture goes.
    assert [len(picture.side_data) for picture in pictures] == [0, 0, 0]
    np.testing.assert_array_equal(pictures[2].to_ndarray(format="rgb24"), np.asarray(frames[2]))


def test_an_animated_webp_is_refused(tmp_path: Path) -> None:
    frames = make_frames()
    frames[0].save(tmp_path / "a.1.webp", save_all=True, append_images=frames[1:], duration=40)
    frames[0].save(tmp_path / "a.2.webp")
    for options in (ReadOptions(), ReadOptions(stills=True)):
        with pytest.raises(ClipError, match=r"a\.1\.webp: holds several pictures"):
            probe(tmp_path / "a.1.webp", options)

"""Small clips made with PyAV alone, so that what is tested does not test itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

MARK = 24
STEP = 7


@dataclass
class Recipe:
    """Properties of a test clip; frame k holds a block of grey 16 + 7 k (modulo 256) in a corner."""

    count: int = 20
    size: tuple[int, int] = (96, 64)
    time_base: Fraction = Fraction(1, 24000)
    pts: Sequence[int] | None = None
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: {"crf": "4", "preset": "veryfast", "bf": "2"})
    rotation: int = 0
    mirrored: bool = False
    aspect: Fraction | None = None
    tags: dict[str, int] = field(default_factory=dict)
    audio: Sequence[Fraction] = ()
    audio_codec: str = "aac"
    gop: int = 8
    interlaced: bool = False
    muxer: dict[str, str] = field(default_factory=dict)

    def times(self) -> list[int]:
        return list(self.pts) if self.pts is not None else [1001 * index for index in range(self.count)]


def picture(index: int, size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3): coloured quarters, and the block that names the frame."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, width // 2 :] = (200, 60, 40)
    image[height // 2 :, : width // 2] = (40, 160, 70)
    image[height // 2 :, width // 2 :] = (50, 70, 190)
    image[:MARK, :MARK] = (16 + STEP * index) % 256
    return image


def index_of(image: np.ndarray) -> int:
    """The frame that an upright test picture shows."""
    return round((float(image[4 : MARK - 4, 4 : MARK - 4].mean()) - 16) / STEP)


def make(path: Path, recipe: Recipe) -> Path:
    """Write a test clip."""
    with av.open(str(path), "w", options=recipe.muxer) as container:
        stream = container.add_stream(recipe.codec, rate=24, options=recipe.options)
        stream.width, stream.height = recipe.size
        stream.pix_fmt = recipe.pixel_format
        context = stream.codec_context
        context.time_base = recipe.time_base
        context.gop_size = recipe.gop
        context.thread_count = 1
        for name, value in recipe.tags.items():
            setattr(context, name, value)
        if recipe.aspect is not None:
            context.sample_aspect_ratio = recipe.aspect
        if recipe.rotation or recipe.mirrored:
            stream.set_display_rotation(recipe.rotation, hflip=recipe.mirrored)
        sounds = [container.add_stream(recipe.audio_codec, rate=48000, layout="stereo") for _ in recipe.audio]
        for index, pts in enumerate(recipe.times()):
            container.mux(stream.encode(_frame(index, pts, recipe)))
        container.mux(stream.encode(None))
        last = recipe.times()[-1] * recipe.time_base
        for sound, offset in zip(sounds, recipe.audio, strict=True):
            _add_tone(container, sound, offset, last - max(0, int(offset)))  # of clips that begin late
    return path


def _frame(index: int, pts: int, recipe: Recipe) -> Any:
    frame = av.VideoFrame.from_ndarray(picture(index, recipe.size), format="rgb24")
    full = recipe.tags.get("color_range") == 2
    frame = frame.reformat(
        format=recipe.pixel_format,
        dst_colorspace={1: 1, 9: 9}.get(recipe.tags.get("colorspace", 2), 5),
        src_color_range=2,
        dst_color_range=2 if full else 1,
        interpolation=av.video.reformatter.Interpolation.AREA
        | av.video.reformatter.Interpolation.ACCURATE_RND,
    )
    frame.pts = pts
    frame.time_base = recipe.time_base
    return frame


def _add_tone(container: Any, stream: Any, offset: Fraction, seconds: Fraction) -> None:
    size = stream.codec_context.frame_size or 1024
    count = int(seconds * 48000 / size) + 1
    time = np.arange(count * size) / 48000
    tone = (0.2 * np.sin(2 * np.pi * (300 + 200 * time) * time)).astype(np.float32)
    layout_format = stream.codec_context.format.name
    for start in range(0, count * size, size):
        block = np.repeat(tone[None, start : start + size], 2, axis=0)
        if layout_format == "s16":
            block = (block.T.reshape(1, -1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format=layout_format, layout="stereo")
        frame.sample_rate = 48000
        frame.pts = start + int(offset * 48000)
        frame.time_base = Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@dataclass(frozen=True)
class SoundPacket:
    """One audio packet of a file."""

    time: Fraction
    duration: Fraction
    data: bytes
    hidden: bool


def sound_packets(path: Path) -> list[list[SoundPacket]]:
    """Every audio packet, by stream."""
    with av.open(str(path)) as container:
        found: dict[int, list[SoundPacket]] = {stream.index: [] for stream in container.streams.audio}
        if not found:
            return []
        for packet in container.demux(container.streams.audio):
            if packet.size:
                base = packet.time_base
                found[packet.stream.index].append(
                    SoundPacket(
                        packet.pts * base, (packet.duration or 0) * base, bytes(packet), packet.is_discard
                    )
                )
    return list(found.values())


class Tools:
    """The functions above, for tests (which cannot import from here)."""

    Recipe = Recipe
    picture = staticmethod(picture)
    index_of = staticmethod(index_of)
    sound_packets = staticmethod(sound_packets)


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """``make_clip("name.mp4", count=10, ...)`` writes a clip as a ``Recipe`` with these values says."""

    def build(name: str = "clip.mp4", **values: Any) -> Path:
        return make(tmp_path / name, Recipe(**values))

    return build

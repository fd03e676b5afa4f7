"""Small movies to trim, and comparisons of a part with its original."""

from __future__ import annotations

import bisect
import zlib
from fractions import Fraction

import av
import numpy as np

from recaster.isobmff import trim_movie
from recaster.media.decoder import ClipDecoder

COUNT = 60
SMALL = 700_000
NTSC = Fraction(30000, 1001)
X264 = "keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0:threads=1"
X265 = "keyint=12:min-keyint=12:scenecut=0:bframes=3:pools=none:frame-threads=1:log-level=none"


def picture(index: int) -> np.ndarray:
    y, x = np.mgrid[:64, :96]
    noise = np.random.default_rng(index).integers(0, 40, (64, 96))
    return np.stack([(x * 2 + index * 5) % 256, (y * 3 + index) % 216 + noise, (x + y) % 256], -1).astype(
        np.uint8
    )


def make(
    path,
    codec="libx264",
    options=None,
    sounds=("aac",),
    rate=NTSC,
    muxer=None,
    pixels="yuv420p",
    late=0,
    sound_late=0,
):
    """A clip of 60 frames; the video starts ``late`` frames, the sound ``sound_late`` samples late."""
    options = {"crf": "20", "x264-params": X264} if options is None else options
    with av.open(str(path), "w", options=muxer or {}) as container:
        video = container.add_stream(codec, rate=rate, options=options)
        video.width = 96
        video.height = 64
        video.pix_fmt = pixels
        video.codec_context.gop_size = 12
        video.codec_context.thread_count = 1
        audio = [container.add_stream(name, rate=48000, layout="stereo") for name in sounds]
        for index in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24").reformat(format=pixels)
            frame.pts = index + late
            frame.time_base = 1 / rate
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for stream in audio:
            tone(container, stream, sound_late)
    return path


def tone(container, stream, late):
    size = stream.codec_context.frame_size or 1024
    form = stream.codec_context.format.name
    for start in range(0, 2 * 48000, size):
        time = np.arange(start, start + size) / 48000
        wave = (0.3 * np.sin(2 * np.pi * (300 + 200 * time) * time) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None], format="s16", layout="stereo")
        frame.sample_rate = 48000
        frame.pts = start + late
        frame.time_base = Fraction(1, 48000)
        for part in av.AudioResampler(format=form, layout="stereo", rate=48000).resample(frame):
            container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def decoded(path):
    """(time, checksum of the pixels) of every frame, as the engine counts them."""
    with ClipDecoder(path) as source:
        return [
            (one.pts * source.time_base, zlib.crc32(one.picture.to_ndarray().tobytes()))
            for one in source.decode()
        ]


def heard(path):
    """(tick, [(start, end, bytes)]) of every sound stream: what isn't hidden; plain sound value by value."""
    found = []
    with av.open(str(path)) as container:
        for stream in container.streams.audio:
            container.seek(0)
            base = stream.time_base
            pieces = []
            width = stream.codec_context.format.bytes * 2 if stream.codec_context.name == "pcm_s16le" else 0
            width = 6 if stream.codec_context.name == "pcm_s24le" else width
            for packet in container.demux(stream):
                if not packet.size or packet.is_discard:
                    continue
                data = bytes(packet)
                step = 1 if width else packet.duration
                for number, at in enumerate(range(0, len(data), width or len(data))):
                    start = packet.pts + number
                    pieces.append((start * base, (start + step) * base, data[at : at + (width or len(data))]))
            found.append((base, pieces))
    return found


def check(path, original, sounds, frames, out):
    """Cut and compare with the original; returns the cut, and what it shows."""
    done = trim_movie(path, frames, out)
    if done is None:
        assert not out.exists()
        return None
    assert done.out == out
    assert done.size == out.stat().st_size <= path.stat().st_size * 4 // 5
    shown = decoded(out)
    got = [shown[i] for i in done.frames]
    expected = [original[i] for i in frames]
    assert [pixels for _, pixels in got] == [pixels for _, pixels in expected]
    assert [time - got[0][0] for time, _ in got] == [time - expected[0][0] for time, _ in expected]
    moved = expected[0][0] - got[0][0]
    begin = expected[0][0]
    end = original[frames.stop][0] if frames.stop < len(original) else expected[-1][0]
    new = heard(out)
    if len(new) != len(sounds):  # a sound that is silent in this part is left out
        sounds = [one for one in sounds if any(start < end and stop > begin for start, stop, _ in one[1])]
    for (tick, old), (_, part) in zip(sounds, new, strict=True):
        assert in_step(old, part, moved, tick, begin, end), frames
    out.unlink()
    return done


def in_step(old, part, moved, tick, begin, end):
    """True where ``part`` is a stretch of ``old`` at the right time that misses nothing of begin to end."""
    if not part:
        return not any(start < end and stop > begin for start, stop, _ in old)
    times = [start for start, _, _ in old]
    first = bisect.bisect_left(times, part[0][0] + moved - tick / 2)
    found = old[first : first + len(part)]
    return (
        [data for _, _, data in found] == [data for _, _, data in part]
        and all(abs(was[0] - now[0] - moved) <= tick / 2 for was, now in zip(found, part, strict=True))
        and (first == 0 or old[first - 1][1] <= begin + tick)
        and (first + len(part) == len(old) or old[first + len(part)][0] >= end - tick)
    )


def all_right(path, tmp_path, step=1):
    """Number of ranges (first, some, middle, last) that are cut out, all rightly."""
    original = decoded(path)
    sounds = heard(path)
    out = tmp_path / f"part{path.suffix}"
    count = len(original)
    third = len(original) // 3
    wanted = [range(1), range(4), range(third, third + 1), range(third, third + 9), range(count - 1, count)]
    return sum(check(path, original, sounds, frames, out) is not None for frames in wanted[::step])

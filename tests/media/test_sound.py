"""Sound that the result's container can't hold is known of before the first frame, and encoded anew."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import write_clip

from recaster.errors import UsageError
from recaster.media.join import check_output
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.settings.encoding import WriterOptions

RATE = 48000
BEGIN_S = 0.4
"""When the tone of the test clips begins."""
LENGTH_S = 1.0
SOUNDS = {
    "adpcm_ms": ".avi",
    "pcm_s16le": ".avi",
    "wmav2": ".avi",
    "libmp3lame": ".avi",
    "pcm_mulaw": ".mov",
    "pcm_f32le": ".mkv",
    "pcm_u8": ".mkv",
    "wavpack": ".mkv",
    "libopus": ".mkv",
    "flac": ".mkv",
    "ac3": ".mkv",
    "aac": ".mp4",
}


def make(path, codec, layout="stereo", rate=RATE):
    """A clip with silence, and a tone from ``BEGIN_S`` on."""
    channels = av.AudioLayout(layout).nb_channels
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width = 64
        video.height = 48
        video.pix_fmt = "yuv420p"
        sound = container.add_stream(codec, rate=rate, layout=layout)
        if codec == "wmav2":
            sound.bit_rate = 128_000
        container.start_encoding()
        for index in range(int(LENGTH_S * 25)):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * index, np.uint8), format="rgb24")
            frame.pts = index
            frame.time_base = Fraction(1, 25)
            container.mux(video.encode(frame.reformat(format="yuv420p")))
        container.mux(video.encode(None))
        time = np.arange(int(LENGTH_S * rate)) / rate
        tone = np.where(time >= BEGIN_S, 0.5 * np.sin(2 * np.pi * 440 * time), 0).astype(np.float32)
        whole = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(np.repeat(tone[None], channels, 0)), format="fltp", layout=layout
        )
        whole.sample_rate = rate
        whole.pts = 0
        whole.time_base = Fraction(1, rate)
        context = sound.codec_context
        resampler = av.AudioResampler(context.format.name, layout, rate, context.frame_size or 1024)
        for part in [*resampler.resample(whole), *resampler.resample(None)]:
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return path


def tone_in(path):
    """Start of a file's tone, in seconds after its first picture, and its sound codecs and layout."""
    with av.open(str(path)) as container:
        start = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        [stream] = container.streams.audio
        resampler = av.AudioResampler("flt", "mono", RATE)
        parts = []
        for frame in container.decode(stream):
            begin = None if frame.pts is None else frame.pts * frame.time_base
            frame.pts = None
            parts += [(begin, part.to_ndarray()[0]) for part in resampler.resample(frame)]
    begin = parts[0][0] or 0
    wave = np.abs(np.concatenate([wave for _, wave in parts]))
    first = int(np.argmax(wave > 0.1 * wave.max()))
    return float(begin) + first / RATE - start, stream.codec_context.codec.canonical_name, stream


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("codec", SOUNDS)
def test_every_sound_reaches_every_container_in_time(tmp_path, codec, suffix):
    clip = make(tmp_path / f"clip{SOUNDS[codec]}", codec)
    out = tmp_path / f"out{suffix}"
    said = check_output(out, probe(clip))
    write_clip(read_frames(clip), probe(clip), out)
    begin, kept, _ = tone_in(out)
    original, stored, _ = tone_in(clip)
    # Windows Media's times count blocks of 46 ms.
    assert abs(begin - original) < (0.03 if codec == "wmav2" else 0.012)
    assert (kept == stored) == (said == ())
    assert kept == stored or kept == "aac"


@pytest.mark.parametrize("codec", SOUNDS)
def test_what_is_copied_is_known_before_the_first_frame(tmp_path, codec):
    """A check that passes and a file that can't be written must not go together."""
    clip = make(tmp_path / f"clip{SOUNDS[codec]}", codec, layout="5.1" if codec == "pcm_f32le" else "stereo")
    for suffix in (".mp4", ".mov", ".mkv"):
        out = tmp_path / f"out{suffix}"
        options = WriterOptions(sound="copy")
        try:
            check_output(out, probe(clip), options)
        except UsageError:
            with pytest.raises(UsageError, match=r"cannot hold its .* sound as it is"):
                write_clip(read_frames(clip), probe(clip), out, options=options)
            assert not out.exists()
        else:
            write_clip(read_frames(clip), probe(clip), out, options=options)
            assert tone_in(out)[1] == tone_in(clip)[1]


def test_beside_prores_nothing_is_lost(tmp_path):
    clip = make(tmp_path / "clip.mkv", "wavpack")
    out = tmp_path / "out.mov"
    said = check_output(out, probe(clip), WriterOptions(codec="prores"))
    assert said == ("sound: .mov cannot hold wavpack; it is encoded as PCM",)
    write_clip(read_frames(clip), probe(clip), out, options=WriterOptions(codec="prores"))
    assert tone_in(out)[1].startswith("pcm_s")


def test_a_range_takes_its_part_of_the_sound(tmp_path):
    clip = make(tmp_path / "clip.avi", "adpcm_ms")
    out = tmp_path / "out.mp4"
    write_clip(read_frames(clip, 5, 20), probe(clip), out, range(5, 20))
    assert abs(tone_in(out)[0] - (BEGIN_S - 5 / 25)) < 0.03  # it is cut by whole packets


def test_a_rate_that_aac_does_not_know_is_brought_to_one(tmp_path):
    clip = make(tmp_path / "clip.mkv", "pcm_u8", rate=37800)
    out = tmp_path / "out.mp4"
    write_clip(read_frames(clip), probe(clip), out)
    begin, codec, stream = tone_in(out)
    assert (codec, stream.codec_context.sample_rate) == ("aac", RATE)
    assert abs(begin - BEGIN_S) < 0.012

"""Every codec and profile: exact times, the same bytes each time, tags, shape; what is refused and why."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.media import available_encoders, encoders
from recaster.media.encoders import ENCODERS, choose_segment_suffix
from recaster.media.hdr_metadata import HdrMetadata
from recaster.media.join import check_output, join_segments
from recaster.media.patches import find_siting
from recaster.media.probe import probe, scan
from recaster.media.reader import read_frames
from recaster.media.types import ColourTags, Patch, Rect, Shape
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import HARDWARE_ENCODERS, WriterOptions
from recaster.settings.formats import FFMPEG_ENCODERS, PROFILES, SUFFIXES

SIZE = (256, 128)
PTS = [0, 1001, 3003, 3100, 9009, 10010, 20020, 21021, 24024, 25025]
MOVIES = {codec: SUFFIXES[codec] for codec in FFMPEG_ENCODERS}
WAYS = [
    (codec, profile, suffix)
    for codec, suffixes in MOVIES.items()
    for profile in PROFILES.get(codec, (None,))
    for suffix in suffixes
    if codec not in ("h264", "hevc")
]
TAGS = {
    "proxy": "apco", "lt": "apcs", "standard": "apcn", "hq": "apch", "4444": "ap4h", "4444xq": "ap4x",
}  # fmt: skip


def render(clip, folder, options, lengths=(3, 1, 6)):
    """Segments of a clip that nobody painted on."""
    info = probe(clip)
    frames = iter(read_frames(clip, lazy=True))
    segments = []
    for number, length in enumerate(lengths):
        segments.append(folder / f"{number}{choose_segment_suffix(options.codec)}")
        with ClipWriter(segments[-1], info, options) as writer:
            for _, frame in zip(range(length), frames, strict=False):
                writer.write_painted(frame, [])
    return info, segments


@pytest.mark.parametrize(("codec", "profile", "suffix"), WAYS)
def test_a_result_has_the_times_tags_and_shape_of_its_clip(
    make_clip, tools, tmp_path, codec, profile, suffix
):
    tags = {"color_range": 1, "colorspace": 1, "color_primaries": 1, "color_trc": 1}
    clip = make_clip(count=10, pts=PTS, size=SIZE, aspect=Fraction(4, 3), rotation=90, tags=tags,
                     audio=[Fraction(0)])  # fmt: skip
    options = WriterOptions(codec, quality=10, preset="ultrafast", profile=profile)
    written = set()
    for name in "ab":
        (tmp_path / name).mkdir()
        info, segments = render(clip, tmp_path / name, options)
        out = tmp_path / name / f"out{suffix}"
        join_segments(segments, info, out, range(10), options)
        written.add(out.read_bytes())
    assert len(written) == 1
    after = probe(out)
    assert [tools.index_of(np.rot90(frame.image, -1)) for frame in read_frames(out)] == list(range(10))
    off = [a * after.time_base - b * info.time_base for a, b in zip(scan(out).pts, PTS, strict=True)]
    assert all(shift == 0 if suffix != ".mkv" else abs(shift - off[0]) < Fraction(1, 900) for shift in off)
    assert after.colour == info.colour == ColourTags("tv", "bt709", "bt709", "bt709")
    assert info.shape.stored == SIZE
    assert info.shape.rotation
    if suffix == ".mkv":
        [said] = check_output(out, info, options)
        assert "pixel shape 4:3" in said
        assert (after.shape.stored, after.shape.rotation) == (SIZE, info.shape.rotation)
    else:
        assert check_output(out, info, options) == ()
        assert replace(after.shape, matrix=None) == replace(info.shape, matrix=None)
    assert len(after.audio) == 1
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.codec.name in (FFMPEG_ENCODERS[codec], codec, "libdav1d", "prores")
        if codec == "prores" and suffix == ".mov":
            assert stream.codec_context.codec_tag == TAGS[profile]
        if codec == "dnxhr":
            assert stream.codec_context.codec_tag == "AVdh"
            assert stream.codec_context.profile == f"DNXHR {profile.upper()}"


@pytest.mark.parametrize("codec", ["dnxhr", "ffv1", "av1"])
def test_samples_of_colour_lie_where_they_are_read(make_clip, tmp_path, codec):
    _, segments = render(make_clip(count=10, size=SIZE), tmp_path, WriterOptions(codec), (2,))
    location = {(True, False): "left", (False, False): None, None: "left"}[ENCODERS[codec].sited]
    with av.open(str(segments[0])) as container:
        assert find_siting(next(container.decode(video=0))) == location


def paint_noise(path, pixel_format, count=3):
    """A clip of noise in every sample, written by ffmpeg's FFV1."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24, options={"level": "3"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixel_format
        for index in range(count):
            frame = av.VideoFrame(*SIZE, pixel_format)
            bits = max(component.bits for component in frame.format.components)
            kind = np.uint16 if bits > 8 else np.uint8
            noise = np.random.default_rng(index)
            for plane in frame.planes:
                samples = np.frombuffer(plane, kind)
                samples[:] = noise.integers(0, 1 << bits, samples.size)
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decode(path):
    """Format and used samples of every plane of every frame."""
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            kind = np.uint16 if picture.format.name.endswith("le") else np.uint8
            planes = [np.frombuffer(plane, kind).reshape(plane.height, -1) for plane in picture.planes]
            width = {"bgra": 4, "bgr0": 4}.get(picture.format.name, 1)
            yield (
                picture.format.name,
                [
                    plane[:, : width * each.width].copy()
                    for plane, each in zip(planes, picture.planes, strict=True)
                ],
            )


@pytest.mark.parametrize(
    "pixel_format",
    ["yuv420p", "yuv422p", "yuv411p", "yuv420p10le", "yuv422p12le", "yuv420p16le", "yuv444p16le",
     "yuva420p", "yuva444p16le", "gbrp10le", "gbrp16le", "gbrap16le", "bgra"],
)  # fmt: skip
def test_ffv1_gives_back_every_bit_of_what_nobody_painted(tmp_path, pixel_format):
    clip = paint_noise(tmp_path / "clip.mkv", pixel_format)
    options = WriterOptions("ffv1")
    info, segments = render(clip, tmp_path, options, (2, 1))
    out = tmp_path / "out.mkv"
    assert check_output(out, info, options) == ()
    join_segments(segments, info, out, range(3), options)
    for before, after in zip(decode(clip), decode(out), strict=True):
        assert before[0] == after[0] == pixel_format
        assert all(np.array_equal(a, b) for a, b in zip(before[1], after[1], strict=True))


def test_ffv1_is_painted_on_in_16_bits(tmp_path):
    clip = paint_noise(tmp_path / "clip.mkv", "yuva444p16le", 1)
    place = Rect(64, 32, 160, 96)
    with ClipWriter(tmp_path / "out.mkv", probe(clip), WriterOptions("ffv1")) as writer:
        frame = next(read_frames(clip, lazy=True))
        shade = np.linspace(40, 200, place.width * place.height, dtype=np.float32)
        image = np.repeat(shade.reshape(place.height, place.width, 1), 3, axis=2)
        whole = np.ones(image.shape[:2], bool)
        writer.write_painted(frame, [Patch(place, image, whole, whole.astype(np.uint8))])
    [(_, before)] = decode(clip)
    [(_, after)] = decode(tmp_path / "out.mkv")
    assert len(np.unique(place.crop(after[0]))) > 5000
    assert np.array_equal(before[3], after[3])
    after[0][place.top : place.bottom, place.left : place.right] = place.crop(before[0])
    assert np.array_equal(before[0], after[0])


@pytest.mark.parametrize("codec", ["prores", "ffv1"])
def test_transparency_is_kept_where_a_codec_has_it(tmp_path, codec):
    clip = paint_noise(tmp_path / "clip.mkv", "yuva444p10le")
    options = WriterOptions(codec, profile="4444xq" if codec == "prores" else None)
    _, segments = render(clip, tmp_path, options, (3,))
    assert probe(segments[0]).has_alpha
    [said] = check_output(tmp_path / "out.mov", probe(clip), WriterOptions("prores", profile="hq"))
    assert "transparency, which yuv422p10le doesn't have" in said


@pytest.mark.parametrize(
    ("options", "size", "says"),
    [
        (WriterOptions("prores", profile="sq"), SIZE, "prores has no profile sq; choose from proxy, lt"),
        (WriterOptions("h264", profile="hq"), SIZE, "h264 has no profile hq; it has none"),
        (WriterOptions("h264", profile="best"), SIZE, "no profile is called best; choose from proxy, .*444"),
        (WriterOptions("dnxhr"), (254, 128), "dnxhr begins at 256x120 pixels, this is 254x128"),
        (WriterOptions("prores", profile="lt"), (97, 64), "use profile 4444 or 4444xq"),
        (WriterOptions("av1"), (97, 64), "97x64 is odd, .* use another codec"),
        (WriterOptions("prores", profile="4444", pixel_format="yuv422p10le"), SIZE, "it takes yuv444p10le"),
        (WriterOptions("ffv1", pixel_format="nv12"), SIZE, "ffv1 cannot be written as nv12"),
    ],
)
def test_what_a_codec_can_not_do_is_said(make_clip, tmp_path, options, size, says):
    info = replace(probe(make_clip()), shape=Shape.plain(*size))
    with pytest.raises(UsageError, match=says):
        ClipWriter(tmp_path / f"out{SUFFIXES[options.codec][0]}", info, options)


def test_an_encoder_that_ffmpeg_lacks_is_refused_and_not_offered(make_clip, tmp_path, monkeypatch):
    assert available_encoders.list_available_codecs() == list(MOVIES)
    monkeypatch.setitem(FFMPEG_ENCODERS, "av1", "no_such_encoder")
    assert available_encoders.list_available_codecs() == [name for name in MOVIES if name != "av1"]
    with pytest.raises(UsageError, match="this FFmpeg has no encoder no_such_encoder; choose from h264"):
        ClipWriter(tmp_path / "out.mp4", probe(make_clip()), WriterOptions("av1"))


@pytest.mark.parametrize("codec", ["ffv1", "dnxhr"])
def test_hdr10_metadata_that_a_codec_loses_is_named_and_its_matrix_stays_true(make_clip, tmp_path, codec):
    clip = make_clip(size=SIZE, tags={"colorspace": 9, "color_primaries": 9, "color_trc": 16})
    info = replace(probe(clip), hdr=HdrMetadata(None, (1000, 400)))
    out = tmp_path / f"out{SUFFIXES[codec][0]}"
    with ClipWriter(out, info, WriterOptions(codec)) as writer:
        before = next(read_frames(clip, lazy=True))
        writer.write_painted(before, [])
    assert probe(out).colour.transfer == "smpte2084"
    assert probe(out).colour.matrix == ("bt709" if codec == "dnxhr" else "bt2020nc")
    assert np.abs(next(read_frames(out)).image.astype(int) - before.image).mean() < 2
    [said] = check_output(out, info, WriterOptions(codec))
    assert "HDR10 metadata (MaxCLL 1000, MaxFALL 400)" in said


def test_hardware_is_never_chosen_silently_and_refused_where_it_does_not_open(
    make_clip, tmp_path, monkeypatch
):
    info = probe(make_clip())
    monkeypatch.setattr(available_encoders, "_try_to_open", lambda *_, **__: "no such device")
    assert available_encoders.list_open_encoders() == []
    ClipWriter(tmp_path / "out.mp4", info, WriterOptions())
    for name in ("h264_nvenc", "h264_qsv"):
        with pytest.raises(UsageError, match=rf"{name} does not open on this machine \(no such device\)"):
            ClipWriter(tmp_path / "out.mp4", info, WriterOptions(encoder=name))
    with pytest.raises(UsageError, match="hevc_nvenc writes hevc, not h264"):
        ClipWriter(tmp_path / "out.mp4", info, WriterOptions(encoder="hevc_nvenc"))
    with pytest.raises(UsageError, match=r"h264_nvenc does not open .*it does not take yuv422p"):
        ClipWriter(tmp_path / "out.mp4", info, WriterOptions(encoder="h264_nvenc", pixel_format="yuv422p"))
    with pytest.raises(UsageError, match="no hardware encoder is called h264_best; choose from h264_nvenc"):
        ClipWriter(tmp_path / "out.mp4", info, WriterOptions(encoder="h264_best"))


def test_an_encoder_is_really_opened_to_know_whether_it_does():
    assert available_encoders._try_to_open("libx264", "yuv420p") == ""
    assert "format" in available_encoders._try_to_open("dnxhd", "yuv420p")  # which takes 4:2:2
    assert available_encoders.find_fault("h264_no_such") == "this FFmpeg does not have it"
    for name in HARDWARE_ENCODERS:  # opens, or says in words why it doesn't
        assert (available_encoders.find_fault(name) == "") == (
            name in available_encoders.list_open_encoders()
        )


def test_what_hardware_takes_in_another_order_are_the_same_samples(make_clip, tmp_path, monkeypatch):
    """libx264 in the place of a chip that takes nv12."""
    info = probe(make_clip(count=3))
    monkeypatch.setitem(HARDWARE_ENCODERS, "libx264", "h264")
    monkeypatch.setattr(available_encoders, "_FORMATS", {"yuv420p": ("nv12",)})
    monkeypatch.setattr(encoders, "check_options", lambda _: None)
    monkeypatch.setattr(encoders, "choose_hardware_options", lambda *_, **__: {"qp": "0"})
    with ClipWriter(tmp_path / "libx264.mp4", info, WriterOptions(encoder="libx264")) as writer:
        for frame in read_frames(info.path, lazy=True):
            writer.write_painted(frame, [])
    assert probe(tmp_path / "libx264.mp4").frame_count == 3
    lossless = [frame.image for frame in read_frames(tmp_path / "libx264.mp4")]
    assert all(np.array_equal(a.image, b) for a, b in zip(read_frames(info.path), lossless, strict=True))


@pytest.mark.parametrize(("codec", "suffix"), [(codec, names[0]) for codec, names in MOVIES.items()])
def test_timecode_and_reel_stand_beside_every_codec(make_clip, tmp_path, codec, suffix):
    info = probe(make_clip(count=24, size=SIZE, time_base=Fraction(1, 24000)))
    stated = replace(info, metadata=replace(info.metadata, timecode="01:00:00:00", reel="A001"))
    options = WriterOptions(codec, preset="ultrafast")
    _, segments = render(info.path, tmp_path, options, (24,))
    join_segments(segments, stated, tmp_path / f"out{suffix}", range(24), options)
    kept = probe(tmp_path / f"out{suffix}").metadata
    assert (kept.timecode, kept.reel) == ("01:00:00:00", "A001")

"""HDR clips: the view that networks see, and the way back to the clip's own values."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import PyOpenColorIO
import pytest

from recaster.errors import UsageError
from recaster.media.clip import Clip
from recaster.media.colour_view import ColourView
from recaster.media.encoders import SEGMENT_SUFFIX
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.types import ColourTags, Patch, Rect
from recaster.media.writer import ClipWriter
from recaster.settings.choices import LOG_SPACES
from recaster.settings.encoding import WriterOptions
from recaster.settings.reading import ReadOptions

PQ = 16
HLG = 18
VIEWS = [ColourView(transfer, wide) for transfer in ("smpte2084", "arib-std-b67") for wide in (False, True)]
PLACE = Rect(16, 16, 80, 48)


def code_of_pq(nits):
    """The inverse of SMPTE ST 2084's equation 4.1, as the standard writes it."""
    y = (nits / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_what_is_painted_shows_as_it_was_meant(view):
    wanted = np.random.default_rng(1).uniform(0, 250, (5000, 3)).astype(np.float32)
    assert np.abs(view.decode(view.encode(wanted)) - wanted).max() < 0.3


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_whole_pictures_and_single_values_show_alike(view):
    codes = np.random.default_rng(2).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    assert np.abs(view.show(codes) - view.decode(codes.astype(np.float32))).max() <= 0.501


@pytest.mark.parametrize(("nits", "light"), [(20.3, 0.1), (101.5, 0.5), (121.8, 0.6)])
def test_pq_is_light_relative_to_white_of_203_nits(nits, light):
    grey = np.full(3, 255 * code_of_pq(nits), np.float32)
    srgb = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(ColourView("smpte2084", is_wide=True).decode(grey) - srgb).max() < 0.3


def test_light_beyond_white_still_differs():
    view = ColourView("smpte2084", is_wide=False)
    greys = view.decode(np.array([[255 * code_of_pq(nits)] * 3 for nits in (150, 203, 300, 500)], np.float32))
    assert (np.diff(greys[:, 0]) > 2).all()
    assert greys.max() < 256


def test_other_transfers_are_seen_as_they_are():
    for transfer in ("bt709", "iec61966-2-1", None):
        assert ColourView.of(ColourTags(transfer=transfer)) is None
    assert ColourView.of(ColourTags(transfer="smpte2084", primaries="bt2020")) == VIEWS[1]


def make_hdr(path, transfer, pixel_format="yuv420p10le"):
    """Three frames of grey ramps in 10 bits, tagged as BT.2020."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx265", rate=24, options={"x265-params": "lossless=1:log-level=none"}
        )
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixel_format
        context = stream.codec_context
        context.color_primaries, context.colorspace, context.color_trc, context.color_range = (
            9,
            9,
            transfer,
            1,
        )
        for index in range(3):
            frame = av.VideoFrame(96, 64, pixel_format)
            for number, plane in enumerate(frame.planes):
                samples = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, : plane.width]
                samples[:] = 512 if number else np.linspace(100, 700, plane.width)[None] + 8 * index
            frame.pts = index
            frame.time_base = Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_face_in_hdr_shows_as_it_was_painted_and_the_rest_is_untouched(tmp_path, transfer):
    clip = make_hdr(tmp_path / "hdr.mp4", transfer)
    out = tmp_path / f"out{SEGMENT_SUFFIX}"
    skin = np.full((PLACE.height, PLACE.width, 3), (190, 140, 115), np.float32)
    with ClipWriter(out, probe(clip), WriterOptions(codec="hevc", quality=0, preset="ultrafast")) as writer:
        for frame in read_frames(clip, lazy=True):
            assert frame.view is not None
            painted = frame.view.encode(skin)
            whole = np.ones(skin.shape[:2], bool)
            writer.write_painted(frame, [Patch(PLACE, painted, whole, whole.astype(np.uint8))])
    assert probe(out).colour == probe(clip).colour
    for before, after in zip(read_frames(clip), read_frames(out), strict=True):
        inner = Rect(PLACE.left + 4, PLACE.top + 4, PLACE.right - 4, PLACE.bottom - 4)
        assert np.abs(inner.crop(after.image).astype(int) - skin[0, 0]).mean() < 3
        far = np.ones(after.image.shape[:2], bool)
        far[PLACE.top - 4 : PLACE.bottom + 4, PLACE.left - 4 : PLACE.right + 4] = False
        assert np.abs(after.image.astype(int) - before.image)[far].mean() < 2


def test_deep_parts_of_hdr_frames_are_code_values(tmp_path):
    clip = make_hdr(tmp_path / "hdr.mp4", PQ)
    frame = next(read_frames(clip, lazy=True))
    plate = frame.plate_part(PLACE)
    codes = (np.linspace(100, 700, 96)[PLACE.left : PLACE.right].astype(int) - 64) / 876 * 255
    assert np.abs(plate[0, :, 1] - codes).max() < 0.5
    assert np.abs(frame.view.decode(plate) - frame.part(PLACE)).mean() < 2


@pytest.mark.parametrize("space", ["slog3_sgamut3cine", "logc3ei800_alexawide", "arri_logc4", "vlog_vgamut"])
def test_log_footage_is_seen_and_painted_in_its_own_values(space):
    view = ColourView.of_space(space)
    wanted = np.random.default_rng(1).uniform(5, 245, (5000, 3)).astype(np.float32)
    assert np.abs(view.decode(view.encode(wanted)) - wanted).max() < 0.5


def test_grey_of_a_log_space_is_where_its_maker_puts_it():
    """18 % grey lies at 420 of 1023 in Sony's S-Log3, and is 118 in sRGB."""
    grey = np.full((1, 3), 420 / 1023 * 255, np.float32)
    assert np.abs(ColourView.of_space("slog3_sgamut3cine").decode(grey) - 117.6).max() < 1


def test_an_unknown_colour_space_is_refused_with_those_of_cameras():
    with pytest.raises(UsageError, match=r"no colour space 'slog9'.*slog3_sgamut3cine"):
        ColourView.of_space("slog9")


def test_a_clip_is_shown_in_the_colour_space_that_it_is_said_to_be_in(tmp_path):
    path = make_hdr(tmp_path / "log.mp4", 1)
    frame = next(Clip(path, ReadOptions("slog3_sgamut3cine")).read(0, 1))
    plain = next(Clip(path).read(0, 1))
    assert plain.view is None
    assert np.abs(frame.view.decode(frame.plate_part(PLACE)) - frame.part(PLACE)).mean() < 2
    assert np.array_equal(frame.plate_part(PLACE), plain.plate_part(PLACE))
    said = ReadOptions("slog3_sgamut3cine")
    assert probe(path, said).reading == said


def test_menus_name_the_log_spaces_of_cameras():
    config = PyOpenColorIO.Config.CreateFromBuiltinConfig("studio-config-latest")
    logs = [space.getName() for space in config.getColorSpaces() if space.getEncoding() == "log"]
    assert sorted(LOG_SPACES) == sorted(name for name in logs if not name.startswith(("ACES", "ADX")))

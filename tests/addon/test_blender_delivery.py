"""Colours, transparency and timecode of strips are their results' too, in a real Blender by a real engine."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from rich_clips import ffmpeg, needs_ffmpeg, streams_of, tags_of
from tests.addon.test_swapping import difference, pictures_of

from recaster.media.colour_view import ColourView
from recaster.media.probe import probe

if TYPE_CHECKING:
    from tests.addon.conftest import Blender

FRAMES = 4
PQ = 16
BT2020 = 9
P3 = 12
SRGB = 13
FACE = np.s_[90:250, 90:230]
ABOVE = np.s_[:40]


def write_clip_with_tags(
    path: Path, pictures: np.ndarray, codec: str, pixel_format: str, **tags: int
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"crf": "10"} if codec == "libx264" else {})
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = pixel_format
        for name, tag in tags.items():
            setattr(stream.codec_context, name, tag)
        for at, picture in enumerate(pictures):
            form = "rgba64le" if pictures.shape[3] == 4 else "rgb48le"
            frame = av.VideoFrame.from_ndarray(picture, format=form).reformat(format=pixel_format)
            frame.pts = at
            frame.time_base = Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def coloured_clips(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Clips of the performer, and what is chosen on their strips."""
    folder = tmp_path_factory.mktemp("coloured")
    eight = pictures_of(actors / "performer.mp4")[:FRAMES]
    deep = eight.astype(np.uint16) * 257
    hdr = ColourView("smpte2084", is_wide=True).encode(eight.astype(np.float32))
    hdr = np.clip(np.rint(hdr * 257), 0, 65535).astype(np.uint16)
    opaque = np.concatenate([deep, np.full((*deep.shape[:3], 1), 65535, np.uint16)], -1)
    opaque[:, :20, :, 3] = 20_000
    bt2020 = {"color_primaries": BT2020, "color_trc": PQ, "colorspace": BT2020}
    paths = {
        "pq": write_clip_with_tags(folder / "pq.mp4", hdr, "libx264", "yuv420p10le", **bt2020),
        "p3": write_clip_with_tags(
            folder / "p3.mov", deep, "libx264", "yuv420p", color_primaries=P3, color_trc=SRGB
        ),
        "clear": write_clip_with_tags(folder / "clear.mov", opaque, "prores_ks", "yuva444p10le"),
    }
    return {
        "pq": {"path": str(paths["pq"]), "matte": "yes"},
        "p3": {"path": str(paths["p3"]), "codec": "prores", "profile": "lt", "views": "STEREO_3D"},
        "clear": {"path": str(paths["clear"]), "codec": "prores", "space": "Linear Rec.709"},
    }


def test_a_result_is_what_its_strip_is(
    blender: Blender, facts: dict[str, Any], coloured_clips: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    found = blender.run("coloured", tmp_path, **facts, clips=coloured_clips, out=tmp_path)
    is_told_spaces = blender.version != "4.2"  # which takes every movie for sRGB
    assert found["pq"]["spaces"][0] == ("Rec.2100-PQ" if is_told_spaces else "sRGB")
    assert found["p3"]["spaces"][0] == ("Display P3" if is_told_spaces else "sRGB")
    assert found["pq"]["matte"] == "sRGB"  # the sequencer's own: a mask's values are no colours
    for name, asked in coloured_clips.items():
        strip, result = found[name]["spaces"]
        assert result == strip == asked.get("space", strip), name
        assert found[name]["read"] == ["PREMUL", False, "views" in asked, "TOPBOTTOM"], name
        swapped, original = (pictures_of(tmp_path / f"{name}-{kind}.mp4") for kind in ("swapped", "original"))
        for one, other in zip(swapped, original, strict=True):
            assert difference(one[ABOVE], other[ABOVE]) < 2, name
            assert difference(one[FACE], other[FACE]) > 2, name
    results = {name: Path(each["result"]) for name, each in found.items()}
    assert [path.suffix for path in results.values()] == [".mp4", ".mov", ".mov"]
    assert probe(results["pq"]).colour.transfer == "smpte2084"
    assert probe(results["clear"]).has_alpha
    profiles = []
    for path in results.values():
        with av.open(str(path)) as container:
            profiles.append(container.streams.video[0].profile)
    assert profiles[1:] == ["LT", "4444"]


def test_log_spaces_of_cameras_are_suggested_and_asked_for(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("logged", tmp_path, **facts)
    if found["known"]:
        sentence = "The strip's color space is S-Log3 S-Gamut3.Cine"
        assert found["texts"] == [[], [sentence], []]
        assert found["used"] == "S-Log3 S-Gamut3.Cine"
    else:
        assert blender.version == "4.2"  # which has none of cameras
        assert found["texts"] == [[], [], []]
    assert found["asked"] == "slog3_sgamut3cine"
    assert found["result"]


@needs_ffmpeg
def test_a_part_that_was_sent_brings_timecode_and_tags_back(
    newest_blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    clip = tmp_path / "turnover.mov"
    ffmpeg(
        "-i", facts["clip"], "-c:v", "libx264", "-g", "10", "-c:a", "aac", "-metadata:s:v",
        "reel_name=A001C002", "-metadata", "com.apple.quicktime.make=ACME", "-metadata",
        "creation_time=2024-05-01T10:00:00Z", "-movflags", "use_metadata_tags", "-timecode",
        "10:00:00:20", clip,
    )  # fmt: skip
    found = newest_blender.run("cut_out", tmp_path, **{**facts, "clip": clip})
    [part] = found["parts"]
    assert Path(part).stat().st_size < clip.stat().st_size / 5
    result = Path(found["result"])
    assert probe(result).frame_count == 5
    assert probe(result).metadata.timecode == "10:00:02:00"
    [track] = [stream for stream in streams_of(result, "data") if stream["codec_tag_string"] == "tmcd"]
    assert track["tags"]["reel_name"] == "A001C002"
    kept = ("com.apple.quicktime.make", "creation_time")
    assert [tags_of(result)[name] for name in kept] == [tags_of(clip)[name] for name in kept]

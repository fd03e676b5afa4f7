"""Strips are swapped in a real Blender by a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image

from recaster.media.probe import probe
from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from tests.addon.conftest import Blender

    from recaster.media.types import Image as Picture


def pictures_of(path: Path | str) -> np.ndarray:
    return np.stack([frame.image for frame in read_frames(Path(path), 0, probe(Path(path)).frame_count)])


def difference(one: Picture, other: Picture) -> float:
    """Mean absolute difference, in steps of 8 bits."""
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def sound_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", 8000)
        frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def test_a_trimmed_strip(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    found = blender.run("trimmed", tmp_path, **facts, out=tmp_path)
    assert found["look"]
    clip = pictures_of(facts["clip"])[30:50]
    swapped = pictures_of(found["result"])
    assert swapped.shape == clip.shape
    rendered, original = (pictures_of(tmp_path / name) for name in ("swapped.mp4", "original.mp4"))
    assert len(rendered) == len(original) == 20
    for at in range(20):
        # Each rendered frame is the very frame of the result, and no other; above the face it is the clip's.
        near = [difference(rendered[at], swapped[other]) for other in range(20)]
        assert near[at] == min(near)
        assert near[at] < 3
        face = np.s_[90:250, 90:230]
        above = np.s_[:40]
        assert difference(rendered[at][face], original[at][face]) > 3 * difference(
            rendered[at][face], swapped[at][face]
        )
        assert difference(rendered[at][above], original[at][above]) < 2
    if not found["sound"]:
        assert blender.version == "4.2"
        return
    # The sound is where it was: what the two renders sound like is the same from the first sample on.
    one, other = (sound_of(tmp_path / name) for name in ("swapped.mp4", "original.mp4"))
    assert np.abs(one).max() > 0.05
    shifts = range(-400, 401, 40)
    likeness = [float((np.roll(one, shift) * other).sum()) for shift in shifts]
    assert shifts[int(np.argmax(likeness))] == 0
    assert np.corrcoef(one, other)[0, 1] > 0.999


def test_what_a_strip_looks_like_is_kept(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    blender.run("dressed", tmp_path, **facts, out=tmp_path)
    assert len(list((tmp_path / "recaster").glob("*.m*"))) == 3  # nothing that was made is thrown away


def test_choices_keep_their_numbers(blender: Blender, tmp_path: Path) -> None:
    found = blender.run("choices", tmp_path)
    assert found["numbers"] == {  # as .blend files have them
        "mask": {"learned": 0, "hull": 1, "box": 2},
        "colour": {"mean": 0, "hist": 1, "none": 2, "light": 3},
        "smoothing": {"zero-phase": 0, "kalman": 1, "ema": 2, "none": 3},
        "codec": {"h264": 0, "hevc": 1, "prores": 2, "dnxhr": 3, "ffv1": 4, "av1": 5},
        "prores_profile": {"auto": 0, "proxy": 1, "lt": 2, "standard": 3, "hq": 4, "4444": 5, "4444xq": 6},
        "dnxhr_profile": {"auto": 0, "lb": 1, "sq": 2, "hq": 3, "hqx": 4, "444": 5},
        "result": {"frame": 0, "face": 1, "both": 2},
        "label": {"none": 0, "text": 1, "icon": 2},
        "keep": {
            "mouth": 1,
            "inner-mouth": 2,
            "eyes": 4,
            "brows": 8,
            "nose": 16,
            "lower": 32,
            "upper": 64,
            "beard": 128,
            "glasses": 256,
        },
        "label_language": {"en": 0, "de": 1, "es": 2, "fr": 3, "it": 4, "nl": 5, "pt": 6},
    }
    assert found["defaults"] == {
        "mask": "learned", "colour": "light", "smoothing": "zero-phase", "codec": "h264",
        "prores_profile": "auto", "dnxhr_profile": "auto", "result": "frame", "label": "none",
        "label_language": "en", "feather": pytest.approx(0.06), "erode": 0, "strength": 1,
        "keep_feather": pytest.approx(0.05), "expression": 1, "gaze": 1,
    }  # fmt: skip
    assert found["sent"] == {"keep": ["eyes", "nose"], "strength": 0.3, "gaze": 1}


def test_pictures(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    clip = pictures_of(facts["clip"])[:24]
    folder = tmp_path / "stills"
    folder.mkdir()
    for at, picture in enumerate(clip):
        Image.fromarray(picture).save(folder / f"still-{at:04}.png")
    found = blender.run("pictures", tmp_path, **facts, folder=folder)
    swapped = pictures_of(found["result"])
    assert len(swapped) == 10
    near = [difference(swapped[3][:40], clip[at][:40]) for at in range(24)]
    assert int(np.argmin(near)) == 4 + 3
    assert difference(swapped[3], clip[7]) > 1


@pytest.mark.parametrize("scenario", ["several", "full", "timed", "copied", "undone", "cancelled"])
def test_on_the_timeline(blender: Blender, facts: dict[str, Any], tmp_path: Path, scenario: str) -> None:
    blender.run(scenario, tmp_path, **facts)


def test_a_strip_that_is_played_at_another_rate(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("paced", tmp_path, **facts, out=tmp_path)
    rendered, original = (pictures_of(tmp_path / name) for name in ("swapped.mp4", "original.mp4"))
    assert len(rendered) == len(original) == 24
    face = np.s_[90:250, 90:230]
    above = np.s_[:40]
    for at in range(24):
        assert difference(rendered[at][above], original[at][above]) < 2
        assert difference(rendered[at][face], original[at][face]) > 3
        near = [difference(rendered[at][285:], original[other][285:]) for other in range(24)]
        assert near[at] < min(near) + 0.3  # the shoulders move with the head: it is the same frame
    preview = np.array(Image.open(found["preview"]).convert("RGB"))
    # Blender's versions round the places of a stretched file's frames differently.
    assert int(np.argmin([difference(preview[face], frame[face]) for frame in rendered])) in (8, 9, 10)


def test_a_retimed_strip(blender: Blender, facts: dict[str, Any], short: Path, tmp_path: Path) -> None:
    found = blender.run("retimed", tmp_path, **{**facts, "clip": short})
    assert found["keys"][0] == found["keys"][1]
    assert found["keys"][0][1] == 31
    assert found["spans"] == [[5, 38], [5, 38]]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Ten grey frames."""
    path = tmp_path / "empty.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", 25)
        stream.width = stream.height = 128
        for _ in range(10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((128, 128, 3), 90, np.uint8), "rgb24")))
        out.mux(stream.encode())
    return path


def test_what_can_not_be_swapped_says_why(
    blender: Blender, facts: dict[str, Any], empty: Path, tmp_path: Path
) -> None:
    said = blender.run("failing", tmp_path, **facts, empty=empty)["said"]
    assert "Choose a face first" in said[0]
    assert "Relink the strip shot: /nowhere/clip.mp4 isn't there" in said[1]
    assert "face" in said[2]


def test_people_and_a_previewed_frame(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    found = blender.run("found_and_previewed", tmp_path, **facts)
    preview = np.array(Image.open(found["preview"]).convert("RGB"))
    swapped = pictures_of(found["result"])
    near = [difference(preview, frame) for frame in swapped]
    assert int(np.argmin(near)) == 9  # frame 120 of a strip that begins at 111
    assert min(near) < 3
    assert "Move the playhead over it" in found["said"][0]


def test_what_was_not_swapped_is_told_beside_the_result(
    blender: Blender, facts: dict[str, Any], patchy: Path, tmp_path: Path
) -> None:
    found = blender.run("told", tmp_path, **{**facts, "clip": patchy})
    lines = {
        "24 of 42 frames swapped",
        "Frames 113 to 118: no face found",
        "Frames 119 to 126: not swapped: another person",
        "Frames 137 to 140: half of the face is behind something",
    }
    assert lines <= set(found["strip"])
    assert lines <= set(found["result"])
    assert "Done: 24 of 42 frames swapped" in found["jobs"]
    assert "Frames 1113 to 1118: no face found" in found["moved"]
    assert "Frames 1137 to 1138: half of the face is behind something" in found["moved"]
    assert found["damaged"] == []


def test_frames_of_the_timeline_are_told(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    found = blender.run("told_at", tmp_path, clip=facts["clip"])
    assert found["compared"] > 100
    assert len(found["many"]) == 7
    assert found["many"][-1] == "And 4 more frames"


def test_all_that_an_edit_shows(blender: Blender, facts: dict[str, Any], empty: Path, tmp_path: Path) -> None:
    found = blender.run("all_shown", tmp_path, **facts, empty=empty, out=tmp_path)
    results = sorted(map(pictures_of, found["files"]), key=len)
    assert list(map(len, results)) == [6, 13]
    firsts = (100, 10)
    shown = [*range(10, 15), *range(13, 19), 22, 21, 20, 19, *range(100, 104), *range(101, 106)]
    rendered, original = (pictures_of(tmp_path / name) for name in ("swapped.mp4", "original.mp4"))
    assert len(rendered) == len(original) == len(shown) == 24
    face = np.s_[90:250, 90:230]
    for at, index in enumerate(shown):
        first, result = next(one for one in zip(firsts, results, strict=True) if one[0] <= index)
        near = [difference(rendered[at][face], frame[face]) for frame in result]
        assert int(np.argmin(near)) == index - first
        assert difference(rendered[at][face], original[at][face]) > 3
        assert difference(rendered[at][:40], original[at][:40]) < 2


def test_ranges_that_several_strips_show(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    for at in range(12):
        Image.new("RGB", (16, 16)).save(folder / f"still-{at:04}.png")
    blender.run("all_planned", tmp_path, clip=facts["clip"])
    blender.run("all_pictures", tmp_path, folder=folder)


def test_many_strips_again_undone_and_cancelled(
    newest_blender: Blender, facts: dict[str, Any], empty: Path, tmp_path: Path
) -> None:
    newest_blender.run("all_again", tmp_path, **facts, empty=empty)
    newest_blender.run("all_cancelled", tmp_path, **facts)

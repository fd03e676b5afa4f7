"""Edits of every format: read, planned, shown with results in place of media, written and read again."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import opentimelineio as otio
import pytest
from edits import NTSC, conform, dissolve, edit_of, make_media, places, plan, shots, show, span

from recaster.errors import InputError, OutputError
from recaster.media.probe import probe
from recaster.timelines.conform_plan import ORIGINAL_KEY
from recaster.timelines.edit_file import read_edit, write_edit
from recaster.timelines.media_use import list_uses

if TYPE_CHECKING:
    from pathlib import Path

HOUR_10 = 10 * 3600 * 25


@pytest.fixture
def edit(media: Path) -> Any:
    """Two clips with a dissolve between them, a gap, and the first media once more, with a marker."""
    first = show("first", (media / "A001.mov").as_uri(), span(HOUR_10 + 10, 20), span(HOUR_10, 100))
    first.markers.append(otio.schema.Marker("look", span(HOUR_10 + 12, 1)))
    again = show("again", (media / "A001.mov").as_uri(), span(HOUR_10 + 70, 10), span(HOUR_10, 100))
    return edit_of(
        first,
        dissolve(2, 4),
        show("second", (media / "B 002.mov").as_uri(), span(40, 20), span(0, 100)),
        otio.schema.Gap(source_range=span(0, 5)),
        again,
    )


@pytest.mark.parametrize("suffix", ["otio", "edl", "fcpxml", "xml"])
def test_round_trip(suffix: str, edit: Any, media: Path, tmp_path: Path) -> None:
    path = tmp_path / f"reel.{suffix}"
    rate = 25.0 if suffix == "edl" else None
    write_edit(edit, path, rate)
    before = places(read_edit(path, rate))
    out = tmp_path / "made"
    out.mkdir()
    after = conform(path, media, out, rate)
    # Transitions are lost in the adapter of Final Cut Pro X.
    last, first = (34, 35) if suffix == "fcpxml" else (38, 33)
    assert [name for name, _, _ in before] == ["first", "second", "again"]
    assert [(name, shown) for name, shown, _ in places(after)] == [(name, shown) for name, shown, _ in before]
    names = [name for _, _, name in places(after)]
    assert names[0] == f"A001_5-{last}.mov"
    assert names[1] == f"B%20002_{first}-64.mov"
    assert names[2] == "A001_65-84.mov"
    if suffix != "edl":  # which says no more than cuts and names
        ranges = {
            use.reference.target_url.rpartition("/")[2]: use.reference.available_range
            for use in list_uses(after)
        }
        assert ranges["A001_65-84.mov"] == span(HOUR_10 + 65, 20)
        assert ranges[names[1]].start_time == span(first, 1).start_time


def test_an_otio_edit_keeps_all_else_and_the_way_back(edit: Any, tmp_path: Path) -> None:
    edit.tracks[0][0].metadata["note"] = "keep me"
    edit.tracks[0][0].media_reference.metadata["camera"] = "A"
    path = tmp_path / "reel.otio"
    write_edit(edit, path)
    (tmp_path / "made").mkdir()
    after = conform(path, None, tmp_path / "made")
    clip = after.tracks[0][0]
    original = clip.media_references()[ORIGINAL_KEY]
    assert original.is_equivalent_to(edit.tracks[0][0].media_reference)
    assert clip.media_reference.metadata["camera"] == "A"
    for each in after.find_clips():
        each.set_media_references({"DEFAULT_MEDIA": each.media_references()[ORIGINAL_KEY]}, "DEFAULT_MEDIA")
    assert after.is_equivalent_to(edit)


def test_aaf_is_read(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "reel.aaf"
    timeline = edit_of(
        show("A001", (media / "A001.mov").as_uri(), span(HOUR_10 + 10, 20), span(HOUR_10, 100)),
        show("B 002", "file:///elsewhere/B%20002.mov", span(40, 20), span(0, 100)),
    )
    otio.adapters.write_to_file(timeline, str(path), use_empty_mob_ids=True)
    assert shots(path, media) == ["A001_5-34", "B 002_35-64"]
    with pytest.raises(OutputError, match="can't be written as an edit"):
        write_edit(timeline, tmp_path / "again.aaf")


EDL = """TITLE: reel
FCM: {mode}

001  C003     V     C        01:01:00;02 01:01:00;12 01:00:00;00 01:00:00;10
* FROM CLIP NAME: C003.MOV
002  C003     V     C        01:01:01;02 01:01:01;12 01:00:00;10 01:00:00;20
"""


def test_an_edl_with_drop_frame_finds_media_by_name_and_reel(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "reel.edl"
    path.write_text(EDL.format(mode="DROP FRAME"))
    # From 00:59;20 to 01:00;02 it is ten frames: two numbers are dropped.
    assert shots(path, media, 0, float(NTSC)) == ["C003_10-19", "C003_40-49"]
    assert [use.clip.name for use in list_uses(read_edit(path))] == ["C003.MOV", "002"]
    (tmp_path / "made").mkdir()
    conform(path, media, tmp_path / "made", float(NTSC))
    written = (tmp_path / "made" / "reel.edl").read_text()
    assert re.findall(r"C003     V     C        (.*)", written) == [
        "01:01:00;02 01:01:00;12 01:00:00;00 01:00:00;10",
        "01:01:01;02 01:01:01;12 01:00:00;10 01:00:00;20",
    ]


def test_the_incoming_clip_of_an_edl_s_dissolve_has_its_own_media(
    edit: Any, media: Path, tmp_path: Path
) -> None:
    path = tmp_path / "reel.edl"
    write_edit(edit, path, 25)
    clips = read_edit(path, 25).find_clips()
    assert [clip.media_reference.target_url.rpartition("/")[2] for clip in clips] == [
        "A001.mov", "B%20002.mov", "A001.mov"
    ]  # fmt: skip
    (tmp_path / "made").mkdir()
    conform(path, media, tmp_path / "made", 25)
    assert "file" in (tmp_path / "made" / "reel.edl").read_text()
    stated = re.findall(r"TO CLIP: (.*)", (tmp_path / "made" / "reel.edl").read_text())
    assert [url.rpartition("/")[2] for url in stated] == ["B%20002_33-64.mov"]


def test_ranges_that_overlap_or_touch_are_one(media: Path, tmp_path: Path) -> None:
    url = (media / "B 002.mov").as_uri()
    cuts = [span(50, 10), span(10, 5), span(20, 5), span(95, 5), span(12, 2)]
    path = tmp_path / "reel.otio"
    write_edit(edit_of(*(show(str(number), url, cut) for number, cut in enumerate(cuts))), path)
    assert shots(path, None, 0) == ["B 002_10-14", "B 002_20-24", "B 002_50-59", "B 002_95-99"]
    _, planned = plan(path, None, 3)
    assert [shot.name for shot in planned.shots] == ["B 002_7-27", "B 002_47-62", "B 002_92-99"]
    assert [len(shot.placements) for shot in planned.shots] == [3, 1, 1]


def test_media_of_one_name_have_results_of_two(tmp_path: Path) -> None:
    for day in ("day1", "day2"):
        make_media(tmp_path / day / "A001.mov", 10)
    path = tmp_path / "reel.otio"
    write_edit(edit_of(*(show(day, f"{day}/A001.mov", span(0, 5)) for day in ("day1", "day2"))), path)
    assert shots(path, None, 0) == ["day1_A001_0-4", "day2_A001_0-4"]


def test_relative_places_count_from_the_edit(tmp_path: Path) -> None:
    make_media(tmp_path / "rushes" / "D 004.mov", 10)
    for url in ("rushes/D 004.mov", "rushes/D%20004.mov", "./rushes/D 004.mov", "rushes\\D 004.mov"):
        path = tmp_path / "reel.otio"
        write_edit(edit_of(show("d", url, span(0, 5))), path)
        assert shots(path, None, 0) == ["D 004_0-4"], url


def test_missing_media_are_all_named_at_once(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "reel.otio"
    clips = [show("a", "file:///no/A009.mov", span(0, 5)), show("b", "B009.mov", span(0, 5))]
    write_edit(edit_of(*clips, otio.schema.Clip("B 002", source_range=span(0, 5))), path)
    with pytest.raises(InputError, match=r"'a' \(/no/A009.mov\); 'b' \(B009.mov\); 'B 002' \(no place"):
        plan(path, None)
    with pytest.raises(InputError, match=r"'b' \(B009.mov\). Name the folder that they are in with --media"):
        plan(path, media)
    twins = [make_media(tmp_path / day / "A009.mov", 5) for day in ("one", "two")]
    with pytest.raises(InputError, match=rf"A009.mov\): may be {twins[0]}, {twins[1]}"):
        plan(path, tmp_path)


def test_what_is_no_clip_stays(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "reel.otio"
    title = otio.schema.Clip("title", otio.schema.GeneratorReference("t", "text"), span(0, 5))
    still = show("still", "poster.png", span(0, 5))
    unplaced = otio.schema.Clip("shot.0001.exr", source_range=span(0, 5))
    write_edit(edit_of(title, still, unplaced, show("b", (media / "B 002.mov").as_uri(), span(0, 5))), path)
    _, planned = plan(path, None, 0)
    assert planned.others == ("title", "still", "shot.0001.exr")
    assert [shot.name for shot in planned.shots] == ["B 002_0-4"]


def test_one_clip_of_other_media_does_not_stop_the_others(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "reel.otio"
    url = (media / "B 002.mov").as_uri()
    write_edit(edit_of(show("far", url, span(900, 5)), show("b", url, span(0, 5))), path)
    _, planned = plan(path, None, 0)
    assert [failure.name for failure in planned.failures] == ["far"]
    assert [shot.name for shot in planned.shots] == ["B 002_0-4"]


def test_what_is_no_edit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such edit"):
        read_edit(tmp_path / "no.otio")
    (tmp_path / "broken.otio").write_text("{")
    with pytest.raises(InputError, match=r"broken.otio: can't be read as an edit \("):
        read_edit(tmp_path / "broken.otio")
    (tmp_path / "clip.mov").write_text("")
    with pytest.raises(InputError, match=r"give one of .otio, .otiod, .edl"):
        read_edit(tmp_path / "clip.mov")
    edit_with_two_tracks = edit_of(show("a", "a.mov", span(0, 5)))
    edit_with_two_tracks.tracks.append(otio.schema.Track("V2", kind="Video"))
    with pytest.raises(OutputError, match="the format can't hold this edit"):
        write_edit(edit_with_two_tracks, tmp_path / "two.edl", 25)
    assert not (tmp_path / "two.edl").exists()


def test_a_bundle_has_its_media_inside(tmp_path: Path) -> None:
    (tmp_path / "reel.otiod" / "media").mkdir(parents=True)
    make_media(tmp_path / "reel.otiod" / "media" / "E005.mov", 10)
    write_edit(edit_of(show("e", "media/E005.mov", span(0, 5))), tmp_path / "content.otio")
    (tmp_path / "content.otio").rename(tmp_path / "reel.otiod" / "content.otio")
    assert shots(tmp_path / "reel.otiod", None, 0) == ["E005_0-4"]


def test_the_written_timecode_is_the_result_s_own(edit: Any, media: Path, tmp_path: Path) -> None:
    """A Final Cut XML states the timecode of each file."""
    path = tmp_path / "reel.xml"
    write_edit(edit, path)
    (tmp_path / "made").mkdir()
    conform(path, None, tmp_path / "made")
    files = re.findall(r"<file id=.*?</file>", (tmp_path / "made" / "reel.xml").read_text(), re.DOTALL)
    named = {re.search(r"([^/]*)</pathurl>", file)[1]: file for file in files if "pathurl" in file}
    assert "<string>10:00:02:15</string>" in named["A001_65-84.mov"]
    assert probe(media / "A001.mov").metadata.timecode == "10:00:00:00"


@pytest.mark.parametrize("suffix", ["otio", "edl", "fcpxml", "xml"])
@pytest.mark.parametrize(
    ("rate", "timecode"),
    [
        (NTSC, "09:59:59;20"),
        (Fraction(24000, 1001), "10:00:00:00"),
        (Fraction(60000, 1001), "10:00:00;00"),
    ],
)
def test_ntsc_rates_stay_exact_far_into_the_day(
    suffix: str, rate: Fraction, timecode: str, tmp_path: Path
) -> None:
    media = make_media(tmp_path / "N.mov", 70, rate, timecode)
    fps = float(rate)
    first = otio.opentime.from_timecode(timecode, fps).value
    path = tmp_path / f"reel.{suffix}"
    clip = show("a", media.as_uri(), span(first + 10, 20, fps), span(first, 70, fps))
    write_edit(
        edit_of(clip, show("b", media.as_uri(), span(first + 50, 10, fps), span(first, 70, fps))), path, fps
    )
    (tmp_path / "made").mkdir()
    after = conform(path, tmp_path, tmp_path / "made", fps if suffix == "edl" else None)
    assert places(after) == [
        ("a", span(first + 10, 20, fps), "N_5-34.mov"),
        ("b", span(first + 50, 10, fps), "N_45-64.mov"),
    ]

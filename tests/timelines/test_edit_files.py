"""Edits of every format: read, planned, shown with results in place of media, written and read again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import opentimelineio as otio
import pytest
from edits import NTSC, dissolve, edit_of, make_media, show, span

from recaster.errors import InputError, OutputError
from recaster.media.probe import probe
from recaster.timelines.conform_plan import ORIGINAL_KEY, plan_conform, relink
from recaster.timelines.edit_file import read_edit, write_edit
from recaster.timelines.fcpxml import relink_fcpxml
from recaster.timelines.media_search import MediaFolder
from recaster.timelines.media_use import list_uses

if TYPE_CHECKING:
    from pathlib import Path

HOUR_10 = 10 * 3600 * 25


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of media: A001 from 10:00:00:00 on, B 002 without timecode, C003 with drop frame."""
    folder = tmp_path_factory.mktemp("footage")
    make_media(folder / "A001.mov", timecode="10:00:00:00")
    make_media(folder / "B 002.mov")
    make_media(folder / "deep" / "C003.mov", 90, NTSC, "01:00:59;20")
    return folder


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


def plan(path: Path, folder: Path | None, handles: int = 5, rate: float | None = None) -> Any:
    edit = read_edit(path, rate)
    return edit, plan_conform(edit, path, MediaFolder(folder), handles)


def shots(path: Path, folder: Path | None, handles: int = 5, rate: float | None = None) -> list[str]:
    return [shot.name for shot in plan(path, folder, handles, rate)[1].shots]


def conform(path: Path, folder: Path | None, out: Path, rate: float | None = None) -> Any:
    """Conforms an edit to results that aren't made, and reads what was written."""
    edit, planned = plan(path, folder, rate=rate)
    assert planned.failures == ()
    for shot in planned.shots:
        relink(shot, out / f"{shot.name}.mov")
    write_edit(edit, out / path.name, rate)
    return read_edit(out / path.name, rate)


def places(edit: Any) -> list[tuple[str, Any, str]]:
    """Clips with what they show and the file that they show it of."""
    return [
        (use.clip.name, use.clip.source_range, use.reference.target_url.rpartition("/")[2])
        for use in list_uses(edit)
    ]


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


FCPXML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.10">
  <resources>
    <format id="r1" frameDuration="100/2500s" width="64" height="48"/>
    <asset id="r2" name="A001" start="36000s" duration="4s" hasVideo="1" format="r1">
      <media-rep kind="original-media" src="{url}"/>
    </asset>
  </resources>
  <library><event name="e"><project name="p">
    <sequence format="r1" duration="1500/2500s" tcStart="0s" tcFormat="NDF"><spine>
      <asset-clip ref="r2" offset="0s" name="A001" start="90001000/2500s" duration="1000/2500s"/>
      <transition name="Cross Dissolve" offset="900/2500s" duration="200/2500s"/>
      <asset-clip ref="r2" offset="1000/2500s" name="A001" start="90006000/2500s" duration="500/2500s"/>
    </spine></sequence>
  </project></event></library>
</fcpxml>
"""


def test_places_of_media_in_later_fcpxml_are_read(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "reel.fcpxml"
    path.write_text(FCPXML.format(url=(media / "A001.mov").as_uri()))
    assert shots(path, None, 2) == ["A001_8-21", "A001_58-66"]


def relinked(path: Path, out: Path) -> tuple[str, tuple[str, ...]]:
    _, planned = plan(path, None, 2)
    made = [(shot, out / f"{shot.name}.mov") for shot in planned.shots]
    for shot, result in made:
        relink(shot, result)
    return relink_fcpxml(path.read_text(), made)


def test_fcpxml_keeps_all_but_its_media(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "reel.fcpxml"
    url = (media / "A001.mov").as_uri()
    path.write_text(FCPXML.format(url=url))
    text, left = relinked(path, tmp_path)
    assert left == ()
    assert '<transition name="Cross Dissolve" offset="900/2500s" duration="200/2500s" />' in text
    assert 'fcpxml version="1.10"' in text
    assert re.findall(r'<asset-clip ref="([^"]*)"', text) == ["r2-1", "r2-2"]
    path.write_text(text)
    written = read_edit(path)
    assert places(written) == [
        ("A001", span(HOUR_10 + 10, 10), "A001_8-21.mov"),
        ("A001", span(HOUR_10 + 60, 5), "A001_58-66.mov"),
    ]
    assert [use.reference.available_range for use in list_uses(written)] == [
        span(HOUR_10 + 8, 14), span(HOUR_10 + 58, 9)
    ]  # fmt: skip
    assert text.count(url) == 1  # the asset stays


def test_fcpxml_names_the_clips_that_keep_their_media(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "reel.fcpxml"
    retimed = 'duration="500/2500s"><timeMap/></asset-clip>'
    text = FCPXML.replace('duration="500/2500s"/>', retimed).format(url=(media / "A001.mov").as_uri())
    path.write_text(text.replace('1000/2500s" name="A001"', '1000/2500s" name="fast"'))
    text, left = relinked(path, tmp_path)
    assert left == ("fast",)
    assert re.findall(r'<asset-clip ref="([^"]*)"', text) == ["r2-1", "r2"]


def test_fcpxml_is_read_beside_generators_titles_and_connected_clips(media: Path, tmp_path: Path) -> None:
    connected = (
        '<asset-clip ref="r2" lane="1" offset="90001500/2500s" name="on top" start="90003000/2500s" '
        'duration="500/2500s"/><video ref="r9" lane="2" offset="90001500/2500s" start="3600s" name="bars" '
        'duration="500/2500s"/><title ref="r8" lane="3" offset="90001500/2500s" duration="500/2500s"/>'
    )
    generator = '<video ref="r9" offset="1500/2500s" name="bars" start="3600s" duration="500/2500s"/></spine>'
    text = FCPXML.replace('duration="1000/2500s"/>', f'duration="1000/2500s">{connected}</asset-clip>')
    path = tmp_path / "reel.fcpxml"
    path.write_text(text.replace("</spine>", generator).format(url=(media / "A001.mov").as_uri()))
    # 36001.2 seconds are 900030 frames; the adapter alone says 900029.
    assert shots(path, None, 0) == ["A001_10-19", "A001_30-34", "A001_60-64"]
    text, left = relinked(path, tmp_path)
    assert left == ()
    assert re.findall(r'<asset-clip ref="([^"]*)"', text) == ["r2-1", "r2-2", "r2-3"]
    assert text.count("<title") == 1
    assert text.count("<video") == 2


def test_fcpxml_of_an_ntsc_rate(media: Path, tmp_path: Path) -> None:
    """The media begin at 01:00:59;20, frame 109,688 of the day, by 1001/30000 of a second each."""
    first = 60 * 60 * 30 - 2 * 54 + 59 * 30 + 20
    text = FCPXML
    for before, after in (
        ('start="90001000/2500s"', f'start="{(first + 10) * 1001}/30000s"'),
        ('start="90006000/2500s"', f'start="{(first + 60) * 1001}/30000s"'),
        ('start="36000s"', f'start="{first * 1001}/30000s"'),
        ('"100/2500s"', '"1001/30000s"'),
        ('"4s"', '"90090/30000s"'),
        ('"1000/2500s"', '"10010/30000s"'),
        ('"500/2500s"', '"5005/30000s"'),
    ):
        text = text.replace(before, after)
    path = tmp_path / "reel.fcpxml"
    path.write_text(text.format(url=(media / "deep" / "C003.mov").as_uri()))
    assert shots(path, None, 0) == ["C003_10-19", "C003_60-64"]
    text, left = relinked(path, tmp_path)
    assert left == ()
    assert read_edit(path).find_clips()[0].source_range == span(first + 10, 10, 30000 / 1001)
    path.write_text(text)
    assert [name for _, _, name in places(read_edit(path))] == ["C003_8-21.mov", "C003_58-66.mov"]

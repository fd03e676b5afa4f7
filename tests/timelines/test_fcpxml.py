"""FCPXML as Final Cut Pro writes it, which OpenTimelineIO's adapter reads in part."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edits import places, plan, shots, span

from recaster.timelines.conform_plan import relink
from recaster.timelines.edit_file import read_edit
from recaster.timelines.fcpxml import relink_fcpxml
from recaster.timelines.media_use import list_uses

if TYPE_CHECKING:
    from pathlib import Path

HOUR_10 = 10 * 3600 * 25

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

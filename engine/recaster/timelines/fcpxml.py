"""FCPXML: places of media that OpenTimelineIO's adapter passes over, and results in place of media.

Reference: Apple, FCPXML Reference (asset, asset-clip, media-rep).
"""

from __future__ import annotations

import copy
import re
import xml.etree.ElementTree as ET
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from recaster.timelines.conform_plan import ORIGINAL_KEY
from recaster.timelines.media_use import count_frames, restore_rate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.timelines.conform_plan import Placement, Shot

NTSC: Final = Fraction(1000, 1001)
NUDGE: Final = Fraction(1, 10**6)
"""Seconds that are added to times, as the adapter rounds frames down after dividing in floats."""
_RATE: Final = re.compile(r'"rate": ?([\d.]+)')
SPEED_TAGS: Final = ("timeMap", "conform-rate")


def relink_fcpxml(text: str, shots: Sequence[tuple[Shot, Path]]) -> tuple[str, tuple[str, ...]]:
    """Puts results in place of the media of a document; all else in it stays as it is.

    Returns:
        The document, and the names of clips that keep their media in it, as they aren't asset clips at their
        own speed; all of them where nothing is exchanged.
    """
    root = ET.fromstring(text)  # noqa: S314 - the adapter reads the user's file so, too
    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    pending = [(placement, shot, result) for shot, result in shots for placement in shot.placements]
    made: dict[tuple[str, Path], str] = {}
    placed: set[Placement] = set()
    resources = root.find("resources")
    for element in (clip for spine in root.iter("spine") for clip in spine.iter("asset-clip")):
        asset = assets.get(element.get("ref"))
        if asset is None or resources is None or any(element.find(tag) is not None for tag in SPEED_TAGS):
            continue
        start = Fraction(element.get("start", "0s").removesuffix("s"))
        for placement, shot, result in pending:
            if not _is_same_cut(placement.use.clip, find_place(asset), start, shot):
                continue
            placed.add(placement)
            key = (str(asset.get("id")), result)
            if key not in made:
                made[key] = f"{key[0]}-{len(made) + 1}"
                resources.append(_describe_result(asset, made[key], shot, placement.first, result))
            element.set("ref", made[key])
    left = tuple(placement.use.clip.name for placement, _, _ in pending if placement not in placed)
    return _format_document(root), left


def find_place(asset: ET.Element) -> str:
    """Finds the URL of an asset's media; versions from 1.9 on state it in a child. Empty where none does."""
    representation = asset.find("media-rep")
    stated = None if representation is None else representation.get("src")
    return asset.get("src") or stated or ""


def adapt_fcpxml(text: str) -> str:
    """Rewrites a document for the adapter: assets state their media themselves, generators are gaps."""
    root = ET.fromstring(text)  # noqa: S314 - as above
    assets = {asset.get("id") for asset in root.iter("asset")}
    for asset in root.iter("asset"):
        asset.set("src", find_place(asset))
    for parent in root.iter():
        for element in parent:
            is_outside = parent.tag != "clip" or element.get("ref") not in assets
            if element.tag in ("video", "audio") and is_outside:
                element.tag = "gap"
    _count_whole_rates(
        root, "", _find_ntsc_formats(root), {asset.get("id"): asset for asset in root.iter("asset")}
    )
    return ET.tostring(root, encoding="unicode")


def restore_rates(edit: Any, text: str) -> Any:
    """Gives an edit that was read by way of ``adapt_fcpxml`` the NTSC rates of its document."""
    import opentimelineio as otio

    root = ET.fromstring(text)  # noqa: S314 - as above
    ntsc = {round(1 / duration) for duration in _find_ntsc_formats(root).values()}
    written = otio.adapters.write_to_string(edit, "otio_json", indent=0)

    def restore(matched: re.Match[str]) -> str:
        nominal = int(matched[1])
        return f'"rate": {float(nominal * NTSC)!r}' if nominal in ntsc else matched[0]

    return otio.adapters.read_from_string(re.sub(r'"rate": ?(\d+)(?:\.0)?\b', restore, written), "otio_json")


def write_fcpxml(edit: Any) -> str:
    """Writes an edit anew by the adapter, which counts by whole rates: NTSC times are stretched afterwards.

    Raises:
        ValueError: it has times of NTSC and of other rates.
    """
    import opentimelineio as otio

    written = otio.adapters.write_to_string(edit, "otio_json")
    rates = {float(rate) for rate in _RATE.findall(written)} - {1.0}
    ntsc = {rate for rate in rates if restore_rate(rate).denominator == NTSC.denominator}
    if not ntsc:
        return str(otio.adapters.write_to_string(edit, "fcpx_xml"))
    if ntsc != rates:
        raise ValueError("clips of NTSC and of other rates")
    whole = otio.adapters.read_from_string(
        _RATE.sub(lambda matched: f'"rate": {float(round(float(matched[1])))}', written), "otio_json"
    )
    root = ET.fromstring(otio.adapters.write_to_string(whole, "fcpx_xml"))  # noqa: S314 - written just now
    for element in root.iter():
        for name in ("start", "offset", "duration", "tcStart", "frameDuration"):
            text = element.get(name, "0s")
            if text != "0s":
                element.set(name, _format_seconds(Fraction(text.removesuffix("s")) / NTSC))
    return _format_document(root)


def _format_document(root: ET.Element) -> str:
    written = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{written}\n'


def _find_ntsc_formats(root: ET.Element) -> dict[str, Fraction]:
    """Finds the formats whose frames last 1001 parts of something, with their seconds a frame."""
    durations = {
        each.get("id", ""): Fraction((each.get("frameDuration") or "1s").removesuffix("s"))
        for each in root.iter("format")
    }
    return {name: duration for name, duration in durations.items() if duration.numerator % 1001 == 0}


def _count_whole_rates(
    element: ET.Element, default: str, ntsc: dict[str, Fraction], assets: dict[str | None, ET.Element]
) -> None:
    """Rewrites NTSC formats and times in them to the whole rate with the same frames.

    The adapter counts frames by whole rates only: 29 a second for 30000/1001.

    Args:
        default: the format of the sequence around the element.
    """
    if element.tag == "format" and element.get("id") in ntsc:
        element.set("frameDuration", _format_seconds(ntsc[element.get("id", "")] * NTSC))
    if element.tag == "sequence":
        default = element.get("format", default)
    inside = element.find("video") if element.tag == "clip" else None
    named = element if inside is None else inside
    asset = element if element.tag == "asset" else assets.get(named.get("ref"))
    own = default if asset is None else asset.get("format", default)
    for name in ("start", "offset", "duration"):
        text = element.get(name, "0s")
        if text != "0s":
            seconds = Fraction(text.removesuffix("s"))
            element.set(name, _format_seconds(seconds * (NTSC if own in ntsc else 1) + NUDGE))
    for child in element:
        _count_whole_rates(child, default, ntsc, assets)


def _describe_result(asset: ET.Element, name: str, shot: Shot, first: Fraction, result: Path) -> ET.Element:
    """Describes a result as its media were, in an asset of its own."""
    described = copy.deepcopy(asset)
    described.attrib.pop("uid", None)  # it stands for the media's content
    described.set("id", name)
    described.set("name", result.stem)
    described.set("start", _format_seconds((first + shot.frames.start) / shot.info.rate))
    described.set("duration", _format_seconds(len(shot.frames) / shot.info.rate))
    representations = described.findall("media-rep")
    for extra in representations[1:]:  # proxies of the media
        described.remove(extra)
    for representation in representations[:1]:
        for bookmark in representation.findall("bookmark"):
            representation.remove(bookmark)
        representation.attrib.pop("sig", None)
        representation.set("src", result.absolute().as_uri())
    if not representations or "src" in described.attrib:
        described.set("src", result.absolute().as_uri())
    return described


def _is_same_cut(clip: Any, place: str, start: Fraction, shot: Shot) -> bool:
    """Tells whether an element that shows media of a place from a time on, in seconds, was read as a clip."""
    stated = getattr(clip.media_references()[ORIGINAL_KEY], "target_url", None)
    # Nearer than half a frame: the adapter counts whole ones.
    frame = count_frames(clip.source_range.start_time, shot.info.rate)
    is_near = abs(frame - start * shot.info.rate) < Fraction(1, 2)
    return bool(place) and stated == place and is_near


def _format_seconds(seconds: Fraction) -> str:
    return (
        f"{seconds.numerator}/{seconds.denominator}s" if seconds.denominator > 1 else f"{seconds.numerator}s"
    )

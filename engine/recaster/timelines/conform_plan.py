"""Plan of conforming an edit: the ranges of media files that it shows, and the clips that show each."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import InputError, RecasterError
from recaster.media.probe import probe
from recaster.media.sequence_name import SequenceName
from recaster.progress import Report, Update, silent
from recaster.settings.reading import DEFAULT_READING, ReadOptions
from recaster.timelines.media_search import (
    MediaFolder,
    describe_media,
    find_media,
    is_clip,
    read_stated_rate,
)
from recaster.timelines.media_use import MediaUse, find_media_range, list_uses, shares_nominal_rate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from recaster.media.types import ClipInfo

ORIGINAL_KEY: Final = "original"
"""Name under which a clip of the result keeps the reference to its original media."""


@dataclass(frozen=True, eq=False)
class Placement:
    """One clip that shows a range; ``first`` is its own time of the media's frame 0, in frames."""

    use: MediaUse
    first: Fraction


@dataclass(frozen=True, eq=False)
class Shot:
    """One range of a media file to be made anew, and the clips that show a part of it.

    Attributes:
        name: of the file to make, without a suffix.
    """

    media: Path
    info: ClipInfo
    frames: range
    name: str
    placements: tuple[Placement, ...]


@dataclass(frozen=True, eq=False)
class Failure:
    """Media or a shot with which something is wrong."""

    name: str
    error: RecasterError


@dataclass(frozen=True, eq=False)
class ConformPlan:
    """Ranges to make, in the order in which the edit shows their media.

    Attributes:
        others: names of clips that show no clip: stills, titles.
    """

    shots: tuple[Shot, ...]
    others: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


def plan_conform(
    edit: Any,
    path: Path,
    folder: MediaFolder,
    handles: int,
    reading: ReadOptions = DEFAULT_READING,
    report: Report = silent,
) -> ConformPlan:
    """Plans what is to be made for an edit.

    Args:
        path: the edit's file.
        handles: frames to add at both ends of what is shown, as far as the media go.
        reading: how media are read; sequences of pictures at the rate that the edit states, if it names none.

    Raises:
        InputError: media are missing, or several files may be meant; all are named.
    """
    uses = list_uses(edit)
    media = locate_media([use for use in uses if is_clip(use)], path, folder)
    others = tuple(dict.fromkeys(use.clip.name for use in uses if not is_clip(use)))
    shots: list[Shot] = []
    failures: list[Failure] = []
    names = _name_media(list(media))
    for number, (file, shown) in enumerate(media.items(), 1):
        options = _choose_reading(shown, reading)
        ranges: list[tuple[range, Placement]] = []
        for use in shown:
            try:
                info = probe(file, options)
                frames, first = find_media_range(use, info)
            except RecasterError as error:
                failures.append(Failure(use.clip.name, error))
                continue
            ranges.append((_widen(frames, handles, info.frame_count), Placement(use, first)))
        shots += [
            Shot(
                file,
                probe(file, options),
                frames,
                f"{names[file]}_{frames.start}-{frames.stop - 1}",
                placements,
            )
            for frames, placements in _merge(ranges)
        ]
        report(Update("looking at media", number, len(media), "files"))
    return ConformPlan(tuple(shots), others, tuple(failures))


def _choose_reading(uses: list[MediaUse], reading: ReadOptions) -> ReadOptions:
    rates = [rate for use in uses if (rate := read_stated_rate(use)) is not None]
    if reading.frame_rate is not None or not rates:
        return reading
    return dataclasses.replace(reading, frame_rate=str(rates[0]))


def locate_media(uses: list[MediaUse], path: Path, folder: MediaFolder) -> dict[Path, list[MediaUse]]:
    """Finds each clip's media (InputError: some are missing or ambiguous; all of them are named)."""
    located: dict[Path, list[MediaUse]] = defaultdict(list)
    missing: dict[str, None] = {}
    for use in uses:
        files = find_media(use, path, folder)
        if len(files) == 1:
            located[files[0].resolve()].append(use)
        elif files:
            missing[f"{describe_media(use)}: may be {', '.join(str(file) for file in files)}"] = None
        else:
            missing[describe_media(use)] = None
    if missing:
        raise InputError(
            f"{path}: media are missing: {'; '.join(missing)}. Name the folder that they are in with --media"
        )
    return located


def relink(shot: Shot, result: Path) -> None:
    """Lets the clips of a shot show its result; the times of cuts, markers and effects stay as they are."""
    import opentimelineio as otio

    for placement in shot.placements:
        clip = placement.use.clip
        original = placement.use.reference
        own_rate = placement.use.cut.start_time.rate
        # Where both count alike, the edit's own rate (24 for 24000/1001) keeps its times exact.
        rate = own_rate if shares_nominal_rate(own_rate, shot.info.rate) else float(shot.info.rate)
        available = otio.opentime.TimeRange(
            otio.opentime.RationalTime(float(placement.first + shot.frames.start), rate),
            otio.opentime.RationalTime(len(shot.frames), rate),
        )
        swapped = otio.schema.ExternalReference(
            target_url=result.absolute().as_uri(),
            available_range=available,
            metadata=original.metadata,
        )
        swapped.name = original.name
        swapped.available_image_bounds = original.available_image_bounds
        if clip.source_range is None and placement.use.shown is not None:
            clip.source_range = placement.use.cut
        key = clip.active_media_reference_key
        if key == ORIGINAL_KEY:
            key = otio.schema.Clip.DEFAULT_MEDIA_KEY
        references = {ORIGINAL_KEY: original, **clip.media_references()}
        # Copies: references that a clip already owns are freed when it gets them once more.
        copies = {name: reference.clone() for name, reference in references.items()}
        clip.set_media_references({**copies, key: swapped}, key)


def _widen(frames: range, handles: int, frame_count: int) -> range:
    return range(max(0, frames.start - handles), min(frame_count, frames.stop + handles))


def _merge(ranges: list[tuple[range, Placement]]) -> Iterator[tuple[range, tuple[Placement, ...]]]:
    """Merges ranges that overlap or touch, in order."""
    if not ranges:
        return
    ordered = sorted(ranges, key=lambda entry: entry[0].start)
    merged = ordered[0][0]
    placements: list[Placement] = []
    for frames, placement in ordered:
        if frames.start > merged.stop:
            yield merged, tuple(placements)
            merged = frames
            placements = []
        merged = range(merged.start, max(merged.stop, frames.stop))
        placements.append(placement)
    yield merged, tuple(placements)


def _name_media(media: list[Path]) -> dict[Path, str]:
    """Names media by their stems, those of one stem by their folders too, or else by numbers."""
    names: dict[Path, str] = {}
    stems = {path: _stem_of(path) for path in media}
    for path, stem in stems.items():
        is_shared = sum(other.lower() == stem.lower() for other in stems.values()) > 1
        name = f"{path.parent.name}_{stem}" if is_shared else stem
        unique = name
        number = 2
        while unique.lower() in {taken.lower() for taken in names.values()}:
            unique = f"{name}_{number}"
            number += 1
        names[path] = unique
    return names


def _stem_of(path: Path) -> str:
    sequence = SequenceName.parse(path)
    return path.stem if sequence is None else sequence.title

"""Tracks of a movie, as their sample tables describe them: sizes, times and places of samples.

Times are ticks of the track's own timescale. Tables that may be long without being large in the file (plain
sound has 48,000 samples a second) stay runs; only a video's samples are looked at one by one.
"""

from __future__ import annotations

import bisect
import itertools
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.isobmff.boxes import (
    MAX_TABLE_ENTRIES,
    UnsupportedMovieError,
    child_boxes,
    copy_boxes,
    optional_box,
    parse_numbers,
    parse_table,
    required_box,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recaster.isobmff.boxes import Box

MAX_TICKS: Final = 1 << 52
MAX_COMPOSITION_OFFSET: Final = 1 << 28
"""ffmpeg takes larger composition offsets for damage."""
MEDIA_RATE_ONE: Final = 0x10000
COPIED_TRACK_BOXES: Final = frozenset((b"tapt", b"udta", b"meta"))
COPIED_MEDIA_BOXES: Final = frozenset((b"hdlr", b"elng"))
COPIED_MEDIA_INFORMATION_BOXES: Final = frozenset(
    (b"vmhd", b"smhd", b"gmhd", b"nmhd", b"sthd", b"hdlr", b"dinf")
)

Runs = list[tuple[int, int]]
"""Run lengths: (count, value) after each other."""


@dataclass(frozen=True, slots=True)
class Edit:
    """The single edit of an edit list: ticks before it begins, and the part of the track that it shows."""

    empty_duration: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class SampleSizes:
    """Sizes of samples in bytes: ``each`` where all are alike, else ``sums`` of those before every sample."""

    count: int
    each: int
    sums: array[int]

    def total(self, start: int, stop: int) -> int:
        """Returns the bytes of the samples from ``start`` to before ``stop``."""
        return self.each * (stop - start) if self.each else self.sums[stop] - self.sums[start]


@dataclass(frozen=True, slots=True)
class Track:
    """A track of a movie.

    Attributes:
        header: the payload of tkhd.
        media_header: the payload of mdhd.
        timescale: ticks in a second.
        copied_boxes: boxes that are copied as they are: of trak, of mdia, of minf.
        references: numbers of the tracks that it refers to, by the kind of reference.
        sample_description: the payload of stsd, which describes all samples.
        sample_format: four-character code of its one sample entry.
        sample_entry: the payload of that.
        sample_deltas: ticks from each sample to the next, in the order of decoding (stts).
        composition_offsets: ticks from a sample's decoding to its presentation (ctts), None for none.
        sync_samples: numbers of the sync samples, None where all are.
        sync_samples_complete: whether no other table makes more samples key frames.
        chunk_offsets: where each chunk begins in the file.
        first_samples: the first sample of each chunk, and one past the last.
        edit: what is shown, None where all of it is.
    """

    header: bytes
    media_header: bytes
    timescale: int
    copied_boxes: tuple[bytes, bytes, bytes]
    references: dict[bytes, array[int]]
    sample_description: bytes
    sample_format: bytes
    sample_entry: bytes
    sample_deltas: Runs
    composition_offsets: Runs | None
    sync_samples: array[int] | None
    sync_samples_complete: bool
    sizes: SampleSizes
    chunk_offsets: array[int]
    first_samples: array[int]
    edit: Edit | None

    def chunk_spans(self) -> Iterator[tuple[int, int]]:
        """Yields (start, stop) of every chunk in the file."""
        samples = itertools.pairwise(self.first_samples)
        for place, (start, stop) in zip(self.chunk_offsets, samples, strict=True):
            yield place, place + self.sizes.total(start, stop)

    def chunk_of(self, sample: int) -> int:
        """Returns the chunk that holds a sample."""
        return bisect.bisect_right(self.first_samples, sample) - 1

    def sample_span(self, sample: int) -> tuple[int, int]:
        """Returns where a sample begins in the file, and its length."""
        chunk = self.chunk_of(sample)
        before = self.sizes.total(self.first_samples[chunk], sample)
        return self.chunk_offsets[chunk] + before, self.sizes.total(sample, sample + 1)


def read_handler(trak: bytes) -> bytes:
    """Returns a track's handler type, such as ``vide``."""
    media = child_boxes(required_box(child_boxes(trak), b"mdia"))
    handler: bytes = unpack("8x4s", required_box(media, b"hdlr"))[0]
    return handler


def read_number(header: bytes) -> int:
    """Reads the number after the times of a header: the timescale in mvhd and mdhd, the track's in tkhd."""
    number: int = unpack("20xI" if header[:1] == b"\1" else "12xI", header)[0]
    return number


def read_media_duration(trak: bytes) -> int:
    """Reads how many ticks a track's media last."""
    header = required_box(child_boxes(required_box(child_boxes(trak), b"mdia")), b"mdhd")
    duration: int = unpack("24xQ" if header[:1] == b"\1" else "16xI", header)[0]
    return duration


def read_references(trak: bytes) -> dict[bytes, array[int]]:
    """Reads the numbers of the tracks that a track refers to, by the kind of reference (tref)."""
    boxes = child_boxes(optional_box(child_boxes(trak), b"tref") or b"")
    return {box.kind: parse_numbers(box.payload, 0, len(box.payload) // 4) for box in boxes}


def read_track(trak: bytes, movie_timescale: int, size: int, *, has_empty_samples: bool = False) -> Track:
    """Reads a track of a file of ``size`` bytes.

    Args:
        has_empty_samples: its samples may have no bytes.
    """
    boxes = child_boxes(trak)
    media = child_boxes(required_box(boxes, b"mdia"))
    information = child_boxes(required_box(media, b"minf"))
    table = child_boxes(required_box(information, b"stbl"))
    references = _entries(required_box(child_boxes(required_box(information, b"dinf")), b"dref"))
    if not all(unpack("I", reference.payload)[0] & 1 for reference in references):
        raise UnsupportedMovieError("its data is in another file")
    media_header = required_box(media, b"mdhd")
    timescale = read_number(media_header)
    sample_description = required_box(table, b"stsd")
    sizes = _sizes(table, has_empty_samples=has_empty_samples)
    sample_deltas = _runs(required_box(table, b"stts"), sizes.count)
    if not 1 <= timescale < 1 << 31 or sum_runs(sample_deltas) > MAX_TICKS:
        raise UnsupportedMovieError("its clock is wrong")
    entries = _entries(sample_description)
    if len(entries) != 1:
        raise UnsupportedMovieError("its samples are described in several ways")
    chunk_offsets = _chunk_offsets(table)
    track = Track(
        header=required_box(boxes, b"tkhd"),
        media_header=media_header,
        timescale=timescale,
        copied_boxes=(
            copy_boxes(boxes, COPIED_TRACK_BOXES),
            copy_boxes(media, COPIED_MEDIA_BOXES),
            copy_boxes(information, COPIED_MEDIA_INFORMATION_BOXES),
        ),
        references=read_references(trak),
        sample_description=sample_description,
        sample_format=entries[0].kind,
        sample_entry=entries[0].payload,
        sample_deltas=sample_deltas,
        composition_offsets=_offsets(optional_box(table, b"ctts"), sizes.count),
        sync_samples=_keys(optional_box(table, b"stss"), sizes.count),
        sync_samples_complete=not any(box.kind in (b"stps", b"sbgp") for box in table),
        sizes=sizes,
        chunk_offsets=chunk_offsets,
        first_samples=_first_samples(required_box(table, b"stsc"), len(chunk_offsets), sizes.count),
        edit=_edit(boxes, timescale, movie_timescale),
    )
    if max(stop for _, stop in track.chunk_spans()) > size:
        raise UnsupportedMovieError("the file was cut off")
    return track


def sum_runs(runs: Runs) -> int:
    """Sums all values."""
    return sum(count * value for count, value in runs)


def expand_runs(runs: Runs) -> Iterable[int]:
    """Yields every value by itself."""
    return itertools.chain.from_iterable(itertools.repeat(value, count) for count, value in runs)


def group_runs(values: Iterable[int]) -> Runs:
    """Inverts ``expand_runs``."""
    return [(sum(1 for _ in same), value) for value, same in itertools.groupby(values)]


def slice_runs(runs: Runs, start: int, stop: int) -> Runs:
    """Returns the runs of the samples from ``start`` to before ``stop``."""
    sliced = []
    at = 0
    for count, value in runs:
        inside = min(at + count, stop) - max(at, start)
        if inside > 0:
            sliced.append((inside, value))
        at += count
    return sliced


def sample_at(sample_deltas: Runs, tick: int) -> int:
    """Returns the sample that lasts over a tick; one past the last for the end and after it."""
    sample = begin = 0
    for count, value in sample_deltas:
        if value and tick < begin + count * value:
            return sample + (tick - begin) // value
        sample += count
        begin += count * value
    return sample


def rescale(value: int, timescale: int, from_timescale: int) -> int:
    """Converts ticks to another timescale, to the nearest, as FFmpeg's ``av_rescale`` has it."""
    return (value * timescale + from_timescale // 2) // from_timescale


def _entries(table: bytes) -> list[Box]:
    """Lists the boxes of a table that holds boxes (dref, stsd)."""
    entries = child_boxes(table, 8)
    if unpack("4xI", table)[0] != len(entries):
        raise UnsupportedMovieError("a table has another number of entries")
    return entries


def _runs(table: bytes, samples: int) -> Runs:
    values = parse_table(table, columns=2)
    runs = [(each, value) for each, value in zip(values[::2], values[1::2], strict=True) if each]
    if sum(each for each, _ in runs) != samples:
        raise UnsupportedMovieError("a table has another number of samples")
    return runs


def _offsets(table: bytes | None, samples: int) -> Runs | None:
    if table is None:
        return None
    runs = [(count, (value ^ 1 << 31) - (1 << 31)) for count, value in _runs(table, samples)]
    if any(abs(value) > MAX_COMPOSITION_OFFSET for _, value in runs):
        raise UnsupportedMovieError("a composition offset is too large")
    return runs


def _keys(table: bytes | None, samples: int) -> array[int] | None:
    if table is None:
        return None
    numbers = parse_table(table)
    if numbers[0] != 1 or numbers[-1] > samples or not _is_ascending(numbers):
        raise UnsupportedMovieError("the sync samples are out of order")
    return array("q", (number - 1 for number in numbers))


def _is_ascending(numbers: Iterable[int]) -> bool:
    return all(number < following for number, following in itertools.pairwise(numbers))


def _sizes(boxes: Sequence[Box], *, has_empty_samples: bool = False) -> SampleSizes:
    plain = optional_box(boxes, b"stsz")
    compact = optional_box(boxes, b"stz2")
    if (plain is None) == (compact is None):
        raise UnsupportedMovieError("the samples' sizes are missing, or there twice")
    if plain is not None:
        bits = 32
        each, count = unpack("4xII", plain)
        if each:
            return SampleSizes(count, each, array("q"))
    else:
        bits, count = unpack("7xBI", compact or b"")
        if bits not in (4, 8, 16):
            raise UnsupportedMovieError("stz2 is wrong")
    if not 1 <= count <= 4 * MAX_TABLE_ENTRIES:
        raise UnsupportedMovieError("there are too many samples, or none")
    code = {4: "B", 8: "B", 16: "H", 32: "I"}[bits]
    sizes = parse_numbers(plain or compact or b"", 12, (count * bits + 7) // 8 // array(code).itemsize, code)
    if bits == 4:
        sizes = array("B", [half for pair in sizes for half in (pair >> 4, pair & 15)][:count])
    if 0 in sizes and not has_empty_samples:
        raise UnsupportedMovieError("there are samples without a size")
    return SampleSizes(count, 0, array("q", itertools.accumulate(sizes, initial=0)))


def _chunk_offsets(boxes: Sequence[Box]) -> array[int]:
    short = optional_box(boxes, b"stco")
    long = optional_box(boxes, b"co64")
    if (short is None) == (long is None):
        raise UnsupportedMovieError("the chunks' places are missing, or there twice")
    return parse_table(short) if short is not None else parse_table(long or b"", code="Q")


def _first_samples(table: bytes, chunks: int, samples: int) -> array[int]:
    values = parse_table(table, columns=3)
    begins = [*values[::3], chunks + 1]
    counts = values[1::3]
    if begins[0] != 1 or not _is_ascending(begins) or 0 in counts or set(values[2::3]) != {1}:
        raise UnsupportedMovieError("stsc is wrong")
    repeats = (stop - start for start, stop in itertools.pairwise(begins))
    runs = list(zip(repeats, counts, strict=True))
    first_samples = array("q", itertools.accumulate(expand_runs(runs), initial=0))
    if first_samples[-1] != samples:
        raise UnsupportedMovieError("the chunks have another number of samples")
    return first_samples


def _edit(boxes: Sequence[Box], timescale: int, movie_timescale: int) -> Edit | None:
    edits = optional_box(boxes, b"edts")
    table = None if edits is None else optional_box(child_boxes(edits), b"elst")
    if table is None:
        return None
    version, count = unpack("B3xI", table)
    if version > 1 or not 1 <= count <= 16:
        raise UnsupportedMovieError("its edit list is too long")
    form, step = ("QqI", 20) if version else ("IiI", 12)
    *empty, (duration, start, rate) = [unpack(form, table, 8 + step * number) for number in range(count)]
    if any(begin != -1 for _, begin, _ in empty) or start < 0 or rate != MEDIA_RATE_ONE:
        raise UnsupportedMovieError("its edit list has several parts, or another speed")
    if not 0 < duration < MAX_TICKS or start > MAX_TICKS or any(each > MAX_TICKS for each, _, _ in empty):
        raise UnsupportedMovieError("its edit list shows nothing")
    empty_duration = sum(rescale(each, timescale, movie_timescale) for each, _, _ in empty)
    if empty_duration > MAX_TICKS:
        raise UnsupportedMovieError("it begins too late")
    return Edit(empty_duration, start, start + rescale(duration, timescale, movie_timescale))

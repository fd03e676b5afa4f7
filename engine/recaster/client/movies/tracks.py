"""One track of a movie: what its atoms say about samples, times and places.

Times are ticks of the track's own clock. Tables that may be long without being large in the file (a sample
of plain sound has 48,000 a second) stay runs; only a video's samples are looked at one by one.
"""

from __future__ import annotations

import bisect
import itertools
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.client.movies.atoms import UnclearError, children, needed, numbers, single, unpack, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recaster.client.movies.atoms import Atom

MOST_ENTRIES: Final = 1 << 20
"""Of one table: hours."""
MOST_TICKS: Final = 1 << 52
MOST_OFFSET: Final = 1 << 28
"""ffmpeg takes larger composition offsets for damage."""
RATE_ONE: Final = 0x10000
KEPT_OF_MEDIA: Final = frozenset((b"hdlr", b"elng"))
KEPT_OF_INFORMATION: Final = frozenset((b"vmhd", b"smhd", b"gmhd", b"nmhd", b"hdlr", b"dinf"))

Runs = list[tuple[int, int]]
"""(how many, value) after each other."""


@dataclass(frozen=True, slots=True)
class Edit:
    """The one part of a track that is shown.

    Attributes:
        delay: ticks before it begins.
        start: where it begins in the track.
        stop: where it ends in the track.
    """

    delay: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of samples: ``each`` where all are alike, else ``sums`` of those before every sample."""

    count: int
    each: int
    sums: array[int]

    def before(self, sample: int) -> int:
        """Bytes of all samples before this one."""
        return self.each * sample if self.each else self.sums[sample]


@dataclass(frozen=True, slots=True)
class Chunks:
    """Where samples lie: ``places`` in the file, and the first sample of each and one past the last."""

    places: array[int]
    firsts: array[int]

    def at(self, sample: int) -> int:
        """The chunk that holds a sample."""
        return bisect.bisect_right(self.firsts, sample) - 1


@dataclass(frozen=True, slots=True)
class Track:
    """A track.

    Attributes:
        header: the inside of tkhd.
        media_header: the inside of mdhd.
        handler: its kind, such as ``vide``.
        scale: ticks in a second.
        kept: atoms that are copied as they are: of mdia, of minf.
        description: the inside of stsd, which describes all samples.
        kind: the kind of its one sample entry.
        entry: the inside of that.
        durations: ticks from each sample to the next, in the order of decoding (stts).
        offsets: ticks from when a sample is decoded to when it is shown (ctts), None where it has none.
        keys: numbers of the sync samples, None where all are.
        exact_keys: whether no other table makes more samples key frames.
        sizes: bytes.
        chunks: places.
        edit: what is shown, None where all of it is.
    """

    header: bytes
    media_header: bytes
    handler: bytes
    scale: int
    kept: tuple[bytes, bytes]
    description: bytes
    kind: bytes
    entry: bytes
    durations: Runs
    offsets: Runs | None
    keys: array[int] | None
    exact_keys: bool
    sizes: Sizes
    chunks: Chunks
    edit: Edit | None

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Where every chunk begins and ends in the file."""
        for place, (start, stop) in zip(
            self.chunks.places, itertools.pairwise(self.chunks.firsts), strict=True
        ):
            yield place, place + self.sizes.before(stop) - self.sizes.before(start)


def handler_of(trak: bytes) -> bytes:
    """What kind of track it is."""
    media = needed(trak, children(trak), b"mdia")
    handler: bytes = unpack("8x4s", needed(media, children(media), b"hdlr"))[0]
    return handler


def track_of(trak: bytes, movie_scale: int, size: int) -> Track:
    """Read a track of a file of ``size`` bytes.

    Raises:
        UnclearError: it is broken, or something about it is not understood.
    """
    atoms = children(trak)
    media = needed(trak, atoms, b"mdia")
    in_media = children(media)
    information = needed(media, in_media, b"minf")
    in_information = children(information)
    table = needed(information, in_information, b"stbl")
    in_table = children(table)
    _check_own_data(needed(information, in_information, b"dinf"))
    media_header = needed(media, in_media, b"mdhd")
    (scale,) = unpack("20xI" if media_header[:1] == b"\1" else "12xI", media_header)
    description = needed(table, in_table, b"stsd")
    kind, entry = _entry(description)
    sizes = _sizes(table, in_table)
    durations = _runs(needed(table, in_table, b"stts"), sizes.count)
    if not 1 <= scale < 1 << 31 or total(durations) > MOST_TICKS:
        raise UnclearError("its clock is wrong")
    return Track(
        header=needed(trak, atoms, b"tkhd"),
        media_header=media_header,
        handler=handler_of(trak),
        scale=scale,
        kept=(whole(media, in_media, KEPT_OF_MEDIA), whole(information, in_information, KEPT_OF_INFORMATION)),
        description=description,
        kind=kind,
        entry=entry,
        durations=durations,
        offsets=_offsets(single(table, in_table, b"ctts"), sizes.count),
        keys=_keys(single(table, in_table, b"stss"), sizes.count),
        exact_keys=not any(atom.kind in (b"stps", b"sbgp") for atom in in_table),
        sizes=sizes,
        chunks=_chunks(table, in_table, sizes, size),
        edit=_edit(trak, atoms, scale, movie_scale),
    )


def total(runs: Runs) -> int:
    """The sum of all values."""
    return sum(count * value for count, value in runs)


def expanded(runs: Runs) -> Iterable[int]:
    """Every value by itself."""
    return itertools.chain.from_iterable(itertools.repeat(value, count) for count, value in runs)


def grouped(values: Iterable[int]) -> Runs:
    """The opposite of ``expanded``."""
    return [(sum(1 for _ in same), value) for value, same in itertools.groupby(values)]


def part(runs: Runs, start: int, stop: int) -> Runs:
    """The runs of the samples from ``start`` to before ``stop``."""
    found, at = [], 0
    for count, value in runs:
        inside = min(at + count, stop) - max(at, start)
        if inside > 0:
            found.append((inside, value))
        at += count
    return found


def sample_at(durations: Runs, tick: int) -> tuple[int, int]:
    """The sample that lasts over a tick, and the tick that it begins at (the end where it is over)."""
    sample = begin = 0
    for count, value in durations:
        if value and tick < begin + count * value:
            steps = (tick - begin) // value
            return sample + steps, begin + steps * value
        sample, begin = sample + count, begin + count * value
    return sample, begin


def rescaled(value: int, scale: int, from_scale: int) -> int:
    """Ticks of another clock, to the nearest, as ffmpeg's ``av_rescale`` has it."""
    return (value * scale + from_scale // 2) // from_scale


def _check_own_data(dinf: bytes) -> None:
    """Samples must lie in the file itself."""
    references = needed(dinf, children(dinf), b"dref")
    entries = children(references, 8)
    if unpack("4xI", references)[0] != len(entries):
        raise UnclearError("dref is wrong")
    for atom in entries:
        if not unpack("I", references, atom.start)[0] & 1:
            raise UnclearError("its data is in another file")


def _entry(description: bytes) -> tuple[bytes, bytes]:
    entries = children(description, 8)
    if len(entries) != 1 or unpack("4xI", description)[0] != 1:
        raise UnclearError("its samples are described in several ways")
    return entries[0].kind, description[entries[0].start : entries[0].stop]


def _runs(table: bytes, samples: int | None) -> Runs:
    (count,) = unpack("4xI", table)
    if count > MOST_ENTRIES:
        raise UnclearError("a table is too long")
    values = numbers(table, 8, 2 * count)
    runs = [(each, value) for each, value in zip(values[::2], values[1::2], strict=True) if each]
    if sum(each for each, _ in runs) != samples:
        raise UnclearError("a table has another number of samples")
    return runs


def _offsets(table: bytes | None, samples: int) -> Runs | None:
    if table is None:
        return None
    runs = [(count, (value ^ 1 << 31) - (1 << 31)) for count, value in _runs(table, samples)]
    if any(abs(value) > MOST_OFFSET for _, value in runs):
        raise UnclearError("a composition offset is too large")
    return runs


def _keys(table: bytes | None, samples: int) -> array[int] | None:
    if table is None:
        return None
    (count,) = unpack("4xI", table)
    if not 1 <= count <= MOST_ENTRIES:
        raise UnclearError("there are no sync samples")
    found = numbers(table, 8, count)
    ordered = all(one < other for one, other in itertools.pairwise(found))
    if found[0] != 1 or found[-1] > samples or not ordered:
        raise UnclearError("the sync samples are out of order")
    return array("q", (number - 1 for number in found))


def _sizes(table: bytes, atoms: Sequence[Atom]) -> Sizes:
    plain, compact = single(table, atoms, b"stsz"), single(table, atoms, b"stz2")
    if (plain is None) == (compact is None):
        raise UnclearError("the samples' sizes are missing, or there twice")
    if plain is not None:
        each, count = unpack("4xII", plain)
        if each:
            return Sizes(count, each, array("q"))
        found = numbers(plain, 12, count) if count <= 4 * MOST_ENTRIES else array("I")
    else:
        found, count = _compact(compact or b"")
    if not count or len(found) != count or 0 in found:
        raise UnclearError("there are samples without a size")
    return Sizes(count, 0, array("q", itertools.accumulate(found, initial=0)))


def _compact(table: bytes) -> tuple[array[int], int]:
    field, count = unpack("7xBI", table)
    if field not in (4, 8, 16) or count > 4 * MOST_ENTRIES:
        raise UnclearError("stz2 is wrong")
    if field > 4:
        return numbers(table, 12, count, "B" if field == 8 else "H"), count
    pairs = numbers(table, 12, (count + 1) // 2, "B")
    return array("B", [half for pair in pairs for half in (pair >> 4, pair & 15)][:count]), count


def _chunks(table: bytes, atoms: Sequence[Atom], sizes: Sizes, size: int) -> Chunks:
    short, long = single(table, atoms, b"stco"), single(table, atoms, b"co64")
    if (short is None) == (long is None):
        raise UnclearError("the chunks' places are missing, or there twice")
    offsets = short if short is not None else long or b""
    (count,) = unpack("4xI", offsets)
    if not 1 <= count <= MOST_ENTRIES:
        raise UnclearError("there are too many chunks, or none")
    places = numbers(offsets, 8, count, "I" if short is not None else "Q")
    firsts = _firsts(needed(table, atoms, b"stsc"), count)
    if firsts[-1] != sizes.count:
        raise UnclearError("the chunks have another number of samples")
    ends = (
        place + sizes.before(stop) - sizes.before(start)
        for place, (start, stop) in zip(places, itertools.pairwise(firsts), strict=True)
    )
    if max(ends) > size:
        raise UnclearError("the file was cut off")
    return Chunks(places, firsts)


def _firsts(table: bytes, chunks: int) -> array[int]:
    (count,) = unpack("4xI", table)
    if not 1 <= count <= chunks:
        raise UnclearError("stsc is wrong")
    values = numbers(table, 8, 3 * count)
    begins = [*values[::3], chunks + 1]
    if begins[0] != 1 or 0 in values[1::3] or any(number != 1 for number in values[2::3]):
        raise UnclearError("stsc is wrong")
    if any(one >= other for one, other in itertools.pairwise(begins)):
        raise UnclearError("stsc is out of order")
    steps = [
        (stop - start, each)
        for (start, stop), each in zip(itertools.pairwise(begins), values[1::3], strict=True)
    ]
    return array("q", itertools.accumulate(expanded(steps), initial=0))


def _edit(trak: bytes, atoms: Sequence[Atom], scale: int, movie_scale: int) -> Edit | None:
    edits = single(trak, atoms, b"edts")
    table = None if edits is None else single(edits, children(edits), b"elst")
    if table is None:
        return None
    version, count = unpack("B3xI", table)
    if version > 1 or not 1 <= count <= 16:
        raise UnclearError("its edit list is too long")
    form, step = ("QqI", 20) if version else ("IiI", 12)
    *empty, (duration, start, rate) = [unpack(form, table, 8 + step * number) for number in range(count)]
    if any(begin != -1 for _, begin, _ in empty) or start < 0 or rate != RATE_ONE:
        raise UnclearError("its edit list has several parts, or another speed")
    if not 0 < duration < MOST_TICKS or start > MOST_TICKS or any(each > MOST_TICKS for each, _, _ in empty):
        raise UnclearError("its edit list shows nothing")
    delay = sum(rescaled(each, scale, movie_scale) for each, _, _ in empty)
    if delay > MOST_TICKS:
        raise UnclearError("it begins too late")
    return Edit(delay, start, start + rescaled(duration, scale, movie_scale))

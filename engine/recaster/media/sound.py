"""Sound of a result: copied packet by packet where the container holds it, else encoded anew."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

import av
from av.error import FFmpegError, InvalidDataError
from av.format import Flags
from av.stream import Discard

from recaster.errors import ClipError, UsageError
from recaster.media.decoder import list_copyable_sounds, open_container
from recaster.media.encoders import CONTAINERS
from recaster.media.probe import scan
from recaster.media.sound_encoding import AAC_LEAD_IN, SoundEncoder, channel_layout
from recaster.media.timeline import SoundTimeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KEPT_METADATA = ("language", "title")
CODECS_WITH_WORDS = frozenset({"vorbis", "speex", "theora"})
"""Codecs whose headers hold titles, names and places."""
SKIPPING_FORMATS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2"})
"""Formats of which nothing is read but the streams that are wanted: the picture is most of a file."""
TRIED_PACKETS = 3
MAX_UNTIMED_PACKETS = 100_000


@dataclass(frozen=True)
class CopySource:
    """The part of a file whose streams go into a result.

    Attributes:
        shift: seconds added to their times.
        start: seconds in the file's time; packets that end before are left out. None: from the first.
        stop: seconds in the file's time; packets from there on are left out. None: to the last.
        end: seconds in the file's time at which the result's picture ends; None where it has none.
        fallback: what a sound becomes that the container cannot hold, "aac" or "pcm"; None refuses it.
        is_bare: whether nothing but sound goes along, without names, and with no words in its headers.
    """

    path: Path
    shift: Fraction = Fraction(0)
    start: Fraction | None = None
    stop: Fraction | None = None
    fallback: str | None = "aac"
    end: Fraction | None = None
    is_bare: bool = False

    def includes(self, packet: Any) -> bool:
        """Tells whether a packet goes into the result."""
        if self.start is None and self.stop is None and not packet.is_discard:
            return True
        begin = packet.pts * packet.time_base
        end = begin + max(packet.duration or 0, 1) * packet.time_base
        if self.start is not None and end <= self.start:
            return False
        if self.stop is not None and begin >= self.stop:
            return False
        # What the source's edit list hides stays hidden only where the copy lies before zero.
        return not packet.is_discard or end + self.shift <= 0


class SoundCopy:
    """The audio streams of a file, ready to be copied into a container; a context manager."""

    def __init__(self, sound: CopySource, suffix: str) -> None:
        """Opens the file; ``suffix`` names the container of the result."""
        self._sound = sound
        self._suffix = suffix
        self._source = open_container(sound.path)
        self._streams = list_copyable_sounds(self._source)
        self._timelines = {stream.index: SoundTimeline(self._find_jumps()) for stream in self._streams}
        self._fitting = {
            stream.index
            for stream in self._streams
            if can_hold(sound.path, stream.index, suffix)
            and not (sound.is_bare and stream.codec_context.codec.canonical_name in CODECS_WITH_WORDS)
        }
        self._copies: dict[int, Any] = {}
        self._encoders: dict[int, SoundEncoder] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._source.close()

    @property
    def time_bases(self) -> list[Fraction]:
        """Seconds per tick of every stream."""
        return [stream.time_base for stream in self._streams]

    def add_streams(self, container: Any) -> None:
        """Gives an output container each stream, copied or encoded anew, with its language and disposition.

        Raises:
            UsageError: the container cannot hold one, and nothing says what it should become.
        """
        for stream in self._streams:
            if stream.index in self._fitting:
                copy = container.add_stream_from_template(stream)
                copy.codec_context.layout = channel_layout(stream.codec_context)
            elif self._sound.fallback is not None:
                encoder = SoundEncoder(stream, container, self._sound.fallback)
                self._encoders[stream.index] = encoder
                copy = encoder.stream
            else:
                raise UsageError(_describe_misfit(self._sound.path, stream, self._suffix))
            names = () if self._sound.is_bare else KEPT_METADATA
            kept = {name: text for name, text in stream.metadata.items() if name in names}
            copy.metadata.update(kept)
            copy.disposition = stream.disposition
            self._copies[stream.index] = copy

    def _find_jumps(self) -> tuple[Fraction, ...]:
        """Those of the video beside it, in formats whose clock may jump."""
        jumps_possible = Flags.ts_discont in Flags(self._source.format.flags)
        return scan(self._sound.path).jumps if jumps_possible else ()

    def find_first_times(self) -> list[Fraction]:
        """Finds the times, in seconds, at which streams that have packets begin in the result."""
        firsts: dict[int, Fraction] = {}
        with SoundCopy(self._sound, self._suffix) as other:
            for index, packet in other.select_packets():
                firsts.setdefault(index, packet.pts * packet.time_base - self._compute_lead_in(packet))
                if len(firsts) == len(self._streams):
                    break
        return list(firsts.values())

    def _compute_lead_in(self, packet: Any) -> Fraction:
        """Seconds that an encoder puts before a stream's first sample."""
        stream = packet.stream
        if self._sound.fallback != "aac" or stream.index in self._fitting:
            return Fraction(0)
        return AAC_LEAD_IN / Fraction(stream.codec_context.sample_rate)

    def packets(self, shift: Fraction, clock: int) -> Iterator[tuple[int | Fraction, Any]]:
        """(decoding time in ticks of ``clock`` a second, packet for the output), ``shift`` seconds later."""
        last: dict[int, int] = {}
        ticks: dict[int, int | Fraction] = {}
        for index, packet in self._encode_packets(shift):
            if index in last and packet.dts <= last[index]:
                if packet.dts + (packet.duration or 0) <= last[index]:
                    continue  # of a part that overlaps the one before it: that time has its sound
                # Damaged sources repeat times.
                packet.dts = last[index] + _sample_ticks(packet, self._copies[index])
                packet.pts = max(packet.pts, packet.dts)
            last[index] = packet.dts
            if index not in ticks:
                in_one = packet.time_base * clock
                ticks[index] = in_one.numerator if in_one.denominator == 1 else in_one
            packet.stream = self._copies[index]
            yield packet.dts * ticks[index], packet

    def _encode_packets(self, shift: Fraction) -> Iterator[tuple[int, Any]]:
        """(stream index, packet) as the result's streams take it, ``shift`` seconds later."""
        for index, packet in self.select_packets():
            _shift_packet(packet, shift)
            if index in self._encoders:
                yield from ((index, encoded) for encoded in self._encoders[index].packets(packet))
            else:
                packet.dts = packet.pts if packet.dts is None else packet.dts
                yield index, packet
        for index, encoder in self._encoders.items():
            yield from ((index, encoded) for encoded in encoder.flush())

    def select_packets(self) -> Iterator[tuple[int, Any]]:
        """(stream index, packet) of what goes into the result, its times already moved."""
        for packet in fill_packet_times(self._demux()):
            timeline = self._timelines[packet.stream.index]
            if timeline.has_jumps:
                base = packet.time_base
                _shift_packet(packet, timeline.offset(packet.pts * base, (packet.duration or 0) * base))
            if self._sound.includes(packet):
                _shift_packet(packet, self._sound.shift)
                yield packet.stream.index, packet

    def _demux(self) -> Iterator[Any]:
        """The source's packets of sound, as far as it can be read."""
        if self._streams:
            sounds = {stream.index for stream in self._streams}
            for stream in self._source.streams if self._source.format.name in SKIPPING_FORMATS else ():
                if stream.index not in sounds:
                    stream.discard = Discard.all
            with contextlib.suppress(
                InvalidDataError
            ):  # the file was cut off: what came before is all there is
                yield from (packet for packet in self._source.demux(self._streams) if packet.size > 0)


def fill_packet_times(packets: Iterable[Any]) -> Iterator[Any]:
    """Fills in times of sound packets that the file leaves out, by the lengths of the packets.

    Matroska's demuxer gives none to what lies before zero: such packets end where the first timed one begins.
    """
    waiting: dict[int, list[Any]] = defaultdict(list)
    ends: dict[int, int] = {}
    for packet in packets:
        index = packet.stream.index
        if packet.pts is not None and index not in waiting:
            ends[index] = packet.pts + (packet.duration or 0)
            yield packet
            continue
        waiting[index].append(packet)
        if packet.pts is None and index not in ends:
            if len(waiting[index]) > MAX_UNTIMED_PACKETS:
                raise ClipError("its sound has no times; convert the clip first")
            continue
        begin = ends[index] if packet.pts is None else packet.pts
        begin -= sum(early.duration or 0 for early in waiting[index][:-1])
        for timed in waiting.pop(index):
            timed.pts = begin
            begin += timed.duration or 0
            yield timed
        ends[index] = begin


def _sample_ticks(packet: Any, stream: Any) -> int:
    """Ticks that one sample lasts, at least one: mp4 counts in samples, and finer times would be the same."""
    rate = stream.codec_context.sample_rate or 1
    return max(1, math.ceil(1 / (rate * packet.time_base)))


def _shift_packet(packet: Any, seconds: Fraction) -> None:
    if not seconds:
        return
    ticks = round(seconds / packet.time_base)
    packet.pts += ticks
    packet.dts = None if packet.dts is None else packet.dts + ticks


def describe_sound_changes(source: Path, out: Path, fallback: str | None) -> tuple[str, ...]:
    """Describes the audio streams of ``source`` that ``out`` cannot hold and that are encoded anew.

    Raises:
        UsageError: there are some, and ``fallback`` is None.
    """
    suffix = out.suffix.lower()
    sentences = []
    with open_container(source) as container:
        for stream in list_copyable_sounds(container):
            if can_hold(source, stream.index, suffix):
                continue
            if fallback is None:
                raise UsageError(_describe_misfit(source, stream, suffix))
            name = stream.codec_context.codec.canonical_name
            sentences.append(f"sound: {suffix} cannot hold {name}; it is encoded as {fallback.upper()}")
    return tuple(sentences)


def _describe_misfit(source: Path, stream: Any, suffix: str) -> str:
    name = stream.codec_context.codec.canonical_name
    others = [other for other in CONTAINERS if can_hold(source, stream.index, other)]
    instead = f"name the result {' or '.join(others)}" if others else "let it be converted"
    return f"{source}: {suffix} cannot hold its {name} sound as it is; {instead}"


def can_hold(source: Path, index: int, suffix: str) -> bool:
    """Tells whether a container takes a stream as it is, by writing its header, and sound, to memory."""
    try:
        output = av.open(io.BytesIO(), "w", format=CONTAINERS[suffix])
        with open_container(source) as origin, output as container:
            stream = origin.streams[index]
            copy = container.add_stream_from_template(stream)
            copy.disposition = stream.disposition
            if stream.type == "audio":  # its packets may not fit, and come at once
                copy.codec_context.layout = channel_layout(stream.codec_context)
                packets = origin.demux(stream)
                tried = (packet for packet in packets if packet.pts is not None and packet.size > 0)
                for packet in itertools.islice(tried, TRIED_PACKETS):
                    packet.stream = copy
                    container.mux(packet)
            container.start_encoding()
    except (FFmpegError, ValueError):
        return False
    return True

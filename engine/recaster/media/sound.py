"""Sound that is copied packet by packet, never encoded again."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

import av
from av.error import FFmpegError, InvalidDataError

from recaster.errors import UsageError
from recaster.media.source import open_container, sounds_of
from recaster.media.writer import CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

KEPT_METADATA = ("language", "title")


@dataclass(frozen=True)
class Sound:
    """Which sound goes into a result.

    Attributes:
        path: the file whose audio streams are copied.
        shift: seconds added to their times.
        start: seconds in the file's time; packets that end before are left out. None: from the first.
        stop: seconds in the file's time; packets from there on are left out. None: to the last.
    """

    path: Path
    shift: Fraction = Fraction(0)
    start: Fraction | None = None
    stop: Fraction | None = None

    def holds(self, packet: Any) -> bool:
        """Whether a packet goes into the result."""
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

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._source = open_container(sound.path)
        self._streams = sounds_of(self._source)
        self._copies: dict[int, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    @property
    def time_bases(self) -> list[Fraction]:
        """Seconds per tick of every stream."""
        return [stream.time_base for stream in self._streams]

    def add_streams(self, container: Any) -> None:
        """Give an output container a copy of every stream, with its language and disposition."""
        for stream in self._streams:
            copy = container.add_stream_from_template(stream)
            copy.metadata.update(
                {name: text for name, text in stream.metadata.items() if name in KEPT_METADATA}
            )
            copy.disposition = stream.disposition
            self._copies[stream.index] = copy

    def first_times(self) -> list[Fraction]:
        """When the first packet of every stream that has any begins in the result, in seconds."""
        firsts: dict[int, Fraction] = {}
        with SoundCopy(self._sound) as other:
            for index, packet in other.kept():
                firsts.setdefault(index, packet.pts * packet.time_base)
                if len(firsts) == len(self._streams):
                    break
        return list(firsts.values())

    def packets(self, shift: Fraction) -> Iterator[tuple[Fraction, Any]]:
        """(decoding time in seconds, packet for the output), moved by ``shift`` seconds more."""
        last: dict[int, int] = {}
        for index, packet in self.kept():
            ticks = round(shift / packet.time_base)
            packet.pts += ticks
            packet.dts = packet.pts if packet.dts is None else packet.dts + ticks
            if index in last and packet.dts <= last[index]:  # damaged sources repeat times
                packet.dts = last[index] + 1
                packet.pts = max(packet.pts, packet.dts)
            last[index] = packet.dts
            packet.stream = self._copies[index]
            yield packet.dts * packet.time_base, packet

    def kept(self) -> Iterator[tuple[int, Any]]:
        """(stream index, packet) of what goes into the result, its times already moved."""
        if not self._streams:
            return
        packets = self._source.demux(self._streams)
        while True:
            try:
                packet = next(packets, None)
            except InvalidDataError:  # the file was cut off: what came before is what there is
                return
            if packet is None:
                return
            if packet.pts is None or packet.size == 0 or not self._sound.holds(packet):
                continue
            ticks = round(self._sound.shift / packet.time_base)
            packet.pts += ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
            yield packet.stream.index, packet


def check_sound(source: Path, out: Path) -> None:
    """Make sure that the container of ``out`` takes every audio stream of ``source`` as it is.

    Raises:
        UsageError: it does not; the message says which codec, and what does.
        ClipError: ``source`` cannot be opened.
    """
    with open_container(source) as container:
        for stream in sounds_of(container):
            if _fits(stream, out.suffix.lower()):
                continue
            others = [suffix for suffix in CONTAINERS if _fits(stream, suffix)]
            instead = f"name the result {' or '.join(others)}" if others else "convert its sound to AAC first"
            raise UsageError(
                f"{out}: {out.suffix} cannot hold the {stream.codec_context.codec.canonical_name} sound of "
                f"{source}; {instead}"
            )


def _fits(stream: Any, suffix: str) -> bool:
    """Whether a container takes a stream: a header is written to memory to find out."""
    try:
        with av.open(io.BytesIO(), "w", format=CONTAINERS[suffix]) as container:
            container.add_stream_from_template(stream)
            container.start_encoding()
    except (FFmpegError, ValueError):
        return False
    return True

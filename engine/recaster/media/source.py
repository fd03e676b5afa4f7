"""One opened clip: what probe and reader share. Decodes in order and remembers what went wrong."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError, InvalidDataError

from recaster.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

THREADS = 2
MPEG_PROGRAM = "mpeg"
_FTYP = slice(4, 8)
_STILL_FORMATS = ("image2", "_pipe", "tty", "ico")


@dataclass
class Damage:
    """What a pass over a clip survived."""

    undecodable: int = 0
    corrupt: list[int] = field(default_factory=list)
    cut_off: str | None = None
    repaired_times: int = 0
    sizes: set[tuple[int, int]] = field(default_factory=set)
    audio_ends: dict[int, Fraction] = field(default_factory=dict)
    audio_starts: dict[int, Fraction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as it came from the decoder; ``pts`` is strictly increasing."""

    pts: int
    picture: Any


class Source:
    """A clip opened for decoding its first real video stream.

    Args:
        path: the file.
        counting: only the number and times of frames matter, not their pixels: the loop filter is
            skipped, and sound is demuxed too, to see where the file really ends.

    Raises:
        ClipError: the file is missing, a folder, empty, not a video, without a video stream, or cut
            off before its index.
    """

    def __init__(self, path: Path, *, counting: bool = False) -> None:
        self.path = Path(path)
        self.damage = Damage()
        self._counting = counting
        self.container = open_container(self.path)
        self.stream = self._choose_stream()
        self.stream.thread_type = "AUTO"
        self.stream.thread_count = THREADS
        if counting:
            self.stream.codec_context.options = {"skip_loop_filter": "all"}
        self.time_base: Fraction = self.stream.time_base

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    def _choose_stream(self) -> Any:
        pictures = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
        for stream in self.container.streams.video:
            if stream.codec_context is not None and not stream.disposition & pictures:
                return stream
        self.container.close()
        held = "only sound" if self.container.streams.audio else "no video"
        raise ClipError(f"{self.path}: there is {held} in this file; give a clip with a picture")

    def decode(self) -> Iterator[Decoded]:
        """Every picture that decodes, in presentation order."""
        last: int | None = None
        step = 1
        for picture in self._pictures():
            pts = picture.pts if picture.pts is not None else picture.dts
            if pts is None or (last is not None and pts <= last):
                pts = 0 if last is None else last + step
                self.damage.repaired_times += 1
            if last is not None:
                step = pts - last
            last = pts
            yield Decoded(pts, picture)

    def seek(self, pts: int) -> None:
        """Go to the last key frame at or before ``pts``, as far as the format allows."""
        with self._broken_input():
            self.container.seek(pts, stream=self.stream, backward=True)

    def _pictures(self) -> Iterator[Any]:
        count = itertools.count()
        for packet in self._packets():
            try:
                pictures = packet.decode()
            except InvalidDataError:
                self.damage.undecodable += 1
                continue
            except FFmpegError as error:
                raise ClipError(f"{self.path}: decoding failed ({error.strerror}); convert it first") from error
            for picture in pictures:
                index = next(count)
                if picture.is_corrupt:
                    self.damage.corrupt.append(index)
                self.damage.sizes.add((picture.width, picture.height))
                yield picture

    def _packets(self) -> Iterator[Any]:
        streams = [self.stream]
        if self._counting:
            streams += [stream for stream in self.container.streams.audio if stream.time_base]
        packets = self.container.demux(streams)
        while True:
            try:
                with self._broken_input():
                    packet = next(packets, None)
            except InvalidDataError as error:
                self.damage.cut_off = error.strerror
                packet = None
            if packet is None:
                break
            if packet.stream is self.stream:
                yield packet
            else:
                self._note_sound(packet)
        if self.damage.cut_off is not None:
            yield av.Packet()  # pragma: no cover - replaced below

    def _note_sound(self, packet: Any) -> None:
        if packet.pts is None:
            return
        start = packet.pts * packet.time_base
        index = packet.stream.index
        self.damage.audio_starts.setdefault(index, start)
        self.damage.audio_ends[index] = start + (packet.duration or 0) * packet.time_base

    @contextlib.contextmanager
    def _broken_input(self) -> Iterator[None]:
        try:
            yield
        except InvalidDataError:
            raise
        except FFmpegError as error:
            raise ClipError(f"{self.path}: reading failed ({error.strerror})") from error

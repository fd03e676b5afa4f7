"""Presentation times that rise, for files whose own times jump, run backwards or are missing.

Transport streams are cut and spliced, and their clock starts anew there: a jump is closed, as FFmpeg does it
without ``-copyts``. The video decides where jumps are; sound follows by the same distance, so that both stay
together.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from av.error import FFmpegError
from av.format import Flags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_GAP_S: Final = Fraction(10)
"""A longer gap in a format with such jumps is one; FFmpeg's ``dts_delta_threshold``."""
MAX_OVERLAP_S: Final = Fraction(1, 10)
"""Times that fall back by more are a jump; muxers may interleave less than that in any order."""
MAX_LEADING_PACKETS: Final = 100_000
REORDERED_PACKETS: Final = 32
"""The first picture shown is among so many packets: no codec reorders more pictures (H.264 and HEVC: 16)."""
FALLBACK_RATE: Final = Fraction(25)
DECODING_ORDER_FORMATS: Final = frozenset({"avi"})
"""Containers that keep no presentation times; a picture is shown when its turn comes."""


class Timeline:
    """Times of one video stream, in ticks of its time base.

    ``close_jump`` is called with every packet before it is decoded, ``time_of`` with every picture.

    Attributes:
        jumps: seconds that all later times were moved by, for each jump that was closed.
        made_from: the frame rate that times were made from where the file has none.
        repaired: pictures whose time was missing or did not rise, and was made from the one before.
    """

    def __init__(self, container: Any, stream: Any, reopen: Callable[[], Any]) -> None:
        """``reopen`` opens the same file once more, to look ahead."""
        self._reopen = reopen
        self._stream = stream
        self._base: Fraction = stream.time_base
        self._jumps_possible = Flags.ts_discont in Flags(container.format.flags)
        self._by_decoding = not DECODING_ORDER_FORMATS.isdisjoint(container.format.name.split(","))
        self._first_packet: int | None = None
        self._delay = 0
        self._offset = 0
        self._next_dts: int | None = None
        self._last: int | None = None
        rates = (stream.guessed_rate, stream.average_rate, stream.base_rate)
        self._rate: Fraction = next((rate for rate in rates if rate), FALLBACK_RATE)
        self._step: int = max(1, round(1 / (self._rate * self._base)))
        self._made: Iterator[int] = iter(())
        self.jumps: list[Fraction] = []
        self.made_from: Fraction | None = None
        self.repaired = 0

    def close_jump(self, packet: Any) -> None:
        """Moves a packet's times so that they follow those of the packets before."""
        dts = packet.dts
        if dts is not None and self._first_packet is None:
            self._first_packet = dts
        if not self._jumps_possible:
            return
        if dts is not None:
            if self._next_dts is not None:
                ahead = (dts + self._offset - self._next_dts) * self._base
                if ahead > MAX_GAP_S or ahead < -MAX_OVERLAP_S:
                    self._offset = self._next_dts - dts
                    self.jumps.append(self._offset * self._base)
            self._next_dts = dts + self._offset + (packet.duration or self._step)
            packet.dts = dts + self._offset
        if packet.pts is not None:
            packet.pts += self._offset

    def time_of(self, picture: Any) -> int:
        """The time of the next picture in the order of presentation, after that of the one before."""
        stated = self._stated(picture)
        if stated is None and self._last is None:
            self._made = self._times_before_the_first()
        if stated is None:
            stated = next(self._made, None)
        if stated is None or (self._last is not None and stated <= self._last):
            stated = 0 if self._last is None else self._last + self._step
            self.repaired += 1
        if self._last is not None:
            self._step = stated - self._last
        self._last = stated
        return stated

    def _stated(self, picture: Any) -> int | None:
        """The time that the file gives a picture; None where it gives none."""
        if not self._by_decoding:
            return picture.pts if picture.pts is not None else picture.dts
        if picture.dts is None:  # the decoder has run out of packets: one picture after the other
            return None if self._last is None else self._last + self._step
        if self._last is None and self._first_packet is not None:
            self._delay = picture.dts - self._first_packet  # packets that the decoder held for reordering
        return int(picture.dts) - self._delay

    def _times_before_the_first(self) -> Iterator[int]:
        """Times for pictures before the first one that the file times; for all where it times none."""
        with self._reopen() as container:
            untimed, first = leading_times(container, self._stream.index)
        self.made_from = self._rate
        step = 1 / (self._rate * self._base)
        number = 0
        while first is None or number < untimed:
            yield round(number * step) if first is None else first - round((untimed - number) * step)
            number += 1


def leading_times(container: Any, index: int) -> tuple[int, int | None]:
    """Counts a stream's pictures before the first with a time, and finds that time.

    Packets come in decoding order: among those right after the first timed one, others lack a time, too.

    Returns:
        How many pictures have no time, and the earliest time after them; 0 and None where none of the first
        ``MAX_LEADING_PACKETS`` has any.
    """
    if Flags.no_timestamps in Flags(container.format.flags):
        return 0, None
    packets = container.demux(container.streams[index])
    untimed = 0
    try:
        for packet in islice(packets, MAX_LEADING_PACKETS):
            if packet.pts is not None:
                later = [packet, *(other for other in islice(packets, REORDERED_PACKETS) if other.size > 0)]
                times = [other.pts for other in later if other.pts is not None]
                return untimed + len(later) - len(times), min(times)
            untimed += packet.size > 0
    except FFmpegError:  # damaged: what comes before the damage is all there is
        pass
    return 0, None


class SoundTimeline:
    """Times of one sound stream, moved by the jumps of the video beside it."""

    def __init__(self, jumps: Sequence[Fraction]) -> None:
        self.has_jumps = bool(jumps)
        self._later = list(jumps)
        self._offset = Fraction(0)
        self._next: Fraction | None = None

    def offset(self, start: Fraction, duration: Fraction) -> Fraction:
        """Seconds to add to a packet's times (in seconds) so that it follows the one before and the video."""
        if self._next is not None and (self._later or self._offset):
            self._follow(start, self._next)
        self._next = start + self._offset + duration
        return self._offset

    def _follow(self, start: Fraction, expected: Fraction) -> None:
        distance = abs(start + self._offset - expected)
        if distance <= MAX_OVERLAP_S or not self._later:
            return
        nearest = min(range(len(self._later)), key=lambda at: abs(start + self._later[at] - expected))
        if abs(start + self._later[nearest] - expected) < distance:
            self._offset = self._later[nearest]
            del self._later[: nearest + 1]

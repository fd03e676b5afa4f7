"""Sound that a container cannot hold as it is, decoded and encoded anew."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
from av.error import InvalidDataError

from recaster.media.timeline import MAX_OVERLAP_S

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYOUTS: Final = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""FFmpeg's usual layout of a number of channels, for files that only give the number."""
AAC_BITS_PER_CHANNEL: Final = 96_000
"""Bits a second: FFmpeg's own encoder is hard to tell from the original at this rate."""
AAC_LEAD_IN: Final = 1024
"""Samples that FFmpeg's AAC encoder puts before the first."""
AAC_RATES: Final = frozenset(
    {96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000}
)
USUAL_RATE: Final = 48_000
SHORT_FORMATS: Final = frozenset({"u8", "u8p", "s16", "s16p"})
"""Sample formats whose values 16 bits hold."""


def channel_layout(context: Any) -> str:
    """Names the channel layout of a stream; the usual one for its channels where it states none."""
    stated: str = context.layout.name
    return LAYOUTS.get(context.channels, "stereo") if stated.endswith("channels") else stated


class SoundEncoder:
    """One stream's way from the source's packets to packets of another codec, at the same times."""

    def __init__(self, source: Any, container: Any, kind: str) -> None:
        """Adds a stream of ``kind``, "aac" or "pcm", to an output container."""
        context = source.codec_context
        is_short = context.format is not None and context.format.name in SHORT_FORMATS
        encoder = "aac" if kind == "aac" else "pcm_s16le" if is_short else "pcm_s24le"
        rate = USUAL_RATE if kind == "aac" and context.sample_rate not in AAC_RATES else context.sample_rate
        self._source = source
        self.stream = container.add_stream(encoder, rate=rate, layout=channel_layout(context))
        self._context = self.stream.codec_context
        self._context.time_base = Fraction(1, rate)
        if kind == "aac":
            self._context.bit_rate = AAC_BITS_PER_CHANNEL * context.channels
        self._context.open()
        self._taken: int | None = None  # where the source is, in samples of the result
        self._next = 0
        self._resampler = av.AudioResampler(
            format=self._context.format.name,
            layout=self._context.layout.name,
            rate=rate,
            frame_size=self._context.frame_size or None,
        )

    def packets(self, packet: Any) -> Iterator[Any]:
        """Packets that can be written once this one has come; its time is that of the result."""
        try:
            frames = packet.decode()
        except InvalidDataError:  # a damaged packet: its time stays silent
            return
        for frame in frames:
            self._close_gap(frame)
            yield from self._encode(frame)

    def flush(self) -> Iterator[Any]:
        """Packets that decoder and encoder still hold when the source has ended."""
        for frame in self._source.codec_context.decode(None):
            yield from self._encode(frame)
        yield from self._encode(None)
        yield from self._context.encode(None)

    def _close_gap(self, frame: Any) -> None:
        """Places the samples to come after a gap in the source.

        Samples are counted else: the times of packets are rounded, and those of some formats name blocks.
        """
        if frame.pts is None:
            return
        stated = round(frame.pts * frame.time_base * self._context.sample_rate)
        if self._taken is None or stated - self._taken > MAX_OVERLAP_S * self._context.sample_rate:
            self._next += stated - (self._taken or 0)
            self._taken = stated
        self._taken += round(Fraction(frame.samples * self._context.sample_rate, frame.sample_rate))

    def _encode(self, frame: Any) -> Iterator[Any]:
        for resampled in self._resampler.resample(frame):
            resampled.pts = self._next
            resampled.time_base = self._context.time_base
            self._next += resampled.samples
            yield from self._context.encode(resampled)

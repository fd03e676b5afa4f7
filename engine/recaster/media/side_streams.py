"""Subtitles, data, covers and attachments of a result: copied where they fit, text also converted."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Self

import av
from av.error import FFmpegError, InvalidDataError
from av.subtitles.subtitle import SubtitleSet

from recaster.media.decoder import open_container
from recaster.media.metadata import COVERS, list_side_streams, select_tags
from recaster.media.picture import has_alpha
from recaster.media.sound import CopySource, can_hold
from recaster.media.timecode import move_timecode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from recaster.media.metadata import SideStream
    from recaster.media.types import ClipInfo

SUBTITLE_CODECS: Final = {".mp4": "mov_text", ".mov": "mov_text", ".mkv": "subrip"}
"""What subtitles made of text become in a container that doesn't hold them as they are."""
SUBTITLE_BASE: Final = Fraction(1, 1000)
"""Seconds a tick of subtitles that are converted; Matroska has no finer ones."""


def find_lost_streams(path: Path, suffix: str) -> list[SideStream]:
    """Finds the side streams of a clip that a container cannot hold in any form."""
    with open_container(path) as source:
        return [
            side for stream, side in list_side_streams(source) if _choose_codec(path, stream, suffix) is None
        ]


def describe_losses(
    original: ClipInfo, out: Path, pixel_format: str, others: Sequence[str] = ()
) -> tuple[str, ...]:
    """Describes what of a clip is not in its result: a sentence, or none.

    Args:
        pixel_format: of the result.
        others: what else is lost.

    Raises:
        ClipError: the original cannot be opened.
    """
    suffix = out.suffix.lower()
    lost = [_describe_stream(side) for side in find_lost_streams(original.path, suffix)]
    timecode = original.metadata.timecode
    if timecode is not None and move_timecode(timecode, 0, original.rate) is None:
        lost.append(f"timecode {timecode}, which {float(original.rate):.6g} frames/s don't have")
    if original.has_alpha and not has_alpha(av.VideoFrame(16, 16, pixel_format)):
        lost.append(f"transparency, which {pixel_format} doesn't have (ProRes keeps it)")
    lost.extend(others)
    return (f"{out.name} cannot hold of the clip: {'; '.join(lost)}",) if lost else ()


def _describe_stream(side: SideStream) -> str:
    """Names a stream: "subtitle stream 3 (hdmv_pgs_subtitle, eng)"."""
    notes = [note for note in (side.codec or "unknown format", side.language, side.title) if note]
    return f"{side.kind} stream {side.index} ({', '.join(notes)})"


def _choose_codec(path: Path, stream: Any, suffix: str) -> str | None:
    """Chooses the codec of a stream in a container; "" for as it is, None where it doesn't fit."""
    if stream.type == "attachment":
        return "" if suffix == ".mkv" else None
    if can_hold(path, stream.index, suffix):
        return ""
    if stream.type == "subtitle" and stream.codec_context is not None and _is_text(stream.codec_context):
        return SUBTITLE_CODECS[suffix]
    return None


def _is_text(context: Any) -> bool:
    """Tells whether a subtitle decoder gives text: then it makes a header of styles."""
    try:
        context.open(strict=False)
    except FFmpegError:
        return False
    return bool(context.subtitle_header)


class SideStreamCopy:
    """The side streams of a file that a container holds, ready to be copied into it; a context manager."""

    def __init__(self, source: CopySource, suffix: str) -> None:
        self._part = source
        self._source = open_container(source.path)
        self._codecs = {
            stream: codec
            for stream, _ in list_side_streams(self._source)
            if (codec := _choose_codec(source.path, stream, suffix)) is not None
        }
        self._copies: dict[int, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    def add_streams(self, container: Any) -> None:
        """Gives an output container each stream, with its tags and disposition."""
        for stream, codec in self._codecs.items():
            if stream.type == "attachment":
                container.add_attachment(stream.name, stream.mimetype, stream.data)
                continue
            if codec:
                copy = container.add_stream(codec)
                copy.codec_context.subtitle_header = stream.codec_context.subtitle_header
                copy.time_base = copy.codec_context.time_base = SUBTITLE_BASE
            else:
                copy = container.add_stream_from_template(stream)
            copy.metadata.update(select_tags(stream.metadata))
            copy.disposition = stream.disposition
            self._copies[stream.index] = copy

    def packets(self, shift: Fraction) -> Iterator[tuple[Fraction, Any]]:
        """(time in seconds, packet for the output), moved by ``shift`` seconds beside the source's own."""
        streams = [stream for stream in self._codecs if stream.index in self._copies]
        if not streams:
            return
        packets = self._source.demux(streams)
        while True:
            try:
                packet = next(packets, None)
            except InvalidDataError:  # the file was cut off: what came before is what there is
                return
            if packet is None:
                return
            if packet.size > 0 and (copied := self._copy(packet, shift + self._part.shift)) is not None:
                yield copied.pts * copied.time_base, copied

    def _copy(self, packet: Any, shift: Fraction) -> Any:
        """Moves a packet, cut to the part that is copied; None where it isn't in it."""
        stream = packet.stream
        if stream.disposition & COVERS:
            packet.pts = packet.dts = 0
            packet.stream = self._copies[stream.index]
            return packet
        base: Fraction = packet.time_base
        if packet.pts is None or not self._part.includes(packet):
            return None
        start = max(packet.pts * base, self._part.start or packet.pts * base)
        end = (packet.pts + (packet.duration or 0)) * base
        end = end if self._part.stop is None else min(end, self._part.stop)
        if self._codecs[stream]:
            packet = self._convert(packet, start + shift, end - start)
        else:
            packet.pts = packet.dts = round((start + shift) / base)
            packet.duration = round((end - start) / base)
        if packet is not None:
            packet.stream = self._copies[stream.index]
        return packet

    def _convert(self, packet: Any, start: Fraction, duration: Fraction) -> Any:
        """Encodes a subtitle anew; None where it says nothing."""
        said = packet.stream.decode2(packet)
        lines = b"\\N".join(rect.ass.split(b",", 8)[-1] for rect in said or ())
        if not lines:
            return None
        ticks = round(duration / SUBTITLE_BASE)
        text = b"0,0,Default,,0,0,0,," + lines
        context = self._copies[packet.stream.index].codec_context
        encoded = context.encode_subtitle(SubtitleSet.create(text, 0, ticks, round(start / SUBTITLE_BASE)))
        encoded.time_base = SUBTITLE_BASE
        encoded.pts = encoded.dts = round(start / SUBTITLE_BASE)
        encoded.duration = ticks
        return encoded

"""Subtitles, data, covers and attachments of a result: copied where they fit, text also converted."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Self

from av.error import FFmpegError, InvalidDataError
from av.subtitles.subtitle import SubtitleSet

from recaster.media.decoder import open_container
from recaster.media.metadata import COVERS, KEPT_STREAM_TAGS, list_side_streams, select_tags
from recaster.media.picture import pixel_format_has_alpha
from recaster.media.probe import scan
from recaster.media.sound import CopySource, can_hold
from recaster.media.timecode import move_timecode
from recaster.progress import step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from recaster.media.metadata import Metadata, SideStream
    from recaster.media.types import ClipInfo

SUBTITLE_CODECS: Final = {".mp4": "mov_text", ".mov": "mov_text", ".mkv": "subrip"}
"""What subtitles made of text become in a container that doesn't hold them as they are."""
SUBTITLE_BASE: Final = Fraction(1, 1000)
"""Seconds a tick of subtitles that are converted; Matroska has no finer ones."""
MAX_SUBTITLE_BYTES: Final = 60_000
"""Of one line: MOV text counts its bytes in 16 bits."""
COVER_TYPES: Final = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
"""File name and type of Matroska's covers, which are attachments, by codec."""
INTERLEAVED_S: Final = 10
"""Streams lie so near each other in a file: after a part's end nothing of it comes any more."""
MAX_NAMED: Final = 5
_HEADER: Final = b"0,0,Default,,0,0,0,,"


def describe_losses(
    original: ClipInfo, out: Path, pixel_format: str, others: Sequence[str] = ()
) -> tuple[str, ...]:
    """Describes what of a clip its result cannot hold, before any work is done: a sentence, or none.

    Args:
        pixel_format: of the result.
        others: what else is lost.

    Raises:
        ClipError: the original cannot be opened.
    """
    streams = [] if original.is_sequence else _list_lost_streams(original, out)
    lost = [_describe_stream(side) for side in streams[:MAX_NAMED]]
    if len(streams) > MAX_NAMED:
        lost.append(f"{len(streams) - MAX_NAMED} streams more")
    metadata = original.metadata
    rate = metadata.timecode_rate or original.rate
    if metadata.timecode is not None and move_timecode(metadata.timecode, 0, rate) is None:
        lost.append(f"timecode {metadata.timecode}, which {float(rate):.6g} frames/s don't have")
    tags = {name for name in metadata.picture_tags if name.lower() not in KEPT_STREAM_TAGS}
    if tags and out.suffix.lower() != ".mkv":
        lost.append(f"tags of the picture's stream ({', '.join(sorted(tags)[:MAX_NAMED])})")
    if original.has_alpha and not pixel_format_has_alpha(pixel_format):
        lost.append(f"transparency, which {pixel_format} doesn't have")
    lost.extend(others)
    return (f"{out.name} cannot hold of the clip: {'; '.join(lost)}",) if lost else ()


def _list_lost_streams(original: ClipInfo, out: Path) -> list[SideStream]:
    with open_container(original.path) as source:
        codecs = _choose_codecs(original.path, source, out.suffix.lower(), original.metadata)
        return [side for stream, side in list_side_streams(source) if stream not in codecs]


def _describe_stream(side: SideStream) -> str:
    """Names a stream: "subtitle stream 3 (hdmv_pgs_subtitle, eng)"."""
    notes = [note for note in (side.codec or "unknown format", side.language, side.title) if note]
    return f"{side.kind} stream {side.index} ({', '.join(notes)})"


def _choose_codecs(path: Path, source: Any, suffix: str, metadata: Metadata) -> dict[Any, str]:
    """Chooses the codec of each side stream that a container holds; "" for its own."""
    listed = list_side_streams(source)
    has_jumps = bool(listed and scan(path).jumps)
    chosen = {}
    for stream, side in listed:
        if side.kind in ("subtitle", "data") and has_jumps:
            codec = None  # they are too sparse to be placed after a jump of the clock
        elif side.kind == "attachment":
            codec = "" if suffix == ".mkv" else None
        elif side.kind == "cover":
            codec = "" if _holds_cover(side.codec, suffix, metadata) else None
        elif side.kind == "data":  # MOV's muxer takes all, and writes what it doesn't know broken
            codec = "" if suffix != ".mkv" and can_hold(path, stream.index, ".mp4") else None
        elif can_hold(path, stream.index, suffix):
            codec = ""
        else:
            codec = SUBTITLE_CODECS[suffix] if _is_text(stream.codec_context) else None
        if codec is not None:
            chosen[stream] = codec
    return chosen


def _holds_cover(codec: str, suffix: str, metadata: Metadata) -> bool:
    """Tells whether a container holds a cover: MP4 has no place for both covers and QuickTime's keys."""
    if suffix == ".mp4":
        return not metadata.muxer_flags(suffix)
    return suffix == ".mkv" and codec in COVER_TYPES


def _is_text(context: Any) -> bool:
    """Tells whether a subtitle decoder gives text: then it makes a header of styles."""
    try:
        context.open(strict=False)
    except (FFmpegError, AttributeError):
        return False
    return bool(context.subtitle_header)


class SideStreamCopy:
    """The side streams of a file that a container holds, ready to be copied into it; a context manager."""

    def __init__(self, source: CopySource, suffix: str, metadata: Metadata) -> None:
        self._part = source
        self._suffix = suffix
        self._source = open_container(source.path)
        codecs = {} if source.is_bare else _choose_codecs(source.path, self._source, suffix, metadata)
        self._codecs = codecs
        self._copies: dict[int, Any] = {}
        self._covers: list[Any] = []
        self._lost_cues = 0

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
            if stream.disposition & COVERS and self._suffix == ".mkv":
                name, kind = COVER_TYPES[stream.codec_context.codec.canonical_name]
                container.add_attachment(name, kind, bytes(self._read_cover(stream)))
                continue
            if codec:
                copy = container.add_stream(codec)
                copy.codec_context.subtitle_header = stream.codec_context.subtitle_header
                copy.time_base = copy.codec_context.time_base = SUBTITLE_BASE
            else:
                copy = container.add_stream_from_template(stream)
            copy.metadata.update(select_tags(stream.metadata))
            copy.disposition = stream.disposition
            if stream.disposition & COVERS:
                cover = self._read_cover(stream)
                cover.pts = cover.dts = 0
                cover.stream = copy
                self._covers.append(cover)
            else:
                self._copies[stream.index] = copy

    def _read_cover(self, stream: Any) -> Any:
        """Reads a cover: its packet comes before all others."""
        with open_container(self._part.path) as source:
            return next(packet for packet in source.demux(source.streams[stream.index]) if packet.size)

    def packets(self, shift: Fraction) -> Iterator[tuple[Fraction, Any]]:
        """(time in seconds, packet for the output), moved by ``shift`` seconds beside the source's own."""
        yield from ((Fraction(0), cover) for cover in self._covers)
        merged = {stream.index: _CueMerger() for stream, codec in self._codecs.items() if codec == "mov_text"}
        last: dict[int, int] = {}
        for packet in self._read_packets():
            for copied in self._copy(packet, shift + self._part.shift, merged.get(packet.stream.index)):
                yield from self._place(packet.stream.index, copied, last)
        for index, merger in merged.items():
            for cue in merger.finish():
                yield from self._place(index, self._encode(index, *cue), last)

    def _place(self, index: int, packet: Any, last: dict[int, int]) -> Iterator[tuple[Fraction, Any]]:
        """Gives a packet its stream; times of damaged files that fall back are held."""
        if packet is None:
            return
        packet.pts = packet.dts = max(packet.pts, last.get(index, packet.pts))
        last[index] = packet.pts
        packet.stream = self._copies[index]
        yield packet.pts * packet.time_base, packet

    def _read_packets(self) -> Iterator[Any]:
        """The packets of the part that is copied, as far as the file can be read."""
        streams = [stream for stream in self._codecs if stream.index in self._copies]
        if not streams:
            return
        try:
            for packet in self._source.demux(streams):
                step()
                if packet.pts is None or packet.size == 0:
                    continue
                if (
                    self._part.end is not None
                    and packet.pts * packet.time_base > self._part.end + INTERLEAVED_S
                ):
                    return
                if self._part.includes(packet):
                    yield packet
        except InvalidDataError:  # the file was cut off: what came before is what there is
            return

    def _copy(self, packet: Any, shift: Fraction, merger: _CueMerger | None) -> Iterable[Any]:
        """Moves a packet, cut to the part that is copied; several, or none, where it is converted."""
        base: Fraction = packet.time_base
        stated = packet.pts * base
        start = stated if self._part.start is None else max(stated, self._part.start)
        end = stated + (packet.duration or 0) * base
        end = end if self._part.end is None else min(end, self._part.end)
        if end < start:
            return
        index = packet.stream.index
        if not self._codecs[packet.stream]:
            packet.pts = round((start + shift) / base)
            packet.duration = round((end - start) / base)
            yield packet
            return
        text = self._decode(packet)
        cue = (round((start + shift) / SUBTITLE_BASE), round((end + shift) / SUBTITLE_BASE), text)
        cues = [] if not text else [cue] if merger is None else merger.add(*cue)
        yield from (self._encode(index, *each) for each in cues)

    def _decode(self, packet: Any) -> bytes:
        """The text of a subtitle, in ASS; empty where it says nothing, or cannot be read."""
        try:
            said = packet.stream.decode2(packet)
        except FFmpegError:
            self._lost_cues += 1
            return b""
        return b"\\N".join(rect.ass.split(b",", 8)[-1] for rect in said or ())

    def _encode(self, index: int, start: int, end: int, text: bytes) -> Any:
        """Encodes a subtitle; times are in ticks of ``SUBTITLE_BASE``; None where it cannot be."""
        context = self._copies[index].codec_context
        encoded = None
        if len(text) <= MAX_SUBTITLE_BYTES:
            with contextlib.suppress(FFmpegError):
                encoded = context.encode_subtitle(SubtitleSet.create(_HEADER + text, 0, end - start, start))
        if encoded is None:
            self._lost_cues += 1
            return None
        encoded.time_base = SUBTITLE_BASE
        encoded.pts = start
        encoded.duration = end - start
        return encoded

    def describe_losses(self) -> tuple[str, ...]:
        """Describes what could not be converted, once all is: a sentence, or none."""
        if not self._lost_cues:
            return ()
        return (f"{self._lost_cues} subtitles of the clip could not be converted and are left out",)


class _CueMerger:
    """Joins subtitles that are shown together into one after the other: MOV text has one at a time."""

    def __init__(self) -> None:
        self._shown: list[tuple[int, bytes]] = []  # (end, text)
        self._reached = 0

    def add(self, start: int, end: int, text: bytes) -> list[tuple[int, int, bytes]]:
        """Takes a subtitle that begins no earlier than those before; returns what is settled."""
        settled = self._show_until(start)
        self._reached = max(self._reached, start)
        self._shown.append((end, text))
        return settled

    def finish(self) -> list[tuple[int, int, bytes]]:
        """Returns what is left."""
        return self._show_until(max((end for end, _ in self._shown), default=0))

    def _show_until(self, time: int) -> list[tuple[int, int, bytes]]:
        settled = []
        while self._shown and self._reached < time:
            stop = min(time, *(end for end, _ in self._shown))
            if stop > self._reached:
                settled.append((self._reached, stop, b"\\N".join(text for _, text in self._shown)))
            self._reached = max(self._reached, stop)
            self._shown = [(end, text) for end, text in self._shown if end > self._reached]
        return settled

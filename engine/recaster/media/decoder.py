"""Decoder of one opened clip, for probe and reader: decodes in order and remembers what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import av
from av.error import ArgumentError, FFmpegError, InvalidDataError

from recaster.errors import ClipError
from recaster.media.colour_tags import read_colour_tags
from recaster.media.embedded_pictures import PNG_HEAD, list_chunks
from recaster.media.metadata import COVERS
from recaster.media.remote_files import find_remote, is_file, is_folder, open_binary, stat_file
from recaster.media.timeline import MAX_OVERLAP_S, SoundTimeline, Timeline
from recaster.progress import step
from recaster.settings.formats import UNREADABLE_STILLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

THREADS = 2
CONCEALING = ("h264", "mpeg1video", "mpeg2video")
"""Codecs whose damaged pictures are filled in from the slices around: with two threads at it the result is
not the same each time."""
PNG_CODECS = ("apng", "png")
"""Codecs of pictures that hold an ICC profile with a name, as PNG's chunk."""
_PROFILE_CHUNK = b"iCCP"
FORMATS = (
    "3gp", "apng", "asf", "av1", "avi", "dv", "flv", "gif", "gxf", "h264", "hevc", "ivf", "m4v", "matroska",
    "mov", "mp4", "mpeg", "mpegts", "mpegvideo", "mxf", "nut", "obu", "ogg", "webm", "wtv", "yuv4mpegpipe",
)  # fmt: skip
"""Containers that are read. Playlists and scripts (concat, hls, dash, sdp, ...) name other files, which a
stranger's file must not."""
OPENING = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"}
MAX_SIDE = 16_384
"""Pixels of either side of a picture: 16K."""
MAX_PIXELS = MAX_SIDE * 8_640
"""Of one picture. A few bytes of a file can ask for more than any memory."""


@dataclass
class Run:
    """Sound packets one after another without a break: begin and end in seconds, as the file states them."""

    begin: Fraction
    end: Fraction


@dataclass
class Damage:
    """Faults of a clip that a pass over it survived, and what its streams are like over their whole length.

    Attributes:
        undecodable: packets of the picture that did not decode.
        first_corrupt: index of the first picture that the decoder calls broken.
        cut_off: the error that ended the file before its end.
        layouts: every (width, height, pixel format) of its pictures.
        sounds: runs of every sound stream, by its index.
    """

    undecodable: int = 0
    first_corrupt: int | None = None
    cut_off: str | None = None
    layouts: set[tuple[int, int, str]] = field(default_factory=set)
    sounds: dict[int, list[Run]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture as it came from the decoder; ``pts`` is strictly increasing."""

    pts: int
    picture: Any


class ClipDecoder:
    """A clip opened for decoding its first real video stream; ``other_streams`` are left aside.

    ``has_png_profile`` tells whether its pictures had ICC profiles with names, which were taken out.

    Args:
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
        self._count = 0
        self.container = open_container(self.path)
        self.stream = self._choose_stream()
        self._check_size(self.stream.codec_context)
        # Before decoding, which may forget the container's tags.
        self.tags = read_colour_tags(self.stream.codec_context)
        self.stream.thread_type = "SLICE"  # frame threads lose pictures around damage
        self.stream.thread_count = 1 if self.stream.codec_context.name in CONCEALING else THREADS
        options = {"max_pixels": str(MAX_PIXELS)}
        self.stream.codec_context.options = options | ({"skip_loop_filter": "all"} if counting else {})
        self.has_png_profile = False
        self._take_out_stored_profile()
        self.time_base: Fraction = self.stream.time_base
        self.timeline = Timeline(self.container, self.stream, lambda: open_container(self.path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.container.close()

    def _choose_stream(self) -> Any:
        streams = self.container.streams.video
        clips = [s for s in streams if s.codec_context is not None and not s.disposition & COVERS]
        if clips:
            self.other_streams = clips[1:]
            return clips[0]
        reason = "there is no video in this file; give a clip with a picture"
        if any(stream.codec_context is None for stream in streams):
            reason = "its video has an unknown format; convert the clip to H.264 first"
        elif self.container.streams.audio:
            reason = "there is only sound in this file; give a clip with a picture"
        self.container.close()
        raise ClipError(f"{self.path}: {reason}")

    def decode(self) -> Iterator[DecodedPicture]:
        """Decodes all pictures that can be decoded, in presentation order."""
        for picture in self._decode_pictures():
            yield DecodedPicture(self.timeline.time_of(picture), picture)

    def _take_out_stored_profile(self) -> None:
        context = self.stream.codec_context
        if context.name in PNG_CODECS and context.extradata:
            context.extradata = self._take_out_profile(context.extradata)

    def _take_out_profile(self, data: bytes) -> bytes:
        """Takes ICC profiles out of a PNG: PyAV (18.1) frees their names twice, and crashes."""
        if _PROFILE_CHUNK not in data:
            return data
        kept = [chunk for kind, chunk in list_chunks(data) if kind != _PROFILE_CHUNK]
        head = PNG_HEAD if data.startswith(PNG_HEAD) else b""
        self.has_png_profile = True
        return head + b"".join(kept)

    def seek(self, pts: int) -> None:
        """Goes to the last key frame at or before ``pts``, as far as the format allows."""
        try:
            self.container.seek(pts, stream=self.stream, backward=True)
        except FFmpegError as error:
            raise ClipError(f"{self.path}: reading failed ({error.strerror})") from error

    def _decode_pictures(self) -> Iterator[Any]:
        for packet in self.demux():
            yield from self._decode_packet(packet.decode)
        if self.damage.cut_off is not None:  # the demuxer's own flush packet never came
            yield from self._decode_packet(self.stream.decode)

    def _decode_packet(self, decode: Callable[[], list[Any]]) -> Iterator[Any]:
        try:
            pictures = decode()
        except InvalidDataError:
            self.damage.undecodable += 1
            return
        except FFmpegError as error:
            raise ClipError(
                f"{self.path}: decoding failed ({error.strerror}); convert the clip first"
            ) from error
        for picture in pictures:
            self._check_size(picture)
            if picture.is_corrupt and self.damage.first_corrupt is None:
                self.damage.first_corrupt = self._count
            self._count += 1
            self.damage.layouts.add((picture.width, picture.height, picture.format.name))
            yield picture

    def _check_size(self, picture: Any) -> None:
        if max(picture.width, picture.height) > MAX_SIDE or picture.width * picture.height > MAX_PIXELS:
            self.container.close()
            raise ClipError(
                f"{self.path}: {picture.width}x{picture.height} pixels are too many: at most {MAX_PIXELS} "
                f"are allowed, and {MAX_SIDE} to a side; scale it down"
            )

    def demux(self) -> Iterator[Any]:
        """Yields the picture's packets, the last one empty, and notes the times of the sound's."""
        streams = [self.stream]
        if self._counting:
            streams += list_copyable_sounds(self.container)
        try:
            for packet in self.container.demux(streams):
                step()
                if packet.stream.index == self.stream.index:
                    self.timeline.close_jump(packet)
                    yield self._settle_packet(packet)
                else:
                    self._note_sound(packet)
        except InvalidDataError as error:
            self.damage.cut_off = error.strerror
        except FFmpegError as error:
            raise ClipError(f"{self.path}: reading failed ({error.strerror})") from error

    def _settle_packet(self, packet: Any) -> Any:
        """Makes a packet without ICC profiles, where PyAV would crash of them."""
        if self.stream.codec_context.name not in PNG_CODECS or not packet.size:
            return packet
        data = bytes(packet)
        settled = self._take_out_profile(data)
        if settled == data:
            return packet
        made = av.Packet(settled)
        for name in ("pts", "dts", "time_base", "duration", "is_keyframe", "stream"):
            setattr(made, name, getattr(packet, name))
        return made

    def _note_sound(self, packet: Any) -> None:
        if packet.pts is None:
            return
        start = packet.pts * packet.time_base
        end = start + (packet.duration or 0) * packet.time_base
        runs = self.damage.sounds.setdefault(packet.stream.index, [])
        if runs and abs(start - runs[-1].end) <= MAX_OVERLAP_S:
            runs[-1].end = end
        else:
            runs.append(Run(start, end))

    def find_sound_span(self, index: int) -> tuple[Fraction, Fraction] | None:
        """Begin and end of a sound stream in seconds, jumps closed; None where no packet of it came."""
        timeline = SoundTimeline(self.timeline.jumps)
        spans = []
        for run in self.damage.sounds.get(index, []):
            offset = timeline.offset(run.begin, run.end - run.begin)
            spans.append((run.begin + offset, run.end + offset))
        return (spans[0][0], spans[-1][1]) if spans else None


def open_container(path: Path) -> Any:
    """Opens a media file for reading.

    Raises:
        ClipError: it is missing, a folder, empty, unreadable, a still image or not a video.
    """
    check_file(path)
    try:
        return open_known_format(path)
    except ArgumentError as error:  # a format that isn't read
        raise ClipError(f"{path}: not a clip, but a still image, a playlist or a text") from error
    except InvalidDataError as error:
        raise ClipError(f"{path}: {_diagnose(path)}") from error
    except (FFmpegError, OSError) as error:
        raise ClipError(f"{path}: cannot be opened ({error.strerror})") from error


def media_url(path: Path) -> str:
    """A file's name as FFmpeg takes it: with a colon in it, it would be taken for a protocol's."""
    return f"file:{path}"


def open_known_format(path: Path, **options: str) -> Any:
    """Opens a file as one of ``FORMATS``, with ``options`` of libavformat besides; errors are its own."""
    # Tags of old files are often in other encodings.
    remote = find_remote(path)
    if remote is None:
        given: Any = media_url(path)
    else:
        given = _NamedFile(path) if remote.find is None else media_url(remote.find())
    return av.open(given, options=OPENING | options, metadata_errors="replace")


class _NamedFile:
    """A file elsewhere as PyAV takes it, under the name by which FFmpeg also guesses its format."""

    def __init__(self, path: Path) -> None:
        self.name = media_url(path)
        file = open_binary(path)
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def list_copyable_sounds(container: Any) -> list[Any]:
    """The audio streams of a container that can be copied: with times, and in a format that is known."""
    return [stream for stream in container.streams.audio if stream.codec_context and stream.time_base]


def check_file(path: Path) -> None:
    """Refuses a path that is no file with something in it (ClipError)."""
    if is_folder(path):
        raise ClipError(
            f"{path}: this is a folder without a sequence of pictures; give a video file or such a folder"
        )
    if find_remote(path) is None and not path.exists():
        raise ClipError(f"{path}: no such file")
    if stat_file(path)[1] == 0:
        raise ClipError(f"{path}: the file is empty (0 bytes); copy or record it again")
    refuse_unreadable_still(path)


def refuse_unreadable_still(path: Path) -> None:
    """Refuses a picture that no library here reads (ClipError)."""
    kind = UNREADABLE_STILLS.get(path.suffix.lower())
    if kind is not None and is_file(path):
        raise ClipError(f"{path}: {kind} cannot be read here; export it as PNG, TIFF or JPEG")


def _diagnose(path: Path) -> str:
    with open_binary(path) as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "its index (moov) is missing or broken: the recording or copy was cut off; copy it again"
    return "this is not a video that can be read"

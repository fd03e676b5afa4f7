"""Metadata of a clip and its streams: tags, timecode, reel and chapters, and what a result keeps of them."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from av.stream import Discard, Disposition

from recaster.media.timecode import move_timecode, read_reel, read_timecode, read_timecode_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.media.decoder import ClipDecoder

TECHNICAL_TAGS: Final = frozenset(
    {
        "major_brand", "minor_version", "compatible_brands",  # of the container
        "encoder", "handler_name", "vendor_id", "rotate",  # of what wrote it
        "duration", "bps", "number_of_frames", "number_of_bytes", "alpha_mode",
        "_statistics_writing_app", "_statistics_writing_date_utc", "_statistics_tags",
        "uid", "generation_uid", "product_uid", "material_package_umid", "file_package_umid",  # of MXF
        "company_name", "product_name", "product_version", "application_platform", "modification_date",
        "toolkit_version", "operational_pattern_ul",
        "timecode", "reel_name",  # moved with the range
    }
)  # fmt: skip
"""Tags that describe the file as it is stored: a result has its own. In lower case."""
ITUNES_TAGS: Final = frozenset(
    {
        "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright",
        "grouping", "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords",
        "creation_time", "language",
    }
)  # fmt: skip
"""Tags for which MP4 and MOV have their own places; others need QuickTime's list of keys."""

KEPT_STREAM_TAGS: Final = frozenset({"title", "language", "creation_time"})
"""Tags of a stream that MP4 and MOV have a place for."""
HALF_FRAME: Final = Fraction(1, 2)
CHAPTER_BASE: Final = Fraction(1, 1_000_000)
"""Seconds a tick of chapters."""
COVERS: Final = Disposition.attached_pic | Disposition.timed_thumbnails
"""Streams of pictures that aren't the clip's."""


@dataclass(frozen=True)
class Chapter:
    """One chapter; times are seconds after the file's zero."""

    start: Fraction
    end: Fraction
    tags: Mapping[str, str]


@dataclass(frozen=True)
class SideStream:
    """One stream beside picture and sound.

    Attributes:
        kind: "subtitle", "data", "attachment" or "cover".
        codec: ffmpeg's name; empty where it is unknown.
        title: its own, or an attachment's file name.
    """

    index: int
    kind: str
    codec: str
    language: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class Metadata:
    """Metadata of a clip beside its pictures' own.

    Attributes:
        tags: of the file, without ``TECHNICAL_TAGS``.
        picture_tags: of the stream of its picture, likewise.
        timecode: of its first frame; None where it has none.
        timecode_rate: frames per second that it counts: a clip of 60 may count 30.
        reel: name of the reel.
        chapters: in order of their starts.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    picture_tags: Mapping[str, str] = field(default_factory=dict)
    timecode: str | None = None
    timecode_rate: Fraction | None = None
    reel: str | None = None
    chapters: tuple[Chapter, ...] = ()

    def cut(self, begin: Fraction | None, end: Fraction, offset: Fraction) -> Metadata:
        """Cuts it to the part from ``begin`` (None: all from the start) to ``end``, in seconds.

        A timecode that doesn't fit its rate is left out.

        Args:
            offset: seconds from the clip's first frame to the part's.
        """
        starts = [chapter.start for chapter in self.chapters] + [end]
        chapters = []
        for number, chapter in enumerate(self.chapters):
            # Markers have no length of their own.
            stop = chapter.end if chapter.end > chapter.start else max(chapter.start, starts[number + 1])
            start = chapter.start if begin is None else max(chapter.start, begin)
            if start < min(stop, end):
                chapters.append(Chapter(start, min(stop, end), chapter.tags))
        timecode = None
        if self.timecode is not None and self.timecode_rate is not None:
            # Of two frames with one number it is the later that lies halfway to the next number.
            moved = math.ceil(offset * self.timecode_rate - HALF_FRAME)
            timecode = move_timecode(self.timecode, moved, self.timecode_rate)
        return dataclasses.replace(self, timecode=timecode, chapters=tuple(chapters))

    def moved(self, shift: Fraction) -> Metadata:
        """The same with its chapters ``shift`` seconds later."""
        chapters = tuple(
            Chapter(chapter.start + shift, chapter.end + shift, chapter.tags) for chapter in self.chapters
        )
        return dataclasses.replace(self, chapters=chapters)

    def muxer_flags(self, suffix: str) -> str:
        """Lists flags that the MP4 and MOV muxer needs to write it."""
        return "" if ITUNES_TAGS.issuperset(self._file_tags(suffix)) else "+use_metadata_tags"

    def write(self, container: Any, picture: Any) -> None:
        """Writes it into a container that has its streams, but no packet yet.

        Args:
            picture: the stream of the picture.
        """
        container.metadata.update(self._file_tags(Path(container.name).suffix))
        picture.metadata.update(self.picture_tags)
        # MOV and MP4 make a timecode track of the stream's tags.
        moved = {"timecode": self.timecode, "reel_name": self.reel}
        picture.metadata.update({name: text for name, text in moved.items() if text is not None})
        chapters = self.chapters if container.format.name == "matroska" else _fill_gaps(self.chapters)
        if chapters:
            container.set_chapters(
                [
                    {
                        "id": number,
                        "start": round(chapter.start / CHAPTER_BASE),
                        "end": round(chapter.end / CHAPTER_BASE),
                        "time_base": CHAPTER_BASE,
                        "metadata": dict(chapter.tags),
                    }
                    for number, chapter in enumerate(chapters, 1)
                ]
            )

    def _file_tags(self, suffix: str) -> dict[str, str]:
        """Lists the tags of the file, with those that only MOV keeps with its tracks."""
        tags = dict(self.tags)
        if suffix != ".mkv":  # Matroska's names are in capitals
            tags = {name.lower() if name.lower() in ITUNES_TAGS else name: tags[name] for name in tags}
        if self.reel is not None and suffix != ".mov":
            tags["reel_name"] = self.reel
        if self.timecode is not None and suffix == ".mkv":
            tags["timecode"] = self.timecode
        return tags


NO_METADATA: Final = Metadata()
"""A clip that says nothing of itself."""


def _fill_gaps(chapters: tuple[Chapter, ...]) -> list[Chapter]:
    """Puts chapters without a title where none is: those of MP4 and MOV follow each other from zero on."""
    filled: list[Chapter] = []
    for chapter in sorted(chapters, key=lambda each: each.start):
        before = filled[-1].end if filled else Fraction(0)
        if chapter.start > before:
            filled.append(Chapter(before, chapter.start, {"title": ""}))
        filled.append(chapter)
    return filled


def read_metadata(source: ClipDecoder, picture: Any, rate: Fraction) -> Metadata:
    """Reads the metadata of an opened clip.

    Args:
        picture: its first one, as it was decoded.
        rate: frames per second of the picture; where it varies, as they are meant.
    """
    container = source.container
    stream = source.stream
    return Metadata(
        tags=select_tags(container.metadata),
        picture_tags=select_tags(stream.metadata),
        timecode=read_timecode(container, stream, picture, rate),
        timecode_rate=read_timecode_rate(source.path, container, rate),
        reel=read_reel(container, stream),
        chapters=tuple(_read_chapter(chapter) for chapter in container.chapters()),
    )


def select_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Selects the tags that a result keeps; a stream's title is called name in MOV and MP4."""
    kept = {}
    for name, text in tags.items():
        plain = re.sub(r"-[a-z]{3}$", "", name.lower())  # statistics of mkvmerge end in a language
        if text and plain not in TECHNICAL_TAGS:
            kept["title" if plain == "name" else name] = text
    return kept


def _read_chapter(chapter: Mapping[str, Any]) -> Chapter:
    base = chapter["time_base"]
    return Chapter(chapter["start"] * base, chapter["end"] * base, dict(chapter["metadata"]))


def list_side_streams(container: Any) -> list[tuple[Any, SideStream]]:
    """Lists the streams of a container beside picture, sound and what its metadata says already."""
    listed = []
    for stream in container.streams:
        kind = "cover" if stream.type == "video" and stream.disposition & COVERS else stream.type
        # Tracks of chapters are discarded; those of timecode are made anew from the tag.
        is_chapters = stream.discard == Discard.all and bool(container.chapters())
        is_told_elsewhere = is_chapters or "timecode" in stream.metadata
        if kind not in ("subtitle", "data", "attachment", "cover") or is_told_elsewhere:
            continue
        context = stream.codec_context
        codec = "" if context is None else context.codec.canonical_name
        title = stream.metadata.get("title") or stream.metadata.get("filename")
        language = stream.metadata.get("language")
        listed.append((stream, SideStream(stream.index, kind, codec, language, title)))
    return listed

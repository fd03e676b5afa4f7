"""Search for the media files of an edit: by the place that it states, else by name in a folder."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from recaster.media.sequence_name import SequenceName, clip_exists, list_sequences, resolve_clip
from recaster.settings.formats import IMAGE_SUFFIXES
from recaster.settings.reading import MAX_RATE
from recaster.timelines.media_use import restore_rate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from recaster.timelines.media_use import MediaUse

CLIP_SUFFIXES: Final = frozenset(
    {
        ".3gp", ".avi", ".dv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf",
        ".ts", ".webm", ".wmv",
    }
)  # fmt: skip
PICTURE_SUFFIXES: Final = IMAGE_SUFFIXES | {".dpx", ".exr", ".gif", ".heic", ".psd", ".svg", ".tga"}
_RANGE: Final = re.compile(r"\[(\d+)-\d+\](?=\.\w+$)")
"""Numbers of a sequence as some programs write them: shot.[1001-1100].exr."""
_NUMBER: Final = re.compile(r"%0?([1-9]|10)?d\.\w+$")
SOUND_SUFFIXES: Final = frozenset({".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".wav"})


class MediaFolder:
    """Clips, and sequences of pictures, in a folder and those inside it, by name; None for no folder."""

    def __init__(self, folder: Path | None) -> None:
        self._paths: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob("*")) if folder is not None else ():
            if path.suffix.lower() in CLIP_SUFFIXES and path.is_file():
                self._paths[path.name.lower()].append(path)
                self._paths[path.stem.lower()].append(path)
            elif path.is_dir():
                self._add_sequences(path)
        if folder is not None:
            self._add_sequences(folder)

    def _add_sequences(self, folder: Path) -> None:
        for sequence, pictures in list_sequences(folder).items():
            if len(pictures) > 1:
                for name in dict.fromkeys((sequence.path.name.lower(), sequence.title.lower())):
                    self._paths[name].append(sequence.path)

    def find(self, name: str) -> list[Path]:
        """Finds the clips of a name, with its suffix or without, whatever the case of its letters."""
        return self._paths.get(name.lower(), [])


def is_clip(use: MediaUse) -> bool:
    """Tells whether the media may be a clip: no generator, still or sound."""
    import opentimelineio as otio

    if isinstance(use.reference, otio.schema.GeneratorReference):
        return False
    path = _path_of(_url_of(use.reference)) or use.clip.name
    if SequenceName.parse(Path(path)) is not None:
        return True
    suffix = PurePosixPath(path).suffix.lower()
    return suffix not in SOUND_SUFFIXES and suffix not in PICTURE_SUFFIXES


def find_media(use: MediaUse, edit: Path, folder: MediaFolder) -> list[Path]:
    """Finds the files that may be a clip's media: one if all is well, none where it is missing.

    Args:
        edit: the edit's file, from whose folder relative places count.
    """
    url = _url_of(use.reference)
    if url:
        path = edit.absolute().parent / _path_of(url)
        if path.is_file():
            return [path]
        if clip_exists(path):
            return [resolve_clip(path)]
    for name in _names_of(use, url):
        paths = folder.find(name)
        if paths:
            return paths
    return []


def describe_media(use: MediaUse) -> str:
    """Describes the media that a clip asks for, in words."""
    url = _url_of(use.reference)
    return f"{use.clip.name!r} ({_path_of(url) if url else 'no place stated'})"


def _names_of(use: MediaUse, url: str) -> Iterator[str]:
    """Lists the names by which the media may be called, the surest first."""
    name = PurePosixPath(_path_of(url)).name
    reel = use.clip.metadata.get("cmx_3600", {}).get("reel", "")
    for each in (name, use.reference.name, use.clip.name, reel):
        sequence = SequenceName.parse(Path(each))
        if sequence is not None:
            yield sequence.path.name
        elif each:
            yield str(each)
            if Path(each).suffix.lower() in CLIP_SUFFIXES:
                yield Path(each).stem  # a proxy or another wrapper of the same


def read_stated_rate(use: MediaUse) -> Fraction | None:
    """Reads the frames per second that an edit states for a sequence of pictures; None for other media."""
    rate = getattr(use.reference, "rate", None)
    # OpenTimelineIO's own default is one.
    return restore_rate(rate) if isinstance(rate, float) and 1 < rate <= MAX_RATE else None


def _url_of(reference: Any) -> str:
    """The place that a reference states; of a sequence of pictures that of its pattern."""
    base = getattr(reference, "target_url_base", None)
    if base is not None:
        width = f"0{reference.frame_zero_padding}" if reference.frame_zero_padding > 1 else ""
        name = f"{reference.name_prefix}%{width}d{reference.name_suffix}"
        separator = "" if not base or base.endswith("/") else "/"
        # The pattern isn't part of what URLs quote.
        return f"{base}{separator}{quote(name)}" if "://" in base else f"{base}{separator}{name}"
    return _RANGE.sub(_to_pattern, getattr(reference, "target_url", None) or "")


def _to_pattern(numbers: re.Match[str]) -> str:
    return f"%0{len(numbers[1])}d"


def _path_of(url: str) -> str:
    """Path that a URL names, relative or absolute; an unquoted one, as some programs write it, is a path."""
    parts = urlsplit(url.replace("#", "%23") if url.startswith("file:") else url)
    if parts.scheme == "file":
        path = _unquote(parts.path)
        if parts.netloc not in ("", "localhost"):
            return f"//{parts.netloc}{path}"
        # Windows: file:///C:/... names C:/...
        return path[1:] if len(path) > 2 and path[2] == ":" else path
    if parts.scheme and len(parts.scheme) > 1:
        return ""  # of a server, say
    plain = url.replace("\\", "/")
    return _unquote(plain)


def _unquote(path: str) -> str:
    """Decodes what URLs quote, but for the number in a pattern, which programs leave as it is."""
    number = _NUMBER.search(path)
    end = len(path) if number is None else number.start()
    return unquote(path[:end]) + path[end:]

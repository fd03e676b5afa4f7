"""Search for the media files of an edit: by the place that it states, else by name in a folder."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from recaster.settings.extract import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.timelines.media_use import MediaUse

CLIP_SUFFIXES: Final = frozenset(
    {
        ".3gp", ".avi", ".dv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf",
        ".ts", ".webm", ".wmv",
    }
)  # fmt: skip
PICTURE_SUFFIXES: Final = IMAGE_SUFFIXES | {".dpx", ".exr", ".gif", ".heic", ".psd", ".svg", ".tga"}
SOUND_SUFFIXES: Final = frozenset({".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".wav"})


class MediaFolder:
    """Clips in a folder and those inside it, by name; None for no folder."""

    def __init__(self, folder: Path | None) -> None:
        self._paths: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob("*")) if folder is not None else ():
            if path.suffix.lower() in CLIP_SUFFIXES and path.is_file():
                self._paths[path.name.lower()].append(path)
                self._paths[path.stem.lower()].append(path)

    def find(self, name: str) -> list[Path]:
        """Finds the clips of a name, with its suffix or without, whatever the case of its letters."""
        return self._paths.get(name.lower(), [])


def is_clip(use: MediaUse) -> bool:
    """Tells whether the media may be a clip: no generator, sequence of pictures, still or sound."""
    import opentimelineio as otio

    others = (otio.schema.GeneratorReference, otio.schema.ImageSequenceReference)
    if isinstance(use.reference, others):
        return False
    suffix = PurePosixPath(_path_of(_url_of(use.reference)) or use.clip.name).suffix.lower()
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
        if each:
            yield str(each)
            if Path(each).suffix.lower() in CLIP_SUFFIXES:
                yield Path(each).stem  # a proxy or another wrapper of the same


def _url_of(reference: Any) -> str:
    return getattr(reference, "target_url", None) or ""


def _path_of(url: str) -> str:
    """Path that a URL names, relative or absolute; an unquoted one, as some programs write it, is a path."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = unquote(parts.path)
        if parts.netloc not in ("", "localhost"):
            return f"//{parts.netloc}{path}"
        # Windows: file:///C:/... names C:/...
        return path[1:] if len(path) > 2 and path[2] == ":" else path
    if parts.scheme and len(parts.scheme) > 1:
        return ""  # of a server, say
    plain = url.replace("\\", "/")
    return unquote(plain) if "%" in plain else plain

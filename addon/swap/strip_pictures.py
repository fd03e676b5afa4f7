# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of image strips that stay pictures: a zip to the engine, and a folder of numbered files back."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recaster.settings.formats import LIST_SUFFIX, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recaster.client import Client

    from ..engine.connection import BackgroundWork

ALWAYS_KEPT = frozenset(suffix for codec in ("exr", "dpx", "tiff") for suffix in SUFFIXES[codec])
"""Suffixes of pictures that no movie holds as they are."""
STILLS = frozenset(suffix for codec in ("jpeg", "png", "tiff", "webp") for suffix in SUFFIXES[codec])
"""Suffixes of stills that come back as they are, with all that they say of themselves, and signed inside."""
ZIP_SUFFIX = ".zip"
MANIFEST_SUFFIX = ".c2pa"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_DEPTH_OFFSET = 24
DEEP_BITS = 16
USUAL_DIGITS = 4
MAX_DIGITS = 9
MAX_PREFIX_LETTERS = 100
_NUMBERED = r"(?a)(?P<prefix>.*?)(?P<digits>\d+)(?P<suffix>\.\w+)"
_UNSAFE = r"[^\w. -]"


def stays_pictures(path: Path) -> bool:
    """Tells if pictures like one come back as pictures: OpenEXR, DPX, TIFF, and PNG of 16 bits."""
    suffix = path.suffix.lower()
    if suffix != ".png":
        return suffix in ALWAYS_KEPT
    try:
        with path.open("rb") as file:
            head = file.read(PNG_DEPTH_OFFSET + 1)
    except OSError:
        return False
    return head.startswith(PNG_SIGNATURE) and head[PNG_DEPTH_OFFSET:] == bytes([DEEP_BITS])


class PictureNames(NamedTuple):
    """Names of a sequence's pictures: prefix, number with at least so many digits, suffix."""

    prefix: str
    numbers: tuple[int, ...]
    digits: int
    suffix: str

    @classmethod
    def of(cls, files: Sequence[Path]) -> PictureNames:
        """Reads the numbers in files' names; pictures without, or in another order, count from 1."""
        matches = [match for match in (re.fullmatch(_NUMBERED, path.name) for path in files) if match]
        numbers = tuple(int(match["digits"]) for match in matches)
        is_numbered = (
            len(matches) == len(files)
            and len({(match["prefix"], match["suffix"]) for match in matches}) == 1
            and list(numbers) == sorted(set(numbers))
            and max(len(match["digits"]) for match in matches) <= MAX_DIGITS
        )
        suffix = files[0].suffix.lower()
        if not is_numbered:
            prefix = f"{_safe_prefix(files[0].stem)}."
            return cls(prefix, tuple(range(1, len(files) + 1)), USUAL_DIGITS, suffix)
        digits = min(len(match["digits"]) for match in matches)
        return cls(_safe_prefix(matches[0]["prefix"]), numbers, digits, suffix)

    @property
    def pattern(self) -> str:
        """The names as the engine is asked for them, ``take.%04d.exr``."""
        return f"{self.prefix}%0{self.digits}d{self.suffix}"


def _safe_prefix(prefix: str) -> str:
    return re.sub(_UNSAFE, "_", prefix)[:MAX_PREFIX_LETTERS].lstrip(". ")


def pack_strip_pictures(files: Sequence[Path], out: Path) -> None:
    """Packs pictures for the engine (InputError, OutputError); the same pictures give the same bytes."""
    from recaster.zips import pack_pictures

    names = PictureNames.of(files)
    pack_pictures(dict(zip(names.numbers, files, strict=True)), names.digits, out)


def fetch_pictures(
    client: Client, work: BackgroundWork, made: Mapping[str, Any], role: str, pattern: str, out: Path
) -> Path:
    """Downloads pictures of a result into a folder of their own, which is whole or absent; for threads.

    Args:
        client: of the engine.
        work: that hears of progress.
        made: the job's artifacts by their roles.
        role: of the zip; the list of a result's pictures and its manifest come along with "clip".
        pattern: names of the pictures, as they were asked for.
        out: the folder; what is there gives way.

    Returns:
        The first picture.
    """
    from recaster.zips import unpack_pictures

    prefix = _safe_prefix(pattern.partition("%")[0])
    with tempfile.TemporaryDirectory(prefix=".recaster-", dir=out.parent) as folder:
        packed = Path(folder) / f"pictures{ZIP_SUFFIX}"
        client.transfer.download(made[role].digest, packed, work.report, made[role].size)
        aside = Path(folder) / "pictures"
        aside.mkdir()
        unpack_pictures(packed, lambda _, entry: aside / f"{prefix}{entry}")
        packed.unlink()
        first = next(aside.iterdir())
        if role == "clip" and "list" in made:
            listed = aside / f"{prefix.rstrip('._- ') or out.name}{first.suffix}{LIST_SUFFIX}"
            for name, path in (("list", listed), ("manifest", listed.with_suffix(MANIFEST_SUFFIX))):
                if name in made:
                    client.transfer.download(made[name].digest, path, work.report, made[name].size)
        if out.exists():
            shutil.rmtree(out)
        aside.replace(out)
    return out / list_pictures(out / first.name)[0]


def list_pictures(path: Path) -> list[str]:
    """Lists the names of a result's pictures, of which ``path`` is one, by their numbers."""
    names = [other.name for other in path.parent.iterdir() if other.suffix == path.suffix]
    return sorted(names, key=lambda name: (len(name), name))

"""Lists of a sequence's pictures with their SHA-256, as ``sha256sum`` writes and checks them.

A list stands for its sequence: it is what a manifest is bound to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from recaster.errors import ManifestError
from recaster.files import sha256, write_bytes
from recaster.progress import step

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

MAX_LIST_BYTES: Final = 1 << 28
_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](?!\.\.?$)([^/\\\n\0]+)")


def write_list(path: Path, pictures: Mapping[str, Path]) -> None:
    """Writes the list of pictures, by the names that they will have (OutputError)."""
    write_bytes(path, format_list(pictures))


def format_list(pictures: Mapping[str, Path]) -> bytes:
    """Formats the list of pictures, by their names there."""
    lines = []
    for name, picture in pictures.items():
        lines.append(f"{sha256(picture)}  {name}\n")
        step()
    return "".join(lines).encode()


def read_list(path: Path) -> dict[str, str]:
    """Reads a list: digests by name (ManifestError where it is none)."""
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise ManifestError(f"{path}: is too large for a list of pictures")
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: cannot be read ({error})") from None
    matches = [_LINE.fullmatch(line) for line in lines]
    digests = {match[2]: match[1] for match in matches if match}
    if len(digests) != len(lines):
        raise ManifestError(f"{path}: is no list of pictures")
    return digests


def check_pictures(path: Path, only: Collection[str] = ()) -> int:
    """Checks pictures beside a list against it; returns how many.

    Args:
        only: names of those to check; empty for all.

    Raises:
        ManifestError: pictures are missing or were changed, or the list has no such picture.
    """
    digests = read_list(path)
    unknown = [name for name in only if name not in digests]
    if unknown:
        raise ManifestError(f"{path.parent / unknown[0]}: isn't in {path.name}: nothing is known of it")
    names = list(only or digests)
    faults = {name: _find_fault(path.parent / name, digests[name]) for name in names}
    wrong = [name for name, fault in faults.items() if fault]
    if wrong:
        more = f", and so are {len(wrong) - 1} more of {len(names)}" if len(wrong) > 1 else ""
        raise ManifestError(f"{path.parent / wrong[0]}: {faults[wrong[0]]}{more}; don't believe it")
    return len(names)


def _find_fault(picture: Path, digest: str) -> str:
    step()
    try:
        return "" if sha256(picture) == digest else "was changed after its list was signed"
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read ({error.strerror})"

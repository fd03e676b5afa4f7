"""Reading of zip files from anywhere: names, kinds and sizes are checked first.

A zip is data from a stranger. Nothing of it is written before every entry has passed, names are never
used as they are, and no entry is read beyond the size that was checked.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from recaster.errors import DiskFullError, InputError
from recaster.still_images import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20
MIN_BOMB_BYTES: Final = 16 * MIB
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_PLAIN_MODE: Final = 0o100644 << 16


@dataclass(frozen=True)
class UnpackingRoom:
    """Bytes that may be written now, at best (whatever is deleted), and that stay free; None for any."""

    left: int | None = None
    most: int | None = None
    spare: int = 0


@dataclass(frozen=True)
class ZipLimits:
    """Limits of a zip's content, unpacked.

    Attributes:
        entries: files and folders.
        ratio: unpacked over packed size of a file larger than 1 MiB.
        total_ratio: the same of all files together, where they unpack to more than ``MIN_BOMB_BYTES``.
        pixels: width x height of a picture.
        error: raised where a zip is refused.
    """

    entries: int = 200_000
    entry_bytes: int = 2048 * MIB
    total_bytes: int = 65_536 * MIB
    ratio: float = 200.0
    total_ratio: float = 50.0
    pixels: int = MAX_PIXELS
    room: UnpackingRoom = UnpackingRoom()
    error: type[InputError] = InputError


@contextmanager
def open_zip(path: Path, limits: ZipLimits) -> Iterator[zipfile.ZipFile]:
    """Opens a zip all of whose entries are safe to unpack.

    Raises:
        InputError: (``limits.error``) the file is missing or not a zip, or an entry is not safe, named with
            the reason.
        DiskFullError: there is no room for it now.
    """
    try:
        opened = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise limits.error(f"{path}: missing, damaged or not a zip ({error}); make it again") from error
    with opened:
        _check_entries(path, opened, limits)
        yield opened


def check_disk_room(path: Path, folder: Path, count: int, limits: ZipLimits) -> None:
    """Checks that there is room for ``count`` bytes of a zip, which are written next (DiskFullError)."""
    if shutil.disk_usage(folder).free - count < limits.room.spare:
        raise DiskFullError(
            f"{path}: there is no room on the disk to unpack all of it; free some, and do the same again"
        )


def read_entry(path: Path, opened: zipfile.ZipFile, name: str, limits: ZipLimits) -> bytes:
    """One entry's bytes, checked against its checksum.

    Raises:
        InputError: (``limits.error``) the entry is missing, damaged or packed in a way that cannot be read.
    """
    try:
        return opened.read(name)
    except KeyError as error:
        raise limits.error(f"{path}: {name} is missing from this zip; export it again") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise limits.error(f"{path}: {name} in this zip is damaged ({error}); make the zip again") from error


def plain_entry(name: str) -> zipfile.ZipInfo:
    """An entry that doesn't say when it was written, so that the same content gives the same zip."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3
    entry.external_attr = _PLAIN_MODE
    return entry


def _check_entries(path: Path, opened: zipfile.ZipFile, limits: ZipLimits) -> None:
    entries = opened.infolist()
    if len(entries) > limits.entries:
        raise limits.error(f"{path}: holds {len(entries)} entries, more than the {limits.entries} allowed")
    seen: set[str] = set()
    for entry in entries:
        reason = _unsafe_name(entry) or _unsafe_kind(entry) or _unsafe_size(entry, limits)
        # Compared as a file system that ignores case would.
        folded = entry.filename.casefold()
        if folded in seen:
            reason = "is there twice"
        seen.add(folded)
        if reason:
            raise limits.error(f"{path}: refused, because {entry.filename!r} in it {reason}")
    total = sum(entry.file_size for entry in entries)
    if total > limits.total_bytes:
        raise limits.error(f"{path}: unpacks to {total} bytes, more than the {limits.total_bytes} allowed")
    room = limits.room
    if room.most is not None and total > room.most:
        raise limits.error(
            f"{path}: unpacks to {total} bytes, and {room.most} may be kept in all; make it smaller"
        )
    packed = sum(entry.compress_size for entry in entries)
    if total > MIN_BOMB_BYTES and total > limits.total_ratio * packed:
        raise limits.error(
            f"{path}: refused, because all in it together is packed more than {limits.total_ratio:g} times "
            "over"
        )
    if packed > path.stat().st_size:
        raise limits.error(f"{path}: refused, because its entries overlap")
    if room.left is not None and total > room.left:
        raise DiskFullError(
            f"{path}: unpacks to {total} bytes, and {room.left} are left of what may be kept; delete some"
        )


def _unsafe_name(entry: zipfile.ZipInfo) -> str:
    name = entry.orig_filename
    if not name.strip("/") or "\0" in name or "\\" in name:
        return "has a name that is not allowed"
    if name.startswith("/") or name[1:2] == ":":
        return "has an absolute path"
    return "points outside of the zip" if ".." in PurePosixPath(name).parts else ""


def _unsafe_kind(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device, not a file"
    if entry.flag_bits & 0x1:
        return "is encrypted"
    usual = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    return "" if usual else "is packed in an unusual way"


def _unsafe_size(entry: zipfile.ZipInfo, limits: ZipLimits) -> str:
    if entry.file_size > limits.entry_bytes:
        return f"unpacks to {entry.file_size} bytes, more than the {limits.entry_bytes} allowed"
    if entry.file_size > MIB and entry.file_size > limits.ratio * max(entry.compress_size, 1):
        return f"is packed more than {limits.ratio:g} times over"
    return ""

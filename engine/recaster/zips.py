"""Reading of zip files from anywhere: names, kinds and sizes are checked first.

A zip is data from a stranger. Nothing of it is written before every entry has passed, names are never
used as they are, and no entry is read beyond the size that was checked.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from recaster.errors import ClipError, DiskFullError, InputError
from recaster.files import atomic_file
from recaster.progress import step
from recaster.still_images import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

MIB = 1 << 20
MIN_BOMB_BYTES: Final = 16 * MIB
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_PLAIN_MODE: Final = 0o100644 << 16
_PICTURE_NAME: Final = re.compile(r"(?P<number>\d{1,10})(?P<suffix>\.\w{1,5})", re.ASCII)


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


PICTURE_LIMITS: Final = ZipLimits(error=ClipError)
"""Of the zip of a sequence of pictures: together up to 64 GiB, each up to 2."""


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


def pack_pictures(pictures: Mapping[int, Path], digits: int, out: Path) -> None:
    """Packs the pictures of a sequence as they are, by number: the same pictures give the same bytes.

    Args:
        pictures: files by their numbers.
        digits: numbers have at least so many in the names that entries get, ``NUMBER.suffix``.

    Raises:
        InputError: a picture can't be read.
        OutputError: the zip can't be written.
    """
    with atomic_file(out) as temporary, zipfile.ZipFile(temporary, "w") as packed:
        for number, path in sorted(pictures.items()):
            step()
            name = f"{number:0{max(digits, 1)}}{path.suffix.lower()}"
            try:
                file = path.open("rb")
            except OSError as error:
                raise InputError(f"{path}: cannot be read ({error.strerror})") from None
            with file, packed.open(plain_entry(name), "w", force_zip64=True) as entry:
                shutil.copyfileobj(file, entry, MIB)


def unpack_pictures(
    path: Path, place: Callable[[int, str], Path], limits: ZipLimits = PICTURE_LIMITS
) -> None:
    """Unpacks a sequence that was packed by ``pack_pictures``.

    Args:
        path: the zip.
        place: tells by a picture's number and its entry's name where it is to be; its folder is there.
        limits: of its content.

    Raises:
        InputError: (``limits.error``) it isn't safe to unpack, is damaged or holds something else.
        DiskFullError: there is no room for it now.
    """
    with open_zip(path, limits) as opened:
        names = [entry.filename for entry in opened.infolist()]
        matches = [_PICTURE_NAME.fullmatch(name) for name in names]
        numbers = [int(match["number"]) for match in matches if match]
        suffixes = {match["suffix"] for match in matches if match}
        if len({*numbers}) < len(names) or len(suffixes) != 1:
            raise limits.error(
                f"{path}: holds something else than numbered pictures of one kind; pack those alone"
            )
        for number, name in zip(numbers, names, strict=True):
            step()
            out = place(number, name)
            check_disk_room(path, out.parent, opened.getinfo(name).file_size, limits)
            try:
                with opened.open(name) as entry, atomic_file(out) as temporary, temporary.open("wb") as file:
                    shutil.copyfileobj(entry, file, MIB)
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise limits.error(
                    f"{path}: {name} in it is damaged ({error}); make the zip again"
                ) from error


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

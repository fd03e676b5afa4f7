"""Random access points in H.264 and HEVC, and pictures that H.264 and MPEG-4 reorder.

A sync sample's mark is a claim of the file. ITU-T H.264 (7.3, D.1.8) and H.265 (7.4.2.2) say what must be in
it; their places in MP4 are those of ISO/IEC 14496-15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from recaster.isobmff.boxes import UnsupportedMovieError, child_boxes, read_exactly, required_box

if TYPE_CHECKING:
    from collections.abc import Iterator

VISUAL_ENTRY_BYTES: Final = 78
"""Bytes of a visual sample entry before its own boxes."""
SLICE_HEADER_BYTES: Final = 64
MAX_UNIT_BYTES: Final = 4096
MAX_UNITS: Final = 4096
RECOVERY_POINT: Final = 6
B_SLICE: Final = 1
I_SLICE: Final = 2
HIGH_PROFILES: Final = frozenset((44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244))
PARAMETER_SETS: Final = frozenset((32, 33, 34))


class Bits:
    """The bits of a NAL unit, from the first on; past the end they are 0."""

    def __init__(self, data: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in data.replace(b"\0\0\3", b"\0\0"))
        self._at = 0

    def take(self, count: int) -> int:
        """Reads a number of ``count`` bits."""
        self._at += count
        if self._at > len(self._bits):
            raise UnsupportedMovieError("a NAL unit ends early")
        return int(self._bits[self._at - count : self._at], 2)

    def golomb(self) -> int:
        """Reads an Exp-Golomb number, ue(v)."""
        one = self._bits.find("1", self._at)
        if one < 0:
            raise UnsupportedMovieError("a NAL unit ends early")
        zeros = one - self._at
        self._at = one
        return self.take(zeros + 1) - 1


def length_field_size(kind: bytes, entry: bytes) -> int:
    """Returns the bytes of a NAL unit's length field, out of an H.264 or HEVC sample entry that can be cut.

    One without parameter sets can't, nor H.264 that may hold single fields.
    """
    inside = child_boxes(entry, VISUAL_ENTRY_BYTES)
    if kind in (b"avc1", b"avc3"):
        record = required_box(inside, b"avcC")
        if len(record) < 7:
            raise UnsupportedMovieError("avcC is too short")
        _check_progressive(record)
        return (record[4] & 3) + 1
    record = required_box(inside, b"hvcC")
    if len(record) < 23 or not _arrays(record) >= PARAMETER_SETS:
        raise UnsupportedMovieError("hvcC has no parameter sets")
    return (record[21] & 3) + 1


def is_random_access(kind: bytes, size: int, file: BinaryIO, start: int, length: int) -> bool:
    """Tells if decoding may start at the sample at ``file[start:start + length]``, to the bit."""
    units = _units(file, size, start, length)
    if kind not in (b"avc1", b"avc3"):
        return any(16 <= (unit[0] >> 1 & 63) <= 21 for unit in units)
    recovered = pictured = False
    for unit in units:
        kind_of = unit[0] & 31
        if kind_of == 5:
            return True
        if kind_of == RECOVERY_POINT:  # SEI happens to have the same number
            recovered = recovered or _recovers(unit)
        elif kind_of in (1, 2):
            pictured = True
            if _slice_kind(unit) != I_SLICE:
                return False
    return recovered and pictured


def is_b_picture(kind: bytes, size: int, file: BinaryIO, start: int, length: int) -> bool:
    """Tells if a sample of H.264 or MPEG-4 Part 2 (as in ``is_random_access``) is a B picture, or may be."""
    if kind == b"mp4v":  # ISO/IEC 14496-2, 6.2.5
        head = read_exactly(file, start, min(length, MAX_UNIT_BYTES))
        at = head.find(b"\0\0\1\xb6")
        return not 0 <= at < len(head) - 4 or head[at + 4] >> 6 == 2
    if kind not in (b"avc1", b"avc3"):
        return False
    units = _units(file, size, start, length)
    return any(unit[0] & 31 in (1, 2) and _slice_kind(unit) == B_SLICE for unit in units)


def _slice_kind(unit: bytes) -> int:
    bits = Bits(unit[1:SLICE_HEADER_BYTES])
    bits.golomb()
    return bits.golomb() % 5


def _units(file: BinaryIO, size: int, start: int, length: int) -> Iterator[bytes]:
    """Yields the beginnings of the NAL units in a sample."""
    stop = start + length
    for _ in range(MAX_UNITS):
        if stop - start <= size:
            return
        inside = int.from_bytes(read_exactly(file, start, size), "big")
        start += size
        if not 1 <= inside <= stop - start:
            raise UnsupportedMovieError("a NAL unit's size is wrong")
        yield read_exactly(file, start, min(inside, MAX_UNIT_BYTES))
        start += inside
    raise UnsupportedMovieError("there are too many NAL units")


def _recovers(unit: bytes) -> bool:
    """Tells if an SEI unit holds a recovery point at this very picture."""
    data = unit[1:].replace(b"\0\0\3", b"\0\0")
    at = 0
    while at + 2 < len(data):
        fields = []
        for _ in range(2):  # its kind and its size, in steps of 255
            value = 0
            while at < len(data) and data[at] == 255:
                value = value + 255
                at = at + 1
            fields.append(value + (data[at] if at < len(data) else 0))
            at += 1
        if fields[0] == RECOVERY_POINT:
            return data[at : at + 1] >= b"\x80"  # recovery_frame_cnt 0 is a single 1 bit
        at += fields[1]
    return False


def _check_progressive(record: bytes) -> None:
    """Refuses field coding: fields may be samples of their own, so that samples aren't frames."""
    count = record[5] & 31
    at = 6
    if not count:
        raise UnsupportedMovieError("avcC has no parameter sets")
    for _ in range(count):
        length = int.from_bytes(record[at : at + 2], "big")
        if not _frames_only(record[at + 2 : at + 2 + length]):
            raise UnsupportedMovieError("it is interlaced")
        at += 2 + length


def _frames_only(unit: bytes) -> bool:
    bits = Bits(unit[1:])
    profile = bits.take(8)
    _ = bits.take(16)
    _ = bits.golomb()
    if profile in HIGH_PROFILES:
        if bits.golomb() == 3:
            bits.take(1)
        bits.golomb(), bits.golomb(), bits.take(1)
        if bits.take(1):
            raise UnsupportedMovieError("it has scaling lists")
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1), bits.golomb(), bits.golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.golomb()
    bits.golomb(), bits.take(1), bits.golomb(), bits.golomb()
    return bits.take(1) == 1


def _arrays(record: bytes) -> set[int]:
    """Lists the types of NAL units in an hvcC."""
    found = set()
    at = 23
    for _ in range(record[22]):
        if at + 3 > len(record):
            break
        count = int.from_bytes(record[at + 1 : at + 3], "big")
        if count:
            found.add(record[at] & 63)
        at += 3
        for _ in range(count):
            at += 2 + int.from_bytes(record[at : at + 2], "big")
    return found

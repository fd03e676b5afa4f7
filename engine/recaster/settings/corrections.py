"""Corrections of a clip's analysis as plain values, and the JSON file that they are kept in.

A correction names a face by where it is, never by a track's number: numbers change with detectors, sizes
and releases, places don't. The file names the clip by its digest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import InputError, UsageError
from recaster.files import VersionError, parse_json, require_number, upgrade_document, write_bytes
from recaster.locks import lock
from recaster.settings.choices import Bounds
from recaster.settings.paths import lock_path_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORMAT: Final = 1
SUFFIX: Final = ".corrections.json"
"""Ending of the file beside a clip: shot.mov.corrections.json."""
MAX_BYTES: Final = 8 << 20
MAX_CORRECTIONS: Final = 1000
"""Corrections of a clip: each costs seconds where faces are looked for anew."""
TOO_MANY: Final = "there are too many corrections of this clip; take some back"
MAX_FRAME: Final = 2**31 - 1
MAX_POSITION_PX: Final = 1e6
MAX_NAME_LENGTH: Final = 64
MAX_POINTS: Final = 1000
"""Points that one request may move; a mesh has fewer."""
PLACE_BOUNDS_PX: Final = Bounds(-100_000, 100_000)
ANGLE_BOUNDS_DEG: Final = Bounds(-360, 360)
KINDS: Final = {
    "split": "part a track before a frame",
    "join": "make one track of two",
    "drop": "leave a track out, or some of its frames",
    "assign": "say who a track shows",
    "box": "say where a face is in a frame",
    "points": "move points of a face's mesh in a frame",
}
"""Kinds of corrections, and what each is for."""


@dataclass(frozen=True)
class FacePlace:
    """Place of a face in a frame: the centre and the mean side of its box, in pixels."""

    frame: int
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Correction:
    """One correction.

    Attributes:
        kind: one of ``KINDS``.
        face: the course of the face that is meant: places by ascending frame, with straight lines between.
        other: "join": the face that it goes on as, one place. "assign": a face of the same person, or none.
        person: "assign": the person's name.
        box: "box": left, top, width and height, in pixels.
        angle: "box": roll of the face in degrees, clockwise.
        points: "points": of each point its index in the mesh, x and y in pixels, and, where it is moved, z.
    """

    kind: str
    face: tuple[FacePlace, ...]
    other: tuple[FacePlace, ...] = ()
    person: str = ""
    box: tuple[float, ...] = ()
    angle: float = 0.0
    points: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        needed = {"join": self.other, "assign": self.person, "box": self.box, "points": self.points}
        if self.kind not in KINDS:
            raise ValueError(f"there is no correction {self.kind!r}")
        if not self.face or not needed.get(self.kind, True):
            raise ValueError(f"a correction {self.kind!r} lacks what it is of")
        if any(a.frame >= b.frame for a, b in zip(self.face, self.face[1:], strict=False)):
            raise ValueError("places of a face are out of order")

    @property
    def frames(self) -> range:
        """Frames from the first to the last place of the face."""
        return range(self.face[0].frame, self.face[-1].frame + 1)

    def describe(self) -> str:
        """Describes it in a line of words."""
        place = self.face[0]
        last = self.face[-1].frame
        frames = f"frame {last}" if last == place.frame else f"frames {place.frame}-{last}"
        where = f"the face at {place.x:.0f}, {place.y:.0f} in {frames}"
        return {
            "split": lambda: f"split: {where} begins a track",
            "join": lambda: f"join: {where} goes on in frame {self.other[0].frame}",
            "drop": lambda: f"drop: {where}",
            "assign": lambda: f"assign: {where} is {self.person}",
            "box": lambda: f"box: {where}, {self.box[2]:.0f}x{self.box[3]:.0f}, {self.angle:g} degrees",
            "points": lambda: f"points: {len(self.points)} of {where}",
        }[self.kind]()

    def to_json(self) -> dict[str, Any]:
        """Turns it into JSON's types, without what it doesn't say."""
        value = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        value |= {name: [list(dataclasses.astuple(place)) for place in value[name]] for name in _COURSES}
        value["points"] = [[int(index), *position] for index, *position in self.points]
        return {name: each for name, each in value.items() if each}


_COURSES: Final = ("face", "other")


@dataclass(frozen=True)
class Corrections:
    """Corrections of one clip, in the order in which they are applied.

    Attributes:
        clip: SHA-256 of the clip's bytes, hex; empty where there are no corrections.
    """

    clip: str = ""
    items: tuple[Correction, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.items)

    def digest(self, count: int | None = None) -> str:
        """Computes a SHA-256, hex, of the first ``count`` corrections, all where None."""
        value = [item.to_json() for item in self.items[:count]]
        return hashlib.sha256(json.dumps([FORMAT, value], sort_keys=True).encode()).hexdigest()

    def to_text(self) -> str:
        """Writes them as JSON, a line for each correction, so that versions can be compared."""
        lines = ",\n".join(f"  {json.dumps(item.to_json())}" for item in self.items)
        head = f'{{\n "format": {FORMAT},\n "clip": {json.dumps(self.clip)},\n "corrections": ['
        return f"{head}\n{lines}\n ]\n}}\n" if lines else f"{head}]\n}}\n"


NO_CORRECTIONS: Final = Corrections()


def shift_frames(corrections: Corrections, clip: str, by: int) -> Corrections:
    """The corrections of a part of a clip, or of the whole of a part: frames count ``by`` more.

    Args:
        clip: digest of the one that they are then of.
        by: what would be before frame 0 is left out.
    """
    shifted = (_shift_correction(item, by) for item in corrections.items)
    return Corrections(clip, tuple(item for item in shifted if item is not None))


def _shift_correction(item: Correction, by: int) -> Correction | None:
    face, other = (_shift_course(course, by) for course in (item.face, item.other))
    is_lost = len(face) == 0 or (bool(item.other) and not other)
    if is_lost or (item.kind not in ("drop", "assign") and len(face) < len(item.face)):
        return None
    return dataclasses.replace(item, face=face, other=other)


def _shift_course(course: tuple[FacePlace, ...], by: int) -> tuple[FacePlace, ...]:
    moved = [dataclasses.replace(place, frame=place.frame + by) for place in course]
    kept = tuple(place for place in moved if place.frame >= 0)
    if not kept or len(kept) == len(moved) or kept[0].frame == 0:
        return kept
    before, after = moved[-len(kept) - 1], kept[0]
    share = -before.frame / (after.frame - before.frame)
    ends = zip((before.x, before.y, before.size), (after.x, after.y, after.size), strict=True)
    return (FacePlace(0, *(round(a + share * (b - a), 2) for a, b in ends)), *kept)


def default_path(clip: Path) -> Path:
    """Path of the file of a clip's corrections: beside the clip."""
    return clip.with_name(clip.name + SUFFIX)


def has_corrections(path: Path) -> bool:
    """Checks for a file of corrections (InputError: a folder, or a link to nothing, has its name)."""
    if path.is_file():
        return True
    if path.is_symlink() or path.exists():
        raise InputError(
            f"{path}: is no file of corrections, but a folder or a link to nothing; move it away"
        )
    return False


def read_corrections(path: Path) -> Corrections:
    """Reads a file of corrections (InputError where it can't be read, or is none)."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: is too large for a file of corrections")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_corrections(data, str(path))


def write_corrections(path: Path, corrections: Corrections) -> None:
    """Writes a file of corrections atomically; removes it where there are none (OutputError).

    A link stays one, to a file that is written, with none in it, too.
    """
    if corrections or path.is_symlink():
        write_bytes(path.resolve(), corrections.to_text().encode())
    else:
        path.unlink(missing_ok=True)


def change_corrections(path: Path, change: Callable[[Corrections], Corrections]) -> Corrections:
    """Changes a file of corrections, as it is by now, and returns what it holds then.

    Other processes of this user that change it wait meanwhile.

    Raises:
        InputError: what is there is no file of corrections.
        UsageError: there are too many.
        OutputError: it can't be written, or isn't let go of.
    """
    with lock(lock_path_of(path)):
        now = read_corrections(path) if has_corrections(path) else NO_CORRECTIONS
        changed = change(now)
        if len(changed.items) > MAX_CORRECTIONS:
            raise UsageError(TOO_MANY)
        write_corrections(path, changed)
    return changed


def parse_corrections(data: bytes | str, name: str = "corrections") -> Corrections:
    """Parses what ``to_text`` wrote (InputError, which begins with ``name``)."""
    try:
        document = parse_json(data)
        upgrade_document(document, FORMAT, {})
        if len(document["corrections"]) > MAX_CORRECTIONS:
            raise InputError(f"{name}: has more than {MAX_CORRECTIONS} corrections; clips have fewer")
        items = tuple(map(_parse_correction, document["corrections"]))
        return Corrections(_parse_name(document["clip"]) if items or document["clip"] != "" else "", items)
    except VersionError as error:
        raise InputError(
            f"{name}: corrections of format {error.version}, and not {FORMAT}; use a newer Recaster"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise InputError(f"{name}: no file of corrections ({error})") from error


def _parse_correction(value: Any) -> Correction:
    known = {field.name for field in dataclasses.fields(Correction)}
    if not known.issuperset(value):
        raise ValueError(f"what is {min(set(value) - known)!r}?")
    values: dict[str, Any] = {name: _parse_name(value[name]) for name in ("kind", "person") if name in value}
    values |= {name: tuple(map(_parse_place, value[name])) for name in _COURSES if name in value}
    if "box" in value:
        values["box"] = _parse_numbers(value["box"], 4)
        if min(values["box"][2:]) <= 0:
            raise ValueError("an empty box")
    if "angle" in value:
        [values["angle"]] = _parse_numbers([value["angle"]], 1)
    if "points" in value:
        values["points"] = tuple(map(parse_point, value["points"]))
    return Correction(**values)


def _parse_place(value: Any) -> FacePlace:
    frame = _parse_index(value[0])
    x, y, size = _parse_numbers(value[1:], 3)
    if size <= 0:
        raise ValueError("a face without a size")
    return FacePlace(frame, x, y, size)


def parse_point(value: Any) -> tuple[float, ...]:
    """Parses a point of a mesh: its index, x and y, and z where it is moved (ValueError, TypeError)."""
    return (_parse_index(value[0]), *_parse_numbers(value[1:], 2, 3))


def _parse_index(value: Any) -> int:
    index: int = require_number(value, int)
    if not 0 <= index <= MAX_FRAME:
        raise ValueError(f"{index} is out of range")
    return index


def _parse_numbers(value: Any, *counts: int) -> tuple[float, ...]:
    numbers = tuple(float(require_number(each)) for each in value)
    if len(numbers) not in counts or not all(
        math.isfinite(each) and abs(each) <= MAX_POSITION_PX for each in numbers
    ):
        raise ValueError(f"{len(numbers)} numbers, or too large ones")
    return numbers


def _parse_name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_LENGTH or not value.isprintable():
        raise ValueError("a name of 1 to 64 printable characters is needed")
    return value

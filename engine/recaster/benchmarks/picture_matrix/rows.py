"""Rows of the picture matrix, read from a TOML file: who is put on whom, and under which conditions.

[[row]]
name = "close"
source = "neighbour.mp4"        # a clip of the source, or several, or a faceset's folder
target = "performer.mp4"
frames = [30, 90]
conditions = ["plain", "dark"]  # or "all"
truth = "truth/close.mp4"       # where the true swap is known
bare = ["performer.mp4", 30]    # where, and from which frame on, that motion is seen with nothing in front
person = "performer.mp4"        # shows in its first frame whom to swap, where the target shows several
other = "rehearsal.mp4"         # a second person, for conditions that need one
model = "models/her"            # a trained model instead of the source, at once
train = 300                     # or one that is trained first, for so many steps
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.benchmarks.picture_matrix.conditions import CONDITIONS, PLAIN, condition
from recaster.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

NEEDED: Final = frozenset({"name", "source", "target", "frames"})
CLIPS: Final = ("truth", "person", "other", "model")
KEYS: Final = NEEDED | {*CLIPS, "conditions", "bare", "train"}
MAX_FRAMES: Final = 1000


@dataclass(frozen=True)
class Row:
    """One pair of people, as the file above says it; ``sources`` are clips and stills, or one faceset."""

    name: str
    sources: tuple[Path, ...]
    target: Path
    frames: range
    conditions: tuple[str, ...] = (PLAIN,)
    truth: Path | None = None
    bare: tuple[Path, int] | None = None
    person: Path | None = None
    other: Path | None = None
    model: Path | None = None
    train: int | None = None


def read_rows(path: Path, folder: Path | None = None) -> list[Row]:
    """Reads a matrix from a TOML file, whose paths are relative to ``folder``, or to the file's own.

    Raises:
        InputError: it can't be read, or says something that can't be done.
        UsageError: a condition that there isn't.
    """
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
        rows = [_row(entry, folder or path.parent) for entry in table["row"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no matrix of rows can be read from it ({error})") from None
    names = [row.name for row in rows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path}: two rows are called {', '.join(twice)}; give each a name of its own")
    for row in rows:
        bare = None if row.bare is None else row.bare[0]
        for needed in (*row.sources, row.target, row.truth, bare, row.person, row.other, row.model):
            if needed is not None and not needed.exists():
                raise InputError(f"{path}: row {row.name}: {needed} isn't there")
    return rows


def _row(entry: dict[str, Any], folder: Path) -> Row:
    if unknown := set(entry) - KEYS:
        raise ValueError(f"unknown key {min(unknown)!r}")
    name = entry["name"]
    (start, stop) = entry["frames"]
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"{name!r} is no name of letters, digits and hyphens")
    if not 0 <= start < stop <= start + MAX_FRAMES:
        raise ValueError(f"row {name}: frames {start} to {stop}: give 1 to {MAX_FRAMES} of them")
    if "train" in entry and ("model" in entry or type(entry["train"]) is not int or entry["train"] < 1):
        raise ValueError(f"row {name}: give a `model`, or with `train` the number of steps, at least 1")
    conditions = entry.get("conditions", [PLAIN])
    optional: dict[str, Any] = {key: folder / entry[key] for key in CLIPS if key in entry}
    if "bare" in entry:
        clip, first = entry["bare"]
        optional["bare"] = (folder / clip, int(first))
    sources = [entry["source"]] if isinstance(entry["source"], str) else entry["source"]
    row = Row(
        name=name,
        sources=tuple(folder / source for source in sources),
        target=folder / entry["target"],
        frames=range(start, stop),
        conditions=tuple(CONDITIONS if conditions == "all" else conditions),
        train=entry.get("train"),
        **optional,
    )
    for wanted in row.conditions:
        if condition(wanted).needs_other and row.other is None:
            raise ValueError(f"row {name}: {wanted} needs the clip of an `other` person")
    return row

"""Names in lists of sequences, compared with the pictures beside them."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING

from recaster.errors import ManifestError, UsageError
from recaster.media.sequence_name import SequenceName, list_sequences
from recaster.provenance.manifest import SIDECAR_TYPES, sidecar_of
from recaster.provenance.picture_list import read_list
from recaster.settings.formats import LIST_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def check_names(sequence: SequenceName) -> None:
    """Checks that a sequence's list names all pictures of it that are there, and no other ones.

    Raises:
        ManifestError: it doesn't, or cannot be read.
    """
    listed = read_list(sequence.list_path)
    others = [name for name in listed if sequence.read_number(name) is None]
    if others:
        raise ManifestError(
            f"{sequence.list_path}: is the list of {_name_first(others)}, and not of {sequence.path.name}"
        )
    names = (sequence.picture_path(number).name for number in sequence.find_numbers())
    unlisted = [name for name in names if name not in listed]
    if unlisted:
        raise ManifestError(
            f"{sequence.list_path}: names no {_name_first(unlisted)}: nothing is known of those"
        )


def describe_unlisted(path: Path) -> str:
    """Describes the pictures beside a list that it doesn't name, in words; "" where there are none."""
    listed = read_list(path)
    pictures = (name for names in list_sequences(path.parent).values() for name in names)
    unlisted = sorted(name for name in pictures if name not in listed)
    return f"nothing is known of {_name_first(unlisted)} beside them" if unlisted else ""


def find_list(picture: Path) -> Path | None:
    """Finds the list that a picture of a sequence is in, that of all or of a part (``shot.0001-0050``).

    Raises:
        ManifestError: a list cannot be read.
    """
    sequence = SequenceName.of_file(picture)
    if sequence is None or sequence.list_path.is_file():
        return None if sequence is None else sequence.list_path
    prefix, suffix = glob.escape(sequence.prefix), glob.escape(sequence.suffix)
    lists = sorted(picture.parent.glob(f"{prefix}[0-9]*-[0-9]*{suffix}{LIST_SUFFIX}"))
    return next((path for path in lists if picture.name in read_list(path)), None)


def list_marks(out: Path) -> dict[str, Path]:
    """Lists what may lie beside a signed result: the list of its pictures, and the manifest."""
    sequence = SequenceName.parse(out)
    signed = out if sequence is None else sequence.list_path
    marks = {} if sequence is None else {"list": signed}
    if signed.suffix.lower() in SIDECAR_TYPES:
        marks["manifest"] = sidecar_of(signed)
    return marks


def refuse_other_list(out: Path) -> None:
    """Refuses to write a sequence whose list would take the place of that of other pictures (UsageError)."""
    sequence = SequenceName.parse(out)
    if sequence is None or not sequence.list_path.exists():
        return
    path = sequence.list_path
    try:
        listed = read_list(path)
    except ManifestError:
        raise UsageError(f"{path}: is in the way of the list of {out.name}; choose another name") from None
    others = [name for name in listed if sequence.read_number(name) is None and (path.parent / name).exists()]
    if others:
        raise UsageError(
            f"{path}: is the list of {_name_first(others)}, and that of {out.name} would replace it; "
            "choose another folder"
        )


def _name_first(names: Sequence[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]

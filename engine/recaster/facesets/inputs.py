"""Inputs of an extraction: clips, sequences of pictures, still images, and folders of still images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from recaster.errors import InputError, UsageError
from recaster.media.sequence_name import SequenceName, find_sequence, resolve_clip
from recaster.settings.formats import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Input:
    """File to take faces from; ``named`` where it was given itself, and not found in a given folder.

    The path of a sequence of pictures, which is a clip, is its pattern.
    """

    path: Path
    kind: Literal["clip", "image"]
    named: bool


def find_inputs(paths: Sequence[Path]) -> tuple[Input, ...]:
    """Lists the files that are meant.

    A folder stands for the images directly inside it, by name, each a picture of its own; neither the clips
    nor the folders inside it are looked at. A file is an image if its suffix is one of ``IMAGE_SUFFIXES``,
    else a clip. Pictures that are no such images (OpenEXR, DPX), and patterns of any, are sequences.

    Raises:
        UsageError: nothing was given.
        InputError: a path does not exist, or a folder holds neither images nor one sequence.
    """
    if not paths:
        raise UsageError("nothing to extract faces from; give clips, images or folders of images")
    found: list[Input] = []
    for path in map(Path, paths):
        if SequenceName.parse(path) is not None and not path.exists():
            found.append(Input(resolve_clip(path), "clip", named=True))
            continue
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder")
        if path.is_dir():
            found += _list_folder(path)
        elif is_image(path):
            found.append(Input(path, "image", named=True))
        else:
            found.append(Input(resolve_clip(path), "clip", named=True))
    return tuple(found)


def is_image(path: Path) -> bool:
    """True if a file's name says that it is a still image; hidden files never are."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _list_folder(folder: Path) -> list[Input]:
    images = sorted(path for path in folder.iterdir() if is_image(path) and path.is_file())
    sequence = None if images else find_sequence(folder)
    if sequence is not None:
        return [Input(sequence.path, "clip", named=True)]
    if not images:
        raise InputError(
            f"{folder}: no image ({', '.join(sorted(IMAGE_SUFFIXES))}) lies directly in this folder; "
            "give clips by their own names"
        )
    return [Input(image, "image", named=False) for image in images]

"""What faces are extracted from: clips, still images, and folders of still images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from recaster.bounds import check_number
from recaster.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE_SUFFIXES: Final = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class Input:
    """One file to take faces from.

    Attributes:
        path: the file.
        kind: "clip" or "image".
        named: whether it was given itself, and not found in a given folder.
    """

    path: Path
    kind: Literal["clip", "image"]
    named: bool


@dataclass(frozen=True)
class ExtractSettings:
    """What to take.

    Attributes:
        person: a picture of the wanted person; None takes the main person of each clip and the largest
            face of each image.
        everyone: take all people instead.
        every: take every N-th frame of a clip.
        frames: the part of each clip to look at, as for ``media.ranges.parse_range``; None is all of it.
        detector: see ``faces.detectors``.
        min_face: width of the smallest face to look for, in pixels.
        min_area: smallest area of a face's box as a share of its frame's.
        size: pixels of a crop's side; None keeps a faceset's own, and makes new ones of 512.
        identity: a note on whose faces these are, for a new faceset.
    """

    person: Path | None = None
    everyone: bool = False
    every: int = 1
    frames: str | None = None
    detector: str = "yunet"
    min_face: int = 40
    min_area: float = 0.0
    size: int | None = None
    identity: str = ""

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            UsageError: naming the first of them.
        """
        if self.person is not None and self.everyone:
            raise UsageError("one person and everyone cannot be asked for together")
        for name in ("every", "min_face", "min_area"):
            check_number(name, getattr(self, name))
        if self.size is not None:
            check_number("size", self.size)


def find_inputs(paths: Sequence[Path]) -> tuple[Input, ...]:
    """List the files that are meant.

    A folder stands for the images directly inside it, by name; neither the clips nor the folders inside
    it are looked at. A file is an image if its suffix is one of ``IMAGE_SUFFIXES``, else a clip.

    Raises:
        UsageError: nothing was given.
        InputError: a path does not exist, or a folder holds no image.
    """
    if not paths:
        raise UsageError("nothing to extract faces from; give clips, images or folders of images")
    found: list[Input] = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder")
        if path.is_dir():
            found += [Input(image, "image", named=False) for image in _images(path)]
        else:
            found.append(Input(path, "image" if is_image(path) else "clip", named=True))
    return tuple(found)


def is_image(path: Path) -> bool:
    """Whether a file's name says that it is a still image; hidden files never are."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _images(folder: Path) -> list[Path]:
    images = sorted(path for path in folder.iterdir() if is_image(path) and path.is_file())
    if not images:
        raise InputError(
            f"{folder}: no image ({', '.join(sorted(IMAGE_SUFFIXES))}) lies directly in this folder; "
            "give clips by their own names"
        )
    return images

"""Rendered segments of an unfinished clip: ``OUT.parts/`` beside it, so that a stopped swap can go on.

``plan.json`` describes what the segments are of. Every segment is whole or absent, and those of another
description are discarded. A segment of a movie is a file, that of a sequence a folder of pictures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from recaster.errors import OutputError
from recaster.files import make_private_folder, parse_json, remove_folder, write_error, write_json
from recaster.media.picture_file import PICTURE_FORMATS
from recaster.swapping.coverage import read_plan_digest, read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from recaster.swapping.coverage import Faces

PLAN_NAME: Final = "plan.json"
UNSIGNED: Final = "joined"
"""Beginning of the names of what is whole, but not signed yet."""
CLIP: Final = "clip"
MATTE: Final = "matte"
LAYER: Final = "layers"
OVERLAY: Final = "overlay"
"""Products of a render: the result's pictures, their mattes, what was painted alone, and the mattes that are
drawn over the clip."""
_OWN_NAMES: Final = re.compile(r"\.?(\d{8}\.[a-z]+\d*|joined|plan)\..*")


def name_role_matte(role: int) -> str:
    """Names the product that is the matte of one role of a cast, by its number."""
    return f"{MATTE}{role}"


def parts_folder(out: Path) -> Path:
    """Folder of an output's segments, beside it."""
    return out.with_name(out.name + ".parts")


@dataclass(frozen=True)
class RenderCache:
    """Folder ``OUT.parts`` of one output.

    Attributes:
        segments: ranges of frames, in order.
        products: what is rendered of each segment, with the suffix of its files: of a container, or of
            pictures, which lie in a folder of that name.
    """

    folder: Path
    segments: tuple[range, ...]
    products: Mapping[str, str]

    @classmethod
    def of(cls, out: Path, frames: range, size: int, products: Mapping[str, str]) -> Self:
        """The segments of ``out`` when ``frames`` are rendered ``size`` at a time."""
        return cls.inside(parts_folder(out), frames, size, products)

    @classmethod
    def inside(cls, folder: Path, frames: range, size: int, products: Mapping[str, str]) -> Self:
        """The segments in a folder when ``frames`` are rendered ``size`` at a time."""
        starts = range(frames.start, frames.stop, size)
        segments = tuple(range(start, min(start + size, frames.stop)) for start in starts)
        return cls(folder, segments, products)

    def segment_path(self, product: str, segment: range) -> Path:
        """Path of a segment's file of a product, or of the folder of its pictures."""
        return self.folder / f"{segment.start:08}.{product}{self.products[product]}"

    def segment_paths(self, product: str) -> list[Path]:
        """Paths of a product's segments, in order."""
        return [self.segment_path(product, segment) for segment in self.segments]

    def coverage_path(self, segment: range) -> Path:
        """Path of the record of what was swapped in a segment."""
        return self.folder / f"{segment.start:08}.faces.json"

    def unsigned_path(self, suffix: str) -> Path:
        """Path of the whole clip before it is signed."""
        return self.folder / f"{UNSIGNED}{suffix}"

    def read_coverage(self) -> list[Faces]:
        """Reads what was swapped in each frame of all segments (OutputError where a record isn't there)."""
        faces: list[Faces] = []
        for segment in self.segments:
            path = self.coverage_path(segment)
            record = read_record(path, len(segment))
            if record is None:
                raise OutputError(f"{path}: is gone or damaged; run the same command again")
            faces.extend(record)
        return faces

    def is_complete(self, segment: range) -> bool:
        """Checks that all of a segment is there, with its record."""
        for product, suffix in self.products.items():
            path = self.segment_path(product, segment)
            if not (path.is_dir() if suffix in PICTURE_FORMATS else path.is_file()):
                return False
        return read_record(self.coverage_path(segment), len(segment)) is not None

    def find_missing(self, share: Sequence[range] | None = None) -> list[range]:
        """Finds what is still to be rendered: the frames of neighbouring missing segments, as one range.

        Args:
            share: segments that are looked for; all where None.
        """
        runs: list[range] = []
        for segment in self.segments if share is None else share:
            if self.is_complete(segment):
                continue
            if runs and runs[-1].stop == segment.start:
                runs[-1] = range(runs[-1].start, segment.stop)
            else:
                runs.append(segment)
        return runs

    def discard_stale(self, digests: Mapping[range, str]) -> int:
        """Discards the segments that were rendered by another plan than these digests are of; counts them."""
        stale = [
            segment
            for segment in self.segments
            if self.is_complete(segment) and read_plan_digest(self.coverage_path(segment)) != digests[segment]
        ]
        self.discard(stale)
        return len(stale)

    def discard(self, segments: Iterable[range]) -> None:
        """Discards segments."""
        for segment in segments:
            self.coverage_path(segment).unlink(missing_ok=True)
            # Else an old picture would count beside a new record, if the render is killed between them.
            for product in self.products:
                _remove_product(self.segment_path(product, segment))

    def select_segments(self, frames: range) -> list[range]:
        """The segments of a range that ``find_missing`` returned."""
        return [segment for segment in self.segments if segment.start in frames]

    def open(self, description: dict[str, Any]) -> tuple[str, ...]:
        """Makes the folder ready for segments of a description; says where those of another were discarded.

        Raises:
            OutputError: the folder cannot be written, or is not one of ours.
        """
        make_private_folder(self.folder)  # what is in it isn't signed yet
        if self.read_description() == description:
            return ()
        discarded = self._discard()
        write_json(self.folder / PLAN_NAME, description)
        sentence = f"{self.folder.name}: parts of a swap with other settings were discarded"
        return (sentence,) if discarded else ()

    def remove(self) -> None:
        """Removes the folder and all segments in it."""
        self._discard()
        try:
            self.folder.rmdir()
        except OSError as error:
            raise write_error(self.folder, error) from error

    def read_description(self) -> object:
        """Reads what the segments are of; None where nothing says so (OutputError where it can't be read)."""
        try:
            return parse_json((self.folder / PLAN_NAME).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise OutputError(f"{self.folder / PLAN_NAME}: cannot be read ({error.strerror})") from error

    def _discard(self) -> bool:
        """Removes what a swap leaves behind, the plan last; returns whether there was any of it."""
        paths = sorted(self.folder.iterdir(), key=lambda path: path.name == PLAN_NAME)
        for path in paths:
            if not is_own(path):
                needed = "the folder is needed for the parts of the clip"
                raise OutputError(f"{path}: is in the way, {needed}; move it elsewhere")
        # Until the last one is gone the plan says what is left.
        for path in paths:
            _remove_product(path)
        return bool(paths)


def is_own(path: Path) -> bool:
    """Tells whether something in the folder of segments is what a swap leaves there."""
    # Pictures lie in folders, but for a still that wasn't signed yet.
    is_folder = path.suffix in PICTURE_FORMATS and not path.name.lstrip(".").startswith(UNSIGNED)
    is_kind_of_ours = path.is_dir() if is_folder else path.is_file()
    return is_kind_of_ours and _OWN_NAMES.fullmatch(path.name) is not None


def _remove_product(path: Path) -> None:
    if path.is_dir():
        remove_folder(path)
    else:
        path.unlink(missing_ok=True)

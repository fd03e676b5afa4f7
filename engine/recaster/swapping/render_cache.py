"""The parts of an unfinished clip: ``OUT.parts/`` beside it, so that a stopped swap can go on.

``plan.json`` says what the parts are of. Every part is whole or absent, and those of another plan
are discarded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import OutputError
from recaster.files import keep_private, parse_json, write_error, write_json
from recaster.media.writer import SEGMENT_SUFFIX
from recaster.swapping.coverage import read_record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from recaster.swapping.coverage import Faces

PLAN: Final = "plan.json"
_OURS: Final = re.compile(r"\.?(\d{8}\.(clip|matte|faces)|joined|plan)\..*")


@dataclass(frozen=True)
class RenderCache:
    """The folder of parts of one output.

    Attributes:
        folder: ``OUT.parts``.
        chunks: the frame ranges of the parts, in order.
        mattes: whether each part has a matte.
    """

    folder: Path
    chunks: tuple[range, ...]
    mattes: bool

    @classmethod
    def of(cls, out: Path, frames: range, size: int, *, mattes: bool) -> RenderCache:
        """The parts of ``out`` when ``frames`` are rendered in chunks of ``size``."""
        chunks = tuple(
            range(start, min(start + size, frames.stop)) for start in range(frames.start, frames.stop, size)
        )
        return cls(out.with_name(out.name + ".parts"), chunks, mattes)

    def clip(self, chunk: range) -> Path:
        """Where a part of the clip lies."""
        return self.folder / f"{chunk.start:08}.clip{SEGMENT_SUFFIX}"

    def matte(self, chunk: range) -> Path:
        """Where a part of the matte lies."""
        return self.folder / f"{chunk.start:08}.matte{SEGMENT_SUFFIX}"

    def record(self, chunk: range) -> Path:
        """Where it is noted what was swapped in a part."""
        return self.folder / f"{chunk.start:08}.faces.json"

    def faces(self) -> list[Faces]:
        """What was swapped in each frame, of all parts; every one is there.

        Raises:
            OutputError: a part's record is gone or damaged.
        """
        found: list[Faces] = []
        for chunk in self.chunks:
            record = read_record(self.record(chunk), len(chunk))
            if record is None:
                raise OutputError(f"{self.record(chunk)}: is gone or damaged; run the same command again")
            found.extend(record)
        return found

    def joined(self, suffix: str) -> Path:
        """Where the whole lies before it is signed."""
        return self.folder / f"joined{suffix}"

    def finished(self, chunk: range) -> bool:
        """Whether a part is there, with its matte and what is noted of it."""
        if not self.clip(chunk).is_file() or (self.mattes and not self.matte(chunk).is_file()):
            return False
        return read_record(self.record(chunk), len(chunk)) is not None

    def missing(self) -> list[range]:
        """What is still to be rendered: the frames of neighbouring missing chunks, as one range."""
        runs: list[range] = []
        for chunk in self.chunks:
            if self.finished(chunk):
                continue
            if runs and runs[-1].stop == chunk.start:
                runs[-1] = range(runs[-1].start, chunk.stop)
            else:
                runs.append(chunk)
        return runs

    def within(self, frames: range) -> list[range]:
        """The chunks of a range that ``missing`` returned."""
        return [chunk for chunk in self.chunks if chunk.start in frames]

    def open(self, plan: dict[str, Any]) -> bool:
        """Make the folder ready for ``plan``; returns whether parts of another plan were discarded.

        Raises:
            OutputError: the folder cannot be written, or is not one of ours.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self.folder, error) from error
        keep_private(self.folder)  # what is in it isn't signed yet
        if self._plan() == plan:
            return False
        discarded = self._discard()
        write_json(self.folder / PLAN, plan)
        return discarded

    def remove(self) -> None:
        """Remove the folder and all parts in it."""
        self._discard()
        try:
            self.folder.rmdir()
        except OSError as error:
            raise write_error(self.folder, error) from error

    def _plan(self) -> object:
        try:
            return parse_json((self.folder / PLAN).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise OutputError(f"{self.folder / PLAN}: cannot be read ({error.strerror})") from error

    def _discard(self) -> bool:
        """Remove what a swap leaves behind, the plan last; returns whether there was any of it."""
        found = sorted(self.folder.iterdir(), key=lambda path: path.name == PLAN)
        self._refuse(path for path in found if not _OURS.fullmatch(path.name) or not path.is_file())
        for path in found:
            path.unlink(missing_ok=True)
        return bool(found)

    def _refuse(self, strangers: Iterable[Path]) -> None:
        for path in strangers:
            raise OutputError(
                f"{path}: is in the way, the folder is needed for the parts of the clip; move it elsewhere"
            )

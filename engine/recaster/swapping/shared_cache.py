"""Rendered segments of a swap in a folder that several machines share, each of which renders a part of them.

What decides how they look is written there once, by whoever comes first, and holds for all: the description
of the swap (``plan.json``), the clip's analysis, and the digests of the segments. Nothing in the folder is
another's to discard.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import OutputError, UsageError
from recaster.faces.analysis_cache import SHARED_NAME
from recaster.files import make_private_folder, parse_json, remove_folder, write_error, write_json
from recaster.locks import lock
from recaster.settings.options import find_options
from recaster.settings.parts import Part
from recaster.settings.swap import SwapSettings
from recaster.swapping.render_cache import PLAN_NAME, RenderCache, is_own

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

COUNT: Final = "parts"
"""Key of the number of parts in a folder's description."""
DIGESTS_NAME: Final = "plan.digests.json"
LOCK_NAME: Final = "plan.lock"
MAX_NAMED_PARTS: Final = 12
MAX_VALUES_LENGTH: Final = 40
_LOCK_TIMEOUT_S: Final = 600.0
_NAMES: Final = {
    "recaster": "the release of Recaster",
    "format": "the release of Recaster",
    "clip": "the clip",
    "reading": "how the clip is read",
    "view": "the colour space of the clip",
    "corrections": "the corrections of the clip",
    "swapper": "the model or the faces",
    "cast": "the cast",
    "person": "the picture of the person",
    "changes": "how the look changes along the clip (--set, --look)",
    "masks": "the masks by hand",
    "products": "what is written beside the result (--matte, --layers, --overlay)",
    COUNT: "the number of parts",
}
"""Words for the parts of a description; those that aren't listed are called by their flags."""
_FLAGS: Final = {
    each.path: f"--{each.flag.replace('_', '-')}" for each in find_options(SwapSettings).values()
}


class SharedCache(RenderCache):
    """Folder of the segments of one swap, in which several machines render."""

    def begin_part(self, description: dict[str, Any], count: int) -> None:
        """Makes the folder ready for segments of a description in so many parts, or finds it so.

        Raises:
            UsageError: it holds those of another swap.
            OutputError: it can't be written, or doesn't say what it holds.
        """
        self._make_folder()
        with lock(self.folder / LOCK_NAME, _LOCK_TIMEOUT_S):
            there = self.read_description()
            if there is not None:
                self._refuse_other(there, description | {COUNT: count})
                return
            if any(is_own(path) and path.name != LOCK_NAME for path in self.folder.iterdir()):
                raise OutputError(
                    f"{self.folder}: holds parts of a swap, but {PLAN_NAME}, which says of which, is gone or "
                    "damaged; name another folder with --parts"
                )
            write_json(self.folder / PLAN_NAME, description | {COUNT: count})

    def _make_folder(self) -> None:
        """Makes the folder, for its owner's eyes; refuses to take one with other things in it from others.

        Raises:
            UsageError: it holds other things, and others may look into it.
            OutputError: it can't be made.
        """
        try:
            is_open = sys.platform != "win32" and bool(self.folder.stat().st_mode & 0o077)
            others = [path.name for path in self.folder.iterdir() if not is_own(path)] if is_open else []
        except FileNotFoundError:
            others = []
        except OSError as error:
            raise write_error(self.folder, error) from error
        if others:
            raise UsageError(
                f"{self.folder}: is open to others and holds other things ({min(others)}); parts are for "
                "your eyes alone: name a folder with --parts that isn't there yet"
            )
        make_private_folder(self.folder)

    def begin_join(self, description: dict[str, Any]) -> None:
        """Checks that all segments of a description are there.

        Raises:
            UsageError: the folder holds those of another swap.
            OutputError: some are missing, which are named with the parts that they belong to.
        """
        there = self.read_description()
        if not isinstance(there, dict) or not isinstance(there.get(COUNT), int):
            raise OutputError(f"{self.folder}: holds no parts of a swap; render them first, with --part")
        self._refuse_other(there, description | {COUNT: there[COUNT]})
        missing = {segment for segment in self.segments if not self.is_complete(segment)}
        if not missing:
            return
        parts = [Part(number + 1, there[COUNT]) for number in range(there[COUNT])]
        named = [text for part in parts if (text := self._name_missing(part, missing))]
        more = len(named) - MAX_NAMED_PARTS
        rest = [f"and {more} more parts"] if more > 0 else []
        raise OutputError(
            f"{self.folder}: {len(missing)} of {len(self.segments)} segments are missing: "
            f"{'; '.join([*named[:MAX_NAMED_PARTS], *rest])}. Run these parts again, then --join"
        )

    def _name_missing(self, part: Part, missing: set[range]) -> str:
        """Names what is missing of a part, in words; "" for nothing."""
        own = part.choose(self.segments)
        runs: list[range] = []
        for segment in (segment for segment in own if segment in missing):
            if runs and runs[-1].stop == segment.start:
                runs[-1] = range(runs[-1].start, segment.stop)
            else:
                runs.append(segment)
        if not runs:
            return ""
        return f"{part} (frames {', '.join(f'{run.start}-{run.stop - 1}' for run in runs)})"

    def _refuse_other(self, there: object, here: dict[str, Any]) -> None:
        """Refuses a folder of another swap (UsageError), and names what differs."""
        differing = list(dict.fromkeys(_list_differences(there if isinstance(there, dict) else {}, here)))
        if differing:
            raise UsageError(
                f"{self.folder}: holds parts of another swap, which differ in {', '.join(differing)}; give "
                "the same clip and options as for those, or name another folder with --parts"
            )

    def settle_digests(self, digests: Mapping[range, str]) -> dict[range, str]:
        """Keeps the segments' digests where nobody has; returns those that hold for all (OutputError)."""
        path = self.folder / DIGESTS_NAME
        with lock(self.folder / LOCK_NAME, _LOCK_TIMEOUT_S):
            if not path.is_file():
                write_json(path, {str(segment.start): digest for segment, digest in digests.items()})
        try:
            kept = parse_json(path.read_bytes())
            return {segment: str(kept[str(segment.start)]) for segment in self.segments}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(f"{path}: cannot be read, or is damaged; name another folder") from error

    def remove(self) -> None:
        """Removes what the swap has left in the folder, and the folder where nothing else is in it."""
        remove_shared(self.folder)


def remove_shared(folder: Path) -> None:
    """Removes what a swap has left in a shared folder, the plan last, and the folder where it is empty."""
    try:
        paths = sorted(folder.iterdir(), key=lambda path: path.name == PLAN_NAME)
        for path in paths:
            if path.name == SHARED_NAME or (is_own(path) and path.is_dir()):
                remove_folder(path)
            elif is_own(path):
                path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise write_error(folder, error) from error


def _list_differences(there: dict[str, Any], here: dict[str, Any]) -> Iterator[str]:
    """Lists in words what differs between two descriptions."""
    for name in sorted({*there, *here}):
        old = there.get(name)
        new = here.get(name)
        if old == new:
            continue
        if name == "settings" and isinstance(old, dict) and isinstance(new, dict):
            yield from _list_settings(old, new)
        elif name == COUNT:
            yield f"{_NAMES[name]} ({old} there, {new} here)"
        else:
            yield _NAMES.get(name) or f"--{name.replace('_', '-')}"


def _list_settings(there: dict[str, Any], here: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Lists the flags of settings that differ, with their values where these are short."""
    for name in sorted({*there, *here}):
        old = there.get(name)
        new = here.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _list_settings(old, new, (*path, name))
        elif old != new:
            values = f" ({old} there, {new} here)" if len(f"{old}{new}") < MAX_VALUES_LENGTH else ""
            yield f"{_FLAGS.get((*path, name), name)}{values}"

"""Reading and writing edits: OTIO, CMX 3600 EDL, Final Cut XML (7 and X) and AAF."""

from __future__ import annotations

import itertools
import re
import warnings
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import InputError, OutputError
from recaster.files import atomic_file, write_error
from recaster.timelines.fcpxml import adapt_fcpxml, restore_rates, write_fcpxml

if TYPE_CHECKING:
    from pathlib import Path

READABLE_SUFFIXES: Final = (".otio", ".otiod", ".edl", ".fcpxml", ".xml", ".aaf")
WRITABLE_SUFFIXES: Final = (".otio", ".edl", ".fcpxml", ".xml")
"""AAF ties clips to media by ids that only the program that made it knows."""
TRIAL_RATE: Final = 60000 / 1001
"""Frames per second at which every timecode can be read, with drop frame or without."""
_INCOMING_MEDIA: Final = re.compile(r"(?:OTIO REFERENCE )?TO(?: CLIP| FILE)?: *(\S.*)")


def is_edl(path: Path) -> bool:
    """Tells whether a file is an EDL, which doesn't state its frame rate."""
    return path.suffix.lower() == ".edl"


def read_edit(path: Path, rate: float | None = None) -> Any:
    """Reads an edit as OpenTimelineIO's Timeline or collection.

    Args:
        rate: frames per second of an EDL's timecode; None to read it for its media's names only, as its times
            are wrong then.

    Raises:
        InputError: missing, of another format, or broken.
    """
    import opentimelineio as otio

    suffix = path.suffix.lower()
    if not path.exists():
        raise InputError(f"{path}: there is no such edit")
    if suffix not in READABLE_SUFFIXES:
        raise InputError(f"{path}: can't be read as an edit; give one of {', '.join(READABLE_SUFFIXES)}")
    arguments: dict[str, Any] = {}
    if suffix == ".edl":
        arguments = {"rate": rate or TRIAL_RATE, "ignore_timecode_mismatch": rate is None}
    elif suffix == ".otiod":
        arguments = {"absolute_media_reference_paths": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of adapters, on their own code
            if suffix == ".fcpxml":
                document = path.read_text(encoding="utf-8")
                edit = otio.adapters.read_from_string(adapt_fcpxml(document), "fcpx_xml")
                edit = restore_rates(edit, document)
            else:
                edit = otio.adapters.read_from_file(str(path), **arguments)
    except Exception as error:  # adapters raise whatever their parsers do
        raise InputError(
            f"{path}: can't be read as an edit ({str(error) or type(error).__name__})"
        ) from error
    if not hasattr(edit, "find_clips"):
        raise InputError(f"{path}: holds no timeline")
    if suffix == ".edl":
        _repair_dissolves(edit)
    return edit


def write_edit(edit: Any, path: Path, rate: float | None = None) -> None:
    """Writes an edit whole or not at all, in the format of its name.

    Args:
        rate: frames per second of an EDL's timecode.

    Raises:
        OutputError: it can't be written, or the format can't hold it.
    """
    import opentimelineio as otio

    if path.suffix.lower() not in WRITABLE_SUFFIXES:
        raise OutputError(
            f"{path}: can't be written as an edit; choose one of {', '.join(WRITABLE_SUFFIXES)}"
        )
    arguments = {"rate": rate} if is_edl(path) and rate is not None else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # A copy: adapters change what they write.
            copied = edit.clone()
            if path.suffix.lower() == ".fcpxml":
                text = write_fcpxml(copied)
            else:
                text = otio.adapters.write_to_string(copied, adapter_name=_adapter_of(path), **arguments)
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise write_error(path, error) from error
    except OutputError:
        raise
    except Exception as error:  # as above
        reason = str(error) or type(error).__name__
        raise OutputError(f"{path}: the format can't hold this edit ({reason})") from error


def _adapter_of(path: Path) -> str:
    import opentimelineio as otio

    return str(otio.adapters.from_filepath(str(path)).name)


def _repair_dissolves(edit: Any) -> None:
    """Gives the incoming clip of each dissolve its own media: the adapter gives it the outgoing clip's."""
    import opentimelineio as otio

    for track in edit.find_children(otio.schema.Track):
        for before, clip in itertools.pairwise(track):
            is_incoming = isinstance(before, otio.schema.Transition) and isinstance(clip, otio.schema.Clip)
            if not is_incoming or isinstance(clip.media_reference, otio.schema.GeneratorReference):
                continue
            notes = clip.metadata.get("cmx_3600", {}).get("comments", [])
            stated = [matched[1] for note in notes if (matched := _INCOMING_MEDIA.fullmatch(note))]
            if notes:  # what writes the edit says it again
                kept = [note for note in notes if not _INCOMING_MEDIA.fullmatch(note)]
                clip.metadata["cmx_3600"]["comments"] = kept
            clip.media_reference = (
                otio.schema.ExternalReference(stated[0]) if stated else otio.schema.MissingReference()
            )

"""Options of requests as the settings of what does the work.

Whatever a request doesn't set is left at the settings' own default, so that the command line, a remote
client and a script get the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from recaster.errors import UsageError
from recaster.settings.choices import DEFAULT_MINUTES
from recaster.settings.extract import ExtractSettings
from recaster.settings.look_course import LookChange, WrittenChange, check_change_count, make_change
from recaster.settings.messages import settings_from
from recaster.settings.options import format_value
from recaster.settings.swap import MASK_KINDS, SwapSettings
from recaster.settings.train import Schedule

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.media.types import ClipInfo


def extract_settings(options: job_pb2.ExtractOptions, person: Path | None) -> ExtractSettings:
    """Reads the choices of an extraction (UsageError)."""
    settings = settings_from(ExtractSettings, options, person=person, frames=options.range or None)
    settings.check()
    return settings


def swap_settings(options: job_pb2.SwapOptions, info: ClipInfo, **others: Any) -> SwapSettings:
    """Reads the choices of a swap (UsageError); ``others``: fields of the settings that no options hold."""
    from recaster.media.ranges import parse_range

    frames = parse_range(options.range, info) if options.HasField("range") else None
    changes = tuple(place_change(change, info) for change in read_changes(options))
    fixed = {"frames": frames, "changes": changes, **dict.fromkeys(("person", *MASK_KINDS))}
    return settings_from(SwapSettings, options, **{**fixed, **others})


def read_threads(options: job_pb2.SwapOptions) -> int | None:
    """Reads how many cores may be used; None for all."""
    return options.threads if options.HasField("threads") else None


def read_changes(options: job_pb2.SwapOptions) -> list[WrittenChange]:
    """Reads the changes of a look along the clip, checked as far as can be without the clip (UsageError)."""
    check_change_count(len(options.changes))
    return [make_change(each.range, each.values, is_smooth=each.smooth) for each in options.changes]


def write_change(change: WrittenChange) -> job_pb2.LookChange:
    """Writes a change of a look as a message."""
    from recaster.api.v1 import job_pb2

    texts = {name: format_value(value) for name, value in change.values.items()}
    return job_pb2.LookChange(range=change.frames, values=texts, smooth=change.is_smooth)


def place_change(change: WrittenChange, info: ClipInfo) -> LookChange:
    """Finds the frames of a clip in which a change holds (UsageError)."""
    from recaster.media.ranges import parse_frame, parse_range

    values = tuple(sorted(change.values.items()))
    if not change.is_key:
        return LookChange(parse_range(change.frames, info), values)
    frame = parse_frame(change.frames, info)
    return LookChange(range(frame, frame + 1), values, is_key=True, is_smooth=change.is_smooth)


def schedule(options: job_pb2.TrainOptions, **how: Any) -> Schedule:
    """Reads a training's budget, 10 min where none is set (UsageError); ``how``: fields of ``Schedule``."""
    if not (options.HasField("steps") or options.HasField("minutes")):
        how = {"minutes": DEFAULT_MINUTES, **how}
    return settings_from(Schedule, options, **how)


def parse_hyperparameters(options: job_pb2.TrainOptions) -> dict[str, Any]:
    """Reads those that differ from the preset's, as ``recaster train`` reads them (UsageError)."""
    from recaster.models.presets import hyperparameters

    types = {name: each.hint for name, each in hyperparameters().items()}
    values = {}
    for flag, text in options.ingredients.items():
        name = flag.replace("-", "_")
        if name not in types:
            raise UsageError(f"there is no ingredient {flag!r}; there are: {', '.join(sorted(types))}")
        values[name] = _parse_hyperparameter(flag, text, types[name])
    return values


def format_hyperparameter(value: Any) -> str:
    """The text that ``parse_hyperparameters`` reads as this value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def _parse_hyperparameter(name: str, text: str, hint: Any) -> Any:
    try:
        if hint is bool:
            return {"true": True, "false": False}[text]
        if get_origin(hint) is Literal:
            return {str(choice): choice for choice in get_args(hint)}[text]
        if get_origin(hint) is tuple:
            return tuple(int(part) for part in text.split(","))
        return hint(text)
    except (KeyError, ValueError):
        raise UsageError(f"ingredient {name} can't be {text!r}; see: recaster train --help") from None

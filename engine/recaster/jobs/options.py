"""The options of a request as the settings of the rooms that do the work.

Whatever a request doesn't set is left at the room's own default, so that the command line, a remote
client and a script get the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from recaster.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.facesets.inputs import ExtractSettings
    from recaster.media.types import ClipInfo
    from recaster.swapping.settings import SwapSettings
    from recaster.training.loop import Schedule

DEFAULT_PRESET = "guided-128"
DEFAULT_MINUTES = 10.0


def extract_settings(options: job_pb2.ExtractOptions, person: Path | None) -> ExtractSettings:
    """How faces are taken.

    Raises:
        UsageError: a value that makes no sense.
    """
    from recaster.facesets.inputs import ExtractSettings

    given = _given(options, "everyone", "every", "detector", "min_face", "min_area", "size")
    given |= {name: value for name, value in _given(options, "range", "note").items() if value}
    settings = ExtractSettings(person=person, **_renamed(given, range="frames", note="identity"))
    settings.check()
    return settings


def swap_settings(
    options: job_pb2.SwapOptions,
    info: ClipInfo,
    person: Path | None = None,
    matte: Path | None = None,
    report: Path | None = None,
) -> SwapSettings:
    """How a clip is swapped.

    Raises:
        UsageError: a value that there isn't, or a range that isn't in the clip.
    """
    from recaster.faces.analysis import AnalysisSettings
    from recaster.faces.smoothing import Smoothing
    from recaster.media.ranges import parse_range
    from recaster.media.writer import WriterOptions
    from recaster.swapping.label import LabelSettings
    from recaster.swapping.masks import MaskSettings
    from recaster.swapping.settings import SwapSettings

    return SwapSettings(
        frames=parse_range(options.range, info) if options.HasField("range") else None,
        person=person,
        smoothing=Smoothing(**_renamed(_given(options, "smoothing"), smoothing="name")),
        mask=MaskSettings(**_renamed(_given(options, "mask", "feather", "erode", "scale"), mask="kind")),
        analysis=AnalysisSettings(**_given(options, "detector", "landmarker", "min_face")),
        writer=WriterOptions(
            **_renamed(
                _given(options, "codec", "quality", "encoder_preset", "pixel_format", "sound"),
                encoder_preset="preset",
            )
        ),
        matte=matte,
        report=report,
        label=LabelSettings(
            **{
                name.removeprefix("label_").replace("label", "kind"): value
                for name, value in _given(
                    options, "label", "label_language", "label_corner", "label_size"
                ).items()
            }
        ),
        **_given(options, "track", "everyone", "colour"),
    )


def schedule(options: job_pb2.TrainOptions, **how: Any) -> Schedule:
    """How long to train, ten minutes where nothing says so; ``how`` are fields of ``Schedule``.

    Raises:
        UsageError: both steps and minutes, or neither above 0.
    """
    from recaster.training.loop import Schedule

    given = _given(options, "steps", "minutes") or {"minutes": DEFAULT_MINUTES}
    return Schedule(**given, **how)


def ingredients(options: job_pb2.TrainOptions) -> dict[str, Any]:
    """The ingredients that differ from the preset's, read as ``recaster train`` reads them.

    Raises:
        UsageError: there is no such ingredient, or its value can't be read.
    """
    from recaster.models.presets import hyperparameter_types

    kinds = hyperparameter_types()
    found = {}
    for given, text in options.ingredients.items():
        name = given.replace("-", "_")
        if name not in kinds:
            raise UsageError(f"there is no ingredient {given!r}; there are: {', '.join(sorted(kinds))}")
        found[name] = _read(given, text, kinds[name])
    return found


def written(value: Any) -> str:
    """An ingredient's value as text, as ``ingredients`` reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def _read(name: str, text: str, hint: Any) -> Any:
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


def _given(options: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if options.HasField(name)}


def _renamed(values: dict[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}

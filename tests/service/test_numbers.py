"""Every number that somebody may choose has bounds, and what is beyond them is refused by its name."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from recaster.api.v1 import clip_pb2, job_pb2, swap_pb2
from recaster.cli import main as command_line
from recaster.client import RefusedError
from recaster.errors import UsageError
from recaster.media.sequence_name import SequenceName
from recaster.models.presets import PRESETS, Augmentation, Losses, Preset, hyperparameters, overridden
from recaster.operations.request_options import extract_settings, schedule
from recaster.service.request_checks import NUMBERS, check_spec
from recaster.service.rpc_errors import RpcError
from recaster.settings.anonymise import ANONYMISED_OPTIONS
from recaster.settings.look import MaskSettings
from recaster.settings.messages import NUMBER_BOUNDS as BOUNDS
from recaster.settings.swap import LabelSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from recaster.client import Client

ID = "0" * 12
DIGEST = "0" * 64
BASES = {
    "ingest": job_pb2.JobSpec(ingest=job_pb2.IngestSpec(digest=DIGEST, kind=1, display_name="x.mp4")),
    "extract": job_pb2.JobSpec(extract=job_pb2.ExtractSpec(inputs=[job_pb2.ExtractInput(clip_id=ID)])),
    "train": job_pb2.JobSpec(train=job_pb2.TrainSpec(source_faceset_id=ID)),
    "swap": job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id=ID, model_id=ID)),
    "evaluate": job_pb2.JobSpec(
        evaluate=job_pb2.EvaluateSpec(original_clip_id=ID, swapped_clip_id=ID, source_faceset_id=ID)
    ),
    "export": job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id=ID)),
    "sign": job_pb2.JobSpec(sign=job_pb2.SignSpec(digest=DIGEST, display_name="x.mp4", swaps=[DIGEST])),
    "anonymise": job_pb2.JobSpec(anonymise=job_pb2.AnonymiseSpec(swap=job_pb2.SwapSpec(clip_id=ID))),
}
WHOLE = {FieldDescriptor.CPPTYPE_INT32: 31, FieldDescriptor.CPPTYPE_INT64: 63}
EXTREMES = (0.0, -1.0, 1e308, -1e308, 5e-324, math.nan, math.inf, -math.inf)


def numbers(message: Message, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every field of a message that holds a number or one of several choices, however deep."""
    for field in message.DESCRIPTOR.fields:
        if field.cpp_type in (*NUMBERS, FieldDescriptor.CPPTYPE_ENUM):
            yield (*path, field.name)
        elif field.message_type and not field.is_repeated:
            yield from numbers(getattr(message, field.name), (*path, field.name))


def extremes(field: FieldDescriptor) -> tuple[Any, ...]:
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return (0, -1, 99, 2**31 - 1, -(2**31))
    bits = WHOLE.get(field.cpp_type)
    return EXTREMES if bits is None else (0, -1, 2**bits - 1, -(2**bits))


def with_value(message: Message, path: tuple[str, ...], value: Any) -> FieldDescriptor:
    for name in path[:-1]:
        message = getattr(message, name)
    setattr(message, path[-1], value)
    found: FieldDescriptor = message.DESCRIPTOR.fields_by_name[path[-1]]
    return found


CASES = [(kind, path) for kind, spec in BASES.items() for path in numbers(getattr(spec, kind), (kind,))]


def test_every_kind_of_job_is_looked_at() -> None:
    assert set(BASES) == {field.name for field in job_pb2.JobSpec.DESCRIPTOR.fields}
    assert len(CASES) >= 17
    for spec in BASES.values():
        check_spec(spec)


@pytest.mark.parametrize(
    ("kind", "path"), CASES, ids=lambda one: "-".join(one) if isinstance(one, tuple) else one
)
def test_jobs(kind: str, path: tuple[str, ...]) -> None:
    field = with_value(job_pb2.JobSpec(), path, 1)
    refused = 0
    for value in extremes(field):
        spec = job_pb2.JobSpec()
        spec.CopyFrom(BASES[kind])
        with_value(spec, path, value)
        allowed = field.name in BOUNDS and not BOUNDS[field.name].fault(value)
        if path[:3] == ("anonymise", "swap", "options"):
            allowed = allowed and field.name in ANONYMISED_OPTIONS
        if not field.has_presence and value == 0:
            continue  # as if nothing was said
        if allowed:
            check_spec(spec)
            continue
        refused += 1
        with pytest.raises(RpcError, match=re.escape(".".join(path))) as caught:
            check_spec(spec)
        assert caught.value.fields[0][0] == "spec." + ".".join(path)
        assert ".".join(path) in caught.value.message
    assert refused


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        ("PreviewFrame", swap_pb2.PreviewFrameRequest(clip_id=ID, model_id=ID)),
        ("FindPeople", clip_pb2.FindPeopleRequest(clip_id=ID)),
        ("ListTracks", clip_pb2.ListTracksRequest(clip_id=ID)),
        ("CorrectTracks", clip_pb2.CorrectTracksRequest(clip_id=ID)),
    ],
)
def test_questions(engine: Client, call: str, request_: Message) -> None:
    stub = engine.swaps if call == "PreviewFrame" else engine.clips
    for path in numbers(request_):
        field = with_value(type(request_)(), path, 1)
        for value in extremes(field):
            if not BOUNDS[field.name].fault(value):
                continue
            asked = type(request_)()
            asked.CopyFrom(request_)
            with_value(asked, path, value)
            with pytest.raises(RefusedError, match=f"{path[-1]}: must be") as caught:
                engine.connection.call(getattr(stub, call), asked)
            assert caught.value.reason == "INVALID_FIELD"


@pytest.mark.parametrize("end", ["low", "high"])
def test_what_is_within_the_bounds_is_taken_by_who_does_the_work(end: str) -> None:
    most = {name: getattr(bounds, end) for name, bounds in BOUNDS.items()}
    taking = {name: most[name] for name in ("every", "min_face", "min_area", "size")}
    extract_settings(job_pb2.ExtractOptions(**taking), None)
    MaskSettings(feather=most["feather"], erode=most["erode"], scale=most["scale"])
    LabelSettings(size=most["label_size"])
    schedule(job_pb2.TrainOptions(steps=most["steps"]))
    schedule(job_pb2.TrainOptions(minutes=most["minutes"]))


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_hyperparameters(preset: Any) -> None:
    for name, each in hyperparameters(Preset, type(preset.network), Losses, Augmentation).items():
        hint = each.hint
        wrong: tuple[Any, ...] = ()
        if hint in (int, float):
            wrong = (-1, 1e308, -1e308, math.inf, math.nan) if hint is float else (-1, 2**63)
        elif hint not in (bool, str) and getattr(hint, "__origin__", None) is tuple:
            wrong = ((), (0,), (-1,), (2**40,), (32,) * 100)
        for value in wrong:
            with pytest.raises(UsageError, match=name):
                overridden(preset, **{name: value})


def test_ingredients_of_a_job() -> None:
    spec = job_pb2.JobSpec()
    for name, value in (("batch", "100000000"), ("ema", "nan"), ("flip", "-1"), ("widths", "0"), ("no", "1")):
        spec.CopyFrom(BASES["train"])
        spec.train.options.ingredients[name] = value
        with pytest.raises(RpcError, match=name) as caught:
            check_spec(spec)
        assert caught.value.fields[0][0] == "spec.train.options.ingredients"


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from commands(one)


def test_the_command_line() -> None:
    own = hyperparameters()
    looked_at = 0
    for parser in commands(command_line.parser()):
        for action in parser._actions:
            if action.dest in own and parser.prog.endswith(" train") and action.type in (int, float):
                continue  # see test_hyperparameters
            assert action.type not in (int, float), f"{parser.prog} {action.option_strings} has no bounds"
            if getattr(action.type, "__qualname__", "").startswith("number."):
                looked_at += 1
                name = action.option_strings[-1] if action.option_strings else str(action.metavar)
                # Places and angles of a face may be negative.
                texts = () if action.dest in ("left", "top", "width", "height", "angle") else ("-1",)
                for text in (*texts, "nan", "inf", "-inf", "1e400", "9" * 5000, "x", str(2**200)):
                    with pytest.raises(argparse.ArgumentError, match=name):
                        parser._get_value(action, text) if action.nargs is None else parser._get_values(
                            action, [text]
                        )
    assert looked_at > 30


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"feather": "9"}, "feather must be 0 to 0.5"),
        ({"name": "x"}, "change along a clip, as these"),
        ({}, "nothing"),
    ],
)
def test_changes_of_a_look_are_checked_before_their_clip_is_read(values: dict[str, str], why: str) -> None:
    spec = job_pb2.JobSpec()
    spec.CopyFrom(BASES["swap"])
    spec.swap.options.changes.add(range="1s-2s", values={"feather": ".2"})
    check_spec(spec)
    spec.swap.options.changes.add(range="5", values=values)
    with pytest.raises(RpcError, match=f"spec.swap.options.changes.*{why}"):
        check_spec(spec)


def test_numbers_of_pictures_have_one_to_ten_digits() -> None:
    spec = job_pb2.JobSpec()
    spec.CopyFrom(BASES["swap"])
    for number in ("%d", "%1d", "%04d", "%010d", "#", "#" * 10):
        spec.swap.pictures = f"shot.{number}.exr"
        check_spec(spec)
        assert SequenceName.parse(Path(spec.swap.pictures)) is not None
    for number in ("%00d", "%011d", "%0999999999999d", "#" * 11, "%\u0664d"):
        spec.swap.pictures = f"shot.{number}.exr"
        with pytest.raises(RpcError, match="must be a pattern"):
            check_spec(spec)

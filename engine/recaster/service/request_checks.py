"""Checks of requests: their fields, and a job's spec; what only the work can tell, the job says itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from recaster.api.v1 import job_pb2
from recaster.errors import UsageError
from recaster.jobs.job_resources import kind_of, resources_of
from recaster.models.presets import overridden, preset
from recaster.operations.request_options import parse_hyperparameters, read_changes
from recaster.processes.cpu_cores import cores
from recaster.provenance.manifest import EMBEDDED_TYPES, SIDECAR_TYPES
from recaster.service.rpc_errors import invalid_field, missing_blob, precondition_error
from recaster.settings.anonymise import ANONYMISED_OPTIONS
from recaster.settings.cast import check_cast_names
from recaster.settings.choices import DEFAULT_PRESET, FALLBACKS
from recaster.settings.corrections import MAX_BYTES
from recaster.settings.devices import DEVICES
from recaster.settings.formats import CLIP_SUFFIXES, LIST_SUFFIX, PICTURE_SUFFIXES
from recaster.settings.look_course import LOOK_OPTIONS
from recaster.settings.messages import NUMBER_BOUNDS
from recaster.settings.options import listed
from recaster.settings.swap import LAYERS
from recaster.store.blobs import is_digest
from recaster.texts import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.api.v1 import swap_pb2
    from recaster.store.blobs import Blobs

MAX_NAME_LETTERS: Final = 200
MAX_NOTE_LETTERS: Final = 2000
MAX_REQUEST_ID_LETTERS: Final = 100
MAX_LABEL_LETTERS: Final = 100
MAX_LABELS: Final = 16
MULTILINE_FIELDS: Final = frozenset({"note", "scope", "reason"})
_ID: Final = re.compile(r"[0-9a-f]{12}")
_PICTURES: Final = re.compile(
    rf"[^%#]*(%0?([1-9]|10)?d|#{{1,10}})({'|'.join(map(re.escape, PICTURE_SUFFIXES))})", re.IGNORECASE
)
SIGNED: Final = tuple(suffix for suffix in EMBEDDED_TYPES | SIDECAR_TYPES if suffix != LIST_SUFFIX)
MAX_INPUTS: Final = 1000
_ANONYMISED: Final = frozenset({"clip_id", "model_id", "faceset_id", "options", "suffix", "report"})
"""Fields of a swap that count where people are made unknown."""
MAX_INGREDIENTS: Final = 100
MAX_VALUE_LETTERS: Final = 200
NUMBERS: Final = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
    FieldDescriptor.CPPTYPE_FLOAT,
    FieldDescriptor.CPPTYPE_DOUBLE,
)
MAX_SPEC_BYTES: Final = 64 << 10


def fields_in(message: Message, above: str = "") -> Iterator[tuple[str, FieldDescriptor, Any]]:
    """Paths ("swap.clip_id"), fields and values that are set in a message and in all messages inside."""
    for field, value in message.ListFields():
        path = f"{above}{field.name}"
        yield path, field, value
        if field.message_type and not isinstance(value, Mapping):
            for inner in [value] if isinstance(value, Message) else value:
                yield from fields_in(inner, f"{path}.")


def texts_in(message: Message) -> Iterator[tuple[str, str]]:
    """Paths and texts of a message and of all messages inside, also of its lists, and of its maps' keys."""
    for path, field, value in fields_in(message):
        if isinstance(value, Mapping):
            texts = [*value.keys(), *value.values()]
        elif field.type == field.TYPE_STRING:
            texts = [value] if isinstance(value, str) else value
        else:
            continue
        yield from ((path, text) for text in texts)


def refuse_controls(message: Message) -> None:
    """Refuses texts with characters that aren't for reading, since others will see them (RpcError)."""
    for path, text in texts_in(message):
        if has_control_characters(text, "\n\t" if path.split(".")[-1] in MULTILINE_FIELDS else ""):
            raise invalid_field(path, "must hold printable characters only")


def refuse_outdated(record: Any) -> None:
    """Refuse to work with a model that another Recaster trained (RpcError, FAILED_PRECONDITION)."""
    why = getattr(record, "unusable_reason", "")
    if why:
        raise precondition_error("OUTDATED", f"this model was {why}")


def check_id(field: str, value: str) -> str:
    """An id that this engine could have given."""
    if not _ID.fullmatch(value):
        raise invalid_field(field, "must be an id that this engine gave, 12 hex digits")
    return value


def check_digest(field: str, value: str) -> str:
    """A SHA-256 digest."""
    if not is_digest(value):
        raise invalid_field(field, "must be a SHA-256 digest, 64 lower-case hex digits")
    return value


def check_name(field: str, value: str, longest: int = MAX_NAME_LETTERS) -> str:
    """A name for people: printable, one line, no path."""
    if len(value) > longest:
        raise invalid_field(field, f"must be at most {longest} characters long")
    if not all(letter.isprintable() for letter in value):
        raise invalid_field(field, "must hold printable characters only")
    if "/" in value or "\\" in value or value in (".", ".."):
        raise invalid_field(field, "must be a name, not a path")
    return value


def check_text(field: str, value: str, longest: int = MAX_NOTE_LETTERS) -> str:
    """A text of a few lines."""
    if len(value) > longest or "\0" in value:
        raise invalid_field(field, f"must be text of at most {longest} characters")
    return value


def check_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """A client's own marks."""
    if len(labels) > MAX_LABELS:
        raise invalid_field("labels", f"must be at most {MAX_LABELS}")
    for name, value in labels.items():
        check_text(f"labels[{name[:MAX_LABEL_LETTERS]}]", name + value, MAX_LABEL_LETTERS)
    return labels


def check_offset(field: str, value: int, highest: int) -> int:
    """A place in a file, in bytes."""
    if not 0 <= value <= highest:
        raise invalid_field(field, f"must be 0 to {highest}")
    return value


def kept_blob(blobs: Blobs, digest: str) -> Path:
    """Path of a blob that is here (RpcError: FAILED_PRECONDITION, BLOB_MISSING)."""
    if not blobs.has(digest):
        raise missing_blob(digest)
    return blobs.path(digest)


def read_corrections_blob(blobs: Blobs, digest: str) -> bytes:
    """A blob that a request names as a clip's corrections, empty for none (RpcError)."""
    if not digest:
        return b""
    path = kept_blob(blobs, check_digest("corrections", digest))
    if path.stat().st_size > MAX_BYTES:
        raise invalid_field("corrections", f"must be at most {MAX_BYTES} bytes")
    return path.read_bytes()


def check_spec(spec: job_pb2.JobSpec) -> None:
    """Refuse a spec that no engine could do (RpcError, INVALID_ARGUMENT)."""
    if spec.ByteSize() > MAX_SPEC_BYTES:
        raise invalid_field(
            "spec", f"must be at most {MAX_SPEC_BYTES} bytes; ask for part of it in another job"
        )
    kind = kind_of(spec)
    if not kind:
        raise invalid_field("spec.work", "must be set")
    if kind == "ingest" and spec.ingest.kind == job_pb2.INGEST_KIND_UNSPECIFIED:
        raise invalid_field("spec.ingest.kind", "must be set")
    if kind == "ingest" and spec.ingest.kind not in job_pb2.IngestKind.values():
        raise invalid_field("spec.ingest.kind", "isn't one that this engine knows")
    _CHECKS[kind](spec)
    check_numbers(getattr(spec, kind), f"spec.{kind}.")
    _check_lengths(getattr(spec, kind), f"spec.{kind}.")
    for needed_kind, name in resources_of(spec).named():
        check_id(f"spec.{kind}.{needed_kind}_id", name)
    for digest in resources_of(spec).blobs:
        check_digest(f"spec.{kind}.digest", digest)


def _check_ingest(spec: job_pb2.JobSpec) -> None:
    check_digest("spec.ingest.digest", spec.ingest.digest)
    check_name("spec.ingest.display_name", spec.ingest.display_name)


def _check_extract(spec: job_pb2.JobSpec) -> None:
    work = spec.extract
    if not 1 <= len(work.inputs) <= MAX_INPUTS:
        raise invalid_field("spec.extract.inputs", f"must be 1 to {MAX_INPUTS}")
    for at, source in enumerate(work.inputs):
        if not source.WhichOneof("input"):
            raise invalid_field(f"spec.extract.inputs[{at}]", "must be a clip or a picture")
        if source.HasField("picture"):
            check_digest(f"spec.extract.inputs[{at}].picture.digest", source.picture.digest)
            check_name(f"spec.extract.inputs[{at}].picture.display_name", source.picture.display_name)
            if source.corrections:
                raise invalid_field(f"spec.extract.inputs[{at}].corrections", "are a clip's, not a picture's")
    named = {(source.clip_id, source.corrections) for source in work.inputs if source.HasField("clip_id")}
    if len(named) > len({clip for clip, _ in named}):
        raise invalid_field("spec.extract.inputs", "must not name a clip twice with other corrections")
    check_name("spec.extract.display_name", work.display_name)


def _check_train(spec: job_pb2.JobSpec) -> None:
    work = spec.train
    check_id("spec.train.source_faceset_id", work.source_faceset_id)
    check_name("spec.train.display_name", work.display_name)
    _check_device("train", work.options)
    if work.options.HasField("steps") and work.options.HasField("minutes"):
        raise invalid_field("spec.train.options.minutes", "can't be given beside steps")
    if len(work.options.ingredients) > MAX_INGREDIENTS:
        raise invalid_field("spec.train.options.ingredients", f"must be at most {MAX_INGREDIENTS}")
    for name, value in work.options.ingredients.items():
        check_text("spec.train.options.ingredients", name + value, MAX_VALUE_LETTERS)
    if not work.model_id:  # else its own preset is known when it is read
        _check_preset(work.options)


def _check_preset(options: job_pb2.TrainOptions) -> None:
    """Preset and hyperparameters must be some that there are, of values that can work."""
    field = "preset"
    try:
        chosen = preset(options.preset or DEFAULT_PRESET)
        field = "ingredients"
        overridden(chosen, **parse_hyperparameters(options))
    except UsageError as error:
        raise invalid_field(f"spec.train.options.{field}", str(error)) from None


def _check_device(kind: str, options: job_pb2.TrainOptions | job_pb2.SwapOptions) -> None:
    if options.device not in ("", *DEVICES):
        raise invalid_field(f"spec.{kind}.options.device", f"must be {listed(DEVICES)}")
    if options.HasField("threads") and not 1 <= options.threads <= cores():
        raise invalid_field(f"spec.{kind}.options.threads", f"must be 1 to {cores()}, the engine's cores")


def _check_swap(spec: job_pb2.JobSpec) -> None:
    _check_device("swap", spec.swap.options)
    try:
        read_changes(spec.swap.options)
    except UsageError as error:
        raise invalid_field("spec.swap.options.changes", str(error)) from None
    check_id("spec.swap.clip_id", spec.swap.clip_id)
    check_sources(spec.swap, "spec.swap.")
    if any(member.matte for member in spec.swap.cast) and not spec.swap.matte:
        raise invalid_field("spec.swap.matte", "must be asked for where a member of the cast has one")
    if spec.swap.pictures:
        check_name("spec.swap.pictures", spec.swap.pictures)
        if not _PICTURES.fullmatch(spec.swap.pictures):
            raise invalid_field("spec.swap.pictures", 'must be a pattern like "shot.%04d.exr"')
    else:
        suffixes = PICTURE_SUFFIXES if spec.swap.options.stills else ("", *CLIP_SUFFIXES)
        if spec.swap.suffix not in suffixes:
            raise invalid_field("spec.swap.suffix", f"must be {listed(filter(None, suffixes))}")
    _check_layers(spec.swap)


def check_sources(asked: job_pb2.SwapSpec | swap_pb2.PreviewFrameRequest, above: str) -> None:
    """Refuse a swap or a preview that doesn't say well whose faces are put on whom (RpcError).

    ``above`` is the path of its fields.
    """
    if not asked.cast:
        if not asked.WhichOneof("source"):
            raise invalid_field(f"{above}source", "must be a model or a faceset")
        return
    if asked.WhichOneof("source"):
        raise invalid_field(f"{above}source", "can't be given beside a cast")
    for field in ("person", "track", "everyone"):
        if asked.options.HasField(field):
            raise invalid_field(f"{above}options.{field}", "can't be given beside a cast")
    try:
        check_cast_names(member.name for member in asked.cast)
    except UsageError as error:
        raise invalid_field(f"{above}cast", f"can't be so: {error}") from None
    for at, member in enumerate(asked.cast):
        _check_member(member, f"{above}cast[{at}].")


def _check_member(member: job_pb2.CastMember, above: str) -> None:
    for field, words in (("source", "a model or a faceset"), ("whom", "a track, a person or everyone")):
        if not member.WhichOneof(field):
            raise invalid_field(f"{above}{field}", f"must be {words}")
    if not any((member.HasField("track"), member.HasField("person_number"))) and not (
        member.person_name or member.person or member.everyone
    ):
        raise invalid_field(f"{above}whom", "must not be empty")
    for option, _ in member.look.ListFields():
        if option.name not in {*LOOK_OPTIONS, "changes"}:
            raise invalid_field(f"{above}look.{option.name}", "is no option of a look")
    try:
        read_changes(member.look)
    except UsageError as error:
        raise invalid_field(f"{above}look.changes", str(error)) from None


def _check_anonymise(spec: job_pb2.JobSpec) -> None:
    work = spec.anonymise
    swap = work.swap
    _check_device("anonymise.swap", swap.options)
    check_id("spec.anonymise.swap.clip_id", swap.clip_id)
    if swap.suffix not in ("", *CLIP_SUFFIXES):
        raise invalid_field("spec.anonymise.swap.suffix", f"must be {listed(CLIP_SUFFIXES)}")
    for field, _ in swap.ListFields():
        if field.name not in _ANONYMISED:
            raise invalid_field(
                f"spec.anonymise.swap.{field.name}", "can't be asked for where nobody is known"
            )
    for option, _ in swap.options.ListFields():
        if option.name not in ANONYMISED_OPTIONS:
            raise invalid_field(
                f"spec.anonymise.swap.options.{option.name}", "can't be asked for where nobody is known"
            )
    if work.HasField("fallback") and work.fallback not in FALLBACKS:
        raise invalid_field("spec.anonymise.fallback", f"must be {listed(FALLBACKS)}")


def _check_layers(swap: job_pb2.SwapSpec) -> None:
    if not set(swap.layers) <= set(LAYERS):
        raise invalid_field("spec.swap.layers", f"must be of {', '.join(LAYERS)}")
    if swap.layers_pictures:
        check_name("spec.swap.layers_pictures", swap.layers_pictures)
        if not _PICTURES.fullmatch(swap.layers_pictures) or not swap.layers_pictures.endswith(".exr"):
            raise invalid_field("spec.swap.layers_pictures", 'must be a pattern like "shot.%04d.exr"')
    elif not set(swap.layers) <= {"face"}:
        raise invalid_field("spec.swap.layers_pictures", "must be said for other layers than face")


def _check_evaluate(spec: job_pb2.JobSpec) -> None:
    for name in ("original_clip_id", "swapped_clip_id", "source_faceset_id"):
        check_id(f"spec.evaluate.{name}", getattr(spec.evaluate, name))


def _check_export(spec: job_pb2.JobSpec) -> None:
    if not spec.export.WhichOneof("what"):
        raise invalid_field("spec.export.what", "must be a faceset or a model")


def _check_sign(spec: job_pb2.JobSpec) -> None:
    work = spec.sign
    check_digest("spec.sign.digest", work.digest)
    check_name("spec.sign.display_name", work.display_name)
    if PurePath(work.display_name).suffix.lower() not in SIGNED:
        raise invalid_field("spec.sign.display_name", f"must end in one of {', '.join(SIGNED)}")
    if not 1 <= len(work.swaps) <= MAX_INPUTS:
        raise invalid_field("spec.sign.swaps", f"must be 1 to {MAX_INPUTS}")


def check_numbers(message: Message, above: str = "") -> None:
    """Refuse numbers out of their bounds, which every option has (RpcError, INVALID_ARGUMENT)."""
    for path, field, value in fields_in(message, above):
        if field.cpp_type in NUMBERS and not field.is_repeated:
            why = NUMBER_BOUNDS[field.name].fault(value)
            if why:
                raise invalid_field(path, why)


def _check_lengths(message: Message, above: str) -> None:
    """Texts and lists must be short, and lists name nothing twice."""
    for path, field, value in fields_in(message, above):
        if isinstance(value, str):
            check_text(path, value)
        elif field.is_repeated and not isinstance(value, Mapping):
            if len(value) > MAX_INPUTS:
                raise invalid_field(path, f"must be at most {MAX_INPUTS}")
            if field.type == field.TYPE_STRING and len(set(value)) < len(value):
                raise invalid_field(path, "must name nothing twice")


_CHECKS: Final = {
    "ingest": _check_ingest,
    "extract": _check_extract,
    "train": _check_train,
    "swap": _check_swap,
    "evaluate": _check_evaluate,
    "export": _check_export,
    "sign": _check_sign,
    "anonymise": _check_anonymise,
}

"""``recaster train``: train a model from facesets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say_error
from recaster.cli.flags import add_hyperparameters, add_option, add_options, fill_options, hyperparameters_of
from recaster.cli.recording import digests_of, record
from recaster.cli.remote import add_engine, connect_engine
from recaster.cli.rights_options import add_basis, record_identity_remotely, require_same_person, whose
from recaster.models.presets import (
    PRESETS,
    Preset,
    overridden,
    preset,
)
from recaster.settings.devices import DeviceSettings
from recaster.settings.train import DEFAULT_MINUTES, DEFAULT_PRESET, Schedule, TrainSettings

if TYPE_CHECKING:
    import argparse

    from recaster.api.v1 import job_pb2
    from recaster.client import Client


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "train",
        parents=[common],
        help="train a model from facesets",
        usage="recaster train --source FACESET [--target FACESET] -o MODEL [options]",
        description="Train a model that puts the source's face on a target. Budgets count from the "
        "model's very first step, over all runs; the first step of a run (building the network) is free.",
    )
    parser.add_argument(
        "--source", type=Path, required=True, metavar="FACESET", help="the face that is put on"
    )
    parser.add_argument(
        "--target", type=Path, metavar="FACESET", help="the face it is put on (pairwise presets only)"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="MODEL", help="the model's folder")
    add_option(parser, TrainSettings, "preset", choices=PRESETS)
    add_options(parser.add_mutually_exclusive_group(), Schedule, "minutes", "steps")
    parser.add_argument("--resume", action="store_true", help="go on from the model's latest checkpoint")
    add_options(parser, TrainSettings, "seed")
    add_options(parser, DeviceSettings, "threads")
    add_options(parser, DeviceSettings, "device", defaults=True)
    add_options(parser, TrainSettings, "vggface_weights")
    add_hyperparameters(parser.add_argument_group("ingredients (default: as the preset says)"))
    add_basis(parser)
    add_engine(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train, and say what came out."""
    with connect_engine(options) as engine:
        if engine is None:
            _run_here(options)
        else:
            _run_there(options, engine)


def _run_here(options: argparse.Namespace) -> None:
    from recaster.facesets.faceset import Faceset
    from recaster.models.model_folder import ModelFolder
    from recaster.networks.device import select_device
    from recaster.provenance.identity_note import note, owner
    from recaster.provenance.register import open_register
    from recaster.settings.train import Schedule
    from recaster.training.loop import train
    from recaster.training.preparation import build_training, new_model, perceptual_backbone, resumed_model

    minutes = DEFAULT_MINUTES if options.steps is None and options.minutes is None else options.minutes
    schedule = Schedule(options.steps, minutes)
    source = Faceset.open(options.source)
    target = None if options.target is None else Faceset.open(options.target)
    folder = ModelFolder(options.out)
    flags = hyperparameters_of(options)
    if options.resume:
        card = resumed_model(folder, source, target, options.seed)
        recipe = _same(card.preset, options.preset, flags)
    else:
        recipe = overridden(preset(options.preset or DEFAULT_PRESET), **flags)
        card = new_model(folder, recipe, source, target, options.seed or 0)
    with open_register() as register:
        person = whose(options, register, options.source)
        if options.resume:
            require_same_person(register, folder.path, options.source)
        used = digests_of(options.source, options.target, options.out if options.resume else None)
        register.audit.add("train.start", faces=used, identity=person.identity_id)
    device = select_device(options.device, options.threads)
    _say(options, f"training {recipe.name} {device.note}")
    report = reporter(options)
    backbone = perceptual_backbone(recipe, options.vggface_weights)
    if backbone is not None:
        _say(options, backbone.note)
    training = build_training(recipe, source, target, folder, card.seed, backbone, report)
    if not options.resume:
        folder.write(card)
    if owner(options.source):
        note(folder.path, person.identity_id)
    try:
        result = train(training, folder, schedule, report, resume=options.resume)
    except KeyboardInterrupt:
        _say(options, f"{folder.path}: add --resume to go on from the last checkpoint")
        raise
    record("train.deliver", faces=digests_of(folder.path), identities=[person.identity_id])
    look = f"; look at {folder.previews}" if result.first_step else ""
    _say(options, f"{folder.path}: {result.summary()}{look}")


def _run_there(options: argparse.Namespace, engine: Client) -> None:
    from recaster.api.v1 import job_pb2
    from recaster.cli.remote import Remote
    from recaster.errors import ModelError, UsageError
    from recaster.files import safe_name
    from recaster.provenance.identity_note import note, owner
    from recaster.provenance.register import open_register

    if options.vggface_weights is not None:
        raise UsageError("--vggface-weights stay on this machine: train with them with --local")
    if options.out.exists() and not options.resume:
        raise ModelError(f"{options.out}: is there already; add --resume to go on, or choose another folder")
    if options.resume:
        with open_register() as register:
            require_same_person(register, options.out, options.source)
    remote = Remote(engine, options)
    source = remote.faceset(options.source)
    record_identity_remotely(options, engine, options.source, faceset=source)
    spec = job_pb2.TrainSpec(
        model_id=remote.model(options.out if options.resume else None),
        display_name=safe_name(options.out.name),
        source_faceset_id=source,
        target_faceset_id=remote.faceset(options.target),
        options=train_options(options),
    )
    job = remote.do(job_pb2.JobSpec(train=spec), options.out)
    remote.fetch_model(job.result.model_id, options.out)
    if owner(options.source):
        note(options.out, owner(options.source))
    _say(options, f"{options.out}: {' '.join(job.result.summary)}")


def train_options(options: argparse.Namespace) -> job_pb2.TrainOptions:
    """What the command line says, as an engine is told it; whatever isn't given is left open.

    Raises:
        UsageError: a number is too large.
    """
    from recaster.api.v1 import job_pb2
    from recaster.operations.options import written

    message = fill_options(job_pb2.TrainOptions(), options, TrainSettings, Schedule, DeviceSettings)
    for name, value in hyperparameters_of(options).items():
        message.ingredients[name] = written(value)
    return message


def _same(trained: Preset, name: str | None, flags: dict[str, Any]) -> Preset:
    """The preset of a model that is resumed; ingredients may change, the preset may not."""
    from recaster.errors import UsageError

    if name is not None and name != trained.name:
        raise UsageError(
            f"the model was trained with preset {trained.name}, not {name}; resume without --preset"
        )
    return overridden(trained, **flags)


def _say(options: argparse.Namespace, line: str) -> None:
    if not options.quiet:
        say_error(line)

"""``recaster train``: train a model from facesets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say_error
from recaster.cli.flags import add_hyperparameters, add_option, add_options, fill_options, hyperparameters_of
from recaster.cli.remote import add_engine, connect_engine
from recaster.cli.rights_options import add_basis, claim_of, record_identity_remotely
from recaster.models.presets import PRESETS
from recaster.settings.devices import DeviceSettings
from recaster.settings.train import DEFAULT_MINUTES, Schedule, TrainSettings

if TYPE_CHECKING:
    import argparse

    from recaster.api.v1 import job_pb2
    from recaster.client import Client


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds the command to the command line."""
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
    """Trains, and says what came out."""
    with connect_engine(options) as engine:
        if engine is None:
            _run_here(options)
        else:
            _run_there(options, engine)


def _run_here(options: argparse.Namespace) -> None:
    from recaster.models.model_folder import ModelFolder
    from recaster.operations import train

    minutes = DEFAULT_MINUTES if options.steps is None and options.minutes is None else options.minutes
    request = train.Request(
        source=options.source,
        model=options.out,
        schedule=Schedule(options.steps, minutes),
        target=options.target,
        preset=options.preset,
        hyperparameters=hyperparameters_of(options),
        resumes=options.resume,
        seed=options.seed,
        device=options.device,
        threads=options.threads,
        vggface_weights=options.vggface_weights,
        claim=claim_of(options),
    )
    folder = ModelFolder(options.out)
    try:
        result = train.run(request, reporter(options), lambda _level, line: _say(options, line))
    except KeyboardInterrupt:
        if folder.exists():
            _say(options, f"{folder.path}: add --resume to go on from the last checkpoint")
        raise
    look = f"; look at {folder.previews}" if result.first_step else ""
    _say(options, f"{folder.path}: {result.summary()}{look}")


def _run_there(options: argparse.Namespace, engine: Client) -> None:
    from recaster.api.v1 import job_pb2
    from recaster.cli.remote import Remote
    from recaster.errors import ModelError, UsageError
    from recaster.files import safe_name
    from recaster.operations.face_rights import require_same_person
    from recaster.provenance.identity_note import read_identity, write_identity
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
    if read_identity(options.source):
        write_identity(options.out, read_identity(options.source))
    _say(options, f"{options.out}: {' '.join(job.result.summary)}")


def train_options(options: argparse.Namespace) -> job_pb2.TrainOptions:
    """Writes the options as a request; whatever isn't given is left open.

    Raises:
        UsageError: a number is too large.
    """
    from recaster.api.v1 import job_pb2
    from recaster.operations.request_options import written

    message = fill_options(job_pb2.TrainOptions(), options, TrainSettings, Schedule, DeviceSettings)
    for name, value in hyperparameters_of(options).items():
        message.ingredients[name] = written(value)
    return message


def _say(options: argparse.Namespace, line: str) -> None:
    if not options.quiet:
        say_error(line)

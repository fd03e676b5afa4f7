"""``recaster train``: train a model from facesets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.cli.cluster_options import add_cluster
from recaster.cli.display import reporter, say_note
from recaster.cli.flags import add_hyperparameters, add_option, add_options, fill_options, hyperparameters_of
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_switch
from recaster.cli.remote import Remote, add_engine, here_or_there
from recaster.cli.rights_options import add_basis, claim_of, record_identity_remotely
from recaster.errors import ModelError, UsageError
from recaster.models.presets import PRESETS
from recaster.settings.choices import DEFAULT_MINUTES
from recaster.settings.devices import DeviceSettings
from recaster.settings.train import Schedule, TrainSettings

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client

USAGE = "recaster train --source FACESET [--target FACESET] -o MODEL [options]"
DESCRIPTION = """Train a model that puts the source's face on a target. Budgets count from the model's very
first step, over all runs; the first step of a run (building the network) is free. With --executor ray, a node
of a cluster trains, and the model's folder fills meanwhile."""


def add_train(commands: Commands) -> None:
    """Adds this command's parser."""
    run = here_or_there(_run_here, _run_there)
    parser = commands.add("train", run, "train a model from facesets", DESCRIPTION, usage=USAGE)
    add_path(parser, "--source", "FACESET", "the face that is put on", required=True)
    add_path(parser, "--target", "FACESET", "the face it is put on (pairwise presets only)")
    add_out(parser, "MODEL", "the model's folder")
    add_option(parser, TrainSettings, "preset", choices=PRESETS)
    add_options(parser.add_mutually_exclusive_group(), Schedule, "minutes", "steps")
    add_switch(parser, "--resume", "go on from the model's latest checkpoint")
    add_options(parser, TrainSettings, "seed")
    add_options(parser, DeviceSettings, "threads")
    add_options(parser, DeviceSettings, "device", defaults=True)
    add_options(parser, TrainSettings, "vggface_weights")
    add_hyperparameters(parser.add_argument_group("ingredients (default: as the preset says)"))
    add_basis(parser)
    add_cluster(parser)
    add_engine(parser)


def _run_here(options: Options) -> None:
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
        result = train.run(request, reporter(options), lambda _level, line: say_note(options, line))
    except KeyboardInterrupt:
        if folder.exists():
            say_note(options, f"{folder.path}: add --resume to go on from the last checkpoint")
        raise
    look = f"; look at {folder.previews}" if result.first_step else ""
    say_note(options, f"{folder.path}: {result.summary()}{look}")


def _run_there(options: Options, engine: Client) -> None:
    from recaster.api.v1 import job_pb2
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
    say_note(options, f"{options.out}: {' '.join(job.result.summary)}")


def train_options(options: Options) -> job_pb2.TrainOptions:
    """Writes the options as a request; whatever isn't given is left open (UsageError)."""
    from recaster.api.v1 import job_pb2
    from recaster.operations.request_options import format_hyperparameter

    message = fill_options(job_pb2.TrainOptions(), options, TrainSettings, Schedule, DeviceSettings)
    for name, value in hyperparameters_of(options).items():
        message.ingredients[name] = format_hyperparameter(value)
    return message

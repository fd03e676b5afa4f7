"""``recaster conform``: swap what an edit shows, and write the edit with the results."""

from __future__ import annotations

from argparse import Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING

from recaster.cli.cast_options import add_faces, with_faces
from recaster.cli.cluster_options import add_cluster
from recaster.cli.display import reporter, say, say_error
from recaster.cli.flags import add_option, add_options, read_settings
from recaster.cli.parsers import Commands, Options, add_out, add_path
from recaster.cli.remote import Remote, add_engine, here_or_there
from recaster.cli.rights_options import claim_of
from recaster.cli.swap import (
    add_swap_options,
    bring_choices,
    bring_clip,
    fetch_result,
    refuse_kept_parts,
    swap_options,
)
from recaster.cli.swap_parts import refusing_parts
from recaster.cli.swap_several import JobBatch
from recaster.errors import BatchError, RecasterError
from recaster.settings.conform import ConformSettings
from recaster.settings.swap import SwapSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recaster.api.v1 import job_pb2
    from recaster.client import Client
    from recaster.operations import swap
    from recaster.operations.conform import Outcomes
    from recaster.timelines.conform_plan import Shot

DESCRIPTION = """Swap a face in all that an edit shows, and nothing else of its media. Each range of a media
file is swapped once, with handles, into FOLDER/MEDIA_FIRST-LAST.mov (frame numbers of the media, timecode
moved), and FOLDER/EDIT.otio shows the results in place of the media, with the cuts, transitions, markers and
effects of the edit; an EDL, FCPXML or XML is written again as such, too. Media are looked for where the edit
states, else by name in --media. Clips in which nobody is found keep their media. Run the same command again
after an interruption, and it goes on; results that are there already stay. At an engine (--engine) each range
is a job; all are queued, and fetched in that order."""
EPILOG = """examples:
  recaster conform reel3.otio -m models/anna -o reel3_anna --codec prores
  recaster conform reel3.edl --media /footage --source faces/anna -o reel3_anna --handles 24"""

MATTE_HELP = "also write the mask of each range to a clip of the same name, as grey"


def add_conform(commands: Commands) -> None:
    """Adds this command's parser."""
    run = here_or_there(with_faces(_run_here), with_faces(_run_there))
    parser = commands.add(
        "conform",
        run,
        "swap a face in what an edit shows",
        DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_path(parser, "edit", "EDIT", "an .otio, .otiod, .edl, .fcpxml, .xml (Final Cut Pro 7) or .aaf")
    add_faces(parser, "swap without training, from the source's faceset, a picture, or a folder of pictures")
    add_out(parser, "FOLDER", "folder for the results and the edit that shows them")
    add_options(parser, ConformSettings, "handles", "media", "rate", "container", defaults=True)
    add_option(parser, SwapSettings, "matte", metavar="FOLDER", help=MATTE_HELP)
    add_option(parser, SwapSettings, "report", metavar="FOLDER")
    add_swap_options(parser)
    add_cluster(parser)
    add_engine(parser)
    # The edit says the range; there are no layers; corrections lie beside the media.
    parser.set_defaults(run=refusing_parts(parser, run, "swap the ranges of an edit one by one"))
    parser.set_defaults(range=None, layers_alpha=None, corrections=None, keep_parts=False, overlay=None)


def _run_here(options: Options) -> None:
    _conform(options, None)


def _run_there(options: Options, engine: Client) -> None:
    remote = Remote(engine, options)
    _conform(options, lambda requests: _swap_there(options, remote, requests))


def _conform(options: Options, swap_shots: Callable[[Mapping[Shot, swap.Request]], Outcomes] | None) -> None:
    """Conforms the edit and says what came of it; ``swap_shots`` as ``operations.conform.run`` has it."""
    from recaster.operations import conform

    request = conform.Request(
        edit=options.edit,
        out=options.out,
        settings=read_settings(ConformSettings, options),
        options=swap_options(options),
        model=options.model,
        source=options.source,
        person=options.person,
        matte=options.matte,
        report=options.report,
        has_manifest=not options.no_manifest,
        claim=claim_of(options),
        cast=options.members,
    )
    result = conform.run(request, reporter(options), swap_shots=swap_shots)
    for warning in result.warnings:
        say_error(f"recaster conform: warning: {warning}")
    if not options.quiet:
        say(*result.summary())
    for failure in result.failures:
        say_error(f"recaster conform: {failure.name}: {failure.error}")
    if result.failures:
        raise BatchError(f"{len(result.failures)} clips or ranges failed", result.failures[0].error)


def _swap_there(options: Options, remote: Remote, requests: Mapping[Shot, swap.Request]) -> Outcomes:
    """Swaps all ranges at an engine: a job each, all of them queued before the first is waited for."""
    from recaster.api.v1 import job_pb2
    from recaster.client import TokenError, UnreachableError
    from recaster.operations.conform import ShotResult
    from recaster.operations.swap_batch import ENDING_ERRORS, Tally

    tasks = {}
    for wanted in requests.values():
        files = ("clip", "out", "matte", "report", "layers", "layers_out")
        own = {name: getattr(wanted, name) for name in files}
        tasks[Path(wanted.out.name)] = Namespace(**{**vars(options), **own, "options": wanted.options})
    refuse_kept_parts(options)
    chosen, swapper = bring_choices(options, remote, several=True)
    summaries: dict[Path, tuple[str, ...]] = {}

    def submit(task: Options) -> job_pb2.Job:
        own = job_pb2.SwapOptions()
        own.CopyFrom(task.options)  # with the range, and the rate of a sequence
        if chosen.person:
            own.person = chosen.person
        return remote.submit(bring_clip(task, own, remote, **swapper), task.out)

    def fetch(task: Options, job: job_pb2.Job) -> None:
        fetch_result(task, remote, job)
        summaries[task.out] = tuple(job.result.summary)

    ending = (*ENDING_ERRORS, TokenError, UnreachableError)
    tally = Tally(list(tasks), lambda _clip, _error: None, ending)
    JobBatch(remote, tally, submit, fetch).run(tasks)
    outcomes: Outcomes = {}
    for shot, wanted in requests.items():
        error = tally.failures.get(Path(wanted.out.name))
        if error is None:
            outcomes[shot] = ShotResult(wanted.out, summaries[wanted.out])
        elif isinstance(error, RecasterError):
            outcomes[shot] = error
        else:
            raise error
    return outcomes

"""``recaster conform``: swap what an edit shows, and write the edit with the results."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter

from recaster.cli.display import reporter, say, say_error
from recaster.cli.flags import add_options, read_settings
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_source
from recaster.cli.rights_options import claim_of
from recaster.cli.swap import add_swap_options, swap_options
from recaster.errors import BatchError
from recaster.settings.conform import ConformSettings

DESCRIPTION = """Swap a face in all that an edit shows, and nothing else of its media. Each range of a media
file is swapped once, with handles, into FOLDER/MEDIA_FIRST-LAST.mov (frame numbers of the media, timecode
moved), and FOLDER/EDIT.otio shows the results in place of the media, with the cuts, transitions, markers and
effects of the edit; an EDL, FCPXML or XML is written again as such, too. Media are looked for where the edit
states, else by name in --media. Clips in which nobody is found keep their media. Run the same command again
after an interruption, and it goes on; results that are there already stay."""
EPILOG = """examples:
  recaster conform reel3.otio -m models/anna -o reel3_anna --codec prores
  recaster conform reel3.edl --media /footage --source faces/anna -o reel3_anna --handles 24"""


def add_conform(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add(
        "conform",
        _run,
        "swap a face in what an edit shows",
        DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_path(parser, "edit", "EDIT", "an .otio, .otiod, .edl, .fcpxml, .xml (Final Cut Pro 7) or .aaf")
    add_source(parser, "swap without training, from the source's faceset")
    add_out(parser, "FOLDER", "folder for the results and the edit that shows them")
    add_options(parser, ConformSettings, "handles", "media", "rate", "container", defaults=True)
    add_swap_options(parser)
    parser.set_defaults(range=None)  # the edit's


def _run(options: Options) -> None:
    from recaster.operations import conform

    request = conform.Request(
        edit=options.edit,
        out=options.out,
        settings=read_settings(ConformSettings, options),
        options=swap_options(options),
        model=options.model,
        source=options.source,
        person=options.person,
        has_manifest=not options.no_manifest,
        claim=claim_of(options),
    )
    result = conform.run(request, reporter(options))
    for warning in result.warnings:
        say_error(f"recaster conform: warning: {warning}")
    if not options.quiet:
        say(*result.summary())
    for failure in result.failures:
        say_error(f"recaster conform: {failure.name}: {failure.error}")
    if result.failures:
        raise BatchError(f"{len(result.failures)} clips or ranges failed", result.failures[0].error)

"""Parts of one clip's swap in ``recaster swap``, which several machines render."""

from __future__ import annotations

from argparse import SUPPRESS
from typing import TYPE_CHECKING

from recaster.cli.display import reporter
from recaster.cli.flags import add_option, add_options
from recaster.cli.swap_several import say_result
from recaster.errors import UsageError
from recaster.settings.parts import PartSettings

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Sequence

    from recaster.cli.parsers import Options
    from recaster.operations.swap import Request


def add_part_options(parser: ArgumentParser) -> None:
    """Adds the options of a swap that several machines render."""
    text = "the same command on each, with --part, and at last once with --join"
    add_options(parser.add_argument_group("one clip on several machines", text), PartSettings, defaults=True)


def refusing_parts(
    parser: ArgumentParser, run: Callable[[Options], None], why: str
) -> Callable[[Options], None]:
    """Makes a command refuse the options of parts in a sentence, as it has none."""
    for name in ("folder", "part", "join"):
        add_option(parser, PartSettings, name, default=getattr(PartSettings, name), help=SUPPRESS)

    def run_whole(options: Options) -> None:
        refuse_parts(options, why)
        run(options)

    return run_whole


def refuse_parts(options: Options, why: str) -> None:
    """Refuses the options of parts (UsageError); ``why`` is the sentence's end."""
    if options.parts is not None or options.part is not None or options.join:
        raise UsageError(f"--parts is for one clip's swap on several machines: {why}")


def check_parts(options: Options, requests: Sequence[Request]) -> None:
    """Refuses what doesn't go together with parts (UsageError)."""
    if requests[0].parts.folder is None:
        return
    if len(requests) > 1 or requests[0].out != options.out:
        refuse_parts(options, "give it one clip and a file to write, and each of several a folder of its own")
    if options.preview is not None:
        refuse_parts(options, "--preview is one frame; leave --parts out")
    if options.keep_parts:
        refuse_parts(options, "--join removes them; leave --keep-parts out")


def render_part(options: Options, request: Request) -> tuple[str, ...]:
    """Renders the part that the options name, and says so; returns what an editor should know."""
    from recaster.operations import swap_part

    result = swap_part.run(request, reporter(options))
    say_result(options, options.parts, result.summary())
    return result.part.warnings

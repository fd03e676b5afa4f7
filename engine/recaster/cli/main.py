"""``recaster``: reads the command, runs it, and turns expected errors into one line."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from typing import TYPE_CHECKING

from recaster import __version__
from recaster.errors import RecasterError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = ("probe", "extract", "faceset", "train", "swap", "compare")

EPILOG = """exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 unusable input, 4 no (such) face,
5 training failed, 6 result not writable, 7 device not usable, 130 stopped with Ctrl-C"""


def parser() -> argparse.ArgumentParser:
    """The whole command line; building it imports no heavy package."""
    root = argparse.ArgumentParser(
        prog="recaster",
        description="Recast a face in an edit.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"recaster {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show a traceback with an error")
    common.add_argument("--quiet", action="store_true", help="print no progress")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"recaster.cli.{name}").add(commands, common)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit code."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except RecasterError as error:
        return _fail(options, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail(options, "stopped; run the same command again to go on", 130)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("recaster"):
            raise
        missing = UsageError(f"{error.name} is not installed: pip install 'recaster[cpu]' (or [gpu])")
        return _fail(options, str(missing), missing.exit_code)
    return 0


def _fail(options: argparse.Namespace, message: str, code: int) -> int:
    if options.debug:
        traceback.print_exc()
    print(f"recaster {options.command}: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

"""``recaster``: reads the command, runs it, and turns expected errors into one line."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
import traceback
from argparse import RawDescriptionHelpFormatter
from typing import TYPE_CHECKING

from recaster import __version__
from recaster.cli.display import escaping, say_failure
from recaster.cli.parsers import Commands, Options, Parser, join_open_ranges
from recaster.errors import RecasterError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType, TracebackType

# NumPy's matrices are small here: threads that wait for the next one cost more than they give.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS = {
    "probe": "probe", "tracks": "tracks", "extract": "extract", "faceset": "faceset", "train": "train",
    "swap": "swap", "anonymise": "anonymise",
    "conform": "conform", "identity": "identity", "verify": "manifest", "sign": "manifest", "audit": "audit",
    "compare": "probe", "evaluate": "evaluate", "bench": "bench", "report": "evaluate", "serve": "serve",
    "drain": "serve", "tokens": "tokens", "store": "store", "storage": "storage", "jobs": "jobs",
    "certs": "serve", "doctor": "doctor", "looks": "looks", "mask": "mask",
}  # fmt: skip
"""The module of each command."""
ENDING_SIGNALS = ("SIGTERM", "SIGHUP")
"""Signals that end a command as Ctrl-C does, so that faces which it keeps for a while go with it."""
RESUMING = ("extract", "swap", "anonymise", "conform")
"""Commands that go on where they were stopped when they are given again."""

EPILOG = """exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 unusable input, 4 no (such) face,
5 training failed, 6 result not writable, 7 device not usable, 8 engine not reachable or refusing,
9 no right to use a face, 10 signer unknown, 11 somebody may be known in an anonymised clip,
12 storage not reachable or damaged, 13 cluster not usable, 130 stopped with Ctrl-C, 143 by SIGTERM,
129 by SIGHUP

What was found in clips is kept in the platform's cache folder, or in the folder that the environment
variable RECASTER_CACHE names, for your eyes alone, until nobody used it for 14 days; it can be deleted at
any time."""


def parser() -> Parser:
    """Builds the whole command line; that imports no heavy package."""
    description = "Recast a face in an edit."
    style = RawDescriptionHelpFormatter
    root = Parser(prog="recaster", description=description, epilog=EPILOG, formatter_class=style)
    root.add_argument("--version", action="version", version=f"recaster {__version__}")
    commands = Commands(root, "COMMAND")
    for name, module in COMMANDS.items():
        getattr(importlib.import_module(f"recaster.cli.{module}"), f"add_{name}")(commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the process's exit code."""
    sys.excepthook = _unexpected
    with contextlib.redirect_stdout(escaping(sys.stdout)), contextlib.redirect_stderr(escaping(sys.stderr)):
        return _run(parser().parse_args(join_open_ranges(sys.argv[1:] if arguments is None else arguments)))


def _run(options: Options) -> int:
    received: list[int] = []
    try:
        with _interrupted_by_signals(received):
            options.run(options)
        sys.stdout.flush()
    except RecasterError as error:
        return _fail(options, str(error), error.exit_code)
    except KeyboardInterrupt:
        going_on = "; run the same command again to go on" if options.command in RESUMING else ""
        code = 128 + (received or [signal.SIGINT])[0]
        with contextlib.suppress(OSError):  # the terminal may be gone
            _fail(options, f"stopped{going_on}", code)
        return code
    except BrokenPipeError:  # whoever reads what is printed (head, less) has seen enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("recaster"):
            raise
        missing = UsageError(f"{error.name} is not installed: pip install 'recaster[cpu]' (or [gpu])")
        return _fail(options, str(missing), missing.exit_code)
    return 0


@contextlib.contextmanager
def _interrupted_by_signals(received: list[int]) -> Iterator[None]:
    """Makes ``ENDING_SIGNALS`` interrupt the block once, as Ctrl-C does, and notes their numbers."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)
        as_ctrl_c = signal.getsignal(signal.SIGINT)
        if not callable(as_ctrl_c):  # Ctrl-C is ignored in the background
            raise KeyboardInterrupt
        as_ctrl_c(signal.SIGINT, frame)

    numbers = [getattr(signal, name) for name in ENDING_SIGNALS if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    kept = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in kept:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in kept:
            signal.signal(number, signal.SIG_DFL)


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Prints a traceback as the interpreter does, but escaped: an error's words may be somebody else's."""
    escaping(sys.stderr).write("".join(traceback.format_exception(kind, error, trace)))


def _fail(options: Options, message: str, code: int) -> int:
    say_failure(options, f"recaster {options.command}: {message}", sys.exc_info()[1])
    return code


if __name__ == "__main__":
    sys.exit(main())

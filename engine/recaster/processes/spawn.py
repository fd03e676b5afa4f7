"""Starting child processes, and what a child does first: own output, end with its parent, no secrets."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Final

from recaster.processes.channel import M, messages, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from google.protobuf.message import Message

MAX_TAIL_BYTES: Final = 16 << 10
_NEEDED: Final = re.compile(
    # Where programs, libraries and a user's folders are.
    r"PATH|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|HOME|USER|LOGNAME|TMPDIR|TMP|TEMP|VIRTUAL_ENV|XDG_\w+_HOME"
    r"|SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA|NUMBER_OF_PROCESSORS"
    r"|LANG|LANGUAGE|LC_\w+|TZ"
    # How Python and what computes are set up.
    r"|PYTHON\w+|COVERAGE_\w+|OMP_\w+|OPENBLAS_\w+|MKL_\w+|KMP_\w+|GOMP_\w+|MALLOC_\w+"
    # The authorities that a timestamp's server is checked by.
    r"|SSL_CERT_\w+"
    r"|TF_\w+|XLA_\w+|KERAS_\w+|CUDA_\w+|NVIDIA_\w+|OPENCV_\w+"
    r"|RECASTER_(?!TOKEN|ENGINE|TLS|OTEL)\w+"
)
_SECRET: Final = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|(^|_)KEY(_|$)")


def environment() -> dict[str, str]:
    """Selects the variables of this process that children need which read files of strangers.

    What isn't known to be needed, they don't have: tokens, keys of clouds, headers for collectors, addresses
    of agents.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if _NEEDED.fullmatch(name.upper()) and not _SECRET.search(name.upper())
    }


async def start_confined(
    module: str,
    scratch: Path,
    stderr: IO[bytes] | None = None,
    variables: Mapping[str, str] | None = None,
) -> asyncio.subprocess.Process:
    """Starts ``python -m module`` for files of strangers, with pipes to its input and output (OSError).

    ``scratch`` is for its temporary files; its standard error is this process's own where None is given, and
    it has the variables of ``environment`` where no others are given.
    """
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        env={**(environment() if variables is None else variables)} | {"TMPDIR": str(scratch)},
        start_new_session=True,  # Ctrl-C in a terminal is for the parent, which tells its children
    )


def start_with_task(
    module: str,
    task: Message,
    stdout: IO[bytes] | int,
    stderr: IO[bytes],
    variables: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts ``python -m module`` in a session of its own and sends it a task; ``variables`` are added."""
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env={**os.environ, **(variables or {})},
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101 - asked for above
    with contextlib.suppress(BrokenPipeError), process.stdin:  # one that has ended says why elsewhere
        process.stdin.write(pack(task))
    return process


def claim_stdout() -> IO[bytes]:
    """Standard output for messages alone; what anybody prints from now on goes to standard error."""
    kept = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return kept


def listen(
    stream: IO[bytes], kind: type[M], on_message: Callable[[M], None], on_end: Callable[[], None]
) -> None:
    """Passes on, in a thread, what the parent sends, and that it has ended."""

    def follow() -> None:
        try:
            for message in messages(stream, kind):
                on_message(message)
        finally:
            on_end()

    threading.Thread(target=follow, daemon=True).start()


def heed_interrupts() -> None:
    """Lets SIGINT interrupt this process, by which it is asked to end its work.

    What a script starts in its background ignores SIGINT, and so does everything that starts there in turn.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupt() -> None:
    """Interrupts this process as Ctrl-C does; it must ``heed_interrupts``."""
    if sys.platform == "win32":
        import _thread

        _thread.interrupt_main()
    else:
        # The main thread itself must get it, or it would sleep on in a lock.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def end_with_parent() -> None:
    """Lets the system kill this process when the one that started it ends (Linux)."""
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)


def follow_pool_owner() -> None:
    """Makes a process of a pool end with the one that owns the pool, however that ends."""
    # Ctrl-C, and a terminal that closes, are for the owner, which ends this process. Not so SIGTERM: with
    # that an executor ends what is left of a pool of which a process died.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def follow() -> None:
        owner = multiprocessing.parent_process()
        if owner is not None:
            with contextlib.suppress(OSError):
                owner.join()
            os._exit(0)

    threading.Thread(target=follow, daemon=True).start()


def last_lines(stream: IO[bytes], count: int, begin: int = 0, max_bytes: int = MAX_TAIL_BYTES) -> list[str]:
    """The last lines of a file, of those after ``begin`` and within ``max_bytes`` of its end."""
    stream.seek(max(begin, stream.seek(0, os.SEEK_END) - max_bytes))
    return stream.read().decode("utf-8", "replace").strip().splitlines()[-count:]

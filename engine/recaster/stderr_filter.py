"""Libraries that greet on stderr without a switch for it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def filter_stderr(*beginnings: bytes) -> Iterator[None]:
    """Keep lines that begin so off stderr, whatever writes them; all else follows when the block ends."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # a process without stderr has nothing to keep quiet
        yield
        return
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not line.startswith(beginnings):
                    os.write(2, line)

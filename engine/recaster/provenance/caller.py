"""The client on whose behalf the engine works, as jobs and the audit log name it."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from recaster.files import user_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_CALLER: Final[ContextVar[str]] = ContextVar("caller", default="")


def caller() -> str:
    """Names the client whose call is being answered; the account of this process outside of calls."""
    return _CALLER.get() or user_name()


@contextlib.contextmanager
def acting_for(name: str) -> Iterator[None]:
    """Names the client for as long as the block lasts, in this task and those that it starts."""
    token = _CALLER.set(name)
    try:
        yield
    finally:
        _CALLER.reset(token)

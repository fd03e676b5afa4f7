"""A client of the engine; works with grpcio, protobuf and Google's common protos alone, without numpy.

Its parts are loaded when they are asked for: an address needs no grpc.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from recaster.client.address import Address
from recaster.errors import EngineError, RecasterError

if TYPE_CHECKING:
    from recaster.client.client import Client
    from recaster.client.errors import (
        AnswerError,
        BusyError,
        JobFailedError,
        MissingError,
        RefusedError,
        RoleError,
        StrangerError,
        TokenError,
        UnreachableError,
    )

__all__ = [
    "Address",
    "AnswerError",
    "BusyError",
    "Client",
    "EngineError",
    "JobFailedError",
    "MissingError",
    "RecasterError",
    "RefusedError",
    "RoleError",
    "StrangerError",
    "TokenError",
    "UnreachableError",
]


def __getattr__(name: str) -> Any:
    """A part that wasn't asked for before."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    part = import_module(f"{__name__}.client" if name == "Client" else f"{__name__}.errors")
    found = globals()[name] = getattr(part, name)
    return found

"""A client of the engine; works with grpcio, protobuf and Google's common protos alone, without numpy."""

from recaster.client.client import Client
from recaster.client.connection import Address
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
from recaster.errors import EngineError, RecasterError

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

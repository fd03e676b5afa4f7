"""What any client of the engine needs; works with grpcio and protobuf alone, without numpy."""

from recaster.errors import RecasterError

__all__ = ["RecasterError"]

"""Values that travel to other machines, where files that they name lie at other places."""

from __future__ import annotations

import io
import pickle
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from recaster.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping


def pack_value(value: Any, places: Mapping[str, Path]) -> bytes:
    """Packs anything that can be pickled; paths in it that are at or below a place become its name."""
    file = io.BytesIO()
    _Packer(file, places).dump(value)
    return file.getvalue()


def unpack_value(data: bytes, places: Mapping[str, Path]) -> Any:
    """Unpacks what ``pack_value`` packed, with the places of this machine.

    Only what a driver of this cluster packed: it is a pickle, which can do anything.
    """
    return _Unpacker(io.BytesIO(data), places).load()


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, places: Mapping[str, Path]) -> None:
        super().__init__(file, protocol=5)
        # The innermost of places that lie in each other comes first.
        self._places = sorted(places.items(), key=lambda place: -len(place[1].parts))

    def persistent_id(self, obj: object) -> tuple[str, str] | None:
        if not isinstance(obj, PurePath):
            return None
        for name, place in self._places:
            if obj.is_relative_to(place):
                return name, obj.relative_to(place).as_posix()
        return None


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, places: Mapping[str, Path]) -> None:
        super().__init__(file)
        self._places = places

    def persistent_load(self, pid: Any) -> Path:
        name, rest = pid
        if name not in self._places:
            raise OutputError(f"a machine of the cluster has no place for {name}")
        return Path(self._places[name], rest)

"""Traces by which the face in a faceset is known again: its digest, and who is to be seen in its crops."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np

from recaster.errors import OutputError, WeightsError
from recaster.faces.tracklets import cut_portrait
from recaster.models.tensors import load_metadata, load_tensors, save_tensors
from recaster.provenance.face_traces import EMBEDDING_LENGTH, FaceTraces
from recaster.store import learned_faces
from recaster.weights_registry import DLIB_5, DLIB_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recaster.faces.types import Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset

T = TypeVar("T")
MAX_CROPS: Final = 48
"""Crops that are looked at, about half a second: one of each part, and nobody knows which."""
MAX_MORE_CROPS: Final = 2
"""Crops that are looked at beside those of the looks before, where nothing has changed since."""
MAX_KEPT: Final = 256
"""Crops of a faceset whose embeddings are kept."""
_KEPT_FILE: Final = "embeddings.safetensors"


class _Kept(NamedTuple):
    """Embeddings of crops at earlier looks, by digests of the crops, and the digest of all that was there."""

    faceset: str
    embeddings: Mapping[str, Floats]


def faceset_traces(faceset: Faceset) -> FaceTraces:
    """Computes the traces of a faceset's kept faces.

    Embeddings are computed anew from the crops: those in the index may have come in a stranger's zip.

    Raises:
        FacesetError: a crop is missing or damaged.
    """
    embeddings = [_embed(faceset, record) for record in _draw(faceset.records, MAX_CROPS)]
    return FaceTraces.of_pictures([faceset.digest()], embeddings)


def remember_traces(faceset: Faceset) -> FaceTraces:
    """Computes traces as ``faceset_traces``, but each crop's embedding once, and keeps that.

    Crops are known by the bytes of their very files. A faceset that is as it was is taken as it was found
    at earlier looks, with a few crops more each time, so that who is hidden in it is found by looks to come;
    of one that has changed at all as many are drawn anew as at the first look.

    Raises:
        FacesetError: a crop is missing or damaged.
    """
    records = faceset.records
    path = learned_faces.faceset_folder("embeddings", faceset.folder) / _KEPT_FILE
    kept = _load_kept(path)
    names = [_digest_crop(faceset, record) for record in records]
    state = hashlib.sha256("".join((faceset.digest(), *names)).encode()).hexdigest()
    known = {name: kept.embeddings[name] for name in names if name in kept.embeddings}
    drawn = list(zip(names, records, strict=True))
    if kept.faceset == state:
        drawn = [each for each in drawn if each[0] not in known]
        drawn = _draw(drawn, min(MAX_MORE_CROPS, max(0, MAX_KEPT - len(known))))
    else:
        drawn = _draw(drawn, MAX_CROPS)
    new = {name: _embed(faceset, record) for name, record in drawn if name not in known}
    known |= new
    if new or kept.faceset != state:
        with contextlib.suppress(OutputError):
            learned_faces.make_folder("embeddings", faceset.folder)
            _save_kept(path, _Kept(state, known))
            learned_faces.tidy()
    else:
        learned_faces.touch(path)
    return FaceTraces.of_pictures(
        [faceset.digest()], (known[name].tolist() for name in names if name in known)
    )


def _draw(items: Sequence[T], count: int) -> list[T]:
    """Draws some of a list: one of each part, at random."""
    if not count:
        return []
    step = max(1, -(-len(items) // count))
    return [secrets.choice(items[start : start + step]) for start in range(0, len(items), step)]


def _embed(faceset: Faceset, record: FaceRecord) -> Floats:
    return cut_portrait(faceset.crop(record), record.landmarks).embedding


def _digest_crop(faceset: Faceset, record: FaceRecord) -> str:
    """SHA-256, hex, of all that a crop's embedding follows from: its file, landmarks and networks."""
    total = hashlib.sha256(f"{DLIB_5.sha256}{DLIB_IDENTITY.sha256}".encode())
    total.update(np.ascontiguousarray(record.landmarks, np.float64).tobytes())
    total.update(faceset.crop_bytes(record))
    return total.hexdigest()


def _load_kept(path: Path) -> _Kept:
    """Loads what was kept; nothing where it is damaged."""
    try:
        state = load_metadata(path)["faceset"]
        read = load_tensors(path)
        names = [name.tobytes().hex() for name in read["names"]]
        embeddings = read["embeddings"]
        if embeddings.shape != (len(names), EMBEDDING_LENGTH) or embeddings.dtype != np.float64:
            return _Kept("", {})
        return _Kept(state, dict(zip(names, embeddings, strict=True)))
    except (WeightsError, KeyError):
        return _Kept("", {})


def _save_kept(path: Path, kept: _Kept) -> None:
    names = np.array([list(bytes.fromhex(name)) for name in kept.embeddings], np.uint8)
    embeddings = np.array(list(kept.embeddings.values()), np.float64)
    save_tensors(path, {"names": names, "embeddings": embeddings}, {"faceset": kept.faceset})

"""Traces by which the face in a faceset is known again: its digest, and who is to be seen in its crops."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from recaster.faces.tracklets import cut_portrait
from recaster.provenance.face_traces import FaceTraces

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

MAX_CROPS: Final = 48
"""Crops that are looked at, about half a second: one of each part, and nobody knows which."""


def faceset_traces(faceset: Faceset) -> FaceTraces:
    """Computes the traces of a faceset's kept faces.

    Embeddings are computed anew from the crops: those in the index may have come in a stranger's zip.

    Raises:
        FacesetError: a crop is missing or damaged.
    """
    records = faceset.records
    step = max(1, -(-len(records) // MAX_CROPS))
    parts = [records[start : start + step] for start in range(0, len(records), step)]
    embeddings = [
        cut_portrait(faceset.crop(record), record.landmarks).embedding.tolist()
        for record in map(secrets.choice, parts)
    ]
    return FaceTraces.of_pictures([faceset.digest()], embeddings)

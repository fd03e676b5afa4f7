"""Identity of the swapped face, by SFace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import FacesetError
from recaster.evaluation.landmark_judge import LandmarkJudge, face_box
from recaster.evaluation.nan_stats import mean, spread_indices
from recaster.evaluation.types import FaceObservations, Figure, Scores
from recaster.facesets.faceset import Faceset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.evaluation.sface import SFace
    from recaster.faces.types import Floats

MAX_FACES: Final = 40
"""Faces of a faceset that are embedded, spread over all of it: their mean hardly moves with more."""


@dataclass(frozen=True, eq=False)
class IdentityReferences:
    """The people a swapped face could be.

    Attributes:
        source: (128,) of unit length, the mean of the source's faces.
        ceiling: mean cosine of the source's own faces to the mean of the others: nobody scores higher.
        target: (128,), the performer; None to take the original clip's own frames.
        gallery: (G, 128), other people.
    """

    source: Floats
    ceiling: float
    target: Floats | None
    gallery: Floats

    @classmethod
    def of(cls, source: Floats, target: Floats | None, gallery: Sequence[Floats]) -> IdentityReferences:
        """Makes the references from the embeddings (n, 128) of everybody's faces."""
        return cls(
            source=unit(source.mean(axis=0)),
            ceiling=self_likeness(source),
            target=None if target is None else unit(target.mean(axis=0)),
            gallery=np.array([unit(person.mean(axis=0)) for person in gallery]).reshape(-1, 128),
        )


def faceset_embeddings(folder: Path, sface: SFace) -> Floats:
    """Computes embeddings (n, 128), n up to ``MAX_FACES``, of faces spread over a faceset (FacesetError)."""
    faceset = Faceset.open(folder)
    if not faceset.records:
        raise FacesetError(f"{folder}: no faces in it; extract some")
    judge = LandmarkJudge()
    embeddings = []
    for at in spread_indices(len(faceset.records), MAX_FACES):
        record = faceset.records[at]
        crop = faceset.crop(record)
        embeddings.append(sface.embed(crop, judge.points(crop, face_box(record.landmarks))))
    return np.stack(embeddings)


def unit(vector: Floats) -> Floats:
    """Scales a vector to length 1."""
    return vector / np.linalg.norm(vector)


def self_likeness(embeddings: Floats) -> float:
    """Computes the mean cosine of each of (n, 128) to the mean of the others; NaN for a single one."""
    if len(embeddings) < 2:
        return float("nan")
    rest = embeddings.sum(axis=0) - embeddings
    return float(np.mean(np.sum(embeddings * rest, axis=1) / np.linalg.norm(rest, axis=1)))


def identity_scores(
    swapped: FaceObservations, original: FaceObservations, references: IdentityReferences
) -> Scores:
    """Scores the swapped face's likeness to the source, and to the target, of T frames each."""
    target = references.target
    if target is None:
        target = unit(np.nanmean(original.embeddings, axis=0))
    to_source = swapped.embeddings @ references.source
    to_target = swapped.embeddings @ target
    before = original.embeddings @ references.source
    before_target = original.embeddings @ target
    people = np.stack([references.source, target, *references.gallery])
    own = references.ceiling
    between = float(references.source @ target)
    figures = (
        Figure("cosine_source", mean(to_source), {"no swap": mean(before), "source itself": own}),
        Figure("cosine_target", mean(to_target), {"no swap": mean(before_target), "source itself": between}),
        Figure("identity_margin", mean(to_source - to_target), {"no swap": mean(before - before_target)}),
        Figure(
            "retrieval",
            _retrieval(swapped.embeddings, people),
            {"no swap": _retrieval(original.embeddings, people), "people": float(len(people))},
        ),
    )
    return Scores(figures, {"cosine_source": to_source, "cosine_target": to_target})


def _retrieval(embeddings: Floats, people: Floats) -> float:
    """Computes the share of known embeddings (T, 128) that lie nearest to the first of people (P, 128)."""
    known = embeddings[np.isfinite(embeddings).all(axis=1)]
    return float(np.mean(np.argmax(known @ people.T, axis=1) == 0)) if len(known) else float("nan")

"""Traces of a face: the content by which it is known again, whatever it is called and wherever it lies.

Digests are of facesets, models and their files. Faces are representatives: embeddings (128 numbers, see
``faces.embedding``), each with the share of the pictures that it stands for. Nothing here needs numpy, so
that an engine that loads no network can compare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EMBEDDING_LENGTH: Final = 128
MAX_SAME_PERSON_DISTANCE: Final = 0.5
"""Below this distance two representatives are of one person: as ``faces.embedding.SAME_IN_CLIP``, since many
are compared with many, and each comparison may err."""
MAX_SAME_LOOK_DISTANCE: Final = 0.3
"""Below this distance one representative stands for another."""
MIN_PERSON_SHARE: Final = 0.05
"""Share of a set's pictures from which on a person in it counts."""
MIN_MAIN_PERSON_SHARE: Final = 0.25
"""The same for whoever is revoked with it: a stray stranger in a set must not be."""
MAX_REPRESENTATIVES: Final = 64
"""Representatives that are kept of one person."""

FaceShare = tuple[tuple[float, ...], float]


@dataclass(frozen=True)
class FaceTraces:
    """Traces of the face in a faceset or model, or in several.

    Attributes:
        digests: SHA-256 sums, as hex digits.
        faces: representative embeddings, each with its share of the pictures, 0 to 1.
    """

    digests: frozenset[str] = frozenset()
    faces: tuple[FaceShare, ...] = ()

    @classmethod
    def of_pictures(cls, digests: Iterable[str], embeddings: Iterable[Iterable[float]]) -> FaceTraces:
        """Computes the traces of a set from the embeddings of pictures of it."""
        leaders: list[tuple[tuple[float, ...], int]] = []
        count = 0
        for numbers in embeddings:
            embedding = tuple(float(number) for number in numbers)
            if len(embedding) != EMBEDDING_LENGTH or not all(map(math.isfinite, embedding)):
                continue
            count += 1
            for at, (leader, size) in enumerate(leaders):
                if math.dist(leader, embedding) < MAX_SAME_LOOK_DISTANCE:
                    leaders[at] = (leader, size + 1)
                    break
            else:
                leaders.append((embedding, 1))
        faces = [(leader, size / count) for leader, size in leaders]
        return cls(frozenset(digests) - {""}, tuple(faces))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FaceTraces:
        """Reads what ``to_json`` made (KeyError, TypeError, ValueError for anything else)."""
        faces = tuple((tuple(float(n) for n in numbers), float(share)) for numbers, share in value["faces"])
        if any(len(numbers) != EMBEDDING_LENGTH for numbers, _ in faces):
            raise ValueError("a face has another length")
        return cls(frozenset(str(digest) for digest in value["digests"]), faces)

    def to_json(self) -> dict[str, Any]:
        """Returns them as plain values."""
        faces = [[[round(n, 5) for n in numbers], round(share, 4)] for numbers, share in self.faces]
        return {"digests": sorted(self.digests), "faces": faces}

    def __bool__(self) -> bool:
        return bool(self.digests or self.faces)

    def __or__(self, other: FaceTraces) -> FaceTraces:
        """Joins both; of faces that look alike, one is kept."""
        faces = list(self.faces)
        for numbers, share in other.faces:
            for at, (known, known_share) in enumerate(faces):
                if math.dist(known, numbers) < MAX_SAME_LOOK_DISTANCE / 2:
                    faces[at] = (known, max(known_share, share))
                    break
            else:
                faces.append((numbers, share))
        faces.sort(key=lambda face: -face[1])
        return FaceTraces(self.digests | other.digests, tuple(faces[:MAX_REPRESENTATIVES]))

    def main(self) -> FaceTraces:
        """Returns them without people who are hardly in the set: the part that a revocation keeps."""
        kept = [face for face in self.faces if self._share_near((face,)) >= MIN_MAIN_PERSON_SHARE]
        return FaceTraces(self.digests, tuple(kept))

    def match(self, revoked: FaceTraces) -> bool:
        """Tells whether a revoked person is among them: by a digest, or by a share that counts."""
        return bool(self.digests & revoked.digests) or self._share_near(revoked.faces) >= MIN_PERSON_SHARE

    def _share_near(self, faces: Iterable[FaceShare]) -> float:
        """Computes the share of all those that are of the same person as one of these."""
        others = [numbers for numbers, _ in faces]
        return sum(
            share
            for numbers, share in self.faces
            if any(math.dist(numbers, other) < MAX_SAME_PERSON_DISTANCE for other in others)
        )


NO_TRACES: Final = FaceTraces()

"""Cache of likenesses that are learned of facesets to swap at once: each is learned once and kept.

A likeness is a face: docs/responsible-use.md says where it lies and when it goes (``store.learned_faces``).
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Final

from recaster import __version__
from recaster.errors import ModelError, OutputError, WeightsError
from recaster.likeness.few_pictures import FEW_PICTURES
from recaster.likeness.likeness import Likeness
from recaster.store import learned_faces
from recaster.weights_registry import ALL

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

LEARNING_FORMAT: Final = 1
"""To be raised whenever a likeness that is learned of the same faces comes out otherwise."""


def learn_likeness(faceset: Faceset) -> Likeness:
    """Learns the likeness of a faceset, or takes it from the cache where it was learned of the same faces.

    The key is made of the very files of the faces, what the faceset says of them, the release and its
    networks. A damaged entry is made anew, and one that can't be kept isn't. A likeness of few pictures is
    learned anew each time: it says what they don't show, which isn't kept.

    Raises:
        FacesetError, FaceNotFoundError: as ``Likeness.from_faceset``.
    """
    if len(faceset.records) < FEW_PICTURES:
        return Likeness.from_faceset(faceset)
    name = f"{_digest_inputs(faceset)}.safetensors"
    path = learned_faces.faceset_folder("likeness", faceset.folder) / name
    found = _load_kept(path)
    if found is None:
        found = Likeness.from_faceset(faceset)
        with contextlib.suppress(OutputError):
            learned_faces.make_folder("likeness", faceset.folder)
            found.save(path)
            learned_faces.keep_only(path)
            learned_faces.tidy()
    return found


def _load_kept(path: Path) -> Likeness | None:
    if not path.is_file():
        return None
    try:
        found = Likeness.load(path)
    except (ModelError, WeightsError):
        return None
    learned_faces.touch(path)
    return found


def _digest_inputs(faceset: Faceset) -> str:
    """Computes a SHA-256, hex, of all that a likeness follows from."""
    weights = sorted(each.sha256 for each in ALL)
    total = hashlib.sha256("\n".join((str(LEARNING_FORMAT), __version__, *weights)).encode())
    total.update(faceset.files_digest().encode())
    return total.hexdigest()

"""Faces that come with Recaster: facesets of rendered people who don't exist (scripts/synthetic_faces)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "synthetic"
_NAMES: Final = ("first", "second", "p1021", "p1025", "p1028", "p1044", "p1045", "p1050", "p1061")
SYNTHETIC_FACES: Final = tuple(_FOLDER / name for name in _NAMES)

"""Faces that come with Recaster: facesets of rendered people who don't exist (scripts/synthetic_faces)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "synthetic"
SYNTHETIC_FACES: Final = tuple(_FOLDER / name for name in ("first", "second"))

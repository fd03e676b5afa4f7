"""Media of the edits of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from edits import NTSC, make_media

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of media: A001 from 10:00:00:00 on, B 002 without timecode, C003 with drop frame."""
    folder = tmp_path_factory.mktemp("footage")
    make_media(folder / "A001.mov", timecode="10:00:00:00")
    make_media(folder / "B 002.mov")
    make_media(folder / "deep" / "C003.mov", 90, NTSC, "01:00:59;20")
    return folder

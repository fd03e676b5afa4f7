"""One swapped frame, to judge settings by before a whole clip is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.errors import FaceNotFoundError
from recaster.faces.cache import analyse_clip, cached_analysis
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.sheet import save_image
from recaster.progress import Report, silent
from recaster.swapping.casting import chosen
from recaster.swapping.pipeline import refuse_overwriting
from recaster.swapping.render import Renderer
from recaster.swapping.scene import Scene
from recaster.swapping.settings import SwapResult
from recaster.swapping.timing import Stopwatch

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.swapping.settings import SwapSettings
    from recaster.swapping.swapper import Swapper

WINDOW: Final = 15
"""Frames to either side that are analysed where the clip has not been analysed as a whole."""

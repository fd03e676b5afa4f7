"""What the guided network is, however it is run."""

from __future__ import annotations

from typing import Final

OUTPUTS: Final = 4
"""Channels of the network's output: see ``build_guided``."""

LEAK: Final = 0.1
"""Slope of the rectifiers below 0."""
TRUST: Final = 1.0
"""An untrained network keeps sigmoid(1) = 73 % of the warp: it is a face already."""

GATE: Final = 2
"""How much of the warp is kept is decided for squares of so many of the network's pixels."""

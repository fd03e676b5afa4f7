"""The guided network: what it is made of, whoever makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.models.presets import Preset

OUTPUTS: Final = 4
"""Channels of its output: the painted face, and how much of the warp to keep."""
LEAK: Final = 0.1
"""Slope of the rectifiers below 0."""
TRUST: Final = 1.0
"""An untrained network keeps sigmoid(1) = 73 % of the warp: it is a face already."""
_GATE: Final = 2
"""How much of the warp is kept is decided for squares of so many of the network's pixels."""

T = TypeVar("T")


class Maker(Protocol[T]):
    """Makes layers of pictures ``x``, (B, H, W, C); convolutions keep the size (over the stride)."""

    def quiet(self, x: T, width: int, kernel: int, name: str) -> T:
        """A convolution that is almost silent at first."""

    def active(self, x: T, width: int, kernel: int, name: str, stride: int = 1) -> T:
        """A convolution and a leaky rectifier."""

    def residual(self, x: T, width: int, name: str) -> T:
        """Two convolutions beside the identity, almost silent at first, and a leaky rectifier."""

    def added(self, a: T, b: T) -> T:
        """The sum."""

    def joined(self, parts: Sequence[T]) -> T:
        """The channels of several pictures."""

    def channels(self, x: T, start: int, stop: int) -> T:
        """Some channels of a picture."""

    def averaged(self, x: T, times: int) -> T:
        """A picture so many times smaller."""

    def enlarged(self, x: T, times: int) -> T:
        """A picture so many times larger, by linear interpolation."""

    def spread(self, x: T, times: int) -> T:
        """The same, made of channels (depth to space)."""

    def gathered(self, x: T, times: int) -> T:
        """A smaller picture whose channels hold what the larger one did (space to depth)."""


def make_guided(preset: Preset, maker: Maker[T], condition: T) -> T:
    """The U-Net of a guided preset (Ronneberger et al., 2015, with residual blocks).

    It thinks at its own size; the warp's finest detail is shown to its last layers only, which paint
    the face's finest detail by sub-pixel convolution.

    Args:
        preset: its widths and how much finer it paints than it thinks.
        maker: makes its layers.
        condition: (B, side, side, channels), 0 to 1, where side is the preset's size times its detail.

    Returns:
        (B, side, side, OUTPUTS), before their sigmoids.
    """
    widths, detail = preset.guided.widths, preset.guided.detail
    x = condition if detail == 1 else maker.averaged(condition, detail)
    skips = []
    for depth, width in enumerate(widths):
        x = maker.active(x, width, 5 if depth == 0 else 3, f"half{depth}", stride=2)
        if depth > 0:
            x = maker.residual(x, width, f"down{depth}")
        skips.append(x)
    for depth in reversed(range(len(widths) - 1)):
        x = _twice(maker, x, widths[depth], f"twice{depth}")
        x = maker.active(maker.joined([x, skips[depth]]), widths[depth], 1, f"join{depth}")
        x = maker.residual(x, widths[depth], f"up{depth}")
    x = _twice(maker, x, 16, "twice")
    warp = maker.channels(condition, 0, 3)
    x = maker.joined([x, warp if detail == 1 else maker.gathered(warp, detail)])
    x = maker.active(x, 24, 3, "join")
    output = maker.quiet(x, OUTPUTS, 3, "head")
    # A gate that could change from pixel to pixel would draw patterns of its own.
    gate = maker.enlarged(maker.averaged(maker.channels(output, 3, 4), _GATE), _GATE * detail)
    painted = maker.channels(output, 0, 3)
    if detail > 1:
        fine = maker.spread(maker.quiet(x, 3 * detail**2, 3, "fine"), detail)
        painted = maker.added(maker.enlarged(painted, detail), fine)
    return maker.joined([painted, gate])


def _twice(maker: Maker[T], x: T, width: int, name: str) -> T:
    """Twice the size by sub-pixel convolution (Shi et al., 2016)."""
    return maker.spread(maker.active(x, 4 * width, 1, name), 2)

"""Architecture of the guided network, a small U-Net, for Keras and LiteRT alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from recaster.networks.graph_builder import GraphBuilder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.models.presets import Preset

OUTPUTS: Final = 4  # channels of its output: the painted face, and how much of the warp to keep
LEAK: Final = 0.1  # slope of the rectifiers below 0
TRUST: Final = 1.0  # an untrained network keeps sigmoid(1) = 73 % of the warp: it is a face already
_GATE_PX: Final = 2  # side of the squares, in its pixels, for which is decided how much of the warp is kept

T = TypeVar("T")


class GuidedBuilder(GraphBuilder[T], Protocol[T]):
    """A ``GraphBuilder`` that knows the weights of the network's layers by name.

    Convolutions keep the size of images, divided by the stride.
    """

    def conv_heads(self, x: T, widths: Mapping[str, int]) -> list[T]:
        """Convolutions of one image, by name, whose outputs are near 0 before training."""

    def conv_leaky_relu(self, x: T, width: int, kernel: int, name: str, stride: int = 1) -> T:
        """A convolution and a leaky rectifier."""

    def residual(self, x: T, width: int, name: str) -> T:
        """Two convolutions beside the identity, near 0 before training, and a leaky rectifier."""


def build_unet(preset: Preset, builder: GuidedBuilder[T], condition: T) -> tuple[T, T]:
    """Adds the U-Net of a guided preset to a graph (Ronneberger et al., 2015, with residual blocks).

    It thinks at its own size; the warp's finest detail is shown to its last layers only, which paint
    the face's finest detail by sub-pixel convolution.

    Args:
        condition: (B, side, side, channels), 0 to 1, where side is the preset's size times its detail.

    Returns:
        The painted face (B, side, side, 3), and how much of the warp to keep (B, side, side, 1), ``OUTPUTS``
        channels in all, before their sigmoids.
    """
    widths = preset.guided.widths
    detail = preset.guided.detail
    x = condition if detail == 1 else builder.average_pool(condition, detail)
    skips = []
    for depth, width in enumerate(widths):
        x = builder.conv_leaky_relu(x, width, 5 if depth == 0 else 3, f"half{depth}", stride=2)
        if depth > 0:
            x = builder.residual(x, width, f"down{depth}")
        skips.append(x)
    for depth in reversed(range(len(widths) - 1)):
        x = _upscale(builder, x, widths[depth], f"twice{depth}")
        # Joining looks at single pixels: the residual block after it sees their surroundings.
        x = builder.conv_leaky_relu(builder.concat([x, skips[depth]]), widths[depth], 1, f"join{depth}")
        x = builder.residual(x, widths[depth], f"up{depth}")
    x = _upscale(builder, x, 16, "twice")
    # The warp again, at its full size: the halvings have lost its finest detail, which is to be kept.
    warp = builder.slice_channels(condition, 0, 3)
    x = builder.concat([x, warp if detail == 1 else builder.space_to_depth(warp, detail)])
    x = builder.conv_leaky_relu(x, 24, 3, "join")
    heads = {"head": OUTPUTS} | ({"fine": 3 * detail**2} if detail > 1 else {})
    output, *fine = builder.conv_heads(x, heads)
    # A gate that could change from pixel to pixel would draw patterns of its own.
    gate = builder.average_pool(builder.slice_channels(output, 3, 4), _GATE_PX)
    gate = builder.resize_bilinear(gate, _GATE_PX * detail)
    painted = builder.slice_channels(output, 0, 3)
    # Coarse colours and, near 0 at first, what is finer: an untrained network has no grain of its own.
    for finer in fine:
        painted = builder.add(builder.resize_bilinear(painted, detail), builder.depth_to_space(finer, detail))
    return painted, gate


def _upscale(builder: GuidedBuilder[T], x: T, width: int, name: str) -> T:
    """Twice the size by sub-pixel convolution (Shi et al., 2016)."""
    return builder.depth_to_space(builder.conv_leaky_relu(x, 4 * width, 1, name), 2)

"""Presets: every choice that makes a network and its training, as plain values.

A preset names a family ("pairwise" or "guided"), what both families share, and one small group for
each thing that has parts of its own. Every field of every group is a hyperparameter: its name is unique
over the whole preset, so ``overridden(preset, adversarial=0.0)`` and ``recaster train --adversarial 0``
need no path, and every ablation is one flag.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_type_hints

from recaster.errors import ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_HYPERPARAMETER: Final = 1_000_000
MAX_STAGES: Final = 8
MAX_WIDTH: Final = 4096
"""Channels of one stage."""
_MAX_VALUES: Final = {
    "batch": 1024,
    "size": 1024,
    "bottleneck": 65_536,
    "bottom_width": MAX_WIDTH,
    "references": 1024,
}
"""The largest values of those hyperparameters that memory grows with."""


def _value(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


def _needed(text: str) -> Any:
    return field(metadata={"help": text})


@dataclass(frozen=True)
class Augmentation:
    """Variation of training faces. All amounts are half-widths of uniform distributions but ``warp``."""

    rotation: float = _value(3.0, "largest turn of a training face, in degrees")
    zoom: float = _value(0.015, "largest change of scale, as a share of the crop")
    shift: float = _value(0.012, "largest move along either axis, as a share of the crop")
    flip: float = _value(0.0, "probability of mirroring a training face (faces are not symmetric)")
    warp: float = _value(0.012, "standard deviation of the input's 5x5 grid warp, as a share of the crop")


@dataclass(frozen=True)
class Losses:
    """Weights of the terms that compare the painted face with the true one."""

    reconstruction: float = _value(1.0, "weight of the L1 difference to the true face")
    gradient: float = _value(0.5, "weight of the L1 difference of the image gradients")
    ssim: float = _value(0.1, "weight of 1 - SSIM over 7x7 windows")
    ssim_every: int = _value(2, "compute the SSIM term on every N-th step only")
    adversarial: float = _value(
        0.0, "weight of the least-squares adversarial loss; 0 trains no discriminator"
    )
    mixup: float = _value(0.2, "Beta(a, a) of real and fake mixed for the discriminator; 0 mixes nothing")
    perceptual: Literal["none", "dlib-resnet", "vggface"] = _value(
        "none", "network whose features the painted face is also compared in"
    )
    perceptual_weight: float = _value(0.05, "weight of the perceptual term")
    perceptual_every: int = _value(4, "compute the perceptual term on every N-th step only")


@dataclass(frozen=True)
class PairwiseNetwork:
    """A shared encoder and one decoder per identity, and the losses that only it knows."""

    architecture: Literal["classic", "light"] = _needed("faceswap-GAN's network or the light one")
    encoder_widths: tuple[int, ...] = _needed("channels after each halving of the encoder")
    bottleneck: int = _needed("units of the dense bottleneck")
    bottom_width: int = _needed("channels of the map that the bottleneck is unfolded to")
    decoder_widths: tuple[int, ...] = _needed("channels after each doubling of a decoder")
    discriminator_widths: tuple[int, ...] = _value((64, 128, 256), "channels of the discriminator's stages")
    mask: Literal["none", "blend", "hull"] = _value(
        "hull",
        "learned mask: none; blend with the input (faceswap-GAN's); or taught the face's outline (hull)",
    )
    hull: Literal["oval", "inner"] = _value(
        "oval", "outline taken for the face: with forehead, or brows down"
    )
    mask_weight: float = _value(0.1, "weight of |outline - mask| where the mask is taught the outline")
    mask_area: float = _value(0.0, "weight of the mask's mean, against masks that cover everything")
    mask_hinge: float = _value(0.0, "weight of the hinge that keeps the mask's mean above mask_floor")
    mask_floor: float = _value(0.5, "the mean that mask_hinge asks for, 0 to 1")
    mask_variation: float = _value(0.0, "weight of the mask's total variation")
    region_weight: float = _value(2.0, "extra weight of eyes and mouth; 0 with hull_weight 0 = plain L1")
    hull_weight: float = _value(1.0, "weight of the face in the differences, over background_weight outside")
    background_weight: float = _value(0.25, "weight of what lies outside the face in the differences")
    separate_optimisers: bool = _value(
        False, "one Adam per identity (faceswap-GAN's four) instead of one for both"
    )


@dataclass(frozen=True)
class GuidedNetwork:
    """A U-Net that turns the warped source and its geometry into the source's face."""

    widths: tuple[int, ...] = _value((32, 64, 128, 192), "channels after each halving of the U-Net")
    detail: int = _value(2, "faces are painted at this many times the network's size")
    alone: float = _value(0.5, "weight of the L1 difference of the painting before it is mixed with the warp")
    trust: float = _value(0.02, "weight of painting skin where the source's own pixels could be kept")
    texture: float = _value(3.0, "weight of the difference in how much fine detail the skin has")
    critic_widths: tuple[int, ...] = _value((32, 48, 64), "channels after each halving of the discriminator")
    start: Literal["rendered", "none"] = _value(
        "none", "first weights: those learned on rendered people, or random ones"
    )
    references: int = _value(24, "frames of the source whose pixels may be warped onto the target's mesh")


@dataclass(frozen=True)
class Preset:
    """All choices of one kind of model; instances are in ``PRESETS``."""

    network: PairwiseNetwork | GuidedNetwork
    name: str = _needed("what the preset is called")
    size: int = _needed("side of the crop that the network sees and paints, in pixels")
    crop: Literal["aligned", "box"] = _value("aligned", "how faces are cut out: by landmarks or by the box")
    coverage: float = _value(
        1.0, "aligned crops: how much around the face is shown (eye distance .338/coverage)"
    )
    trim: float = _value(0.0, "box crops: share of each side that is cut away")
    batch: int = _value(6, "training faces a step, of each identity")
    learning_rate: float = _value(1e-3, "Adam's learning rate after the warm-up")
    beta1: float = _value(0.9, "Adam's first momentum")
    beta2: float = _value(0.99, "Adam's second momentum")
    clip: float = _value(0.0, "largest global norm of the gradients; 0 clips nothing")
    warmup: int = _value(100, "steps over which the learning rate rises from 0")
    decay_from: float = _value(0.7, "share of the budget after which the learning rate falls; 1 = never")
    decay_to: float = _value(0.02, "share of the learning rate that is left at the end")
    ema: float = _value(0.999, "decay of the weights' moving average that is used for swaps; 0 = none")
    ema_every: int = _value(5, "update the moving average on every N-th step")
    augmentation: Augmentation = Augmentation()
    losses: Losses = Losses()

    @property
    def family(self) -> Literal["pairwise", "guided"]:
        """The kind of model."""
        return "pairwise" if isinstance(self.network, PairwiseNetwork) else "guided"

    @property
    def pairwise(self) -> PairwiseNetwork:
        """The network group of a pairwise preset (ModelError for a guided one)."""
        if not isinstance(self.network, PairwiseNetwork):
            raise ModelError(f"preset {self.name} is {self.family}, not pairwise")
        return self.network

    @property
    def guided(self) -> GuidedNetwork:
        """The network group of a guided preset (ModelError for a pairwise one)."""
        if not isinstance(self.network, GuidedNetwork):
            raise ModelError(f"preset {self.name} is {self.family}, not guided")
        return self.network


_CLASSIC_AUGMENTATION = Augmentation(rotation=20.0, zoom=0.1, shift=0.05, flip=0.5, warp=6 / 256)
_CLASSIC_LOSSES = Losses(gradient=0.0, ssim=0.0, adversarial=0.5, perceptual_weight=0.1, perceptual_every=1)
_CLASSIC_64 = PairwiseNetwork(
    architecture="classic",
    encoder_widths=(128, 256, 512, 1024),
    bottleneck=1024,
    bottom_width=1024,
    decoder_widths=(256, 128, 64),
    mask="blend",
    mask_weight=0.0,
    mask_area=1e-3,
    mask_variation=0.01,
    region_weight=0.0,
    hull_weight=0.0,
    background_weight=1.0,
    separate_optimisers=True,
)
_FAST_96 = PairwiseNetwork(
    architecture="light",
    encoder_widths=(24, 48, 96, 192),
    bottleneck=256,
    bottom_width=128,
    decoder_widths=(96, 64, 32),
)


def _classic(name: str, size: int, batch: int, network: PairwiseNetwork) -> Preset:
    return Preset(
        name=name, size=size, network=network, crop="box", trim=1 / 15, batch=batch, learning_rate=1e-4,
        beta1=0.5, beta2=0.999, warmup=0, decay_from=1.0, ema=0.0, augmentation=_CLASSIC_AUGMENTATION,
        losses=_CLASSIC_LOSSES,
    )  # fmt: skip


def _guided(name: str, size: int, network: GuidedNetwork) -> Preset:
    return Preset(
        name=name, size=size, network=network, batch=5, clip=1.0, ema=0.995,
        augmentation=Augmentation(rotation=3.4, zoom=0.04, shift=4 / 128, warp=0.0),
        losses=Losses(gradient=1.0, ssim=0.1, ssim_every=1, adversarial=0.02, perceptual="dlib-resnet"),
    )  # fmt: skip


PRESETS: Final[dict[str, Preset]] = {
    preset.name: preset
    for preset in (
        _guided("guided-128", 128, GuidedNetwork(start="rendered")),
        _guided("guided-256", 256, GuidedNetwork(widths=(32, 64, 128, 192, 256))),
        Preset(name="fast-96", size=96, network=_FAST_96),
        Preset(
            name="fast-192",
            size=192,
            batch=16,
            network=PairwiseNetwork(
                architecture="light",
                encoder_widths=(48, 96, 192, 384, 512),
                bottleneck=512,
                bottom_width=256,
                decoder_widths=(256, 192, 128, 64),
                discriminator_widths=(64, 128, 256, 512),
            ),
        ),
        _classic("classic-64", 64, 8, _CLASSIC_64),
        _classic(
            "classic-128",
            128,
            8,
            dataclasses.replace(
                _CLASSIC_64,
                encoder_widths=(128, 256, 512, 1024, 1024),
                decoder_widths=(512, 256, 128, 64),
                discriminator_widths=(64, 128, 256, 512),
            ),
        ),
    )
}
"""The presets by name. ``classic-64`` is the network of shaoanlu/faceswap-GAN, v1 with v2's alpha."""

_GUIDED_FIXED: Final = {
    "crop": "aligned", "coverage": 1.0, "trim": 0.0, "ssim_every": 1, "flip": 0.0,
    "warp": 0.0,
}  # fmt: skip
"""Shared hyperparameters that guided training does not have: any other value would be ignored."""

_GROUPS: Final = ("network", "augmentation", "losses")


def preset(name: str) -> Preset:
    """The preset called ``name``.

    Raises:
        UsageError: there is none.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"there is no preset {name!r}; choose one of {', '.join(PRESETS)}") from None


def hyperparameters(value: Preset | type[Any]) -> Iterator[tuple[str, Any, str]]:
    """Yields name, type and help text of every hyperparameter of a preset (or of one group's class)."""
    kind = value if isinstance(value, type) else type(value)
    hints = get_type_hints(kind)
    for item in dataclasses.fields(kind):
        if item.name not in ("name", *_GROUPS):  # a name is no hyperparameter, a group has its own
            yield item.name, hints[item.name], item.metadata["help"]
    if isinstance(value, Preset):
        for group in _GROUPS:
            yield from hyperparameters(type(getattr(value, group)))


def hyperparameter_types() -> dict[str, Any]:
    """Name and type of every hyperparameter that any family has."""
    groups = (Preset, PairwiseNetwork, GuidedNetwork, Losses, Augmentation)
    return {name: hint for kind in groups for name, hint, _ in hyperparameters(kind)}


def overridden(preset: Preset, **flags: Any) -> Preset:
    """Replaces some hyperparameters of a preset.

    Args:
        preset: what to start from.
        flags: hyperparameter name to value; groups need no prefix.

    Raises:
        UsageError: a hyperparameter that this preset's family does not have, or an impossible value.
    """
    changes: dict[str, dict[str, Any]] = {group: {} for group in ("", *_GROUPS)}
    for name, value in flags.items():
        changes[_place(preset, name)][name] = value
    groups = {
        group: dataclasses.replace(getattr(preset, group), **changes[group])
        for group in _GROUPS
        if changes[group]
    }
    result = dataclasses.replace(preset, **groups, **changes[""])
    check_preset(result)
    return result


def _place(preset: Preset, name: str) -> str:
    if name not in ("name", *_GROUPS):
        for group in ("", *_GROUPS):
            owner = getattr(preset, group) if group else preset
            if name in {item.name for item in dataclasses.fields(owner)}:
                return group
    raise UsageError(f"preset {preset.name} ({preset.family}) has no ingredient {name!r}")


def check_preset(preset: Preset) -> None:
    """Refuses values that cannot work; the UsageError has the hyperparameter's name."""
    flat = {
        **dataclasses.asdict(preset),
        **{k: v for g in _GROUPS for k, v in vars(getattr(preset, g)).items()},
    }
    for name in (
        "batch",
        "ssim_every",
        "perceptual_every",
        "ema_every",
        "references",
        "detail",
        "bottleneck",
    ):
        _require(preset, name, flat.get(name, 1) >= 1, flat, "at least 1")
    for name in ("flip", "mask_floor", "decay_from", "decay_to"):
        _require(preset, name, 0 <= flat.get(name, 0) <= 1, flat, "from 0 to 1")
    for name in ("ema", "beta1", "beta2"):
        _require(preset, name, 0 <= flat[name] < 1, flat, "from 0 to below 1")
    _require(preset, "trim", 0 <= flat["trim"] < 0.5, flat, "from 0 to below 0.5")
    _require(preset, "coverage", flat["coverage"] > 0, flat, "above 0")
    _require(preset, "learning_rate", flat["learning_rate"] > 0, flat, "above 0")
    for name, value in flat.items():
        if isinstance(value, int | float):
            most = _MAX_VALUES.get(name, MAX_HYPERPARAMETER)
            _require(preset, name, 0 <= value <= most, flat, f"0 to {most:,}")  # also not: no number
        elif isinstance(value, tuple):
            good = 0 < len(value) <= MAX_STAGES and all(0 < width <= MAX_WIDTH for width in value)
            _require(preset, name, good, flat, f"1 to {MAX_STAGES} numbers, each 1 to {MAX_WIDTH:,}")
    if preset.family == "guided":
        for name, value in _GUIDED_FIXED.items():
            _require(preset, name, flat[name] == value, flat, f"{value} for guided presets")
    stages = preset.network.encoder_widths if preset.family == "pairwise" else preset.guided.widths  # type: ignore[union-attr]
    _require(preset, "size", preset.size % 2 ** len(stages) == 0, flat, f"a multiple of {2 ** len(stages)}")


def _require(preset: Preset, name: str, good: bool, values: Mapping[str, Any], wanted: str) -> None:
    if not good:
        raise UsageError(f"preset {preset.name}: {name} must be {wanted}, not {values[name]}")

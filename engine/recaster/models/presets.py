"""Presets: every choice that makes a network and its training, as plain values.

A preset names a family ("pairwise" or "guided"), what both families share, and one small group for
each thing that has parts of its own. Every option of every group is a hyperparameter: its name is unique
over the whole preset, so ``overridden(preset, adversarial=0.0)`` and ``recaster train --adversarial 0``
need no path, and every ablation is one flag.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import MISSING, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin, get_type_hints

from recaster.errors import ModelError, UsageError
from recaster.settings.choices import Bounds
from recaster.settings.options import Option, option, own_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_VALUE: Final = 1_000_000
MAX_STAGES: Final = 8
MAX_WIDTH: Final = 4096
"""Channels of one stage."""


@dataclass(frozen=True)
class Range(Bounds):
    """Bounds of a hyperparameter, and words for what it must be where it is too low or too high."""

    low: float = 0
    high: float = MAX_VALUE
    too_low: str = ""
    too_high: str = ""

    def fault(self, value: float) -> str:
        """Says what the value must be; empty where it is."""
        if self.low <= value <= self.high:
            return ""
        words = self.too_high if value > self.high else self.too_low  # also for what is no number
        return f"must be {words or f'0 to {self.high:,}'}"


class _Widths(Bounds):
    """Bounds of the channels of a network's stages."""

    def fault(self, value: Any) -> str:
        """Says what the widths must be; empty where they are."""
        if 0 < len(value) <= MAX_STAGES and all(self.low <= width <= self.high for width in value):
            return ""
        return f"must be 1 to {MAX_STAGES} numbers, each {self.low} to {self.high:,}"


_amount = partial(option, bounds=Range())
_count = partial(option, bounds=Range(1, too_low="at least 1"))
_positive = partial(option, bounds=Range(math.ulp(0.0), too_low="above 0"))
_share = partial(option, bounds=Range(0, 1, "from 0 to 1", "from 0 to 1"))
_decay = partial(option, bounds=Range(0, math.nextafter(1, 0), "from 0 to below 1", "from 0 to below 1"))
_widths = partial(option, bounds=_Widths(1, MAX_WIDTH))


def _limited(high: float) -> Range:
    """Bounds of a count that memory grows with."""
    return Range(1, high, too_low="at least 1")


@dataclass(frozen=True)
class Augmentation:
    """Variation of training faces. All amounts are half-widths of uniform distributions but ``warp``."""

    rotation: float = _amount(3.0, "largest turn of a training face, in degrees")
    zoom: float = _amount(0.015, "largest change of scale, as a share of the crop")
    shift: float = _amount(0.012, "largest move along either axis, as a share of the crop")
    flip: float = _share(0.0, "probability of mirroring a training face (faces are not symmetric)")
    warp: float = _amount(0.012, "standard deviation of the input's 5x5 grid warp, as a share of the crop")


@dataclass(frozen=True)
class Losses:
    """Weights of the terms that compare the painted face with the true one."""

    reconstruction: float = _amount(1.0, "weight of the L1 difference to the true face")
    gradient: float = _amount(0.5, "weight of the L1 difference of the image gradients")
    ssim: float = _amount(0.1, "weight of 1 - SSIM over 7x7 windows")
    ssim_every: int = _count(2, "compute the SSIM term on every N-th step only")
    adversarial: float = _amount(
        0.0, "weight of the least-squares adversarial loss; 0 trains no discriminator"
    )
    mixup: float = _amount(0.2, "Beta(a, a) of real and fake mixed for the discriminator; 0 mixes nothing")
    perceptual: Literal["none", "dlib-resnet", "vggface"] = option(
        "none", "network whose features the painted face is also compared in"
    )
    perceptual_weight: float = _amount(0.05, "weight of the perceptual term")
    perceptual_every: int = _count(4, "compute the perceptual term on every N-th step only")


@dataclass(frozen=True)
class PairwiseNetwork:
    """A shared encoder and one decoder per identity, and the losses that only it knows."""

    architecture: Literal["classic", "light"] = option(MISSING, "faceswap-GAN's network or the light one")
    encoder_widths: tuple[int, ...] = _widths(MISSING, "channels after each halving of the encoder")
    bottleneck: int = option(MISSING, "units of the dense bottleneck", bounds=_limited(65_536))
    bottom_width: int = option(
        MISSING, "channels of the map that the bottleneck is unfolded to", bounds=Range(high=MAX_WIDTH)
    )
    decoder_widths: tuple[int, ...] = _widths(MISSING, "channels after each doubling of a decoder")
    discriminator_widths: tuple[int, ...] = _widths((64, 128, 256), "channels of the discriminator's stages")
    mask: Literal["none", "blend", "hull"] = option(
        "hull",
        "learned mask: none; blend with the input (faceswap-GAN's); or taught the face's outline (hull)",
    )
    hull: Literal["oval", "inner"] = option(
        "oval", "outline taken for the face: with forehead, or brows down"
    )
    mask_weight: float = _amount(0.1, "weight of |outline - mask| where the mask is taught the outline")
    mask_area: float = _amount(0.0, "weight of the mask's mean, against masks that cover everything")
    mask_hinge: float = _amount(0.0, "weight of the hinge that keeps the mask's mean above mask_floor")
    mask_floor: float = _share(0.5, "the mean that mask_hinge asks for, 0 to 1")
    mask_variation: float = _amount(0.0, "weight of the mask's total variation")
    region_weight: float = _amount(2.0, "extra weight of eyes and mouth; 0 with hull_weight 0 = plain L1")
    hull_weight: float = _amount(1.0, "weight of the face in the differences, over background_weight outside")
    background_weight: float = _amount(0.25, "weight of what lies outside the face in the differences")
    separate_optimisers: bool = option(
        False, "one Adam per identity (faceswap-GAN's four) instead of one for both"
    )


@dataclass(frozen=True)
class GuidedNetwork:
    """A U-Net that turns the warped source and its geometry into the source's face."""

    widths: tuple[int, ...] = _widths((32, 64, 128, 192), "channels after each halving of the U-Net")
    detail: int = _count(2, "faces are painted at this many times the network's size")
    alone: float = _amount(
        0.5, "weight of the L1 difference of the painting before it is mixed with the warp"
    )
    trust: float = _amount(0.02, "weight of painting skin where the source's own pixels could be kept")
    texture: float = _amount(3.0, "weight of the difference in how much fine detail the skin has")
    critic_widths: tuple[int, ...] = _widths((32, 48, 64), "channels after each halving of the discriminator")
    start: Literal["rendered", "none"] = option(
        "none", "first weights: those learned on rendered people, or random ones"
    )
    references: int = option(
        24, "frames of the source whose pixels may be warped onto the target's mesh", bounds=_limited(1024)
    )


@dataclass(frozen=True)
class Preset:
    """All choices of one kind of model; instances are in ``PRESETS``."""

    network: PairwiseNetwork | GuidedNetwork
    name: str
    size: int = option(
        MISSING, "side of the crop that the network sees and paints, in pixels", bounds=Range(high=1024)
    )
    crop: Literal["aligned", "box"] = option("aligned", "how faces are cut out: by landmarks or by the box")
    coverage: float = _positive(
        1.0, "aligned crops: how much around the face is shown (eye distance .338/coverage)"
    )
    trim: float = option(
        0.0,
        "box crops: share of each side that is cut away",
        bounds=Range(0, math.nextafter(0.5, 0), "from 0 to below 0.5", "from 0 to below 0.5"),
    )
    batch: int = option(6, "training faces a step, of each identity", bounds=_limited(1024))
    learning_rate: float = _positive(1e-3, "Adam's learning rate after the warm-up")
    beta1: float = _decay(0.9, "Adam's first momentum")
    beta2: float = _decay(0.99, "Adam's second momentum")
    clip: float = _amount(0.0, "largest global norm of the gradients; 0 clips nothing")
    warmup: int = _amount(100, "steps over which the learning rate rises from 0")
    decay_from: float = _share(0.7, "share of the budget after which the learning rate falls; 1 = never")
    decay_to: float = _share(0.02, "share of the learning rate that is left at the end")
    ema: float = _decay(0.999, "decay of the weights' moving average that is used for swaps; 0 = none")
    ema_every: int = _count(5, "update the moving average on every N-th step")
    augmentation: Augmentation = Augmentation()
    losses: Losses = Losses()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Preset:
        """Reads what ``to_json`` wrote.

        Raises:
            ModelError: a field is missing, unknown, of the wrong type, or has an impossible value.
        """
        values = dict(value)
        family = values.pop("family", None)
        if family not in ("pairwise", "guided"):
            raise ModelError(f"the preset's family is {family!r}; expected pairwise or guided")
        network = PairwiseNetwork if family == "pairwise" else GuidedNetwork
        kinds = {"network": network, "augmentation": Augmentation, "losses": Losses}
        groups = {name: _read_group(kind, values.pop(name, None), name) for name, kind in kinds.items()}
        result: Preset = _read_group(cls, values, "preset", **groups)
        try:
            check_preset(result)
        except UsageError as error:
            raise ModelError(str(error)) from None
        return result

    def to_json(self) -> dict[str, Any]:
        """Converts it to values that JSON can hold."""
        return {"family": self.family, **dataclasses.asdict(self)}

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
    architecture="classic", encoder_widths=(128, 256, 512, 1024), bottleneck=1024, bottom_width=1024,
    decoder_widths=(256, 128, 64), mask="blend", mask_weight=0.0, mask_area=1e-3, mask_variation=0.01,
    region_weight=0.0, hull_weight=0.0, background_weight=1.0, separate_optimisers=True,
)  # fmt: skip
_CLASSIC_128 = dataclasses.replace(
    _CLASSIC_64, encoder_widths=(128, 256, 512, 1024, 1024), decoder_widths=(512, 256, 128, 64),
    discriminator_widths=(64, 128, 256, 512),
)  # fmt: skip
_FAST_96 = PairwiseNetwork(
    architecture="light", encoder_widths=(24, 48, 96, 192), bottleneck=256, bottom_width=128,
    decoder_widths=(96, 64, 32),
)  # fmt: skip
_FAST_192 = PairwiseNetwork(
    architecture="light", encoder_widths=(48, 96, 192, 384, 512), bottleneck=512, bottom_width=256,
    decoder_widths=(256, 192, 128, 64), discriminator_widths=(64, 128, 256, 512),
)  # fmt: skip


def _classic(name: str, size: int, network: PairwiseNetwork) -> Preset:
    return Preset(
        name=name, size=size, network=network, crop="box", trim=1 / 15, batch=8, learning_rate=1e-4,
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
        Preset(name="fast-192", size=192, batch=16, network=_FAST_192),
        _classic("classic-64", 64, _CLASSIC_64),
        _classic("classic-128", 128, _CLASSIC_128),
    )
}
"""The presets by name. ``classic-64`` is the network of shaoanlu/faceswap-GAN, v1 with v2's alpha."""

_GUIDED_FIXED: Final = {
    "crop": "aligned", "coverage": 1.0, "trim": 0.0, "ssim_every": 1, "flip": 0.0, "warp": 0.0,
}  # fmt: skip
"""Shared hyperparameters that guided training does not have: any other value would be ignored."""

_GROUPS: Final = ("network", "augmentation", "losses")
_OPTIONS: Final[dict[type[Any], dict[str, Option]]] = {
    kind: {each.name: each for each in own_options(kind)}
    for kind in (Preset, PairwiseNetwork, GuidedNetwork, Losses, Augmentation)
}


def preset(name: str) -> Preset:
    """The preset called ``name`` (UsageError where there is none)."""
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"there is no preset {name!r}; choose one of {', '.join(PRESETS)}") from None


def hyperparameters(*kinds: type[Any]) -> dict[str, Option]:
    """The hyperparameters of some of a preset's classes, by name; of all of them where none is given."""
    return {name: each for kind in kinds or _OPTIONS for name, each in _OPTIONS[kind].items()}


def overridden(preset: Preset, **flags: Any) -> Preset:
    """Replaces some hyperparameters of a preset, by their names; groups need no prefix.

    Raises:
        UsageError: a hyperparameter that this preset's family does not have, or an impossible value.
    """
    groups = {}
    for group in _GROUPS:
        part = getattr(preset, group)
        own = flags.keys() & hyperparameters(type(part))
        groups[group] = dataclasses.replace(part, **{name: flags.pop(name) for name in own})
    shared = hyperparameters(Preset)
    if unknown := [name for name in flags if name not in shared]:
        raise UsageError(f"preset {preset.name} ({preset.family}) has no ingredient {unknown[0]!r}")
    result = dataclasses.replace(preset, **groups, **flags)
    check_preset(result)
    return result


def check_preset(preset: Preset) -> None:
    """Refuses values that cannot work; the UsageError has the hyperparameter's name."""
    for name, value, fault in _find_faults(preset):
        raise UsageError(f"preset {preset.name}: {name} {fault}, not {value}")


def _find_faults(preset: Preset) -> Iterator[tuple[str, Any, str]]:
    """Yields name and value of each hyperparameter that cannot work, and what it must be."""
    for part in (preset, preset.network, preset.augmentation, preset.losses):
        for name, each in hyperparameters(type(part)).items():
            value = getattr(part, name)
            if each.bounds is not None and (fault := each.bounds.fault(value)):
                yield name, value, fault
            if preset.family == "guided" and value != _GUIDED_FIXED.get(name, value):
                yield name, value, f"must be {_GUIDED_FIXED[name]} for guided presets"
    stages = preset.guided.widths if preset.family == "guided" else preset.pairwise.encoder_widths
    if preset.size % 2 ** len(stages):
        yield "size", preset.size, f"must be a multiple of {2 ** len(stages)}"


def _read_group(kind: type[Any], values: Any, what: str, **given: Any) -> Any:
    if not isinstance(values, dict):
        raise ModelError(f"the preset's {what} is missing or not an object")
    hints = get_type_hints(kind)
    expected = {item.name for item in dataclasses.fields(kind)} - given.keys()
    if wrong := sorted(expected ^ values.keys()):
        raise ModelError(f"the preset's {what} has missing or unknown fields: {', '.join(wrong)}")
    read = {name: _require_type(values[name], hints[name], name) for name in expected}
    return kind(**read, **given)


def _require_type(value: Any, hint: Any, name: str) -> Any:
    """Checks that a value is of its type: bool, int, float, str, one of some strings, or ints."""
    if get_origin(hint) is Literal:
        good = value in get_args(hint)
    elif get_origin(hint) is tuple:
        good = isinstance(value, list | tuple) and all(type(item) is int for item in value)
        value = tuple(value) if good else value
    elif hint is float:
        good = type(value) is float or (type(value) is int and abs(value) <= sys.float_info.max)
        value = float(value) if good else value
    else:
        good = type(value) is hint
    if not good:
        raise ModelError(f"the preset's {name} cannot be {value!r}")
    return value

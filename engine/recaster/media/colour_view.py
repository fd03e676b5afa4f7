"""View of HDR, log and linear pictures for networks, which know sRGB alone, and the way back for their paint.

PQ (SMPTE ST 2084) and HLG (ITU-R BT.2100) become light relative to diffuse white (203 cd/m2, or 75 % of HLG:
ITU-R BT.2408), in the primaries of BT.709 (ITU-R BT.2087); linear pictures are light, whose white is 1. Light
near white and beyond is bent below it; then comes sRGB's curve. Every step has an inverse, so that what is
painted gets the clip's own values.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from recaster.errors import UsageError
from recaster.media.colour_tags import LINEAR_TRANSFER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.media.types import ColourTags, Image

    Light = NDArray[np.floating[Any]]
    """Any shape of RGB; 1 is diffuse white."""

REFERENCE_WHITE_CDM2: Final = 203
HLG_REFERENCE: Final = 0.265
"""Scene light of HLG's signal of 75 %."""
TO_BT709: Final = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
"""Linear RGB of BT.2020 to that of BT.709 (ITU-R BT.2087, inverted)."""
Chromaticities: TypeAlias = tuple[float, float, float, float, float, float, float, float]
"""CIE 1931 x and y of red, green, blue and white."""
BT709_PRIMARIES: Final = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""CIE XYZ to cone responses, by which a white is adapted to another (Lam and Rigg)."""
LINEAR_SPACE: Final = "Linear Rec.709 (sRGB)"
_BLINDING_LIGHT: Final = 100.0
KNEE: Final = 0.6
"""Light up to which the view is straight: skin in a usual exposure."""
MAX_VIEWED_LIGHT: Final = 2.5
"""Light that 8 bits of the view still tell from more: a channel that is full, as in highlights of ordinary
pictures, stands for no more."""
# The constants of SMPTE ST 2084, by its names.
_M1: Final = 2610 / 16384
_M2: Final = 2523 / 4096 * 128
_C1: Final = 3424 / 4096
_C2: Final = 2413 / 4096 * 32
_C3: Final = 2392 / 4096 * 32
# Those of HLG's curve in ITU-R BT.2100.
_A: Final = 0.17883277
_B: Final = 0.28466892
_C: Final = 0.55991073


@dataclass(frozen=True)
class ColourView:
    """The view of clips in one colour space.

    Attributes:
        transfer: as ffmpeg names it.
        is_wide: whether the primaries are those of BT.2020.
        space: OpenColorIO's name of the space, which then stands for both.
        primaries: of linear pictures.
    """

    transfer: str
    is_wide: bool
    space: str = ""
    primaries: Chromaticities = BT709_PRIMARIES

    @classmethod
    def of(cls, tags: ColourTags) -> ColourView | None:
        """The view of a clip by its tags; None where its values are viewed as they are."""
        if tags.transfer not in _TO_LIGHT or tags.transfer == LINEAR_TRANSFER:
            return None
        return cls(tags.transfer, tags.primaries == "bt2020")

    @classmethod
    def of_space(cls, name: str) -> ColourView:
        """The view of a colour space of the OpenColorIO configuration, by its name or an alias.

        Raises:
            UsageError: there is none of that name, or the configuration cannot be read.
        """
        _find_processors(name)
        return cls("", is_wide=False, space=name)

    @classmethod
    def of_light(cls, primaries: Chromaticities = BT709_PRIMARIES) -> ColourView:
        """The view of linear pictures."""
        return cls(LINEAR_TRANSFER, is_wide=False, primaries=primaries)

    @property
    def is_unbounded(self) -> bool:
        """True where values below black and beyond white are as good as those between."""
        return bool(self.space) or self.transfer == LINEAR_TRANSFER

    @property
    def fingerprint(self) -> str:
        """Text that is another when the configuration makes something else of ``space``."""
        return "\n".join(each.getCacheID() for each in _find_processors(self.space)) if self.space else ""

    def show(self, image: Image) -> Image:
        """Turns 8-bit code values, (H, W, 3), into the view's."""
        red, green, blue = (image[..., channel].astype(np.uint32) for channel in range(3))
        shown: Image = _table(self)[red << 16 | green << 8 | blue]
        return shown

    def show_floats(self, values: Light) -> Image:
        """Turns values of which 1 is the code 255, (H, W, 3) of 16 or 32 bits, into the view's."""
        shown: Image = np.rint(_curve_table()).astype(np.uint8)[self._find_bits(values)]
        return shown

    def decode_picture(self, plate: Light) -> NDArray[np.float32]:
        """Does what ``decode`` does, up to a tenth of a level off, in a tenth of the time."""
        shown: NDArray[np.float32] = _curve_table()[self._find_bits(plate / np.float32(255))]
        return shown

    def _find_bits(self, values: Light) -> NDArray[np.uint16]:
        """Finds the bits of light as 16-bit floats, by which its view is looked up."""
        light = values if self._is_light else self.to_light(np.asarray(values, np.float32))
        with np.errstate(over="ignore"):  # beyond half's range there is white alone
            halves = light.astype(np.float16, copy=False)
        return np.ascontiguousarray(halves).view(np.uint16)

    @property
    def _is_light(self) -> bool:
        """True where values are light in the primaries of BT.709 already."""
        return self.transfer == LINEAR_TRANSFER and self.primaries == BT709_PRIMARIES

    def decode(self, codes: Light) -> NDArray[np.float32]:
        """Turns code values from 0 to 255, (..., 3), into the view's."""
        return _bend(self.to_light(codes / 255))

    def to_light(self, values: Light) -> Light:
        """Turns values from 0 to 1, (..., 3), into light in the primaries of BT.709."""
        if self.space:
            return _apply_processor(_find_processors(self.space)[0], values)
        if self.transfer == LINEAR_TRANSFER:
            return values if self._is_light else values @ find_matrix(self.primaries).T
        light = _TO_LIGHT[self.transfer](np.clip(values, 0, 1))
        return light @ TO_BT709.T if self.is_wide else light

    def encode(self, view: Light) -> NDArray[np.float32]:
        """Inverts ``decode``."""
        srgb = np.clip(view / 255, 0, 1)
        light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
        left = np.maximum(1 - (np.maximum(light, KNEE) - KNEE) / (1 - KNEE), 1e-9)
        light = np.where(light > KNEE, KNEE - (1 - KNEE) * np.log(left), light)
        light = np.minimum(light, MAX_VIEWED_LIGHT)
        if self.space:
            return 255 * _apply_processor(_find_processors(self.space)[1], light)
        if self.transfer == LINEAR_TRANSFER:
            values = light if self._is_light else light @ np.linalg.inv(find_matrix(self.primaries)).T
            return (255 * values).astype(np.float32)
        if self.is_wide:
            light = np.maximum(light @ np.linalg.inv(TO_BT709).T, 0)
        return (255 * np.clip(_FROM_LIGHT[self.transfer](light), 0, 1)).astype(np.float32)


def _bend(light: Light) -> NDArray[np.float32]:
    """Turns light in the primaries of BT.709 into the view's values, 0 to 255."""
    bent = KNEE + (1 - KNEE) * -np.expm1(-np.maximum(light - KNEE, 0) / (1 - KNEE))
    light = np.clip(np.where(light > KNEE, bent, light), 0, 1)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (255 * srgb).astype(np.float32)


@functools.lru_cache(maxsize=8)
def find_matrix(primaries: Chromaticities) -> NDArray[np.float32]:
    """Finds (3, 3): linear RGB of some primaries to that of BT.709, white to white.

    The matrices are those of SMPTE RP 177, the white is adapted by Bradford's transform.

    Raises:
        ValueError: the chromaticities span no colours.
    """
    here = _find_xyz(primaries)
    there = _find_xyz(BT709_PRIMARIES)
    cones = BRADFORD @ here.sum(axis=1)
    adapted = np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ there.sum(axis=1) / cones) @ BRADFORD
    return np.asarray(np.linalg.inv(there) @ adapted @ here, np.float32)


def _find_xyz(primaries: Chromaticities) -> NDArray[np.float64]:
    """Finds (3, 3): linear RGB of some primaries to CIE XYZ, whose Y of white is 1."""
    places = np.array(primaries, np.float64).reshape(4, 2)
    if not np.isfinite(places).all() or (places[:, 1] <= 0).any():
        raise ValueError("its chromaticities make no sense")
    xyz = np.stack([places[:, 0], places[:, 1], 1 - places.sum(axis=1)]) / places[:, 1]
    try:
        return np.asarray(xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3]))
    except np.linalg.LinAlgError as error:
        raise ValueError("its primaries lie on one line") from error


def _pq_to_light(code: Light) -> Light:
    power = code ** (1 / _M2)
    nits = 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)
    return nits / REFERENCE_WHITE_CDM2


def _pq_from_light(light: Light) -> Light:
    power = (light * REFERENCE_WHITE_CDM2 / 10_000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def _hlg_to_light(code: Light) -> Light:
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - _C) / _A) + _B) / 12)
    return scene / HLG_REFERENCE


def _hlg_from_light(light: Light) -> Light:
    scene = np.minimum(light * HLG_REFERENCE, 1)
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), _A * np.log(np.maximum(12 * scene - _B, 1e-6)) + _C)


_TO_LIGHT: Final = {"smpte2084": _pq_to_light, "arib-std-b67": _hlg_to_light}
_FROM_LIGHT: Final = {"smpte2084": _pq_from_light, "arib-std-b67": _hlg_from_light}


@functools.lru_cache(maxsize=4)
def _find_processors(space: str) -> tuple[Any, Any]:
    """OpenColorIO's ways from a colour space to linear light in the primaries of BT.709, and back.

    The configuration is the one that the environment variable OCIO names, else the newest built-in one for
    studios, which has the cameras' log spaces.
    """
    import PyOpenColorIO

    try:
        builtin = PyOpenColorIO.Config.CreateFromBuiltinConfig("studio-config-latest")
        config = PyOpenColorIO.Config.CreateFromEnv() if os.environ.get("OCIO") else builtin
        known = config.getColorSpace(space)
        if known is None:
            logs = (each for each in config.getColorSpaces() if each.getEncoding() == "log")
            names = ", ".join(next(iter(each.getAliases()), each.getName()) for each in logs)
            raise UsageError(f"there is no colour space {space!r}; log spaces of cameras are: {names}")
        there = PyOpenColorIO.Config.GetProcessorFromConfigs(config, known.getName(), builtin, LINEAR_SPACE)
        back = PyOpenColorIO.Config.GetProcessorFromConfigs(builtin, LINEAR_SPACE, config, known.getName())
    except PyOpenColorIO.Exception as error:
        raise UsageError(f"the colour space {space!r} cannot be used: {error}") from error
    return there.getDefaultCPUProcessor(), back.getDefaultCPUProcessor()


@functools.lru_cache(maxsize=1)
def _curve_table() -> NDArray[np.float32]:
    """(65536,) float32: the view of light by the bits of its 16-bit floats; what is no number is black."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    return _bend(np.nan_to_num(halves, nan=0, posinf=_BLINDING_LIGHT))


def _apply_processor(processor: Any, values: Light) -> NDArray[np.float32]:
    result = np.array(values, np.float32, order="C")
    processor.applyRGB(result.reshape(-1, 3))
    return result


@functools.lru_cache(maxsize=2)
def _table(view: ColourView) -> Image:
    """(256 ** 3, 3) uint8: the view of every colour of 8 bits a channel; whole pictures are shown by it."""
    steps = np.arange(256, dtype=np.float32)
    table = np.empty((256, 256, 256, 3), np.uint8)
    for red in range(256):
        codes = np.stack(np.broadcast_arrays(steps[red], steps[:, None], steps), axis=-1)
        table[red] = np.rint(view.decode(codes))
    return table.reshape(-1, 3)

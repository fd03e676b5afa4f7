"""Conditions of a shot that swaps must hold under: light, lens, grain, compression, angle, other people.

Each is done to every frame of a clip, and in the same way to the frames of its true swap, so that a true
swap under the same condition is known. Where the picture is turned or shrunk, ``undo`` takes that back, so
that results are judged in the geometry of the plain shot, whose face is known.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from recaster.evaluation.types import Mask, Plane
    from recaster.media.types import Image

    Change = Callable[[Image, "Moment"], Image]
    Undo = Callable[[Image, tuple[int, int]], Image]

PLAIN: Final = "plain"
_SEPIA: Final = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
_LUMA: Final = (0.299, 0.587, 0.114)
_TINY: Final = 5
"""The picture of "tiny" is so many times smaller."""


@dataclass(frozen=True, eq=False)
class Moment:
    """Place of a frame in a shot, and the frame of the other person's clip that goes with it, if any."""

    index: int
    count: int
    other: Image | None = None


@dataclass(frozen=True, eq=False)
class Condition:
    """One condition.

    Attributes:
        name: a word, also of its folder.
        change: makes its frame (H, W, 3) uint8 RGB out of the plain one.
        undo: brings a frame back to the plain one's geometry, (width, height); None where that stayed.
        protected: (H, W) bool, what belongs to another person in a frame and must stay; None for nothing.
        bit_rate: of the encoded shot, bits a second; None for a good picture.
        aspect: the shape of its pixels, width over height.
    """

    name: str
    title: str
    change: Change
    undo: Undo | None = None
    protected: Callable[[tuple[int, int], Moment], Mask | None] | None = None
    bit_rate: int | None = None
    aspect: Fraction = Fraction(1)

    @property
    def needs_other(self) -> bool:
        """True where a second person is in the picture."""
        return self.protected is not None


def condition(name: str) -> Condition:
    """Returns the condition of a name (UsageError where there is none)."""
    if name not in CONDITIONS:
        raise UsageError(f"there is no condition {name!r} of a shot; there are {', '.join(CONDITIONS)}")
    return CONDITIONS[name]


def _levels(values: Plane) -> Image:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _mixed(image: Image, _: Moment, matrix: ArrayLike) -> Image:
    """Makes each channel of all three: ``matrix`` is (3, 3)."""
    return _levels(cv2.transform(image.astype(np.float32), np.array(matrix, np.float32)))


def _fade(image: Image, moment: Moment) -> Image:
    share = np.clip((moment.index - 0.1 * moment.count) / (0.5 * moment.count), 0, 1)
    return _levels(image * np.float32(share))


def _flash(image: Image, moment: Moment) -> Image:
    return _levels(image + np.float32(115)) if moment.index % 12 < 2 else image


def _grain(image: Image, moment: Moment, strength: float) -> Image:
    rng = np.random.default_rng([zlib.crc32(b"grain"), moment.index])
    # Film and sensors carry most of their noise in brightness, a little softened by what read them.
    noise = rng.normal(size=image.shape).astype(np.float32) * 0.5
    noise += rng.normal(size=(*image.shape[:2], 1)).astype(np.float32)
    return _levels(image + strength * cv2.GaussianBlur(noise, (0, 0), 0.6))


def _rolled(image: Image, _: Moment, degrees: float) -> Image:
    matrix, size = _roll(image.shape[1::-1], degrees)
    return cv2.warpAffine(image, matrix, size, borderValue=(128, 128, 128))


def _unrolled(image: Image, size: tuple[int, int], degrees: float) -> Image:
    matrix, _ = _roll(size, degrees)
    return cv2.warpAffine(image, cv2.invertAffineTransform(matrix), size, flags=cv2.INTER_LINEAR)


def _roll(size: tuple[int, int], degrees: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Computes the turn about the middle onto a square that holds all of the picture, and its size."""
    side = int(np.ceil(np.hypot(*size) / 2)) * 2
    matrix = cv2.getRotationMatrix2D(((size[0] - 1) / 2, (size[1] - 1) / 2), -degrees, 1.0)
    matrix[:, 2] += (side - np.array(size)) / 2
    return np.asarray(matrix), (side, side)


def _tiny(image: Image, _: Moment) -> Image:
    height, width = image.shape[:2]
    out = np.full_like(image, 128)
    left, top, small = _tiny_place((width, height))
    out[top : top + small[1], left : left + small[0]] = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return out


def _untiny(image: Image, size: tuple[int, int]) -> Image:
    left, top, small = _tiny_place(size)
    return cv2.resize(image[top : top + small[1], left : left + small[0]], size)


def _tiny_place(size: tuple[int, int]) -> tuple[int, int, tuple[int, int]]:
    small = (size[0] // _TINY, size[1] // _TINY)
    return (size[0] - small[0]) // 2, (size[1] - small[1]) // 2, small


def _squeezed(image: Image, _: Moment) -> Image:
    size = (image.shape[1] * 3 // 8 * 2, image.shape[0] // 2 * 2)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _half_in_front(image: Image, moment: Moment) -> Image:
    """Draws the other person, cut along a straight edge, before the right half of the face."""
    out = image.copy()
    begin = _front_from(image.shape[1::-1])
    width = image.shape[1] - begin
    start = min(image.shape[1] * 30 // 100, begin)  # close to the other's cheek
    out[:, begin:] = _other(image, moment)[:, start : start + width]
    return out


def _other(image: Image, moment: Moment) -> Image:
    """Scales the other person's picture to the performer's size."""
    if moment.other is None:
        raise ValueError("this condition needs the picture of another person")
    return cv2.resize(moment.other, image.shape[1::-1])


def _front_from(size: tuple[int, int]) -> int:
    return size[0] * 54 // 100


def _front(size: tuple[int, int], _: Moment) -> Mask:
    mask = np.zeros(size[::-1], bool)
    mask[:, _front_from(size) + 2 :] = True
    return mask


def _dissolve(image: Image, moment: Moment) -> Image:
    share = _dissolved(moment)
    if share == 0:
        return image
    return cv2.addWeighted(image, 1 - share, _other(image, moment), share, 0)


def _dissolved(moment: Moment) -> float:
    """Computes the other's share of the picture: it rises over 12 frames about the middle of the shot."""
    return float(np.clip((moment.index - moment.count / 2 + 6) / 12, 0, 1))


def _after(size: tuple[int, int], moment: Moment) -> Mask | None:
    return np.ones(size[::-1], bool) if _dissolved(moment) == 1 else None


_ALL: Final = (
    Condition(PLAIN, "as it is", lambda image, _: image),
    Condition("dark", "dark", partial(_mixed, matrix=np.diag((0.18, 0.18, 0.18)))),
    Condition("fade", "fade from black", _fade),
    Condition("blue", "deep blue light", partial(_mixed, matrix=np.diag((0.1, 0.15, 0.9)))),
    Condition("red", "deep red light", partial(_mixed, matrix=np.diag((0.9, 0.12, 0.1)))),
    Condition("grey", "black and white", partial(_mixed, matrix=(_LUMA, _LUMA, _LUMA))),
    Condition("sepia", "sepia", partial(_mixed, matrix=_SEPIA)),
    Condition("over", "over-exposed", partial(_mixed, matrix=np.diag((2.0, 2.0, 2.0)))),
    Condition("flash", "flashes", _flash),
    Condition("defocus", "out of focus", lambda image, _: cv2.GaussianBlur(image, (0, 0), 3.5)),
    Condition("motion", "motion blur", lambda image, _: cv2.blur(image, (19, 3))),
    Condition("grain", "grain", partial(_grain, strength=8.0)),
    Condition("noisy", "strong grain", partial(_grain, strength=22.0)),
    Condition("starved", "starved bit rate", lambda image, _: image, bit_rate=40_000),
    Condition("tiny", "a tiny face", _tiny, _untiny),
    Condition("anamorphic", "pixels that aren't square", _squeezed, cv2.resize, aspect=Fraction(4, 3)),
    *(
        Condition(
            f"roll{degrees}", f"rolled by {degrees} degrees",
            partial(_rolled, degrees=degrees), partial(_unrolled, degrees=degrees),
        )
        for degrees in (30, 60, 90, 180, -60)
    ),
    Condition("behind", "another person half in front", _half_in_front, protected=_front),
    Condition("dissolve", "a dissolve to another person", _dissolve, protected=_after),
)  # fmt: skip
CONDITIONS: Final = {condition.name: condition for condition in _ALL}

"""The two invented people: nobody's likeness, only weights of MakeHuman shapes and colours (linear RGB)."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Person:
    """Everything that makes one actor look unlike the other.

    Attributes:
        shape: weight per MakeHuman shape.
        skin, lips, hair, iris, shirt: colours.
        flush: how red cheeks, nose and ears are, 0 to 1; stubble, freckles: likewise.
        hairstyle: ``short`` (combed forward), ``curly``, ``long`` or ``bald``.
        hairline: how far down the hairline is moved, dm.
        brow: thickness of the eyebrows.
        seed: of hair, brows and the pattern of the skin.
        length: how much longer than usual the hair is.
    """

    shape: dict[str, float]
    skin: Colour
    lips: Colour
    hair: Colour
    iris: Colour
    shirt: Colour
    flush: float
    stubble: float
    freckles: float
    hairstyle: str
    hairline: float
    brow: float
    seed: int
    length: float = 1.0


def _both_sides(name: str, weight: float) -> dict[str, float]:
    return {name.replace("#", side): weight for side in "lr"}


PERFORMER = Person(
    shape={
        "macrodetails/caucasian-male-young": 0.75,
        "macrodetails/caucasian-male-old": 0.25,
        "macrodetails/universal-male-young-averagemuscle-averageweight": 0.85,
        "macrodetails/universal-male-old-averagemuscle-averageweight": 0.15,
        "head/head-rectangular": 0.45,
        "nose/nose-hump-incr": 0.45,
        "nose/nose-scale-vert-incr": 0.3,
        "nose/nose-point-down": 0.25,
        "nose/nose-width2-decr": 0.2,
        "chin/chin-width-incr": 0.4,
        "chin/chin-cleft-incr": 0.4,
        "chin/chin-prominent-incr": 0.3,
        "mouth/mouth-scale-horiz-incr": 0.3,
        "mouth/mouth-upperlip-height-decr": 0.15,
        "eyebrows/eyebrows-trans-down": 0.2,
        **_both_sides("eyes/#-eye-bag-incr", 0.35),
        **_both_sides("cheek/#-cheek-volume-decr", 0.45),
        **_both_sides("eyes/#-eye-height2-incr", 0.3),
        "asym/asym-nose-2-l": 0.3,
        "asym/asym-mouth-1-r": 0.35,
        "asym/asym-jaw-2-l": 0.3,
        "asym/asym-eye-3-r": 0.3,
        "asym/asym-brown-1-l": 0.3,
    },
    skin=(0.58, 0.345, 0.245),
    lips=(0.48, 0.225, 0.19),
    hair=(0.055, 0.030, 0.016),
    iris=(0.050, 0.068, 0.068),
    shirt=(0.045, 0.06, 0.10),
    flush=0.6,
    stubble=0.5,
    freckles=0.3,
    hairstyle="short",
    hairline=0.06,
    brow=0.9,
    seed=11,
)
LIKENESS = Person(
    shape={
        "macrodetails/asian-female-young": 0.45,
        "macrodetails/african-female-young": 0.35,
        "macrodetails/caucasian-female-young": 0.2,
        "macrodetails/universal-female-young-averagemuscle-averageweight": 1.0,
        "head/head-oval": 0.5,
        "head/head-round": 0.3,
        "nose/nose-width2-incr": 0.35,
        "nose/nose-curve-concave": 0.4,
        "nose/nose-scale-vert-decr": 0.3,
        "nose/nose-point-up": 0.2,
        "mouth/mouth-lowerlip-volume-incr": 0.4,
        "mouth/mouth-upperlip-height-incr": 0.35,
        "chin/chin-height-decr": 0.25,
        **_both_sides("cheek/#-cheek-bones-incr", 0.5),
        **_both_sides("eyes/#-eye-scale-incr", 0.15),
        "asym/asym-nose-3-r": 0.25,
        "asym/asym-mouth-2-l": 0.3,
        "asym/asym-eye-2-l": 0.25,
        "asym/asym-brown-2-r": 0.25,
    },
    skin=(0.44, 0.245, 0.15),
    lips=(0.38, 0.14, 0.12),
    hair=(0.016, 0.010, 0.007),
    iris=(0.055, 0.028, 0.013),
    shirt=(0.30, 0.07, 0.06),
    flush=0.4,
    stubble=0.0,
    freckles=0.25,
    hairstyle="curly",
    hairline=0.16,
    brow=0.7,
    seed=23,
)
NEIGHBOUR = Person(
    shape={
        "macrodetails/caucasian-female-old": 0.55,
        "macrodetails/caucasian-female-young": 0.25,
        "macrodetails/asian-female-old": 0.2,
        "macrodetails/universal-female-old-averagemuscle-averageweight": 0.55,
        "macrodetails/universal-female-young-averagemuscle-averageweight": 0.45,
        "head/head-round": 0.6,
        "head/head-fat-incr": 0.3,
        "nose/nose-width2-incr": 0.5,
        "nose/nose-scale-vert-decr": 0.25,
        "nose/nose-point-up": 0.25,
        "nose/nose-volume-incr": 0.35,
        "mouth/mouth-scale-horiz-decr": 0.25,
        "mouth/mouth-lowerlip-volume-incr": 0.3,
        "chin/chin-width-decr": 0.3,
        "chin/chin-prominent-decr": 0.3,
        "eyebrows/eyebrows-trans-up": 0.3,
        "eyebrows/eyebrows-angle-up": 0.4,
        **_both_sides("eyes/#-eye-scale-incr", 0.35),
        **_both_sides("eyes/#-eye-corner2-down", 0.3),
        **_both_sides("cheek/#-cheek-volume-incr", 0.5),
        **_both_sides("cheek/#-cheek-bones-incr", 0.3),
        "asym/asym-nose-1-l": 0.25,
        "asym/asym-mouth-1-l": 0.3,
        "asym/asym-brown-1-r": 0.3,
    },
    skin=(0.575, 0.345, 0.25),
    lips=(0.46, 0.17, 0.16),
    hair=(0.20, 0.105, 0.045),
    iris=(0.045, 0.075, 0.035),
    shirt=(0.06, 0.16, 0.10),
    flush=0.45,
    stubble=0.0,
    freckles=0.5,
    hairstyle="curly",
    hairline=0.1,
    brow=0.55,
    seed=37,
)
"""C, whose skin is the performer's: a swap of her face is not judged by how its colour is matched."""

"""Random people who do not exist, in random light: each a pure function of a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from conditions import STUDIO, Colour, Conditions, Light
from people import PERFORMER, Person

PEOPLES = ("african", "asian", "caucasian")
WEIGHTS = ("averageweight", "minweight", "maxweight")
HEADS = ("rectangular", "round", "square", "oval", "diamond", "triangular", "invertedtriangular")
AXES = (
    *(f"head/head-{axis}" for axis in ("age-decr/incr", "fat-decr/incr", "scale-depth-decr/incr")),
    *(f"head/head-{axis}" for axis in ("scale-horiz-decr/incr", "scale-vert-decr/incr")),
    *(f"forehead/forehead-{axis}" for axis in ("nubian-decr/incr", "scale-vert-decr/incr")),
    *(f"forehead/forehead-{axis}" for axis in ("temple-decr/incr", "trans-backward/forward")),
    *(f"nose/nose-{axis}" for axis in ("base-down/up", "curve-concave/convex", "flaring-decr/incr")),
    *(f"nose/nose-{axis}" for axis in ("greek-decr/incr", "hump-decr/incr", "nostrils-angle-down/up")),
    *(f"nose/nose-{axis}" for axis in ("nostrils-width-decr/incr", "point-down/up", "point-width-decr/incr")),
    *(f"nose/nose-{axis}" for axis in ("scale-depth-decr/incr", "scale-horiz-decr/incr", "trans-down/up")),
    *(f"nose/nose-{axis}" for axis in ("scale-vert-decr/incr", "septumangle-decr/incr", "volume-decr/incr")),
    *(f"nose/nose-{axis}" for axis in ("width1-decr/incr", "width2-decr/incr", "width3-decr/incr")),
    *(f"chin/chin-{axis}" for axis in ("bones-decr/incr", "cleft-decr/incr", "height-decr/incr")),
    *(f"chin/chin-{axis}" for axis in ("jaw-drop-decr/incr", "width-decr/incr")),
    *(f"mouth/mouth-{axis}" for axis in ("angles-down/up", "cupidsbow-decr/incr", "dimples-in/out")),
    *(f"mouth/mouth-{axis}" for axis in ("cupidsbow-width-decr/incr", "laugh-lines-in/out")),
    *(f"mouth/mouth-{axis}" for axis in ("lowerlip-height-decr/incr", "lowerlip-volume-decr/incr")),
    *(f"mouth/mouth-{axis}" for axis in ("upperlip-height-decr/incr", "upperlip-volume-decr/incr")),
    *(f"mouth/mouth-{axis}" for axis in ("philtrum-volume-decr/incr", "scale-horiz-decr/incr")),
    *(f"eyes/#-eye-{axis}" for axis in ("bag-decr/incr", "bag-height-decr/incr", "corner1-down/up")),
    *(f"eyes/#-eye-{axis}" for axis in ("corner2-down/up", "epicanthus-in/out", "eyefold-angle-down/up")),
    *(f"eyes/#-eye-{axis}" for axis in ("eyefold-concave/convex", "eyefold-down/up", "height1-decr/incr")),
    *(f"eyes/#-eye-{axis}" for axis in ("height2-decr/incr", "height3-decr/incr", "scale-decr/incr")),
    *(f"eyes/#-eye-{axis}" for axis in ("trans-down/up", "trans-in/out")),
    *(f"eyebrows/eyebrows-{axis}" for axis in ("angle-down/up", "trans-backward/forward", "trans-down/up")),
    *(f"cheek/#-cheek-{axis}" for axis in ("bones-decr/incr", "inner-decr/incr", "volume-decr/incr")),
    "cheek/#-cheek-trans-down/up",
    *(
        f"ears/#-ear-{axis}"
        for axis in ("flap-decr/incr", "lobe-decr/incr", "scale-decr/incr", "wing-decr/incr")
    ),
    *(f"neck/neck-{axis}" for axis in ("double-decr/incr", "scale-horiz-decr/incr")),
)
"""Pairs of opposite shapes, ``name-this/that``; ``#`` stands for either side.

Neither the chin's depth nor the mouth's place: the teeth would not follow and come through the skin.
"""
CROOKED = (
    *(f"brown-{number}" for number in (1, 2)),
    *(f"cheek-{number}" for number in (1, 2)),
    *(f"eye-{number}" for number in range(1, 9)),
    *(f"jaw-{number}" for number in (1, 2, 3)),
    *(f"mouth-{number}" for number in (1, 2)),
    *(f"nose-{number}" for number in (1, 2, 3, 4)),
)
SKINS = np.array(
    [
        (0.70, 0.50, 0.41),
        (0.58, 0.355, 0.255),
        (0.45, 0.25, 0.155),
        (0.26, 0.132, 0.075),
        (0.13, 0.062, 0.036),
        (0.060, 0.030, 0.019),
    ]
)
"""From very light to very dark."""
MELANIN = {"african": 0.78, "asian": 0.36, "caucasian": 0.16}
DARK_HAIR = ((0.010, 0.008, 0.007), (0.018, 0.011, 0.008), (0.035, 0.019, 0.011))
LIGHT_HAIR = (
    (0.055, 0.030, 0.016),
    (0.11, 0.055, 0.025),
    (0.34, 0.21, 0.10),
    (0.48, 0.36, 0.21),
    (0.20, 0.055, 0.018),
)
GREY_HAIR = ((0.22, 0.21, 0.20), (0.36, 0.35, 0.335))
DARK_IRIS = ((0.030, 0.015, 0.008), (0.055, 0.028, 0.013), (0.09, 0.048, 0.02))
LIGHT_IRIS = ((0.050, 0.075, 0.09), (0.07, 0.11, 0.16), (0.045, 0.075, 0.035), (0.075, 0.075, 0.07))
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
FACE = np.array([0, -0.1, 0.72])
"""Where the face is, in Blender's metres."""


@dataclass(frozen=True)
class View:
    """Framing of a picture: shift of the face's middle in shares of the picture (right, up), and zoom."""

    shift: tuple[float, float]
    zoom: float


def random_of(seed: int, purpose: int, number: int = 0) -> np.random.Generator:
    """The random numbers of one purpose (and frame) of a person."""
    return np.random.default_rng((seed, purpose, number))


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = np.clip(values, 0.004, 0.9)
    return float(red), float(green), float(blue)


def _pick(random: np.random.Generator, colours: tuple[Colour, ...], spread: float) -> np.ndarray:
    """One of the colours, a little off: lighter or darker, and in hue."""
    chosen = np.array(colours[random.integers(len(colours))])
    return chosen * np.exp(random.normal(0, spread) + random.normal(0, 0.06, 3))


def _descent(random: np.random.Generator) -> tuple[dict[str, float], float, float]:
    """Shares of the peoples (mostly one or two), of male and of old."""
    shares = random.dirichlet([0.5] * len(PEOPLES))
    return (
        dict(zip(PEOPLES, shares.tolist(), strict=True)),
        float(random.beta(0.35, 0.35)),
        float(random.beta(0.7, 1.1)),
    )


def _build(
    random: np.random.Generator, people: dict[str, float], male: float, old: float
) -> dict[str, float]:
    """The mixture of whole bodies."""
    fat = dict(zip(WEIGHTS, random.dirichlet([1.6, 0.6, 0.8]).tolist(), strict=True))
    shape = {}
    for gender, of_gender in (("male", male), ("female", 1 - male)):
        for age, of_age in (("young", 1 - old), ("old", old)):
            share = of_gender * of_age
            shape |= {f"macrodetails/{name}-{gender}-{age}": share * part for name, part in people.items()}
            shape |= {
                f"macrodetails/universal-{gender}-{age}-averagemuscle-{name}": share * part
                for name, part in fat.items()
            }
    return {name: weight for name, weight in shape.items() if weight > 0.02}


def _features(random: np.random.Generator) -> dict[str, float]:
    """About half of the local shapes, either way, a form of the head, and a few things crooked."""
    shape = {}
    for axis in AXES:
        weight = float(np.clip(random.normal(0, 0.35), -0.65, 0.65))
        if random.uniform() > 0.55:
            continue
        stem, _, that = axis.rpartition("/")
        stem, _, this = stem.rpartition("-")
        name = f"{stem}-{this if weight < 0 else that}"
        shape |= {name.replace("#", side): abs(weight) for side in "lr"}
    for name in random.choice(HEADS, 2, replace=False):
        shape[f"head/head-{name}"] = float(random.uniform(0, 0.6))
    for name in random.choice(CROOKED, 6, replace=False):
        shape[f"asym/asym-{name}-{random.choice(['l', 'r'])}"] = float(random.uniform(0.1, 0.45))
    return shape


def _skin(random: np.random.Generator, people: dict[str, float]) -> np.ndarray:
    melanin = sum(MELANIN[name] * share for name, share in people.items()) + random.normal(0, 0.15)
    at = np.clip(melanin, 0, 1) * (len(SKINS) - 1)
    skin = np.array([np.interp(at, np.arange(len(SKINS)), channel) for channel in SKINS.T])
    redder = random.normal(0, 0.05)
    return skin * np.exp(random.normal(0, 0.06) + np.array([redder, 0, random.normal(0, 0.07) - redder]))


def _lips(random: np.random.Generator, skin: np.ndarray, male: float) -> np.ndarray:
    if male < 0.5 and random.uniform() < 0.4:
        painted = random.uniform(0.15, 0.5) * np.array(
            [1, random.uniform(0.05, 0.3), random.uniform(0.1, 0.4)]
        )
        return skin + random.uniform(0.5, 1) * (painted - skin)
    return skin * np.array([random.uniform(0.7, 0.95), random.uniform(0.42, 0.65), random.uniform(0.5, 0.75)])


def _stubble(random: np.random.Generator, male: float, grey: bool) -> float:
    """None, some or much; grey stubble at full strength would look like chalk."""
    strength = random.choice([0, 0.35, 0.6, 0.95]) * random.uniform(0.6, 1.1)
    return float(strength * (0.4 if grey else 1.0)) if male > 0.6 else 0.0


def random_person(seed: int) -> Person:
    """Somebody who does not exist."""
    random = random_of(seed, 1)
    people, male, old = _descent(random)
    skin = _skin(random, people)
    light = people["caucasian"] > 0.5 or random.uniform() < 0.08
    grey = random.uniform() < 0.7 * greying(old)
    hairs = GREY_HAIR if grey else LIGHT_HAIR if light and random.uniform() < 0.8 else DARK_HAIR
    styles = ("short", "curly", "long", "bald")
    chances = (0.2, 0.3, 0.45, 0.05)
    if male > 0.5:
        chances = (0.45, 0.25, 0.08, 0.22)
    style = str(random.choice(styles, p=chances))
    longest = {"short": 1.3, "curly": 1.7, "long": 1.15, "bald": 1.0}[style]
    return Person(
        shape=_build(random, people, male, old) | _features(random),
        skin=_colour(skin),
        lips=_colour(_lips(random, skin, male)),
        hair=_colour(_pick(random, hairs, 0.25)),
        iris=_colour(_pick(random, LIGHT_IRIS if light and random.uniform() < 0.7 else DARK_IRIS, 0.2)),
        shirt=_colour(random.uniform(0, 1, 3) ** 2 * random.uniform(0.1, 0.9)),
        flush=float(random.uniform(0.1, 1.0)),
        stubble=_stubble(random, male, grey),
        freckles=float(random.uniform(0, 1) ** 2 * (1.0 if light else 0.4)),
        hairstyle=style,
        hairline=float(random.uniform(-0.10, 0.16)),
        brow=float(random.uniform(0.3, 0.8) + 0.5 * male * random.uniform()),
        seed=seed,
        length=float(random.uniform(0.75, longest)),
    )


def greying(old: float) -> float:
    """Probability of grey hair, 0 to 1."""
    return float(np.clip((old - 0.35) / 0.4, 0, 1))


def _place(azimuth: float, height: float, distance: float) -> tuple[float, float, float]:
    """Blender's metres of a direction seen from the face; degrees, 0 towards the camera, positive left."""
    a, h = np.radians([azimuth, height])
    place = FACE + distance * np.array([np.sin(a) * np.cos(h), -np.cos(a) * np.cos(h), np.sin(h)])
    return float(place[0]), float(place[1]), float(place[2])


def _tint(random: np.random.Generator) -> Colour:
    """A light's colour: from a bulb's to the sky's, seldom something gaudy."""
    if random.uniform() < 0.08:
        return _colour(random.uniform(0.25, 0.9, 3))
    warm = np.array([0.9, 0.66, 0.42])
    cold = np.array([0.66, 0.78, 0.9])
    return _colour(warm + random.beta(1.3, 1.1) * (cold - warm) + random.normal(0, 0.02, 3))


def _light(random: np.random.Generator, azimuth: float, strength: float) -> Light:
    """A light that gives ``strength`` to what faces it, whatever its distance."""
    distance = float(random.uniform(0.9, 2.2))
    size = float(np.exp(random.uniform(np.log(0.12), np.log(1.4))))
    place = _place(azimuth, float(random.uniform(-12, 55)), distance)
    return Light(place, size, strength * np.pi * distance**2, _tint(random))


def light_on_face(conditions: Conditions) -> float:
    """Mean light that falls onto forehead, cheeks, nose and chin; shadows are not counted."""
    normals = np.array([_place(azimuth, height, 1.0) for azimuth, height in _LOOKS]) - FACE
    total = np.pi * conditions.strength * float(LUMINANCE @ conditions.world)
    for light in conditions.lights:
        way = np.array(light.place) - FACE
        distance = np.linalg.norm(way)
        falls = np.clip(normals @ way / distance, 0, 1).mean()
        total += light.energy * falls * float(LUMINANCE @ light.colour) / (np.pi * distance**2)
    return total


_LOOKS = ((0, 0), (0, 30), (0, -30), (50, 0), (-50, 0))


def random_conditions(seed: int, skin: Colour = PERFORMER.skin) -> Conditions:
    """Light from frontal and soft to hard from the side; a camera half makes up for the skin's tone."""
    random = random_of(seed, 2)
    key = float(random.uniform(-78, 78))
    lights = [_light(random, key, 1.0)]
    lights.append(_light(random, -np.sign(key) * random.uniform(10, 80), random.uniform(0.08, 0.6)))
    if random.uniform() < 0.6:
        lights.append(
            _light(random, random.choice([-1, 1]) * random.uniform(110, 165), random.uniform(0.3, 1.6))
        )
    world = np.array(_tint(random))
    backdrop = random.uniform(0, 1, (2, 3)) ** 1.5
    backdrop += random.beta(1.2, 0.8) * (backdrop.mean(1, keepdims=True) - backdrop)
    backdrop *= random.uniform(0.05, 0.8)
    raw = Conditions(
        tuple(lights), _colour(world), float(random.uniform(0.03, 0.25)), tuple(map(_colour, backdrop))
    )
    darker = float(LUMINANCE @ PERFORMER.skin) / float(LUMINANCE @ skin)
    wanted = light_on_face(STUDIO) * np.exp(random.uniform(-0.5, 0.35)) * darker**0.55
    gain = float(wanted / light_on_face(raw))
    return Conditions(
        tuple(Light(one.place, one.size, one.energy * gain, one.colour) for one in lights),
        raw.world,
        raw.strength * gain,
        raw.backdrop,
    )


def random_distance(seed: int) -> float:
    """Draws the camera's distance from the face, metres: near ones widen noses."""
    return float(random_of(seed, 4).uniform(0.7, 2.2))


def random_view(seed: int, number: int) -> View:
    """Draws the framing of one picture."""
    random = random_of(seed, 5, number)
    across, up = random.normal(0, 0.018, 2)
    return View((float(across), float(up)), float(np.exp(random.normal(0, 0.05))))

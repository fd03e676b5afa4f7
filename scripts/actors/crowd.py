"""Random people who do not exist, in random light, making random faces: each a pure function of a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from conditions import STUDIO, Colour, Conditions, Light
from motion import SIDES, Frame
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
    """How a frame is cut: shift of the face's middle in shares of the picture (right, up), and zoom."""

    shift: tuple[float, float]
    zoom: float


def _random(seed: int, purpose: int, number: int = 0) -> np.random.Generator:
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
    random = _random(seed, 1)
    people, male, old = _descent(random)
    skin = _skin(random, people)
    light = people["caucasian"] > 0.5 or random.uniform() < 0.08
    grey = random.uniform() < 0.7 * greying(old)
    hairs = GREY_HAIR if grey else LIGHT_HAIR if light and random.uniform() < 0.8 else DARK_HAIR
    styles, chances = ("short", "curly", "long", "bald"), (0.2, 0.3, 0.45, 0.05)
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
    """How likely grey hair has become, 0 to 1."""
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
    warm, cold = np.array([0.9, 0.66, 0.42]), np.array([0.66, 0.78, 0.9])
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
    random = _random(seed, 2)
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


class _Face:
    """An expression in the making: weights add up, and the two sides differ a little."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.weights: dict[str, float] = {}

    def add(self, name: str, low: float, high: float) -> None:
        """More of one shape."""
        self.weights[name] = self.weights.get(name, 0.0) + float(self.random.uniform(low, high))

    def pair(self, name: str, low: float, high: float, uneven: float = 0.15) -> None:
        """More of a shape on both sides."""
        weight, lean = self.random.uniform(low, high), self.random.uniform(-uneven, uneven)
        for side, sign in zip(SIDES, (1, -1), strict=True):
            self.weights[name + side] = self.weights.get(name + side, 0.0) + float(weight * (1 + sign * lean))


def _speech(face: _Face) -> None:
    opened, spread = face.random.uniform(0.05, 1), face.random.uniform()
    face.add("jawOpen", 0.4 * opened, 0.7 * opened)
    face.add("mouthFunnel", 0, 0.7 * opened * (1 - spread))
    face.add("mouthPucker", 0, 0.8 * max(0.0, 0.5 - spread))
    face.pair("mouthStretch", 0, 0.4 * opened * spread)
    face.pair("mouthUpperUp", 0, 0.7 * opened * spread)
    face.pair("mouthLowerDown", 0, 0.5 * opened * spread)


def _closed(face: _Face) -> None:
    face.pair("mouthPress", 0, 0.4)
    face.add("mouthRollLower", 0, 0.35)
    face.add("mouthRollUpper", 0, 0.2)
    face.add("mouthShrugUpper", 0, 0.25)
    face.add("mouthShrugLower", 0, 0.3)


def _smile(face: _Face) -> None:
    face.pair("mouthSmile", 0.25, 0.95, 0.3)
    face.pair("cheekSquint", 0, 0.6)
    face.pair("eyeSquint", 0, 0.4)
    face.pair("mouthDimple", 0, 0.2)


def _grin(face: _Face) -> None:
    _smile(face)
    face.pair("mouthUpperUp", 0.2, 0.6)
    face.pair("mouthLowerDown", 0, 0.4)
    face.add("jawOpen", 0, 0.35)


def _frown(face: _Face) -> None:
    face.pair("mouthFrown", 0.2, 0.8, 0.3)
    face.pair("browDown", 0.1, 0.8)
    face.pair("noseSneer", 0, 0.4, 0.5)
    face.add("mouthShrugLower", 0, 0.5)


def _wide(face: _Face) -> None:
    face.add("jawOpen", 0.55, 1.0)
    face.pair("mouthUpperUp", 0, 0.35)
    face.pair("mouthStretch", 0, 0.4)
    face.pair("eyeWide", 0, 0.5)


def _teeth(face: _Face) -> None:
    face.pair("mouthUpperUp", 0.3, 0.8, 0.3)
    face.pair("mouthLowerDown", 0.2, 0.7, 0.3)
    face.pair("mouthStretch", 0, 0.5)
    face.pair("noseSneer", 0, 0.5, 0.3)
    face.add("jawOpen", 0, 0.15)


def _pursed(face: _Face) -> None:
    face.add("mouthPucker", 0.3, 0.95)
    face.add("mouthFunnel", 0, 0.5)
    face.add("jawOpen", 0, 0.1)


def _odd(face: _Face) -> None:
    side = str(face.random.choice(SIDES))
    face.add("mouth" + side, 0.1, 0.5)
    face.add("jaw" + side, 0, 0.5)
    face.add("mouthSmile" + side, 0, 0.7)
    face.add("cheekPuff", 0, 0.5)
    face.add("jawOpen", 0, 0.2)


MOUTHS = {_speech: 0.30, _closed: 0.10, _smile: 0.10, _grin: 0.15, _frown: 0.08, _wide: 0.09, _teeth: 0.08}
MOUTHS |= {_pursed: 0.06, _odd: 0.04}


def _brows_and_eyes(face: _Face) -> None:
    random = face.random
    if random.uniform() < 0.6:
        raised = random.uniform() < 0.6
        face.pair("browOuterUp" if raised else "browDown", 0, 0.8, 0.6 if raised else 0.2)
        face.add("browInnerUp", 0, 0.8 if raised else 0.3)
    kind = random.uniform()
    if kind < 0.09:
        face.pair("eyeBlink", 0.93, 0.98, 0.01)
    elif kind < 0.22:
        face.pair("eyeBlink", 0.1, 0.8, 0.1)
    elif kind < 0.27:
        face.add("eyeBlink" + str(random.choice(SIDES)), 0.8, 0.97)
    elif kind < 0.40:
        face.pair("eyeSquint", 0.1, 0.8)
    else:
        face.pair("eyeWide", 0.05, 0.5)


def _looking(face: _Face, yaw: float, pitch: float) -> tuple[float, float]:
    """Half of the time at the camera, else anywhere that eyes can look; the lids follow."""
    random = face.random
    if random.uniform() < 0.5:
        aim = np.array([-0.9 * yaw, 0.6 * pitch]) + random.normal(0, 3, 2)
    else:
        aim = random.uniform([-26, -15], [26, 13])
    across, upward = np.clip(aim, [-26, -15], [26, 13])
    blink = max(face.weights.get("eyeBlink" + side, 0.0) for side in SIDES)
    for side in SIDES:
        face.weights["eyeLookUp" + side] = float(np.clip(upward / 25, 0, 1) * 0.9)
        face.weights["eyeLookDown" + side] = float(np.clip(-upward / 25, 0, 1) * 0.9 * (1 - blink))
    return float(across), float(upward)


def _calm(random: np.random.Generator) -> Frame:
    """Towards the camera, mouth closed, eyes open."""
    face = _Face(random)
    face.pair("eyeWide", 0.1, 0.35)
    face.pair("mouthSmile", 0, 0.15)
    yaw, pitch, roll = random.uniform(-4, 4, 3)
    across, upward = _looking(face, yaw, pitch) if random.uniform() < 0.3 else (-0.9 * yaw, 0.6 * pitch)
    return Frame(float(yaw), float(pitch), float(roll), (float(across), float(upward)), face.weights)


def _any(random: np.random.Generator) -> Frame:
    face = _Face(random)
    makers = list(MOUTHS)
    makers[random.choice(len(makers), p=list(MOUTHS.values()))](face)
    _brows_and_eyes(face)
    yaw = random.uniform(-25, 25)
    if random.uniform() < 0.2:
        yaw = random.choice([-1, 1]) * random.uniform(25, 45)
    pitch, roll = np.clip(random.normal(0, [8, 5]), [-18, -12], [18, 12])
    gaze = _looking(face, yaw, pitch)
    weights = {name: min(weight, 1.0) for name, weight in face.weights.items() if weight > 0.01}
    return Frame(float(yaw), float(pitch), float(roll), gaze, weights)


def random_frames(seed: int, count: int, calm: int = 4) -> list[Frame]:
    """``count`` frames that have nothing to do with each other; the first ``calm`` are calm and frontal."""
    return [(_calm if number < calm else _any)(_random(seed, 3, number)) for number in range(count)]


def random_distance(seed: int) -> float:
    """How far the camera is from the face, metres: near ones widen noses."""
    return float(_random(seed, 4).uniform(0.7, 2.2))


def random_view(seed: int, number: int) -> View:
    """How one frame is cut."""
    random = _random(seed, 5, number)
    across, up = random.normal(0, 0.018, 2)
    return View((float(across), float(up)), float(np.exp(random.normal(0, 0.05))))

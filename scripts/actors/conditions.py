"""Surroundings of an actor: lights, the world's light, and the picture behind. Colours are linear RGB."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """An area light that points at the face: place and size in metres (x right, y away, z up), watts."""

    place: tuple[float, float, float]
    size: float
    energy: float
    colour: Colour


@dataclass(frozen=True)
class Conditions:
    """Lights, colour and strength of the light from all around, the two colours of the backdrop."""

    lights: tuple[Light, ...]
    world: Colour
    strength: float
    backdrop: tuple[Colour, Colour]


STUDIO = Conditions(
    lights=(
        Light((-0.75, -1.0, 1.25), 0.55, 14, (1, 0.94, 0.86)),
        Light((1.1, -0.8, 0.75), 0.9, 4.5, (0.85, 0.92, 1)),
        Light((0.6, 0.9, 1.3), 0.4, 10, (1, 0.97, 0.92)),
    ),
    world=(0.32, 0.36, 0.42),
    strength=0.35,
    backdrop=((0.05, 0.065, 0.08), (0.36, 0.30, 0.23)),
)
"""What the three actors stand in."""

"""Skin with shirt and scalp on one mesh, eyes, teeth, flesh, lashes and hair. Colours are linear RGB."""

from __future__ import annotations

import bpy
from nodes import Graph, Value

Colour = tuple[float, float, float]


def _skin_colour(g: Graph, place: Value, freckles: Value) -> Value:
    """Blood below, blotches, mottling, pores, freckles: each a small step from the painted colour."""
    colour = g.attribute("colour")
    blood = g.math("MULTIPLY", g.math("SUBTRACT", g.noise(place, 3.5), 0.30), 1.2, clamp=True)
    colour = g.mix(blood, colour, (0.45, 0.12, 0.09), "SOFT_LIGHT")
    colour = g.mix(g.math("MULTIPLY", g.noise(place, 11.0), 0.6), colour, (0.50, 0.41, 0.35), "OVERLAY")
    grain = g.ramp(g.noise(place, 38.0, 2.0, 0.75), 0.32, 0.68)
    colour = g.mix(0.55, colour, g.mix(grain, (0.20, 0.17, 0.16), (0.78, 0.77, 0.76)), "SOFT_LIGHT")
    pore = g.math("MULTIPLY", g.ramp(g.cells(place, 48.0), 0.28, 0.08), g.attribute("pores", "Fac"))
    colour = g.mix(g.math("MULTIPLY", pore, 0.5), colour, g.mix(0.6, colour, (0.10, 0.04, 0.03)))
    size = g.math("MULTIPLY", g.noise(place, 7.0), 0.22)
    spot = g.math("MULTIPLY", g.math("LESS_THAN", g.cells(place, 9.0), size), freckles)
    return g.mix(g.math("MULTIPLY", spot, 0.7), colour, (0.17, 0.07, 0.04))


def _skin_bump(g: Graph, place: Value) -> Value:
    height = g.math("ADD", g.noise(place, 30.0, 2.0, 0.7), g.attribute("lines", "Fac"))
    return g.node("ShaderNodeBump", {"Strength": 0.6, "Distance": 0.0016, "Height": height}).outputs[0]


def skin(bumps: bool = True) -> bpy.types.Material:
    """The body: skin, stubble, painted scalp and shirt, told apart by mesh attributes; bumps cost time."""
    g = Graph("skin")
    place = g.attribute("place", "Vector")
    stubble, freckles, scalp = g.split(g.attribute("growth"))
    wet, shine, face = g.split(g.attribute("surface"))
    hair = g.attribute("hair_colour")
    colour = _skin_colour(g, place, freckles)
    dots = g.math("LESS_THAN", g.cells(place, 58.0), 0.36)
    shade = g.math("MULTIPLY", stubble, g.math("ADD", 0.36, g.math("MULTIPLY", dots, 0.40)), clamp=True)
    colour = g.mix(scalp, g.mix(shade, colour, hair), hair)
    inside = g.attribute("shirt", "Fac")
    is_shirt = g.math("GREATER_THAN", inside, 0.0)
    seam = g.math(
        "MULTIPLY", g.math("LESS_THAN", g.math("ABSOLUTE", g.math("SUBTRACT", inside, 0.13)), 0.010), 0.3
    )
    cloth = g.mix(
        g.math("MULTIPLY", g.noise(place, 90.0, 1.0), 0.7),
        g.attribute("shirt_colour"),
        (0.5,) * 3,
        "SOFT_LIGHT",
    )
    colour = g.mix(is_shirt, colour, g.mix(seam, cloth, (0.01, 0.01, 0.012)))
    rough = g.math("ADD", g.math("MULTIPLY", g.noise(place, 22.0), 0.30), 0.34)
    rough = g.math(
        "SUBTRACT", rough, g.math("ADD", g.math("MULTIPLY", wet, 0.28), g.math("MULTIPLY", shine, 0.10))
    )
    rough = g.math("MAXIMUM", rough, g.math("MULTIPLY", is_shirt, 0.95))
    rough = g.math("MAXIMUM", rough, g.math("MULTIPLY", scalp, 0.6))
    bare = g.math("SUBTRACT", 1.0, g.math("MAXIMUM", is_shirt, scalp), clamp=True)
    inputs = {
        "Base Color": colour,
        "Roughness": rough,
        "IOR": 1.42,
        "Specular IOR Level": 0.42,
        "Subsurface Weight": g.math("MULTIPLY", bare, 0.5),
        "Subsurface Radius": (1.0, 0.35, 0.18),
        "Subsurface Scale": 0.005,
    }
    if bumps:
        inputs["Normal"] = _skin_bump(g, place)
    shader = g.node("ShaderNodeBsdfPrincipled", subsurface_method="BURLEY")
    for name, value in inputs.items():
        if isinstance(value, bpy.types.NodeSocket):
            g.tree.links.new(value, shader.inputs[name])
        else:
            shader.inputs[name].default_value = value
    return g.finish(shader, face)


def plain(
    name: str, colour: Colour, rough: float, coat: float = 0.0, subsurface: float = 0.0
) -> bpy.types.Material:
    """Flesh and teeth: one colour, wet or not, part of the face."""
    g = Graph(name)
    inputs = {"Base Color": colour, "Roughness": rough, "Coat Weight": coat, "Coat Roughness": 0.1}
    inputs |= {"Subsurface Weight": subsurface, "Subsurface Scale": 0.003}
    return g.finish(g.node("ShaderNodeBsdfPrincipled", inputs, subsurface_method="BURLEY"), 1.0)


def eye() -> bpy.types.Material:
    """The painted eyeball under a wet coat, darkened by the lid (attribute ``shade``)."""
    g = Graph("eye")
    shade = g.attribute("shade", "Fac")
    colour = g.mix(shade, (0.0, 0.0, 0.0), g.attribute("colour"))
    inputs = {"Base Color": colour, "Roughness": 0.35, "Coat Weight": g.math("MULTIPLY", shade, 0.85)}
    inputs |= {"Coat Roughness": 0.04, "Specular IOR Level": 0.2}
    return g.finish(g.node("ShaderNodeBsdfPrincipled", inputs), 1.0)


def lash() -> bpy.types.Material:
    """Lash sheets that fade out towards the tips (attribute ``opacity``)."""
    g = Graph("lash")
    inputs = {"Base Color": (0.012, 0.009, 0.008), "Roughness": 0.6, "Alpha": g.attribute("opacity", "Fac")}
    return g.finish(g.node("ShaderNodeBsdfPrincipled", inputs), 1.0)


def hair(name: str, colour: Colour, face: float) -> bpy.types.Material:
    """Strands; ``face`` is 1 for brows."""
    g = Graph(name)
    inputs = {"Base Color": colour, "Roughness": 0.48, "Specular IOR Level": 0.35}
    return g.finish(g.node("ShaderNodeBsdfPrincipled", inputs), face)


def backdrop(dark: Colour, bright: Colour) -> bpy.types.Material:
    """A room out of focus: soft blotches between two colours that give off light."""
    g = Graph("backdrop")
    place = g.node("ShaderNodeTexCoord").outputs["Object"]
    colour = g.node("ShaderNodeValToRGB", {0: g.noise(place, 2.2, 0.5)})
    (low, high) = colour.color_ramp.elements
    low.color = (*dark, 1)
    low.position = 0.35
    high.color = (*bright, 1)
    high.position = 0.68
    shader = g.node("ShaderNodeEmission", {0: colour.outputs[0], 1: 0.8})
    return g.finish(shader, 0.0)

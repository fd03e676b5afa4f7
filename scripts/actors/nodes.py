"""A short way to write Blender shader graphs."""

from __future__ import annotations

from typing import Any

import bpy

Value = Any
"""A number, a colour (three numbers) or another node's output socket."""


class Graph:
    """The node tree of a new material; methods add a node and return its output socket."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()

    def node(self, kind: str, inputs: dict[Any, Value] | None = None, **settings: Any) -> bpy.types.Node:
        """A node with its settings and inputs (by name or number) filled in."""
        node = self.tree.nodes.new(kind)
        for name, setting in settings.items():
            setattr(node, name, setting)
        for key, value in (inputs or {}).items():
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, node.inputs[key])
            elif isinstance(value, tuple) and len(value) == 3 and node.inputs[key].type == "RGBA":
                node.inputs[key].default_value = (*value, 1)
            else:
                node.inputs[key].default_value = value
        return node

    def attribute(self, name: str, kind: str = "Color") -> Value:
        """A mesh attribute: as ``Color``, ``Vector`` or ``Fac``."""
        return self.node("ShaderNodeAttribute", attribute_name=name).outputs[kind]

    def split(self, colour: Value) -> tuple[Value, Value, Value]:
        """Red, green and blue."""
        return tuple(self.node("ShaderNodeSeparateColor", {0: colour}).outputs)

    def math(self, operation: str, a: Value, b: Value = 0.0, clamp: bool = False) -> Value:
        """One arithmetic step."""
        return self.node("ShaderNodeMath", {0: a, 1: b}, operation=operation, use_clamp=clamp).outputs[0]

    def ramp(self, value: Value, low: float, high: float) -> Value:
        """0 at ``low``, 1 at ``high``, clamped."""
        return self.node("ShaderNodeMapRange", {0: value, 1: low, 2: high}).outputs[0]

    def mix(self, factor: Value, a: Value, b: Value, blend: str = "MIX") -> Value:
        """Two colours blended."""
        inputs = {0: factor, 6: a, 7: b}
        return self.node(
            "ShaderNodeMix", inputs, data_type="RGBA", blend_type=blend, clamp_factor=True
        ).outputs[2]

    def noise(self, place: Value, scale: float, detail: float = 1.5, rough: float = 0.6) -> Value:
        """Perlin noise, around 0.5."""
        inputs = {"Vector": place, "Scale": scale, "Detail": detail, "Roughness": rough}
        return self.node("ShaderNodeTexNoise", inputs).outputs[0]

    def cells(self, place: Value, scale: float) -> Value:
        """Distance to the nearest of randomly strewn points."""
        return self.node("ShaderNodeTexVoronoi", {"Vector": place, "Scale": scale}).outputs["Distance"]

    def finish(self, shader: bpy.types.Node, face: Value, front: float = 0.0) -> bpy.types.Material:
        """Set the surface, and what the mask of the face and that of things in front show of it (0 to 1)."""
        self.node("ShaderNodeOutputAOV", {"Value": face}, aov_name="facemask")
        self.node("ShaderNodeOutputAOV", {"Value": front}, aov_name="front")
        self.node("ShaderNodeOutputMaterial", {0: shader.outputs[0]})
        return self.material

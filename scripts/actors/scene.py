"""Camera, light, renderer and the few ways to put geometry into Blender."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import materials
import numpy as np
from conditions import STUDIO, Conditions, Light
from mathutils import Vector

if TYPE_CHECKING:
    from pathlib import Path

METRES = 0.1
LENS = 140.0
SENSOR = 36.0
DISTANCE = 1.35
HEIGHT = 0.728
MASKS = {"facemask": "mask_", "front": "front_"}
"""What the materials say of themselves, and how its files' names begin."""


def to_blender(points: np.ndarray) -> np.ndarray:
    """Decimetres, y up, to Blender's metres, z up."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1) * METRES


def project(points: np.ndarray, size: int) -> np.ndarray:
    """(N, 3): x and y in pixels (from the picture's corner), and the distance from the camera, metres."""
    x, y, z = np.moveaxis(to_blender(points), -1, 0)
    depth = y + DISTANCE
    focal = LENS / SENSOR * size
    return np.stack([size / 2 + focal * x / depth, size / 2 - focal * (z - HEIGHT) / depth, depth], -1)


def add_mesh(name: str, points: np.ndarray, faces: list, material: bpy.types.Material) -> bpy.types.Object:
    """A smooth mesh; ``points`` in decimetres."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(to_blender(points).tolist(), [], faces)
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.materials.append(material)
    return _link(bpy.data.objects.new(name, mesh))


def move_mesh(thing: bpy.types.Object, points: np.ndarray) -> None:
    """New positions of a mesh, decimetres."""
    thing.data.vertices.foreach_set("co", np.ascontiguousarray(to_blender(points), np.float32).ravel())
    thing.data.update()


def set_attribute(thing: bpy.types.Object, name: str, values: np.ndarray, vector: bool = False) -> None:
    """A value per point for the materials: (N,) numbers, or (N, 3) colours or vectors."""
    kind, field = ("FLOAT", "value") if values.ndim == 1 else ("FLOAT_COLOR", "color")
    if vector:
        kind = "FLOAT_VECTOR"
        field = "vector"
    elif values.ndim == 2:
        values = np.c_[values, np.ones(len(values))]
    attributes = thing.data.attributes
    attribute = attributes.get(name) or attributes.new(name, kind, "POINT")
    attribute.data.foreach_set(field, np.ascontiguousarray(values, np.float32).ravel())


def add_strands(
    name: str, points: np.ndarray, radius: float, material: bpy.types.Material
) -> bpy.types.Object:
    """Hair curves (N, K, 3) in decimetres, tapering from ``radius`` (metres)."""
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([points.shape[1]] * len(points))
    curves.materials.append(material)
    radii = np.tile(radius * np.linspace(1, 0.25, points.shape[1]), len(points))
    attribute = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    attribute.data.foreach_set("value", radii.astype(np.float32))
    thing = _link(bpy.data.objects.new(name, curves))
    move_strands(thing, points)
    return thing


def move_strands(thing: bpy.types.Object, points: np.ndarray) -> None:
    """New positions of hair curves, decimetres."""
    flat = np.ascontiguousarray(to_blender(points), np.float32).ravel()
    thing.data.attributes["position"].data.foreach_set("vector", flat)
    thing.data.update_tag()


def _link(thing: bpy.types.Object) -> bpy.types.Object:
    bpy.context.scene.collection.objects.link(thing)
    return thing


def build(size: int, samples: int, threads: int, conditions: Conditions = STUDIO) -> None:
    """An empty file with renderer, camera, lights and a backdrop."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    _renderer(scene, size, samples, threads)
    _camera(scene)
    for light in conditions.lights:
        _area(light)
    world = bpy.data.worlds.new("world")
    scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (*conditions.world, 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = conditions.strength
    wall = bpy.data.meshes.new("wall")
    wall.from_pydata([(-2, 1.2, -1), (2, 1.2, -1), (2, 1.2, 2.5), (-2, 1.2, 2.5)], [], [[0, 1, 2, 3]])
    wall.materials.append(materials.backdrop(*conditions.backdrop))
    _link(bpy.data.objects.new("wall", wall))


def _renderer(scene: bpy.types.Scene, size: int, samples: int, threads: int) -> None:
    scene.render.engine = "CYCLES"
    settings = {
        "device": "CPU",
        "samples": samples,
        "use_adaptive_sampling": False,
        "use_denoising": True,
        "denoiser": "OPENIMAGEDENOISE",
        "denoising_input_passes": "RGB_ALBEDO_NORMAL",
        "denoising_prefilter": "FAST",
        "max_bounces": 4,
        "diffuse_bounces": 2,
        "glossy_bounces": 2,
        "transmission_bounces": 2,
        "transparent_max_bounces": 8,
        "caustics_reflective": False,
        "caustics_refractive": False,
        "sample_clamp_indirect": 3.0,
        "blur_glossy": 1.0,
        "seed": 0,
    }
    for name, value in settings.items():
        setattr(scene.cycles, name, value)
    scene.cycles_curves.shape = "RIBBONS"
    scene.cycles_curves.subdivisions = 2
    render = scene.render
    render.use_persistent_data = True
    render.resolution_x = render.resolution_y = size
    render.threads_mode = "FIXED"
    render.threads = threads
    render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.view_settings.exposure = 0.35


def hurry() -> None:
    """Settings for many small pictures: light bounces less, the denoiser takes less care."""
    cycles = bpy.context.scene.cycles
    cycles.denoising_quality = "FAST"
    cycles.max_bounces = 2
    cycles.diffuse_bounces = cycles.glossy_bounces = 1


def _camera(scene: bpy.types.Scene) -> None:
    camera = bpy.data.cameras.new("camera")
    camera.lens = LENS
    camera.sensor_width = SENSOR
    scene.camera = _link(bpy.data.objects.new("camera", camera))
    scene.camera.location = (0, -DISTANCE, HEIGHT)
    scene.camera.rotation_euler = (np.pi / 2, 0, 0)


def aim_camera(centre: np.ndarray, span: float, distance: float) -> None:
    """Look straight at a point (dm) from ``distance`` metres; the picture is ``span`` dm wide there."""
    camera = bpy.context.scene.camera
    (x, y, z) = to_blender(centre)
    camera.location = (x, y - distance, z)
    camera.data.lens = SENSOR * distance / (span * METRES)


def _area(told: Light) -> None:
    light = bpy.data.lights.new("area", "AREA")
    light.size = told.size
    light.energy = told.energy
    light.color = told.colour
    thing = _link(bpy.data.objects.new("area", light))
    thing.location = told.place
    # A light in front of the camera would hide the face.
    thing.visible_camera = False
    thing.rotation_euler = (Vector((0, -0.1, 0.72)) - Vector(told.place)).to_track_quat("-Z", "Y").to_euler()


def write_masks_to(folder: Path) -> None:
    """Let every render also write the face as ``mask_NNNN.png`` and things in front as ``front_NNNN.png``."""
    scene = bpy.context.scene
    for name in MASKS:
        layer = scene.view_layers[0].aovs.add()
        layer.name = name
        layer.type = "VALUE"
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    layers = tree.nodes.new("CompositorNodeRLayers")
    picture = tree.nodes.new("CompositorNodeComposite")
    tree.links.new(layers.outputs["Image"], picture.inputs[0])
    file = tree.nodes.new("CompositorNodeOutputFile")
    file.base_path = str(folder)
    file.format.file_format = "PNG"
    file.format.color_mode = "BW"
    file.format.color_management = "OVERRIDE"
    file.format.view_settings.view_transform = "Raw"
    file.file_slots.clear()
    for name, path in MASKS.items():
        file.file_slots.new(path)
        tree.links.new(layers.outputs[name], file.inputs[path])


def put_in_front(material: bpy.types.Material) -> None:
    """Count what is made of a material among the things in front, not to the face."""
    tree = material.node_tree
    for node in tree.nodes:
        if node.type == "OUTPUT_AOV":
            value = node.inputs["Value"]
            for link in value.links:
                tree.links.remove(link)
            value.default_value = float(node.aov_name == "front")


def render_frame(number: int, path: Path) -> None:
    """Render what stands there to ``path`` (and its mask)."""
    bpy.context.scene.frame_set(number)
    bpy.context.scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)

"""Program for Blender's Python: ``over PLATE LAYERS OUT`` or ``stage STAGE WIDTH HEIGHT FRAMES OUT``.

The first lays the layer "face" over a plate in the compositor, as docs/delivery.md says, and writes what
comes out as OpenEXR. The second opens a stage and writes, as JSON, the vertices of its first mesh at each of
some frames (numbers with commas between), and where the camera sees them in its picture, (0, 0) at the upper
left.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bpy
from bpy_extras.object_utils import world_to_camera_view


def lay_over(plate: str, layers: str, out: str) -> None:
    scene = bpy.context.scene
    if hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("comp", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        result = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        result = tree.nodes.new("CompositorNodeComposite")
    sources = []
    for path in (plate, layers):
        source = tree.nodes.new("CompositorNodeImage")
        source.image = bpy.data.images.load(path)
        source.image.colorspace_settings.name = "Non-Color"
        sources.append(source)
    over = tree.nodes.new("CompositorNodeAlphaOver")
    below, above = (each for each in over.inputs if each.type == "RGBA")
    tree.links.new(sources[0].outputs[0], below)
    tree.links.new(sources[1].outputs["face"], above)
    tree.links.new(over.outputs[0], result.inputs[0])
    render = scene.render
    render.resolution_x, render.resolution_y = sources[0].image.size
    render.resolution_percentage = 100
    render.filepath = out
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth = "32"
    render.image_settings.color_mode = "RGB"
    scene.view_settings.view_transform = "Raw"
    bpy.ops.render.render(write_still=True)


def read_stage(stage: str, width: str, height: str, frames: str, out: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.usd_import(filepath=stage)
    scene = bpy.context.scene
    camera = bpy.data.objects["plate_blender"]
    scene.render.resolution_x = int(width)
    scene.render.resolution_y = int(height)
    mesh = next(each for each in bpy.data.objects if each.type == "MESH")
    found = {}
    for frame in map(int, frames.split(",")):
        scene.frame_set(frame)
        evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
        vertices = [vertex.co for vertex in evaluated.to_mesh().vertices]
        seen = [world_to_camera_view(scene, camera, mesh.matrix_world @ each) for each in vertices]
        found[frame] = {
            "vertices": [list(each) for each in vertices],
            "seen": [[each.x * int(width), (1 - each.y) * int(height)] for each in seen],
        }
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    {"over": lay_over, "stage": read_stage}[sys.argv[1]](*sys.argv[2:])

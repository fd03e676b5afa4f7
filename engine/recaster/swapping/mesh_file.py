"""Tracked meshes as Universal Scene Description, in its text form (.usda), which needs no library.

The stage stands over the plate: x to the right and y up from the picture's lower left corner, z towards the
viewer, a unit for each pixel; orthographic cameras show just the picture.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.faces import topology
from recaster.faces.mesh_surface import BETWEEN_LIPS, INNER_CORNERS, IRISES, LOWER_LIP, TRIANGLES, UPPER_LIP
from recaster.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import ClipInfo
    from recaster.swapping.swap_plan import SwapPlan

METRES_PER_PIXEL: Final = 1
"""Some programs scale stages of other units to their own, and leave cameras as they are."""
CAMERAS: Final = {"plate": 10, "plate_blender": 1}
"""Cameras, and how much their apertures count a unit: USD counts in tenths, Blender in units."""
CAMERA_DISTANCE: Final = 2.0
"""Of the camera from the plate, in longer sides of it."""


def list_mesh_triangles() -> NDArray[np.int64]:
    """Lists triangles (M, 3) over the mesh's 478 points: eyes are filled to the irises, the mouth is shut."""
    surface = TRIANGLES[(TRIANGLES < BETWEEN_LIPS).all(1)]
    # In the surface for textures the irises' centres follow each other.
    irises = dict(zip(IRISES, (topology.IRIS_LEFT, topology.IRIS_RIGHT), strict=True))
    eyes_and_skin = np.vectorize(lambda point: irises.get(point, point))(surface)
    left, right = INNER_CORNERS
    mouth = [(left, UPPER_LIP[0], LOWER_LIP[0]), (LOWER_LIP[-1], UPPER_LIP[-1], right)]
    for (a, b), (c, d) in zip(itertools.pairwise(UPPER_LIP), itertools.pairwise(LOWER_LIP), strict=True):
        mouth += [(a, b, d), (a, d, c)]
    return np.concatenate([eyes_and_skin, np.array(mouth, np.int64)])


def place_over_plate(points: Floats, height: int) -> Floats:
    """Moves points (..., 3) from the pixels of a picture to the stage."""
    return points * (1, -1, -1) + (0.5, height - 0.5, 0)


def write_meshes(
    path: Path, info: ClipInfo, plan: SwapPlan, slots: Sequence[int], numbers: Mapping[int, int]
) -> None:
    """Writes the meshes of a clip, one for each slot, time-sampled at the numbers of the frames' pictures.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        first = min(numbers.values())
        last = max(numbers.values())
        file.write(_describe_stage(info, first, last))
        for slot in range(1, max(slots, default=0) + 1):
            _write_mesh(file, slot, list(_list_samples(plan, slots, slot, numbers)), plan, info.height)
        file.write("}\n")


def _list_samples(
    plan: SwapPlan, slots: Sequence[int], slot: int, numbers: Mapping[int, int]
) -> Iterator[tuple[int, int, int]]:
    """Lists number, frame and plan of all that a slot shows, in order."""
    for frame, number in numbers.items():
        for which, _ in plan.faces_by_frame.get(frame, ()):
            if slots[which] == slot:
                yield number, frame, which


def _describe_stage(info: ClipInfo, first: int, last: int) -> str:
    cameras = "".join(_describe_camera(*each, info.width, info.height) for each in CAMERAS.items())
    title = re.sub(r'["\\\n]', " ", info.path.name)
    return f"""#usda 1.0
(
    defaultPrim = "tracked"
    doc = "Tracked faces of {title}, over its plate: a unit for each pixel, origin at the lower left corner"
    endTimeCode = {last}
    metersPerUnit = {METRES_PER_PIXEL}
    startTimeCode = {first}
    timeCodesPerSecond = {float(info.rate)!r}
    upAxis = "Y"
)

def Xform "tracked"
{{
{cameras}"""


def _describe_camera(name: str, scale: int, width: int, height: int) -> str:
    away = CAMERA_DISTANCE * max(width, height)
    return f"""
    def Camera "{name}"
    {{
        float2 clippingRange = ({away / 100!r}, {2 * away!r})
        float horizontalAperture = {width * scale}
        token projection = "orthographic"
        float verticalAperture = {height * scale}
        double3 xformOp:translate = ({width / 2!r}, {height / 2!r}, {away!r})
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }}
"""


def _write_mesh(
    file: TextIO, slot: int, samples: Sequence[tuple[int, int, int]], plan: SwapPlan, height: int
) -> None:
    """Writes one mesh, sample by sample; where its face isn't there, it is invisible."""
    triangles = list_mesh_triangles()
    # Seen from the viewer they turn anticlockwise, as USD has the outside.
    indices = ", ".join(map(str, triangles[:, ::-1].ravel().tolist()))
    counts = ", ".join(["3"] * len(triangles))
    file.write(f"""
    def Mesh "face_{slot}"
    {{
        int[] faceVertexCounts = [{counts}]
        int[] faceVertexIndices = [{indices}]
        uniform token subdivisionScheme = "none"
        point3f[] points.timeSamples = {{
""")
    for number, frame, which in samples:
        mesh = plan.mesh(which, frame)
        if mesh is not None:
            file.write(f"            {number}: [{_list_points(place_over_plate(mesh, height))}],\n")
    file.write("        }\n        token visibility.timeSamples = {\n")
    for number, state in _list_visibility([number for number, _, _ in samples]):
        file.write(f'            {number}: "{state}",\n')
    file.write("        }\n    }\n")


def _list_points(points: Any) -> str:
    return ", ".join(f"({x:.3f}, {y:.3f}, {z:.3f})" for x, y, z in points)


def _list_visibility(numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Lists the numbers at which a face comes and goes."""
    before = None
    for number in numbers:
        if before is None or number != before + 1:
            if before is not None:
                yield before + 1, "invisible"
            elif number > 0:
                yield number - 1, "invisible"
            yield number, "inherited"
        before = number
    if before is not None:
        yield before + 1, "invisible"

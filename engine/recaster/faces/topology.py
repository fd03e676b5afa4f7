"""Topology of the mesh's 478 points (MediaPipe Face Mesh numbering; left and right as seen).

Points 0-467 are the face mesh, 468-472 the iris of the eye on the picture's left (centre, then
four on its rim), 473-477 that of the other.
"""

from __future__ import annotations

from typing import Final

POINTS: Final = 478
MESH_POINTS: Final = 468

# Hardly moved by expression: rims of the eye sockets, bridge and base of the nose, temples, forehead.
STABLE: Final = (
    33, 133, 362, 263, 168, 6, 197, 195, 9, 8, 151, 10, 127, 356, 234, 454, 98, 327, 109, 338, 5,
)  # fmt: skip

# The same landmarks as dlib's 68 (iBUG order): jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67.
IBUG68: Final = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip

# The iris model's eye contour points 0-15, in its own order, as mesh points.
EYE_LEFT_CONTOUR: Final = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
EYE_RIGHT_CONTOUR: Final = (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)

# Closed outlines, in drawing order; the iris model's contours have the upper lid the other way round.
EYE_LEFT: Final = EYE_LEFT_CONTOUR[:9] + EYE_LEFT_CONTOUR[:8:-1]
EYE_RIGHT: Final = EYE_RIGHT_CONTOUR[:9] + EYE_RIGHT_CONTOUR[:8:-1]
LIPS_INNER: Final = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
LIPS_OUTER: Final = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
BROW_LEFT: Final = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
BROW_RIGHT: Final = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)

IRIS_LEFT: Final = 468
IRIS_RIGHT: Final = 473
EYE_CORNERS_LEFT: Final = (33, 133)
EYE_CORNERS_RIGHT: Final = (362, 263)
LIP_TOP: Final = 13
LIP_BOTTOM: Final = 14
MOUTH_CORNERS: Final = (61, 291)
LIDS_LEFT: Final = (159, 145)
LIDS_RIGHT: Final = (386, 374)
NOSE_TIP: Final = 4
MIDLINE: Final = (10, 168, 6, NOSE_TIP, 152)
FOREHEAD: Final = 10
EARS: Final = (234, 454)
CHIN: Final = 152

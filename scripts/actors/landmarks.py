"""The 68 landmarks (iBUG's order) as points of MakeHuman's base mesh.

Chosen for least distance to what two landmarkers (dlib's and the 468-point mesh) found in 120 frames of
all actors near to frontal, with open and closed mouths; left and right mirror each other. Then looked at,
point by point, on renders of each actor with open and closed mouth and eyes: the inner lower lip was
moved up to the rim. The jaw's points (0-16) are spots on the skin: the outline that a landmarker follows
in a turned head is elsewhere.
"""

from __future__ import annotations

LANDMARKS = (
    267, 5182, 270, 5242, 5240, 5298, 5295, 5221, 5225, 11831, 11901, 11903, 11849, 11851, 7039, 11794,
    7036, 5262, 232, 222, 223, 208, 6983, 6997, 6996, 7005, 11870, 136, 131, 164, 294, 384, 313, 312,
    7076, 7144, 6783, 0, 54, 6769, 47, 6776, 13365, 6838, 6784, 13379, 13372, 6831, 3736, 5354, 355,
    455, 7116, 11956, 10404, 7239, 7241, 492, 486, 484, 433, 462, 474, 7221, 7193, 7264, 540, 517,
)  # fmt: skip

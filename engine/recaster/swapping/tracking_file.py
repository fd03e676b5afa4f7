"""File beside a clip's layers that says where each face was: crops, points and shares, frame by frame.

One JSON object: facts of the clip first, ``frames`` last, an object for each frame on a line of its own.
Pixels are those of the picture as shown, x to the right, y down, whole numbers at their centres.
docs/delivery.md describes every key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster import __version__
from recaster.faces.alignment import invert
from recaster.files import atomic_file
from recaster.swapping.face_layers import VALUES_NOTE
from recaster.swapping.result import describe_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from recaster.faces.types import Bools, FaceTrack, Floats
    from recaster.media.types import ClipInfo
    from recaster.swapping.coverage import Coverage, FrameCoverage
    from recaster.swapping.request import SwapRequest
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import TrackPlan

TRACKING_FORMAT: Final = 1
_PLACES: Final = 3
"""Decimal places of pixels."""
_FINE_PLACES: Final = 8
"""Decimal places of matrices: a crop of 512 pixels is found to a thousandth of one."""


@dataclass(frozen=True, eq=False)
class Sightings:
    """Facts that an analysis has of a track, by the rows of its plan.

    Attributes:
        boxes: (T, 4), left, top, right and bottom.
        scores: (T,), how sure the landmarker is.
        filled: (T,), where nothing was measured.
    """

    boxes: Floats
    scores: Floats
    filled: Bools

    @classmethod
    def of(cls, track: FaceTrack, plan: TrackPlan) -> Sightings:
        """Those of the frames of a plan, which may be fewer than a track's."""
        rows = np.searchsorted(track.frames, plan.frames)
        return cls(track.boxes[rows], track.scores[rows], track.filled[rows])


def write_tracking(
    path: Path,
    request: SwapRequest,
    plan: SwapPlan,
    slots: Sequence[int],
    sightings: Sequence[Sightings],
    coverage: Coverage,
    numbers: Sequence[int],
) -> None:
    """Writes the file, frame by frame, and puts it in its place at once.

    Args:
        slots: numbers of the plan's faces among those of a frame.
        sightings: of each track of the plan.
        numbers: of the frames' pictures.

    Raises:
        OutputError: it cannot be written.
    """
    facts = _describe_clip(request, plan)
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(facts, indent=1)[:-2] + ',\n "frames": [\n')
        for at, (frame, number) in enumerate(zip(coverage.frames, numbers, strict=True)):
            value = {
                "frame": frame.frame,
                "number": number,
                "state": str(frame.reason or "swapped"),
                "faces": list(_describe_faces(plan, slots, sightings, frame)),
            }
            file.write(("  " if at == 0 else ",\n  ") + json.dumps(value, separators=(",", ":")))
        file.write("\n ]\n}\n")


def _describe_clip(request: SwapRequest, plan: SwapPlan) -> dict[str, Any]:
    clip = request.clip
    info: ClipInfo = clip.info
    layers_out = request.settings.layers_out
    return {
        "format": TRACKING_FORMAT,
        "recaster": __version__,
        "clip": info.path.name,
        "sha256": clip.digest,
        "result": request.out.name,
        "layers": {"names": list(request.settings.layers), "pictures": layers_out and layers_out.name},
        **describe_sources(request),
        "size": [info.width, info.height],
        "stored_size": list(info.shape.stored),
        "pixel_aspect": str(info.shape.sample_aspect),
        "rate": str(info.rate),
        "colour": {
            "space": clip.options.colour_space,
            "range": info.colour.range,
            "matrix": info.colour.matrix,
            "primaries": info.colour.primaries,
            "transfer": info.colour.transfer,
            "values": VALUES_NOTE,
        },
        **_describe_crops(request, plan),
        "landmarker": request.settings.analysis.landmarker,
        "not_there": ["matte_hair", "matte_skin"],
        "frame_count": len(request.frames),
    }


def _describe_crops(request: SwapRequest, plan: SwapPlan) -> dict[str, Any]:
    """Sizes of the crops; those of a cast may differ, and each member's are named beside its tracks."""
    if not request.cast:
        return {"crop_size": plan.sizes[0]}
    members = []
    for number, role in enumerate(request.cast):
        own = [at for at, other in enumerate(plan.roles) if other == number]
        members.append(
            {
                "name": role.name,
                "model": plan.sources[number],
                "tracks": [plan.tracks[at] for at in own],
                "crop_size": plan.sizes[own[0]] if own else None,
            }
        )
    return {"cast": members}


def _describe_faces(
    plan: SwapPlan, slots: Sequence[int], sightings: Sequence[Sightings], frame: FrameCoverage
) -> Iterator[dict[str, Any]]:
    """Describes the faces of a frame that were to be swapped."""
    shares: Mapping[int, Any] = {face.track: face for face in frame.faces}
    for number, row in plan.faces_by_frame.get(frame.frame, ()):
        own = plan.track_plans[number]
        seen = sightings[number]
        share = shares.get(plan.tracks[number])
        mesh = plan.mesh(number, frame.frame)
        yield {
            "track": plan.tracks[number],
            "slot": slots[number],
            "box": _round(seen.boxes[row], _PLACES),
            "confidence": round(float(seen.scores[row]), _PLACES),
            "measured": not bool(seen.filled[row]),
            "opacity": round(own.opacity_at(row), _PLACES),
            "covered": share and share.covered,
            "lost": share and {str(reason): lost for reason, lost in share.lost.items() if lost},
            "plate_to_crop": _round(own.matrices[row], _FINE_PLACES),
            "crop_to_plate": _round(invert(own.matrices[row]), _FINE_PLACES),
            "landmarks": _round(own.landmarks[row], _PLACES),
            "mesh": None if mesh is None else _round(mesh, _PLACES),
        }


def _round(values: Floats, places: int) -> Any:
    return np.round(np.asarray(values, np.float64), places).tolist()

"""A performer's usual appearance as named arrays, as files hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from recaster.appearance.face_appearance import COARSE_PX, FaceAppearance
from recaster.appearance.glasses import Glasses, WornGlasses
from recaster.appearance.glasses_lines import Line, Lines
from recaster.appearance.uv_layout import UVLayout
from recaster.faces.mesh_surface import TRIANGLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]


def appearance_to_arrays(appearance: FaceAppearance) -> dict[str, NDArray[Any]]:
    """Turns an appearance into arrays, of which ``appearance_from_arrays`` makes the same, to the bit."""
    worn = appearance.worn
    arrays: dict[str, NDArray[Any]] = {
        "layout": appearance.layout.points,
        "texture": appearance.texture,
        "lost": np.array(appearance.lost),
    }
    if appearance.persistent is not None:
        arrays["persistent"] = appearance.persistent
    if appearance.glasses is not None:
        arrays |= _glasses_to_arrays("glasses", appearance.glasses)
    if worn is not None:
        arrays["has_lenses"] = np.array(worn.has_lenses)
        if worn.glasses is not appearance.glasses:
            arrays |= _glasses_to_arrays("worn", worn.glasses)
    return arrays


def appearance_from_arrays(arrays: Arrays) -> FaceAppearance:
    """Makes an appearance of its arrays; KeyError or ValueError where they are none."""
    glasses = _glasses_from_arrays("glasses", arrays)
    worn = None
    if "has_lenses" in arrays:
        kept = _glasses_from_arrays("worn", arrays) or glasses
        if kept is None:
            raise ValueError("glasses are kept that aren't there")
        worn = WornGlasses(kept, bool(arrays["has_lenses"]))
    return FaceAppearance(
        UVLayout(COARSE_PX, arrays["layout"], TRIANGLES),
        arrays["texture"],
        arrays.get("persistent"),
        glasses,
        bool(arrays["lost"]),
        worn,
    )


def _glasses_to_arrays(name: str, glasses: Glasses) -> dict[str, NDArray[Any]]:
    lines = glasses.lines
    arrays: dict[str, NDArray[Any]] = {
        f"{name}.score": np.array(glasses.score),
        f"{name}.widths": lines.widths,
        f"{name}.radii": np.array(lines.radii, np.int64),
        f"{name}.closed": np.array([line.closed for line in lines.lines]),
    }
    arrays |= {f"{name}.line{number}": line.points for number, line in enumerate(lines.lines)}
    return arrays if lines.profiles is None else arrays | {f"{name}.profiles": lines.profiles}


def _glasses_from_arrays(name: str, arrays: Arrays) -> Glasses | None:
    if f"{name}.score" not in arrays:
        return None
    closed = arrays[f"{name}.closed"].tolist()
    lines = Lines(
        tuple(Line(arrays[f"{name}.line{number}"], is_closed) for number, is_closed in enumerate(closed)),
        arrays[f"{name}.widths"],
        arrays.get(f"{name}.profiles"),
        tuple(arrays[f"{name}.radii"].tolist()),
    )
    return Glasses(lines, float(arrays[f"{name}.score"]))

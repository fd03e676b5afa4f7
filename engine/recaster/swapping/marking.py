"""Provenance of a swap: what its signed manifest says of how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recaster import __version__
from recaster.errors import ManifestError
from recaster.media.sequence_name import SequenceName
from recaster.provenance.manifest import sidecar_of, sign_swap
from recaster.swapping.casting import CastSwapper
from recaster.swapping.sequence_list import check_names
from recaster.weights_registry import weights_used_by

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.clip import Clip
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.request import SwapRequest
    from recaster.swapping.swapper import Swapper


def mark_result(request: SwapRequest, unsigned: Path, out: Path, frames: int, swapped: int) -> str:
    """Writes a finished swap of a request that has a mark, or its layers, with its signed manifest.

    Args:
        unsigned: the file without a manifest, or the list of a swap's pictures.
        out: the file to write, of the same kind.
        frames: pictures in it.
        swapped: those of them that show a face to swap.

    Returns:
        One line of words on what was done.
    """
    if request.mark is None:
        raise ValueError("a swap without a mark isn't signed")
    facts = {"frames": frames, "swapped": swapped}
    facts |= collect_provenance_facts(request.swapper, request.settings) | {"clip": request.clip.digest}
    return sign_swap(unsigned, out, _find_ingredient(request.clip), facts, request.mark)


def _find_ingredient(clip: Clip) -> Path:
    """Finds the file that stands for a clip: of a sequence its list, where that has a manifest."""
    sequence = SequenceName.parse(clip.path)
    if sequence is None or not sidecar_of(sequence.list_path).is_file():
        return clip.first_file
    try:
        check_names(sequence)
    except ManifestError:  # gone, or that of other pictures
        return clip.first_file
    return sequence.list_path


def collect_provenance_facts(swapper: Swapper | CastSwapper, settings: SwapSettings) -> dict[str, Any]:
    """Collects what a manifest says of how a swap was made: engine, model, label and networks."""
    networks = weights_used_by("identity", settings.analysis.detector, settings.analysis.landmarker)
    models: dict[str, Any] = {"model": swapper.digest}
    if isinstance(swapper, CastSwapper):  # in the order in which the right to each face is stated
        models = {"models": [each.digest for each in swapper.swappers]}
    return {
        "engine": __version__,
        **({"draft": True} if settings.draft else {}),
        **models,
        "label": settings.label.kind,
        "networks": [{"name": network.name, "licence": network.licence} for network in networks],
    }

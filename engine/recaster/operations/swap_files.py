"""Files that a swap makes, and their digests in the audit log."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.files import sha256
from recaster.provenance.picture_list import format_list
from recaster.settings.formats import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.clip import Clip
    from recaster.operations.swap import Request


@dataclass(frozen=True)
class SwapFiles:
    """Files of a swap.

    Attributes:
        made: the result; of a sequence its pictures.
        beside: manifests, list of the pictures, matte, report and layers, as far as they are asked for.
        is_sequence: whether the result is a sequence, which its list stands for.
        layers: the pictures of layers, or their clip, which are beside the result, too.
    """

    made: tuple[Path, ...]
    beside: tuple[Path, ...]
    is_sequence: bool
    layers: tuple[Path, ...] = ()

    @classmethod
    def of(cls, request: Request, clip: Clip, frames: range) -> SwapFiles:
        """The files of a request whose result holds these frames."""
        from recaster.media.picture_join import list_places
        from recaster.media.sequence_name import SequenceName
        from recaster.swapping.request import list_side_layers
        from recaster.swapping.sequence_list import list_marks

        sequence = None if request.preview is not None else SequenceName.parse(request.out)
        made = [request.out] if sequence is None else list_places(request.out, clip.info, frames)
        layers: list[Path] = []
        if request.layers_out is not None and {*request.layers} != {"mesh"}:
            layers = list_places(request.layers_out, clip.info, frames)
        beside: list[Path] = []
        if request.has_manifest:
            beside += list_marks(request.out).values()
            if request.layers_out is not None and layers:
                beside += list_marks(request.layers_out).values()
        if request.matte is not None:
            for matte in (request.matte, *request.role_mattes.values()):
                beside += list_places(matte, clip.info, frames)
        beside += [path for path in (request.report, request.overlay) if path is not None]
        beside += [*layers, *list_side_layers(request.layers, request.layers_out).values()]
        return cls(tuple(made), tuple(beside), sequence is not None, tuple(layers))

    def digest_made(self) -> str:
        """Computes the result's SHA-256, hex; of a sequence that of the list of its pictures."""
        return _digest_product(self.made, is_sequence=self.is_sequence)

    def digest_layers(self) -> list[str]:
        """Computes the same of the layers; empty where none are asked for."""
        if not self.layers:
            return []
        return [_digest_product(self.layers, is_sequence=self.layers[0].suffix in PICTURE_SUFFIXES)]


def _digest_product(paths: tuple[Path, ...], *, is_sequence: bool) -> str:
    if not is_sequence:
        return sha256(paths[0])
    return hashlib.sha256(format_list({path.name: path for path in paths})).hexdigest()

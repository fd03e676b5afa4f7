"""Layers as pictures of OpenEXR, with what lies beside them, in the programs that they are for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from layered_swaps import ALLOWED, COUNT, Made, make_deep_clip, over

from recaster.errors import UsageError
from recaster.media.clip import Clip
from recaster.media.picture_file import PicturePart, read_picture, write_picture
from recaster.media.types import Shape
from recaster.settings.detection import AnalysisSettings
from recaster.settings.swap import LabelSettings, SwapSettings
from recaster.swapping.composite import PaintedFace
from recaster.swapping.face_layers import VALUES_NOTE, LayerDrawer, assign_slots
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from collections.abc import Sequence


FIRST = 1001
"""Number of a sequence's first picture."""
PROGRAM = Path(__file__).with_name("blender_program.py")
BLENDERS = sorted((Path(__file__).parents[2] / ".blender").glob("*/installed"))
WANTED = os.environ.get("RECASTER_BLENDERS")
CHOSEN = [path.parent for path in BLENDERS if WANTED is None or path.parent.name in WANTED.split()]
in_blender = pytest.mark.parametrize(
    "blender",
    CHOSEN or [pytest.param(None, marks=pytest.mark.skip(reason="no Blender is installed"))],
    ids=lambda path: path and path.name,
)


@pytest.fixture(scope="module")
def deep(swap: Any, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("deep")
    clip = make_deep_clip(folder / "clip.mkv")
    swap(clip, folder)
    return Made(folder, clip)


@pytest.fixture(scope="module")
def shallow(fake: Any, swap: Any, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("shallow")
    clip = fake.make_clip(folder / "clip.mp4", COUNT)
    swap(clip, folder, layers=("frame", "face"))
    return Made(folder, clip)


@pytest.fixture(scope="module")
def linear(swap: Any, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A swap of a sequence of linear pictures that begins with number 1001, and misses one."""
    folder = tmp_path_factory.mktemp("linear")
    y, x = np.mgrid[0:96, 0:128]
    for index in range(COUNT):
        waves = [np.sin((x * a + y * b + 3 * index) / 17) for a, b in ((1, 2), (2, 1), (1, -1))]
        light = (0.3 + 0.28 * np.stack(waves, -1)).astype(np.float16)
        number = FIRST + index + (index > 4)
        write_picture(folder / f"plate.{number}.exr", [PicturePart(("R", "G", "B"), light)])
    clip = folder / "plate.%04d.exr"
    swap(clip, folder, layers=("frame", "face"))
    return Made(folder, clip)


def test_every_picture_has_the_same_layers_and_says_of_what(deep: Made) -> None:
    parts = [read_picture(deep.picture(number)) for number in range(1, COUNT + 1)]
    assert not deep.picture(0).exists()
    assert not deep.picture(COUNT + 1).exists()
    assert {len(each) for each in parts} == {1}
    [first] = parts[0]
    assert all(each[0].channels == first.channels for each in parts)
    assert {each.rpartition(".")[0] for each in first.channels} == {
        "", "face", "matte_face", "matte_face_1", "matte_face_2", "matte_occluders", "matte_occluders_1",
        "matte_occluders_2", "matte_label", "raw_1", "raw_2", "st_1", "st_2", "normals_1", "normals_2",
        "depth_1", "depth_2",
    }  # fmt: skip
    floats = {each for each, kind in zip(first.channels, first.types, strict=True) if kind == "float"}
    assert {each.partition("_")[0] for each in floats} == {"st", "depth"}
    attributes = {name: value for name, _, value in first.attributes}
    assert attributes["recasterClip"] == "clip.mkv"
    assert attributes["recasterValues"] == deep.tracking["colour"]["values"] == VALUES_NOTE
    assert attributes["recasterDigest"] == deep.tracking["sha256"]
    assert "chromaticities" not in attributes


def test_a_face_over_its_deep_plate_is_the_frame(deep: Made) -> None:
    for number, plate in enumerate(deep.plates, 1):
        made = over(deep.layer(number, "face"), plate)
        assert np.abs(made - deep.layer(number, "")).max() < ALLOWED
        assert np.abs(made - plate).max() > 0.2


def test_layers_of_a_sequence_have_its_numbers_and_its_light(linear: Made) -> None:
    numbers = [FIRST + index + (index > 4) for index in range(COUNT)]
    assert [each["number"] for each in linear.tracking["frames"]] == numbers
    assert read_picture(linear.picture(FIRST))[0].pixels.dtype == np.float16
    assert sorted(linear.folder.glob("shot.*.exr")) == [linear.picture(number) for number in numbers]
    for number, plate in zip(numbers, linear.plates, strict=True):
        [stored] = read_picture(linear.folder / f"plate.{number}.exr")
        assert np.abs(stored.pixels - plate).max() < 1e-6
        made = over(linear.layer(number, "face"), plate)
        frame = linear.layer(number, "").astype(np.float32)
        # Half floats beyond 1 are as exact as their size allows.
        assert np.max(np.abs(made - frame) / np.maximum(frame, 1)) < ALLOWED
        assert np.abs(made - plate).max() > 0.1


def test_a_face_over_its_plate_of_8_bits_is_the_frame_when_it_is_rounded(shallow: Made) -> None:
    for number, plate in enumerate(shallow.plates, 1):
        made = over(shallow.layer(number, "face"), plate)
        frame = shallow.layer(number, "")
        # Where two faces overlap the result was rounded twice; half floats add a little.
        assert np.abs(made - frame).max() < 1 / 255 + ALLOWED
        assert (np.rint(made * 255) == np.rint(frame * 255)).mean() > 0.99


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_a_face_over_its_plate_is_the_frame_in_ffmpeg(deep: Made, tmp_path: Path) -> None:
    write_picture(tmp_path / "plate.exr", [PicturePart(("R", "G", "B"), deep.plates[2])])
    graph = (
        "[1]format=gbrap16le,split[face][alpha];[alpha]shuffleplanes=3:3:3:3,negate[rest];"
        "[0]format=gbrap16le[plate];[plate][rest]blend=all_mode=multiply[kept];"
        "[kept][face]blend=all_mode=addition,format=rgb48le"
    )
    pictures = ["-i", tmp_path / "plate.exr", "-layer", "face", "-i", deep.picture(3)]
    command = ["ffmpeg", "-v", "error", *pictures, "-filter_complex", graph, tmp_path / "out.png"]
    subprocess.run(command, check=True)
    [made] = read_picture(tmp_path / "out.png")
    assert np.abs(made.pixels / 65535 - deep.layer(3, "")).max() < ALLOWED


@in_blender
def test_a_face_over_its_plate_is_the_frame_in_blender(deep: Made, tmp_path: Path, blender: Path) -> None:
    write_picture(tmp_path / "plate.exr", [PicturePart(("R", "G", "B"), deep.plates[2])])
    files = [tmp_path / "plate.exr", deep.picture(3), tmp_path / "out.exr"]
    run_in_blender(blender, "over", *files)
    [made] = read_picture(tmp_path / "out.exr")
    assert np.abs(made.pixels[..., :3] - deep.layer(3, "")).max() < ALLOWED


def run_in_blender(blender: Path, *arguments: Any) -> None:
    command = [blender / "bin" / "python", PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mattes_of_faces_share_what_shows_of_them(deep: Made) -> None:
    for number in (1, 3):
        whole = deep.layer(number, "matte_face")
        shares = deep.layer(number, "matte_face_1") + deep.layer(number, "matte_face_2")
        assert np.abs(whole - shares).max() < ALLOWED
        assert deep.layer(number, "matte_face_2").any() == (number == 3)
        label = deep.layer(number, "matte_label")
        assert set(np.unique(label)) == {0, 1}
        opaque = np.maximum(whole, label)
        assert np.abs(deep.layer(number, "face")[..., 3:] - opaque).max() < 1 / 255
        # The nearer face is before the other, and nothing else is.
        assert deep.layer(number, "matte_occluders").any() == (number == 3)
        assert not deep.layer(number, "matte_occluders_1").any()


def test_raw_is_the_whole_crop(deep: Made) -> None:
    raw = deep.layer(3, "raw_1")
    frame = deep.layer(3, "")
    inside = deep.layer(3, "st_1")[..., 2] == 1
    assert (raw[inside, 3] > 0).all()
    assert raw[..., 3].sum() > 3 * deep.layer(3, "matte_face_1").sum()
    box = deep.tracking["frames"][2]["faces"][0]["box"]
    assert abs(raw[..., 3].sum() - (box[2] - box[0]) * (box[3] - box[1])) < 130
    assert np.abs(raw[45, 52, :3] - frame[45, 52]).max() < 0.5


def test_own_paint_is_warped_with_the_map_as_the_docs_say(deep: Made) -> None:
    size = deep.tracking["crop_size"]
    y, x = np.mgrid[0:size, 0:size]
    paint = np.stack([x / size, y / size, (x * y) / size**2], -1).astype(np.float32)
    st = deep.layer(3, "st_1").astype(np.float32)
    u, v, known = np.moveaxis(st, -1, 0)
    placed = cv2.remap(paint, u * size - 0.5, (1 - v) * size - 0.5, cv2.INTER_LINEAR)
    matrix = np.array(deep.tracking["frames"][2]["faces"][0]["plate_to_crop"])
    expected = cv2.warpAffine(
        paint, np.array(matrix), (128, 96), flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    )
    inner = cv2.erode(known.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert np.abs(placed - expected)[inner].max() < 0.002  # OpenCV knows 32 places between two pixels
    # And back: what the plate shows at a place of the crop.
    back = np.array(deep.tracking["frames"][2]["faces"][0]["crop_to_plate"])
    stabilised = cv2.warpAffine(placed, back, (size, size), flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)
    assert np.abs(stabilised - paint)[8:-8, 8:-8].max() < 0.02


def test_the_file_beside_the_pictures_says_where_faces_are(deep: Made, mesh: np.ndarray) -> None:
    told = deep.tracking
    assert (told["format"], told["clip"], told["size"], told["rate"]) == (1, "clip.mkv", [128, 96], "25")
    assert told["frame_count"] == len(told["frames"]) == COUNT
    assert [each["number"] for each in told["frames"]] == list(range(1, COUNT + 1))
    assert [[face["slot"] for face in each["faces"]] for each in told["frames"]] == [
        [1], [1, 2], [1, 2], [1, 2], *[[1]] * (COUNT - 4),
    ]  # fmt: skip
    face = told["frames"][2]["faces"][1]
    assert face["track"] == 1
    assert 0.4 < face["covered"] < 0.8
    assert face["covered"] + sum(face["lost"].values()) == pytest.approx(1)
    assert "hidden" in face["lost"]
    centre = np.mean(face["mesh"], 0)
    assert np.allclose(np.array(face["mesh"]) - centre, mesh * 0.8, atol=0.002)
    assert np.allclose(
        np.array(face["plate_to_crop"])[:, :2] @ np.array(face["crop_to_plate"])[:, :2], np.eye(2)
    )
    lines = (deep.folder / "shot.json").read_text().splitlines()
    assert sum(line.startswith('  {"frame":') for line in lines) == COUNT, "a line for each frame"


@pytest.mark.parametrize(
    "shape",
    [
        Shape.plain(128, 96),
        Shape(128, 96, (96, 96), (128, 96), sample_aspect=Fraction(4, 3)),
        Shape(128, 96, (96, 64), (96, 128), 90, sample_aspect=Fraction(1, 2)),
    ],
)
def test_normals_and_depth_are_those_of_the_mesh(mesh: np.ndarray, shape: Shape) -> None:
    tilted = mesh.copy()
    tilted[:, 2] = tilted[:, 0] / 2  # away to the right
    tilted += (64, 48, 0)
    blank = np.zeros((64, 64), np.float32)
    face = PaintedFace(0, np.zeros((64, 64, 3), np.float32), blank, blank, np.eye(2, 3), tilted)
    drawer = LayerDrawer(("normals", "depth"), (1,), LabelSettings())
    assert drawer.channels == ("normals.X", "normals.Y", "normals.Z", "depth.Z")
    rendered: Any = type("Rendered", (), {"patches": [], "painted": [face]})
    drawn = drawer.draw(rendered, shape)
    inside = np.linalg.norm(drawn[..., :3], axis=-1) > 0
    height, width = drawn.shape[:2]
    stretch = 128 * 96 / (width * height)
    assert 400 < inside.sum() * stretch < 1600
    towards = np.array([0.5, 0, 1]) / np.hypot(0.5, 1)
    # In nostrils and corners of the mouth the surface is folded.
    assert np.mean(np.abs(drawn[inside, :3] - towards).max(-1) < 0.01) > 0.9
    x = np.broadcast_to((np.arange(width) + 0.5) * 128 / width - 0.5, (height, width))
    assert np.abs(drawn[inside, 3] - (x[inside] - 64) / 2).max() < 0.5
    assert not drawn[~inside].any()


@in_blender
def test_meshes_open_in_blender_over_the_plate(deep: Made, tmp_path: Path, blender: Path) -> None:
    run_in_blender(blender, "stage", deep.folder / "shot.usda", 128, 96, "1,4", tmp_path / "seen.json")
    found = json.loads((tmp_path / "seen.json").read_text())
    for number in (1, 4):
        points = np.array(deep.tracking["frames"][number - 1]["faces"][0]["mesh"])
        expected = points * (1, -1, -1) + (0.5, 95.5, 0)
        assert np.abs(np.array(found[str(number)]["vertices"]) - expected).max() < 0.001
        seen = np.array(found[str(number)]["seen"])
        assert np.abs(seen - (points[:, :2] + 0.5)).max() < 0.01


def test_a_stopped_swap_makes_the_same_pictures(swap: Any, fake: Any, deep: Made, tmp_path: Path) -> None:
    class Stopping(fake.FakeSwapper):
        def swap(self, faces: Any) -> Any:
            if faces[0].extra["frame"] >= 9:
                raise KeyboardInterrupt
            return super().swap(faces)

    with pytest.raises(KeyboardInterrupt):
        swap(deep.clip, tmp_path, Stopping())
    assert not list(tmp_path.glob("shot*"))
    assert swap(deep.clip, tmp_path).resumed == 4
    names = sorted(path.name for path in tmp_path.glob("shot*"))
    assert names == sorted(path.name for path in deep.folder.glob("shot*"))
    for name in names:
        assert (tmp_path / name).read_bytes() == (deep.folder / name).read_bytes(), name


def test_slots_are_as_few_as_people_are_at_once(fake: Any) -> None:
    frames = [range(5), range(2, 9), range(5, 9), range(9, 12), range(12, 14)]
    plans = [fake.FakeSwapper().plan(fake.track(each), None) for each in frames]
    plan: Any = type("Plan", (), {"track_plans": plans})
    assert assign_slots(plan) == (1, 2, 1, 1, 1)


def test_layers_that_cannot_be_written_are_refused(fake: Any, tmp_path: Path) -> None:
    clip = fake.make_clip(tmp_path / "clip.mp4", COUNT)

    def check(layers: Sequence[str], name: str, **settings: Any) -> None:
        chosen = SwapSettings(layers=tuple(layers), layers_out=tmp_path / name, **settings)
        SwapRequest(Clip(clip), tmp_path / "out.mp4", fake.FakeSwapper(), chosen).check()

    with pytest.raises(UsageError, match="layers go into pictures of OpenEXR"):
        check(("face", "st"), "face.mov")
    with pytest.raises(UsageError, match="layers go into pictures of OpenEXR"):
        check(("face",), "face.%04d.dpx")
    with pytest.raises(UsageError, match="normals, mesh: come of the face mesh; use --landmarker mesh"):
        check(("face", "normals", "mesh"), "x.%04d.exr", analysis=AnalysisSettings(landmarker="dlib-68"))
    with pytest.raises(UsageError, match=r"the report would replace the file of layers \(tracking\)"):
        check(("face",), "shot.%04d.exr", report=tmp_path / "shot.json")
    for layers, name in ((("st",), "."), (("face",), "."), (("face",), "new")):
        with pytest.raises(UsageError, match=r"names no pictures; write .*/shot\.%04d\.exr"):
            check(layers, name)


def test_the_mesh_can_be_all_that_is_asked_for(swap: Any, deep: Made, tmp_path: Path) -> None:
    for _ in range(2):  # its own files are replaced
        swap(deep.clip, tmp_path, layers=("mesh",))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "shot.json", "shot.usda"]
    assert (tmp_path / "shot.usda").read_bytes() == (deep.folder / "shot.usda").read_bytes()

"""Extraction of faces from clips and pictures, and going on after a stop."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from recaster.errors import ClipError, FaceNotFoundError, FacesetError, ImageError, InputError, UsageError
from recaster.faces.types import Analysis, FaceTrack
from recaster.facesets import clip_crops, clip_faces
from recaster.facesets import extraction as extracting
from recaster.facesets.extraction import extract
from recaster.facesets.face_records import describe_counts
from recaster.facesets.faceset import Faceset
from recaster.facesets.inputs import find_inputs
from recaster.media.clip import Clip
from recaster.media.types import ClipInfo, ColourTags, Frame, Shape
from recaster.settings.corrections import default_path
from recaster.settings.extract import ExtractSettings

COUNT = 33
SMALL = ExtractSettings(size=128)


class MadeUpClip:
    """A clip of one drawn face that moves to the right, and a count of how often it was analysed."""

    def __init__(self, draw, folder: Path) -> None:
        self.path = folder / "clip.mp4"
        self.path.write_bytes(b"stands for a clip")
        self.points = np.stack([draw.landmarks(160, (150.0 + frame, 120.0)) for frame in range(COUNT)])
        self.picture = draw.crop(5, size=240)
        self.person = 0.5 * draw.person(0)
        self.analysed = 0
        self.stop_at: int | None = None

    def probe(self, path: Path, _options) -> ClipInfo:
        return ClipInfo(
            path=path, shape=Shape.plain(320, 240), frame_count=COUNT, rate=Fraction(25), variable=False,
            duration=Fraction(COUNT, 25), time_base=Fraction(1, 25),
            codec="h264", pixel_format="yuv420p", bit_depth=8, interlaced=False, colour=ColourTags(),
        )  # fmt: skip

    def analyse(self, _clip, _settings, frames, _report, **_options) -> Analysis:
        self.analysed += 1
        rows = np.array(frames)
        boxes = np.concatenate([self.points.min(axis=1)[:, :2], self.points.max(axis=1)[:, :2]], axis=1)
        track = FaceTrack(
            0, rows, rows / 25, boxes[rows], self.points[rows], np.ones(len(rows)), np.zeros(len(rows), bool),
            self.person,
        )  # fmt: skip
        return Analysis((track,), (), len(rows), frames.start)

    def read(self, start, stop):
        for index in range(start, stop):
            if index == self.stop_at:
                raise KeyboardInterrupt
            image = np.zeros((240, 320, 3), np.uint8)
            image[:, index : index + 240] = self.picture
            yield Frame(index, index, Fraction(index, 25), image)


@pytest.fixture
def clip(draw, tmp_path, monkeypatch) -> MadeUpClip:
    made_up = MadeUpClip(draw, tmp_path)
    monkeypatch.setattr(extracting, "probe", made_up.probe)
    monkeypatch.setattr(clip_faces, "analyse_clip", made_up.analyse)
    monkeypatch.setattr(Clip, "read", made_up.read)
    monkeypatch.setattr(clip_crops, "identify", lambda *_, **__: made_up.person)
    return made_up


def test_all_faces_of_a_clip(clip, tmp_path) -> None:
    faceset = extract([clip.path], tmp_path / "out", dataclasses.replace(SMALL, identity="anna"))
    assert [record.frame for record in faceset.records] == list(range(COUNT))
    assert faceset.settings.identity == "anna"
    assert faceset.sources[0].counts == {"frames": COUNT, "kept": COUNT}
    record = faceset.records[20]
    assert (record.source, record.time, record.track) == ("clip.mp4", 0.8, 0)
    assert np.array_equal(record.embedding, clip.person.astype(np.float32))
    shown = faceset.crop(record)
    first = faceset.crop(faceset.records[0])
    assert np.abs(shown.astype(int) - first).mean() < 6  # aligned: the face stands still
    eyes = record.landmarks[[468, 473], 0]
    assert eyes[1] - eyes[0] == pytest.approx(0.25 * 128, rel=0.05)


def test_stopped_and_asked_again_it_gives_what_one_run_gives(clip, tmp_path) -> None:
    whole = extract([clip.path], tmp_path / "whole", SMALL)
    clip.stop_at = 25
    with pytest.raises(KeyboardInterrupt):
        extract([clip.path], tmp_path / "out", SMALL)
    assert len(Faceset.open(tmp_path / "out")) == 20
    clip.stop_at = None
    again = extract([clip.path], tmp_path / "out", SMALL)
    assert again.digest() == whole.digest()
    assert again.sources == whole.sources


def test_a_finished_input_is_not_looked_at_again(clip, tmp_path) -> None:
    extract([clip.path], tmp_path / "out", SMALL)
    extract([clip.path], tmp_path / "out", SMALL)
    assert clip.analysed == 1
    renamed = clip.path.rename(tmp_path / "renamed.mp4")
    assert len(extract([renamed], tmp_path / "out", SMALL)) == COUNT
    assert clip.analysed == 1


def test_a_corrected_input_is_looked_at_again_and_what_cannot_be_corrected_is_said(
    clip, tmp_path, monkeypatch
) -> None:
    extract([clip.path], tmp_path / "out", SMALL)
    text = '{"format": 1, "clip": "x", "corrections": [{"kind": "split", "face": [[1, 2, 3, 4]]}]}'
    default_path(clip.path).write_text(text)
    analyse = clip_faces.analyse_clip
    monkeypatch.setattr(
        clip_faces,
        "analyse_clip",
        lambda *_, **__: dataclasses.replace(analyse(*_, **__), warnings=("not applied",)),
    )
    said = []
    for _ in range(2):
        extract([clip.path], tmp_path / "out", SMALL, on_warning=lambda *warning: said.append(warning))
    assert clip.analysed == 2
    assert said == [(clip.path, "not applied")]


def test_other_settings_add_only_what_is_new(clip, tmp_path) -> None:
    few = extract([clip.path], tmp_path / "out", dataclasses.replace(SMALL, every=4))
    assert [record.frame for record in few.records] == list(range(0, COUNT, 4))
    more = extract([clip.path], tmp_path / "out", SMALL)
    assert sorted(record.frame for record in more.records) == list(range(COUNT))
    assert len(more.sources) == 1


def test_a_range_is_of_the_whole_clip(clip, tmp_path) -> None:
    faceset = extract([clip.path], tmp_path / "out", dataclasses.replace(SMALL, frames="10-20", every=5))
    assert [record.frame for record in faceset.records] == [10, 15, 20]
    with pytest.raises(UsageError, match="is not inside"):
        extract([clip.path], tmp_path / "new", dataclasses.replace(SMALL, frames="90-95"))
    assert not (tmp_path / "new").exists()


def test_crops_left_behind_are_swept(clip, tmp_path) -> None:
    extract([clip.path], tmp_path / "out", SMALL)
    (tmp_path / "out" / "faces" / "000099.jpg").write_bytes(b"half")
    extract([clip.path], tmp_path / "out", SMALL)
    assert len(list((tmp_path / "out" / "faces").iterdir())) == COUNT


def test_nobody_found_leaves_nothing(clip, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(clip_faces, "analyse_clip", lambda *_, **__: Analysis((), (), COUNT))
    with pytest.raises(FaceNotFoundError, match=r"no face was kept \(clip\.mp4: no face was found"):
        extract([clip.path], tmp_path / "out", SMALL)
    assert not (tmp_path / "out").exists()


def test_a_faceset_keeps_its_size(clip, tmp_path) -> None:
    extract([clip.path], tmp_path / "out", dataclasses.replace(SMALL, every=9))
    assert extract([clip.path], tmp_path / "out", ExtractSettings()).size == 128
    with pytest.raises(FacesetError, match="crops of 128 pixels, not 256"):
        extract([clip.path], tmp_path / "out", ExtractSettings(size=256))


@pytest.mark.parametrize(
    "settings",
    [
        ExtractSettings(every=0),
        ExtractSettings(min_area=1.5),
        ExtractSettings(size=7),
        ExtractSettings(person=Path("a.jpg"), everyone=True),
    ],
)
def test_settings_that_make_no_sense(settings, clip, tmp_path) -> None:
    with pytest.raises(
        UsageError, match=r"every must be|min area must be|size must be|cannot be asked for together"
    ):
        extract([clip.path], tmp_path / "out", settings)


def test_inputs(tmp_path) -> None:
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.JPG", "a.png", ".hidden.png", "clip.mp4", "deeper/c.png"):
        (folder / name).write_bytes(b"")
    found = find_inputs([folder, folder / "clip.mp4", folder / "a.png"])
    assert [(one.path.name, one.kind, one.named) for one in found] == [
        ("a.png", "image", False), ("b.JPG", "image", False),
        ("clip.mp4", "clip", True), ("a.png", "image", True),
    ]  # fmt: skip
    with pytest.raises(InputError, match="no such file"):
        find_inputs([tmp_path / "nowhere.mp4"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no image"):
        find_inputs([tmp_path / "empty"])
    with pytest.raises(UsageError, match="nothing to extract faces from"):
        find_inputs([])


def test_patterns_and_pictures_that_are_no_images_are_sequences(tmp_path: Path) -> None:
    """Numbered images of a folder stay pictures of their own, as ever."""
    for name in ("a/x.1.png", "a/x.2.png", "b/y.0001.exr", "b/y.0002.exr", "c/z.1.dpx", "c/w.1.dpx"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    def look(name: str) -> list[tuple[str, str]]:
        return [(each.path.name, each.kind) for each in find_inputs([tmp_path / name])]

    assert look("a") == [("x.1.png", "image"), ("x.2.png", "image")]
    assert look("a/x.2.png") == [("x.2.png", "image")]
    assert look("a/x.#.png") == look("a/x.%d.png") == [("x.%d.png", "clip")]
    assert look("b") == look("b/y.0002.exr") == [("y.%04d.exr", "clip")]
    with pytest.raises(ClipError, match="several sequences"):
        look("c")
    with pytest.raises(ClipError, match="no such picture"):
        look("a/q.%d.png")


def test_counts_in_words() -> None:
    assert describe_counts({"frames": 9, "no face": 0, "kept": 8}) == "9 frames, 8 kept"
    assert describe_counts({}) == "nothing"


@pytest.mark.footage
def test_one_of_two_people_in_a_real_clip(footage, tmp_path) -> None:
    """The person on the left, told by a picture of him, and nobody else."""
    variants = footage / "variants"
    wanted = dataclasses.replace(ExtractSettings(), frames="0-8", every=4)
    everyone = extract(
        [variants / "two_people_hstack.mp4"], tmp_path / "all", dataclasses.replace(wanted, everyone=True)
    )
    assert len(everyone) == 6
    picture = tmp_path / "person.png"
    cv2.imwrite(str(picture), everyone.crop(everyone.records[0])[:, :, ::-1])
    faceset = extract(
        [variants / "two_people_hstack.mp4"], tmp_path / "one", dataclasses.replace(wanted, person=picture)
    )
    assert [record.frame for record in faceset.records] == [0, 4, 8]
    assert faceset.sources[0].counts == {"frames": 3, "kept": 3, "other people": 3}
    same = [record for record in everyone.records if record.track == faceset.records[0].track]
    assert [record.sharpness for record in same] == [record.sharpness for record in faceset.records]


@pytest.mark.footage
def test_real_stills(footage, tmp_path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    astronaut = cv2.imread(str(footage / "stills" / "stills_astronaut.png"))
    cv2.imwrite(str(folder / "a.png"), astronaut)
    cv2.imwrite(str(folder / "b.png"), astronaut[:, ::-1])
    cv2.imwrite(str(folder / "tight.png"), astronaut[70:190, 160:280])
    cv2.imwrite(str(folder / "wall.png"), np.full((200, 200, 3), 90, np.uint8))
    (folder / "broken.png").write_bytes(b"nothing of a picture")
    faceset = extract([folder], tmp_path / "out", ExtractSettings(person=folder / "a.png"))
    assert [record.source for record in faceset.records] == ["a.png", "b.png", "tight.png"]
    counts = {source.name: dict(source.counts) for source in faceset.sources}
    assert counts["broken.png"] == {"unreadable": 1}
    assert counts["wall.png"] == {"images": 1, "no face": 1}
    with pytest.raises(ImageError, match="not an image that can be read"):
        extract([folder / "broken.png"], tmp_path / "broken")
    assert not (tmp_path / "broken").exists()
    with pytest.raises(FaceNotFoundError, match=r"wall\.png: no face was found in this picture"):
        extract([folder], tmp_path / "other", ExtractSettings(person=folder / "wall.png"))


@pytest.mark.footage
def test_a_broken_clip_stops_before_anything_is_made(footage, tmp_path) -> None:
    with pytest.raises(ClipError, match="not a video that can be read"):
        extract([footage / "variants" / "not_a_video.mp4"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_numbered_pictures_of_a_folder_are_each_taken(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    chance = np.random.default_rng(1)
    for number in (1, 2):
        noise = chance.integers(0, 255, (40, 40, 3), np.uint8)
        cv2.imwrite(str(folder / f"face.{number:04}.png"), noise)
    with pytest.raises(FaceNotFoundError, match=r"0001\.png: 1 images, 1 no face.*0002\.png: 1 images"):
        extract([folder], tmp_path / "out")

"""Masks learned of a few corrected frames, of a thing that is laid over a rendered performer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from recaster.cli import main as cli
from recaster.errors import UsageError
from recaster.masking import learned_mask
from recaster.masking.corrected_frames import MIN_PAINTED, paint, read_corrected
from recaster.masking.pixel_classifier import learn_classifier
from recaster.media.clip import Clip
from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COUNT = 12
CORRECTED = (0, 4, 11)


def thing(index: int) -> np.ndarray:
    """A disc that covers the chin of the performer, (320, 320) bool."""
    mask = np.zeros((320, 320), np.uint8)
    cv2.circle(mask, (160 + round(30 * np.sin(index / 2)), 222 + index), 30, 255, -1)
    return mask > 0


@pytest.fixture(scope="module")
def shot(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The performer behind a dark, rough disc that moves."""
    path = tmp_path_factory.mktemp("shot") / "shot.mkv"
    rough = np.random.default_rng(3).integers(40, 80, (320, 320, 1)).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width = stream.height = 320
        stream.pix_fmt = "bgr0"
        for frame in read_frames(actors / "performer.mp4", 0, COUNT):
            image = np.where(thing(frame.index)[..., None], rough, frame.image)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def write(folder: Path, pictures: dict[int, np.ndarray]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, picture in pictures.items():
        Image.fromarray(picture).save(folder / f"{number:04}.png")
    return folder


def run(*arguments: Any) -> int:
    return cli.main([str(one) for one in arguments])


def iou(masks: Mapping[int, np.ndarray], frames: Sequence[int]) -> float:
    """Of all these frames together, within the middle of the face."""
    near = np.s_[120:245, 105:215]
    said = np.stack([masks[index][near] > 127 for index in frames])
    true = np.stack([thing(index)[near] for index in frames])
    return float((said & true).sum() / (said | true).sum())


def test_a_mask_learned_of_three_frames_follows_what_is_in_front(
    shot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned_mask, "EXAMPLES", 12)
    monkeypatch.setattr(learned_mask, "SHARP_EXAMPLES", 8)
    exported = tmp_path / "exported"
    assert run("mask", "export", shot, "-o", exported, "--frames", ",".join(map(str, CORRECTED))) == 0
    assert [path.name for path in sorted(exported.iterdir())] == ["0000.png", "0004.png", "0011.png"]
    assert run("mask", "export", shot, "-o", exported) == 2, "corrections are never written over"
    frames = {index: next(iter(read_frames(shot, index, index + 1))).image for index in CORRECTED}
    corrected = write(exported, {index: paint(image, thing(index)) for index, image in frames.items()})
    out = tmp_path / "mask.mkv"
    # Corrected frames count, even beside the range.
    assert run("mask", "learn", shot, corrected, "-o", out, "--range", "1-9") == 0
    masks = {index: frame.image[..., 0] for index, frame in enumerate(read_frames(out), 1)}
    assert len(masks) == 9
    assert iou(masks, [1, 2, 3, 5, 7, 8, 9]) > 0.85
    assert iou(masks, [4]) > 0.97, "a corrected frame comes out as it was corrected"


def test_the_same_examples_and_seed_give_the_same_classifier() -> None:
    random = np.random.default_rng(1)
    features = random.normal(0, 1, (20000, 5)).astype(np.float16)
    wanted = (features[:, :2] > 0).astype(np.float32)

    def learn(seed: int) -> np.ndarray:
        classifier = learn_classifier(features, wanted, np.random.default_rng(seed), lambda _: None)
        return classifier.probabilities(features.astype(np.float32))

    first = learn(0)
    assert ((first > 0.5) == (wanted > 0.5)).mean() > 0.9
    assert (learn(0) == first).all()
    assert (learn(1) != first).any()


def test_what_is_like_no_example_has_a_probability_too() -> None:
    random = np.random.default_rng(1)
    features = random.normal(0, 1, (4096, 5)).astype(np.float16)
    wanted = (features[:, :1] > 0).astype(np.float32)
    classifier = learn_classifier(features, wanted, random, lambda _: None)
    far = np.array([[-1e4, 0, 0, 0, 0], [1e4, 0, 0, 0, 0]], np.float32)
    assert np.allclose(classifier.probabilities(far)[:, 0], [0, 1])


def test_corrected_frames_are_painted_over_or_masks_or_transparent(shot: Path, tmp_path: Path) -> None:
    clip = Clip(shot)
    wanted = thing(4)
    image = next(iter(read_frames(shot, 4, 5))).image
    grey = np.where(wanted, 255, 0).astype(np.uint8)
    clear = np.dstack([image, grey])
    for name, picture in (("paint", paint(image, wanted)), ("grey", grey), ("alpha", clear)):
        [found] = read_corrected(write(tmp_path / name, {4: picture}), clip)
        assert found.frame.index == 4
        assert ((found.mask > 0.5) == wanted).mean() > 0.999, name
    bare = read_corrected(write(tmp_path / "bare", {4: image}), clip)
    assert not bare[0].mask.any(), "a frame without paint has nothing in front"
    assert MIN_PAINTED > 0


def test_pictures_that_are_no_corrections_are_refused(shot: Path, tmp_path: Path) -> None:
    clip = Clip(shot)
    random = np.random.default_rng(1).integers(0, 255, (320, 320, 3)).astype(np.uint8)
    with pytest.raises(UsageError, match="frame 40, only 0 to 11"):
        read_corrected(write(tmp_path / "far", {40: random}), clip)
    with pytest.raises(UsageError, match="is neither frame 3 with magenta painted"):
        read_corrected(write(tmp_path / "random", {3: random}), clip)
    with pytest.raises(UsageError, match="is 320 by 200 pixels, the clip 320 by 320"):
        read_corrected(write(tmp_path / "low", {3: random[:200]}), clip)

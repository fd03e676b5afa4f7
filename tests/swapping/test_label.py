from __future__ import annotations

import numpy as np
import PIL.ImageFont
import pytest

from recaster.errors import UsageError
from recaster.settings.choices import LANGUAGES
from recaster.settings.swap import CORNERS, LabelSettings
from recaster.swapping.label import WORDS, draw_label, place_label

GREY = np.full((360, 640, 3), 120, np.uint8)


def labelled(image: np.ndarray, settings: LabelSettings) -> np.ndarray:
    """The picture with its label, which is drawn where it is said to be."""
    size = (image.shape[1], image.shape[0])
    result = image.copy()
    place = place_label(settings, size)
    assert place is not None
    shown = draw_label(place.crop(result), settings, size)
    assert not (place.crop(result) != place.crop(image))[~shown].any()
    return result


def changed(settings: LabelSettings, image: np.ndarray = GREY) -> np.ndarray:
    """(height, width) where the label shows."""
    return (labelled(image, settings) != image).any(axis=2)


def test_without_a_label_there_is_no_place_for_one() -> None:
    assert place_label(LabelSettings(), (640, 360)) is None


@pytest.mark.parametrize("kind", ["text", "icon"])
@pytest.mark.parametrize("corner", CORNERS)
def test_a_label_is_in_its_corner_and_nowhere_else(kind: str, corner: str) -> None:
    before = GREY.copy()
    shown = changed(LabelSettings(kind, corner=corner))
    rows = np.flatnonzero(shown.any(axis=1))
    columns = np.flatnonzero(shown.any(axis=0))
    assert shown.any()
    assert (before == GREY).all()
    assert (rows.max() < 180) == corner.startswith("top")
    assert (columns.max() < 400) == corner.endswith("left")
    assert rows.min() > 0
    assert rows.max() < 359
    assert columns.min() > 0
    assert columns.max() < 639


def test_a_label_grows_with_the_picture_and_with_its_size() -> None:
    def height(settings: LabelSettings, image: np.ndarray) -> int:
        return int(changed(settings, image).any(axis=1).sum())

    large = np.full((1080, 1920, 3), 120, np.uint8)
    assert height(LabelSettings("text"), large) == pytest.approx(
        3 * height(LabelSettings("text"), GREY), rel=0.1
    )
    assert height(LabelSettings("text", size=0.07), large) > 1.8 * height(LabelSettings("text"), large)


def test_it_is_read_on_any_ground() -> None:
    for ground in (0, 255):
        plain = np.full((360, 640, 3), ground, np.uint8)
        shown = labelled(plain, LabelSettings("text"))[changed(LabelSettings("text"), plain)]
        assert shown.max() - shown.min() > 150


def test_a_label_that_would_be_too_wide_is_smaller() -> None:
    shown = changed(LabelSettings("text", size=0.2))
    columns = np.flatnonzero(shown.any(axis=0))
    assert columns.min() > 0
    assert columns.max() < 639


def test_a_tiny_picture_is_labelled_too() -> None:
    tiny = np.zeros((24, 32, 3), np.uint8)
    assert labelled(tiny, LabelSettings("text")).shape == tiny.shape
    assert changed(LabelSettings("icon"), tiny).any()


def test_languages_are_the_policys() -> None:
    assert sorted(WORDS) == sorted(LANGUAGES)


def test_every_letter_is_in_the_font() -> None:
    font = PIL.ImageFont.load_default(size=40)
    missing = bytes(font.getmask("\ue000"))
    for words in WORDS.values():
        for letter in set("".join(words)) - {" "}:
            assert bytes(font.getmask(letter)) != missing, letter


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "stamp"}, {"language": "xx"}, {"corner": "middle"}, {"size": 0.0}, {"size": float("nan")}],
)
def test_what_there_isn_t_is_refused(wrong: dict) -> None:
    with pytest.raises(UsageError, match="label"):
        LabelSettings(**wrong)

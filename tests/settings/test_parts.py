"""Parts of a swap that several machines render: their numbers, and which segments each has."""

from __future__ import annotations

from pathlib import Path

import pytest

from recaster.errors import UsageError
from recaster.settings.parts import MAX_PARTS, Part, PartSettings


@pytest.mark.parametrize("count", [1, 2, 3, 7, 30])
@pytest.mark.parametrize("segments", [0, 1, 3, 8, 29])
def test_each_segment_is_in_one_part_beside_its_neighbours(count: int, segments: int) -> None:
    parts = [Part(number, count).choose(range(segments)) for number in range(1, count + 1)]
    assert [segment for part in parts for segment in part] == list(range(segments))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_a_part_is_read_as_which_of_how_many() -> None:
    assert Part.parse("2/8") == Part(2, 8)
    assert str(Part.parse("2/8")) == "part 2 of 8"
    assert PartSettings(Path("parts"), "1/1").share == Part(1, 1)
    assert PartSettings(Path("parts"), join=True).share is None


@pytest.mark.parametrize(
    "text", ["0/8", "9/8", "1", "1/", "/8", "-1/8", "1/8/9", "1.5/8", "a/b", "", f"1/{MAX_PARTS + 1}", "٢/8"]
)
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="say which of how many"):
        PartSettings(Path("parts"), text)


def test_the_folder_goes_with_a_part_or_with_all_of_them() -> None:
    with pytest.raises(UsageError, match="need --parts"):
        PartSettings(part="1/2")
    with pytest.raises(UsageError, match="need --parts"):
        PartSettings(join=True)
    for chosen in ({}, {"part": "1/2", "join": True}):
        with pytest.raises(UsageError, match="either --part K/N"):
            PartSettings(Path("parts"), **chosen)

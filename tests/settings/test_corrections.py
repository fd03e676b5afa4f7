"""Files of corrections: read as they were written, refused where they are none."""

from __future__ import annotations

import functools
import json
import threading
from typing import TYPE_CHECKING

import pytest

from recaster import locks
from recaster.errors import InputError, UsageError
from recaster.settings.corrections import (
    MAX_CORRECTIONS,
    NO_CORRECTIONS,
    Correction,
    Corrections,
    FacePlace,
    change_corrections,
    default_path,
    has_corrections,
    parse_corrections,
    read_corrections,
    shift_frames,
    write_corrections,
)

if TYPE_CHECKING:
    from pathlib import Path

HERE = (FacePlace(3, 10.5, 20.25, 40.0),)
LATER = (FacePlace(9, 11.0, 20.0, 41.0),)
ALL = Corrections(
    "ab" * 32,
    (
        Correction("split", HERE),
        Correction("join", HERE, other=LATER),
        Correction("drop", HERE + LATER),
        Correction("assign", HERE, other=LATER, person="Änna"),
        Correction("box", HERE, box=(-9.5, 0.0, 40.0, 41.0), angle=-30.0),
        Correction("points", HERE, points=((4.0, 1.5, 2.5), (5.0, 1.0, 2.0, -3.0))),
    ),
)


def test_every_kind_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = default_path(tmp_path / "shot.mov")
    assert path.name == "shot.mov.corrections.json"
    write_corrections(path, ALL)
    assert read_corrections(path) == ALL
    assert len(path.read_text().splitlines()) == len(ALL.items) + 6, "a line each, to be compared"
    write_corrections(path, Corrections(ALL.clip))
    assert not path.exists()


def test_a_link_to_a_file_stays_one(tmp_path: Path) -> None:
    path = default_path(tmp_path / "shot.mov")
    versioned = tmp_path / "versioned.json"
    write_corrections(versioned, ALL)
    path.symlink_to(versioned.name)
    kept = Corrections(ALL.clip, ALL.items[:1])
    write_corrections(path, kept)
    assert path.is_symlink()
    assert read_corrections(versioned) == kept
    write_corrections(path, Corrections(ALL.clip))
    assert path.is_symlink()
    assert read_corrections(versioned) == Corrections(ALL.clip)


def test_what_is_no_file_is_not_taken_for_no_corrections(tmp_path: Path) -> None:
    path = default_path(tmp_path / "shot.mov")
    assert not has_corrections(path)
    path.symlink_to("gone.json")
    with pytest.raises(InputError, match="a folder or a link to nothing; move it away"):
        has_corrections(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match="a folder or a link to nothing; move it away"):
        has_corrections(path)
    path.rmdir()
    write_corrections(path, ALL)
    assert has_corrections(path)


def test_digests_are_of_the_first_corrections() -> None:
    assert ALL.digest(2) == Corrections("other", ALL.items[:2]).digest()
    assert len({ALL.digest(count) for count in range(7)}) == 7


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 2}, "of format 2, and not 1; use a newer Recaster"),
        ({"clip": 5}, "a name of 1 to 64 printable"),
        ({"corrections": [{"kind": "melt", "face": [[1, 2, 3, 4]]}]}, "there is no correction 'melt'"),
        ({"corrections": [{"kind": "split", "face": []}]}, "lacks what it is of"),
        ({"corrections": [{"kind": "join", "face": [[1, 2, 3, 4]]}]}, "lacks what it is of"),
        ({"corrections": [{"kind": "split", "face": [[-1, 2, 3, 4]]}]}, "-1 is out of range"),
        ({"corrections": [{"kind": "split", "face": [[1, 2, 1e9, 4]]}]}, "too large"),
        ({"corrections": [{"kind": "split", "face": [[1, 2, 3, 0]]}]}, "without a size"),
        ({"corrections": [{"kind": "split", "face": [[1.5, 2, 3, 4]]}]}, "no file of corrections"),
        ({"corrections": [{"kind": "drop", "face": [[2, 2, 3, 4], [1, 2, 3, 4]]}]}, "out of order"),
        ({"corrections": [{"kind": "box", "face": [[1, 2, 3, 4]], "box": [1, 2, 0, 4]}]}, "empty box"),
        ({"corrections": [{"kind": "split", "face": [[1, 2, 3, 4]], "code": "x"}]}, "what is 'code'"),
        ({"corrections": [7]}, "no file of corrections"),
        ({"corrections": None}, "no file of corrections"),
        ({"corrections": [{"kind": "split", "face": [[1, 10**400, 3, 4]]}]}, "no file of corrections"),
        ({"corrections": [7] * 1001}, "has more than 1000 corrections"),
        ({"clip": ""}, "a name of 1 to 64 printable"),
    ],
)
def test_what_is_none_is_refused(change: dict[str, object], why: str) -> None:
    document = json.loads(ALL.to_text()) | change
    with pytest.raises(InputError, match=why):
        parse_corrections(json.dumps(document), "shot.json")


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(ALL.to_text()[:-9])
    with pytest.raises(InputError, match=r"a\.json: no file of corrections"):
        read_corrections(tmp_path / "a.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_corrections(tmp_path / "none.json")


def test_none_are_read_as_they_were_written() -> None:
    assert parse_corrections(NO_CORRECTIONS.to_text()) == NO_CORRECTIONS


def test_an_assignment_is_of_no_part_without_the_face_that_it_compares_with() -> None:
    like = Correction("assign", (FacePlace(8, 1, 2, 3),), other=(FacePlace(2, 50, 50, 5),), person="P0")
    assert shift_frames(Corrections("ab" * 32, (like,)), "cd" * 32, -5).items == ()


def test_corrections_of_a_part_and_back() -> None:
    course = (FacePlace(2, 10.0, 10.0, 40.0), FacePlace(8, 16.0, 13.0, 46.0))
    own = Corrections("ab" * 32, (Correction("drop", course), *ALL.items))
    assert shift_frames(shift_frames(own, "cd" * 32, 100), "ab" * 32, -100) == own
    part = shift_frames(own, "cd" * 32, -4)
    assert part.clip == "cd" * 32
    assert part.items[0].face == (FacePlace(0, 12.0, 11.0, 42.0), FacePlace(4, 16.0, 13.0, 46.0))
    # What is said of frames before the part is of no use there.
    assert all(item.face[0].frame >= 0 for item in part.items)
    assert {item.kind for item in part.items} <= {"drop", "assign"}
    assert shift_frames(own, "", -100).items == ()


def test_two_who_write_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shot.mov.corrections.json"
    first, second = (Correction("split", (FacePlace(frame, 1, 2, 3),)) for frame in (1, 2))
    is_held_up = threading.Event()
    sleep = locks.time.sleep

    def wait(seconds: float) -> None:
        is_held_up.set()
        sleep(seconds)

    def add(new: Correction, now: Corrections) -> Corrections:
        return Corrections("abc", (*now.items, new))

    def write_meanwhile() -> None:
        change_corrections(path, functools.partial(add, second))
        is_held_up.set()  # it hasn't been held up at all

    other = threading.Thread(target=write_meanwhile)

    def add_slowly(now: Corrections) -> Corrections:
        other.start()
        is_held_up.wait()
        return add(first, now)

    monkeypatch.setattr(locks.time, "sleep", wait)
    change_corrections(path, add_slowly)
    other.join()
    assert read_corrections(path).items == (first, second)
    with pytest.raises(UsageError, match="too many corrections"):
        change_corrections(path, lambda _: Corrections("abc", (first,) * (MAX_CORRECTIONS + 1)))
    assert change_corrections(path, lambda _: Corrections("abc")) == Corrections("abc")
    assert not path.exists()

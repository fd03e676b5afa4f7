"""Conforming of edits: what is made, what is kept, what goes on, and what the written edit shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import opentimelineio as otio
import pytest
from edits import edit_of, make_media, show, span

from recaster.api.v1 import job_pb2
from recaster.errors import ClipError, ConsentError, FaceNotFoundError, InputError, UsageError
from recaster.operations import conform, swap
from recaster.progress import Update
from recaster.settings.conform import ConformSettings
from recaster.swapping.coverage import Coverage, FaceCoverage
from recaster.swapping.result import SwapResult
from recaster.timelines.edit_file import read_edit, write_edit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Swaps:
    """A stand-in for swaps, which notes what is asked for; ``errors`` are raised by the name of the clip."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.requests: list[swap.Request] = []
        self.errors: dict[str, BaseException] = {}
        self.digest = "model"
        self.kept: set[bytes] = set()

    def is_made(self, request: swap.Request, _load: Any) -> bool:
        return request.out.is_file() and self._key(request) in self.kept

    def _key(self, request: swap.Request) -> bytes:
        return request.out.name.encode() + request.options.SerializeToString(deterministic=True)

    def run(self, request: swap.Request, report: Any, log: Any, load: Any) -> swap.Result:
        assert load(request, log)[0].digest == self.digest
        report(Update("analysing", 1, 2))
        if request.clip.name in self.errors:
            raise self.errors[request.clip.name]
        self.requests.append(request)
        self.made.append(request.out.name)
        report(Update("swapping", 1, 1))
        request.out.write_bytes(b"swapped")
        self.kept.add(self._key(request))
        faces = [(FaceCoverage(0, 900, 1.0, {}),)] * 5 + [()]
        coverage = Coverage.of(range(10, 16), faces, left_out=(), others=())
        result = SwapResult(request.out, coverage, 0, (0,), {"swap": 1.0}, ("look here",))
        return swap.Result(result, "on the CPU")


@pytest.fixture
def swaps(monkeypatch: pytest.MonkeyPatch) -> Swaps:
    stand_in = Swaps()
    monkeypatch.setattr(swap, "run", stand_in.run)
    monkeypatch.setattr(swap, "is_made", stand_in.is_made)
    monkeypatch.setattr(
        swap, "load_on_device", lambda *_, **__: (SimpleNamespace(digest=stand_in.digest), "on the CPU")
    )
    return stand_in


@pytest.fixture
def reel(tmp_path: Path) -> Path:
    """An edit of two ranges of one clip and one of another."""
    for name in ("a", "b"):
        make_media(tmp_path / "rushes" / f"{name}.mov", 50)
    path = tmp_path / "reel.otio"
    clips = [show("one", "rushes/a.mov", span(10, 5)), show("two", "rushes/b.mov", span(0, 10))]
    write_edit(edit_of(*clips, show("three", "rushes/a.mov", span(40, 5))), path)
    return path


@pytest.fixture
def request_of(reel: Path, tmp_path: Path) -> Callable[..., conform.Request]:
    (tmp_path / "model").mkdir()

    def build(edit: Path = reel, **changes: Any) -> conform.Request:
        values: dict[str, Any] = {"settings": ConformSettings(handles=2), "options": job_pb2.SwapOptions()}
        return conform.Request(edit, tmp_path / "out", model=tmp_path / "model", **{**values, **changes})

    return build


def targets(path: Path) -> list[str]:
    return [clip.media_reference.target_url.rpartition("/")[2] for clip in read_edit(path).find_clips()]


RESULTS = ["a_8-16.mov", "a_38-46.mov", "b_0-11.mov"]


def test_what_an_edit_shows_is_swapped_and_shown(
    swaps: Swaps, request_of: Callable[..., conform.Request], tmp_path: Path
) -> None:
    updates: list[Update] = []
    options = job_pb2.SwapOptions(codec="prores", mask="hull")
    result = conform.run(request_of(options=options, has_manifest=False), updates.append)
    assert swaps.made == RESULTS
    assert [request.options.range for request in swaps.requests] == ["8-16", "38-46", "0-11"]
    assert all(request.options.mask == "hull" and not request.has_manifest for request in swaps.requests)
    assert result.edits == (tmp_path / "out" / "reel.otio",)
    assert targets(result.edits[0]) == ["a_8-16.mov", "b_0-11.mov", "a_38-46.mov"]
    assert result.failures == ()
    assert result.warnings == tuple(f"{name}: look here" for name in RESULTS)
    first, second = result.summary()[:2]
    assert first.startswith("a_8-16.mov: 6 frames, 5 with a swapped face (1 track), 1 without one")
    assert second == "a_8-16.mov: frame 15: no face found"
    rendered = [update for update in updates if update.stage == "conforming"]
    assert [update.done for update in rendered] == sorted(update.done for update in rendered)
    assert (rendered[-1].done, rendered[-1].total) == (30, 30)
    assert rendered[0].detail == "1 of 3: a_8-16"


def test_the_same_request_again_makes_nothing(
    swaps: Swaps, request_of: Callable[..., conform.Request], tmp_path: Path
) -> None:
    conform.run(request_of())
    written = (tmp_path / "out" / "reel.otio").read_bytes()
    again = conform.run(request_of())
    assert swaps.made == RESULTS
    assert (tmp_path / "out" / "reel.otio").read_bytes() == written
    assert again.summary()[0] == "a_8-16.mov: there already from an earlier run"
    conform.run(request_of(options=job_pb2.SwapOptions(mask="box")))
    assert swaps.made[3:] == RESULTS


def test_a_stopped_run_goes_on(
    swaps: Swaps, request_of: Callable[..., conform.Request], tmp_path: Path
) -> None:
    swaps.errors["b.mov"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        conform.run(request_of())
    assert not (tmp_path / "out" / "reel.otio").exists()
    swaps.errors.clear()
    conform.run(request_of())
    assert swaps.made == RESULTS


def test_clips_without_a_face_keep_their_media(
    swaps: Swaps, request_of: Callable[..., conform.Request]
) -> None:
    swaps.errors["b.mov"] = FaceNotFoundError("nobody")
    result = conform.run(request_of())
    assert targets(result.edits[0]) == ["a_8-16.mov", "b.mov", "a_38-46.mov"]
    assert result.without_face == ("b_0-11",)
    assert "b_0-11: nobody found; its clips keep their media" in result.summary()
    assert result.failures == ()
    swaps.errors["a.mov"] = FaceNotFoundError("nobody here either")
    with pytest.raises(FaceNotFoundError, match="nobody here either"):
        conform.run(request_of(options=job_pb2.SwapOptions(mask="box")))


def test_an_error_of_one_shot_does_not_stop_the_others(
    swaps: Swaps, request_of: Callable[..., conform.Request]
) -> None:
    swaps.errors["a.mov"] = ClipError("broken in the middle")
    result = conform.run(request_of())
    assert [(failure.name, str(failure.error)) for failure in result.failures] == [
        ("a_8-16", "broken in the middle"),
        ("a_38-46", "broken in the middle"),
    ]
    assert targets(result.edits[0]) == ["a.mov", "b_0-11.mov", "a.mov"]


def test_without_the_right_to_the_face_all_stops(
    swaps: Swaps, request_of: Callable[..., conform.Request]
) -> None:
    swaps.errors["a.mov"] = ConsentError("revoked meanwhile")
    with pytest.raises(ConsentError, match="revoked meanwhile"):
        conform.run(request_of())
    assert swaps.made == []


def test_media_are_looked_for_before_anything_is_made(
    swaps: Swaps, request_of: Callable[..., conform.Request], tmp_path: Path
) -> None:
    (tmp_path / "rushes" / "b.mov").rename(tmp_path / "elsewhere.mov")
    with pytest.raises(InputError, match=r"media are missing: 'two' \(rushes/b.mov\)"):
        conform.run(request_of())
    assert swaps.made == []


def test_an_edl_gets_its_rate_from_its_media_and_is_written_again(
    swaps: Swaps, request_of: Callable[..., conform.Request], reel: Path, tmp_path: Path
) -> None:
    edl = tmp_path / "reel.edl"
    write_edit(read_edit(reel), edl, 25)
    result = conform.run(request_of(edl, settings=ConformSettings(2, tmp_path / "rushes")))
    assert swaps.made == RESULTS
    assert [path.name for path in result.edits] == ["reel.otio", "reel.edl"]
    assert "a_38-46.mov" in result.edits[1].read_text()
    assert result.edits[1].read_text().count("00:00:01:15 00:00:01:20") == 1
    conform.run(request_of(edl, settings=ConformSettings(0, tmp_path / "rushes", rate=50.0)))
    assert swaps.made[3:] != []


@pytest.mark.usefixtures("swaps")
def test_a_format_that_cannot_hold_the_edit_is_a_warning(
    request_of: Callable[..., conform.Request],
    reel: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edl = tmp_path / "reel.edl"
    write_edit(read_edit(reel), edl, 25)

    def write(edit: Any, path: Path, rate: float | None = None) -> None:
        if path.suffix == ".edl":
            edit.tracks.append(otio.schema.Track("V2", kind="Video"))
        write_edit(edit, path, rate)

    monkeypatch.setattr(conform, "write_edit", write)
    result = conform.run(request_of(edl, settings=ConformSettings(2, tmp_path / "rushes")))
    assert [path.name for path in result.edits] == ["reel.otio"]
    assert "reel.edl: the format can't hold this edit (Only a single video track" in result.warnings[-1]


@pytest.mark.usefixtures("swaps")
def test_an_fcpxml_that_is_written_anew_says_what_is_lost(
    request_of: Callable[..., conform.Request], reel: Path, tmp_path: Path
) -> None:
    edit = read_edit(reel)
    for clip in edit.find_clips():
        clip.media_reference.available_range = span(0, 50)
    write_edit(edit, tmp_path / "reel.fcpxml")
    result = conform.run(request_of(tmp_path / "reel.fcpxml"))
    assert "reel.fcpxml: none of its clips is an asset clip" in result.warnings[-1]
    assert [path.name for path in result.edits] == ["reel.otio", "reel.fcpxml"]
    assert sorted(targets(result.edits[1])) == sorted(RESULTS)


@pytest.mark.usefixtures("swaps")
def test_what_cannot_be_is_refused_first(
    request_of: Callable[..., conform.Request], reel: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="the edit is in it and would be replaced"):
        conform.run(conform.Request(reel, tmp_path, ConformSettings(), job_pb2.SwapOptions()))
    with pytest.raises(UsageError, match=r"--matte .*: mattes are called as the results"):
        conform.run(request_of(matte=tmp_path / "out"))
    with pytest.raises(UsageError, match=r"--report .*reel.otio: an edit needs a folder here, not a file"):
        conform.run(request_of(report=reel))
    with pytest.raises(UsageError, match="is no folder of media"):
        conform.run(request_of(settings=ConformSettings(media=tmp_path / "no")))
    with pytest.raises(UsageError, match="handles must be 0 to"):
        ConformSettings(handles=-1)
    with pytest.raises(UsageError, match="results can't be avi; choose among mp4, mov, mkv"):
        ConformSettings(container="avi")
    write_edit(edit_of(otio.schema.Gap(source_range=span(0, 5))), reel)
    with pytest.raises(InputError, match="shows no clip of media"):
        conform.run(request_of())


def test_results_are_movies_as_far_as_the_codec_goes() -> None:
    assert ConformSettings().suffix("h264") == ".mov"
    assert ConformSettings(container="mkv").suffix("prores") == ".mkv"

"""Parts that are rendered each by itself, and their joining: what an ordinary swap makes, to the bit."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from recaster.errors import ClipError, OutputError, UsageError
from recaster.media.clip import Clip
from recaster.settings.cast import Selector
from recaster.settings.encoding import WriterOptions
from recaster.settings.look_course import LookChange
from recaster.settings.parts import Part
from recaster.settings.swap import SwapSettings
from recaster.swapping.casting import CastSwapper, Role
from recaster.swapping.load import load_swapper
from recaster.swapping.pipeline import render_part, swap_clip
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

FRAMES = range(10, 34)


def movies(folder: Path) -> tuple[Path, SwapSettings]:
    return folder / "out.mp4", SwapSettings(
        frames=FRAMES, chunk=8, matte=folder / "matte.mp4", report=folder / "report.json",
        overlay=folder / "overlay.mp4", layers=("face",), layers_out=folder / "face.mov",
    )  # fmt: skip


def pictures(folder: Path) -> tuple[Path, SwapSettings]:
    return folder / "out.%04d.exr", SwapSettings(
        frames=FRAMES, chunk=8, writer=WriterOptions("exr"), matte=folder / "matte.%04d.exr",
        report=folder / "report.json", layers=("face", "mattes", "mesh"),
        layers_out=folder / "layers.%04d.exr",
    )  # fmt: skip


@pytest.fixture(scope="module")
def swapper(few_faces: Faceset) -> Any:
    return load_swapper(source=few_faces.folder)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def render_parts(request: SwapRequest, count: int) -> None:
    for number in range(count, 0, -1):
        result = render_part(request, share := Part(number, count))
        assert result.summary("CPU")[0].startswith(f"{share}: ")


@pytest.mark.parametrize("ask", [movies, pictures])
@pytest.mark.parametrize("is_cast", [False, True])
def test_the_result_is_an_ordinary_swap_s(
    ask: Any, is_cast: bool, swapper: Any, actors: Path, tmp_path: Path
) -> None:
    made = {}
    for name, parts in (("whole", None), ("joined", tmp_path / "parts")):
        folder = tmp_path / name
        folder.mkdir()
        out, settings = ask(folder)
        request = SwapRequest(Clip(actors / "performer.mp4"), out, swapper, settings, parts=parts)
        if is_cast:
            role = Role("anna", Selector(everyone=True), matte=settings.matte.with_stem("anna.%04d"))
            if out.suffix == ".mp4":
                role = dataclasses.replace(role, matte=settings.matte.with_stem("anna"))
            cast = CastSwapper((swapper,))
            request = dataclasses.replace(request, swapper=cast, cast=(role,))
        if parts is not None:
            render_parts(request, 3)
            assert not files(folder), "a part delivers nothing"
        result = swap_clip(request)
        assert result.swapped == len(FRAMES)
        made[name] = files(folder)
    assert made["joined"] == made["whole"]
    assert len(made["whole"]) >= 5
    assert not (tmp_path / "parts").exists()


@pytest.fixture
def request_of(swapper: Any, actors: Path, tmp_path: Path) -> Any:
    def make(**settings: Any) -> SwapRequest:
        chosen = SwapSettings(**{"frames": range(10, 34), "chunk": 8, **settings})
        clip = Clip(actors / "performer.mp4")
        return SwapRequest(clip, tmp_path / "out.mp4", swapper, chosen, parts=tmp_path / "parts")

    return make


def test_a_part_twice_renders_nothing_anew_and_more_parts_than_segments_are_no_trouble(
    request_of: Any, tmp_path: Path
) -> None:
    share = Part(2, 5)  # 0, 1, 0, 1 and 1 segments
    first = render_part(request_of(), share)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("0*")}
    again = render_part(request_of(), share)
    assert (first.resumed, again.resumed) == (0, 8)
    assert "8 frames were there already from an earlier run" in again.summary("CPU")
    assert kept == {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("0*")}
    nothing = render_part(request_of(), Part(1, 5))
    assert nothing.summary("CPU") == ("part 1 of 5: no segments; there are 3 for all parts",)
    with pytest.raises(OutputError, match=r"2 of 3 segments are missing: part 4 of 5 .*; part 5 of 5 "):
        swap_clip(request_of())


def test_other_looks_along_the_clip_are_refused_too(request_of: Any, tmp_path: Path) -> None:
    render_part(request_of(), Part(1, 2))
    kept = files_below(tmp_path / "parts")
    course = (LookChange(range(20, 25), (("erode", 0.1),)),)
    for settings, named in (({"changes": course}, "how the look changes"), ({"draft": True}, "--draft")):
        with pytest.raises(UsageError, match=named):
            render_part(request_of(**settings), Part(2, 2))
        with pytest.raises(UsageError, match=named):
            swap_clip(request_of(**settings))
    assert files_below(tmp_path / "parts") == kept


def files_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_of_a_clip_that_changes_only_the_part_s_own_segments_go(
    request_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render_part(request_of(), Part(1, 3))

    def changed(_: Clip) -> None:
        raise ClipError("it changed")

    monkeypatch.setattr(Clip, "refuse_changes", changed)
    with pytest.raises(ClipError, match="it changed"):
        render_part(request_of(), Part(2, 3))
    assert sorted(path.name for path in (tmp_path / "parts").glob("0*")) == [
        "00000010.clip.mov", "00000010.faces.json"
    ]  # fmt: skip

"""A swap from clip to clip: what it writes, that it resumes, that it never spoils anything."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import sys
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from recaster.errors import FaceNotFoundError, OutputError, UsageError
from recaster.files import sha256
from recaster.media.clip import Clip
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.settings.detection import AnalysisSettings
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline
from recaster.swapping.request import SwapRequest
from recaster.swapping.result import DRAFT, LOST_GLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = 40
MEAN = LookSettings(colour="mean")
WRITER = WriterOptions(quality=4, preset="ultrafast")


@pytest.fixture(scope="module")
def clip(fake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.make_clip(tmp_path_factory.mktemp("clips") / "target.mp4", COUNT, sound=True)


@pytest.fixture
def swap(fake: Any, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Swap the clip with the fake swapper; its face is there in frames 4 to 35."""
    monkeypatch.setattr(
        pipeline, "analyse_clip", lambda *_, **__: fake.analysis([fake.track(range(4, 36))], COUNT)
    )

    def run(out: Path, swapper: Any = None, *, keep_parts: bool = False, **settings: Any) -> Any:
        chosen = SwapSettings(**{"writer": WRITER, "look": MEAN, "chunk": 16, "batch": 4, **settings})
        swapper = swapper or fake.FakeSwapper()
        return pipeline.swap_clip(SwapRequest(Clip(clip), out, swapper, chosen, keeps_segments=keep_parts))

    return run


def frames(path: Path) -> np.ndarray:
    return np.stack([frame.image for frame in read_frames(path)])


def test_result_has_the_clips_frames_times_and_sound(swap: Any, clip: Path, tmp_path: Path) -> None:
    result = swap(tmp_path / "out.mp4")
    before = probe(clip)
    after = probe(tmp_path / "out.mp4")
    assert (after.frame_count, after.rate, after.width, after.height) == (COUNT, 25, 128, 96)
    assert [s.codec for s in after.audio] == [s.codec for s in before.audio] == ["aac"]
    assert (result.frames, result.swapped, result.resumed) == (COUNT, 32, 0)
    assert result.tracks == (0,)
    assert {"analyse", "decode", "crop", "swap", "mask", "composite", "encode", "join"} <= set(result.seconds)
    old = frames(clip).astype(int)
    new = frames(tmp_path / "out.mp4").astype(int)
    changed = np.abs(new - old).mean(axis=(1, 2, 3)) > 2
    assert changed.tolist() == [4 <= i < 36 for i in range(COUNT)]
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"], "the parts are gone"


def test_the_clip_is_probed_and_hashed_once(
    swap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def count(path: Path, *more: Any, **options: Any) -> Any:
        asked.append("probe")
        return probe(path, *more, **options)

    monkeypatch.setattr("recaster.media.clip._KEPT_DIGESTS", {})  # other tests swap the same clip
    monkeypatch.setattr("recaster.media.clip.probe", count)
    monkeypatch.setattr("recaster.media.clip.hash_file", lambda path: asked.append("sha256") or sha256(path))
    swap(tmp_path / "out.mp4", report=tmp_path / "report.json")
    assert sorted(asked) == ["probe", "sha256"]


def test_range(swap: Any, clip: Path, tmp_path: Path) -> None:
    result = swap(tmp_path / "out.mov", frames=range(20, 39))
    assert (result.frames, result.swapped) == (19, 16)
    whole = frames(clip).astype(int)[20:39]
    part = frames(tmp_path / "out.mov").astype(int)
    assert part.shape == whole.shape
    assert np.abs(part - whole)[:, :8].max() < 25, "far from the face nothing but coding noise"


def test_a_draft_shows_every_other_frame_twice(fake: Any, swap: Any, tmp_path: Path) -> None:
    seen = []

    class Seen(fake.FakeSwapper):
        def swap(self, faces: Any) -> Any:
            seen.append(len(faces))
            return super().swap(faces)

    lossless = {"writer": WriterOptions(codec="ffv1"), "frames": range(1, 38)}
    whole = swap(tmp_path / "whole.mkv", Seen(), **lossless)
    asked = sum(seen)
    seen.clear()
    result = swap(tmp_path / "out.mkv", Seen(), draft=True, **lossless)
    assert sum(seen) < 0.6 * asked
    assert (result.frames, result.swapped, whole.frames) == (37, 32, 37)
    assert result.warnings[-1] == DRAFT
    assert DRAFT not in whole.warnings
    drafted = frames(tmp_path / "out.mkv")
    full = frames(tmp_path / "whole.mkv")
    assert (drafted[1::2] == drafted[:-1:2]).all()
    assert np.abs(drafted[::2].astype(int) - full[::2]).max() <= 12  # colours are averaged over fewer
    assert not (drafted[1:12:2] == full[1:12:2]).all()
    times = [[frame.pts for frame in read_frames(tmp_path / name)] for name in ("out.mkv", "whole.mkv")]
    assert times[0] == times[1]


def test_drafts_are_movies(swap: Any, tmp_path: Path) -> None:
    for out, more, why in (
        (tmp_path / "out.%04d.png", {"writer": WriterOptions(codec="png")}, "a draft is a movie"),
        (tmp_path / "out.mov", {"overlay": tmp_path / "over.mov"}, "no overlay and no layers"),
        (tmp_path / "out.mov", {"chunk": 5}, "an even number of frames"),
    ):
        with pytest.raises(UsageError, match=why):
            swap(out, draft=True, **more)


def test_matte(swap: Any, tmp_path: Path) -> None:
    look = LookSettings(MaskSettings(feather=0), "mean")
    swap(tmp_path / "out.mp4", matte=tmp_path / "matte.mov", look=look)
    matte = frames(tmp_path / "matte.mov")
    info = probe(tmp_path / "matte.mov")
    assert (info.frame_count, info.rate, info.audio) == (COUNT, 25, ())
    assert np.ptp(matte.astype(int), axis=-1).max() <= 4, "grey"
    assert matte[:4].max() <= 2
    assert matte[20, 45, 66].min() >= 250
    assert sorted(path.name for path in tmp_path.iterdir()) == ["matte.mov", "out.mp4"]


@contextlib.contextmanager
def _held(program: list[str], out: Path, frames: int) -> Iterator[subprocess.Popen[str]]:
    """The program, once it has rendered so many frames."""
    command = [*program, str(out), str(frames)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n", "it ended before it was held"
        yield process


def test_killed_and_run_again_gives_the_same_clip(fake: Any, clip: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    resumed = tmp_path / "resumed.mp4"
    program = [sys.executable, fake.__file__, str(clip)]
    subprocess.run([*program, str(whole)], check=True)
    with _held(program, resumed, 20) as process:
        process.kill()
    assert not resumed.exists()
    first = tmp_path / "resumed.mp4.parts" / "00000000.clip.mov"
    written = first.stat().st_mtime_ns
    kept = {path.name for path in first.parent.glob("0*.mov")}
    assert 1 <= len(kept) < 5
    with _held(program, resumed, 40) as process:
        assert first.stat().st_mtime_ns == written, "a finished part is not done again"
        process.communicate("go on\n")
    assert process.returncode == 0
    assert resumed.read_bytes() == whole.read_bytes()
    assert not first.parent.exists()


def test_a_stopped_swap_goes_on(swap: Any, fake: Any, tmp_path: Path) -> None:
    class Stopping(fake.FakeSwapper):
        def swap(self, faces: Any) -> Any:
            if faces[0].extra["frame"] > 26:
                raise KeyboardInterrupt
            return super().swap(faces)

    with pytest.raises(KeyboardInterrupt):
        swap(tmp_path / "out.mp4", Stopping())
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4.parts"]
    result = swap(tmp_path / "out.mp4")
    assert result.resumed == 16
    assert result.warnings == ()
    swap(tmp_path / "whole.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_parts_can_be_kept_until_the_result_is_safe(swap: Any, tmp_path: Path) -> None:
    swap(tmp_path / "out.mp4", keep_parts=True)
    first = (tmp_path / "out.mp4").read_bytes()
    (tmp_path / "out.mp4").unlink()
    assert swap(tmp_path / "out.mp4").resumed == COUNT
    assert (tmp_path / "out.mp4").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_glasses_that_cannot_be_kept_are_told_of_again_after_a_stop(
    swap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add_appearance(plan: Any, _clip: Any, _available: Any, shown: Any, *_: Any, **__: object) -> Any:
        appearances = {99: SimpleNamespace(lost=True)} if any(shown) else {}  # of a face that isn't painted
        return dataclasses.replace(plan, appearances=appearances)

    monkeypatch.setattr(pipeline, "add_appearance", add_appearance)
    assert swap(tmp_path / "out.mp4", keep_parts=True).warnings == (LOST_GLASSES,)
    result = swap(tmp_path / "out.mp4")
    assert (result.resumed, result.warnings) == (COUNT, (LOST_GLASSES,))


def test_a_matte_can_be_asked_for_after_a_stop(
    swap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = pipeline.join_segments
    monkeypatch.setattr(pipeline, "join_segments", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        swap(tmp_path / "out.mp4")
    monkeypatch.setattr(pipeline, "join_segments", join)
    result = swap(tmp_path / "out.mp4", matte=tmp_path / "matte.mp4")
    assert (result.resumed, result.warnings) == (0, ())
    assert probe(tmp_path / "matte.mp4").frame_count == COUNT


@pytest.mark.parametrize("change", ["settings", "model"])
def test_parts_of_other_settings_or_another_model_are_discarded(
    swap: Any, fake: Any, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: object) -> None:
        raise OutputError("the disk is full")

    join = pipeline.join_segments
    monkeypatch.setattr(pipeline, "join_segments", full)
    with pytest.raises(OutputError, match="the disk is full"):
        swap(tmp_path / "out.mp4")
    monkeypatch.setattr(pipeline, "join_segments", join)
    assert len(list((tmp_path / "out.mp4.parts").glob("*.clip.mov"))) == 3
    if change == "settings":
        result = swap(tmp_path / "out.mp4", look=LookSettings(colour="none"))
    else:
        result = swap(tmp_path / "out.mp4", fake.FakeSwapper("beef"))
    assert result.resumed == 0
    assert "parts of a swap with other settings were discarded" in result.warnings[-1]


def test_an_existing_result_is_replaced_only_by_a_whole_one(swap: Any, fake: Any, tmp_path: Path) -> None:
    class Failing(fake.FakeSwapper):
        def swap(self, faces: Any) -> Any:
            raise FaceNotFoundError(f"{len(faces)} faces")

    out = tmp_path / "out.mp4"
    out.write_bytes(b"the last version")
    with pytest.raises(FaceNotFoundError, match="faces"):
        swap(out, Failing())
    assert out.read_bytes() == b"the last version"
    swap(out)
    assert probe(out).frame_count == COUNT


def test_what_is_odd_about_a_clip_is_said_where_no_face_is_found(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be why: the other picture stream of a file is the one that was meant."""
    two = tmp_path / "two.mkv"
    with av.open(str(two), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width = 64
            stream.height = 64
            stream.pix_fmt = "yuv420p"
        for stream in streams:
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            frame.pts = 0
            frame.time_base = Fraction(1, 25)
            container.mux([*stream.encode(frame.reformat(format="yuv420p")), *stream.encode(None)])
    monkeypatch.setattr(pipeline, "analyse_clip", lambda *_, **__: fake.analysis([], 1))
    request = SwapRequest(Clip(two), tmp_path / "out.mp4", fake.FakeSwapper(), SwapSettings(writer=WRITER))
    with pytest.raises(FaceNotFoundError, match=r"no face .*; picture stream 0 is used; others are left out"):
        pipeline.swap_clip(request)
    assert [one.name for one in tmp_path.iterdir()] == ["two.mkv"]


def test_inputs_are_never_written_over(swap: Any, clip: Path, tmp_path: Path) -> None:
    before = clip.read_bytes()
    with pytest.raises(UsageError, match="the result would replace the clip"):
        swap(clip.parent / ".." / clip.parent.name / clip.name)
    with pytest.raises(UsageError, match="the matte would replace the clip"):
        swap(tmp_path / "out.mp4", matte=clip)
    with pytest.raises(UsageError, match="the report would replace the clip"):
        swap(tmp_path / "out.mp4", report=clip)
    with pytest.raises(UsageError, match="is a folder"):
        swap(tmp_path / "out.mp4", report=tmp_path)
    with pytest.raises(UsageError, match="the result would replace the matte"):
        swap(tmp_path / "out.mp4", matte=tmp_path / "out.mp4")
    assert clip.read_bytes() == before


def test_unusable_names_are_refused_before_anything_is_done(swap: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.mp4"):
        swap(tmp_path / "out.gif")
    with pytest.raises(UsageError, match="prores"):
        swap(tmp_path / "out.mov", matte=tmp_path / "matte.mp4", writer=WriterOptions(codec="prores"))
    assert list(tmp_path.iterdir()) == []


def test_choosing_people_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="only once"):
        SwapSettings(track=1, everyone=True)
    with pytest.raises(UsageError, match="at least one frame"):
        SwapSettings(batch=0)
    for frames in (range(5, 5), range(0, 10, 2)):
        with pytest.raises(UsageError, match="consecutive"):
            SwapSettings(frames=frames)


def test_the_licence_of_dlibs_landmarks_is_told(swap: Any, tmp_path: Path) -> None:
    result = swap(tmp_path / "out.mp4", analysis=AnalysisSettings(landmarker="dlib-68"))
    assert "excludes commercial use" in result.warnings[0]

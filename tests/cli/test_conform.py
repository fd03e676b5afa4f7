"""``recaster conform``: an edit of rendered actors, swapped from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import opentimelineio as otio
import pytest
from edits import dissolve, edit_of, make_media, show, span

from recaster.cli import main as cli
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.settings.corrections import default_path
from recaster.timelines.edit_file import read_edit, write_edit
from recaster.timelines.media_use import find_media_range, list_uses

if TYPE_CHECKING:
    from serving import Served

    from recaster.facesets.faceset import Faceset


def copy_with_timecode(clip: Path, out: Path, timecode: str) -> None:
    with av.open(str(clip)) as original, av.open(str(out), "w") as container:
        stream = original.streams.video[0]
        copy = container.add_stream_from_template(stream)
        copy.metadata["timecode"] = timecode
        for packet in original.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                container.mux(packet)


@pytest.fixture
def reel(actors: Path, tmp_path: Path) -> Path:
    """An EDL of an actor's clip twice, with a dissolve into a grey one between."""
    copy_with_timecode(actors / "performer.mp4", tmp_path / "P001.mov", "02:00:00:00")
    make_media(tmp_path / "grey.mov", 30)
    hour = 2 * 3600 * 25
    edit = edit_of(
        show("talking", (tmp_path / "P001.mov").as_uri(), span(hour + 10, 6)),
        dissolve(0, 2),
        show("grey", (tmp_path / "grey.mov").as_uri(), span(5, 6)),
        show("talking on", (tmp_path / "P001.mov").as_uri(), span(hour + 30, 4)),
    )
    path = tmp_path / "reel.edl"
    write_edit(edit, path, 25)
    return path


def frames_of(path: Path, start: int, stop: int) -> Any:
    return np.stack([frame.image for frame in read_frames(path, start, stop)]).astype(int)


def test_an_edit_is_swapped_and_relinks_frame_for_frame(
    reel: Path, few_faces: Faceset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = [
        "conform", str(reel), "--source", str(few_faces.folder), "-o", str(out), "--handles", "1",
        "--preset", "ultrafast",
    ]  # fmt: skip
    assert cli.main(command) == 0
    said = capsys.readouterr()
    assert "P001_9-18.mov: 10 frames, 10 with a swapped face (1 track)\n" in said.out
    assert "grey_4-11: nobody found; its clips keep their media\n" in said.out
    assert f"edit: {out / 'reel.otio'}, {out / 'reel.edl'}\n" in said.out
    assert "conforming 24/24 frames" in said.err
    assert sorted(path.name for path in out.iterdir()) == [
        "P001_29-34.mov", "P001_9-18.mov", "reel.edl", "reel.otio"
    ]  # fmt: skip
    assert probe(out / "P001_9-18.mov").metadata.timecode == "02:00:00:09"

    for written in (read_edit(out / "reel.otio"), read_edit(out / "reel.edl", 25)):
        first, grey, last = list_uses(written)
        assert grey.reference.target_url.endswith("/grey.mov")
        result = out / last.reference.target_url.rpartition("/")[2]
        assert result.name == "P001_29-34.mov"
        shown, _ = find_media_range(last, probe(result))
        assert shown == range(1, 5)
        change = np.abs(frames_of(result, 1, 5) - frames_of(tmp_path / "P001.mov", 30, 34))
        assert change[:, :20, :20].max() <= 12  # the very frames, but for their coding
        assert change.max() > 40  # and another face
        assert find_media_range(first, probe(out / "P001_9-18.mov"))[0] == range(1, 9)

    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.mov")}
    assert cli.main(command) == 0
    assert "P001_29-34.mov: there already from an earlier run\n" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.mov")} == before


def test_a_shot_that_fails_ends_with_its_code_after_the_others(
    reel: Path, few_faces: Faceset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit = edit_of(
        show("far", "P001.mov", span(90000, 5)),
        show("talking", "P001.mov", span(10, 3)),
        show("gone", "P001.mov", span(95000, 5)),
    )
    edit.tracks[0].append(otio.schema.Gap(source_range=span(0, 5)))
    write_edit(edit, reel.with_suffix(".otio"))
    out = tmp_path / "out"
    command = ["conform", str(reel.with_suffix(".otio")), "--source", str(few_faces.folder)]
    assert cli.main([*command, "-o", str(out), "--handles", "0", "--container", "mp4", "--quiet"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "recaster conform: far: " in said.err
    assert said.err.count("the edit was made of other media") == 2
    clips = read_edit(out / "reel.otio").find_clips()
    assert [clip.media_reference.target_url.rpartition("/")[2] for clip in clips] == [
        "P001.mov", "P001_10-12.mp4", "P001.mov"
    ]  # fmt: skip


def test_an_engine_makes_the_same_files(
    reel: Path,
    few_faces: Faceset,
    served: Served,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECASTER_ENGINE", served.address)
    monkeypatch.setenv("RECASTER_TOKEN", served.token)

    def conform(folder: Path, *options: str) -> int:
        places = ["-o", folder / "out", "--matte", folder / "mattes", "--report", folder / "reports"]
        command = ["conform", reel, "--source", few_faces.folder, *places, "--handles", "1"]
        return cli.main([*map(str, command), "--preset", "ultrafast", "--no-manifest", "--all", *options])

    assert conform(tmp_path / "there") == 0
    said = capsys.readouterr()
    assert "P001_9-18.mov: 10 frames, 10 with a swapped face (1 track)" in said.out
    assert "grey_4-11: nobody found; its clips keep their media\n" in said.out
    jobs = [line for line in said.err.splitlines() if line.startswith("job ")]
    assert len(set(jobs)) == 3
    assert "clip 2 of 3: P001_29-34.mov" in said.err
    assert conform(tmp_path / "here", "--local") == 0
    files = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (tmp_path / "there", tmp_path / "here")
    ]
    made = [
        f"{folder}/P001_{frames}.mov{suffix}" for folder, suffix in FOLDERS for frames in ("29-34", "9-18")
    ]
    assert sorted(map(str, files[0])) == sorted([*made, "out/reel.edl", "out/reel.otio"])
    pictures = [path for path in files[0] if path.suffix == ".mov"]
    assert [files[0][path] for path in pictures] == [files[1][path] for path in pictures]

    (tmp_path / "there" / "out" / "P001_9-18.mov").unlink()
    capsys.readouterr()
    assert conform(tmp_path / "there") == 0  # finds what was done, and tries anew what failed
    again = [line for line in capsys.readouterr().err.splitlines() if line.startswith("job ")]
    assert len(set(again) - set(jobs)) == 1
    again_made = (tmp_path / "there" / "out" / "P001_9-18.mov").read_bytes()
    assert again_made == files[0][Path("out/P001_9-18.mov")]

    default_path(tmp_path / "P001.mov").write_text("{}")
    assert conform(tmp_path / "there") == 3
    assert "P001.mov.corrections.json: no file of corrections" in capsys.readouterr().err


FOLDERS = (("out", ""), ("mattes", ""), ("reports", ".json"))


def test_help_says_what_is_swapped_and_where_media_are_looked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["conform", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "as far as the media go (default: 12)" in text
    assert "--range" not in text
    assert "--everyone" not in text
    assert "--all" in text

"""Corrections over the interface are those of ``recaster tracks``, to the byte, and work there as here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.api.v1 import clip_pb2, job_pb2
from recaster.cli import main as cli
from recaster.client.errors import CallError
from recaster.facesets.faceset import Faceset
from recaster.settings.corrections import MAX_BYTES, default_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served

    from recaster.client import Client

RANGE = "0-11"
ACTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("split", "0", "5"), {"split": {"track": 0, "frame": 5}}),
    (("drop", "1:0-1"), {"drop": {"track": 1, "range": "0-1"}}),
    (("assign", "1", "Anna"), {"assign": {"track": 1, "person": "Anna"}}),
    (
        ("box", "9", "101.5", "113", "115", "118", "2.5"),
        {"box": {"frame": 9, "left": 101.5, "top": 113, "width": 115, "height": 118, "angle": 2.5}},
    ),
    (
        ("points", "7", "points.txt", "--of", "0"),
        {"points": {"frame": 7, "track": 0, "points": [{"index": 152, "x": 160.25, "y": 240.1}]}},
    ),
    (("join", "0", "1"), {"join": {"track": 0, "other": 1}}),
)
"""Corrections as commands and as requests; each is made after those before it."""

OTHER = b'{"format": 1, "clip": "other", "corrections": [{"kind": "split", "face": [[1, 2, 3, 4]]}]}'


@pytest.fixture
def performer(actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.txt").write_text("152 160.25 240.1\n")
    path = tmp_path / "performer.mp4"
    path.symlink_to(actors / "performer.mp4")
    return path


@pytest.fixture
def upload(engine: Client, tmp_path: Path) -> Callable[[bytes], str]:
    """Uploads some bytes; returns their digest."""

    def send(data: bytes) -> str:
        path = tmp_path / "sent"
        path.write_bytes(data)
        return engine.transfer.upload(path)

    return send


def ask(engine: Client, request: Any) -> Any:
    method = engine.clips.ListTracks
    if isinstance(request, clip_pb2.CorrectTracksRequest):
        method = engine.clips.CorrectTracks
    return engine.connection.call(method, request, timeout_s=120)


def listed(clip: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert cli.main(["tracks", str(clip), "--quiet", "--range", RANGE, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_each_correction_is_that_of_the_command(
    engine: Client, performer: Path, upload: Callable[[bytes], str], capsys: pytest.CaptureFixture[str]
) -> None:
    clip = engine.take_clip(performer)
    options = job_pb2.SwapOptions(range=RANGE)
    for arguments, action in ACTIONS:
        request = clip_pb2.CorrectTracksRequest(clip_id=clip, options=options, **action)
        answer = ask(engine, request)
        assert cli.main(["tracks", str(performer), "--quiet", "--range", RANGE, *arguments]) == 0
        assert answer.document == default_path(performer).read_bytes()
        options.corrections = upload(answer.document)
        assert answer.description.startswith(f"{arguments[0]}: ")

    request = clip_pb2.ListTracksRequest(clip_id=clip, options=options, points_first=7, points_count=1)
    answer = ask(engine, request)
    here = listed(performer, capsys)
    assert [one["first_frame"] for one in here["shots"]] == list(answer.shots)
    assert len(here["tracks"]) == len(answer.tracks) == 1
    for own, track in zip(here["tracks"], answer.tracks, strict=True):
        assert own.pop("name") == track.person_name == "Anna"
        for name, value in own.items():
            there = getattr(track, name)
            assert (list(there) if isinstance(value, list) else there) == value, name
        boxes = np.array(track.boxes).reshape(-1, 5)
        assert len(boxes) == track.last_frame - track.first_frame + 1
        middle = boxes[:, :2] + boxes[:, 2:4] / 2
        assert np.all(np.abs(middle - (160, 175)) < 40)
    [points] = answer.points
    assert points.frame == 7
    assert np.array(points.positions).reshape(-1, 2)[152] == pytest.approx((160.25, 240.1), abs=1e-4)
    assert [(one.reason, one.track) for one in answer.trouble] == [
        (one["reason"], one["track"]) for one in here["trouble"]
    ]


def test_the_command_asks_an_engine(
    served: Served,
    performer: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RECASTER_TOKEN", served.token)
    there = ("--engine", served.address)

    def run(*arguments: str) -> str:
        assert cli.main(["tracks", str(performer), "--quiet", "--range", RANGE, *arguments]) == 0
        return capsys.readouterr().out

    performer.with_name("lines.txt").write_text("split 0 5\ndrop 0:8-9\nassign 0 Anna\n")
    apply = ("apply", "lines.txt")
    kept = default_path(performer)
    said = run(*apply, *there)
    assert said.count("correction ") == 3
    made = kept.read_bytes()
    run("clear", *there)
    assert not kept.exists()
    assert run(*apply) == said
    assert kept.read_bytes() == made
    for wanted in ((), ("--json",), ("--trouble",)):
        assert run(*wanted, *there) == run(*wanted)
    points = [line.split()[:3] for line in run("points", "6").splitlines()]
    assert [line.split() for line in run("points", "6", *there).splitlines()] == points
    run("split", "0", "7", *there)
    assert len(json.loads(kept.read_bytes())["corrections"]) == 4
    assert cli.main(["tracks", str(performer), "--sheet", "a.png", *there]) == 2
    assert "--sheet is drawn here; say --local" in capsys.readouterr().err


def test_what_cannot_be_corrected_is_refused(
    engine: Client, performer: Path, upload: Callable[[bytes], str]
) -> None:
    clip = engine.take_clip(performer)
    other = upload(OTHER)
    for options, action, why in (
        ({}, {}, "action: must be set"),
        ({}, {"split": {"track": 3, "frame": 4}}, "there is no track 3; there are: 0"),
        ({"corrections": "0" * 64}, {"split": {}}, "upload it first"),
        ({"corrections": "nonsense"}, {"split": {}}, "must be a SHA-256 digest"),
        ({"corrections": upload(b"{}")}, {"split": {}}, r"^performer.mp4.corrections.json: no file of corr"),
        ({"corrections": upload(b" " * (MAX_BYTES + 1))}, {"split": {}}, "corrections: must be at most"),
        ({"corrections": other}, {"split": {"frame": 4}}, "is of another clip, .*move it away"),
        ({}, {"points": {"points": [{}] * 1001}}, "points.points: must be at most 1000"),
        ({}, {"split": {"frame": 4}, "more": [{}]}, r"more\[0\].action: must be set"),
        ({}, {"split": {"frame": 4}, "more": [{"split": {}}] * 1000}, "more: must be at most 999"),
        (
            {},
            {"split": {"frame": 4}, "more": [{"split": {"track": 3, "frame": 4}}]},
            "2 of 2 corrections: there is no track 3",
        ),
    ):
        wanted = job_pb2.SwapOptions(range=RANGE, **options)
        with pytest.raises(CallError, match=why):
            ask(engine, clip_pb2.CorrectTracksRequest(clip_id=clip, options=wanted, **action))
    wanted = job_pb2.SwapOptions(range=RANGE, corrections=other)
    [warning] = ask(engine, clip_pb2.ListTracksRequest(clip_id=clip, options=wanted)).warnings
    assert "its corrections are of another clip" in warning


def test_a_corrected_clip_is_swapped_there_as_here(
    served: Served,
    performer: Path,
    actor_faceset: Faceset,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RECASTER_ENGINE", served.address)
    monkeypatch.setenv("RECASTER_TOKEN", served.token)
    assert cli.main(["tracks", str(performer), "--quiet", "--range", RANGE, "drop", "0:3-6"]) == 0
    source = ("--source", str(actor_faceset.folder))
    swap = (
        "swap",
        str(performer),
        *source,
        "--range",
        RANGE,
        "--no-manifest",
        "--preset",
        "ultrafast",
        "--quiet",
        "-o",
    )
    report = performer.with_name("report.json")
    assert cli.main([*swap, "there.mp4", "--report", str(report)]) == 0
    assert cli.main([*swap, "here.mp4", "--local"]) == 0
    assert performer.with_name("there.mp4").read_bytes() == performer.with_name("here.mp4").read_bytes()
    states = [frame["state"] for frame in json.loads(report.read_text())["frames"]]
    assert [at for at, state in enumerate(states) if state == "no-face"] == [3, 4, 5, 6]
    assert cli.main([*swap, "preview.png", "--preview", "4"]) != 0
    assert "frame 4 shows no face to swap" in capsys.readouterr().err
    extract = ["extract", str(performer), "-o", "faces", "--range", RANGE, "--quiet", "--every", "2"]
    assert cli.main(extract) == 0
    frames = {record.frame for record in Faceset.open(performer.with_name("faces")).all_records}
    assert frames == {0, 2, 8, 10}

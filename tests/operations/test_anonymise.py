"""People made unknown: the file, its words, and all that isn't there any more."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.api.v1 import job_pb2
from recaster.cli.main import main
from recaster.client.errors import RefusedError
from recaster.errors import (
    AnonymityError,
    ConsentError,
    FaceNotFoundError,
    InputError,
    OutputError,
    UsageError,
)
from recaster.evaluation.anonymity_judge import AnonymityJudge, Gallery, Likeness
from recaster.faces.alignment import TEMPLATE
from recaster.facesets.extraction import extract
from recaster.media.clip import Clip
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.operations import anonymise, anonymise_faces, anonymise_passes
from recaster.progress import silent
from recaster.provenance.inspection import inspect_file
from recaster.provenance.manifest import (
    ANONYMITY_ASSERTION,
    BASIS_ASSERTION,
    all_assertions,
    manifest_of,
)
from recaster.provenance.policy import Policy
from recaster.settings.anonymise import AnonymiseSettings
from recaster.settings.extract import ExtractSettings
from recaster.store.folder import DataFolder
from recaster.swapping.render_cache import CLIP

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.progress import Update

FRAMES = 6
FEW_SYNTHETIC = anonymise_faces.SYNTHETIC_FACES[:1]
needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
SECRETS = (
    "Her Kitchen",
    "+48.8577+002.295/",
    "Spy Camera 7",
    "Anna's voice",
    "2024-05-01",
    "10:11:12",
    "Chapter of Anna",
)


@pytest.fixture(autouse=True)
def one_synthetic_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that choose a face choose of one: quick."""
    monkeypatch.setattr(anonymise_faces, "SYNTHETIC_FACES", FEW_SYNTHETIC)


@pytest.fixture(scope="module")
def told(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that says where, when, with what and of whom it is."""
    folder = tmp_path_factory.mktemp("told")
    chapters = folder / "chapters.txt"
    chapters.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=300\ntitle=Chapter of Anna\n")
    cover = folder / "cover.png"
    out = folder / "told.mov"
    clip = ["-i", str(actors / "performer.mp4")]
    ffmpeg = ["ffmpeg", "-v", "error", "-y", *clip]
    subprocess.run([*ffmpeg, "-frames:v", "1", str(cover)], check=True, timeout=60)
    tags = {"title": SECRETS[0], "com.apple.quicktime.location.ISO6709": SECRETS[1], "model": SECRETS[2]}
    said = [part for name, text in tags.items() for part in ("-metadata", f"{name}={text}")]
    told = [
        *said,
        "-metadata:s:a:0",
        f"title={SECRETS[3]}",
        "-metadata",
        "creation_time=2024-05-01T10:00:00Z",
    ]
    more = [
        "-timecode",
        "10:11:12:00",
        "-movflags",
        "use_metadata_tags",
        "-frames:v",
        str(FRAMES),
        "-shortest",
    ]
    streams = ["-i", str(chapters), "-map", "0:v", "-map", "0:a", "-map_metadata", "1", "-c", "copy"]
    subprocess.run([*ffmpeg, *streams, *told, *more, str(out)], check=True, timeout=60)
    return out


@needs_ffmpeg
def test_what_the_original_says_is_gone_and_the_promise_is_signed(told: Path, tmp_path: Path) -> None:
    out = tmp_path / "unknown.mp4"
    report = tmp_path / "report.json"
    result = anonymise.run(anonymise.Request(told, out, report=report))

    assert not result.anonymity.failed
    assert probe(out).frame_count == probe(told).frame_count
    assert len(probe(out).audio) == 1
    content = out.read_bytes()
    assert told.read_bytes().find(SECRETS[0].encode()) > 0
    for secret in (*SECRETS, told.name, hashlib.sha256(told.read_bytes()).hexdigest()):
        assert secret.encode() not in content, secret
    (left_out,) = [line for line in result.lines if line.startswith("Left out")]
    for named in ("title", "location", "timecode 10:11:12:00", "1 chapters", "sound stream"):
        assert named in left_out
    assert any("voices" in line for line in result.lines)

    document, _ = manifest_of(out)
    (manifest,) = document["manifests"].values()
    assert not manifest.get("ingredients")
    (assertions,) = all_assertions(document)
    promise = assertions[ANONYMITY_ASSERTION]
    assert promise["report"] == hashlib.sha256(report.read_bytes()).hexdigest()
    said = json.loads(report.read_bytes())
    assert len(said["each"]) == FRAMES == promise["frames"]
    assert promise["swapped"] + promise["covered"] + promise["nobody"] == FRAMES
    for each in said["each"]:
        assert each["dlib"] is None or (each["dlib"] >= 0.6 and each["sface"] < 0.363)
    line = inspect_file(out, DataFolder.default().path).line
    assert f"anonymised: in none of its {FRAMES} frames did SFace and dlib ResNet know" in line
    assert not out.with_name("unknown.mp4.parts").exists()
    for before, after in zip(read_frames(told), read_frames(out), strict=True):
        face = np.s_[120:220, 110:210]
        assert np.abs(before.image[face].astype(int) - after.image[face]).mean() > 5


def know_everybody(_gallery: Gallery, _sface: Any, _dlib: Any) -> Likeness:
    """Judges that know whoever isn't covered."""
    return Likeness(0.9, 0.2)


def test_frames_in_which_somebody_is_known_are_covered_after_a_stop_too(
    actors: Path, few_faces: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = job_pb2.SwapOptions(range="0-2", codec="ffv1")
    out = tmp_path / "unknown.mkv"
    report = tmp_path / "r.json"
    request = anonymise.Request(
        actors / "performer.mp4", out, options=options, source=few_faces.folder, report=report
    )
    monkeypatch.setattr(Gallery, "compare", know_everybody)
    judged = 0

    def stop(update: Update) -> None:
        nonlocal judged
        judged += (update.stage, update.unit) == ("judging", "frames")
        if judged > 3:  # in the second pass, whose covers are drawn
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        anonymise.run(request, stop)
    assert not out.exists()
    result = anonymise.run(request)
    assert result.anonymity.counts() == {"swapped": 0, "covered": 3, "nobody": 0}
    assert {str(why) for each in result.anonymity.frames for why in each.reasons} == {"known"}
    for frame in read_frames(out):
        assert (frame.image[140:200, 130:190] == frame.image[160, 160]).all()


def test_what_does_not_hold_is_not_written(
    actors: Path, few_faces: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(Gallery, "compare", know_everybody)
    monkeypatch.setattr(anonymise_passes, "MAX_PASSES", 1)
    clip, out = actors / "performer.mp4", tmp_path / "unknown.mp4"
    command = [
        "anonymise",
        str(clip),
        "-o",
        str(out),
        "--range",
        "0-1",
        "--source",
        str(few_faces.folder),
    ]
    assert main(command) == AnonymityError.exit_code == 11
    assert "may still be known in 2 of 2 frames (0, 1); nothing was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert main([*command, "--keep-failed"]) == 11
    assert "don't hand it on" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["unknown.failed.mp4"]
    line = inspect_file(tmp_path / "unknown.failed.mp4", DataFolder.default().path).line
    assert "NOT anonymised as promised" in line


@pytest.fixture(scope="module")
def keyed(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames whose transparency shows the performer as well as their colours do."""
    out = tmp_path_factory.mktemp("keyed") / "keyed.mov"
    clip = ["ffmpeg", "-v", "error", "-i", str(actors / "performer.mp4"), "-frames:v", "2"]
    keyed = ["-filter_complex", "split[a][b];[a][b]alphamerge", "-c:v", "prores_ks", "-profile:v", "4444"]
    subprocess.run([*clip, *keyed, "-pix_fmt", "yuva444p10le", str(out)], check=True, timeout=60)
    return out


@needs_ffmpeg
@pytest.mark.parametrize(("codec", "suffix"), [("ffv1", ".mkv"), ("prores", ".mov")])
def test_a_named_format_may_not_keep_transparency(
    keyed: Path, tmp_path: Path, codec: str, suffix: str
) -> None:
    options = job_pb2.SwapOptions(codec=codec, pixel_format="yuva444p10le")
    with pytest.raises(UsageError, match="yuva444p10le holds transparency"):
        anonymise.run(anonymise.Request(keyed, tmp_path / f"out{suffix}", options=options))


@needs_ffmpeg
def test_what_is_signed_is_what_was_judged(
    keyed: Path, few_faces: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = job_pb2.SwapOptions(codec="ffv1")
    out = tmp_path / "unknown.mkv"
    request = anonymise.Request(
        keyed, out, options=options, source=few_faces.folder, report=tmp_path / "r.json"
    )
    keep_promise = anonymise_passes.Passes.keep_promise

    def meddle(passes: anonymise_passes.Passes, report: Any) -> Any:
        kept = keep_promise(passes, report)
        (path, *_) = passes.cache.segment_paths(CLIP)
        path.write_bytes(path.read_bytes() + b"!")
        return kept

    with monkeypatch.context() as other:
        other.setattr(anonymise_passes.Passes, "keep_promise", meddle)
        with pytest.raises(OutputError, match="was changed after it was judged"):
            anonymise.run(request)
    assert not out.exists()
    with anonymise_passes.hold_parts(out), pytest.raises(OutputError, match="made by another process"):
        anonymise.run(request)
    judged: list[str] = []
    result = anonymise.run(request, lambda update: judged.append(update.stage))
    assert "judging" in judged  # again: the file wasn't the one that had been judged
    assert probe(keyed).has_alpha
    assert not probe(out).has_alpha
    assert any("transparency" in line for line in result.lines if line.startswith("Left out"))
    assert not out.with_name("unknown.mkv.parts").exists()


def test_marks_of_tracks_that_were_corrected_since_are_made_anew(
    actors: Path, few_faces: Any, tmp_path: Path
) -> None:
    clip = shutil.copy(actors / "performer.mp4", tmp_path / "shot.mp4")
    options = job_pb2.SwapOptions(range="0-1", codec="ffv1")
    request = anonymise.Request(clip, tmp_path / "unknown.mkv", options=options, source=few_faces.folder)

    def list_stages() -> list[tuple[str, str]]:
        """Stages up to the first frame that is swapped."""
        stages = []

        def stop(update: Update) -> None:
            stages.append((update.stage, update.unit))
            if update.stage == "swapping":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            anonymise.run(request, stop)
        return stages

    marking = ("judging", "frames of the original")
    assert marking in list_stages()
    assert marking not in list_stages()
    assert main(["tracks", str(clip), "split", "0", "1", "--range", "0-1", "--quiet"]) == 0
    assert marking in list_stages()

    corrections = tmp_path / "shot.mp4.corrections.json"
    said = json.loads(corrections.read_text())
    corrections.write_text(json.dumps(said | {"clip": "0" * 64}))
    with pytest.raises(InputError, match="they were not applied; correct the corrections first"):
        anonymise.run(request)


@pytest.mark.parametrize(("suffix", "left"), [(".mkv", []), (".mp4", ["out.c2pa"])])
def test_nothing_of_a_result_outlives_a_right_that_was_taken_back(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, left: list[str]
) -> None:
    """Its own manifest, that is: an .mp4 has it inside, and the file beside it is of another result."""

    def refuse(*_: Any, **__: object) -> Any:
        raise ConsentError("revoked meanwhile")

    made = [tmp_path / name for name in (f"out{suffix}", "out.c2pa", "report.json")]
    for path in made:
        path.write_bytes(b"made just now")
    request = anonymise.Request(actors / "performer.mp4", made[0], report=made[2])
    monkeypatch.setattr(anonymise, "_authorize", refuse)
    with pytest.raises(ConsentError, match="revoked meanwhile"):
        anonymise._record(request, made[0], anonymise._Face(None, None))
    assert [path.name for path in tmp_path.iterdir()] == left


def test_the_face_is_chosen_that_carries_the_person_farthest_away(
    actors: Path, few_faces: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip_path = actors / "performer.mp4"
    own = extract([clip_path], tmp_path / "own", ExtractSettings(every=3, frames="0-23")).folder
    monkeypatch.setattr(anonymise_faces, "SYNTHETIC_FACES", (own, few_faces.folder))
    monkeypatch.setattr(anonymise_faces, "TRIED_FRAMES", 1)
    request = anonymise.Request(
        clip_path, tmp_path / "out.mp4", options=job_pb2.SwapOptions(range=f"0-{FRAMES - 1}")
    )
    clip = Clip(clip_path)
    settings = request.swap_settings(clip.info, Policy())
    judge = AnonymityJudge(16)
    subjects = anonymise._find_subjects(request, clip, settings, judge, silent)
    chosen = anonymise_faces.choose_synthetic_face(clip, settings, subjects, judge, silent)
    assert chosen == few_faces.folder


def test_a_skin_is_as_light_in_the_dark() -> None:
    points = np.zeros((1, 68, 3))
    points[0, 17:, :2] = 100 + (TEMPLATE - 0.5) * 80
    track: Any = SimpleNamespace(frames=np.array([3]), landmarks=points)
    picture = np.full((200, 200, 3), 235, np.uint8)
    picture[50:150, 50:150] = (190, 150, 130)

    def tone(image: Any) -> float:
        clip: Any = SimpleNamespace(read=lambda *_: [SimpleNamespace(image=image)])
        return anonymise_faces._measure_clip_tone(clip, track, 3)

    assert tone(picture) == pytest.approx(65, abs=2)
    assert tone((picture * 0.15).astype(np.uint8)) == pytest.approx(tone(picture), abs=2)


def test_what_cannot_be_promised_is_refused(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = actors / "performer.mp4"
    with pytest.raises(UsageError, match="write a movie"):
        anonymise.run(anonymise.Request(clip, tmp_path / "shot.%04d.png"))
    with pytest.raises(UsageError, match="who is to be unknown only once"):
        AnonymiseSettings(person=clip, track=1)
    with pytest.raises(UsageError, match="the report would replace"):
        anonymise.run(anonymise.Request(clip, tmp_path / "out.mp4", report=clip))
    monkeypatch.setattr("recaster.evaluation.sface.SFACE_PACKAGE", "no_such_package")
    with pytest.raises(UsageError, match=r"recaster\[cpu,evaluation\]"):
        anonymise.run(anonymise.Request(clip, tmp_path / "out.mp4"))


@needs_ffmpeg
def test_a_clip_in_which_nobody_is_found_is_not_written(tmp_path: Path) -> None:
    clip = tmp_path / "bars.mp4"
    source = ["-f", "lavfi", "-i", "smptebars=size=160x120:rate=25", "-frames:v", "3", str(clip)]
    subprocess.run(["ffmpeg", "-v", "error", *source], check=True, timeout=60)
    with pytest.raises(FaceNotFoundError, match="nothing was written"):
        anonymise.run(anonymise.Request(clip, tmp_path / "out.mp4"))


def test_an_engine_makes_people_unknown_and_says_so(
    actors: Path, served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("RECASTER_ENGINE", served.address)
    monkeypatch.setenv("RECASTER_TOKEN", served.token)
    out, report = tmp_path / "there.mkv", tmp_path / "there.json"
    clip = str(actors / "performer.mp4")
    command = ["anonymise", clip, "--range", "0-2", "--codec", "ffv1", "-o", str(out)]
    assert main([*command, "--report", str(report), "--margin", "0"]) == 0
    assert "there.mkv: 3 frames: " in capsys.readouterr().out
    (assertions,) = all_assertions(manifest_of(out)[0])
    assert assertions[BASIS_ASSERTION]["basis"] == "synthetic"
    promise = assertions[ANONYMITY_ASSERTION]
    assert (promise["holds"], promise["margin_s"]) == (True, 0.0)
    assert promise["report"] == hashlib.sha256(report.read_bytes()).hexdigest()
    assert main([*command, "--keep-failed"]) == 2
    with served.client(patience_s=5) as client:
        work = job_pb2.AnonymiseSpec(swap=job_pb2.SwapSpec(clip_id="0" * 12, matte=True))
        with pytest.raises(RefusedError, match=r"spec\.anonymise\.swap\.matte"):
            client.jobs.create(job_pb2.JobSpec(anonymise=work))
        change = job_pb2.LookChange(range="0-2", values={"keep": "eyes"})
        for name, options in (("changes", {"changes": [change]}), ("keep", {"keep": ["eyes"]})):
            swap = job_pb2.SwapSpec(clip_id="0" * 12, options=job_pb2.SwapOptions(**options))
            with pytest.raises(RefusedError, match=rf"spec\.anonymise\.swap\.options\.{name}"):
                client.jobs.create(job_pb2.JobSpec(anonymise=job_pb2.AnonymiseSpec(swap=swap)))


def test_a_policy_without_made_up_faces_refuses_them(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "policy.toml").write_text('[consent]\nbases = ["consent"]\n')
    clip = str(actors / "performer.mp4")
    assert main(["anonymise", clip, "--range", "0-2", "-o", str(tmp_path / "out.mp4")]) == 9
    assert "the policy doesn't take synthetic" in capsys.readouterr().err

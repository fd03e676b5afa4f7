"""Casts on the command line, here and at an engine."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from recaster.api.v1 import job_pb2
from recaster.cli import cast_options
from recaster.cli import main as cli
from recaster.cli.swap import request_of
from recaster.errors import UsageError
from recaster.settings.cast import CastMember, Selector
from recaster.settings.look_file import WrittenLook

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIP = ("swap", "clip.mp4", "-o", "out.mp4")


@pytest.fixture
def faces(tmp_path: Path) -> str:
    (tmp_path / "faceset.sqlite").touch()
    return str(tmp_path)


def parse(*arguments: str) -> Namespace:
    options = cli.parser().parse_args([*CLIP, *arguments])
    options.clip = options.clips[0]
    cast_options.read_cast_options(options)
    return options


def test_members_reach_the_request(faces: str) -> None:
    request = request_of(parse("--put", f"anna={faces}@track:3", "--put", f"bob={faces}@all"))
    assert [(member.name, member.selector) for member in request.cast] == [
        ("anna", Selector(track=3)),
        ("bob", Selector(everyone=True)),
    ]
    assert request.sources == ((None, Path(faces)), (None, Path(faces)))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--track", "1"), "leave --person, --track and --all out"),
        (("--identity", "Anna"), "--identity is one person"),
    ],
)
def test_what_a_cast_says_itself(faces: str, arguments: Sequence[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse("--put", f"anna={faces}@track:3", *arguments)


def test_numbers_are_of_one_clip(faces: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = [str(tmp_path / name) for name in ("a.mp4", "b.mp4")]
    for clip in clips:
        Path(clip).touch()
    put = f"anna={faces}@person:1"
    assert (
        cli.main(["swap", *clips, "-o", f"{tmp_path}/out/", "--put", put, "--local"]) == UsageError.exit_code
    )
    assert "anna: numbers are those of one clip" in capsys.readouterr().err


def test_an_engine_gets_every_face_with_its_right(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        cast_options,
        "record_identity_remotely",
        lambda claim, _client, folder, **ids: told.append((folder.name, claim.identity, claim.basis, ids)),
    )
    remote: Any = Namespace(
        client=None,
        model=lambda path: f"m-{path.name}" if path else "",
        faceset=lambda path: f"f-{path.name}" if path else "",
        picture=lambda path: f"p-{path.name}" if path else "",
    )
    members = (
        CastMember("anna", Selector(track=0), model=Path("a"), identity="Anna B."),
        CastMember(
            "bob", Selector(picture=Path("bob.png")), faceset=Path("b"), look=WrittenLook({"feather": 0.2})
        ),
    )
    options = Namespace(members=members, basis="consent")
    fields = cast_options.bring_faces(options, remote, several=True)
    assert fields["cast_may_lack"]
    anna, bob = fields["cast"]
    assert anna == job_pb2.CastMember(name="anna", model_id="m-a", track=0, look=job_pb2.SwapOptions())
    look = job_pb2.SwapOptions(feather=0.2)
    assert bob == job_pb2.CastMember(name="bob", faceset_id="f-b", person="p-bob.png", look=look)
    assert told == [
        ("a", "Anna B.", None, {"faceset": "", "model": "m-a"}),
        ("b", None, "consent", {"faceset": "f-b", "model": ""}),
    ]

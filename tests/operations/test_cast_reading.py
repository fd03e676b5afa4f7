"""Casts as they are written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recaster.api.v1 import job_pb2
from recaster.errors import UsageError
from recaster.operations import swap
from recaster.operations.cast import cast_roles, check_cast, member_from_proto, member_to_proto
from recaster.operations.cast_reading import parse_put, read_cast
from recaster.operations.face_rights import FaceClaim
from recaster.settings.cast import CastMember, Selector, check_cast_names, place_member_matte
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.look_course import LookChange, parse_change
from recaster.settings.look_file import WrittenLook
from recaster.settings.swap import SwapSettings

CAST = """
[anna]
model = "models/anna"
track = 3
identity = "Anna B."
matte = true
[anna.look]
feather = 0
colour = "mean"
[bob]
faceset = "/faces/bob"
person = "bob.png"
basis = "consent"
[carl]
faceset = "faces/carl"
person = 2
[dora]
faceset = "faces/dora"
person = "Dora"
[everybody]
model = "m"
all = true
"""


LOOK = WrittenLook({"mask": "hull", "scale": 1.5}, (parse_change("3-5:feather=.2"),))


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cast.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_cast_file_says_who_is_put_on_whom(tmp_path: Path) -> None:
    (tmp_path / "bob.png").touch()
    cast = read_cast(write(tmp_path, CAST))
    assert [member.name for member in cast] == ["anna", "bob", "carl", "dora", "everybody"]
    assert [member.selector for member in cast] == [
        Selector(track=3),
        Selector(picture=tmp_path / "bob.png"),
        Selector(number=2),
        Selector(name="Dora"),
        Selector(everyone=True),
    ]
    anna, bob, *_ = cast
    assert (anna.model, bob.faceset) == (tmp_path / "models/anna", (tmp_path / "/faces/bob"))
    assert anna.look.values == {"feather": 0.0, "colour": "mean"}
    assert (anna.identity, anna.basis, anna.matte) == ("Anna B.", None, True)
    assert (bob.identity, bob.basis, bob.matte) == (None, "consent", False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a cast has 1 to 100 members, not 0"),
        ("[a", "is no TOML"),
        ("a = 1", r"\[a\] must be a table"),
        ("[a]\nmodel='m'", "a: say whom it is put on"),
        ("[a]\ntrack=1", "a: name either a model or a faceset"),
        ("[a]\nmodel='m'\nfaceset='f'\ntrack=1", "a: name either a model or a faceset"),
        ("[a]\nmodel='m'\ntrack=1\nperson='x'", "only once, not by track or person"),
        ("[a]\nmodel='m'\ntrack=-1", "a: track must be 0 to"),
        ("[a]\nmodel='m'\ntrack=true", "a: track can't be True"),
        ("[a]\nmodel='m'\nperson='bob.PNG'", "a: .*bob.PNG: there is no such picture of a person"),
        ("[a]\nmodel='m'\nperson='people/bob'", "a: .*people/bob: there is no such picture"),
        ("[a]\nmodel='m'\ntrack=1\nhat='red'", "a: there is no 'hat' in a cast"),
        ("[a]\nmodel='m'\ntrack=1\nbasis='love'", "a: a basis can't be 'love'"),
        ("[a]\nmodel='m'\ntrack=1\nlook={hat=1}", "a: 'hat' can't change along a clip"),
        ("[a]\nmodel='m'\ntrack=1\nlook={feather=3}", "a: feather must be 0 to 0.5, not 3"),
        ("[a]\nmodel='m'\ntrack=1\nlook={feather='x'}", "a: feather can't be 'x'"),
        ("[a]\nmodel='m'\ntrack=1\nidentity='A'\nbasis='self'", "leave one of both out"),
        ("['a b']\nmodel='m'\ntrack=1", "can't be called 'a b'"),
    ],
)
def test_what_is_wrong_in_a_cast_file_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=f"cast.toml: .*{says}"):
        read_cast(write(tmp_path, text))


def test_a_member_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "model.json").touch()
    (tmp_path / "b@c").mkdir()
    (tmp_path / "b@c" / "faceset.sqlite").touch()
    (tmp_path / "bob.png").touch()
    assert parse_put(f"anna={tmp_path}@track:3") == CastMember("anna", Selector(track=3), model=tmp_path)
    bob = parse_put(f"bob={tmp_path}/b@c@person:{tmp_path}/bob.png")
    assert (bob.faceset, bob.selector) == (tmp_path / "b@c", Selector(picture=tmp_path / "bob.png"))
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").touch()
    for pictures in (tmp_path / "pictures", tmp_path / "pictures" / "a.jpg"):
        assert parse_put(f"a={pictures}@all").faceset == pictures
    assert parse_put(f"a={tmp_path}@person:2").selector == Selector(number=2)
    assert parse_put(f"a={tmp_path}@all").selector == Selector(everyone=True)
    for text, says in {
        "anna": "is no NAME=MODEL_OR_FACESET@WHOM",
        f"anna={tmp_path}": "is no NAME=MODEL_OR_FACESET@WHOM",
        f"anna={tmp_path}@track:x": "a track is a number",
        f"anna={tmp_path}@person:rigth.heic": "anna: rigth.heic: there is no such picture of a person",
        f"anna={tmp_path}/none@track:1": "is neither a model, nor a faceset, nor a picture",
    }.items():
        with pytest.raises(UsageError, match=says):
            parse_put(text)
    with pytest.raises(UsageError, match="two members of the cast are called Anna"):
        check_cast_names(["anna", "Anna"])


def ask(tmp_path: Path, **changes: Any) -> swap.Request:
    cast = (
        CastMember("anna", Selector(track=0), model=tmp_path, look=WrittenLook({"feather": 0.2}), matte=True),
        CastMember("bob", Selector(track=1), faceset=tmp_path),
    )
    options = job_pb2.SwapOptions(feather=0.1, colour="mean")
    request = {"options": options, "matte": tmp_path / "m.%04d.png", "cast": cast} | changes
    return swap.Request(tmp_path / "c.mp4", tmp_path / "o.mp4", **request)


def test_a_members_look_is_that_of_the_swap_but_for_its_own(tmp_path: Path) -> None:
    keyed = (LookChange(range(2), (("colour", "none"), ("feather", 0.5))),)
    look = LookSettings(MaskSettings(feather=0.1), colour="mean")
    info: Any = None  # only changes of their own depend on the clip
    anna, bob = cast_roles(ask(tmp_path), SwapSettings(look=look, changes=keyed), info)
    assert anna.course is not None
    assert bob.course is not None
    assert anna.course.at(0) == LookSettings(MaskSettings(feather=0.2), colour="none")
    assert anna.course.at(2) == LookSettings(MaskSettings(feather=0.2), colour="mean")
    assert bob.course.at(0) == LookSettings(MaskSettings(feather=0.5), colour="none")
    assert bob.course.at(2) == look
    assert (anna.matte, bob.matte) == (tmp_path / "m.anna.%04d.png", None)
    assert place_member_matte(tmp_path / "m.mov", "anna") == tmp_path / "m.anna.mov"


@pytest.mark.parametrize(
    ("changes", "settings", "says"),
    [
        ({"matte": None}, {}, "name that with --matte"),
        ({}, {"track": 1}, "leave person, track and everyone out"),
        ({"claim": FaceClaim("Anna")}, {}, "an identity is one person's"),
        ({"model": "m"}, {}, "leave the model and the faceset out"),
    ],
)
def test_what_does_not_go_with_a_cast(
    tmp_path: Path, changes: dict[str, Any], settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        check_cast(ask(tmp_path, **changes), SwapSettings(**settings))


@pytest.mark.parametrize(
    "selector", [Selector(track=0), Selector(number=0), Selector(name="Bob"), Selector(everyone=True)]
)
def test_an_engine_gets_a_member_as_it_is(tmp_path: Path, selector: Selector) -> None:
    member = CastMember("a", selector, faceset=tmp_path, look=LOOK, matte=True)
    sent = job_pb2.CastMember.FromString(member_to_proto(member, faceset_id="f").SerializeToString())
    assert sent.faceset_id == "f"
    assert member_from_proto(sent, model=None, faceset=tmp_path, picture=None) == member


def test_a_member_may_keep_nothing_at_an_engine_too() -> None:
    look = WrittenLook({"keep": (), "feather": 0.1}, (parse_change("1-2:keep=none"),))
    member = CastMember("anna", Selector(everyone=True), faceset=Path("faces"), look=look)
    sent = member_to_proto(member, faceset_id="f1")
    assert list(sent.look.keep) == ["none"]
    assert member_from_proto(sent, model=None, faceset=Path("faces"), picture=None) == member

"""Pictures as the source of a swap."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import PIL.Image
import pytest

from recaster.cli.cast_options import with_faces
from recaster.cli.main import parser
from recaster.cli.swap import _part_source
from recaster.errors import ClipError, ConsentError, FaceNotFoundError, UsageError
from recaster.facesets.faceset import Faceset
from recaster.media.reader import read_frames
from recaster.media.sheet import save_image
from recaster.operations.face_rights import NO_CLAIM, FaceClaim
from recaster.operations.source_pictures import are_pictures, open_source
from recaster.provenance.register import open_register


@pytest.fixture(scope="module")
def pictures(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A picture of each of two actors, and another of the first."""
    folder = tmp_path_factory.mktemp("pictures")
    shots = {"anna": ("likeness", 0), "anna again": ("likeness", 60), "ben": ("performer", 0)}
    for name, (actor, index) in shots.items():
        (frame,) = read_frames(actors / f"{actor}.mp4", index, index + 1)
        save_image(folder / f"{name}.png", frame.image)
    return {name: folder / f"{name}.png" for name in shots}


def test_pictures_are_a_faceset_for_a_while(pictures: dict[str, Path]) -> None:
    chosen = [pictures["anna"], pictures["anna again"]]
    with open_source(chosen, NO_CLAIM, "yunet") as (folder, claim):
        assert folder is not None
        assert folder.name == "anna"
        assert len(Faceset.open(folder).records) == 2
        digest = Faceset.open(folder).digest()
        assert claim == NO_CLAIM
        with open_register() as register:
            person = FaceClaim(basis="synthetic").authorize(register, folder)
    assert not folder.exists()
    # The same pictures again: the same faces, and whose they are is known.
    with open_source(chosen, FaceClaim(basis="synthetic"), "yunet") as (folder, claim):
        assert folder is not None
        assert Faceset.open(folder).digest() == digest
        assert claim.identity == person.identity_id


def test_a_faceset_is_used_as_it_is(actor_faceset: Faceset) -> None:
    with open_source([actor_faceset.folder], NO_CLAIM, "yunet") as (folder, _):
        assert folder == actor_faceset.folder
    with open_source(None, NO_CLAIM, "yunet") as (folder, _):
        assert folder is None


def test_a_stranger_among_pictures_is_refused(pictures: dict[str, Path]) -> None:
    strangers = [pictures["anna"], pictures["ben"]]
    with (
        pytest.raises(FaceNotFoundError, match=r"^ben\.png: shows no face of the person in anna\.png"),
        open_source(strangers, NO_CLAIM, "yunet"),
    ):
        pass


def test_a_member_of_a_cast_may_be_pictures(
    pictures: dict[str, Path], actor_faceset: Faceset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with PIL.Image.open(pictures["anna"]) as picture:
        picture.save(tmp_path / "two.jpg", "MPO", save_all=True, append_images=[picture])
    put = ("--put", f"anna={tmp_path / 'two.jpg'}@track:0", "--put", f"ben={actor_faceset.folder}@track:1")
    options = parser().parse_args(["conform", "edit.otio", "-o", "out", *put])
    folders: list[Path] = []

    def run(opened: Namespace) -> None:
        assert opened.pictures == [tmp_path / "two.jpg"]
        assert [(member.name, member.selector.track) for member in opened.members] == [
            ("anna", 0),
            ("ben", 1),
        ]
        folders.extend(member.faceset for member in opened.members)
        assert len(Faceset.open(folders[0]).records) == 1

    with_faces(run)(options)
    warning = (
        f"recaster conform: warning: {tmp_path / 'two.jpg'}: holds several pictures; the first is used\n"
    )
    assert capsys.readouterr().err.endswith(warning)
    assert not folders[0].exists()
    assert folders[1] == actor_faceset.folder


def test_a_refusal_names_the_pictures(pictures: dict[str, Path]) -> None:
    chosen = [pictures["anna"], pictures["anna again"]]
    with (
        pytest.raises(ConsentError, match=rf"^{pictures['anna']} and 1 more: by what right"),
        open_source(chosen, NO_CLAIM, "yunet") as (folder, _),
    ):
        raise ConsentError(f"{folder}: by what right")


def test_a_picture_that_no_library_reads_is_no_faceset(tmp_path: Path) -> None:
    (tmp_path / "anna.avif").touch()
    with pytest.raises(ClipError, match=r"anna\.avif: AVIF cannot be read here; export it as PNG"):
        are_pictures([tmp_path / "anna.avif"])


def test_folders_of_pictures_and_facesets_are_told_apart(
    pictures: dict[str, Path], actor_faceset: Faceset
) -> None:
    assert are_pictures([pictures["anna"].parent])
    assert not are_pictures([actor_faceset.folder])
    with pytest.raises(UsageError, match="give one faceset, or one picture and more"):
        are_pictures([pictures["anna"], actor_faceset.folder])


@pytest.mark.parametrize(
    ("sources", "parted"),
    [
        ("faces clip.mp4", ("faces", "clip.mp4")),
        ("a.jpg b.jpg clip.mp4 other.mov", ("a.jpg b.jpg", "clip.mp4 other.mov")),
        ("a.jpg b.jpg", ("a.jpg", "b.jpg")),
    ],
)
def test_clips_may_stand_after_the_source(sources: str, parted: tuple[str, str]) -> None:
    named = [Path(name) for name in sources.split()]
    chosen, clips = _part_source(Namespace(source=named, clips=[]))
    assert chosen is not None
    assert (" ".join(map(str, chosen)), " ".join(map(str, clips))) == parted


def test_a_clip_has_to_be_named() -> None:
    with pytest.raises(UsageError, match="which clip"):
        _part_source(Namespace(source=[Path("faces")], clips=[]))

"""Pictures as the source of a swap."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from recaster.cli.swap import _part_source
from recaster.errors import FaceNotFoundError, UsageError
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

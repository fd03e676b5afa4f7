"""Pictures of a person as the source of a swap: a faceset is made of them, for as long as it is needed."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recaster.errors import ConsentError, FaceNotFoundError, UsageError
from recaster.facesets.faceset import INDEX, Faceset
from recaster.facesets.inputs import find_inputs, is_image
from recaster.files import safe_name
from recaster.media.decoder import refuse_unreadable_still
from recaster.operations import extract
from recaster.operations.face_rights import FaceClaim, Grant
from recaster.progress import Report, silent
from recaster.provenance.legal_basis import basis_name
from recaster.provenance.register import open_register
from recaster.settings.extract import ExtractSettings
from recaster.store import learned_faces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PREFIX: Final = "recaster-source-"


def are_pictures(sources: Sequence[Path]) -> bool:
    """Tells whether sources are pictures of a person, and not a faceset (UsageError: both, or several)."""
    if len(sources) == 1 and sources[0].is_dir():
        return not (sources[0] / INDEX).is_file() and any(map(is_image, sources[0].iterdir()))
    others = [path for path in sources if not is_image(path)]
    for path in others:
        refuse_unreadable_still(path)
    if others and len(sources) > 1:
        raise UsageError(
            f"--source {others[0]}: give one faceset, or one picture and more of the same person"
        )
    return not others


def list_source_pictures(sources: Sequence[Path] | None) -> list[Path]:
    """Lists the pictures that sources are; none for a faceset or a model (UsageError, InputError)."""
    return [file.path for file in find_inputs(sources)] if sources and are_pictures(sources) else []


@contextlib.contextmanager
def open_source(
    sources: Sequence[Path] | None, claim: FaceClaim, detector: str, report: Report = silent
) -> Iterator[tuple[Path | None, FaceClaim]]:
    """Yields the faceset that sources are, or one of pictures, which is gone when the block ends.

    Whose face pictures show is known again by the pictures, so that it has to be said but once.

    Args:
        sources: a faceset's folder, or pictures; None where a model puts the face on.
        detector: finds the faces of pictures.

    Returns:
        The folder, and the claim of whose face is in it.

    Raises:
        UsageError: a faceset and pictures together.
        InputError: a picture is missing or damaged.
        FaceNotFoundError: one shows no face, or another person than the first.
        ConsentError: the face may not be put on.
    """
    pictures = list_source_pictures(sources)
    if not pictures:
        yield (sources[0] if sources else None), claim
        return
    # Beside others of this user's temporary files, in a folder that nobody else may enter.
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        faceset = Path(folder) / safe_name(pictures[0].stem)
        settings = ExtractSettings(person=pictures[0] if len(pictures) > 1 else None, detector=detector)
        # Nothing that stays: the swap itself asks for the right to this face and records its use.
        made = extract.run(extract.Request(tuple(pictures), faceset, settings), report, grant=Grant())
        _refuse_strangers(made, pictures)
        try:
            with _name_pictures(faceset, pictures):
                yield faceset, _recall(made, claim)
        finally:
            learned_faces.purge(faceset)


@contextlib.contextmanager
def _name_pictures(faceset: Path, pictures: Sequence[Path]) -> Iterator[None]:
    """Names the pictures in a refusal that would name the folder that they were made."""
    try:
        yield
    except ConsentError as error:
        more = f" and {len(pictures) - 1} more" if len(pictures) > 1 else ""
        text = str(error).replace(str(faceset), f"{pictures[0]}{more}")
        raise ConsentError(text, error.reason) from error


def _refuse_strangers(faceset: Faceset, pictures: Sequence[Path]) -> None:
    """Refuses pictures of which no face was taken (FaceNotFoundError)."""
    shown = {record.source_id for record in faceset.records}
    for source in faceset.sources:
        if source.id not in shown:
            raise FaceNotFoundError(
                f"{source.name}: shows no face of the person in {pictures[0].name}; leave it out"
            )


def _recall(faceset: Faceset, claim: FaceClaim) -> FaceClaim:
    """Finds the person who was stated for the same pictures before, where none is named now."""
    if claim.identity is not None:
        return claim
    digest = faceset.digest()
    with open_register() as register:
        for person in register.list_people():
            stated = basis_name(person.attestation.basis)
            if (
                claim.basis in (None, stated)
                and digest in register.traces("identity", person.identity_id).digests
            ):
                return dataclasses.replace(claim, identity=person.identity_id)
    return claim

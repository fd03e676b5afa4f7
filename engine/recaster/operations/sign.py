"""Signing of an edit that swaps went into: rights to every face in it, manifest and audit records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.files import sha256
from recaster.provenance.manifest import sign_render
from recaster.provenance.register import open_register
from recaster.provenance.signer import resolve_signer
from recaster.provenance.vetting import VettingRules, authorize_edit, find_local_swaps

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.operations.face_rights import Grant


@dataclass(frozen=True)
class Request:
    """An editor's export that is to be signed, to ``out``, which may be the same file.

    ``swaps`` is every swap that went into it, with its manifest.
    """

    render: Path
    out: Path
    swaps: tuple[Path, ...]


def run(request: Request, grant: Grant | None = None) -> str:
    """Signs an edit; returns one sentence on what was signed, and by whom.

    Raises:
        ConsentError: a swap is a stranger's, or a face in it may not be put on now.
        UsageError, ManifestError, TimestampError, OutputError: as ``provenance.manifest.sign_render``.
    """
    if grant is not None:
        assert grant.signer is not None  # noqa: S101 - every grant of this kind has one
        assert grant.vetting is not None  # noqa: S101
        return sign_render(request.render, request.out, request.swaps, grant.signer, grant.vetting)
    with open_register() as register:
        swaps = [sha256(path) for path in request.swaps]
        made_here = find_local_swaps(register, swaps)
        people = [person.identity_id for person in authorize_edit(register, made_here)]
        signer = resolve_signer(register.policy, register.folder.path)
        register.audit.add("sign.start", swaps=swaps)
        rules = VettingRules.of(register, made_here)
        sentence = sign_render(request.render, request.out, request.swaps, signer, rules)
        register.audit.add("sign.deliver", made=[sha256(request.out)], swaps=swaps, identities=people)
    return sentence

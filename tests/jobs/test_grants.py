"""Grants on their way from an engine to its workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from recaster.jobs.grants import grant_from_proto, grant_to_proto
from recaster.operations.face_rights import Grant
from recaster.provenance.provenance_mark import ProvenanceMark, Statement
from recaster.provenance.signer import Signer
from recaster.provenance.vetting import VettingRules

SIGNER = Signer(Path("/data/\udcff/signer.pem"), Path("/data/signer.key"), local=True, timestamp="http://a")
VETTING = VettingRules(
    ("1" * 64,), (Path("/data/ca.pem"),), None, ("self", "consent"), document=True, label=False
)


@pytest.mark.parametrize(
    "grant",
    [
        Grant(),
        Grant(ProvenanceMark((Statement("consent", "n", "i", "d"),), SIGNER, "0" * 64)),
        Grant(signer=SIGNER, vetting=VETTING),
        Grant(vetting=VettingRules((), (), Path("/data/trusted.pem"), ("self",), document=False, label=True)),
    ],
)
def test_a_grant_arrives_as_it_was_given(grant: Grant) -> None:
    message = grant_to_proto(grant)
    assert grant_from_proto(type(message).FromString(message.SerializeToString())) == grant

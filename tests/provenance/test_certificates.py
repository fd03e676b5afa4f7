"""Certificates that aren't valid now: nothing is signed with them, and whatever would be waits."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from certificates import certificate, turn_clock

from recaster.errors import CertificateError, UsageError, reason_of
from recaster.provenance.manifest import check_signer, sign_swap
from recaster.provenance.signer import resolve_signer

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.provenance.provenance_mark import ProvenanceMark
    from recaster.provenance.register import Register


@pytest.mark.parametrize(
    ("begin", "end", "says"),
    [(2, 9, "valid from .* on only.*by this machine's clock"), (-9, -2, "was valid until")],
)
def test_a_certificate_out_of_its_time(
    register: Register, mark: ProvenanceMark, actors: Path, tmp_path: Path, begin: int, end: int, says: str
) -> None:
    pem, key = certificate(tmp_path / "own", begin, end)
    (register.folder.path / "policy.toml").write_text(f"[manifest]\ncertificate = '{pem}'\nkey = '{key}'\n")
    with pytest.raises(CertificateError, match=says):
        resolve_signer(register.policy, register.folder.path)
    signer = dataclasses.replace(mark.signer, certificate=pem, key=key, local=False)
    with pytest.raises(CertificateError, match=says):
        check_signer(signer)
    # So does a worker whose clock went back after its job had begun; and its job waits.
    clip = actors / "performer.mp4"
    out = tmp_path / "out.mp4"
    with pytest.raises(CertificateError, match=says) as caught:
        sign_swap(clip, out, clip, {}, dataclasses.replace(mark, signer=signer))
    assert not out.exists()
    assert str(tmp_path) not in str(caught.value)
    assert reason_of(caught.value) == "POLICY"


def test_one_made_here_before_the_clock_went_back(
    register: Register, mark: ProvenanceMark, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mark.signer.certificate.read_bytes()
    with monkeypatch.context() as patch:
        turn_clock(patch, days=-2)
        with pytest.raises(CertificateError, match="set the clock right, or wait"):
            resolve_signer(register.policy, register.folder.path)
    assert resolve_signer(register.policy, register.folder.path) == mark.signer
    assert mark.signer.certificate.read_bytes() == before


def test_a_file_that_is_no_certificate(register: Register, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("none")
    (register.folder.path / "policy.toml").write_text(
        f"[manifest]\ncertificate = '{tmp_path}/x.pem'\nkey = '{tmp_path}/x.pem'\n"
    )
    with pytest.raises(UsageError, match=r"^x\.pem: no certificate to sign with"):
        resolve_signer(register.policy, register.folder.path)

"""Where an engine is, as the environment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from recaster.client import Address
from recaster.errors import UsageError


def test_all_that_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECASTER_ENGINE", "studio:50551")
    monkeypatch.setenv("RECASTER_TOKEN", "abc")
    assert Address.from_environment() == Address("studio:50551", "abc")
    assert Address.from_environment("other:1") == Address("other:1", "abc")
    for name in ("CA", "CERT", "KEY"):
        monkeypatch.setenv(f"RECASTER_TLS_{name}", f"{name}.pem")
    assert Address.from_environment() == Address(
        "studio:50551", "abc", Path("CA.pem"), Path("CERT.pem"), Path("KEY.pem")
    )


@pytest.mark.parametrize("missing", ["CA", "CERT", "KEY"])
def test_a_certificate_needs_its_key_and_the_authority(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECASTER_ENGINE", "studio:50551")
    monkeypatch.setenv("RECASTER_TOKEN", "abc")
    for name in {"CA", "CERT", "KEY"} - {missing}:
        monkeypatch.setenv(f"RECASTER_TLS_{name}", f"{name}.pem")
    with pytest.raises(UsageError, match="go together"):
        Address.from_environment()


def test_a_token_that_none_has() -> None:
    with pytest.raises(UsageError, match="copy it again"):
        Address("studio:50551", "ab\nc")

"""Address of the engine in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from recaster.client import Address
from recaster.errors import UsageError
from recaster.files import write_secret


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


def test_where_none_is_named_it_is_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RECASTER_ENGINE", "RECASTER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path))
    with pytest.raises(UsageError, match="recaster serve"):
        Address.from_environment()
    write_secret(tmp_path / "token", "of-its-own\n")
    own = Address(f"unix:{tmp_path}/run/engine.sock", "of-its-own")
    assert Address.from_environment() == Address.from_environment("here") == own
    # What is said of another engine isn't meant for this one.
    monkeypatch.setenv("RECASTER_ENGINE", "studio:50551")
    monkeypatch.setenv("RECASTER_TOKEN", "of-the-studio")
    monkeypatch.setenv("RECASTER_TLS_CA", "CA.pem")
    assert Address.from_environment("here") == own
    other = Address.from_environment("unix:/elsewhere/s")
    assert other == Address("unix:/elsewhere/s", "of-the-studio", Path("CA.pem"))


@pytest.mark.parametrize("how", ["readable", "link", "folder", "of another"])
def test_a_token_file_that_is_not_ones_own_alone(
    how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path))
    token = tmp_path / "token"
    if how == "folder":
        token.mkdir()
    else:
        write_secret(tmp_path / "real" if how == "link" else token, "of-its-own\n")
    if how == "link":
        token.symlink_to(tmp_path / "real")
    if how == "readable":
        token.chmod(0o640)
    if how == "of another":
        monkeypatch.setattr("os.getuid", lambda: 54321)
        monkeypatch.setattr("recaster.client.address.ROOT", 54322)
    with pytest.raises(UsageError, match=r"chmod 600|cannot be read"):
        Address.from_environment("here")

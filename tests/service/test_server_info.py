"""Facts that an engine tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from recaster.provenance.policy import BASIS_VARIABLE, POLICY_FILE
from recaster.service.server_info import basis_needed, policy_of
from recaster.settings.formats import FFMPEG_ENCODERS
from recaster.settings.look import LookSettings
from recaster.settings.options import find_options

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("policy", "needed"),
    [
        (None, True),
        ('[consent]\ndefault = "synthetic"\n', False),
        ('[consent]\nbases = ["consent"]\n', True),
        ("this is no policy", True),
    ],
)
def test_a_client_knows_whether_a_face_needs_a_basis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str | None, needed: bool
) -> None:
    monkeypatch.delenv(BASIS_VARIABLE)
    if policy is not None:
        (tmp_path / POLICY_FILE).write_text(policy)
    assert basis_needed(policy_of(tmp_path)) is needed
    if policy is None:
        monkeypatch.setenv(BASIS_VARIABLE, "synthetic")
        assert not basis_needed(policy_of(tmp_path))


def test_an_engine_names_the_options_that_it_knows(served: Any) -> None:
    with served.client() as client:
        known = set(client.info().swap_options)
    assert {each.wire for each in find_options(LookSettings).values()} | {"draft", "corrections"} <= known


def test_an_engine_offers_the_codecs_that_its_ffmpeg_has(served: Any) -> None:
    with served.client() as client:
        assert list(client.info().codecs) == list(FFMPEG_ENCODERS)

"""Documents of earlier releases, brought to the version of today's."""

from __future__ import annotations

import pytest

from recaster.files import VersionError, upgrade_document

UPGRADES = {
    2: lambda document: {**document, "unit": "frames"},
    3: lambda document: {**document, "length": document["seconds"] * 25},
}


def test_an_older_document_takes_every_step_to_the_current_version() -> None:
    first = {"format": 1, "seconds": 4}
    assert upgrade_document(first, 3, UPGRADES) == {
        "format": 3,
        "seconds": 4,
        "unit": "frames",
        "length": 100,
    }
    assert first == {"format": 1, "seconds": 4}


def test_a_current_document_stays_as_it_is() -> None:
    assert upgrade_document({"format": 3, "seconds": 4}, 3, UPGRADES) == {"format": 3, "seconds": 4}


@pytest.mark.parametrize(("version", "upgrades"), [(4, UPGRADES), (1, {3: UPGRADES[3]}), (0, UPGRADES)])
def test_no_way_leads_from_a_newer_version_or_over_a_missing_step(version: int, upgrades: dict) -> None:
    with pytest.raises(VersionError, match=f"^version {version}$") as caught:
        upgrade_document({"format": version}, 3, upgrades)
    assert caught.value.version == version


@pytest.mark.parametrize(
    ("document", "kind"), [({}, KeyError), ({"format": "3"}, TypeError), ({"format": True}, TypeError)]
)
def test_a_version_is_a_whole_number(document: dict, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"format|is no number"):
        upgrade_document(document, 3, UPGRADES)

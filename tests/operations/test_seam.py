"""Operations are the only way to the work: whoever runs one can forget neither rights nor records."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import recaster
from recaster.errors import ConsentError
from recaster.operations import sign
from recaster.provenance.face_traces import EMBEDDING_LENGTH, FaceTraces
from recaster.provenance.register import open_register
from recaster.provenance.vetting import authorize_edit, find_local_swaps

if TYPE_CHECKING:
    from recaster.provenance.register import Register

PACKAGE = Path(recaster.__file__).parent
WORK = {
    "recaster.swapping.pipeline", "recaster.swapping.preview", "recaster.training.loop",
    "recaster.evaluation.evaluate", "recaster.facesets.extraction", "recaster.provenance.manifest.sign_swap",
    "recaster.provenance.manifest.sign_render",
}  # fmt: skip
"""Modules and functions that make results of faces."""


def imported(path: Path) -> set[str]:
    """Modules that a file imports, and names that it imports from them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("package", ["cli", "jobs", "service"])
def test_callers_reach_the_work_through_operations_alone(package: str) -> None:
    reached = {path.name: imported(path) & WORK for path in (PACKAGE / package).rglob("*.py")}
    assert {name: modules for name, modules in reached.items() if modules} == {}


def test_engines_give_grants_and_their_workers_pass_them_on() -> None:
    """Whoever made one by itself would go past this machine's rights and records."""
    makers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and "Grant" in ast.unparse(node.func).split(".")
    }
    # Of pictures as a source a faceset is made that doesn't outlive the swap, which asks for the right to it.
    assert makers == {
        "jobs/grants.py", "jobs/rights.py", "operations/source_pictures.py", "service/query_services.py"
    }  # fmt: skip


def test_without_a_grant_this_machine_s_register_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "data"))
    swap = tmp_path / "swap.mp4"
    swap.write_bytes(b"a stranger's")
    with pytest.raises(ConsentError, match="was made neither here nor by an authority"):
        sign.run(sign.Request(swap, tmp_path / "out.mp4", (swap,)))
    assert not (tmp_path / "out.mp4").exists()


def test_an_edit_holds_nobody_who_was_revoked_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "data"))
    face = FaceTraces.of_pictures([], [[1.0] + [0.0] * (EMBEDDING_LENGTH - 1)])
    with open_register() as register:
        first = delivered(register, face, "1" * 64)
        second = delivered(register, face, "2" * 64)
        assert [
            one.identity_id for one in authorize_edit(register, find_local_swaps(register, ["2" * 64]))
        ] == [second]
        register.revoke(first)
        with pytest.raises(ConsentError, match=f"these faces are known.*{first}"):
            authorize_edit(register, find_local_swaps(register, ["2" * 64]))


def delivered(register: Register, face: FaceTraces, digest: str) -> str:
    """The id of a person whose face is in a swap that the log says was made here."""
    person = register.add_stated("somebody", "synthetic").identity_id
    register.add_person_traces(person, face)
    register.audit.add("swap.deliver", made=[digest], identities=[person])
    return person

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import identity_pb2
from recaster.errors import AuditError, ConsentError, InputError, NotFoundError, UsageError
from recaster.provenance.identity_note import (
    NOTE_FILE,
    read_identity,
    resolve_and_record_identity,
    write_identity,
)
from recaster.provenance.legal_basis import described, parse_basis

if TYPE_CHECKING:
    import contextlib
    from pathlib import Path

    from recaster.provenance.register import Register

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


def attestation(
    basis: str = "consent",
    begin: dt.datetime | None = None,
    end: dt.datetime | None = None,
    document: str = "",
) -> identity_pb2.Attestation:
    said = identity_pb2.Attestation(basis=parse_basis(basis), document_digest=document)
    if begin is not None:
        said.valid_from.FromDatetime(begin)
    if end is not None:
        said.valid_until.FromDatetime(end)
    return said


def policy(register: Register, text: str) -> None:
    (register.folder.path / "policy.toml").write_text(text)


def test_a_face_with_a_basis_may_be_put_on(register: Register) -> None:
    anna = register.add("Anna", attestation(begin=NOW - DAY, end=NOW + DAY))
    assert register.require(anna.identity_id).display_name == "Anna"
    assert described(anna).startswith("consent, until ")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, "CONSENT_MISSING"),
        (attestation(end=NOW - DAY), "CONSENT_EXPIRED"),
        (attestation(begin=NOW + DAY), "CONSENT_EXPIRED"),
    ],
)
def test_others_may_not(register: Register, said: identity_pb2.Attestation | None, reason: str) -> None:
    anna = register.add("Anna", said)
    with pytest.raises(ConsentError, match=anna.identity_id) as caught:
        register.require(anna.identity_id)
    assert caught.value.reason == reason
    assert "Anna" not in str(caught.value)


def test_a_right_is_revoked_and_stated_anew(register: Register) -> None:
    anna = register.add("Anna", attestation()).identity_id
    register.revoke(anna, "she changed her mind")
    with pytest.raises(ConsentError, match="revoked") as caught:
        register.require(anna)
    assert caught.value.reason == "CONSENT_REVOKED"
    assert register.get(anna).revocation.reason == "she changed her mind"
    register.attest(anna, attestation("licensed"))
    assert described(register.require(anna)) == "licensed"
    events = [one.event for one in register.audit.records()]
    assert events == ["identity.add", "identity.revoke", "identity.attest"]
    assert "Anna" not in register.audit.path.read_text()


def test_two_clients_change_a_right_at_a_time(
    register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change counts from what the one right before has left."""
    digests = list[str]()
    for name in ("old", "between", "new"):
        (tmp_path / name).write_text(name)
        digests.append(register.documents.keep(tmp_path / name))
    old, between, new = digests
    anna = register.add("Anna", attestation(document=old)).identity_id
    transaction = register.catalog.transaction

    def attested_first() -> contextlib.AbstractContextManager[object]:
        monkeypatch.setattr(register.catalog, "transaction", transaction)
        register.attest(anna, attestation("licensed", document=between))
        return transaction()

    monkeypatch.setattr(register.catalog, "transaction", attested_first)
    register.attest(anna, attestation(document=new))
    assert [register.documents.path(one).is_file() for one in digests] == [False, False, True]
    register.documents.keep(tmp_path / "between")
    monkeypatch.setattr(register.catalog, "transaction", attested_first)
    register.revoke(anna)
    assert register.get(anna).HasField("revocation")
    assert described(register.get(anna)).startswith("licensed, revoked on ")


def test_nobody_known_stands_for_nobody(register: Register) -> None:
    with pytest.raises(ConsentError, match="nobody has said"):
        register.require("")
    with pytest.raises(ConsentError, match="isn't known"):
        register.require("0" * 12)


def test_work_that_nobody_watches_states_a_basis_once(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_BASIS", "synthetic")
    first = register.require("")
    second = register.require("")
    assert first.identity_id == second.identity_id
    assert described(first) == "synthetic"
    monkeypatch.setenv("RECASTER_BASIS", "because")
    with pytest.raises(UsageError, match="because"):
        register.require("")


def test_a_document_is_kept_for_its_owner_alone(register: Register, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("I agree. Anna")
    digest = register.documents.keep(letter)
    kept = register.documents.path(digest)
    assert kept.read_text() == "I agree. Anna"
    assert kept.stat().st_mode & 0o077 == 0
    assert kept.parent.stat().st_mode & 0o077 == 0
    register.add("Anna", attestation(document=digest))
    with pytest.raises(InputError, match="no document"):
        register.add("Ben", attestation(document="1" * 64))
    with pytest.raises(InputError, match="cannot be read"):
        register.documents.keep(tmp_path / "none.txt")


def test_a_policy_rules(register: Register, tmp_path: Path) -> None:
    policy(register, '[consent]\nbases = ["consent"]\ndocument = true\n')
    with pytest.raises(ConsentError, match="doesn't take self"):
        register.add("Me", attestation("self"))
    with pytest.raises(ConsentError, match="wants a document"):
        register.add("Anna", attestation())
    letter = tmp_path / "letter.txt"
    letter.write_text("I agree")
    anna = register.add("Anna", attestation(document=register.documents.keep(letter)))
    assert register.require(anna.identity_id)
    policy(register, '[consent]\nbases = ["licensed"]\n')  # what was taken before isn't any more
    with pytest.raises(ConsentError, match="doesn't take consent"):
        register.require(anna.identity_id)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[consent]\nbasis = 1", "has no basis"),
        ("[consents]\n", r"\[consents\] is nothing"),
        ("[label]\nrequired = 1", "must be a bool"),
        ('[consent]\nbases = ["trust me"]', "basis can't be 'trust me'"),
        ("[consent]\nbases = [1]", "basis can't be 1"),
        ('[label]\nkind = "none"', "kind of label can't be 'none'"),
        ('[label]\nlanguage = "xx"', "language of label can't be"),
        ('[manifest]\ncertificate = "a.pem"', "go together"),
        ("[retention]\nletters_years = true", "must be a int"),
        ("[retention]\nletters_years = -1", "must be 0 to"),
        ("[clients]\nmax_jobs = 0", r"max_jobs in \[clients\] must be 1 to"),
        ("[clients]\nquota_gib = 1.5", "must be a int"),
        ("[clients.anna]\nmax_job = 1", r"\[clients.anna\] has no max_job"),
        ("[clients.anna]\nmax_jobs = -1", r"max_jobs in \[clients.anna\] must be 1 to"),
        ("[clients.anna.more]\nmax_jobs = 1", r"\[clients.anna\] has no more"),
        ("[label.anna]\nrequired = true", "has no anna"),
        ("[consent", "no TOML"),
    ],
)
def test_a_policy_with_a_mistake_is_refused(register: Register, text: str, problem: str) -> None:
    policy(register, text)
    with pytest.raises(UsageError, match=problem):
        _ = register.policy


def test_a_policy_that_was_named_must_be_there(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECASTER_POLICY", str(register.folder.path / "none.toml"))
    with pytest.raises(UsageError, match="cannot be read"):
        _ = register.policy


def test_a_policy_that_leads_nowhere_is_not_none(register: Register) -> None:
    (register.folder.path / "policy.toml").symlink_to("gone.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        _ = register.policy


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb"])
def test_a_person_has_a_name(register: Register, name: str) -> None:
    with pytest.raises(UsageError, match="can't be a person's name"):
        register.add(name, attestation())
    assert register.list_people() == []


def test_nothing_is_done_that_the_log_doesn_t_say(register: Register) -> None:
    anna = register.add("Anna", attestation()).identity_id
    register.audit.path.write_text("nonsense\n")
    for change in (
        lambda: register.add("Ben", attestation()),
        lambda: register.revoke(anna),
        lambda: register.attest(anna, attestation("self")),
        lambda: register.delete(anna),
    ):
        with pytest.raises(AuditError, match="no record"):
            change()
    [person] = register.list_people()
    assert described(person) == "consent"


def test_a_person_who_is_forgotten_takes_their_document_along(register: Register, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("We agree")
    digest = register.documents.keep(letter)
    people = [register.add(name, attestation(document=digest)).identity_id for name in ("Anna", "Ben")]
    register.delete(people[0])
    assert register.documents.path(digest).is_file()
    register.delete(people[1])
    assert not register.documents.path(digest).exists()


def test_processes_that_begin_a_register_at_once_agree(tmp_path: Path) -> None:
    script = (
        "from recaster.provenance.register import open_register\n"
        "from recaster.provenance.provenance_mark import ProvenanceMark\n"
        "from recaster.store.folder import DataFolder\n"
        "from pathlib import Path\n"
        f"with open_register(DataFolder(Path({str(tmp_path / 'data')!r}))) as register:\n"
        "    person = register.add_stated('x', 'self')\n"
        "    mark = ProvenanceMark.of(register, [person], '')\n"
        "    print(register.salted_hash('x'), mark.signer.certificate.read_bytes().hex())\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = {one.communicate()[0] for one in running}
    assert [one.returncode for one in running] == [0] * 4
    assert len(said) == 1


def test_processes_that_begin_with_a_face_at_once_agree_whose_it_is(tmp_path: Path) -> None:
    faces = [tmp_path / f"faces{number}" for number in range(20)]
    for folder in faces:
        folder.mkdir()
    script = (
        "import time\n"
        "from pathlib import Path\n"
        "from recaster.provenance.identity_note import resolve_and_record_identity\n"
        "from recaster.provenance.register import open_register\n"
        "from recaster.store.folder import DataFolder\n"
        f"with open_register(DataFolder(Path({str(tmp_path / 'data')!r}))) as register:\n"
        "    print('ready', flush=True)\n"
        f"    while not Path({str(tmp_path / 'all')!r}).exists():\n"
        "        time.sleep(.001)\n"
        f"    for folder in sorted(Path({str(tmp_path)!r}).glob('faces*')):\n"
        "        print(resolve_and_record_identity(register, folder, basis='synthetic').identity_id)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    (tmp_path / "all").touch()
    said = {one.communicate()[0] for one in running}
    assert [one.returncode for one in running] == [0] * 4
    assert said == {"".join(f"{read_identity(folder)}\n" for folder in sorted(faces))}


def test_a_right_must_not_end_before_it_begins(register: Register) -> None:
    with pytest.raises(UsageError, match="end before it begins"):
        register.add("Anna", attestation(begin=NOW, end=NOW - DAY))


def test_people_are_found_by_name_or_id(register: Register) -> None:
    anna = register.add("Anna", attestation())
    assert register.find_named("Anna") == register.find_named(anna.identity_id) == anna
    with pytest.raises(NotFoundError, match="Ben"):
        register.find_named("Ben")
    other = register.add("Anna", attestation())
    with pytest.raises(UsageError, match=other.identity_id):
        register.find_named("Anna")


def test_hashes_tell_strangers_nothing(register: Register) -> None:
    assert register.salted_hash("identity", "a") == register.salted_hash("identity", "a")
    assert register.salted_hash("identity", "a") != register.salted_hash("document", "a")
    (register.folder.path / "secret").unlink()
    first = register.salted_hash("identity", "a")
    (register.folder.path / "secret").unlink()
    assert register.salted_hash("identity", "a") != first


@pytest.mark.parametrize("size", [0, 31])
def test_a_damaged_secret_salts_nothing(register: Register, size: int) -> None:
    (register.folder.path / "secret").write_bytes(bytes(size))
    with pytest.raises(InputError, match=f"secret is damaged .{size} bytes"):
        register.salted_hash("identity", "a")


def test_a_folder_says_whose_face_it_holds(register: Register, tmp_path: Path) -> None:
    folder = tmp_path / "anna"
    folder.mkdir()
    with pytest.raises(ConsentError, match="--basis"):
        resolve_and_record_identity(register, folder)
    person = resolve_and_record_identity(register, folder, basis="self")
    assert person.display_name == "anna"
    write_identity(folder, person.identity_id)
    assert (
        read_identity(folder)
        == resolve_and_record_identity(register, folder).identity_id
        == person.identity_id
    )
    with pytest.raises(UsageError, match="is self, not consent"):
        resolve_and_record_identity(register, folder, basis="consent")
    other = register.add("Ben", attestation())
    with pytest.raises(UsageError, match=f"not of {other.identity_id}"):
        resolve_and_record_identity(register, folder, identity="Ben")
    with pytest.raises(UsageError, match="use other faces"):
        write_identity(folder, other.identity_id)
    register.revoke(person.identity_id)
    with pytest.raises(ConsentError, match="revoked"):
        resolve_and_record_identity(register, folder)


def test_a_folder_from_elsewhere_needs_a_basis_here(register: Register, tmp_path: Path) -> None:
    write_identity(tmp_path, "0" * 12)
    with pytest.raises(ConsentError, match="isn't known here"):
        resolve_and_record_identity(register, tmp_path)
    (tmp_path / NOTE_FILE).write_text("nonsense")
    with pytest.raises(ConsentError, match="delete it"):
        resolve_and_record_identity(register, tmp_path)

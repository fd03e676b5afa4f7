"""The studio's certificate signs no edit but of swaps that it may vouch for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import av
import pytest

from recaster.errors import ConsentError, ManifestError
from recaster.files import sha256
from recaster.provenance.inspection import inspect_file
from recaster.provenance.manifest import EDIT_ASSERTION, assertions_of, sidecar_of, sign_render, sign_swap
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.register import open_register
from recaster.provenance.vetting import VettingRules, find_local_swaps
from recaster.store.folder import DataFolder

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.provenance.register import Register

FACTS = {"engine": "0", "label": "text"}


@pytest.fixture
def clip(actors: Path) -> Path:
    return actors / "performer.mp4"


@pytest.fixture
def swap(register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path) -> Path:
    """One that was made here, and noted as the engine does."""
    out = tmp_path / "swap.mp4"
    sign_swap(clip, out, clip, FACTS, mark)
    [person] = register.list_people()
    register.audit.add("swap.deliver", made=[sha256(out)], identities=[person.identity_id])
    return out


def in_matroska(clip: Path, out: Path) -> Path:
    """The same pictures in a container that can't carry a manifest."""
    with av.open(str(clip)) as read, av.open(str(out), "w") as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    return out


@pytest.fixture
def stranger(clip: Path, tmp_path: Path) -> Path:
    """Any footage with a manifest of another machine's certificate that says what a swap says."""
    out = tmp_path / "stranger.mp4"
    with open_register(DataFolder(tmp_path / "elsewhere")) as other:
        mark = ProvenanceMark.of(other, [other.add_stated("nobody", "consent")], "0" * 64)
        sign_swap(clip, out, clip, FACTS, mark)
    return out


def sign(register: Register, mark: ProvenanceMark, clip: Path, *swaps: Path, **rules: Any) -> Path:
    """Sign an edit as the command line does."""
    digests = [sha256(path) for path in swaps]
    vetting = VettingRules.of(register, here := find_local_swaps(register, digests))
    for people in here.values():
        for person in people:
            register.require(person)
    out = swaps[0].parent / "edit.mp4"
    sign_render(clip, out, swaps, mark.signer, dataclasses.replace(vetting, **rules))
    return out


def test_what_was_made_here_is_vouched_for(
    register: Register, mark: ProvenanceMark, clip: Path, swap: Path
) -> None:
    found = inspect_file(sign(register, mark, clip, swap), register.folder.path)
    assert "an edit with 1 face swap in it, as its editor says" in found.line
    said = assertions_of(found.manifests["manifests"][found.manifests["active_manifest"]])[EDIT_ASSERTION]
    assert said["swaps"] == [sha256(swap)]
    assert "not whether the edit shows it" in said["checked"]


def test_a_stranger_s_swap_is_not(
    register: Register, mark: ProvenanceMark, clip: Path, swap: Path, stranger: Path, tmp_path: Path
) -> None:
    for swaps in ((stranger,), (swap, stranger)):
        with pytest.raises(ConsentError, match="neither here nor by an authority"):
            sign(register, mark, clip, *swaps)
    # A policy that trusts somebody else, and a worker that is told nothing of where swaps were made.
    elsewhere = tmp_path / "elsewhere" / "signing" / "authority.pem"
    own = register.folder.path / "signing" / "authority.pem"
    with pytest.raises(ConsentError, match="neither here nor by an authority"):
        sign_render(
            clip, tmp_path / "e.mp4", [stranger], mark.signer,
            dataclasses.replace(VettingRules.of(register, ()), trust=own),
        )  # fmt: skip
    assert not (tmp_path / "e.mp4").exists()
    (register.folder.path / "policy.toml").write_text(f'[manifest]\ntrust = "{elsewhere}"\n')
    assert sign(register, mark, clip, swap, stranger).is_file()


def test_a_swap_that_was_signed_here_but_never_delivered_is_not(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "unknown.mp4"
    sign_swap(clip, out, clip, FACTS, mark)
    with pytest.raises(ConsentError, match="neither here"):
        sign(register, mark, clip, out)
    register.audit.add("swap.start", job=sha256(out))  # a digest that is only mentioned
    with pytest.raises(ConsentError, match="neither here"):
        sign(register, mark, clip, out)


def test_a_swap_of_an_earlier_release_is_known_by_its_job(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "swap.mp4"
    sign_swap(clip, out, clip, FACTS, mark)
    [person] = register.list_people()
    register.audit.add("swap.start", job="abc", attempt=1, identity=person.identity_id)
    register.audit.add("swap.deliver", job="abc", made=[sha256(out)])
    assert find_local_swaps(register, [sha256(out)]) == {sha256(out): (person.identity_id,)}
    nameless = tmp_path / "nameless.mp4"
    sign_swap(clip, nameless, clip, FACTS, mark)
    register.audit.add("swap.deliver", made=[sha256(nameless)])
    with pytest.raises(ConsentError, match="nobody knows any more"):
        sign(register, mark, clip, nameless)


def test_the_right_counts_when_it_is_signed(
    register: Register, mark: ProvenanceMark, clip: Path, swap: Path
) -> None:
    [person] = register.list_people()
    register.revoke(person.identity_id)
    with pytest.raises(ConsentError, match="revoked"):
        sign(register, mark, clip, swap)
    register.delete(person.identity_id)
    with pytest.raises(ConsentError, match="isn't known here"):
        sign(register, mark, clip, swap)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ({"bases": ("licensed",)}, "doesn't take the basis"),
        ({"bases": ("consent",), "document": True}, "wants a document"),
        ({"label": True}, "asks for a label"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_the_policy_holds_for_every_swap_in_it(
    register: Register, clip: Path, tmp_path: Path, rules: dict[str, Any], why: str, nested: bool
) -> None:
    person = register.add_stated("nobody", "consent")
    mark = ProvenanceMark.of(register, [person], "0" * 64)
    out = tmp_path / "swap.mp4"
    sign_swap(clip, out, clip, {"engine": "0", "label": "none"}, mark)
    if nested:  # a swap of a swap
        out = tmp_path / "twice.mp4"
        sign_swap(clip, out, tmp_path / "swap.mp4", FACTS, mark)
    register.audit.add("swap.deliver", made=[sha256(out)], identities=[person.identity_id])
    assert sign(register, mark, clip, out).is_file()
    with pytest.raises(ConsentError, match=why):
        sign(register, mark, clip, out, **rules)


def test_the_policy_holds_for_every_face_of_a_cast(register: Register, clip: Path, tmp_path: Path) -> None:
    people = [register.add_stated(name, basis) for name, basis in (("a", "synthetic"), ("b", "consent"))]
    mark = ProvenanceMark.of(register, people, "0" * 64)
    out = tmp_path / "swap.mp4"
    sign_swap(clip, out, clip, FACTS, mark)
    assert "basis: synthetic, consent;" in inspect_file(out, register.folder.path).line
    ids = [person.identity_id for person in people]
    register.audit.add("swap.deliver", made=[sha256(out)], identities=ids)
    assert sign(register, mark, clip, out).is_file()
    with pytest.raises(ConsentError, match="doesn't take the basis"):
        sign(register, mark, clip, out, bases=("synthetic",))
    register.revoke(ids[1])
    with pytest.raises(ConsentError, match="revoked"):
        sign(register, mark, clip, out)


def test_a_manifest_beside_a_swap_must_be_ours(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    out = in_matroska(clip, tmp_path / "swap.mkv")
    sign_swap(out, out, clip, FACTS, mark)
    [person] = register.list_people()
    register.audit.add("swap.deliver", made=[sha256(out)], identities=[person.identity_id])
    assert sign(register, mark, clip, out).is_file()
    with open_register(DataFolder(tmp_path / "elsewhere")) as other:
        theirs = ProvenanceMark.of(other, [other.add_stated("nobody", "consent")], "0" * 64)
        sign_swap(out, out, clip, FACTS, theirs)  # the file is the same, what lies beside it isn't
    with pytest.raises(ConsentError, match="neither here"):
        sign(register, mark, clip, out)
    sidecar_of(out).unlink()
    with pytest.raises(ManifestError, match="carries no manifest"):
        sign(register, mark, clip, out)

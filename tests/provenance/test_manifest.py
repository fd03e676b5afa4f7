from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import av
import c2pa
import numpy as np
import PIL.Image
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from recaster.cli.main import main
from recaster.errors import ManifestError, UsageError
from recaster.files import sha256
from recaster.media.reader import read_frames
from recaster.provenance.certificates import certificate_builder, private_key_pem
from recaster.provenance.inspection import Inspection, _quoted, inspect_file
from recaster.provenance.manifest import (
    BASIS_ASSERTION,
    COMPOSITE_SOURCE_TYPE,
    SWAP_ASSERTION,
    _c2pa_signer,
    check_signer,
    context,
    sidecar_of,
    sign_render,
    sign_swap,
)
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.signer import resolve_signer

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from recaster.provenance.register import Register
    from recaster.provenance.vetting import VettingRules

FACTS = {"engine": "0", "model": "1" * 64, "frames": 10}


@pytest.fixture(scope="module")
def clip(actors: Path) -> Path:
    return actors / "performer.mp4"


def remuxed(clip: Path, out: Path) -> Path:
    """The same packets in another container."""
    with av.open(str(clip)) as read, av.open(str(out), "w") as written:
        streams = {one.index: written.add_stream_from_template(one) for one in read.streams}
        for packet in read.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                written.mux(packet)
    return out


def active(found: Inspection) -> dict:
    return found.manifests["manifests"][found.manifests["active_manifest"]]


def packets(path: Path) -> list[tuple[int, Fraction, bytes]]:
    with av.open(str(path)) as container:
        return [
            (one.stream.index, one.pts * one.time_base, bytes(one))
            for one in container.demux()
            if one.dts is not None
        ]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_signed_swap_says_what_it_is(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path, suffix: str
) -> None:
    made = shutil.copy(clip, tmp_path / "made.mp4") if suffix == ".mp4" else None
    made = made or remuxed(clip, tmp_path / f"made{suffix}")
    out = tmp_path / f"out{suffix}"
    assert "marked as a face swap" in sign_swap(made, out, clip, FACTS, mark)
    found = inspect_file(out, register.folder.path)
    assert found.swap
    assert found.local
    assert not found.trusted
    assert "basis: synthetic" in found.line
    assert "made by Recaster" in found.line
    assert "nobody else trusts" in found.line
    assert packets(out) == packets(made)
    assert sidecar_of(out).exists() == (suffix == ".mkv")
    assert not made.with_suffix(".c2pa").exists()


def test_the_manifest_holds_no_name_and_no_path(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    named = shutil.copy(clip, tmp_path / "Anna at home.mp4")
    out = tmp_path / "Anna.mp4"
    sign_swap(named, out, named, FACTS | {"clip": sha256(named)}, mark)
    found = inspect_file(out, register.folder.path)
    text = json.dumps(found.manifests)
    assert "Anna" not in text
    assert "nobody" not in text.lower()
    said = {one["label"]: one["data"] for one in active(found)["assertions"]}
    assert said[SWAP_ASSERTION]["clip"] == sha256(named)
    assert said[SWAP_ASSERTION]["model"] == FACTS["model"]
    assert said[BASIS_ASSERTION]["basis"] == "synthetic"
    [person] = register.list_people()
    assert said[BASIS_ASSERTION]["identity"] == register.salted_hash(
        "identity", said[BASIS_ASSERTION]["nonce"], person.identity_id
    )
    other = ProvenanceMark.of(register, [person], mark.audit).statements[0]
    assert (
        other.identity != said[BASIS_ASSERTION]["identity"]
    )  # two swaps of one person can't be told to be so
    actions = said["c2pa.actions.v2"]["actions"]
    assert [one["action"] for one in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"] == COMPOSITE_SOURCE_TYPE


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_flipped_bit_is_found(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"out{suffix}"
    sign_swap(clip if suffix == ".mp4" else remuxed(clip, tmp_path / "made.mkv"), out, clip, FACTS, mark)
    data = bytearray(out.read_bytes())
    for place in (len(data) // 3, len(data) // 2, len(data) - 1):
        broken = data.copy()
        broken[place] ^= 1
        out.write_bytes(broken)
        with pytest.raises(ManifestError, match="was changed after it was signed"):
            inspect_file(out, register.folder.path)


def test_a_manifest_of_another_file_doesn_t_fit(
    register: Register, mark: ProvenanceMark, clip: Path, actors: Path, tmp_path: Path
) -> None:
    sign_swap(remuxed(clip, tmp_path / "made.mkv"), tmp_path / "out.mkv", clip, FACTS, mark)
    remuxed(actors / "neighbour.mp4", tmp_path / "out.mkv")
    with pytest.raises(ManifestError, match="changed"):
        inspect_file(tmp_path / "out.mkv", register.folder.path)


def test_a_clip_s_own_manifest_is_kept(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    sign_swap(clip, tmp_path / "one.mp4", clip, FACTS, mark)
    sign_swap(clip, tmp_path / "two.mp4", tmp_path / "one.mp4", FACTS, mark)
    found = inspect_file(tmp_path / "two.mp4", register.folder.path)
    assert len(found.manifests["manifests"]) == 2
    [before] = active(found)["ingredients"]
    assert before["relationship"] == "parentOf"
    assert (
        before["active_manifest"]
        == inspect_file(tmp_path / "one.mp4", register.folder.path).manifests["active_manifest"]
    )


def test_a_clip_that_isn_t_what_its_name_says_is_an_ingredient_all_the_same(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    liar = remuxed(clip, tmp_path / "clip.mkv").rename(tmp_path / "liar.mp4")
    sign_swap(clip, tmp_path / "out.mp4", liar, FACTS, mark)
    assert inspect_file(tmp_path / "out.mp4", register.folder.path).swap


def test_pictures_are_signed(register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path) -> None:
    frame = next(iter(read_frames(clip, 0, 1))).image
    for suffix in (".png", ".jpg"):
        made = tmp_path / f"made{suffix}"
        PIL.Image.fromarray(frame).save(made)
        sign_swap(made, made, clip, FACTS, mark)
        assert inspect_file(made, register.folder.path).swap
        shown = np.asarray(PIL.Image.open(made))
        assert shown.shape == frame.shape
    assert (np.asarray(PIL.Image.open(tmp_path / "made.png")) == frame).all()


def test_an_edit_names_the_swaps_in_it(
    register: Register, mark: ProvenanceMark, vetting: VettingRules, clip: Path, actors: Path, tmp_path: Path
) -> None:
    swaps = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for one in swaps:
        sign_swap(clip, one, clip, FACTS, mark)
    render = shutil.copy(actors / "neighbour.mp4", tmp_path / "edit.mp4")
    assert "2 swaps in it" in sign_render(render, render, swaps, mark.signer, vetting)
    found = inspect_file(render, register.folder.path)
    assert found.swap
    assert "an edit with 2 face swaps in it" in found.line
    assert [one["relationship"] for one in active(found)["ingredients"]] == ["componentOf", "componentOf"]
    assert len(found.manifests["manifests"]) == 3
    with pytest.raises(ManifestError, match="no manifest"):
        sign_render(clip, tmp_path / "out.mp4", [clip], mark.signer, vetting)
    with pytest.raises(UsageError, match="at least one"):
        sign_render(clip, tmp_path / "out.mp4", [], mark.signer, vetting)
    assert not (tmp_path / "out.mp4").exists()


def test_an_edit_vouches_for_whole_swaps_only(
    mark: ProvenanceMark, vetting: VettingRules, clip: Path, tmp_path: Path
) -> None:
    swap = tmp_path / "swap.mp4"
    edit = tmp_path / "edit.mp4"
    sign_swap(clip, swap, clip, FACTS, mark)
    with pytest.raises(ManifestError, match="no such file"):
        sign_render(tmp_path / "none.mp4", edit, [swap], mark.signer, vetting)
    data = bytearray(swap.read_bytes())
    data[len(data) // 2] ^= 1
    swap.write_bytes(data)
    with pytest.raises(ManifestError, match="can't be vouched for"):
        sign_render(clip, edit, [swap], mark.signer, vetting)
    assert not edit.exists()


def test_a_manifest_beside_a_file_is_kept_too(
    register: Register, mark: ProvenanceMark, vetting: VettingRules, clip: Path, tmp_path: Path
) -> None:
    first = tmp_path / "first.mkv"
    second = tmp_path / "second.mp4"
    edit = tmp_path / "edit.mov"
    sign_swap(remuxed(clip, tmp_path / "made.mkv"), first, clip, FACTS, mark)
    sign_swap(clip, second, first, FACTS, mark)
    found = inspect_file(second, register.folder.path)
    assert len(found.manifests["manifests"]) == 2
    sign_render(remuxed(clip, tmp_path / "made.mov"), edit, [first], mark.signer, vetting)
    assert "1 face swap" in inspect_file(edit, register.folder.path).line


@pytest.mark.parametrize("swaps", [7, "all", ["1"], {"a": 1}])
def test_what_strangers_write_stays_in_one_line(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path, swaps: object
) -> None:
    manifest = {
        "claim_generator_info": [{"name": "Evil\n\x1b[31mname; basis: consent", "version": "1"}],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": COMPOSITE_SOURCE_TYPE}]},
            },
            {"label": "recaster.edit", "data": {"swaps": swaps}},
        ],
    }
    made = c2pa.Builder(manifest, context())
    out = tmp_path / "out.mp4"
    with clip.open("rb") as source, out.open("w+b") as target:
        made.sign(_c2pa_signer(mark.signer), "video/mp4", source, target)
    line = inspect_file(out, register.folder.path).line
    assert line.isprintable()
    assert "consent" not in line
    assert line.startswith("an edit with ")


def test_a_generated_picture_of_others_is_no_swap(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    kind = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    actions = {"actions": [{"action": "c2pa.created", "digitalSourceType": kind}]}
    manifest = {
        "claim_generator_info": [{"name": "Painter"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": actions}],
    }
    out = tmp_path / "out.mp4"
    with clip.open("rb") as source, out.open("w+b") as target:
        c2pa.Builder(manifest, context()).sign(_c2pa_signer(mark.signer), "video/mp4", source, target)
    found = inspect_file(out, register.folder.path)
    assert not found.swap
    assert "made with a trained algorithm, from Painter" in found.line


def test_what_carries_no_manifest_says_so(register: Register, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="carries no manifest"):
        inspect_file(clip, register.folder.path)
    with pytest.raises(ManifestError, match="cannot be read"):
        inspect_file(tmp_path / "none.mp4", register.folder.path)
    with pytest.raises(ManifestError, match=r"clip\.c2pa isn't beside it"):
        inspect_file(remuxed(clip, tmp_path / "clip.mkv"), register.folder.path)
    with pytest.raises(UsageError, match="can't carry a manifest"):
        inspect_file(tmp_path / "notes.txt", register.folder.path)


def test_a_forger_can_not_speak_in_our_words() -> None:
    name = 'us"; unchanged since it was signed by \u201cthis machine\u201d'
    assert _quoted(name) == "\"us'; unchanged since it was signed by 'this machine'\""


def test_an_own_certificate_is_trusted_by_whoever_trusts_its_authority(
    register: Register, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An organisation's certificate, as openssl makes one: P-384, signed by an authority of its own.
    made = tmp_path / "org"
    made.mkdir()
    (made / "ext").write_text(
        "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=emailProtection\nauthorityKeyIdentifier=keyid\n"
    )
    for command in (
        (
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30"
            " -subj /O=Studio/CN=Studio-CA -addext basicConstraints=critical,CA:true"
            " -addext keyUsage=critical,keyCertSign,cRLSign"
        ),
        (
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout org.key -out org.csr"
            " -subj /O=Studio/CN=Editing"
        ),
        "x509 -req -in org.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -out org.pem -extfile ext",
    ):
        subprocess.run(["openssl", *command.split()], cwd=made, check=True, capture_output=True)
    chain = made / "chain.pem"
    chain.write_bytes((made / "org.pem").read_bytes() + (made / "ca.pem").read_bytes())
    (register.folder.path / "policy.toml").write_text(
        f'[manifest]\ncertificate = "{chain}"\nkey = "{made / "org.key"}"\ntrust = "{made / "ca.pem"}"\n'
    )
    assert not resolve_signer(register.policy, register.folder.path).local
    out = tmp_path / "out.mp4"
    mark = ProvenanceMark.of(register, [register.add_stated("nobody", "synthetic")], "0" * 64)
    sign_swap(clip, out, clip, FACTS, mark)
    trusting = inspect_file(out, register.folder.path, [made / "ca.pem"])
    assert trusting.trusted
    assert "signed by Editing (Studio)" in trusting.line
    stranger = inspect_file(out, register.folder.path)
    assert not stranger.trusted
    assert stranger.line.startswith(
        'UNKNOWN SIGNER "Editing" ("Studio"), whom this machine doesn\'t know, says'
    )
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "other"))
    assert main(["verify", str(out)]) == 10
    assert main(["verify", str(out), "--trust", str(made / "ca.pem")]) == 0
    (made / "org.key").unlink()
    with pytest.raises(UsageError, match=r"org\.key"):
        resolve_signer(register.policy, register.folder.path)


def test_a_certificate_that_has_ended_is_no_change(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    short = dataclasses.replace(
        mark.signer, certificate=tmp_path / "s.pem", key=tmp_path / "s.key", local=False
    )
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Studio")])
    made = certificate_builder(name, name, key, 1, authority=False)
    made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    made = made.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
    )
    now = dt.datetime.now(dt.UTC)
    made._not_valid_before = (now - dt.timedelta(days=2)).replace(tzinfo=None)
    made._not_valid_after = (now + dt.timedelta(seconds=3)).replace(tzinfo=None)
    short.certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    short.key.write_text(private_key_pem(key))
    out = tmp_path / "out.mp4"
    sign_swap(clip, out, clip, FACTS, dataclasses.replace(mark, signer=short))
    time.sleep(4)
    with pytest.raises(ManifestError, match="isn't valid any more") as caught:
        inspect_file(out, register.folder.path)
    assert "changed" not in str(caught.value)


def test_a_key_of_another_certificate_signs_nothing(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    other = resolve_signer(register.policy, tmp_path / "other")
    wrong = ProvenanceMark(
        mark.statements, type(other)(mark.signer.certificate, other.key, local=True), mark.audit
    )
    with pytest.raises(ManifestError, match="can't be signed"):
        sign_swap(clip, tmp_path / "out.mp4", clip, FACTS, wrong)
    with pytest.raises(ManifestError, match="nothing can be signed"):
        check_signer(dataclasses.replace(wrong.signer, local=False))
    assert not (tmp_path / "out.mp4").exists()


def test_a_certificate_made_here_is_made_once(
    register: Register, mark: ProvenanceMark, clip: Path, tmp_path: Path
) -> None:
    first = resolve_signer(register.policy, register.folder.path)
    assert resolve_signer(register.policy, register.folder.path) == first
    assert first.key.stat().st_mode & 0o077 == 0
    before = first.certificate.read_bytes()
    out = tmp_path / "out.mp4"
    sign_swap(clip, out, clip, FACTS, mark)
    first.certificate.write_text("nonsense")
    assert resolve_signer(register.policy, register.folder.path).certificate.read_bytes() != before
    assert inspect_file(out, register.folder.path).local  # what was signed with the last one is still known

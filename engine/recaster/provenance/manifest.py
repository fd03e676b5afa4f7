"""C2PA manifests: the nature of a file and how it was made, signed and bound to its bytes.

See the C2PA technical specification 2.2 (Coalition for Content Provenance and Authenticity), and IPTC's
digital source types. Whoever changes a signed file breaks the binding; whoever strips the manifest leaves
a file that says nothing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster import __version__
from recaster.errors import ManifestError, TimestampError, UsageError
from recaster.files import atomic_file, sha256, write_bytes
from recaster.provenance.signer import algorithm_of
from recaster.settings.formats import LIST_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recaster.provenance.provenance_mark import ProvenanceMark
    from recaster.provenance.signer import Signer
    from recaster.provenance.vetting import VettingRules

EMBEDDED_TYPES: Final = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
"""Files that carry their manifest themselves, and their media types."""
SIDECAR_TYPES: Final = {
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".exr": "image/x-exr",
    LIST_SUFFIX: "text/plain",
}
"""Files whose manifest lies beside them, in a ``.c2pa`` file of the same name."""
SIDECAR_SUFFIX: Final = ".c2pa"
BUFFER_BYTES: Final = 4 << 20
"""Bytes of a file at a time: the library asks for a few thousand."""
UNKNOWN_TYPE: Final = "application/octet-stream"
COMPOSITE_SOURCE_TYPE: Final = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)
"""A composite of captured and generated media (IPTC): a face made by a trained model in a real picture."""
SWAP_ASSERTION: Final = "recaster.swap"
BASIS_ASSERTION: Final = "recaster.basis"
EDIT_ASSERTION: Final = "recaster.edit"
ANONYMITY_ASSERTION: Final = "recaster.anonymity"
"""Our own assertions: how a swap was made, by what right, which swaps are in an edit, and how a promise that
nobody is known was kept."""
GENERATOR: Final = {"name": "Recaster", "version": __version__}
EDIT_CHECKS: Final = "signer, bytes, right and policy of each swap; not whether the edit shows it"
"""What was looked at before an edit was signed."""
_C2PA_SETTINGS: Final = {
    # Above this much a file is kept on disk and not in memory while it is worked on.
    "core": {"backing_store_memory_threshold_in_mb": 64},
    # Nothing is fetched, ever.
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


def media_type(path: Path) -> str:
    """Returns the media type of a file by its suffix (UsageError for one that can't be signed)."""
    known = EMBEDDED_TYPES | SIDECAR_TYPES
    kind = known.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: can't carry a manifest; files of these kinds can: {', '.join(known)}")
    return kind


def sidecar_of(path: Path) -> Path:
    """Names the manifest's file beside a file that can't carry it."""
    return path.with_suffix(SIDECAR_SUFFIX)


def remove_sidecar(path: Path) -> None:
    """Removes the manifest beside a file of a kind that has it there: of an earlier file of this name."""
    if path.suffix.lower() in SIDECAR_TYPES:
        sidecar_of(path).unlink(missing_ok=True)


def sign_swap(made: Path, out: Path, clip: Path, facts: Mapping[str, Any], mark: ProvenanceMark) -> str:
    """Writes a swap as ``out``, with a manifest; the same bytes of picture and sound.

    Args:
        made: the finished swap; of ``out``'s kind. It may be ``out`` itself.
        out: the file to write, atomically; and its sidecar where it can't carry a manifest.
        clip: what was swapped; a manifest of its own is kept in the new one.
        facts: of what, and by what, it was made ("clip", its SHA-256; "model", "frames", ...).

    Returns:
        One line of words on what was done.

    Raises:
        UsageError: ``out`` is of a kind that can't be signed, or the certificate doesn't fit.
        ManifestError: the file can't be signed.
        TimestampError: the timestamp authority doesn't answer.
        OutputError: it can't be written.
    """
    replaced = "A face was replaced by another."
    if len(mark.statements) > 1:
        replaced = "Faces were replaced by others."
    _sign(made, out, _action("c2pa.edited", replaced), _assert_swap(facts, mark), [clip], mark.signer)
    return _describe_mark(out, mark.signer)


def sign_anonymised(
    made: Path, out: Path, facts: Mapping[str, Any], anonymity: Mapping[str, Any], mark: ProvenanceMark
) -> str:
    """Writes a clip in which people are unknown as ``out``; its manifest says nothing of the original.

    Arguments, result and errors are those of ``sign_swap``; ``anonymity`` is the promise and how it was kept.
    """
    assertions = [*_assert_swap(facts, mark), {"label": ANONYMITY_ASSERTION, "data": anonymity}]
    created = _action("c2pa.created", "People in a clip were made unknown: faces were replaced or covered.")
    _sign(made, out, created, assertions, [], mark.signer)
    return _describe_mark(out, mark.signer)


def _assert_swap(facts: Mapping[str, Any], mark: ProvenanceMark) -> list[dict[str, Any]]:
    """Asserts how a swap was made, and by what right: of one face, or of each of several."""
    statements = [{name: text for name, text in vars(each).items() if text} for each in mark.statements]
    return [
        {"label": SWAP_ASSERTION, "data": {**facts, "audit": mark.audit}},
        {"label": BASIS_ASSERTION, "data": statements[0] if len(statements) == 1 else {"faces": statements}},
    ]


def sign_render(render: Path, out: Path, swaps: Sequence[Path], signer: Signer, vetting: VettingRules) -> str:
    """Writes an edit's export as ``out``, with a manifest that names the swaps in it, their manifests kept.

    Args:
        render: what an editor exported. It may be ``out`` itself.
        out: the file to write, atomically; and its sidecar where it can't carry a manifest.
        swaps: every swap that went into it; each has a manifest.
        vetting: what the swaps must be.

    Returns:
        One line of words on what was done.

    Raises:
        UsageError, ManifestError, OutputError, ConsentError: as ``sign_swap`` and ``vetting.check_swap``.
    """
    if not swaps:
        raise UsageError("which swaps are in it? Name at least one")
    created = _action("c2pa.created", "An edit was exported; its editor names the face swaps in it.")
    for path in swaps:
        vetting.check_swap(path)
    edit = {"swaps": [sha256(path) for path in swaps], "checked": EDIT_CHECKS}
    _sign(render, out, created, [{"label": EDIT_ASSERTION, "data": edit}], swaps, signer)
    return f"{_describe_mark(out, signer)}; {len(swaps)} swap{'s' if len(swaps) > 1 else ''} in it"


def _action(name: str, description: str) -> dict[str, Any]:
    return {
        "action": name,
        "when": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "digitalSourceType": COMPOSITE_SOURCE_TYPE,
        "description": description,
        "softwareAgent": GENERATOR,
    }


def _manifest(actions: Sequence[Mapping[str, Any]], *assertions: Mapping[str, Any]) -> dict[str, Any]:
    listed = {"label": "c2pa.actions.v2", "data": {"actions": actions}}
    return {"claim_generator_info": [GENERATOR], "assertions": [listed, *assertions]}


def _sign(
    made: Path,
    out: Path,
    action: Mapping[str, Any],
    assertions: Sequence[Mapping[str, Any]],
    ingredients: Sequence[Path],
    signer: Signer,
) -> None:
    import c2pa

    if not made.is_file():
        raise ManifestError(f"{made}: there is no such file to be signed")
    # What was edited was opened before; what was created had its parts placed in it afterwards.
    is_edited = action["action"] == "c2pa.edited"
    used = [
        {
            "action": "c2pa.opened" if is_edited else "c2pa.placed",
            "parameters": {"ingredientIds": [f"ingredient-{number}"]},
        }
        for number in range(len(ingredients))
    ]
    actions = [*used, action] if is_edited else [action, *used]
    manifest = _manifest(actions, *assertions) | {"format": media_type(out)}
    try:
        builder = c2pa.Builder(manifest, context())
        for number, path in enumerate(ingredients):
            _add(builder, f"ingredient-{number}", path, "parentOf" if is_edited else "componentOf")
    except c2pa.C2paError as error:
        raise ManifestError(f"{out}: what it was made of can't be named in its manifest ({error})") from None
    try:
        _write(builder, _c2pa_signer(signer), made, out)
    except c2pa.C2paError as error:
        if signer.timestamp:  # key and certificate were tried before (``check_signer``)
            raise TimestampError(
                f"{out}: couldn't be signed with a timestamp of {signer.timestamp} ({error}); "
                "try again when it answers, or leave it out of the policy"
            ) from None
        raise ManifestError(f"{out}: can't be signed with {signer.certificate.name} ({error})") from None


def check_signer(signer: Signer) -> None:
    """Signs something small, so that what is wrong with key or certificate shows before hours of work.

    Raises:
        UsageError: they can't be read, or are of a kind that doesn't sign.
        CertificateError: the certificate isn't valid now.
        ManifestError: they don't go together, or the certificate is none for this use.
    """
    if signer.local:
        return
    import c2pa

    created = {"action": "c2pa.created", "digitalSourceType": COMPOSITE_SOURCE_TYPE}
    try:
        builder = c2pa.Builder(_manifest([created]), context())
        builder.set_no_embed()
        trial = _c2pa_signer(dataclasses.replace(signer, timestamp=""))
        builder.sign(trial, UNKNOWN_TYPE, io.BytesIO(b"a trial"), io.BytesIO())
    except c2pa.C2paError as error:
        raise ManifestError(f"nothing can be signed with {signer.certificate.name} ({error})") from None


def _c2pa_signer(signer: Signer) -> Any:
    import c2pa

    try:
        chain = signer.certificate.read_bytes()
        key = signer.key.read_bytes()
    except OSError as error:
        name = Path(error.filename or signer.key).name
        raise UsageError(f"{name}: can't be read to sign with ({error.strerror})") from None
    algorithm = algorithm_of(signer.certificate)
    timestamp = signer.timestamp.encode() or None
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, chain, key, timestamp))


def _add(builder: Any, name: str, path: Path, relation: str) -> None:
    """Adds a file that was used, with the manifest in it or beside it."""
    import c2pa

    described: dict[str, Any] = {"relationship": relation, "title": name, "label": name, "instance_id": name}
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        if suffix in SIDECAR_TYPES and sidecar_of(path).is_file():
            beside = sidecar_of(path).read_bytes()
            reader = c2pa.Reader(SIDECAR_TYPES[suffix], file, beside, context())
            described |= {
                "active_manifest": json.loads(reader.json())["active_manifest"],
                "validation_results": reader.get_validation_results(),
                "manifest_data": {"format": "application/c2pa", "identifier": name},
            }
            builder.add_resource(name, io.BytesIO(beside))
            file.seek(0)
            builder.add_ingredient(described, SIDECAR_TYPES[suffix], file)
            return
        kind = EMBEDDED_TYPES.get(suffix, UNKNOWN_TYPE)
        try:
            builder.add_ingredient(described, kind, file)
        except c2pa.C2paError:
            if kind == UNKNOWN_TYPE:
                raise
            # Not what its name says, or too broken for C2PA, though not for FFmpeg: then there is no
            # manifest in it to be kept.
            file.seek(0)
            builder.add_ingredient(described, UNKNOWN_TYPE, file)


def _write(builder: Any, signer: Any, made: Path, out: Path) -> None:
    kind = media_type(out)
    if out.suffix.lower() in EMBEDDED_TYPES:
        with (
            atomic_file(out) as temporary,
            made.open("rb", BUFFER_BYTES) as source,
            temporary.open("w+b", BUFFER_BYTES) as target,
        ):
            builder.sign(signer, kind, source, target)
        return
    builder.set_no_embed()
    with made.open("rb") as source:
        signed = builder.sign(signer, kind, source, io.BytesIO())
    write_bytes(sidecar_of(out), signed)
    if made != out:
        with atomic_file(out) as temporary:
            shutil.copyfile(made, temporary)


def holds_swap(document: Mapping[str, Any]) -> bool:
    """Tells whether any of a file's manifests (see ``manifest_of``) speaks of a face swap."""
    return any({SWAP_ASSERTION, EDIT_ASSERTION} & each.keys() for each in all_assertions(document))


def all_assertions(document: Mapping[str, Any]) -> list[dict[str, dict[str, Any]]]:
    """Returns the assertions of each of a file's manifests (see ``manifest_of``)."""
    return [assertions_of(each) for each in document["manifests"].values() if isinstance(each, dict)]


def assertions_of(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns a manifest's assertions by label; whatever isn't as it should be is left out."""
    listed = manifest.get("assertions")
    assertions = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    pairs = ((each.get("label"), each.get("data")) for each in assertions)
    return {label: data for label, data in pairs if isinstance(label, str) and isinstance(data, dict)}


def statements_of(assertions: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns what a swap's assertions state of the right to each face; whatever isn't so is left out."""
    data = assertions.get(BASIS_ASSERTION, {})
    several = data.get("faces")
    return [each for each in several if isinstance(each, dict)] if isinstance(several, list) else [data]


def manifest_of(path: Path, trust: Sequence[Path] = ()) -> tuple[dict[str, Any], str]:
    """Reads the manifests of a file as C2PA's reader gives them, and "Trusted", "Valid" or "Invalid".

    ``trust`` has the certificates of trusted authorities (PEM). Errors are those of ``inspect_file``.
    """
    import c2pa

    kind = media_type(path)
    beside = sidecar_of(path)
    manifest = None
    try:
        with path.open("rb") as file:
            if kind in SIDECAR_TYPES.values():
                if not beside.is_file():
                    raise ManifestError(f"{path}: carries no manifest, and {beside.name} isn't beside it")
                manifest = beside.read_bytes()
            reader = c2pa.Reader(kind, file, manifest, context(trust))
            return json.loads(reader.json()), reader.get_validation_state()
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror})") from None
    except c2pa.C2paError.ManifestNotFound:
        raise ManifestError(
            f"{path}: carries no manifest: nothing is known of how it was made (one may have been stripped)"
        ) from None
    except c2pa.C2paError as error:
        raise ManifestError(f"{path}: its manifest cannot be read ({error})") from None


def context(trust: Sequence[Path] = ()) -> Any:
    """Makes C2PA's settings; ``trust`` as in ``manifest_of`` (UsageError where one can't be read)."""
    import c2pa

    settings: dict[str, Any] = dict(_C2PA_SETTINGS)
    try:
        anchors = "".join(path.read_text(encoding="ascii") for path in trust)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"certificates to trust cannot be read: {error}") from None
    if anchors:
        settings["trust"] = {"user_anchors": anchors}
    return c2pa.Context.from_dict(settings)


def _describe_mark(out: Path, signer: Signer) -> str:
    if out.suffix == LIST_SUFFIX:
        where = f"of the list of its pictures in {sidecar_of(out).name}"
    elif out.suffix.lower() in EMBEDDED_TYPES:
        where = "in the file"
    else:
        where = f"in {sidecar_of(out).name} beside it"
    who = (
        "a certificate made on this machine, which nobody else trusts" if signer.local else "your certificate"
    )
    return f"marked as a face swap: C2PA manifest {where}, signed with {who}"

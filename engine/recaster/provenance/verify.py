"""What a file says of itself, and whether that can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recaster.errors import ManifestError
from recaster.provenance.manifest import BASIS, COMPOSITE, EDIT, SWAP, manifest_of
from recaster.provenance.signing import NAME, local_authority

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """What a file is.

    Attributes:
        swap: whether it is, or holds, a face swap by its own word.
        trusted: whether the signer is one that this machine trusts.
        local: whether the signer is this machine itself.
        line: all of it in one line of words, without the file's name.
        manifests: everything that its manifests say, as C2PA's reader gives it.
    """

    swap: bool
    trusted: bool
    local: bool
    line: str
    manifests: Mapping[str, Any]


def inspect(path: Path, data: Path, trust: Sequence[Path] = ()) -> Finding:
    """Read a file's manifest and check it against the file.

    Args:
        path: the file.
        data: data folder of whoever asks: what was signed there is known to be.
        trust: certificates of authorities (PEM) that are trusted.

    Raises:
        ManifestError: it has no manifest, or was changed after it was signed.
        UsageError: it is of a kind that carries none, or ``trust`` can't be read.
    """
    own = local_authority(data)
    found, state = manifest_of(path, [*trust, *([own] if own.is_file() else [])])
    if state == "Invalid":
        raise ManifestError(f"{path}: was changed after it was signed ({_failure(found)}); don't believe it")
    active = found["manifests"][found["active_manifest"]]
    words, swap = _nature(active, list(found["manifests"].values()))
    signer = active.get("signature_info", {})
    local = state == "Trusted" and signer.get("common_name") == NAME
    trusted = state == "Trusted" and not local
    name = f"{signer.get('common_name') or '?'} ({signer.get('issuer') or '?'})"
    if local:
        name = "this machine's own certificate, which nobody else trusts"
    elif not trusted:
        name += ", whom this machine doesn't know"
    when = f" at {signer['time']}" if signer.get("time") else ""
    line = f"{words}; unchanged since it was signed{when} by {name}"
    return Finding(swap, trusted, local, line, found)


def _nature(active: Mapping[str, Any], every: Sequence[Mapping[str, Any]]) -> tuple[str, bool]:
    said = _assertions(active)
    makers = [one.get("name", "?") for one in active.get("claim_generator_info", [])]
    maker = " ".join(makers) or "an unknown program"
    if SWAP in said:
        basis = said.get(BASIS, {}).get("basis", "not stated")
        swapped = [one for one in _actions(active) if one.get("digitalSourceType") == COMPOSITE]
        when = f" on {swapped[0]['when'][:10]}" if swapped and "when" in swapped[0] else ""
        version = said[SWAP].get("engine", "")
        return f"a face swap made by Recaster {version}{when}, basis: {basis}".replace("  ", " "), True
    if EDIT in said:
        inside = len(said[EDIT].get("swaps", []))
        return f"an edit with {inside} face swap{'s' if inside > 1 else ''} in it", True
    if any(SWAP in _assertions(one) for one in every):
        return f"made by {maker} from a face swap", True
    generated = any("lgorithmic" in one.get("digitalSourceType", "") for one in _actions(active))
    kind = "made with an algorithm" if generated else "no face swap by its own word"
    return f"{kind}, from {maker}", generated


def _assertions(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {one["label"]: one.get("data", {}) for one in manifest.get("assertions", [])}


def _actions(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        action
        for label, data in _assertions(manifest).items()
        if label.startswith("c2pa.actions")
        for action in data.get("actions", [])
    ]


def _failure(found: Mapping[str, Any]) -> str:
    results = found.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    codes = [one.get("code", "?") for one in results]
    return ", ".join(dict.fromkeys(codes)) or "its signature doesn't hold"

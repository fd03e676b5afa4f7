"""What a file says of itself, and whether that can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ManifestError
from recaster.provenance.manifest import BASIS, EDIT, SWAP, assertions_of, holds_swap, manifest_of
from recaster.provenance.signer import NAME, local_authority

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


LONGEST: Final = 80
"""Letters of what a manifest says that are shown."""
_QUOTES: Final = frozenset('"\u00ab\u00bb\u201c\u201d\u201e\u201f\u2033\u2036\u275d\u275e\u301d\u301e\uff02')


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
    active = found["manifests"][found["active_manifest"]]
    signer = active.get("signature_info", {})
    local = state == "Trusted" and signer.get("common_name") == NAME
    if local and trust:  # another machine's own certificate may be among those that are trusted
        local = manifest_of(path, [own])[1] == "Trusted"
    if state == "Invalid":
        raise ManifestError(f"{path}: {_trouble(found)}")
    words, swap = _nature(active, holds_swap(found))
    name, issuer = _plain(signer.get("common_name")), _plain(signer.get("issuer"))
    when = f" at {_plain(signer['time'])}" if signer.get("time") else ""
    if local:
        by = "this machine's own certificate, which nobody else trusts"
        line = f"{words}; unchanged since it was signed{when} by {by}"
    elif state == "Trusted":
        line = f"{words}; unchanged since it was signed{when} by {name} ({issuer})"
    else:  # anybody can make a certificate with any name: that comes first, and all else is only said
        line = (
            f"UNKNOWN SIGNER {_quoted(name)} ({_quoted(issuer)}), whom this machine doesn't know, "
            f"says{when}: {_quoted(words)}; unchanged since then"
        )
    return Finding(swap, state == "Trusted" and not local, local, line, found)


def _nature(active: Mapping[str, Any], swap: bool) -> tuple[str, bool]:
    """What a file is in words, and whether it is or holds a face swap."""
    said = assertions_of(active)
    makers = active.get("claim_generator_info")
    maker = " ".join(_plain(one.get("name")) for one in makers) if isinstance(makers, list) else "?"
    actions = [
        one
        for label, data in said.items()
        if label.startswith("c2pa.actions") and isinstance(data.get("actions"), list)
        for one in data["actions"]
        if isinstance(one, dict)
    ]
    if SWAP in said:
        basis = _plain(said.get(BASIS, {}).get("basis", "not stated"))
        when = next((_plain(one["when"])[:10] for one in actions if "when" in one), "an unknown day")
        version = _plain(said[SWAP].get("engine", ""))
        return f"a face swap made by Recaster {version} on {when}, basis: {basis}", True
    if EDIT in said:
        swaps = said[EDIT].get("swaps")
        inside = len(swaps) if isinstance(swaps, list) else 0
        return f"an edit with {inside} face swap{'s' if inside != 1 else ''} in it, as its editor says", True
    if swap:
        return f"made by {maker} from a face swap", True
    generated = any("lgorithmicMedia" in str(one.get("digitalSourceType")) for one in actions)
    kind = "made with a trained algorithm" if generated else "no face swap by its own word"
    return f"{kind}, from {maker}", False


def _quoted(text: str) -> str:
    """What anybody may have written, told from our own words by quotes that it can't end."""
    return '"' + "".join("'" if letter in _QUOTES else letter for letter in text) + '"'


def _plain(text: object) -> str:
    """What somebody wrote into a manifest, as a few printable letters of one line."""
    shown = "".join(letter for letter in str(text or "?") if letter.isprintable() and letter not in ";:")
    return shown[:LONGEST]


def _trouble(found: Mapping[str, Any]) -> str:
    """Why a manifest doesn't hold."""
    results = found.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    codes = list(dict.fromkeys(str(one.get("code", "?")) for one in results))
    if codes and all(code.startswith("signingCredential.") for code in codes):
        return (
            "fits its manifest, but its signer's certificate isn't valid any more, or never was "
            f"({', '.join(codes)}), and no timestamp says that it was when it signed"
        )
    return f"was changed after it was signed ({', '.join(codes) or 'its signature'}); don't believe it"

"""Inspection of a file's C2PA manifest: the file's own word, and how far it can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ManifestError
from recaster.provenance.manifest import (
    ANONYMITY_ASSERTION,
    EDIT_ASSERTION,
    SWAP_ASSERTION,
    assertions_of,
    holds_swap,
    manifest_of,
    statements_of,
)
from recaster.provenance.picture_list import check_pictures
from recaster.provenance.signer import LOCAL_SIGNER_NAME, local_authority
from recaster.settings.formats import LIST_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

MAX_SHOWN_LETTERS: Final = 80
"""Letters of a manifest's text that are shown."""
MAX_NAMED_JUDGES: Final = 4
_QUOTES: Final = frozenset('"\u00ab\u00bb\u201c\u201d\u201e\u201f\u2033\u2036\u275d\u275e\u301d\u301e\uff02')


@dataclass(frozen=True)
class Inspection:
    """Result of an inspection.

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


def inspect_file(
    path: Path, data: Path, trust: Sequence[Path] = (), only: Collection[str] = ()
) -> Inspection:
    """Reads a file's manifest and checks it against the file; that of a list also against its pictures.

    Args:
        data: data folder of whoever asks: what was signed there is known to be.
        trust: certificates of authorities (PEM) that are trusted.
        only: names of the pictures of a list that are checked; empty for all.

    Raises:
        ManifestError: it has no manifest, or was changed after it was signed.
        UsageError: it is of a kind that carries none, or ``trust`` can't be read.
    """
    own = local_authority(data)
    document, state = manifest_of(path, [*trust, *([own] if own.is_file() else [])])
    active = document["manifests"][document["active_manifest"]]
    signer = active.get("signature_info", {})
    local = state == "Trusted" and signer.get("common_name") == LOCAL_SIGNER_NAME
    if local and trust:  # another machine's own certificate may be among those that are trusted
        local = manifest_of(path, [own])[1] == "Trusted"
    if state == "Invalid":
        raise ManifestError(f"{path}: {_failure(document)}")
    words, swap = _describe(active, holds_swap(document))
    name = _printable(signer.get("common_name"))
    issuer = _printable(signer.get("issuer"))
    when = f" at {_printable(signer['time'])}" if signer.get("time") else ""
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
    if path.suffix == LIST_SUFFIX:
        count = check_pictures(path, only)
        line += f"; {count} picture{'s are' if count > 1 else ' is'} as listed"
    return Inspection(swap, state == "Trusted" and not local, local, line, document)


def _describe(active: Mapping[str, Any], swap: bool) -> tuple[str, bool]:
    """Describes a file in words, and tells whether it is or holds a face swap."""
    assertions = assertions_of(active)
    makers = active.get("claim_generator_info")
    maker = " ".join(_printable(each.get("name")) for each in makers) if isinstance(makers, list) else "?"
    actions = [
        action
        for label, data in assertions.items()
        if label.startswith("c2pa.actions") and isinstance(data.get("actions"), list)
        for action in data["actions"]
        if isinstance(action, dict)
    ]
    if SWAP_ASSERTION in assertions:
        bases = dict.fromkeys(
            _printable(each.get("basis", "not stated")) for each in statements_of(assertions)
        )
        basis = ", ".join(bases) or "not stated"
        when = next(
            (_printable(action["when"])[:10] for action in actions if "when" in action), "an unknown day"
        )
        version = _printable(assertions[SWAP_ASSERTION].get("engine", ""))
        kind = "a draft of a face swap" if assertions[SWAP_ASSERTION].get("draft") is True else "a face swap"
        words = f"{kind} made by Recaster {version} on {when}, basis: {basis}"
        if ANONYMITY_ASSERTION in assertions:
            words += f"; {_describe_promise(assertions[ANONYMITY_ASSERTION])}"
        return words, True
    if EDIT_ASSERTION in assertions:
        swaps = assertions[EDIT_ASSERTION].get("swaps")
        inside = len(swaps) if isinstance(swaps, list) else 0
        return f"an edit with {inside} face swap{'s' if inside != 1 else ''} in it, as its editor says", True
    if swap:
        return f"made by {maker} from a face swap", True
    generated = any("lgorithmicMedia" in str(action.get("digitalSourceType")) for action in actions)
    kind = "made with a trained algorithm" if generated else "no face swap by its own word"
    return f"{kind}, from {maker}", False


def _describe_promise(promise: Mapping[str, Any]) -> str:
    """Describes a promise that people are unknown in a clip, and whether it was kept."""
    counts = [promise.get(name) for name in ("frames", "swapped", "covered", "nobody")]
    if promise.get("holds") not in (True, False) or not all(type(count) is int for count in counts):
        return "says of who is known in it nothing that can be read"
    listed = promise.get("judges")
    judges = (
        [_printable(each.get("name")) for each in listed if isinstance(each, dict)]
        if isinstance(listed, list)
        else []
    )
    frames, swapped, covered, nobody = counts
    named = " and ".join(judges[:MAX_NAMED_JUDGES]) or "nobody"
    if promise["holds"]:
        kept = f"anonymised: in none of its {frames} frames did {named} know who was to be unknown"
    else:
        kept = f"NOT anonymised as promised: in some of its {frames} frames {named} may know somebody"
    return f"{kept} ({swapped} swapped, {covered} with a head covered, {nobody} with nobody)"


def _quoted(text: str) -> str:
    """Quotes text that anybody may have written, so that it can't end its quotes."""
    return '"' + "".join("'" if letter in _QUOTES else letter for letter in text) + '"'


def _printable(text: object) -> str:
    """Reduces text of a manifest to a few printable letters of one line."""
    shown = "".join(letter for letter in str(text or "?") if letter.isprintable() and letter not in ";:")
    return shown[:MAX_SHOWN_LETTERS]


def _failure(document: Mapping[str, Any]) -> str:
    """Explains why a manifest doesn't hold."""
    results = document.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    codes = list(dict.fromkeys(str(result.get("code", "?")) for result in results))
    if codes and all(code.startswith("signingCredential.") for code in codes):
        return (
            "fits its manifest, but its signer's certificate isn't valid any more, or never was "
            f"({', '.join(codes)}), and no timestamp says that it was when it signed"
        )
    return f"was changed after it was signed ({', '.join(codes) or 'its signature'}); don't believe it"

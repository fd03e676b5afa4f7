"""An organisation's rules, in one TOML file: which bases count, what every swap must carry, who signs."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recaster.errors import UsageError

VARIABLE: Final = "RECASTER_POLICY"
FILE: Final = "policy.toml"
BASES: Final = ("consent", "self", "licensed", "synthetic")
"""By what right a face is put on: its person agreed, is the user, it was licensed, or it is nobody's."""
_KEYS: Final = {
    "consent": {"bases": list, "document": bool, "default": str},
    "manifest": {"required": bool, "certificate": str, "key": str, "timestamp": str, "trust": str},
    "label": {"required": bool, "kind": str, "language": str},
}


@dataclass(frozen=True)
class Policy:
    """What is allowed and required.

    Attributes:
        bases: bases that count.
        document: whether consent and licences need their document.
        default: basis of faces of which nobody said any; empty for none.
        manifest_required: whether leaving the manifest out is refused.
        certificate: chain of the signer's certificates (PEM); None for one made on this machine.
        key: its private key (PEM).
        timestamp: address of a timestamp authority; empty for none.
        trust: certificates of authorities (PEM) that ``recaster verify`` trusts.
        label_required: whether every swap is labelled in the picture.
        label_kind: how, where nobody says.
        label_language: in which language, where nobody says.
    """

    bases: tuple[str, ...] = BASES
    document: bool = False
    default: str = ""
    manifest_required: bool = False
    certificate: Path | None = None
    key: Path | None = None
    timestamp: str = ""
    trust: Path | None = None
    label_required: bool = False
    label_kind: str = "text"
    label_language: str = "en"

    @classmethod
    def load(cls, data: Path) -> Policy:
        """What RECASTER_POLICY names, else ``policy.toml`` in the data folder, else no rules.

        RECASTER_BASIS sets ``default``, for work that nobody watches.

        Raises:
            UsageError: the file is missing though it was named, or says what no policy says.
        """
        named = os.environ.get(VARIABLE)
        path = Path(named) if named else data / FILE
        if not named and not path.is_file():
            tables: dict[str, Any] = {}
        else:
            tables = _read(path)
        consent, manifest, label = (tables.get(name, {}) for name in _KEYS)
        default = os.environ.get("RECASTER_BASIS") or consent.get("default", "")
        bases = tuple(consent.get("bases", BASES))
        unknown = sorted({*bases, *([default] if default else [])} - set(BASES))
        if unknown:
            raise UsageError(f"{unknown[0]!r} is no basis; choose among {', '.join(BASES)}")
        if ("certificate" in manifest) != ("key" in manifest):
            raise UsageError(f"{path}: a certificate and its key go together")
        place = {name: path.parent / manifest[name] for name in _FILES if name in manifest}
        return cls(
            bases=bases,
            document=consent.get("document", False),
            default=default,
            manifest_required=manifest.get("required", False),
            timestamp=manifest.get("timestamp", ""),
            label_required=label.get("required", False),
            label_kind=label.get("kind", "text"),
            label_language=label.get("language", "en"),
            **place,
        )


_FILES: Final = ("certificate", "key", "trust")


def _read(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: the policy cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the policy is no TOML ({error})") from None
    for table, values in tables.items():
        if table not in _KEYS or not isinstance(values, dict):
            raise UsageError(f"{path}: [{table}] is nothing that a policy has; it has {', '.join(_KEYS)}")
        for name, value in values.items():
            kind = _KEYS[table].get(name)
            if kind is None:
                raise UsageError(f"{path}: [{table}] has no {name}; it has {', '.join(_KEYS[table])}")
            if not isinstance(value, kind):
                raise UsageError(f"{path}: {name} in [{table}] must be a {kind.__name__}")
    return tables

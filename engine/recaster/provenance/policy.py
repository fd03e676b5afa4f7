"""An organisation's rules, in one TOML file: legal bases that count, marks of every swap, the signer."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import UsageError
from recaster.settings.choices import LABELS, LANGUAGES
from recaster.settings.rights import LEGAL_BASES
from recaster.settings.swap import LabelSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recaster.api.v1 import job_pb2

POLICY_VARIABLE: Final = "RECASTER_POLICY"
BASIS_VARIABLE: Final = "RECASTER_BASIS"
POLICY_FILE: Final = "policy.toml"
KINDS_OF_LABEL: Final = tuple(kind for kind in LABELS if kind != "none")
BASES: Final = tuple(LEGAL_BASES)
"""By what right a face is put on: its person agreed, is the user, it was licensed, or it is nobody's."""
MAX_RETENTION_YEARS: Final = 100
_KEYS: Final[dict[str, dict[str, type]]] = {
    "consent": {"bases": list, "document": bool, "default": str, "editors_attest": bool},
    "manifest": {"required": bool, "certificate": str, "key": str, "timestamp": str, "trust": str},
    "label": {"required": bool, "kind": str, "language": str},
    "retention": {"letters_years": int, "jobs_days": int},
    "clients": {"quota_gib": int, "max_jobs": int},
}
_PREFIXED_KEYS: Final = ("required", "kind", "language")
"""Keys whose field of the policy begins with the name of the table."""
_FILE_KEYS: Final = ("certificate", "key", "trust")
_CLIENTS_TABLE: Final = "clients"
"""The table that may have another of the same keys for each client, by name."""
MAX_CLIENT_LIMIT: Final = 1_000_000_000


@dataclass(frozen=True)
class ClientLimits:
    """Limits of what one client of an engine may keep, and of its waiting and running jobs; None for none."""

    quota_gib: int | None = None
    max_jobs: int | None = None


@dataclass(frozen=True)
class Policy:
    """Rules for what is allowed and required.

    Attributes:
        document: whether consent and licences need their document.
        editors_attest: whether clients with the role of an editor may state by what right a face is used.
        default: basis of faces of which nobody said any; empty for none.
        certificate: chain of the signer's certificates (PEM); None for one made on this machine.
        timestamp: address of a timestamp authority; empty for none.
        trust: certificates of authorities (PEM) that ``recaster verify`` trusts.
        label_kind: how swaps are labelled in the picture, where nobody says.
        letters_years: how long what was stated of a person, and the letter that says so, are held after she
            was deleted or another letter took its place; 0 for not at all.
        jobs_days: how long jobs that have ended are kept, with their results; 0 for until they are deleted.
        clients: limits of clients by name; those of "" are for all who have no own.
    """

    bases: tuple[str, ...] = BASES
    document: bool = False
    editors_attest: bool = False
    default: str = ""
    manifest_required: bool = False
    certificate: Path | None = None
    key: Path | None = None
    timestamp: str = ""
    trust: Path | None = None
    label_required: bool = False
    label_kind: str = "text"
    label_language: str = LabelSettings.language
    letters_years: int = 0
    jobs_days: int = 0
    clients: Mapping[str, ClientLimits] = field(default_factory=dict)

    def limits_of(self, client: str) -> ClientLimits:
        """Returns a client's limits: by their name, else as for all."""
        own = self.clients.get(client, ClientLimits())
        shared = self.clients.get("", ClientLimits())
        return ClientLimits(
            shared.quota_gib if own.quota_gib is None else own.quota_gib,
            shared.max_jobs if own.max_jobs is None else own.max_jobs,
        )

    @staticmethod
    def path(data: Path) -> Path:
        """Names the policy's file, if there is one: RECASTER_POLICY's, else that of the data folder."""
        named = os.environ.get(POLICY_VARIABLE)
        return Path(named) if named else data / POLICY_FILE

    @classmethod
    def load(cls, data: Path) -> Policy:
        """Reads RECASTER_POLICY's file, else the data folder's ``policy.toml``, else makes one without rules.

        RECASTER_BASIS sets ``default``, for work that nobody watches. Raises UsageError for a wrong file.
        """
        path = cls.path(data)
        # A link that leads nowhere is a policy that can't be read, not none.
        tables = _read(path) if os.environ.get(POLICY_VARIABLE) or os.path.lexists(path) else {}
        clients = tables.pop(_CLIENTS_TABLE, {})
        values: dict[str, Any] = {}
        for table, keys in tables.items():
            for key, value in keys.items():
                field_name = f"{table}_{key}" if key in _PREFIXED_KEYS else key
                values[field_name] = path.parent / value if key in _FILE_KEYS else value
        values["bases"] = tuple(values.get("bases", BASES))
        values["default"] = os.environ.get(BASIS_VARIABLE) or values.get("default", "")
        policy = cls(**values, clients=_limits(path.name, clients))
        policy._check_values(path.name)
        return policy

    def _check_values(self, file: str) -> None:
        """Refuses values that no policy has (UsageError)."""
        for basis in (*self.bases, *([self.default] if self.default else [])):
            _check_choice(f"{file}: basis", basis, BASES)
        _check_choice(f"{file}: kind of label", self.label_kind, KINDS_OF_LABEL)
        _check_choice(f"{file}: language of label", self.label_language, tuple(LANGUAGES))
        for name, most in (("letters_years", MAX_RETENTION_YEARS), ("jobs_days", 366 * MAX_RETENTION_YEARS)):
            if not 0 <= getattr(self, name) <= most:
                raise UsageError(f"{file}: {name} must be 0 to {most}, not {getattr(self, name)}")
        if (self.certificate is None) != (self.key is None):
            raise UsageError(f"{file}: a certificate and its key go together")

    @property
    def demands_basis(self) -> bool:
        """True where some rights count and others don't, and none is the default."""
        return not self.default and (set(self.bases) != set(BASES) or self.document)

    def rules(self) -> dict[str, Any]:
        """Lists the rules that somebody chose, as the audit log has them; of files the name alone."""
        usual = Policy()
        chosen = {name: value for name, value in vars(self).items() if value != getattr(usual, name)}
        if self.clients:
            chosen["clients"] = {name: asdict(limits) for name, limits in self.clients.items()}
        return {name: value.name if isinstance(value, Path) else value for name, value in chosen.items()}


def apply_policy(spec: job_pb2.SwapSpec, policy: Policy) -> job_pb2.SwapSpec:
    """Fills in what a swap leaves open as the policy wants it; returns a copy (UsageError if forbidden)."""
    if policy.manifest_required and spec.without_manifest:
        raise UsageError("the policy asks for a manifest in every swap; don't leave it out")
    applied = type(spec)()
    applied.CopyFrom(spec)
    applied.options.CopyFrom(apply_label_policy(spec.options, policy))
    return applied


def apply_label_policy(options: job_pb2.SwapOptions, policy: Policy) -> job_pb2.SwapOptions:
    """Fills in the label alone, as ``apply_policy`` does; returns a copy (UsageError)."""
    applied = type(options)()
    applied.CopyFrom(options)
    if policy.label_required and not applied.HasField("label"):
        applied.label = policy.label_kind
    if policy.label_required and applied.label == "none":
        raise UsageError("the policy asks for a label in every swap; don't leave it out")
    if not applied.HasField("label_language"):
        applied.label_language = policy.label_language
    return applied


def _check_choice(what: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UsageError(f"{what} can't be {value!r}; choose among {', '.join(choices)}")


def _limits(file: str, table: dict[str, Any]) -> dict[str, ClientLimits]:
    """Reads the limits of each client, by name, and those of all (UsageError)."""
    everybody = {name: value for name, value in table.items() if not isinstance(value, dict)}
    tables = {"": everybody, **{name: value for name, value in table.items() if isinstance(value, dict)}}
    for client, limits in tables.items():
        for name, value in limits.items():
            if not 0 < value <= MAX_CLIENT_LIMIT:
                where = f"[{_CLIENTS_TABLE}.{client}]" if client else f"[{_CLIENTS_TABLE}]"
                raise UsageError(f"{file}: {name} in {where} must be 1 to {MAX_CLIENT_LIMIT}, not {value}")
    return {client: ClientLimits(**limits) for client, limits in tables.items() if limits}


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path.name}: the policy cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name}: the policy is no TOML ({error})") from None
    for table, values in tables.items():
        if table not in _KEYS or not isinstance(values, dict):
            raise UsageError(
                f"{path.name}: [{table}] is nothing that a policy has; it has {', '.join(_KEYS)}"
            )
        _check_keys(path.name, table, table, values)
    return tables


def _check_keys(file: str, shown: str, table: str, values: dict[str, Any]) -> None:
    """Refuses keys that a table hasn't, and values of another kind (UsageError)."""
    for name, value in values.items():
        kind = _KEYS[table].get(name)
        if shown == _CLIENTS_TABLE and isinstance(value, dict):
            _check_keys(file, f"{table}.{name}", table, value)
        elif kind is None:
            raise UsageError(f"{file}: [{shown}] has no {name}; it has {', '.join(_KEYS[table])}")
        elif type(value) is not kind:  # True is an int
            raise UsageError(f"{file}: {name} in [{shown}] must be a {kind.__name__}")

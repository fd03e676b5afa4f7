"""The legal basis for using a face: what an identity's attestation is worth at a moment."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import identity_pb2
from recaster.errors import ConsentError, InputError, UsageError
from recaster.provenance.policy import BASES

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.timestamp_pb2 import Timestamp

    from recaster.provenance.documents import Documents
    from recaster.provenance.policy import Policy

MAX_NAME_LENGTH: Final = 200
MAX_TEXT_LENGTH: Final = 2000
STATE_BASIS: Final = "state it once, with --basis or --identity (see: recaster identity add --help)"


def parse_basis(name: str) -> identity_pb2.Basis:
    """Parses the name of a basis (UsageError)."""
    if name not in BASES:
        raise UsageError(f"{name!r} is no basis; choose among {', '.join(BASES)}")
    basis: identity_pb2.Basis = identity_pb2.Basis.Value(f"BASIS_{name.upper()}")
    return basis


def basis_name(basis: identity_pb2.Basis) -> str:
    """Names a basis; "" for none, or one that isn't known here."""
    if basis not in identity_pb2.Basis.values():
        return ""
    return identity_pb2.Basis.Name(basis).removeprefix("BASIS_").lower() if basis else ""


def require(identity: identity_pb2.Identity, policy: Policy, now: dt.datetime | None = None) -> None:
    """Checks that a face may be put on, now (ConsentError, without the person's name)."""
    who = f"identity {identity.identity_id}"
    if not identity.HasField("attestation"):
        raise ConsentError(f"{who}: nobody has said by what right their face is used; {STATE_BASIS}")
    if identity.HasField("revocation"):
        raise revocation_error(identity.identity_id, identity)
    attestation = identity.attestation
    now = now or dt.datetime.now(dt.UTC)
    if attestation.HasField("valid_from") and now < _time(attestation.valid_from):
        raise ConsentError(
            f"{who}: the right to use this face begins on {_date(attestation.valid_from)}", "CONSENT_EXPIRED"
        )
    if attestation.HasField("valid_until") and now >= _time(attestation.valid_until):
        raise ConsentError(
            f"{who}: the right to use this face ended on {_last_day(attestation.valid_until)}; "
            "renew it with: recaster identity attest",
            "CONSENT_EXPIRED",
        )
    check_attestation(attestation, policy)


def revocation_error(identity_id: str, identity: identity_pb2.Identity | None) -> ConsentError:
    """Makes the error of a face whose right was taken back."""
    known = identity is not None and identity.HasField("revocation")
    when = f" on {_date(identity.revocation.time)}" if known and identity is not None else ""
    return ConsentError(
        f"identity {identity_id}: the right to use this face was revoked{when}; if there is one again, "
        "state it with: recaster identity attest",
        "CONSENT_REVOKED",
    )


def check_attestation(attestation: identity_pb2.Attestation, policy: Policy) -> None:
    """Checks that the policy takes an attestation (ConsentError)."""
    name = basis_name(attestation.basis)
    if name not in policy.bases:
        raise ConsentError(
            f"the policy doesn't take {name or 'no basis'}, but {', '.join(policy.bases)}", "CONSENT_REFUSED"
        )
    if policy.document and name in ("consent", "licensed") and not attestation.document_digest:
        raise ConsentError(
            f"the policy wants a document with {name}: register the person with it "
            f"(recaster identity add NAME --basis {name} --document FILE), and name them with --identity",
            "CONSENT_REFUSED",
        )


def put_attestation(
    identity: identity_pb2.Identity,
    attestation: identity_pb2.Attestation,
    policy: Policy,
    documents: Documents,
) -> None:
    """Checks an attestation (errors as ``Register.add``), and puts it into an identity with the time."""
    check_attestation(attestation, policy)
    if len(attestation.scope) > MAX_TEXT_LENGTH or len(attestation.attested_by) > MAX_NAME_LENGTH:
        raise UsageError(f"a scope has at most {MAX_TEXT_LENGTH} letters, a name {MAX_NAME_LENGTH}")
    try:
        begin = attestation.valid_from.ToDatetime() if attestation.HasField("valid_from") else None
        end = attestation.valid_until.ToDatetime() if attestation.HasField("valid_until") else None
    except (ValueError, OverflowError) as error:
        raise UsageError(f"a right can't begin or end then ({error})") from None
    if begin is not None and end is not None and end <= begin:
        raise UsageError("the right would end before it begins")
    if attestation.document_digest and not documents.path(attestation.document_digest).is_file():
        raise InputError(f"there is no document {attestation.document_digest[:12]}; give it first")
    identity.attestation.CopyFrom(attestation)
    identity.attestation.attest_time.GetCurrentTime()


def audit_terms(identity: identity_pb2.Identity) -> dict[str, str]:
    """Describes a right as the audit log has it."""
    terms = {"identity": identity.identity_id}
    if not identity.HasField("attestation"):
        return terms
    attestation = identity.attestation
    terms |= {"basis": basis_name(attestation.basis), "document": attestation.document_digest}
    for name in ("valid_from", "valid_until"):
        if attestation.HasField(name):
            terms[name] = getattr(attestation, name).ToJsonString()
    return terms | ({"attested_by": attestation.attested_by} if attestation.attested_by else {})


def described(
    identity: identity_pb2.Identity,
    now: dt.datetime | None = None,
    translate: Callable[..., str] = str.format,
) -> str:
    """Describes the state of a right in a few words.

    ``translate``: puts values into a template, in another language perhaps.
    """
    if not identity.HasField("attestation"):
        return translate("no basis stated")
    attestation = identity.attestation
    basis = translate(basis_name(attestation.basis))
    if identity.HasField("revocation"):
        return translate("{basis}, revoked on {date}", basis=basis, date=_date(identity.revocation.time))
    now = now or dt.datetime.now(dt.UTC)
    if attestation.HasField("valid_from") and now < _time(attestation.valid_from):
        return translate("{basis}, from {date}", basis=basis, date=_date(attestation.valid_from))
    if attestation.HasField("valid_until"):
        date = _last_day(attestation.valid_until)
        if now >= _time(attestation.valid_until):
            return translate("{basis}, ended on {date}", basis=basis, date=date)
        return translate("{basis}, until {date}", basis=basis, date=date)
    return basis


def _time(stamp: Timestamp) -> dt.datetime:
    time: dt.datetime = stamp.ToDatetime(tzinfo=dt.UTC)
    return time


def _date(stamp: Timestamp, earlier: dt.timedelta = dt.timedelta(0)) -> str:
    """Formats a moment as the day on this machine."""
    try:
        return f"{(_time(stamp) - earlier).astimezone():%Y-%m-%d}"
    except (OverflowError, ValueError, OSError):  # the last day that there is, say
        return f"{_time(stamp):%Y-%m-%d}"


def _last_day(stamp: Timestamp) -> str:
    """Formats the last day before a moment: what ends at midnight was over the day before."""
    return _date(stamp, dt.timedelta(microseconds=1))

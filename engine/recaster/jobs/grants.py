"""Grants as messages: an engine sends them, its workers alone make one of what came."""

from __future__ import annotations

import dataclasses

from recaster.api.internal.v1 import worker_pb2
from recaster.operations.face_rights import Grant
from recaster.processes.channel import optional_path, path_of, path_to_bytes
from recaster.provenance.provenance_mark import ProvenanceMark, Statement
from recaster.provenance.signer import Signer
from recaster.provenance.vetting import VettingRules


def grant_to_proto(grant: Grant) -> worker_pb2.Grant:
    """A grant as a message."""
    return worker_pb2.Grant(
        mark=None if grant.mark is None else _mark_to_proto(grant.mark),
        signer=None if grant.signer is None else _signer_to_proto(grant.signer),
        vetting=None if grant.vetting is None else _vetting_to_proto(grant.vetting),
    )


def grant_from_proto(grant: worker_pb2.Grant) -> Grant:
    """The grant that a message holds."""
    return Grant(
        mark=_mark_from_proto(grant.mark) if grant.HasField("mark") else None,
        signer=_signer_from_proto(grant.signer) if grant.HasField("signer") else None,
        vetting=_vetting_from_proto(grant.vetting) if grant.HasField("vetting") else None,
    )


def _mark_to_proto(mark: ProvenanceMark) -> worker_pb2.ProvenanceMark:
    statements = [worker_pb2.Statement(**dataclasses.asdict(each)) for each in mark.statements]
    return worker_pb2.ProvenanceMark(
        statements=statements, signer=_signer_to_proto(mark.signer), audit=mark.audit
    )


def _mark_from_proto(mark: worker_pb2.ProvenanceMark) -> ProvenanceMark:
    statements = (Statement(each.basis, each.nonce, each.identity, each.document) for each in mark.statements)
    return ProvenanceMark(tuple(statements), _signer_from_proto(mark.signer), mark.audit)


def _signer_to_proto(signer: Signer) -> worker_pb2.Signer:
    return worker_pb2.Signer(
        certificate=path_to_bytes(signer.certificate),
        key=path_to_bytes(signer.key),
        local=signer.local,
        timestamp=signer.timestamp,
    )


def _signer_from_proto(signer: worker_pb2.Signer) -> Signer:
    return Signer(path_of(signer.certificate), path_of(signer.key), signer.local, signer.timestamp)


def _vetting_to_proto(vetting: VettingRules) -> worker_pb2.VettingRules:
    return worker_pb2.VettingRules(
        made_here=vetting.made_here,
        own=map(path_to_bytes, vetting.own),
        trust=path_to_bytes(vetting.trust),
        bases=vetting.bases,
        document=vetting.document,
        label=vetting.label,
    )


def _vetting_from_proto(vetting: worker_pb2.VettingRules) -> VettingRules:
    return VettingRules(
        made_here=tuple(vetting.made_here),
        own=tuple(map(path_of, vetting.own)),
        trust=optional_path(vetting.trust),
        bases=tuple(vetting.bases),
        document=vetting.document,
        label=vetting.label,
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights of this client at the engine, by the role of its token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import messages
from ..translations import translate
from . import session

if TYPE_CHECKING:
    from .connection import EngineState

VIEWER, EDITOR, CONSENT_OFFICER, OPERATOR = ROLES = ("viewer", "editor", "consent-officer", "operator")
"""Each may do what those before it may."""


def lacking(found: EngineState, role: str) -> str:
    """Says why this client may not do what needs a role; "" where it may, or where its own isn't known."""
    own = _own(found)
    return "" if own is None or own >= ROLES.index(role) else messages.of_role(ROLES[own])


def lacking_for_basis(found: EngineState, person: Any | None) -> str:
    """The same for saying by what right a face is used, which may be some ``person``'s already."""
    if person is None and found.info is not None and found.info.may_state_basis:
        return ""
    return lacking(found, CONSENT_OFFICER)


def lacking_for_job(found: EngineState, job: Any) -> str:
    """The same for pausing, ending or deleting a job."""
    if is_own_clients_job(found, job):
        return lacking(found, EDITOR)
    if not _below(found):
        return ""
    if not job.created_by:
        return translate("Others asked for this: only they, or whoever runs the engine, may end or pause it")
    return translate(
        "{name} asked for this: only they, or whoever runs the engine, may end or pause it",
        name=messages.text(job.created_by),
    )


def is_own_clients_job(found: EngineState, job: Any) -> bool:
    """Tells if this client asked for a job; where nobody is told apart, whether some Blender did."""
    name = found.info.client_name if found.info is not None else ""
    return bool(job.created_by == name if name and job.created_by else job.labels.get("client") == "blender")


def _below(found: EngineState) -> bool:
    """Tells if others' jobs are none of this client's business."""
    own = _own(found)
    return own is None or own < ROLES.index(OPERATOR)


def _own(found: EngineState) -> int | None:
    role = found.info.role if found.info is not None else ""
    return ROLES.index(role) if role in ROLES else None


def poll_can_edit(operator: Any) -> bool:
    """Tells if the engine answers, and this client may edit there; says so where it doesn't."""
    found = session.engine_state()
    why = lacking(found, EDITOR) if found.online else found.trouble or translate(messages.OFFLINE)
    if why:
        operator.poll_message_set(why)
    return not why

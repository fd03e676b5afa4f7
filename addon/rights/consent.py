# SPDX-License-Identifier: GPL-3.0-or-later
"""By what right faces are put on, what strips say of themselves, and renders that are signed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, messages
from ..engine import session

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.client import Client

    from ..engine.connection import Snapshot, Work

BASES = (
    ("consent", "Consent", "The person agreed to it"),
    ("self", "Myself", "The person is you"),
    ("licensed", "Licensed", "It was licensed"),
    ("synthetic", "Synthetic", "It is nobody's: drawn, rendered or generated"),
)


MAX_NAME = 60
"""Letters of a name that are shown."""
KINDS = ("model", "faceset")
"""What a face can be held by."""


@dataclass
class Known:
    """What is known of a file.

    Attributes:
        line: what it says of itself, in one line.
        valid: whether it has a manifest that fits it.
        trouble: why that isn't known.
        work: what finds it out now.
    """

    line: str = ""
    valid: bool = False
    trouble: str = ""
    work: Work | None = None


_known: dict[str, Known] = {}
rendered: dict[str, Path] = {}
"""By the name of a scene that shows swaps: its last render, which isn't signed yet."""
signing = Known()
"""The render that was signed last."""
stating = Known()
"""The right that was stated last; its line is the face."""


def forget_all() -> None:
    """Another file was opened."""
    _known.clear()
    rendered.clear()
    signing.line = signing.trouble = stating.trouble = ""


def holder_of(found: Snapshot, face: str) -> Any | None:
    """The model or faceset behind "model:ID" or "faceset:ID"; None for no face, or one that isn't known."""
    kind, _, name = face.partition(":")
    if kind not in KINDS or not name:
        return None
    things = found.models if kind == "model" else found.facesets
    return next((one for one in things if getattr(one, f"{kind}_id") == name), None)


def called(holder: Any) -> str:
    """What a model or faceset is called; one that was sent as a zip is called as the zip."""
    own = getattr(holder, "model_id", "") or getattr(holder, "faceset_id", "")
    return messages.text(holder.display_name.removesuffix(".zip") or own, MAX_NAME)


def name_of(person: Any | None, holder: Any) -> str:
    """Whose face it is, as people call them."""
    return (
        messages.text(person.display_name, MAX_NAME)
        if person is not None and person.display_name
        else called(holder)
    )


def person_of(found: Snapshot, holder: Any | None) -> Any | None:
    """The person whose face a model or faceset holds; None where nobody said."""
    whose = holder.identity_id if holder is not None else ""
    return next((one for one in found.identities if one.identity_id == whose), None) if whose else None


def described(person: Any) -> tuple[str, bool]:
    """The state of a right in a few words, and whether the face may be put on now."""
    from recaster.errors import ConsentError
    from recaster.provenance.legal_basis import described as words
    from recaster.provenance.legal_basis import require
    from recaster.provenance.policy import Policy

    try:
        require(person, Policy())
    except ConsentError:
        return words(person), False
    return words(person), True


def hindrance(found: Snapshot, face: str) -> str:
    """Why a face can't be put on or learned now; "" where nothing is known against it."""
    from recaster.errors import ConsentError
    from recaster.provenance.legal_basis import require
    from recaster.provenance.policy import Policy

    if not face:
        return "Choose a face first: Sidebar > Recaster > Face"
    holder = holder_of(found, face)
    if holder is None:
        return "The engine doesn't have this face any more: choose another"
    person = person_of(found, holder)
    if person is None:
        needed = found.info is not None and found.info.basis_needed
        return messages.OF_REASON["CONSENT_MISSING"] if needed else ""
    try:
        require(person, Policy())
    except ConsentError as error:
        return messages.of_error(error)
    return ""


def shared_by(found: Snapshot, person: Any) -> int:
    """How many models and facesets hold the face of a person."""
    things = (*found.models, *found.facesets)
    return sum(one.identity_id == person.identity_id for one in things)


def state(face: str, basis: str) -> bool:
    """Say at the engine by what right a face is used, instead of what was said before, in a thread.

    Returns whether there is such a face to say it of.
    """
    found = session.snapshot()
    holder = holder_of(found, face)
    if holder is None:
        return False
    person, name = person_of(found, holder), called(holder)
    kind, _, thing = face.partition(":")

    def do(client: Client, _work: Work) -> None:
        from recaster.client.client import attestation

        if person is None:
            client.say_whose(name, basis, **{f"{kind}_id": thing})
        else:
            client.attest(person.identity_id, attestation(basis))

    _tell(face, "Stating a basis", do)
    return True


def revoke(face: str) -> bool:
    """Take back the right to a face at the engine, in a thread; returns whether there is one to take back."""
    found = session.snapshot()
    person = person_of(found, holder_of(found, face))
    if person is None:
        return False
    _tell(face, "Revoking a basis", lambda client, _work: client.revoke(person.identity_id))
    return True


def _tell(face: str, title: str, do: Callable[[Client, Work], object]) -> None:
    link = session.link()
    if stating.work is not None:
        return  # pressed twice
    if link is None:
        stating.trouble = session.snapshot().trouble
        return

    def done(_: object) -> None:
        stating.work = None
        link.look()

    def failed(error: Exception) -> None:
        stating.work, stating.trouble = None, messages.of_error(error)

    stating.trouble, stating.line = "", face
    stating.work = link.run(title, do, done, failed)


def file_of(strip: Any) -> Path | None:
    """The file that a movie strip shows, whether it is there or not; None for others."""
    if strip is None or strip.type != "MOVIE":
        return None
    return Path(bpy.path.abspath(strip.filepath))


def known(path: Path) -> Known:
    """What was found out about a file when it was last looked at."""
    return _known.setdefault(str(path), Known())


def said_of(path: Path, line: str, *, valid: bool) -> None:
    """Note what was just made, and what the engine said in it."""
    _known[str(path)] = Known(line, valid=valid)


def verify(path: Path) -> None:
    """Find out what a file says of itself, in a thread."""
    about, link = known(path), session.link()
    if link is None:
        about.trouble = session.snapshot().trouble
        return

    def done(answer: Any) -> None:
        about.work, about.line, about.valid = None, messages.plain(answer.line), answer.valid

    def failed(error: Exception) -> None:
        about.work, about.trouble = None, messages.of_error(error)

    about.trouble = about.line = ""
    about.work = link.run(
        "Reading a manifest", lambda client, work: client.verify(path, work.report), done, failed
    )


def swaps_in(scene: Any) -> list[Path]:
    """Files of all swaps that a scene shows between its first frame and its last."""
    strips = [
        one
        for one in compat.all_strips(scene)
        if one.recaster.result_of
        and not one.mute
        and compat.left_handle(one) <= scene.frame_end
        and compat.right_handle(one) > scene.frame_start
    ]
    files = [file_of(one) for one in strips]
    return list(dict.fromkeys(path for path in files if path is not None))


def on_render(scene: Any) -> None:
    """A scene was rendered: whatever its swaps said of themselves isn't in that file."""
    if swaps_in(scene):
        rendered[scene.name] = render_of(scene)


def render_of(scene: Any) -> Path:
    """The file that a scene is rendered to."""
    return Path(bpy.path.abspath(scene.render.frame_path(frame=scene.frame_start)))


def sign(render: Path, swaps: list[Path]) -> None:
    """Let the engine sign a render that swaps went into; the file is replaced when that is done."""
    link = session.link()
    if link is None:
        signing.trouble = session.snapshot().trouble
        return

    def do(client: Client, work: Work) -> str:
        from recaster.api.v1 import job_pb2

        digest = client.transfer.upload(render, work.report)
        spec = job_pb2.SignSpec(
            digest=digest,
            display_name=render.name,
            swaps=[client.transfer.upload(path, work.report) for path in swaps],
        )
        job = client.jobs.create(job_pb2.JobSpec(sign=spec))
        work.job = job.job_id
        ended = client.jobs.wait(job.job_id, work.report)
        into = {"clip": render, "manifest": render.with_suffix(".c2pa")}  # never where an engine says
        for role, made in {one.role: one for one in ended.result.artifacts if one.role in into}.items():
            client.transfer.download(made.digest, into[role], work.report, made.size)
        with contextlib.suppress(Exception):
            client.jobs.delete(job.job_id)
        return messages.plain(f"{render.name}: {next(iter(ended.result.summary), 'signed')}")

    def done(line: str) -> None:
        signing.work, signing.line, signing.valid = None, line, True
        for name in [name for name, path in rendered.items() if path == render]:
            del rendered[name]

    def failed(error: Exception) -> None:
        signing.work, signing.trouble = None, messages.of_error(error)

    signing.line = signing.trouble = ""
    signing.work = link.run(f"Signing {render.name}", do, done, failed)

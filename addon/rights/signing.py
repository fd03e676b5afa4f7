# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests of files: read from strips' files, written into renders."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, messages, selection
from ..engine import session
from ..state import ManifestReport, addon_state
from ..translations import translate

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.client import Client

    from ..engine.connection import BackgroundWork


def forget_all() -> None:
    """Another file was opened."""
    addon_state.manifests.clear()
    addon_state.unsigned_renders.clear()
    addon_state.signing.line = addon_state.signing.trouble = addon_state.stating.trouble = ""


def movie_path(strip: Any) -> Path | None:
    """The file that a movie strip shows, whether it is there or not; None for others."""
    if strip is None or strip.type != "MOVIE":
        return None
    return Path(bpy.path.abspath(strip.filepath))


def report_of(path: Path) -> ManifestReport:
    """Returns the report of a file, as it was last read."""
    return addon_state.manifests.setdefault(str(path), ManifestReport())


def note_report(path: Path, line: str, *, is_valid: bool) -> None:
    """Notes what was just made, and what the engine said in it."""
    addon_state.manifests[str(path)] = ManifestReport(line, is_valid=is_valid)


def verify(path: Path) -> None:
    """Finds out what a file says of itself, in a thread."""
    about = report_of(path)
    connection = addon_state.connection
    if connection is None:
        about.trouble = session.engine_state().trouble
        return

    def done(answer: Any) -> None:
        about.work = None
        about.line = messages.plain(answer.line)
        about.is_valid = answer.valid

    def failed(error: Exception) -> None:
        about.work = None
        about.trouble = messages.of_error(error)

    about.trouble = about.line = ""
    title = translate("Reading a manifest")
    about.work = connection.run(title, lambda client, work: client.verify(path, work.report), done, failed)


def shown_swaps(scene: Any) -> list[Any]:
    """The strips of all swaps that a scene shows between its first frame and its last."""
    return [
        one
        for one in compat.all_strips(scene)
        if one.recaster.result_of
        and not one.recaster.part.startswith(("matte", "overlay"))  # show no swap, and say nothing of one
        and not selection.is_muted(one)
        and compat.left_handle(one) <= scene.frame_end
        and compat.right_handle(one) > scene.frame_start
    ]


def shown_swap_files(scene: Any) -> list[Path]:
    """Files of those that are movies."""
    files = [movie_path(one) for one in shown_swaps(scene)]
    return list(dict.fromkeys(path for path in files if path is not None))


def on_render(scene: Any) -> None:
    """A scene was rendered: whatever its swaps said of themselves isn't in that file."""
    if shown_swaps(scene):
        addon_state.unsigned_renders[scene.name] = render_path(scene)


def render_path(scene: Any) -> Path:
    """The file that a scene is rendered to."""
    return Path(bpy.path.abspath(scene.render.frame_path(frame=scene.frame_start)))


def sign(render: Path, swaps: list[Path]) -> None:
    """Lets the engine sign a render that swaps went into; the file is replaced when that is done."""

    def do(client: Client, work: BackgroundWork) -> str:
        return sign_at_engine(client, render, swaps, work)

    run(render.name, do, render)


def run(name: str, do: Callable[[Client, BackgroundWork], str], render: Path) -> None:
    """Signs a render in a thread.

    Args:
        name: of the render, for people.
        do: the work, which returns what came of it.
        render: the file by which it is known that it isn't signed yet.
    """
    connection = addon_state.connection
    if connection is None:
        addon_state.signing.trouble = session.engine_state().trouble
        return

    def done(line: str) -> None:
        addon_state.signing.work = None
        addon_state.signing.line = line
        addon_state.signing.is_valid = True
        for scene in [scene for scene, path in addon_state.unsigned_renders.items() if path == render]:
            del addon_state.unsigned_renders[scene]

    def failed(error: Exception) -> None:
        addon_state.signing.work = None
        addon_state.signing.trouble = messages.of_error(error)

    addon_state.signing.line = addon_state.signing.trouble = ""
    addon_state.signing.work = connection.run(translate("Signing {name}", name=name), do, done, failed)


def sign_at_engine(
    client: Client, render: Path, swaps: list[Path], work: BackgroundWork | None = None
) -> str:
    """Brings a render and its swaps to the engine, and takes the signed file in its place; for threads."""
    from recaster.api.v1 import job_pb2
    from recaster.progress import silent

    report = silent if work is None else work.report
    digest = client.transfer.upload(render, report)
    spec = job_pb2.SignSpec(
        digest=digest,
        display_name=render.name,
        swaps=[client.transfer.upload(path, report) for path in swaps],
    )
    job = client.jobs.create(job_pb2.JobSpec(sign=spec))
    if work is not None:
        work.job = job.job_id
    ended = client.jobs.wait(job.job_id, report)
    into = {"clip": render, "manifest": render.with_suffix(".c2pa")}  # never where an engine says
    for role, made in {one.role: one for one in ended.result.artifacts if one.role in into}.items():
        client.transfer.download(made.digest, into[role], report, made.size)
    with contextlib.suppress(Exception):
        client.jobs.delete(job.job_id)
    return messages.plain(f"{render.name}: {next(iter(ended.result.summary), 'signed')}")

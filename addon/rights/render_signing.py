# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders that are signed as they end: of the sequencer in a window, and of ``blender -b``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import messages
from ..config import address, installation, preferences
from ..engine.local import StartError
from ..state import RenderBegun, addon_state
from ..translations import translate
from . import signing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOVIES = (".mp4", ".mov", ".mkv", ".m4v")
"""Movies that can be signed."""
LIST_SUFFIX = ".sha256"
PICTURES_THERE = (
    "Pictures are signed on the engine's own machine only: render a movie of movies, or sign it there"
)
POLL_S = 2.0
"""Seconds between looks at whether Blender still renders."""


def why_unsignable(scene: Any) -> str:
    """Says why a render of a scene's sequencer couldn't be signed; "" where it can. It opens no file."""
    shown = signing.shown_swaps(scene)
    if not shown:
        return translate("No swap is shown in this scene: an ordinary render will do")
    if not scene.render.use_sequencer:
        return translate("The sequencer isn't rendered: turn on Output > Post Processing > Sequencer")
    has_pictures = any(signing.movie_path(one) is None for one in shown)
    is_movie = scene.render.is_movie_format
    if preferences().where != "local" and (has_pictures or not is_movie):
        return translate(PICTURES_THERE)
    suffix = signing.render_path(scene).suffix.lower()
    if is_movie and suffix not in MOVIES:
        return translate(
            "Movies of this kind can't be signed: render to MP4, QuickTime or Matroska instead of {suffix}",
            suffix=suffix,
        )
    return ""


def why_unfound(scene: Any) -> str:
    """Says which swaps that a scene shows aren't there; "" where all are. A file server may take its time."""
    gone = [path.name for path in swap_files(scene) if not path.is_file()]
    if not gone:
        return ""
    return translate("Relink the swap, or mute its strip: {names} isn't there", names=", ".join(gone))


def swap_files(scene: Any) -> list[Path]:
    """Files of all swaps that a scene shows; of pictures the first."""
    files = []
    for strip in signing.shown_swaps(scene):
        path = signing.movie_path(strip)
        if path is None:
            path = Path(bpy.path.abspath(strip.directory)) / strip.elements[0].filename
        files.append(path)
    return list(dict.fromkeys(files))


def on_begin(scene: Any) -> None:
    """A render begins."""
    addon_state.renders[scene.name] = RenderBegun(_stamp(signing.render_path(scene)))


def on_write(scene: Any) -> None:
    """A frame of a render was written."""
    addon_state.renders.setdefault(scene.name, RenderBegun()).frames.add(scene.frame_current)


def on_cancel(scene: Any) -> None:
    """A render was given up: nothing is signed."""
    addon_state.render_to_sign = ""
    addon_state.renders.pop(scene.name, None)


def on_end(scene: Any) -> None:
    """A render has ended: it is signed where that was asked for; Blender may still be in its thread."""
    wanted = addon_state.render_to_sign
    is_asked = wanted == scene.name or (wanted != "" and wanted not in bpy.data.scenes)  # renamed meanwhile
    addon_state.render_to_sign = ""
    begun = addon_state.renders.pop(scene.name, RenderBegun())
    if not is_asked and not scene.recaster.sign_renders:
        return
    files, why = rendered_files(scene, begun)
    if bpy.app.background:
        print(sign_now(scene, files, why), file=sys.stderr, flush=True)
    elif is_asked or (begun.frames and signing.shown_swaps(scene)):  # not a picture that is only looked at
        _sign_later(scene.name, files, why)


def _sign_later(name: str, files: Sequence[Path], why: str) -> None:
    """Signs a render of a scene as soon as Blender is through with it."""

    def later() -> float | None:
        if bpy.app.is_job_running("RENDER"):
            return POLL_S
        begin(bpy.data.scenes.get(name), files, why)
        return None

    bpy.app.timers.register(later, first_interval=0.0)


def rendered_files(scene: Any, begun: RenderBegun) -> tuple[list[Path], str]:
    """The files of a render that has ended, a movie or pictures; or [] and why there is nothing to sign."""
    render = scene.render
    views = [""]
    if render.use_multiview and render.image_settings.views_format == "INDIVIDUAL":
        views = [view.name for view in render.views if view.use]
    if render.is_movie_format:
        path = signing.render_path(scene)
        if len(views) > 1:
            return [], translate("Each view is a movie of its own: sign them with Sign Render")
        if not begun.frames or _stamp(path) in (None, begun.stamp):
            return [], translate("{name} wasn't written", name=path.name)
        return [path], ""
    frames = set(begun.frames)
    if not render.use_overwrite and not render.use_placeholder:  # those of a render that this one resumes
        every = range(scene.frame_start, scene.frame_end + 1, scene.frame_step)
        frames |= {one for one in every if _picture(scene, one, views[0]).is_file()}
    paths = [_picture(scene, frame, view) for frame in sorted(frames) for view in views]
    gone = [path.name for path in paths if not path.is_file()]
    if gone:
        return [], translate("{name} isn't there", name=gone[0])
    if not paths:
        return [], translate("No picture was written")
    return paths, ""


def _picture(scene: Any, frame: int, view: str) -> Path:
    return Path(bpy.path.abspath(scene.render.frame_path(frame=frame, view=view)))


def _stamp(path: Path) -> tuple[int, int] | None:
    """Time and size of a file, to see if it is written anew: the clock of a file server may be behind."""
    try:
        known = path.stat()
    except OSError:
        return None
    return known.st_mtime_ns, known.st_size


def begin(scene: Any | None, files: Sequence[Path], why: str = "") -> None:
    """Signs a render in a thread, or says why not; what comes of it is in the panel of provenance."""
    if scene is None:
        why = translate("Its scene has another name now: sign it with Sign Render")
    else:
        why = why_unsignable(scene) or why or why_unfound(scene)
    if not why:
        try:
            sign_files(files, swap_files(scene))
        except StartError as error:
            why = str(error)
    if why:
        addon_state.signing.line = ""
        addon_state.signing.trouble = translate("The render isn't signed. {why}", why=why)


def sign_files(files: Sequence[Path], swaps: list[Path]) -> None:
    """Signs a file, or pictures as a list, in a thread: at the engine, or by its program on this machine.

    Raises:
        StartError: it needs the program, which isn't found.
    """
    if len(files) == 1 and all(path.suffix.lower() in MOVIES for path in swaps):
        signing.sign(files[0], swaps)
        return
    arguments = command(swaps)
    signing.run(files[0].name, lambda _client, _work: sign_here(files, *arguments), files[0])


def sign_now(scene: Any, files: Sequence[Path], why: str = "") -> str:
    """Signs a render while Blender waits, as a render farm wants it; returns what came of it.

    ``why`` says why there are no files.
    """
    from recaster.client import Client

    name = files[0].name if files else translate("the render of {scene}", scene=scene.name)
    try:
        why = why_unsignable(scene) or why or why_unfound(scene)
        if why:
            return translate("Recaster: {name} isn't signed. {why}", name=name, why=why)
        if preferences().where == "local":
            line = sign_here(files, *command(swap_files(scene)))
        else:
            with Client(address()) as client:
                line = signing.sign_at_engine(client, files[0], swap_files(scene))
    except Exception as error:  # noqa: BLE001 - a render must not end with a traceback for it
        return translate("Recaster: {name} isn't signed. {why}", name=name, why=messages.of_error(error))
    return f"Recaster: {line}"


def sign_here(files: Sequence[Path], arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Lets the program sign a file, or pictures as a list beside them; returns what it says. For threads.

    A list comes there when it is signed, so that a failure leaves an earlier one as it was.

    Raises:
        StartError: it couldn't.
    """
    from recaster.provenance.picture_list import write_list

    if len(files) == 1:
        return run_program([*arguments, str(files[0])], environment)
    with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
        listed = Path(folder) / f"pictures{LIST_SUFFIX}"
        write_list(listed, {one.name: one for one in files})
        return run_program([*arguments, str(listed), "--out", str(list_path(files))], environment)


def list_path(files: Sequence[Path]) -> Path:
    """Path of the list of pictures: with its first and last number, as machines of a farm share a folder."""
    first = files[0]
    last = files[-1].stem
    end = last[len(last.rstrip("0123456789")) :] or last
    return first.with_name(f"{first.stem}-{end}{first.suffix}{LIST_SUFFIX}")


def command(swaps: Sequence[Path]) -> tuple[list[str], Mapping[str, str]]:
    """The program that signs, without the file, and its environment (StartError)."""
    here = installation()
    named = [part for path in swaps for part in ("--swap", str(path))]
    # Blender's own Python must not be taken for the program's.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if here.data is not None:
        clean["RECASTER_DATA"] = str(here.data)
    return [str(here.program()), "sign", *named], clean


def run_program(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Runs the program; returns what it says (StartError: it couldn't). For threads, too."""
    import subprocess  # here: Blender's start would wait for it

    try:
        done = subprocess.run(
            arguments,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # of Windows alone
        )
    except OSError as error:
        raise StartError(translate("Recaster can't be run: {why}", why=error.strerror or error)) from None
    said = done.stdout if done.returncode == 0 else done.stderr
    line = messages.plain(said.strip().splitlines()[-1] if said.strip() else "", local=True)
    if done.returncode:
        ended = translate("Recaster ended with {code}", code=done.returncode)
        raise StartError(line.removeprefix("recaster: error: ") or ended)
    return line

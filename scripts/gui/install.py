"""A fresh Blender and a repository: the engine is installed by its button, and a strip is swapped."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
import tools
from tools import FACTS, WORK, act, open_project, part, picture, show_tab, wait, window

if TYPE_CHECKING:
    from collections.abc import Generator

INSTALL_BUTTON = (1407, 95)
"""Where the panel's button is, in pixels from the upper left."""


def story() -> Generator[None, None, None]:
    """Steps of an editor who has just got Blender: repository, add-on, engine, faces, swap."""
    bpy.ops.extensions.userpref_allow_online()
    server = serve(Path(os.environ["RECASTER_GUI_ZIP"]).parent)
    yield
    add_from_repository(f"http://127.0.0.1:{server.server_port}/index.json")
    yield
    yield from open_project()
    yield from show_tab()
    installs = part("engine.installation")
    yield from wait(lambda: part("engine.session").engine_state().away)
    yield
    picture("install-1-no-engine")
    x, y = INSTALL_BUTTON
    for kind, value in (("MOUSEMOVE", "NOTHING"), ("LEFTMOUSE", "PRESS"), ("LEFTMOUSE", "RELEASE")):
        window().event_simulate(kind, value, x=x, y=window().height - y)
        yield
    yield
    picture("install-2-question")
    begun = time.monotonic()
    for value in ("PRESS", "RELEASE"):
        window().event_simulate("RET", value)
        yield
    yield from wait(lambda: installs.view().installer)
    yield from install(installs)
    print(f"installed in {time.monotonic() - begun:.0f} s", flush=True)
    yield from wait(lambda: part("engine.session").engine_state().online)
    print(f"connected after {time.monotonic() - begun:.0f} s", flush=True)
    yield
    picture("install-4-connected")
    yield from swap()
    bpy.ops.preferences.addon_show(module=tools.ADDON)
    yield
    yield
    picture("install-6-preferences")
    server.shutdown()


def serve(folder: Path) -> http.server.ThreadingHTTPServer:
    """Serves a folder to this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made


def add_from_repository(address: str) -> None:
    """Adds a repository and installs the add-on from it, as its drop of a link does."""
    bpy.ops.preferences.extension_repo_add(name="Recaster", remote_url=address, type="REMOTE")
    repositories = bpy.context.preferences.extensions.repos
    [at] = [at for at, one in enumerate(repositories) if one.remote_url == address]
    bpy.ops.extensions.repo_sync(repo_index=at)
    bpy.ops.extensions.package_install(repo_index=at, pkg_id="recaster", enable_on_install=True)
    tools.ADDON = f"bl_ext.{repositories[at].module}.recaster"


def install(installs: Any) -> Generator[None, None, None]:
    """Waits until the engine is installed, with a picture on the way; says what it weighs."""
    engine = installs.release()
    is_pictured = False
    while (running := installs.view().installer) is not None:
        if not is_pictured and running.progress.share > 0.3:
            picture("install-3-progress")
            is_pictured = True
        yield
    if installs.view().trouble:
        raise RuntimeError(installs.view().trouble)
    folder = installs.found_now().installed.folder
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    python = next((folder / installs.found_now().installed.environment / "lib").iterdir()).name[6:]
    got = engine.download_bytes(python) / 1e6
    print(f"{got:.0f} MB to download, {size / 1e6:.0f} MB on disk", flush=True)


def swap() -> Generator[None, None, None]:
    """The first swap: faces of a folder, the right to them, and Face Swap."""
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    part("compat").set_handles(strip, 30, 54)
    faces = WORK / "actor"
    faces.mkdir()
    shutil.copy(Path(FACTS["clip"]).with_name("likeness.mp4"), faces)
    session = part("engine.session")
    act(bpy.ops.recaster.add_folder, role="source", directory=str(faces), basis="synthetic")
    yield from wait(lambda: session.engine_state().facesets)
    yield from wait(bpy.ops.sequencer.recaster_swap.poll)
    act(bpy.ops.sequencer.recaster_swap)
    [task] = part("state").addon_state.tasks.values()
    yield from wait(lambda: task.has_ended)
    if task.stage != "placed":
        raise RuntimeError(task.trouble)
    scene.frame_set(41)
    yield
    yield
    picture("install-5-swapped")

"""The engine installed from the add-on, which then starts by itself."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import kit
from scenarios_rights import drawn


def installing(said: str, python: str, wheel: str, folder: str, data: str) -> dict[str, Any]:
    """Refused offline where nobody was asked; installed, started; stopped for good; removed but for data."""
    kit.enable(data=data, command="", start_by_itself=True)
    kit.fresh()
    installs = _stubbed(said, python, folder)
    panel = kit.part("engine.install_panel")
    ops = bpy.ops.recaster

    system = bpy.context.preferences.system
    system.use_online_access = False
    unasked = ""
    try:
        ops.install_engine("EXEC_DEFAULT", wheel=wheel, folder=folder)
    except RuntimeError as error:
        unasked = str(error)
    assert not system.use_online_access
    assert not ops.stop_install.poll()
    question = drawn(
        lambda paper: panel.RECASTER_OT_install_engine.draw(
            SimpleNamespace(layout=paper, wheel=wheel), bpy.context
        )
    )
    asked = {"wheel": wheel, "folder": folder, "may_go_online": True}
    assert ops.install_engine("EXEC_DEFAULT", **asked) == {"FINISHED"}
    assert system.use_online_access
    assert not ops.install_engine.poll()
    progress = _panel()
    _until_ended(installs)
    assert not installs.view().trouble, installs.view().trouble
    local = kit.addon_state().local
    assert local.running
    first = local._process.pid
    assert not ops.remove_engine.poll()
    again = _stopped_and_started(local)
    installed = _updated_in_vain(installs, folder)
    assert ops.remove_engine("EXEC_DEFAULT") == {"FINISHED"}
    _until_ended(installs)
    return {
        "unasked": unasked,
        "question": sorted(question),
        "progress": sorted(progress),
        "installed": sorted(installed),
        "after": sorted(_panel()),
        "restarted": first != again,
    }


def _updated_in_vain(installs: Any, folder: str) -> set[str]:
    """Draws an installed engine after an update that failed; another Blender's stays as it is."""
    session = kit.part("engine.session")
    last = session.last_engine_state
    session.last_engine_state = lambda: SimpleNamespace(online=True)  # another Blender's
    assert not bpy.ops.recaster.remove_engine.poll()
    assert not bpy.ops.recaster.install_engine.poll()
    session.last_engine_state = last
    files = kit.part("engine.install_files")
    files.write_notes(Path(folder), files.Notes("before", "e9", "3.11", 0.5))
    installs.forget_found()
    installed = drawn(kit.part("engine.install_panel").draw_installed)
    assert {"Go On Installing (50% done)", "Remove What Is There"} <= installed
    return installed


def _stubbed(said: str, python: str, folder: str) -> Any:
    """Lets the add-on know stubs alone; returns its module of installations."""
    installs = kit.part("engine.installation")
    installs.ENGINE_FILE = Path(said)
    choice = kit.part("engine.pythons").Choice(python, "3.11")
    installs.pythons = lambda _engine: [choice]
    kit.part("engine.local").usual_folders = lambda _system: []
    kit.part("config").usual_engine_folder = lambda _system: Path(folder) / "usual"
    return installs


def _stopped_and_started(local: Any) -> int:
    """Stops the engine, which stays so, lets it start by itself, and stops it; returns its new number."""
    assert bpy.ops.recaster.stop_engine() == {"FINISHED"}
    local._process.wait(60)
    session = kit.part("engine.session")
    kit.until(lambda: session.engine_state().away)
    assert not local.running
    local.was_stopped = False  # as in the next session
    kit.addon_state().connection.refresh()
    kit.until(lambda: local.running)
    again = local._process.pid
    bpy.ops.recaster.stop_engine()
    local._process.wait(60)
    return int(again)


def _panel() -> set[str]:
    return drawn(lambda paper: kit.part("engine.panels").draw_connection(paper, bpy.context))


def _until_ended(installs: Any) -> None:
    while installs.tick() is not None:
        time.sleep(0.01)

"""Nothing is lost when an engine, a file or Blender goes away, and what is wrong is said."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import bpy
import kit


def cancelled(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A swap is cancelled, at the engine too; the strip can be swapped again."""
    kit.enable(engine, token)
    from recaster.api.v1 import job_pb2

    tasks = kit.addon_state().tasks
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    strip.recaster.face = face
    task = kit.press()
    kit.until(lambda: task.stage == "working")
    bpy.ops.sequencer.recaster_cancel_swap(request=task.request)
    assert task.stage == "cancelled"
    assert not strip.recaster.pending
    ended = kit.until(lambda: _ended(task))
    assert ended.state == job_pb2.JOB_STATE_CANCELLED
    assert len(kit.strips(scene)) == 1
    kit.trim(strip, 1, 6)
    kit.swap(scene, strip)
    bpy.ops.sequencer.recaster_forget()
    assert not tasks
    return {}


def failing(engine: str, token: str, face: str, clip: str, empty: str) -> dict[str, Any]:
    """Strips that can't be swapped say why."""
    kit.enable(engine, token)
    scene = kit.fresh()
    assert not bpy.ops.sequencer.recaster_swap.poll()
    strip = kit.movie(scene, clip)
    said = [kit.refusal()]
    strip.recaster.face = face
    strip.filepath = "/nowhere/clip.mp4"
    said.append(kit.refusal())
    nobody = kit.movie(scene, empty, channel=5)
    nobody.recaster.face = face
    task = kit.press()
    kit.until(lambda: task.has_ended)
    said.append(task.trouble)
    assert bpy.ops.sequencer.recaster_again(request=task.request) == {"FINISHED"}
    [again] = kit.addon_state().tasks.values()
    assert again.request != task.request
    kit.until(lambda: again.has_ended)
    assert again.trouble == task.trouble
    return {"said": said}


def unwelcome(engine: str, token: str) -> dict[str, Any]:
    """A wrong token, nobody there, a host on the network without online access."""
    preferences = kit.enable()
    session = kit.part("engine.session")
    kit.fresh()
    preferences.where = "remote"
    preferences.host = engine
    preferences.token = token + "x"
    said = [kit.until(lambda: session.engine_state().refused and session.engine_state().trouble)]
    assert not bpy.ops.sequencer.recaster_swap.poll()
    assert bpy.ops.recaster.test_connection() == {"FINISHED"}
    said.append(
        kit.until(
            lambda: (
                kit.addon_state().connection_test.connection is None
                and kit.addon_state().connection_test.message
            )
        )
    )
    preferences.token = token
    kit.until_online()
    assert bpy.ops.recaster.test_connection() == {"FINISHED"}
    answer = kit.until(
        lambda: kit.addon_state().connection_test.connection is None and kit.addon_state().connection_test
    )
    assert answer.is_ok
    assert answer.message.startswith("Recaster ")
    preferences.host = "127.0.0.1:1"
    said.append(
        kit.until(
            lambda: (
                session.engine_state().trouble != kit.part("engine.connection").CONNECTING
                and session.engine_state().trouble
            )
        )
    )
    bpy.context.preferences.system.use_online_access = False
    preferences.host = "192.0.2.1:50551"
    said.append(session.engine_state().trouble)
    preferences.host = ""
    said.append(session.engine_state().trouble)
    return {"said": said}


def killed(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """The engine is killed while it swaps, and comes back."""
    scene, strip = kit.shot(engine, token, face, clip)
    session = kit.part("engine.session")
    task = kit.press()
    kit.until(lambda: _rendering(task))
    kit.signal(Path(folder) / "kill")
    kit.until(lambda: not session.engine_state().online)
    assert task.stage == "working"
    kit.signal(Path(folder) / "restart")
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", "")
    [result] = [one for one in kit.strips(scene) if one.recaster.result_of]
    assert kit.part("compat").content_duration(result) == kit.part("compat").content_duration(strip)
    return {}


def offline_at_first(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """The engine goes away just when a swap is asked for; it is sent when the engine is back."""
    kit.shot(engine, token, face, clip, 1, 6)
    session = kit.part("engine.session")
    kit.signal(Path(folder) / "kill")
    while (Path(folder) / "kill").exists():
        time.sleep(0.05)
    task = kit.press()  # nobody has noticed yet
    kit.until(lambda: task.stage == "waiting")
    kit.until(lambda: not session.engine_state().online)
    kit.signal(Path(folder) / "restart")
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", "")
    return {}


def _ended(task: Any) -> Any:
    job = kit.part("engine.session").engine_state().job(task.job)
    return job if job is not None and job.HasField("end_time") else None


def _rendering(task: Any) -> bool:
    job = kit.part("engine.session").engine_state().job(task.job)
    return job is not None and job.progress.stage == "swapping" and job.progress.done >= 20


def reloaded(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """The file is saved and opened again while its strip is swapped; another file was open meanwhile."""
    kit.shot(engine, token, face, clip, 1, 101)
    tasks = kit.addon_state().tasks
    kit.press()
    kit.until(lambda: all(one.stage == "working" for one in tasks.values()))
    path = str(Path(folder) / "cut.blend")
    taken = []

    def while_saving(*_: Any) -> None:
        connection = kit.addon_state().connection
        connection.refresh()
        while connection._inbox.empty():  # the engine's answer
            time.sleep(0.01)
        taken.append(kit.part("engine.session").process_events())

    bpy.app.handlers.save_pre.append(while_saving)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.app.handlers.save_pre.remove(while_saving)
    assert taken == [0]  # there was news, but nothing was touched
    assert kit.part("engine.session").process_events() > 0
    kit.fresh()
    assert not tasks
    bpy.ops.wm.open_mainfile(filepath=path)
    [task] = tasks.values()
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", ""), task
    [_, result] = kit.strips(bpy.context.scene)
    assert kit.span(result) == (1, 101)
    assert (Path(folder) / "recaster").is_dir()
    return {}


def begun_and_left(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """Blender is closed while a strip is swapped (see ``opened_later``)."""
    _, strip = kit.shot(engine, token, face, clip, 1, 51)
    task = kit.press()
    kit.until(lambda: task.stage == "working")
    kit.trim(strip, 11, 21)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(folder) / "left.blend"))
    return {}


def opened_later(engine: str, token: str, folder: str) -> dict[str, Any]:
    """The file that was left is opened by another Blender."""
    kit.enable(engine, token)
    tasks = kit.addon_state().tasks
    compat = kit.part("compat")
    bpy.ops.wm.open_mainfile(filepath=str(Path(folder) / "left.blend"))
    [task] = tasks.values()
    kit.until(lambda: task.has_ended)
    [strip, result] = kit.strips(bpy.context.scene)
    assert kit.span(result) == kit.span(strip) == (11, 21)
    assert compat.content_duration(result) == 50
    assert not strip.recaster.pending
    return {}


def reconnected(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """The way to the engine is cut and made anew while a swap is sent, and again while it is fetched."""
    preferences = kit.enable(engine, token)
    session = kit.part("engine.session")
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    kit.trim(strip, 1, 6)
    strip.recaster.face = face
    task = kit.press()
    assert task.stage == "sending"
    session.reconnect()
    assert task.stage == "waiting"
    kit.until(lambda: task.stage == "fetching")
    session.reconnect()
    assert task.stage == "working"
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", ""), task
    assert len(kit.strips(scene)) == 2
    assert not kit.addon_state().connection.works

    kit.trim(strip, 11, 16)
    task = kit.press()
    kit.until(lambda: task.stage == "working")
    preferences.host = "127.0.0.1:1"  # another engine, which knows nothing of it
    kit.until(
        lambda: (
            not session.engine_state().online
            and session.engine_state().trouble != kit.part("engine.connection").CONNECTING
        )
    )
    assert strip.recaster.pending
    bpy.ops.sequencer.recaster_cancel_swap(request=task.request)  # nobody hears it
    preferences.host = engine
    job = kit.until(lambda: _ended(task))
    return {"state": job.state}


def far_away(engine: str, token: str, face: str, clip: str, authority: str) -> dict[str, Any]:
    """An engine on another machine: nothing without TLS, and no more of a clip than is needed."""
    bpy.context.preferences.system.use_online_access = True
    preferences = kit.enable()
    session = kit.part("engine.session")
    kit.part("swap.uploads").MAX_WHOLE_UPLOAD_BYTES = 0  # as if the clip were a large one
    scene = kit.fresh()
    preferences.where = "remote"
    preferences.host = engine
    preferences.token = token
    said = [session.engine_state().trouble]
    preferences.authority = authority
    kit.until_online()
    strip = kit.movie(scene, clip)
    kit.trim(strip, 101, 111)
    strip.recaster.face = face
    [result] = kit.swap(scene, strip)
    assert kit.span(result) == (101, 111)
    return {"result": bpy.path.abspath(result.filepath), "said": said}


def undone_at_once(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """Undo of something else right after asking for a swap doesn't lose the result."""
    _, strip = kit.shot(engine, token, face, clip, 1, 6)
    tasks = kit.addon_state().tasks
    bpy.ops.ed.undo_push(message="trimmed")
    strip.channel = 2
    bpy.ops.ed.undo_push(message="moved")
    kit.press()
    bpy.ops.ed.undo()
    [strip] = kit.strips(bpy.context.scene)
    assert strip.channel == 1
    [task] = tasks.values()
    assert (strip.recaster.request, strip.recaster.pending) == (task.request, True)
    path = str(Path(folder) / "undone.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    [task] = tasks.values()
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", ""), task
    return {}


def looked_at_seldom(engine: str, token: str) -> dict[str, Any]:
    """An engine that has nothing to do is left in peace."""
    kit.enable(engine, token)
    session = kit.part("engine.session")
    connection = kit.part("engine.connection")
    seen = []
    connection.POLL_INTERVAL_S /= 10  # the clock goes ten times as fast
    connection.IDLE_POLL_INTERVAL_S /= 10
    kit.fresh()
    session.listeners.append(seen.append)
    kit.addon_state().connection.refresh()
    kit.until(lambda: seen)
    last = time.monotonic() + 0.6
    while time.monotonic() < last:
        session.process_events()
        time.sleep(0.01)
    return {"looks": len(seen)}


def held_up(engine: str, token: str, process: int) -> dict[str, Any]:
    """An engine that misses one call is still there."""
    kit.enable(engine, token)
    session = kit.part("engine.session")
    kit.part("engine.connection").CALL_TIMEOUT_S = 4.0
    kit.fresh()
    kit.until_online()
    seen = []
    session.listeners.append(lambda *_: seen.append(session.engine_state().online))
    begin = time.monotonic()
    os.kill(process, signal.SIGSTOP)
    try:
        kit.addon_state().connection.refresh()
        while time.monotonic() < begin + 5.0:
            session.process_events()
            time.sleep(0.01)
    finally:
        os.kill(process, signal.SIGCONT)
    kit.until(lambda: seen)
    return {"took": time.monotonic() - begin, "seen": seen}


def undone(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """The result comes as one step that can be undone, and done again."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 6)
    bpy.ops.ed.undo_push(message="before")
    kit.swap(scene, strip)
    assert len(kit.strips(bpy.context.scene)) == 2
    bpy.ops.ed.undo()
    assert len(kit.strips(bpy.context.scene)) == 1
    seen: list[Any] = []
    kit.part("engine.session").listeners.append(seen.append)
    kit.until(lambda: kit.addon_state().connection.refresh() or len(seen) >= 3)
    assert len(kit.strips(bpy.context.scene)) == 1  # nothing puts it back but redo
    bpy.ops.ed.redo()
    assert len(kit.strips(bpy.context.scene)) == 2
    return {}


def own_engine(command: str, data: str, port: int, clip: str) -> dict[str, Any]:
    """The engine of this machine is started and stopped from here."""
    kit.enable(command="/nowhere/recaster", data=data, port=port)
    preferences = bpy.context.preferences.addons[kit.ADDON].preferences
    session = kit.part("engine.session")
    scene = kit.fresh()
    kit.movie(scene, clip)
    session.disconnect()
    assert session.engine_state().connecting  # nobody has been asked yet
    kit.until(lambda: session.engine_state().trouble == "No engine answers")
    said = []
    try:
        bpy.ops.recaster.start_engine()
    except RuntimeError as error:
        said.append(str(error))
    preferences.command = command
    assert bpy.ops.recaster.start_engine() == {"FINISHED"}
    assert not bpy.ops.recaster.start_engine.poll()  # it runs already
    kit.until_online()
    assert bpy.ops.recaster.stop_engine() == {"FINISHED"}
    kit.until(lambda: not session.engine_state().online)
    assert not bpy.ops.recaster.stop_engine.poll()
    kit.until(lambda: not kit.addon_state().local.running)
    assert kit.addon_state().local.crashed() == ""
    assert bpy.ops.recaster.start_engine() == {"FINISHED"}
    kit.until_online()
    bpy.ops.recaster.stop_engine()
    return {"said": said}

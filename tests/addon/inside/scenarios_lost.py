"""Nothing is lost when an engine, a file or Blender goes away, and what is wrong is said."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import bpy
import kit


def cancelled(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """A swap is cancelled, at the engine too; the strip can be swapped again."""
    kit.enable(engine, token)
    from recaster.api.v1 import job_pb2

    errands = kit.part("swap.tasks").errands
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    strip.recaster.face = face
    errand = kit.press()
    kit.until(lambda: errand.stage == "working")
    bpy.ops.sequencer.recaster_cancel_swap(request=errand.request)
    assert errand.stage == "cancelled"
    assert not strip.recaster.pending
    ended = kit.until(lambda: _ended(errand))
    assert ended.state == job_pb2.JOB_STATE_CANCELLED
    assert len(kit.strips(scene)) == 1
    kit.trim(strip, 1, 6)
    kit.swap(scene, strip)
    bpy.ops.sequencer.recaster_forget()
    assert not errands
    return {}


def failing(engine: str, token: str, face: str, clip: str, empty: str) -> dict[str, Any]:
    """What can't be swapped says why."""
    kit.enable(engine, token)
    scene = kit.fresh()
    assert not bpy.ops.sequencer.recaster_swap.poll()
    strip = kit.movie(scene, clip)
    said = []
    try:
        bpy.ops.sequencer.recaster_swap()
    except RuntimeError as error:
        said.append(str(error))
    strip.recaster.face = face
    strip.filepath = "/nowhere/clip.mp4"
    try:
        bpy.ops.sequencer.recaster_swap()
    except RuntimeError as error:
        said.append(str(error))
    nobody = kit.movie(scene, empty, channel=5)
    nobody.recaster.face = face
    errand = kit.press()
    kit.until(lambda: errand.ended)
    said.append(errand.trouble)
    return {"said": said}


def unwelcome(engine: str, token: str) -> dict[str, Any]:
    """A wrong token, nobody there, a host on the network without online access."""
    preferences = kit.enable()
    session = kit.part("engine.session")
    kit.fresh()
    preferences.where, preferences.host, preferences.token = "remote", engine, token + "x"
    said = [kit.until(lambda: session.snapshot().refused and session.snapshot().trouble)]
    assert not bpy.ops.sequencer.recaster_swap.poll()
    assert bpy.ops.recaster.test_connection() == {"FINISHED"}
    said.append(kit.until(lambda: session.test().link is None and session.test().said))
    preferences.token = token
    kit.until(lambda: session.snapshot().online)
    assert bpy.ops.recaster.test_connection() == {"FINISHED"}
    answer = kit.until(lambda: session.test().link is None and session.test())
    assert answer.well
    assert answer.said.startswith("Recaster ")
    preferences.host = "127.0.0.1:1"
    said.append(
        kit.until(
            lambda: (
                session.snapshot().trouble != kit.part("engine.connection").CONNECTING
                and session.snapshot().trouble
            )
        )
    )
    bpy.context.preferences.system.use_online_access = False
    preferences.host = "192.0.2.1:50551"
    said.append(session.snapshot().trouble)
    preferences.host = ""
    said.append(session.snapshot().trouble)
    return {"said": said}


def killed(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """The engine is killed while it swaps, and comes back."""
    scene, strip = kit.shot(engine, token, face, clip)
    session = kit.part("engine.session")
    errand = kit.press()
    kit.until(lambda: _rendering(errand))
    kit.signal(Path(folder) / "kill")
    kit.until(lambda: not session.snapshot().online)
    assert errand.stage == "working"
    kit.signal(Path(folder) / "restart")
    kit.until(lambda: errand.ended)
    assert (errand.stage, errand.trouble) == ("placed", "")
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
    errand = kit.press()  # nobody has noticed yet
    kit.until(lambda: errand.stage == "waiting")
    kit.until(lambda: not session.snapshot().online)
    kit.signal(Path(folder) / "restart")
    kit.until(lambda: errand.ended)
    assert (errand.stage, errand.trouble) == ("placed", "")
    return {}


def _ended(errand: Any) -> Any:
    job = kit.part("engine.session").snapshot().job(errand.job)
    return job if job is not None and job.HasField("end_time") else None


def _rendering(errand: Any) -> bool:
    job = kit.part("engine.session").snapshot().job(errand.job)
    return job is not None and job.progress.stage == "swapping" and job.progress.done >= 20


def reloaded(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """The file is saved and opened again while its strip is swapped; another file was open meanwhile."""
    kit.shot(engine, token, face, clip, 1, 101)
    errands = kit.part("swap.tasks").errands
    bpy.ops.sequencer.recaster_swap()
    kit.until(lambda: all(one.stage == "working" for one in errands.values()))
    path = str(Path(folder) / "cut.blend")
    taken = []

    def while_saving(*_: Any) -> None:
        kit.part("engine.session").link().look()
        time.sleep(2)
        taken.append(kit.part("engine.session").pump())

    bpy.app.handlers.save_pre.append(while_saving)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.app.handlers.save_pre.remove(while_saving)
    assert taken == [0]  # there was news, but nothing was touched
    assert kit.part("engine.session").pump() > 0
    kit.fresh()
    assert not errands
    bpy.ops.wm.open_mainfile(filepath=path)
    [errand] = errands.values()
    kit.until(lambda: errand.ended)
    assert (errand.stage, errand.trouble) == ("placed", ""), errand
    [_, result] = kit.strips(bpy.context.scene)
    assert kit.span(result) == (1, 101)
    assert (Path(folder) / "recaster").is_dir()
    return {}


def begun_and_left(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """Blender is closed while a strip is swapped (see ``opened_later``)."""
    _, strip = kit.shot(engine, token, face, clip, 1, 51)
    errand = kit.press()
    kit.until(lambda: errand.stage == "working")
    kit.trim(strip, 11, 21)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(folder) / "left.blend"))
    return {}


def opened_later(engine: str, token: str, folder: str) -> dict[str, Any]:
    """The file that was left is opened by another Blender."""
    kit.enable(engine, token)
    errands, compat = kit.part("swap.tasks").errands, kit.part("compat")
    bpy.ops.wm.open_mainfile(filepath=str(Path(folder) / "left.blend"))
    [errand] = errands.values()
    kit.until(lambda: errand.ended)
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
    errand = kit.press()
    assert errand.stage == "sending"
    session.reconnect()
    assert errand.stage == "waiting"
    kit.until(lambda: errand.stage == "fetching")
    session.reconnect()
    assert errand.stage == "working"
    kit.until(lambda: errand.ended)
    assert (errand.stage, errand.trouble) == ("placed", ""), errand
    assert len(kit.strips(scene)) == 2
    assert not session.link().works

    kit.trim(strip, 11, 16)
    errand = kit.press()
    kit.until(lambda: errand.stage == "working")
    preferences.host = "127.0.0.1:1"  # another engine, which knows nothing of it
    kit.until(
        lambda: (
            not session.snapshot().online
            and session.snapshot().trouble != kit.part("engine.connection").CONNECTING
        )
    )
    assert strip.recaster.pending
    bpy.ops.sequencer.recaster_cancel_swap(request=errand.request)  # nobody hears it
    preferences.host = engine
    job = kit.until(lambda: _ended(errand))
    return {"state": job.state}


def far_away(engine: str, token: str, face: str, clip: str, authority: str) -> dict[str, Any]:
    """An engine on another machine: nothing without TLS, and no more of a clip than is needed."""
    bpy.context.preferences.system.use_online_access = True
    preferences = kit.enable()
    session = kit.part("engine.session")
    kit.part("swap.source_range").SMALL = 0  # as if the clip were a large one
    scene = kit.fresh()
    preferences.where, preferences.host, preferences.token = "remote", engine, token
    said = [session.snapshot().trouble]
    preferences.authority = authority
    kit.until(lambda: session.snapshot().online)
    strip = kit.movie(scene, clip)
    kit.trim(strip, 101, 111)
    strip.recaster.face = face
    [result] = kit.swap(scene, strip)
    assert kit.span(result) == (101, 111)
    return {"result": bpy.path.abspath(result.filepath), "said": said}


def undone_at_once(engine: str, token: str, face: str, clip: str, folder: str) -> dict[str, Any]:
    """Undo of something else right after asking for a swap doesn't lose the result."""
    _, strip = kit.shot(engine, token, face, clip, 1, 6)
    errands = kit.part("swap.tasks").errands
    bpy.ops.ed.undo_push(message="trimmed")
    strip.channel = 2
    bpy.ops.ed.undo_push(message="moved")
    bpy.ops.sequencer.recaster_swap()
    bpy.ops.ed.undo()
    [strip] = kit.strips(bpy.context.scene)
    assert strip.channel == 1
    [errand] = errands.values()
    assert (strip.recaster.request, strip.recaster.pending) == (errand.request, True)
    path = str(Path(folder) / "undone.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    [errand] = errands.values()
    kit.until(lambda: errand.ended)
    assert (errand.stage, errand.trouble) == ("placed", ""), errand
    return {}


def looked_at_seldom(engine: str, token: str) -> dict[str, Any]:
    """An engine that has nothing to do is left in peace."""
    kit.enable(engine, token)
    session, seen = kit.part("engine.session"), []
    kit.fresh()
    session.listeners.append(seen.append)
    for _ in range(60):
        session.pump()
        time.sleep(0.1)
    return {"looks": len(seen)}


def undone(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """The result comes as one step that can be undone, and done again."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 6)
    bpy.ops.ed.undo_push(message="before")
    kit.swap(scene, strip)
    assert len(kit.strips(bpy.context.scene)) == 2
    bpy.ops.ed.undo()
    assert len(kit.strips(bpy.context.scene)) == 1
    for _ in range(20):
        kit.part("engine.session").pump()
        time.sleep(0.1)
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
    kit.until(lambda: session.snapshot().trouble == "No engine answers")
    said = []
    try:
        bpy.ops.recaster.start_engine()
    except RuntimeError as error:
        said.append(str(error))
    preferences.command = command
    assert bpy.ops.recaster.start_engine() == {"FINISHED"}
    assert bpy.ops.recaster.start_engine() == {"FINISHED"}  # it runs already
    kit.until(lambda: session.snapshot().online)
    assert bpy.ops.recaster.stop_engine() == {"FINISHED"}
    kit.until(lambda: not session.snapshot().online)
    assert not bpy.ops.recaster.stop_engine.poll()
    kit.until(lambda: not session.local().running)
    assert session.local().crashed() == ""
    assert bpy.ops.recaster.start_engine() == {"FINISHED"}
    kit.until(lambda: session.snapshot().online)
    bpy.ops.recaster.stop_engine()
    return {"said": said}

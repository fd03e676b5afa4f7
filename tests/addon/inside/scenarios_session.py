"""Settings that the add-on keeps, shows and leaves alone, from one session and one engine to the next."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import addon_utils
import bpy
import kit
from scenarios_rights import drawn


def cleared(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Swaps of earlier sessions leave the list, and stay away; what others wait for stays at the engine."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 3)
    jobs = kit.part("engine.jobs")
    session = kit.part("engine.session")
    kit.swap(scene, strip)
    [task] = kit.addon_state().tasks.values()
    kit.addon_state().tasks.clear()  # as in the next session
    ended = kit.until(lambda: session.engine_state().job(task.job))
    shown = jobs.job_title(ended)
    assert shown == "Swap of shot"
    assert shown in _listed()
    assert bpy.ops.sequencer.recaster_forget() == {"FINISHED"}
    assert shown not in _listed()
    kit.addon_state().hidden_jobs = None  # read anew
    assert shown not in _listed()
    kit.addon_state().connection.refresh()
    kit.until(lambda: session.process_events() or True)
    assert session.engine_state().job(task.job) is not None
    return {}


def _listed() -> set[str]:
    module = kit.part("swap.jobs_list")
    module.sync()
    panel = module.RECASTER_PT_jobs
    return drawn(lambda paper: panel.draw(SimpleNamespace(layout=paper), bpy.context))


def still(engine: str, token: str) -> dict[str, Any]:
    """Nothing is redrawn where nothing has changed; only sidebars are where something has."""
    kit.enable(engine, token)
    session = kit.part("engine.session")
    drawn_again = []
    kit.fresh()
    kit.until_online()
    seen = []
    session.listeners.append(seen.append)
    kit.addon_state().connection.refresh()
    kit.until(lambda: seen and not kit.addon_state().connection.works)  # pictures of jobs' clips are there
    session.process_events()
    session.redraw = lambda: drawn_again.append(1)
    seen.clear()
    first = session.engine_state()
    while len(seen) < 2:  # looked at twice
        kit.addon_state().connection.refresh()
        session.process_events()
    same = first.shows_same_as(seen[-1])
    if same:
        assert drawn_again == []
    kit.addon_state().connection.finished_works += 1
    session.process_events()
    assert drawn_again
    drawn_again.clear()
    session.process_events()
    assert not drawn_again
    bpy.ops.world.new("EXEC_DEFAULT", True)  # as pressed by somebody, anywhere
    session.process_events()
    assert drawn_again == [1]
    session.process_events()
    assert drawn_again == [1]
    assert session.REDRAWN["SEQUENCE_EDITOR"] == "UI"
    link = kit.part("engine.connection")
    assert link.AWAY_POLL_INTERVAL_S > link.POLL_INTERVAL_S
    return {"same": same}


def paths() -> dict[str, Any]:
    """Every property that holds a path says that // is fine, where Blender asks; browsers have filters."""
    kit.enable()
    owners = [kit.part("preferences").Preferences, *kit.part("properties").CLASSES]
    for module in (
        "rights.operators",
        "train.operators",
        "swap.operators",
        "swap.task_operators",
        "swap.picture_sources",
        "engine.operators",
        "engine.install_panel",
    ):
        owners += kit.part(module).CLASSES
    held = []
    wrong = []
    browsers = {}
    for owner in owners:
        if issubclass(owner, bpy.types.Operator):
            group, _, name = owner.bl_idname.partition(".")
            asks = getattr(owner, "invoke", None)
            owner = getattr(getattr(bpy.ops, group), name).get_rna_type()  # noqa: PLW2901
            if asks is not None and "fileselect_add" in asks.__code__.co_names:
                known = map(str, owner.properties.keys())
                browsers[name] = sorted(one for one in known if one.startswith("filter_"))
        for known in getattr(owner, "bl_rna", owner).properties:
            if known.type == "STRING" and known.subtype in ("FILE_PATH", "DIR_PATH"):
                held.append(known.identifier)
                if not getattr(known, "is_path_supports_blend_relative", True):
                    wrong.append(f"{owner}.{known.identifier}")
    return {"held": held, "wrong": wrong, "browsers": browsers}


def status_bar() -> dict[str, Any]:
    """The status bar draws the add-on's line, with texts there before the add-on came, and after."""
    bpy.context.workspace.status_text_set("Installing")
    kit.enable()
    line = kit.part("monitor.status_line")
    header = bpy.types.STATUSBAR_HT_header
    drawn_by = []
    for _ in range(2):
        line.redraw_status_bars()
        drawn_by.append([one.__module__ for one in header.draw._draw_funcs])
    bpy.context.workspace.status_text_set("Rendering")
    line.redraw_status_bars()
    drawn_by.append([one.__module__ for one in header.draw._draw_funcs])
    addon_utils.disable_all()
    return {"drawn": drawn_by, "left": [one.__module__ for one in header.draw._draw_funcs]}


def templates(command: str, data: str, port: int) -> dict[str, Any]:
    """File > New takes add-ons away and brings them back: the engine goes on, unless it is disabled."""
    kit.enable(command=command, data=data, port=port)
    session = kit.part("engine.session")
    assert bpy.ops.recaster.start_engine() == {"FINISHED"}
    kit.until_online()
    _close_without_data(session)
    process = kit.addon_state().local._process.pid
    for _ in range(2):
        bpy.ops.wm.read_homefile(app_template="Video_Editing")
        session._stop_if_disabled()  # what the timer does a moment later
        bpy.ops.wm.read_homefile(app_template="")
    addon_utils.disable_all()
    session._stop_if_disabled()
    assert kit.addon_state().local.running
    assert not kit.addon_state().local.stopping
    addon_utils.enable(kit.ADDON, default_set=True)
    assert not bpy.app.timers.is_registered(session._stop_if_disabled)
    session.engine_state()
    kit.until_online()
    assert bpy.ops.recaster.stop_engine.poll()

    kit.addon_state().local = kit.part(
        "engine.local"
    ).LocalEngine()  # another Blender, after this one crashed
    session.reconnect()
    assert kit.addon_state().local.running
    assert kit.addon_state().local._found.pid == process
    assert bpy.ops.recaster.stop_engine.poll()
    addon_utils.disable(kit.ADDON, default_set=True)
    assert kit.addon_state().local.running  # not yet: it may come back
    assert not kit.addon_state().local.stopping
    session._stop_if_disabled()
    assert kit.addon_state().local.stopping
    return {"pid": process}


def _close_without_data(session: Any) -> None:
    """Ends as Python does once Blender's data are gone: a look at them would crash Blender.

    Args:
        session: the add-on's module.
    """
    owned = bpy.context.preferences.addons[kit.ADDON].preferences
    local = kit.addon_state().local
    asked = []
    local.stop = lambda: asked.append(1)
    for stops in (False, True):
        owned.stop_with_blender = stops
        asked.clear()
        session.bpy = session.preferences = None
        session._at_exit()
        session.bpy = bpy
        session.preferences = kit.part("config").preferences
        assert bool(asked) == stops
    del local.stop
    session.reconnect()
    kit.until_online()


def greyed(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Buttons that can't work say why before they are pressed; a preview says of what it is."""
    scene, strip = kit.shot(engine, token, face, clip, 1, 20)
    rights = kit.part("rights.consent")
    session = kit.part("engine.session")
    faces = kit.part("swap.previews")
    swap = bpy.ops.sequencer.recaster_swap
    preview = bpy.ops.sequencer.recaster_preview
    said = []
    for one in ("", "faceset:gone", "model:gone", ":"):
        strip.recaster.face = one
        assert not swap.poll()
        assert not preview.poll()
        said.append(rights.blocking_reason(session.engine_state(), one))
    strip.recaster.face = face
    assert swap.poll()
    scene.frame_set(4)
    preview()
    about = faces.view_of(strip)
    assert bpy.ops.sequencer.recaster_stop_looking() == {"FINISHED"}
    assert about.work is None
    kit.until(lambda: not kit.addon_state().connection.works)
    assert about.preview is None  # it was canceled
    preview()
    kit.until(lambda: about.preview)
    assert (about.frame, faces.why_stale(strip, scene)) == (4, "")
    scene.frame_set(5)
    said.append(faces.why_stale(strip, scene))
    scene.frame_set(4)
    strip.recaster.feather = 0.4
    said.append(faces.why_stale(strip, scene))
    strip.recaster.draft = True
    del session.last_engine_state().info.swap_options[:]  # as an earlier engine
    try:
        swap()
    except RuntimeError as error:
        said.append(str(error))
    return {"said": said}


def paced_once(clip: str) -> dict[str, Any]:
    """The length of a file is asked of Blender once."""
    kit.enable()
    compat = kit.part("compat")
    shots = kit.part("swap.source_range")
    scene = kit.fresh(fps=30)
    strip = kit.movie(scene, clip)
    made = []
    new_movie = compat.new_movie
    compat.new_movie = lambda *given: made.append(given) or new_movie(*given)
    paces = {shots.time_scalar_of(strip, scene) for _ in range(5)}
    assert len(made) <= 1
    assert scene.sequence_editor.active_strip == strip
    return {"paces": len(paces)}


def states() -> dict[str, Any]:
    """Engines that can't be used are told apart; and no name decides where a result goes."""
    kit.enable()
    panels = kit.part("engine.panels")
    link = kit.part("engine.connection")
    installs = kit.part("engine.install_panel")
    missing = installs.is_missing

    def said(*, here: bool = True, local: dict[str, Any] | None = None, **found: Any) -> list[Any]:
        known = {"running": False, "stopping": False, "crashed": lambda: "", **(local or {})}
        kept = kit.addon_state().local
        kit.addon_state().local = SimpleNamespace(**known)
        label, _, why, buttons = panels.state_of(link.EngineState(**found), here=here)
        kit.addon_state().local = kept
        return [label, why, [operator.bl_label for operator, _ in buttons]]

    names = ["shot", "../../x", "C:\\x", "/etc/x", ".", "a" * 500, "\x1b[31m", "con/", "x\0y"]
    files = [
        kit.part("swap.results").result_name(*given)
        for one in names
        for given in ((one, one, one), ("a", "b", one))
    ]
    installs.is_missing = lambda: True
    none = said(away=True)
    installs.is_missing = lambda: False
    found = {
        "none": none,
        "offline": said(away=True, trouble="x"),
        "far": said(here=False, away=True, trouble="x"),
        "starting": said(local={"running": True}, away=True),
        "stopping": said(local={"running": True, "stopping": True}, away=True),
        "crashed": said(local={"crashed": lambda: "The engine stopped unexpectedly"}, away=True),
        "token": said(here=False, refused=True),
        "another": said(refused=True),
        "connecting": said(trouble="Verbindet ...", connecting=True),
        "odd": said(here=False, trouble="The engine met an error of its own"),
        "files": files,
    }
    installs.is_missing = missing
    return found


def kept() -> dict[str, Any]:
    """The names of what .blend files hold."""
    kit.enable()
    known = kit.part("properties")
    return {
        "strip": [one.identifier for one in known.StripSettings.bl_rna.properties],
        "scene": [one.identifier for one in known.TrainingSettings.bl_rna.properties],
    }

"""Time that Blender's main thread waits for the add-on: at its start, and while it works."""

from __future__ import annotations

import compileall
import importlib
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import bpy
import kit
from scenarios_rights import drawn

if TYPE_CHECKING:
    from collections.abc import Callable


def _compile_all() -> None:
    """Compiles the add-on and its libraries, as Blender does once; in tests it keeps nothing of that."""
    extensions = Path(bpy.utils.user_resource("EXTENSIONS"))
    for folder in (extensions / "user_default" / "recaster", extensions / ".local"):
        compileall.compile_dir(folder, quiet=2)


def started() -> dict[str, Any]:
    """Loads the add-on as Blender does when it starts."""
    _compile_all()
    importlib.import_module(kit.ADDON.rpartition(".")[0])
    before = set(sys.modules)
    importlib.import_module(kit.ADDON).register()
    return {"loaded": sorted(set(sys.modules) - before)}


REFERENCE_S = 0.015
"""Seconds of the processor that the work of ``_measure_pace`` takes on a machine that does nothing else."""


def _measure_pace() -> float:
    """Measures how many times longer than ``REFERENCE_S`` the processor takes now for some work."""
    begun = time.thread_time()
    found = {}
    for number in range(60_000):
        found[str(number % 997)] = number * number % 7919
    return (time.thread_time() - begun) / REFERENCE_S


class _Watch:
    """Notes calls that may take long, and imports of what takes long to load, in Blender's main thread."""

    def __init__(self) -> None:
        self.met: list[str] = []
        self.threads: set[str] = set()
        self.longest: dict[str, float] = {}

    def guard(self, owner: Any, name: str) -> None:
        """Lets a function say that it was called."""
        own = getattr(owner, name)

        def call(*given: Any, **named: Any) -> Any:
            self.note(name)
            return own(*given, **named)

        setattr(owner, name, call)

    def time(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Makes a function note the processor's seconds that Blender's main thread spends in it."""

        def timed(*given: Any, **named: Any) -> Any:
            begun = time.thread_time()
            try:
                return call(*given, **named)
            finally:
                self.longest[name] = max(self.longest.get(name, 0.0), time.thread_time() - begun)

        return timed

    def note(self, name: str) -> None:
        """Notes a call."""
        here = threading.current_thread() is threading.main_thread()
        (self.met.append if here else self.threads.add)(name)

    def find_spec(self, name: str, *_: Any) -> None:
        """Asked by Python for each module that isn't loaded yet."""
        if name in ("grpc", "google", "google.protobuf", "numpy"):
            self.note(name)


def unblocked(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """Connecting, previews, people and a swap: whatever takes long is done in threads."""
    _compile_all()
    watch = _Watch()
    sys.meta_path.insert(0, watch)
    kit.enable()
    begun = list(watch.met)
    watch.guard(subprocess, "run")
    watch.guard(subprocess.Popen, "wait")
    watch.guard(threading.Thread, "join")
    watch.guard(importlib.import_module("recaster.files"), "sha256")
    watch.guard(zlib, "decompressobj")
    kit.enable(engine, token)
    grpc = importlib.import_module("grpc._channel")
    for name in ("__call__", "with_call"):
        watch.guard(grpc._UnaryUnaryMultiCallable, name)
    _time_all(watch)
    scene = kit.fresh()
    strip = kit.movie(scene, clip)
    kit.trim(strip, 1, 5)
    strip.recaster.face = face
    about = kit.part("swap.previews").view_of(strip)
    watch.time("test", bpy.ops.recaster.test_connection)()
    kit.until(lambda: kit.addon_state().connection_test.connection is None)
    kit.until_online()
    paces = [_measure_pace()]
    watch.time("find people", bpy.ops.sequencer.recaster_find_people)()
    kit.until(lambda: about.people)
    paces.append(_measure_pace())
    watch.time("preview", bpy.ops.sequencer.recaster_preview)()
    paces.append(_measure_pace())
    kit.until(lambda: about.picture)
    watch.time("swap", bpy.ops.sequencer.recaster_swap)()
    paces.append(_measure_pace())
    [task] = kit.addon_state().tasks.values()
    kit.until(lambda: task.has_ended)
    assert (task.stage, task.trouble) == ("placed", "")
    _draw_panels(watch)
    bpy.ops.ed.undo_push(message="any")
    bpy.ops.ed.undo()
    sys.meta_path.remove(watch)
    return {
        "begun": begun,
        "met": watch.met,
        "threads": sorted(watch.threads),
        "longest": watch.longest,
        "pace": sum(paces) / len(paces),
    }


def _time_all(watch: _Watch) -> None:
    """Notes how long the add-on's timer and its handlers take."""
    session = kit.part("engine.session")
    session.process_events = watch.time("timer", session.process_events)
    for name in dir(bpy.app.handlers):
        known = getattr(bpy.app.handlers, name)
        for at, one in enumerate(known if isinstance(known, list) else ()):
            if getattr(one, "__module__", "").startswith(kit.ADDON):
                known[at] = bpy.app.handlers.persistent(watch.time(name, one))


def _draw_panels(watch: _Watch) -> None:
    """Draws all panels that would be shown, one after the other."""
    for one in sys.modules[kit.ADDON]._CLASSES:
        is_own = issubclass(one, bpy.types.Panel) and one.draw.__module__.startswith(kit.ADDON)
        if is_own and getattr(one, "poll", lambda _: True)(bpy.context):
            draw = watch.time(one.__name__, one.draw)
            drawn(lambda paper, draw=draw: draw(SimpleNamespace(layout=paper), bpy.context))

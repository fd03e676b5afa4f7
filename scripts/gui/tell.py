"""Runs inside a Blender with a window: tells one story, a module beside this one, on a timer."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))

from tools import STEP_S, WORK, picture, show_panels

STORY = os.environ["RECASTER_GUI_STORY"]


def main() -> None:
    """Tells the story and quits Blender; a failure is written, pictured, and ends Blender with an error."""
    steps = importlib.import_module(STORY).story()

    def step() -> float | None:
        try:
            next(steps)
        except StopIteration:
            show_panels()  # else the add-on couldn't be taken away
            (WORK / f"{STORY}.done").touch()
            bpy.ops.wm.quit_blender()
            return None
        except BaseException:  # noqa: BLE001 - a timer's error would go unheard
            traceback.print_exc()
            picture(f"{STORY}-failed")
            sys.stdout.flush()
            os._exit(1)
        return STEP_S

    bpy.app.timers.register(step, first_interval=3.0, persistent=True)


main()

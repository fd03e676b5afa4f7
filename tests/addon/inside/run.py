"""Runs scenarios inside Blender: run.py SCENARIO FACTS.json for one, run.py for those named on its input.

What a scenario returns is written as FACTS.out.json. Those named on the input, a line "SCENARIO FACTS.json"
each, share one Blender; a line on the output says how each ended: "done", or "failed", which ends Blender.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy  # noqa: F401 - before anything of Blender's
import kit
import scenarios
import scenarios_all
import scenarios_blocking
import scenarios_control
import scenarios_delivery
import scenarios_edit
import scenarios_engines
import scenarios_install
import scenarios_keys
import scenarios_language
import scenarios_layers
import scenarios_lost
import scenarios_masks
import scenarios_mend
import scenarios_monitor
import scenarios_panels
import scenarios_pictures
import scenarios_rights
import scenarios_session
import scenarios_told
import scenarios_train
import scenarios_trust

MODULES = (
    scenarios,
    scenarios_all,
    scenarios_blocking,
    scenarios_control,
    scenarios_delivery,
    scenarios_edit,
    scenarios_engines,
    scenarios_install,
    scenarios_keys,
    scenarios_language,
    scenarios_layers,
    scenarios_lost,
    scenarios_masks,
    scenarios_mend,
    scenarios_monitor,
    scenarios_panels,
    scenarios_pictures,
    scenarios_rights,
    scenarios_session,
    scenarios_told,
    scenarios_train,
    scenarios_trust,
)


faulthandler.enable()


def main() -> None:
    """Run what is asked for."""
    if len(sys.argv) > 1:
        kit.leave(0 if ran(sys.argv[1], Path(sys.argv[2])) else 1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Blender prints isn't an answer
    for line in sys.stdin:
        name, _, facts = line.strip().partition(" ")
        before = kit.remembered()
        well = ran(name, Path(facts))
        if well:
            kit.restore(before)
        print("done" if well else "failed", file=answers, flush=True)
        if not well:
            break
    kit.leave(0)


def ran(name: str, facts: Path) -> bool:
    """Run one; what it returns is written down for whoever asked. False where it failed."""
    [scenario] = [getattr(module, name) for module in MODULES if hasattr(module, name)]
    try:
        found = scenario(**json.loads(facts.read_text()))
    except BaseException:  # noqa: BLE001 - shown by the test
        traceback.print_exc()
        return False
    facts.with_suffix(".out.json").write_text(json.dumps(found))
    return True


if __name__ == "__main__":
    main()

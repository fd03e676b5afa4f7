"""Runs one scenario inside Blender: run.py SCENARIO FACTS.json; writes FACTS.out.json."""

from __future__ import annotations

import faulthandler
import json
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy  # noqa: F401 - before anything of Blender's
import kit
import scenarios
import scenarios_engines
import scenarios_lost
import scenarios_rights
import scenarios_session
import scenarios_told
import scenarios_train
import scenarios_trust

MODULES = (
    scenarios,
    scenarios_engines,
    scenarios_lost,
    scenarios_rights,
    scenarios_session,
    scenarios_told,
    scenarios_train,
    scenarios_trust,
)


faulthandler.enable()


def main() -> None:
    """Run it; what it returns is written down for whoever asked."""
    name, facts = sys.argv[1], Path(sys.argv[2])
    [scenario] = [getattr(module, name) for module in MODULES if hasattr(module, name)]
    try:
        found = scenario(**json.loads(facts.read_text()))
    except BaseException:  # noqa: BLE001 - shown by the test
        traceback.print_exc()
        kit.leave(1)
    facts.with_suffix(".out.json").write_text(json.dumps(found))
    kit.leave(0)


if __name__ == "__main__":
    main()

"""Options of all that Recaster does, each stated once: default, help, range and choices are one field's.

Flags and their help (``cli.flags``), the reading and checking of requests (``settings.messages``) and the
add-on's controls follow from these dataclasses, and from what they can be (``choices``, ``formats``). Nothing
heavy is imported here, so help stays instant; ``settings.look_file`` loads that part when it is asked for.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """A part that wasn't imported before: dataclasses take long to make, which Blender would wait for."""
        if name.startswith("_") or find_spec(f"{__name__}.{name}") is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"{__name__}.{name}")

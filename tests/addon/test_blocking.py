"""Blender's main thread never waits for the add-on, in real Blenders and with a real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.addon.conftest import Blender

MAX_CALL_S = 0.05
"""Seconds of the processor, as other work on the machine doesn't count; the longest call takes half of it."""
MAX_LOADED = 140
"""Modules, of the add-on and of Python, that its start loads; a start takes as long as they do."""
MAX_RUNS = 3
HEAVY = (
    "asyncio", "cv2", "fractions", "google", "grpc", "hashlib", "numpy", "recaster.api", "recaster.client",
    "ssl", "subprocess",
)  # fmt: skip


def test_the_start_is_short(blender: Blender, tmp_path: Path) -> None:
    found = blender.run_alone("started", tmp_path)
    assert [name for name in found["loaded"] if name.startswith(HEAVY)] == []
    options = {name for name in found["loaded"] if name.startswith("recaster.settings.")}
    assert options == {f"recaster.settings.{name}" for name in ("choices", "formats", "paths", "rights")}
    assert len(found["loaded"]) <= MAX_LOADED


def test_nothing_blocks(newest_blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    runs = _repeat(
        lambda: newest_blender.run_alone("unblocked", tmp_path, **facts),
        lambda each: max(each["longest"].values()) <= MAX_CALL_S * max(1.0, each["pace"]),
    )
    found = runs[-1]
    assert found["begun"] == []
    assert found["met"] == []
    assert {"grpc", "__call__", "decompressobj"} <= set(found["threads"])
    assert {"timer", "load_post", "preview", "swap", "RECASTER_PT_jobs"} <= found["longest"].keys()
    # What is slow by itself is so each time; a busy machine makes now this slow and now that.
    least = {
        name: min(run["longest"].get(name, 0.0) / max(1.0, run["pace"]) for run in runs)
        for name in found["longest"]
    }
    assert {name: spent for name, spent in least.items() if spent > MAX_CALL_S} == {}


def _repeat(
    run: Callable[[], dict[str, Any]], is_good: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Results of a run that is repeated until one is good, at most ``MAX_RUNS`` times."""
    results = [run()]
    while not is_good(results[-1]) and len(results) < MAX_RUNS:
        results.append(run())
    return results

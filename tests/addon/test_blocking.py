"""Blender's main thread never waits for the add-on, in real Blenders and with a real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.addon.conftest import Blender

MAX_CALL_S = 0.05
"""Seconds of the processor, as other work on the machine doesn't count; the longest call takes half of it."""
MAX_START_S = 0.1
"""The same, for what takes half of it where the machine does nothing else."""
HEAVY = (
    "asyncio", "cv2", "fractions", "google", "grpc", "hashlib", "numpy", "recaster.api", "recaster.client",
    "ssl", "subprocess",
)  # fmt: skip


def test_the_start_is_short(blender: Blender, tmp_path: Path) -> None:
    found = blender.run_alone("started", tmp_path)
    assert [name for name in found["loaded"] if name.startswith(HEAVY)] == []
    options = {name for name in found["loaded"] if name.startswith("recaster.settings.")}
    assert options == {f"recaster.settings.{name}" for name in ("choices", "formats", "paths", "rights")}
    assert found["seconds"] < MAX_START_S


def test_nothing_blocks(newest_blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    found = newest_blender.run_alone("unblocked", tmp_path, **facts)
    assert found["begun"] == []
    assert found["met"] == []
    assert {"grpc", "__call__", "decompressobj"} <= set(found["threads"])
    assert {"timer", "load_post", "preview", "swap", "RECASTER_PT_jobs"} <= found["longest"].keys()
    assert {name: spent for name, spent in found["longest"].items() if spent > MAX_CALL_S} == {}

"""Preparations for confined workers at an engine's start."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path

from recaster.processes.spawn import environment


async def compile_ahead() -> None:
    """Compiles Recaster's modules, and all packages, where they aren't compiled yet.

    A worker that had to compile what it imports couldn't keep that, and would do it again every time.
    """
    folders = await asyncio.to_thread(_uncompiled)
    if not folders:
        return
    command = [sys.executable, "-m", "compileall", "-qq", *folders]
    process = await asyncio.create_subprocess_exec(*command, env=environment(), stdin=subprocess.DEVNULL)
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()


def _uncompiled() -> list[str]:
    own = Path(__file__).parents[1]
    packages = Path(sysconfig.get_path("purelib"))
    heavy = [packages / name / "__init__.py" for name in ("numpy", "cv2", "keras", "tensorflow")]
    return [
        str(folder)
        for folder, modules in ((own, own.rglob("*.py")), (packages, filter(Path.is_file, heavy)))
        if not all(map(_is_compiled, modules))
    ]


def _is_compiled(module: Path) -> bool:
    try:
        made = Path(importlib.util.cache_from_source(module)).stat().st_mtime
    except OSError:
        return False
    return made >= module.stat().st_mtime


def unconfined() -> str:
    """Describes what this system doesn't let workers give up; empty where they can give up all.

    A process is started to try it.
    """
    if sys.platform != "linux":
        return (
            "workers keep the network, other files and all system calls: only Linux lets them give those up"
        )
    tried = "from recaster.jobs.confinement import trial; print(*trial(), sep='; ')"
    command = [sys.executable, "-c", tried]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    kept = ended.stdout.strip() if ended.returncode == 0 else "trying it failed"
    return f"workers can't be confined as they should be: {kept}" if kept else ""

"""What can compute here, found out without loading a network."""

from __future__ import annotations

import functools
import shutil
import subprocess


@functools.cache
def devices() -> tuple[str, ...]:
    """What can compute, the best first: "gpu" where an NVIDIA driver shows one, and always "cpu"."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return ("cpu",)
    try:
        found = subprocess.run([command, "-L"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ("cpu",)
    return ("gpu", "cpu") if found.returncode == 0 and "GPU 0" in found.stdout else ("cpu",)

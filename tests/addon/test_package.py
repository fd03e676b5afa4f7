"""Blender's own tool takes what is packed without it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.addon.conftest import ROOT, zip_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.addon.conftest import Blender


def test_blender_takes_the_packages_and_their_repository(
    blender: Blender, repository: Path, tmp_path: Path
) -> None:
    [tool] = (ROOT / ".blender" / blender.version).glob(
        "lib/python*/site-packages/bpy/*/scripts/*/bl_pkg/cli/blender_ext.py"
    )

    def ask(*command: object) -> str:
        python = ROOT / ".blender" / blender.version / "bin" / "python"
        done = subprocess.run([python, tool, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    made = zip_for(repository, blender.version)
    ask("validate", made)
    address = (repository / "index.json").as_uri()
    ask("sync", "--local-dir", tmp_path, "--remote-url", address)
    assert "recaster" in ask("list", "--local-dir", tmp_path, "--remote-url", address)

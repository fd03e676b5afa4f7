"""The rooms of the house: who may import whom, and what the thin install must not need."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

PACKAGE = Path(__file__).resolve().parents[1] / "engine" / "recaster"
FOUNDATIONS = {
    "errors",
    "files",
    "progress",
    "stderr_filter",
    "still_images",
    "texts",
    "weights_registry",
    "zips",
}
ORDER = (
    "api", "settings", "processes", "client", "store", "provenance", "media", "models", "networks", "faces",
    "facesets", "appearance", "likeness", "training", "swapping", "evaluation", "report", "benchmarks",
    "jobs", "service", "cli",
)  # fmt: skip


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> set[str]:
    """The rooms that a file imports anywhere, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {room_of(name) for name in names if name.startswith("recaster")}
    return {room for room in found if room in ORDER}


def test_every_room_has_a_place() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == set(ORDER)


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_run_downwards(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in FOUNDATIONS | {"__init__"}:
        assert not imports(path)
    else:
        assert all(ORDER.index(other) <= ORDER.index(room) for other in imports(path))


@pytest.mark.parametrize(
    "module", ["recaster", "recaster.client", "recaster.cli.main", "recaster.service.server"]
)
def test_thin_modules_need_no_engine(module: str) -> None:
    heavy = "('numpy', 'cv2', 'av', 'tensorflow', 'keras', 'dlib')"
    script = f"import sys, {module}; sys.exit(','.join(name for name in {heavy} if name in sys.modules) or 0)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_help_is_thin_too() -> None:
    script = (
        "import sys; from recaster.cli.main import parser; parser().format_help();"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("command", [["probe", "{clip}"], ["swap", "--help"], ["faceset", "info", "{faces}"]])
def test_light_commands_load_no_network(
    command: list[str], actors: Path, actor_faceset: Faceset, tmp_path: Path
) -> None:
    given = [part.format(clip=actors / "likeness.mp4", faces=actor_faceset.folder) for part in command]
    heavy = "('tensorflow', 'keras', 'dlib', 'onnxruntime', 'moviepy')"
    script = (
        "import contextlib, sys\n"
        "from recaster.cli.main import main\n"
        f"with contextlib.suppress(SystemExit): main({given!r})\n"
        f"sys.exit(','.join(name for name in {heavy} if name in sys.modules) or 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout

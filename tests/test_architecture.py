"""Packages in their order, imports without circles, and the parts that need no heavy library."""

from __future__ import annotations

import ast
import graphlib
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
    "locks",
    "progress",
    "stderr_filter",
    "still_images",
    "texts",
    "weights_registry",
    "zips",
}
ORDER = (
    "api", "settings", "processes", "client", "isobmff", "store", "storage", "provenance", "media",
    "cluster", "timelines", "models", "networks", "faces", "facesets", "appearance", "likeness", "training",
    "swapping", "masking", "evaluation", "report", "operations", "benchmarks", "jobs", "service", "cli",
)  # fmt: skip


def package_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> set[str]:
    """Packages that a file imports anywhere, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {package_of(name) for name in names if name.startswith("recaster")}
    return {package for package in found if package in ORDER}


def test_everything_has_its_place() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert packages == set(ORDER)
    assert {path.stem for path in PACKAGE.glob("*.py")} == FOUNDATIONS | {"__init__"}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_run_downwards(path: Path) -> None:
    package = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if package in FOUNDATIONS | {"__init__"}:
        assert not imports(path)
    else:
        assert all(ORDER.index(other) <= ORDER.index(package) for other in imports(path))


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


def test_a_swap_doesn_t_wait_for_scipy() -> None:
    modules = "recaster.swapping.pipeline, recaster.swapping.guided, recaster.operations.swap"
    script = f"import sys, {modules}; sys.exit('scipy' in sys.modules)"
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


ROOT = PACKAGE.parents[1]
ADDON_MAY_IMPORT = {
    "recaster.api", "recaster.client", "recaster.errors", "recaster.files", "recaster.isobmff",
    "recaster.locks", "recaster.progress", "recaster.provenance.legal_basis",
    "recaster.provenance.picture_list", "recaster.provenance.policy", "recaster.settings",
    "recaster.store.folder", "recaster.zips",
}  # fmt: skip
"""The thin parts of the engine that the add-on needs; each has to run in Blender's own Python."""


def module_files() -> dict[str, Path]:
    """All modules of the engine and the add-on by their dotted names; a package is its __init__.py."""
    found = {}
    for root in (PACKAGE.parent, ROOT):
        for path in (PACKAGE if root == PACKAGE.parent else ROOT / "addon").rglob("*.py"):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imported_modules(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """The modules that a file imports, in functions too, but not for its annotations alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for node in ast.walk(block)
    }
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            inside = {f"{base}.{alias.name}" for alias in node.names}
            found |= {one if one in known else base for one in inside}
    return found & known.keys()


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_files_import_each_other_in_a_circle() -> None:
    known = module_files()
    assert find_circle({name: imported_modules(name, path, known) for name, path in known.items()}) == []


def test_circles_are_found() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) in (["b", "c", "b"], ["c", "b", "c"])
    assert find_circle({"a": {"a"}, "b": set()}) == ["a", "a"]
    assert find_circle({"a": {"b"}, "b": set()}) == []


def test_the_add_on_needs_the_thin_parts_only() -> None:
    wrong = set()
    for path in (ROOT / "addon").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "recaster":
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name.split(".")[0] == "recaster"]
            else:
                continue
            for name in names:
                parts = name.split(".")
                if not any(".".join(parts[:end]) in ADDON_MAY_IMPORT for end in range(2, len(parts) + 1)):
                    wrong.add(name)
    assert wrong == set()


FEATURES = ("engine", "rights", "swap", "mend", "monitor", "train")
"""The add-on's folders; each may import those before it."""


def test_the_add_ons_features_import_downwards() -> None:
    wrong = set()
    known = module_files()
    for name, path in known.items():
        feature = name.split(".")[1] if name.startswith("addon.") and name.count(".") == 2 else ""
        for other in imported_modules(name, path, known) if feature in FEATURES else ():
            below = other.split(".")[1] if other.count(".") == 2 else ""
            if below in FEATURES and FEATURES.index(below) > FEATURES.index(feature):
                wrong.add((name, other))
    assert wrong == set()

"""Rules of CONTRIBUTING.md that a program can see: words, sizes, names of modules, tests of errors."""

from __future__ import annotations

import ast
import collections
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
TREES = ("addon", "engine", "scripts", "tests")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_PAIRS_PER_1000_LINES = 1.0
INTERROGATIVES = frozenset(
    {"how", "what", "when", "where", "whether", "which", "who", "whom", "whose", "why"}
)
SUPERLATIVE = re.compile(
    r"_*([A-Z0-9]+_)*(MOST|LEAST|FEWEST|LARGEST|SMALLEST|LONGEST|SHORTEST|HIGHEST|LOWEST|WIDEST|NARROWEST)(_|$)"
)
COMMANDS = frozenset({"cli", "handlers", "operations", "settings"})
"""Packages with a file for each thing to do; it is called as the module that does it."""
FAMILY_NAMES = frozenset({"__init__", "errors", "guided", "operators", "pairwise", "panels", "types"})
"""Names of modules with the same part in several packages."""


def files(*trees: str) -> list[Path]:
    found = [path for tree in trees for path in sorted((ROOT / tree).rglob("*.py"))]
    return [path for path in found if "api" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def asking_docstrings(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.ClassDef) and "bl_idname" in ast.unparse(node):
            continue  # Blender shows it as a tooltip
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = re.findall(r"\w+", ast.get_docstring(node) or "")
            if words and words[0].lower() in INTERROGATIVES:
                yield f"{name_of(path)}:{getattr(node, 'lineno', 1)}"


def superlative_constants(path: Path) -> Iterator[str]:
    for node in nodes(path):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and SUPERLATIVE.match(target.id):
                yield f"{name_of(path)}:{target.lineno} {target.id}"


def long_functions(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{name_of(path)}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize("violations", [asking_docstrings, superlative_constants, long_functions])
@pytest.mark.parametrize("tree", TREES)
def test_every_file_keeps_the_rules(tree: str, violations: Callable[[Path], Iterator[str]]) -> None:
    assert [found for path in files(tree) for found in violations(path)] == []


@pytest.mark.parametrize("tree", TREES)
def test_files_are_short(tree: str) -> None:
    lengths = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in files(tree)}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


@pytest.mark.parametrize("tree", TREES)
def test_two_thoughts_are_two_lines(tree: str) -> None:
    lines = 0
    pairs = []
    for path in files(tree):
        lines += path.read_text(encoding="utf-8").count("\n")
        pairs += [
            f"{name_of(path)}:{node.lineno}"
            for node in nodes(path)
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
            and len(node.targets[0].elts) == len(node.value.elts)
        ]
    assert 1000 * len(pairs) / lines <= MAX_PAIRS_PER_1000_LINES, pairs


@pytest.mark.parametrize("tree", ["engine", "addon"])
def test_names_of_modules_are_unique(tree: str) -> None:
    packages = collections.defaultdict(set)
    for path in files(tree):
        is_language = path.parent.parent.name == "translations"  # each has a file for each folder of texts
        if path.stem not in FAMILY_NAMES and path.parent.name not in COMMANDS and not is_language:
            packages[path.stem].add(path.parent.name)
    assert {name: places for name, places in packages.items() if len(places) > 1} == {}


def stand_ins(path: Path) -> Iterator[tuple[str, ast.Lambda | ast.FunctionDef]]:
    """Functions that a test puts in the place of the product's, each with the place of it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    imported = {
        name.asname or name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
        if (getattr(node, "module", None) or name.name).startswith("recaster")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".setattr") and len(node.args) > 1:
            owner = ast.unparse(node.args[0]).strip("'")
            new = node.args[-1]
            made = named.get(new.id) if isinstance(new, ast.Name) else new
            is_product = owner in imported or owner.startswith("recaster.")
            if is_product and isinstance(made, ast.Lambda | ast.FunctionDef):
                yield f"{name_of(path)}:{node.lineno}", made


def test_stand_ins_that_take_anything_take_options_too() -> None:
    places = [stand_in for path in files("tests") for stand_in in stand_ins(path)]
    assert len(places) > 50
    assert [place for place, made in places if made.args.vararg and not made.args.kwarg] == []


def test_tests_of_errors_say_which_one() -> None:
    vague = [
        f"{name_of(path)}:{node.lineno} {ast.unparse(node.args[0])}"
        for path in files("tests")
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "pytest.raises"
        and not any(keyword.arg == "match" for keyword in node.keywords)
        and ast.unparse(node.args[0]).endswith("Error")
    ]
    assert vague == []

"""Lists the texts of the Blender add-on that can be translated, as entries of a language's dictionary.

Usage: .venv/bin/python scripts/translatable_texts.py [LANGUAGE]

With a language of addon/translations (de_DE, say) only what it lacks is listed.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.settings import choices, formats, rights

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
ADDON = ROOT / "addon"
TRANSLATIONS = ADDON / "translations"
ENGINE = ROOT / "engine" / "recaster"
PROSE = re.compile(r"[A-Za-z{%][^\\|~\n]*\s[^\\|~\n]*|Original \| Face Swap")
"""Two words and more, but no pattern, path or program."""
NAME = re.compile(r"[A-Z][a-z][a-z .&]*|[A-Z][A-Za-z]* Mask")
SHOWN = {"text", "title", "message", "confirm_text", "name", "description", "placeholder"}
"""Keywords of layouts, dialogs and properties whose texts are looked up."""
UNSHOWN = {
    "another engine serves this folder", "listened on", "address already in use", "C:/Program Files",
    "Video Sequence Editor", "import ai_edge_litert, av, c2pa, cv2, dlib, numpy, scipy, tensorflow, recaster",
    "Recaster Engine Log", "Recaster Installation Log", "Recaster Preview", "Recaster mask",
    "recaster: error: ", "Error: ", "recaster", "recaster-install", "Recaster", "MB", "Kalman",
}  # fmt: skip
"""What others say, and names of data, which are the same in every language."""
CHOICES = (
    choices.FALLBACKS, choices.SMOOTHINGS, choices.COLOURS, choices.MASKS, choices.PARTS, rights.LEGAL_BASES,
    choices.LABELS, choices.LANGUAGES, choices.RESULTS,
)  # fmt: skip
"""Choices of the engine that are menus of the add-on."""
CODECS = (formats.CODECS, *formats.PROFILES.values())
"""The same whose titles are names, which no language has others for."""


def texts() -> list[str]:
    """All texts, each once, in the order of their places."""
    found: dict[str, None] = {}
    for path in sorted(ADDON.rglob("*.py")):
        if path.parent.parent != TRANSLATIONS:
            found |= dict.fromkeys(texts_of(path))
    found |= dict.fromkeys(engine_texts())
    return [text for text in found if text and text not in UNSHOWN]


def texts_of(path: Path) -> Iterator[str]:
    """Texts of a module of the add-on that are shown: sentences, and what is called by one word."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    code = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    code |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    code |= {id(part) for node in ast.walk(tree) if is_nameless(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in code and is_prose(node.value):
            yield node.value
        elif isinstance(node, ast.ClassDef):
            yield from tooltips(node)
        elif isinstance(node, ast.Call) and not is_nameless(node):
            yield from words_of_call(node)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper():
            for each in ast.walk(node.value):
                if isinstance(each, ast.Constant) and is_name(each.value):
                    yield each.value
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "bl_label":
            yield ast.literal_eval(node.value)


def is_nameless(node: ast.AST) -> bool:
    """Tells if a call makes a property that no panel draws."""
    is_property = isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Property")
    return is_property and "name" not in {one.arg for one in node.keywords}


def is_prose(value: Any) -> bool:
    """Tells if a literal is a sentence, or a template of one."""
    return isinstance(value, str) and PROSE.fullmatch(value) is not None


def is_name(value: Any) -> bool:
    """Tells if a literal is a word that people are shown."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def tooltips(node: ast.ClassDef) -> Iterator[str]:
    """The docstring of an operator or a menu, which Blender shows where there is no description."""
    named = {ast.unparse(one.targets[0]) for one in node.body if isinstance(one, ast.Assign)}
    is_told = not re.search("Panel|UIList|Preferences", ast.unparse(node).partition(":")[0])
    if "bl_idname" in named and "bl_description" not in named and is_told:
        yield ast.get_docstring(node) or ""


def words_of_call(node: ast.Call) -> Iterator[str]:
    """Single words that a call shows, or looks up, and entries of menus."""
    called = ast.unparse(node.func)
    given = [one.value for one in node.keywords if one.arg in SHOWN]
    if called in ("translate", "translate_count"):
        given += node.args
    for argument in given:
        for each in choices_in(argument):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield each.value
    for keyword in node.keywords:
        if keyword.arg == "items":
            yield from (one.value for one in ast.walk(keyword.value) if isinstance(one, ast.Constant)
                        and is_name(one.value))  # fmt: skip


def choices_in(node: ast.expr) -> Iterator[ast.expr]:
    """The alternatives of an expression."""
    if isinstance(node, ast.IfExp | ast.BoolOp):
        parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values
        for one in parts:
            yield from choices_in(one)
    else:
        yield node


def engine_texts() -> Iterator[str]:
    """Words of the engine: its choices, the stages of its work, reasons for frames that weren't swapped."""
    from recaster.swapping import coverage

    messages = module("messages")
    for group in CHOICES:
        for choice in group.values():
            yield from (messages.american(choice.title), messages.american(choice.text))
    yield from (messages.american(choice.text) for group in CODECS for choice in group.values())
    yield from rights.LEGAL_BASES
    tree = ast.parse((ENGINE / "provenance" / "legal_basis.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "translate":
            yield from words_of_call(node)
    for template in coverage.SENTENCES.values():
        yield from (template.format(amount=amount) for _, amount in coverage.AMOUNTS)
    yield from stages()


def stages() -> Iterator[str]:
    """Stages of the engine's work, and units in which it is counted."""
    for path in sorted(ENGINE.rglob("*.py")):
        if path.relative_to(ENGINE).parts[0] in ("benchmarks", "cli"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Update":
                for place, argument in enumerate(node.args):
                    if isinstance(argument, ast.Constant) and place in (0, 3):
                        yield (
                            argument.value[:1].upper() + argument.value[1:] if place == 0 else argument.value
                        )


def module(name: str) -> Any:
    """A module of the add-on that knows nothing of Blender, in a package of its own."""
    package = sys.modules.setdefault("addon_texts", types.ModuleType("addon_texts"))
    package.__path__ = [str(ADDON)]
    return importlib.import_module(f"addon_texts.{name}")


def main() -> None:
    """Writes them."""
    known = module("translations").texts_of(sys.argv[1]) if len(sys.argv) > 1 else {}
    for text in texts():
        if text not in known:
            print(f'    {json.dumps(text, ensure_ascii=False)}: "",')


if __name__ == "__main__":
    main()

"""Every text that is shown can be translated: whole, once, with the values that its template names."""

from __future__ import annotations

import ast
import re
import string
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.addon.installs import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.addon.conftest import Blender

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "addon"
LOOKED_UP = ("translate", "translate_count")
LANGUAGES = sorted(
    path.name for path in (ADDON / "translations").iterdir() if (path / "__init__.py").exists()
)
NAMES_ONLY = re.compile(
    r"Recaster: |Bearer |Python|(STRIP_)?COLOR_|(person|clip|swap|job|preview|before|curve of|sheet of|dot) "
    r"| \(strip\)| \(Face Matte \)"
)
"""Words in formatted strings that no language has others for: names of the product, of files, of strips."""
KEYMAPS = {"Video Sequence Editor"}
"""Names of Blender's own."""
LAYOUTS = {"label", "operator", "menu", "popover", "prop", "progress", "operator_menu_enum"}
DIALOGS = {"invoke_props_dialog", "invoke_confirm", "popup_menu"}
DIALOG_TEXTS = {"title", "message", "confirm_text"}
TABLES = re.compile(r"TITLES\[\w+]|\w+\.bl_label|[A-Z_]+")
"""Texts in tables, classes and constants, which Blender looks up by itself."""


@pytest.fixture(scope="module")
def listing() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
        return import_module("translatable_texts")


MODULES = [path for path in sorted(ADDON.rglob("*.py")) if path.parent.name not in LANGUAGES]
each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ADDON)))


def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in nodes(path) if isinstance(node, ast.Call))


def alternatives(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.IfExp):
        yield from alternatives(node.body)
        yield from alternatives(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for one in node.values:
            yield from alternatives(one)
    else:
        yield node


def is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


@each_module
def test_no_text_is_glued_together(path: Path) -> None:
    glued = []
    for node in nodes(path):
        if isinstance(node, ast.JoinedStr):
            said = "".join(str(one.value) for one in node.values if isinstance(one, ast.Constant))
            is_words = re.search(r"[A-Za-z]{2,}", said) and (" " in said or said[:1].isupper())
            if is_words and not NAMES_ONLY.fullmatch(said):
                glued.append((node.lineno, said))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            glued += [(node.lineno, one.value) for one in (node.left, node.right) if is_text(one)]
    assert glued == []


@each_module
def test_what_blender_does_not_look_up_is_looked_up_here(path: Path) -> None:
    raw = []
    for node in nodes(path):
        given: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in ("poll_message_set", "push_undo_step", "status_text_set", "run"):
                given = list(node.args[:1])
            elif name in ("words", "fail", "report"):
                given = list(node.args[1:2])
            elif name in DIALOGS:
                given = [one.value for one in node.keywords if one.arg in DIALOG_TEXTS]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            given = list(node.exc.args[:1])
        elif isinstance(node, ast.Return) and node.value is not None:
            given = [node.value]
        texts = [one for value in given if value is not None for one in alternatives(value)]
        raw += [(one.lineno, one.value) for one in texts if isinstance(one, ast.Constant) and is_text(one)]
    assert [text for text in raw if text[1] not in KEYMAPS] == []


@each_module
def test_what_was_translated_or_named_is_not_looked_up_again(path: Path) -> None:
    twice = []
    for node in calls(path):
        given = {one.arg: one.value for one in node.keywords}
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in LAYOUTS or "text" not in given:
            continue
        texts = list(alternatives(given["text"]))
        is_written_out = all(isinstance(one, ast.Constant) for one in texts)
        if not is_written_out and not TABLES.fullmatch(ast.unparse(texts[0])) and "translate" not in given:
            twice.append((node.lineno, ast.unparse(given["text"])))
    assert twice == []


@each_module
def test_labels_are_looked_up_in_the_add_ons_own_context(path: Path) -> None:
    bare = []
    for node in calls(path):
        given = {one.arg: one.value for one in node.keywords}
        is_label = isinstance(node.func, ast.Attribute) and node.func.attr in ("label", "progress")
        if is_label and {"text_ctxt", "translate"}.isdisjoint(given):
            texts = alternatives(given.get("text", ast.Constant("")))
            bare += [node.lineno for one in texts if not isinstance(one, ast.Constant) or one.value]
    assert bare == []


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def templates_of(node: ast.expr, path: Path) -> Iterator[str]:
    """Templates that an argument may be: written out, in a local name, or a constant of any module."""
    for one in alternatives(node):
        if isinstance(one, ast.Constant):
            yield str(one.value)
        name = one.id if isinstance(one, ast.Name) else one.attr if isinstance(one, ast.Attribute) else ""
        for each in nodes(path) if name.islower() else CONSTANTS.get(name, []):
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name:
                values = alternatives(each.value)
                yield from (str(value.value) for value in values if isinstance(value, ast.Constant))


CONSTANTS: dict[str, list[ast.AST]] = {}
for _node in (node for path in MODULES for node in nodes(path) if isinstance(node, ast.Assign)):
    CONSTANTS.setdefault(ast.unparse(_node.targets[0]), []).append(_node)


def test_every_template_gets_the_values_that_it_names() -> None:
    wrong = []
    compared = 0
    for path in MODULES:
        for node in calls(path):
            name = ast.unparse(node.func)
            if name not in LOOKED_UP or any(one.arg is None for one in node.keywords):
                continue
            given = {str(one.arg) for one in node.keywords} | ({"count"} if name == LOOKED_UP[1] else set())
            wanted = [templates_of(one, path) for one in node.args[: 1 if name == LOOKED_UP[0] else 2]]
            texts = [text for one in wanted for text in one if fields(text) or given]
            compared += len(texts)
            is_local = isinstance(node.args[0], ast.Name) and node.args[0].id.islower()
            if is_local:  # a name may be given several texts, one of which this call is for
                texts = [] if any(fields(text) == given for text in texts) else texts
            missing = [text for text in texts if not fields(text) <= given]
            unused = given - set().union(*map(fields, texts)) if texts else set()
            if missing or unused:
                wrong.append((path.name, node.lineno, missing, unused))
    assert wrong == []
    assert compared > 150


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_every_text_and_no_other_values(language: str, listing: Any) -> None:
    [translations] = load("translations")
    known = translations.texts_of(language)
    every = listing.texts()
    assert len(every) > 800
    assert [text for text in every if text not in known] == []
    assert sorted(known.keys() - set(every)) == []
    assert [text for text, said in known.items() if sorted(fields(text)) != sorted(fields(said))] == []


def test_a_text_without_translation_stays_as_it_is() -> None:
    [translations] = load("translations")
    assert translations.translate("{count} strips", count=2) == "2 strips"
    assert translations.translate_count("{count} strip", "{count} strips", 1) == "1 strip"
    assert translations.texts_of("xx_XX") == {}


def test_whatever_is_drawn_is_in_blenders_language(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("spoken", tmp_path, **facts)
    shown = {text for texts in found["shown"].values() for text in texts}
    assert len(shown) > 40
    assert "[Face Swap]" in shown
    assert [text for text in shown if "[[" in text] == []
    plain = [text for text in shown if "[" not in text and re.search(r"[A-Za-z]{2,}", text)]
    assert [text for text in plain if text not in found["names"] and facts["engine"] not in text] == []
    assert [text for text in found["reasons"] if not text.startswith("[")] == []
    assert len(found["reasons"]) > 10


def test_only_tooltips_are_found_without_the_add_ons_own_context(blender: Blender, tmp_path: Path) -> None:
    found = blender.run("tooltips", tmp_path)
    assert len(found["without"]) > 150
    assert sorted(found["without"]) == sorted(found["described"])
    assert not {"Face", "Person", "Delete", "Folder", "Engine", "Look"} & set(found["without"])
    assert found["own"] == found["texts"]

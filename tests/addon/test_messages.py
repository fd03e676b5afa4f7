"""Whatever the add-on can show is in an editor's words: no commands, options or programmers' terms."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.addon.installs import load

from recaster.client import errors
from recaster.errors import ConsentError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "addon"
MODULES = [path for path in sorted(ADDON.rglob("*.py")) if path.parent.parent.name != "translations"]
"""Those with English texts."""
ENGINE = ROOT / "engine" / "recaster"
messages: Any
[messages] = load("messages")

TERMINAL = re.compile(
    r"`|\brecaster [a-z]|(?<![\w-])--?[a-z]|RECASTER_|HOST:PORT|\bgrpc\b|\bipv4:|\bstderr\b|\.venv"
    r"|\.py\b|\./\w|\b[Tt]erminal\b"
    r"|\bcommand line\b|\bPATH\b(?!_)|\bexit code\b|\bTraceback\b|\bpip\b|\bCLI\b|\w+\.pem\b"
)
"""Written down here once more: a hole in the add-on's own pattern must show."""
UNSEEN = {
    "__init__.py": {"[a-z]*.py"},
    "install_files.py": {"-python"},
    "installer.py": {
        "--progress-bar=raw", "--no-deps", "--no-input", "--no-cache-dir", "--disable-pip-version-check",
        "--no-warn-script-location", "--require-hashes", "--no-build-isolation", "--only-binary=:all:",
        "--no-index", "--version", "--target", "-m", "-r", "-c",
    },
    "pythons.py": {
        "--python-preference", "--python", "--version", "--require-hashes", "--no-deps", "-m", "-c", "-r",
    },
    "release.py": {"--hash=sha256:"},
    "local.py": {"--listen", "--data", "blender-engine.json"},
    "local_process.py": {"-o", "-p", "-c"},
    "messages.py": None,  # holds the patterns themselves
    "presets.py": {"own=bpy.types.RECASTER_PT_strip_presets.settings(bpy.context)"},
    "render_signing.py": {"--out", "--swap"},
    "result_parts.py": {"-face", "-matte", "-overlay", "-anonymized"},
}  # fmt: skip
"""Literals that nobody is shown: what programs are started with, ends of the names of files."""
NAMES = re.compile(r"~?/[\w./ ]+|\.?[\w./]+|[A-Z_]+")


def literals(path: Path) -> Iterator[str]:
    """All texts of a module but what explains its code; an operator's own docstring is its tooltip."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            unseen.add(id(node.value))
        if isinstance(node, ast.ClassDef) and any("Operator" in ast.unparse(base) for base in node.bases):
            yield ast.get_docstring(node) or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unseen:
            yield node.value


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ADDON)))
def test_no_text_of_the_addon_is_about_a_terminal(path: Path) -> None:
    unseen = UNSEEN.get(path.name, set())
    if unseen is None:
        return
    texts = [one for one in literals(path) if one not in unseen and not NAMES.fullmatch(one)]
    assert [one for one in texts if TERMINAL.search(one) and not one.startswith("\nimport")] == []


BRITISH = re.compile(
    r"\b(\w*colour\w*|gr[e]y\w*|behaviour\w*|centred?|cancell(ed|ing)|licences?|neighbour\w*|labelled"
    r"|catalogue|\w+(anonym|normal|optim|organ|recogn)is(e|ed|es|ing|ation))\b",
    re.IGNORECASE,
)
IDENTIFIER = re.compile(r"\s*[\w.*=,:{}/ -]*_[\w.*=,:{}/ -]*|\S+")
"""A word of the interface or of Blender's data, which nobody is shown as such."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ADDON)))
def test_texts_are_spelled_as_blender_spells(path: Path) -> None:
    if path.name == "messages.py":
        return
    texts = [one for one in literals(path) if not IDENTIFIER.fullmatch(one)]
    assert [one for one in texts if BRITISH.search(one)] == []


def test_choices_of_the_engine_are_spelled_as_blender_spells() -> None:
    said = "the colours of grey.mov and my-colour.png aren't recognised: a grey neighbour, Cancelled"
    spelled = "the colors of grey.mov and my-colour.png aren't recognized: a gray neighbor, Canceled"
    assert messages.american(said) == spelled


def test_names_in_what_an_engine_says_are_never_respelled() -> None:
    assert messages.plain("there is no model colour, and no grey centre") == (
        "There is no model colour, and no grey centre"
    )


def test_what_is_said_for_a_reason_is_an_editors() -> None:
    for said in (*messages.OF_REASON.values(), messages.UNKNOWN):
        assert not TERMINAL.search(said)
        assert said[0].isupper()


SILENT = {"api", "benchmarks", "cli", "evaluation", "generated", "report"}
"""Packages whose words reach no add-on."""
FILE_WRITERS = {"mesh_file.py"}
"""Modules whose words are those of a file's format; errors are raised elsewhere."""
SERVER = "/srv/recaster/data/blobs/ab/shot.mp4"
"""A file as an engine would know it."""


def told() -> Iterator[tuple[str, str]]:
    """Every text of engine and client that has words: errors, warnings, what a job waits for, progress."""
    for path in sorted(ENGINE.rglob("*.py")):
        if path.relative_to(ENGINE).parts[0] in SILENT or path.name in FILE_WRITERS:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {id(one) for node in ast.walk(tree) for one in _inside(node)}
        for node in ast.walk(tree):
            said = "" if id(node) in parts else filled(node)
            if " " in said.strip():
                yield path.name, said


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """Parts of longer texts, and texts that explain the code."""
    if isinstance(node, ast.JoinedStr):
        yield from ast.walk(ast.Module([*map(ast.Expr, node.values)], []))
    if isinstance(node, ast.BinOp) and filled(node):
        yield from (node.left, node.right)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value


def filled(node: ast.AST) -> str:
    """A literal, also one of several parts; what is filled in is a file of the engine's."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        said = ""
        for one in node.values:  # right behind a letter it is the ending of a word
            said += (
                str(one.value) if isinstance(one, ast.Constant) else "s" if said[-1:].isalpha() else SERVER
            )
        return said
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return filled(node.left) + filled(node.right)
    return ""


def test_whatever_an_engine_says_is_shown_as_an_editors_words() -> None:
    all_of_them = list(told())
    assert len(all_of_them) > 900
    wrong = []
    for where, said in all_of_them:
        shown = messages.plain(said)
        begins = shown[:1].isupper() or not shown[:1].isalpha()
        if TERMINAL.search(shown) or not begins or "srv" in shown or "blobs" in shown:
            wrong.append((where, said, shown))
    assert wrong == []


def test_what_an_editor_can_use_is_kept() -> None:
    assert messages.plain("no face was found in 60 frames") == "No face was found in 60 frames"
    assert (
        messages.plain("shot.mp4: holds no video; choose another")
        == "Holds no video; choose another (shot.mp4)"
    )
    said = "shot.mp4: no face was found; loosen --min-face, or see: recaster extract --help"
    assert messages.plain(said) == "No face was found (shot.mp4)"
    assert messages.plain("choose another --out (it is in use)").startswith("It is in use")
    assert messages.plain("Start one with: recaster serve") == messages.UNKNOWN
    assert messages.plain("") == "" or messages.plain("") == messages.UNKNOWN


@pytest.mark.parametrize(
    "said",
    [
        "\x1b[31mred\x1b[0m words", "\x1b]0;title\x07red words", "red\nwords", "red\u202e words",
        "\x9b1mred words", "red\r words\x00", "\u2066red words\u2069",
    ],
)  # fmt: skip
def test_what_an_engine_says_is_one_line_of_text(said: str) -> None:
    shown = messages.plain(said)
    assert shown == "Red words"
    assert messages.text("\x1b]8;;http://a\x1b\\Anna\x1b]8;;\x1b\\") == "Anna"
    assert len(messages.text("x" * 10_000)) == messages.MAX_LETTERS


def test_errors_are_told_by_their_reason() -> None:
    gone = errors.UnreachableError(
        "failed to connect to all addresses; ipv4:127.0.0.1:1", errors.Code.UNAVAILABLE
    )
    gone.reason = "UNAVAILABLE"
    assert messages.of_error(gone) == messages.OFFLINE
    missing = ConsentError("state it once, with --basis or --identity")
    assert messages.of_error(missing) == messages.OF_REASON["CONSENT_MISSING"]
    assert messages.of_error(FileNotFoundError(2, "No such file or directory", "/x/her.jpg")) == (
        "No such file or directory (/x/her.jpg)"
    )
    assert not TERMINAL.search(messages.of_error(ValueError("<grpc.Call object at 0x1>")))


REASON = re.compile(r"[A-Z]{2,}(?:_[A-Z]+)*")
OWN_WORDS = {
    "CLIP", "DAMAGED", "IMAGE", "FACESET", "MODEL", "INPUT", "USAGE", "FACE_NOT_FOUND", "TRAINING", "OUTPUT",
    "MANIFEST", "INVALID_FIELD", "NOT_FOUND",
}  # fmt: skip
"""Reasons whose own message may be about anything: it is told through ``plain``."""


def reasons() -> set[str]:
    """Every reason that an engine may give: those that the interface lists, and those in its code."""
    proto = (ROOT / "proto" / "recaster" / "v1" / "job.proto").read_text(encoding="utf-8")
    comment = proto[proto.index("message JobError") : proto.index("string reason = 1;")]
    found = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)*\b", comment))
    for path in (ENGINE / "errors.py", *(one for room in ("service", "jobs", "store", "provenance", "client")
                                         for one in (ENGINE / room).rglob("*.py"))):  # fmt: skip
        if path.name == "deletion.py":  # its report is the command line's
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name.endswith(("Error", "_error", "refused", "later")):
                given = [*node.args[:2], *(one.value for one in node.keywords if one.arg == "reason")]
            elif isinstance(node, ast.Assign) and "reason" in ast.unparse(node.targets[0]):
                given = list(ast.walk(node.value))
            else:
                continue
            texts = [one.value for one in given if isinstance(one, ast.Constant)]
            found |= {one for one in texts if isinstance(one, str) and REASON.fullmatch(one)}
    return found


def test_every_reason_has_words_or_is_told_as_it_is() -> None:
    found = reasons()
    assert {"ROLE", "QUOTA_EXCEEDED", "BUSY", "CONSENT_REVOKED", "STALLED", "TOKEN_REVOKED"} <= found
    assert found - OWN_WORDS - set(messages.OF_REASON) == set()


def test_jobs_say_why_in_an_editors_words() -> None:
    said = SimpleNamespace(
        reason="CONSENT_REVOKED", message="identity 022ce05c9194: run recaster identity attest"
    )
    job = SimpleNamespace(error=said, HasField=lambda name: name == "error")
    assert messages.of_job(job) == messages.REVOKED
    assert messages.of_job(SimpleNamespace(HasField=lambda _name: False)) == ""

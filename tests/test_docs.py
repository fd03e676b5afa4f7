"""The documents' links lead somewhere, and what they list is what there is."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from recaster.benchmarks.picture_matrix.results_page import COLUMNS
from recaster.cli.main import COMMANDS, parser
from recaster.evaluation.measures import MEASURES

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "docs/deploy/*.md", "scripts/*/*.md", "addon/*.md")
    for path in ROOT.glob(pattern)
)
SOURCES = sorted(
    path for pattern in ("engine/**/*.py", "addon/**/*.py", "proto/**/*.proto") for path in ROOT.glob(pattern)
)


def anchors(path: Path) -> set[str]:
    """Headings' anchors as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{path.name}: {link}"
        assert not anchor or anchor in anchors(there), f"{path.name}: {link}"


def test_documents_that_are_named_exist_with_the_sections_that_are_named() -> None:
    for path in [*DOCUMENTS, *SOURCES]:
        for name, section in re.findall(r'\b(docs/[\w-]+\.md)`?(?:, "([^"]+)")?', path.read_text()):
            there = ROOT / name
            assert there.is_file(), f"{path.relative_to(ROOT)} names {name}"
            if section:
                wanted = rf"^#+ {re.escape(section)}$"
                assert re.search(wanted, there.read_text(), re.MULTILINE), (
                    f"{path.relative_to(ROOT)}: {section}"
                )


def test_every_measure_is_explained_once() -> None:
    text = (ROOT / "docs" / "evaluation.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(rows) == sorted(MEASURES)
    assert set(COLUMNS) <= set(re.findall(r"`(\w+)`", text))


def options(words: list[str], of: argparse.ArgumentParser) -> set[str]:
    """Options of the command that the words begin with, or of what follows from it."""
    found = set(of._option_string_actions)
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction) and words and words[0] in action.choices:
            found |= options(words[1:], action.choices[words[0]])
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_that_are_shown_exist(path: Path) -> None:
    for line in re.findall(r"(?:^|`|\./|bin/)recaster ([a-z][^`\n#]*)", path.read_text(), re.MULTILINE):
        known = options(line.split(), parser())
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", line):
            assert option in known, f"{path.name}: recaster {line}: {option}"


def test_the_readme_names_every_command() -> None:
    table = re.findall(r"^\| (`recaster .*?) \| ", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {name for row in table for name in re.findall(r"`recaster ([a-z]+)", row)} == set(COMMANDS)

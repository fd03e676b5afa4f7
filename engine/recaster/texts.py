"""Words that somebody else chose, as text that does nothing but be read."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_TURNING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing."""


def escape(text: object, keep: str = "") -> str:
    r"""Escapes what isn't printable: ESC becomes ``\x1b``, a line's end ``\n``.

    Else a file's name, or what another client or an engine wrote, could move the cursor, rewrite what stands
    in the terminal, turn the direction of writing, or look like a line of ours. The characters of ``keep``
    are left as they are.
    """
    whole = str(text)
    if whole.isprintable():
        return whole
    return "".join(
        letter if letter.isprintable() or letter in keep else letter.encode("unicode_escape").decode()
        for letter in whole
    )


def without_folder(text: str, folder: Path) -> str:
    """A message without where a folder lies: of the files in it only their names are left."""
    for path in {str(folder), str(folder.absolute()), str(folder.resolve())}:
        if len(path) > 1:  # not what all paths begin with
            text = re.sub(re.escape(path) + r"(?![\w.-])/?(?:[^\s:,;'\"()]*/)?", "", text)
    return text


def has_control_characters(text: str, keep: str = "") -> bool:
    """Tells if a text holds what no name does: a control character, a line's end, a turning mark."""
    return not text.isprintable() and any(
        letter not in keep
        and (letter in _TURNING or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp"))
        for letter in text
    )


def escape_document(value: Any) -> Any:
    """Escapes all that isn't for reading in a JSON document's texts and keys (ValueError: too deep)."""
    try:
        return _escape_values(value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _escape_values(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value) if has_control_characters(value) else value
    if isinstance(value, dict):
        return {_escape_values(name): _escape_values(each) for name, each in value.items()}
    return [_escape_values(each) for each in value] if isinstance(value, list) else value

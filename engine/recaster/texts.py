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
    in the terminal, turn the direction of writing, or look like a line of ours.

    Args:
        text: what is to be shown.
        keep: characters that are left as they are.
    """
    whole = str(text)
    if whole.isprintable():
        return whole
    return "".join(
        one if one.isprintable() or one in keep else one.encode("unicode_escape").decode() for one in whole
    )


def without_folder(text: str, folder: Path) -> str:
    """A message without where a folder lies: of the files in it only their names are left."""
    for one in {str(folder), str(folder.absolute()), str(folder.resolve())}:
        if len(one) > 1:  # not what all paths begin with
            text = re.sub(re.escape(one) + r"(?![\w.-])/?(?:[^\s:,;'\"()]*/)?", "", text)
    return text


def has_control_characters(text: str, keep: str = "") -> bool:
    """Tells if a text holds what no name does: a control character, a line's end, a turning mark."""
    return not text.isprintable() and any(
        one not in keep and (one in _TURNING or unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp"))
        for one in text
    )


def escape_document(value: Any) -> Any:
    """A JSON document in whose texts, keys too, whatever isn't for reading is escaped as by ``escape``.

    Raises:
        ValueError: it is nested too deeply.
    """
    try:
        return _escape_values(value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _escape_values(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value) if has_control_characters(value) else value
    if isinstance(value, dict):
        return {_escape_values(name): _escape_values(one) for name, one in value.items()}
    return [_escape_values(one) for one in value] if isinstance(value, list) else value

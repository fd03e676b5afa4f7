"""Words that somebody else chose, as text that does nothing but be read."""

from __future__ import annotations


def shown(text: object, keep: str = "") -> str:
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


def has_controls(text: str, keep: str = "") -> bool:
    """Whether anything in it isn't printable, but for what is to be kept."""
    return not text.isprintable() and not all(one.isprintable() or one in keep for one in text)

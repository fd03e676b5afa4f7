# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in the language of Blender's interface, for modules that know Blender and those that don't.

Blender itself looks up names and descriptions of classes and properties, and texts that are written out for a
layout. All others are looked up here: a template as a whole, before values are put in.

Whatever has a context is looked up in the add-on's own, so that its words are neither Blender's nor another
add-on's. Tooltips have none: they are the only texts of the add-on that Blender finds without one.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

try:
    from bpy.app.translations import pgettext_iface as lookup
except ModuleNotFoundError:  # outside Blender texts stay as they are

    def lookup(text: str, _context: str) -> str:
        """Returns a text as it is."""
        return text


CONTEXT = "Recaster"
"""Blender's context of the add-on's words: in that of its own, faces are those of meshes."""
DEFAULT_CONTEXT = "*"
"""The context of what is looked up without one."""


_tooltips: set[str] = set()


def translate(template: str, /, **values: object) -> str:
    """Returns a text in the interface's language, with values put into its named fields."""
    text = str(lookup(template, CONTEXT))
    return text.format(**values) if values else text


def translate_count(one: str, several: str, /, count: float, **values: object) -> str:
    """The same of a number of things, by one template for one and another for all other numbers."""
    return translate(one if count == 1 else several, count=count, **values)


def use_context(kind: type) -> None:
    """Lets Blender look up the names of a class and its properties in the add-on's context."""
    kind.bl_translation_context = CONTEXT  # type: ignore[attr-defined]
    _tooltips.add(getattr(kind, "bl_description", None) or kind.__doc__ or "")
    for base in kind.__mro__:
        for each in getattr(base, "__annotations__", {}).values():
            if hasattr(each, "keywords"):
                in_context(each)


def in_context(made: Any) -> Any:
    """The same for one property, as it is made; returns it."""
    made.keywords["translation_context"] = CONTEXT
    _tooltips.add(made.keywords.get("description", ""))
    items = made.keywords.get("items", ())
    _tooltips.update(() if callable(items) else (item[2] for item in items))
    return made


def keyed_texts(texts: dict[str, str]) -> dict[tuple[str, str], str]:
    """Keys texts as Blender looks them up: in the add-on's context, tooltips in its own."""
    keyed = {(CONTEXT, text): said for text, said in texts.items()}
    return keyed | {(DEFAULT_CONTEXT, text): texts[text] for text in texts if text in _tooltips}


def texts_of(locale: str) -> dict[str, str]:
    """Returns the texts of a language by the English ones; none for one that the add-on doesn't speak."""
    texts: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / locale).glob("[a-z]*.py")):
        texts |= importlib.import_module(f"{__name__}.{locale}.{path.stem}").TEXTS
    return {text: said for text, said in texts.items() if said}


def _load(*_: Any) -> None:
    """Gives Blender the texts of its language; those of others aren't even read."""
    import bpy

    known = bpy.app.translations
    known.unregister(__name__)
    texts = texts_of(known.locale) if known.locale else {}
    if texts:
        known.register(__name__, {known.locale: keyed_texts(texts)})


def register() -> None:
    """Speaks the language of Blender's interface, and any that it is changed to; after ``use_context``."""
    import bpy

    bpy.app.handlers.persistent(_load)
    bpy.app.handlers.translation_update_post.append(_load)
    _load()


def unregister() -> None:
    """Speaks none of them any more."""
    import bpy

    bpy.app.handlers.translation_update_post.remove(_load)
    bpy.app.translations.unregister(__name__)

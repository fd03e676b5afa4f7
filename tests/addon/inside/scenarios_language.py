"""The add-on in a language that puts every text in brackets."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from typing import TYPE_CHECKING, Any

import bpy
import kit
from scenarios_panels import _grey

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = ("label", "operator", "menu", "popover", "prop", "progress", "operator_menu_enum")


def bracketed(text: str, _context: str = "") -> str:
    """The text in that language."""
    return f"[{text}]"


class TranslatingPaper:
    """A layout that shows texts as Blender does: in the language, unless it is told that they are already."""

    def __init__(self, shown: set[str]) -> None:
        self.__dict__["shown"] = shown

    def __getattr__(self, kind: str) -> Any:
        def put(*_: Any, text: str = "", translate: bool = True, placeholder: str = "", **__: Any) -> Any:
            assert not text or kind in TEXTS, kind
            self.shown.add(bracketed(text) if text and translate else text)
            self.shown.add(placeholder)
            return self

        return put

    def template_list(self, kind: str, _id: str, data: Any, name: str, *_: Any, **__: Any) -> None:
        """Draws all rows of a list."""
        for row in getattr(data, name):
            getattr(bpy.types, kind).draw_item(None, bpy.context, self, data, row, 0, None, "")

    def __setattr__(self, name: str, value: Any) -> None:
        """Whatever is set on a row, or asked of an operator."""


@contextlib.contextmanager
def speaking() -> Iterator[None]:
    """Lets the add-on speak the language; modules of Blender's makers for Python know none of their own."""
    translations = kit.part("translations")
    before = translations.lookup
    translations.lookup = bracketed
    try:
        yield
    finally:
        translations.lookup = before


class Drawn:
    """A panel, a menu or the preferences, with paper to draw themselves on."""

    def __init__(self, source: Any, shown: set[str]) -> None:
        self._source = source
        self.layout = TranslatingPaper(shown)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._source, name)
        return functools.partial(found, self) if inspect.isfunction(found) else found


def drawn_panels() -> set[str]:
    """All that panels, menus and preferences of the add-on show now."""
    shown: set[str] = set()
    for kind in sys.modules[kit.ADDON]._CLASSES:
        poll = getattr(kind, "poll", None)
        is_own = issubclass(kind, bpy.types.Panel | bpy.types.Menu) and "draw" in dir(kind)
        is_own = is_own and kind.draw.__module__.startswith(kit.ADDON)
        if is_own and (poll is None or poll(bpy.context)):
            kind.draw(Drawn(kind, shown), bpy.context)
    preferences = bpy.context.preferences.addons[kit.ADDON].preferences
    kit.part("preferences").Preferences.draw(Drawn(preferences, shown), bpy.context)
    return shown - {""}


def spoken(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """All that is drawn and said without an engine, of a strip, of a swap that is done; by state."""
    kit.enable()
    kit.part("drawing").WRAP_FIRST = 2000  # a text is one line
    addon = sys.modules[kit.ADDON]
    shown: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    with speaking():
        scene = kit.fresh()
        shown["nothing"] = sorted(drawn_panels())
        reasons |= _grey(addon)
        kit.movie(scene, clip)
        shown["strip"] = sorted(drawn_panels())
        reasons |= _grey(addon)
        scene, strip = kit.shot(engine, token, face, clip, 1, 9)
        shown["face"] = sorted(drawn_panels())
        scene.recaster.source = face.partition(":")[2]
        [result] = kit.swap(scene, strip)
        kit.select(scene, strip)
        strip.recaster.feather = 0.3
        shown["swapped"] = sorted(drawn_panels())
        reasons |= _grey(addon)
    catalog = kit.part("engine.catalog")
    names = [strip.name, result.name, catalog.face_label(face), scene.recaster.preset]
    return {"shown": shown, "reasons": sorted(reasons.values()), "names": names}


def rna_of(kind: Any) -> Any:
    """A registered class as Blender knows it; operators are kept under another name."""
    if issubclass(kind, bpy.types.Operator):
        module, name = kind.bl_idname.split(".")
        return getattr(getattr(bpy.ops, module), name).get_rna_type()
    return kind.bl_rna


def tooltips() -> dict[str, Any]:
    """Texts that Blender finds without a context, and descriptions of all that the add-on registers."""
    kit.enable()
    kit.fresh()
    translations = kit.part("translations")
    texts = translations.texts_of("de_DE")
    keyed = translations.keyed_texts(texts)
    own = [text for context, text in keyed if context == translations.CONTEXT]
    without = [text for context, text in keyed if context == translations.DEFAULT_CONTEXT]
    kinds = [*sys.modules[kit.ADDON]._CLASSES, *kit.part("properties").CLASSES]
    described = {getattr(kind, "bl_description", None) or kind.__doc__ for kind in kinds}
    owners = [rna_of(kind) for kind in kinds]
    made = [one for owner in owners for one in owner.properties]
    made += [
        one for one in bpy.types.WindowManager.bl_rna.properties if one.identifier.startswith("recaster")
    ]
    for one in made:
        described.add(one.description)
        described |= {item.description for item in getattr(one, "enum_items", ())}
    return {
        "own": len(own),
        "texts": len(texts),
        "without": without,
        "described": sorted(described & set(texts)),
    }

"""Checks of a Blender extension's manifest, without Blender.

The rules are those of Blender's manual, "How to Create Extensions", where it builds and validates packages.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

MANIFEST = "blender_manifest.toml"
MAX_SENTENCE_LENGTH = 64
"""Letters of a tagline, and of the reason of a permission."""
PERMISSIONS = ("files", "network", "clipboard", "camera", "microphone")
PLATFORMS = ("linux-x64", "linux-arm64", "macos-arm64", "macos-x64", "windows-arm64", "windows-x64")
TAGS = frozenset(
    (
        "3D View", "Add Curve", "Add Mesh", "Animation", "Bake", "Camera", "Compositing", "Development",
        "Game Engine", "Geometry Nodes", "Grease Pencil", "Import-Export", "Lighting", "Material", "Mesh",
        "Modeling", "Motion", "Node", "Object", "Paint", "Physics", "Pipeline", "Render", "Rigging", "Scene",
        "Sculpt", "Sequencer", "Shading", "Text Editor", "Tracking", "User Interface", "UV",
    )
)  # fmt: skip
SEMANTIC_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
)
WHEEL = re.compile(r"\./wheels/[^-/\"\\]+(-[^-/\"\\]+){4,5}\.whl")


def check_manifest(manifest: dict[str, Any], files: Container[str]) -> list[str]:
    """Lists what is wrong with a manifest (a table of TOML) of a package with these files."""
    return list(_find_faults(manifest, files))


def _find_faults(manifest: dict[str, Any], files: Container[str]) -> Iterator[str]:
    for name in sorted(_REQUIRED - manifest.keys()):
        yield f"{name} is missing"
    for name in sorted(manifest.keys() - _RULES.keys() - {"build"}):
        yield f"{name} is unknown"
    for name, value in manifest.items():
        is_right, rule = _RULES.get(name, (lambda _: True, ""))
        if not is_right(value):
            yield f"{name} must be {rule}, not {value!r}"
    for wheel in manifest.get("wheels", ()):
        if str(PurePosixPath(str(wheel))) not in files:
            yield f"{wheel} is not in the package"


def _is_sentence(value: Any) -> bool:
    is_text = isinstance(value, str) and value == value.strip() and value.isprintable()
    return is_text and 0 < len(value) <= MAX_SENTENCE_LENGTH and (value[-1].isalnum() or value[-1] in ")]}")


def _is_list_of(rule: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(rule, value))


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_version(value: Any) -> bool:
    return isinstance(value, str) and SEMANTIC_VERSION.fullmatch(value) is not None


_THREE_NUMBERS = (_matches(r"\d+\.\d+\.\d+"), "a version as X.Y.Z")
_TEXT = (_matches(r"\S(.*\S)?"), "a line of text")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "schema_version": (lambda value: value == "1.0.0", "1.0.0"),
    "id": (_matches(r"[A-Za-z]+[A-Za-z0-9]*(_[A-Za-z0-9]+)*"), "a name for Python, with single _ inside"),
    "version": (_is_version, "a semantic version"),
    "name": _TEXT,
    "tagline": (_is_sentence, f"a sentence of at most {MAX_SENTENCE_LENGTH} letters without a point"),
    "maintainer": _TEXT,
    "type": (lambda value: value == "add-on", "add-on"),
    "tags": (_is_list_of(TAGS.__contains__), "a list of Blender's tags for add-ons"),
    "blender_version_min": _THREE_NUMBERS,
    "blender_version_max": _THREE_NUMBERS,
    "license": (_is_list_of(_matches(r"SPDX:\S+")), "a list of SPDX: and an identifier"),
    "copyright": (_is_list_of(_matches(r"\d{4}(-\d{4})? \S.*")), "a list of a year and a name"),
    "website": (_matches(r"https?://\S+"), "an address"),
    "platforms": (_is_list_of(PLATFORMS.__contains__), f"a list of {', '.join(PLATFORMS)}"),
    "wheels": (_is_list_of(lambda value: bool(WHEEL.fullmatch(str(value)))), "a list of ./wheels/*.whl"),
    "permissions": (
        lambda value: (
            isinstance(value, dict)
            and all(name in PERMISSIONS and _is_sentence(reason) for name, reason in value.items())
        ),
        f"a table of {', '.join(PERMISSIONS)} with a reason of at most {MAX_SENTENCE_LENGTH} letters each",
    ),
}
_REQUIRED = frozenset(
    (
        "schema_version",
        "id",
        "version",
        "name",
        "tagline",
        "maintainer",
        "type",
        "blender_version_min",
        "license",
    )
)

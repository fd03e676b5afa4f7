"""The extension is packed without Blender: its manifest, its wheels and its repository."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
WHEEL = "./wheels/a-1-py3-none-any.whl"


@pytest.fixture(scope="module")
def scripts() -> tuple[Any, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
        return import_module("extension"), import_module("extension_manifest")


def manifest_of(extension: Any, blenders: Any, wheel: str = "a-1-py3-none-any.whl") -> dict[str, Any]:
    text = (ROOT / "addon" / "blender_manifest.toml").read_text()
    return tomllib.loads(extension.complete_manifest(text, "linux-x64", blenders, [wheel]))


def test_the_manifests_of_all_zips_are_right(scripts: tuple[Any, Any]) -> None:
    extension, checks = scripts
    for blenders in extension.BLENDER_RANGES:
        manifest = manifest_of(extension, blenders)
        assert checks.check_manifest(manifest, {"wheels/a-1-py3-none-any.whl"}) == []
        assert (manifest["blender_version_min"], manifest.get("blender_version_max", "")) == (
            blenders.first,
            blenders.end,
        )
        assert (manifest["platforms"], manifest["wheels"]) == (["linux-x64"], [WHEEL])
    ends = [blenders.end for blenders in extension.BLENDER_RANGES]
    assert ends == [blenders.first for blenders in extension.BLENDER_RANGES[1:]] + [""]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "re__caster"),
        ("id", "recaster_"),
        ("version", "1.0"),
        ("tagline", "Ends with a point."),
        ("tagline", "a" * 65),
        ("name", ""),
        ("type", "addon"),
        ("tags", ["Sequencers"]),
        ("tags", []),
        ("blender_version_min", "4.2"),
        ("license", ["GPL-3.0-or-later"]),
        ("copyright", ["Recaster"]),
        ("platforms", ["linux"]),
        ("wheels", ["wheels/a-1-py3-none-any.whl"]),
        ("wheels", ["./wheels/b-1-py3-none-any.whl"]),
        ("permissions", {"network": "Talks to the engine."}),
        ("permissions", {"disk": "Reads clips"}),
        ("permissions", ["network"]),
        ("maintainers", "Recaster"),
        ("maintainer", None),
        ("schema_version", "2.0.0"),
    ],
)
def test_what_is_wrong_in_a_manifest_is_named(scripts: tuple[Any, Any], name: str, value: Any) -> None:
    extension, checks = scripts
    manifest = manifest_of(extension, extension.BLENDER_RANGES[0])
    if value is None:
        del manifest[name]
    else:
        manifest[name] = value
    [fault] = checks.check_manifest(manifest, {"wheels/a-1-py3-none-any.whl"})
    assert (value[0] if name == "wheels" and "b-1" in value[0] else name) in fault


def test_what_the_add_on_imports_is_in_the_client_s_wheel(scripts: tuple[Any, Any], tmp_path: Path) -> None:
    extension, _ = scripts
    whole = extension.build_wheel(tmp_path)
    wheel = extension.thin_wheel(tmp_path / "thin", whole)
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        [record] = [name for name in names if name.endswith("/RECORD")]
        recorded = [line.split(",")[0] for line in packed.read(record).decode().splitlines()]
    assert sorted(recorded) == sorted(names)
    assert not [name for name in names if name.startswith(("recaster/faces", "recaster/networks"))]
    modules = set()
    for path in (ROOT / "addon").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                modules.add(node.module)
    wanted = {module.replace(".", "/") for module in modules if module.split(".")[0] == "recaster"}
    assert len(wanted) > 10
    for module in wanted:
        assert {f"{module}.py", f"{module}/__init__.py"} & set(names), module


def test_a_repository_s_index_names_its_zips(scripts: tuple[Any, Any], tmp_path: Path) -> None:
    extension, _ = scripts
    text = (ROOT / "addon" / "blender_manifest.toml").read_text()
    for number, blenders in enumerate(extension.BLENDER_RANGES):
        made = extension.complete_manifest(text, "linux-x64", blenders, [])
        extension.write_zip(tmp_path / f"{number}.zip", {"blender_manifest.toml": made.encode()})
    entries = json.loads(extension.write_index(tmp_path).read_text())["data"]
    assert [entry["archive_url"] for entry in entries] == ["./0.zip", "./1.zip"]
    assert [entry["archive_size"] for entry in entries] == [
        (tmp_path / f"{number}.zip").stat().st_size for number in range(2)
    ]
    assert all("wheels" not in entry for entry in entries)
    page = extension.write_page(tmp_path).read_text()
    [first, second] = re.findall(r'href="(.*?)"', page)
    assert first.startswith(
        "./0.zip?repository=.%2Findex.json&amp;platforms=linux-x64&amp;blender_version_min=4.2"
    )
    assert "blender_version_max=5.1.0" in first
    assert "blender_version_max" not in second
    digest = entries[0]["archive_hash"]
    again = tmp_path / "again"
    again.mkdir()
    (again / "0.zip").write_bytes((tmp_path / "0.zip").read_bytes())
    assert json.loads(extension.write_index(again).read_text())["data"][0]["archive_hash"] == digest


def test_a_zip_says_which_engine_belongs_to_it(scripts: tuple[Any, Any], tmp_path: Path) -> None:
    extension, _ = scripts
    wheel = tmp_path / "recaster-1-py3-none-any.whl"
    wheel.write_bytes(b"engine")
    said = extension.describe_engine(wheel, "windows-x64")
    assert (said["wheel"], said["bytes"]) == (wheel.name, 6)
    assert said["sha256"] == hashlib.sha256(b"engine").hexdigest()
    assert sorted(said["pythons"]) == ["3.11", "3.12", "3.13"]
    names = {row[0] for row in said["pythons"]["3.13"]}
    assert {"pip", "uv", "numpy", "tensorflow-cpu"} <= names
    assert extension.describe_engine(wheel, "macos-x64")["pythons"] == {}  # TensorFlow has none for it


def test_the_lock_has_what_the_project_pins_and_no_addresses() -> None:
    """``scripts/lock_engine.py`` writes it anew after a change of constraints.txt or of the requirements."""
    text = (ROOT / "scripts" / "engine-lock.json").read_text()
    assert "://" not in text
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    pins["tensorflow"] = pins["tensorflow-cpu"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        re.split(r"[<>=\[]", one)[0]
        for one in (*ours["dependencies"], *ours["optional-dependencies"]["engine"])
    }
    for target, packages in json.loads(text).items():
        versions = {one["name"]: one["version"] for one in packages}
        assert wanted <= versions.keys(), target
        assert not {"dlib", "opencv-python-headless"} & versions.keys()  # ruled out in pyproject.toml
        for name, version in versions.items():
            pinned = pins.get(name, pins.get(name.replace("-", ".", 1), version))
            assert version == pinned, (target, name)
        for one in packages:
            assert one["sha256"]
            assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in one["sha256"])

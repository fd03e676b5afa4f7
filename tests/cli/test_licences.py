"""Every package and network that Recaster is made of with its licence, for people and for programs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recaster import weights_registry
from recaster.cli.licences import packages
from recaster.files import sha256
from recaster.settings.swap import SwapSettings
from recaster.swapping.marking import collect_provenance_facts
from recaster.weights_registry import ALL, weights_used_by

ENGINE = Path(weights_registry.__file__).parent
SUFFIXES = (".onnx", ".tflite", ".dat", ".safetensors", ".h5")
# What version 1.6 of CycloneDX asks of what we write (bom-1.6.schema.json).
UUID = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
COMPONENT = {"type", "bom-ref", "name", "version", "description", "publisher", "purl", "licenses", "hashes"}


def doctor(*options: str) -> str:
    command = [sys.executable, "-m", "recaster.cli.main", "doctor", "--licences", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def bill() -> Any:
    return json.loads(doctor("--json"))


def test_a_bill_is_what_cyclonedx_asks_for(bill: Any) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(UUID, bill["serialNumber"])
    assert re.fullmatch(TIME, bill["metadata"]["timestamp"])
    assert bill.keys() == {"bomFormat", "specVersion", "serialNumber", "version", "metadata", "components"}
    components = [bill["metadata"]["component"], *bill["components"]]
    refs = [one["bom-ref"] for one in components]
    assert len(set(refs)) == len(refs)
    for one in components:
        assert one.keys() <= COMPONENT
        assert one["type"] in ("application", "library", "machine-learning-model")
        assert one["name"]
        licences = one.get("licenses", [])
        for licence in licences:
            [(kind, said)] = licence.items()
            assert kind in ("license", "expression")
            if kind == "license":
                assert said.keys() in ({"id"}, {"name"})
            else:
                assert len(licences) == 1
        for digest in one.get("hashes", ()):
            assert digest["alg"] == "SHA-256"
            assert re.fullmatch(r"[0-9a-f]{64}", digest["content"])


def test_every_package_and_network_is_in_it(bill: Any) -> None:
    names = {one["name"] for one in bill["components"] if one["type"] == "library"}
    listing = "import importlib.metadata as m; print(*{one.metadata['Name'] for one in m.distributions()})"
    # In a process of its own: libraries that tests have loaded may bring copies of others.
    said = subprocess.run([sys.executable, "-c", listing], check=True, capture_output=True, text=True).stdout
    installed = set(said.split())
    assert names == {re.sub(r"[-_.]+", "-", one).lower() for one in installed} - {"recaster"}
    networks = {one["name"] for one in bill["components"] if one["type"] == "machine-learning-model"}
    assert networks == {one.name for one in ALL}


def test_people_read_the_same() -> None:
    said = doctor()
    for package in packages():
        assert f"  {package.name} {package.version}  {package.licence}" in said
    for one in ALL:
        assert f"  {one.name} ({one.file}, {one.package or 'your own file'})  {one.licence}" in said


def test_what_recaster_needs_says_its_licence() -> None:
    needed = {re.split(r"[<>=; \[]", one)[0].lower() for one in importlib.metadata.requires("recaster") or ()}
    assert [one.name for one in packages() if one.name in needed and one.licence == "not said"] == []


def folder_of(package: str) -> Path:
    if package == weights_registry.RECASTER:
        return ENGINE
    spec = importlib.util.find_spec(package.replace("-", "_"))
    assert spec is not None
    return Path(str(spec.origin)).parent


@pytest.mark.parametrize("one", [one for one in ALL if one.package], ids=lambda one: one.name)
def test_the_table_is_of_the_files_that_are_there(one: weights_registry.Weights) -> None:
    [path] = folder_of(one.package).rglob(one.file)
    assert sha256(path) == one.sha256


def test_every_network_that_is_there_is_in_the_table() -> None:
    there = {
        path.name
        for package in (weights_registry.RECASTER, weights_registry.DLIB_MODELS)
        for path in folder_of(package).rglob("*")
        if path.suffix in SUFFIXES
    }
    assert there == {
        one.file for one in ALL if one.package in (weights_registry.RECASTER, weights_registry.DLIB_MODELS)
    }


def test_notices_say_the_same() -> None:
    notices = "".join(path.read_text() for path in ENGINE.rglob("NOTICE"))
    for one in ALL:
        if one.package == weights_registry.RECASTER:
            part = notices.partition(one.file)[2]
            assert one.licence in part[:1200]


def test_a_manifest_names_the_networks_of_its_swap() -> None:
    class Swapper:
        digest = "1" * 64

    said = collect_provenance_facts(Swapper(), SwapSettings())["networks"]  # type: ignore[arg-type]
    assert said == [
        {"name": one.name, "licence": one.licence} for one in weights_used_by("identity", "yunet", "mesh")
    ]
    assert len(said) == 9
    assert all(one.free for one in weights_used_by("identity", "yunet", "mesh"))
    assert [one.name for one in weights_used_by("dlib-68")] == ["dlib 68-point predictor"]
    assert not any(one.free for one in weights_used_by("dlib-68"))

"""The interface: the stubs are of the protos as they are, and old clients still understand it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

ROOT = Path(__file__).resolve().parents[1]
PROTOS = sorted((ROOT / "proto" / "recaster").rglob("*.proto"))
SERVICES = [path.stem for path in PROTOS if "internal" not in path.parts]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    out = tmp_path_factory.mktemp("protos") / "all.binpb"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ROOT / "proto", f"--descriptor_set_out={out}"]
    subprocess.run([*command, *PROTOS], check=True)
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    return {Path(file.name).stem: file for file in files}


@pytest.mark.parametrize("path", PROTOS, ids=lambda path: path.stem)
def test_stubs_are_of_the_protos(path: Path, compiled: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    package = ".".join(path.relative_to(ROOT / "proto" / "recaster").parent.parts)
    stub = importlib.import_module(f"recaster.api.{package}.{path.stem}_pb2")
    found = descriptor_pb2.FileDescriptorProto.FromString(stub.DESCRIPTOR.serialized_pb)
    wanted = descriptor_pb2.FileDescriptorProto()
    wanted.CopyFrom(compiled[path.stem])
    for file in (found, wanted):  # newer compilers note names for JSON that older ones leave out
        for message in file.message_type:
            _plain(message)
    assert found == wanted, "run scripts/generate_stubs"


@pytest.mark.parametrize("name", SERVICES)
def test_every_method_has_a_stub(name: str) -> None:
    stub = importlib.import_module(f"recaster.api.v1.{name}_pb2")
    calls = importlib.import_module(f"recaster.api.v1.{name}_pb2_grpc")
    for service in stub.DESCRIPTOR.services_by_name.values():
        servicer = getattr(calls, f"{service.name}Servicer")
        assert {method.name for method in service.methods} == {one for one in dir(servicer) if one[0] != "_"}


def test_stubs_were_made_by_the_oldest_grpcio_that_is_supported() -> None:
    made = (ROOT / "engine/recaster/api/v1/job_pb2_grpc.py").read_text()
    assert "GRPC_GENERATED_VERSION = '1.66" in made
    assert "grpcio>=1.66" in (ROOT / "pyproject.toml").read_text()


def _plain(message: descriptor_pb2.DescriptorProto) -> None:
    for field in message.field:
        field.ClearField("json_name")
    for inner in message.nested_type:
        _plain(inner)

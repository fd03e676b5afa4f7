"""Who is let in, where an engine listens, and how it says no."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from certificates import certificate
from cryptography.hazmat.primitives import serialization
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from serving import Served

from recaster.api.v1 import blob_pb2, identity_pb2, job_pb2
from recaster.client import (
    Address,
    Client,
    MissingError,
    RefusedError,
    TokenError,
    UnreachableError,
)
from recaster.client.errors import CallError
from recaster.provenance.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICES = {"Blob", "Clip", "Faceset", "Identity", "Job", "Model", "Server", "Swap"}


def test_what_the_engine_is(engine: Client) -> None:
    info = engine.info()
    assert info.api_version == "v1"
    assert "cpu" in info.devices
    assert {one.name: one.family for one in info.presets}["guided-128"] == "guided"
    assert info.free_bytes > 0


@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_the_token_nothing(served: Served, token: str) -> None:
    with Client(Address(served.address, token), patience_s=1) as client:
        with pytest.raises(TokenError, match="token is missing or wrong") as caught:
            client.info()
        assert caught.value.reason == "TOKEN_WRONG"
        with pytest.raises(TokenError):
            next(client.jobs.watch("a" * 12))
        with pytest.raises(TokenError):
            client.transfer.missing([])


def test_health_is_for_everybody_and_the_interface_for_who_has_the_token(served: Served) -> None:
    with grpc.insecure_channel(served.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        ask = [reflection_pb2.ServerReflectionRequest(list_services="")]
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.ServerReflectionInfo(iter(ask)))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        token = (("authorization", f"Bearer {served.token}"),)
        answer = next(stub.ServerReflectionInfo(iter(ask), metadata=token))
        names = {one.name for one in answer.list_services_response.service}
        assert names >= {f"recaster.v1.{name}Service" for name in SERVICES}


def test_an_error_says_which_field_is_wrong(engine: Client) -> None:
    with pytest.raises(RefusedError, match="64 lower-case hex digits") as caught:
        engine.transfer.missing(["x"])
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.reason == "INVALID_FIELD"
    assert [field for field, _ in caught.value.fields] == ["digests[0]"]
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (job_pb2.JobSpec(), "spec.work"),
        (job_pb2.JobSpec(ingest=job_pb2.IngestSpec(digest="0" * 64)), "spec.ingest.kind"),
        (job_pb2.JobSpec(ingest=job_pb2.IngestSpec(digest="0", kind=1)), "spec.ingest.digest"),
        (
            job_pb2.JobSpec(
                ingest=job_pb2.IngestSpec(digest="0" * 64, kind=1, display_name="../../etc/passwd")
            ),
            "spec.ingest.display_name",
        ),
        (job_pb2.JobSpec(extract=job_pb2.ExtractSpec()), "spec.extract.inputs"),
        (job_pb2.JobSpec(train=job_pb2.TrainSpec()), "spec.train.source_faceset_id"),
        (
            job_pb2.JobSpec(
                train=job_pb2.TrainSpec(
                    source_faceset_id="0" * 12, options=job_pb2.TrainOptions(steps=1, minutes=1)
                )
            ),
            "spec.train.options.minutes",
        ),
        (job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id="0" * 12)), "spec.swap.source"),
        (
            job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id="0" * 12, model_id="0" * 12, suffix=".exe")),
            "spec.swap.suffix",
        ),
        (
            job_pb2.JobSpec(
                swap=job_pb2.SwapSpec(
                    clip_id="0" * 12, model_id="0" * 12, options=job_pb2.SwapOptions(feather=float("nan"))
                )
            ),
            "spec.swap.options.feather",
        ),
        (
            job_pb2.JobSpec(
                swap=job_pb2.SwapSpec(
                    clip_id="0" * 12, model_id="0" * 12, options=job_pb2.SwapOptions(device="zz1")
                )
            ),
            "spec.swap.options.device",
        ),
        (job_pb2.JobSpec(export=job_pb2.ExportSpec()), "spec.export.what"),
    ],
)
def test_a_spec_that_no_engine_could_do(engine: Client, spec: job_pb2.JobSpec, field: str) -> None:
    with pytest.raises(RefusedError) as caught:
        engine.jobs.create(spec)
    assert [name for name, _ in caught.value.fields] == [field]


def test_what_a_job_needs_must_be_there(engine: Client) -> None:
    swap = job_pb2.SwapSpec(clip_id="0" * 12, model_id="0" * 12)
    with pytest.raises(MissingError, match="no clip 000000000000"):
        engine.jobs.create(job_pb2.JobSpec(swap=swap))
    ingest = job_pb2.IngestSpec(digest="0" * 64, kind=job_pb2.INGEST_KIND_CLIP)
    with pytest.raises(RefusedError, match="upload it first") as caught:
        engine.jobs.create(job_pb2.JobSpec(ingest=ingest))
    assert caught.value.reason == "BLOB_MISSING"
    assert not any(
        job.HasField("spec") and job.spec.ingest.digest == "0" * 64 for job in engine.jobs.listed()
    )


def test_who_a_job_names_must_be_known(engine: Client) -> None:
    digest = "0" * 64
    inputs = [job_pb2.ExtractInput(picture=job_pb2.Picture(digest=digest, display_name="x.png"))]
    extract = job_pb2.ExtractSpec(inputs=inputs, identity_id="0" * 12)
    with pytest.raises(MissingError, match="no identity 000000000000"):
        engine.jobs.create(job_pb2.JobSpec(extract=extract))
    extract.identity_id = "Anna"
    with pytest.raises(RefusedError, match="12 hex digits"):
        engine.jobs.create(job_pb2.JobSpec(extract=extract))


def test_identities(engine: Client) -> None:
    create = engine.identities.CreateIdentity
    request = identity_pb2.CreateIdentityRequest(display_name="Anna", request_id="one")
    made = engine.connection.call(create, request)
    assert engine.connection.call(create, request) == made
    get = identity_pb2.GetIdentityRequest(identity_id=made.identity_id)
    assert engine.connection.call(engine.identities.GetIdentity, get).display_name == "Anna"
    listed = engine.connection.call(engine.identities.ListIdentities, identity_pb2.ListIdentitiesRequest())
    assert made in listed.identities
    engine.connection.call(
        engine.identities.DeleteIdentity, identity_pb2.DeleteIdentityRequest(identity_id=made.identity_id)
    )
    with pytest.raises(MissingError):
        engine.connection.call(engine.identities.GetIdentity, get)
    with pytest.raises(RefusedError, match="must not be empty"):
        engine.connection.call(create, identity_pb2.CreateIdentityRequest(display_name=" "))


def test_a_message_that_is_too_large(engine: Client) -> None:
    with pytest.raises(CallError) as caught:
        engine.connection.call(
            engine.identities.CreateIdentity, identity_pb2.CreateIdentityRequest(note="x" * (5 << 20))
        )
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert engine.info().api_version == "v1"


def test_nobody_is_there() -> None:
    with (
        Client(Address("127.0.0.1:1", "x"), patience_s=0.5) as client,
        pytest.raises(UnreachableError, match="Start one with: recaster serve") as caught,
    ):
        client.info()
    assert caught.value.retryable
    assert caught.value.exit_code == 8


def refused(tmp_path: Path, *options: str) -> str:
    command = [sys.executable, "-m", "recaster.cli.main", "serve", "--data", tmp_path / "data", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode in (2, 3), ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "192.0.2.1:0", "[::]:0", "example.org:0"])
def test_no_open_door(tmp_path: Path, listen: str) -> None:
    assert "others could listen in" in refused(tmp_path, "--listen", listen)
    assert not (tmp_path / "data").exists()


def test_addresses_that_can_not_be(tmp_path: Path, served: Served) -> None:
    assert "no address" in refused(tmp_path, "--listen", "nonsense")
    assert "no address" in refused(tmp_path, "--listen", "127.0.0.1:99999")
    assert "another engine running there" in refused(tmp_path, "--listen", served.address)
    assert "go together" in refused(tmp_path, "--tls-cert", "x")
    assert "cannot be read" in refused(tmp_path, "--tls-cert", "/nowhere", "--tls-key", "/nowhere")
    command = [sys.executable, "-m", "recaster.cli.main", "serve", "--data", served.data]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "another engine serves this folder" in ended.stderr


def test_a_socket_of_ones_own(serve: Callable[..., Served], tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert "others may enter" in refused(tmp_path, "--listen", f"unix:{tmp_path}/socket")
    place = tmp_path / "mine" / "socket"
    served = serve("--listen", f"unix:{place}")
    with served.client(patience_s=5) as client:
        assert client.info().api_version == "v1"
    assert "another engine listens there" in refused(tmp_path / "other", "--listen", f"unix:{place}")
    served.kill()
    served.start()  # the socket of the dead one is in nobody's way
    with served.client(patience_s=5) as client:
        assert client.info().api_version == "v1"
    assert served.stop() == 0


def test_tls_and_certificates_of_clients(serve: Callable[..., Served], tmp_path: Path) -> None:
    make_certificates(tmp_path, ["localhost", "127.0.0.1"], ["anna"])
    own = ("--tls-cert", f"{tmp_path}/engine.pem", "--tls-key", f"{tmp_path}/engine.key")
    served = serve(*own, "--client-ca", f"{tmp_path}/ca.pem")
    port = served.address.rpartition(":")[2]
    known = Address(
        f"localhost:{port}", served.token, tmp_path / "ca.pem", tmp_path / "anna.pem", tmp_path / "anna.key"
    )
    with Client(known, patience_s=5) as client:
        assert client.info().api_version == "v1"
    stranger = Address(f"localhost:{port}", served.token, tmp_path / "ca.pem")
    with Client(stranger, patience_s=1) as client, pytest.raises(UnreachableError):
        client.info()
    clear = Address(f"127.0.0.1:{port}", served.token)
    with Client(clear, patience_s=1) as client, pytest.raises(UnreachableError):
        client.info()
    make_certificates(tmp_path / "other", ["localhost"])
    wrong = Address(f"localhost:{port}", served.token, tmp_path / "other" / "ca.pem")
    with Client(wrong, patience_s=1) as client, pytest.raises(UnreachableError):
        client.info()
    assert (tmp_path / "engine.key").stat().st_mode & 0o777 == 0o600
    served.kill()


def tls_files(tmp_path: Path, wrong: str) -> tuple[Path, Path, Path]:
    """An engine's certificate and key, and an authority, of which one isn't what it should be."""
    make_certificates(tmp_path / "tls", ["localhost"])
    make_certificates(tmp_path / "other", ["localhost"])
    pem, key, authority = (tmp_path / "tls" / name for name in ("engine.pem", "engine.key", "ca.pem"))
    if wrong == "another's key":
        key = tmp_path / "other" / "engine.key"
    elif wrong == "swapped":
        pem, key = key, pem
    elif wrong == "no key":
        key.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    elif wrong == "locked":
        locked = serialization.BestAvailableEncryption(b"secret")
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked
        key.write_bytes(serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(*form))
    elif wrong == "no certificate":
        pem.write_text("nothing")
    elif wrong == "unreadable":
        key.unlink()
        key.mkdir()
    elif wrong in ("over", "not yet"):
        pem, key = certificate(tmp_path, *((-9, -2) if wrong == "over" else (2, 9)))
    else:
        authority.write_text("nothing")
    return pem, key, authority


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("another's key", r"engine\.key isn't the key of the certificate in .*engine\.pem"),
        ("swapped", "the two files are swapped"),
        ("no key", r"engine\.key: is no private key in PEM form"),
        ("locked", "is locked with a passphrase"),
        ("no certificate", r"engine\.pem: holds no certificate"),
        ("unreadable", r"engine\.key: cannot be read"),
        ("over", "was valid until"),
        ("not yet", "is valid from .* on only"),
        ("no authority", r"ca\.pem: holds no certificate"),
    ],
)
def test_tls_files_that_are_of_no_use(tmp_path: Path, wrong: str, says: str) -> None:
    pem, key, authority = tls_files(tmp_path, wrong)
    said = refused(
        *(tmp_path, "--listen", "127.0.0.1:0", "--tls-cert", str(pem), "--tls-key", str(key)),
        *("--client-ca", str(authority)),
    )
    assert re.search(says, said), said
    assert "another engine" not in said


def started(tmp_path: Path, *options: str | Path, terminal: bool) -> str:
    """What a new engine prints on its standard output before it serves; it is ended."""
    command = [sys.executable, "-m", "recaster.cli.main", "serve", "--data", tmp_path / "data", *options]
    ours, its = os.openpty() if terminal else os.pipe()
    with subprocess.Popen(command, stdout=its, stderr=subprocess.PIPE, text=True) as engine:
        os.close(its)
        assert engine.stderr is not None
        said = ""
        while "serving on" not in said:
            line = engine.stderr.readline()
            assert line, said
            said += line
        engine.terminate()
        with contextlib.suppress(OSError):  # what a terminal says at its end
            while came := os.read(ours, 4096):
                said += came.decode().replace("\r\n", "\n")
        os.close(ours)
    assert engine.returncode == 0
    return said


def test_the_line_to_paste_is_for_other_machines(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["localhost"])
    own = ("--tls-cert", tmp_path / "engine.pem", "--tls-key", tmp_path / "engine.key")
    said = started(tmp_path, "--listen", "0.0.0.0:0", *own, terminal=True)
    [line] = [line for line in said.splitlines() if "RECASTER_TOKEN" in line]
    assert line.startswith("export RECASTER_ENGINE=")
    assert not line.startswith("export RECASTER_ENGINE=0")
    assert line.endswith(f" RECASTER_TOKEN={(tmp_path / 'data' / 'token').read_text().strip()}")


def test_a_log_never_holds_the_token(tmp_path: Path) -> None:
    said = started(tmp_path, "--listen", "127.0.0.1:0", terminal=False)
    assert (tmp_path / "data" / "token").read_text().strip() not in said
    assert f"clients need the token, which is in {tmp_path / 'data' / 'token'}" in said


def test_a_user_finds_their_own_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="own-") as short:  # a socket's path must be
        monkeypatch.setenv("RECASTER_DATA", f"{short}/data")
        monkeypatch.delenv("RECASTER_ENGINE", raising=False)
        own = Served(Path(short) / "data", "--listen", "")
        assert own.address == f"unix:{Path(short).resolve()}/data/run/engine.sock"
        for path in (Path(short) / "data", Path(short) / "data" / "run"):
            assert path.stat().st_mode & 0o777 == 0o700
        with Client(Address.from_environment(), patience_s=5) as client:
            assert client.info().api_version == "v1"
        own.stop()


def test_traces_go_where_the_variable_says(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    import http.server
    import threading

    came: list[bytes] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        served = serve()
        with served.client(patience_s=5) as client:
            client.info()
        for _ in range(200):
            if any(b"GetServerInfo" in one for one in came):
                break
            time.sleep(0.05)
        served.stop()
        collector.shutdown()
    assert any(b"GetServerInfo" in one for one in came)
    assert not any(served.token.encode() in one for one in came)


def test_uploads_of_nothing_and_of_the_same(engine: Client, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    digest = engine.transfer.upload(tmp_path / "empty", local=False)
    assert engine.transfer.read(digest) == b""
    assert engine.transfer.missing([digest]) == []
    start = engine.transfer._stub.StartUpload
    again = engine.connection.call(start, blob_pb2.StartUploadRequest(digest=digest))
    assert again.complete

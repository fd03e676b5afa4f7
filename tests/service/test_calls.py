"""Calls of a client: who is let in, and how an engine says no."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

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

if TYPE_CHECKING:
    from pathlib import Path

    from serving import Served

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
        with pytest.raises(TokenError, match="token is missing or wrong"):
            next(client.jobs.watch("a" * 12))
        with pytest.raises(TokenError, match="token is missing or wrong"):
            client.transfer.missing([])


def test_health_is_for_everybody_and_the_interface_for_who_has_the_token(served: Served) -> None:
    with grpc.insecure_channel(served.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        ask = [reflection_pb2.ServerReflectionRequest(list_services="")]
        with pytest.raises(grpc.RpcError, match="token is missing or wrong") as caught:
            next(stub.ServerReflectionInfo(iter(ask)))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        token = (("authorization", f"Bearer {served.token}"),)
        answer = next(stub.ServerReflectionInfo(iter(ask), metadata=token))
        names = {one.name for one in answer.list_services_response.service}
        assert names >= {f"recaster.v1.{name}Service" for name in SERVICES}


MEMBER = job_pb2.CastMember(name="a", model_id="0" * 12, track=1)


def cast_of(*members: job_pb2.CastMember, **others: Any) -> job_pb2.JobSpec:
    return job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id="0" * 12, cast=members, **others))


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
                    clip_id="0" * 12,
                    model_id="0" * 12,
                    suffix=".mp4",
                    options=job_pb2.SwapOptions(stills=True),
                )
            ),
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
        (cast_of(MEMBER, model_id="0" * 12), "spec.swap.source"),
        (cast_of(MEMBER, options=job_pb2.SwapOptions(track=1)), "spec.swap.options.track"),
        (cast_of(MEMBER, MEMBER), "spec.swap.cast"),
        (cast_of(job_pb2.CastMember(name="a/b")), "spec.swap.cast"),
        (cast_of(job_pb2.CastMember(name="a", everyone=True)), "spec.swap.cast[0].source"),
        (cast_of(job_pb2.CastMember(name="a", model_id="0" * 12)), "spec.swap.cast[0].whom"),
        (cast_of(job_pb2.CastMember(name="a", model_id="0" * 12, person="")), "spec.swap.cast[0].whom"),
        (
            cast_of(job_pb2.CastMember(name="a", model_id="0" * 12, person_number=-1)),
            "spec.swap.cast.person_number",
        ),
        (
            cast_of(job_pb2.CastMember(name="a", model_id="0" * 12, track=1, look={"codec": "h264"})),
            "spec.swap.cast[0].look.codec",
        ),
        (
            cast_of(job_pb2.CastMember(name="a", model_id="0" * 12, track=1, look={"feather": 7})),
            "spec.swap.cast.look.feather",
        ),
        (
            cast_of(job_pb2.CastMember(name="a", model_id="0" * 12, track=1, matte=True)),
            "spec.swap.matte",
        ),
    ],
)
def test_a_spec_that_no_engine_could_do(engine: Client, spec: job_pb2.JobSpec, field: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(field)) as caught:
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
    with pytest.raises(MissingError, match="there is no identity"):
        engine.connection.call(engine.identities.GetIdentity, get)
    with pytest.raises(RefusedError, match="must not be empty"):
        engine.connection.call(create, identity_pb2.CreateIdentityRequest(display_name=" "))


def test_a_message_that_is_too_large(engine: Client) -> None:
    with pytest.raises(CallError, match="larger than max") as caught:
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


def test_uploads_of_nothing_and_of_the_same(engine: Client, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    digest = engine.transfer.upload(tmp_path / "empty", local=False)
    assert engine.transfer.read(digest) == b""
    assert engine.transfer.missing([digest]) == []
    start = engine.transfer._stub.StartUpload
    again = engine.connection.call(start, blob_pb2.StartUploadRequest(digest=digest))
    assert again.complete

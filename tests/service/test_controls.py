"""No text of a request holds what could do something in the terminal of whoever reads it."""

from __future__ import annotations

import pytest

from recaster.api.v1 import identity_pb2, job_pb2
from recaster.service.request_checks import refuse_controls
from recaster.service.rpc_errors import RpcError


@pytest.mark.parametrize("nasty", ["a\x1b[2J", "a\nb", "\x9b31m", "\u202e", "a\x00", "\x7f", "\u2028"])
def test_no_text_of_a_request_holds_codes(nasty: str) -> None:
    spec = job_pb2.JobSpec()
    spec.extract.options.range = nasty
    for request, field in (
        (job_pb2.CreateJobRequest(spec=spec), "spec.extract.options.range"),
        (job_pb2.CreateJobRequest(labels={nasty: "x"}), "labels"),
        (job_pb2.CreateJobRequest(labels={"x": nasty}), "labels"),
        (job_pb2.CreateJobRequest(request_id=nasty), "request_id"),
    ):
        with pytest.raises(RpcError, match="printable characters") as caught:
            refuse_controls(request)
        assert caught.value.fields[0][0] == field


def test_words_of_people_pass() -> None:
    refuse_controls(
        identity_pb2.CreateIdentityRequest(display_name="Zo\u00eb \u6771\u4eac", note="one\n\ttwo\u00a0!")
    )

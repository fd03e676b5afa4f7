"""Threads that a request asks for."""

from __future__ import annotations

import pytest

from recaster.api.v1 import job_pb2
from recaster.errors import UsageError
from recaster.processes.cpu_cores import check_threads, cores
from recaster.service.request_checks import check_spec
from recaster.service.rpc_errors import RpcError


@pytest.mark.parametrize("threads", [0, -1, -(2**31), cores() + 1, 20_000, 2**31 - 1])
def test_more_threads_than_cores_are_refused(threads: int) -> None:
    swap = job_pb2.JobSpec(swap=job_pb2.SwapSpec(options=job_pb2.SwapOptions(threads=threads)))
    train = job_pb2.JobSpec(
        train=job_pb2.TrainSpec(source_faceset_id="a" * 12, options=job_pb2.TrainOptions(threads=threads))
    )
    for spec in (swap, train):
        with pytest.raises(RpcError, match="threads"):
            check_spec(spec)
    with pytest.raises(UsageError, match=str(threads)):
        check_threads(threads)

"""Casts at a real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import job_pb2, swap_pb2
from recaster.client import JobFailedError
from recaster.files import sha256
from recaster.operations import swap
from recaster.settings.cast import CastMember, Selector
from recaster.settings.look_file import WrittenLook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs.conftest import Material

    from recaster.facesets.faceset import Faceset


def test_a_cast_is_put_on_as_here(material: Material, few_faces: Faceset, pair: Path, tmp_path: Path) -> None:
    client = material.client
    spec = material.swapping("0-5", marked=False)
    faceset = spec.swap.faceset_id
    spec.swap.ClearField("source")
    spec.swap.clip_id = client.take_clip(pair)
    spec.swap.matte = True
    own = job_pb2.SwapOptions(colour="none")
    spec.swap.cast.add(name="anna", faceset_id=faceset, track=0, matte=True)
    spec.swap.cast.add(name="bob", faceset_id=faceset, track=1, look=own)
    absent = spec.swap.cast.add(name="carl", faceset_id=faceset, person_number=9)
    with pytest.raises(JobFailedError, match="carl: there is no person 9; people 0 to 1 are found"):
        client.jobs.wait(client.jobs.create(spec).job_id)
    spec.swap.cast_may_lack = True
    job = client.jobs.wait(client.jobs.create(spec).job_id)
    assert any(line.startswith("carl: there is no person 9") for line in job.result.warnings)
    found = [(one.name, list(one.tracks), one.frames) for one in job.result.coverage.cast]
    assert found == [("anna", [0], 6), ("bob", [1], 6), (absent.name, [], 0)]
    folder = few_faces.folder
    here = swap.Request(
        pair,
        tmp_path / "here.mp4",
        spec.swap.options,
        matte=tmp_path / "matte.mp4",
        has_manifest=False,
        cast=(
            CastMember("anna", Selector(track=0), faceset=folder, matte=True),
            CastMember("bob", Selector(track=1), faceset=folder, look=WrittenLook({"colour": "none"})),
        ),
    )
    swap.run(here)
    made = {one.role: one.digest for one in job.result.artifacts}
    files = {"clip": here.out, "matte": here.matte, "matte-anna": tmp_path / "matte.anna.mp4"}
    assert made == {role: sha256(path) for role, path in files.items() if path is not None}
    preview = swap_pb2.PreviewFrameRequest(clip_id=spec.swap.clip_id, frame=2, cast=spec.swap.cast)
    assert client.preview(preview).png

"""Files that come from elsewhere, or lie about for years: whatever is in them, an error says so in words."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.benchmarks.detection import read_counts
from recaster.benchmarks.training import claim
from recaster.benchmarks.training_results import Cost, Point
from recaster.errors import RecasterError
from recaster.evaluation.evaluation_result import EvaluationResult
from recaster.evaluation.types import Figure, Scores
from recaster.models.model_folder import ModelFolder
from recaster.models.presets import PRESETS
from recaster.provenance.audit_log import AuditLog
from recaster.provenance.face_traces import FaceTraces
from recaster.provenance.identity_note import read_identity
from recaster.provenance.policy import Policy
from recaster.provenance.revocations import Revocations
from recaster.report.page import write_report
from recaster.store.usage import _loaded_total
from recaster.swapping.render_cache import RenderCache
from recaster.training.checkpoints import list_checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WRONG: tuple[Any, ...] = (
    None, True, -1, 2**70, 1.5, float("nan"), float("inf"), "", "x", "\x1b[2J", "\ud800",
    [], [[]], ["x"], {}, {"x": {}},
)  # fmt: skip
NOT_EVEN_JSON = (
    b"",
    b"{",
    b"[" * 200_000,
    b"\xff\xfe",
    b"null",
    b"[]",
    b'"x"',
    b"1",
    b'{"a": 1}' * 2,
    b"\0" * 99,
)
SPEED = {"cpu_ms_per_frame": 12.5, "frames_per_second": 80.0, "peak_rss_mb": 200.0, "stages": {"decode": 5.0}}


def outcome() -> dict[str, Any]:
    clip = {"path": "a.mp4", "digest": "0" * 64, "width": 320, "height": 320, "fps": 25.0, "frames": 3}
    about = {
        "original": clip, "swapped": clip, "source": {"path": "faces", "digest": "1"},
        "settings": {"frames": [0, 3]}, "versions": {"recaster": "0"}, "notices": ["a notice"],
    }  # fmt: skip
    figures = (Figure("motion_deviation", 2.0, {"frozen": 4.0}), Figure("seam", np.nan))
    frames = {"motion_deviation": np.array([1.0, 2.0, 3.0])}
    value = EvaluationResult(about, np.arange(3), Scores(figures, frames)).as_json()
    found: dict[str, Any] = json.loads(json.dumps(value))
    return found


def card() -> dict[str, Any]:
    return {
        "format": 4, "family": "guided", "preset": json.loads(json.dumps(PRESETS["guided-128"].to_json())),
        "source": "0", "target": None, "steps": 0, "seconds": 0.5, "seed": 0,
    }  # fmt: skip


def cost() -> dict[str, Any]:
    return dict.fromkeys((item.name for item in dataclasses.fields(Cost)), 1)


def moment() -> dict[str, Any]:
    return {
        "step": 1,
        "seconds": 1.0,
        "seed": 0,
        "loss": 0.5,
        "losses": {"l1": 0.5},
        "schedule": {"steps": 9},
    }


def read_moment(folder: Path) -> object:
    (folder / "step-00000001.safetensors").touch()
    return [
        (one.step + 1, one.seconds + 1, one.loss < 1, dict(one.losses)) for _, one in list_checkpoints(folder)
    ]


def report(folder: Path) -> None:
    write_report(folder, folder / "page.html")


def rows() -> dict[str, Any]:
    return {"rows": [{"variant": "one", "minutes": 1, "steps": 10, "figures": {"seam": 0.1}}]}


def speeds() -> dict[str, Any]:
    return {**{part: dict(SPEED) for part in ("floor", "baseline", "engine")}, "ratios": {"a": 2.0}}


def policy() -> dict[str, Any]:
    return {"consent": {"bases": ["consent"], "document": True}, "label": {"kind": "text", "language": "de"}}


Loader = tuple[str, "Callable[[], dict[str, Any]]", "Callable[[Path], Any]"]
LOADERS: dict[str, Loader] = {
    "an evaluation": ("evaluation.json", outcome, EvaluationResult.load),
    "a report of an evaluation": ("evaluation.json", outcome, report),
    "a report of a bench": ("bench.json", rows, report),
    "a report of speeds": ("speed.json", speeds, report),
    "a report of a model": ("model.json", card, report),
    "a model": ("model.json", card, lambda at: (ModelFolder(at).read(), ModelFolder(at).why_outdated())),
    "a checkpoint": ("step-00000001.json", moment, read_moment),
    "counts of faces": ("counts.json", lambda: {"a.jpg": 3}, lambda at: read_counts(at, at / "counts.json")),
    "what a training cost": ("cost.json", cost, lambda at: Point(at, 1).cost().steps_per_second),
    "a variant": ("variant.json", lambda: {"preset": {"a": 1}}, lambda at: claim(at, {"preset": {"a": 1}})),
    "whose faces": ("identity.json", lambda: {"identity_id": "0" * 12}, read_identity),
    "a sum of bytes": ("usage.json", lambda: {"bytes": 1}, lambda at: _loaded_total(at / "usage.json")),
    "a swap's plan": (
        "plan.json",
        lambda: {"model": "x"},
        lambda at: RenderCache(at, (), {}).read_description(),
    ),
}


def mutations(value: Any) -> Iterator[Any]:
    """The document with every value in it, one at a time, something else, or left out."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            fewer = copy.copy(value)
            del fewer[key]
            yield fewer
            for one in (*WRONG, *mutations(value[key])):
                other = copy.copy(value)
                other[key] = one
                yield other


def trouble(load: Callable[[], Any]) -> str:
    """Failure that is no error that says so; empty where all is well."""
    try:
        load()
    except RecasterError:
        return ""
    except Exception as error:  # noqa: BLE001 - this is what may not be
        return repr(error)
    return ""


@pytest.mark.parametrize("name", LOADERS)
def test_json(tmp_path: Path, name: str) -> None:
    file, valid, load = LOADERS[name]
    path = tmp_path / file
    (tmp_path / "a.jpg").touch()
    path.write_text(json.dumps(valid()))
    load(tmp_path)
    for text in (*NOT_EVEN_JSON, *(json.dumps(one).encode() for one in (*WRONG, *mutations(valid())))):
        path.write_bytes(text)
        found = trouble(lambda: load(tmp_path))
        assert not found, f"{name}: {found[:300]} for {text[:300]!r}"


def toml(tables: dict[str, Any]) -> str:
    return "".join(
        f"[{table}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        for table, values in tables.items()
    )


def test_a_policy(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(toml(policy()))
    Policy.load(tmp_path)
    texts = [b"[", b"\xff", b"consent = 1", b"[[consent]]\n", b"[consent]\nbases = 1979-05-27\n"]
    kinds = ("1", "-1", "nan", "'x'", "[]", "[1]", "[['x']]", "{}", "true", "'\\u0000'", "1979-05-27")
    for table, values in policy().items():
        texts += [f"[{table}]\n{key} = {wrong}\n".encode() for key in values for wrong in kinds]
    for text in texts:
        path.write_bytes(text)
        found = trouble(lambda: Policy.load(tmp_path))
        assert not found, f"{found} for {text!r}"


@pytest.mark.parametrize("kind", ["audit", "revocations"])
def test_lists_of_lines(tmp_path: Path, kind: str) -> None:
    """Logs and lists of records: each line is one."""
    path = tmp_path / "list.jsonl"
    if kind == "audit":
        AuditLog(path).add("swap.deliver", made=["0" * 64])
    else:
        Revocations(path).revoke("0" * 12, FaceTraces(frozenset({"0" * 64})))

    def read() -> object:
        return list(AuditLog(path).records()) if kind == "audit" else Revocations(path).known()

    valid = json.loads(path.read_text().splitlines()[-1])
    for text in (*NOT_EVEN_JSON, *(json.dumps(one).encode() for one in (*WRONG, *mutations(valid)))):
        path.write_bytes(text + b"\n")
        found = trouble(read)
        assert not found, f"{found[:300]} for {text[:300]!r}"

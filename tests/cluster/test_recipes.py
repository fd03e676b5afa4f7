"""Recipes for clusters: what they tell Ray is what it knows, and none is open to others."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("ray")

import yaml
from ray.scripts.scripts import start

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
UNITS = ("ray-head.service", "ray-node.service")


@pytest.mark.parametrize("name", UNITS)
def test_ray_knows_what_a_unit_tells_it(name: str) -> None:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=(.+?)(?<!\\)$", text, re.MULTILINE | re.DOTALL)
    _, verb, *arguments = shlex.split(command.replace("\\\n", " "))
    assert verb == "start"
    told = start.make_context("start", arguments).params
    assert told["block"]
    assert told["node_ip_address"] == "${ADDRESS}"
    assert told["head"] == (name == "ray-head.service")


@pytest.mark.parametrize("name", UNITS)
def test_units_ask_for_a_token_and_keep_others_out(name: str) -> None:
    lines = (DEPLOY / name).read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("Environment=RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=") for line in lines)
    assert "IPAddressDeny=any" in lines
    assert "User=recaster" in lines


def test_every_pod_asks_for_the_token() -> None:
    parts = {part["kind"]: part for part in yaml.safe_load_all((DEPLOY / "ray-cluster.yaml").read_text())}
    cluster = parts["RayCluster"]["spec"]
    pods = [cluster["headGroupSpec"]["template"], *(each["template"] for each in cluster["workerGroupSpecs"])]
    containers = [container for pod in pods for container in pod["spec"]["containers"]]
    for container in [*containers, cluster["autoscalerOptions"]]:
        environment = {each["name"]: each for each in container["env"]}
        assert environment["RAY_AUTH_MODE"]["value"] == "token"
        assert environment["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] == "recaster-ray-token"
    assert len({container["image"] for container in containers}) == 1
    assert parts["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == {"ray.io/cluster": "recaster"}

"""Writes engine-lock.json : what an engine is made of on each platform, in versions and hashes.

uv resolves the engine's requirements for all platforms and versions of Python at once, under constraints.txt,
so it must be on the PATH (``pip install uv``). The lock has no addresses: whoever installs takes pip's index.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

from recaster.files import atomic_file

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "scripts" / "engine-lock.json"
PYTHONS = ("3.11", "3.12", "3.13")
MAX_GLIBC = 35
"""Minor version of the newest glibc 2.x of which wheels are taken: Ubuntu 22.04's."""
PLATFORMS: dict[str, tuple[dict[str, str], list[str]]] = {
    "linux-x64": (
        {"sys_platform": "linux", "platform_machine": "x86_64", "platform_system": "Linux"},
        [
            *(f"manylinux_2_{minor}_x86_64" for minor in range(MAX_GLIBC, 4, -1)),
            "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64",
        ],
    ),
    "macos-arm64": (
        {"sys_platform": "darwin", "platform_machine": "arm64", "platform_system": "Darwin"},
        list(mac_platforms((14, 0), "arm64")),
    ),
    "windows-x64": (
        {"sys_platform": "win32", "platform_machine": "AMD64", "platform_system": "Windows"},
        ["win_amd64"],
    ),
}  # fmt: skip
"""Platforms as Blender names them: what markers see there, and the tags of wheels.

TensorFlow has none for Macs with Intel's processors.
"""
TOOLS = ("pip==26.3", "uv==0.13.9")
"""What installs: pip of one version everywhere, and uv where a Python has to be fetched."""
TENSORFLOW = (
    "tensorflow-cpu>=2.20; sys_platform != 'darwin'",
    "tensorflow>=2.20; sys_platform == 'darwin'",
)  # fmt: skip


def main() -> None:
    """Resolves and writes the lock."""
    if shutil.which("uv") is None:
        sys.exit("uv is not here; install it first (pip install uv)")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pyproject.toml").write_text(_project())
        subprocess.run(["uv", "lock", "--quiet", "--no-config", "--directory", folder], check=True)
        packages = tomllib.loads((Path(folder) / "uv.lock").read_text())["package"]
    targets = {
        f"{platform}/{python}": _files_of(packages, platform, python)
        for platform in PLATFORMS
        for python in PYTHONS
    }
    with atomic_file(LOCK) as temporary:
        temporary.write_text(_as_text(targets))
    for target, files in targets.items():
        total = sum(one["bytes"] for one in files)
        print(f"{target}: {len(files)} packages, {total / 1e6:.0f} MB")


def _project() -> str:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = ours["project"]["dependencies"] + ours["project"]["optional-dependencies"]["engine"]
    constraints = (ROOT / "constraints.txt").read_text().split()
    [version] = (one for one in constraints if one.startswith("tensorflow-cpu=="))
    markers = [
        f"sys_platform == '{facts['sys_platform']}' and platform_machine == '{facts['platform_machine']}'"
        for facts, _ in PLATFORMS.values()
    ]
    return (
        f'[project]\nname = "engine"\nversion = "0"\n'
        f"requires-python = {json.dumps(ours['project']['requires-python'])}\n"
        f"dependencies = {json.dumps([*wanted, *TENSORFLOW, *TOOLS, 'setuptools'])}\n"
        "[tool.uv]\n"
        f"constraint-dependencies = {json.dumps([*constraints, version.replace('-cpu', '')])}\n"
        f"override-dependencies = {json.dumps(ours['tool']['uv']['override-dependencies'])}\n"
        f"environments = {json.dumps(markers)}\n"
    )


def _files_of(packages: list[dict[str, Any]], platform: str, python: str) -> list[dict[str, Any]]:
    """Lists what one platform needs: of each package its name, version, hashes and size."""
    facts, tags = PLATFORMS[platform]
    environment = {
        **facts,
        "os_name": "nt" if facts["sys_platform"] == "win32" else "posix",
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    by_name = {one["name"]: one for one in packages}
    wanted: set[str] = set()
    queue = ["engine"]
    while queue:
        for needed in by_name[queue.pop()].get("dependencies", ()):
            is_needed = "marker" not in needed or Marker(needed["marker"]).evaluate(environment)
            if is_needed and needed["name"] not in wanted:
                wanted.add(needed["name"])
                queue.append(needed["name"])
    major, minor = map(int, python.split("."))
    order = [*cpython_tags((major, minor), platforms=tags), *compatible_tags((major, minor), None, tags)]
    return [_file_of(by_name[name], order, f"{platform}/{python}") for name in sorted(wanted)]


def _file_of(package: dict[str, Any], order: list[Tag], target: str) -> dict[str, Any]:
    """Chooses a package's wheels of a target, the best first; where there is no wheel, its sources."""
    fitting = []
    for wheel in package.get("wheels", ()):
        name = re.sub(r".*/", "", wheel["url"])
        ranks = [order.index(tag) for tag in parse_wheel_filename(name)[3] if tag in order]
        if ranks:
            fitting.append((min(ranks), wheel))
    chosen = [wheel for _, wheel in sorted(fitting, key=lambda one: one[0])]
    if not chosen and not package.get("wheels"):
        chosen = [package["sdist"]]
    if not chosen:
        sys.exit(f"{package['name']} has no wheel for {target}")
    return {
        "name": package["name"],
        "version": package["version"],
        "sha256": [one["hash"].removeprefix("sha256:") for one in chosen],
        "bytes": chosen[0]["size"],
        "is_source": "wheels" not in package,
    }


def _as_text(targets: dict[str, list[dict[str, Any]]]) -> str:
    """Formats the lock with a line for each package of each target, so that a change is seen."""
    blocks = [
        f"{json.dumps(target)}: [\n" + ",\n".join(json.dumps(one) for one in files) + "\n]"
        for target, files in targets.items()
    ]
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    main()

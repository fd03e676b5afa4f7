"""Installation of Blender as a Python module: the one that is there works until the next one is complete."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def _pack_module(folder: Path, version: str) -> None:
    """A wheel that says its version, in the place of Blender's."""
    name = f"bpy-{version}"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("bpy.py", f"version = {version!r}")
        about = f"{name}.dist-info"
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: bpy\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")


def _install(checkout: Path, version: str) -> "subprocess.CompletedProcess[str]":
    lines = "set -e; root=$PWD; source scripts/setup.sh; source scripts/blenders.sh"
    lines += f"; BLENDERS=9.9:{version}:{PYTHON}; install_blender 9.9; echo goes on"
    programs = f"{Path(sys._base_executable).resolve().parent}:/usr/bin:/bin"
    environment = {"PATH": programs, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout.parent)}
    command = ["bash", "-c", lines]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def _find_version(checkout: Path) -> str:
    command = [checkout / ".blender" / "9.9" / "bin" / "python", "-c", "import bpy; print(bpy.version)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _make_checkout(checkout: Path) -> None:
    (checkout / "scripts").mkdir(parents=True)
    for name in ("setup.sh", "blenders.sh", "blender-constraints.txt"):
        shutil.copy(SCRIPTS / name, checkout / "scripts")
    # An environment of another checkout's, which is complete, so that nothing is installed there.
    program = checkout / "environment" / "bin" / "recaster"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    (checkout / ".venv").symlink_to(checkout / "environment")


def test_a_blender_works_until_the_next_one_is_complete(tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    _make_checkout(checkout)
    _pack_module(tmp_path, "9.9.1")
    done = _install(checkout, "9.9.1")
    assert done.stdout == "goes on\n", done.stderr
    assert _find_version(checkout) == "9.9.1"

    failed = _install(checkout, "9.9.2")  # there is none
    assert failed.returncode != 0
    assert "goes on" not in failed.stdout
    assert _find_version(checkout) == "9.9.1"

    _pack_module(tmp_path, "9.9.2")
    done = _install(checkout, "9.9.2")
    assert done.stdout == "goes on\n", done.stderr
    assert _find_version(checkout) == "9.9.2"
    pip = (checkout / ".blender" / "9.9" / "bin" / "pip").read_text()
    assert ".new" not in pip.partition("\n")[0]
    assert [path.name for path in (checkout / ".blender").iterdir()] == ["9.9"]

    place = checkout / ".blender" / "9.9"
    place.rename(place.with_name("9.9.old"))  # killed between the last two steps
    assert _install(checkout, "9.9.2").stdout == "goes on\n"
    assert _find_version(checkout) == "9.9.2"


def test_blenders_of_another_checkout_are_left_alone(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    _make_checkout(checkout)
    (tmp_path / "other" / "9.9").mkdir(parents=True)
    (tmp_path / "other" / "9.9" / "installed").write_text("9.9.1")
    (checkout / ".blender").symlink_to(tmp_path / "other")
    assert _install(checkout, "9.9.1").stdout == "goes on\n"
    refused = _install(checkout, "9.9.2")
    assert refused.returncode == 1
    assert str(tmp_path / "other") in refused.stderr
    assert [path.name for path in (tmp_path / "other" / "9.9").iterdir()] == ["installed"]

"""Setup of an environment: anew, interrupted, and where it is another checkout's."""

import shutil
import subprocess
import sys
from pathlib import Path

SETUP = Path(__file__).parents[2] / "scripts" / "setup.sh"
PYPROJECT = """
[project]
name = "recaster"
version = "{version}"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = '''
"""Builds an installation of one program, which says its version."""

import pathlib, tomllib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    version = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]["version"]
    files = {
        "program.py": f"def main(): print({version!r})",
        "METADATA": f"Metadata-Version: 2.1\\nName: recaster\\nVersion: {version}\\n",
        "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "entry_points.txt": "[console_scripts]\\nrecaster = program:main\\n",
        "RECORD": "",
    }
    name = f"recaster-{version}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for file, text in files.items():
            place = file if file == "program.py" else f"recaster-{version}.dist-info/{file}"
            wheel.writestr(place, text)
    return name
'''


def _make_checkout(checkout: Path) -> None:
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(SETUP, checkout / "scripts")
    for name in ("constraints.txt", "pyproject.toml"):
        (checkout / name).touch()


def _run_setup(checkout: Path) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-c", "set -e; source scripts/setup.sh; echo goes on"]
    environment = {"PATH": "/usr/bin:/bin", "RECASTER_PYTHON": sys.executable}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def _said_by(*command: Path | str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_linked_environment_that_is_being_installed_is_left_alone(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    (environment / "lib").mkdir(parents=True)
    (environment / "lib" / "package.py").touch()
    checkout = tmp_path / "checkout"
    _make_checkout(checkout)
    (checkout / ".venv").symlink_to(environment)
    done = _run_setup(checkout)
    assert done.returncode == 1
    assert str(environment) in done.stderr
    assert "goes on" not in done.stdout
    assert (environment / "lib" / "package.py").exists()


def test_a_linked_environment_that_is_complete_is_used(tmp_path: Path) -> None:
    program = tmp_path / "environment" / "bin" / "recaster"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    checkout = tmp_path / "checkout"
    _make_checkout(checkout)
    (checkout / ".venv").symlink_to(tmp_path / "environment")
    done = _run_setup(checkout)
    assert done.stdout == "goes on\n", done.stderr


def test_an_environment_works_until_the_next_one_is_complete(tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    _make_checkout(checkout)
    (checkout / "backend.py").write_text(BACKEND)
    (checkout / "pyproject.toml").write_text(PYPROJECT.format(version=1))
    done = _run_setup(checkout)
    assert done.stdout.endswith("goes on\n"), done.stderr
    program = checkout / ".venv" / "bin" / "recaster"
    assert _said_by(program) == "1\n"

    (checkout / "pyproject.toml").write_text(PYPROJECT.format(version=2))
    (checkout / "constraints.txt").write_text("./absent.whl\n")
    failed = _run_setup(checkout)
    assert failed.returncode != 0
    assert "goes on" not in failed.stdout
    assert _said_by(program) == "1\n"

    (checkout / "constraints.txt").write_text("")
    done = _run_setup(checkout)
    assert done.stdout.endswith("goes on\n"), done.stderr
    assert _said_by(program) == "2\n"
    assert str(checkout / ".venv") in _said_by(checkout / ".venv" / "bin" / "pip", "--version")
    activate = f"source '{checkout}/.venv/bin/activate'; echo $VIRTUAL_ENV; command -v recaster"
    assert _said_by("bash", "-c", activate).split("\n")[:2] == [str(checkout / ".venv"), str(program)]
    assert not list(checkout.glob(".venv.*"))

    (checkout / ".venv").rename(checkout / ".venv.old")  # killed between the last two steps
    assert _run_setup(checkout).stdout == "goes on\n"
    assert _said_by(program) == "2\n"

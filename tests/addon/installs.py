"""Stub engines, and a stub of Python, that installations are tested with."""

from __future__ import annotations

import base64
import hashlib
import importlib
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

ADDON = Path(__file__).resolve().parents[2] / "addon"
CHECKED = ("ai_edge_litert", "av", "c2pa", "cv2", "dlib", "numpy", "scipy", "tensorflow")
FAKE_PYTHON = f"""#!{sys.executable} -IS
import json, os, pathlib, shutil, sys, time
own, words = pathlib.Path(sys.argv[0]), sys.argv[1:]
orders = pathlib.Path({{orders!r}})
def told(name):
    path = orders / name
    return path.read_text() if path.exists() else None
with (orders / "commands").open("a") as log:
    log.write(" ".join(words).replace(chr(10), ";") + chr(10))
if "ensurepip, venv" in " ".join(words):
    print(json.dumps([str(own), "3.11", True]))
elif words[1:3] == ["-m", "venv"]:
    if told("no venv") is not None:
        sys.exit(told("no venv") or "no launcher")
    made = pathlib.Path(words[3])
    (made / "bin").mkdir(parents=True)
    shutil.copy(own, made / "bin" / "python")
    (made / "pyvenv.cfg").write_text("home = " + str(own.parent))
elif "-r" in words:
    wanted = pathlib.Path(words[-1]).read_text().split("==")[0]
    print("Progress 5 of 10", flush=True)
    if told("hang at") == wanted:
        (orders / "hangs").touch()
        time.sleep(600)
    if told("fail at") == wanted:
        sys.exit(told("words"))
    with (orders / "installed").open("a") as log:
        log.write(wanted + chr(10))
elif words[-1].endswith(".whl"):
    program = own.parent / "recaster"
    program.write_text("#!/bin/sh" + chr(10) + "case $1 in serve) exec sleep 600;; esac" + chr(10))
    program.chmod(0o755)
elif told("does not run") is not None and words[1] == "-c":
    sys.exit(1)
"""


def load(*names: str) -> list[Any]:
    """Modules of the add-on that know nothing of Blender, in a package of their own."""
    if "addon_outside" not in sys.modules:
        package = types.ModuleType("addon_outside")
        package.__path__ = [str(ADDON)]
        sys.modules["addon_outside"] = package
    return [importlib.import_module(f"addon_outside.{name}") for name in names]


def fake_python(folder: Path) -> Path:
    """A program with the words of Python, its venv and its pip, which does what files in its folder say."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "python3.11"
    path.write_text(FAKE_PYTHON.format(orders=str(folder)))
    path.chmod(0o755)
    return path


def installed_by(folder: Path) -> list[str]:
    """Packages that a stub of Python has installed, in order; of a part the first."""
    path = folder / "installed"
    return path.read_text().split() if path.exists() else []


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str], scripts: str = "") -> Path:
    """Writes a wheel with a few lines of Python."""
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if scripts:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}\n"
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as wheel:
        for path, text in (*files.items(), (f"{info}/RECORD", f"{record}{info}/RECORD,,\n")):
            wheel.writestr(path, text)
    return made


def engine_wheel(folder: Path) -> Path:
    """A wheel of an engine that says its version."""
    code = {"recaster/__init__.py": "def main():\n    print('recaster 9.9.9')\n"}
    return write_wheel(folder, "recaster", "9.9.9", code, "recaster = recaster:main")


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def describe(wheel: Path, packages: dict[str, int]) -> dict[str, Any]:
    """Says what an engine needs, as an extension does: packages by name, with their sizes."""
    rows = [
        [name, "1.0", ["0" * 64], size, False] for name, size in {"pip": 10, "uv": 10, **packages}.items()
    ]
    return {
        "version": "9.9.9", "wheel": wheel.name, "sha256": digest_of(wheel), "bytes": wheel.stat().st_size,
        "pythons": {"3.11": rows},
    }  # fmt: skip

"""Assembles the Blender extension and lets Blender's own tool pack it; see scripts/build_extension."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from recaster import __version__

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "extension"
BUNDLED = ("grpcio", "protobuf", "googleapis-common-protos", "typing-extensions")
"""What the thin client needs, besides itself; in the versions of constraints.txt."""
TAGS = {
    "linux-x64": ["manylinux2014_x86_64", "manylinux_2_17_x86_64"],
    "macos-arm64": ["macosx_11_0_universal2", "macosx_11_0_arm64", "macosx_10_9_universal2"],
    "macos-x64": ["macosx_11_0_universal2", "macosx_10_9_universal2", "macosx_10_9_x86_64"],
    "windows-x64": ["win_amd64"],
}


def main() -> None:
    """Build what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=f"of {', '.join(TAGS)}")
    parser.add_argument("--tool", type=Path, required=True, help="Blender's blender_ext.py")
    parser.add_argument("--blender-python", type=Path, required=True, help="the Python that runs it")
    parser.add_argument("--pythons", required=True, help="versions of Python to pack wheels for")
    options = parser.parse_args()
    platforms = options.platforms or list(TAGS)
    unknown = sorted(set(platforms) - set(TAGS))
    if unknown:
        parser.error(f"there is no platform {', '.join(unknown)}; there are: {', '.join(TAGS)}")
    source = OUT / "source"
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.copytree(ROOT / "addon", source, ignore=shutil.ignore_patterns("__pycache__"))
    wheels = source / "wheels"
    wheels.mkdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels)
    for platform in platforms:
        for python in options.pythons.split():
            fetch(wheels, platform, python)
    write_manifest(source / "blender_manifest.toml", platforms, sorted(wheels.glob("*.whl")))
    tool = [options.blender_python, options.tool]
    run(*tool, "build", "--source-dir", source, "--output-dir", OUT, "--split-platforms")
    for made in sorted(OUT.glob("*.zip")):
        run(*tool, "validate", made)
        print(f"{made.relative_to(ROOT)}  {made.stat().st_size / 1e6:.1f} MB")


def fetch(wheels: Path, platform: str, python: str) -> None:
    """Download the wheels of one platform and one Python."""
    pinned = (ROOT / "constraints.txt").read_text()
    versions = [re.search(rf"^{name}==\S+$", pinned, re.MULTILINE) for name in BUNDLED]
    abi = f"cp{python.replace('.', '')}"
    run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *("--only-binary=:all:", "--implementation", "cp", "--python-version", python),
        *("--abi", abi, "--abi", "abi3", "--abi", "none", "--dest", wheels),
        *(word for tag in TAGS[platform] for word in ("--platform", tag)),
        *(found.group() for found in versions if found),
    )


def write_manifest(path: Path, platforms: list[str], wheels: list[Path]) -> None:
    """Add to the manifest what depends on the build: version, platforms, wheels."""
    listed = "".join(f'  "./wheels/{wheel.name}",\n' for wheel in wheels)
    named = ", ".join(f'"{platform}"' for platform in platforms)
    text = re.sub(r'(?m)^version = ".*"$', f'version = "{__version__}"', path.read_text())
    text = text.replace("[permissions]", f"platforms = [{named}]\nwheels = [\n{listed}]\n\n[permissions]")
    path.write_text(text)


def run(*command: object) -> None:
    """Run a program; what is wrong with it is on its standard error."""
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} ended with exit code {error.returncode}")

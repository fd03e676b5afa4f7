"""Packs the Blender extension and a repository of it, for scripts/build_extension and build_repository.

A zip says which engine belongs to it (engine.json): the engine's wheel, which lies beside the zips, and all
that it needs on the zip's platform (engine-lock.json), in versions and hashes.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import urllib.parse
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from extension_manifest import MANIFEST, check_manifest

from recaster import __version__

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = ("grpcio", "protobuf", "googleapis-common-protos", "typing-extensions")
"""What the thin client needs, besides itself; in the versions of constraints.txt."""
TAGS = {
    "linux-x64": ["manylinux2014_x86_64", "manylinux_2_17_x86_64"],
    "macos-arm64": ["macosx_11_0_universal2", "macosx_11_0_arm64", "macosx_10_9_universal2"],
    "macos-x64": ["macosx_11_0_universal2", "macosx_10_9_universal2", "macosx_10_9_x86_64"],
    "windows-x64": ["win_amd64"],
}
"""Platforms as Blender names them, and the tags of wheels that run there."""
CLIENT_PACKAGES = ("api", "client", "isobmff", "processes", "provenance", "settings", "store")
"""Those that the add-on imports, and theirs; all others, and the networks' weights, are the engine's."""
MAX_ZIP_BYTES = 9_000_000
ENGINE = "engine.json"
LOCK = ROOT / "scripts" / "engine-lock.json"
BLENDER_HINTS = ("blender_version_min", "blender_version_max")
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Recaster for Blender</title>
<h1>Recaster {version} for Blender</h1>
<p>Drag the link of your platform and Blender into Blender's window.</p>
<ul>
{links}</ul>
"""
DATE = (2020, 2, 2, 0, 0, 0)
"""Date of all files in a zip, hatchling's: the same sources make the same zip."""


@dataclass(frozen=True)
class BlenderRange:
    """Versions of Blender with one version of Python, which alone loads a zip's wheels.

    Attributes:
        first: the first version, as X.Y.Z.
        end: the first version after them; empty where there is none yet.
        python: X.Y.
    """

    first: str
    end: str
    python: str


BLENDER_RANGES = (BlenderRange("4.2.0", "5.1.0", "3.11"), BlenderRange("5.1.0", "", "3.13"))


def main() -> None:
    """Builds what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=f"of {', '.join(TAGS)}")
    parser.add_argument("--out", type=Path, required=True, help="folder of the zips; replaced")
    parser.add_argument("--python", help="pack for this version of Python, whatever Blender has it")
    parser.add_argument("--repository", action="store_true", help="also write index.json")
    options = parser.parse_args()
    platforms = options.platforms or list(TAGS)
    unknown = sorted(set(platforms) - set(TAGS))
    if unknown:
        parser.error(f"there is no platform {', '.join(unknown)}; there are: {', '.join(TAGS)}")
    ranges = BLENDER_RANGES
    if options.python:
        ranges = (BlenderRange(BLENDER_RANGES[0].first, "", options.python),)
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        whole = build_wheel(Path(folder))
        client = thin_wheel(Path(folder) / "thin", whole)
        shutil.copy(whole, options.out)
        for platform in platforms:
            engine = describe_engine(whole, platform)
            for blenders in ranges:
                made = pack_extension(options.out, platform, blenders, client, engine)
                print(f"{made}  {made.stat().st_size / 1e6:.1f} MB")
    if options.repository:
        print(write_index(options.out))
        print(write_page(options.out))


def build_wheel(folder: Path) -> Path:
    """Builds Recaster's wheel, the same bytes of the same sources."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    [whole] = folder.glob("*.whl")
    return whole


def describe_engine(wheel: Path, platform: str) -> dict[str, Any]:
    """Describes the engine of a platform, which the add-on installs; no Pythons where there is none."""
    data = wheel.read_bytes()
    pythons = {
        target.partition("/")[2]: [
            [one["name"], one["version"], one["sha256"], one["bytes"], one["is_source"]] for one in packages
        ]
        for target, packages in json.loads(LOCK.read_text()).items()
        if target.partition("/")[0] == platform
    }
    return {
        "version": __version__,
        "wheel": wheel.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "pythons": pythons,
    }


def thin_wheel(folder: Path, whole: Path) -> Path:
    """Takes the packages of the client alone out of Recaster's wheel."""
    thin = folder / whole.name
    thin.parent.mkdir()
    with zipfile.ZipFile(whole) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist() if is_of_client(name)}
    [record] = [name for name in files if name.endswith(".dist-info/RECORD")]
    lines = files[record].decode().splitlines(keepends=True)
    files[record] = "".join(line for line in lines if line.split(",")[0] in files).encode()
    write_zip(thin, files)
    return thin


def is_of_client(name: str) -> bool:
    """Tells whether a file of Recaster's wheel is the client's, by its name."""
    parts = PurePosixPath(name).parts
    return parts[0] != "recaster" or len(parts) == 2 or parts[1] in CLIENT_PACKAGES


def pack_extension(
    out: Path, platform: str, blenders: BlenderRange, client: Path, engine: dict[str, Any]
) -> Path:
    """Packs the zip of one platform and of Blenders with one version of Python."""
    addon = ROOT / "addon"
    sources = [
        path for path in sorted(addon.rglob("*")) if path.is_file() and "__pycache__" not in path.parts
    ]
    files = {path.relative_to(addon).as_posix(): path.read_bytes() for path in sources}
    files[ENGINE] = json.dumps(engine, separators=(",", ":")).encode()
    with tempfile.TemporaryDirectory() as folder:
        fetch_wheels(Path(folder), platform, blenders.python)
        wheels = sorted([client, *Path(folder).glob("*.whl")], key=lambda path: path.name)
        files |= {f"wheels/{path.name}": path.read_bytes() for path in wheels}
    text = complete_manifest(files[MANIFEST].decode(), platform, blenders, [path.name for path in wheels])
    faults = check_manifest(tomllib.loads(text), files)
    if faults:
        sys.exit(f"{MANIFEST}: {'; '.join(faults)}")
    files[MANIFEST] = text.encode()
    first = ".".join(blenders.first.split(".")[:2])
    made = out / f"recaster-{__version__}-{platform.replace('-', '_')}-blender{first}.zip"
    write_zip(made, files)
    if made.stat().st_size > MAX_ZIP_BYTES:
        sys.exit(f"{made}: {made.stat().st_size} bytes are more than {MAX_ZIP_BYTES}; what was added?")
    return made


def fetch_wheels(folder: Path, platform: str, python: str) -> None:
    """Downloads the wheels that the client needs on one platform with one version of Python."""
    pinned = (ROOT / "constraints.txt").read_text()
    versions = [re.search(rf"^{name}==\S+$", pinned, re.MULTILINE) for name in BUNDLED]
    abi = f"cp{python.replace('.', '')}"
    run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *("--only-binary=:all:", "--implementation", "cp", "--python-version", python),
        *("--abi", abi, "--abi", "abi3", "--abi", "none", "--dest", folder),
        *(word for tag in TAGS[platform] for word in ("--platform", tag)),
        *(found.group() for found in versions if found),
    )


def complete_manifest(text: str, platform: str, blenders: BlenderRange, wheels: list[str]) -> str:
    """Adds to the manifest what depends on the zip: versions, platform, wheels."""
    listed = "".join(f'  "./wheels/{name}",\n' for name in wheels)
    end = f'blender_version_max = "{blenders.end}"\n' if blenders.end else ""
    text = re.sub(r'(?m)^version = ".*"$', f'version = "{__version__}"', text)
    text = re.sub(
        r'(?m)^blender_version_min = ".*"\n', f'blender_version_min = "{blenders.first}"\n{end}', text
    )
    return text.replace(
        "[permissions]", f'platforms = ["{platform}"]\nwheels = [\n{listed}]\n\n[permissions]'
    )


def write_index(folder: Path) -> Path:
    """Writes the index of a static extension repository, with the zips of a folder beside it."""
    entries = []
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as packed:
            manifest = tomllib.loads(packed.read(MANIFEST).decode())
        data = path.read_bytes()
        entry = {name: value for name, value in manifest.items() if name not in ("build", "wheels")}
        entry |= {
            "archive_url": f"./{path.name}",
            "archive_size": len(data),
            "archive_hash": f"sha256:{hashlib.sha256(data).hexdigest()}",
        }
        entries.append(entry)
    index = folder / "index.json"
    index.write_text(json.dumps({"version": "v1", "blocklist": [], "data": entries}, indent=1) + "\n")
    return index


def write_page(folder: Path) -> Path:
    """Writes a page with the zips of a repository's index, whose links can be dragged into Blender."""
    lines = []
    for entry in json.loads((folder / "index.json").read_text())["data"]:
        [platform] = entry["platforms"]
        hints = {"repository": "./index.json", "platforms": platform}
        hints |= {name: entry[name] for name in BLENDER_HINTS if name in entry}
        link = html.escape(f"{entry['archive_url']}?{urllib.parse.urlencode(hints)}")
        end = f" to before {entry['blender_version_max']}" if "blender_version_max" in entry else " and later"
        label = html.escape(f"{platform}, Blender {entry['blender_version_min']}{end}")
        lines.append(f'<li><a href="{link}">{label}</a></li>\n')
    page = folder / "index.html"
    page.write_text(PAGE.format(version=__version__, links="".join(lines)))
    return page


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """Writes a zip with files in order; what is packed already isn't packed again."""
    with zipfile.ZipFile(path, "w") as made:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, DATE)
            entry.external_attr = 0o644 << 16
            is_packed = PurePosixPath(name).suffix == ".whl"
            made.writestr(entry, data, zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED)


def run(*command: object) -> None:
    """Runs a program; what is wrong with it is on its standard error."""
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} ended with exit code {error.returncode}")

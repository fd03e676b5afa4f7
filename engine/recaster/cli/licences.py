"""Bill of materials of this installation: every package and trained network, with its licence."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import re
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster import __version__, weights_registry

if TYPE_CHECKING:
    from importlib.metadata import Distribution

CYCLONEDX: Final = "1.6"
UNSAID: Final = "not said"
MAX_LICENCE: Final = 80
"""Letters of a licence's name; some packages give the whole text."""
_OSI: Final = "License :: "
_SPDX: Final = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")


@dataclass(frozen=True)
class Package:
    """An installed package, by the name that indexes write.

    Its licence is an expression of SPDX identifiers where ``is_expression``, else its authors' words.
    """

    name: str
    version: str
    licence: str
    is_expression: bool


def packages() -> list[Package]:
    """Every package that is installed beside Recaster, by name."""
    by_name = {}
    # Once Ray is loaded, copies of its own are on the path, too; they are parts of it.
    paths = [path for path in sys.path if Path(path).parent.name != "ray"]
    for package in importlib.metadata.distributions(path=paths):
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"] or "").lower()
        # Of several of one name, the first is the one that is imported.
        if name and name not in by_name and name != weights_registry.RECASTER:
            by_name[name] = Package(name, package.version, *_licence_of(package))
    return [by_name[name] for name in sorted(by_name)]


def _licence_of(package: Distribution) -> tuple[str, bool]:
    """A package's licence, and whether it is an SPDX expression."""
    for expression in package.metadata.get_all("License-Expression") or ():
        return expression, True
    classifiers = [line for line in package.metadata.get_all("Classifier") or () if line.startswith(_OSI)]
    names = [name for line in classifiers if (name := line.rpartition(" :: ")[2]) != "OSI Approved"]
    text = "".join(package.metadata.get_all("License") or ()).strip()
    if text and len(text) <= MAX_LICENCE and "\n" not in text:
        return text, False
    return " OR ".join(names) or (text.splitlines()[0][:MAX_LICENCE] if text else UNSAID), False


def lines() -> list[str]:
    """The bill for people."""
    text = [f"recaster {__version__}  Apache-2.0", "", "Trained networks:"]
    for weights in weights_registry.ALL:
        place = weights.package or "your own file"
        text.append(f"  {weights.name} ({weights.file}, {place})  {weights.licence}")
        text.append(f"      {weights.purpose}; {weights.origin}")
    text += ["", "Packages:"]
    text += [f"  {package.name} {package.version}  {package.licence}" for package in packages()]
    return text


def bill() -> dict[str, Any]:
    """The same as CycloneDX has it, for programs."""
    recaster = {"type": "application", "bom-ref": "recaster", "name": "recaster", "version": __version__}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": CYCLONEDX,
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "component": recaster | {"licenses": [{"license": {"id": "Apache-2.0"}}]},
        },
        "components": [*map(_library, packages()), *map(_network, weights_registry.ALL)],
    }


def _library(package: Package) -> dict[str, Any]:
    purl = f"pkg:pypi/{package.name}@{package.version}"
    described = {"type": "library", "bom-ref": purl, "name": package.name, "version": package.version}
    described["purl"] = purl
    if package.licence == UNSAID:
        return described
    if package.is_expression and _SPDX.fullmatch(package.licence):
        return described | {"licenses": [{"expression": package.licence}]}
    return described | {"licenses": [{"license": {"name": package.licence}}]}


def _network(weights: weights_registry.Weights) -> dict[str, Any]:
    has_spdx = " " not in weights.licence
    described: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": f"weights/{weights.file if weights.sha256 else weights.name}",
        "name": weights.name,
        "description": f"{weights.purpose}; {weights.file}, from {weights.package or 'its user'}",
        "publisher": weights.origin,
        "licenses": [{"license": {"id" if has_spdx else "name": weights.licence}}],
    }
    if weights.sha256:
        described["hashes"] = [{"alg": "SHA-256", "content": weights.sha256}]
    return described

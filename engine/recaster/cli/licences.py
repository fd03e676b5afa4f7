"""Bill of materials of this installation: every package and trained network, with its licence."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import re
import uuid
from dataclasses import dataclass
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
    """An installed package.

    Attributes:
        name: as package indexes write it.
        version: which.
        licence: an expression of SPDX identifiers, or its authors' words.
        is_expression: whether it is one.
    """

    name: str
    version: str
    licence: str
    is_expression: bool


def packages() -> list[Package]:
    """Every package that is installed beside Recaster, by name."""
    found = {}
    for one in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", one.metadata["Name"] or "").lower()
        # Of several of one name, the first is the one that is imported.
        if name and name not in found and name != weights_registry.RECASTER:
            found[name] = Package(name, one.version, *_licence_of(one))
    return [found[name] for name in sorted(found)]


def _licence_of(package: Distribution) -> tuple[str, bool]:
    """A package's licence, and whether it is an SPDX expression."""
    said = package.metadata
    for expression in said.get_all("License-Expression") or ():
        return expression, True
    classifiers = [one for one in said.get_all("Classifier") or () if one.startswith(_OSI)]
    names = [name for one in classifiers if (name := one.rpartition(" :: ")[2]) != "OSI Approved"]
    text = "".join(said.get_all("License") or ()).strip()
    if text and len(text) <= MAX_LICENCE and "\n" not in text:
        return text, False
    return " OR ".join(names) or (text.splitlines()[0][:MAX_LICENCE] if text else UNSAID), False


def lines() -> list[str]:
    """The bill for people."""
    found = [f"recaster {__version__}  Apache-2.0", "", "Trained networks:"]
    for one in weights_registry.ALL:
        place = one.package or "your own file"
        found.append(f"  {one.name} ({one.file}, {place})  {one.licence}")
        found.append(f"      {one.purpose}; {one.origin}")
    found += ["", "Packages:"]
    found += [f"  {one.name} {one.version}  {one.licence}" for one in packages()]
    return found


def bill() -> dict[str, Any]:
    """The same as CycloneDX has it, for programs."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": CYCLONEDX,
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "component": {
                "type": "application",
                "bom-ref": "recaster",
                "name": "recaster",
                "version": __version__,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": [*map(_library, packages()), *map(_network, weights_registry.ALL)],
    }


def _library(package: Package) -> dict[str, Any]:
    purl = f"pkg:pypi/{package.name}@{package.version}"
    described = {
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
    }
    if package.licence == UNSAID:
        return described
    if package.is_expression and _SPDX.fullmatch(package.licence):
        return described | {"licenses": [{"expression": package.licence}]}
    return described | {"licenses": [{"license": {"name": package.licence}}]}


def _network(one: weights_registry.Weights) -> dict[str, Any]:
    spdx = " " not in one.licence
    described: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": f"weights/{one.file if one.sha256 else one.name}",
        "name": one.name,
        "description": f"{one.purpose}; {one.file}, from {one.package or 'its user'}",
        "publisher": one.origin,
        "licenses": [{"license": {"id" if spdx else "name": one.licence}}],
    }
    if one.sha256:
        described["hashes"] = [{"alg": "SHA-256", "content": one.sha256}]
    return described

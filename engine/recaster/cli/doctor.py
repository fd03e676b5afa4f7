"""``recaster doctor``: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

from recaster import __version__
from recaster.cli.cluster_options import add_cluster_place, refuse_cluster_place
from recaster.cli.display import say, say_json
from recaster.cli.doctor_cluster import check_cluster
from recaster.cli.findings import INSTALL, Finding, print_findings, try_check
from recaster.cli.flags import read_settings
from recaster.cli.parsers import Commands, Options, add_data, add_switch, data_folder_of
from recaster.settings.formats import CODECS
from recaster.settings.paths import own_address, socket_path
from recaster.settings.storage import StorageSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.store.folder import DataFolder

DESCRIPTION = """Look at everything that Recaster needs: packages, weights, codecs, what computes, the
engine's data, disk and port; with --cluster at the nodes of a Ray cluster. Ends with 1 where something is
wrong."""
PACKAGES: Final = ("grpcio", "protobuf", "numpy", "av", "keras", "safetensors", "c2pa-python")
TENSORFLOWS: Final = ("tensorflow-cpu", "tensorflow")
MIN_FREE_BYTES: Final = 5 << 30
MAX_CLOCK_DIFFERENCE_S: Final = 300.0


def add_doctor(commands: Commands) -> None:
    """Adds this command's parser."""
    text = "say what is wrong with this installation and how to mend it"
    parser = commands.add("doctor", run, text, DESCRIPTION)
    add_data(parser, "an engine's data")
    text = "where an engine is to listen (default: as recaster serve)"
    parser.add_argument("--listen", default="", metavar="ADDRESS", help=text)
    parser.add_argument("--engine", metavar="ADDRESS", help="an engine to ask (default: RECASTER_ENGINE)")
    text = "list every package and trained network with its licence instead; with --json as CycloneDX"
    add_switch(parser, "--licences", text)
    add_switch(parser, "--json", "print JSON")
    text = "look at every node of a Ray cluster instead, and at the storage from there"
    add_switch(parser, "--cluster", text)
    add_cluster_place(parser)


def run(options: Options) -> None:
    """Checks this installation, and prints the findings."""
    from recaster.cli.licences import bill, lines

    if options.licences:
        say_json(bill()) if options.json else say(*lines())
        return
    if options.cluster:
        findings = check_cluster(options.ray_address, read_settings(StorageSettings, options))
    else:
        refuse_cluster_place(options)
        findings = check_installation(data_folder_of(options), options.listen, options.engine)
    print_findings(findings, as_json=options.json)
    if not all(finding.ok for finding in findings.values()):
        sys.exit(1)


def check_installation(data: DataFolder, listen: str, engine: str | None) -> dict[str, Finding]:
    """Checks everything that an engine needs; returns the findings by what was looked at.

    Args:
        listen: "" for where an engine listens by itself.
        engine: None for the one that RECASTER_ENGINE names, if it does.
    """
    checks: dict[str, Callable[[], Finding]] = {
        "packages": _check_packages,
        "weights": _check_weights,
        "codecs": _check_codecs,
        "device": _check_device,
        "data": lambda: _check_data(data),
        "models": lambda: _check_models(data),
        "disk": lambda: _check_disk(data),
        "port": lambda: _check_port(listen or own_address(data.path)),
        "provenance": lambda: _check_provenance(data),
        "workers": _check_workers,
    }
    if engine or os.environ.get("RECASTER_ENGINE"):
        checks["engine"] = lambda: _check_engine(engine)
    return {what: try_check(check) for what, check in checks.items()}


def _check_packages() -> Finding:
    versions = {name: _version_of(name) for name in PACKAGES}
    try:
        import cv2  # of whichever of its packages

        versions["OpenCV"] = cv2.__version__
    except ImportError:
        versions["opencv-python"] = None
    missing = ", ".join(name for name, version in versions.items() if version is None)
    if missing:
        return Finding(False, f"missing: {missing}", INSTALL)
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Finding(True, f"recaster {__version__}, Python {platform.python_version()}, {listed}")


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _check_weights() -> Finding:
    from recaster.faces.weights import MODELS, read_weights

    total = sum(len(read_weights(model)) for model in MODELS)
    return Finding(True, f"{len(MODELS)} files, {total / 1e6:.1f} MB, undamaged")


def _check_codecs() -> Finding:
    from recaster.media.available_encoders import is_available, list_available_codecs, list_open_encoders

    missing = [name for name in CODECS if not is_available(name)]
    if missing:
        mend = "reinstall av from its wheel: pip install --force-reinstall --only-binary av av"
        return Finding(False, f"no encoder for {', '.join(missing)}", mend)
    hardware = ", ".join(list_open_encoders()) or "none opens"
    return Finding(
        True, f"{', '.join(list_available_codecs())} can be written; hardware encoders: {hardware}"
    )


def _check_device() -> Finding:
    from recaster.jobs.job_resources import devices

    has_gpu = devices()[0] == "gpu"
    if not any(_version_of(name) for name in TENSORFLOWS):
        return Finding(False, "TensorFlow is missing", INSTALL)
    from recaster.networks.device import select_device

    used = select_device("auto")
    if has_gpu and used.kind == "cpu":
        says = "the driver shows a GPU, but TensorFlow doesn't use it"
        return Finding(False, says, "pip install 'recaster[gpu]'")
    return Finding(True, f"networks run {used.note}")


def _check_data(data: DataFolder) -> Finding:
    if not data.path.exists():
        return Finding(True, f"{data.path}: will be made by recaster serve")
    if not os.access(data.path, os.R_OK | os.W_OK | os.X_OK):
        return Finding(False, f"{data.path}: can't be written", f"chown it: {data.path}")
    token = data.token_file
    if token.is_file() and token.stat().st_mode & 0o077 and os.name != "nt":
        return Finding(False, "others may read the token", f"chmod 600 {token}")
    return Finding(True, f"{data.path}" + ("" if token.is_file() else ", no token yet"))


def _check_models(data: DataFolder) -> Finding:
    from recaster.models.model_folder import ModelFolder

    models = [ModelFolder(path) for path in sorted((data.path / "models").glob("[!.]*"))]
    outdated = [f"{model.path.name} was {model.why_outdated()}" for model in models if model.why_outdated()]
    says = "; ".join(outdated) or f"{len(models)} trained models"
    return Finding(not outdated, says, "swaps with them are refused until then")


def _check_disk(data: DataFolder) -> Finding:
    place = next(path for path in (data.path, *data.path.absolute().parents) if path.exists())
    free = type(data)(place).free_bytes()
    says = f"{free / 2**30:.1f} GiB free at {place}"
    return Finding(free > MIN_FREE_BYTES, says, "free some space, or choose another --data")


def _check_port(listen: str) -> Finding:
    if listen.startswith("unix:"):
        return Finding(True, f"unix:{socket_path(listen)}")
    host, _, port = listen.rpartition(":")
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, int(port)))
        except (OSError, ValueError) as error:
            mend = "an engine may be running there already; else choose another with --listen"
            return Finding(False, f"{listen} can't be listened on ({error})", mend)
    return Finding(True, f"{listen} is free")


def _check_provenance(data: DataFolder) -> Finding:
    from recaster.provenance.manifest import check_signer
    from recaster.provenance.policy import Policy
    from recaster.provenance.register import open_audit_log
    from recaster.provenance.signer import resolve_signer

    policy = Policy.load(data.path)
    who = "results are signed with a certificate made on this machine"
    if policy.certificate is not None:
        check_signer(resolve_signer(policy, data.path))
        who = f"results are signed with {policy.certificate.name}"
    with open_audit_log(data) as log:
        last = log.verify()
    records = 0 if last is None else last.number
    return Finding(True, f"{who}; the audit log is whole ({records} records)")


def _check_workers() -> Finding:
    from recaster.jobs.startup_checks import unconfined

    confined = "give up the network, other files and needless system calls before they read a file"
    return Finding(True, unconfined() or confined)


def _check_engine(target: str | None) -> Finding:
    from recaster.api.v1 import identity_pb2  # noqa: F401 - the whole interface must import
    from recaster.client import Address, Client

    with Client(Address.from_environment(target), patience_s=2) as client:
        info = client.info()
        newest = next(iter(client.jobs.listed(page_size=1)), None)
    free = f"{info.free_bytes / 2**30:.1f} GiB free"
    says = f"recaster {info.version} at {client.connection.address.target}, {free}"
    if newest is not None and newest.create_time.ToSeconds() > time.time() + MAX_CLOCK_DIFFERENCE_S:
        return Finding(False, "its clock is ahead of ours", "set both clocks (NTP)")
    if info.version != __version__:
        return Finding(False, says, f"this is {__version__}: install the same version on both")
    return Finding(True, says)

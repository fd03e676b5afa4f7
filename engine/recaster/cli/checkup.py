"""Checks of everything that an engine needs."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster import __version__
from recaster.errors import RecasterError
from recaster.settings.paths import own_address, socket_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.store.folder import DataFolder

PACKAGES: Final = ("grpcio", "protobuf", "numpy", "av", "keras", "safetensors", "c2pa-python")
TENSORFLOWS: Final = ("tensorflow-cpu", "tensorflow")
LITTLE_DISK: Final = 5 << 30
CLOCK_S: Final = 300.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, what was seen, and how to mend it."""

    what: str
    ok: bool
    says: str
    mend: str = ""


def checkup(data: DataFolder, listen: str, engine: str | None) -> list[Finding]:
    """Checks everything that an engine needs.

    Args:
        data: an engine's data folder.
        listen: where an engine is to listen; "" for where it does by itself.
        engine: an engine to ask; None for the one that RECASTER_ENGINE names, if it does.
    """
    looks: list[Callable[[], Finding]] = [
        _packages,
        _weights,
        _codecs,
        _device,
        functools.partial(_data, data),
        functools.partial(_models, data),
        functools.partial(_disk, data),
        functools.partial(_port, listen or own_address(data.path)),
        functools.partial(_provenance, data),
        _workers,
    ]
    if engine or os.environ.get("RECASTER_ENGINE"):
        looks.append(functools.partial(_engine, engine))
    return [_looked(look) for look in looks]


def _looked(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except ImportError as error:
        return Finding(_name(look), ok=False, says=str(error), mend="pip install 'recaster[cpu]' (or [gpu])")
    except RecasterError as error:
        return Finding(_name(look), ok=False, says=str(error), mend="do as it says, and look again")


def _provenance(data: DataFolder) -> Finding:
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
    return Finding("provenance", ok=True, says=f"{who}; the audit log is whole ({records} records)")


def _workers() -> Finding:
    from recaster.jobs.startup_checks import unconfined

    says = (
        unconfined() or "give up the network, other files and needless system calls before they read a file"
    )
    return Finding("workers", ok=True, says=says)


def _name(look: Callable[[], Finding]) -> str:
    return str(getattr(look, "func", look).__name__).strip("_")


def _packages() -> Finding:
    versions = []
    missing = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    try:
        import cv2  # of whichever of its packages

        versions.append(f"OpenCV {cv2.__version__}")
    except ImportError:
        missing.append("opencv-python")
    says = f"recaster {__version__}, Python {platform.python_version()}, {', '.join(versions)}"
    if missing:
        return Finding(
            "packages", ok=False, says=f"missing: {', '.join(missing)}", mend="pip install 'recaster[cpu]'"
        )
    return Finding("packages", ok=True, says=says)


def _weights() -> Finding:
    from recaster.faces.weights import MODELS, read_weights

    total = sum(len(read_weights(model)) for model in MODELS)
    return Finding("weights", ok=True, says=f"{len(MODELS)} files, {total / 1e6:.1f} MB, undamaged")


def _codecs() -> Finding:
    import av

    from recaster.media.writer import ENCODERS

    missing = [name for name, codec in ENCODERS.items() if codec.encoder not in av.codecs_available]
    if missing:
        return Finding(
            "codecs",
            ok=False,
            says=f"no encoder for {', '.join(missing)}",
            mend="reinstall av from its wheel: pip install --force-reinstall --only-binary av av",
        )
    return Finding("codecs", ok=True, says=f"{', '.join(ENCODERS)} can be written")


def _device() -> Finding:
    from recaster.jobs.job_resources import devices

    seen = devices()[0] == "gpu"
    if not any(_installed(name) for name in TENSORFLOWS):
        return Finding("device", ok=False, says="TensorFlow is missing", mend="pip install 'recaster[cpu]'")
    from recaster.networks.device import select_device

    used = select_device("auto")
    if seen and used.kind == "cpu":
        return Finding(
            "device",
            ok=False,
            says="the driver shows a GPU, but TensorFlow doesn't use it",
            mend="pip install 'recaster[gpu]'",
        )
    return Finding("device", ok=True, says=f"networks run {used.note}")


def _data(data: DataFolder) -> Finding:
    if not data.path.exists():
        return Finding("data", ok=True, says=f"{data.path}: will be made by recaster serve")
    if not os.access(data.path, os.R_OK | os.W_OK | os.X_OK):
        return Finding("data", ok=False, says=f"{data.path}: can't be written", mend=f"chown it: {data.path}")
    token = data.token_file
    if token.is_file() and token.stat().st_mode & 0o077 and os.name != "nt":
        return Finding("data", ok=False, says="others may read the token", mend=f"chmod 600 {token}")
    return Finding("data", ok=True, says=f"{data.path}" + ("" if token.is_file() else ", no token yet"))


def _models(data: DataFolder) -> Finding:
    from recaster.models.model_folder import ModelFolder

    models = [ModelFolder(path) for path in sorted((data.path / "models").glob("[!.]*"))]
    outdated = [f"{model.path.name} was {model.why_outdated()}" for model in models if model.why_outdated()]
    says = "; ".join(outdated) or f"{len(models)} trained models"
    return Finding("models", ok=not outdated, says=says, mend="swaps with them are refused until then")


def _disk(data: DataFolder) -> Finding:
    place = next(path for path in (data.path, *data.path.absolute().parents) if path.exists())
    free = type(data)(place).free_bytes()
    says = f"{free / 2**30:.1f} GiB free at {place}"
    return Finding("disk", ok=free > LITTLE_DISK, says=says, mend="free some space, or choose another --data")


def _port(listen: str) -> Finding:
    if listen.startswith("unix:"):
        return Finding("port", ok=True, says=f"unix:{socket_path(listen)}")
    host, _, port = listen.rpartition(":")
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, int(port)))
        except (OSError, ValueError) as error:
            return Finding(
                "port",
                ok=False,
                says=f"{listen} can't be listened on ({error})",
                mend="an engine may be running there already; else choose another with --listen",
            )
    return Finding("port", ok=True, says=f"{listen} is free")


def _engine(target: str | None) -> Finding:
    from recaster.api.v1 import identity_pb2  # noqa: F401 - the whole interface must import
    from recaster.client import Address, Client

    with Client(Address.from_environment(target), patience_s=2) as client:
        info = client.info()
        jobs = next(iter(client.jobs.listed(page_size=1)), None)
    free = f"{info.free_bytes / 2**30:.1f} GiB free"
    says = f"recaster {info.version} at {client.connection.address.target}, {free}"
    if jobs is not None and jobs.create_time.ToSeconds() > time.time() + CLOCK_S:
        return Finding("engine", ok=False, says="its clock is ahead of ours", mend="set both clocks (NTP)")
    if info.version != __version__:
        return Finding(
            "engine", ok=False, says=says, mend=f"this is {__version__}: install the same version on both"
        )
    return Finding("engine", ok=True, says=says)


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True

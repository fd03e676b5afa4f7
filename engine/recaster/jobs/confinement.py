"""Confinement of workers and query workers: all that they don't need is given up before they read a file.

It reads files of strangers. Should one of them take it over, it can spoil what its own job makes, and no
more: files that it doesn't need aren't there for it (Landlock), nor system calls (seccomp), nor capabilities.
Linux only; docs/reliability.md says what is left.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recaster.errors import RecasterError
from recaster.jobs import landlock, seccomp
from recaster.jobs.grants import grant_from_proto
from recaster.jobs.job_context import INPUTS
from recaster.jobs.limits import KEEPS_NETWORK, go_offline, keep_privileges
from recaster.processes.channel import optional_path, path_of
from recaster.provenance.policy import Policy
from recaster.store import analyses, learned_faces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from recaster.api.internal.v1 import query_pb2, worker_pb2
    from recaster.operations.face_rights import Grant

PATH_FIELDS: Final = (
    "folder", "model", "faceset", "clip", "person", "path", "beside", "authority", "keep_out", "keep_in"
)  # fmt: skip
"""Fields of questions that are files and folders."""
KEEPS_FILES: Final = "it can read and write whatever its user may: Landlock can't be had here"
KEEPS_CALLS: Final = "it can make every system call: seccomp can't be had here"
_LIBRARIES: Final = ("/usr", "/lib", "/lib64", "/nix/store", "/gnu/store", "/etc/ld.so.cache")
_SETTINGS: Final = (
    "/etc/localtime", "/etc/timezone", "/etc/locale.alias", "/etc/fonts", "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf", "/etc/crypto-policies",
)  # fmt: skip
_MACHINE: Final = (
    "/proc/self", "/proc/thread-self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys",
    "/proc/version", "/proc/filesystems", "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm",
)  # fmt: skip
_SOURCES: Final = ("/dev/zero", "/dev/random", "/dev/urandom")
_SINKS: Final = ("/dev/null", "/dev/full")
_LOADERS: Final = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-*.so.1")
"""What starts a program that needs libraries."""
_NETWORK: Final = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
    "/etc/services", "/etc/protocols", "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ca-certificates",
    "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/ca-trust",
)  # fmt: skip
_AUTHORITIES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What a timestamp authority is found and checked by."""
_GPU: Final = ("/proc", "/sys", "/etc/nvidia", "/etc/OpenCL", "/usr/local/cuda", "/run/nvidia-persistenced")
_GPU_DEVICES: Final = ("nvidia*", "nvidia-caps/*", "dri/*", "dxg", "nvhost*", "nvmap", "nvgpu/*/*")
_SWAPPING: Final = ("swap", "anonymise")
"""Work that puts faces on, which may be learned for it."""
_KEPT_CAPABILITIES: Final = (1 << 1) | (1 << 3)
"""DAC_OVERRIDE and FOWNER: root's files stay root's, also where another user owns them."""


@dataclass(frozen=True)
class Reach:
    """Files and rights of a process besides what Python and its packages need.

    Attributes:
        writes: folders that it may also change; they should be there.
        links: the folder in which it may make links.
        processes: whether it starts processes, of this program only.
        online: whether it reaches a timestamp authority.
        gpu: whether it computes on a GPU, whose driver needs more of the system.
    """

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    links: Path | None = None
    processes: bool = False
    online: bool = False
    gpu: bool = False


def reach_of(task: worker_pb2.WorkerTask) -> Reach:
    """Reach of a worker; makes the folders that aren't there yet."""
    kind = task.spec.WhichOneof("work")
    folder = path_of(task.folder)
    links = folder / INPUTS
    made = [path_of(each[task.made]) for each in (task.facesets, task.models) if task.made in each]
    looked_at = [] if kind in ("ingest", "sign") else [clip.digest for clip in task.clips.values()]
    with contextlib.suppress(OSError, RecasterError):  # the work itself will say so
        for path in (*made, links):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for clip in looked_at:
            analyses.make_clip_folder(clip)
    learned = _make_likeness_folders(map(path_of, task.facesets.values())) if kind in _SWAPPING else []
    writes = (folder, *made, *map(analyses.clip_folder, looked_at), *learned)
    faces = [*map(path_of, task.facesets.values()), *map(path_of, task.models.values())]
    return Reach(
        reads=(*map(path_of, task.files.values()), *faces, *_paths_of_grant(grant_from_proto(task.grant))),
        writes=(*writes, *(path for path in faces if _is_half_written(path))),
        links=links,
        processes=kind in ("extract", "train", "swap", "anonymise", "evaluate"),
        online=not task.limits.offline and task.device != "gpu",
        gpu=task.device == "gpu",
    )


def reach_of_question(question: query_pb2.Question, *, gpu: bool) -> Reach:
    """Reach of a query worker, by its first question; makes the folders that aren't there yet."""
    scratch = path_of(question.scratch)
    with contextlib.suppress(OSError):  # the answer will say so
        (scratch / INPUTS).mkdir(mode=0o700, exist_ok=True)
    reads = paths_of_question(question)
    writes = [scratch]
    writes += [folder for folder in reads if question.HasField("drop") or _is_half_written(folder)]
    asked = getattr(question, question.WhichOneof("question"))
    if clip := getattr(asked, "clip", b""):
        digest = path_of(clip).name  # a blob's
        with contextlib.suppress(RecasterError):  # the look at it will say so
            analyses.make_clip_folder(digest)
        writes.append(analyses.clip_folder(digest))
    if question.HasField("preview"):
        putting_on = (question.preview, *question.preview.cast)
        facesets = (optional_path(each.faceset) for each in putting_on)
        writes += _make_likeness_folders(path for path in facesets if path is not None)
        reads += _paths_of_grant(grant_from_proto(question.preview.grant))
    if question.HasField("verify"):
        data = path_of(question.verify.data)
        reads.append(Policy.path(data))
        with contextlib.suppress(RecasterError):  # whoever answers will say what is wrong with it
            reads += _some(Policy.load(data).trust)
    return Reach(tuple(reads), tuple(writes), scratch / INPUTS, gpu=gpu)


def _make_likeness_folders(facesets: Iterable[Path]) -> list[Path]:
    """Makes the folders of what is learned of facesets to put their faces on."""
    made = []
    for faceset in facesets:
        with contextlib.suppress(RecasterError):  # it is learned and not kept
            made.append(learned_faces.make_folder("likeness", faceset))
    return made


def paths_of_question(question: query_pb2.Question) -> list[Path]:
    """The files and folders that a question is about."""
    asked = getattr(question, question.WhichOneof("question"))
    naming = (asked, *getattr(asked, "cast", ()))
    paths = (optional_path(getattr(one, name, b"")) for one in naming for name in PATH_FIELDS)
    return [path for path in paths if path is not None]


def _paths_of_grant(grant: Grant) -> list[Path]:
    signers = (grant.signer, None if grant.mark is None else grant.mark.signer)
    paths = [path for signer in signers if signer is not None for path in (signer.certificate, signer.key)]
    return paths if grant.vetting is None else [*paths, *grant.vetting.own, *_some(grant.vetting.trust)]


def _some(path: Path | None) -> tuple[Path, ...]:
    return () if path is None else (path,)


def _is_half_written(faceset: Path) -> bool:
    """True where a process that wrote to a faceset was killed: the next one to read it undoes that."""
    return any(faceset.glob("*.sqlite-journal"))


def confine(reach: Reach) -> list[str]:
    """Gives up all but what is in reach, for this process and all that it starts.

    Call it before there is a second thread, and after ``limits.apply``. Returns what couldn't be given up, in
    words; nothing on other systems, where nothing can be.
    """
    if sys.platform != "linux":
        return []
    kept = []
    drop_capabilities()
    try:
        tcp = landlock.BIND_TCP | (0 if reach.online or reach.gpu else landlock.CONNECT_TCP)
        landlock.restrict(rules(reach), tcp)
    except OSError:
        kept.append(KEEPS_FILES)
    families = [seccomp.INET, seccomp.INET6, seccomp.NETLINK] if reach.online or reach.gpu else []
    try:
        seccomp.restrict([*families, *([seccomp.UNIX] if reach.gpu else [])], executes=reach.processes)
    except OSError:
        kept.append(KEEPS_CALLS)
    return kept


def rules(reach: Reach) -> Iterator[tuple[Path, int]]:
    """Yields places, and what may be done there and beneath (``landlock``)."""
    authorities = [os.environ[name] for name in _AUTHORITIES if name in os.environ]
    network = [*_NETWORK, *authorities] if reach.online else []
    names = [*_LIBRARIES, *_SETTINGS, *_MACHINE, *_SOURCES, *_python(reach), *network]
    reads = [*map(Path, names), *reach.reads]
    yield from ((path, landlock.READ) for path in reads)
    yield from ((Path(name), landlock.READ | landlock.WRITE_FILE) for name in _SINKS)
    yield from ((path, landlock.WRITE) for path in reach.writes)
    if reach.links is not None:
        yield reach.links, landlock.WRITE | landlock.MAKE_SYM
    if reach.processes:
        yield Path("/dev/shm"), landlock.WRITE  # noqa: S108 - where processes share memory
        for path in (Path(sys.executable), *_find(Path("/"), _LOADERS)):
            yield path, landlock.READ | landlock.EXECUTE
    if reach.gpu:
        yield from ((Path(name), landlock.READ) for name in _GPU)
        yield from ((path, landlock.DEVICE) for path in _find(Path("/dev"), _GPU_DEVICES))
        yield Path(_home()) / ".nv", landlock.WRITE  # where the driver keeps what it has compiled


def _find(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return [path for pattern in patterns for path in folder.glob(pattern.removeprefix("/"))]


def _python(reach: Reach) -> Iterator[str]:
    """Yields where Python and its packages lie, and the settings of one of them.

    A folder that the user's home or the data lie in is left out, and so is the one that the engine was
    started in: of what is there, only Recaster itself is in reach.
    """
    yield str(Path(__file__).resolve().parents[1])
    inside = [Path(os.path.realpath(path)) for path in (Path(_home()), *reach.writes)]
    searched = [name for name in sys.path if os.path.realpath(name) != os.path.realpath(os.curdir)]
    library = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    compiled = sys.pycache_prefix or ""
    for name in (*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, compiled, *searched, *library):
        if name and not any(path.is_relative_to(os.path.realpath(name)) for path in inside):
            yield name
    yield str(Path(os.environ.get("KERAS_HOME", Path(_home()) / ".keras")) / "keras.json")


def _home() -> str:
    return os.path.expanduser("~")  # noqa: PTH111 - there may be none


def drop_capabilities() -> None:
    """Give up what root may do to a machine, or whoever made a namespace of users may do in it."""
    system = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # the third version of this call's words; this process
    words = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, twice 32 bits of each
    if system.capget(header, words) == 0:
        words[0] = words[1] = words[0] & _KEPT_CAPABILITIES
        words[2] = words[3] = words[4] = words[5] = 0
        system.capset(header, words)


def trial() -> list[str]:
    """Confines this process as no work does; returns what couldn't be given up, in words."""
    keep_privileges()
    return [*([] if go_offline() else [KEEPS_NETWORK]), *confine(Reach())]

"""Nodes of a Ray cluster on this machine, each with processes of its own; told by lines what to do.

"add" starts a node and prints its number; "kill NUMBER" ends one as a power cut would, and "busy" prints the
numbers of those that work. Everything ends with standard input.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

STORE_BYTES = 100 << 20


def main() -> None:
    """Serve one cluster."""
    # Node by node, since each takes seconds of a processor to start.
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE_BYTES},
    )
    print(cluster.address, flush=True)
    nodes = []
    for line in sys.stdin:
        command, _, number = line.strip().partition(" ")
        if command == "add":
            nodes.append(cluster.add_node(num_cpus=2, memory=6 << 30, object_store_memory=STORE_BYTES))
            print(len(nodes) - 1, flush=True)
        elif command == "busy":
            names = [[name for _, name in find_processes(node)] for node in nodes]
            print(
                *(each for each, working in enumerate(names) if "run_task" in " ".join(working)), flush=True
            )
        else:
            node = nodes[int(number)]
            for process in [raylet_of(node), *(process for process, _ in find_processes(node))]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            print("killed", flush=True)
    cluster.shutdown()


def raylet_of(node: Any) -> int:
    """Process id of what commands a node's processes."""
    process_id: int = node.all_processes["raylet"][0].process.pid
    return process_id


def find_processes(node: Any) -> list[tuple[int, str]]:
    """Ids and names of the processes that a node has started; none of one that has ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            if parent == raylet_of(node):
                found.append((int(folder.name), (folder / "cmdline").read_text("utf-8", "replace")))
    return found


main()

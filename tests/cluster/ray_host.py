"""Nodes of a Ray cluster on this machine, each with processes of its own; told by lines what to do.

"add" starts a node and prints its number and its raylet's process id; "kill NUMBER" ends one as a power cut
would. Everything ends with standard input.
"""

from __future__ import annotations

import os
import signal
import sys

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
        else:
            for process in nodes[int(number)].all_processes["raylet"]:
                os.kill(process.process.pid, signal.SIGKILL)
            print("killed", flush=True)
    cluster.shutdown()


main()

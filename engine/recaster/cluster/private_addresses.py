"""Addresses of a cluster's machines, which have to be of a private network."""

from __future__ import annotations

import ipaddress
import socket

from recaster.errors import ClusterError


def refuse_public(address: str) -> None:
    """Refuses an address that the whole internet reaches (ClusterError)."""
    host = address.rpartition(":")[0].strip("[]") if address.count(":") == 1 or "]" in address else address
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError) as error:
        raise ClusterError(f"{address}: there is no such machine; give HOST:PORT ({error})") from error
    public = [text for text in found if ipaddress.ip_address(str(text).partition("%")[0]).is_global]
    if public:
        raise ClusterError(
            f"{address}: is a public address ({min(map(str, public))}); whoever has the token commands these "
            "machines: put the cluster into a private network (see docs/scale.md)"
        )

"""Where the capture was taken: near the client, near the server, or somewhere between.

A handshake has two legs as seen from the recorder: SYN to SYN-ACK is the way to the server and back, SYN-ACK to ACK
the way to the client and back. The side with the much shorter leg is near (MEASURES "Phases of a request"). Where both
are tiny (one machine, one switch) the word is ``unknown``, but it does not matter: what any place saw, all saw.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.model import Connections

NEAR_RATIO = 4.0
"""How much longer one leg must be to call the other side near; programs answer SYNs within fractions of the path."""
MIN_LEG_MS = 0.2
"""Legs below this on both sides mean a local network, where both ends are near and nothing can be told."""

LOCAL = "local"
"""Both ends are so close that the recorder was at either: to readers an ``unknown`` vantage, but a trustworthy one."""


def of(connections: Connections) -> tuple[str, str]:
    """Return (vantage, why): client, server, middle or unknown, by the median legs of all handshakes."""
    if not len(connections):
        return "unknown", "no TCP handshake"
    server = np.asarray(connections.columns["server_leg_ms"], np.float64)
    client = np.asarray(connections.columns["client_leg_ms"], np.float64)
    whole = ~np.isnan(server) & ~np.isnan(client)
    if not whole.any():
        return "unknown", "no complete TCP handshake"
    to_server, to_client = float(np.median(server[whole])), float(np.median(client[whole]))
    legs = (
        f"median of {int(whole.sum())} handshakes: {to_server:.3f} ms to the server, {to_client:.3f} ms to the client"
    )
    if to_server < MIN_LEG_MS and to_client < MIN_LEG_MS:
        return "unknown", f"both ends are close ({legs})"
    return near(to_server, to_client), legs


def place(server_leg_ms: float | None, client_leg_ms: float | None) -> str:
    """Return where one connection was recorded: client, server, middle, unknown, or :data:`LOCAL`."""
    if server_leg_ms is None or client_leg_ms is None:
        return "unknown"
    if server_leg_ms < MIN_LEG_MS and client_leg_ms < MIN_LEG_MS:
        return LOCAL
    return near(server_leg_ms, client_leg_ms)


def places(connections: Connections, streams: NDArray[np.int64]) -> list[str]:
    """Return the place of some connections, as :func:`place` does.

    Where the handshake of one was not seen, its hosts tell: a recorder that is near a client (or a server) in most of
    the handshakes it saw of that host is near it here too.

    Args:
        streams: (k,) int64.
    """
    legs = [np.asarray(connections.columns[name], np.float64) for name in ("server_leg_ms", "client_leg_ms")]
    server, client = (np.where(leg >= 0, leg, np.nan) for leg in legs)
    out = [
        place(None if s != s else s, None if c != c else c)  # NaN is not itself
        for s, c in zip(server[streams].tolist(), client[streams].tolist(), strict=True)
    ]
    if "unknown" in out:
        tells = ~np.isnan(server) & ~np.isnan(client) & ((server >= MIN_LEG_MS) | (client >= MIN_LEG_MS))
        at_client = _mostly(connections.client_host[tells], (server >= NEAR_RATIO * client)[tells])
        at_server = _mostly(connections.server_host[tells], (client >= NEAR_RATIO * server)[tells])
        for k, where in enumerate(out):
            if where == "unknown" and int(connections.client_host[streams[k]]) in at_client:
                out[k] = "client"
            elif where == "unknown" and int(connections.server_host[streams[k]]) in at_server:
                out[k] = "server"
    return out


def _mostly(hosts: NDArray[np.int32], near_it: NDArray[np.bool_]) -> frozenset[int]:
    """Return the hosts that the recorder is near to in more than half of the handshakes."""
    if not hosts.size:
        return frozenset()
    share = np.bincount(hosts, weights=near_it) / np.maximum(np.bincount(hosts), 1)
    return frozenset(np.flatnonzero(share > 0.5).tolist())


def near(server_leg_ms: float | None, client_leg_ms: float | None) -> str:
    """Return the vantage that one pair of legs speaks for."""
    if server_leg_ms is None or client_leg_ms is None:
        return "unknown"
    if server_leg_ms >= NEAR_RATIO * client_leg_ms:
        return "client"
    if client_leg_ms >= NEAR_RATIO * server_leg_ms:
        return "server"
    return "middle"

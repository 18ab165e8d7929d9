"""Where the capture was taken: near the client, near the server, or somewhere between.

A handshake has two legs as seen from the recorder: SYN to SYN-ACK is the way to the server and back, SYN-ACK to ACK
the way to the client and back. The side with the much shorter leg is near (MEASURES "Phases of a request").
"""

from __future__ import annotations

import numpy as np

from analyzer.flows.model import Connections

NEAR_RATIO = 4.0
"""How much longer one leg must be to call the other side near; programs answer SYNs within fractions of the path."""
MIN_LEG_MS = 0.2
"""Legs below this on both sides mean a local network, where both ends are near and nothing can be told."""


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


def near(server_leg_ms: float | None, client_leg_ms: float | None) -> str:
    """Return the vantage that one pair of legs speaks for."""
    if server_leg_ms is None or client_leg_ms is None:
        return "unknown"
    if server_leg_ms >= NEAR_RATIO * client_leg_ms:
        return "client"
    if client_leg_ms >= NEAR_RATIO * server_leg_ms:
        return "server"
    return "middle"

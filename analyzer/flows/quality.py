"""How well a connection ran: round trips, bytes in flight, what held the sender back, what loss cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.handshake import Handshakes
from analyzer.flows.segments import Sorted


def columns(
    s: Sorted, h: Handshakes, window: NDArray[np.uint32], label: NDArray[np.uint16]
) -> dict[str, NDArray[np.generic]]:
    """Return the quality columns of the ``tcp`` table."""
    out: dict[str, NDArray[np.generic]] = {}
    n = s.groups.count
    for side in ("client", "server"):
        for name in ("rtt_samples", "loss_episodes"):
            out[f"{side}_{name}"] = np.zeros(n, np.int64)
        out[f"{side}_max_in_flight_bytes"] = np.full(n, -1, np.int64)
        for name in (
            "rtt_min_ms",
            "rtt_p50_ms",
            "rtt_p95_ms",
            "transfer_ms",
            "receiver_limited_ms",
            "sender_limited_ms",
            "network_limited_ms",
            "throughput_bytes",
            "loss_ms",
        ):
            out[f"{side}_{name}"] = np.full(n, np.nan)
    return out

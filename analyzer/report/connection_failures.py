"""Which connections came to nothing, or were cut off: by column, since there may be a million of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.model import CLOSES, HANDSHAKE_WHYS, HANDSHAKES, Connections


def failed(connections: Connections) -> dict[str, int]:
    """Count the connections that were never answered, refused, or cut off by a reset."""
    return {
        "no_synack": int(unanswered(connections).sum()),
        "refused": int(refused(connections).sum()),
        "reset": int(cut_off(connections).sum()),
    }


def refused(connections: Connections) -> NDArray[np.bool_]:
    """Tell which connections were refused."""
    return np.asarray(np.asarray(connections.columns["handshake"]) == HANDSHAKES.index("refused"))


def unanswered(connections: Connections) -> NDArray[np.bool_]:
    """Tell which connections nobody answered; not one that went on all the same, heard from its client's side only."""
    columns = connections.columns
    out = np.asarray(columns["handshake"]) == HANDSHAKES.index("no_synack")
    out &= np.asarray(columns["server_packets"]) == 0
    out &= np.asarray(columns["handshake_why"]) != HANDSHAKE_WHYS.index("one_sided")
    return np.asarray(out)


def cut_off(connections: Connections) -> NDArray[np.bool_]:
    """Tell which open connections a reset cut off.

    Not one that a side had already closed: many programs answer the other side's FIN with a reset, and have all they
    wanted.
    """
    columns = connections.columns
    reset = np.asarray(columns["close"]) == CLOSES.index("reset")
    fins = np.stack([np.asarray(columns[f"{side}_fin_frame"], np.int64) for side in ("client", "server")])
    closed = ((fins > 0) & (fins < np.asarray(columns["rst_frame"], np.int64))).any(axis=0)
    return np.asarray(reset & ~closed & ~refused(connections))

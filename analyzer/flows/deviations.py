"""What was out of the ordinary in how connections opened and closed, for all connections at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.closing import Closings
from analyzer.flows.handshake import Handshakes
from analyzer.flows.segments import Sorted


def columns(
    s: Sorted, h: Handshakes, c: Closings, reused: NDArray[np.int64], label: NDArray[np.uint16]
) -> dict[str, NDArray[np.generic]]:
    """Return the columns ``deviations`` (bits), ``handshake_why`` (codes) and ``unreachable_frame`` (-1 yet)."""
    n = s.groups.count
    return {
        "deviations": np.zeros(n, np.int64),
        "handshake_why": np.zeros(n, np.uint8),
        "unreachable_frame": np.full(n, -1, np.int64),
    }

"""Recorders that write packets at an even pace, whatever happened when: their times are not those of the network.

Some programs hand packets on to a file at fixed intervals, and scripts that make captures count time up by the same
step. Then every packet, of either side, comes as long after the one before it as all others do. On a network an answer
comes after a round trip and the next packet of a burst at once, so no pace holds across packets of both directions.

How long anything took cannot be told from such a file, and nobody is to be blamed for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.model import Segments
from analyzer.units import NS_PER_MS

LOOKED_AT = 8192
"""TCP frames from the file's beginning that are looked at; a recorder does not change its way."""
FEWEST = 20
"""Fewer steps may be even by chance; an exchange with its handshake and close has about ten."""
FEWEST_TURNS = 8
"""Steps from a packet of one side to one of the other; a one-sided stream may be even because its sender is."""
FEWEST_MADE_UP = 8
"""Packets that are all the same time apart; of a clock that is read, two steps are rarely equal to the microsecond."""
SHARE = 0.9
"""Of the steps that are as long as the middle one; among thousands of recorded captures the next lower is 0.56."""
NS_PER_US = 1000
JITTER = 0.02
"""How far a step may be from the middle one."""
SHORTEST_NS = NS_PER_MS // 2
"""Fast links send full packets back to back, microseconds apart; an acknowledgement may fall between by chance."""


def even_step_ms(segments: Segments) -> float | None:
    """Return the even step (ms) at which a file's TCP packets were recorded, None when they came as they came.

    Args:
        segments: of all connections.
    """
    frame = segments.frame
    if frame.size <= FEWEST:
        return None
    early = np.flatnonzero(frame < frame.min() + LOOKED_AT)
    order = early[np.argsort(frame[early], kind="stable")]
    steps = np.diff(segments.time[order])
    if steps.size < FEWEST:
        return None
    middle = float(np.median(steps))
    if middle < SHORTEST_NS:
        return None
    even = np.abs(steps - middle) <= JITTER * middle
    turns = np.diff(segments.from_client[order].astype(np.int8)) != 0
    if turns.sum() < FEWEST_TURNS or even.mean() < SHARE or even[turns].mean() < SHARE:
        return None
    return middle / NS_PER_MS


def made_up_step_ms(time: NDArray[np.int64], sender: NDArray[np.int32]) -> float | None:
    """Return the step (ms) between all packets of a file, None when two of the steps differ.

    Scripts make small files whose packets, whatever their protocol, are the same time apart to the microsecond. Clocks
    that are read are never that even: one sender's timer may seem so, but not it together with the one who answers.

    Args:
        time: (packets,) int64 ns, in the file's order; sender: (packets,) int32, who sent each, -1 for no IP.
    """
    early, who = time[:LOOKED_AT], sender[:LOOKED_AT]
    if early.size < FEWEST_MADE_UP or (early == 0).any():
        return None
    steps = np.diff(early)
    if steps[0] < NS_PER_MS or (np.abs(steps - steps[0]) >= NS_PER_US).any() or np.unique(who[who >= 0]).size < 2:
        return None
    return float(steps[0]) / NS_PER_MS

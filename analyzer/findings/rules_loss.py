"""Findings about data that had to be sent again, with the repeated segments themselves as evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.findings.model import Hit, Rule
from analyzer.findings.thresholds import (
    COPY_MS,
    COPY_SHARE_OF_RTT,
    HEAVY_LOSS_COUNT,
    HEAVY_LOSS_SHARE,
    MAX_FINDINGS_PER_CODE,
)
from analyzer.flows.model import Label
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts

_AGAIN = Label.RETRANSMISSION | Label.FAST_RETRANSMISSION


@dataclass(frozen=True, slots=True)
class Repeats:
    """The data segments of one direction that were sent again.

    Attributes:
        frames: (k,) int64; waits: (k, 2) int64 ns, from when the bytes were first missed to when they came again.
        segments: data segments of the direction, copies of the recorder left out.
    """

    frames: NDArray[np.int64]
    waits: NDArray[np.int64]
    segments: int

    def cost_ms(self) -> float:
        """Return how long the direction was repairing something: the union of the waits."""
        total, reach = 0, -1
        for begin, end in sorted(map(tuple, self.waits.tolist())):
            total += max(end - max(begin, reach), 0)
            reach = max(reach, end)
        return total / NS_PER_MS


def repeats(facts: Facts, stream: int, *, client: bool) -> Repeats:
    """Find the data segments that one side of a connection sent again.

    Bytes were first missed when the stream first went beyond them: with their own first transmission, or with the
    first segment after a hole. A repeat sooner after that than any sender can know of a loss is a copy: the same
    packet recorded twice where the recorder could not prove it by the IP identification.
    """
    s, part = facts.segments, facts.segments.of(stream)
    mine = np.flatnonzero((s.from_client[part] == client) & (s.length[part] > 0)) + part.start
    label, time = s.label[mine], s.time[mine]
    reach = np.maximum.accumulate(s.seq[mine] + s.length[mine])
    again = np.flatnonzero(((label & _AGAIN) != 0) & ((label & Label.CAPTURED_TWICE) == 0))
    first = np.searchsorted(reach, s.seq[mine][again], "right")
    waits = np.stack([time[np.minimum(first, again)], time[again]], axis=1)
    rtt = facts.connections.ms("initial_rtt_ms", stream)
    copy = COPY_MS if rtt is None else min(COPY_MS, rtt * COPY_SHARE_OF_RTT)
    real = waits[:, 1] - waits[:, 0] > copy * NS_PER_MS
    real &= s.frame[mine][again] < _gone_after(facts, stream, client=client)
    copies = again.size - int(real.sum()) + int(np.count_nonzero(label & Label.CAPTURED_TWICE))
    return Repeats(s.frame[mine][again][real], waits[real], int(mine.size) - copies)


def _gone_after(facts: Facts, stream: int, *, client: bool) -> int:
    """Return the frame after which the receiver of a direction had closed and was silent: repeats cost nobody time."""
    s, part = facts.segments, facts.segments.of(stream)
    theirs = np.flatnonzero(s.from_client[part] != client)
    if not theirs.size or not ((s.flags[part][theirs] & (Flag.FIN | Flag.RST)) != 0).any():
        return int(s.frame[part][-1]) + 1
    return int(s.frame[part][theirs[-1]])


def loss(facts: Facts) -> Iterator[Hit]:
    """A direction of a connection that had to repeat much of what it sent."""
    c = facts.connections.columns
    hits: list[tuple[float, Hit]] = []
    for side in ("client", "server"):
        again = np.asarray(c[f"{side}_retransmissions"], np.int64) + np.asarray(c[f"{side}_fast_retransmissions"])
        heavy = (again >= HEAVY_LOSS_COUNT) & (again >= HEAVY_LOSS_SHARE * np.asarray(c[f"{side}_packets"], np.int64))
        for stream in np.flatnonzero(heavy).tolist():
            found = repeats(facts, stream, client=side == "client")
            count = int(found.frames.size)
            if count < HEAVY_LOSS_COUNT or count < HEAVY_LOSS_SHARE * found.segments:
                continue
            ends = facts.connections
            cost = found.cost_ms()
            args: dict[str, object] = {
                "client": ends.host(int(ends.client_host[stream])),
                "server": ends.host(int(ends.server_host[stream])),
                "server_port": int(c["server_port"][stream]),
                "stream": stream,
                "retransmissions": count,
                "loss_share": count / max(found.segments, 1),
                "by": side,
                "loss_ms": cost,
            }
            hits.append((cost, Hit(args, tuple(found.frames.tolist()), "tcp", stream, stream, cost)))
    hits.sort(key=lambda pair: -pair[0])
    yield from (hit for _, hit in hits[:MAX_FINDINGS_PER_CODE])


RULES: tuple[Rule, ...] = (Rule("TCP-LOSS", "warning", "tcp", "network", "RFC 6298", loss),)

"""Why a side sent the same SYN, SYN/ACK or FIN again, as far as the capture shows it.

A repetition has many causes, and the usual one (nothing came back in time) is only one of them:

* a SYN after a refusal, after an ACK of an older connection (RFC 9293 section 3.5.1), after the client's own reset of
  the answer, or after the connection was closed: a new try, not a repetition for want of an answer;
* a SYN/ACK for each SYN, because a listener answers a repeated SYN by repeating its answer; or although the handshake
  was complete: a server that wakes its program with the first data only lets the timer run;
* a FIN on the next acknowledgement: 4.4BSD and its descendants set the bit on all that they send in FIN-WAIT-1.

The variants are those of :data:`analyzer.tcp_words.DEVIATIONS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.deviation_rules import SYN_ACK, Indices, View
from analyzer.flows.groups import NOTHING
from analyzer.flows.model import Label
from analyzer.units import NS_PER_MS

RESEND_NS = 200 * NS_PER_MS
"""No timer for a SYN/ACK runs shorter: a second by RFC 6298 section 2, and 200 ms are the least that systems use."""

Case = tuple[str, int, Indices]
"""Variant, the segment that shows it (-1: the repeat itself), and the repeats of that kind."""

_PLAIN = Flag.SYN | Flag.RST | Flag.ACK


def syn(v: View, client: bool, first: int, hits: Indices, otherwise: str) -> Iterator[Case]:
    """Tell SYNs apart by what had come back since the SYN before.

    Args:
        v: one connection; client: whose SYNs; first: the first of them; hits: its repeats, ascending.
        otherwise: the variant of those since which nothing came.
    """
    mine, later = v.client == client, np.arange(v.time.size) > first
    since = np.concatenate(([first], hits[:-1]))
    reset = later & ((v.flags & Flag.RST) != 0)
    old = later & ~mine & ~v.answers & ((v.flags & _PLAIN) == Flag.ACK)
    over = int(v.fin_acked.max()) if (v.fin_acked >= 0).all() else v.time.size
    cases = (
        ("closed", hits > over, over),
        ("old", _between(old, since, hits), int(np.argmax(old))),
        ("refused", _between(reset & ~mine, since, hits), int(np.argmax(reset & ~mine))),
        ("reset", _between(reset & mine, since, hits), int(np.argmax(reset & mine))),
    )
    return _split(cases, otherwise, hits)


def synack(v: View, client: bool, first: int, hits: Indices) -> Iterator[Case]:
    """Tell SYN/ACKs apart: one for each SYN, sooner than any timer, or although the handshake was complete."""
    syns = (v.client != client) & ((v.flags & (SYN_ACK | Flag.RST)) == Flag.SYN)
    syns &= (v.label & int(Label.CAPTURED_TWICE)) == 0
    waited = v.time[hits] - v.time[np.concatenate(([first], hits[:-1]))]
    done = int(v.ack[0])
    cases = (
        ("each", np.cumsum(syns)[hits] >= np.arange(hits.size) + 2, -1),
        ("soon", np.abs(waited) < RESEND_NS, -1),
        ("acked", (hits > done) if done >= 0 else np.zeros(hits.size, np.bool_), done),
    )
    return _split(cases, "", hits)


def fin(v: View, client: bool, first: int, hits: Indices, ack: NDArray[np.int64]) -> Iterator[Case]:
    """Tell FINs apart: riding on an acknowledgement of something new, although acknowledged, or for want of an ACK.

    Args:
        ack: (n,) int64, acknowledgement numbers.
    """
    told = np.where((v.client == client) & ((v.flags & (Flag.RST | Flag.ACK)) == Flag.ACK), ack, NOTHING)
    before = np.concatenate(([NOTHING], np.maximum.accumulate(told)[:-1]))
    rides = (told[hits] > before[hits]) & (v.length[hits] == 0)
    acked = int(v.fin_acked[int(client), 0])
    cases = (
        ("acks" if np.count_nonzero(rides) > 1 else "ack", rides, -1),
        ("acked", (hits > acked) if acked >= 0 else np.zeros(hits.size, np.bool_), acked),
    )
    return _split(cases, "", hits)


def _split(cases: Sequence[tuple[str, NDArray[np.bool_], int]], rest: str, hits: Indices) -> Iterator[Case]:
    """Sort repeats into the first case that holds of each; those that are none go by ``rest``."""
    left = np.ones(hits.size, np.bool_)
    for variant, holds, proof in (*cases, (rest, left.copy(), -1)):
        now = left & holds
        left &= ~now
        if now.any():
            yield variant, proof, hits[now]


def _between(mask: NDArray[np.bool_], low: Indices, high: Indices) -> NDArray[np.bool_]:
    """Return which spans of segments (both ends left out) hold one of some."""
    total = np.cumsum(mask)
    return np.asarray(total[high - 1] > total[low])

"""Findings about data that had to be sent again, with the repeated segments themselves as evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import repeat

import numpy as np

from analyzer.decode.table import Flag
from analyzer.findings.model import Hit, Rule
from analyzer.findings.thresholds import (
    DEAR_LOSS_MS,
    HEAVY_LOSS_COUNT,
    HEAVY_LOSS_SHARE,
    MAX_FINDINGS_PER_CODE,
    PADDING_BYTES,
    SENT_TIMES,
)
from analyzer.flows import quality
from analyzer.flows.model import DOUBLED, NEEDED, NEEDLESS, REORDERED, TWICE, Label
from analyzer.visits.model import Facts

_AGAIN = Label.RETRANSMISSION | Label.FAST_RETRANSMISSION | Label.SPURIOUS_RETRANSMISSION | Label.CAPTURED_TWICE


def _segments(facts: Facts, stream: int, *, client: bool, repairs: int) -> int:
    """Return how many data segments one side sent for the first time or as a repair.

    Left out are other repeats, and what the recorder or the network made two of.
    """
    s, part = facts.segments, facts.segments.of(stream)
    data = (s.from_client[part] == client) & (s.length[part] > 0)
    verdict = s.verdicts(part)
    again = ((s.label[part] & int(_AGAIN)) != 0) & (verdict != REORDERED)
    again |= np.isin(verdict, (NEEDED, NEEDLESS, TWICE, DOUBLED))
    return int(np.count_nonzero(data & ~again)) + repairs


def _candidates(facts: Facts) -> list[tuple[int, str]]:
    """Return the (stream, side) that repeated much or waited long for it, the longest time of repair first."""
    c = facts.connections.columns
    out: list[tuple[float, int, str]] = []
    for side in ("client", "server"):
        again = np.asarray(c[f"{side}_sent_again"], np.int64)
        heavy = (again >= HEAVY_LOSS_COUNT) & (again >= HEAVY_LOSS_SHARE * np.asarray(c[f"{side}_packets"], np.int64))
        cost = np.nan_to_num(np.asarray(c[f"{side}_loss_ms"], np.float64))
        streams = np.flatnonzero((heavy & (cost > 0)) | (cost >= DEAR_LOSS_MS))
        out += zip((-cost[streams]).tolist(), streams.tolist(), repeat(side))
    return [(stream, side) for _, stream, side in sorted(out)[:MAX_FINDINGS_PER_CODE]]


def _waited_ms(facts: Facts, stream: int, repairs: Sequence[quality.Episode], *, client: bool) -> float:
    """Return what a side's losses cost, for the few of them that somebody waited long for.

    Left out is a segment that was sent three times or more, which TCP-BACKOFF tells of, and what came instead of the
    padding of an ACK in a minimal Ethernet frame.
    """
    s, part = facts.segments, facts.segments.of(stream)
    mine = s.from_client[part] == client
    frame, seq, length = (column[part][mine].astype(np.int64) for column in (s.frame, s.seq, s.length))
    padding = (length > 0) & (length <= PADDING_BYTES) & ((s.flags[part][mine] & Flag.PSH) == 0)
    told = np.isin(frame, [number for episode in repairs for number in episode.frames])
    times = Counter(seq[told].tolist())
    padded = {
        start + at
        for start, size in zip(seq[padding].tolist(), length[padding].tolist(), strict=True)
        for at in range(size)
    }
    places = dict(zip(frame[told].tolist(), np.flatnonzero(told).tolist(), strict=True))
    total = 0.0
    for episode in repairs:
        again = sorted(places[number] for number in episode.frames if number in places)
        often = max((times[start] for start in seq[again].tolist()), default=0) if again else 0
        if often >= SENT_TIMES - 1:
            continue
        first = int(seq[again[0]]) if again else 0
        if again and first in padded:
            before = np.flatnonzero((seq[: again[0]] <= first) & (seq[: again[0]] + length[: again[0]] > first))
            if before.size and padding[before].all():
                continue
        total += episode.cost_ms
    return total


def loss(facts: Facts) -> Iterator[Hit]:
    """A direction of a connection that had to repeat much of what it sent, or waited long for what it repeated."""
    ends = facts.connections
    for stream, side in _candidates(facts):
        repairs = quality.course(facts.segments, stream, client=side == "client").episodes
        frames = tuple(sorted(frame for episode in repairs for frame in episode.frames))
        sent = _segments(facts, stream, client=side == "client", repairs=len(frames))
        cost = ends.ms(f"{side}_loss_ms", stream)
        heavy = len(frames) >= HEAVY_LOSS_COUNT and len(frames) >= HEAVY_LOSS_SHARE * sent
        if not heavy and _waited_ms(facts, stream, repairs, client=side == "client") < DEAR_LOSS_MS:
            continue
        args: dict[str, object] = {
            "client": ends.host(int(ends.client_host[stream])),
            "server": ends.host(int(ends.server_host[stream])),
            "server_port": ends.number("server_port", stream),
            "stream": stream,
            "retransmissions": len(frames),
            "loss_share": len(frames) / sent,
            "by": side,
            "loss_ms": cost,
        }
        yield Hit(args, frames, "tcp", stream, stream, cost)


RULES: tuple[Rule, ...] = (
    Rule(
        "TCP-LOSS",
        "warning",
        "tcp",
        "network",
        "RFC 6298",
        loss,
        ("HEAVY_LOSS_SHARE", "HEAVY_LOSS_COUNT", "DEAR_LOSS_MS", "SENT_TIMES", "PADDING_BYTES"),
    ),
)

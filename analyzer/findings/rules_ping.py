"""Findings about pings: lost ones, slow ones, and those whose replies carry something else.

What is said is about a sender and a destination, whatever ids the requests have: some systems take a new one for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.rules_icmp import is_group
from analyzer.findings.thresholds import (
    FOREIGN_REPLIES,
    JITTER_MS,
    LOST_PINGS,
    MEASURED_PINGS,
    SCAN_TARGETS,
    SILENT_PINGS,
    SLOW_PING_MS,
)
from analyzer.protocols.dns.table import column
from analyzer.schema import IcmpRow, PingSeries
from analyzer.visits.model import Facts
from analyzer.visits.pings import deviation, tally

Pings = Sequence[PingSeries]


def _by_pair(facts: Facts) -> dict[tuple[str, str], list[PingSeries]]:
    return grouped(((one.source, one.destination), one) for one in facts.pings)


def _heard(facts: Facts) -> set[str]:
    """Return the hosts that a packet was recorded on its way to: of the others the capture shows one direction."""
    c = facts.connections
    answered = np.asarray(c.columns["server_packets"], np.int64) > 0
    out = {c.host(host) for host in {*c.client_host[answered].tolist(), *c.server_host.tolist()}}
    out |= {row.destination for row in facts.icmp} | {row.source for row in facts.icmp if row.reply_frame is not None}
    frames = column(facts.dns, "response_frame")
    out |= {client for client, frame in zip(column(facts.dns, "client"), frames, strict=True) if frame is not None}
    out |= set(column(facts.dns, "server"))
    return out | {row.asker_ip for row in facts.arp if row.outcome == "answered" and row.asker_ip}


def lost(facts: Facts) -> Iterator[Hit]:
    """Pings without an answer, as ping counts them; those that an error answered are another finding.

    One that is lost of many is a note, and so are two that nobody answers; so is silence from many hosts, which is a
    search for those that are there, and silence in a capture that shows nothing on its way back.
    """
    silent: dict[str, list[tuple[str, Pings]]] = {}
    for (source, destination), runs in _by_pair(facts).items():
        missing = tally(runs).silent
        if not missing or any(run.foreign for run in runs) or _answers_nobody(destination):
            continue
        if any(run.received for run in runs):
            yield _loss(facts, runs, "note" if missing < LOST_PINGS else None, None)
        else:
            silent.setdefault(source, []).append((destination, runs))
    heard = _heard(facts) if silent else set()
    for source, found in silent.items():
        lone = source not in heard
        if len(found) >= SCAN_TARGETS:
            yield _sweep(facts, source, found)
            continue
        for _, asked in found:
            missing = tally(asked).silent
            if missing >= (SILENT_PINGS if lone else LOST_PINGS):
                mild = lone or missing < SILENT_PINGS
                yield _loss(facts, asked, "note" if mild else None, "one_way" if lone else "silent")


def _answers_nobody(destination: str) -> bool:
    """Tell whether silence is allowed: hosts need not answer pings to many (RFC 1122 section 3.2.2.6)."""
    return is_group(destination) or destination.endswith(".255")


def _unanswered(runs: Pings) -> list[int]:
    return [at for run in runs for at in run.lost_rows]


def _loss(facts: Facts, runs: Pings, severity: str | None, variant: str | None) -> Hit:
    rows = _unanswered(runs)
    counted = tally(runs)
    args: dict[str, object] = {
        "source": runs[0].source,
        "destination": runs[0].destination,
        "sent": counted.sent,
        "lost": counted.lost,
        "lost_share": counted.lost_share,
    }
    frames = tuple(facts.icmp[at].request_frame for at in rows)
    blame = "capture" if variant == "one_way" else None
    return Hit(args, frames, "icmp", rows[0], severity=severity, variant=variant, blame=blame)


def _sweep(facts: Facts, source: str, found: list[tuple[str, Pings]]) -> Hit:
    rows = [at for _, runs in found for at in _unanswered(runs)]
    args: dict[str, object] = {"source": source, "targets": len(found), "destination": [to for to, _ in found]}
    frames = tuple(facts.icmp[at].request_frame for at in rows)
    return Hit(args, frames, "icmp", rows[0], severity="note", variant="sweep", blame="client")


def slow(facts: Facts) -> Iterator[Hit]:
    """Round trips that are long for any distance, or that vary more than talk and video stand."""
    if facts.capture.clock_step_ms is not None:
        return  # the file's times are not the network's
    answered = grouped(((one.source, one.destination), one) for one in facts.pings if one.received)
    for (source, destination), runs in answered.items():
        found = [at for run in runs for at in run.rows if facts.icmp[at].latency_ms is not None]
        times = [facts.icmp[at].latency_ms or 0.0 for at in found]
        if len(times) < MEASURED_PINGS:
            continue
        middle, spread = sorted(times)[len(times) // 2], deviation(times) or 0.0
        late = middle >= SLOW_PING_MS
        if not late and (spread < JITTER_MS or _lone_stray(times)):
            continue
        args: dict[str, object] = {
            "source": source,
            "destination": destination,
            "count": len(times),
            "min_ms": min(times),
            "median_ms": middle,
            "max_ms": max(times),
            "spread_ms": spread,
        }
        rows = [facts.icmp[at] for at in found]
        yield Hit(args, _frames(rows), "icmp", found[0], variant=None if late else "jitter")


def _lone_stray(times: Sequence[float]) -> bool:
    """Tell whether one slow answer makes all of the variation: the first waits for ARP, a sleeping radio, a lookup."""
    return (deviation(sorted(times)[:-1]) or 0.0) < JITTER_MS


def tunnel(facts: Facts) -> Iterator[Hit]:
    """Replies that return other data than was sent: something talks inside of the pings."""
    strange = grouped(((one.source, one.destination), one.foreign) for one in facts.pings if one.foreign)
    foreign = {pair: sum(counts) for pair, counts in strange.items()}
    talk = {pair: count for pair, count in foreign.items() if count >= FOREIGN_REPLIES}
    if not talk:
        return
    found = grouped(
        (pair, at)
        for at, row in enumerate(facts.icmp)
        if row.kind == "echo" and (pair := (row.source, row.destination)) in talk
    )
    for (source, destination), at in found.items():
        rows = [facts.icmp[number] for number in at]
        args: dict[str, object] = {
            "source": source,
            "destination": destination,
            "replies": talk[source, destination],
            "data_bytes": sum(row.bytes for row in rows),
        }
        yield Hit(args, _frames(rows), "icmp", at[0])


def _frames(rows: Sequence[IcmpRow]) -> tuple[int | None, ...]:
    return tuple(frame for row in rows for frame in (row.request_frame, row.reply_frame))


RULES: tuple[Rule, ...] = (
    Rule(
        "ICMP-ECHO-LOSS", "warning", "icmp", "network", "RFC 792", lost, ("LOST_PINGS", "SILENT_PINGS", "SCAN_TARGETS")
    ),
    Rule(
        "ICMP-ECHO-SLOW",
        "note",
        "icmp",
        "network",
        "ITU-T G.114",
        slow,
        ("SLOW_PING_MS", "JITTER_MS", "MEASURED_PINGS"),
        timed=True,
    ),
    Rule("ICMP-TUNNEL", "note", "icmp", "client", "RFC 792", tunnel, ("FOREIGN_REPLIES",)),
)

"""How far a capture can be trusted, as the strip of facts on the first screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.analysis import Analysis
from analyzer.report.escape import Prose, safe
from analyzer.report.neighbours import gateway_words
from analyzer.report.wording import number, plural
from analyzer.units import human_bytes, human_ms

OFFLOAD_BYTES = 1500
"""A TCP payload above this cannot have been one Ethernet frame: the network card joined or will split segments."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One fact about how far the capture can be trusted; ``tone`` is good, warn, bad or muted."""

    label: str
    value: str
    tone: str
    title: str


def quality(analysis: Analysis) -> tuple[Quality, ...]:
    """Return the capture quality strip."""
    return (
        _whole_packets(analysis),
        _directions(analysis),
        _gaps(analysis),
        _drops(analysis),
        _offload(analysis),
        _duplicates(analysis),
        _clock(analysis),
        _ledger(analysis),
        _gateway(analysis),
        Quality(
            "Recorded",
            {"client": "near the client", "server": "near the server", "middle": "in the middle"}.get(
                analysis.capture.vantage, "unknown where"
            ),
            "muted" if analysis.capture.vantage == "unknown" else "good",
            safe(analysis.capture.vantage_why or "the handshakes do not tell"),
        ),
    )


def _gateway(analysis: Analysis) -> Quality:
    """Name who the traffic for other networks is handed to, and what told so."""
    value, title = gateway_words(analysis.capture.gateways)
    return Quality("Gateway", value, "good" if analysis.capture.gateways else "muted", title)


def _column_sum(analysis: Analysis, *names: str) -> int:
    columns = analysis.connections.columns
    return sum(int(np.maximum(np.asarray(columns[name], np.int64), 0).sum()) for name in names)


def _whole_packets(analysis: Analysis) -> Quality:
    ledger = analysis.capture.ledger
    if ledger.truncated_file:
        return Quality("Packets", "file cut short", "bad", "the file ends in the middle of a packet")
    if ledger.cut_by_snaplen:
        words = f"{number(ledger.cut_by_snaplen)} of {number(analysis.capture.packets)} cut short"
        return Quality("Packets", words, "warn", "the recorder kept only the beginning of these packets")
    return Quality("Packets", "recorded whole", "good", "no packet was cut short by a snap length")


def _directions(analysis: Analysis) -> Quality:
    columns = analysis.connections.columns
    client, server = np.asarray(columns["client_packets"]), np.asarray(columns["server_packets"])
    # One side alone with data to send is a recording that hears only one direction; an unanswered SYN is not.
    deaf = int((((client == 0) | (server == 0)) & (client + server > 3)).sum())
    if not client.size:
        return Quality("Directions", "no connections", "muted", "there is no TCP to judge by")
    if deaf:
        words = f"{number(deaf)} of {plural(int(client.size), 'connection')} one-sided"
        return Quality("Directions", words, "warn", "the recorder heard only one side of these connections")
    return Quality("Directions", "both", "good", "both sides of the connections were recorded")


def _gaps(analysis: Analysis) -> Quality:
    missing = _column_sum(analysis, "client_missing_bytes", "server_missing_bytes")
    if missing:
        return Quality("Gaps", f"{human_bytes(missing)} missing", "warn", "sent and acknowledged, but not recorded")
    return Quality("Gaps", "none", "good", "every byte that was acknowledged was recorded")


def _drops(analysis: Analysis) -> Quality:
    known = [interface.drops for interface in analysis.capture.interfaces if interface.drops is not None]
    if not known:
        return Quality("Drops", "not stated", "muted", "the recorder did not write down how many packets it lost")
    lost = sum(known)
    return Quality(
        "Drops", plural(lost, "packet") if lost else "none", "bad" if lost else "good", "lost by the recorder"
    )


def _offload(analysis: Analysis) -> Quality:
    lengths = analysis.segments.length
    big = int((lengths > OFFLOAD_BYTES).sum()) if lengths.size else 0
    if big:
        words = "the network card joins or splits segments, so what is here is not what was on the wire"
        return Quality("Offload", f"{plural(big, 'segment')} over {OFFLOAD_BYTES} B", "warn", words)
    return Quality("Offload", "none seen", "good", "segments have the size they had on the wire")


def _duplicates(analysis: Analysis) -> Quality:
    twice = _column_sum(analysis, "client_duplicates_in_capture", "server_duplicates_in_capture")
    if twice:
        return Quality("Duplicates", number(twice), "warn", "the same packet was recorded twice; not counted as loss")
    return Quality("Duplicates", "none", "good", "no packet was recorded twice")


def _clock(analysis: Analysis) -> Quality:
    """Judge the clock by TCP's frames: in file order, time must not run backwards."""
    segments = analysis.segments
    if not segments.frame.size:
        return Quality("Clock", "not judged", "muted", "there is no TCP to judge by")
    steps = int((np.diff(segments.time[np.argsort(segments.frame, kind="stable")]) < 0).sum())
    if (even := analysis.capture.clock_step_ms) is not None:
        words = "the packets were recorded at an even pace, so times do not tell how long anything took"
        return Quality("Clock", f"one packet every {human_ms(even)}", "warn", words)
    if steps:
        return Quality(
            "Clock", f"{plural(steps, 'step')} back", "warn", "time runs backwards from one packet to the next"
        )
    return Quality("Clock", "steady", "good", "time never runs backwards")


def _ledger(analysis: Analysis) -> Quality:
    ledger = analysis.capture.ledger
    unread = sum(ledger.malformed.values())
    unsupported = sum(ledger.unsupported.values())
    words = f"{number(ledger.decoded + ledger.fragments)} of {number(analysis.capture.packets)} frames"
    title = f"{plural(unread, 'malformed frame')}, {plural(unsupported, 'frame')} of a kind that is not supported"
    return Quality("Decoded", words, "warn" if unread or unsupported else "good", Prose(title))

"""Where a request's time went, line by line: each phase, what it was made of, and how far its number can be trusted.

A number is measured, or a limit (*at least*, *at most*), or not known, with the reason; the frames beside it are
those it lies between.

Source: MEASURES, "Phases of a request".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer import sentences
from analyzer.report.cells import DASH
from analyzer.report.escape import Prose
from analyzer.report.requests import durations, limited, phases, total_ms
from analyzer.report.wording import message, say
from analyzer.schema import HttpRow
from analyzer.units import human_ms

OPENING = ("dns", "connect", "tls")
"""The phases that only the first request of a connection has."""

PIECES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "wait": (
        ("wait_network", message("the network's round trip")),
        ("wait_loss", message("lost packets, sent again")),
        ("wait_server", message("the server, and whatever it waited for")),
    ),
    "receive": (
        ("receive_loss", message("stopped by lost packets")),
        ("receive_window", message("stopped by the receiver's full buffer")),
    ),
}
"""Phase → what it was made of, and the words for that (messages)."""

VANTAGES: Mapping[str, str] = {
    "server": message(
        "Recorded near the server: the client waited longer than these numbers, by the network's way to it."
    ),
    "middle": message(
        "Recorded between client and server: the client waited longer than these numbers, by its own part of the way."
    ),
    "unknown": message("Where this was recorded cannot be told, so what the client saw may have taken longer."),
}
"""Where a connection was recorded → what that means for its numbers (messages); near the client there is nothing to
say."""


@dataclass(frozen=True, slots=True)
class Share:
    """A line of the breakdown.

    Attributes:
        phase: whose colour it has; empty for a line that stands for several.
        value: how long, with "at least" or "at most" where it is a limit.
        why: why it is not known, or how it is known.
        percent: of the whole, 0 when unknown.
        frames: the two frames it lies between.
        part: whether it is a piece of the phase above it.
    """

    phase: str
    label: str
    words: str
    value: str
    why: str
    percent: float
    frames: str = ""
    part: bool = False


def shares(row: HttpRow) -> tuple[Share, ...]:
    """Return where a request's time went, phase by phase, each with its pieces."""
    known = durations(row)
    whole = total_ms(row) or 0.0
    out: list[Share] = []
    merged = _opening(row, known)
    if merged is not None:
        out.append(merged)
    for phase, label, words in phases():
        if phase not in known or (merged is not None and phase in OPENING):
            continue
        value = known[phase]
        reason = getattr(row, f"{phase}_why", None)
        if value is None and reason is None and phase != "wait":
            continue
        out.append(_share(row, phase, label, words, value, whole, reason))
        out.extend(_pieces(row, phase, whole))
    return tuple(out)


def _opening(row: HttpRow, known: Mapping[str, float | None]) -> Share | None:
    """Return one line for lookup, connection and encryption where all are absent for one reason."""
    reasons = {row.dns_why, row.connect_why, row.tls_why}
    if len(reasons) != 1 or None in reasons or any(known[phase] is not None for phase in OPENING):
        return None
    return Share("", say("DNS, TCP, TLS"), "", DASH, Prose(sentences.why(row.dns_why)), 0.0)


def _share(
    row: HttpRow, phase: str, label: str, words: str, value: float | None, whole: float, reason: str | None
) -> Share:
    if value is None:
        return Share(phase, label, words, DASH, Prose(sentences.why(reason)), 0.0)
    pair = getattr(row.phase_frames, phase)
    why = "" if reason is None else Prose(sentences.why(reason))
    return Share(phase, label, words, limited(row, phase, value), why, _percent(value, whole), _span(pair))


def _pieces(row: HttpRow, phase: str, whole: float) -> list[Share]:
    """Return what a wait or a download was made of; a piece of no length says nothing, but for the server's."""
    out = []
    for name, words in PIECES.get(phase, ()):
        value = getattr(row, f"{name}_ms")
        if value is None or (value == 0 and name != "wait_server"):
            continue
        least = human_ms(row.wait_server_min_ms) if name == "wait_server" and row.wait_server_min_ms else ""
        why: str = ""
        if name == "wait_server" and row.background == "long_poll":
            why = say("it held the request until it had news")
        elif least and least != human_ms(value):
            why = say(
                "at least {least}: so long before its answer, it confirmed that it had the request", least=Prose(least)
            )
        shown = limited(row, name, value)
        out.append(Share(phase, "", say(words), shown, why, _percent(value, whole), part=True))
    return out


def _percent(value: float, whole: float) -> float:
    return round(value / whole * 100, 1) if value and whole else 0.0


def _span(pair: tuple[int, int] | None) -> str:
    if pair is None:
        return ""
    if pair[0] == pair[1]:
        return say("frame {frame}", frame=pair[0])
    return say("frames {first} → {last}", first=pair[0], last=pair[1])


def vantage_note(row: HttpRow) -> str:
    """Say what the place of recording does to the numbers, where any of them is a limit for that reason."""
    limited = any(
        getattr(row.phase_trust, phase) == "bounded" and durations(row)[phase] is not None
        for phase in ("dns", "connect", "tls", "wait", "receive")
    )
    return say(VANTAGES[row.vantage]) if limited and row.vantage in VANTAGES else ""

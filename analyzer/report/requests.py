"""One request as the page shows it: how it ended, where its time went, and how far each number can be trusted.

A number is measured, or a limit (*at least*, *at most*), or not known, with the reason; the frames beside it are
those it lies between. What the request and its answer said is in :mod:`analyzer.report.request_facts`.

Source: MEASURES, "Phases of a request".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer import http_status, sentences
from analyzer.provenance import frames_text, stream_filter
from analyzer.report.cells import DASH, Mark
from analyzer.report.escape import Prose, safe
from analyzer.schema import HttpRow
from analyzer.units import human_bytes, human_ms, ms_between
from analyzer.visits import verdicts
from analyzer.visits.trust import at_most

PHASES: tuple[tuple[str, str, str], ...] = (
    ("dns", "DNS", "looking up the name"),
    ("connect", "TCP", "opening the connection"),
    ("tls", "TLS", "agreeing on encryption"),
    ("blocked", "Blocked", "the connection was open, nothing was sent yet"),
    ("send", "Request", "sending the request"),
    ("wait", "Wait", "waiting for the first byte of the answer"),
    ("receive", "Download", "receiving the answer"),
    ("open", "Encrypted", "carrying encrypted data"),
)
"""Phase → short and long words, in the order they happen."""

OPENING = ("dns", "connect", "tls")
"""The phases that only the first request of a connection has."""

PIECES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "wait": (
        ("wait_network", "the network's round trip"),
        ("wait_loss", "lost packets, sent again"),
        ("wait_server", "the server, and whatever it waited for"),
    ),
    "receive": (
        ("receive_loss", "stopped by lost packets"),
        ("receive_window", "stopped by the receiver's full buffer"),
    ),
}
"""Phase → what it was made of, and the words for that."""

OUTCOMES: Mapping[str, str] = {
    "complete": "request and response are complete",
    "no_response": "no response came",
    "not_captured": "one side of it is not in this capture",
    "truncated": "it is cut short",
    "aborted": "a reset ended the connection before it was complete",
    "malformed": "a message breaks the protocol's rules",
    "switched": "the connection changed to another protocol",
}
"""Outcome of a transaction → words."""

_BUT: Mapping[str, str] = {
    "lost": "request and response are complete, but packets of them are missing from the capture",
    "request_cut": "the response is complete, but the request stops before its end",
}
"""Reason → words for an exchange that is complete all the same."""

OUTCOME_WORDS: Mapping[str, str] = {
    "complete": "complete",
    "no_response": "no response",
    "not_captured": "not captured",
    "truncated": "cut short",
    "aborted": "aborted",
    "malformed": "malformed",
    "switched": "other protocol",
}
"""The same in a word or two, for a column of a table."""

VANTAGES: Mapping[str, str] = {
    "server": "Recorded near the server: the client waited longer than these numbers, by the network's way to it.",
    "middle": "Recorded between client and server: the client waited longer than these numbers, by its own part of the "
    "way.",
    "unknown": "Where this was recorded cannot be told, so what the client saw may have taken longer.",
}
"""Where a connection was recorded → what that means for its numbers; near the client there is nothing to say."""


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────


def durations(row: HttpRow) -> dict[str, float | None]:
    """Return the phases of a request in milliseconds; where nobody filled them in, what its own times tell."""
    known: dict[str, float | None] = {
        "blocked": row.blocked_ms,
        "dns": row.dns_ms,
        "connect": row.connect_ms,
        "tls": row.tls_ms,
        "send": row.send_ms,
        "wait": row.wait_ms,
        "receive": row.receive_ms,
    }
    if all(value is None for value in known.values()):
        known["send"] = ms_between(row.request_time, row.request_end_time)
        known["wait"] = ms_between(row.request_end_time, row.response_time)
        known["receive"] = ms_between(row.response_time, row.response_end_time)
    return known


def total_ms(row: HttpRow) -> float | None:
    """Return how long a request took in all, None when nothing of it is known."""
    if row.total_ms is not None:
        return row.total_ms
    known = [value for value in durations(row).values() if value is not None]
    return sum(known) if known else None


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
    for phase, label, words in PHASES:
        if phase == "open" or (merged is not None and phase in OPENING):
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
    return Share("", "DNS, TCP, TLS", "", DASH, Prose(sentences.why(row.dns_why)), 0.0)


def _share(
    row: HttpRow, phase: str, label: str, words: str, value: float | None, whole: float, reason: str | None
) -> Share:
    if value is None:
        return Share(phase, label, words, DASH, Prose(sentences.why(reason)), 0.0)
    pair = getattr(row.phase_frames, phase)
    why = "" if reason is None else Prose(sentences.why(reason))
    return Share(phase, label, words, limit(row, phase) + human_ms(value), why, _percent(value, whole), _span(pair))


def _pieces(row: HttpRow, phase: str, whole: float) -> list[Share]:
    """Return what a wait or a download was made of; a piece of no length says nothing, but for the server's."""
    out = []
    for name, words in PIECES.get(phase, ()):
        value = getattr(row, f"{name}_ms")
        if value is None or (value == 0 and name != "wait_server"):
            continue
        least = human_ms(row.wait_server_min_ms) if name == "wait_server" and row.wait_server_min_ms else ""
        why = ""
        if name == "wait_server" and row.background == "long_poll":
            why = "it held the request until it had news"
        elif least and least != human_ms(value):
            why = f"at least {least}: so long before its answer, it confirmed that it had the request"
        shown = limit(row, name) + human_ms(value)
        out.append(Share(phase, "", words, shown, Prose(why), _percent(value, whole), part=True))
    return out


def limit(row: HttpRow, name: str) -> str:
    """Return "at least " or "at most " for a number that is a limit (MEASURES; docs/measures.md, "Requests")."""
    if getattr(row.phase_trust, name) != "bounded":
        return ""
    return "at most " if at_most(row, name) else "at least "


def _percent(value: float, whole: float) -> float:
    return round(value / whole * 100, 1) if value and whole else 0.0


def _span(pair: tuple[int, int] | None) -> str:
    if pair is None:
        return ""
    return Prose(f"frame {pair[0]}" if pair[0] == pair[1] else f"frames {pair[0]} → {pair[1]}")


def vantage_note(row: HttpRow) -> str:
    """Say what the place of recording does to the numbers, where any of them is a limit for that reason."""
    limited = any(
        getattr(row.phase_trust, phase) == "bounded" and durations(row)[phase] is not None
        for phase in ("dns", "connect", "tls", "wait", "receive")
    )
    return Prose(VANTAGES.get(row.vantage, "")) if limited else ""


# ── how it ended ─────────────────────────────────────────────────────────────────────────────────────────────────


def outcome_text(row: HttpRow) -> str:
    """Say how a transaction ended and, where it is known, why."""
    if row.outcome == "complete" and (row.outcome_why or "") in _BUT:
        return _BUT[row.outcome_why or ""]
    if _held_open(row):
        return "it went on until the client ended it"
    if row.outcome_why == "end_unseen":
        return Prose(f"its end was not seen: {sentences.why(row.outcome_why)}")
    if row.outcome_why == "unsolicited":
        return Prose("no request belongs to it: the server sent it by itself")
    if row.outcome == "truncated" and row.request_cut == "lost" and row.status is not None and row.response_cut is None:
        return Prose("the end of the request is not in this capture; the response is complete")
    words = OUTCOMES.get(row.outcome, safe(row.outcome))
    if row.status is None and row.outcome_why == "client_closed" and row.wait_ms:
        return Prose(f"{words}: the client gave up after {human_ms(row.wait_ms)}")
    return Prose(f"{words}: {sentences.why(row.outcome_why)}{_came(row)}" if row.outcome_why else words)


def _came(row: HttpRow) -> str:
    """Say how much of a body that broke off came, of how much; empty for one that did not."""
    broken = row.outcome in ("truncated", "aborted") and row.outcome_why != "lost"
    if not broken or row.status is None or row.response_body_bytes is None:
        return ""
    promised = verdicts.promised_bytes(row)
    if promised is None:
        return f" (after {row.response_body_bytes:,} bytes of the body)"
    return f" (after {row.response_body_bytes:,} of {promised:,} bytes of the body)"


def outcome_tone(row: HttpRow) -> str:
    """Return "warn" for a transaction that failed or is not all in the capture, and for an odd one; else nothing."""
    whole = row.outcome in ("complete", "switched") or row.outcome_why == "end_unseen" or _held_open(row)
    return "" if whole else "warn"


def _held_open(row: HttpRow) -> bool:
    """Say whether a client was done with what it had held open: that is its ordinary end."""
    if row.outcome not in verdicts.BROKEN_OFF or row.outcome_why != "client_closed":
        return False
    return row.background in verdicts.HELD_OPEN


def outcome_word(row: HttpRow) -> str:
    """Return how a transaction ended in a word or two."""
    if _held_open(row):
        return "ended by the client"
    if row.outcome_why == "end_unseen":
        return "end not seen"
    return OUTCOME_WORDS.get(row.outcome, safe(row.outcome, 40))


def reason(row: HttpRow) -> str:
    """Return the standard phrase of the status, and what the server wrote instead if it did."""
    if row.status is None:
        return ""
    phrase = http_status.name(row.status)
    own = safe(row.reason or "", 60)
    return Prose(f"{phrase} (written: {own})" if own and own.lower() != phrase.lower() else phrase)


def notes(row: HttpRow) -> tuple[str, ...]:
    """Say in sentences what the numbers alone do not."""
    out = []
    broken = verdicts.failure(row) in ("cut_off", "left")
    if broken:  # before what the status says of it, which is true of a whole answer only
        out.append(f"Not the whole answer: {outcome_text(row)}.")
    if row.status is not None:
        when = ", said before the body came" if broken else ""
        out.append(f"{row.status} {http_status.name(row.status)}{when}: {http_status.explain(row.status)}")
    for interim in row.informational:
        out.append(f"{interim.status} in frame {interim.frame}: {http_status.explain(interim.status)}")
    for missing, words in ((row.request_missing_bytes, "request"), (row.response_missing_bytes, "answer")):
        if missing:
            out.append(f"{human_bytes(missing)} of the {words} are missing from the capture.")
    if not broken and (row.outcome != "complete" or row.outcome_why == "request_cut"):
        out.append(f"Outcome: {outcome_text(row)}.")
    return tuple(Prose(note) for note in out)


def tone(row: HttpRow) -> str:
    """Return how a request ended: "bad" for failures, "warn" where the client made them, "muted" for redirects."""
    kind = verdicts.failure(row)
    if kind is not None:
        return "warn" if kind in ("client_error", "left") else "bad"
    if row.status is None:
        return "muted"
    return "muted" if row.status >= 300 else "good"


def target_text(row: HttpRow) -> str:
    """Return what was asked for; where nobody can tell, why."""
    if row.target or row.url:
        return row.target or row.url or ""
    if row.wrong_scheme == "https_on_http":
        return "(a TLS ClientHello: https on a port for http)"
    return "(request not captured)" if row.request_frames is None else "(request not readable)"


def status_text(row: HttpRow) -> str:
    """Return the status code, or in a word why there is none."""
    if row.status is not None:
        return str(row.status)
    failure = verdicts.failure(row)
    if failure == "gave_up":
        return "gave up"
    if row.outcome == "aborted":
        return "aborted"
    if verdicts.unknown(row) == "waiting":
        return "no answer yet"
    return {"no_answer": "no answer", "malformed": "malformed"}.get(failure or "", DASH)


# ── where it is ──────────────────────────────────────────────────────────────────────────────────────────────────


def request_mark(row: HttpRow) -> Mark:
    """Return what the filter knows of a request."""
    whole = total_ms(row)
    return Mark(
        host=safe(row.host or ""),
        status=str(row.status or ""),
        method=safe(row.method or ""),
        stream=str(row.stream),
        proto="http",
        duration="" if whole is None else f"{whole:.3f}",
    )


def frames_of(row: HttpRow) -> tuple[int, ...]:
    """Return every frame number a request names, ends of ranges included."""
    pairs = [pair for pair in (row.request_frames, row.response_frames) if pair is not None]
    return tuple(sorted({frame for pair in pairs for frame in pair}))


def frames_words(row: HttpRow) -> str:
    """Return ``15 → 17–19``: the frames of the request, and those of its answer."""
    pairs = (row.request_frames, row.response_frames)
    shown = [
        DASH if pair is None else frames_text(pair) if pair[1] - pair[0] < 2 else f"{pair[0]}–{pair[1]}"
        for pair in pairs
    ]
    return Prose(" → ".join(shown))


def request_filter(row: HttpRow) -> str:
    """Return the display filter of a request: its connection, between its first and last frame."""
    ends = frames_of(row)
    span = f" && frame.number >= {ends[0]} && frame.number <= {ends[-1]}" if ends else ""
    return Prose(stream_filter(row.stream) + span)

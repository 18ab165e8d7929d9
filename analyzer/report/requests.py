"""One request as the page shows it: its phases, how it ended, and how to select it.

A number is measured, or a limit (*at least*, *at most*), or not known, with the reason. Where its time went, line by
line, is in :mod:`analyzer.report.shares`; what it and its answer said is in :mod:`analyzer.report.request_facts`.

Source: MEASURES, "Phases of a request".
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzer import http_status, sentences
from analyzer.provenance import stream_filter
from analyzer.report.cells import DASH, Clock, Mark, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.wording import message, number, say
from analyzer.schema import HttpRow
from analyzer.units import NS_PER_MS, human_bytes, human_ms, ms_between
from analyzer.visits import verdicts
from analyzer.visits.trust import at_most

PHASES: tuple[tuple[str, str, str], ...] = (
    ("arp", message("ARP"), message("asking the local network for the hardware address")),
    ("dns", message("DNS"), message("looking up the name")),
    ("connect", message("TCP"), message("opening the connection")),
    ("tls", message("TLS"), message("agreeing on encryption")),
    ("blocked", message("Blocked"), message("the connection was open, nothing was sent yet")),
    ("send", message("Request"), message("sending the request")),
    ("wait", message("Wait"), message("waiting for the first byte of the answer")),
    ("receive", message("Download"), message("receiving the answer")),
    ("open", message("Encrypted"), message("carrying encrypted data")),
    ("close", message("Close"), message("closing the connection")),
)
"""Phase → short and long words (messages), in the order they happen; see :func:`phases`."""

BEFORE, AFTER = ("blocked", "tls", "connect", "dns"), ("send", "wait", "receive")
"""The phases before a request's first byte, the last one first, and those from then on."""

OUTCOMES: Mapping[str, str] = {
    "complete": message("request and response are complete"),
    "no_response": message("no response came"),
    "not_captured": message("one side of it is not in this capture"),
    "truncated": message("it is cut short"),
    "aborted": message("a reset ended the connection before it was complete"),
    "malformed": message("a message breaks the protocol's rules"),
    "switched": message("the connection changed to another protocol"),
}
"""Outcome of a transaction → words (messages)."""

_BUT: Mapping[str, str] = {
    "lost": message("request and response are complete, but packets of them are missing from the capture"),
    "request_cut": message("the response is complete, but the request stops before its end"),
}
"""Reason → words for an exchange that is complete all the same (messages)."""

OUTCOME_WORDS: Mapping[str, str] = {
    "complete": message("complete"),
    "no_response": message("no response"),
    "not_captured": message("not captured"),
    "truncated": message("cut short"),
    "aborted": message("aborted"),
    "malformed": message("malformed"),
    "switched": message("other protocol"),
}
"""The same in a word or two, for a column of a table (messages)."""

STATES: Mapping[str, str] = {
    "gave_up": message("gave up"),
    "aborted": message("aborted"),
    "waiting": message("no answer yet"),
    "no_answer": message("no answer"),
    "malformed": message("malformed"),
}
"""What stands where a status code would, where there is none (messages)."""


BROKEN: Mapping[str, str] = {
    "cut_off": message("cut off"),
    "left": message("client broke it off"),
    "malformed": message("malformed"),
}
"""What failed of an answer whose status code tells of no failure (messages)."""


def phases() -> tuple[tuple[str, str, str], ...]:
    """Return the phases with their short and long words, in the language that is spoken."""
    return tuple((phase, say(label), say(words)) for phase, label, words in PHASES)


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


def limited(row: HttpRow, name: str, value: float) -> str:
    """Write a duration, with "at least" or "at most" where it is a limit (MEASURES; docs/measures.md, "Requests")."""
    shown = Prose(human_ms(value))
    if getattr(row.phase_trust, name) != "bounded":
        return shown
    return say("at most {value}", value=shown) if at_most(row, name) else say("at least {value}", value=shown)


# ── how it ended ─────────────────────────────────────────────────────────────────────────────────────────────────


def outcome_text(row: HttpRow) -> str:
    """Say how a transaction ended and, where it is known, why."""
    if row.outcome == "complete" and (row.outcome_why or "") in _BUT:
        return say(_BUT[row.outcome_why or ""])
    if _held_open(row):
        return say("it went on until the client ended it")
    if row.outcome_why == "end_unseen":
        return say("its end was not seen: {why}", why=Prose(sentences.why(row.outcome_why)))
    if row.outcome_why == "unsolicited":
        return say("no request belongs to it: the server sent it by itself")
    if row.outcome == "truncated" and row.request_cut == "lost" and row.status is not None and row.response_cut is None:
        return say("the end of the request is not in this capture; the response is complete")
    words = say(OUTCOMES[row.outcome]) if row.outcome in OUTCOMES else safe(row.outcome)
    if row.status is None and row.outcome_why == "client_closed" and row.wait_ms:
        return say("{outcome}: the client gave up after {wait}", outcome=words, wait=Prose(human_ms(row.wait_ms)))
    if not row.outcome_why:
        return words
    return _came(row, say("{outcome}: {why}", outcome=words, why=Prose(sentences.why(row.outcome_why))))


def _came(row: HttpRow, words: Prose) -> str:
    """Add to how a transaction ended how much of a body that broke off came, of how much."""
    broken = row.outcome in ("truncated", "aborted") and row.outcome_why != "lost"
    if not broken or row.status is None or row.response_body_bytes is None:
        return words
    came, promised = number(row.response_body_bytes), verdicts.promised_bytes(row)
    if promised is None:
        return say("{outcome} (after {came} bytes of the body)", outcome=words, came=came)
    whole = number(promised)
    return say("{outcome} (after {came} of {promised} bytes of the body)", outcome=words, came=came, promised=whole)


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
        return say("ended by the client")
    if row.outcome_why == "end_unseen":
        return say("end not seen")
    return say(OUTCOME_WORDS[row.outcome]) if row.outcome in OUTCOME_WORDS else safe(row.outcome, 40)


def reason(row: HttpRow) -> str:
    """Return the standard phrase of the status, and what the server wrote instead if it did."""
    if row.status is None:
        return ""
    phrase = http_status.name(row.status)
    own = safe(row.reason or "", 60)
    if not own or own.lower() == phrase.lower():
        return Prose(phrase)
    return say("{phrase} (written: {own})", phrase=Prose(phrase), own=own)


def notes(row: HttpRow) -> tuple[str, ...]:
    """Say in sentences what the numbers alone do not: first of all, what the status code means."""
    out: list[str] = []
    broken = verdicts.failure(row) in ("cut_off", "left")
    if broken:  # before what the status says of it, which is true of a whole answer only
        out.append(say("Not the whole answer: {outcome}.", outcome=Prose(outcome_text(row))))
    if row.status is not None:
        code = Prose(f"{row.status} {http_status.name(row.status)}")
        meaning = Prose(http_status.explain(row.status))
        if broken:
            out.append(say("{code}, said before the body came: {meaning}", code=code, meaning=meaning))
        else:
            out.append(say("{code}: {meaning}", code=code, meaning=meaning))
    for interim in row.informational:
        meaning = Prose(http_status.explain(interim.status))
        out.append(say("{code} in frame {frame}: {meaning}", code=interim.status, frame=interim.frame, meaning=meaning))
    if row.request_missing_bytes:
        missing = Prose(human_bytes(row.request_missing_bytes))
        out.append(say("{bytes} of the request are missing from the capture.", bytes=missing))
    if row.response_missing_bytes:
        missing = Prose(human_bytes(row.response_missing_bytes))
        out.append(say("{bytes} of the answer are missing from the capture.", bytes=missing))
    if not broken and (row.outcome != "complete" or row.outcome_why == "request_cut"):
        out.append(say("Outcome: {outcome}.", outcome=Prose(outcome_text(row))))
    return tuple(out)


def meaning(row: HttpRow) -> str:
    """Say what a request's status code means, in a sentence; where there is none, how the request ended."""
    if row.status is None:
        return outcome_text(row)
    code = Prose(f"{row.status} {http_status.name(row.status)}")
    return say("{code}: {meaning}", code=code, meaning=Prose(http_status.explain(row.status)))


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
        return say("(a TLS ClientHello: https on a port for http)")
    return say("(request not captured)") if row.request_frames is None else say("(request not readable)")


def status_text(row: HttpRow) -> str:
    """Return the status code, or in a word why there is none."""
    if row.status is not None:
        return str(row.status)
    failure = verdicts.failure(row) or ""
    if failure != "gave_up":
        if row.outcome == "aborted":
            failure = "aborted"
        elif verdicts.unknown(row) == "waiting":
            failure = "waiting"
    return say(STATES[failure]) if failure in STATES else DASH


def failure_text(row: HttpRow) -> str:
    """Return the status code of a failed request and, where it alone says nothing of a failure, what failed."""
    words = BROKEN.get(verdicts.failure(row) or "")
    if row.status is None or words is None:
        return status_text(row)
    return say("{status}, {failure}", status=row.status, failure=say(words))


# ── where it is ──────────────────────────────────────────────────────────────────────────────────────────────────


def request_anchor(number_: int) -> str:
    """Return the anchor of a row of the ``http`` table."""
    return f"http-{number_ + 1}"


def request_mark(row: HttpRow, clock: Clock | None) -> Mark:
    """Return what the filter knows of a request."""
    start, end = interval(row)
    return marked(
        clock,
        host=row.host,
        status=row.status or "",
        method=row.method,
        stream=row.stream,
        proto="http",
        duration_ms=total_ms(row),
        start=start,
        end=end,
        frames=frames_of(row),
    )


def pieces(row: HttpRow) -> list[tuple[str, int, int]]:
    """Return (phase, start, end) in ns of a request's phases, in time order."""
    anchor = row.request_time if row.request_time is not None else row.response_time
    if anchor is None:
        return []
    known = durations(row)
    out: list[tuple[str, int, int]] = []
    at = anchor
    for phase in BEFORE:
        value = known[phase]
        if value:
            out.insert(0, (phase, at - round(value * NS_PER_MS), at))
            at -= round(value * NS_PER_MS)
    at = anchor
    for phase in AFTER:
        value = known[phase]
        if value is not None:
            out.append((phase, at, at + round(value * NS_PER_MS)))
            at += round(value * NS_PER_MS)
    return out or [("wait", anchor, anchor)]


def interval(row: HttpRow) -> tuple[int | None, int | None]:
    """Return when a request's first phase began and its last one ended, in ns; both None where no time is known."""
    anchor = row.request_time if row.request_time is not None else row.response_time
    if anchor is None:
        return None, None
    known = durations(row)  # the ends of its pieces, which would take three times as long to make
    before, after = (sum([round(ms * NS_PER_MS) for phase in part if (ms := known[phase])]) for part in (BEFORE, AFTER))
    return anchor - before, anchor + after


def frames_of(row: HttpRow) -> tuple[int, ...]:
    """Return every frame number a request names, ends of ranges included."""
    pairs = [pair for pair in (row.request_frames, row.response_frames) if pair is not None]
    return tuple(sorted({frame for pair in pairs for frame in pair}))


def frames_words(row: HttpRow) -> str:
    """Return ``15 → 17–19``: the frames of the request, and those of its answer."""
    return Prose(f"{_span(row.request_frames)} → {_span(row.response_frames)}")


def _span(pair: tuple[int, int] | None) -> str:
    return DASH if pair is None else str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}–{pair[1]}"


def request_filter(row: HttpRow) -> str:
    """Return the display filter of a request: its connection, between its first and last frame."""
    ends = frames_of(row)
    span = f" && frame.number >= {ends[0]} && frame.number <= {ends[-1]}" if ends else ""
    return Prose(stream_filter(row.stream) + span)

"""TLS on the page: what each session agreed on, who the server said it is, and why it can or cannot be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from analyzer.report import cells
from analyzer.report.cells import MAX_GRID_ROWS, Cell, Clock, Column, Row, Table, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.protocol_words import first_of, word
from analyzer.report.sides import who
from analyzer.report.wording import joined, listed, message, plural, say
from analyzer.schema import Certificate, TlsAlert, TlsRow

MAX_ALERTS = 3
"""Alerts written out of one session; it ends with the first that is fatal."""

MAX_NAMES = 4
"""Names of a certificate written out; those of a delivery network have a hundred."""

RESUMPTIONS = {
    "none": message("new session"),
    "session_id": message("resumed by session id"),
    "ticket": message("resumed by ticket"),
    "psk": message("resumed by pre-shared key"),
}
"""Whether an earlier session was taken up again, and how it was named."""

OUTCOMES = {
    "established": message("established"),
    "failed": message("failed"),
    "incomplete": message("incomplete"),
    "midstream": message("begun before the capture"),
}

ENCRYPTED_ALERT = message("encrypted")

HARMLESS = ("close_notify", ENCRYPTED_ALERT)
"""Alerts that are no sign of trouble: the goodbye, and one that cannot be read, which mostly is the goodbye."""


def tls_table(rows: Sequence[TlsRow], clock: Clock) -> Table:
    """List the sessions."""
    columns = (
        Column(say("Stream"), numeric=True),
        Column(say("Server name (SNI)")),
        Column(say("Outcome")),
        Column(say("Version")),
        Column(say("Cipher"), title=say("and, below it, how the keys were agreed on")),
        Column("ALPN", title=say("the protocol agreed on for inside")),
        Column(say("Handshake"), numeric=True),
        Column(say("Certificate"), wide=True),
        Column(say("Alerts")),
        Column(say("Readable")),
        Column(say("Frames"), title=say("of the handshake and of alerts, from the first to the last")),
    )
    shown = tuple(_row(n, row, clock) for n, row in enumerate(rows[:MAX_GRID_ROWS]))
    return Table("tls-table", say("TLS sessions"), columns, shown, len(rows))


def _row(n: int, row: TlsRow, clock: Clock) -> Row:
    failed = row.outcome == "failed"
    begin = row.client_hello_time if row.client_hello_time is not None else row.server_hello_time
    return Row(
        f"tls-{n + 1}",
        (
            Cell(str(row.stream), link=f"stream-{row.stream}"),
            cells.text(row.sni, "encrypted" if row.ech else _not_sent(row)),
            Cell(word(OUTCOMES, row.outcome), tone="bad" if failed else ""),
            cells.text(row.version, "not_captured"),
            _cipher(row),
            _alpn(row),
            _handshake(row),
            _certificate(row),
            _alerts(row.alerts),
            _readable(row),
            _span(row.frames),
        ),
        marked(
            clock,
            host=row.sni,
            stream=row.stream,
            proto="tls",
            severity="error" if failed else "",
            duration_ms=row.handshake_ms,
            start=begin,
            end=row.finished_time if row.finished_time is not None else row.server_hello_time,
            frames=row.frames,
        ),
    )


def _not_sent(row: TlsRow) -> str:
    return "not_captured" if row.client_hello_frame is None else "not_sent"


def _cipher(row: TlsRow) -> Cell:
    if row.cipher is None:
        return cells.unknown("not_captured")
    return Cell(safe(row.cipher), why=say("keys by {group}", group=row.group) if row.group else "")


def _alpn(row: TlsRow) -> Cell:
    """Return the protocol agreed on; where that is encrypted, what was offered."""
    if row.alpn:
        return Cell(safe(row.alpn))
    unknown = cells.unknown("encrypted" if row.version == "TLSv1.3" else _not_sent(row))
    if not row.alpn_offered:
        return unknown
    offered = say("offered: {protocols}", protocols=first_of(map(safe, row.alpn_offered), 4))
    return replace(unknown, why=listed([unknown.why, offered]))


def _handshake(row: TlsRow) -> Cell:
    """Return how long it took, whether it took up an earlier session, and what cost a round trip more or less."""
    known = cells.ms(row.handshake_ms, row.handshake_why or "not_captured")
    notes = [word(RESUMPTIONS, row.resumption)]
    notes += [plural(row.round_trips, "round trip")] if row.round_trips else []
    notes += [say("the server asked for another key share")] if row.hello_retry else []
    notes += [say("data sent along at once (0-RTT)")] if row.early_data else []
    return replace(known, why=listed([known.why, *notes]))


def _certificate(row: TlsRow) -> Cell:
    """Name the server's certificate, and below it who vouches for it, until when, its names and its key."""
    asked = [say("the server asked for the client's certificate")] if row.client_certificate_requested else []
    if not row.certificates:
        unknown = cells.unknown(row.certificates_why or "not_captured")
        return replace(unknown, why=listed([unknown.why, *asked]))
    leaf = row.certificates[0]
    return Cell(
        safe(common_name(leaf.subject), 120),
        why=Prose("; ".join([*certificate_words(leaf), *asked])),
        tone="warn" if leaf.self_signed else "",
        title=say("{subject}, issued by {issuer}", subject=leaf.subject, issuer=leaf.issuer),
    )


def certificate_words(leaf: Certificate) -> list[Prose]:
    """Say of a certificate who vouches for it, how long it is valid, for which names, and what its key is."""
    names = [safe(name, 80) for name in leaf.san]
    return [
        say("self-signed")
        if leaf.self_signed
        else say("issued by {issuer}", issuer=safe(common_name(leaf.issuer), 80)),
        say("valid from {first} until {last}", first=leaf.not_before[:10], last=leaf.not_after[:10]),
        say("for {names}", names=first_of(names, MAX_NAMES)) if names else say("without names of servers"),
        say("key {key}, signed with {signature}", key=leaf.key, signature=leaf.signature),
    ]


def common_name(name: str) -> str:
    """Return what a distinguished name is called: its CN, else the whole (RFC 4514 section 2)."""
    parts = re.split(r"(?<!\\)[,+]", name)
    return next((part[3:] for part in parts if part[:3].upper() == "CN=" and part[3:]), name)


def _alerts(alerts: Sequence[TlsAlert]) -> Cell:
    if not alerts:
        return Cell(say("none"), tone="muted")
    fine = all(alert.description in HARMLESS for alert in alerts)
    words = joined([_alert(alert) for alert in alerts[:MAX_ALERTS]])
    return Cell(words, tone="" if fine else "bad")


def _span(frames: Sequence[int]) -> Cell:
    """Return the first frame and the last: those between lie in several runs, which the row's filter lists."""
    if not frames:
        return cells.unknown()
    first, last = min(frames), max(frames)
    return Cell(Prose(first) if first == last else Prose(f"{first}–{last}"))


def _alert(alert: TlsAlert) -> Prose:
    """Write an alert as it is named (RFC 8446 section 6), and who sent it."""
    hidden = alert.description == ENCRYPTED_ALERT
    what = say(ENCRYPTED_ALERT) if hidden else safe(alert.description)
    return say("{who}: {alert}", who=who(alert.from_), alert=what)


def _readable(row: TlsRow) -> Cell:
    if row.decrypted:
        return Cell(say("yes"), tone="good")
    return Cell(say("no"), why=cells.unknown(row.decrypted_why or "encrypted").why, tone="muted")

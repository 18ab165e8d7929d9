"""What a row of the connections says in a few words: how it was opened and closed, what went wrong, what it carried.

Words are texts of tables, said in the language of the page when they are used.
"""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.flows import tcp_state
from analyzer.flows.model import Segments
from analyzer.report.cells import DASH
from analyzer.report.escape import Prose, safe
from analyzer.report.ladder_svg import state_words
from analyzer.report.remarks import older_answer, was_half_open
from analyzer.report.sides import SIDES, who
from analyzer.report.states import Side
from analyzer.report.wording import message, number, say
from analyzer.schema import TcpRow
from analyzer.units import human_ms

HANDSHAKE_WORDS = {
    "complete": message("handshake"),
    "no_synack": message("never answered"),
    "refused": message("refused"),
    "no_final_ack": message("last ACK missing"),
    "midstream": message("open before the capture"),
    "simultaneous": message("both sides opened at once"),
    "split": message("split handshake"),
}
NOT_OPENED = ("never answered", "not opened", "refused")
"""Ways of opening that opened nothing."""
CLOSE_WORDS = {
    "none": message("not closed in this capture"),
    "four_way": message("four packets"),
    "three_way": message("three packets"),
    "simultaneous": message("both at once"),
    "half_closed": message("one side only"),
    "reset": message("reset"),
}
KNOWN_BY = {
    "synack": message("the server's SYN/ACK"),
    "port": message("the port numbers"),
    "first_packet": message("the first packet"),
}
"""What tells which side is the client, where no SYN does → in words."""

APPLICATIONS = {
    "dns": "DNS",
    "ftp": "FTP",
    "http1": "HTTP/1",
    "http2": "HTTP/2",
    "smb": "SMB",
    "smtp": "SMTP",
    "socks": "SOCKS",
    "ssh": "SSH",
    "tls": "TLS",
    "websocket": "WebSocket",
}
"""Value of ``application`` → how people write it."""


def opened_key(row: TcpRow, segments: Segments) -> str:
    """Return the English words for how a connection was opened."""
    if row.handshake == "no_synack" and older_answer(row, segments):
        return message("not opened")
    if row.handshake == "no_synack" and (row.server_packets or row.handshake_why == "one_sided"):
        return message("SYN/ACK missing")
    if was_half_open(row, segments):
        return message("half open, then reset")
    return HANDSHAKE_WORDS.get(row.handshake, safe(row.handshake))


def flag(row: TcpRow, unopened: bool, resent: int) -> Prose:
    """Say in a word what went wrong, empty for nothing."""
    if unopened:
        return say("failed")
    if row.close == "reset":
        return say("reset")
    return say("resent") if resent else Prose()


def application(row: TcpRow) -> str:
    if row.application == "unknown" and not row.client_bytes and not row.server_bytes:
        return say("no data")
    if row.application == "unknown":
        return say("unknown")
    return APPLICATIONS.get(row.application, safe(row.application))


def _last_states(row: TcpRow) -> str:
    """Say which state both sides were last in, as the ``tcp`` table has it and the ladder shows."""
    client, server = (
        state_words(Side(state, state in tcp_state.INFERRED)) for state in (row.client_state, row.server_state)
    )
    return say("client {client}, server {server}", client=client, server=server)


def closed_words(row: TcpRow) -> str:
    words = say(CLOSE_WORDS[row.close]) if row.close in CLOSE_WORDS else safe(row.close)
    if row.close == "reset":
        return say("reset by the {side}", side=who(row.rst_by)) if row.rst_by in SIDES else words
    if row.closed_by in SIDES:
        return say("{how}, {side} first", how=words, side=who(row.closed_by))
    return words


def facts(row: TcpRow) -> Iterable[tuple[str, str]]:
    yield say("Connect"), human_ms(row.connect_ms) if row.connect_ms is not None else say("unknown")
    if row.initial_rtt_ms is not None:
        yield say("Round trip (handshake)"), human_ms(row.initial_rtt_ms)
    if row.server_leg_ms is not None:
        yield say("Server's part of it"), human_ms(row.server_leg_ms)
    yield say("Packets"), Prose(f"{number(row.client_packets)} ↑ {number(row.server_packets)} ↓")
    yield say("Zeek's words"), safe(f"{row.conn_state} {row.history}".strip()) or DASH
    if row.client_by != "syn":
        known = say(KNOWN_BY[row.client_by]) if row.client_by in KNOWN_BY else safe(row.client_by)
        yield say("Client known by"), known
    yield say("Ended as"), _last_states(row)

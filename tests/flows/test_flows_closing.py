"""Closes scripted segment by segment: kind, who, the four frames, end states; and all thirteen of Zeek's states."""

from __future__ import annotations

import pytest

from analyzer.flows.closing import conn_state
from analyzer.schema import TcpRow
from tests.flows.script import only, played, row
from tests.playbook import Playbook

OPEN = """
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @40
C A    1   1   0  5000  @40
"""


def close_frames(r: TcpRow) -> tuple[int | None, ...]:
    """client FIN, its ACK, server FIN, its ACK."""
    return r.client_fin_frame, r.client_fin_acked_frame, r.server_fin_frame, r.server_fin_acked_frame


def told(r: TcpRow) -> tuple[str, str | None, float | None]:
    return r.close, r.closed_by, r.close_ms


def states(r: TcpRow) -> tuple[str, str]:
    return r.client_state, r.server_state


def test_four_way_by_the_client() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
S A    1   2   0  5000  @140
S FA   1   2   0  5000  @200
C A    2   2   0  5000  @201
"""
    )
    assert told(r) == ("four_way", "client", 101.0)
    assert close_frames(r) == (4, 5, 6, 7)
    assert states(r) == ("TIME_WAIT", "CLOSED")
    assert (r.conn_state, r.history, r.completeness) == ("SF", "ShAFaf", 1 + 2 + 4 + 16)


def test_four_way_by_the_server_with_the_playbook() -> None:
    book = Playbook(rtt_ms=20)
    book.handshake()
    book.at(30).client.send(b"request")
    book.at(50).server.send(b"response")
    book.at(60).close(by="server")
    r = only(played(book))
    assert told(r) == ("four_way", "server", 20.0)
    assert close_frames(r) == (8, 9, 6, 7)
    assert states(r) == ("CLOSED", "TIME_WAIT")
    assert r.conn_state == "SF"


def test_three_way() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
S FA   1   2   0  5000  @140
C A    2   2   0  5000  @141
"""
    )
    assert told(r) == ("three_way", "client", 41.0)
    assert close_frames(r) == (4, 5, 5, 6)
    assert states(r) == ("TIME_WAIT", "CLOSED")


def test_simultaneous() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
S FA   1   1   0  5000  @101
C A    2   2   0  5000  @102
S A    2   2   0  5000  @140
"""
    )
    assert told(r) == ("simultaneous", "both", 40.0)
    assert close_frames(r) == (4, 7, 5, 6)
    assert states(r) == ("TIME_WAIT", "TIME_WAIT")


def test_half_closed_with_data_after() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
S A    1   2   0  5000  @140
S PA   1   2 500  5000  @150
C A    2 501   0  5000  @151
"""
    )
    assert told(r) == ("half_closed", "client", None)
    assert close_frames(r) == (4, 5, None, None)
    assert states(r) == ("FIN_WAIT_2", "CLOSE_WAIT")
    assert (r.conn_state, r.server_unique_bytes) == ("S2", 500)


def test_data_between_the_two_fins() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
S A    1   2   0  5000  @140
S PA   1   2 500  5000  @150
C A    2 501   0  5000  @151
S FA 501   2   0  5000  @160
C A    2 502   0  5000  @161
"""
    )
    assert told(r) == ("four_way", "client", 61.0)
    assert close_frames(r) == (4, 5, 8, 9)


def test_fin_with_data_acknowledged_only_in_whole() -> None:
    r = row(
        OPEN
        + """
C FPA  1   1 100  5000  @100
S A    1 101   0  5000  @110
S A    1 102   0  5000  @111
"""
    )
    assert close_frames(r) == (4, 6, None, None)


def test_reset_instead_of_fin() -> None:
    r = row(
        OPEN
        + """
C RA   1   1   0     0  @500
"""
    )
    assert told(r) == ("reset", "client", 0.0)
    assert (r.rst_frame, r.rst_by) == (4, "client")
    assert states(r) == ("CLOSED", "CLOSED")
    assert (r.conn_state, r.history) == ("RSTO", "ShAR")


def test_reset_after_one_fin() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
S A    1   2   0  5000  @140
S RA   1   2   0     0  @150
"""
    )
    assert told(r) == ("reset", "server", 50.0)
    assert (r.client_fin_frame, r.rst_frame) == (4, 6)
    assert r.conn_state == "RSTR"


def test_reset_after_a_complete_close_is_a_note() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
S FA   1   2   0  5000  @140
C A    2   2   0  5000  @141
S R    2   0   0     0  @142
"""
    )
    assert told(r) == ("three_way", "client", 41.0)
    assert (r.rst_frame, r.rst_by) == (7, "server")


def test_reset_before_the_last_ack_counts() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
S FA   1   2   0  5000  @140
C R    2   0   0     0  @141
"""
    )
    assert told(r) == ("reset", "client", 41.0)


@pytest.mark.parametrize(
    "before",
    [
        "C S 0 0 0 500 @0\nS RA 0 1 0 0 @1",  # refused, and tried again
        "C S 0 0 0 500 @0\nS A 5 700 0 500 @1\nC R 700 0 0 0 @2",  # RFC 9293 figure 9: the server knew an old one
        "C S 0 0 0 500 @0\nS SA 0 1 0 500 @1\nC R 1 0 0 0 @2",
    ],
)
def test_a_reset_of_an_earlier_try_does_not_end_the_connection(before: str) -> None:
    text = """
C S    0   0   0  5000  @1000
S SA   0   1   0  5000  @1040
C A    1   1   0  5000  @1041
C FA   1   1   0  5000  @1100
S FA   1   2   0  5000  @1140
C A    2   2   0  5000  @1141
"""
    r = row(before + text)
    assert (told(r), r.rst_frame, r.rst_by) == (("three_way", "client", 41.0), None, None)
    assert states(r) == ("TIME_WAIT", "CLOSED")
    assert r.conn_state == "SF"


def test_resets_of_both_sides() -> None:
    r = row(OPEN + "S PA 1 1 9 500 @50\nC R 1 0 0 0 @51\nS RA 10 1 0 0 @52")
    assert (told(r), r.rst_frame, r.rst_by, r.conn_state) == (("reset", "client", 0.0), 5, "client", "RSTO")


def test_fins_that_crossed_and_a_reset() -> None:
    r = row(OPEN + "C FA 1 1 0 500 @100\nS FA 1 1 0 500 @101\nC R 2 0 0 0 @102")
    assert told(r) == ("reset", "client", 2.0)
    assert close_frames(r) == (4, None, 5, None)


def test_fin_sent_again() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
C FA   1   1   0  5000  @400
S FA   1   2   0  5000  @440
C A    2   2   0  5000  @441
"""
    )
    assert told(r) == ("three_way", "client", 341.0)
    assert close_frames(r) == (4, 6, 6, 7)
    assert r.client_retransmissions == 1
    assert r.history == "ShAFf"


def test_last_ack_not_seen() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
S FA   1   2   0  5000  @140
"""
    )
    assert told(r) == ("three_way", "client", None)
    assert states(r) == ("FIN_WAIT_2", "LAST_ACK")


def test_none() -> None:
    r = row(OPEN)
    assert told(r) == ("none", None, None)
    assert close_frames(r) == (None,) * 4
    assert states(r) == ("ESTABLISHED", "ESTABLISHED")
    assert r.conn_state == "S1"


def test_unanswered_fin() -> None:
    r = row(
        OPEN
        + """
C FA   1   1   0  5000  @100
"""
    )
    assert told(r) == ("none", "client", None)
    assert states(r) == ("FIN_WAIT_1", "ESTABLISHED")


C, S = True, False
OPENED = ((C, "syn"), (S, "synack"), (C, "ack_syn"))
CONN_STATES = [
    ("S0", ((C, "syn"),)),
    ("S1", OPENED),
    ("SF", (*OPENED, (C, "fin"), (S, "finack"), (C, "ack_fin"))),
    ("REJ", ((C, "syn"), (S, "rst"))),
    ("S2", (*OPENED, (C, "fin"), (S, "ack_fin"))),
    ("S3", (*OPENED, (S, "fin"), (C, "ack_fin"))),
    ("RSTO", (*OPENED, (C, "data"), (C, "rst"))),
    ("RSTR", (*OPENED, (S, "data"), (S, "rst"))),
    ("RSTOS0", ((C, "syn"), (C, "rst"))),
    ("RSTRH", ((S, "synack"), (S, "rst"))),
    ("SH", ((C, "syn"), (C, "fin"))),
    ("SHR", ((S, "synack"), (S, "fin"))),
    ("OTH", ((C, "data"), (S, "data"))),
    ("OTH", ((C, "data"), (C, "rst"))),
    ("S1", ((C, "syn"), (S, "synack"))),
    ("RSTO", ((C, "syn"), (S, "synack"), (C, "rst"))),
    ("OTH", ((C, "syn"), (S, "data"))),
    ("OTH", ()),
]


@pytest.mark.parametrize(("expected", "events"), CONN_STATES)
def test_conn_state(expected: str, events: tuple[tuple[bool, str], ...]) -> None:
    assert conn_state(events) == expected


def test_every_zeek_state_is_there() -> None:
    assert {name for name, _ in CONN_STATES} == {
        *("S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
    }


SEGMENTS = [
    ("SH", "C S 0 0 0 500 @0\nC F 1 0 0 500 @1"),
    ("SHR", "S SA 0 1 0 500 @0\nS FA 1 1 0 500 @1"),
    ("RSTRH", "S SA 0 1 0 500 @0\nS RA 1 1 0 500 @1"),
    ("RSTOS0", "C S 0 0 0 500 @0\nC R 1 0 0 500 @1"),
    ("S3", OPEN + "S FA 1 1 0 500 @50\nC A 1 2 0 500 @51"),
]


@pytest.mark.parametrize(("expected", "text"), SEGMENTS)
def test_conn_state_from_segments(expected: str, text: str) -> None:
    assert row(text).conn_state == expected

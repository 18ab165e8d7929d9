"""States beside the ladder, against the sequences of RFC 9293 (figures 5, 6, 7, 12, 13)."""

from __future__ import annotations

import numpy as np

from analyzer import tcp_states
from analyzer.decode.table import Flag
from analyzer.flows import tcp_state
from analyzer.report.states import Segment, Side, still_sending, walk

S, A, F, R = int(Flag.SYN), int(Flag.ACK), int(Flag.FIN), int(Flag.RST)
OPEN = [(True, S, 0, 0), (False, S | A, 0, 1), (True, A, 1, 1)]


Lines = list[tuple[bool, int, int, int]]


def sides(lines: Lines, spoke: bool = True, handshake: str = "complete") -> list[tuple[Side, Side]]:
    """Walk (by client, flags, seq, ack) segments without payload."""
    last = still_sending(np.array([line[0] for line in lines]), np.array([line[1] for line in lines], np.uint16))
    segments = (Segment(who, flags, seq, ack, 0) for who, flags, seq, ack in lines)
    return list(walk(segments, server_spoke=spoke, handshake=handshake, last=last))


def states(lines: Lines, spoke: bool = True, handshake: str = "complete") -> list[tuple[str, str]]:
    return [(client.state, server.state) for client, server in sides(lines, spoke, handshake)]


def words(lines: Lines, spoke: bool = True, handshake: str = "complete") -> list[str]:
    """Write both states, inferred ones with ``?``."""
    seen = sides(lines, spoke, handshake)
    return [" ".join(side.state + ("?" if side.inferred else "") for side in both) for both in seen]


def test_three_way_handshake() -> None:  # RFC 9293 figure 6
    assert states(OPEN) == [
        ("CLOSED", "LISTEN"),
        ("SYN_SENT", "LISTEN"),
        ("SYN_SENT", "SYN_RCVD"),
        ("ESTABLISHED", "ESTABLISHED"),
    ]


def test_normal_close() -> None:  # figure 12
    close = [(True, F | A, 1, 1), (False, A, 1, 2), (False, F | A, 1, 2), (True, A, 2, 2)]
    assert states(OPEN + close)[-4:] == [
        ("FIN_WAIT_1", "ESTABLISHED"),
        ("FIN_WAIT_2", "CLOSE_WAIT"),
        ("FIN_WAIT_2", "LAST_ACK"),
        ("TIME_WAIT", "CLOSED"),
    ]


def test_close_in_three_packets() -> None:
    close = [(False, F | A, 1, 1), (True, F | A, 1, 2), (False, A, 2, 2)]
    assert states(OPEN + close)[-3:] == [
        ("ESTABLISHED", "FIN_WAIT_1"),
        ("LAST_ACK", "FIN_WAIT_2"),
        ("CLOSED", "TIME_WAIT"),
    ]


def test_simultaneous_close_goes_through_closing_on_both_sides() -> None:  # figure 13
    close = [(True, F | A, 1, 1), (False, F | A, 1, 1), (True, A, 2, 2), (False, A, 2, 2)]
    assert states(OPEN + close)[-4:] == [
        ("FIN_WAIT_1", "ESTABLISHED"),
        ("FIN_WAIT_1", "FIN_WAIT_1"),
        ("CLOSING", "CLOSING"),
        ("TIME_WAIT", "TIME_WAIT"),
    ]


def test_half_close_lets_the_other_side_go_on() -> None:
    close = [(True, F | A, 1, 1), (False, A, 1, 2), (False, A, 1, 2)]
    assert states(OPEN + close)[-1] == ("FIN_WAIT_2", "CLOSE_WAIT")


def test_a_fin_that_nobody_answers_moves_only_its_sender() -> None:
    assert states([*OPEN, (True, F | A, 1, 1), (True, F | A, 1, 1)])[-1] == ("FIN_WAIT_1", "ESTABLISHED")


def test_simultaneous_open() -> None:  # figure 7
    lines = [(True, S, 0, 0), (False, S, 0, 0), (True, S | A, 0, 1), (False, S | A, 0, 1)]
    assert states(lines)[2] == ("SYN_SENT", "SYN_SENT")
    assert states(lines)[-1] == ("ESTABLISHED", "ESTABLISHED")


def test_reset_closes_both() -> None:
    assert states([*OPEN, (False, R | A, 1, 1)])[-1] == ("CLOSED", "CLOSED")


def test_the_receiver_of_a_reset_is_closed_once_it_stops_sending() -> None:
    late = [(True, R | A, 1, 1), (False, A, 1, 1), (False, A, 2, 1), (True, R, 1, 0)]
    assert words(OPEN + late)[-4:] == [
        "CLOSED ESTABLISHED?",
        "CLOSED ESTABLISHED?",
        "CLOSED CLOSED?",
        "CLOSED CLOSED?",
    ]


def test_a_reset_in_answer_closes_its_sender_for_certain() -> None:
    late = [(True, R | A, 1, 1), (False, A, 1, 1), (False, R, 2, 0)]
    assert words(OPEN + late)[-3:] == ["CLOSED ESTABLISHED?", "CLOSED CLOSED?", "CLOSED CLOSED"]


def test_a_close_goes_on_although_a_reset_was_recorded() -> None:
    """The server had sent its FIN before the client's reset reached it."""
    late = [(True, F | A, 1, 1), (True, R | A, 2, 1), (False, A, 1, 2), (False, F | A, 1, 2)]
    assert words(OPEN + late)[-4:] == [
        "FIN_WAIT_1 ESTABLISHED",
        "CLOSED ESTABLISHED?",
        "CLOSED CLOSE_WAIT?",
        "CLOSED CLOSED?",
    ]


def test_a_reset_that_nobody_believes() -> None:
    """A machine in between forged it: both sides go on, and are closed at the end only."""
    rest = [(False, R, 1, 0), (True, A, 1, 1), (False, A, 1, 1), (True, A, 1, 1)]
    assert words(OPEN + rest)[-4:] == [
        "ESTABLISHED? ESTABLISHED?",
        "ESTABLISHED? ESTABLISHED?",
        "ESTABLISHED? CLOSED?",
        "CLOSED? CLOSED?",
    ]


def test_a_syn_after_a_refusal_begins_anew() -> None:
    lines = [(True, S, 0, 0), (False, R | A, 0, 1), (True, S, 0, 0), (False, R | A, 0, 1)]
    assert words(lines, handshake="refused")[1:] == [
        "SYN_SENT CLOSED?",
        "CLOSED CLOSED",
        "SYN_SENT CLOSED",
        "CLOSED CLOSED",
    ]


def test_an_answer_that_was_not_recorded_is_proven_by_what_follows() -> None:
    assert words([(True, S, 0, 0), (True, A, 1, 1)])[1:] == ["SYN_SENT LISTEN?", "ESTABLISHED ESTABLISHED?"]
    assert words([(True, S, 0, 0), (True, A, 1, 1)], spoke=False)[1:] == ["SYN_SENT UNKNOWN?", "ESTABLISHED UNKNOWN?"]


def test_where_sending_stops() -> None:
    client = np.array([True, False, True, True, False, False, True])
    flags = np.array([S, S | A, A, R, A, R, A], np.uint16)
    assert still_sending(client, flags) == (6, 4)
    assert still_sending(client[:4], flags[:4]) == (-1, -1)
    assert still_sending(client[:3], flags[:3]) == (-1, -1)


def test_refused_port_never_listened() -> None:
    assert states([(True, S, 0, 0), (False, R | A, 0, 1)], handshake="refused") == [
        ("CLOSED", "CLOSED"),
        ("SYN_SENT", "CLOSED"),
        ("CLOSED", "CLOSED"),
    ]


def test_a_silent_server_is_unknown_and_a_repeated_syn_changes_nothing() -> None:
    assert states([(True, S, 0, 0), (True, S, 0, 0)], spoke=False)[1:] == [("SYN_SENT", "UNKNOWN")] * 2


def test_midstream_is_inferred_to_be_open_until_it_is_proven() -> None:
    seen = sides([(True, A, 1, 1), (False, A, 1, 11)])
    assert [(c.inferred, s.inferred) for c, s in seen] == [(True, True), (False, True), (False, False)]
    assert {side.state for pair in seen for side in pair} == {"ESTABLISHED"}


def test_time_wait_is_always_inferred() -> None:
    close = [(True, F | A, 1, 1), (False, F | A, 1, 2), (True, A, 2, 2)]
    client, server = sides(OPEN + close)[-1]
    assert (client.state, client.inferred) == ("TIME_WAIT", True)
    assert (server.state, server.inferred) == ("CLOSED", False)


def test_every_state_of_the_machine_is_explained() -> None:
    assert set(tcp_states.STATES) == set(tcp_state.STATES) - {"UNKNOWN"}
    assert tcp_states.explain("UNKNOWN").startswith("The capture does not show")

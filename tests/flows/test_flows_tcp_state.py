"""The state table against RFC 9293 figure 5, arrow by arrow, and whole conversations."""

from __future__ import annotations

import pytest

from analyzer.flows.tcp_state import STATES, TRANSITIONS, begin, final, follow, step

# RFC 9293, figure 5: every arrow that a segment causes or sends, as (from, event, to).
FIGURE_5 = [
    ("CLOSED", ">syn", "SYN_SENT"),  # active OPEN
    ("LISTEN", "<syn", "SYN_RCVD"),  # rcv SYN, snd SYN,ACK
    ("LISTEN", ">syn", "SYN_SENT"),  # SEND
    ("SYN_SENT", "<syn", "SYN_RCVD"),  # rcv SYN, snd SYN,ACK
    ("SYN_SENT", "<synack", "ESTABLISHED"),  # rcv SYN,ACK, snd ACK
    ("SYN_RCVD", "<ack_syn", "ESTABLISHED"),  # rcv ACK of SYN
    ("SYN_RCVD", ">fin", "FIN_WAIT_1"),  # CLOSE
    ("ESTABLISHED", ">fin", "FIN_WAIT_1"),  # CLOSE
    ("ESTABLISHED", "<fin", "CLOSE_WAIT"),  # rcv FIN, snd ACK
    ("FIN_WAIT_1", "<ack_fin", "FIN_WAIT_2"),  # rcv ACK of FIN
    ("FIN_WAIT_1", "<fin", "CLOSING"),  # rcv FIN, snd ACK
    ("FIN_WAIT_1", "<finack", "TIME_WAIT"),  # note 2: FIN and ACK of FIN in one
    ("CLOSE_WAIT", ">fin", "LAST_ACK"),  # CLOSE
    ("FIN_WAIT_2", "<fin", "TIME_WAIT"),  # rcv FIN, snd ACK
    ("CLOSING", "<ack_fin", "TIME_WAIT"),  # rcv ACK of FIN
    ("LAST_ACK", "<ack_fin", "CLOSED"),  # rcv ACK of FIN
]


@pytest.mark.parametrize(("state", "event", "after"), FIGURE_5)
def test_figure_5(state: str, event: str, after: str) -> None:
    assert step(state, event) == after


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("direction", "<>")
def test_a_reset_closes_every_state_but_listen(state: str, direction: str) -> None:
    assert step(state, f"{direction}rst") == ("LISTEN" if state == "LISTEN" else "CLOSED")
    back = state == "LISTEN" or (state == "SYN_RCVD" and direction == "<")
    assert step(state, f"{direction}rst", passive=True) == ("LISTEN" if back else "CLOSED")


def test_the_table_knows_only_states_and_events() -> None:
    events = {d + e for d in "<>" for e in ("syn", "synack", "ack_syn", "fin", "ack_fin", "finack", "data")}
    for (state, event), after in TRANSITIONS.items():
        assert state in STATES
        assert after in STATES
        assert event in events


def test_time_wait_and_closed_are_left_by_nothing_but_a_new_syn() -> None:
    leaving = {(s, e) for (s, e), after in TRANSITIONS.items() if s in ("TIME_WAIT", "CLOSED") and after != s}
    assert {s for s, _ in leaving} == {"CLOSED"}
    assert {e for _, e in leaving} == {">syn", ">synack", "<synack"}


def test_unlisted_events_change_nothing() -> None:
    assert step("ESTABLISHED", ">ack_syn") == "ESTABLISHED"
    assert step("TIME_WAIT", "<fin") == "TIME_WAIT"


def test_begin() -> None:
    assert (begin(client=True, midstream=False), begin(client=False, midstream=False)) == ("CLOSED", "LISTEN")
    assert (begin(client=True, midstream=True), begin(client=False, midstream=True)) == ("UNKNOWN", "UNKNOWN")


C, S = True, False
OPEN = [(C, "syn"), (S, "synack"), (C, "ack_syn")]


def test_three_way_handshake_step_by_step() -> None:
    assert follow(OPEN, midstream=False) == [
        ("SYN_SENT", "LISTEN"),
        ("SYN_SENT", "SYN_RCVD"),
        ("ESTABLISHED", "ESTABLISHED"),
    ]


def test_four_way_close_step_by_step() -> None:
    close = [(C, "fin"), (S, "ack_fin"), (S, "fin"), (C, "ack_fin")]
    assert follow(OPEN + close, midstream=False)[3:] == [
        ("FIN_WAIT_1", "ESTABLISHED"),
        ("FIN_WAIT_2", "CLOSE_WAIT"),
        ("FIN_WAIT_2", "LAST_ACK"),
        ("TIME_WAIT", "CLOSED"),
    ]


def test_three_way_close_step_by_step() -> None:
    assert follow([*OPEN, (C, "fin"), (S, "finack"), (C, "ack_fin")], midstream=False)[3:] == [
        ("FIN_WAIT_1", "ESTABLISHED"),
        ("FIN_WAIT_2", "LAST_ACK"),
        ("TIME_WAIT", "CLOSED"),
    ]


WHOLE = [
    ("half close by the server", [*OPEN, (S, "fin"), (C, "ack_fin")], "CLOSE_WAIT", "FIN_WAIT_2"),
    ("simultaneous close", [*OPEN, (C, "fin"), (S, "fin"), (C, "ack_fin"), (S, "ack_fin")], "TIME_WAIT", "TIME_WAIT"),
    ("unanswered FIN", [*OPEN, (C, "fin")], "FIN_WAIT_1", "ESTABLISHED"),
    ("unanswered SYN", [(C, "syn")], "SYN_SENT", "UNKNOWN"),
    ("refused", [(C, "syn"), (S, "rst")], "CLOSED", "CLOSED"),
    ("no final ACK", [(C, "syn"), (S, "synack")], "SYN_SENT", "SYN_RCVD"),
    ("first data instead of the final ACK", [(C, "syn"), (S, "synack"), (C, "data")], "ESTABLISHED", "ESTABLISHED"),
    (
        "simultaneous open",
        [(C, "syn"), (S, "syn"), (C, "synack"), (S, "synack"), (C, "data"), (S, "data")],
        "ESTABLISHED",
        "ESTABLISHED",
    ),
    ("split handshake", [(C, "syn"), (S, "syn"), (C, "synack"), (S, "ack_syn")], "ESTABLISHED", "ESTABLISHED"),
    ("reset by the client", [*OPEN, (C, "rst")], "CLOSED", "CLOSED"),
    ("the SYN was not captured", [(S, "synack"), (C, "ack_syn")], "ESTABLISHED", "ESTABLISHED"),
    # Only an answer lets a client send anything but SYNs (RFC 9293 section 3.10.4).
    ("the client's side alone", [(C, "syn"), (C, "data")], "ESTABLISHED", "UNKNOWN"),
    ("the client's side alone, closing", [(C, "syn"), (C, "fin")], "FIN_WAIT_1", "UNKNOWN"),
    ("the SYN/ACK was not captured", [(C, "syn"), (C, "data"), (S, "data")], "ESTABLISHED", "ESTABLISHED"),
    ("nor the client's ACKs", [(C, "syn"), (S, "data")], "ESTABLISHED", "ESTABLISHED"),
    ("the FIN is the first sign", [(C, "syn"), (S, "fin"), (C, "finack")], "LAST_ACK", "FIN_WAIT_2"),
    # A server may send data before its SYN/ACK is acknowledged (RFC 7413 section 4.2).
    ("fast open", [(C, "syn"), (S, "synack"), (S, "data")], "ESTABLISHED", "SYN_RCVD"),
    # Figure 5, note 1: back to LISTEN, if SYN_RCVD was reached from there.
    ("half-open scan", [(C, "syn"), (S, "synack"), (C, "rst")], "CLOSED", "LISTEN"),
    ("the server gives up", [(C, "syn"), (S, "synack"), (S, "rst")], "CLOSED", "CLOSED"),
    ("reset while both open", [(C, "syn"), (S, "syn"), (C, "synack"), (S, "rst")], "CLOSED", "CLOSED"),
]


@pytest.mark.parametrize(("name", "events", "client", "server"), WHOLE, ids=[w[0] for w in WHOLE])
def test_conversation(name: str, events: list[tuple[bool, str]], client: str, server: str) -> None:
    assert final(tuple(events), False) == (client, server)


MID = [
    ("data both ways", [(C, "data"), (S, "data")], "ESTABLISHED", "ESTABLISHED"),
    ("one side only", [(C, "data")], "ESTABLISHED", "UNKNOWN"),
    ("close", [(C, "data"), (C, "fin"), (S, "ack_fin"), (S, "fin"), (C, "ack_fin")], "TIME_WAIT", "CLOSED"),
    ("nothing", [], "UNKNOWN", "UNKNOWN"),
]


@pytest.mark.parametrize(("name", "events", "client", "server"), MID, ids=[m[0] for m in MID])
def test_midstream(name: str, events: list[tuple[bool, str]], client: str, server: str) -> None:
    assert final(tuple(events), True) == (client, server)

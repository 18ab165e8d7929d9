"""The ways a connection opens and closes, each scripted, with its whole ladder and the words of its row.

The ladders are worked out by hand from RFC 9293 (figures 6 to 13 where there is one), not taken from the program. A
line of a ladder reads::

    40  < SYN,ACK   0   1   0   SYN_SENT     SYN_RCVD

when in milliseconds, who sends (``>`` the client), flags, relative sequence and acknowledgement number, payload length,
and the state of client and server after it; ``?`` marks a state that no segment proves. The first line has the states
before. The states beside a segment are those that the capture proves then: a SYN or FIN counts as arrived when it is
answered, which is why a line often shows a state that the RFC's figure, drawn at both ends, shows one line earlier.
"""

from __future__ import annotations

import pytest

from analyzer.flows.build import Flows
from analyzer.report.ladder import Rungs, climb
from analyzer.report.states import Side
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS
from tests.flows.script import followed, only, packets_of, played, script
from tests.playbook import Playbook, Segment


def opened(**given: int) -> Playbook:
    """A conversation whose handshake was SYN at 0 ms, SYN/ACK and ACK at 40 ms."""
    book = Playbook(**given)  # type: ignore[arg-type]
    book.handshake()
    return book


def side(state: Side) -> str:
    return state.state + ("?" if state.inferred else "")


def text(rungs: Rungs) -> list[str]:
    """Write a ladder down, a line of words each."""
    assert rungs.before is not None
    lines = [" ".join(side(each) for each in rungs.before)]
    for rung in rungs.rungs:
        after = f"{side(rung.client)} {side(rung.server)}"
        at = f"{rung.since / NS_PER_MS:g}"
        if rung.kind != "segment":
            assert rung.took is not None
            lines.append(f"{at} {rung.kind} {rung.took / NS_PER_MS:g} {after}")
            continue
        ack = "-" if rung.ack is None else rung.ack
        arrow = ">" if rung.from_client else "<"
        lines.append(f"{at} {arrow} {rung.flags} {rung.seq} {ack} {rung.length} {after}")
    return lines


def drawn(flows: Flows, stream: int = 0) -> list[str]:
    """Draw a connection's ladder; it must end in the states of the row."""
    row = flows.connections.row(stream)
    rungs = climb(row, flows.segments, {})
    assert rungs.last is not None
    for state, told in zip(rungs.last, (row.client_state, row.server_state), strict=True):
        assert state.state == told
    return text(rungs)


def expected(ladder: str) -> list[str]:
    """Return the lines of a ladder written by hand, however they are aligned."""
    return [" ".join(line.split()) for line in ladder.splitlines() if line.strip()]


def words(row: TcpRow) -> tuple[object, ...]:
    return row.handshake, row.close, row.closed_by, row.conn_state, row.history, row.deviations


OPEN = """
                                CLOSED?      LISTEN?
     0 > SYN      0   -   0     SYN_SENT     LISTEN?
    40 < SYN,ACK  0   1   0     SYN_SENT     SYN_RCVD
    40 > ACK      1   1   0     ESTABLISHED  ESTABLISHED
"""


# ── the nine ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_1_opened_and_closed_in_four_steps() -> None:  # figures 6 and 12
    p = opened()
    p.at(50).client.send(b"x" * 100)
    p.at(90).server.send(b"y" * 200)
    p.at(90).client.ack()
    p.at(100).client.fin()
    p.at(140).server.ack()
    p.at(141).server.fin()
    p.at(141).client.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
    50 > PSH,ACK  1   1 100     ESTABLISHED  ESTABLISHED
    90 < PSH,ACK  1 101 200     ESTABLISHED  ESTABLISHED
    90 > ACK    101 201   0     ESTABLISHED  ESTABLISHED
   100 > FIN,ACK 101 201  0     FIN_WAIT_1   ESTABLISHED
   140 < ACK    201 102   0     FIN_WAIT_2   CLOSE_WAIT
   141 < FIN,ACK 201 102  0     FIN_WAIT_2   LAST_ACK
   141 > ACK    102 202   0     TIME_WAIT?   CLOSED
"""
    )
    assert words(only(flows)) == ("complete", "four_way", "client", "SF", "ShADdFaf", ())


def test_2_closed_in_three_steps_because_fin_and_ack_travel_together() -> None:
    p = opened()
    p.at(100).client.fin()
    p.at(140).server.fin()
    p.at(141).client.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
   100 > FIN,ACK  1   1   0     FIN_WAIT_1   ESTABLISHED
   140 < FIN,ACK  1   2   0     FIN_WAIT_2   LAST_ACK
   141 > ACK      2   2   0     TIME_WAIT?   CLOSED
"""
    )
    assert words(only(flows)) == ("complete", "three_way", "client", "SF", "ShAFf", ("fin_with_ack",))


def test_3_both_close_at_the_same_moment() -> None:  # figure 13
    p = opened()
    p.at(100).client.fin(delivered=False)
    p.at(101).server.fin(delivered=False)
    p.client.arrive()
    p.server.arrive()
    p.at(102).client.ack()
    p.at(141).server.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
   100 > FIN,ACK  1   1   0     FIN_WAIT_1   ESTABLISHED
   101 < FIN,ACK  1   1   0     FIN_WAIT_1   FIN_WAIT_1
   102 > ACK      2   2   0     CLOSING      CLOSING
   141 < ACK      2   2   0     TIME_WAIT?   TIME_WAIT?
"""
    )
    assert words(only(flows)) == ("complete", "simultaneous", "both", "SF", "ShAFfa", ("simultaneous_close",))


def test_4_one_side_closes_and_the_other_still_sends() -> None:  # section 3.6, case 2
    p = opened()
    p.at(50).client.send(b"x" * 10)
    p.at(51).client.fin()
    p.at(90).server.ack()
    p.at(100).server.send(b"y" * 500)
    p.at(100).client.ack()
    p.at(150).server.fin()
    p.at(150).client.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
    50 > PSH,ACK  1   1  10     ESTABLISHED  ESTABLISHED
    51 > FIN,ACK 11   1   0     FIN_WAIT_1   ESTABLISHED
    90 < ACK      1  12   0     FIN_WAIT_2   CLOSE_WAIT
   100 < PSH,ACK  1  12 500     FIN_WAIT_2   CLOSE_WAIT
   100 > ACK     12 501   0     FIN_WAIT_2   CLOSE_WAIT
   150 < FIN,ACK 501 12   0     FIN_WAIT_2   LAST_ACK
   150 > ACK     12 502   0     TIME_WAIT?   CLOSED
"""
    )
    assert words(only(flows)) == ("complete", "four_way", "client", "SF", "ShADFadf", ("data_after_fin",))


def test_4_and_never_closes() -> None:
    p = opened()
    p.at(51).server.fin()
    p.at(52).client.ack()
    p.at(60).client.send(b"x" * 30)
    p.at(100).server.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
    51 < FIN,ACK  1   1   0     ESTABLISHED  FIN_WAIT_1
    52 > ACK      1   2   0     CLOSE_WAIT   FIN_WAIT_2
    60 > PSH,ACK  1   2  30     CLOSE_WAIT   FIN_WAIT_2
   100 < ACK      2  31   0     CLOSE_WAIT   FIN_WAIT_2
"""
    )
    told = ("complete", "half_closed", "server", "S3", "ShAfDa", ("data_after_fin", "unclosed"))
    assert words(only(flows)) == told


def test_5_a_reset_instead_of_a_fin() -> None:
    p = opened()
    p.at(50).client.send(b"x" * 10)
    p.at(90).server.ack()
    p.at(100).client.rst()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
    50 > PSH,ACK  1   1  10     ESTABLISHED  ESTABLISHED
    90 < ACK      1  11   0     ESTABLISHED  ESTABLISHED
   100 > RST,ACK 11   1   0     CLOSED       CLOSED
"""
    )
    assert words(only(flows)) == ("complete", "reset", "client", "RSTO", "ShADaR", ("rst_instead_of_fin",))


def test_5_the_receiver_of_a_reset_is_closed_once_it_stops_sending() -> None:
    p = opened()
    p.at(50).client.send(b"x" * 10)
    p.at(100).client.rst()
    p.at(110).server.send(b"y" * 20)  # on its way when the reset was sent
    p.at(111).server.send(b"y" * 20)
    p.at(111).client.rst()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
    50 > PSH,ACK  1   1  10     ESTABLISHED  ESTABLISHED
   100 > RST,ACK 11   1   0     CLOSED       ESTABLISHED?
   110 < PSH,ACK  1  11  20     CLOSED       ESTABLISHED?
   111 < PSH,ACK 21  11  20     CLOSED       CLOSED?
   111 > RST,ACK 11  41   0     CLOSED       CLOSED?
"""
    )
    assert words(only(flows))[:4] == ("complete", "reset", "client", "RSTO")


def test_6_a_reset_after_a_fin() -> None:
    p = opened()
    p.at(100).client.fin()
    p.at(140).server.ack()
    p.at(141).server.send(b"y" * 50)
    p.at(142).client.rst()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
   100 > FIN,ACK  1   1   0     FIN_WAIT_1   ESTABLISHED
   140 < ACK      1   2   0     FIN_WAIT_2   CLOSE_WAIT
   141 < PSH,ACK  1   2  50     FIN_WAIT_2   CLOSE_WAIT
   142 > RST,ACK  2  51   0     CLOSED       CLOSED
"""
    )
    told = ("complete", "reset", "client", "RSTO", "ShAFadR", ("data_after_fin", "rst_after_fin"))
    assert words(only(flows)) == told


def test_6_a_reset_after_everything_was_closed() -> None:
    p = opened()
    p.at(100).client.fin()
    p.at(140).server.fin()
    p.at(141).client.ack()
    p.at(142).client.rst()
    flows = played(p)
    assert drawn(flows)[-2:] == expected(
        """
   141 > ACK      2   2   0     TIME_WAIT?   CLOSED
   142 > RST,ACK  2   2   0     CLOSED       CLOSED
"""
    )
    row = only(flows)
    assert (row.close, row.closed_by) == ("three_way", "client")
    assert row.deviations == ("fin_with_ack", "rst_after_fin")


def test_7_a_fin_sent_again() -> None:
    p = opened()
    p.at(100).client.fin(delivered=False)
    p.at(400).client.fin()
    p.at(440).server.fin()
    p.at(441).client.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
   100 > FIN,ACK  1   1   0     FIN_WAIT_1   ESTABLISHED
   400 > FIN,ACK  1   1   0     FIN_WAIT_1   ESTABLISHED
   440 < FIN,ACK  1   2   0     FIN_WAIT_2   LAST_ACK
   441 > ACK      2   2   0     TIME_WAIT?   CLOSED
"""
    )
    assert words(only(flows)) == ("complete", "three_way", "client", "SF", "ShAFf", ("fin_with_ack", "fin_repeated"))
    (again,) = [rung for rung in climb(only(flows), flows.segments, {}).rungs if rung.since == 400 * NS_PER_MS]
    assert (again.note, again.tone) == ("retransmission", "bad")


def test_7_a_fin_sent_again_to_a_side_in_time_wait() -> None:  # section 3.6.1: what TIME_WAIT is for
    p = opened()
    p.at(100).client.fin()
    p.at(140).server.fin()
    p.at(141).client.ack()  # lost behind the recorder
    p.at(340).server.fin()
    p.at(341).client.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
   100 > FIN,ACK  1   1   0     FIN_WAIT_1   ESTABLISHED
   140 < FIN,ACK  1   2   0     FIN_WAIT_2   LAST_ACK
   141 > ACK      2   2   0     TIME_WAIT?   CLOSED
   340 < FIN,ACK  1   2   0     TIME_WAIT?   CLOSED
   341 > ACK      2   2   0     TIME_WAIT?   CLOSED
"""
    )
    assert only(flows).deviations == ("fin_with_ack", "fin_repeated")


def test_8_still_open_at_the_end_of_the_capture() -> None:
    p = opened()
    p.at(50).client.send(b"x" * 10)
    p.at(90).server.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        OPEN
        + """
    50 > PSH,ACK  1   1  10     ESTABLISHED  ESTABLISHED
    90 < ACK      1  11   0     ESTABLISHED  ESTABLISHED
"""
    )
    assert words(only(flows)) == ("complete", "none", None, "S1", "ShADa", ("unclosed",))


def test_9_the_same_ports_again_while_time_wait_lasts() -> None:  # section 3.6.1
    first, second = opened(), Playbook(client_isn=2_000_000, server_isn=20_000_000)
    first.at(100).close()
    second.at(1000).handshake()
    second.at(1100).close()
    flows = followed([*first.packets, *second.packets])
    assert len(flows.connections) == 2
    assert drawn(flows, 1) == expected(
        OPEN
        + """
   100 > FIN,ACK  1   1   0     FIN_WAIT_1   ESTABLISHED
   140 < ACK      1   2   0     FIN_WAIT_2   CLOSE_WAIT
   140 < FIN,ACK  1   2   0     FIN_WAIT_2   LAST_ACK
   140 > ACK      2   2   0     TIME_WAIT?   CLOSED
"""
    )
    assert climb(flows.connections.row(1), flows.segments, {}).rungs[0].note == "same ports used again"
    earlier, later = flows.connections.rows()
    assert words(earlier) == ("complete", "four_way", "client", "SF", "ShAFaf", ())
    assert (earlier.client_state, earlier.client_port) == ("TIME_WAIT", later.client_port)
    assert words(later) == ("complete", "four_way", "client", "SF", "ShAFaf", ("time_wait_reused",))


# ── beside them ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_open_at_the_same_moment() -> None:  # figure 7
    p = Playbook()
    p.client.syn(delivered=False)
    p.at(10).server.syn(delivered=False)
    p.client.arrive()
    p.server.arrive()
    p.at(20).client.syn()
    p.at(30).server.syn()
    p.at(40).client.send(b"x" * 5)
    p.at(50).server.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        """
                                CLOSED?      CLOSED?
     0 > SYN      0   -   0     SYN_SENT     CLOSED?
    10 < SYN      0   -   0     SYN_SENT     SYN_SENT
    20 > SYN,ACK  0   1   0     SYN_RCVD     SYN_SENT
    30 < SYN,ACK  0   1   0     ESTABLISHED? ESTABLISHED?
    40 > PSH,ACK  1   1   5     ESTABLISHED  ESTABLISHED?
    50 < ACK      1   6   0     ESTABLISHED  ESTABLISHED
"""
    )
    told = ("simultaneous", "none", None, "S1", "SsHhDa", ("simultaneous_open", "unclosed"))
    assert words(only(flows)) == told


def test_a_split_handshake() -> None:
    p = Playbook()
    p.client.syn()
    p.at(40).server.syn(flags="S")
    p.at(41).client.syn()
    p.at(80).server.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        """
                                CLOSED?      LISTEN?
     0 > SYN      0   -   0     SYN_SENT     LISTEN?
    40 < SYN      0   -   0     SYN_SENT     SYN_SENT
    41 > SYN,ACK  0   1   0     SYN_RCVD     SYN_SENT
    80 < ACK      1   1   0     ESTABLISHED  ESTABLISHED
"""
    )
    assert words(only(flows)) == ("split", "none", None, "S1", "SsHa", ("split_handshake", "unclosed"))


def test_a_syn_sent_again() -> None:
    p = Playbook()
    p.client.syn(delivered=False)
    p.at(1000).client.syn()
    p.at(1040).server.syn()
    p.at(1040).client.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        """
                                CLOSED?      LISTEN?
     0 > SYN      0   -   0     SYN_SENT     LISTEN?
     0 idle 1000                SYN_SENT     LISTEN?
  1000 > SYN      0   -   0     SYN_SENT     LISTEN?
  1040 < SYN,ACK  0   1   0     SYN_SENT     SYN_RCVD
  1040 > ACK      1   1   0     ESTABLISHED  ESTABLISHED
"""
    )
    assert words(only(flows)) == ("complete", "none", None, "S1", "ShA", ("syn_repeated", "unclosed"))
    assert (only(flows).syn_frames, only(flows).syn_loss_ms) == ((1, 2), 1000.0)


def test_a_synack_sent_again() -> None:
    p = Playbook()
    p.client.syn()
    p.at(40).server.syn(delivered=False)
    p.at(1040).server.syn()
    p.at(1040).client.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        """
                                CLOSED?      LISTEN?
     0 > SYN      0   -   0     SYN_SENT     LISTEN?
    40 < SYN,ACK  0   1   0     SYN_SENT     SYN_RCVD
    40 idle 1000                SYN_SENT     SYN_RCVD
  1040 < SYN,ACK  0   1   0     SYN_SENT     SYN_RCVD
  1040 > ACK      1   1   0     ESTABLISHED  ESTABLISHED
"""
    )
    assert words(only(flows)) == ("complete", "none", None, "S1", "ShA", ("synack_repeated", "unclosed"))
    assert only(flows).synack_frames == (2, 3)


def test_refused() -> None:
    p = Playbook()
    p.client.syn()
    p.at(40).server.rst()
    flows = played(p)
    assert drawn(flows) == expected(
        """
                                CLOSED?      CLOSED?
     0 > SYN      0   -   0     SYN_SENT     CLOSED?
    40 < RST,ACK  1   1   0     CLOSED       CLOSED
"""
    )
    assert words(only(flows)) == ("refused", "reset", "server", "REJ", "Sr", ())
    assert only(flows).handshake_why == "refused"


def test_filtered() -> None:
    p = Playbook()
    for at in (0, 1000, 3000, 7000):
        p.at(at).client.syn()
    flows = played(p)
    assert drawn(flows) == expected(
        """
                                CLOSED?      UNKNOWN?
     0 > SYN      0   -   0     SYN_SENT     UNKNOWN?
     0 idle 1000                SYN_SENT     UNKNOWN?
  1000 > SYN      0   -   0     SYN_SENT     UNKNOWN?
  1000 idle 2000                SYN_SENT     UNKNOWN?
  3000 > SYN      0   -   0     SYN_SENT     UNKNOWN?
  3000 idle 4000                SYN_SENT     UNKNOWN?
  7000 > SYN      0   -   0     SYN_SENT     UNKNOWN?
"""
    )
    assert words(only(flows)) == ("no_synack", "none", None, "S0", "S", ("syn_repeated",))
    assert only(flows).handshake_why == "filtered"


def test_given_up_by_the_client_itself() -> None:
    p = Playbook()
    p.client.syn()
    p.at(30).emit(Segment("client", 0, b"", "R"))
    flows = played(p)
    assert drawn(flows) == expected(
        """
                                CLOSED?      UNKNOWN?
     0 > SYN      0   -   0     SYN_SENT     UNKNOWN?
    30 > RST      1   -   0     CLOSED       UNKNOWN?
"""
    )
    assert only(flows).conn_state == "RSTOS0"


def test_fast_open_with_data_in_the_syn() -> None:  # RFC 7413 section 3
    p = Playbook()
    p.client.syn(b"x" * 20)
    p.at(40).server.syn()
    p.at(40).server.send(b"y" * 30)  # before the handshake is complete
    p.at(41).client.ack()
    flows = played(p)
    assert drawn(flows) == expected(
        """
                                CLOSED?      LISTEN?
     0 > SYN      0   -  20     SYN_SENT     LISTEN?
    40 < SYN,ACK  0  21   0     SYN_SENT     SYN_RCVD
    40 < PSH,ACK  1  21  30     SYN_SENT     SYN_RCVD
    41 > ACK     21  31   0     ESTABLISHED  ESTABLISHED
"""
    )
    row = only(flows)
    assert (row.handshake, row.client_unique_bytes, row.server_unique_bytes) == ("complete", 20, 30)
    assert row.deviations == ("data_with_syn", "unclosed")


def test_open_before_the_capture_began() -> None:
    p = Playbook()
    p.recording = False
    p.handshake()
    p.recording = True
    p.at(50).client.send(b"x" * 10)
    p.at(90).server.send(b"y" * 20)
    p.at(90).client.ack()
    p.at(100).close(by="server")
    flows = played(p)
    assert drawn(flows) == expected(
        """
                                ESTABLISHED? ESTABLISHED?
     0 > PSH,ACK  1   1  10     ESTABLISHED  ESTABLISHED?
    40 < PSH,ACK  1  11  20     ESTABLISHED  ESTABLISHED
    40 > ACK     11  21   0     ESTABLISHED  ESTABLISHED
    50 < FIN,ACK 21  11   0     ESTABLISHED  FIN_WAIT_1
    90 > ACK     11  22   0     CLOSE_WAIT   FIN_WAIT_2
    90 > FIN,ACK 11  22   0     LAST_ACK     FIN_WAIT_2
    90 < ACK     22  12   0     CLOSED       TIME_WAIT?
"""
    )
    assert words(only(flows)) == ("midstream", "four_way", "server", "OTH", "DdAfFa", ())


def test_the_synack_was_not_recorded() -> None:
    p = Playbook()
    p.client.syn()
    p.at(40).server.syn(captured=False)
    p.at(40).client.ack()
    p.at(50).client.send(b"x" * 5)
    p.at(90).server.ack()
    flows = played(p)
    assert text(climb(only(flows), flows.segments, {})) == expected(
        """
                                CLOSED?      LISTEN?
     0 > SYN      0   -   0     SYN_SENT     LISTEN?
    40 > ACK      1   1   0     ESTABLISHED  ESTABLISHED?
    50 > PSH,ACK  1   1   5     ESTABLISHED  ESTABLISHED?
    90 < ACK      1   6   0     ESTABLISHED  ESTABLISHED
"""
    )


ONE_PACKET = [
    ("S", "CLOSED? UNKNOWN?", "SYN 0 - 0 SYN_SENT UNKNOWN?", "S0"),
    ("A", "ESTABLISHED? UNKNOWN?", "ACK 1 1 0 ESTABLISHED UNKNOWN?", "OTH"),
    ("PA", "ESTABLISHED? UNKNOWN?", "PSH,ACK 1 1 0 ESTABLISHED UNKNOWN?", "OTH"),
    ("FA", "ESTABLISHED? UNKNOWN?", "FIN,ACK 1 1 0 FIN_WAIT_1 UNKNOWN?", "OTH"),
    ("R", "ESTABLISHED? UNKNOWN?", "RST 1 - 0 CLOSED UNKNOWN?", "OTH"),
]


@pytest.mark.parametrize(("flags", "before", "line", "conn_state"), ONE_PACKET)
def test_one_packet(flags: str, before: str, line: str, conn_state: str) -> None:
    p = Playbook()
    p.server.syn_sent = flags != "S"
    p.client.syn(flags=flags)
    flows = played(p)
    assert drawn(flows) == [before, f"0 > {line}"]
    assert only(flows).conn_state == conn_state


def test_one_synack_alone() -> None:
    p = Playbook()
    p.client.syn_sent = True
    p.server.syn()
    flows = played(p)
    assert drawn(flows) == ["UNKNOWN? LISTEN?", "0 < SYN,ACK 0 1 0 UNKNOWN? SYN_RCVD"]


def ladder_of(lines: str, stream: int = 0) -> list[str]:
    return drawn(followed(packets_of(script(lines))), stream)


def test_half_open_connection_found() -> None:
    """RFC 9293 figure 9: the client resets the old connection and stays in SYN-SENT."""
    assert ladder_of("""
C S    0     0   0  5000  @0
S A -100  -300   0  5000  @10
C R -300     0   0     0  @11
C S    0     0   0  5000  @100
S SA   0     1   0  5000  @110
C A    1     1   0  5000  @111
""") == expected("""
                                CLOSED?      LISTEN?
     0 > SYN      0   -   0     SYN_SENT     LISTEN?
    10 < ACK   -100 -300  0     SYN_SENT     LISTEN?
    11 > RST   -300   -   0     SYN_SENT?    LISTEN?
   100 > SYN      0   -   0     SYN_SENT     LISTEN?
   110 < SYN,ACK  0   1   0     SYN_SENT     SYN_RCVD
   111 > ACK      1   1   0     ESTABLISHED  ESTABLISHED
""")


def test_an_ack_of_an_older_connection_alone_leaves_the_server_unknown() -> None:
    assert ladder_of("C S 0 0 0 500 @0\nS A -100 -300 0 500 @10") == expected("""
                                CLOSED?      UNKNOWN?
     0 > SYN      0   -   0     SYN_SENT     UNKNOWN?
    10 < ACK      1 -300  0     SYN_SENT     UNKNOWN?
""")


def test_an_ack_of_what_was_never_sent_does_not_open_the_server() -> None:
    """A number far beyond everything (as in a scan), and one that the server resets (RFC 9293 section 3.10.7.4)."""
    opened_by = "C S 0 0 0 500 @0\nS SA 0 1 0 500 @10\n"
    last = ladder_of(opened_by + "C R 1 0 0 0 @11\nC A 1 1767847797 100 500 @20")[-1]
    assert last == "20 > ACK 1 1767847797 100 CLOSED? LISTEN"
    assert ladder_of(opened_by + "C A 1 500000 0 500 @11")[-1] == "11 > ACK 1 500000 0 ESTABLISHED ESTABLISHED"
    assert ladder_of(opened_by + "C A 1 500000 0 500 @11\nS R 500000 0 0 0 @20")[-2:] == expected("""
    11 > ACK      1   500000     0   SYN_SENT  SYN_RCVD
    20 < RST      500000   -     0   CLOSED  CLOSED
""")


@pytest.mark.parametrize(
    ("lines", "ends"),
    [
        ("C S 0 0 0 5 @0\nS RA 0 1 0 0 @1\nC S 0 0 0 5 @2", "SYN_SENT CLOSED"),  # tried again, nothing came yet
        ("C S 0 0 0 5 @0\nS RA 0 1 0 0 @1\nC S 0 0 0 5 @2\nS RA 0 1 0 0 @3", "CLOSED CLOSED"),
        ("C S 0 0 0 5 @0\nS SA 0 1 0 5 @1\nC R 1 0 0 0 @2\nC S 0 0 0 5 @3\nS SA 0 1 0 5 @4", "SYN_SENT? SYN_RCVD"),
        ("C S 0 0 0 5 @0\nS PA 1 1 9 5 @1", "ESTABLISHED? ESTABLISHED"),  # the SYN/ACK was not captured
        ("C S 0 0 0 5 @0\nS SRA 0 1 0 5 @1", "CLOSED CLOSED"),
        # The client never shows that the server's FIN reached it, however often that is repeated.
        (
            "C S 0 0 0 5 @0\nS SA 0 1 0 5 @1\nC A 1 1 0 5 @2\nC FA 1 1 0 5 @3\nS FA 1 1 0 5 @4\nS A 2 2 0 5 @5\n"
            "S FA 1 2 0 5 @300\nS FA 1 2 0 5 @900",
            "FIN_WAIT_2 CLOSING",
        ),
    ],
)
def test_ladder_and_columns_end_alike(lines: str, ends: str) -> None:
    last = ladder_of(lines)[-1]
    assert [state.removesuffix("?") for state in last.split()[-2:]] == [s.removesuffix("?") for s in ends.split()]

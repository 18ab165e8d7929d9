"""Which SYN was answered, where several were sent: a lost SYN or a slow answer, with the times worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.flows import quality
from analyzer.flows.build import follow
from analyzer.options import Options
from tests.flows.script import followed
from tests.flows.talk import flows_of, row_of, talk

SLOW = """
    C S   0   0   0  @0
    C S   0   0   0  @1000
    S SA  0   1   0  @1200
    C A   1   1   0  @1200.1
    S SA  0   1   0  @2200               # as long after the other one as the SYNs were apart
    C A   1   1   0  @2200.1
"""
"""A path of 1.2 s without any loss: the server answers each SYN."""


def loss(text: str) -> tuple[float | None, float | None]:
    """Return what SYNs that were lost cost, and the time from the answered one to its SYN/ACK."""
    row = row_of(text)
    return row.syn_loss_ms, row.server_leg_ms


@pytest.mark.parametrize(
    ("echo", "expected"),
    [
        (100, (0, 3240)),  # the first one
        (1100, (1000, 2240)),
        (3100, (3000, 240)),  # the last one
        (77, (3000, 240)),  # none of them: nobody knows better
    ],
)
def test_the_echoed_timestamp_tells_which(echo: int, expected: tuple[float, float]) -> None:
    text = f"""
        C S   0   0   0  @0    ts=100/0
        C S   0   0   0  @1000 ts=1100/0
        C S   0   0   0  @3000 ts=3100/0
        S SA  0   1   0  @3240 ts=900/{echo}
        C A   1   1   0  @3241 ts=3341/900
    """
    assert loss(text) == expected
    flows = flows_of(talk(text))
    assert quality._part_of(flows.segments, 0).legs[0, 0] == expected[1] * 1e6  # what graphs take is the same


def test_a_server_without_timestamps_tells_nothing() -> None:
    text = """
        C S   0   0   0  @0    ts=100/0
        C S   0   0   0  @1000 ts=1100/0
        S SA  0   1   0  @1040
        C A   1   1   0  @1041
    """
    assert loss(text) == (1000, 40)


def test_each_syn_was_answered_with_the_pause_of_the_syns() -> None:
    assert loss(SLOW) == (0, 1200)
    assert loss(SLOW.replace("@2200 ", "@2207 ")) == (0, 1200)  # a path of seconds wavers
    assert loss(SLOW.replace("@2200 ", "@2080 ")) == (1000, 200)  # some timer of the server's


def test_a_path_that_proves_quick_is_not_that_slow() -> None:
    """The SYN was lost, and the ACK of the SYN/ACK: both sides' timers run for a second. The path takes 200 ms."""
    quick = SLOW + "C PA 1 1 100 @2300\nS A 1 101 0 @2500"
    assert loss(quick) == (1000, 200)
    assert loss(quick.replace("@2500", "@3500")) == (0, 1200)


def test_answers_at_once_are_answers_to_several_syns() -> None:
    text = """
        C S   0   0   0  @0
        C S   0   0   0  @1000
        S SA  0   1   0  @1240
        S SA  0   1   0  @1242.7
        C A   1   1   0  @1243
    """
    assert loss(text) == (0, 1240)
    three = text.replace("C S   0   0   0  @1000", "C S   0   0   0  @1000\nC S   0   0   0  @1100")
    assert loss(three) == (1000, 240)  # two of the three arrived
    assert loss(three.replace("C A ", "S SA 0 1 0 @1242.9 id=3\nS SA 0 1 0 @1244 id=4\nC A ")) == (0, 1240)


def test_one_answer_is_enough_for_the_last_syn() -> None:
    assert loss("C S 0 0 0 @0\nC S 0 0 0 @1000\nS SA 0 1 0 @1040\nC A 1 1 0 @1040.1") == (1000, 40)


def test_a_later_syn_may_be_what_the_second_answer_is_for() -> None:
    """Recorded at the server, where the first SYN was lost."""
    text = """
        C S   0   0   0  @0
        C S   0   0   0  @1000
        S SA  0   1   0  @1001
        C S   0   0   0  @1100
        S SA  0   1   0  @1101
        C A   1   1   0  @1200
    """
    assert loss(text) == (1000, 1)


def test_an_answer_recorded_twice_is_one() -> None:
    text = """
        C S   0   0   0  @0     id=1
        C S   0   0   0  @1000  id=2
        S SA  0   1   0  @1040  id=7
        S SA  0   1   0  @1040.1 id=7
        C A   1   1   0  @1041  id=3
    """
    assert loss(text) == (1000, 40)


def test_a_syn_recorded_twice_costs_nothing() -> None:
    assert loss("C S 0 0 0 @0 id=1\nC S 0 0 0 @0.1 id=1\nS SA 0 1 0 @40\nC A 1 1 0 @41") == (0, 40)


def test_several_connections_at_once() -> None:
    said = [talk(SLOW), talk(SLOW.replace("@2200 ", "@2080 ")), talk("C S 0 0 0 @0\nS SA 0 1 0 @5"), talk(SLOW)]
    packets = sorted(line.packet(port=4000 + k) for k, lines in enumerate(said) for line in lines)
    columns = followed(packets).connections.columns
    assert columns["syn_loss_ms"].tolist() == [0, 1000, 0, 0]
    assert columns["server_leg_ms"].tolist() == [1200, 200, 5, 1200]


ECHOED = """
    C S   0   0   0  @0     ts=100/0
    C S   0   0   0  @1000  ts=1100/0
    S SA  0   1   0  @1240  ts=900/100
    S SA  0   1   0  @1242  ts=902/100
    C A   1   1   0  @1241  ts=1341/900
    C PA  1   1 100  @1300  ts=1400/900
    S A   1 101   0  {acked} ts=999/1400
"""
"""The server keeps the first SYN's timestamp for all SYN/ACKs, be the first of them lost or be it on its way."""


def test_an_echo_is_believed_as_far_as_the_path_is_that_slow() -> None:
    assert loss(ECHOED.format(acked="@2540")) == (0, 1240)
    assert loss(ECHOED.format(acked="@1542")) == (1000, 240)  # the SYN/ACK was lost: both sides' timers ran
    alone = "\n".join(line for line in ECHOED.splitlines() if "@1242" not in line)
    assert loss(alone.format(acked="@1542")) == (1000, 240)


def test_a_lost_answer_seen_in_a_capture(shared_captures: Path) -> None:
    """SYNs in frames 124 and 233 (TSval 693692079 and 1000 later); the SYN/ACK in frame 252 echoes the first.

    All other round trips of the capture take 250 ms: the server's first SYN/ACK was lost, and the client waited.
    """
    path = shared_captures / "mixed/packets-freepp_ios_V3.7.15.413_boce_login.pcap"
    row = follow(decode(open_capture(str(path), Options()), Options())).connections.row(7)
    assert row.syn_frames == (124, 233)
    assert row.syn_loss_ms == pytest.approx(1000, abs=5)
    assert row.server_leg_ms == pytest.approx(240, abs=5)

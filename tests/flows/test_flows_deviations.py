"""Each deviation scripted where it happens and where it nearly does, with the frames that prove it, by hand."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.flows.build import Flows, follow
from analyzer.flows.deviations import MAX_FRAMES, Deviation, details, handshake_acks, stray_acks
from analyzer.flows.model import DEVIATIONS, HANDSHAKE_WHYS
from analyzer.options import Options
from analyzer.tcp_words import deviation
from tests import build
from tests.conftest import SAMPLES
from tests.flows.script import MS, START, followed, packets_of, script
from tests.flows.test_flows_hostile import segments as any_segment

OPEN = """
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @40
C A    1   1   0  5000  @40
"""
CLOSE = """
C FA   1   1   0  5000  @100
S A    1   2   0  5000  @140
S FA   1   2   0  5000  @200
C A    2   2   0  5000  @201
"""


def of(text: str) -> tuple[tuple[str, ...], str | None, list[Deviation]]:
    """Return the deviations of a script's connection, why nobody agreed, and the proof."""
    flows = followed(packets_of(script(text)))
    row = flows.connections.row(0)
    return row.deviations, row.handshake_why, list(details(row, flows.segments, flows.connections))


def codes(text: str) -> tuple[str, ...]:
    return of(text)[0]


def proof(text: str, code: str) -> list[Deviation]:
    return [d for d in of(text)[2] if d.code == code]


def test_an_ordinary_connection_has_none() -> None:
    """RFC 9293 figures 6 and 12: three segments open, four close."""
    text = """
C PA   1   1 100  5000  @50
S PA   1 101 200  5000  @90
C A  101 201   0  5000  @91
C FA 101 201   0  5000  @100
S A  201 102   0  5000  @140
S FA 201 102   0  5000  @200
C A  102 202   0  5000  @201
"""
    assert of(OPEN + text) == ((), None, [])


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_syn_repeated() -> None:
    text = """
C S    0   0   0  5000  @0
C S    0   0   0  5000  @1000
C S    0   0   0  5000  @3000
S SA   0   1   0  5000  @3040
C A    1   1   0  5000  @3041
"""
    assert codes(text + CLOSE.replace("@", "@9")) == ("syn_repeated",)  # 9 seconds later
    (found,) = proof(text, "syn_repeated")
    assert found.frames == (1, 2, 3)
    assert (found.args["who"], found.args["times"], found.args["over_ms"]) == ("client", 3, 3000.0)


def test_a_syn_recorded_twice_is_not_repeated() -> None:
    copied = packets_of(script("C S 0 0 0 5000 @0\nS SA 0 1 0 5000 @40\nC A 1 1 0 5000 @41"))
    time, packet = copied[0]
    flows = followed([copied[0], (time + 20_000, packet), *copied[1:]])
    assert flows.connections.row(0).deviations == ("unclosed",)


def test_a_synack_seen_again_within_a_millisecond_is_a_copy() -> None:
    """Many hosts number their SYN/ACKs 0, so nothing but the time tells a copy from a repetition."""
    for gap, expected in ((0.9, ("unclosed",)), (1.1, ("synack_repeated", "unclosed"))):
        text = f"C S 0 0 0 500 @0\nS SA 0 1 0 500 @40\nS SA 0 1 0 500 @{40 + gap}\nC A 1 1 0 500 @42"
        assert codes(text) == expected


def test_synack_repeated() -> None:
    text = """
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @1
S SA   0   1   0  5000  @1001
C A    1   1   0  5000  @1041
"""
    assert codes(text) == ("synack_repeated", "unclosed")
    (found,) = proof(text, "synack_repeated")
    assert (found.frames, found.args["who"], found.args["times"]) == ((2, 3), "server", 2)
    assert found.args["over_ms"] == 1000.0


def variants(text: str, code: str) -> list[tuple[object, tuple[int, ...], object]]:
    return [(d.args["variant"], d.frames, d.args["frame"]) for d in proof(text, code)]


TRY = "C S 0 0 0 500 @0\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TRY + "C S 0 0 0 500 @1000", [("unanswered", (1, 2), 2)]),
        (TRY + "S RA 0 1 0 0 @1\nC S 0 0 0 500 @500", [("refused", (1, 3), 2)]),
        (
            TRY + "S RA 0 1 0 0 @1\nC S 0 0 0 5 @500\nS SA 0 1 0 5 @501\nC A 1 1 0 5 @502",
            [("refused", (1, 3), 2)],
        ),
        (TRY + "C S 0 0 0 500 @1000\nS RA 0 1 0 0 @1001", [("", (1, 2), 2)]),  # refused only after it
        (TRY + "S A -9 -300 0 500 @1\nC R -300 0 0 0 @2\nC S 0 0 0 500 @1000", [("old", (1, 4), 2)]),
        (TRY + "S SA 0 1 0 500 @1\nC R 1 0 0 0 @2\nC S 0 0 0 500 @30", [("reset", (1, 4), 3)]),
        (OPEN + CLOSE + "C S 0 0 0 500 @999", [("closed", (1, 8), 7)]),
        # lost first, refused then
        (
            TRY + "C S 0 0 0 500 @1000\nS RA 0 1 0 0 @1001\nC S 0 0 0 500 @2000",
            [("refused", (1, 4), 3), ("", (1, 2), 2)],
        ),
    ],
)
def test_why_a_syn_is_sent_again(text: str, expected: list[tuple[object, tuple[int, ...], object]]) -> None:
    assert variants(text, "syn_repeated") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # two SYNs arrive late, each is answered
        ("C S 0 0 0 5 @1000\nS SA 0 1 0 5 @1200\nC A 1 1 0 5 @1201\nS SA 0 1 0 5 @2200", ("each", (3, 5), 5)),
        ("S SA 0 1 0 5 @1\nS SA 0 1 0 5 @9", ("soon", (2, 3), 3)),
        ("S SA 0 1 0 5 @1\nC A 1 1 0 5 @2\nS SA 0 1 0 5 @1001", ("acked", (2, 4), 3)),
        ("S SA 0 1 0 5 @1\nS SA 0 1 0 5 @1001\nC A 1 1 0 5 @1002", ("", (2, 3), 3)),
    ],
)
def test_why_a_synack_is_sent_again(text: str, expected: tuple[object, tuple[int, ...], object]) -> None:
    assert variants(TRY + text, "synack_repeated") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 4.4BSD keeps the bit on in FIN-WAIT-1: the ACK of the other side's FIN has it again
        ("C FA 1 1 0 5 @20\nS FA 1 1 0 5 @24\nC FA 1 2 0 5 @24.1\nS A 2 2 0 5 @28", [("ack", (4, 6), 6)]),
        ("C FA 1 1 0 5 @20\nS A 1 2 0 5 @24\nS FA 1 2 0 5 @25\nC FA 1 2 0 5 @25.1", [("ack", (4, 7), 7)]),
        (
            "C FA 1 1 0 5 @20\nS PA 1 1 9 5 @24\nC FA 1 10 0 5 @25\nS PA 10 1 9 5 @26\nC FA 1 19 0 5 @27",
            [("acks", (4, 6, 8), 6)],
        ),
        ("C FA 1 1 0 5 @20\nS A 1 2 0 5 @24\nC FA 1 1 0 5 @220", [("acked", (4, 6), 5)]),
        # it had acknowledged that FIN before, without the bit: this one is sent again
        ("C FA 1 1 0 5 @20\nS FA 1 1 0 5 @24\nC A 2 2 0 5 @24.1\nC FA 1 2 0 5 @224", [("", (4, 7), 7)]),
        # rides first, then for want of an acknowledgement
        (
            "C FA 1 1 0 5 @20\nS FA 1 1 0 5 @24\nC FA 1 2 0 5 @24.1\nC FA 1 2 0 5 @224\nC FA 1 2 0 5 @624",
            [("ack", (4, 6), 6), ("", (4, 7, 8), 7)],
        ),
    ],
)
def test_why_a_fin_is_sent_again(text: str, expected: list[tuple[object, tuple[int, ...], object]]) -> None:
    assert variants(OPEN.replace("@40", "@4") + text, "fin_repeated") == expected


def test_an_ack_of_what_was_never_sent_opens_nothing() -> None:
    """The server resets it with its own number (RFC 9293 section 3.10.7.4): no connection is cut off."""
    assert codes("C S 0 0 0 500 @0\nS SA 0 1 0 500 @10\nC A 1 500000 0 500 @11\nS R 500000 0 0 0 @20") == ()


def test_stray_acks() -> None:
    flows = followed(packets_of(script("C S 0 0 0 5 @0\nS A -9 -300 0 5 @1\nC S 0 0 0 5 @2\nS A -9 -300 0 5 @3")))
    row = flows.connections.row(0)
    assert (stray_acks(row, flows.segments, "server"), stray_acks(row, flows.segments, "client")) == ((2, 4), ())


def test_simultaneous_open() -> None:
    """RFC 9293 figure 7: the SYNs cross; each side answers by SYN/ACK."""
    text = """
C S    0   0   0  5000  @0
S S    0   0   0  4000  @5
C SA   0   1   0  5000  @10
S SA   0   1   0  4000  @15
"""
    assert "simultaneous_open" in codes(text)
    (found,) = proof(text, "simultaneous_open")
    assert found.frames[:4] == (1, 2, 3, 4)
    assert "frames 1 and 2" in deviation(found.code, found.args)


@pytest.mark.parametrize(
    "answer",
    [
        "C SA 0 1 0 5000 @21\nS A 1 1 0 4000 @41",  # as a client does that has no other rule
        "S A 1 1 0 4000 @20.1\nC A 1 1 0 5000 @21",  # four plain steps: SYN, SYN, ACK, ACK
    ],
)
def test_split_handshake(answer: str) -> None:
    text = f"C S 0 0 0 5000 @0\nS S 0 0 0 4000 @20\n{answer}\nC PA 1 1 9 5000 @50"
    assert codes(text) == ("split_handshake", "unclosed")
    (found,) = proof(text, "split_handshake")
    assert found.args["answer_frame"] == 2


@pytest.mark.parametrize(
    ("answer", "variant"),
    [
        ("S SA 0 101 0 5000 @40", "plain"),  # takes them
        ("S SA 0   1 0 5000 @40", "left"),
        ("", "unanswered"),
    ],
)
def test_data_with_syn(answer: str, variant: str) -> None:
    text = f"C S 0 0 100 5000 @0\n{answer}"
    assert codes(text) == ("data_with_syn",)
    (found,) = proof(text, "data_with_syn")
    assert (found.args["variant"], found.args["data_bytes"], found.args["who"]) == (variant, 100, "client")
    assert found.frames == ((1, 2) if answer else (1,))


def test_data_with_syn_ack() -> None:
    text = "C S 0 0 0 5000 @0\nS SA 0 1 50 5000 @40\nC A 1 51 0 5000 @41"
    assert codes(text) == ("data_with_syn", "unclosed")
    (found,) = proof(text, "data_with_syn")
    assert (found.frames, found.args["flags"], found.args["taken"]) == ((2, 3), "SYN/ACK", True)


# ── ports used again ─────────────────────────────────────────────────────────────────────────────────────────────


def reopened(first: str, after_ms: float, *, turned: bool = False) -> Flows:
    """Run a connection, then open the same ports again some time after its last packet."""
    before = packets_of(script(first))
    time = before[-1][0] + round(after_ms * MS)
    if turned:
        syn = build.tcp(sport=80, dport=40000, seq=77, flags="S")
        return followed([*before, (time, build.eth(build.ip4(syn, src="10.0.0.2", dst="10.0.0.1")))])
    return followed([*before, (time, packets_of(script("C S 0 0 0 5000 @0"), isn=(9_000_000, 1))[0][1])])


def again(flows: Flows) -> tuple[str, ...]:
    return flows.connections.row(1).deviations


def test_time_wait_reused() -> None:
    flows = reopened(OPEN + CLOSE, 2000)
    assert again(flows) == ("time_wait_reused",)
    row = flows.connections.row(1)
    (found,) = details(row, flows.segments, flows.connections)
    assert found.frames == (7, 8)
    assert found.args == {"variant": "known", "previous": 0, "who": "client", "after_ms": 2000.0}
    (short,) = details(row, flows.segments)
    assert (short.frames, short.args) == ((8,), {})
    assert flows.connections.columns["previous_stream"].tolist() == [-1, 0]


def test_time_wait_is_counted_from_the_close_up_to_four_minutes() -> None:
    assert again(reopened(OPEN + CLOSE, 239_999)) == ("time_wait_reused",)
    assert again(reopened(OPEN + CLOSE, 240_000)) == ()


def test_time_wait_of_the_server_and_roles_that_changed() -> None:
    by_server = OPEN + CLOSE.replace("S", "x").replace("C", "S").replace("x", "C")
    flows = reopened(by_server, 10)
    assert details(flows.connections.row(1), flows.segments, flows.connections)[0].args["who"] == "server"
    flows = reopened(by_server, 10, turned=True)  # the server of then is the client of now
    row = flows.connections.row(1)
    assert (row.client, row.deviations) == ("10.0.0.2", ("time_wait_reused",))
    assert details(row, flows.segments, flows.connections)[0].args["who"] == "client"


@pytest.mark.parametrize(
    "first",
    [
        OPEN,  # still open
        OPEN + "C RA 1 1 0 0 @100",  # reset
        OPEN + "C FA 1 1 0 5000 @100\nS A 1 2 0 5000 @140",  # half closed
        OPEN + CLOSE + "S R 2 0 0 0 @210",  # TIME_WAIT cut short by a reset (RFC 1337)
        "C S 0 0 0 5000 @0\nS RA 0 1 0 0 @1",  # refused
    ],
)
def test_ports_used_again_without_time_wait(first: str) -> None:
    assert "time_wait_reused" not in again(reopened(first, 1000))


def test_the_previous_connection_is_the_last_on_these_ports() -> None:
    """Three connections on one pair of ports and another between them in the file."""
    packets = []
    for k in range(3):
        packets += [(t + k * 1000 * MS, p) for t, p in packets_of(script(OPEN + CLOSE), isn=(1000 * k, 2000 * k))]
        packets += [(packets[-1][0] + 1, packets_of(script("C S 0 0 0 5 @0"), client_port=50000 + k)[0][1])]
    flows = followed(packets)
    assert flows.connections.columns["previous_stream"].tolist() == [-1, -1, 0, -1, 2, -1]
    assert [("time_wait_reused" in flows.connections.row(s).deviations) for s in range(6)] == [
        *(False, False, True, False, True, False)
    ]


# ── closing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_fin_with_ack() -> None:
    text = OPEN + "C FA 1 1 0 500 @100\nS FA 1 2 0 500 @140\nC A 2 2 0 500 @141"
    assert codes(text) == ("fin_with_ack",)
    (found,) = proof(text, "fin_with_ack")
    assert (found.frames, found.args["who"], found.args["other"]) == ((4, 5, 6), "client", "server")
    assert deviation(found.code, found.args) == (
        "Three packets close it, because the server's FIN and ACK travelled together (frame 5)."
    )


def test_simultaneous_close() -> None:
    """RFC 9293 figure 13."""
    text = OPEN + "C FA 1 1 0 500 @100\nS FA 1 1 0 500 @101\nC A 2 2 0 500 @102\nS A 2 2 0 500 @140"
    assert codes(text) == ("simultaneous_close",)
    (found,) = proof(text, "simultaneous_close")
    assert found.frames == (4, 5, 6, 7)


HALF = OPEN + "C FA 1 1 0 500 @100\nS A 1 2 0 500 @140\n"


def test_data_after_fin() -> None:
    text = HALF + "S PA 1 2 300 500 @150\nS PA 301 2 200 500 @151\nC A 2 501 0 500 @152"
    assert codes(text) == ("data_after_fin", "unclosed")
    (found,) = proof(text, "data_after_fin")
    assert (found.frames, found.args["data_bytes"], found.args["segments"]) == ((4, 5, 6, 7), 500, 2)
    assert (found.args["who"], found.args["other"], found.args["over_ms"]) == ("client", "server", 51.0)


def test_data_on_the_very_acknowledgement_of_the_fin_comes_after_it() -> None:
    text = OPEN + "C FA 1 1 0 500 @100\nS PA 1 2 300 500 @140\nC A 2 301 0 500 @141"
    assert codes(text) == ("data_after_fin", "unclosed")
    assert proof(text, "data_after_fin")[0].frames == (4, 5)


@pytest.mark.parametrize(
    "text",
    [
        OPEN + "C FA 1 1 0 500 @100\nS PA 1 1 300 500 @101\nC A 2 301 0 500 @102\nS A 301 2 0 500 @140",  # crossed
        OPEN + "S PA 1 1 9 500 @60\nC FA 1 1 0 500 @100\nS A 10 2 0 500 @140\nS PA 1 2 9 500 @400",  # sent again
    ],
)
def test_data_sent_before_the_fin_was_known_is_none_after_it(text: str) -> None:
    assert "data_after_fin" not in codes(text)


def test_fin_repeated() -> None:
    text = OPEN + "C FA 1 1 0 500 @100\nC FA 1 1 0 500 @400\nC FA 1 1 0 500 @1000"
    assert codes(text) == ("fin_repeated", "unclosed")
    (found,) = proof(text, "fin_repeated")
    assert (found.frames, found.args["times"], found.args["over_ms"]) == ((4, 5, 6), 3, 900.0)


def test_a_fin_sent_again_with_the_data_before_it() -> None:
    text = OPEN + "C PA 1 1 50 500 @90\nC FA 51 1 0 500 @100\nC FPA 1 1 50 500 @400\nS A 1 52 0 500 @440"
    assert [d.frames for d in proof(text, "fin_repeated")] == [(5, 6)]


def test_both_sides_repeat_their_fin() -> None:
    text = HALF + "S FA 1 2 0 500 @150\nC FA 1 1 0 500 @300\nS FA 1 2 0 500 @350\nC A 2 2 0 500 @360"
    assert [(d.args["who"], d.frames) for d in proof(text, "fin_repeated")] == [("client", (4, 7)), ("server", (6, 8))]


def test_rst_instead_of_fin() -> None:
    text = OPEN + "C RA 1 1 0 0 @500"
    assert codes(text) == ("rst_instead_of_fin",)
    (found,) = proof(text, "rst_instead_of_fin")
    assert (found.frames, found.args["who"], found.args["variant"]) == ((4,), "client", "")


def test_a_reset_that_answers_the_other_sides_fin() -> None:
    text = HALF + "S RA 1 2 0 0 @150"
    assert codes(text) == ("rst_instead_of_fin",)
    (found,) = proof(text, "rst_instead_of_fin")
    assert (found.frames, found.args["who"], found.args["variant"]) == ((4, 6), "server", "answer")


@pytest.mark.parametrize(
    "text",
    [
        "C S 0 0 0 500 @0\nS RA 0 1 0 0 @1",  # refused
        "C S 0 0 0 500 @0\nS SA 0 1 0 500 @1\nC R 1 0 0 0 @2",  # a scan: never open
        "C S 0 0 0 500 @0\nC R 1 0 0 0 @2",
        "S R 1 0 0 0 @0",  # to what, nobody knows
        "C A 1 1 0 500 @0\nS R 1 0 0 0 @1",  # of the server nothing else was seen; its FIN may be before the capture
        OPEN + "S PA 1 1 9 500 @50\nS FA 10 1 0 500 @60\nS R 11 0 0 0 @61",  # after its FIN
    ],
)
def test_a_reset_of_another_kind(text: str) -> None:
    assert "rst_instead_of_fin" not in codes(text)


def test_a_reset_in_the_middle_of_what_was_open_before_the_capture() -> None:
    assert codes("C PA 1 1 9 500 @0\nS A 1 10 0 500 @1\nS R 1 0 0 0 @2") == ("rst_instead_of_fin",)


@pytest.mark.parametrize(
    ("text", "frames", "variant", "after_ms"),
    [
        (HALF + "C R 2 0 0 0 @160", (4, 6), "", 60.0),
        (OPEN + CLOSE + "C R 2 0 0 0 @205", (4, 8), "closed", 105.0),
    ],
)
def test_rst_after_fin(text: str, frames: tuple[int, ...], variant: str, after_ms: float) -> None:
    assert "rst_after_fin" in codes(text)
    (found,) = proof(text, "rst_after_fin")
    assert (found.frames, found.args["variant"], found.args["after_ms"]) == (frames, variant, after_ms)


def test_a_reset_before_its_own_fin_is_not_after_it() -> None:
    assert codes(OPEN + "C R 1 1 0 0 @100\nC FA 1 1 0 500 @101") == ("rst_instead_of_fin",)


@pytest.mark.parametrize(
    ("text", "variant", "frames"),
    [
        (OPEN, "", (3,)),
        (HALF, "half", (4, 5)),
        ("C PA 1 1 9 500 @0\nS A 1 10 0 500 @1", "", (2,)),
    ],
)
def test_unclosed(text: str, variant: str, frames: tuple[int, ...]) -> None:
    assert codes(text) == ("unclosed",)
    (found,) = proof(text, "unclosed")
    assert (found.args["variant"], found.frames) == (variant, frames)


@pytest.mark.parametrize(
    "text",
    [
        "C S 0 0 0 500 @0",
        "C S 0 0 0 500 @0\nS SA 0 1 0 500 @1",  # never open
        "C S 0 0 0 500 @0\nS A 1 500 0 500 @1",  # an ACK that is no answer to the SYN (RFC 5961)
        "C S 0 0 0 500 @0\nS RA 0 1 0 0 @1",
        OPEN + CLOSE,
        OPEN + "C FA 1 1 0 500 @100\nS FA 1 2 0 500 @140",  # both are done, only the last ACK is missing
        "C S 0 0 0 500 @0\nC A 1 1 0 500 @1\nC FA 1 1 0 500 @2\nC A 2 2 0 500 @3",  # one side recorded
    ],
)
def test_not_unclosed(text: str) -> None:
    assert "unclosed" not in codes(text)


# ── why nobody agreed ────────────────────────────────────────────────────────────────────────────────────────────

LATER = build.eth(build.ip4(build.tcp(sport=5, dport=6, flags="A", seq=9)))


@pytest.mark.parametrize(
    ("text", "end_ms", "why"),
    [
        ("C S 0 0 0 500 @0\nS RA 0 1 0 0 @1", 0, "refused"),
        ("C S 0 0 0 500 @0", 1000, "filtered"),
        ("C S 0 0 0 500 @0", 999, "capture_end"),
        ("C S 0 0 0 500 @0\nC S 0 0 0 500 @1000", 1900, "capture_end"),
        ("C S 0 0 0 500 @0\nC S 0 0 0 500 @1000", 2000, "filtered"),
        ("C S 0 0 0 500 @0\nC S 0 0 0 500 @1000\nC S 0 0 0 500 @3000", 3000, "filtered"),
        ("C S 0 0 0 500 @0\nC A 1 1 0 500 @40", 5000, "one_sided"),
        ("C S 0 0 0 500 @0\nC PA 1 1 9 500 @40", 40, "one_sided"),
        ("C S 0 0 0 500 @0\nC R 1 0 0 0 @40", 5000, "one_sided"),  # a SYN is taken back in silence
        ("C S 0 0 0 500 @0\nS SA 0 1 0 500 @1", 5000, None),
        ("C S 0 0 0 500 @0\nS A 1 500 0 500 @1", 5000, None),
        ("C S 0 0 0 500 @0\nC PA 1 1 9 500 @40\nS R 1 0 0 0 @80", 5000, None),  # the client had been answered
        ("C PA 1 1 9 500 @0", 5000, None),
        (OPEN, 5000, None),
    ],
)
def test_handshake_why(text: str, end_ms: float, why: str | None) -> None:
    packets = packets_of(script(text))
    flows = followed([*packets, (START + round(end_ms * MS), LATER)])
    assert flows.connections.row(0).handshake_why == why


def test_the_capture_goes_on_with_packets_of_any_kind() -> None:
    """Half a second after the SYN the TCP ends, three seconds after it the capture: time enough for an answer."""
    packets = packets_of(script("C S 0 0 0 500 @0"))
    flows = followed([*packets, (START + 3000 * MS, build.eth(build.ip4(build.udp(b"x"), proto=17)))])
    assert flows.connections.row(0).handshake_why == "filtered"


# ── all of them ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_frames_are_bounded_and_times_are_not() -> None:
    text = "\n".join(f"C S 0 0 0 500 @{k * 1000}" for k in range(200))
    (found,) = proof(text, "syn_repeated")
    assert (len(found.frames), found.args["times"]) == (MAX_FRAMES, 200)


def test_handshake_acks() -> None:
    flows = followed(packets_of(script(OPEN), isn=(2**32 - 1, 77)))
    assert handshake_acks(flows.connections.row(0), flows.segments) == {"client": (2, 0), "server": (3, 78)}
    one = followed(packets_of(script("C S 0 0 0 500 @0")))
    assert handshake_acks(one.connections.row(0), one.segments) == {}


def consistent(flows: Flows) -> None:
    """What is marked is proven, and nothing else; every sentence has all it needs."""
    for row in flows.connections.rows():
        found = details(row, flows.segments, flows.connections)
        assert {d.code for d in found} == set(row.deviations)
        assert tuple(dict.fromkeys(d.code for d in found)) == row.deviations
        for d in found:
            assert d.frames
            assert list(d.frames) == sorted(set(d.frames))
            assert deviation(d.code, d.args).endswith(".")


@settings(max_examples=150)
@given(st.lists(any_segment(), max_size=25))
def test_any_segments(packets: list[tuple[int, bytes]]) -> None:
    consistent(followed(packets))


LINES = st.lists(
    st.tuples(
        st.sampled_from("CS"),
        st.sampled_from(["S", "SA", "A", "A", "PA", "FA", "FA", "FPA", "R", "RA"]),
        st.integers(0, 4),
        st.integers(0, 4),
        st.sampled_from([0, 0, 1, 3]),
        st.sampled_from([0, 0.5, 10, 1500]),
    ),
    max_size=14,
)


@settings(max_examples=150)
@given(LINES, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(-(10**9), 10**9))
def test_numbers_and_clocks_do_not_matter(
    lines: list[tuple[str, str, int, int, int, float]], client_isn: int, server_isn: int, seconds: int
) -> None:
    """The same conversation with other initial numbers (through the wrap), or at another time, deviates the same."""
    at, text = 0.0, ""
    for side, flags, seq, ack, length, gap in lines:
        at += gap
        text += f"{side} {flags} {seq} {ack} {length} 500 @{at}\n"
    told = []
    for isn, shift in (((1000, 2000), 0), ((client_isn, server_isn), 0), ((1000, 2000), seconds)):
        packets = packets_of([line.shifted(shift) for line in script(text)], isn=isn)
        flows = followed(packets)
        consistent(flows)
        told.append([(row.deviations, row.handshake_why) for row in flows.connections.rows()])
    assert told[0] == told[1] == told[2]


def test_a_flood_stays_columns(tmp_path: Path) -> None:
    """200,000 clients, each a SYN; the last quarter is answered by a reset."""
    n = 200_000
    forth = bytearray(build.eth(build.ip4(build.tcp(flags="S", seq=1))))
    back = bytearray(build.eth(build.ip4(build.tcp(sport=80, dport=40000, ack=2, flags="RA"), dst="10.0.0.1")))
    out = bytearray(build.pcap_header(nanoseconds=True))
    for k in range(n):
        for packet, at in ((forth, 26), (back, 30))[: 2 if k >= 3 * n // 4 else 1]:
            packet[at : at + 4] = struct.pack(">I", 0x0B000000 + k)
            if packet is back:
                packet[26:30] = bytes((10, 0, 0, 2))
            out += struct.pack("<IIII", 100 + k // 100_000, k, len(packet), len(packet)) + packet
    path = tmp_path / "flood.pcap"
    path.write_bytes(out)
    c = follow(decode(open_capture(str(path), Options()), Options())).connections
    assert len(c) == n
    whys = np.bincount(c.columns["handshake_why"].astype(np.int64), minlength=len(HANDSHAKE_WHYS)).tolist()
    assert {why: count for why, count in zip(HANDSHAKE_WHYS, whys, strict=True) if count} == {
        "filtered": n // 2,
        "capture_end": n // 4,  # the second half comes within the last second
        "refused": n // 4,
    }
    assert not c.columns["deviations"].any()


SAMPLE_GROUPS = ("tcp", "http1")


def test_shared_captures_prove_what_they_mark(shared_captures: Path) -> None:
    seen: set[str] = set()
    for path in sorted(p for group in SAMPLE_GROUPS for p in (shared_captures / group).glob("*.pcap*")):
        if path.suffix == ".json" or path.stat().st_size > 300_000:
            continue
        flows = follow(decode(open_capture(str(path), Options()), Options()))
        if len(flows.connections) <= 500:
            consistent(flows)
            seen |= {code for row in flows.connections.rows() for code in row.deviations}
    assert seen <= set(DEVIATIONS)
    assert {"syn_repeated", "fin_with_ack", "simultaneous_close", "data_after_fin", "rst_after_fin"} <= seen


# Flags, of which segments, and by what a repetition is known: where it begins, or (a FIN) where it ends.
REPEATED = (("syn_repeated", 0x16, 0x02, 0), ("synack_repeated", 0x16, 0x12, 0), ("fin_repeated", 0x05, 0x01, 1))
COUNTED = {"data_with_syn", "rst_after_fin", *(code for code, *_ in REPEATED)}


def counted_from_tshark(path: Path) -> dict[int, set[str]]:
    """Count what can be counted from tshark's flags, lengths and numbers, segment by segment."""
    names = ("tcp.stream", "tcp.srcport", "tcp.flags", "tcp.len", "tcp.seq", "frame.time_epoch")
    asked = [part for name in names for part in ("-e", name)]
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp && !icmp && !icmpv6", "-T", "fields", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    out: dict[int, set[str]] = {}
    first: dict[tuple[object, ...], int] = {}
    latest: dict[tuple[object, ...], float] = {}
    closed: set[tuple[str, str]] = set()
    for stream, port, raw_flags, length, seq, time in (line.split("\t") for line in done.stdout.splitlines()):
        codes, flags, side = out.setdefault(int(stream), set()), int(raw_flags, 16), (stream, port)
        for code, mask, bits, with_length in REPEATED:
            if flags & mask == bits:
                key, place = (code, *side), (int(seq) + with_length * int(length)) % 2**32
                again = first.setdefault(key, place) == place
                if key in latest and again and float(time) - latest[key] >= 0.001:
                    codes.add(code)
                latest[key] = float(time)
        if flags & 0x06 == 0x02 and int(length):
            codes.add("data_with_syn")
        if flags & 0x04 and side in closed:
            codes.add("rst_after_fin")
        if flags & 0x01:
            closed.add(side)
    return out


@pytest.mark.referee
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("path", sorted(SAMPLES.rglob("*.pcap*")), ids=lambda p: p.name)
def test_tshark_counts_the_same(path: Path) -> None:
    c = follow(decode(open_capture(str(path), Options()), Options())).connections
    theirs = counted_from_tshark(path)
    assert {row.stream: set(row.deviations) & COUNTED for row in c.rows()} == theirs

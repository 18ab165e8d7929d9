"""ARP exchanges: RFC 826 and 5227 situations, hand-built bytes, hostile lengths."""

from __future__ import annotations

import struct
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.problems import ProblemLog
from analyzer.protocols.arp import ArpMessage, exchanges, parse
from tests.build import arp

HOST, ROUTER, THIRD = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
ZERO, BROADCAST = "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"
ME, GATE = "10.0.0.1", "10.0.0.254"


def frames(*packets: tuple[float, bytes], vlan: int | None = None) -> list[ArpMessage]:
    """Parse (ms, bytes) as frames 1, 2, 3 ..."""
    return [parse(data, frame, round(ms * 1e6), vlan) for frame, (ms, data) in zip(count(1), packets, strict=False)]


def ask(mac: str = HOST, ip: str = ME, target: str = GATE) -> bytes:
    """Return a request."""
    return arp(1, mac, ip, ZERO, target)


def tell(mac: str = ROUTER, ip: str = GATE, to_mac: str = HOST, to_ip: str = ME) -> bytes:
    """Return a reply."""
    return arp(2, mac, ip, to_mac, to_ip)


def test_request_and_reply() -> None:
    (row,) = exchanges(frames((0, ask()), (0.5, tell())))
    assert (row.kind, row.outcome, row.request_frame, row.reply_frame) == ("request", "answered", 1, 2)
    assert (row.asker_mac, row.asker_ip, row.target_ip, row.answer_mac) == (HOST, ME, GATE, ROUTER)
    assert (row.attempts, row.latency_ms, row.conflict, row.vlan) == (1, 0.5, None, None)
    assert (row.request_time, row.reply_time) == (0, 500_000)


def test_repeated_requests_are_one_row() -> None:
    (row,) = exchanges(frames((0, ask()), (1000, ask()), (2000, ask()), (2001, tell())))
    assert (row.attempts, row.request_frames, row.latency_ms) == (3, (1, 2, 3), 2001.0)


def test_unanswered() -> None:
    (row,) = exchanges(frames((0, ask()), (1000, ask())))
    assert (row.outcome, row.reply_frame, row.answer_mac, row.latency_ms, row.attempts) == (
        "unanswered",
        None,
        None,
        None,
        2,
    )


def test_a_question_after_its_answer_or_a_minute_is_new() -> None:
    rows = exchanges(frames((0, ask()), (1, tell()), (2, ask()), (70_000, ask())))
    assert [(row.request_frames, row.outcome) for row in rows] == [
        ((1,), "answered"),
        ((3,), "unanswered"),
        ((4,), "unanswered"),
    ]


@pytest.mark.parametrize(
    "answer",
    [tell(ip="10.0.0.253"), tell(to_mac=THIRD), tell(to_ip="10.0.0.9")],
    ids=["other target", "other MAC", "other asker"],
)
def test_a_reply_for_somebody_else(answer: bytes) -> None:
    first, second = exchanges(frames((0, ask()), (1, answer)))
    assert (first.outcome, second.kind, second.outcome) == ("unanswered", "unsolicited_reply", "not_applicable")
    assert (second.request_frame, second.request_frames, second.reply_frame) == (None, (), 2)


def test_an_unsolicited_reply_names_the_addressee_as_asker() -> None:
    (row,) = exchanges(frames((0, tell())))
    assert (row.asker_mac, row.asker_ip, row.target_ip, row.answer_mac) == (HOST, ME, GATE, ROUTER)
    assert (row.attempts, row.latency_ms, row.request_time, row.reply_time) == (0, None, None, 0)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (arp(1, HOST, ME, ZERO, ME), "announcement"),
        (arp(1, HOST, ME, BROADCAST, ME), "gratuitous"),
        (arp(2, HOST, ME, BROADCAST, ME), "gratuitous"),
        (arp(1, HOST, "0.0.0.0", ZERO, ME), "probe"),
        (arp(1, HOST, ME, ZERO, GATE), "request"),
        (arp(2, HOST, ME, ROUTER, GATE), "unsolicited_reply"),
        (arp(77, HOST, ME, ZERO, GATE), "request"),
    ],
)
def test_kinds(data: bytes, kind: str) -> None:
    (row,) = exchanges(frames((0, data)))
    assert row.kind == kind
    assert 1 in (*row.request_frames, row.reply_frame)


def test_announcements_wait_for_nothing() -> None:
    rows = exchanges(frames((0, arp(1, HOST, ME, ZERO, ME)), (2000, arp(1, HOST, ME, ZERO, ME))))
    assert [(row.outcome, row.attempts, row.request_frames) for row in rows] == [
        ("not_applicable", 1, (1,)),
        ("not_applicable", 1, (2,)),
    ]


def test_an_answered_probe_is_a_conflict() -> None:
    probe = arp(1, HOST, "0.0.0.0", ZERO, ME)
    (row,) = exchanges(frames((0, probe), (900, probe), (901, arp(2, THIRD, ME, HOST, "0.0.0.0"))))
    assert (row.kind, row.outcome, row.attempts, row.conflict) == ("probe", "answered", 2, THIRD)


def test_a_free_address_is_no_conflict() -> None:
    probe, announcement = arp(1, HOST, "0.0.0.0", ZERO, ME), arp(1, HOST, ME, ZERO, ME)
    rows = exchanges(frames((0, probe), (1000, announcement)))
    assert [row.conflict for row in rows] == [None, None]


def test_two_replies_from_two_machines() -> None:
    rows = exchanges(frames((0, ask()), (1, tell()), (2, tell(mac=THIRD))))
    assert [(row.kind, row.answer_mac, row.conflict) for row in rows] == [
        ("request", ROUTER, THIRD),
        ("unsolicited_reply", THIRD, ROUTER),
    ]


def test_a_claim_by_asking_counts() -> None:
    rows = exchanges(frames((0, ask()), (1, tell()), (2, ask(mac=THIRD, ip=GATE, target="10.0.0.7"))))
    assert (rows[0].conflict, rows[1].conflict) == (THIRD, None)


def test_vlans_are_apart() -> None:
    messages = [parse(ask(), 1, 0, 10), parse(tell(), 2, 5, 20), parse(tell(mac=THIRD), 3, 9, 10)]
    rows = exchanges(messages)
    assert [(row.vlan, row.outcome, row.answer_mac, row.conflict) for row in rows] == [
        (10, "answered", THIRD, None),
        (20, "not_applicable", ROUTER, None),
    ]


def test_reverse_and_inverse_arp() -> None:
    rows = exchanges(
        frames(
            (0, arp(3, HOST, "0.0.0.0", HOST, "0.0.0.0")),
            (1, arp(4, ROUTER, GATE, HOST, "10.0.0.77")),
            (2, arp(8, HOST, ME, ROUTER, "0.0.0.0")),
            (3, arp(9, ROUTER, GATE, HOST, ME)),
            (4, arp(9, ROUTER, GATE, HOST, ME)),
        )
    )
    assert [(r.request_frame, r.reply_frame, r.kind, r.target_ip, r.answer_mac) for r in rows] == [
        (1, 2, "request", "10.0.0.77", ROUTER),
        (3, 4, "request", GATE, ROUTER),
        (None, 5, "unsolicited_reply", GATE, ROUTER),
    ]


def test_frame_relay_has_two_byte_addresses() -> None:
    """InARP on a circuit: hardware length 2 (RFC 2390)."""
    data = struct.pack("!HHBBH", 15, 0x0800, 2, 4, 8) + b"\x18\x41\x0a\0\0\1\0\0\0\0\0\0"
    message = parse(data, 1, 0)
    assert (message.operation, message.sender_mac, message.sender_ip) == (8, "18:41", "10.0.0.1")
    assert (message.target_mac, message.target_ip) == ("00:00", "0.0.0.0")


@pytest.mark.parametrize("size", range(28))
def test_cut_anywhere(size: int) -> None:
    problems = ProblemLog()
    message = parse(ask()[:size], 1, 0, None, problems)
    assert problems.counts == {"ARP-SHORT": 1}
    assert message.sender_mac == (HOST if size >= 14 else None)
    assert message.target_ip is None
    (row,) = exchanges([message])
    assert row.request_frames == (1,)


@given(st.lists(st.tuples(st.integers(0, 100_000), st.binary(max_size=40)), max_size=20))
def test_every_frame_is_in_one_row(parts: list[tuple[int, bytes]]) -> None:
    problems = ProblemLog()
    prefix = bytes.fromhex("0001080006040001")
    messages = [
        parse(data if frame % 3 else prefix + data, frame, ms * 1_000_000, None, problems)
        for frame, (ms, data) in enumerate(parts, 1)
    ]
    rows = exchanges(messages)
    held = [f for row in rows for f in row.request_frames] + [row.reply_frame for row in rows if row.reply_frame]
    assert sorted(held) == list(range(1, len(parts) + 1))


def test_a_storm_is_one_row() -> None:
    messages = [ArpMessage(i, i, 1, HOST, ME, ZERO, GATE) for i in range(1, 50_001)]
    (row,) = exchanges(messages)
    assert row.attempts == 50_000


def test_a_conflict_says_when_and_where() -> None:
    """The other machine's first claim is frame 3 at 2 ms; it claims again at 5 ms."""
    rows = exchanges(frames((0, ask()), (1, tell()), (2, tell(mac=THIRD)), (5, tell(mac=THIRD))))
    assert (rows[0].conflict, rows[0].conflict_frame, rows[0].conflict_time) == (THIRD, 3, 2_000_000)
    assert (rows[1].conflict, rows[1].conflict_frame, rows[1].conflict_time) == (ROUTER, 2, 1_000_000)


def test_the_last_repetition_has_a_time() -> None:
    (row,) = exchanges(frames((0, ask()), (1000, ask()), (2500, ask())))
    assert (row.request_time, row.last_request_time) == (0, 2_500_000_000)
    (lone,) = exchanges(frames((0, tell())))
    assert lone.last_request_time is None


def test_a_probe_of_one_machine_asks_whether_it_is_still_there() -> None:
    """RFC 5227 leaves the target hardware address zero; device tracking fills it in, and the answer is no conflict."""
    tracked = exchanges(frames((0, arp(1, HOST, "0.0.0.0", THIRD, ME)), (1, arp(2, THIRD, ME, HOST, "0.0.0.0"))))
    assert [(row.kind, row.outcome, row.conflict) for row in tracked] == [("probe", "answered", None)]


@pytest.mark.parametrize(("hardware", "protocol"), [(6, 16), (8, 4), (0, 4), (6, 0), (255, 255)])
def test_odd_lengths_are_malformed(hardware: int, protocol: int) -> None:
    """Ethernet addresses have six bytes and IPv4 addresses four (RFC 826); what states others is not believed."""
    data = struct.pack("!HHBBH", 1, 0x0800, hardware, protocol, 1) + bytes(2 * (hardware + protocol))
    problems = ProblemLog()
    rows = exchanges([parse(data, 1, 0, None, problems), parse(data, 2, 1_000_000, None, problems)])
    assert [(row.outcome, row.outcome_why, row.request_frames, row.conflict) for row in rows] == [
        ("malformed", "odd_lengths", (1,), None),
        ("malformed", "odd_lengths", (2,), None),
    ]
    assert problems.counts == {"ARP-LENGTHS": 2}


def test_a_short_message_says_so_and_contradicts_nobody() -> None:
    problems = ProblemLog()
    cut = parse(tell(mac=THIRD)[:27], 3, 2_000_000, None, problems)
    rows = exchanges([*frames((0, ask()), (1, tell())), cut])
    assert [(row.outcome, row.outcome_why, row.conflict) for row in rows] == [
        ("answered", None, None),
        ("malformed", "short", None),
    ]

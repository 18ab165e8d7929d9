"""Pairing of questions and answers into rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.problems import ProblemLog
from analyzer.protocols.base import Datagram
from analyzer.protocols.dns import session
from analyzer.protocols.dns.session import exchanges
from analyzer.schema import plain
from tests.protocols_names.wire import (
    AAAA,
    CNAME,
    NS,
    PTR,
    QUERY,
    RESPONSE,
    SOA,
    A,
    back,
    message,
    name,
    opt,
    pointer,
    query,
    question,
    record,
    reply,
    sent,
)

ADDRESS = b"\x0a\0\0\x09"


def test_question_and_answer() -> None:
    (row,) = exchanges([query(3, 1000.0), reply(5, 1012.5)])
    assert (row.query_frame, row.response_frame, row.query_frames, row.attempts) == (3, 5, (3,), 1)
    assert (row.client, row.client_port, row.server, row.server_port) == ("10.0.0.1", 40000, "10.0.0.53", 53)
    assert (row.transport, row.id, row.qname, row.qtype, row.qclass) == ("udp", 7, "example.com", "A", "IN")
    assert (row.rcode, row.outcome, row.outcome_why, row.latency_ms) == ("NOERROR", "answered", None, 12.5)
    assert (row.addresses, row.cname_chain, row.source, row.step) == (("10.0.0.9",), (), "unknown", "recursive")
    assert plain(row)["query_time"] == "1970-01-01T00:00:01.000000000Z"


def test_a_clock_that_runs_back_leaves_no_latency() -> None:
    (row,) = exchanges([query(1, 1000), reply(2, 950)])
    assert (row.outcome, row.response_frame, row.latency_ms) == ("answered", 2, None)


def test_retries_are_attempts_and_latency_runs_from_the_first() -> None:
    (row,) = exchanges([query(1, 0), query(2, 5000), query(3, 10_000), reply(4, 10_030)])
    assert (row.attempts, row.query_frames, row.latency_ms) == (3, (1, 2, 3), 10_030.0)


def test_a_query_recorded_twice_is_one_attempt() -> None:
    """A mirror port shows it again 20 us later: its frame is kept, but nobody asked twice."""
    (row,) = exchanges([query(1, 0), query(2, 0.02), reply(3, 1000), reply(4, 1000.02)])
    assert (row.attempts, row.query_frames, row.latency_ms) == (1, (1, 2), 1000.0)
    (row,) = exchanges([query(1, 0), query(2, 0.02), query(3, 1000), query(4, 1000.02)])
    assert (row.attempts, row.query_frames) == (2, (1, 2, 3, 4))
    (row,) = exchanges([query(1, 0), query(2, 1)])
    assert row.attempts == 2


def test_without_times_nobody_knows_of_copies() -> None:
    (row,) = exchanges([query(1, 0), query(2, 0), query(3, 0)])
    assert (row.attempts, row.query_frames) == (3, (1, 2, 3))


def test_a_query_recorded_twice_right_before_the_end_is_excused() -> None:
    (row,) = exchanges([query(1, 0), query(2, 0.02)], None, 100_000_000)
    assert (row.outcome, row.outcome_why) == ("no_answer", "capture_ended")


def test_second_response_is_counted() -> None:
    (row,) = exchanges([query(1, 0), query(2, 10), reply(3, 20), reply(4, 30)])
    assert (row.response_frame, row.duplicate_responses, row.duplicate_frames, row.attempts) == (3, 1, (4,), 2)


def test_the_same_question_after_its_answer_is_new() -> None:
    first, second = exchanges([query(1, 0), reply(2, 5), query(3, 100), reply(4, 107)])
    assert (first.latency_ms, second.latency_ms) == (5.0, 7.0)


def test_after_a_minute_of_silence_it_is_new_too() -> None:
    first, second = exchanges([query(1, 0), query(2, 60_001), reply(3, 60_010)])
    assert (first.outcome, second.outcome, second.latency_ms) == ("no_answer", "answered", 9.0)


def test_upper_case_mixing_pairs() -> None:
    payload = message([question("eXaMpLe.CoM")], [], ident=7, flags=RESPONSE | 3)
    (row,) = exchanges([query(1, 0), back(2, 4, payload)])
    assert (row.qname, row.rcode, row.outcome) == ("example.com", "NXDOMAIN", "answered")


@pytest.mark.parametrize(
    "answer",
    [
        reply(2, 5, ident=8),
        reply(2, 5, "example.org"),
        reply(2, 5, qtype=AAAA, data=bytes(16)),
        reply(2, 5, port=40001),
        reply(2, 5, server="10.0.0.54"),
    ],
    ids=["id", "name", "type", "port", "server"],
)
def test_what_does_not_match_is_unsolicited(answer: Datagram) -> None:
    first, second = exchanges([query(1, 0), answer])
    assert (first.outcome, first.response_frame, first.rcode, first.latency_ms) == ("no_answer", None, None, None)
    assert (second.outcome, second.query_frame, second.response_frame) == ("unsolicited", None, 2)
    assert (second.client, second.outcome_why, second.attempts) == ("10.0.0.1", "query_not_captured", 0)


def test_two_questions_of_one_id_and_port() -> None:
    rows = exchanges([query(1, 0, "a.example"), query(2, 1, "b.example"), query(3, 2, "a.example"),
                      reply(4, 9, "a.example"), reply(5, 10, "b.example")])  # fmt: skip
    assert [(row.qname, row.query_frames, row.response_frame) for row in rows] == [
        ("a.example", (1, 3), 4),
        ("b.example", (2,), 5),
    ]


def test_a_response_without_a_question_answers_the_last() -> None:
    (row,) = exchanges([query(1, 0), back(2, 3, message([], ident=7, flags=RESPONSE | 1))])
    assert (row.qname, row.rcode, row.outcome) == ("example.com", "FORMERR", "answered")


def test_order_of_arrival_does_not_matter() -> None:
    datagrams = [query(1, 0), query(2, 1, "b.example"), reply(3, 9), reply(4, 10, "b.example")]
    assert exchanges(reversed(datagrams)) == exchanges(datagrams)


def test_the_end_of_the_capture_excuses_silence() -> None:
    (row,) = exchanges([query(1, 0)], None, 4_999_000_000)
    assert (row.outcome, row.outcome_why) == ("no_answer", "capture_ended")
    (row,) = exchanges([query(1, 0)], None, 5_000_000_000)
    assert (row.outcome, row.outcome_why) == ("no_answer", None)
    (row,) = exchanges([query(1, 0), query(2, 1)], None, 100_000_000)
    assert (row.outcome, row.outcome_why) == ("no_answer", None)


def test_malformed_response() -> None:
    problems = ProblemLog()
    payload = message([question("example.com")], ident=7, flags=RESPONSE, counts=(1, 3, 0, 0))
    (row,) = exchanges([query(1, 0), back(2, 4, payload)], problems)
    assert (row.outcome, row.response_frame, row.latency_ms, row.answers) == ("malformed", 2, 4.0, ())
    assert [(p.code, p.frame, p.offset) for p in problems] == [("DNS-MALFORMED", 2, len(payload))]


def test_cut_by_the_capture_is_not_malformed() -> None:
    problems = ProblemLog()
    whole = message([question("example.com")], [record(pointer(12), A, ADDRESS)] * 3, ident=7, flags=RESPONSE)
    (row,) = exchanges([query(1, 0), back(2, 4, whole[:50], cut=True)], problems)
    assert (row.outcome, row.outcome_why, len(row.answers)) == ("answered", "snaplen", 1)
    assert not len(problems)


def test_a_query_that_cannot_be_read_is_still_answered() -> None:
    forward = message([pointer(18) + b"\0\1\0\1"], ident=7)
    (row,) = exchanges([sent(1, 0, forward), reply(2, 5)], problems := ProblemLog())
    assert (row.query_frame, row.response_frame, row.outcome, row.latency_ms) == (1, 2, "answered", 5.0)
    assert problems.counts == {"DNS-MALFORMED": 1}


def test_what_is_no_dns_at_all() -> None:
    problems = ProblemLog()
    rows = exchanges([sent(1, 0, b"hello"), sent(2, 1, b"")], problems)
    assert [(row.outcome, row.qname) for row in rows] == [("malformed", ""), ("malformed", "")]
    assert problems.counts == {"DNS-MALFORMED": 2}


def test_rows_for_something_else_on_the_port_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "UNREADABLE_ROWS", 5)
    problems = ProblemLog()
    rows = exchanges([sent(i, i, b"\0\0\0\0", port=i) for i in range(1, 20)], problems)
    assert len(rows) == 5
    assert problems.counts == {"DNS-MALFORMED": 19, "LIMIT-REACHED": 1}


def test_chain_addresses_and_counts() -> None:
    payload = message(
        [question("www.example.com")],
        [
            record(pointer(12), CNAME, name("a.cdn.net")),
            record(name("b.cdn.net"), A, ADDRESS),
            record(name("a.cdn.net"), CNAME, name("b.cdn.net")),
            record(name("b.cdn.net"), A, b"\1\2\3"),
        ],
        [record(name("cdn.net"), NS, name("ns.cdn.net"))] * 2,
        [opt(4096)],
        ident=7,
        flags=RESPONSE,
    )
    (row,) = exchanges([query(1, 0, "www.example.com"), back(2, 4, payload)])
    assert row.cname_chain == ("a.cdn.net", "b.cdn.net")
    assert row.addresses == ("10.0.0.9",)
    assert (row.authority_count, row.additional_count, row.edns_udp_size) == (2, 1, 4096)


def test_a_loop_of_names_ends() -> None:
    answers = [record(name("a.b"), CNAME, name("c.d")), record(name("c.d"), CNAME, name("a.b"))]
    payload = message([question("a.b")], answers, ident=7, flags=RESPONSE)
    (row,) = exchanges([query(1, 0, "a.b"), back(2, 4, payload)])
    assert row.cname_chain == ("c.d", "a.b")


def test_edns_size_is_the_askers() -> None:
    asked = message([question("example.com")], additional=[opt(1232)], ident=7)
    said = message([question("example.com")], additional=[opt(512)], ident=7, flags=RESPONSE)
    (row,) = exchanges([sent(1, 0, asked), back(2, 1, said)])
    assert row.edns_udp_size == 1232


@pytest.mark.parametrize(
    ("flags", "facts"),
    [
        (0x8400, (True, False, False, False, False, False)),
        (0x8200, (False, True, False, False, False, False)),
        (0x8100, (False, False, True, False, False, False)),
        (0x8080, (False, False, False, True, False, False)),
        (0x8020, (False, False, False, False, True, False)),
        (0x8010, (False, False, False, False, False, True)),
        (0x8040, (False, False, False, False, False, False)),
    ],
)
def test_flags(flags: int, facts: tuple[bool, ...]) -> None:
    (row,) = exchanges([back(1, 0, message([question("a.b")], flags=flags))])
    flag = row.flags
    assert (flag.aa, flag.tc, flag.rd, flag.ra, flag.ad, flag.cd) == facts


def walk(
    flags: int, authority: list[bytes], answers: list[bytes] | None = None, text: str = "www.example.com"
) -> str | None:
    """Return the step of a question without recursion that got this answer."""
    asked = message([question(text)], ident=7, flags=0)
    said = message([question(text)], answers, authority, ident=7, flags=flags)
    (row,) = exchanges([sent(1, 0, asked), back(2, 1, said)])
    return row.step


def test_steps_of_a_resolver() -> None:
    def referral(zone: str) -> list[bytes]:
        return [record(name(zone), NS, name("ns.net"))]

    assert walk(0x8000, referral("com")) == "root"
    assert walk(0x8000, referral("example.com")) == "tld"
    assert walk(0x8400, [], [record(pointer(12), A, ADDRESS)]) == "authoritative"
    assert walk(0x8400, [record(name("."), SOA, name(".") * 2 + bytes(20))], text=".") == "root"
    assert walk(0x8000, []) is None


def test_source() -> None:
    def answer(frame: int, ttl: int, flags: int) -> list[Datagram]:
        payload = message([question("a.b")], [record(pointer(12), A, ADDRESS, ttl=ttl)], ident=frame, flags=flags)
        return [query(frame, frame, "a.b", ident=frame), back(frame + 1, frame + 1, payload)]

    rows = exchanges([*answer(1, 300, RESPONSE), *answer(3, 290, RESPONSE), *answer(5, 300, RESPONSE | 0x400)])
    assert [row.source for row in rows] == ["unknown", "cache", "authoritative"]


def test_zone_transfer_is_one_row() -> None:
    soa = record(pointer(12), SOA, name("ns.a") + name("m.a") + bytes(20))
    first = message([question("a.zone", 252)], [soa], ident=7, flags=0x8400)
    later = message(
        [], [record(name("x.a.zone"), A, ADDRESS), record(name("a.zone"), SOA, bytes(22))], ident=7, flags=0x8400
    )
    rows = exchanges(
        [
            sent(1, 0, message([question("a.zone", 252)], ident=7), stream=4),
            back(2, 5, first, stream=4),
            back(3, 6, later, stream=4),
        ]
    )
    assert [(row.transport, row.stream, row.response_frame, len(row.answers)) for row in rows] == [("tcp", 4, 2, 3)]
    assert rows[0].duplicate_responses == 0


def test_streams_are_apart() -> None:
    rows = exchanges([query(1, 0, stream=1), query(2, 1, stream=2), reply(3, 2, stream=2)])
    assert [(row.stream, row.outcome) for row in rows] == [(1, "no_answer"), (2, "answered")]


def test_llmnr_is_asked_of_a_group_and_answered_by_a_host() -> None:
    asked = message([question("printer")], ident=9, flags=0)
    said = message([question("printer")], [record(pointer(12), A, ADDRESS)], ident=9, flags=0x8000)
    (row,) = exchanges(
        [
            sent(1, 0, asked, server="224.0.0.252", server_port=5355),
            back(2, 3, said, server="10.0.0.9", server_port=5355),
        ]
    )
    assert (row.transport, row.server, row.outcome, row.latency_ms, row.step) == (
        "llmnr",
        "10.0.0.9",
        "answered",
        3.0,
        None,
    )


def on(vlan: int | None, datagram: Datagram) -> Datagram:
    """Put a datagram on a VLAN."""
    return datagram._replace(vlan=vlan)


OTHER = b"\x0a\0\0\x63"
"""The address 10.0.0.99."""


@pytest.mark.parametrize("late", [False, True])
def test_the_answer_on_the_questions_own_vlan_counts(late: bool) -> None:
    """Two networks with the same addresses: what comes on VLAN 20 answers nothing that was asked on VLAN 10."""
    home, away = on(10, reply(3 if late else 2, 30 if late else 5)), on(20, reply(2 if late else 3, 6, data=OTHER))
    first, second = exchanges([on(10, query(1, 0)), home, away])
    assert (first.outcome, first.response_frame, first.addresses) == ("answered", home.frame, ("10.0.0.9",))
    assert (first.conflicting_frames, first.duplicate_frames) == ((), ())
    assert (second.outcome, second.response_frame, second.addresses) == ("unsolicited", away.frame, ("10.0.0.99",))


def test_rows_are_in_the_order_of_their_first_frames() -> None:
    """What came on another VLAN gets its row when the question's own answer comes, after rows that began later."""
    packets = [on(10, query(1, 0)), on(20, reply(2, 5, data=OTHER)), on(10, query(3, 6, "b.example", port=9))]
    rows = exchanges([*packets, on(10, reply(4, 9))])
    assert [row.query_frame or row.response_frame for row in rows] == [1, 2, 3]


@pytest.mark.parametrize(("asked", "answered"), [(10, 20), (None, 20), (10, None)])
def test_an_answer_seen_on_another_vlan_only(asked: int | None, answered: int | None) -> None:
    """Some recorders see the two directions under different tags."""
    tagged = on(30, query(1, 0, "b.example", port=9))
    _, row = exchanges([tagged, on(asked, query(2, 0)), on(answered, reply(3, 5))])
    assert (row.outcome, row.query_frame, row.response_frame, row.latency_ms) == ("answered", 2, 3, 5.0)


def test_a_router_between_two_vlans() -> None:
    """It passes on the question and the answer; both are recorded on both VLANs, 20 us apart, twice over."""
    packets = []
    for round_ in (0, 1):
        at, frame = 1000 * round_, 4 * round_
        packets += [on(10, query(frame + 1, at)), on(20, query(frame + 2, at + 0.02))]
        packets += [on(20, reply(frame + 3, at + 8)), on(10, reply(frame + 4, at + 8.02))]
    rows = exchanges(packets)
    assert [(r.query_frames, r.attempts, r.response_frame, r.duplicate_frames, r.conflicting_frames) for r in rows] == [
        ((1, 2), 1, 3, (4,), ()),
        ((5, 6), 1, 7, (8,), ()),
    ]


def test_two_networks_with_the_same_addresses() -> None:
    packets = [on(10, query(1, 0)), on(20, query(2, 3)), on(20, reply(3, 9, data=OTHER)), on(10, reply(4, 10))]
    assert [(row.query_frames, row.response_frame, row.addresses) for row in exchanges(packets)] == [
        ((1,), 4, ("10.0.0.9",)),
        ((2,), 3, ("10.0.0.99",)),
    ]


GROUP = "224.0.0.251"


def mdns_query(frame: int, time_ms: float, text: str = "tv.local", client: str = "10.0.0.1") -> Datagram:
    """Return a question to the group."""
    payload = message([question(text, A, 0x8001)], ident=0, flags=0)
    return sent(frame, time_ms, payload, client=client, server=GROUP, port=5353, server_port=5353)


def mdns_answer(frame: int, time_ms: float, text: str = "tv.local", rtype: int = A, data: bytes = ADDRESS) -> Datagram:
    """Return a response of 10.0.0.9 to the group: answers, no question (RFC 6762 section 6)."""
    payload = message([], [record(name(text), rtype, data, rclass=0x8001)], ident=0, flags=0x8400)
    return Datagram(frame, round(time_ms * 1e6), "10.0.0.9", 5353, GROUP, 5353, payload)


def test_mdns_question_is_answered_by_whoever_has_the_name() -> None:
    rows = exchanges([mdns_query(1, 0), mdns_query(2, 1, client="10.0.0.2"), mdns_answer(3, 30), mdns_answer(4, 40)])
    assert [(r.transport, r.client, r.server, r.outcome, r.response_frame) for r in rows] == [
        ("mdns", "10.0.0.1", "10.0.0.9", "answered", 3),
        ("mdns", "10.0.0.2", "10.0.0.9", "answered", 3),
        ("mdns", GROUP, "10.0.0.9", "unsolicited", 4),
    ]
    assert (rows[0].qclass, rows[0].addresses) == ("IN", ("10.0.0.9",))
    assert (rows[2].qname, rows[2].qtype) == ("tv.local", "A")


def test_mdns_other_names_types_and_late_answers_are_announcements() -> None:
    rows = exchanges(
        [
            mdns_query(1, 0),
            mdns_answer(2, 5, "radio.local"),
            mdns_answer(3, 6, "tv.local", PTR, name("x.local")),
            mdns_answer(4, 5001),
        ]
    )
    assert [row.outcome for row in rows] == ["no_answer", "unsolicited", "unsolicited", "unsolicited"]


def test_port_53_decides_first() -> None:
    asked = sent(1, 0, message([question("a.b")], ident=7), port=5353)
    (row,) = exchanges([asked, reply(2, 3, "a.b", port=5353)])
    assert (row.transport, row.outcome) == ("udp", "answered")


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60), st.sampled_from([53, 5353, 5355])), max_size=20))
def test_any_bytes(parts: list[tuple[bool, bytes, int]]) -> None:
    datagrams = [
        (sent if up else back)(frame, frame, b"\0\x07" + (b"\1\0" if up else b"\x81\x80") + data, server_port=port)
        for frame, (up, data, port) in enumerate(parts, 1)
    ]
    rows = exchanges(datagrams, ProblemLog())
    frames = [f for row in rows for f in (*row.query_frames, *([row.response_frame] if not row.query_frames else []))]
    assert len(frames) == len(set(frames))
    for row in rows:
        assert (row.latency_ms is None) == (row.query_frame is None or row.response_frame is None)
        assert plain(row)["flags"].keys() == {"aa", "tc", "rd", "ra", "ad", "cd"}
    assert QUERY == 0x0100


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([None, 10, 20]), st.integers(0, 2), st.sampled_from("ab")),
                max_size=16), st.sampled_from([0.1, 30.0]))  # fmt: skip
def test_each_message_is_in_one_row_whatever_its_vlan(
    parts: list[tuple[bool, int | None, int, str]], step: float
) -> None:
    datagrams = []
    for frame, (up, vlan, last, label) in enumerate(parts, 1):
        at, text = frame * step, f"{label}.example"
        datagrams.append(
            on(vlan, query(frame, at, text) if up else reply(frame, at, text, data=bytes([10, 0, 0, last])))
        )
    frames = []
    for row in exchanges(datagrams, ProblemLog()):
        frames += [*row.query_frames, *row.duplicate_frames]
        frames += [] if row.response_frame is None else [row.response_frame]
        assert set(row.conflicting_frames) <= set(row.duplicate_frames)
    assert sorted(frames) == [datagram.frame for datagram in datagrams]

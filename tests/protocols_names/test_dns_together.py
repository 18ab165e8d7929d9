"""Questions that belong together: repeated elsewhere, raced, asked while the answer was still good, rotated."""

from __future__ import annotations

from analyzer.protocols.base import Datagram
from analyzer.protocols.dns.lifetimes import lifetime_s
from analyzer.protocols.dns.session import exchanges
from analyzer.schema import DnsAnswer, DnsRow
from tests.protocols_names.wire import AAAA, RESPONSE, SERVER, A, back, message, pointer, question, record, sent

OTHER = "10.0.0.54"


def ask(frame: int, ms: float, qtype: int = A, *, ident: int = 1, server: str = SERVER) -> Datagram:
    return sent(frame, ms, message([question("a.example", qtype)], ident=ident), server=server)


def tell(
    frame: int, ms: float, *hosts: int, qtype: int = A, ident: int = 1, server: str = SERVER, flags: int = RESPONSE
) -> Datagram:
    size = 4 if qtype == A else 16
    records = [record(pointer(12), qtype, host.to_bytes(size, "big"), ttl=60) for host in hosts]
    return back(frame, ms, message([question("a.example", qtype)], records, ident=ident, flags=flags), server=server)


def rows(*datagrams: Datagram) -> list[DnsRow]:
    return exchanges(datagrams)


def test_both_families_at_once() -> None:
    first, second = rows(ask(1, 0), ask(2, 0.1, AAAA, ident=2), tell(3, 20, 1), tell(4, 21, 1, qtype=AAAA, ident=2))
    assert (first.raced_with, second.raced_with) == ((), (0,))
    assert second.retry_of is None


def test_one_after_the_other_is_no_race() -> None:
    _, second = rows(ask(1, 0), tell(2, 20, 1), ask(3, 30, AAAA, ident=2), tell(4, 50, 1, qtype=AAAA, ident=2))
    assert (second.raced_with, second.retry_of, second.still_valid) == ((), None, None)


def test_the_next_server_after_silence() -> None:
    _, second = rows(ask(1, 0), ask(2, 5000, ident=2, server=OTHER), tell(3, 5020, 1, ident=2, server=OTHER))
    assert (second.retry_of, second.raced_with) == (0, ())


def test_the_next_server_after_a_failure() -> None:
    failed = tell(2, 20, flags=RESPONSE | 2)
    _, second = rows(ask(1, 0), failed, ask(3, 30, ident=2, server=OTHER), tell(4, 50, 1, ident=2, server=OTHER))
    assert second.retry_of == 0


def test_two_servers_raced() -> None:
    """Both are asked at once, and both answer: nobody waited for the first to fail."""
    _, second = rows(
        ask(1, 0), ask(2, 0.1, ident=2, server=OTHER), tell(3, 20, 1), tell(4, 30, 1, ident=2, server=OTHER)
    )
    assert (second.raced_with, second.retry_of) == ((0,), None)


def test_the_next_server_after_a_second_of_silence() -> None:
    """The first one answers after all, a little later: it was waited for, so this is no race."""
    _, second = rows(
        ask(1, 0), ask(2, 1000, ident=2, server=OTHER), tell(3, 1010, 1), tell(4, 1020, 1, ident=2, server=OTHER)
    )
    assert (second.raced_with, second.retry_of) == ((), 0)


def test_much_later_is_no_retry() -> None:
    _, second = rows(ask(1, 0), ask(2, 11_000, ident=2), tell(3, 11_020, 1, ident=2))
    assert second.retry_of is None


def test_asked_while_the_answer_was_good() -> None:
    """A minute to live: at 60.019 s the answer of 20 ms is good, at 60.020 s it is over."""
    for ms, expected in ((60_019, 0), (60_020, None)):
        _, second = rows(ask(1, 0), tell(2, 20, 1), ask(3, ms, ident=2), tell(4, ms + 20, 1, ident=2))
        assert second.still_valid == expected


def test_round_robin() -> None:
    answers = [(1, 2), (2, 1), (2, 1), (2, 3)]
    talk = []
    for number, hosts in enumerate(answers):
        talk += [
            ask(2 * number + 1, 1000 * number, ident=number),
            tell(2 * number + 2, 1000 * number + 9, *hosts, ident=number),
        ]
    assert [row.rotation for row in rows(*talk)] == [None, "order", None, "addresses"]


def test_a_time_to_live_with_its_top_bit_set_is_none() -> None:
    """RFC 2181 section 8: such a value is to be treated as zero; the next day's question is no waste."""
    said = message(
        [question("a.example")], [record(pointer(12), A, bytes(4), ttl=0x8000_0001)], ident=1, flags=RESPONSE
    )
    day = 86_400_000.0
    _, again, sure = rows(ask(1, 0), back(2, 20, said), ask(3, day, ident=2), tell(4, day + 20, 1, ident=2),
                          ask(5, day + 1000, ident=3))  # fmt: skip
    assert (again.still_valid, sure.still_valid) == (None, 1)


def test_records_are_kept_as_long_as_the_least_of_them() -> None:
    def kept(*ttls: int) -> int:
        return lifetime_s([DnsAnswer("a.example", "A", ttl, "10.0.0.9") for ttl in ttls])

    assert [kept(), kept(60, 30), kept(0x7FFF_FFFF), kept(0x8000_0000), kept(60, 0xFFFF_FFFF)] == [
        0, 30, 0x7FFF_FFFF, 0, 0,
    ]  # fmt: skip

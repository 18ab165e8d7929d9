"""The steps of a journey: in the order they had, each with this capture's numbers, and why one is missing."""

from __future__ import annotations

import gzip
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis
from analyzer.schema import ArpRow, DhcpRow, NdpRow, Step, VisitRow
from analyzer.sentences import sentence
from analyzer.visits import link, lookups
from analyzer.visits.known import Known
from analyzer.visits.model import Facts
from tests.protocols_names import wire
from tests.visits.scene import Scene, answer, get

ME, RESOLVER, GATEWAY, NOBODY = "02:00:00:00:00:01", "02:00:00:00:00:53", "02:00:00:00:00:02", "00:00:00:00:00:00"


def say(step: Step) -> str:
    return sentence(step.sentence_key, step.sentence_args)


def remarks(visit: VisitRow, name: str) -> list[str]:
    return [
        sentence(remark.sentence_key, remark.sentence_args)
        for step in visit.steps
        if step.step == name
        for remark in step.remarks
    ]


def present(visit: VisitRow) -> list[str]:
    return [step.step for step in visit.steps if step.absent_why is None]


def in_time(analysis: Analysis) -> None:
    for visit in analysis.visits:
        times = [step.time for step in visit.steps if step.time is not None]
        assert times == sorted(times)


def test_two_hardware_addresses(tmp_path: Path) -> None:
    """ARP for the resolver, the lookup, ARP for the gateway, the connection: in this order, as it was."""
    scene = Scene()
    scene.arp(0, 1, ME, "10.0.0.1", NOBODY, "10.0.0.53")
    scene.arp(1, 2, RESOLVER, "10.0.0.53", ME, "10.0.0.1")
    scene.lookup(2, "shop.example", "198.51.100.80", after=20)
    scene.arp(23, 1, ME, "10.0.0.1", NOBODY, "10.0.0.254")
    scene.arp(25, 2, GATEWAY, "10.0.0.254", ME, "10.0.0.1")
    scene.exchange(26, get("/"), answer(), server="198.51.100.80")
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    in_time(analysis)
    assert present(visit)[:5] == ["arp", "dns", "arp", "tcp", "request"]
    first, second = (step for step in visit.steps if step.step == "arp")
    assert (first.frames, second.frames) == ((1, 2), (5, 6))
    assert say(first) == (
        "10.0.0.1 asked the local network who has 10.0.0.53, the server for names; "
        "02:00:00:00:00:53 answered in 1.00 ms."
    )
    assert "10.0.0.254, the next hop" in say(second)
    assert visit.phases.arp_ms == 3


def test_the_way_to_both_is_the_same(tmp_path: Path) -> None:
    """Resolver and server lie behind one router: its hardware address is asked for once."""
    scene = Scene()
    scene.arp(0, 1, ME, "10.0.0.1", NOBODY, "10.0.0.254")
    scene.arp(1, 2, GATEWAY, "10.0.0.254", ME, "10.0.0.1")
    scene.lookup(2, "shop.example", "198.51.100.80", after=20, server="203.0.113.53")
    scene.exchange(26, get("/"), answer(), server="198.51.100.80")
    (visit,) = scene.analysis(tmp_path).visits
    first, second = (step for step in visit.steps if step.step == "arp")
    assert first.sentence_key == "step.arp.towards_resolver"
    assert (second.absent_why, say(second)) == (
        "same",
        "No ARP for the server: the way there leads through the same machine.",
    )


def test_the_server_is_a_neighbour(tmp_path: Path) -> None:
    scene = Scene()
    scene.arp(0, 1, ME, "10.0.0.1", NOBODY, "10.0.0.2")
    scene.arp(3, 2, GATEWAY, "10.0.0.2", ME, "10.0.0.1")
    scene.exchange(5, get("/"), answer())
    (visit,) = scene.analysis(tmp_path).visits
    assert [step.sentence_key for step in visit.steps if step.step == "arp"] == ["step.arp.server"]


def test_sequence_numbers(tmp_path: Path) -> None:
    """RFC 9293 section 3.5: a SYN takes one number, so what is acknowledged is one more; behind 2^32-1 comes 0."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(), client_isn=2**32 - 1, server_isn=765)
    (visit,) = scene.analysis(tmp_path).visits
    assert remarks(visit, "tcp") == [
        "SYN with the sequence number 4294967295 → SYN-ACK with 765, which acknowledges 0 → ACK of 766: each side "
        "confirms the other's number plus one."
    ]


def test_states_of_the_close(tmp_path: Path) -> None:
    """RFC 9293 figure 5: the side that closes first ends in TIME_WAIT, the other in CLOSED."""
    scene = Scene()
    p = scene.exchange(0, get("/"), answer())
    p.at(200).close()
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    (close,) = [step for step in visit.steps if step.step == "close"]
    assert close.time == min(when for when, _ in scene.ordered() if when >= scene.ordered()[0][0] + 200_000_000)
    (states,) = remarks(visit, "close")
    assert states.startswith("The client went through the states FIN_WAIT_1 → ")
    assert states.endswith("TIME_WAIT, the server through CLOSE_WAIT → LAST_ACK → CLOSED.")


def test_headers_that_matter(tmp_path: Path) -> None:
    request = get(
        "/a",
        **{
            "User-Agent": "curl/8.5.0",
            "Referer": "http://news.example/",
            "Cookie": "id=1; lang=en",
            "If-None-Match": '"v1"',
        },
    )
    scene = Scene()
    response = answer(200, 10, **{"Cache-Control": "max-age=60", "Server": "nginx", "Set-Cookie": "seen=1"})
    scene.exchange(0, request, response)
    (visit,) = scene.analysis(tmp_path).visits
    assert remarks(visit, "request") == [
        "The client calls itself curl/8.5.0.",
        "The page it comes from is http://news.example/.",
        "It sent 2 cookies with the request: id, lang.",
        "It has a copy already, and asks only whether that is still good.",
    ]
    assert remarks(visit, "response") == [
        "The status 200 means: The request worked and the answer is in the body.",
        "The type of its body is text/html.",
        "For caches it says: max-age=60.",
        "It sets 1 cookie: seen.",
        "The server calls itself nginx.",
    ]


def test_a_and_aaaa_race(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", after=20)
    scene.lookup(5, "shop.example", None, after=35, qtype=wire.AAAA, port=50001)
    scene.exchange(41, get("/"), answer())
    (visit,) = scene.analysis(tmp_path).visits
    told = remarks(visit, "dns")
    assert told[0] == "Its IPv4 and its IPv6 address were asked for side by side: that took 20 ms and 35 ms."
    assert told[1].endswith("may be kept for 5 min 0 s.")


def test_two_servers_asked(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", after=None, server="10.0.0.53")
    scene.lookup(5000, "shop.example", after=20, server="10.0.0.54", port=50001)
    scene.exchange(5025, get("/"), answer())
    (visit,) = scene.analysis(tmp_path).visits
    assert "More than one server was asked: 10.0.0.53, 10.0.0.54." in remarks(visit, "dns")


def test_redirects_stand_where_they_happened(tmp_path: Path) -> None:
    """The second host is looked up after the first one's answer, not before."""
    scene = Scene()
    scene.lookup(0, "shop.example")
    scene.exchange(25, get("/"), answer(301, 0, Location="http://www.shop.example/"))
    scene.lookup(130, "www.shop.example", "10.0.0.3", port=50001)
    scene.exchange(155, get("/", "www.shop.example"), answer(), server="10.0.0.3", client_port=40001)
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    in_time(analysis)
    assert present(visit) == ["dns", "tcp", "request", "response", "redirect", "dns", "tcp", "request", "response"]


def test_objects_from_the_cache(tmp_path: Path) -> None:
    scene = Scene()
    page = "http://shop.example/"
    scene.exchange(0, get("/"), answer())
    known = get("/a.css", Referer=page, **{"If-None-Match": '"v1"'})
    unchanged = b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nContent-Length: 1200\r\n\r\n'
    scene.exchange(120, known, unchanged, client_port=40001)
    (visit,) = scene.analysis(tmp_path).visits
    assert remarks(visit, "objects") == ["1 object was already there, unchanged (304): 1.2 kB saved."]


# ── where the client's own address is from ───────────────────────────────────────────────────────────────────────────


def row(kind: Any, **values: object) -> Any:
    """A row of which only some fields matter."""
    return kind(**{field.name: values.get(field.name) for field in fields(kind)})


def lease(address: str, answered: int) -> DhcpRow:
    known = {"routers": (), "resolvers": (), "frames": (1, 2, 3, 4), "outcome": "bound"}
    return row(DhcpRow, **known, address=address, start_time=answered - 5, answer_time=answered)  # type: ignore[no-any-return]


def test_a_lease_is_told_once(tmp_path: Path) -> None:
    """In the first visit after it; of another client's lease nothing is told."""
    facts = _facts(tmp_path)
    known = Known(replace(facts, dhcp=(lease("10.0.0.9", 50), lease("10.0.0.1", 100))))
    assert known.lease_of("10.0.0.1", 200) == (1, None)
    assert known.lease_of("10.0.0.1", 300) == (None, None)
    assert known.lease_of("10.0.0.7", 300) == (None, "not_captured"), "others asked for theirs"
    assert known.lease_of("10.0.0.7", 400) == (None, None), "said once"


def test_a_lease_that_came_later_explains_nothing(tmp_path: Path) -> None:
    known = Known(replace(_facts(tmp_path), dhcp=(lease("10.0.0.1", 500),)))
    assert known.lease_of("10.0.0.1", 200) == (None, "not_captured")
    assert known.lease_of("10.0.0.1", 600) == (0, None)


def test_what_others_asked_for_is_not_this_client_s(tmp_path: Path) -> None:
    """Heard on the local network, a client that did not ask had its address; that others asked is said, too."""
    other = replace(lease("10.0.0.9", 50), client_mac=RESOLVER)
    heard = row(ArpRow, asker_ip="10.0.0.1", target_ip="10.0.0.2")
    facts = replace(_facts(tmp_path), dhcp=(other,), arp=(heard,))
    assert Known(facts).lease_of("10.0.0.1", 200, ME) == (None, "not_captured")
    assert Known(facts).lease_of("10.0.0.1", 200, RESOLVER) == (None, "before_capture")
    assert Known(replace(facts, dhcp=())).lease_of("10.0.0.1", 200, ME) == (None, "before_capture")


@pytest.mark.parametrize(
    ("routers", "resolvers", "lease_s", "told"),
    [
        (("10.0.0.1",), (), 0xFFFFFFFF, ["told.routers", "term.forever"]),
        ((), ("10.0.0.53",), 3600, ["told.resolvers", "term"]),
        (("10.0.0.1",), ("10.0.0.53",), None, ["told"]),
        ((), (), None, []),
    ],
)
def test_what_a_lease_tells(
    tmp_path: Path, routers: tuple[str, ...], resolvers: tuple[str, ...], lease_s: int | None, told: list[str]
) -> None:
    """0xffffffff is for ever (RFC 2131 section 3.3); what was not told is not there."""
    one = replace(lease("10.0.0.1", 0), routers=routers, resolvers=resolvers, lease_s=lease_s)
    facts = replace(_facts(tmp_path), dhcp=(one,))
    (visit,), _ = link.visits(facts, lookups.owed(facts))
    step = next(step for step in visit.steps if step.step == "dhcp")
    assert [remark.sentence_key for remark in step.remarks] == [f"step.dhcp.{key}" for key in told]
    said = [sentence(remark.sentence_key, remark.sentence_args) for remark in step.remarks]
    assert not any("nothing" in text or "1193046" in text for text in said)


def test_nobody_heard_of_addresses(tmp_path: Path) -> None:
    """A capture with neither DHCP nor ARP has nothing to say about where addresses come from."""
    known = Known(_facts(tmp_path))
    assert known.lease_of("10.0.0.1", 200) == (None, None)


def test_neighbours_of_ipv6(tmp_path: Path) -> None:
    """The host asks from its link-local address; its hardware address says that it is the same one."""
    one = row(
        NdpRow,
        asker_mac=ME,
        asker_ip="fe80::1",
        target_ip="2001:db8::53",
        answer_mac=RESOLVER,
        outcome="answered",
        reply_time=1500,
    )
    known = Known(replace(_facts(tmp_path), ndp=(one,)))
    assert known.waited_for("2001:db8::1", ME, [(2000, None, "2001:db8::53")]) == ((), (0,))
    assert known.waited_for("2001:db8::1", ME, [(2000, None, "2001:db8::53")]) == ((), ()), "charged once"


def _facts(folder: Path) -> Facts:
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    a = scene.analysis(folder)
    return Facts(a.capture, a.arp, a.dns, a.connections, a.tls, a.http, a.icmp, a.segments)


def test_compression_that_makes_it_larger(tmp_path: Path) -> None:
    """Ten bytes become thirty by gzip (its head and trailer alone are 18): that is told as it is, and saves nothing."""
    packed = gzip.compress(b"abcdefghij", mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    scene = Scene()
    scene.exchange(0, get("/"), head % len(packed) + packed)
    (visit,) = scene.analysis(tmp_path).visits
    assert f"It travelled compressed (gzip), which made it larger: 10 B became {len(packed)} B." in remarks(
        visit, "response"
    )
    assert visit.savings == ()

"""ICMP errors tied to the connections they quote: which count, which are the first, and what they explain."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.schema import TcpRow
from tests import build
from tests.visits.scene import Scene

ROUTER = "10.0.0.254"


def connection(scene: Scene, folder: Path) -> TcpRow:
    """Return the only connection of a scene that goes on for long enough."""
    scene.udp(60_000, b"x", client="10.0.0.9", server="10.0.0.8", port=1)
    (row,) = scene.analysis(folder).connections.rows()
    return row


def tried(kind: int, code: int, *, source: str = ROUTER) -> Scene:
    """A SYN, and an ICMP error about it."""
    scene = Scene()
    book = scene.connection()
    book.client.syn()
    scene.icmp_error(10, source, kind, code, book.packets[0][1], to="10.0.0.1")
    return scene


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (3, 0),  # network unreachable
        (3, 1),  # host unreachable
        (3, 3),  # port unreachable, as a firewall may say for a closed port
        (3, 9),
        (3, 10),
        (3, 13),  # administratively prohibited
        (11, 0),  # time to live exceeded in transit
    ],
)
def test_an_error_explains_the_silence(kind: int, code: int, tmp_path: Path) -> None:
    row = connection(tried(kind, code), tmp_path)
    assert (row.handshake, row.handshake_why, row.unreachable_frame) == ("no_synack", "unreachable", 2)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (3, 4),  # fragmentation needed: send smaller packets
        (4, 0),  # source quench: slower
        (5, 1),  # redirect: another way
        (11, 1),  # fragments did not all arrive: the machine itself says so
        (12, 0),  # parameter problem
    ],
)
def test_an_error_that_does_not_say_so(kind: int, code: int, tmp_path: Path) -> None:
    row = connection(tried(kind, code), tmp_path)
    assert (row.handshake, row.handshake_why, row.unreachable_frame) == ("no_synack", "filtered", None)


def test_refused_filtered_and_unreachable_stand_apart(tmp_path: Path) -> None:
    scene = Scene()
    books = [scene.connection(client_port=50000 + k) for k in range(3)]
    for book in books:
        book.client.syn()
    books[0].at(20).server.rst()
    scene.icmp_error(30, ROUTER, 3, 1, books[2].packets[0][1], to="10.0.0.1")
    scene.udp(60_000, b"x", client="10.0.0.9", server="10.0.0.8", port=1)
    rows = list(scene.analysis(tmp_path).connections.rows())
    assert [(r.handshake_why, r.unreachable_frame) for r in rows] == [
        ("refused", None),
        ("filtered", None),
        ("unreachable", 5),
    ]


def test_the_first_error_counts(tmp_path: Path) -> None:
    """The SYN is sent twice; a router complains about each, and asks for smaller packets before."""
    scene = Scene()
    book = scene.connection()
    book.client.syn()
    book.at(1000).client.syn()
    for ms, code in ((5, 4), (10, 1), (1010, 13)):
        scene.icmp_error(ms, ROUTER, 3, code, book.packets[0][1], to="10.0.0.1")
    row = connection(scene, tmp_path)
    assert (row.handshake_why, row.unreachable_frame, row.syn_frames) == ("unreachable", 3, (1, 4))


def test_even_if_the_capture_ends_at_once(tmp_path: Path) -> None:
    (row,) = tried(3, 1).analysis(tmp_path).connections.rows()
    assert (row.handshake_why, row.unreachable_frame) == ("unreachable", 2)


def test_a_connection_that_opened_all_the_same(tmp_path: Path) -> None:
    """A traceroute over TCP, or a route that was out for a moment: the error is there, nothing is to be explained."""
    scene = Scene()
    book = scene.connection()
    book.client.syn()
    scene.icmp_error(10, ROUTER, 11, 0, book.packets[0][1], to="10.0.0.1")
    book.at(1000).client.syn()
    book.at(1040).server.syn()
    book.client.ack()
    row = connection(scene, tmp_path)
    assert (row.handshake, row.handshake_why, row.unreachable_frame) == ("complete", None, 2)


def test_a_reset_stays_a_refusal(tmp_path: Path) -> None:
    scene = tried(3, 1)
    book = scene.connection(client_port=40000)
    book.client.syn_sent = True
    book.at(20).server.rst()
    row = connection(scene, tmp_path)
    assert (row.handshake, row.handshake_why, row.unreachable_frame) == ("refused", "refused", 2)


def test_one_side_recorded_had_an_answer(tmp_path: Path) -> None:
    scene = Scene()
    book = scene.connection()
    book.client.syn()
    book.server.syn(captured=False)
    book.at(40).client.ack()
    scene.icmp_error(50, ROUTER, 3, 1, book.packets[0][1], to="10.0.0.1")
    row = connection(scene, tmp_path)
    assert (row.handshake_why, row.unreachable_frame) == ("one_sided", 3)


@pytest.mark.parametrize(
    ("kind", "code", "why"),
    [
        (1, 0, "unreachable"),  # no route
        (1, 1, "unreachable"),  # administratively prohibited
        (1, 3, "unreachable"),  # address unreachable
        (1, 4, "unreachable"),  # port unreachable: code 4 means something else in ICMP for IPv4
        (3, 0, "unreachable"),  # hop limit exceeded in transit
        (3, 1, "filtered"),  # fragment reassembly time exceeded
        (2, 0, "filtered"),  # packet too big
        (4, 1, "filtered"),  # parameter problem
    ],
)
def test_icmpv6(kind: int, code: int, why: str, tmp_path: Path) -> None:
    """RFC 4443 section 3."""
    scene = Scene()
    syn = build.ip6(build.tcp(seq=7))
    scene.add(0, build.eth(syn, ethertype=build.ETHERTYPE_IP6))
    error = build.ip6(build.icmp6(kind, code, 0, syn), src="2001:db8::fe", dst="2001:db8::1", next_header=58)
    scene.add(5, build.eth(error, ethertype=build.ETHERTYPE_IP6))
    row = connection(scene, tmp_path)
    assert (row.handshake_why, row.unreachable_frame) == (why, 2 if why == "unreachable" else None)


def test_an_error_about_another_packet(tmp_path: Path) -> None:
    """The same addresses and ports, but a sequence number that this connection never sent."""
    scene = Scene()
    scene.connection(client_isn=1000).client.syn()
    other = build.eth(build.ip4(build.tcp(seq=2000)))
    scene.icmp_error(10, ROUTER, 3, 1, other, to="10.0.0.1")
    row = connection(scene, tmp_path)
    assert (row.handshake_why, row.unreachable_frame) == ("filtered", None)

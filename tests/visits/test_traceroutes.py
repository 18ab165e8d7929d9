"""Traceroutes over UDP, ICMP and TCP: hops, latencies, silent hops, and what is none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.pipeline import analyze
from analyzer.protocols.icmp import IcmpMessage, exchanges
from analyzer.schema import TracerouteRow
from analyzer.visits.traceroutes import traceroutes
from tests import build
from tests.findings.icmp_scene import FAR, HOST, ROUTERS, Net, udp_trace


def the_route(analysis: Analysis) -> TracerouteRow:
    (route,) = analysis.traceroutes
    assert (route.source, route.destination) == (HOST, FAR)
    return route


def routers(route: TracerouteRow) -> list[str | None]:
    return [hop.routers[0] if hop.routers else None for hop in route.hops]


def test_udp(tmp_path: Path) -> None:
    analysis = udp_trace().analysis(tmp_path)
    route = the_route(analysis)
    assert (route.protocol, route.reached, routers(route)) == ("udp", True, [*ROUTERS, FAR])
    assert [hop.number for hop in route.hops] == [1, 2, 3, 4, 5]
    assert [hop.latencies_ms for hop in route.hops] == [(n, n, n) for n in (1, 2, 3, 4, 5)]
    assert {hop.probes for hop in route.hops} == {3}
    assert route.hops[0].frames == (2, 4, 6)
    assert route.frames == tuple(range(1, 30, 2))
    assert [row.hop for row in analysis.icmp[:3]] == [1, 1, 1]
    assert analysis.icmp[0].quoted_ms == 1.0


def test_a_silent_hop(tmp_path: Path) -> None:
    route = the_route(udp_trace(silent=(2,)).analysis(tmp_path))
    assert routers(route) == [ROUTERS[0], None, ROUTERS[2], ROUTERS[3], FAR]
    assert (route.hops[1].latencies_ms, route.hops[1].probes) == ((), 3)


def test_silence_at_the_end(tmp_path: Path) -> None:
    route = the_route(udp_trace(silent=(3, 4), reached=False).analysis(tmp_path))
    assert (route.reached, routers(route)) == (False, [ROUTERS[0], ROUTERS[1], None, None, None])


def test_icmp_as_windows_sends_it(tmp_path: Path) -> None:
    net = Net()
    for ttl in (1, 2, 3):
        frame = net.ping(ttl * 100, ttl, 30 if ttl == 3 else None, ttl=ttl)
        if ttl < 3:
            net.error(ttl * 100 + ttl, ROUTERS[ttl - 1], 11, 0, frame)
    net.ping(2000, 9, 31, ttl=128)  # an ordinary ping of the same program
    net.later(9000)
    analysis = net.analysis(tmp_path)
    route = the_route(analysis)
    assert (route.protocol, route.reached, routers(route)) == ("icmp", True, [ROUTERS[0], ROUTERS[1], FAR])
    assert [hop.latencies_ms for hop in route.hops] == [(1.0,), (2.0,), (30.0,)]
    (ping,) = analysis.pings
    assert (ping.sent, ping.received, ping.avg_ms) == (1, 1, 31.0)


@pytest.mark.parametrize("flags", ["SA", "RA"])
def test_tcp(tmp_path: Path, flags: str) -> None:
    net = Net()
    for ttl in (1, 2, 3):
        frame = net.syn(ttl * 100, ttl, port=40000 + ttl)
        if ttl < 3:
            net.error(ttl * 100 + ttl, ROUTERS[ttl - 1], 11, 0, frame)
    answer = build.tcp(sport=80, dport=40003, seq=5, ack=40004, flags=flags)
    net.add(317, build.eth(build.ip4(answer, src=FAR, dst=HOST)))
    net.later(9000)
    route = the_route(net.analysis(tmp_path))
    assert (route.protocol, route.reached, routers(route)) == ("tcp", True, [ROUTERS[0], ROUTERS[1], FAR])
    assert route.hops[2].latencies_ms == (17.0,)


def test_probes_under_way_at_once(tmp_path: Path) -> None:
    """Modern traceroute sends sixteen probes before it waits: those beyond the destination are no hops."""
    net = Net()
    frames = [net.probe(ttl, ttl, port=33433 + ttl, ident=ttl) for ttl in range(1, 9)]
    net.error(20, ROUTERS[0], 11, 0, frames[0])
    for number, frame in enumerate(frames[1:]):
        net.error(30 + number, FAR, 3, 3, frame)
    route = the_route(net.analysis(tmp_path))
    assert routers(route) == [ROUTERS[0], FAR]


def test_a_packet_in_a_circle_is_no_trace(tmp_path: Path) -> None:
    """The recorder sees one packet again and again, each time with fewer hops to live."""
    net = Net()
    for n, ttl in enumerate(range(9, 0, -2)):
        frame = net.probe(n, ttl, port=6000, ident=1)
    net.error(30, ROUTERS[1], 11, 0, frame)
    assert net.analysis(tmp_path).traceroutes == ()


def test_one_packet_is_no_trace(tmp_path: Path) -> None:
    net = Net()
    net.error(30, ROUTERS[1], 11, 0, net.probe(0, 3, port=6000, ident=1))
    assert net.analysis(tmp_path).traceroutes == ()


def trace(*times: tuple[float, float], kind: int = 11) -> TracerouteRow:
    """Return the route of pings with growing TTLs, each (sent at, error at) ms, in the order of their frames."""
    messages = []
    for ttl, (asked, told) in enumerate(times, 1):
        request = build.icmp4(8, 0, struct.pack(">HH", 7, ttl), b"x" * 32)
        kind_here = kind if ttl == 2 else 11
        quote = build.ip4(request, src=HOST, dst=FAR, proto=1, ttl=1)[:28]
        error = build.icmp4(kind_here, 0, bytes(4), quote)
        frame = 2 * ttl - 1
        messages += [
            IcmpMessage(frame, round(asked * 1e6), HOST, FAR, 1, ttl, len(request), request),
            IcmpMessage(frame + 1, round(told * 1e6), ROUTERS[ttl - 1], HOST, 1, 64, len(error), error),
        ]
    (route,) = traceroutes(exchanges(messages), {})
    return route


def test_a_clock_that_runs_back_leaves_a_hop_without_a_time() -> None:
    """The second router's answer is recorded 5 ms before its question: how long it took is not known."""
    route = trace((0, 1), (20, 15), (30, 33))
    assert routers(route) == list(ROUTERS[:3])
    assert [hop.latencies_ms for hop in route.hops] == [(1.0,), (), (3.0,)]
    assert route.hops[1].frames == (4,)


@pytest.mark.parametrize("kind", [4, 5])
def test_advice_about_a_probe_is_no_answer(kind: int) -> None:
    """Source quench and redirect come beside the answer, if any."""
    assert routers(trace((0, 1), (20, 22), (30, 33), kind=kind)) == [ROUTERS[0], None, ROUTERS[2]]


@pytest.mark.shared
def test_reported_as_the_samples_say(shared_captures: Path) -> None:
    """The lab's traceroute: what tshark shows as the senders of the errors, in the order of the TTLs."""
    analysis = analyze(str(shared_captures / "icmp" / "russo-traceroute.pcapng"))
    (route,) = analysis.traceroutes
    assert routers(route) == ["10.1.4.1", "10.1.2.2", "10.2.5.5"]

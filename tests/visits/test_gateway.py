"""Who the gateway is and what told its address: each rule on a small network, and where nothing may be claimed."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.schema import Gateway
from analyzer.visits.gateway import MAX_GATEWAYS
from tests import build
from tests.protocols_names import lease
from tests.protocols_names.test_ndp import PREFIX, ROUTER, mac_option, router_tells
from tests.visits.scene import Scene

HOST, GATE, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
NOBODY = "00:00:00:00:00:00"
ME, ROUTER_IP, FAR = "10.0.0.1", "10.0.0.254", "198.51.100.9"


def datagram(scene: Scene, ms: float, src: str, dst: str, *, by: str = HOST, to: str = GATE) -> None:
    """One packet of a host, handed to a station."""
    family, kind = (build.ip6, 0x86DD) if ":" in src else (build.ip4, 0x0800)
    proto = {"next_header": 17} if ":" in src else {"proto": 17}
    packet = family(build.udp(b"hello", sport=50000, dport=6000), src=src, dst=dst, **proto)  # type: ignore[operator]
    scene.add(ms, build.eth(packet, src=by, dst=to, ethertype=kind))


def gateways(scene: Scene, folder: Path) -> tuple[Gateway, ...]:
    return scene.analysis(folder).capture.gateways


def resolved(scene: Scene, ms: float, mac: str = GATE, ip: str = ROUTER_IP) -> None:
    """The host asks for the router, which answers."""
    scene.arp(ms, 1, HOST, ME, NOBODY, ip)
    scene.arp(ms + 1, 2, mac, ip, HOST, ME)


def test_a_private_host_and_a_public_server(tmp_path: Path) -> None:
    scene = Scene()
    resolved(scene, 0)
    datagram(scene, 10, ME, FAR)
    datagram(scene, 20, ME, FAR)
    datagram(scene, 25, FAR, ME, by=GATE, to=HOST)
    (gateway,) = gateways(scene, tmp_path)
    assert (gateway.mac, gateway.ip, gateway.ip_why, gateway.arp_row) == (GATE, ROUTER_IP, "arp", 0)
    assert (gateway.why, gateway.hosts, gateway.host_count) == ("public_address", (ME,), 1)
    assert (gateway.packets, gateway.frames, gateway.version) == (2, (3, 4), 4)
    assert gateway.last_time - gateway.first_time == 10_000_000


def test_the_address_is_never_made_up(tmp_path: Path) -> None:
    """The host knew the router's hardware address from before; it also talks to .254, which proves nothing."""
    scene = Scene()
    datagram(scene, 10, ME, FAR)
    datagram(scene, 20, ME, ROUTER_IP)
    (gateway,) = gateways(scene, tmp_path)
    assert (gateway.ip, gateway.ip_why, gateway.arp_row) == (None, "not_captured", None)


def test_a_neighbour_is_no_gateway(tmp_path: Path) -> None:
    scene = Scene()
    resolved(scene, 0, ip="10.0.0.2")
    datagram(scene, 10, ME, "10.0.0.2")
    assert gateways(scene, tmp_path) == ()


def test_a_neighbour_in_another_private_network_proves_nothing(tmp_path: Path) -> None:
    """10.0.0.1 and 10.0.7.2 may share a wire: their netmask is not known."""
    scene = Scene()
    datagram(scene, 10, ME, "10.0.7.2")
    datagram(scene, 20, ME, "10.0.8.2")
    assert gateways(scene, tmp_path) == ()


def test_a_station_that_is_handed_packets_for_three_networks(tmp_path: Path) -> None:
    """At a public server: its clients are everywhere, and all by way of one station."""
    scene = Scene()
    for number in range(3):
        datagram(scene, 10 * number, "192.0.2.80", f"198.51.{number}.9")
    (gateway,) = gateways(scene, tmp_path)
    assert (gateway.why, gateway.hosts, gateway.packets, gateway.ip) == ("several_networks", ("192.0.2.80",), 3, None)


def test_broadcasts_and_groups_have_no_gateway(tmp_path: Path) -> None:
    scene = Scene()
    for number, (to, dst) in enumerate(
        [("ff:ff:ff:ff:ff:ff", "255.255.255.255"), ("01:00:5e:00:00:fb", "224.0.0.251"), (GATE, "239.1.1.1")]
    ):
        datagram(scene, number, ME, dst, to=to)
    assert gateways(scene, tmp_path) == ()


def leased(scene: Scene, ms: float, mask: str = "255.255.255.0", *, ip: str = ME, xid: int = 0x1234) -> None:
    """The host is given an address, with router 10.0.0.254."""
    told = lease.terms((ROUTER_IP,), "10.0.0.2").replace(lease.addresses("255.255.255.0"), lease.addresses(mask))
    for at, data, back in (
        (ms, lease.request(ip, xid=xid), False),
        (ms + 1, lease.message(2, 5, xid=xid, yours=ip, options=told), True),
    ):
        ends = {"sport": 67, "dport": 68} if back else {"sport": 68, "dport": 67}
        src = "10.0.0.2" if back else "0.0.0.0"
        packet = build.ip4(build.udp(data, **ends), src=src, dst="255.255.255.255", proto=17)
        scene.add(at, build.eth(packet, src=OTHER if back else HOST, dst="ff:ff:ff:ff:ff:ff"))


def test_a_netmask_tells_what_is_remote(tmp_path: Path) -> None:
    scene = Scene()
    leased(scene, 0)
    datagram(scene, 10, ME, "10.0.0.9", to=OTHER)
    datagram(scene, 20, ME, "10.0.7.2")
    (gateway,) = gateways(scene, tmp_path)
    assert (gateway.mac, gateway.why, gateway.packets) == (GATE, "netmask", 1)
    assert (gateway.ip, gateway.ip_why, gateway.dhcp_row, gateway.arp_row) == (ROUTER_IP, "dhcp", 0, None)


def test_a_wide_netmask_makes_far_numbers_neighbours(tmp_path: Path) -> None:
    scene = Scene()
    leased(scene, 0, "255.0.0.0")
    for number in range(4):
        datagram(scene, 10 + number, ME, f"10.0.{number + 5}.2")
    assert gateways(scene, tmp_path) == ()


def test_proxy_arp_is_not_the_gateway_s_own_address(tmp_path: Path) -> None:
    """The router answers for the far server itself."""
    scene = Scene()
    resolved(scene, 0, ip=FAR)
    datagram(scene, 10, ME, FAR)
    (gateway,) = gateways(scene, tmp_path)
    assert (gateway.ip, gateway.ip_why) == (None, "not_captured")


def test_a_router_that_answers_for_several(tmp_path: Path) -> None:
    scene = Scene()
    resolved(scene, 0, ip="10.0.0.9")
    resolved(scene, 5, ip=ROUTER_IP)
    datagram(scene, 10, ME, FAR)
    (gateway,) = gateways(scene, tmp_path)
    assert (gateway.ip, gateway.ip_why) == (None, "ambiguous")
    leased(scene, -10)
    (gateway,) = gateways(scene, tmp_path)
    assert (gateway.ip, gateway.ip_why) == (ROUTER_IP, "arp")


def test_ipv6_by_a_router_s_own_words(tmp_path: Path) -> None:
    """The prefix is on the link, the server's is not."""
    scene = Scene()
    told = build.ip6(
        router_tells(mac_option(1, ROUTER), PREFIX), src="fe80::2", dst="ff02::1", next_header=58, hop_limit=255
    )
    scene.add(0, build.eth(told, src=ROUTER, dst="33:33:00:00:00:01", ethertype=0x86DD))
    datagram(scene, 10, "2001:db8::7", "2001:db8::8", to=OTHER)
    datagram(scene, 20, "2001:db8::7", "2001:db8:9::1", to=ROUTER)
    (gateway,) = gateways(scene, tmp_path)
    assert (gateway.mac, gateway.ip, gateway.ip_why, gateway.ndp_row) == (ROUTER, "fe80::2", "ndp", 0)
    assert (gateway.why, gateway.version, gateway.packets) == ("netmask", 6, 1)


def test_addresses_inside_a_tunnel_say_nothing_of_the_wire(tmp_path: Path) -> None:
    """IP in IP (RFC 2003): the outer packet goes to a neighbour, the inner one to a public address."""
    scene = Scene()
    inner = build.ip4(build.udp(b"hello", sport=50000, dport=6000), src="192.168.1.5", dst=FAR, proto=17)
    scene.add(0, build.eth(build.ip4(inner, src=ME, dst="10.0.0.2", proto=4), src=HOST, dst=GATE))
    assert gateways(scene, tmp_path) == ()


@pytest.mark.parametrize("vlan", [7, None])
def test_on_a_vlan_too(tmp_path: Path, vlan: int | None) -> None:
    scene = Scene()
    packet = build.ip4(build.udp(b"hello", sport=50000, dport=6000), src=ME, dst=FAR, proto=17)
    scene.add(0, build.eth(packet, src=HOST, dst=GATE, vlan=vlan))
    assert [gateway.mac for gateway in gateways(scene, tmp_path)] == [GATE]


def test_the_busiest_comes_first_and_many_hosts_are_counted(tmp_path: Path) -> None:
    scene = Scene()
    datagram(scene, 0, ME, FAR, to=OTHER)
    for number in range(30):
        datagram(scene, 1 + number, f"10.0.0.{number + 1}", FAR)
    first, second = gateways(scene, tmp_path)
    assert (first.mac, first.packets, first.host_count, len(first.hosts)) == (GATE, 30, 30, 16)
    assert (second.mac, second.packets) == (OTHER, 1)
    assert len(first.frames) == 6


def came_back(scene: Scene, ms: float, src: str, ttl: int, *, by: str = GATE) -> None:
    """An answer to the host, with what is left of its TTL."""
    packet = build.ip4(build.udp(b"hello", sport=6000, dport=50000), src=src, dst=NEAR, proto=17, ttl=ttl)
    scene.add(ms, build.eth(packet, src=by, dst=HOST))


NEAR, NEAR_GATE = "192.0.2.10", "192.0.2.1"


def near_resolved(scene: Scene, ip: str = NEAR_GATE) -> None:
    scene.arp(0, 1, HOST, NEAR, NOBODY, ip)
    scene.arp(1, 2, GATE, ip, HOST, NEAR)


def test_one_far_network_behind_a_station_that_arp_knows(tmp_path: Path) -> None:
    """No private address, no lease, one network only; the answers have been through a router (TTL 63)."""
    scene = Scene()
    near_resolved(scene)
    datagram(scene, 10, NEAR, FAR)
    came_back(scene, 20, FAR, 63)
    (gateway,) = gateways(scene, tmp_path)
    assert (gateway.mac, gateway.ip, gateway.why, gateway.packets) == (GATE, NEAR_GATE, "passed_on", 1)


@pytest.mark.parametrize("ttl", [64, 128, 255, 1])
def test_a_neighbour_with_two_addresses(tmp_path: Path, ttl: int) -> None:
    """Its second address was known from before; no router had a hand in what it says."""
    scene = Scene()
    near_resolved(scene)
    datagram(scene, 10, NEAR, FAR)
    came_back(scene, 20, FAR, ttl)
    assert gateways(scene, tmp_path) == ()


def test_a_neighbour_that_was_asked_for(tmp_path: Path) -> None:
    """Somebody asks for the second address by ARP, so it is on the link, whatever its TTL."""
    scene = Scene()
    near_resolved(scene)
    near_resolved(scene, FAR)
    datagram(scene, 10, NEAR, FAR)
    came_back(scene, 20, FAR, 63)
    assert gateways(scene, tmp_path) == ()


def test_a_host_that_never_asked(tmp_path: Path) -> None:
    """Without an answered question of the host nothing is known of how it finds its neighbours."""
    scene = Scene()
    scene.arp(1, 1, GATE, NEAR_GATE, NOBODY, NEAR_GATE)
    datagram(scene, 10, NEAR, FAR)
    came_back(scene, 20, FAR, 63)
    assert gateways(scene, tmp_path) == ()


@pytest.mark.parametrize(("again", "before"), [(False, GATE), (True, None)])
def test_a_gateway_in_another_one_s_place(tmp_path: Path, again: bool, before: str | None) -> None:
    """From a moment on the same two hosts' packets go to another station; where they go back and forth nobody left."""
    scene = Scene()
    datagram(scene, 10, ME, FAR)
    datagram(scene, 20, ME, FAR, to=OTHER)
    if again:
        datagram(scene, 30, ME, FAR)
    found = {gateway.mac: gateway.took_over for gateway in gateways(scene, tmp_path)}
    assert found == {GATE: None, OTHER: before}


def test_more_gateways_than_are_listed_are_a_problem(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(MAX_GATEWAYS + 4):
        datagram(scene, number, ME, FAR, to=f"02:00:00:00:01:{number:02x}")
    analysis = scene.analysis(tmp_path)
    assert len(analysis.capture.gateways) == MAX_GATEWAYS
    (problem,) = analysis.problems
    assert (problem.code, problem.layer, problem.message) == (
        "LIMIT-REACHED",
        "link",
        f"{MAX_GATEWAYS + 4} stations that pass packets on; the busiest {MAX_GATEWAYS} are listed",
    )


def test_more_networks_than_are_compared_are_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines are leased addresses of different networks, and one network is looked at."""
    monkeypatch.setattr("analyzer.visits.gateway.MAX_NETWORKS", 1)
    scene = Scene()
    datagram(scene, 0, ME, FAR)
    for number in (1, 2):
        leased(scene, 100 * number, ip=f"10.0.{number}.9", xid=number)
    analysis = scene.analysis(tmp_path)
    assert [p.message for p in analysis.problems] == ["2 networks in leases; the first 1 are used"]

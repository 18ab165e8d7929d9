"""Findings about ARP, IPv6 neighbours and DHCP: where each rule fires, with its evidence, and healthy near misses."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.sentences import finding_text, sentence
from tests import build
from tests.protocols_names import lease
from tests.protocols_names.test_ndp import PREFIX, ask, mac_option, router_tells, tell
from tests.visits.scene import Scene, alarms, answer, check_evidence, found, get

NOBODY = "00:00:00:00:00:00"
MAC = {number: f"02:00:00:00:00:{number:02x}" for number in range(1, 60)}
FAR, GATE = "198.51.100.9", "10.0.0.254"


def arp_ask(scene: Scene, ms: float, number: int, target: str, *, source: str | None = None) -> None:
    scene.arp(ms, 1, MAC[number], source or f"10.0.0.{number}", NOBODY, target)


def arp_tell(scene: Scene, ms: float, mac: str, address: str, number: int) -> None:
    scene.arp(ms, 2, mac, address, MAC[number], f"10.0.0.{number}")


def probe(scene: Scene, ms: float, number: int, target: str) -> None:
    arp_ask(scene, ms, number, target, source="0.0.0.0")


def far(scene: Scene, ms: float, to: str, number: int = 1) -> None:
    """A packet of a private host for a public one, handed to a station."""
    packet = build.ip4(build.udp(b"hi", sport=50000, dport=6000), src=f"10.0.0.{number}", dst=FAR, proto=17)
    scene.add(ms, build.eth(packet, src=MAC[number], dst=to))


# ── ARP-GATEWAY-CHANGED ──────────────────────────────────────────────────────────────────────────────────────────


def gateway_taken_over(other: str) -> Scene:
    scene = Scene()
    arp_ask(scene, 0, 1, GATE)
    arp_tell(scene, 1, MAC[50], GATE, 1)
    far(scene, 10, MAC[50])
    arp_ask(scene, 5000, 1, GATE)
    arp_tell(scene, 5001, other, GATE, 1)
    far(scene, 5010, other)
    return scene


def test_the_gateway_is_another_machine(tmp_path: Path) -> None:
    analysis = gateway_taken_over(MAC[51]).analysis(tmp_path)
    (finding,) = analysis.findings
    assert (finding.code, finding.severity, finding.frames) == ("ARP-GATEWAY-CHANGED", "warning", (2, 3, 5, 6))
    assert (finding.args["ip"], finding.args["first"], finding.args["last"]) == (GATE, MAC[50], MAC[51])
    assert (finding.args["hosts"], finding.args["packets"]) == (["10.0.0.1"], 1)
    assert sentence(finding.title_key, finding.args) == f"The gateway {GATE} was {MAC[50]} and is now {MAC[51]}"
    check_evidence(finding, 6)


def test_two_claim_to_be_the_gateway(tmp_path: Path) -> None:
    """It goes to the other machine and back: nobody replaced anything."""
    scene = gateway_taken_over(MAC[51])
    arp_ask(scene, 9000, 1, GATE)
    arp_tell(scene, 9001, MAC[50], GATE, 1)
    analysis = scene.analysis(tmp_path)
    assert [(f.title_key, f.severity) for f in analysis.findings] == [
        ("ARP-CONFLICT", "error"),
        ("ARP-GATEWAY-CHANGED.contested", "warning"),
    ]
    assert analysis.findings[1].args["macs"] == [MAC[50], MAC[51]]


def test_a_virtual_router_may_be_any_machine(tmp_path: Path) -> None:
    """VRRP: the hardware address belongs to the pair of routers (RFC 9568 section 7.3)."""
    assert gateway_taken_over("00:00:5e:00:01:01").analysis(tmp_path).findings == ()


def test_the_same_gateway_again(tmp_path: Path) -> None:
    assert gateway_taken_over(MAC[50]).analysis(tmp_path).findings == ()


def test_a_change_before_anything_was_sent(tmp_path: Path) -> None:
    """The router was replaced; then the host began."""
    scene = Scene()
    for ms, mac in ((0, MAC[50]), (60_000, MAC[51])):
        arp_ask(scene, ms, 1, GATE)
        arp_tell(scene, ms + 1, mac, GATE, 1)
    far(scene, 120_000, MAC[51])
    assert [(f.code, f.severity) for f in scene.analysis(tmp_path).findings] == [("ARP-CONFLICT", "note")]


# ── ARP-ADDRESS-TAKEN ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_address_is_taken(tmp_path: Path) -> None:
    """RFC 5227 section 2.1.1: any reply to a probe."""
    scene = Scene()
    probe(scene, 0, 1, "10.0.0.5")
    probe(scene, 1000, 1, "10.0.0.5")
    scene.arp(1001, 2, MAC[5], "10.0.0.5", MAC[1], "0.0.0.0")
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("ARP-ADDRESS-TAKEN", "error", (1, 2, 3))
    assert finding.args == {"target_ip": "10.0.0.5", "owner": MAC[5], "asker_mac": MAC[1]}


@pytest.mark.parametrize(("after", "alarm"), [(1900, [("ARP-ADDRESS-TAKEN", "error")]), (2100, [])])
def test_the_owner_speaks_up_while_it_is_asked_for(tmp_path: Path, after: float, alarm: list[object]) -> None:
    """Within two seconds of the last probe any use of the address contradicts it; later it is another story."""
    scene = Scene()
    probe(scene, 0, 1, "10.0.0.5")
    arp_ask(scene, after, 5, "10.0.0.9")
    assert alarms(scene.analysis(tmp_path)) == alarm


def test_a_free_address(tmp_path: Path) -> None:
    scene = Scene()
    for ms in (0, 1000, 2000):
        probe(scene, ms, 1, "10.0.0.5")
    for ms in (4000, 6000):
        scene.arp(ms, 1, MAC[1], "10.0.0.5", NOBODY, "10.0.0.5")
    assert scene.analysis(tmp_path).findings == ()


def test_a_switch_that_tracks_a_device(tmp_path: Path) -> None:
    scene = Scene()
    scene.arp(0, 1, MAC[9], "0.0.0.0", MAC[5], "10.0.0.5")
    scene.arp(1, 2, MAC[5], "10.0.0.5", MAC[9], "0.0.0.0")
    assert scene.analysis(tmp_path).findings == ()


# ── ARP-STORM, ARP-SCAN, ARP-SLOW ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("seconds", "rate", "storm"), [(10, 15, True), (9, 15, False), (12, 14, False)])
def test_one_asker_does_not_stop(tmp_path: Path, seconds: int, rate: int, storm: bool) -> None:
    scene = Scene()
    for number in range(seconds * rate):
        arp_ask(scene, 1000 * number / rate, 1, f"10.0.0.{number % 3 + 50}")
    hits = found(scene.analysis(tmp_path), "ARP-STORM")
    assert [(f.severity, f.title_key) for f in hits] == [("warning", "ARP-STORM")] * storm
    if storm:
        assert (hits[0].args["rate"], hits[0].args["seconds"], hits[0].args["requests"]) == (15, 10, 150)
        assert len(hits[0].frames) == 60


def test_a_router_whose_hosts_are_scanned(tmp_path: Path) -> None:
    """Each of many addresses is asked for once: broadcasts all the same, but it is no machine gone mad."""
    scene = Scene()
    for number in range(240):
        arp_ask(scene, 50 * number, 1, f"10.0.{number // 200}.{number % 200 + 2}")
    analysis = scene.analysis(tmp_path)
    assert [(f.code, f.severity, f.title_key) for f in analysis.findings] == [("ARP-STORM", "note", "ARP-STORM.many")]


def test_everybody_at_once(tmp_path: Path) -> None:
    """Forty machines, three requests each in every second for four seconds: a loop."""
    scene = Scene()
    for second in range(4):
        for number in range(1, 41):
            for again in range(3):
                arp_ask(scene, 1000 * second + 300 * again + number, number, "10.0.0.254")
    (finding,) = found(scene.analysis(tmp_path), "ARP-STORM")
    assert (finding.severity, finding.title_key, finding.args["askers"]) == ("warning", "ARP-STORM.all", 40)


def test_after_a_power_cut(tmp_path: Path) -> None:
    """Forty machines start and each asks for its gateway a few times, within two seconds."""
    scene = Scene()
    for second in range(2):
        for number in range(1, 41):
            for again in range(3):
                arp_ask(scene, 900 * second + 300 * again + number, number, "10.0.0.254")
    assert found(scene.analysis(tmp_path), "ARP-STORM") == []


@pytest.mark.parametrize(("targets", "apart", "scan"), [(30, 100, True), (29, 100, False), (40, 1000, False)])
def test_scan(tmp_path: Path, targets: int, apart: float, scan: bool) -> None:
    scene = Scene()
    for number in range(targets):
        arp_ask(scene, apart * number, 1, f"10.0.0.{100 + number}")
    arp_tell(scene, 50, MAC[7], "10.0.0.100", 1)
    analysis = scene.analysis(tmp_path)
    assert [(f.code, f.severity) for f in analysis.findings] == [("ARP-SCAN", "note")] * scan
    if scan:
        assert (analysis.findings[0].args["targets"], analysis.findings[0].args["answered"]) == (30, 1)


@pytest.mark.parametrize(
    ("after", "asked", "key"),
    [(500, (0,), "ARP-SLOW"), (499, (0,), None), (1002, (0, 1000), "ARP-SLOW.retry")],
)
def test_slow(tmp_path: Path, after: float, asked: tuple[float, ...], key: str | None) -> None:
    scene = Scene()
    for ms in asked:
        arp_ask(scene, ms, 1, "10.0.0.5")
    arp_tell(scene, after, MAC[5], "10.0.0.5", 1)
    analysis = scene.analysis(tmp_path)
    assert [f.title_key for f in analysis.findings] == ([key] if key else [])
    assert all(f.severity == "note" and f.cost_ms == after for f in analysis.findings)


def test_a_neighbour_of_the_recorder_that_looks_for_others(tmp_path: Path) -> None:
    """Host 9 talks to host 1, beside which the recorder is, and asks for hosts whose answers go elsewhere."""
    scene = Scene()
    scene.lookup(0, "shop.example", client="10.0.0.1")
    scene.exchange(100, get("/"), answer(), client="10.0.0.9", server="10.0.0.1")
    for ms in (1000, 2000):
        arp_ask(scene, ms, 9, "10.0.0.77")
    assert alarms(scene.analysis(tmp_path)) == []


# ── NDP ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ME6, GATE6, NEW6 = "fe80::1", "fe80::2", "2001:db8::77"


def icmp6(scene: Scene, ms: float, src: str, dst: str, data: bytes, number: int) -> None:
    packet = build.ip6(data, src=src, dst=dst, next_header=58, hop_limit=255)
    scene.add(ms, build.eth(packet, src=MAC[number], dst="33:33:00:00:00:01", ethertype=0x86DD))


def test_neighbour_unanswered(tmp_path: Path) -> None:
    """The asker is heard: another question of it was answered, and so is one of somebody else by it."""
    scene = Scene()
    for ms, target in ((0, GATE6), (5, "fe80::3")):
        icmp6(scene, ms, ME6, target, ask(target, MAC[1]), 1)
        icmp6(scene, ms + 1, target, ME6, tell(target, MAC[2]), 2)
    for ms in (1000, 2000, 3000):
        icmp6(scene, ms, ME6, "ff02::1:ff00:9", ask("fe80::9", MAC[1]), 1)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("NDP-UNANSWERED", "warning", (5, 6, 7))
    assert finding.args == {"target_ip": "fe80::9", "asker_ip": ME6, "attempts": 3}


def test_neighbour_unanswered_elsewhere(tmp_path: Path) -> None:
    scene = Scene()
    for ms in (0, 1000):
        icmp6(scene, ms, ME6, "ff02::1:ff00:9", ask("fe80::9", MAC[1]), 1)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.blame, finding.title_key) == ("note", "capture", "NDP-UNANSWERED.unheard")


def test_neighbour_asked_once(tmp_path: Path) -> None:
    scene = Scene()
    icmp6(scene, 0, ME6, "ff02::1:ff00:9", ask("fe80::9", MAC[1]), 1)
    assert scene.analysis(tmp_path).findings == ()


def test_an_ipv6_address_is_taken(tmp_path: Path) -> None:
    """The owner answers to all nodes (RFC 4862 section 5.4.4)."""
    scene = Scene()
    icmp6(scene, 0, "::", "ff02::1:ff00:77", ask(NEW6, None), 1)
    icmp6(scene, 2, NEW6, "ff02::1", tell(NEW6, MAC[5], 0x20), 5)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("NDP-ADDRESS-TAKEN", "error", (1, 2))
    assert finding.args == {"target_ip": NEW6, "owner": MAC[5], "asker_mac": MAC[1]}


def test_a_free_ipv6_address(tmp_path: Path) -> None:
    scene = Scene()
    icmp6(scene, 0, "::", "ff02::1:ff00:77", ask(NEW6, None), 1)
    icmp6(scene, 1000, NEW6, "ff02::1", tell(NEW6, MAC[1], 0x20), 1)
    assert scene.analysis(tmp_path).findings == ()


@pytest.mark.parametrize(
    ("claims", "key", "severity"),
    [
        (((2, 60), (3, 500)), "NDP-CONFLICT", "warning"),  # both within a second
        (((2, 60), (3, 60_000)), "NDP-CONFLICT.moved", "note"),
        (((2, 60), (3, 60_000), (3, 61_000), (3, 62_000)), "NDP-CONFLICT.moved", "note"),  # RFC 4861 section 7.2.6
        (((2, 60), (3, 60_000), (3, 65_000), (3, 70_000)), "NDP-CONFLICT", "warning"),  # it insists
        (((2, 60), (2, 60_000)), None, None),
    ],
)
def test_two_claim_an_ipv6_address(
    tmp_path: Path, claims: tuple[tuple[int, float], ...], key: str | None, severity: str | None
) -> None:
    scene = Scene()
    icmp6(scene, 0, ME6, "ff02::1:ff00:2", ask(GATE6, MAC[1]), 1)
    for n, (number, ms) in enumerate(claims):
        icmp6(scene, ms, GATE6, ME6 if n == 0 else "ff02::1", tell(GATE6, MAC[number], 0x20 if n else 0x60), number)
    hits = scene.analysis(tmp_path).findings
    assert [(f.title_key, f.severity) for f in hits] == ([(key, severity)] if key else [])


@pytest.mark.parametrize(
    ("second", "lifetime", "count"), [("fe80::3", 1800, 1), ("fe80::3", 0, 0), ("fe80::2", 1800, 0)]
)
def test_several_routers(tmp_path: Path, second: str, lifetime: int, count: int) -> None:
    """A router with lifetime 0 is no gateway (RFC 4861 section 4.2); the same one again is one."""
    scene = Scene()
    icmp6(scene, 0, "fe80::2", "ff02::1", router_tells(mac_option(1, MAC[2]), PREFIX), 2)
    icmp6(scene, 10, second, "ff02::1", router_tells(mac_option(1, MAC[3]), PREFIX, lifetime=lifetime), 3)
    hits = scene.analysis(tmp_path).findings
    assert [(f.code, f.severity) for f in hits] == [("NDP-ROUTERS", "note")] * count
    if count:
        assert (hits[0].args["routers"], hits[0].frames) == (["fe80::2", "fe80::3"], (1, 2))


# ── DHCP ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def dhcp(scene: Scene, ms: float, data: bytes, *, back: bool = False, src: str = "0.0.0.0", mac: str = MAC[1]) -> None:
    ports = {"sport": 67, "dport": 68} if back else {"sport": 68, "dport": 67}
    source = (lease.SERVER if src == "0.0.0.0" else src) if back else src
    packet = build.ip4(build.udp(data, **ports), src=source, dst="255.255.255.255", proto=17)
    scene.add(ms, build.eth(packet, src=MAC[2] if back else mac, dst="ff:ff:ff:ff:ff:ff"))


def leased(scene: Scene, ms: float, *, offer_after: float = 5, ack_after: float = 10, xid: int = 1) -> None:
    dhcp(scene, ms, lease.discover(xid=xid))
    dhcp(scene, ms + offer_after, lease.offer(xid=xid), back=True)
    dhcp(scene, ms + offer_after + 1, lease.request(xid=xid))
    dhcp(scene, ms + ack_after, lease.ack(xid=xid), back=True)


def test_a_healthy_lease(tmp_path: Path) -> None:
    scene = Scene()
    leased(scene, 0)
    analysis = scene.analysis(tmp_path)
    assert analysis.findings == ()
    assert [row.outcome for row in analysis.dhcp] == ["bound"]


def test_no_dhcp_server(tmp_path: Path) -> None:
    """Recorded at the client: nobody else is heard at all."""
    scene = Scene()
    for ms in (0, 4000, 12_000):
        dhcp(scene, ms, lease.discover())
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("DHCP-NO-ANSWER", "error", (1, 2, 3))
    assert (finding.args["client"], finding.args["attempts"], finding.args["waited_ms"]) == ("laptop", 3, 12_000)
    assert sentence(finding.title_key, finding.args).startswith("laptop asked for an address 3 times within 12.0")


def test_one_question_is_no_alarm(tmp_path: Path) -> None:
    scene = Scene()
    dhcp(scene, 0, lease.discover())
    assert scene.analysis(tmp_path).findings == ()


@pytest.mark.parametrize(("flags", "key"), [(0, "DHCP-NO-ANSWER.unheard"), (0x8000, "DHCP-NO-ANSWER")])
def test_a_client_elsewhere(tmp_path: Path, flags: int, key: str) -> None:
    """Others talk here; an answer would be heard only as a broadcast (RFC 2131 section 4.1)."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(), client="10.0.0.30", server="10.0.0.31")
    for ms in (1000, 5000):
        dhcp(scene, ms, lease.discover(flags=flags, mac=MAC[9]), mac=MAC[9])
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.title_key, finding.severity) == (key, "note")


def test_a_heard_client_without_a_server(tmp_path: Path) -> None:
    """It talks to a neighbour (an old address, perhaps), and asks for an address in vain."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    for ms in (1000, 5000):
        dhcp(scene, ms, lease.discover(mac=build.MAC_A), mac=build.MAC_A)
    assert alarms(scene.analysis(tmp_path)) == [("DHCP-NO-ANSWER", "error")]


def test_the_server_came_later(tmp_path: Path) -> None:
    scene = Scene()
    for ms in (0, 4000):
        dhcp(scene, ms, lease.message(1, 3, options=lease.option(50, lease.addresses("10.0.0.7"))))
    leased(scene, 8000)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.title_key, finding.cost_ms) == ("note", "DHCP-NO-ANSWER.later", 4000)
    assert finding.args["new_address"] == "10.0.0.7"


def test_a_renewal_that_nobody_answers(tmp_path: Path) -> None:
    scene = Scene()
    for ms in (0, 60_000):
        dhcp(scene, ms, lease.message(1, 3, client="10.0.0.7"), src="10.0.0.7")
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.title_key) == ("warning", "DHCP-NO-ANSWER.renewal")


def test_many_clients_are_one_finding(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(1, 31):
        for ms in (0, 4000):
            dhcp(scene, ms + number, lease.discover(mac=MAC[number], flags=0x8000), mac=MAC[number])
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.title_key, finding.severity, finding.args["clients"]) == ("DHCP-NO-ANSWER.many", "warning", 30)


def test_refused(tmp_path: Path) -> None:
    scene = Scene()
    dhcp(scene, 0, lease.request("10.0.0.9"))
    dhcp(scene, 3, lease.nak(), back=True)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("DHCP-REFUSED", "warning", (1, 2))
    assert (finding.args["server"], finding.args["address"]) == (lease.SERVER, "10.0.0.9")


def test_a_refusal_of_what_was_asked_unheard(tmp_path: Path) -> None:
    """The DISCOVER is in the capture: only the REQUEST is missing, so the refusal is of this client's request."""
    scene = Scene()
    dhcp(scene, 0, lease.discover())
    dhcp(scene, 3, lease.nak(), back=True)
    (finding,) = found(scene.analysis(tmp_path), "DHCP-REFUSED")
    assert (finding.severity, finding.title_key, finding.frames) == ("warning", "DHCP-REFUSED", (1, 2))


def test_a_server_checks_an_address_before_it_offers_it(tmp_path: Path) -> None:
    """RFC 2131 section 2.2: nobody is to answer then. After the lease the server asks in earnest, and is answered."""
    scene = Scene()
    dhcp(scene, 0, lease.discover())
    for ms in (2, 300, 600):
        arp_ask(scene, ms, 2, lease.CLIENT, source=lease.SERVER)
    dhcp(scene, 1000, lease.offer(), back=True)
    dhcp(scene, 1001, lease.request())
    dhcp(scene, 1003, lease.ack(), back=True)
    assert found(scene.analysis(tmp_path), "ARP-UNANSWERED") == []
    arp_ask(scene, 1500, 2, lease.CLIENT, source=lease.SERVER)
    scene.arp(1501, 2, MAC[1], lease.CLIENT, MAC[2], lease.SERVER)
    analysis = scene.analysis(tmp_path)
    assert [row.attempts for row in analysis.arp] == [4], "one exchange, answered after 1.5 s"
    assert found(analysis, "ARP-SLOW") == []


def test_refused_and_given_another(tmp_path: Path) -> None:
    scene = Scene()
    dhcp(scene, 0, lease.request("10.0.0.9"))
    dhcp(scene, 3, lease.nak(), back=True)
    leased(scene, 10, xid=2)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.title_key, finding.args["new_address"]) == (
        "note",
        "DHCP-REFUSED.again",
        "10.0.0.7",
    )


def test_a_refusal_alone(tmp_path: Path) -> None:
    scene = Scene()
    dhcp(scene, 3, lease.nak(), back=True)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.title_key) == ("note", "DHCP-REFUSED.unseen")


@pytest.mark.parametrize(("routers", "what"), [(("10.0.0.250",), ["gateway"]), (("10.0.0.254",), None)])
def test_two_servers(tmp_path: Path, routers: tuple[str, ...], what: list[str] | None) -> None:
    """Different addresses of one network are how two servers share the work; a different gateway is not."""
    scene = Scene()
    dhcp(scene, 0, lease.discover())
    dhcp(scene, 5, lease.offer(), back=True)
    dhcp(scene, 6, lease.offer("10.0.0.99", server="10.0.0.3", routers=routers), back=True, src="10.0.0.3")
    dhcp(scene, 7, lease.request())
    dhcp(scene, 9, lease.ack(), back=True)
    hits = scene.analysis(tmp_path).findings
    assert [(f.code, f.severity, f.args["what"]) for f in hits] == ([("DHCP-SERVERS", "warning", what)] if what else [])
    if what:
        assert (hits[0].frames, hits[0].args["first"], hits[0].args["second"]) == ((2, 3), lease.SERVER, "10.0.0.3")


@pytest.mark.parametrize(("after", "severity"), [(2999, None), (3000, "note"), (9999, "note"), (10_000, "warning")])
def test_a_slow_lease(tmp_path: Path, after: float, severity: str | None) -> None:
    scene = Scene()
    leased(scene, 0, ack_after=after)
    hits = scene.analysis(tmp_path).findings
    assert [(f.code, f.severity, f.cost_ms) for f in hits] == ([("DHCP-SLOW", severity, after)] if severity else [])


def test_declined(tmp_path: Path) -> None:
    scene = Scene()
    leased(scene, 0)
    gone = lease.option(50, lease.addresses("10.0.0.7")) + lease.option(54, lease.addresses(lease.SERVER))
    dhcp(scene, 100, lease.message(1, 4, xid=1, options=gone))
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("DHCP-DECLINED", "warning", (5,))
    assert finding.args["address"] == "10.0.0.7"


def test_a_hostile_name_is_shown_as_text(tmp_path: Path) -> None:
    scene = Scene()
    for ms in (0, 4000):
        dhcp(scene, ms, lease.message(1, 1, name="a\x1b[2Jb"))
    (finding,) = scene.analysis(tmp_path).findings
    assert "\x1b" not in finding_text(finding.title_key, finding.args).title

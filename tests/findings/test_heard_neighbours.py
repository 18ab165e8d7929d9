"""Whose answers the recorder would have heard: silence is trouble only there. And servers that refuse each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.sentences import finding_text
from tests import build
from tests.findings.test_link_findings import GATE, MAC, arp_ask, arp_tell, dhcp, far, icmp6
from tests.findings.test_tcp_findings import refused
from tests.protocols_names import lease
from tests.protocols_names.test_ndp import ask
from tests.visits.scene import Scene, alarms, answer, get


def frame(scene: Scene, ms: float, src: str, dst: str) -> None:
    """A frame without IP: a key of a wireless network (EAPOL)."""
    scene.add(ms, build.eth(bytes(60), src=src, dst=dst, ethertype=0x888E))


def elsewhere(scene: Scene) -> None:
    """Two others talk, so that the asker is not the only one who is heard at all."""
    scene.exchange(0, get("/"), answer(), client="10.0.0.30", server="10.0.0.31")


@pytest.mark.parametrize(("senders", "severity"), [((50, 51), "warning"), ((50,), "note"), ((), "note")])
def test_an_asker_that_two_others_answered(tmp_path: Path, senders: tuple[int, ...], severity: str) -> None:
    """Replies on their way to it are in the capture, and not from one machine only, which might be the recorder."""
    scene = Scene()
    elsewhere(scene)
    for number in senders:
        arp_tell(scene, 1000 + number, MAC[number], "10.0.0.99" if number == 50 else "10.0.0.98", 9)
    for ms in (2000, 3000, 4000):
        arp_ask(scene, ms, 9, "10.0.0.77")
    found = [f for f in scene.analysis(tmp_path).findings if f.code == "ARP-UNANSWERED"]
    assert [f.severity for f in found] == [severity]


@pytest.mark.parametrize(("to", "severity"), [(MAC[9], "error"), (MAC[8], "note"), ("ff:ff:ff:ff:ff:ff", "note")])
def test_a_client_that_was_sent_a_frame(tmp_path: Path, to: str, severity: str) -> None:
    """Whatever was sent to the client alone was recorded, so an offer would have been."""
    scene = Scene()
    elsewhere(scene)
    for ms in (1000, 5000):
        dhcp(scene, ms, lease.discover(mac=MAC[9]), mac=MAC[9])
    frame(scene, 9000, MAC[50], to)
    (finding,) = [f for f in scene.analysis(tmp_path).findings if f.code == "DHCP-NO-ANSWER"]
    assert finding.severity == severity


@pytest.mark.parametrize(
    ("lost", "key", "severity"),
    [("10.9.9.9", "DHCP-NO-ANSWER.moved", "warning"), ("10.0.0.8", "DHCP-NO-ANSWER.later", "note")],
)
def test_a_renewal_that_ends_in_a_new_lease(tmp_path: Path, lost: str, key: str, severity: str) -> None:
    """Renewing (unicast), rebinding (broadcast, another transaction), then 10.0.0.7/24 from another server."""
    scene = Scene()
    for ms, xid in ((0, 7), (4000, 7), (20_000, 8)):
        dhcp(scene, ms, lease.message(1, 3, xid=xid, client=lost), src=lost)
    dhcp(scene, 30_000, lease.discover(xid=9))
    dhcp(scene, 30_005, lease.offer(xid=9), back=True)
    dhcp(scene, 30_006, lease.request(xid=9))
    dhcp(scene, 30_010, lease.ack(xid=9), back=True)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.title_key, finding.severity, finding.frames) == (key, severity, (1, 2, 3))
    assert (finding.args["attempts"], finding.args["waited_ms"], finding.args["new_address"]) == (3, 20_000, "10.0.0.7")


@pytest.mark.parametrize(("refusing", "alarm"), [("10.0.0.3", True), (lease.SERVER, False)])
def test_a_server_that_refuses_what_the_other_offered(tmp_path: Path, refusing: str, alarm: bool) -> None:
    """The client takes the first server's offer; that this one changes its mind is a refusal like any other."""
    scene = Scene()
    dhcp(scene, 0, lease.discover())
    dhcp(scene, 5, lease.offer(), back=True)
    dhcp(scene, 6, lease.offer("10.0.0.99", server="10.0.0.3"), back=True, src="10.0.0.3")
    dhcp(scene, 7, lease.request())
    dhcp(scene, 9, lease.nak(server=refusing), back=True, src=refusing)
    found = [f for f in scene.analysis(tmp_path).findings if f.code == "DHCP-SERVERS"]
    assert [(f.title_key, f.severity, f.frames) for f in found] == (
        [("DHCP-SERVERS.refusing", "warning", (2, 3, 4, 5))] if alarm else []
    )
    if alarm:
        assert (found[0].args["first"], found[0].args["second"]) == (lease.SERVER, "10.0.0.3")
        assert "10.0.0.7" in finding_text(found[0].title_key, found[0].args).title


def test_servers_that_share_the_work(tmp_path: Path) -> None:
    scene = Scene()
    dhcp(scene, 0, lease.discover())
    dhcp(scene, 5, lease.offer(), back=True)
    dhcp(scene, 6, lease.offer("10.0.0.99", server="10.0.0.3"), back=True, src="10.0.0.3")
    dhcp(scene, 7, lease.request())
    dhcp(scene, 9, lease.ack(), back=True)
    assert alarms(scene.analysis(tmp_path)) == []


def taken_over(*, claims: float = 4000, by: str = MAC[51], asked: bool = False, first: str = MAC[50]) -> Scene:
    """A host's packets go to one machine, then to another one, which says in between that it is the gateway."""
    scene = Scene()
    far(scene, 10, first)
    far(scene, 20, first)
    if asked:
        arp_ask(scene, claims - 1, 1, GATE)
    arp_tell(scene, claims, by, GATE, 1)
    far(scene, 6000, MAC[51])
    return scene


def test_a_gateway_that_never_spoke_is_replaced(tmp_path: Path) -> None:
    (finding,) = taken_over().analysis(tmp_path).findings
    assert (finding.title_key, finding.severity, finding.frames) == ("ARP-GATEWAY-CHANGED", "warning", (1, 2, 3, 4))
    args = finding.args
    assert (args["ip"], args["first"], args["last"], args["hosts"]) == (GATE, MAC[50], MAC[51], ["10.0.0.1"])


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(taken_over(claims=7000), id="says so only afterwards"),
        pytest.param(taken_over(claims=1), id="said so before the first one was in use"),
        pytest.param(taken_over(by=MAC[52]), id="somebody else says so"),
        pytest.param(taken_over(asked=True), id="was asked"),
        pytest.param(taken_over(first="00:00:5e:00:01:01"), id="takes turns with a virtual router"),
    ],
)
def test_a_gateway_is_not_called_replaced(tmp_path: Path, scene: Scene) -> None:
    assert [f.code for f in scene.analysis(tmp_path).findings if f.code == "ARP-GATEWAY-CHANGED"] == []


@pytest.mark.parametrize(("version", "targets", "severity"), [(4, 30, "note"), (4, 29, "error"), (6, 30, "note")])
def test_refused_while_looking_for_hosts(tmp_path: Path, version: int, targets: int, severity: str) -> None:
    """Whoever goes through a network's addresses and knocks at those that are there meets closed ports by the way."""
    scene = Scene()
    client, server = ("10.0.0.1", "10.0.0.8") if version == 4 else ("fe80::1", "fe80::8")
    for number in range(targets):
        if version == 4:
            arp_ask(scene, 100 * number, 1, f"10.0.0.{number + 100}")
        else:
            icmp6(scene, 100 * number, client, "ff02::1:ff00:1", ask(f"fe80::{number + 100:x}", MAC[1]), 1)
    for port in (40000, 40001):
        if version == 4:
            refused(scene, 4000, client=client, server=server, client_port=port)
            continue
        for ms, flags, ends in ((4000, "S", (port, 80)), (4001, "RA", (80, port))):
            src, dst = (client, server) if flags == "S" else (server, client)
            segment = build.tcp(sport=ends[0], dport=ends[1], seq=1, ack=2, flags=flags)
            scene.add(ms, build.eth(build.ip6(segment, src=src, dst=dst), ethertype=0x86DD))
    found = [f for f in scene.analysis(tmp_path).findings if f.code == "TCP-REFUSED"]
    assert [f.severity for f in found] == [severity]

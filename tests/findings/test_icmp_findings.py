"""Findings about ICMP: where each rule fires, with its exact evidence, and healthy traffic that looks alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.schema import FindingRow
from analyzer.sentences import sentence
from tests import build
from tests.findings.icmp_scene import FAR, HOST, ROUTERS, Net, udp_trace
from tests.playbook import Playbook
from tests.visits.scene import Scene, alarms, found


def the_finding(scene: Scene, folder: Path) -> FindingRow:
    (finding,) = scene.analysis(folder).findings
    return finding


def said(finding: FindingRow) -> str:
    return sentence(finding.title_key, finding.args)


# ── unreachable ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_refused_datagram_is_a_note(tmp_path: Path) -> None:
    """Programs ask whether a printer or a router's service is there."""
    net = Net()
    net.error(5, FAR, 3, 3, net.probe(0, 64, port=161, ident=1))
    finding = the_finding(net, tmp_path)
    assert (finding.severity, finding.title_key) == ("note", "ICMP-UNREACHABLE.refused")


def test_refused_again_and_again(tmp_path: Path) -> None:
    net = Net()
    for n in range(3):
        net.error(100 * n + 5, FAR, 3, 3, net.probe(100 * n, 64, port=514, ident=n))
    finding = the_finding(net, tmp_path)
    assert (finding.severity, finding.title_key, finding.frames) == (
        "warning",
        "ICMP-UNREACHABLE.refused",
        (2, 4, 6),
    )


def test_windows_asks_everybody_for_names(tmp_path: Path) -> None:
    net = Net()
    for n in range(3):
        net.error(1500 * n + 5, FAR, 3, 3, net.probe(1500 * n, 128, port=137, ident=n))
    assert alarms(net.analysis(tmp_path)) == []


@pytest.mark.parametrize(
    ("senders", "ports", "network", "severity"),
    [
        (4, 4, "203.0.{}.7", "note"),
        (4, 3, "203.0.{}.7", "warning"),
        (3, 4, "203.0.{}.7", "warning"),
        (4, 4, "10.1.{}.7", "warning"),
    ],
)
def test_strangers_that_try_ports(tmp_path: Path, senders: int, ports: int, network: str, severity: str) -> None:
    """Pop-up spam and worms come from everywhere to many ports; a service that is down has one, or its own clients."""
    net = Net()
    for n in range(max(senders, ports)):
        stranger = network.format(n % senders)
        datagram = build.udp(b"hello", sport=7000 + n, dport=1026 + n % ports)
        frame = build.eth(build.ip4(datagram, src=stranger, dst=HOST, proto=17, ident=n))
        net.add(100 * n, frame)
        net.error(100 * n + 1, HOST, 3, 3, frame, to=stranger)
    finding = the_finding(net, tmp_path)
    key = "ICMP-UNREACHABLE.probed" if severity == "note" else "ICMP-UNREACHABLE.refused"
    assert (finding.severity, finding.title_key) == (severity, key)
    assert (finding.args["senders"], finding.args["ports"]) == (senders, ports)


def test_a_lent_port_given_back(tmp_path: Path) -> None:
    """The server's last packets find the program gone."""
    net = Net()
    for n in range(3):
        net.error(100 * n + 5, FAR, 3, 3, net.probe(100 * n, 64, port=50123, ident=n))
    finding = the_finding(net, tmp_path)
    assert (finding.severity, finding.title_key) == ("note", "ICMP-UNREACHABLE.gone")


def test_late_dns_answer_whose_frame_is_missing(tmp_path: Path) -> None:
    answer = build.eth(build.ip4(build.udp(b"x" * 30, sport=53, dport=3637), src=FAR, dst=HOST, proto=17))
    net = Net()
    for n in range(2):
        net.error(n, HOST, 3, 3, answer, to=FAR)
    finding = the_finding(net, tmp_path)
    assert (finding.severity, finding.title_key) == ("note", "ICMP-UNREACHABLE.late")


def test_a_quoted_lookup_leads_to_its_row(tmp_path: Path) -> None:
    net = Net()
    net.lookup(0, "first.example")
    net.lookup(100, "second.example", after=None, port=50001)
    net.error(105, ROUTERS[0], 3, 1, net.packets[-1][1])
    (row,) = net.analysis(tmp_path).icmp
    assert (row.quoted_table, row.quoted_row, row.quoted_frame, row.quoted_ms) == ("dns", 1, 3, 5.0)
    assert (row.quoted_source, row.quoted_protocol, row.quoted_port) == (HOST, "udp", 53)


def test_a_quoted_ping_leads_to_its_row(tmp_path: Path) -> None:
    net = Net()
    net.ping(0, 1, 5)
    net.error(1003, ROUTERS[0], 3, 1, net.ping(1000, 2, None))
    first, second, error = net.analysis(tmp_path).icmp
    assert (first.outcome, second.outcome) == ("answered", "error")
    assert (error.quoted_table, error.quoted_row, error.quoted_ms) == ("icmp", 1, 3.0)


def test_a_quoted_segment_leads_to_its_connection(tmp_path: Path) -> None:
    net = Net()
    net.error(7, ROUTERS[0], 3, 13, net.syn(0, 64, port=40000))
    (row,) = net.analysis(tmp_path).icmp
    assert (row.quoted_table, row.quoted_row, row.quoted_stream, row.quoted_port) == ("tcp", 0, 0, 80)


# ── loops and traceroutes ────────────────────────────────────────────────────────────────────────────────────────


def test_routing_loop(tmp_path: Path) -> None:
    net = Net()
    for n in range(3):
        net.error(1000 * n + 40, ROUTERS[1], 11, 0, net.probe(1000 * n, 64, port=6000, ident=n))
    finding = the_finding(net, tmp_path)
    assert (finding.code, finding.severity, finding.frames) == ("ICMP-LOOP", "warning", (1, 2, 3, 4, 5, 6))
    assert said(finding) == (f"Packets from {HOST} to {FAR} go round in a circle: {ROUTERS[1]} gave up on 3 packets")


def test_loop_seen_from_inside(tmp_path: Path) -> None:
    """The recorder sits between the two routers: one packet passes again and again."""
    net = Net()
    for ttl in range(64, 0, -2):
        frame = net.probe(64 - ttl, ttl, port=6000, ident=1)
    net.error(70, ROUTERS[1], 11, 0, frame)
    analysis = net.analysis(tmp_path)
    assert [finding.code for finding in analysis.findings] == ["ICMP-LOOP"]
    assert (analysis.icmp[0].hop, analysis.icmp[0].quoted_ttl) == (None, 64)


def test_traceroute_is_only_information(tmp_path: Path) -> None:
    finding = the_finding(udp_trace(silent=(2,)), tmp_path)
    assert (finding.code, finding.severity, finding.title_key) == ("ICMP-TRACEROUTE", "info", "ICMP-TRACEROUTE")
    assert said(finding) == f"{HOST} traced the way to {FAR}: 5 hops, 1 of them silent"
    assert finding.args["latency_ms"] == 5.0


def test_traceroute_that_did_not_arrive(tmp_path: Path) -> None:
    finding = the_finding(udp_trace(reached=False), tmp_path)
    assert (finding.severity, finding.title_key) == ("info", "ICMP-TRACEROUTE.lost")


# ── sizes and redirects ──────────────────────────────────────────────────────────────────────────────────────────


def test_path_mtu(tmp_path: Path) -> None:
    net = Net()
    net.error(5, ROUTERS[0], 3, 4, net.probe(0, 64, port=6000, ident=1), word=1400)
    analysis = net.analysis(tmp_path)
    (finding,) = analysis.findings
    assert (finding.code, finding.severity, finding.frames) == ("ICMP-PMTU", "note", (1, 2))
    assert said(finding) == f"{ROUTERS[0]} told {HOST} that the way to {FAR} takes packets of 1400 bytes at most"
    assert analysis.icmp[0].mtu == 1400


def test_path_mtu_unsaid(tmp_path: Path) -> None:
    net = Net()
    net.error(5, ROUTERS[0], 3, 4, net.probe(0, 64, port=6000, ident=1))
    finding = the_finding(net, tmp_path)
    assert (finding.severity, finding.title_key, finding.args["mtu"]) == ("note", "ICMP-PMTU.unsaid", None)


def test_packet_too_big_over_ipv6(tmp_path: Path) -> None:
    sender, far, router = "2001:db8::1", "2001:db8:9::9", "2001:db8::fe"
    big = build.ip6(build.udp(b"x" * 40, sport=50000, dport=6000), src=sender, dst=far, next_header=17)
    message = build.icmp6(2, 0, 1280, big)
    net = Net()
    net.add(0, build.eth(big, ethertype=0x86DD))
    net.add(5, build.eth(build.ip6(message, src=router, dst=sender, next_header=58), ethertype=0x86DD))
    analysis = net.analysis(tmp_path)
    (finding,) = analysis.findings
    assert (finding.code, finding.args["mtu"], analysis.icmp[0].mtu) == ("ICMP-PMTU", 1280, 1280)


def test_redirect(tmp_path: Path) -> None:
    net = Net()
    net.error(5, ROUTERS[0], 5, 1, net.probe(0, 64, port=6000, ident=1), word=bytes([10, 0, 0, 253]))
    analysis = net.analysis(tmp_path)
    (finding,) = analysis.findings
    assert (finding.code, finding.severity, analysis.icmp[0].gateway) == ("ICMP-REDIRECT", "note", "10.0.0.253")
    assert said(finding) == f"{ROUTERS[0]} told {HOST} to use the router 10.0.0.253 for {FAR}"


def test_redirect_without_a_quote(tmp_path: Path) -> None:
    net = Net()
    net.add(0, build.eth(build.ip4(build.icmp4(5, 1, bytes([10, 0, 0, 253])), src=ROUTERS[0], dst=HOST, proto=1)))
    assert said(the_finding(net, tmp_path)).endswith("to use the router 10.0.0.253 for unknown")


def test_redirect_to_a_neighbour_over_ipv6(tmp_path: Path) -> None:
    """RFC 4861 section 4.5: target and destination are the same for a host on the link."""
    sender, far, router = "2001:db8::1", "2001:db8::9", "fe80::fe"
    address = bytes.fromhex("20010db8000000000000000000000009")
    message = build.ip6(build.icmp6(137, 0, 0, address * 2), src=router, dst=sender, next_header=58)
    net = Net()
    net.add(0, build.eth(message, ethertype=0x86DD))
    (finding,) = found(net.analysis(tmp_path), "ICMP-REDIRECT")
    assert (finding.title_key, finding.args["destination"]) == ("ICMP-REDIRECT.direct", [far])


# ── pings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "times",
    [[20.0] * 10, [20.0] * 20 + [None] * 0, [180.0, 20.0, 21.0, 20.0, 22.0, 20.0], [250.0] * 6],
    ids=["short", "long", "a slow first one", "across the world"],
)
def test_healthy_pings(tmp_path: Path, times: list[float | None]) -> None:
    net = Net()
    net.pings(times)
    assert net.analysis(tmp_path).findings == ()


def test_lost_pings(tmp_path: Path) -> None:
    net = Net()
    net.pings([20.0, None, 20.0, None, 20.0, 20.0, 20.0, 20.0])
    finding = the_finding(net, tmp_path)
    assert (finding.code, finding.severity, finding.frames) == ("ICMP-ECHO-LOSS", "warning", (3, 6))
    assert said(finding) == f"{HOST} pinged {FAR} 8 times, 2 of them without an answer (25 % lost)"


def test_one_lost_ping(tmp_path: Path) -> None:
    net = Net()
    net.pings([None, 20.0, 20.0, 20.0])
    assert (the_finding(net, tmp_path).severity, net.analysis(tmp_path).pings[0].lost_share) == ("note", 0.25)


def test_the_last_ping_of_a_capture(tmp_path: Path) -> None:
    net = Net()
    for sequence in range(4):
        net.ping(sequence * 10, sequence, 5 if sequence < 2 else None)
    assert net.analysis(tmp_path).findings == ()


def test_a_new_id_for_each_ping(tmp_path: Path) -> None:
    """Routers of some makers do that; what is lost is lost to one destination all the same."""
    net = Net()
    for n in range(6):
        net.ping(n * 1000, 1, None if n in (2, 4) else 20, ident=n)
    net.later(9000)
    assert the_finding(net, tmp_path).args["lost_share"] == pytest.approx(2 / 6)


def test_nobody_answers(tmp_path: Path) -> None:
    net = Net()
    net.exchange(0, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    net.pings([None] * 4)
    (finding,) = found(net.analysis(tmp_path), "ICMP-ECHO-LOSS")
    assert (finding.severity, finding.title_key) == ("warning", "ICMP-ECHO-LOSS.silent")


def test_one_direction_recorded(tmp_path: Path) -> None:
    net = Net()
    net.pings([None] * 4)
    finding = the_finding(net, tmp_path)
    assert (finding.severity, finding.blame, finding.title_key) == ("note", "capture", "ICMP-ECHO-LOSS.one_way")


@pytest.mark.parametrize(("count", "severity"), [(1, None), (2, "note"), (3, "warning")])
def test_few_pings_to_one_who_never_answers(tmp_path: Path, count: int, severity: str | None) -> None:
    """One who else is answered pings a silent address; servers that hand out addresses do so once."""
    net = Net()
    net.ping(0, 1, 5, to="10.0.0.7", ident=1)
    net.pings([None] * count)
    hits = net.analysis(tmp_path).findings
    assert [(f.title_key, f.severity) for f in hits] == ([("ICMP-ECHO-LOSS.silent", severity)] if severity else [])


def test_two_unanswered_pings_say_nothing(tmp_path: Path) -> None:
    net = Net()
    net.pings([None] * 2)
    assert net.analysis(tmp_path).findings == ()


@pytest.mark.parametrize("group", ["224.0.0.1", "255.255.255.255", "10.0.0.255"])
def test_groups_need_not_answer(tmp_path: Path, group: str) -> None:
    net = Net()
    net.pings([None] * 5, to=group)
    assert net.analysis(tmp_path).findings == ()


def test_sweep(tmp_path: Path) -> None:
    net = Net()
    for n in range(30):
        net.ping(n * 10, 1, 5 if n == 7 else None, to=f"10.0.0.{n + 10}")
    net.later(9000)
    finding = the_finding(net, tmp_path)
    assert (finding.severity, finding.title_key, finding.args["targets"]) == ("note", "ICMP-ECHO-LOSS.sweep", 29)


def test_slow_pings(tmp_path: Path) -> None:
    net = Net()
    net.pings([620.0, 640.0, 610.0, 630.0, 650.0])
    finding = the_finding(net, tmp_path)
    assert (finding.code, finding.severity, finding.title_key) == ("ICMP-ECHO-SLOW", "note", "ICMP-ECHO-SLOW")
    assert finding.args["median_ms"] == 630.0


def test_jitter(tmp_path: Path) -> None:
    net = Net()
    net.pings([20.0, 200.0, 30.0, 180.0, 25.0, 190.0])
    assert the_finding(net, tmp_path).title_key == "ICMP-ECHO-SLOW.jitter"


def test_tunnel(tmp_path: Path) -> None:
    net = Net()
    for n in range(6):
        net.ping(n * 100, n, 5, back=b"something else than was sent")
    net.later(9000)
    finding = the_finding(net, tmp_path)
    assert (finding.code, finding.severity, finding.args["replies"]) == ("ICMP-TUNNEL", "note", 6)


# ── black holes ──────────────────────────────────────────────────────────────────────────────────────────────────


def stalled(scene: Scene, *, sends: int = 5, size: int = 1460, alive: bool = True, first: bytes = b"") -> Playbook:
    """A request is answered, then the client's large segments vanish; the server goes on asking for the first."""
    book = scene.connection()
    book.handshake()
    book.at(50).client.send(b"POST /upload HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5000\r\n\r\n" + first)
    book.at(90).server.ack()
    large = book.client.prepare(b"y" * size)[:1]
    for n in range(sends):
        book.at(100 + 1000 * (2**n - 1))
        book.resend(large, delivered=False)
        if alive:
            book.at(100 + 1000 * (2**n - 1) + 40).server.ack()
    return book


def test_black_hole(tmp_path: Path) -> None:
    scene = Scene()
    stalled(scene)
    (finding,) = found(scene.analysis(tmp_path), "ICMP-BLACK-HOLE")
    assert (finding.severity, finding.blame, finding.cost_ms) == ("error", "network", 15_000.0)
    assert finding.frames == (6, 8, 10, 12, 14)
    assert said(finding) == (
        "Large packets from 10.0.0.1 to 10.0.0.2 vanish: 1460 bytes were sent 5 times in 15.00 s and never arrived"
    )


@pytest.mark.parametrize(
    "facts",
    [{"alive": False}, {"sends": 3}, {"size": 600}, {"size": 1220}, {"first": b"z" * 1400}],
    ids=["the other side is gone", "too few", "not large", "every path takes it", "as large ones arrived"],
)
def test_what_is_no_black_hole(tmp_path: Path, facts: dict[str, object]) -> None:
    scene = Scene()
    stalled(scene, **facts)  # type: ignore[arg-type]
    assert found(scene.analysis(tmp_path), "ICMP-BLACK-HOLE") == []


def test_loss_that_ends_is_no_black_hole(tmp_path: Path) -> None:
    scene = Scene()
    book = stalled(scene)
    book.at(40_000)
    book.client.sent -= 1460
    book.client.send(b"y" * 1460)
    book.at(40_040).server.ack()
    assert found(scene.analysis(tmp_path), "ICMP-BLACK-HOLE") == []


def shrinking(book: Playbook, *, size: int = 536, again: int = 0) -> None:
    """The sender tries a smaller segment, which arrives, and goes on; ``again`` bytes are sent as one at the end."""
    book.at(9000)
    book.client.sent -= 1460
    for at in (9000, 9050, 9100):
        book.at(at).client.send(b"y" * size)
        book.at(at + 40).server.ack()
    if again:
        book.at(9200).client.send(b"y" * again)
        book.at(9240).server.ack()


def test_sender_that_finds_out_by_itself(tmp_path: Path) -> None:
    scene = Scene()
    shrinking(stalled(scene, sends=4))
    (finding,) = found(scene.analysis(tmp_path), "ICMP-BLACK-HOLE")
    assert (finding.severity, finding.title_key) == ("warning", "ICMP-BLACK-HOLE.recovered")
    assert (finding.args["segment"], finding.args["smaller"], finding.cost_ms) == (1460, 536, 8940.0)
    assert finding.frames == (6, 8, 10, 12, 14)


@pytest.mark.parametrize(("size", "again"), [(1400, 0), (536, 1460)], ids=["another cut", "as large ones arrive"])
def test_smaller_pieces_without_a_black_hole(tmp_path: Path, size: int, again: int) -> None:
    scene = Scene()
    shrinking(stalled(scene, sends=4), size=size, again=again)
    assert found(scene.analysis(tmp_path), "ICMP-BLACK-HOLE") == []


def test_a_size_that_the_segment_has_is_not_ignored(tmp_path: Path) -> None:
    net = Net()
    book = stalled(net, alive=False)
    net.error(110, ROUTERS[0], 3, 4, book.packets[5][1], word=1500)
    assert found(net.analysis(tmp_path), "ICMP-BLACK-HOLE") == []


def test_sender_that_ignores_the_size(tmp_path: Path) -> None:
    net = Net()
    book = stalled(net, alive=False)
    net.error(110, ROUTERS[0], 3, 4, book.packets[5][1], word=1400)
    analysis = net.analysis(tmp_path)
    (finding,) = found(analysis, "ICMP-BLACK-HOLE")
    assert (finding.title_key, finding.args["mtu"]) == ("ICMP-BLACK-HOLE.ignored", 1400)
    assert ("ICMP-BLACK-HOLE", "error") in alarms(analysis)

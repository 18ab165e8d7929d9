"""Findings about ARP, DNS and ICMP: where each rule fires, with its exact evidence, and near misses."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.sentences import finding_text, sentence
from tests import build
from tests.protocols_names import wire
from tests.visits.scene import Scene, alarms, answer, found, get

NOBODY = "00:00:00:00:00:00"
MAC = {number: f"02:00:00:00:00:{number:02x}" for number in range(1, 16)}
NXDOMAIN, SERVFAIL, REFUSED = 3, 2, 5


def ask(scene: Scene, ms: float, number: int, target: str) -> None:
    """Host 10.0.0.<number> asks everybody for an address."""
    scene.arp(ms, 1, MAC[number], f"10.0.0.{number}", NOBODY, target)


def tell(scene: Scene, ms: float, mac: str, address: str, number: int) -> None:
    """A MAC claims an address, in answer to host 10.0.0.<number>."""
    scene.arp(ms, 2, mac, address, MAC[number], f"10.0.0.{number}")


# ── ARP ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_arp_unanswered(tmp_path: Path) -> None:
    """Host 1 is heard (it opens a connection), so an answer would have been too."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    for ms in (1000, 2000, 3000):
        ask(scene, ms, 1, "10.0.0.77")
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.blame) == ("ARP-UNANSWERED", "warning", "network")
    assert (finding.frames, finding.display_filter) == ((7, 8, 9), "frame.number in {7..9}")
    assert finding.args == {"target_ip": "10.0.0.77", "asker_ip": "10.0.0.1", "attempts": 3}


def test_arp_asked_once(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    ask(scene, 1000, 1, "10.0.0.77")
    assert scene.analysis(tmp_path).findings == ()


def test_arp_of_others_on_a_switch(tmp_path: Path) -> None:
    """Host 9's questions reach everybody, the answers only host 9: nothing is wrong, the recorder is elsewhere."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    for ms in (1000, 2000):
        ask(scene, ms, 9, "10.0.0.77")
        ask(scene, ms + 1, 9, "10.0.0.78")
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.blame, finding.title_key) == ("note", "capture", "ARP-UNANSWERED.unheard")
    assert finding.args["target_ip"] == ["10.0.0.77", "10.0.0.78"]
    assert finding.frames == (7, 8, 9, 10)


def test_arp_of_the_neighbour_one_talks_to(tmp_path: Path) -> None:
    """The gateway (2) asks for the recorder (1), whose reply is seen, and for others, whose replies are not."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    ask(scene, 500, 2, "10.0.0.1")
    tell(scene, 501, MAC[1], "10.0.0.1", 2)
    for ms in (1000, 2000):
        ask(scene, ms, 2, "10.0.0.77")
    assert alarms(scene.analysis(tmp_path)) == []


def test_arp_sweep(tmp_path: Path) -> None:
    """Looking for hosts: most addresses have none."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    for number in range(30):
        for again in (0, 1000):
            ask(scene, 1000 + number + again, 1, f"10.0.0.{100 + number}")
    analysis = scene.analysis(tmp_path)
    assert [(f.code, f.severity) for f in analysis.findings] == [("ARP-SCAN", "note")]
    assert len(analysis.findings[0].frames) == 60


def test_arp_conflict(tmp_path: Path) -> None:
    """Two machines answer one question within 2 ms."""
    scene = Scene()
    ask(scene, 0, 1, "10.0.0.5")
    tell(scene, 1, MAC[5], "10.0.0.5", 1)
    tell(scene, 3, MAC[6], "10.0.0.5", 1)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("ARP-CONFLICT", "error", (2, 3))
    assert (finding.args["target_ip"], finding.args["macs"]) == ("10.0.0.5", [MAC[5], MAC[6]])


def test_arp_conflict_that_comes_and_goes(tmp_path: Path) -> None:
    scene = Scene()
    for round_, mac in enumerate((MAC[5], MAC[6], MAC[5])):
        ask(scene, 10_000 * round_, 1, "10.0.0.5")
        tell(scene, 10_000 * round_ + 1, mac, "10.0.0.5", 1)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.title_key, finding.frames) == ("error", "ARP-CONFLICT", (2, 4, 6))


def test_address_that_moved(tmp_path: Path) -> None:
    scene = Scene()
    for round_, mac in enumerate((MAC[5], MAC[6])):
        ask(scene, 10_000 * round_, 1, "10.0.0.5")
        tell(scene, 10_000 * round_ + 1, mac, "10.0.0.5", 1)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.title_key) == ("note", "ARP-CONFLICT.moved")
    assert sentence(finding.title_key, finding.args) == f"10.0.0.5 moved from {MAC[5]} to {MAC[6]}"


@pytest.mark.parametrize("shared", ["00:00:5e:00:01:0a", "00:00:0c:07:ac:01"])
def test_virtual_router(tmp_path: Path, shared: str) -> None:
    """VRRP and HSRP: the address belongs to a shared hardware address, the router speaks with its own at times."""
    scene = Scene()
    ask(scene, 0, 1, "10.0.0.5")
    tell(scene, 1, shared, "10.0.0.5", 1)
    tell(scene, 3, MAC[6], "10.0.0.5", 1)
    assert scene.analysis(tmp_path).findings == ()


def test_proxy(tmp_path: Path) -> None:
    """A router that answers for everybody also answered for a host that was there."""
    scene = Scene()
    for number in range(5, 11):
        ask(scene, 100 * number, 1, f"10.0.0.{number}")
        tell(scene, 100 * number + 1, MAC[15], f"10.0.0.{number}", 1)
    tell(scene, 502, MAC[5], "10.0.0.5", 1)
    assert alarms(scene.analysis(tmp_path)) == [("ARP-CONFLICT", "warning")]


def test_one_answer_repeated(tmp_path: Path) -> None:
    scene = Scene()
    ask(scene, 0, 1, "10.0.0.5")
    tell(scene, 1, MAC[5], "10.0.0.5", 1)
    tell(scene, 2, MAC[5], "10.0.0.5", 1)
    assert scene.analysis(tmp_path).findings == ()


def test_probe_by_a_router_is_no_conflict(tmp_path: Path) -> None:
    """Device tracking: a switch asks, from 0.0.0.0, whether a host is still there; it is."""
    scene = Scene()
    scene.arp(0, 1, MAC[9], "0.0.0.0", MAC[5], "10.0.0.5")
    scene.arp(1, 2, MAC[5], "10.0.0.5", MAC[9], "0.0.0.0")
    assert found(scene.analysis(tmp_path), "ARP-CONFLICT") == []


# ── DNS-FAILED ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rcode", "word", "blame"), [(NXDOMAIN, "NXDOMAIN", "client"), (SERVFAIL, "SERVFAIL", "resolver")]
)
def test_name_that_does_not_resolve(tmp_path: Path, rcode: int, word: str, blame: str) -> None:
    scene = Scene()
    scene.lookup(0, "no.such.example", None, rcode=rcode)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.blame) == ("DNS-FAILED", "error", blame)
    assert (finding.frames, finding.table, finding.row, finding.cost_ms) == ((1, 2), "dns", 0, 20)
    told = {name: finding.args[name] for name in ("name", "qtype", "server", "client", "rcode")}
    assert told == {
        "name": "no.such.example",
        "qtype": "A",
        "server": "10.0.0.53",
        "client": "10.0.0.1",
        "rcode": word,
    }


@pytest.mark.parametrize(
    ("rcode", "advice"),
    [
        (NXDOMAIN, "Check the spelling"),
        (SERVFAIL, "Ask another resolver"),
        (5, "Check whether 10.0.0.53 is meant to serve this client"),
        (1, "Ask another resolver"),
    ],
    ids=["NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR"],
)
def test_advice_fits_the_response_code(tmp_path: Path, rcode: int, advice: str) -> None:
    scene = Scene()
    scene.lookup(0, "no.such.example", None, rcode=rcode)
    (finding,) = scene.analysis(tmp_path).findings
    text = finding_text(finding.title_key, finding.args).advice
    assert text.startswith(advice)
    assert "SERVFAIL" not in text


def test_both_kinds_of_address_are_one_finding(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "no.such.example", None, rcode=NXDOMAIN)
    scene.lookup(1, "no.such.example", None, rcode=NXDOMAIN, qtype=wire.AAAA, port=50001)
    (finding,) = scene.analysis(tmp_path).findings
    assert finding.args["qtype"] == ["A", "AAAA"]
    assert finding.frames == (1, 2, 3, 4)


def test_no_address_of_that_kind_is_no_failure(tmp_path: Path) -> None:
    """NOERROR without a record: the name exists, it has no IPv6 address."""
    scene = Scene()
    scene.lookup(0, "shop.example", None, qtype=wire.AAAA)
    assert scene.analysis(tmp_path).findings == ()


@pytest.mark.parametrize(
    ("name", "qtype"),
    [
        ("1.2.0.192.in-addr.arpa", wire.PTR),
        ("_ldap._tcp.corp.example", wire.SRV),
        ("wpad.corp.example", wire.A),
        ("printer", wire.A),
        ("host.local", wire.A),
        ("corp.example", wire.SOA),
    ],
)
def test_nobody_waits_for_it(tmp_path: Path, name: str, qtype: int) -> None:
    scene = Scene()
    scene.lookup(0, name, None, rcode=NXDOMAIN, qtype=qtype)
    assert [(f.code, f.severity) for f in scene.analysis(tmp_path).findings] == [("DNS-FAILED", "note")]


def test_search_list(tmp_path: Path) -> None:
    """www.shop.example is first tried below the own domain; then it resolves."""
    scene = Scene()
    scene.lookup(0, "www.shop.example.corp.example", None, rcode=NXDOMAIN)
    scene.lookup(30, "www.shop.example", port=50001)
    assert alarms(scene.analysis(tmp_path)) == []


def test_short_name_that_resolves_with_the_domain(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "wiki.dev", None, rcode=NXDOMAIN)
    scene.lookup(30, "wiki.dev.corp.example", port=50001)
    assert alarms(scene.analysis(tmp_path)) == []


def test_unrelated_success_excuses_nothing(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "no.such.example", None, rcode=NXDOMAIN)
    scene.lookup(30, "shop.example", port=50001)
    assert alarms(scene.analysis(tmp_path)) == [("DNS-FAILED", "error")]


def test_only_the_other_kind_fails(tmp_path: Path) -> None:
    """A broken server refuses AAAA; A works, so nobody notices."""
    scene = Scene()
    scene.lookup(0, "shop.example")
    scene.lookup(1, "shop.example", None, rcode=SERVFAIL, qtype=wire.AAAA, port=50001)
    assert alarms(scene.analysis(tmp_path)) == []


def test_the_next_resolver_knows(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", None, rcode=REFUSED)
    scene.lookup(30, "shop.example", server="10.0.0.54", port=50001)
    assert alarms(scene.analysis(tmp_path)) == [("DNS-FAILED", "warning")]


def test_question_of_a_resolver(tmp_path: Path) -> None:
    """Recorded at an authoritative server: those who ask are resolvers, and most of what they ask does not exist."""
    scene = Scene()
    scene.lookup(0, "no.such.example", None, rcode=NXDOMAIN, flags=0)
    assert alarms(scene.analysis(tmp_path)) == []


def test_multicast(tmp_path: Path) -> None:
    scene = Scene()
    for again in (0, 1000, 2000):
        payload = wire.message([wire.question("printer.local", wire.A)], ident=0, flags=0)
        scene.udp(again, payload, client="10.0.0.1", server="224.0.0.251", port=5353, server_port=5353)
    scene.exchange(20_000, get("/", "10.0.0.2"), answer())
    assert scene.analysis(tmp_path).findings == ()


# ── DNS-NO-ANSWER, DNS-RETRY, DNS-SLOW ───────────────────────────────────────────────────────────────────────────


def test_never_answered(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", asked=(0, 5000), after=None)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("DNS-NO-ANSWER", "error", (1, 2))
    assert (finding.args["name"], finding.args["attempts"], finding.cost_ms) == ("shop.example", 2, None)


def test_several_resolvers_silent_at_once(tmp_path: Path) -> None:
    """They, or the way to all of them: who is to blame cannot be told."""
    scene = Scene()
    scene.lookup(0, "shop.example", asked=(0, 1000, 2000), after=None)
    scene.lookup(200, "shop.example", server="10.0.0.54", asked=(200, 1200, 2200), after=None, port=20_001)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.blame) == ("DNS-NO-ANSWER", "unknown")


@pytest.mark.parametrize(("rest", "alarm"), [(4999, []), (5000, [("DNS-NO-ANSWER", "error")])])
def test_asked_once_and_the_capture_goes_on(tmp_path: Path, rest: float, alarm: list[tuple[str, str]]) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", after=None)
    ask(scene, rest, 1, "10.0.0.5")
    assert alarms(scene.analysis(tmp_path)) == alarm


def test_dead_resolver_is_one_finding(tmp_path: Path) -> None:
    scene = Scene()
    for number, name in enumerate(("a.example", "b.example", "c.example")):
        scene.lookup(number, name, asked=(0, 1000), after=None, port=50000 + number)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity) == ("DNS-RESOLVER-DEAD", "error")
    assert finding.args["name"] == ["a.example", "b.example", "c.example"]
    assert (finding.args["attempts"], finding.frames) == (6, (1, 2, 3, 4, 5, 6))


def test_only_questions_recorded(tmp_path: Path) -> None:
    """Eight questions and no packet towards the asker at all: the recorder sees one direction."""
    scene = Scene()
    for number in range(8):
        scene.lookup(number, f"n{number}.example", asked=(0, 1000), after=None, port=50000 + number)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.blame) == ("note", "capture")


def test_dead_resolver_where_other_answers_arrive(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(8):
        scene.lookup(number, f"n{number}.example", asked=(0, 1000), after=None, port=50000 + number)
    scene.exchange(3000, get("/", "10.0.0.2"), answer())
    assert alarms(scene.analysis(tmp_path)) == [("DNS-RESOLVER-DEAD", "error")]


def test_retry(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", asked=(0, 1000), after=1020)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("DNS-RETRY", "warning", (1, 2, 3))
    assert (finding.args["attempts"], finding.cost_ms) == (2, 1020)


def test_asked_twice_at_once(tmp_path: Path) -> None:
    """Recorded twice, or sent twice for speed: it cost nothing."""
    scene = Scene()
    scene.lookup(0, "shop.example", asked=(0, 0.1))
    assert scene.analysis(tmp_path).findings == ()


@pytest.mark.parametrize(("after", "alarm"), [(1001, [("DNS-SLOW", "warning")]), (1000, [])])
def test_slow(tmp_path: Path, after: float, alarm: list[tuple[str, str]]) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", after=after)
    assert alarms(scene.analysis(tmp_path)) == alarm


def test_slow_reverse_name(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "1.2.0.192.in-addr.arpa", None, after=2000, qtype=wire.PTR)
    assert alarms(scene.analysis(tmp_path)) == []


# ── ICMP-UNREACHABLE ─────────────────────────────────────────────────────────────────────────────────────────────


def datagram(scene: Scene, ms: float, *, ident: int = 1, port: int = 6000) -> bytes:
    """A datagram to a far host; returns the frame, for an error to quote."""
    scene.udp(ms, b"hello", client="10.0.0.1", server="198.51.100.9", port=50000, server_port=port, ident=ident)
    return scene.packets[-1][1]


def test_unreachable(tmp_path: Path) -> None:
    """The router at .254 says of two datagrams to a far host that there is no way."""
    scene = Scene()
    for number in range(2):
        quoted = datagram(scene, 100 * number, ident=number)
        scene.icmp_error(100 * number + 5, "10.0.0.254", 3, 1, quoted, to="10.0.0.1")
    analysis = scene.analysis(tmp_path)
    (finding,) = analysis.findings
    assert (finding.code, finding.severity, finding.frames) == ("ICMP-UNREACHABLE", "warning", (2, 4))
    assert (finding.args["source"], finding.args["destination"]) == ("10.0.0.254", "198.51.100.9")
    assert (finding.args["sender"], finding.args["count"]) == ("10.0.0.1", 2)
    assert [row.quoted_destination for row in analysis.icmp] == ["198.51.100.9"] * 2


def test_port_closed(tmp_path: Path) -> None:
    """The host itself says that nothing listens: it was reached."""
    scene = Scene()
    scene.icmp_error(5, "198.51.100.9", 3, 3, datagram(scene, 0), to="10.0.0.1")
    (finding,) = scene.analysis(tmp_path).findings
    assert finding.title_key == "ICMP-UNREACHABLE.refused"
    assert sentence(finding.title_key, finding.args).startswith("198.51.100.9 received 1 packet from 10.0.0.1")


def test_late_dns_answer_refused(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example")
    scene.icmp_error(21, "10.0.0.1", 3, 3, scene.packets[1][1], to="10.0.0.53")
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.title_key) == ("note", "ICMP-UNREACHABLE.late")


def test_echo_reply_is_no_error(tmp_path: Path) -> None:
    scene = Scene()
    for kind, src, dst, ms in ((8, "10.0.0.1", "10.0.0.2", 0), (0, "10.0.0.2", "10.0.0.1", 5)):
        scene.add(ms, build.eth(build.ip4(build.icmp4(kind, 0, 1, b"x" * 32), src=src, dst=dst, proto=1)))
    assert scene.analysis(tmp_path).findings == ()


def test_forbidden_by_the_host_itself(tmp_path: Path) -> None:
    """Code 10: not that nothing listens, but that a rule forbids it."""
    scene = Scene()
    scene.icmp_error(5, "198.51.100.9", 3, 10, datagram(scene, 0), to="10.0.0.1")
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.severity, finding.title_key) == ("warning", "ICMP-UNREACHABLE")


def test_server_that_knows_its_zone_only(tmp_path: Path) -> None:
    """AA set, RA not: an authoritative server, so whoever asks is a resolver or a tool."""
    scene = Scene()
    ends = {"client": "10.0.0.1", "server": "10.0.0.53", "port": 50000}
    question = [wire.question("no.such.example")]
    scene.udp(0, wire.message(question, ident=5), **ends)  # type: ignore[arg-type]
    scene.udp(20, wire.message(question, ident=5, flags=0x8503), back=True, **ends)  # type: ignore[arg-type]
    assert [(f.code, f.severity) for f in scene.analysis(tmp_path).findings] == [("DNS-FAILED", "note")]

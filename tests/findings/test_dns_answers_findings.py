"""Findings about DNS answers: where each rule fires, with its evidence, and traffic that is as it should be."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.pipeline import analyze
from analyzer.sentences import finding_text, sentence
from tests import build
from tests.protocols_names import wire
from tests.visits.scene import Scene, alarms, answer, found, get, hello

NXDOMAIN, REFUSED = 3, 5
TRUNCATED = 0x8380  # QR, TC, RD, RA
RESOLVER = "10.0.0.53"


def udp(
    scene: Scene, ms: float, payload: bytes, *, back: bool = False, port: int = 50000, server: str = RESOLVER
) -> None:
    """Record a datagram between the client and a resolver."""
    scene.udp(ms, payload, client="10.0.0.1", server=server, port=port, back=back)


def question(name: str, *, ident: int = 7, flags: int = wire.QUERY, qtype: int = wire.A) -> bytes:
    return wire.message([wire.question(name, qtype)], ident=ident, flags=flags)


def response(name: str, data: bytes, *, ident: int = 7, flags: int = wire.RESPONSE, ttl: int = 60) -> bytes:
    records = [wire.record(wire.pointer(12), wire.A, data, ttl=ttl)] if data else []
    return wire.message([wire.question(name)], records, ident=ident, flags=flags)


def framed(payload: bytes) -> bytes:
    """DNS over TCP: a length before the message (RFC 1035 section 4.2.2)."""
    return len(payload).to_bytes(2, "big") + payload


# ── DNS-RESOLVER-DEAD ────────────────────────────────────────────────────────────────────────────────────────────


def test_one_of_two_resolvers_is_dead(tmp_path: Path) -> None:
    """Each name is asked of the first resolver in vain, then of the second one, which knows it."""
    scene = Scene()
    for number in range(3):
        at = 6000 * number
        scene.lookup(at, f"n{number}.example", after=None, server="10.0.0.54", port=50000 + number)
        scene.lookup(at + 5000, f"n{number}.example", port=51000 + number)
    analysis = scene.analysis(tmp_path)
    (finding,) = found(analysis, "DNS-RESOLVER-DEAD")
    assert (finding.severity, finding.args["server"], finding.args["others"]) == ("warning", "10.0.0.54", RESOLVER)
    assert finding.args["names"] == 3
    assert found(analysis, "DNS-NO-ANSWER") == []


@pytest.mark.parametrize(("times", "dead"), [((0, 1500, 3000), True), ((0, 1500), False), ((0, 100, 200), False)])
def test_a_resolver_that_was_left_again_and_again(tmp_path: Path, times: tuple[float, ...], dead: bool) -> None:
    """Two names only, but each time the client goes on to another resolver after a second; the capture ends soon."""
    scene = Scene()
    for number, at in enumerate(times):
        name = f"n{number % 2}.example"
        scene.lookup(at, name, after=None, server="10.0.0.54", port=50000 + number)
        scene.lookup(at + 1000, name, port=51000 + number)
    assert alarms(scene.analysis(tmp_path)) == ([("DNS-RESOLVER-DEAD", "warning")] if dead else [])


def test_two_resolvers_asked_at_once(tmp_path: Path) -> None:
    """Programs that race two resolvers do not wait for the slower one; that it is never heard costs nothing."""
    scene = Scene()
    for number, at in enumerate((0, 1500, 3000)):
        scene.lookup(at, f"n{number}.example", after=None, server="10.0.0.54", port=50000 + number)
        scene.lookup(at + 10, f"n{number}.example", port=51000 + number)
    assert alarms(scene.analysis(tmp_path)) == []


def test_a_resolver_that_leaves_out_one_name(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "lost.example", after=None)
    for number in range(5):
        scene.lookup(6000 + number, f"n{number}.example", port=51000 + number)
    assert alarms(scene.analysis(tmp_path)) == [("DNS-NO-ANSWER", "error")]


# ── DNS-TRUNCATED ────────────────────────────────────────────────────────────────────────────────────────────────


def truncated(tmp_path: Path, over_tcp: str) -> Analysis:
    """A cut answer; then TCP, which is answered, silent, or not tried while other TCP traffic is there."""
    scene = Scene()
    udp(scene, 0, question("big.example"))
    udp(scene, 20, response("big.example", b"", flags=TRUNCATED), back=True)
    if over_tcp == "not tried":
        scene.exchange(100, get("/", "10.0.0.2"), answer())
    else:
        p = scene.connection(client_port=40001, server_port=53, server=RESOLVER)
        p.at(30).handshake()
        p.at(80).client.send(framed(question("big.example")))
        if over_tcp == "answered":
            p.at(100).server.send(framed(response("big.example", b"\x0a\0\0\2")))
            p.at(101).client.ack()
            p.at(102).close(by="client")
    scene.arp(9000, 1, "02:00:00:00:00:01", "10.0.0.1", "00:00:00:00:00:00", "10.0.0.5")
    return scene.analysis(tmp_path)


def test_cut_answer_asked_again_over_tcp(tmp_path: Path) -> None:
    analysis = truncated(tmp_path, "answered")
    assert [(row.transport, row.retried_over_tcp) for row in analysis.dns] == [("udp", 1), ("tcp", None)]
    (finding,) = found(analysis, "DNS-TRUNCATED")
    assert (finding.severity, finding.title_key) == ("note", "DNS-TRUNCATED")
    assert finding.frames == (1, 2, 6, 7)
    assert alarms(analysis) == []


@pytest.mark.parametrize(("over_tcp", "key"), [("silent", "DNS-TRUNCATED.failed"), ("not tried", "DNS-TRUNCATED.lost")])
def test_cut_answer_without_the_rest(tmp_path: Path, over_tcp: str, key: str) -> None:
    (finding,) = found(truncated(tmp_path, over_tcp), "DNS-TRUNCATED")
    assert (finding.severity, finding.title_key) == ("warning", key)


def test_cut_answer_without_tcp_in_the_capture(tmp_path: Path) -> None:
    """Recorded with a filter for UDP: nobody can tell."""
    scene = Scene()
    udp(scene, 0, question("big.example"))
    udp(scene, 20, response("big.example", b"", flags=TRUNCATED), back=True)
    scene.lookup(9000, "other.example")
    assert alarms(scene.analysis(tmp_path)) == []


# ── DNS-STORM ────────────────────────────────────────────────────────────────────────────────────────────────────


def storm(tmp_path: Path, missing: int, there: int, gap_ms: float) -> list[tuple[str, str]]:
    scene = Scene()
    for number in range(missing):
        scene.lookup(gap_ms * number, f"x{number:04}.corp.example", None, rcode=NXDOMAIN, port=20000 + number)
    for number in range(there):
        scene.lookup(gap_ms * number, f"n{number}.shop.example", port=40000 + number)
    return [(f.code, f.severity) for f in scene.analysis(tmp_path).findings if f.code == "DNS-STORM"]


def test_storm(tmp_path: Path) -> None:
    assert storm(tmp_path, 100, 0, 100) == [("DNS-STORM", "warning")]


def test_a_storm_tells_of_its_names(tmp_path: Path) -> None:
    """300 names within two and a half minutes, the densest of which has no more than 121, and a typo long after."""
    scene = Scene()
    for number in range(300):
        scene.lookup(500 * number, f"x{number:04}.corp.example", None, rcode=NXDOMAIN, port=20000 + number)
    scene.lookup(900_000, "shopp.example", None, rcode=NXDOMAIN, port=40000)
    analysis = scene.analysis(tmp_path)
    assert [f.args["count"] for f in found(analysis, "DNS-STORM")] == [121]
    assert [f.args["name"] for f in found(analysis, "DNS-FAILED")] == ["shopp.example"]


@pytest.mark.parametrize(
    ("missing", "there", "gap_ms"),
    [(99, 0, 100), (100, 101, 100), (150, 0, 1000)],
    ids=["too few", "most names exist", "two minutes and a half"],
)
def test_no_storm(tmp_path: Path, missing: int, there: int, gap_ms: float) -> None:
    assert storm(tmp_path, missing, there, gap_ms) == []


# ── DNS-CONFLICTING ──────────────────────────────────────────────────────────────────────────────────────────────


def test_forged_answer_comes_first(tmp_path: Path) -> None:
    scene = Scene()
    udp(scene, 0, question("shop.example"))
    udp(scene, 2, response("shop.example", bytes([203, 0, 113, 1])), back=True)
    udp(scene, 30, response("shop.example", bytes([10, 0, 0, 2])), back=True)
    analysis = scene.analysis(tmp_path)
    assert analysis.dns[0].conflicting_frames == (3,)
    (finding,) = analysis.findings
    assert (finding.code, finding.severity, finding.frames) == ("DNS-CONFLICTING", "warning", (1, 2, 3))
    assert sentence(finding.title_key, finding.args).startswith("10.0.0.1 got 2 answers to one question for shop.ex")


def test_answered_twice_the_same(tmp_path: Path) -> None:
    """A doubled packet; the copy of the resolver has grown a second older in between."""
    scene = Scene()
    udp(scene, 0, question("shop.example"))
    for ms, ttl in ((20, 60), (21, 59)):
        udp(scene, ms, response("shop.example", bytes([10, 0, 0, 2]), ttl=ttl), back=True)
    analysis = scene.analysis(tmp_path)
    assert (analysis.dns[0].duplicate_responses, analysis.dns[0].conflicting_frames) == (1, ())
    assert analysis.findings == ()


def test_rotated_answers(tmp_path: Path) -> None:
    scene = Scene()
    udp(scene, 0, question("shop.example"))
    records = [wire.record(wire.pointer(12), wire.A, bytes([10, 0, 0, n])) for n in (2, 3)]
    for ms, turned in ((20, records), (21, records[::-1])):
        payload = wire.message([wire.question("shop.example")], turned, ident=7, flags=wire.RESPONSE)
        udp(scene, ms, payload, back=True)
    assert scene.analysis(tmp_path).findings == ()


def test_asked_twice_answered_differently(tmp_path: Path) -> None:
    """A content network gives each question another address."""
    scene = Scene()
    for ms in (0, 100):
        udp(scene, ms, question("shop.example"))
    for ms, last in ((120, 2), (121, 3)):
        udp(scene, ms, response("shop.example", bytes([10, 0, 0, last])), back=True)
    (finding,) = found(scene.analysis(tmp_path), "DNS-CONFLICTING")
    assert (finding.severity, finding.title_key) == ("note", "DNS-CONFLICTING.asked_twice")


# ── DNS-UNASKED ──────────────────────────────────────────────────────────────────────────────────────────────────


def unasked(tmp_path: Path, count: int, *, first_ms: float = 11_000, asks: bool = True) -> Analysis:
    scene = Scene()
    if asks:
        scene.lookup(0, "shop.example")
    else:
        scene.exchange(0, get("/", "10.0.0.2"), answer())
    for number in range(count):
        payload = response("shop.example", bytes([203, 0, 113, 1]), ident=1000 + number)
        udp(scene, first_ms + number, payload, back=True, port=53535)
    return scene.analysis(tmp_path)


@pytest.mark.parametrize(("count", "severity"), [(1, "note"), (19, "note"), (20, "warning")])
def test_answers_nobody_asked_for(tmp_path: Path, count: int, severity: str) -> None:
    (finding,) = found(unasked(tmp_path, count), "DNS-UNASKED")
    assert (finding.severity, finding.args["count"]) == (severity, count)


def test_answers_to_questions_before_the_capture(tmp_path: Path) -> None:
    assert found(unasked(tmp_path, 1, first_ms=100), "DNS-UNASKED") == []


def test_answers_alone(tmp_path: Path) -> None:
    """Not one question of the client is captured: the recorder sees one direction."""
    assert found(unasked(tmp_path, 30, asks=False), "DNS-UNASKED") == []


# ── DNS-LAME ─────────────────────────────────────────────────────────────────────────────────────────────────────


def walked(tmp_path: Path, first: bytes, *, asked_for: bool = True) -> Analysis:
    """A resolver (10.0.0.53) asks a name server, then another one, for what a client wants to know."""
    scene = Scene()
    name = "www.shop.example"
    if asked_for:
        udp(scene, 0, question(name))
    good = response(name, bytes([10, 0, 0, 2]), ident=9, flags=0x8400)
    for ms, server, said in ((1, "192.0.2.9", first), (30, "192.0.2.10", good)):
        for at, payload, back in ((ms, question(name, ident=9, flags=0), False), (ms + 10, said, True)):
            scene.udp(at, payload, client=RESOLVER, server=server, port=33000, back=back)
    if asked_for:
        udp(scene, 50, response(name, bytes([10, 0, 0, 2])), back=True)
    return scene.analysis(tmp_path)


def upward(zone: str) -> bytes:
    """A referral: no answer, but the name servers of a zone."""
    authority = [wire.record(wire.name(zone), wire.NS, wire.name("ns.other.example"))]
    return wire.message([wire.question("www.shop.example")], None, authority, ident=9, flags=0x8000)


@pytest.mark.parametrize(
    "first",
    [response("www.shop.example", b"", ident=9, flags=0x8000 | REFUSED), upward(".")],
    ids=["refuses", "points back to the root"],
)
def test_lame(tmp_path: Path, first: bytes) -> None:
    analysis = walked(tmp_path, first)
    (finding,) = found(analysis, "DNS-LAME")
    assert (finding.severity, finding.args["server"], finding.frames) == ("note", "192.0.2.9", (2, 3))
    assert alarms(analysis) == []


def test_a_referral_downwards_is_no_trouble(tmp_path: Path) -> None:
    assert found(walked(tmp_path, upward("shop.example")), "DNS-LAME") == []


def test_a_tool_that_asks_for_what_a_server_does_not_serve(tmp_path: Path) -> None:
    """Nobody sent it there: no walk for a client's question."""
    refused = response("www.shop.example", b"", ident=9, flags=0x8000 | REFUSED)
    assert found(walked(tmp_path, refused, asked_for=False), "DNS-LAME") == []


# ── DNS-MALFORMED, DNS-CHAIN, DNS-UNCACHED, DNS-ENCRYPTED ────────────────────────────────────────────────────────


def test_malformed(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example")
    udp(scene, 100, b"\0\7\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1")  # a name that points to itself
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("DNS-MALFORMED", "note", (3,))


def aliases(count: int) -> bytes:
    """An answer with a chain of aliases and an address at its end."""
    names = ["www.example", *(f"a{number}.example" for number in range(count))]
    records = [wire.record(wire.name(a), wire.CNAME, wire.name(b)) for a, b in pairwise(names)]
    records.append(wire.record(wire.name(names[-1]), wire.A, bytes([10, 0, 0, 2])))
    return wire.message([wire.question("www.example")], records, ident=7, flags=wire.RESPONSE)


@pytest.mark.parametrize(("count", "codes"), [(5, ["DNS-CHAIN"]), (4, [])])
def test_chain(tmp_path: Path, count: int, codes: list[str]) -> None:
    scene = Scene()
    udp(scene, 0, question("www.example"))
    udp(scene, 20, aliases(count), back=True)
    assert [f.code for f in scene.analysis(tmp_path).findings] == codes


@pytest.mark.parametrize(
    ("times", "gap_ms", "codes"),
    [(6, 1000, ["DNS-UNCACHED"]), (5, 1000, []), (12, 61_000, [])],
    ids=["six times in six seconds", "five times", "each time after the answer was too old"],
)
def test_uncached(tmp_path: Path, times: int, gap_ms: float, codes: list[str]) -> None:
    scene = Scene()
    for number in range(times):
        scene.lookup(gap_ms * number, "shop.example", ttl=60, port=50000 + number)
    analysis = scene.analysis(tmp_path)
    assert [f.code for f in analysis.findings] == codes
    if codes:
        assert (analysis.findings[0].severity, analysis.findings[0].args["count"]) == ("note", 5)


def test_uncached_where_the_clock_runs_back(tmp_path: Path) -> None:
    """Each answer is stamped five milliseconds before its question: nobody knows how long that took."""
    packets = []
    for number in range(6):
        at, port = 10**18 + number * 10**9, 50000 + number
        asked = build.udp(question("shop.example"), sport=port, dport=53)
        said = build.udp(response("shop.example", bytes(4)), sport=53, dport=port)
        packets.append((at, build.eth(build.ip4(asked, src="10.0.0.1", dst=RESOLVER, proto=17))))
        packets.append((at - 5_000_000, build.eth(build.ip4(said, src=RESOLVER, dst="10.0.0.1", proto=17))))
    path = tmp_path / "back.pcap"
    path.write_bytes(build.pcap_file(packets))
    (finding,) = found(analyze(str(path)), "DNS-UNCACHED")
    assert (finding.args["count"], finding.cost_ms, repr(finding.args["waited_ms"])) == (5, None, "0.0")


@pytest.mark.parametrize(
    ("name", "port", "kind"),
    [("dns.google", 443, "doh"), ("resolver.example", 853, "dot"), ("www.google.com", 443, None)],
)
def test_encrypted(tmp_path: Path, name: str, port: int, kind: str | None) -> None:
    scene = Scene()
    p = scene.connection(server_port=port)
    p.at(0).handshake()
    p.at(50).client.send(hello(name))
    analysis = scene.analysis(tmp_path)
    assert [f.args["kind"] for f in found(analysis, "DNS-ENCRYPTED")] == ([kind] if kind else [])
    assert analysis.dns == ()
    assert all(f.severity == "info" for f in found(analysis, "DNS-ENCRYPTED"))


def test_encrypted_over_quic(tmp_path: Path) -> None:
    """UDP port 853: no row, because nothing of it can be read."""
    scene = Scene()
    for ms, back in ((0, False), (20, True)):
        scene.udp(
            ms, b"\xc3" + bytes(60), client="10.0.0.1", server="10.0.0.53", port=50000, server_port=853, back=back
        )
    analysis = scene.analysis(tmp_path)
    (finding,) = analysis.findings
    assert (finding.code, finding.severity, finding.args["kind"]) == ("DNS-ENCRYPTED", "info", "doq")
    assert (finding.frames, analysis.dns) == ((1,), ())


def test_response_codes_are_explained(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", None, rcode=REFUSED)
    (finding,) = scene.analysis(tmp_path).findings
    assert "will not answer this question" in finding_text(finding.title_key, finding.args).why

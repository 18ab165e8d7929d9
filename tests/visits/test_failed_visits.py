"""Things tried in vain: which are visits of their own, which belong to one, and which are nobody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.schema import VisitRow
from analyzer.sentences import sentence
from tests.protocols_names import wire
from tests.visits.scene import Scene, alarms, answer, found, get, hello, judged

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


def refused(scene: Scene, ms: float, **facts: object) -> None:
    """A SYN that is answered by RST 40 ms later (RFC 9293 section 3.10.7.1)."""
    p = scene.connection(**facts)
    p.at(ms).client.syn()
    p.at(ms + 40).server.rst()


def unanswered(scene: Scene, ms: float, *, tries: int = 3, **facts: object) -> None:
    """A SYN that is repeated after 1 s, 3 s, 7 s (RFC 6298), and never answered."""
    p = scene.connection(**facts)
    for k in range(tries):
        p.at(ms + 1000 * (2**k - 1)).client.syn(delivered=False, flags="S")


def failures(analysis: Analysis) -> list[tuple[str, str | None, str | None]]:
    return [(v.url, v.failed_step, v.failed_why) for v in analysis.visits if v.failed_step is not None]


def said(visit: VisitRow) -> dict[str, str]:
    return {step.step: sentence(step.sentence_key, step.sentence_args) for step in visit.steps}


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    """A and AAAA for one misspelt name are one thing that came to nothing, and nobody was connected to."""
    scene = Scene()
    scene.lookup(0, "shopp.example", None, after=20, rcode=3)
    scene.lookup(1, "shopp.example", None, after=22, rcode=3, qtype=wire.AAAA, port=50001)
    scene.exchange(60_000, get("/"), answer())
    analysis = scene.analysis(tmp_path)
    assert failures(analysis) == [("shopp.example", "dns", "NXDOMAIN")]
    visit = analysis.visits[0]
    assert (visit.visit, visit.requests, visit.tcp_streams, visit.dns_rows) == (1, 0, (), (0, 1))
    assert (visit.duration_ms, visit.phases.dns_ms, visit.blame) == (23, 22, "client")
    assert "does not exist" in said(visit)["dns"]
    assert said(visit)["tcp"] == "No connection was tried, because an earlier step failed."
    (finding,) = judged(analysis, "VISIT-FAILED")
    assert (finding.severity, finding.blame, finding.frames, finding.row) == ("error", "client", (1, 2, 3, 4), 0)
    assert [code for code, _ in alarms(analysis)] == ["DNS-FAILED"], "one trouble is told once"


def test_a_resolver_that_fails(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", None, after=20, rcode=2)
    analysis = scene.analysis(tmp_path)
    assert failures(analysis) == [("shop.example", "dns", "SERVFAIL")]
    assert analysis.visits[0].blame == "resolver"


@pytest.mark.parametrize(("others", "blame"), [(False, "resolver"), (True, "unknown")])
def test_a_resolver_that_is_silent(tmp_path: Path, others: bool, blame: str) -> None:
    """Silence is the resolver's fault where it answers nothing at all; else the packet may have been lost."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=None, asked=(0, 5000))
    if others:
        scene.lookup(10, "news.example", port=50009)
    scene.exchange(9000, get("/", "10.0.0.2"), answer())
    analysis = scene.analysis(tmp_path)
    assert failures(analysis) == [("shop.example", "dns", "no_answer")]
    assert analysis.visits[0].blame == blame


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("4.3.2.1.zen.example", {}),  # a reputation list is asked, and NXDOMAIN is good news (RFC 5782)
        ("1.0.0.10.in-addr.arpa", {}),
        ("_ldap._tcp.shop.example", {}),
        ("wpad.shop.example", {}),
        ("xqzjv", {}),  # browsers ask for words of their own making
        ("shop.example", {"flags": 0}),  # a resolver asks: no recursion desired
        ("shop.example", {"qtype": wire.TXT}),
    ],
)
def test_what_nobody_waits_for(tmp_path: Path, name: str, more: dict[str, int]) -> None:
    scene = Scene()
    scene.lookup(0, name, None, after=20, rcode=3, **more)  # type: ignore[arg-type]
    analysis = scene.analysis(tmp_path)
    assert analysis.visits == ()
    assert [(one.table, one.count, one.rows) for one in analysis.capture.unvisited] == [("dns", 1, (0,))]


@pytest.mark.parametrize("failing", ["shop.example.corp.example", "shop.example"])
def test_a_search_list(tmp_path: Path, failing: str) -> None:
    """Of a name and its completion one resolved: the person got there."""
    good = {"shop.example.corp.example": "shop.example", "shop.example": "shop.example.corp.example"}[failing]
    scene = Scene()
    scene.lookup(0, failing, None, after=20, rcode=3)
    scene.lookup(30, good, port=50001)
    assert failures(scene.analysis(tmp_path)) == []


def test_a_search_list_that_fails_whole(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example.corp.example", None, after=20, rcode=3)
    scene.lookup(30, "shop.example", None, after=20, rcode=3, port=50001)
    assert failures(scene.analysis(tmp_path)) == [("shop.example", "dns", "NXDOMAIN")]


def test_other_first_label_of_a_name_that_resolved(tmp_path: Path) -> None:
    """That www.news.example resolves says nothing about www.shopp.example."""
    scene = Scene()
    scene.lookup(0, "www.news.example")
    scene.lookup(30, "www.shopp.example", None, after=20, rcode=3, port=50001)
    assert failures(scene.analysis(tmp_path)) == [("www.shopp.example", "dns", "NXDOMAIN")]


def test_the_other_family_resolved(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example")
    scene.lookup(1, "shop.example", None, after=22, rcode=2, qtype=wire.AAAA, port=50001)
    scene.exchange(30, get("/"), answer())
    analysis = scene.analysis(tmp_path)
    assert len(analysis.visits) == 1
    assert failures(analysis) == []


def test_a_program_that_makes_names_up(tmp_path: Path) -> None:
    """Sixty names that do not exist in a minute are no sixty visits."""
    scene = Scene()
    for k in range(60):
        scene.lookup(1000 * k, f"x{k}.shop.example", None, after=20, rcode=3, port=50000 + k)
    analysis = scene.analysis(tmp_path)
    assert analysis.visits == ()
    assert analysis.capture.unvisited[0].count == 60


def test_more_attempts_than_become_visits_are_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.visits.attempts.MAX_ATTEMPTS", 2)
    scene = Scene()
    for k in range(3):
        scene.lookup(1000 * k, f"x{k}.shop.example", None, after=20, rcode=3, port=50000 + k)
    analysis = scene.analysis(tmp_path)
    assert [visit.dns_rows for visit in analysis.visits] == [(0,), (1,)]
    (problem,) = analysis.problems
    assert (problem.code, problem.layer) == ("LIMIT-REACHED", "visits")
    assert problem.message == "3 attempts came to nothing; the first 2 are visits of their own"


def test_the_same_again_later(tmp_path: Path) -> None:
    """Ten seconds later is the same attempt; two minutes later somebody tries anew."""
    scene = Scene()
    for k, ms in enumerate((0, 10_000, 130_000)):
        scene.lookup(ms, "shopp.example", None, after=20, rcode=3, port=50000 + k)
    analysis = scene.analysis(tmp_path)
    assert [visit.dns_rows for visit in analysis.visits] == [(0, 1), (2,)]
    (finding,) = judged(analysis, "VISIT-FAILED")
    assert finding.args["count"] == 2


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("port", "url"),
    [
        (80, "http://10.0.0.2/"),
        (8080, "http://10.0.0.2:8080/"),
        (443, "https://10.0.0.2/"),
        (8443, "https://10.0.0.2:8443/"),
    ],
)
def test_refused(tmp_path: Path, port: int, url: str) -> None:
    scene = Scene()
    refused(scene, 0, server_port=port)
    analysis = scene.analysis(tmp_path)
    assert failures(analysis) == [(url, "tcp", "refused")]
    (visit,) = analysis.visits
    assert (visit.blame, visit.tcp_streams, visit.duration_ms) == ("server", (0,), 40)
    assert said(visit)["tcp"] == f"10.0.0.2 refused the connection to port {port}: nothing listens there."
    assert said(visit)["response"] == "No response, because an earlier step failed."


def test_refused_after_a_lookup(tmp_path: Path) -> None:
    """Port 993 is none of the web, but its address had just been looked up: somebody wanted their mail."""
    scene = Scene()
    scene.lookup(0, "mail.example", after=20)
    refused(scene, 30, server_port=993)
    analysis = scene.analysis(tmp_path)
    assert failures(analysis) == [("mail.example:993", "tcp", "refused")]
    (visit,) = analysis.visits
    assert visit.dns_rows == (0,)
    assert [s.step for s in visit.steps if s.absent_why is None] == ["dns", "tcp"]
    assert visit.duration_ms == 70


def test_refused_elsewhere(tmp_path: Path) -> None:
    """A port that is none of the web, at an address nobody looked up."""
    scene = Scene()
    refused(scene, 0, server_port=5000)
    analysis = scene.analysis(tmp_path)
    assert analysis.visits == ()
    assert [(one.table, one.rows) for one in analysis.capture.unvisited] == [("tcp", (0,))]


def test_unanswered(tmp_path: Path) -> None:
    scene = Scene()
    unanswered(scene, 0)
    scene.lookup(60_000, "news.example")
    analysis = scene.analysis(tmp_path)
    assert failures(analysis) == [("http://10.0.0.2/", "tcp", "unanswered")]
    (visit,) = analysis.visits
    assert (visit.blame, visit.duration_ms) == ("unknown", 3000)
    assert "cannot be told from here" in sentence(visit.blame_key or "", visit.blame_args)
    assert "3 times" in said(visit)["tcp"]


def test_one_syn_at_the_end_is_nothing(tmp_path: Path) -> None:
    scene = Scene()
    unanswered(scene, 0, tries=1)
    assert scene.analysis(tmp_path).visits == ()


def test_both_addresses_of_a_name(tmp_path: Path) -> None:
    """Two addresses of one name refuse: one visit that failed, not two."""
    scene = Scene()
    scene.lookup(0, "shop.example", "10.0.0.2")
    scene.lookup(1, "shop.example", "10.0.0.3", port=50001)
    refused(scene, 30)
    refused(scene, 80, server="10.0.0.3", client_port=40001)
    analysis = scene.analysis(tmp_path)
    assert failures(analysis) == [("http://shop.example/", "tcp", "refused")]
    assert analysis.visits[0].tcp_streams == (0, 1)


def test_the_next_address_works(tmp_path: Path) -> None:
    """The first address refuses, the second one answers: nothing failed, and the clock runs from the start."""
    scene = Scene()
    scene.lookup(0, "shop.example", "10.0.0.3")
    scene.lookup(1, "shop.example", "10.0.0.2", port=50001)
    refused(scene, 30, server="10.0.0.3")
    scene.exchange(80, get("/"), answer(), client_port=40001)
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert (visit.failed_step, visit.requests, visit.tcp_streams) == (None, 1, (1, 0))
    assert visit.duration_ms == 180
    told = [s.sentence_key for s in visit.steps if s.step == "tcp"]
    assert told == ["step.tcp.refused", "step.tcp"], "in the order they really had"
    assert found(analysis, "VISIT-FAILED") == []


def test_a_part_of_a_page(tmp_path: Path) -> None:
    """While a browser loads a page, a server for advertisements refuses: the page is there, and nothing else failed."""
    scene = Scene()
    scene.exchange(0, get("/", **BROWSER), answer())
    scene.lookup(150, "ads.example", "10.0.0.9", after=20)
    refused(scene, 180, server="10.0.0.9", client_port=40001)
    scene.lookup(200, "gone.example", None, after=20, rcode=3, port=50001)
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert (visit.url, visit.failed_step, visit.tcp_streams) == ("http://shop.example/", None, (0, 1))
    assert visit.dns_rows == (0, 1)


def test_a_program_loads_no_parts(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/", **{"User-Agent": "curl/8.5.0"}), answer())
    scene.lookup(200, "gone.example", None, after=20, rcode=3, port=50001)
    assert failures(scene.analysis(tmp_path)) == [("gone.example", "dns", "NXDOMAIN")]


def test_a_scan_is_no_visit(tmp_path: Path) -> None:
    """A hundred addresses on port 80 in ten seconds: a program looks for servers."""
    scene = Scene()
    for k in range(100):
        refused(scene, 100 * k, server=f"10.0.1.{k}", client_port=40000 + k)
    analysis = scene.analysis(tmp_path)
    assert analysis.visits == ()
    assert analysis.capture.unvisited[0].count == 100
    assert found(analysis, "VISIT-FAILED") == []


def test_no_encrypted_session(tmp_path: Path) -> None:
    """The client does not know who signed the certificate (alert 48): the certificate is the server's."""
    scene = Scene()
    p = scene.connection(server_port=443)
    p.at(0).handshake()
    p.at(40).client.send(hello("shop.example"))
    p.at(80).server.send(b"\x16\x03\x03\x00\x04\x0e\0\0\0")  # ServerHelloDone
    p.at(90).client.send(b"\x15\x03\x03\x00\x02\x02\x30")
    p.at(91).client.fin()
    analysis = scene.analysis(tmp_path)
    assert failures(analysis) == [("https://shop.example/", "tls", "unknown_ca")]
    assert analysis.visits[0].blame == "server"
    assert [finding.title_key for finding in judged(analysis, "VISIT-FAILED")] == ["VISIT-FAILED.tls"]
    assert [code for code, _ in alarms(analysis)] == ["TLS-ALERT"]


def test_nothing_is_wrong_with_a_good_day(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example")
    p = scene.exchange(30, get("/"), answer())
    p.at(300).close()
    analysis = scene.analysis(tmp_path)
    assert alarms(analysis) == []
    assert failures(analysis) == []
    assert analysis.capture.unvisited == ()


def test_a_program_that_never_gives_up(tmp_path: Path) -> None:
    """A hundred refusals, one every ten seconds: one visit with all its connections, told in one step."""
    scene = Scene()
    for k in range(100):
        refused(scene, 10_000 * k, client_port=40000 + k)
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert len(visit.tcp_streams) == 100
    assert [step.sentence_args["attempts"] for step in visit.steps if step.step == "tcp"] == [100]
    (finding,) = judged(analysis, "VISIT-FAILED")
    assert len(finding.frames) <= 60


def test_a_dead_resolver_tells_of_all_names(tmp_path: Path) -> None:
    """45 names, each asked for three times: the one finding about the resolver has more evidence than is listed."""
    scene = Scene()
    for k in range(45):
        scene.lookup(k * 15_000, f"www.site{k}.example", asked=(0, 5000, 10_000), after=None, port=20_000 + k)
    scene.lookup(800_000, "ok.example", server="10.0.0.54", port=30_000)
    analysis = scene.analysis(tmp_path)
    assert len(failures(analysis)) == 45
    assert [code for code, _ in alarms(analysis)] == ["DNS-RESOLVER-DEAD"]

"""Who is to blame for what failed or was slow, with numbers written into the scripts; and when nobody can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.pipeline import analyze
from analyzer.schema import VisitRow
from analyzer.sentences import sentence
from analyzer.visits.blame import of_request
from analyzer.visits.model import Facts
from tests.conftest import SAMPLES
from tests.visits.scene import Scene, alarms, answer, found, get, hello, judged

PAGE = "http://shop.example/"


def said(visit: VisitRow) -> str:
    return sentence(visit.blame_key or "", visit.blame_args)


def test_the_server(tmp_path: Path) -> None:
    """It acknowledges the request after 40 ms (a round trip) and answers 2 s after it was asked."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(), took=2000, acked=40)
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert visit.blame == "server"
    assert said(visit) == (
        "Slow because of the server: shop.example needed 1.96 s of 2.04 s to answer; the way there and back took 80 ms."
    )
    (finding,) = judged(analysis, "VISIT-SLOW")
    assert (finding.severity, finding.blame, finding.cost_ms) == ("note", "server", 1960)
    assert [one.code for one in analysis.findings] == ["HTTP-SLOW-SERVER"], "one trouble is told once"
    facts = Facts(analysis.capture, (), (), analysis.connections, (), analysis.http, (), analysis.segments)
    blamed = of_request(analysis.http[0], facts)
    assert blamed is not None
    assert blamed.who == "server"


def test_quick_in_spite_of_a_loss() -> None:
    """Sample loss: the request of the third visit was lost and sent again after 229 ms, in a visit of 303 ms."""
    visit = analyze(str(SAMPLES / "loss.pcapng")).visits[2]
    assert said(visit) == "Quick enough: 303 ms in all, but 229 ms of it went into repeating lost packets."


def test_very_slow(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer(), took=6000, acked=40)
    (finding,) = judged(scene.analysis(tmp_path), "VISIT-SLOW")
    assert finding.severity == "warning"


def test_not_proven(tmp_path: Path) -> None:
    """No acknowledgement says that the request had arrived: lost on the way, or a slow server, who knows."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(), took=2000)
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert visit.blame == "unknown"
    assert "cannot be told from here" in said(visit)
    assert found(analysis, "VISIT-SLOW") == []


def test_lost_syns(tmp_path: Path) -> None:
    """The first SYN is lost and repeated after 1 s; everything else takes 100 ms."""
    scene = Scene()
    scene.exchange_after_a_lost_syn(0, get("/"))
    (visit,) = scene.analysis(tmp_path).visits
    assert visit.blame == "network"
    assert said(visit).startswith("Slow because of the network: 1.00 s of 1.10 s were spent repeating lost packets")


def test_the_request_of_a_visit_has_the_reason_that_the_visit_has(tmp_path: Path) -> None:
    """The first SYN is lost and repeated after 1 s: of 1.10 s that is most, for the visit and for its one request."""
    scene = Scene()
    scene.exchange_after_a_lost_syn(0, get("/"))
    analysis = scene.analysis(tmp_path)
    facts = Facts(analysis.capture, (), (), analysis.connections, (), analysis.http, (), analysis.segments)
    blamed = of_request(analysis.http[0], facts)
    assert blamed is not None
    told = sentence(blamed.key, blamed.args)
    assert told.startswith("Slow because of the network: 1.00 s of 1.10 s were spent repeating lost packets")
    assert said(analysis.visits[0]).startswith(told[:80])


def test_the_resolver(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", after=3000)
    scene.exchange(3001, get("/"), answer())
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert visit.blame == "resolver"
    assert said(visit).startswith("Slow because of looking up names: that took 3.00 s of 3.10 s")
    (finding,) = judged(analysis, "VISIT-SLOW")
    assert (finding.blame, finding.severity) == ("resolver", "note")
    assert [one.code for one in analysis.findings] == ["DNS-SLOW"]


def test_the_client(tmp_path: Path) -> None:
    """It is redirected, and asks for the next address only after three seconds."""
    scene = Scene()
    p = scene.exchange(0, get("/"), answer(302, 0, Location="/new"))
    p.at(3100).client.send(get("/new"))
    p.at(3160).server.send(answer())
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert visit.blame == "client"
    assert found(analysis, "VISIT-SLOW")[0].severity == "note"


def test_a_large_download_is_nobodys_fault(tmp_path: Path) -> None:
    """A megabyte in 60 pieces, one every 50 ms."""
    scene = Scene()
    p = scene.connection()
    p.at(0).handshake()
    p.at(40).client.send(get("/film.mp4"))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 60000\r\n\r\n"
    p.at(100).server.send(head)
    for k in range(60):
        p.at(100 + 50 * k).server.send(b"v" * 1000)
        p.at(100 + 50 * k).client.ack()
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert visit.blame is None
    assert said(visit).startswith("Long because there was much to carry")
    assert found(analysis, "VISIT-SLOW") == []


def test_quick(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    (visit,) = scene.analysis(tmp_path).visits
    assert (visit.blame, visit.blame_key) == (None, "blame.fine.network")
    assert said(visit) == "Quick: 100 ms in all, most of it on the way there and back (80 ms)."


def test_the_last_part_of_a_page(tmp_path: Path) -> None:
    """The page is there after 100 ms; its picture takes the server 1.5 s more, which everybody waits for."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(), acked=40)
    p = scene.connection(client_port=40001)
    p.at(100).handshake()
    p.at(140).client.send(get("/slow.png", "img.example", Referer=PAGE))
    p.at(180).server.ack()
    p.at(1680).server.send(answer(kind="image/png"))
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert visit.blame == "server"
    assert visit.blame_args["host"] == "img.example"


@pytest.mark.parametrize(
    ("status", "who", "step"), [(404, "client", "response"), (503, "server", "response"), (200, None, None)]
)
def test_error_answers(tmp_path: Path, status: int, who: str | None, step: str | None) -> None:
    """They are told of by the findings about HTTP, not a second time."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(status))
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert (visit.blame, visit.failed_step) == (who, step)
    assert found(analysis, "VISIT-FAILED") == []


def test_server_closes_without_an_answer(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.at(0).handshake()
    p.at(40).client.send(get("/"))
    p.at(100).server.fin()
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert (visit.blame, visit.failed_step, visit.failed_why) == ("server", "response", "no_answer")
    (finding,) = judged(analysis, "VISIT-FAILED")
    assert (finding.title_key, finding.severity) == ("VISIT-FAILED.response", "error")
    assert [code for code, _ in alarms(analysis)] == ["HTTP-NO-RESPONSE"]


def test_client_gives_up(tmp_path: Path) -> None:
    """The server's TCP has the request (its ACK says so) and nothing comes for ten seconds."""
    scene = Scene()
    p = scene.connection()
    p.at(0).handshake()
    p.at(40).client.send(get("/"))
    p.at(80).server.ack()
    p.at(10_040).client.fin()
    (visit,) = scene.analysis(tmp_path).visits
    assert (visit.blame, visit.blame_key) == ("server", "blame.http.gave_up.server")
    assert "10.00 s" in said(visit)


def test_polls_are_not_waited_for(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.at(0).handshake()
    for k in range(6):
        p.at(40 + 2000 * k).client.send(get("/news", **{"X-Requested-With": "XMLHttpRequest"}))
        p.at(100 + 2000 * k).server.send(answer(204, 0))
    analysis = scene.analysis(tmp_path)
    assert all(visit.blame is None for visit in analysis.visits)
    assert found(analysis, "VISIT-SLOW") == []


def test_a_cause_that_explains_little(tmp_path: Path) -> None:
    """A name took a second, the server one and a half: the finding about the server tells what made the visit slow."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=1200)
    scene.exchange(1210, get("/"), answer(), took=1500, acked=40)
    analysis = scene.analysis(tmp_path)
    (slow,) = judged(analysis, "VISIT-SLOW")
    assert (slow.blame, slow.cost_ms) == ("server", 1460)
    assert sorted(one.code for one in analysis.findings) == ["DNS-SLOW", "HTTP-SLOW-SERVER"]


def test_a_tunnel_is_opened_once(tmp_path: Path) -> None:
    """The proxy's SYN-ACK comes after 2 s; request, its answer, hello and encrypted data end after 2150 ms."""
    scene = Scene()
    p = scene.connection(server_port=8080)
    p.client.syn()
    p.at(2000).server.syn()
    p.at(2000).client.ack()
    p.at(2010).client.send(b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n")
    p.at(2100).server.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    p.at(2110).client.send(hello("shop.example"))
    p.at(2150).server.send(b"\x17\x03\x03\0\x20" + b"x" * 32)
    (visit,) = scene.analysis(tmp_path).visits
    network, whole = visit.blame_args["network_ms"], visit.blame_args["duration_ms"]
    assert isinstance(network, float)
    assert isinstance(whole, float)
    assert 2000 <= network <= whole <= visit.duration_ms == 2150


def test_requests_side_by_side(tmp_path: Path) -> None:
    """A page arrives for 3 s; its picture, asked for after 540 ms, comes 2.9 s later: 3440 ms in all, not 6 s."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(40).client.send(get("/", **{"User-Agent": "Mozilla/5.0"}))
    page = answer(size=3000)
    p.at(80).server.send(page[:1000])
    p.at(80).client.ack()
    p.at(3040).server.send(page[1000:])
    p.at(3040).client.ack()
    more = {"Referer": PAGE, "User-Agent": "Mozilla/5.0"}
    scene.exchange(500, get("/a.png", **more), answer(kind="image/png"), took=2900, acked=40, client_port=40001)
    (visit,) = scene.analysis(tmp_path).visits
    assert visit.requests == 2
    shares = [visit.blame_args[f"{who}_ms"] for who in ("resolver", "network", "server", "client")]
    assert sum(float(str(ms)) for ms in shares) <= visit.duration_ms == 3440
    assert (visit.blame, visit.blame_args["server_ms"]) == ("server", 2860)


def test_a_reset_instead_of_an_answer(tmp_path: Path) -> None:
    """Verdict and findings blame the same."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(40).client.send(get("/"))
    p.at(80).server.ack()
    p.at(110).server.rst()
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert said(visit) == "The server is to blame: shop.example reset the connection after 70 ms without an answer."
    (finding,) = found(analysis, "HTTP-NO-RESPONSE")
    assert finding.blame == visit.blame == "server"
    response = next(step for step in visit.steps if step.step == "response")
    assert response.sentence_key == "step.response.absent.server_reset"


def test_a_client_that_waited_long_and_resets(tmp_path: Path) -> None:
    """The server had the request for 8 s: its silence is the trouble, not the reset that ended it."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(40).client.send(get("/"))
    p.at(80).server.ack()
    p.at(8040).client.rst()
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    told = {one.code: one.blame for one in analysis.findings}
    assert visit.blame == "server"
    assert told == {"HTTP-NO-RESPONSE": "server", "TCP-RESET": "server"}


def test_a_request_behind_another_one(tmp_path: Path) -> None:
    """Two requests are sent at once; the server answers the first and closes, as it may (RFC 9112 section 9.3.1)."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(40).client.send(get("/a") + get("/b"))
    p.at(100).server.send(answer())
    p.at(100).server.fin()
    p.at(140).client.fin()
    analysis = scene.analysis(tmp_path)
    (finding,) = found(analysis, "HTTP-NO-RESPONSE")
    facts = Facts(analysis.capture, (), (), analysis.connections, (), analysis.http, (), analysis.segments)
    blamed = of_request(analysis.http[1], facts)
    assert blamed is not None
    assert (blamed.who, blamed.key, finding.blame) == ("unknown", "blame.http.closed.late", "unknown")


def test_most_is_more_than_half(tmp_path: Path) -> None:
    """Of 100 ms the opening takes 40, and a round trip of 40 the answer: 80 on the way. Of 400 ms that is no half."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(), acked=40)
    scene.exchange(60_000, get("/", "news.example"), answer(size=3000), took=130, acked=40, client_port=40001)
    scene.lookup(59_900, "news.example", after=90)
    analysis = scene.analysis(tmp_path)
    assert [said(visit).partition(", ")[2].partition(" (")[0] for visit in analysis.visits] == [
        "most of it on the way there and back",
        "the largest part of it in the server news.example",
    ]

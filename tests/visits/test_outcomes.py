"""What became of visits as a whole: losses that are told, circles of redirects, pages that wait for a silent host."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.pipeline import analyze
from analyzer.schema import Step, VisitRow
from analyzer.sentences import sentence
from tests.protocols_names import wire
from tests.visits.scene import Scene, answer, found, get

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
SAMPLES = Path(__file__).parents[2] / "samples"


def only(visit: VisitRow, name: str) -> Step:
    (step,) = [step for step in visit.steps if step.step == name]
    return step


def say(step: Step) -> str:
    return sentence(step.sentence_key, step.sentence_args)


def notes(step: Step) -> list[str]:
    return [sentence(one.sentence_key, one.sentence_args) for one in step.remarks]


def verdict(visit: VisitRow) -> str:
    return sentence(visit.blame_key or "", visit.blame_args)


# ── losses ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lost_request(tmp_path: Path) -> None:
    """Sent at 40 ms and lost, sent again 300 ms later (RFC 6298), answered 40 ms after that."""
    scene = Scene()
    p = scene.connection()
    p.at(0).handshake()
    request = p.client.prepare(get("/"))
    p.at(40)
    p.emit(request[0], delivered=False)
    p.at(340)
    p.resend(request)
    p.at(380).server.send(answer())
    (visit,) = scene.analysis(tmp_path).visits
    step = only(visit, "request")
    assert step.frames == (4, 5)
    assert "The request was lost on the way and had to be sent again (1 packet): that cost 300 ms." in notes(step)


def test_losses_of_the_sample() -> None:
    """The lab dropped one request, and one packet of an answer; two packets that only changed places are no loss."""
    analysis = analyze(str(SAMPLES / "loss.pcapng"))
    by_path = {visit.url.rpartition("/")[2]: visit for visit in analysis.visits}
    assert only(by_path["lost-request.bin"], "request").frames == (81, 82)
    lost = {name for name, visit in by_path.items() if any("was lost on" in n for s in visit.steps for n in notes(s))}
    assert lost == {"lost-request.bin", "lost-response.bin"}


# ── circles ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def circle(tmp_path: Path, times: int, last: int = 302) -> VisitRow:
    """``/a`` leads to itself, so many times."""
    scene = Scene()
    p = scene.connection()
    p.at(0).handshake()
    for k in range(times):
        p.at(40 + 100 * k).client.send(get("/a"))
        status = 302 if k < times - 1 else last
        p.at(80 + 100 * k).server.send(answer(status, **({"Location": "/a"} if status == 302 else {})))
    (visit,) = scene.analysis(tmp_path).visits
    return visit


def test_a_circle_of_redirects(tmp_path: Path) -> None:
    visit = circle(tmp_path, 5)
    assert (visit.failed_step, visit.failed_why, visit.blame) == ("response", "redirect_loop", "server")
    assert "in a circle" in verdict(visit)
    assert [one.sentence_key for one in visit.waste if one.kind == "redirects"] == ["waste.redirects.loop"]


@pytest.mark.parametrize(("times", "last"), [(2, 302), (4, 200)])
def test_no_circle(tmp_path: Path, times: int, last: int) -> None:
    """Twice may be to set a cookie; and who gets a page in the end did not fail."""
    assert circle(tmp_path, times, last).failed_step is None


# ── silent hosts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def silent(scene: Scene, ms: float, tries: int, **facts: object) -> None:
    p = scene.connection(**facts)
    for k in range(tries):
        p.at(ms + 1000 * (2**k - 1)).client.syn(delivered=False, flags="S")


def test_a_page_that_waits_for_a_silent_host(tmp_path: Path) -> None:
    """Two connections with four SYNs each, over 7 s: one step, and the page is not quick."""
    scene = Scene()
    p = scene.exchange(0, get("/", **BROWSER), answer())
    p.at(110).client.send(get("/a.png", Referer="http://shop.example/", **BROWSER))
    p.at(200).server.send(answer(kind="image/png"))
    for k in range(2):
        silent(scene, 120 + k, 4, server="10.0.0.9", client_port=41000 + k)
    (visit,) = scene.analysis(tmp_path).visits
    told = [step for step in visit.steps if step.step == "tcp"]
    assert [step.sentence_key for step in told] == ["step.tcp", "step.tcp.unanswered.several"]
    assert (told[1].sentence_args["attempts"], told[1].sentence_args["connections"], len(told[1].frames)) == (8, 2, 8)
    assert (visit.failed_step, visit.blame, visit.blame_key) == (None, "unknown", "blame.waits")
    assert visit.duration_ms == 120 + 1 + 7000
    assert visit.blame_args["loaded_ms"] == 200
    assert visit.blame_args["attempts"] == 8


def test_tried_when_the_page_was_there(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/", **BROWSER), answer())
    silent(scene, 600, 4, server="10.0.0.9", client_port=41000)
    (visit,) = scene.analysis(tmp_path).visits
    assert (visit.duration_ms, visit.tcp_streams, visit.failed_step) == (100, (0, 1), None)
    assert (visit.blame_key or "").startswith("blame.fine")


@pytest.mark.parametrize(
    ("port", "tries", "told"),
    [(21, 3, True), (22, 2, True), (445, 3, False), (5000, 3, False)],
)
def test_a_silent_port_elsewhere(tmp_path: Path, port: int, tries: int, told: bool) -> None:
    """Files and terminals are what people connect to; shares and unknown ports may be anything."""
    scene = Scene()
    silent(scene, 0, tries, server_port=port)
    scene.lookup(60_000, "news.example")
    visits = scene.analysis(tmp_path).visits
    assert [visit.url for visit in visits] == ([f"10.0.0.2:{port}"] if told else [])


@pytest.mark.parametrize(("tries", "failed"), [(3, 1), (2, 0)])
def test_another_port_of_a_server_in_use(tmp_path: Path, tries: int, failed: int) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    silent(scene, 60_000, tries, server_port=8009, client_port=41000)
    scene.lookup(120_000, "news.example")
    visits = scene.analysis(tmp_path).visits
    assert [visit.failed_why for visit in visits if visit.failed_step] == ["unanswered"] * failed


def test_every_refusal_counts(tmp_path: Path) -> None:
    """One client port, three SYNs, three RSTs: all of them are evidence."""
    scene = Scene()
    p = scene.connection()
    for ms in (0, 500, 1000):
        p.at(ms).client.syn(flags="S")
        p.at(ms + 1).server.rst()
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    step = only(visit, "tcp")
    assert step.frames == (1, 2, 3, 4, 5, 6)
    assert [finding.frames for finding in found(analysis, "TCP-REFUSED")] == [step.frames]
    assert say(step) == "10.0.0.2 refused 3 attempts to connect to port 80 within 1.00 s: nothing listens there."


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def two_silent(tmp_path: Path) -> Analysis:
    scene = Scene()
    scene.lookup(0, "shop.example", after=None, asked=(0, 1000, 2000, 4000))
    scene.lookup(1, "shop.example", after=None, asked=(999, 1999, 7999), server="10.0.0.54")
    scene.exchange(20_000, get("/", "10.0.0.2"), answer())
    return scene.analysis(tmp_path)


def test_two_silent_resolvers(tmp_path: Path) -> None:
    """Each with its own number of tries, until the last one; two at once are hardly both down."""
    visit = two_silent(tmp_path).visits[0]
    assert (visit.duration_ms, visit.blame) == (8000, "unknown")
    assert "10.0.0.53, 10.0.0.54 answered none of 7 queries" in verdict(visit)
    assert notes(only(visit, "dns"))[:2] == ["10.0.0.53 was asked 4 times.", "10.0.0.54 was asked 3 times."]


def test_a_name_asked_for_ahead(tmp_path: Path) -> None:
    """A browser asks while the name is typed (25 ms), and again for the connection (1 ms): the step is the second."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=25)
    scene.lookup(100, "shop.example", after=1, port=50001)
    scene.lookup(100, "shop.example", None, after=1, qtype=wire.AAAA, port=50001)
    scene.exchange(102, get("/"), answer())
    (visit,) = scene.analysis(tmp_path).visits
    step = only(visit, "dns")
    assert step.time is not None
    assert (step.duration_ms, (step.time - visit.start_time) / 1e6) == (1, 100)
    assert "The name had been asked for once before, 100 ms earlier; that took 25 ms." in notes(step)
    assert "25 ms and" not in " ".join(notes(step))


def test_nothing_to_look_up_on_the_own_machine(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "news.example")
    p = scene.connection(server_port=443, client="127.0.0.1", server="127.0.0.1")
    p.at(1000).handshake()
    p.at(1040).client.send(
        b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + bytes(32) + b"\0\0\x02\x13\x01\x01\x00\0\0"
    )
    visit = scene.analysis(tmp_path).visits[-1]
    assert visit.url == "https://127.0.0.1/"
    assert [(s.step, s.absent_why) for s in visit.steps[:2]] == [("dns", "literal_address"), ("arp", "not_applicable")]


# ── the end, and what is missing ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fin", "rst", "said"),
    [
        ("client", "server", "The client closed the connection first (FIN); then the server reset it."),
        ("server", "server", "The server closed the connection first (FIN), and reset it afterwards."),
        (None, "server", "The server reset the connection instead of closing it."),
    ],
)
def test_reset_after_a_fin(tmp_path: Path, fin: str | None, rst: str, said: str) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/"), answer())
    if fin is not None:
        getattr(p.at(200), fin).fin()
    getattr(p.at(210), rst).rst()
    (visit,) = scene.analysis(tmp_path).visits
    assert say(only(visit, "close")) == said


def test_a_syn_alone_is_no_handshake(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.at(0).client.syn()
    p.at(20).server.syn(captured=False)
    p.at(40).client.send(get("/"))
    (visit,) = scene.analysis(tmp_path).visits
    assert only(visit, "tcp").sentence_key == "step.tcp.one_sided"
    assert "unknown" not in say(only(visit, "tcp"))


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_icon_is_a_part(tmp_path: Path) -> None:
    """That there is none is told by a page (HTML), which nobody asked for."""
    scene = Scene()
    p = scene.exchange(0, get("/", **BROWSER), answer())
    p.at(110).client.send(get("/favicon.ico", **BROWSER))
    p.at(150).server.send(answer(404))
    (visit,) = scene.analysis(tmp_path).visits
    assert (visit.requests, visit.url) == (2, "http://shop.example/")


@pytest.mark.parametrize(("second", "failed"), [(200, 0), (401, 1)])
def test_a_challenge_that_is_answered(tmp_path: Path, second: int, failed: int) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/"), answer(401, **{"WWW-Authenticate": "Basic"}))
    p.at(110).client.send(get("/", Authorization="Basic eDp5"))
    p.at(150).server.send(answer(second))
    (visit,) = scene.analysis(tmp_path).visits
    assert (visit.requests, visit.failed_requests) == (2, failed)


@pytest.mark.parametrize(
    ("request_line", "key"),
    [(b"GET /\r\n", "step.response.no_status"), (get("/"), "step.response.no_status.end_unknown")],
)
def test_an_answer_without_a_status(tmp_path: Path, request_line: bytes, key: str) -> None:
    """HTTP/0.9 has no status line (RFC 9112 appendix C.1); of what answers HTTP/1.1 so, nobody knows what it is."""
    scene = Scene()
    p = scene.connection()
    p.at(0).handshake()
    p.at(40).client.send(request_line)
    p.at(80).server.send(b"<html>hello</html>\n")
    p.at(90).close(by="server")
    (visit,) = scene.analysis(tmp_path).visits
    assert only(visit, "response").sentence_key == key
    assert "unknown" not in say(only(visit, "response"))


def test_the_first_packet_of_an_answer_was_lost(tmp_path: Path) -> None:
    """The second one was there at 80 ms, the first one, sent again, at 300 ms: that is a loss of the answer."""
    scene = Scene()
    p = scene.connection()
    p.at(0).handshake()
    p.at(40).client.send(get("/"))
    whole = answer(200, 2000)
    first, second = p.server.prepare(whole[:1400]), p.server.prepare(whole[1400:])
    p.at(80)
    p.emit(first[0], captured=False, delivered=False)
    p.emit(second[0])
    p.client.ack()
    p.at(300)
    p.resend(first)
    (visit,) = scene.analysis(tmp_path).visits
    said = " ".join(notes(only(visit, "response")))
    assert "had to be sent again (1 packet); that held it up for 220 ms" in said
    assert "lost" not in " ".join(notes(only(visit, "request")))

"""What visits spent in vain and what they were spared: each number is written into the script."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from analyzer.schema import VisitRow, Waste
from analyzer.sentences import sentence
from tests.visits.scene import Scene, answer, found, get, judged

PAGE = "http://shop.example/"


def spent(visit: VisitRow) -> dict[str, Waste]:
    return {one.kind: one for one in visit.waste}


def spared(visit: VisitRow) -> dict[str, Waste]:
    return {one.kind: one for one in visit.savings}


def test_redirects(tmp_path: Path) -> None:
    """Two redirects, each asked and answered in 60 ms and followed after 1 ms: the last question is at 162 ms."""
    scene = Scene()
    p = scene.exchange(0, get("/"), answer(302, 0, Location="/a"))
    p.at(101).client.send(get("/a"))
    p.at(161).server.send(answer(302, 0, Location="/b"))
    p.at(162).client.send(get("/b"))
    p.at(222).server.send(answer())
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    waste = spent(visit)["redirects"]
    assert (waste.count, waste.time_ms, waste.rows, waste.table) == (2, 122, (0, 1), "http")
    assert sentence(waste.sentence_key, waste.sentence_args) == (
        "2 redirects before the right address: that took 122 ms."
    )
    (finding,) = judged(analysis, "VISIT-REDIRECTS")
    assert (finding.severity, finding.cost_ms, finding.args["hops"]) == ("note", 122, 2)


def test_one_redirect_is_no_finding(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/"), answer(302, 0, Location="/a"), took=500)
    p.at(541).client.send(get("/a"))
    p.at(601).server.send(answer())
    analysis = scene.analysis(tmp_path)
    assert spent(analysis.visits[0])["redirects"].time_ms == 501
    assert found(analysis, "VISIT-REDIRECTS") == []


def test_connections_that_could_have_been_kept(tmp_path: Path) -> None:
    """Four pages, each on a connection of its own that opens (40 ms) when the one before is done: three too many."""
    scene = Scene()
    for k in range(4):
        p = scene.exchange(1000 * k, get(f"/{k}"), answer(), client_port=40000 + k)
        p.at(1000 * k + 150).close()
    analysis = scene.analysis(tmp_path)
    kept = [spent(visit).get("connections") for visit in analysis.visits]
    assert kept[0] is None
    assert [(one.count, one.time_ms, one.rows) for one in kept[1:] if one] == [(1, 40, (k,)) for k in (1, 2, 3)]
    (finding,) = judged(analysis, "VISIT-CONNECTIONS")
    assert (finding.cost_ms, finding.args["connections"]) == (120, 3)


def test_a_lost_syn_is_no_part_of_what_a_needless_connection_took(tmp_path: Path) -> None:
    """The second connection opens in 40 ms, after a SYN that was lost and a second of waiting, which is said."""
    scene = Scene()
    scene.exchange(0, get("/"), answer()).at(150).close()
    scene.exchange_after_a_lost_syn(500, get("/b"), client_port=40001)
    waste = spent(scene.analysis(tmp_path).visits[1])["connections"]
    assert waste.time_ms == 40
    assert sentence(waste.sentence_key, waste.sentence_args) == (
        "1 connection was opened although an earlier one could have been kept: that took 40 ms, not counting the wait "
        "for a lost SYN."
    )


def test_connections_side_by_side_are_none(tmp_path: Path) -> None:
    """A browser opens several at once; and one that opens a minute later could not have used the old one."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(), took=500)
    scene.exchange(50, get("/a.png", Referer=PAGE), answer(kind="image/png"), client_port=40001)
    scene.exchange(60_000, get("/late"), answer(), client_port=40002)
    analysis = scene.analysis(tmp_path)
    assert analysis.visits
    assert all("connections" not in spent(visit) for visit in analysis.visits)


@pytest.mark.parametrize(
    ("later", "took", "again"),
    [
        (200_000, 30, True),
        (400_000, 30, False),  # the answer may be kept for 300 s
        (200_000, 0.5, False),  # the resolver is the next machine: nobody waited
    ],
)
def test_a_name_asked_for_again(tmp_path: Path, later: float, took: float, again: bool) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", after=20, ttl=300)
    scene.exchange(25, get("/"), answer())
    scene.lookup(later, "shop.example", after=took, ttl=300, port=50001)
    scene.exchange(later + 35, get("/late"), answer(), client_port=40001)
    second = scene.analysis(tmp_path).visits[1]
    if again:
        assert (spent(second)["dns"].time_ms, spent(second)["dns"].rows) == (30, (1,))
    else:
        assert "dns" not in spent(second)


def test_polls_without_news(tmp_path: Path) -> None:
    """Six polls, the first one brings something: five in vain."""
    scene = Scene()
    p = scene.exchange(0, get("/"), answer())
    for k in range(6):
        p.at(300 + 500 * k).client.send(get("/news", Referer=PAGE))
        p.at(345 + 500 * k).server.send(answer(200 if k == 0 else 204, 50 if k == 0 else 0, kind="application/json"))
    (visit,) = scene.analysis(tmp_path).visits
    waste = spent(visit)["polling"]
    assert (waste.count, waste.rows) == (5, (2, 3, 4, 5, 6))
    empty = len(get("/news", Referer=PAGE)) + len(answer(204, 0, kind="application/json"))
    assert waste.size_bytes == 5 * empty


def test_text_as_it_is(tmp_path: Path) -> None:
    """100 kB of one letter in a page for a client that takes gzip; and the same, compressed, is a saving."""
    text = b"a" * 200_000
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
    packed = gzip.compress(text)
    plain = head + b"Content-Length: %d\r\n\r\n" % len(text) + text
    small = head + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    scene = Scene()
    takes = {"Accept-Encoding": "gzip"}
    scene.exchange(0, get("/", **takes), plain)
    scene.exchange(60_000, get("/small", **takes), small, client_port=40001)
    analysis = scene.analysis(tmp_path)
    first, second = analysis.visits
    missed = spent(first)["compression"].size_bytes
    assert missed is not None
    assert 195_000 < missed < 200_000
    assert spared(second)["compressed"].size_bytes == len(text) - len(packed)
    assert judged(analysis, "VISIT-WASTE") == [], "HTTP-NO-COMPRESSION says it"


def test_a_body_is_wasted_once(tmp_path: Path) -> None:
    """A long text comes uncompressed, twice: the second time it need not have come at all."""
    text = b"hello world this is text " * 8000
    head = b'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: "v1"\r\nContent-Length: %d\r\n\r\n' % len(text)
    scene = Scene()
    for k in range(2):
        question = get("/a", **{"Accept-Encoding": "gzip"})
        scene.exchange(60_000 * k, question, head + text, client_port=40000 + k)
    analysis = scene.analysis(tmp_path)
    assert [[(one.kind, one.rows) for one in visit.waste] for visit in analysis.visits] == [
        [("compression", (0,))],
        [("fetched_again", (1,))],
    ]
    (finding,) = found(analysis, "VISIT-WASTE")
    assert "HTTP-NO-COMPRESSION" in {one.code for one in analysis.findings}, "which says another thing"
    carried = len(question) + len(head) + len(text)
    assert (finding.args["wasted_bytes"], finding.args["carried_bytes"]) == (len(text), carried)
    assert finding.args["wasted_share"] == len(text) / carried


def test_a_lookup_beside_one_that_is_open(tmp_path: Path) -> None:
    """Asked again after 5 ms, while nothing was known yet: that is no waste. A third, after 500 ms, is."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=20, ttl=300)
    scene.lookup(5, "shop.example", after=30, ttl=300, port=50001)
    scene.exchange(40, get("/"), answer())
    scene.lookup(500, "shop.example", after=30, ttl=300, port=50002)
    scene.exchange(540, get("/late"), answer(), client_port=40001)
    analysis = scene.analysis(tmp_path)
    rows = [row for visit in analysis.visits for one in visit.waste if one.kind == "dns" for row in one.rows]
    assert rows == [2]


def test_a_lost_syn_is_no_needless_connection(tmp_path: Path) -> None:
    """The second page's connection opens after a second, because its SYN was lost: 40 ms of it could be spared."""
    scene = Scene()
    scene.exchange(0, get("/a"), answer()).at(150).close()
    p = scene.connection(client_port=40001)
    p.at(1000).client.syn()
    p.at(2000).client.syn()
    p.at(2040).server.syn()
    p.client.ack()
    p.client.send(get("/b"))
    p.at(2100).server.send(answer())
    p.client.ack()
    second = scene.analysis(tmp_path).visits[1]
    assert second.phases.connect_ms == pytest.approx(1040)
    assert spent(second)["connections"].time_ms == pytest.approx(40)


def test_fetched_again_unchanged(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), answer(size=5000, ETag='"v1"'))
    scene.exchange(60_000, get("/a"), answer(size=5000, ETag='"v1"'), client_port=40001)
    scene.exchange(120_000, get("/a"), answer(size=5000, ETag='"v2"'), client_port=40002)
    visits = scene.analysis(tmp_path).visits
    assert [spent(visit).get("fetched_again") is not None for visit in visits] == [False, True, False]
    assert spent(visits[1])["fetched_again"].size_bytes == 5000


def test_what_the_cache_and_the_connection_saved(tmp_path: Path) -> None:
    """The second request finds the connection open (40 ms saved) and its copy good (5 kB saved)."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer(size=5000, ETag='"v1"'))
    p.at(5000).client.send(get("/a", **{"If-None-Match": '"v1"'}))
    p.at(5060).server.send(b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n')
    second = scene.analysis(tmp_path).visits[1]
    assert spared(second)["not_modified"].size_bytes == 5000
    assert (spared(second)["reused"].count, spared(second)["reused"].time_ms) == (1, 40)
    assert second.waste == ()

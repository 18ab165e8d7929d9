"""Polls, long polls, event streams and WebSockets: recognised in the table, and no part of how long a page took.

Times are those of the script's clock (milliseconds), the recorder near the client, 40 ms from the server.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis
from analyzer.export import har
from analyzer.schema import Step, VisitRow
from analyzer.sentences import sentence
from tests.playbook import Playbook
from tests.visits.scene import Scene, answer, found, get

PAGE = "http://shop.example/"
JSON = "application/json"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
KEY = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
SWITCHED = (
    b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def words(analysis: Analysis) -> dict[str | None, str | None]:
    return {(row.target or "").partition("?")[0]: row.background for row in analysis.http}


def step(visit: VisitRow, name: str) -> Step:
    (one,) = [step for step in visit.steps if step.step == name]
    return one


def on_load(analysis: Analysis) -> list[Any]:
    return [page["pageTimings"]["onLoad"] for page in json.loads("".join(har.parts(analysis)))["log"]["pages"]]


def page(scene: Scene) -> Playbook:
    """A page that is there at 100 with its style sheet at 160, on one connection."""
    p = scene.exchange(0, get("/"), answer())
    p.at(101).client.send(get("/a.css", Referer=PAGE))
    p.at(160).server.send(answer(kind="text/css"))
    return p


def test_a_page_that_polls(tmp_path: Path) -> None:
    """It asks for news every half second, six times: the page took 160 ms all the same, and needed one thing more."""
    scene = Scene()
    p = page(scene)
    for k in range(6):
        p.at(300 + 500 * k).client.send(get(f"/news?n={k}", Referer=PAGE))
        p.at(345 + 500 * k).server.send(answer(204 if k % 2 else 200, 0 if k % 2 else 50 + k, kind=JSON))
    analysis = scene.analysis(tmp_path)
    assert words(analysis) == {"/": None, "/a.css": None, "/news": "poll"}
    (visit,) = analysis.visits
    assert (visit.duration_ms, visit.requests, visit.background) == (160, 8, 6)
    assert on_load(analysis) == [160]
    assert step(visit, "objects").sentence_args["requests"] == 1
    beside = step(visit, "background")
    assert (beside.sentence_args["requests"], beside.duration_ms) == (6, 2545)
    assert "polling" in sentence(beside.sentence_key, beside.sentence_args)


def test_a_pause_before_a_poll_is_the_pages_own(tmp_path: Path) -> None:
    """Between an answer and the next poll nothing was in the way: its 455 ms are no part of the request's 45."""
    scene = Scene()
    p = page(scene)
    for k in range(6):
        p.at(300 + 500 * k).client.send(get("/news", Referer=PAGE))
        p.at(345 + 500 * k).server.send(answer(size=50 + k, kind=JSON))
    analysis = scene.analysis(tmp_path)
    polls = [row for row in analysis.http if row.background == "poll"]
    assert {(row.blocked_ms, row.blocked_why, row.total_ms) for row in polls} == {(None, "idle", 45)}
    assert {(row.phase_frames.blocked, row.phase_trust.blocked) for row in polls} == {(None, "not_measurable")}
    assert analysis.http[1].blocked_ms == 1, "the style sheet's is kept"


def test_a_page_that_polls_long(tmp_path: Path) -> None:
    scene = Scene()
    p = page(scene)
    for k in range(4):
        p.at(300 + 2100 * k).client.send(get("/longpoll", Referer=PAGE))
        p.at(2300 + 2100 * k).server.send(answer(204, 0, kind=JSON))
    analysis = scene.analysis(tmp_path)
    assert words(analysis) == {"/": None, "/a.css": None, "/longpoll": "long_poll"}
    assert (analysis.visits[0].duration_ms, found(analysis, "HTTP-SLOW-SERVER")) == (160, [])


def test_one_address_made_to_wait(tmp_path: Path) -> None:
    """One request is no series, but its address says what it is, and it waited long."""
    scene = Scene()
    page(scene)
    asked = get("/socket.io/?transport=polling", Referer=PAGE)
    scene.exchange(200, asked, answer(kind=JSON), client_port=40001, took=1500)
    scene.exchange(200, get("/slow", Referer=PAGE), answer(kind=JSON), client_port=40002, took=1500)
    analysis = scene.analysis(tmp_path)
    assert words(analysis) == {"/": None, "/a.css": None, "/socket.io/": "long_poll", "/slow": None}
    assert analysis.visits[0].duration_ms == 1740, "until the slow answer is there"


def test_a_page_with_an_event_stream(tmp_path: Path) -> None:
    """Events until the tab is closed by a reset at 9000: a stream that worked, and a page that took 160 ms."""
    scene = Scene()
    page(scene)
    q = scene.exchange(200, get("/events", Referer=PAGE), EVENTS, client_port=40001)
    for k in range(5):
        q.at(1000 + 1000 * k).server.send(b"data: 1\n\n")
        q.client.ack()
    q.at(9000).client.rst()
    analysis = scene.analysis(tmp_path)
    assert words(analysis)["/events"] == "event_stream"
    (visit,) = analysis.visits
    assert (visit.duration_ms, visit.failed_requests, visit.background) == (160, 0, 1)
    assert [f.severity for f in found(analysis, "TCP-RESET")] in ([], ["note"])
    assert on_load(analysis) == [160]


def test_a_page_with_a_websocket(tmp_path: Path) -> None:
    scene = Scene()
    page(scene)
    q = scene.exchange(900, get("/chat", Origin="http://shop.example", **KEY), SWITCHED, client_port=40001)
    q.at(8000).server.send(b"\x81\x02hi")
    analysis = scene.analysis(tmp_path)
    assert words(analysis)["/chat"] == "websocket"
    assert (len(analysis.visits), analysis.visits[0].duration_ms) == (1, 160)


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (get("/events"), b"HTTP/1.1 404 X\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n"),
        (get("/events", Accept="text/event-stream"), answer(kind="text/plain")),
        (get("/chat", **KEY), answer(403)),
        (get("/chat", Upgrade="h2c", Connection="Upgrade"), b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n"),
    ],
)
def test_ordinary_all_the_same(tmp_path: Path, request_: bytes, reply: bytes) -> None:
    scene = Scene()
    scene.exchange(0, request_, reply)
    assert [row.background for row in scene.analysis(tmp_path).http] == [None]


def test_nothing_but_background(tmp_path: Path) -> None:
    """An event stream alone lasts as long as it lasts, and no page was ever loaded."""
    scene = Scene()
    q = scene.exchange(0, get("/events"), EVENTS)
    q.at(3000).server.send(b"data: 1\n\n")
    q.at(3000).client.ack()
    analysis = scene.analysis(tmp_path)
    assert (analysis.visits[0].duration_ms, on_load(analysis)) == (3000, [-1])


def test_a_dead_server_is_no_long_poll(tmp_path: Path) -> None:
    """Four times a client waits 12 s in vain, gives up and asks again: nobody answered, so nobody held an answer."""
    scene = Scene()
    for k in range(4):
        p = scene.connection(client_port=40000 + k)
        p.at(12_500 * k).handshake()
        p.at(12_500 * k + 50).client.send(get("/report"))
        p.at(12_500 * k + 90).server.ack()
        p.at(12_500 * k + 12_050).client.fin()
    analysis = scene.analysis(tmp_path)
    assert [(row.background, row.wait_ms) for row in analysis.http] == [(None, 12_000)] * 4


def test_what_a_page_asks_for_later(tmp_path: Path) -> None:
    """Its script says at 6000 that all was read: the page itself was there at 160."""
    scene = Scene()
    p = page(scene)
    p.at(6000).client.send(get("/done", Referer=PAGE))
    p.at(6045).server.send(answer(204, 0, kind=JSON))
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert (visit.requests, visit.background, visit.duration_ms, on_load(analysis)) == (3, 0, 160, [160])
    assert step(visit, "objects").sentence_args["requests"] == 1
    assert step(visit, "background").sentence_args["kinds"] == ["later it asked for more"]


def test_polls_do_not_hide_that_somebody_clicked(tmp_path: Path) -> None:
    """While the page polls, somebody follows a link at 2560: a new visit, though something was asked just before."""
    scene = Scene()
    p = page(scene)
    for k in range(6):
        p.at(300 + 500 * k).client.send(get("/news", Referer=PAGE))
        p.at(345 + 500 * k).server.send(answer(size=50 + k, kind=JSON))
    p.at(2900).client.send(get("/next", Referer=PAGE))
    p.at(2960).server.send(answer())
    targets = [analysis_visit.url for analysis_visit in scene.analysis(tmp_path).visits]
    assert targets == [PAGE, PAGE + "next"]


@pytest.mark.parametrize(("ended", "load"), [("client", 640), ("server", 640), (None, -1)])
def test_loaded_with_a_part_that_never_came(tmp_path: Path, ended: str | None, load: float) -> None:
    """A picture asked for at 140, never answered: who gives up at 640 is done then; else nobody knows."""
    scene = Scene()
    page(scene)
    q = scene.connection(client_port=40001)
    q.at(100).handshake()
    q.at(140).client.send(get("/a.png", Referer=PAGE))
    q.at(180).server.ack()
    if ended is not None:
        (q.at(640).client if ended == "client" else q.at(640).server).fin()
    analysis = scene.analysis(tmp_path)
    assert on_load(analysis) == [load]
    assert analysis.visits[0].duration_ms == (640 if ended else 180)

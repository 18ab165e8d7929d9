"""Polling and long polling: what is recognised, what is not, and that waiting for news is no slow server."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.schema import FindingRow
from analyzer.sentences import finding_text
from tests.visits.scene import Scene, answer, found, get

JSON = "application/json"
NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"


def news(size: int = 10, **headers: str) -> bytes:
    return answer(200, size, kind=JSON, **headers)


def only(analysis: Analysis, code: str) -> FindingRow:
    """The one finding of a code; its sentences must have all their words."""
    (finding,) = found(analysis, code)
    text = finding_text(finding.title_key, finding.args)
    assert "unknown" not in f"{text.title} {text.why} {text.advice}"
    return finding


def timer(scene: Scene, *replies: bytes, every: float = 2000, path: str = "/news?t={}", late: float = 0) -> None:
    """One connection on which a client asks by a timer; each answer takes 60 ms."""
    p = scene.exchange(0, get(path.format(0)), replies[0])
    for k, reply in enumerate(replies[1:], 1):
        begin = 40 + every * k + (late if k % 2 else 0)
        p.at(begin).client.send(get(path.format(k)))
        p.at(begin + 60).server.send(reply)


# ── polling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_polling(tmp_path: Path) -> None:
    scene = Scene()
    timer(scene, *[news(50 + k) for k in range(6)])
    finding = only(scene.analysis(tmp_path), "HTTP-POLLING")
    assert (finding.title_key, finding.severity, finding.blame) == ("HTTP-POLLING", "info", "client")
    assert (finding.args["count"], finding.args["period_ms"], finding.args["target"]) == (6, 2000, "/news")
    assert finding.frames == (4, 7, 9, 11, 13, 15), "its requests"


@pytest.mark.parametrize("nothing", [NOTHING, b"HTTP/1.1 304 Not Modified\r\n\r\n", news(0)])
def test_polling_for_nothing(tmp_path: Path, nothing: bytes) -> None:
    scene = Scene()
    timer(scene, news(), *[nothing] * 9)
    finding = only(scene.analysis(tmp_path), "HTTP-POLLING")
    assert (finding.title_key, finding.severity, finding.args["empty_share"]) == ("HTTP-POLLING.empty", "note", 0.9)


def test_the_same_small_answer_again_is_no_news(tmp_path: Path) -> None:
    scene = Scene()
    timer(scene, *[news(2)] * 10)
    assert only(scene.analysis(tmp_path), "HTTP-POLLING").args["empty_share"] == 0.9


def test_all_that_was_transferred(tmp_path: Path) -> None:
    """Five times a request of 46 bytes and an answer of 83: heads and bodies."""
    scene = Scene()
    request, reply = get("/news"), news()
    timer(scene, *[reply] * 5, path="/news")
    finding = only(scene.analysis(tmp_path), "HTTP-POLLING")
    assert finding.args["transferred_bytes"] == 5 * (len(request) + len(reply))


def test_a_timer_that_is_a_little_late(tmp_path: Path) -> None:
    scene = Scene()
    timer(scene, *[news(50 + k) for k in range(8)], late=100)
    assert only(scene.analysis(tmp_path), "HTTP-POLLING").args["count"] == 8


def test_each_poll_on_its_own_connection(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(6):
        scene.exchange(3000 * k, get("/news"), news(50 + k), client_port=40000 + k)
    assert only(scene.analysis(tmp_path), "HTTP-POLLING").args["period_ms"] == 3000


def test_two_clients_that_poll_one_address_are_one_finding(tmp_path: Path) -> None:
    scene = Scene()
    for client in ("10.0.0.8", "10.0.0.9"):
        for k in range(5):
            scene.exchange(3000 * k + 7, get("/news"), news(50 + k), client=client, client_port=40000 + k)
    finding = only(scene.analysis(tmp_path), "HTTP-POLLING")
    assert (finding.args["clients"], finding.args["count"]) == (["10.0.0.8", "10.0.0.9"], 10)


@pytest.mark.parametrize(
    ("starts", "path"),
    [
        ((0, 2000, 4000, 6000), "/news"),  # too few
        ((0, 900, 7000, 7900, 30_000, 31_500, 90_000), "/news"),  # a person
        ((0, 100, 200, 300, 400, 500), "/news"),  # one burst
        ((0, 2000, 4000, 6000, 8000, 10_000), "/news/{}"),  # different addresses
    ],
)
def test_no_polling(tmp_path: Path, starts: tuple[float, ...], path: str) -> None:
    scene = Scene()
    for k, start in enumerate(starts):
        scene.exchange(start, get(path.format(k)), news(50 + k), client_port=40000 + k)
    assert found(scene.analysis(tmp_path), "HTTP-POLLING") == []


def test_as_fast_as_it_can(tmp_path: Path) -> None:
    """A program that asks again with every answer has no timer, however steady the server is."""
    scene = Scene()
    p = scene.exchange(0, get("/next"), news(50), took=400)
    for k in range(1, 9):
        p.at(440 + 401 * (k - 1) + 1).client.send(get("/next"))
        p.at(440 + 401 * k).server.send(news(50 + k))
    assert found(scene.analysis(tmp_path), "HTTP-POLLING") == []


@pytest.mark.parametrize("reply", [answer(206, 100, kind="video/mp4"), answer(200, 70_000, kind="video/mp4")])
def test_a_film_in_pieces(tmp_path: Path, reply: bytes) -> None:
    scene = Scene()
    timer(scene, *[reply] * 6)
    assert found(scene.analysis(tmp_path), "HTTP-POLLING") == []


def test_redirects_are_no_news(tmp_path: Path) -> None:
    scene = Scene()
    timer(scene, *[b"HTTP/1.1 302 X\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"] * 6)
    assert found(scene.analysis(tmp_path), "HTTP-POLLING") == []


# ── long polling ─────────────────────────────────────────────────────────────────────────────────────────────────


def held(scene: Scene, waits: tuple[float, ...], replies: tuple[bytes, ...], *, path: str = "/updates",
         pause: float = 10) -> None:  # fmt: skip
    """One connection on which a client asks again as soon as (``pause`` ms later) it has its answer.

    The server acknowledges each request at once, and answers after its wait: so the wait is its own for certain.
    """
    p = scene.connection()
    p.handshake()
    now = 50.0
    for wait, reply in zip(waits, replies, strict=True):
        p.at(now).client.send(get(path))
        p.at(now + 40).server.ack()
        p.at(now + wait).server.send(reply)
        p.client.ack()
        now += wait + pause


def test_long_polling(tmp_path: Path) -> None:
    """Two waits end without news, one early with some: no server is slow here."""
    scene = Scene()
    held(scene, (25_000, 7_000, 25_000, 25_000), (NOTHING, news(), NOTHING, NOTHING))
    analysis = scene.analysis(tmp_path)
    finding = only(analysis, "HTTP-LONG-POLLING")
    assert (finding.severity, finding.args["count"], finding.args["period_ms"]) == ("info", 4, 25_000)
    assert finding.args["target"] == "/updates"
    assert found(analysis, "HTTP-SLOW-SERVER") == []
    assert found(analysis, "HTTP-POLLING") == []


def test_an_address_that_says_so(tmp_path: Path) -> None:
    """socket.io: the answers hold news, and come after seconds."""
    scene = Scene()
    held(scene, (3000, 2000), (news(100), news(200)), path="/socket.io/?EIO=4&transport=polling&t=x")
    analysis = scene.analysis(tmp_path)
    assert only(analysis, "HTTP-LONG-POLLING").args["count"] == 2
    assert found(analysis, "HTTP-SLOW-SERVER") == []


def test_a_single_long_poll_is_no_slow_server(tmp_path: Path) -> None:
    scene = Scene()
    held(scene, (25_000,), (NOTHING,), path="/api/long-poll?since=7")
    analysis = scene.analysis(tmp_path)
    assert found(analysis, "HTTP-LONG-POLLING") == found(analysis, "HTTP-SLOW-SERVER") == []


def test_a_page_that_is_left_stops_waiting(tmp_path: Path) -> None:
    """The last poll is reset by the client: no request that failed."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    for k, wait in enumerate((25_000, 25_000, 25_000)):
        p.at(50 + 25_010 * k).client.send(get("/updates"))
        p.at(90 + 25_010 * k).server.ack()
        p.at(50 + 25_010 * k + wait).server.send(NOTHING)
        p.client.ack()
    p.at(76_000).client.send(get("/updates"))
    p.at(76_040).server.ack()
    p.at(80_000).client.rst()
    analysis = scene.analysis(tmp_path)
    assert only(analysis, "HTTP-LONG-POLLING").args["count"] == 4
    assert found(analysis, "HTTP-NO-RESPONSE") == []


def test_a_slow_report_asked_for_again_and_again(tmp_path: Path) -> None:
    """Data after two seconds every time, nothing empty, nothing that says so: the server is slow."""
    scene = Scene()
    held(scene, (2000, 2100, 1900, 2000), tuple(news(50 + k) for k in range(4)), path="/report")
    analysis = scene.analysis(tmp_path)
    assert found(analysis, "HTTP-LONG-POLLING") == []
    assert only(analysis, "HTTP-SLOW-SERVER").args["count"] == 4


def test_slow_pages(tmp_path: Path) -> None:
    """Pages are for people, who do not wait for news like that."""
    scene = Scene()
    held(scene, (11_000, 12_000, 11_000), tuple(answer(200, 50 + k) for k in range(3)), path="/page")
    analysis = scene.analysis(tmp_path)
    assert found(analysis, "HTTP-LONG-POLLING") == []
    assert len(found(analysis, "HTTP-SLOW-SERVER")) == 1


def test_a_slow_answer_now_and_then(tmp_path: Path) -> None:
    """Long waits, but the client does not ask again at once."""
    scene = Scene()
    held(scene, (11_000, 12_000, 11_000), (NOTHING,) * 3, path="/job", pause=20_000)
    analysis = scene.analysis(tmp_path)
    assert found(analysis, "HTTP-LONG-POLLING") == []
    assert len(found(analysis, "HTTP-SLOW-SERVER")) == 1


def test_a_server_that_fails_slowly(tmp_path: Path) -> None:
    scene = Scene()
    held(scene, (30_000, 30_000, 30_000), (answer(504, 0, kind=JSON),) * 3)
    analysis = scene.analysis(tmp_path)
    assert found(analysis, "HTTP-LONG-POLLING") == []
    assert len(found(analysis, "HTTP-SLOW-SERVER")) == 1


def test_a_page_with_a_poll_in_its_name(tmp_path: Path) -> None:
    """One slow page of a survey: "poll" alone is no proof."""
    scene = Scene()
    held(scene, (3000,), (answer(),), path="/poll/42")
    assert len(found(scene.analysis(tmp_path), "HTTP-SLOW-SERVER")) == 1

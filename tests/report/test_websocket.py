"""WebSockets on the page: how each ended in plain words, what was said, and that no text is more than text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer import close_codes
from analyzer.protocols.websocket.violations import VIOLATIONS
from analyzer.report import websocket
from analyzer.report.cells import Clock
from analyzer.report.render import render
from analyzer.schema import WebSocketMessage, WebSocketRow
from tests.report import fixture
from tests.report.pages import Page

OPEN, CLOSED, BROKEN = fixture.rich().websocket
CLOCK = Clock(fixture.START)


def ending(row: WebSocketRow) -> str:
    """The words of the column "How it ended", with the small ones behind them."""
    (line,) = websocket.websocket_table([row], CLOCK).rows
    return f"{line.cells[7].text} | {line.cells[7].why}"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (OPEN, "Still open when the capture ended | "),
        (
            CLOSED,
            "The server closed it: 1011, internal error | The server met a condition it was not made for. It said: "
            "“out of memory”. The other side did not answer with a close frame of its own.",
        ),
        (BROKEN, "The protocol was broken | Seen was a frame from the client that is not masked."),
        (
            replace(CLOSED, close_code=1000, close_reason=None, outcome_why=None),
            "The server closed it: 1000, normal closure | What the connection was for is done.",
        ),
        (
            replace(OPEN, outcome="cut", close_code=1006, outcome_why="no_close_frame"),
            "Ended without a goodbye (1006, abnormal closure) | The connection ended without a close frame: it broke, "
            "or a side was stopped hard.",
        ),
        (
            replace(OPEN, outcome="cut", outcome_why="lost"),
            "Ended without a goodbye | Its end may lie in bytes that are missing from the capture.",
        ),
        (
            replace(CLOSED, outcome="malformed", outcome_why="invalid_utf8", close_code=1007, close_reason=None),
            "The server closed it: 1007, invalid payload data | The protocol was broken first by a text that is not "
            "UTF-8. A text message was not valid UTF-8.",
        ),
    ],
)
def test_how_it_ended(row: WebSocketRow, words: str) -> None:
    assert ending(row) == words


def test_a_connection_leads_to_its_messages_and_says_how_much_it_was() -> None:
    said, silent = websocket.websocket_table([CLOSED, replace(CLOSED, messages=(), server_missing_bytes=0)], CLOCK).rows
    assert (said.cells[1].link, silent.cells[1].link) == ("websocket-messages-1", "")
    assert [(cell.text, cell.why) for cell in said.cells[5:7]] == [
        ("1", "23 B"),
        ("3", "70.8 kB, sent as 66.5 kB, 12 B missing"),
    ]


def test_every_reason_has_words() -> None:
    assert set(websocket.BROKEN) >= VIOLATIONS
    for words in (*websocket.BROKEN.values(), *websocket.UNKNOWN.values()):
        assert words[0].islower()
        assert not words.endswith(".")


@pytest.mark.parametrize("code", [*range(998, 1020), 2999, 3000, 3999, 4000, 4999, 5000, 65535])
def test_every_code_has_a_name_and_a_sentence(code: int) -> None:
    assert close_codes.name(code)
    assert close_codes.explain(code).endswith(".")


def test_what_was_said_is_listed_in_order() -> None:
    _, told = (fact for fact in websocket.said_on(fixture.rich().websocket, CLOCK))
    fact = websocket.said_on([CLOSED], CLOCK)[0]
    assert (fact.stream, fact.title, fact.summary) == (3, "ws://shop.example/prices", "4 messages, 70.8 kB")
    assert fact.display_filter == "websocket && tcp.stream eq 3"
    lines = [[cell.text for cell in line.cells] for line in fact.messages.rows]
    assert lines[0] == ["67", "3.000 s", "client →", '{"subscribe": "prices"}', "23 B"]
    assert lines[2] == ["69", "4.000 s", "← server", "not text", "65.5 kB"]
    kinds = [line.cells[2].why for line in fact.messages.rows]
    assert kinds == ["text", "text, in 2 parts", "binary, in 3 parts", "ping", "pong", "text", "close"]
    assert fact.messages.rows[1].cells[4].why == "sent as 900 B"
    assert (lines[3][3], lines[4][3]) == ("not text", "not text")
    silent = replace(CLOSED, messages=(replace(CLOSED.messages[3], bytes=0, transferred_bytes=0),))
    assert websocket.said_on([silent], CLOCK)[0].messages.rows[0].cells[3].text == "(empty)"
    assert lines[1][3].endswith("… (+3612)")
    assert fact.messages.rows[5].cells[3].why == "bytes of it are missing from the capture"
    assert (lines[6][3], fact.messages.rows[6].cells[3].why) == ("1011 out of memory", "internal error")
    assert fact.more == "Showing 7 of 12."
    assert told.messages.rows[0].cells[3].why == "Against the rules: a frame from the client that is not masked"


def test_long_lists_are_cut_and_say_so() -> None:
    message = WebSocketMessage(7, fixture.START, "client", "text", 2, "hi", 1, 2)
    long = replace(OPEN, messages=(message,) * 500, client_messages=10_000, server_messages=0, messages_left_out=9_500)
    facts = websocket.said_on([long] * 100, CLOCK)
    assert [len(fact.messages.rows) for fact in facts] == [200] * 10  # 2,000 on the page
    assert facts[0].more == "Showing 200 of 10\u202f000; the exports have 500 of them."
    few = replace(long, messages=(message,) * 3, client_messages=3, messages_left_out=0)
    assert [fact.more for fact in websocket.said_on([few], CLOCK)] == [""]
    assert len(websocket.said_on([few] * 100, CLOCK)) == websocket.MAX_TOLD


def test_the_page_has_them_and_findings_lead_there() -> None:
    page = Page(render(fixture.rich()))
    assert {"websocket-panel", "websocket-table", "websocket-1", "websocket-2", "websocket-messages-2"} <= set(page.ids)
    assert "#websocket-table" in page.hrefs
    for words in ("ws://shop.example/prices", '{"subscribe": "prices"}', "1011, internal error", "out of memory"):
        assert words in page.text

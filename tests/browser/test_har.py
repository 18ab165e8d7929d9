"""The archive in a real Chromium: the developer tools' own importer reads it, and a page is played back from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis
from analyzer.export import har
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.schema import WebSocketMessage
from tests.conftest import SAMPLES
from tests.report import fixture
from tests.visits.scene import Scene, hello

Tools = Callable[[Analysis], list[dict[str, Any]]]
FRONT_END = "devtools://devtools/bundled/devtools_app.html"
IMPORT = """async (har) => {
    const {HARFormat, Importer} = await import("devtools://devtools/bundled/models/har/har.js");
    const requests = Importer.Importer.requestsFromHARLog(new HARFormat.HARRoot(har).log);
    return requests.map((request) => ({
        url: request.url(),
        method: request.requestMethod,
        status: request.statusCode,
        start: request.startTime * 1000,
        end: request.endTime * 1000,
        transferred: request.transferSize,
        size: request.resourceSize,
        type: request.resourceType().name(),
        initiator: request.initiator()?.url ?? null,
        messages: request.frames().map((frame) => [frame.type, frame.opCode, frame.text]),
    }));
}"""


@cache
def sample(name: str) -> Analysis:
    return analyze(str(SAMPLES / f"{name}.pcapng"), Options())


@pytest.fixture
def tools(chromium: Any) -> Iterator[Tools]:
    """Give a function that returns what the developer tools make of an analysis's archive; skip where they hide."""
    trouble = pytest.importorskip("playwright.sync_api").Error
    page = chromium.new_page()
    try:
        page.goto(FRONT_END)
        page.evaluate("""() => import("devtools://devtools/bundled/models/har/har.js").then(() => true)""")
    except trouble as error:  # the front end is no public interface, and not part of every Chromium
        page.close()
        pytest.skip(f"this Chromium does not show its developer tools: {str(error)[:120]}")
    yield lambda analysis: page.evaluate(IMPORT, json.loads("".join(har.parts(analysis))))
    page.close()


@pytest.mark.parametrize("name", ["plain-visit", "status-codes", "loss", "web-app"])
def test_developer_tools_show_the_same_requests_and_totals(tools: Tools, name: str) -> None:
    rows = sample(name).http
    shown = tools(sample(name))
    assert sorted((r["method"], r["url"], r["status"]) for r in shown) == sorted(
        (row.method, (row.url or "").replace("[masked]", "%5Bmasked%5D"), row.status) for row in rows
    )
    # Their clock ticks in milliseconds where an archive begins, so a duration is off by the float's last digits only.
    total = sum(row.total_ms or 0.0 for row in rows)
    assert sum(r["end"] - r["start"] for r in shown) == pytest.approx(total, abs=0.001 * len(rows))
    sent = sum((row.response_end_offset or 0) - (row.response_offset or 0) for row in rows)
    assert sum(r["transferred"] for r in shown) == sent
    whole = sum(row.response_decoded_bytes or 0 for row in rows if row.response_decoded_bytes)
    assert sum(r["size"] for r, row in by_address(shown, rows) if row.response_decoded_bytes) == whole
    finish = max(r["end"] for r in shown) - min(r["start"] for r in shown)
    ends = [row.response_end_time for row in rows if row.response_end_time is not None]
    first = min((row.request_time or 0) - 1e6 * before(row) for row in rows)
    assert finish == pytest.approx((max(ends) - first) / 1e6, abs=2.0)


def before(row: Any) -> float:
    """Return what was waited before a request's first byte, in ms."""
    return sum(value or 0.0 for value in (row.blocked_ms, row.dns_ms, row.connect_ms, row.tls_ms))


def by_address(shown: list[dict[str, Any]], rows: Any) -> list[tuple[dict[str, Any], Any]]:
    """Pair what is shown with the rows: both in the order of their start."""
    ordered = sorted(rows, key=lambda row: (row.request_time or 0) - 1e6 * before(row))
    return list(zip(shown, ordered, strict=True))


def test_developer_tools_show_kinds_and_causes(tools: Tools) -> None:
    kinds = {r["url"].rpartition(".")[2]: r["type"] for r in tools(sample("plain-visit"))}
    assert (kinds["css"], kinds["js"], kinds["png"]) == ("stylesheet", "script", "image")
    causes = {r["url"]: r["initiator"] for r in tools(sample("plain-visit"))}
    assert causes["http://www.shop.example/css/shop.css"] == "http://www.shop.example/"


def test_developer_tools_show_requests_that_cannot_be_read(tools: Tools, tmp_path: Path) -> None:
    scene = Scene()
    bad = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad"
    scene.exchange(0, b"\x80\x81 what is this?\r\n\r\n", bad, client_port=40000)
    scene.exchange(1000, hello("shop.example"), bad, client_port=40001)
    shown = tools(scene.analysis(tmp_path))
    assert [(r["method"], r["status"]) for r in shown] == [("", 400), ("", 400)]
    assert [r["url"] for r in shown] == ["http://10.0.0.2:80", "https://10.0.0.2:80"]


def test_developer_tools_show_the_messages_of_a_websocket(tools: Tools) -> None:
    analysis = fixture.rich()
    told = (
        WebSocketMessage(70, fixture.START + 3_500 * fixture.MS, "client", "text", 5, "hello"),
        WebSocketMessage(71, fixture.START + 3_750 * fixture.MS, "server", "text", 2, "hi"),
    )
    analysis.websocket = (replace(analysis.websocket[0], stream=1, handshake_index=0, messages=told),)
    shown = next(r for r in tools(analysis) if r["url"].endswith("/cart"))
    assert shown["messages"] == [["send", 1, "hello"], ["receive", 1, "hi"]]


@pytest.mark.parametrize("name", ["hostile", "rich"])
def test_developer_tools_survive_anything(tools: Tools, name: str) -> None:
    analysis = getattr(fixture, name)()
    assert len(tools(analysis)) == len(analysis.http)


def test_a_visit_is_played_back(chromium: Any, tmp_path: Path) -> None:
    """Playwright answers each request of a page from the archive; the bodies are empty, the statuses are not."""
    path = tmp_path / "visit.har"
    path.write_text("".join(har.parts(sample("plain-visit"))), encoding="utf-8")
    context = chromium.new_context()
    try:
        context.route_from_har(str(path), not_found="abort")
        page = context.new_page()
        answer = page.goto("http://www.shop.example/")
        assert answer.status == 200
        assert answer.headers["etag"] == sample("plain-visit").http[0].etag
        parts = ["css/shop.css", "js/shop.js", "img/apple.png", "img/bread.png", "img/cheese.png"]
        got = page.evaluate("(parts) => Promise.all(parts.map((part) => fetch(part).then((a) => a.status)))", parts)
        assert got == [200] * 5
        assert page.evaluate("() => fetch('/nothing').then((a) => a.status, () => 'not in the archive')") == (
            "not in the archive"
        )
    finally:
        context.close()

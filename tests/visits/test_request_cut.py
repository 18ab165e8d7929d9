"""Requests whose end is not in the capture: when they were over, and what the server took, is only a limit.

Times are worked out by hand from the script's clock (milliseconds); the recorder is near the client, 40 ms from the
server. In each script the last part of the request leaves at 3050 and is not captured, and the server answers in one
round trip, at 3090.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.report.request_facts import Links, groups
from analyzer.report.requests import notes, outcome_text
from analyzer.schema import HttpRow
from analyzer.visits import receipts
from analyzer.visits.trust import at_most
from tests.visits.scene import Scene, alarms, answer, get

CHUNKED = b"POST /up HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"POST /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\n\r\n"
HALVES = {
    "head": (get("/a")[:-2] + b"Cookie: " + b"c" * 60, b"c" * 60 + b"\r\n\r\n"),
    "chunks": (CHUNKED + b"5\r\nhello\r\n", b"5\r\nworld\r\n0\r\n\r\n"),
    "length": (LENGTH + b"hello", b"world"),
}
"""How a request says where it ends → the part that is captured, and the one that is not."""


def late_end(folder: Path, first: bytes, second: bytes) -> Analysis:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(first)
    p.at(90).server.ack()
    p.at(3050).client.send(second, captured=False)
    p.at(3090).server.send(answer())
    p.at(3090).client.ack()
    return scene.analysis(folder)


@pytest.mark.parametrize("kind", HALVES)
def test_nobody_is_accused(tmp_path: Path, kind: str) -> None:
    """What the server acknowledged at 90 is not the request, so it proves nothing about its working time."""
    analysis = late_end(tmp_path, *HALVES[kind])
    (row,) = analysis.http
    assert (row.status, row.send_ms, row.wait_ms) == (200, 0, 3040)
    assert row.wait_server_min_ms is None
    assert receipts.read(analysis.segments, analysis.http) == [None]
    assert alarms(analysis) == []


@pytest.mark.parametrize("kind", HALVES)
def test_limits(tmp_path: Path, kind: str) -> None:
    """Sending took longer than was seen, and so the wait less; the answer is whole, and what it took is measured."""
    (row,) = late_end(tmp_path, *HALVES[kind]).http
    said = asdict(row.phase_trust)
    bounded = {name for name, word in said.items() if word == "bounded"}
    assert bounded == {"send", "wait", "wait_network", "wait_loss", "wait_server"}
    assert {name for name in bounded if at_most(row, name)} == bounded - {"send"}
    assert {said[name] for name in ("receive", "receive_loss", "receive_window")} == {"measured"}


@pytest.mark.parametrize(("kind", "request_cut"), [("head", "lost"), ("chunks", "lost"), ("length", None)])
def test_which_side_is_cut(tmp_path: Path, kind: str, request_cut: str | None) -> None:
    """A Content-Length says where the request ends, though its last bytes are missing."""
    (row,) = late_end(tmp_path, *HALVES[kind]).http
    assert (row.request_cut, row.response_cut) == (request_cut, None)


def test_answer_cut(tmp_path: Path) -> None:
    """It is the answer this time: the wait is measured, receiving is a limit."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(100).server.send(answer(size=4000)[:2000])
    p.at(140).server.rst()
    (row,) = scene.analysis(tmp_path).http
    assert (row.request_cut, row.response_cut) == (None, "end")
    assert (row.phase_trust.wait, row.phase_trust.receive) == ("measured", "bounded")


# ── requests that were not sent to their end ─────────────────────────────────────────────────────────────────────────


def upload(folder: Path, sent: int, *, head: bytes = b"", status: int = 413) -> HttpRow:
    """An upload of 8000 bytes, of which ``sent`` leave before the server refuses it and resets the connection."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(b"POST /up HTTP/1.1\r\nHost: shop.example\r\n" + head + b"Content-Length: 8000\r\n\r\n")
    p.at(50).client.send(b"u" * min(sent, 2000))
    p.at(90).server.send(answer(status, Connection="close"))
    p.at(90).client.ack()
    p.at(91).client.send(b"u" * (sent - min(sent, 2000)))
    p.at(131).server.rst()
    (row,) = scene.analysis(folder).http
    return row


def sent_along(row: HttpRow) -> tuple[str, ...]:
    return next(fact.texts for group in groups(0, row, Links()) for fact in group.facts if fact.name == "Sent along")


def test_upload_cut_by_the_server(tmp_path: Path) -> None:
    """The answer is whole, so the exchange is; of the upload 5,000 of 8,000 bytes were sent."""
    row = upload(tmp_path, 5000)
    assert (row.outcome, row.outcome_why, row.request_cut) == ("complete", "request_cut", "end")
    assert (row.request_body_bytes, row.request_missing_bytes) == (5000, 0)
    assert "stops before its end" in outcome_text(row)
    assert any(note.startswith("Outcome: the response is complete, but the request stops") for note in notes(row))
    assert sent_along(row) == ("5000 of 8000 B, then it stops",)


def test_upload_whole(tmp_path: Path) -> None:
    row = upload(tmp_path, 8000)
    assert (row.outcome, row.outcome_why, row.request_cut) == ("complete", None, None)
    assert not any(note.startswith("Outcome") for note in notes(row))
    assert sent_along(row) == ("8 kB",)


def test_upload_refused_before_it_began(tmp_path: Path) -> None:
    """That is what Expect: 100-continue is for (RFC 9110 section 10.1.1): nothing broke off."""
    row = upload(tmp_path, 0, head=b"Expect: 100-continue\r\n", status=401)
    assert (row.outcome, row.outcome_why, row.request_body_bytes) == ("complete", None, 0)

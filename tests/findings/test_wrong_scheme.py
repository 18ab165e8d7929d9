"""https spoken to a port for http, and http to a port for https: what real servers answer, and what is said of it.

The answers are those of nginx 1.22, Apache 2.4, Go 1.21 and Tomcat 10, as recorded.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.sentences import finding_text, sentence, why
from analyzer.terminal import summary_lines
from analyzer.visits.verdicts import slowest_requests
from tests.visits.scene import Scene, answer, found, get, hello

NGINX = b"<html>\r\n<head><title>400 Bad Request</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>"
NGINX_TLS = b"<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>"
APACHE = (
    b'<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>400 Bad Request</title>\n</head><body>\n'
    b"<h1>Bad Request</h1>\n<p>Your browser sent a request that this server could not understand.<br />\n"
    b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n"
)
GO = b"Client sent an HTTP request to an HTTPS server.\n"
TOMCAT = b"Bad Request\r\nThis combination of host and port requires TLS.\r\n"
ALERT = b"\x15\x03\x01\x00\x02\x02\x46"  # fatal, protocol_version
VERSION = b"\x15\x03\x03\x00\x02\x02\x46"


def bad(body: bytes, *, line: bytes = b"HTTP/1.1 400 Bad Request") -> bytes:
    return line + b"\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def codes(analysis: Analysis) -> set[str]:
    return {f.code for f in analysis.findings if f.severity in ("error", "warning")}


def terminal(analysis: Analysis) -> str:
    return "\n".join(line.text for line in summary_lines(analysis))


def test_https_on_a_port_for_http(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, hello("shop.example"), bad(NGINX))
    p.at(110).client.rst()
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.status, row.reason, row.method, row.url) == (400, "Bad Request", None, None)
    assert (row.request_frames, row.response_frames) == ((4, 4), (5, 5))
    assert (row.outcome, row.outcome_why, row.wrong_scheme) == ("malformed", "not_http", "https_on_http")
    (session,) = analysis.tls
    assert (session.sni, session.outcome, session.handshake_why) == ("shop.example", "failed", "plain_http")
    (finding,) = found(analysis, "HTTP-TLS-ON-PLAIN-PORT")
    assert (finding.severity, finding.blame, finding.frames, finding.row) == ("error", "client", (4, 5), 0)
    said = finding_text(finding.title_key, finding.args)
    assert said.title == "10.0.0.1 asked for https on port 80 of shop.example, which speaks plain http (1 time)"
    assert "400 Bad Request" in said.why
    assert "http://" in said.advice
    assert codes(analysis) == {"HTTP-TLS-ON-PLAIN-PORT"}  # neither a client error nor a broken connection beside it
    assert not analysis.problems


PYTHON = (
    b'<!DOCTYPE HTML>\n<html lang="en">\n    <head>\n        <meta charset="utf-8">\n'
    b"        <title>Error response</title>\n    </head>\n    <body>\n        <h1>Error response</h1>\n"
    b"        <p>Error code: 400</p>\n"
)
"""What http.server of Python 3.11 says to a ClientHello: HTTP/0.9, so no status line."""


def test_an_error_page_without_a_status_line(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(2):
        scene.exchange(1000 * k, hello("shop.example"), PYTHON, client_port=40000 + k)
    analysis = scene.analysis(tmp_path)
    assert {session.handshake_why for session in analysis.tls} == {"plain_http"}
    (finding,) = found(analysis, "HTTP-TLS-ON-PLAIN-PORT")
    assert (finding.title_key, finding.severity, finding.blame) == ("HTTP-TLS-ON-PLAIN-PORT.page", "error", "client")
    assert (finding.frames[:2], finding.args["count"]) == ((4, 5), 2)
    said = finding_text(finding.title_key, finding.args)
    assert said.title == "10.0.0.1 asked for https on port 80 of shop.example, which speaks plain http (2 times)"
    assert "?" not in said.why
    assert codes(analysis) == {"HTTP-TLS-ON-PLAIN-PORT"}


def test_the_visit_says_what_went_wrong(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, hello("shop.example"), bad(NGINX))
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert visit.url == "https://shop.example:80/"
    said = {step.step: sentence(step.sentence_key, step.sentence_args) for step in visit.steps}
    assert "answered in plain HTTP" in said["tls"]
    assert "shop.example" in said["tls"]
    assert said["request"] == "No request was sent, because an earlier step failed."
    assert said["objects"] == "Nothing else was fetched for it."
    assert (visit.requests, visit.requests_why) == (None, "no_session")
    text = terminal(analysis)
    assert f"TLS failed  shop.example (stream 0): {why('plain_http')}" in text
    assert "https://shop.example:80/, failed" in text
    assert "?" not in text
    assert slowest_requests(analysis.http) == []


def test_the_client_s_alert_is_no_finding_of_its_own(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(3):  # Chromium tries again and again, each time with an alert when the answer is no TLS
        p = scene.exchange(1000 * k, hello("shop.example"), bad(NGINX), client_port=40000 + k)
        p.at(1000 * k + 110).client.send(VERSION)
    analysis = scene.analysis(tmp_path)
    assert codes(analysis) == {"HTTP-TLS-ON-PLAIN-PORT"}
    assert [f.args["count"] for f in found(analysis, "HTTP-TLS-ON-PLAIN-PORT")] == [3]
    assert [row.wrong_scheme for row in analysis.http] == ["https_on_http"] * 3
    first = analysis.http[0]
    assert (first.request_frames, first.request_end_offset) == ((4, 4), len(hello("shop.example")))
    assert (first.send_ms, first.wait_ms) == (0, 60), "the alert behind the answer is no part of what was asked"


@pytest.mark.parametrize("body", [NGINX_TLS, APACHE, GO, TOMCAT])
def test_http_on_a_port_for_https(tmp_path: Path, body: bytes) -> None:
    scene = Scene()
    scene.exchange(0, get("/private?x=1"), bad(body), server_port=443)
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.status, row.outcome, row.wrong_scheme) == (400, "complete", "http_on_https")
    (finding,) = found(analysis, "HTTP-ON-TLS-PORT")
    assert (finding.title_key, finding.frames) == ("HTTP-ON-TLS-PORT", (4, 5))
    said = finding_text(finding.title_key, finding.args)
    assert said.title == "10.0.0.1 sent plain http to port 443 of shop.example, which speaks https only (1 time)"
    assert codes(analysis) == {"HTTP-ON-TLS-PORT"}
    assert "400, plain http sent to a port for https" in terminal(analysis)


def test_http_answered_with_a_tls_alert(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/private"), ALERT, server_port=443)
    p.at(110).server.fin()
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.status, row.outcome, row.outcome_why) == (None, "malformed", "not_http")
    assert row.wrong_scheme == "http_on_https"
    (finding,) = found(analysis, "HTTP-ON-TLS-PORT")
    assert (finding.title_key, finding.frames) == ("HTTP-ON-TLS-PORT.alert", (4, 5))
    assert "plain http sent to a port for https" in terminal(analysis)


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (get("/"), bad(b"missing parameter x")),
        (get("/"), answer(200, 0)[:-4] + b"\r\n\r\n" + NGINX_TLS),  # no 400: a page about the mistake
        (get("/"), bad(b"x" * 2000 + NGINX_TLS)),  # not where servers write it
        (b"\x16\x03 this is no hello\r\n\r\n", bad(NGINX)),
        (get("/"), b"\x15\x03\x01\x00\x20 something else"),
    ],
)
def test_near_misses(tmp_path: Path, request_: bytes, response: bytes) -> None:
    scene = Scene()
    scene.exchange(0, request_, response)
    analysis = scene.analysis(tmp_path)
    assert {row.wrong_scheme for row in analysis.http} == {None}
    assert not found(analysis, "HTTP-ON-TLS-PORT")
    assert not found(analysis, "HTTP-TLS-ON-PLAIN-PORT")


def test_other_protocols_than_http_are_no_http_row(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, hello("shop.example"), b"SSH-2.0-OpenSSH_9.2\r\n", server_port=22)
    analysis = scene.analysis(tmp_path)
    assert not analysis.http
    (visit,) = analysis.visits
    said = [sentence(step.sentence_key, step.sentence_args) for step in visit.steps if step.step == "tls"]
    assert said == [
        "The client began an encrypted session for shop.example, but the server does not speak TLS on this port."
    ]

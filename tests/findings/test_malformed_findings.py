"""Findings about HTTP that breaks its own form, and about pages in clear of a site that speaks https."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from analyzer.sentences import sentence
from tests.tls.live import NAME, contexts, talk
from tests.visits.scene import Scene, answer, found, get

POST = b"POST /order HTTP/1.1\r\nHost: shop.example\r\n"


def test_a_request_with_two_lengths(tmp_path: Path) -> None:
    """RFC 9112 section 6.3: differing Content-Length fields are an error, and how requests are smuggled."""
    scene = Scene()
    scene.exchange(0, POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc", answer(400, Connection="close"))
    (finding,) = found(scene.analysis(tmp_path), "HTTP-MALFORMED")
    assert (finding.title_key, finding.severity) == ("HTTP-MALFORMED.ambiguous", "warning")
    assert finding.args["flaw"] == "conflicting_lengths"
    assert "it states two lengths that contradict each other (1 time)" in sentence(finding.title_key, finding.args)


@pytest.mark.parametrize("length", [b"-1", b"18446744073709551616000", b"0x10"])
def test_a_length_that_is_no_number(tmp_path: Path, length: bytes) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(POST + b"Content-Length: " + length + b"\r\n\r\n")
    p.at(90).server.ack()
    (finding,) = found(scene.analysis(tmp_path), "HTTP-MALFORMED")
    assert (finding.severity, finding.blame) == ("warning", "client")


def test_a_status_line_that_cannot_be_read(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n")
    (finding,) = found(scene.analysis(tmp_path), "HTTP-MALFORMED")
    assert (finding.severity, finding.blame, finding.args["flaw"]) == ("warning", "server", "bad_status_line")


def test_an_answer_that_is_no_http(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), b"SSH-2.0-OpenSSH_9.2\r\n")
    (finding,) = found(scene.analysis(tmp_path), "HTTP-MALFORMED")
    assert (finding.title_key, finding.severity, finding.blame) == ("HTTP-MALFORMED.not_http", "note", "server")
    assert sentence(finding.title_key, finding.args).startswith("The server sent something that is not HTTP")


def test_a_sloppy_header_is_a_note(tmp_path: Path) -> None:
    """A line without a colon (RFC 9112 section 5): skipped, and all is well."""
    scene = Scene()
    request = b"GET / HTTP/1.1\r\nHost: shop.example\r\nthis is no field\r\n\r\n"
    for number in range(3):
        scene.exchange(1000 * number, request, answer(), client_port=40000 + number)
    (finding,) = found(scene.analysis(tmp_path), "HTTP-MALFORMED")
    assert (finding.title_key, finding.severity, finding.args["count"]) == ("HTTP-MALFORMED", "note", 3)


def test_well_formed(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", answer())
    scene.exchange(1000, get("/"), answer(404), client_port=40001)
    assert found(scene.analysis(tmp_path), "HTTP-MALFORMED") == []


# ── pages in clear ───────────────────────────────────────────────────────────────────────────────────────────────


def secure(scene: Scene, name: str = NAME) -> None:
    """A TLS session with a site."""
    p = scene.connection(server_port=443, client_port=45000)
    p.at(5000).handshake()
    for number, (own, data) in enumerate(talk(*contexts(ssl.TLSVersion.TLSv1_3), name=name).flights):
        (p.at(5041 + 40 * number).client if own else p.at(5041 + 40 * number).server).send(data)


def test_a_page_in_clear_of_a_site_that_speaks_https(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/news", NAME), answer())
    p.at(300).client.send(get("/picture", NAME))
    p.at(340).server.send(answer(kind="image/png"))
    secure(scene)
    (finding,) = found(scene.analysis(tmp_path), "HTTP-PLAIN")
    assert (finding.title_key, finding.severity, finding.args["count"]) == ("HTTP-PLAIN", "note", 1)
    assert finding.frames[0] == 4
    assert sentence(finding.title_key, finding.args).startswith(f"1 page of {NAME} came without encryption")


def test_a_form_in_clear(tmp_path: Path) -> None:
    form = b"name=a&comment=b"
    head = f"POST /comment HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/x-www-form-urlencoded\r\n".encode()
    scene = Scene()
    scene.exchange(0, head + b"Content-Length: %d\r\n\r\n" % len(form) + form, answer())
    secure(scene)
    (finding,) = found(scene.analysis(tmp_path), "HTTP-PLAIN")
    assert finding.title_key == "HTTP-PLAIN.form"


def test_a_redirect_to_https_is_as_it_should_be(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/", NAME), answer(301, Location=f"https://{NAME}/"))
    secure(scene)
    assert found(scene.analysis(tmp_path), "HTTP-PLAIN") == []


def test_another_site_s_https_does_not_count(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/", "plain.example"), answer())
    secure(scene)
    assert found(scene.analysis(tmp_path), "HTTP-PLAIN") == []

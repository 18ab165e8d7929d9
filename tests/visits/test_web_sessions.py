"""TLS sessions that are no URLs: mail, files, messages, names. Ports and protocol IDs are those that IANA lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.pipeline import analyze
from tests.visits.scene import Scene, hello


def urls(scene: Scene, folder: Path) -> list[str]:
    return [visit.url for visit in scene.analysis(folder).visits]


def session(port: int, name: str = "host.example", *alpn: str, before: tuple[bytes, ...] = ()) -> Scene:
    """A connection on which the server and the client say some words in turn before a ClientHello."""
    scene = Scene()
    p = scene.connection(server_port=port)
    p.handshake()
    for n, words in enumerate(before):
        p.at(50 + 30 * n)
        (p.client if n % 2 else p.server).send(words)
    p.at(200).client.send(hello(name, *alpn))
    return scene


@pytest.mark.parametrize("port", [465, 636, 853, 990, 993, 995, 3389, 5061, 5223, 5671, 6697, 8883])
def test_ports_of_other_protocols(tmp_path: Path, port: int) -> None:
    assert urls(session(port), tmp_path) == []
    assert len(session(port).analysis(tmp_path).tls) == 1


@pytest.mark.parametrize("port", [443, 4433, 5000, 8443, 9993])
def test_ports_that_say_nothing(tmp_path: Path, port: int) -> None:
    suffix = "" if port == 443 else f":{port}"
    assert urls(session(port), tmp_path) == [f"https://host.example{suffix}/"]


def test_who_offers_http_means_the_web(tmp_path: Path) -> None:
    assert urls(session(993, "host.example", "h2", "http/1.1"), tmp_path) == ["https://host.example:993/"]


@pytest.mark.parametrize("word", ["imap", "dot", "xmpp-client", "mqtt", "ftp"])
def test_who_offers_something_else_does_not(tmp_path: Path, word: str) -> None:
    assert urls(session(443, "host.example", word), tmp_path) == []


def test_unknown_words_say_nothing(tmp_path: Path) -> None:
    assert urls(session(443, "host.example", "zyx", "imap"), tmp_path) == ["https://host.example/"]


@pytest.mark.parametrize(
    "before",
    [
        (b"220 mail.example ESMTP\r\n", b"EHLO me\r\n", b"250 STARTTLS\r\n", b"STARTTLS\r\n", b"220 go ahead\r\n"),
        (b"* OK IMAP4rev1 ready\r\n", b"a1 STARTTLS\r\n", b"a1 OK go ahead\r\n"),
        (b"+OK ready\r\n", b"STLS\r\n", b"+OK go ahead\r\n"),
    ],
)
def test_words_before_the_session(tmp_path: Path, before: tuple[bytes, ...]) -> None:
    """On a port that says nothing."""
    assert urls(session(8025, before=before), tmp_path) == []


def with_data(*, control: bool) -> Scene:
    scene = Scene()
    if control:
        p = scene.connection(server_port=2121)
        p.handshake()
        p.at(50).server.send(b"220 FTP server ready\r\n")
        p.at(80).client.send(b"AUTH TLS\r\n")
        p.at(110).server.send(b"234 go ahead\r\n")
        p.at(140).client.send(hello("files.example"))
    data = scene.connection(client_port=40001, server_port=50123)
    data.at(300).handshake()
    data.at(350).client.send(hello("10.0.0.2"))  # clients for files name the server as they reach it
    return scene


def test_data_connections_of_a_file_transfer(tmp_path: Path) -> None:
    assert urls(with_data(control=True), tmp_path) == []
    assert urls(with_data(control=False), tmp_path) == ["https://10.0.0.2:50123/"]


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        *(
            "zeek-smtp-starttls.pcap",
            "zeek-pop3-starttls.pcap",
            "zeek-irc-starttls.pcap",
            "samples-smtp2525-ssl.pcapng",
        ),
        *("russo-ftps_act_put.pcapng", "russo-ftps_pas_get.pcapng", "russo-rdp_windows_login.pcapng"),
        *("samples-ssl-with-decryption-keys-amqps.pcapng", "zeek-telesec.pcap"),
    ],
)
def test_real_sessions_of_mail_files_and_messages(shared_captures: Path, name: str) -> None:
    analysis = analyze(str(shared_captures / "tls" / name))
    assert analysis.tls
    assert [visit.url for visit in analysis.visits] == []

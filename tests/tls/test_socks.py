"""What a SOCKS proxy is asked for: bytes written by hand from RFC 1928 and RFC 1929."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.pipeline import analyze
from analyzer.protocols import socks
from tests.http1.talk import Hole, Turn, conversation
from tests.visits.scene import Scene, hello

NO_PASSWORD: list[Turn] = [("c", b"\5\1\0"), ("s", b"\5\0")]
PASSWORD: list[Turn] = [("c", b"\5\2\0\2"), ("s", b"\5\2"), ("c", b"\1\4user\6secret"), ("s", b"\1\0")]
NAME = b"\5\1\0\3\x0bwww.example\x01\xbb"


@pytest.mark.parametrize(
    ("turns", "host", "port"),
    [
        ([*NO_PASSWORD, ("c", NAME)], "www.example", 443),
        ([*PASSWORD, ("c", NAME)], "www.example", 443),
        ([*NO_PASSWORD, ("c", b"\5\1\0\1\xc0\0\2\x07\x1f\x90")], "192.0.2.7", 8080),
        ([*NO_PASSWORD, ("c", b"\5\1\0\4\x20\1\x0d\xb8" + bytes(11) + b"\1\x03\xe1")], "2001:db8::1", 993),
        ([("c", b"\4\1\x01\xbb\xc0\0\2\x07user\0"), ("s", b"\0Z" + bytes(6))], "192.0.2.7", 443),
        ([("c", b"\4\1\x01\xbb\0\0\0\1\0www.example\0"), ("s", b"\0Z" + bytes(6))], "www.example", 443),
    ],
)
@pytest.mark.parametrize("segment", [None, 1])
def test_what_was_asked_for(turns: list[Turn], host: str, port: int, segment: int | None) -> None:
    assert socks.target(conversation([*turns, ("s", b"\5\0\0\1" + bytes(6))], segment=segment)) == (host, port)


@pytest.mark.parametrize(
    "turns",
    [
        NO_PASSWORD,
        [*NO_PASSWORD, ("c", NAME[:-1])],
        [*NO_PASSWORD, ("c", b"\5\1\0\2" + NAME[4:])],
        [*PASSWORD[:2], ("c", Hole(PASSWORD[2][1])), PASSWORD[3], ("c", NAME)],
        [("c", b"\4\1\x01\xbb\0\0\0\1\0www.example"), ("s", b"\0Z")],
        [("c", NAME)],
        [*NO_PASSWORD, ("c", b"\5\1\0\3\0\x01\xbb")],
        [*NO_PASSWORD, ("c", b'\5\1\0\3\x0ba/b?c"><x>.\x01\xbb')],
    ],
)
def test_what_was_not_seen_whole_is_not_known(turns: list[Turn]) -> None:
    assert socks.target(conversation(turns)) is None


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_any_bytes(asked: bytes, answered: bytes) -> None:
    for version in (b"", b"\4", b"\5"):
        found = socks.target(conversation([("c", version + asked), ("s", b"\5" + answered)]))
        assert found is None or 0 <= found[1] < 65536


def through_a_proxy(*request: bytes) -> Scene:
    scene = Scene()
    p = scene.connection(server_port=1080)
    p.handshake()
    p.at(50).client.send(b"\5\1\0")
    p.at(80).server.send(b"\5\0")
    p.at(110).client.send(b"".join(request))
    p.at(140).server.send(b"\5\0\0\1" + bytes(6))
    p.at(170).client.send(hello("www.example"))
    return scene


def test_the_port_is_not_that_of_the_proxy(tmp_path: Path) -> None:
    def urls(request: bytes) -> list[str]:
        return [visit.url for visit in through_a_proxy(request).analysis(tmp_path).visits]

    assert urls(NAME) == ["https://www.example/"]
    assert urls(NAME[:-2] + b"\x20\xfb") == ["https://www.example:8443/"]
    assert urls(NAME[:-2] + b"\x03\xe1") == []  # 993: mail


@pytest.mark.shared
def test_a_real_proxy(shared_captures: Path) -> None:
    analysis = analyze(str(shared_captures / "tls" / "arkime-socks-https-example.pcap"))
    assert {visit.url for visit in analysis.visits} == {"https://www.example.com/"}

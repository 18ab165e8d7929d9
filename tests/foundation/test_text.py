"""Text from hostile bytes: nothing lost, nothing invisible, nothing endless."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.text import DISPLAY_LIMIT, decode, display, file_name, is_file_name, visible


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        ("Gr\u00fc\u00dfe".encode(), "Gr\u00fc\u00dfe"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"caf\xe9!", "caf\\xe9!"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),  # a surrogate is no UTF-8 (RFC 3629 section 3)
        (b"", ""),
    ],
)
def test_decode(raw: bytes, text: str) -> None:
    assert decode(raw) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"),  # right-to-left override: shows gpj.exe as exe.jpg
        ("a\x1b[31m", "a⟨U+001B⟩[31m"),  # would colour a terminal
        ("a\r\nb\t", "a⟨U+000D⟩⟨U+000A⟩b⟨U+0009⟩"),
        ("\x00\x7f\x9f", "⟨U+0000⟩⟨U+007F⟩⟨U+009F⟩"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("\u2028\u2029", "⟨U+2028⟩⟨U+2029⟩"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("é ü 日本 <b>&", "é ü 日本 <b>&"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_that_directs_or_hides_text_is_left(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [c for c in shown if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF")]
    assert not [c for c in shown if unicodedata.bidirectional(c) in ("LRI", "RLI", "FSI", "PDI")]


def test_display_cuts_visibly() -> None:
    assert display("x" * DISPLAY_LIMIT) == "x" * DISPLAY_LIMIT
    assert display("x" * (DISPLAY_LIMIT + 7)) == "x" * DISPLAY_LIMIT + "… (+7)"
    assert display(b"abcdef", limit=4) == "abcd… (+2)"
    assert display(42) == "42"
    assert display(None) == "None"


@given(st.one_of(st.binary(), st.text()), st.integers(0, 50))
def test_display_is_never_long(value: bytes | str, limit: int) -> None:
    assert len(display(value, limit)) <= limit * len("⟨U+10FFFF⟩") + 40


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("capture.pcapng", "capture.pcapng"),
        ("../../etc/passwd", "etc_passwd"),
        ("a b/ü.pcap", "a_b_ü.pcap"),
        ("", "capture"),
        ("...", "capture"),
        ("-rf", "rf"),
        ("CON.pcap", "_CON.pcap"),
        ("com1", "_com1"),
        ("lpt9.tar.gz", "_lpt9.tar.gz"),
        ("console.pcap", "console.pcap"),
        ("x" * 300 + ".pcap", "x" * 95 + ".pcap"),
    ],
)
def test_file_name(text: str, name: str) -> None:
    assert file_name(text) == name


@given(st.text())
def test_file_names_are_always_safe(text: str) -> None:
    name = file_name(text)
    assert not set(name) & set('/\\:*?"<>|')
    assert not {unicodedata.category(char) for char in name} & {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
    assert 0 < len(name) <= 100
    assert len(name.encode()) <= 180
    assert is_file_name(name)
    assert file_name(name) == name

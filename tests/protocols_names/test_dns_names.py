"""Names: RFC examples, hostile compression, and the way there and back."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import MalformedError
from analyzer.protocols.dns.names import read_name, remember_suffixes, skip_name, split, to_unicode, to_wire

# RFC 1035 section 4.1.4: F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, the root at 92
RFC_MESSAGE = (
    b"\xee" * 20
    + b"\x01F\x03ISI\x04ARPA\x00"
    + b"\xee" * 8
    + b"\x03FOO\xc0\x14"
    + b"\xee" * 18
    + b"\xc0\x1a"
    + b"\xee" * 26
    + b"\x00"
)


@pytest.mark.parametrize(
    ("offset", "text", "after"),
    [(20, "f.isi.arpa", 32), (40, "foo.f.isi.arpa", 46), (64, "arpa", 66), (92, ".", 93)],
)
def test_example_of_rfc_1035(offset: int, text: str, after: int) -> None:
    assert read_name(RFC_MESSAGE, offset, {}) == (text, after)
    assert skip_name(RFC_MESSAGE, offset) == after


def test_known_names_change_nothing() -> None:
    known: dict[int, tuple[str, int]] = {}
    for offset in (20, 40, 64, 92, 40, 64, 20, 92):
        assert read_name(RFC_MESSAGE, offset, known) == read_name(RFC_MESSAGE, offset, {})


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (b"a.b", r"a\.b"),
        (b"a\\b", r"a\\b"),
        (b"a b", r"a\032b"),
        (b"\x00\xff", r"\000\255"),
        (b"_dmarc", "_dmarc"),
        (b"WWW-1", "www-1"),
        (b'"(;)@$', '"(;)@$'),
    ],
)
def test_odd_bytes_are_escaped(label: bytes, text: str) -> None:
    assert read_name(bytes([len(label)]) + label + b"\0", 0, {})[0] == text
    assert split(text) == [label.lower()]


def test_longest_name_and_one_more() -> None:
    longest = b"\x01a" * 127 + b"\0"  # 255 octets
    text, after = read_name(longest, 0, {})
    assert text == ".".join("a" * 127)
    assert after == 255
    with pytest.raises(MalformedError, match="255"):
        read_name(b"\x01a" * 128 + b"\0", 0, {})


@pytest.mark.parametrize("known", [{}, {0: (".".join("a" * 126), 253)}])
def test_longest_name_by_compression(known: dict[int, tuple[str, int]]) -> None:
    base = b"\x01a" * 126 + b"\0"
    assert read_name(base + b"\x01b\xc0\x00", 253, dict(known))[0] == ".".join("b" + "a" * 126)
    with pytest.raises(MalformedError, match="255"):
        read_name(base + b"\x02bb\xc0\x00", 253, dict(known))


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (b"\xc0\x00", 0, "backwards"),  # to itself
        (b"\x01a\xc0\x00", 0, "backwards"),  # to its own start
        (b"\xc0\x02\x01a\0", 0, "backwards"),  # forwards
        (b"\xc0\x02\xc0\x00", 2, "backwards"),  # to each other
        (b"\x40a\0", 0, "reserved"),
        (b"\x80a\0", 0, "reserved"),
    ],
)
def test_hostile_names(data: bytes, offset: int, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        read_name(data, offset, {})


@pytest.mark.parametrize("data", [b"", b"\x03ab", b"\x01a", b"\xc0", b"\x01a\xc0"])
def test_names_that_break_off(data: bytes) -> None:
    with pytest.raises(IndexError):
        read_name(data, 0, {})


def test_a_chain_of_pointers_is_bounded() -> None:
    chain = b"\x01a\0\0" + b"".join(bytes([0xC0 | (4 + 2 * i - 2) >> 8, (4 + 2 * i - 2) & 255]) for i in range(1000))
    chain = chain[:4] + b"\xc0\x00" + chain[6:]
    with pytest.raises(MalformedError, match="pointers"):
        read_name(chain, len(chain) - 2, {})
    known: dict[int, tuple[str, int]] = {}
    for offset in range(4, len(chain), 2):  # read in order each is one step
        assert read_name(chain, offset, known) == ("a", offset + 2)


labels = st.lists(st.binary(min_size=1, max_size=63), max_size=12).filter(
    lambda parts: sum(len(part) + 1 for part in parts) < 255
)


@given(labels)
def test_there_and_back(parts: list[bytes]) -> None:
    wire = b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    text, after = read_name(wire, 0, {})
    assert after == len(wire)
    assert split(text) == [part.lower() for part in parts]
    assert to_wire(text) == b"".join(bytes([len(part)]) + part.lower() for part in parts) + b"\0"
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text


@given(st.lists(st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=9), min_size=1, max_size=9))
def test_suffixes_are_what_reading_finds(parts: list[str]) -> None:
    wire = b"".join(bytes([len(part)]) + part.encode() for part in parts) + b"\0"
    data = b"\xee" * 12 + wire
    text, after = read_name(data, 12, {})
    known: dict[int, tuple[str, int]] = {}
    remember_suffixes(text, 12, after, known)
    assert len(known) == len(parts) - 1
    for offset, (suffix, octets) in known.items():
        assert read_name(data, offset, {}) == (suffix, offset + octets)


@given(st.binary(max_size=80), st.integers(0, 80))
def test_any_bytes(data: bytes, offset: int) -> None:
    known: dict[int, tuple[str, int]] = {}
    try:
        text, after = read_name(data, offset, known)
    except (MalformedError, IndexError):
        return
    assert offset < after <= len(data)
    assert skip_name(data, offset) == after
    assert len(b"".join(split(text))) <= 254
    assert read_name(data, offset, known) == (text, after)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("example.com", "example.com"),
        (".", "."),
        ("xn--mnchen-3ya.de", "münchen.de"),
        ("www.xn--fsqu00a.xn--0zwm56d", "www.例子.测试"),
        ("xn--bcher-kva.example", "bücher.example"),  # RFC 3492 style
        (r"drucker k\195\188che._ipp.local", r"drucker k\195\188che._ipp.local".replace(r"\195\188", "ü")),
        ("xn--a.com", "xn--a.com"),  # not an A-label
        ("xn--999999999999.com", "xn--999999999999.com"),  # beyond Unicode
        ("xn--abc-.com", "xn--abc-.com"),  # nothing but ASCII
        (r"a\.b.com", r"a\.b.com"),
        (r"\255.com", r"\255.com"),  # not UTF-8
    ],
)
def test_unicode(name: str, text: str) -> None:
    assert to_unicode(name) == text


def test_invisible_characters_stay_encoded() -> None:
    hidden = "xn--" + "paypal\u202e".encode("punycode").decode("ascii")
    assert to_unicode(f"{hidden}.com") == f"{hidden}.com"
    dotted = "xn--" + "a\u3002b".encode("punycode").decode("ascii")
    assert to_unicode(f"{dotted}.com") == f"{dotted}.com"


@given(st.binary(min_size=1, max_size=59))
def test_unicode_of_any_label(rest: bytes) -> None:
    wire = bytes([len(rest) + 4]) + b"xn--" + rest + b"\0"
    text = to_unicode(read_name(wire, 0, {})[0])
    assert text.isprintable()
    text.encode("utf-8")


@pytest.mark.parametrize("name", ["a" * 64, ".".join(["a" * 63] * 4)])
def test_too_long_to_write(name: str) -> None:
    with pytest.raises(ValueError, match="more than"):
        to_wire(name)

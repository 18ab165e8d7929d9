"""Codings taken off: streams of real encoders, the RFCs' own examples, broken ones, and bombs."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable, Iterator
from itertools import permutations

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.http1 import coding
from analyzer.protocols.http1.coding import CodingError, LimitError, Meter
from analyzer.protocols.http1.grammar import Fields

PAGE = b"".join(b"<p>paragraph %d of a page</p>\n" % number for number in range(2000))
PLENTY = 1 << 30

ENCODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"br": lambda data: bytes(brotli.compress(data, quality=4)),
    b"zstd": zstandard.compress,
}


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[low : low + size] for low in range(0, len(data), size))


def taken_off(data: bytes, *names: bytes, size: int = 1 << 16, most: int = PLENTY) -> bytes:
    return b"".join(coding.decoded(cut(data, size), list(names), Meter(most)))


def as_far_as_it_goes(data: bytes, *names: bytes, size: int = 1 << 16) -> tuple[bytes, str | None]:
    """Return what could be decoded, and why no more."""
    out = bytearray()
    try:
        for piece in coding.decoded(cut(data, size), list(names), Meter(PLENTY)):
            out += piece
    except CodingError as error:
        return bytes(out), error.why
    return bytes(out), None


# ── what encoders make ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("size", [1, 7, 100, 1 << 16])
def test_round_trip(name: bytes, size: int) -> None:
    coded = ENCODERS[name](PAGE)
    assert taken_off(coded, name, size=size) == PAGE
    assert taken_off(ENCODERS[name](b""), name, size=size) == b""


@given(st.binary(max_size=3000), st.sampled_from(sorted(ENCODERS)), st.integers(1, 4000))
def test_any_bytes_round_trip(data: bytes, name: bytes, size: int) -> None:
    assert taken_off(ENCODERS[name](data), name, size=size) == data


@pytest.mark.parametrize("names", list(permutations(ENCODERS, 2)))
def test_lists_come_off_in_reverse(names: tuple[bytes, bytes]) -> None:
    """RFC 9110 section 8.4: in the order in which they were applied."""
    coded = ENCODERS[names[1]](ENCODERS[names[0]](PAGE))
    assert taken_off(coded, *names) == PAGE


def test_several_members_and_frames() -> None:
    """RFC 1952 section 2.2, RFC 8878 section 3 (a skippable frame between the two)."""
    parts = [PAGE[:500], PAGE[500:9000], b"", PAGE[9000:]]
    for size in (1, 50, 1 << 16):
        assert taken_off(b"".join(map(gzip.compress, parts)), b"gzip", size=size) == PAGE
        skipped = b"\x5a\x2a\x4d\x18\x03\0\0\0abc"
        assert taken_off(skipped.join(map(zstandard.compress, parts)), b"zstd", size=size) == PAGE


def test_the_bare_deflate_stream() -> None:
    """RFC 9110 section 8.4.1.2: some implementations send it without the zlib wrapper."""
    packer = zlib.compressobj(wbits=-15)
    bare = packer.compress(PAGE) + packer.flush()
    for size in (1, 1 << 16):
        assert taken_off(bare, b"deflate", size=size) == PAGE


def test_examples_of_the_specifications() -> None:
    """RFC 7932 section 9.1 ("an empty stream": 0x06) and appendix C's kind; RFC 1951 3.2.4's stored block by hand."""
    assert taken_off(b"\x06", b"br") == b""
    assert taken_off(b"\x0b\x02\x80hello\x03", b"br") == b"hello"  # one uncompressed meta-block, one empty last one
    stored = b"\x01\x05\x00\xfa\xffhello"  # BFINAL, BTYPE 00, LEN 5, NLEN its complement
    assert taken_off(stored, b"deflate") == b"hello"
    assert taken_off(b"\x78\x01" + stored + zlib.adler32(b"hello").to_bytes(4, "big"), b"deflate") == b"hello"
    trailer = zlib.crc32(b"hello").to_bytes(4, "little") + (5).to_bytes(4, "little")
    named = b"\x1f\x8b\x08\x08" + bytes(5) + b"\x03page\0"  # FNAME, RFC 1952 section 2.3
    assert taken_off(named + stored + trailer, b"gzip") == b"hello"


@pytest.mark.parametrize("name", [b"gzip", b"deflate", b"zstd"])
def test_what_follows_the_end_is_ignored(name: bytes) -> None:
    for size in (1, 1 << 16):
        assert taken_off(ENCODERS[name](PAGE) + b"\0padding", name, size=size) == PAGE


# ── what is not whole ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ENCODERS)
def test_a_stream_that_ends_early_gives_what_is_there(name: bytes) -> None:
    data = PAGE * 20  # several blocks of every coding
    coded = ENCODERS[name](data)
    out, why = as_far_as_it_goes(coded[:-5], name)
    assert why == "incomplete"
    assert data.startswith(out)
    assert len(out) >= (0 if name == b"zstd" else 1)
    assert as_far_as_it_goes(b"", name) == (b"", "incomplete")


@given(st.sampled_from(sorted(ENCODERS)), st.data())
def test_cut_anywhere_it_is_a_beginning(name: bytes, data: st.DataObject) -> None:
    coded = ENCODERS[name](PAGE)
    at = data.draw(st.integers(0, len(coded) - 1))
    out, why = as_far_as_it_goes(coded[:at], name, size=data.draw(st.integers(1, 5000)))
    assert PAGE.startswith(out)
    assert why == "incomplete"


def test_all_before_the_broken_byte_is_kept() -> None:
    """A wrong checksum is met behind the last byte of content: nothing of it is lost."""
    whole = gzip.compress(PAGE)
    wrong = whole[:-8] + b"\0\0\0\0" + whole[-4:]
    assert as_far_as_it_goes(wrong, b"gzip") == (PAGE, "broken")
    assert as_far_as_it_goes(zlib.compress(PAGE)[:-4] + b"\0\0\0\0", b"deflate") == (PAGE, "broken")
    good = gzip.compress(PAGE[:4000])
    assert as_far_as_it_goes(good + b"\x1f\x8bno member", b"gzip") == (PAGE[:4000], "broken")


@pytest.mark.parametrize("name", ENCODERS)
def test_what_was_never_coded_is_broken(name: bytes) -> None:
    out, why = as_far_as_it_goes(b"<!doctype html><p>This was never compressed at all.", name)
    assert (out, why) == (b"", "broken")


@given(st.binary(max_size=400), st.lists(st.sampled_from(sorted(ENCODERS)), min_size=1, max_size=3))
def test_arbitrary_bytes_end_in_one_of_two_ways(data: bytes, names: list[bytes]) -> None:
    ends = []
    try:
        ends = [b"" in coding.decoded(cut(data, 50), names, Meter(1 << 22))]
    except (CodingError, LimitError) as error:
        ends = [str(error)]
    assert ends[0] in (False, "broken", "incomplete", "a coded body unfolds to more than 4194304 bytes")


# ── bombs ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ENCODERS)
def test_a_bomb_comes_in_small_pieces_up_to_the_limit(name: bytes) -> None:
    bomb = ENCODERS[name](bytes(64 << 20))
    pieces = coding.decoded(iter([bomb]), [name], Meter(20 << 20))
    sizes: list[int] = []
    with pytest.raises(LimitError):
        sizes.extend(len(piece) for piece in pieces)
    assert sum(sizes) <= 20 << 20
    assert max(sizes, default=0) <= (16 << 20 if name == b"zstd" else 2 * coding.OUTPUT_BYTES)


def test_a_bomb_in_a_bomb_is_charged_for_both() -> None:
    inner = gzip.compress(bytes(4 << 20), 9)
    outer = gzip.compress(inner)
    assert len(taken_off(outer, b"gzip", b"gzip", most=(4 << 20) + len(inner))) == 4 << 20
    with pytest.raises(LimitError):
        taken_off(outer, b"gzip", b"gzip", most=(4 << 20) + len(inner) - 1)


def test_empty_members_are_charged() -> None:
    """A hundred thousand members that unfold to nothing."""
    for name, empty in ((b"gzip", gzip.compress(b"")), (b"zstd", zstandard.compress(b""))):
        taken_off(empty * 11, name, most=10 * coding.MEMBER_COST)
        with pytest.raises(LimitError):
            taken_off(empty * 100_000, name, most=10 * coding.MEMBER_COST)


def test_a_zstd_window_beyond_what_http_allows_is_refused() -> None:
    """RFC 9659 section 3: 8 MB at most."""
    for log, why in ((23, None), (24, "broken")):
        parameters = zstandard.ZstdCompressionParameters(window_log=log)
        packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        coded = packer.compress(bytes(20 << 20)) + packer.flush()
        assert as_far_as_it_goes(coded, b"zstd")[1] == why


# ── what the header fields say ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([], []),
        ([(b"Content-Encoding", b"gzip")], [b"gzip"]),
        ([(b"content-encoding", b"X-GZIP")], [b"gzip"]),  # RFC 9110 section 8.4.1.3: equivalent
        ([(b"Content-Encoding", b"br, gzip")], [b"br", b"gzip"]),
        ([(b"Content-Encoding", b"br"), (b"Content-Encoding", b"gzip")], [b"br", b"gzip"]),
        ([(b"Content-Encoding", b"br"), (b"Transfer-Encoding", b"gzip, chunked")], [b"br", b"gzip"]),
        ([(b"Transfer-Encoding", b"gzip;level=9 , chunked")], [b"gzip"]),
        ([(b"Content-Encoding", b"identity"), (b"Transfer-Encoding", b"chunked")], []),
        ([(b"Content-Encoding", b"compress")], [b"compress"]),
    ],
)
def test_codings_in_the_order_applied(lines: list[tuple[bytes, bytes]], names: list[bytes]) -> None:
    assert coding.codings(Fields(lines)) == names


def test_only_a_few_known_ones() -> None:
    assert coding.known([b"br", b"gzip", b"zstd", b"deflate"])
    assert not coding.known([b"compress"])
    assert not coding.known([b"gzip", b"dcb"])
    assert not coding.known([b"gzip"] * (coding.CODINGS_LIMIT + 1))


def test_tiny_pieces_are_joined_before_they_are_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    given_to: list[int] = []
    inflated = coding._inflated

    def counted(inflater: coding._Inflater, data: bytes, meter: Meter) -> Iterator[bytes]:
        given_to.append(len(data))
        return inflated(inflater, data, meter)

    monkeypatch.setattr(coding, "_inflated", counted)
    page = random.Random(15).randbytes(200_000)
    for name in (b"gzip", b"deflate"):
        given_to.clear()
        coded = ENCODERS[name](page)
        assert taken_off(coded, name, size=1) == page
        assert len(given_to) <= len(coded) // coding.JOINED_BYTES + 2, "not once for each byte"


@pytest.mark.parametrize("outer", ["gzip", "deflate", "br", "zstd"])
def test_what_a_broken_outer_coding_gave_reaches_the_inner_one(outer: str) -> None:
    """Behind the outer coding's break there is nothing, before it all is good: 60 % of the content at least."""
    page = random.Random(15).randbytes(200_000)
    coded = ENCODERS[outer.encode()](gzip.compress(page))
    out, why = as_far_as_it_goes(coded[: len(coded) * 3 // 4], b"gzip", outer.encode(), size=100)
    assert why == "incomplete"
    assert page.startswith(out)
    assert len(out) > len(page) * 0.4

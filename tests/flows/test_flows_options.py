"""TCP options read for many segments at once: every kind, padding, and lengths that lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.decode.table import PacketTable
from analyzer.flows.options import SynOptions, read, sack_blocks, timestamps
from tests import build
from tests.decode.index_of import table_of

# (name, option bytes, expected mss, scale, sack permitted, timestamps, fast open), -1 is none
VECTORS = [
    ("none", "", -1, -1, 0, 0, 0),
    ("linux SYN", "020405b40402080a0000000100000000 01 030307", 1460, 7, 1, 1, 0),
    ("windows SYN", "020405b4 01 030308 0101 0402", 1460, 8, 1, 0, 0),
    ("end of list hides the rest", "00 020405b4 000000", -1, -1, 0, 0, 0),
    ("only padding", "01010101", -1, -1, 0, 0, 0),
    ("shift above 14 is read as 14 (RFC 7323 section 2.3)", "0303ff01", -1, 14, 0, 0, 0),
    ("fast open cookie request", "2202 0101", -1, -1, 0, 0, 1),
    ("fast open cookie", "220a 0102030405060708 0101", -1, -1, 0, 0, 1),
    ("unknown option is stepped over", "fd06 f98900ff 020405b4", 1460, -1, 0, 0, 0),
    ("SACK blocks (kind 5) are no permission", "0101 050a 0000000100000002", -1, -1, 0, 0, 0),
    ("length 0 ends the reading", "020405b4 0800 0402", 1460, -1, 0, 0, 0),
    ("length 1 ends the reading", "020405b4 0301 0402", 1460, -1, 0, 0, 0),
    ("length past the header ends the reading", "0402 01 02ff0000 00", -1, -1, 1, 0, 0),
    ("MSS of a wrong length is not believed", "0203ff 01 020405b4", 1460, -1, 0, 0, 0),
    ("window scale of a wrong length is not believed", "030407ff", -1, -1, 0, 0, 0),
    ("timestamps of a wrong length are not believed", "0806 00000001 0101", -1, -1, 0, 0, 0),
    ("the last of two counts", "020405b4 02040218", 536, -1, 0, 0, 0),
    ("a kind in the last byte has no length", "01010102", -1, -1, 0, 0, 0),
    ("forty bytes of options", "020405b4" + "01" * 32 + "0303 0701", 1460, 7, 0, 0, 0),
]


def table_with(*raw: bytes, cut: int | None = None) -> PacketTable:
    packets = [build.eth(build.ip4(build.tcp(options=r))) for r in raw]
    return table_of([p[:cut] for p in packets], wire=[len(p) for p in packets])


def options_of(*raw: bytes, cut: int | None = None) -> SynOptions:
    return read(table_with(*raw, cut=cut), np.arange(len(raw)))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v[0])
def test_vector(vector: tuple[str, str, int, int, int, int, int]) -> None:
    _, raw, mss, scale, sack, timestamps, fast_open = vector
    got = options_of(bytes.fromhex(raw))
    assert (int(got.mss[0]), int(got.scale[0])) == (mss, scale)
    assert (got.sack[0], got.timestamps[0], got.fast_open[0]) == (sack, timestamps, fast_open)


def test_all_vectors_side_by_side() -> None:
    got = options_of(*(bytes.fromhex(v[1]) for v in VECTORS))
    assert got.mss.tolist() == [v[2] for v in VECTORS]
    assert got.scale.tolist() == [v[3] for v in VECTORS]
    assert got.sack.tolist() == [bool(v[4]) for v in VECTORS]
    assert got.timestamps.tolist() == [bool(v[5]) for v in VECTORS]
    assert got.fast_open.tolist() == [bool(v[6]) for v in VECTORS]


def test_options_cut_by_the_snaplen_give_what_is_there() -> None:
    got = options_of(bytes.fromhex("020405b4 0402 01 030307 0101"), cut=14 + 20 + 20 + 6)
    assert (int(got.mss[0]), bool(got.sack[0]), int(got.scale[0])) == (1460, True, -1)


def naive(raw: bytes) -> tuple[int, int, bool, bool, bool]:
    """Walk option by option (RFC 9293 section 3.1)."""
    mss, scale, sack, timestamps, fast_open = -1, -1, False, False, False
    at = 0
    while at < len(raw) and raw[at] != 0:
        if raw[at] == 1:
            at += 1
            continue
        size = raw[at + 1] if at + 1 < len(raw) else 0
        if size < 2 or at + size > len(raw):
            break
        body = raw[at + 2 : at + size]
        kind = (raw[at], size)
        mss = int.from_bytes(body, "big") if kind == (2, 4) else mss
        scale = min(body[0], 14) if kind == (3, 3) else scale
        sack |= raw[at] == 4
        timestamps |= kind == (8, 10)
        fast_open |= raw[at] == 34
        at += size
    return mss, scale, sack, timestamps, fast_open


OPTION = st.one_of(
    st.binary(min_size=1, max_size=6),
    st.sampled_from(
        [bytes.fromhex(x) for x in ("01", "020405b4", "030307", "0402", "080a0000000000000000", "2202", "00")]
    ),
)


@given(st.lists(st.lists(OPTION, max_size=9).map(lambda parts: b"".join(parts)[:40]), min_size=1, max_size=6))
def test_any_bytes_as_the_naive_walk(raw: list[bytes]) -> None:
    padded = [r + b"\x00" * (-len(r) % 4) for r in raw]
    got = options_of(*padded)
    rows = zip(got.mss, got.scale, got.sack, got.timestamps, got.fast_open, strict=True)
    # A header without room for all 40 bytes is followed by data; what lies there is no option.
    assert [(int(a), int(b), bool(c), bool(d), bool(e)) for a, b, c, d, e in rows] == [naive(r) for r in padded]


TIMES = [
    ("none", "01010101", None),
    ("as Linux sends them", "0101 080a 00000102 fffffffe", (0x102, 0xFFFFFFFE)),
    ("behind SACK blocks", "0101 050a 0000000100000002 0101 080a 00000003 00000004", (3, 4)),
    ("the last of two counts", "080a 00000001 00000002 080a 00000003 00000004", (3, 4)),
    ("of a wrong length", "0101 0808 00000102 0000", None),
    ("longer than the header", "0101 080a 00000102", None),
    ("behind the end of the list", "00 080a 00000102 00000103", None),
]

BLOCKS = [
    ("none", "01010101", []),
    ("SACK permitted is none", "0402 0101", []),
    ("one", "0101 050a 00000001 00000002", [(1, 2)]),
    (
        "four fill the header",
        "0101 0522" + "".join(f"{2 * k:08x}{2 * k + 1:08x}" for k in range(4)),
        [(0, 1), (2, 3), (4, 5), (6, 7)],
    ),
    (
        "three beside timestamps",
        "0101 080a 00000001 00000002 0101 051a" + "ffffffff00000001" * 3,
        [(0xFFFFFFFF, 1)] * 3,
    ),
    ("no whole block", "0506 00000001 0101", []),
    ("a block and a half", "0101 050e 00000001 00000002 00000003", []),
    ("empty", "0502 0101", []),
    ("ten blocks claimed in a header of one", "0101 0552 00000001 00000002", []),
    ("the first of two options counts", "0101 050a 00000001 00000002 0101 050a 00000003 00000004", [(1, 2)]),
]


@pytest.mark.parametrize("vector", TIMES, ids=lambda v: v[0])
def test_timestamps(vector: tuple[str, str, tuple[int, int] | None]) -> None:
    _, raw, expected = vector
    got = timestamps(table_with(bytes.fromhex(raw)), np.arange(1))
    assert bool(got.present[0]) == (expected is not None)
    assert (int(got.value[0]), int(got.echo[0])) == (expected or (0, 0))


@pytest.mark.parametrize("vector", BLOCKS, ids=lambda v: v[0])
def test_sack_blocks(vector: tuple[str, str, list[tuple[int, int]]]) -> None:
    _, raw, expected = vector
    got = sack_blocks(table_with(bytes.fromhex(raw)), np.arange(1))
    assert int(got.count[0]) == len(expected)
    padding = [0] * (4 - len(expected))
    assert got.left[0].tolist() == [a for a, _ in expected] + padding
    assert got.right[0].tolist() == [b for _, b in expected] + padding


def test_rows_in_any_order_and_more_than_once() -> None:
    table = table_with(*(build.timestamps(k, k + 1) + build.sack((k, k + 2)) for k in range(5)))
    rows = np.array([3, 0, 3, 4])
    assert timestamps(table, rows).value.tolist() == [3, 0, 3, 4]
    assert sack_blocks(table, rows).right[:, 0].tolist() == [5, 2, 5, 6]


def test_options_cut_by_the_snaplen_hold_no_half_number() -> None:
    whole = build.timestamps(1, 2) + b"\1\1" + build.sack((7, 8))
    for kept in range(len(whole) + 1):
        table = table_with(whole, cut=14 + 20 + 20 + kept)
        assert timestamps(table, np.arange(1)).present[0] == (kept >= 10)
        assert sack_blocks(table, np.arange(1)).count[0] == (kept >= 22)

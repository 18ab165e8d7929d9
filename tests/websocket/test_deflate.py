"""permessage-deflate: the examples of RFC 7692, both ways of keeping the window, bombs, and what a hole does to it."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.budget import Budget
from analyzer.protocols.http1.session import transactions
from analyzer.protocols.websocket import inflate
from analyzer.protocols.websocket.session import connections
from tests.http1.talk import Hole
from tests.websocket.wire import BINARY, CONTINUATION, DEFLATED, PING, TEXT, frame, masked, played, response, row

AFRESH = response("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover")


class Folder:
    """What a sender does (RFC 7692 section 7.2.1)."""

    def __init__(self, bits: int = 15) -> None:
        self._machine = zlib.compressobj(wbits=-bits)

    def __call__(self, data: bytes) -> bytes:
        return (self._machine.compress(data) + self._machine.flush(zlib.Z_SYNC_FLUSH)).removesuffix(inflate.TAIL)


EXAMPLES = [
    ("a message compressed using one compressed DEFLATE block", "c107f248cdc9c90700"),
    ("the same in two frames", "4103f248cd8004c9c90700"),
    ("a DEFLATE block with no compression", "c10b000500faff48656c6c6f00"),
    ("a DEFLATE block with BFINAL set to 1", "c108f348cdc9c9070000"),
    ("two DEFLATE blocks in one message", "c10df248050000 00ffffcac9c90700"),
]
"""RFC 7692 section 7.2.3.1, 7.2.3.3, 7.2.3.4 and 7.2.3.5, as frames; each says Hello."""


@pytest.mark.parametrize("segment", [None, 1])
@pytest.mark.parametrize(("name", "sent"), EXAMPLES)
def test_the_examples_of_the_rfc(name: str, sent: str, segment: int | None) -> None:
    raw = bytes.fromhex(sent)
    (message,) = row([("s", raw)], answer=DEFLATED, segment=segment).messages
    headers = 4 if "two frames" in name else 2
    assert (message.text, message.bytes, message.compressed, message.why) == ("Hello", 5, True, None)
    assert message.transferred_bytes == len(raw) - headers


def test_the_second_hello_refers_to_the_first() -> None:
    """RFC 7692 section 7.2.3.2: f2 48 cd c9 c9 07 00, then f2 00 11 00 00 with the window kept."""
    first, second = bytes.fromhex("f248cdc9c90700"), bytes.fromhex("f200110000")
    found = row([("s", frame(TEXT, first, rsv=4) + frame(TEXT, second, rsv=4))], answer=DEFLATED)
    assert [(m.text, m.transferred_bytes) for m in found.messages] == [("Hello", 7), ("Hello", 5)]
    assert (found.server_messages, found.server_bytes, found.server_transferred_bytes) == (2, 10, 12)
    # Begun afresh, the second cannot be read; the first can, any number of times.
    afresh = row(
        [("s", frame(TEXT, first, rsv=4) + frame(TEXT, second, rsv=4) + frame(TEXT, first, rsv=4))], answer=AFRESH
    )
    assert [m.text for m in afresh.messages[::2]] == ["Hello", "Hello"]
    assert (afresh.messages[1].why, afresh.outcome_why) == ("bad_deflate", "bad_deflate")


def test_an_empty_message() -> None:
    """RFC 7692 section 7.2.3.6: one byte 0x00."""
    (message,) = row([("s", frame(TEXT, b"\0", rsv=4))], answer=DEFLATED).messages
    assert (message.text, message.bytes, message.transferred_bytes, message.why) == ("", 0, 1, None)


@pytest.mark.parametrize("bits", [9, 11, 15])
def test_whatever_the_window_and_beside_plain_messages(bits: int) -> None:
    texts = [f"price of item {n % 50}: {n * 37 % 1000} " * 20 for n in range(60)]
    fold, sent = Folder(bits), []
    for n, text in enumerate(texts):
        data = text.encode()
        if n % 7 == 3:
            sent.append(masked(TEXT, data))
            continue
        folded = fold(data)
        half = len(folded) // 2
        sent += [masked(TEXT, folded[:half], fin=False, rsv=4), masked(PING, b"?"), masked(CONTINUATION, folded[half:])]
    answer = response(f"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits={bits}")
    found = row([("c", b"".join(sent))], answer=answer, segment=300)
    said = [m for m in found.messages if m.opcode == "text"]
    assert [m.text for m in said] == texts
    assert [m.compressed for m in said] == [n % 7 != 3 for n in range(60)]
    assert found.client_bytes == sum(map(len, texts))
    assert found.client_transferred_bytes < found.client_bytes
    assert found.compression == f"permessage-deflate; client_max_window_bits={bits}"


def test_a_final_block_in_the_middle_keeps_the_window() -> None:
    machine = zlib.compressobj(wbits=-15)
    once = machine.compress(b"the same words again and again") + machine.flush(zlib.Z_FINISH)
    again = zlib.compressobj(wbits=-15, zdict=b"the same words again and again")
    more = again.compress(b"the same words again and again") + again.flush(zlib.Z_SYNC_FLUSH)
    (message,) = row([("s", frame(TEXT, once + more.removesuffix(inflate.TAIL), rsv=4))], answer=DEFLATED).messages
    assert (message.text, message.why) == ("the same words again and again" * 2, None)


def test_long_output_is_not_cut_at_the_size_of_a_piece() -> None:
    for size in (inflate.PIECE - 1, inflate.PIECE, inflate.PIECE + 1, 5 * inflate.PIECE, 1_000_003):
        (message,) = row([("s", frame(BINARY, Folder()(bytes(size)), rsv=4))], answer=DEFLATED).messages
        assert (message.bytes, message.why) == (size, None)


def test_a_bomb_is_bounded_and_said() -> None:
    """A megabyte of zeros folds a thousand to one; behind the limit, messages are counted as they were sent."""
    fold = Folder()
    bomb = fold(bytes(4 << 20))
    sent = frame(BINARY, bomb, rsv=4) + frame(TEXT, fold(b"and then"), rsv=4) + frame(TEXT, b"plain")
    talk = played([("s", sent)], answer=DEFLATED)
    talk.budget = Budget(unfolded_bytes=1 << 20)
    (found,) = connections(talk, transactions(talk))
    assert [(m.why, m.text) for m in found.messages] == [("limit", None), ("limit", None), (None, "plain")]
    assert found.messages[0].bytes == found.messages[0].transferred_bytes == len(bomb)
    assert talk.problems.counts["LIMIT-REACHED"] == 1
    assert found.outcome == "cut"


def test_final_blocks_that_give_nothing_are_charged() -> None:
    """Two bytes each (RFC 1951 section 3.2.3: final, fixed codes, end of block), each makes the machine begin anew."""
    few = b"\x03\x00" * 100 + b"\x00"
    found = row([("s", frame(TEXT, few, rsv=4) + frame(TEXT, Folder()(b"on"), rsv=4))], answer=DEFLATED)
    assert [(m.text, m.why) for m in found.messages] == [("", None), ("on", None)]
    many = b"\x03\x00" * (inflate.UNFOLDED_BYTES // inflate.FINAL_COST + 1)
    found = row([("s", frame(TEXT, many, rsv=4) + frame(TEXT, b"plain"))], answer=DEFLATED)
    assert [(m.text, m.why) for m in found.messages] == [(None, "limit"), ("plain", None)]


def test_behind_a_hole_nothing_that_refers_to_it_is_unfolded() -> None:
    fold = Folder()
    first, second, third = (fold(text) for text in (b"one two three", b"one two three four", b"one two three"))
    sent = [("s", frame(TEXT, first, rsv=4)), ("s", frame(TEXT, second, rsv=4)[:3]),
            ("s", Hole(frame(TEXT, second, rsv=4)[3:7])), ("s", frame(TEXT, second, rsv=4)[7:]),
            ("s", frame(TEXT, third, rsv=4)), ("s", frame(TEXT, b"plain"))]  # fmt: skip
    found = row(sent, answer=DEFLATED)
    assert [(m.text, m.why) for m in found.messages] == [
        ("one two three", None), (None, "lost"), (None, "no_context"), ("plain", None),
    ]  # fmt: skip
    assert found.messages[2].bytes == found.messages[2].transferred_bytes == len(third)
    assert (found.server_missing_bytes, found.outcome) == (4, "cut")
    # Where each message is folded by itself, only the one with the hole is lost.
    second, third = Folder()(b"one two three four"), Folder()(b"one two three")
    sent = [("s", frame(TEXT, second, rsv=4)[:3]), ("s", Hole(frame(TEXT, second, rsv=4)[3:7])),
            ("s", frame(TEXT, second, rsv=4)[7:]), ("s", frame(TEXT, third, rsv=4))]  # fmt: skip
    assert [(m.text, m.why) for m in row(sent, answer=AFRESH).messages] == [(None, "lost"), ("one two three", None)]


def test_what_is_no_deflate_data() -> None:
    found = row([("s", frame(TEXT, b"\xff\xff\xff", rsv=4) + frame(TEXT, b"plain"))], answer=DEFLATED)
    assert [(m.text or None, m.why) for m in found.messages] == [(None, "bad_deflate"), ("plain", None)]
    assert (found.outcome, found.outcome_why) == ("malformed", "bad_deflate")


def test_unfolded_text_that_is_no_text() -> None:
    found = row([("s", frame(TEXT, Folder()(b"ab\xff"), rsv=4))], answer=DEFLATED)
    assert [(m.text, m.why) for m in found.messages] == [("ab\\xff", "invalid_utf8")]


def test_compressed_without_having_agreed_to() -> None:
    found = row([("s", bytes.fromhex("c107f248cdc9c90700"))])
    assert [(m.why, m.compressed) for m in found.messages] == [("reserved_bits", False)]
    assert found.compression is None


def test_another_extension_gives_the_bits_a_meaning_that_is_not_known() -> None:
    answer = response("Sec-WebSocket-Extensions: x-webkit-deflate-frame")
    found = row([("s", bytes.fromhex("c107f248cdc9c90700") + frame(TEXT, b"plain"))], answer=answer)
    assert [(m.text, m.why) for m in found.messages] == [(None, "extension"), ("plain", None)]


@given(st.lists(st.binary(max_size=3000), max_size=6), st.booleans(), st.integers(1, 999))
def test_folding_and_unfolding(messages: list[bytes], keeps: bool, segment: int) -> None:
    fold = Folder()
    sent = []
    for data in messages:
        fold = fold if keeps else Folder()
        sent.append(frame(BINARY, fold(data), rsv=4))
    found = row([("s", b"".join(sent))], answer=DEFLATED if keeps else AFRESH, segment=segment)
    assert [(m.bytes, m.why) for m in found.messages] == [(len(data), None) for data in messages]


@given(st.binary(max_size=2000), st.integers(0, 50))
def test_damage_never_raises(noise: bytes, at: int) -> None:
    folded = bytearray(Folder()(b"some words that are compressed " * 20))
    folded[at : at + len(noise)] = noise
    row([("s", frame(TEXT, bytes(folded), rsv=4) + frame(TEXT, bytes(folded), rsv=4))], answer=DEFLATED)

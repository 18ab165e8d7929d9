"""Frames: the examples of RFC 6455, every form of a length, fragments, control frames, and each rule broken once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.http1.session import transactions
from analyzer.protocols.websocket import messages, violations
from analyzer.protocols.websocket.frames import unmask
from analyzer.protocols.websocket.session import connections
from tests.websocket.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATED,
    KEY,
    PING,
    PONG,
    RESPONSE,
    TEXT,
    frame,
    masked,
    played,
    row,
    said,
)

HELLO = bytes.fromhex("810548656c6c6f")
HELLO_MASKED = bytes.fromhex("818537fa213d7f9f4d5158")

EXAMPLES: list[tuple[str, list[tuple[str, bytes]], list[tuple[str, str, str | None, int, int]]]] = [
    ("a single-frame unmasked text message", [("s", HELLO)], [("server", "text", "Hello", 5, 1)]),
    ("a single-frame masked text message", [("c", HELLO_MASKED)], [("client", "text", "Hello", 5, 1)]),
    (
        "a fragmented unmasked text message",
        [("s", bytes.fromhex("010348656c")), ("s", bytes.fromhex("80026c6f"))],
        [("server", "text", "Hello", 5, 2)],
    ),
    (
        "unmasked ping request and masked ping response",
        [("s", bytes.fromhex("890548656c6c6f")), ("c", bytes.fromhex("8a8537fa213d7f9f4d5158"))],
        [("server", "ping", "Hello", 5, 1), ("client", "pong", "Hello", 5, 1)],
    ),
    (
        "256 bytes binary message in a single unmasked frame",
        [("s", bytes.fromhex("827e0100") + bytes(256))],
        [("server", "binary", None, 256, 1)],
    ),
    (
        "64 KiB binary message in a single unmasked frame",
        [("s", bytes.fromhex("827f0000000000010000") + bytes(65_536))],
        [("server", "binary", None, 65_536, 1)],
    ),
]
"""RFC 6455 section 5.7: what is sent, and (who, what, text, bytes, fragments)."""


@pytest.mark.parametrize("segment", [None, 1, 7], ids=["whole", "byte by byte", "sevens"])
@pytest.mark.parametrize(("name", "turns", "expected"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
def test_the_examples_of_the_rfc(
    name: str,
    turns: list[tuple[str, bytes]],
    expected: list[tuple[str, str, str | None, int, int]],
    segment: int | None,
) -> None:
    if segment == 1:
        turns = [(who, data) for who, data in turns if len(data) < 1000]
        expected = expected if turns else []
    found = row(turns, segment=segment)
    assert [(m.from_, m.opcode, m.text, m.bytes, m.fragments) for m in found.messages] == expected
    assert [m.why for m in found.messages] == [None] * len(expected)
    assert found.outcome == "cut"


def test_the_examples_followed_by_more() -> None:
    """Trailing bytes change nothing: the next frame begins where the length says."""
    for name, turns, expected in EXAMPLES:
        who = turns[-1][0]
        more = HELLO if who == "s" else HELLO_MASKED
        found = row([*turns[:-1], (who, turns[-1][1] + more)])
        assert [m.opcode for m in found.messages] == [what for _, what, *_ in expected] + ["text"], name
        assert found.messages[-1].text == "Hello"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_001])
@pytest.mark.parametrize("who", ["c", "s"])
def test_every_form_of_a_length(size: int, who: str) -> None:
    text = b"x" * size
    make = masked if who == "c" else frame
    found = row([(who, make(TEXT, text) + make(BINARY, text) + make(PING, b"!"))])
    assert [(m.opcode, m.bytes) for m in found.messages] == [("text", size), ("binary", size), ("ping", 1)]
    assert found.messages[0].text == text[:4096].decode()
    assert (found.outcome, found.messages[0].why) == ("cut", None)


def test_control_frames_between_fragments() -> None:
    """RFC 6455 section 5.4: they may come in the middle of a fragmented message."""
    found = row([("c", masked(TEXT, b"one ", fin=False)), ("c", masked(PING, b"?")), ("s", frame(PONG, b"?")),
                 ("c", masked(CONTINUATION, b"two ", fin=False)), ("c", masked(CONTINUATION, b"three"))])  # fmt: skip
    assert said(found) == [
        ("client", "text", "one two three"),
        ("client", "ping", "?"),
        ("server", "pong", "?"),
    ]
    assert (found.messages[0].frame, found.messages[0].time, found.messages[0].fragments) == (3, 3_000_000, 3)
    assert (found.client_messages, found.client_bytes, found.outcome) == (1, 13, "cut")


@pytest.mark.parametrize(
    ("payload", "text"),
    [(b"", None), (b"keepalive 7", "keepalive 7"), (b"\x00\x01", None), (b"\xff\xfe", None), (b"a\x1b[2J", None)],
)
def test_pings_show_their_text_if_it_is_one(payload: bytes, text: str | None) -> None:
    (ping,) = row([("s", frame(PING, payload))]).messages
    assert (ping.opcode, ping.text, ping.bytes, ping.why) == ("ping", text, len(payload), None)


def test_a_character_may_be_cut_by_a_fragment_but_not_by_the_end() -> None:
    word = "grün".encode()
    found = row([("s", frame(TEXT, word[:3], fin=False) + frame(CONTINUATION, word[3:]))])
    assert (found.messages[0].text, found.messages[0].why) == ("grün", None)
    found = row([("s", frame(TEXT, word[:3], fin=False) + frame(CONTINUATION, b""))])
    assert found.messages[0].why == "invalid_utf8"
    assert (found.outcome, found.outcome_why) == ("malformed", "invalid_utf8")


def test_a_text_is_kept_to_four_kibibytes_without_half_a_character() -> None:
    text = "ü" * 5000
    for parts in ([text.encode()], [text.encode()[:3001], text.encode()[3001:]]):
        sent = [frame(CONTINUATION if n else TEXT, p, fin=n == len(parts) - 1) for n, p in enumerate(parts)]
        (message,) = row([("s", b"".join(sent))]).messages
        assert message.text == "ü" * 2048
        assert (message.bytes, message.why) == (10_000, None)
    (message,) = row([("s", frame(TEXT, b"a" + text.encode()))]).messages
    assert message.text == "a" + "ü" * 2047


BROKEN: list[tuple[str, list[tuple[str, bytes]]]] = [
    ("unmasked", [("c", frame(TEXT, b"hi"))]),
    ("masked", [("s", masked(TEXT, b"hi"))]),
    ("reserved_opcode", [("s", frame(3, b"hi"))]),
    ("reserved_opcode", [("c", masked(11, b"hi"))]),
    ("reserved_bits", [("s", frame(TEXT, b"hi", rsv=4))]),
    ("reserved_bits", [("s", frame(PING, b"hi", rsv=1))]),
    ("bad_length", [("s", frame(TEXT, b"hi", form=16))]),
    ("bad_length", [("s", frame(BINARY, bytes(300), form=64))]),
    ("bad_length", [("s", bytes([0x82, 127]) + b"\xff" * 8 + b"??")]),
    ("fragmented_control", [("s", frame(PING, b"hi", fin=False))]),
    ("long_control", [("s", frame(PONG, bytes(126)))]),
    ("unexpected_continuation", [("s", frame(CONTINUATION, b"hi"))]),
    ("interrupted", [("s", frame(TEXT, b"hi", fin=False) + frame(TEXT, b"ho"))]),
    ("bad_close_code", [("s", frame(CLOSE, b"\x03\xed"))]),  # 1005
    ("bad_close_code", [("s", frame(CLOSE, b"\x03\xee"))]),  # 1006
    ("bad_close_code", [("s", frame(CLOSE, b"\x03\xe7"))]),  # 999
    ("bad_close_code", [("s", frame(CLOSE, b"\x13\x88"))]),  # 5000
    ("bad_close_payload", [("s", frame(CLOSE, b"\x03"))]),
    ("invalid_utf8", [("s", frame(TEXT, b"\xff"))]),
    ("invalid_utf8", [("s", frame(TEXT, b"\xed\xa0\x80" + bytes(200)))]),  # a surrogate
    ("invalid_utf8", [("s", frame(CLOSE, b"\x03\xe8\xff"))]),
    ("after_close", [("s", frame(CLOSE, b"\x03\xe8") + frame(TEXT, b"one more thing"))]),
]  # fmt: skip


@pytest.mark.parametrize(("word", "turns"), BROKEN)
def test_a_broken_rule_is_named_and_reading_goes_on(word: str, turns: list[tuple[str, bytes]]) -> None:
    """RFC 6455 sections 5.1, 5.2, 5.4, 5.5, 7.4 and 8.1."""
    assert word in violations.VIOLATIONS
    found = row([("c", masked(TEXT, b"before")), *turns, ("c", masked(TEXT, b"after"))])
    assert (found.outcome, found.outcome_why) == ("malformed", word)
    assert word in [m.why for m in found.messages] or (word == "bad_length" and turns[0][1][1] == 127)
    assert "after" in [m.text for m in found.messages]
    fine = [m for m in found.messages if m.text in ("before",)]
    assert [m.why for m in fine] == [None]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999])
def test_codes_that_may_be_sent(code: int) -> None:
    goodbye = code.to_bytes(2, "big") + "tschüß".encode()
    found = row([("c", masked(CLOSE, goodbye)), ("s", frame(CLOSE, goodbye[:2]))])
    assert (found.outcome, found.outcome_why) == ("closed", None)
    assert (found.closed_by, found.close_code, found.close_reason, found.close_frame) == ("client", code, "tschüß", 3)
    assert said(found) == [("client", "close", f"{code} tschüß"), ("server", "close", str(code))]
    assert (found.client_messages, found.server_messages) == (0, 0)


def test_how_it_ended() -> None:
    hello, bye = ("s", frame(TEXT, b"hi")), ("s", frame(CLOSE))
    answered = row([hello, bye, ("c", masked(CLOSE))])
    assert (answered.outcome, answered.outcome_why, answered.close_code, answered.closed_by) == (
        "closed", None, 1005, "server",
    )  # fmt: skip
    ends = [
        (row([hello, bye]), ("closed", "not_answered", 1005)),
        (row([hello, bye], finished=False), ("closed", None, 1005)),
        (row([hello]), ("cut", "no_close_frame", 1006)),
        (row([hello], finished=False, reset=True), ("reset", "no_close_frame", 1006)),
        (row([hello], finished=False), ("open", "capture_end", None)),
    ]
    assert [(r.outcome, r.outcome_why, r.close_code) for r, _ in ends] == [expected for _, expected in ends]


def test_a_message_cut_by_the_end() -> None:
    found = row([("s", frame(TEXT, b"half of it")[:6])], finished=False)
    (message,) = found.messages
    assert (message.text, message.bytes, message.why) == ("half", 4, "truncated")
    found = row([("c", masked(TEXT, b"first", fin=False))], finished=False)
    assert [(m.text, m.why) for m in found.messages] == [("first", "truncated")]
    found = row([("s", frame(TEXT, b"x" * 300)[:3])], finished=False)
    assert found.messages == ()


def test_what_is_no_websocket_is_left_after_a_while() -> None:
    talk = played([("s", b"\x74\x55this went on in another protocol altogether, that nobody has heard of. " * 200)])
    (found,) = connections(talk, transactions(talk))
    assert (found.outcome, found.outcome_why) == ("malformed", "reserved_opcode")
    assert len(found.messages) < 4 * violations.MOST_IMPOSSIBLE
    assert talk.problems.counts["WEBSOCKET-MALFORMED"] == 1


def test_many_messages_are_counted_and_few_kept() -> None:
    count = 3 * messages.KEPT_MESSAGES
    turns = [
        ("c", masked(TEXT, b"ask") * count),
        ("s", frame(TEXT, b"answer") * count),
        ("s", frame(CLOSE, b"\x03\xe8")),
    ]
    found = row(turns)
    assert (found.client_messages, found.server_messages) == (count, count)
    assert (found.client_bytes, found.server_bytes) == (3 * count, 6 * count)
    assert len(found.messages) == messages.KEPT_MESSAGES + 1
    assert found.messages[-1].opcode == "close"
    assert found.messages_left_out == 2 * count + 1 - len(found.messages)


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4), st.integers(0, 300))
def test_unmasking_is_the_formula_of_the_rfc(data: bytes, key: bytes, cut: int) -> None:
    """RFC 6455 section 5.3: octet i is XORed with octet i modulo 4 of the key, wherever one begins to read."""
    expected = bytes(byte ^ key[at % 4] for at, byte in enumerate(data))
    assert unmask(data, key) == expected
    assert unmask(data[:cut], key) + unmask(data[cut:], key, min(cut, len(data))) == expected
    assert unmask(data, b"") == data


FRAMES = st.lists(
    st.tuples(
        st.sampled_from([TEXT, BINARY, PING, PONG]),
        st.text(max_size=40) | st.integers(0, 70_000).map(lambda n: "z" * (n if n % 7 == 0 else n % 300)),
        st.integers(1, 3),
        st.booleans(),
    ),
    max_size=8,
)


def plain(data: bytes) -> str | None:
    """What is told of a ping: nothing, unless it can be printed."""
    try:
        return data.decode() if data and data.decode().isprintable() else None
    except UnicodeDecodeError:
        return None


@given(FRAMES, st.integers(1, 2000))
def test_frames_round_trip_however_they_are_cut(frames: list[tuple[int, str, int, bool]], segment: int) -> None:
    turns, expected = [], []
    for opcode, text, parts, client in frames:
        make, who = (masked, "c") if client else (frame, "s")
        data = text.encode()
        if opcode in (PING, PONG):
            data = data[:125]
            sent = make(opcode, data)
            text_kept = plain(data)
        else:
            cuts = [len(data) * n // parts for n in range(parts + 1)]
            sent = b"".join(
                make(opcode if n == 0 else CONTINUATION, data[cuts[n] : cuts[n + 1]], fin=n == parts - 1)
                for n in range(parts)
            )
            text_kept = data[:4096].decode("utf-8", "ignore") if opcode == TEXT else None
        turns.append((who, sent))
        expected.append(({"c": "client", "s": "server"}[who], opcode, len(data), text_kept))
    names = {TEXT: "text", BINARY: "binary", PING: "ping", PONG: "pong"}
    found = row(turns, segment=segment)
    got = [(m.from_, m.opcode, m.bytes, m.text) for m in found.messages]
    assert got == [(who, names[opcode], size, text) for who, opcode, size, text in expected]
    assert found.outcome == "cut"


@given(st.binary(max_size=400), st.binary(max_size=400), st.booleans(), st.integers(1, 50))
def test_no_bytes_raise_and_cutting_changes_nothing(client: bytes, server: bytes, deflate: bool, segment: int) -> None:
    answer = DEFLATED if deflate else RESPONSE
    whole = row([("c", client), ("s", server)], answer=answer)
    cut = row([("c", client), ("s", server)], answer=answer, segment=segment)
    assert [(m.from_, m.opcode, m.bytes, m.text, m.why) for m in sorted(whole.messages, key=lambda m: m.from_)] == [
        (m.from_, m.opcode, m.bytes, m.text, m.why) for m in sorted(cut.messages, key=lambda m: m.from_)
    ]
    assert (whole.outcome, whole.client_bytes, whole.server_bytes) == (cut.outcome, cut.client_bytes, cut.server_bytes)


def test_the_masking_key_of_the_examples() -> None:
    assert unmask(bytes.fromhex("7f9f4d5158"), KEY) == b"Hello"


def test_more_text_than_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit only beginnings are read; that is said, and nothing is held against what was not read."""
    monkeypatch.setattr(messages, "CHECKED_TEXT", 10_000)
    long = ("ü" * 6000).encode()
    talk = played(
        [("s", frame(TEXT, long)), ("s", frame(TEXT, long[:7001], fin=False) + frame(CONTINUATION, long[7001:]))]
    )
    (found,) = connections(talk, transactions(talk))
    assert [(m.bytes, m.text, m.why) for m in found.messages] == [(12_000, "ü" * 2048, None)] * 2
    assert talk.problems.counts == {"LIMIT-REACHED": 1}


SOUP = st.lists(
    st.tuples(
        st.sampled_from([0x81, 0x82, 0x01, 0x80, 0x00, 0x88, 0x89, 0x8A, 0xC1, 0x41, 0x83, 0xF8]) | st.integers(0, 255),
        st.integers(0, 255),
        st.binary(max_size=20),
    ),
    max_size=12,
)


@given(SOUP, SOUP, st.booleans(), st.integers(1, 50))
def test_headers_of_any_kind_raise_nothing(
    client: list[tuple[int, int, bytes]], server: list[tuple[int, int, bytes]], deflate: bool, segment: int
) -> None:
    def made(soup: list[tuple[int, int, bytes]], mask: int) -> bytes:
        return b"".join(
            bytes([first, second if second > 230 else mask | len(more)]) + more for first, second, more in soup
        )

    turns = [("c", made(client, 0x80)), ("s", made(server, 0))]
    answer = DEFLATED if deflate else RESPONSE
    whole, cut = row(turns, answer=answer), row(turns, answer=answer, segment=segment)
    for name in ("client", "server"):
        one, other = ([(m.opcode, m.bytes, m.text, m.why) for m in r.messages if m.from_ == name] for r in (whole, cut))
        assert one == other
    assert whole.outcome == cut.outcome

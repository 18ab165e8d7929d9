"""Reassembly: the same bytes however segments were captured, first capture wins, and holes are holes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.build import Flows
from analyzer.flows.stream import ByteStream, Gap
from tests import build
from tests.flows.script import CLIENT, CLIENT_PORT, MS, SERVER, SERVER_PORT, START, followed, only, packets_of, script

SERVER_ISN = 9_000_000


def segment(offset: int, data: bytes, *, flags: str = "A", ack: int = 1001, ident: int = 1) -> bytes:
    """Return a frame with data of the server at an offset of its stream."""
    tcp = build.tcp(data, sport=SERVER_PORT, dport=CLIENT_PORT, seq=SERVER_ISN + 1 + offset, ack=ack, flags=flags)
    return build.eth(build.ip4(tcp, src=SERVER, dst=CLIENT, ident=ident))


def client_ack(offset: int) -> bytes:
    tcp = build.tcp(sport=CLIENT_PORT, dport=SERVER_PORT, seq=1001, ack=SERVER_ISN + 1 + offset, flags="A")
    return build.eth(build.ip4(tcp, src=CLIENT, dst=SERVER))


def handshake() -> list[bytes]:
    syn = build.tcp(sport=CLIENT_PORT, dport=SERVER_PORT, seq=1000, flags="S")
    synack = build.tcp(sport=SERVER_PORT, dport=CLIENT_PORT, seq=SERVER_ISN, ack=1001, flags="SA")
    return [build.eth(build.ip4(syn, src=CLIENT, dst=SERVER)), build.eth(build.ip4(synack, src=SERVER, dst=CLIENT))]


def flows_of(frames: list[bytes], *, wire: list[int] | None = None) -> Flows:
    return followed([(START + k * MS, frame) for k, frame in enumerate(frames)], wire=wire)


def server(frames: list[bytes]) -> ByteStream:
    return flows_of([*handshake(), *frames]).stream(0, client=False)


def whole(stream: ByteStream) -> list[tuple[int, bytes]]:
    return [(low, stream.read(low, high - low)) for low, high in stream.runs()]


TEXT = bytes(range(256)) * 2


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_order_duplication_and_overlap_do_not_matter(parts: list[tuple[int, int]], random: object) -> None:
    """Pieces of one text, cut anyhow, captured in any order: every captured byte stands at its place."""
    frames = [segment(at, TEXT[at : at + n]) for at, n in parts]
    held = {k for at, n in parts for k in range(at, at + n)}
    shuffled = frames * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for order in (frames, frames[::-1], shuffled):
        stream = server(order)
        assert sorted(held) == [k for low, high in stream.runs() for k in range(low, high)]
        assert all(data == TEXT[low : low + len(data)] for low, data in whole(stream))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), min_size=1, max_size=10))
def test_the_first_capture_of_each_byte_wins(parts: list[tuple[int, int]]) -> None:
    """Each segment carries its own letter; a byte, its frame and its time are those of the first that held it."""
    first: dict[int, int] = {}
    for k, (at, n) in enumerate(parts):
        for offset in range(at, at + n):
            first.setdefault(offset, k)
    stream = server([segment(at, bytes([65 + k]) * n) for k, (at, n) in enumerate(parts)])
    for offset in range(95):
        k = first.get(offset)
        assert stream.read(offset, 1) == (b"" if k is None else bytes([65 + k]))
        assert stream.at(offset) == (None if k is None else (k + 3, START + (k + 2) * MS))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), min_size=1, max_size=10))
def test_unique_and_missing_bytes(parts: list[tuple[int, int]]) -> None:
    held = {k for at, n in parts for k in range(at, at + n)}
    row = only(flows_of([*handshake(), *(segment(at, TEXT[at : at + n]) for at, n in parts)]))
    assert row.server_bytes == sum(n for _, n in parts)
    assert row.server_unique_bytes == len(held)
    assert row.server_missing_bytes == max(held) + 1 - len(held)


def test_overlap_captured_behind_its_position() -> None:
    stream = server([segment(10, b"B" * 10), segment(0, b"A" * 30), segment(25, b"C" * 10)])
    assert whole(stream) == [(0, b"A" * 10 + b"B" * 10 + b"A" * 10 + b"C" * 5)]
    assert stream.frames(0, 35).tolist() == [4, 3, 4, 5]
    assert stream.first_in(0, 35) == (3, START + 2 * MS)


def test_a_hole_and_the_frames_around_it() -> None:
    stream = server([segment(0, b"A" * 10), segment(20, b"C" * 10), segment(30, b"D" * 10)])
    assert repr(stream) == "[data 0-10) (hole 10-20) [data 20-40)"
    assert stream.gaps() == [Gap(10, 20, 3, 4)]
    assert stream.times(0, 40).tolist() == [START + k * MS for k in (2, 3, 4)]


def test_what_was_acknowledged_but_never_captured_is_a_hole_at_the_end() -> None:
    stream = server([segment(0, b"A" * 10), client_ack(50)])
    assert repr(stream) == "[data 0-10) (hole 10-50)"
    assert stream.gaps() == [Gap(10, 50, 3, None)]


def test_what_lies_before_a_fin_existed() -> None:
    flows = flows_of([*handshake(), segment(0, b"A" * 10), segment(40, b"", flags="FA"), client_ack(41)])
    stream = flows.stream(0, client=False)
    assert repr(stream) == "[data 0-10) (hole 10-40)"
    assert stream.finished
    assert not stream.reset
    assert only(flows).server_missing_bytes == 30


def test_the_fin_itself_is_no_byte() -> None:
    assert repr(server([segment(0, b"A" * 10, flags="FA"), client_ack(11)])) == "[data 0-10)"


@pytest.mark.parametrize(
    ("size", "acked", "missing"), [(1 << 26, False, 1 << 26), (1 << 27, False, 0), (1 << 27, True, 1 << 27)]
)
def test_a_jump_further_than_anybody_can_be_ahead(size: int, acked: bool, missing: int) -> None:
    """64 MiB may be under way; more, and acknowledged by nobody, is a wrong number."""
    frames = [*handshake(), segment(0, b"A" * 10), segment(10 + size, b"B" * 10)]
    flows = flows_of([*frames, client_ack(10 + size + 10)] if acked else frames)
    assert only(flows).server_missing_bytes == missing
    assert [(p.code, p.frame) for p in flows.problems] == ([] if missing else [("TCP-SEQUENCE-JUMP", 4)])
    assert whole(flows.stream(0, client=False)) == [(0, b"A" * 10), (10 + size, b"B" * 10)]


def test_an_impossible_acknowledgement_is_not_believed() -> None:
    assert repr(server([segment(0, b"A" * 10), client_ack(10), client_ack((1 << 30) + 20)])) == "[data 0-10)"


def test_keep_alive_bytes_are_no_data() -> None:
    stream = server([segment(0, b"A" * 10), client_ack(10), segment(9, b"\0")])
    assert whole(stream) == [(0, b"A" * 10)]
    assert only(flows_of([*handshake(), client_ack(0), segment(-1, b"\0")])).server_unique_bytes == 0


def test_what_the_snaplen_cut_is_a_hole() -> None:
    frames = [*handshake(), segment(0, b"A" * 100), segment(100, b"B" * 100)]
    cut = [frame[: 54 + 60] for frame in frames]
    flows = flows_of(cut, wire=[len(frame) for frame in frames])
    assert repr(flows.stream(0, client=False)) == "[data 0-60) (hole 60-100) [data 100-160)"
    row = only(flows)
    assert (row.server_unique_bytes, row.server_missing_bytes) == (200, 40)


def test_a_cut_copy_does_not_hide_a_whole_one() -> None:
    frames = [*handshake(), segment(0, b"A" * 100), segment(0, b"B" * 100)]
    short = [frames[0], frames[1], frames[2][: 54 + 60], frames[3]]
    stream = flows_of(short, wire=[len(frame) for frame in frames]).stream(0, client=False)
    assert whole(stream) == [(0, b"A" * 60 + b"B" * 40)]


def test_data_on_a_syn_begins_the_stream() -> None:
    flows = followed(
        packets_of(
            script("""
C S    0   0   5  5000  @0
S SA   0   6   0  5000  @40
C A    6   1   3  5000  @41
""")
        )
    )
    stream = flows.stream(0, client=True)
    assert whole(stream) == [(0, bytes(range(8)))]
    assert stream.from_start
    assert [stream.at(k) for k in (0, 4, 5)] == [(1, START), (1, START), (3, START + 41 * MS)]


def test_data_on_a_syn_sent_again_is_no_other_data() -> None:
    """The SYN takes a number: data on it and data behind it lie at the same place."""
    flows = followed(
        packets_of(
            script("""
C S    0   0   5  5000  @0
S SA   0   1   0  5000  @40
C A    1   1   5  5000  @41
""")
        )
    )
    assert only(flows).client_unique_bytes == 5
    assert flows.stream(0, client=True).at(2) == (1, START)


def test_without_a_syn_the_stream_begins_at_the_first_byte_seen() -> None:
    stream = flows_of([segment(500, b"A" * 10), segment(510, b"B" * 10)]).stream(0, client=False)
    assert repr(stream) == "[data 0-20)"
    assert not stream.from_start


def test_bytes_before_the_first_seen_lie_below_zero() -> None:
    stream = flows_of([segment(500, b"A" * 10), segment(490, b"B" * 10)]).stream(0, client=False)
    assert whole(stream) == [(-10, b"B" * 10 + b"A" * 10)]


def test_a_chain_of_overlaps_captured_backwards_stays_quick() -> None:
    """20,000 segments, each overlapping the next by a byte, the even ones first: no quadratic walk gets through."""
    count = 20_000
    order = [*range(0, count, 2), *range(1, count, 2)]
    packets = [(START + k, segment(9 * at, bytes([at % 251]) * 10)) for k, at in enumerate(order)]
    stream = followed(packets).stream(0, client=False)
    assert list(stream.runs()) == [(0, 9 * count + 1)]
    assert stream.read(9 * 101, 10) == bytes([100]) + bytes([101]) * 8 + bytes([102])  # even ones came first

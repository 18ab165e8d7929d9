"""Segments no sane endpoint sends: any numbers, flags and times give rows and streams that keep their invariants."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import analyzer
from analyzer.flows.model import CLOSES, CONN_STATES, HANDSHAKES
from analyzer.flows.reassembly import MAX_HOLE
from tests import build
from tests.flows.script import followed

NUMBER = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 1000, 1001, 2**31, 2**31 - 1, 2**32 - 1]))
TIME = st.one_of(st.integers(0, 10**10), st.sampled_from([-(2**63), 2**63 - 1, 0, -1]))
FLAGS = st.lists(st.sampled_from("FSRPAUEC"), unique=True, max_size=8).map("".join)


@st.composite
def segments(draw: st.DrawFn) -> tuple[int, bytes]:
    forth = draw(st.booleans())
    ends, ports = ("10.0.0.1", "10.0.0.2"), (draw(st.sampled_from([1, 40000])), 80)
    if not forth:
        ends, ports = ends[::-1], ports[::-1]
    tcp = build.tcp(
        draw(st.binary(max_size=20)),
        sport=ports[0],
        dport=ports[1],
        seq=draw(NUMBER),
        ack=draw(NUMBER),
        flags=draw(FLAGS),
        window=draw(st.sampled_from([0, 1, 500, 65535])),
        options=draw(st.binary(max_size=40)),
    )
    ident = draw(st.integers(0, 2))
    return draw(TIME), build.eth(build.ip4(tcp, src=ends[0], dst=ends[1], ident=ident))


@settings(max_examples=200)
@given(st.lists(segments(), max_size=25))
def test_any_segments(packets: list[tuple[int, bytes]]) -> None:
    flows = followed(packets)
    rows = list(flows.connections.rows())
    assert sorted(flows.segments.frame.tolist()) == list(range(1, len(packets) + 1))
    assert sum(r.client_packets + r.server_packets for r in rows) == len(packets)
    for r in rows:
        assert r.handshake in HANDSHAKES
        assert r.close in CLOSES
        assert r.conn_state in CONN_STATES
        for client, unique in ((True, r.client_unique_bytes), (False, r.server_unique_bytes)):
            stream = flows.stream(r.stream, client=client)
            runs = list(stream.runs())
            assert runs == sorted(runs)
            held = sum(high - low for low, high in runs)
            assert held == unique  # nothing was cut here
            assert held == sum(len(stream.read(low, high - low)) for low, high in runs)
            assert held + sum(gap.end - gap.start for gap in stream.gaps()) == stream.end - stream.start
            missing = r.client_missing_bytes if client else r.server_missing_bytes
            holes = [gap.end - gap.start for gap in stream.gaps()]
            believed = sum(size for size in holes if size <= MAX_HOLE)
            assert missing == sum(holes) if not flows.problems else believed <= missing <= sum(holes)


def test_a_clock_that_runs_backwards_gives_no_negative_duration(tmp_path: Path) -> None:
    """The SYN-ACK carries an earlier time than the SYN: how long anything took is unknown, not negative."""
    client = {"sport": 40000, "dport": 80}
    server = {"sport": 80, "dport": 40000}
    back = {"src": "10.0.0.2", "dst": "10.0.0.1"}
    packets = [
        (5_000_000_000, build.eth(build.ip4(build.tcp(seq=100, flags="S", **client)))),
        (4_000_000_000, build.eth(build.ip4(build.tcp(seq=900, ack=101, flags="SA", **server), **back))),
        (4_500_000_000, build.eth(build.ip4(build.tcp(seq=101, ack=901, flags="A", **client)))),
    ]
    path = tmp_path / "backwards.pcap"
    path.write_bytes(build.pcap_file(packets))
    row = analyzer.analyze(str(path)).result.connections.row(0)
    assert row.handshake == "complete"
    assert (row.connect_ms, row.server_leg_ms, row.client_leg_ms) == (None, None, 500.0)
    assert row.duration_ms == 0.0

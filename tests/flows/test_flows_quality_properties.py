"""How connections ran, for conversations of any kind: what must add up, and what must not matter."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flows import quality
from analyzer.flows.quality import course
from analyzer.schema import TcpRow
from tests.flows.script import MS, START, Line, followed, only, packets_of

SIDES = ("client", "server")
MEASURES = (
    "rtt_samples",
    "rtt_min_ms",
    "rtt_p50_ms",
    "rtt_p95_ms",
    "max_in_flight_bytes",
    "transfer_ms",
    "receiver_limited_ms",
    "sender_limited_ms",
    "network_limited_ms",
    "throughput_bytes",
    "loss_episodes",
    "loss_ms",
)
GAPS_MS = (0, 0, 0, 0.01, 0.3, 1, 5, 20, 30, 100, 300, 999, 1001, 3000, -2)
SIZES = (0, 0, 1, 100, 1000, 1000, 1000, 1460, 3000)


@st.composite
def conversations(draw: st.DrawFn) -> list[Line]:
    """Draw a conversation: mostly in order, with repeats, holes, old and unseen ACKs, closing windows and resets."""
    opened = draw(st.booleans())
    leg = draw(st.sampled_from((0, 0.05, 20)))
    time, sent, lines = float(START), [1, 1], []
    if opened:
        again = draw(st.booleans())
        opening = [("S", True, -1000), ("S", True, 0), ("SA", False, leg), ("SA", False, 30), ("A", True, 40)]
        for flags, client, at in opening if again else (opening[1], opening[2], opening[4]):
            position = int(flags == "A")
            lines.append(Line(client, flags, position, int(flags != "S"), 0, 8000, START + round(at * MS)))
        time += 40 * MS
    steps = st.tuples(
        st.booleans(),
        st.sampled_from(SIZES),
        st.sampled_from((0, 0, 0, 0, 0, -1000, -3000, 1000)),  # where the data goes
        st.sampled_from((0, 0, 0, 0, -1000, -2000, 500)),  # what is acknowledged
        st.sampled_from((8000, 8000, 3000, 1000, 0)),
        st.sampled_from(GAPS_MS),
        st.sampled_from(("PA", "PA", "PA", "PA", "PA", "PA", "FA", "R")),
    )
    for client, size, shift, ack, window, gap, flags in draw(st.lists(steps, max_size=40)):
        time += gap * MS
        start = max(sent[client] + (shift if size else 0), 1)
        told = max(sent[not client] + ack, 1) if flags != "R" else 0
        lines.append(Line(client, flags, start, told, 0 if flags == "R" else size, window, round(time)))
        if flags != "R":
            sent[client] = max(sent[client], start + size)
    return lines


def measured(row: TcpRow) -> dict[str, float | None]:
    """Return the measures of both sides."""
    return {f"{side}_{name}": getattr(row, f"{side}_{name}") for side in SIDES for name in MEASURES}


@given(conversations())
def test_the_parts_of_a_transfer_are_the_whole(lines: list[Line]) -> None:
    if not lines:
        return
    row = only(followed(packets_of(lines)))
    for side in SIDES:
        whole, *parts = (
            getattr(row, f"{side}_{name}_ms")
            for name in ("transfer", "receiver_limited", "sender_limited", "network_limited")
        )
        assert all(value is None or value >= 0 for value in measured(row).values())
        if None not in parts:
            assert whole is not None
            assert sum(parts) == pytest.approx(whole, abs=0.001)


@given(conversations())
def test_the_course_of_a_side_agrees_with_its_columns(lines: list[Line]) -> None:
    if not lines:
        return
    flows = followed(packets_of(lines))
    row = only(flows)
    for side in SIDES:
        found = course(flows.segments, 0, client=side == "client")
        of = {name: getattr(row, f"{side}_{name}") for name in MEASURES}
        kept = np.sort(found.rtt.ms[~found.rtt.delayed])
        assert of["rtt_samples"] == kept.size
        for name, share in (("rtt_min_ms", 0), ("rtt_p50_ms", 0.5), ("rtt_p95_ms", 0.95)):
            nearest = float(kept[max(int(np.ceil(kept.size * share)), 1) - 1]) if kept.size else None
            assert of[name] == nearest
        assert of["max_in_flight_bytes"] == max(found.flight.bytes.tolist(), default=None)
        assert of["loss_episodes"] == len(found.episodes)
        if of["loss_ms"] is not None:
            assert of["loss_ms"] == pytest.approx(sum(e.cost_ms for e in found.episodes))
        spans = [t.end_time - t.start_time for t in found.transfers]
        if all(b.time >= a.time for a, b in itertools.pairwise(lines)) and spans:
            assert of["transfer_ms"] == pytest.approx(sum(spans) / MS)
        for name in ("receiver_limited_ms", "sender_limited_ms", "network_limited_ms"):
            parts = [getattr(t, name) for t in found.transfers]
            if None not in parts and parts:
                assert of[name] == pytest.approx(sum(parts))
            else:
                assert of[name] is None
        for episode in found.episodes:
            assert episode.frames == tuple(sorted(episode.frames))
            assert episode.end_time > episode.start_time


@given(conversations(), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(-(10**15), 10**15))
def test_initial_numbers_and_the_date_do_not_matter(lines: list[Line], client: int, server: int, later: int) -> None:
    if not lines:
        return
    moved = [replace(line, time=line.time + later) for line in lines]
    first = only(followed(packets_of(lines)))
    assert measured(only(followed(packets_of(moved, isn=(client, server))))) == measured(first)


@given(st.lists(conversations().filter(bool), min_size=2, max_size=4), st.sampled_from((1, 30, 1 << 18)))
@settings(max_examples=40)
def test_connections_do_not_touch_each_other(talks: list[list[Line]], batch: int) -> None:
    alone = [measured(only(followed(packets_of(lines, client_port=20000 + k)))) for k, lines in enumerate(talks)]
    packets = [packets_of(lines, client_port=20000 + k) for k, lines in enumerate(talks)]
    mixed = [part[k] for k in range(max(map(len, packets))) for part in packets if k < len(part)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "_BATCH", batch)
        together = followed(mixed).connections
    assert [measured(together.row(k)) for k in range(len(together))] == alone

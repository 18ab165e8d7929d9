"""The second opinion on anything: hostile options, impossible numbers, and what must not change an answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.model import Label
from analyzer.flows.suspects import SUSPICIOUS
from tests.flows.script import START
from tests.flows.talk import Said, flows_of, talk
from tests.flows.test_flows_opinion import OPEN, SCENES

REPEAT = OPEN + "S PA 1 1 100 @50\nS PA 1 1 100 @300\n"

HOSTILE = [
    ("a SACK option that claims more than the header holds", "0101 052a 0000000100000065"),
    ("a SACK option of half a block", "0506 00000001"),
    ("a SACK option without a block", "0502 0101"),
    ("ten blocks in a header of one", "0101 0552 0000000100000065"),
    ("a timestamp cut short", "0101 080a 0000"),
    ("a timestamp of length 2", "0802 0101"),
    ("lengths of zero", "0500 0800"),
    ("forty times no operation", "01" * 40),
    ("only the kind in the last byte", "01010105"),
]


@pytest.mark.parametrize("vector", HOSTILE, ids=lambda v: v[0])
def test_hostile_options_are_no_evidence(vector: tuple[str, str]) -> None:
    said = talk(REPEAT + "C A 1 101 0 @340")
    said[-1] = replace(said[-1], raw=bytes.fromhex(vector[1]))
    row = flows_of(said).connections.row(0)
    assert row.server_retransmissions == 1
    assert (row.opinions, row.server_resent_needed, row.server_resent_needless) == ((), 0, 0)


@pytest.mark.parametrize(
    "blocks",
    [
        ((101, 1),),  # runs backwards
        ((1, 1),),  # empty
        ((101, 201),),  # of what was never sent
        ((-(1 << 30) - 5, 101),),  # further away than any window
        ((1 - (1 << 31), 101),),
    ],
)
def test_impossible_blocks_are_no_evidence(blocks: tuple[tuple[int, int], ...]) -> None:
    said = talk(REPEAT + "C A 1 101 0 @340")
    said[-1] = replace(said[-1], blocks=blocks)
    row = flows_of(said).connections.row(0)
    assert (row.opinions, row.server_resent_needed, row.server_resent_needless) == ((), 0, 0)


POSITION = st.one_of(st.sampled_from([0, 1, 11, 21, 31, 41, 51, 101]), st.integers(0, 60), st.just(1 << 31))
BLOCK = st.tuples(POSITION, POSITION)
TICKS = st.one_of(st.integers(0, 40), st.integers(0, (1 << 32) - 1))
SAID = st.builds(
    Said,
    client=st.booleans(),
    flags=st.sampled_from(["A", "A", "A", "PA", "S", "SA", "FA", "RA", "R", "F"]),
    seq=POSITION,
    ack=POSITION,
    length=st.sampled_from([0, 0, 1, 9, 10, 10, 20]),
    time=st.integers(0, 400).map(lambda ms: START + ms * 500_000),
    stamps=st.one_of(st.none(), st.tuples(TICKS, TICKS)),
    blocks=st.lists(BLOCK, max_size=3).map(tuple),
    ident=st.one_of(st.integers(0, 12), st.just(65535)),
    ttl=st.sampled_from([64, 64, 63]),
    ipv6=st.just(False),
    raw=st.one_of(st.none(), st.none(), st.binary(max_size=40)),
)
SCENE_LINES = [talk(scene.text) for scene in SCENES]
OF_A_SCENE = st.sampled_from(SCENE_LINES).flatmap(lambda lines: st.lists(st.sampled_from(lines), max_size=12))
"""Some lines of a scene, some of them several times: close to what the rules look for, but not quite it."""
TALK = st.tuples(OF_A_SCENE, st.lists(SAID, max_size=12), st.sampled_from(SCENE_LINES)).map(
    lambda parts: sorted((line for part in parts for line in part), key=lambda said: said.time)
)


@given(TALK)
def test_anything_is_answered_within_bounds(said: list[Said]) -> None:
    flows = flows_of(talk(OPEN) + [s.shifted(40) for s in said])
    s, columns = flows.segments, flows.connections.columns
    suspicious = (s.label & int(SUSPICIOUS)) != 0
    for stream in range(len(flows.connections)):
        part = s.of(stream)
        for client, side in ((True, "client"), (False, "server")):
            labelled = int((suspicious[part] & (s.from_client[part] == client)).sum())
            names = ("resent_needed", "resent_needless", "reordered", "doubled")
            assert 0 <= sum(int(columns[f"{side}_{name}"][stream]) for name in names) <= labelled
        for o in flows.connections.row(stream).opinions:
            at = np.flatnonzero(s.frame[part] == o.frame)
            assert at.size == 1
            assert s.label[part][at[0]] & Label[o.label.upper()]
            assert set(o.evidence_frames) <= set(s.frame[part].tolist()) - {o.frame}
            assert o.evidence_frames == tuple(sorted(o.evidence_frames))
            assert o.evidence_frames
            assert (o.label, o.verdict) not in {
                ("retransmission", "needed"),
                ("fast_retransmission", "needed"),
                ("spurious_retransmission", "needless"),
                ("out_of_order", "reordered"),
            }


def answers(said: list[Said], isn: tuple[int, int]) -> list[object]:
    flows = flows_of(said, isn)
    columns = flows.connections.columns
    counts = {
        name: columns[name].tolist()
        for name in columns
        if name.endswith(("needed", "needless", "reordered", "doubled", "again"))
    }
    return [flows.connections.opinions, counts]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("isn", [(2**32 - 1, 2**32 - 1), (2**32 - 60, 2**31 - 60), (0, 2**32 - 250)])
def test_sequence_numbers_may_pass_2_to_the_32(scene: object, isn: tuple[int, int]) -> None:
    said = talk(scene.text)  # type: ignore[attr-defined]
    assert answers(said, isn) == answers(said, (1_000, 2_000))


@given(TALK, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_where_sequence_numbers_begin_does_not_matter(said: list[Said], client: int, server: int) -> None:
    # Raw option bytes hold absolute numbers, and resets to 0 are read differently: both depend on the beginning.
    whole = talk(OPEN) + [replace(s.shifted(40), raw=None) for s in said if "R" not in s.flags]
    assert answers(whole, (client, server)) == answers(whole, (1_000, 2_000))


@given(TALK, st.integers(-1_000_000, 1_000_000))
def test_when_it_happened_does_not_matter(said: list[Said], ms: int) -> None:
    whole = talk(OPEN) + [s.shifted(40) for s in said]
    moved = [s.shifted(ms) for s in whole]
    assert answers(moved, (1_000, 2_000)) == answers(whole, (1_000, 2_000))

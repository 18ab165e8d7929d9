"""Labels as columns equal the walk packet by packet, and do not depend on where numbers and clocks begin."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analyzer.flows.model import Label
from tests.flows.script import CLIENT_ISN, MS, SERVER_ISN, START, Line, followed, labels_of, packets_of
from tests.flows.walker import walk

GAPS_MS = (0, 0, 0.001, 0.5, 1, 2, 2.999, 3, 5, 15, 19, 20, 25, 60, 300, -0.5)
WINDOWS = (0, 0, 10, 20, 100, 1000)
UNIT = 10


@st.composite
def conversations(draw: st.DrawFn) -> list[Line]:
    """Scripts in which nearly everything that earns a label is likely; hardly any is a sane conversation."""
    time, out = START, []
    top, acked = {True: 1, False: 1}, {True: 1, False: 1}
    window = {True: 100, False: 100}
    if draw(st.booleans()):
        for client, flags, ack in ((True, "S", 0), (True, "S", 0), (False, "SA", 1)):
            if draw(st.integers(0, 3)) or (out == [] and flags == "S"):
                out.append(Line(client, flags, 0, ack, 0, 500, time, draw(st.sampled_from([None, 0, 2]))))
                time += draw(st.sampled_from([0, 1, 10])) * MS
        if len({line.scale for line in out if line.client}) > 1:
            out = out[:1]
    for _ in range(draw(st.integers(1, 24))):
        time += round(draw(st.sampled_from(GAPS_MS)) * MS)
        me = draw(st.booleans())
        window[me] = draw(st.sampled_from(WINDOWS)) if draw(st.integers(0, 5)) == 0 else window[me]
        kind = draw(st.integers(0, 9))
        if kind <= 3:
            size = draw(st.sampled_from([1, 1, UNIT, UNIT, 2 * UNIT]))
            seq = max(top[me] + draw(st.sampled_from([0, 0, 0, 0, UNIT, 2 * UNIT, -UNIT, -2 * UNIT, -1])), 1)
            flags = draw(st.sampled_from(["A"] * 8 + ["FA", "RA"]))
            out.append(Line(me, flags, seq, acked[me], size, window[me], time))
            top[me] = max(top[me], seq + size + ("F" in flags))
        elif kind == 4:
            out.append(Line(me, "A", top[me] - 1, acked[me], draw(st.integers(0, 1)), window[me], time))
        else:
            if draw(st.booleans()):
                acked[me] = max(acked[me], top[not me] + draw(st.sampled_from([0, 0, 0, -UNIT, UNIT, 2 * UNIT, 1])))
            seq = top[me] + draw(st.sampled_from([0] * 9 + [UNIT]))
            out.append(Line(me, "A", seq, acked[me], 0, window[me], time))
    return out


def of(lines: list[Line], isn: tuple[int, int] = (CLIENT_ISN, SERVER_ISN)) -> list[set[str]]:
    got = labels_of(followed(packets_of(lines, isn=isn)))
    return [got[k + 1] for k in range(len(lines))]


@settings(max_examples=300)
@given(conversations())
def test_columns_equal_the_walk(lines: list[Line]) -> None:
    assert of(lines) == walk(lines)


@given(conversations(), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_labels_do_not_depend_on_the_first_numbers(lines: list[Line], client: int, server: int) -> None:
    assert of(lines, (client, server)) == of(lines)


@given(conversations(), st.integers(1, 60), st.integers(1, 60))
def test_labels_go_through_the_wrap(lines: list[Line], client: int, server: int) -> None:
    assert of(lines, (2**32 - client, 2**32 - server)) == of(lines)


@given(conversations(), st.integers(-(10**9), 10**9))
def test_labels_do_not_depend_on_the_first_time(lines: list[Line], seconds: int) -> None:
    assume(lines)
    assert of([line.shifted(seconds) for line in lines]) == of(lines)


@given(conversations(), conversations())
def test_other_connections_change_nothing(lines: list[Line], others: list[Line]) -> None:
    packets = packets_of(lines)
    foreign = packets_of(others, client_port=41000)
    got = labels_of(followed([*foreign[:5], *packets, *foreign[5:]]))
    before = len(foreign[:5])
    assert [got[before + k + 1] for k in range(len(lines))] == of(lines)


def test_the_walk_goes_on_over_a_long_disturbance() -> None:
    """More than one block of segments between a hole and its end, and a blocked count that lasts to the end."""
    time = START
    lines = [Line(False, "A", 1, 1, 10, 500, time), Line(False, "A", 21, 1, 10, 500, time)]
    for k in range(6000):
        time += MS
        lines.append(Line(False, "A", 31 + 10 * k, 1, 10, 500, time))
    lines += [Line(True, "A", 1, 60031 + 10 * k, 0, 500, time + k * MS) for k in range(1, 40)]
    lines += [Line(False, "A", 60031 + 10 * k, 1, 10, 500, time + (50 + k) * MS) for k in range(500)]
    assert of(lines) == walk(lines)
    marked = [k for k, labels in enumerate(of(lines)) if "ACKED_UNSEEN" in labels]
    assert marked == [6002, 6003]  # once for the hole, once for the bytes beyond the last


def test_every_label_is_a_bit_of_its_own() -> None:
    assert sorted(int(label) for label in Label) == [1 << k for k in range(16)]

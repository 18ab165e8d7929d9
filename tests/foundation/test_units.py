"""Durations, instants and sizes, inside and for people."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.units import NS_PER_S, human_bytes, human_ms, ms_between, rfc3339, round_number


def test_ms_between() -> None:
    assert ms_between(1_000_000, 3_500_000) == 2.5
    assert ms_between(3_500_000, 1_000_000) is None  # the clock was set back: nobody knows how long it took
    assert ms_between(5, 5) == 0.0
    assert ms_between(None, 5) is None
    assert ms_between(5, None) is None


def test_ms_between_keeps_a_nanosecond_after_fifty_years() -> None:
    start = 1_700_000_000_000_000_000
    assert ms_between(start, start + 1) == 1e-06


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_795_312_631_123_456_789, "2026-11-22T01:57:11.123456789Z"),
        (951_827_696 * NS_PER_S, "2000-02-29T12:34:56.000000000Z"),
        (-62_135_596_800 * NS_PER_S, "0001-01-01T00:00:00.000000000Z"),
        (253_402_300_799 * NS_PER_S, "9999-12-31T23:59:59.000000000Z"),
        ((1 << 63) - 1, "2262-04-11T23:47:16.854775807Z"),
        (10**30, "9999-12-31T23:59:59.000000000Z"),
        (-(10**30), "0001-01-01T00:00:00.000000000Z"),
    ],
)
def test_rfc3339(ns: int, text: str) -> None:
    assert rfc3339(ns) == text


def test_an_unknown_instant_stays_unknown() -> None:
    assert rfc3339(None) is None


@pytest.mark.parametrize(
    ("least", "found"),
    [(-3, 1), (0, 1), (1, 1), (2, 2), (3, 5), (5, 5), (6, 10), (10, 10), (11, 20), (50, 50), (51, 100), (999, 1000)],
)
def test_round_numbers(least: int, found: int) -> None:
    assert round_number(least) == found


@given(st.integers(1, 1 << 80))
def test_a_round_number_is_a_digit_and_zeros_and_not_far_away(least: int) -> None:
    found = round_number(least)
    assert least <= found
    assert 2 * found < 5 * least
    assert str(found)[0] in "125"
    assert set(str(found)[1:]) <= {"0"}


@given(st.integers(-62_135_596_800 * NS_PER_S, 253_402_300_799 * NS_PER_S))
def test_rfc3339_reads_back(ns: int) -> None:
    text = rfc3339(ns)
    assert text is not None
    assert len(text) == 30
    moment = datetime.datetime.fromisoformat(text[:19] + "+00:00")
    seconds = (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(seconds=1)
    assert seconds * NS_PER_S + int(text[20:29]) == ns


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "unknown"),
        (0.0, "0 ms"),
        (0.0004, "0 ms"),
        (0.35, "0.35 ms"),
        (9.994, "9.99 ms"),
        (12.4, "12 ms"),
        (999.4, "999 ms"),
        (1000.0, "1.00 s"),
        (4210.0, "4.21 s"),
        (59_990.0, "59.99 s"),
        (60_000.0, "1 min 0 s"),
        (185_000.0, "3 min 5 s"),
        (3_600_000.0, "1 h 0 min"),
        (9_000_000.0, "2 h 30 min"),
        (172_740_000.0, "47 h 59 min"),
        (172_800_000.0, "2 d 0 h"),
        (604_800_000.0, "7 d 0 h"),
        (63_068_400_000.0, "729 d 23 h"),
        (63_072_000_000.0, "2.0 years"),
        (615_660_180_000.0, "19.5 years"),  # 171016 h 43 min
        (4_294_927_454_023.0, "136.1 years"),
        (-1500.0, "-1.50 s"),
    ],
)
def test_human_ms(ms: float | None, text: str) -> None:
    assert human_ms(ms) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (9.994, "9.99 ms"),
        (9.997, "10 ms"),
        (999.4, "999 ms"),
        (999.66, "1.00 s"),
        (59_994, "59.99 s"),
        (59_999, "1 min 0 s"),
    ],
)
def test_human_ms_at_the_edge_of_a_unit(ms: float, text: str) -> None:
    assert human_ms(ms) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "unknown"),
        (0, "0 B"),
        (812, "812 B"),
        (1000, "1 kB"),
        (16_384, "16.4 kB"),
        (999_499, "999 kB"),
        (999_600, "1 MB"),
        (1_070_000_000, "1.07 GB"),
        (3 * 10**12, "3 TB"),
    ],
)
def test_human_bytes(count: int | None, text: str) -> None:
    assert human_bytes(count) == text

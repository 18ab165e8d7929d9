"""Pings counted as ping(8) counts them; the numbers are worked out by hand."""

from __future__ import annotations

import struct

import pytest

from analyzer.protocols.icmp import IcmpMessage, exchanges
from analyzer.schema import PingSeries
from analyzer.visits.pings import deviation, series, tally
from tests.build import icmp4

A, B, R = "10.0.0.1", "10.0.0.2", "10.0.0.254"
S = 1000.0


def echo(ms: float, kind: int, sequence: int, *, ident: int = 7, data: bytes = b"x" * 56) -> tuple[float, str, bytes]:
    return ms, (A if kind == 8 else B), icmp4(kind, 0, struct.pack(">HH", ident, sequence), data)


def counted(*packets: tuple[float, str, bytes], end: float = 60 * S, apart: tuple[int, ...] = ()) -> list[PingSeries]:
    messages = [
        IcmpMessage(frame, round(ms * 1e6), source, B if source == A else A, 1, 64, len(data), data)
        for frame, (ms, source, data) in enumerate(packets, 1)
    ]
    return list(series(exchanges(messages), round(end * 1e6), apart))


def test_three_answered() -> None:
    """rtt min/avg/max/mdev = 0.045/0.054/0.061/0.007 ms"""
    packets = []
    for sequence, took in enumerate((0.045, 0.057, 0.061), 1):
        packets += [echo(sequence * S, 8, sequence), echo(sequence * S + took, 0, sequence)]
    (run,) = counted(*packets)
    assert (run.source, run.destination, run.id, run.rows) == (A, B, 7, (0, 1, 2))
    assert (run.sent, run.received, run.lost_share, run.duplicates, run.errors, run.pending) == (3, 3, 0.0, 0, 0, 0)
    times = (run.min_ms, run.avg_ms, run.max_ms, run.mdev_ms)
    assert [f"{value:.3f}" for value in times if value is not None] == ["0.045", "0.054", "0.061", "0.007"]
    assert run.gap_ms == 1000.0


def test_one_of_four_lost() -> None:
    (run,) = counted(*(echo(n * S, 8, n) for n in range(4)), *(echo(5 * S + n, 0, n) for n in (0, 1, 3)))
    assert (run.sent, run.received, run.lost_share, run.lost_rows) == (4, 3, 0.25, (2,))


def test_answered_twice() -> None:
    """ping: "2 packets transmitted, 2 received, +1 duplicates" """
    (run,) = counted(echo(0, 8, 1), echo(1, 0, 1), echo(2, 0, 1), echo(S, 8, 2), echo(S + 1, 0, 2))
    assert (run.sent, run.received, run.duplicates, run.lost_share) == (2, 2, 1, 0.0)


def test_recorded_twice_on_a_mirror_port() -> None:
    """Request and reply come twice each; nothing is lost, and nobody answered twice."""
    (run,) = counted(echo(0, 8, 1), echo(0.01, 8, 1), echo(1, 0, 1), echo(1.01, 0, 1))
    assert (run.rows, run.lost_rows) == ((0, 1), ())
    assert (run.sent, run.received, run.duplicates, run.lost_share) == (1, 1, 0, 0.0)


def test_the_same_number_again_is_another_ping() -> None:
    (run,) = counted(echo(0, 8, 1), echo(S, 8, 1), echo(S + 1, 0, 1))
    assert (run.sent, run.received, run.lost_share) == (2, 1, 0.5)


def test_the_capture_ends_before_the_reply() -> None:
    (run,) = counted(echo(0, 8, 1), echo(1, 0, 1), echo(S, 8, 2), end=1.5 * S)
    assert (run.sent, run.received, run.pending, run.lost_share) == (2, 1, 1, 0.0)
    (alone,) = counted(echo(0, 8, 1), end=10)
    assert (alone.pending, alone.lost_share, alone.min_ms, alone.gap_ms) == (1, None, None, None)


def test_a_redirect_does_not_explain_silence() -> None:
    request = echo(0, 8, 1)
    header = bytes.fromhex("45000054 00010000 40010000 0a000001 0a000002")
    (run,) = counted(request, (1, R, icmp4(5, 1, bytes([10, 0, 0, 2]), header + request[2][:8])))
    assert (run.sent, run.received, run.errors, run.lost_rows) == (1, 0, 0, (0,))


def test_a_clock_that_runs_back_is_no_gap() -> None:
    (run,) = counted(echo(5 * S, 8, 1), echo(4 * S, 8, 2), echo(6 * S, 8, 3))
    assert run.gap_ms == 2000.0
    (run,) = counted(echo(5 * S, 8, 1), echo(4 * S, 8, 2))
    assert run.gap_ms is None


def test_runs_counted_together() -> None:
    """ping -c 3 and ping -c 2: of five, one is under way at the end, one got an error, one nothing, two answers."""
    request = echo(2 * S, 8, 3)
    header = bytes.fromhex("45000054 00010000 40010000 0a000001 0a000002")
    runs = counted(
        echo(0, 8, 1), echo(1, 0, 1), echo(S, 8, 2), request, (2 * S + 1, R, icmp4(3, 1, 0, header + request[2][:8])),
        echo(3 * S, 8, 1, ident=8), echo(3 * S + 1, 0, 1, ident=8), echo(4 * S, 8, 2, ident=8), end=4.5 * S,
    )  # fmt: skip
    one = tally(runs)
    assert (one.sent, one.received, one.lost, one.errors, one.silent, one.pending) == (4, 2, 2, 1, 1, 1)
    assert (one.lost_share, tally([]).lost_share) == (0.5, None)


def test_an_error_is_a_lost_ping() -> None:
    """ping: "1 packets transmitted, 0 received, +1 errors, 100% packet loss" """
    request = echo(0, 8, 1)
    header = bytes.fromhex("45000054 00010000 40010000 0a000001 0a000002")
    (run,) = counted(request, (1, R, icmp4(3, 1, 0, header + request[2][:8])))
    assert (run.sent, run.received, run.errors, run.lost_share) == (1, 0, 1, 1.0)


def test_other_data_is_no_answer() -> None:
    (run,) = counted(echo(0, 8, 1), echo(1, 0, 1, data=b"other words"))
    assert (run.received, run.foreign, run.duplicates) == (0, 1, 0)


def test_each_id_is_a_run_of_its_own() -> None:
    first, second = counted(echo(0, 8, 1, ident=1), echo(1, 8, 1, ident=2))
    assert (first.id, second.id) == (1, 2)


def test_probes_of_a_traceroute_stay_apart() -> None:
    assert counted(echo(0, 8, 1), apart=(0,)) == []


@pytest.mark.parametrize(
    ("times", "spread"), [([], None), ([5.0], 0.0), ([2.0, 4.0], 1.0), ([2, 4, 4, 4, 5, 5, 7, 9], 2)]
)
def test_deviation(times: list[float], spread: float | None) -> None:
    assert deviation(times) == spread

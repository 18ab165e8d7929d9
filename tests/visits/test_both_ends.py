"""The same visit recorded at both ends (samples web-app and web-app-server): what one infers, the other saw."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.capture.source import open_capture
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.schema import HttpRow
from tests.conftest import SAMPLES
from tests.visits.scene import check_frames

PATH_JITTER_MS = 1.0
"""How much one round trip of the laboratory's path differs from the next."""


def at_end(samples: Path, name: str) -> Analysis:
    path = samples / f"{name}.pcapng"
    if not path.exists():
        pytest.skip(f"no sample {name}")
    return analyze(str(path))


@pytest.fixture(scope="module")
def pairs(samples: Path) -> list[tuple[HttpRow, HttpRow]]:
    """Return (as seen by the client, as seen by the server) of each exchange."""
    client, server = at_end(samples, "web-app"), at_end(samples, "web-app-server")
    waiting: dict[object, list[HttpRow]] = defaultdict(list)
    for row in server.http:
        waiting[row.method, row.url].append(row)
    found = [(row, waiting[row.method, row.url].pop(0)) for row in client.http if waiting[row.method, row.url]]
    assert len(found) > 50
    return found


def test_each_knows_where_it_was(pairs: list[tuple[HttpRow, HttpRow]]) -> None:
    assert {(here.vantage, there.vantage) for here, there in pairs} == {("client", "server")}


def test_servers_share(pairs: list[tuple[HttpRow, HttpRow]]) -> None:
    """What the server took, as seen at the server, lies between the two limits that the client's capture gives."""
    compared = 0
    for here, there in pairs:
        if here.wait_server_ms is None or there.wait_server_ms is None:
            continue
        least = here.wait_server_min_ms or 0.0
        assert least - PATH_JITTER_MS <= there.wait_server_ms <= here.wait_server_ms + PATH_JITTER_MS, here.url
        compared += 1
    assert compared > 50


def test_what_the_server_saw_is_a_limit(pairs: list[tuple[HttpRow, HttpRow]]) -> None:
    """Connecting is as long at both ends; the client waited longer by the path, and the server says "at least"."""
    for here, there in pairs:
        assert there.phase_trust.wait in ("bounded", "not_measurable")
        if here.wait_ms is not None and there.wait_ms is not None:
            assert there.wait_ms < here.wait_ms
            assert here.phase_trust.wait == "measured"
        if here.connect_ms is not None and there.connect_ms is not None:
            assert there.connect_ms == pytest.approx(here.connect_ms, abs=PATH_JITTER_MS)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.pcapng")), ids=lambda path: path.stem)
def test_phases_lie_between_their_frames(sample: Path) -> None:
    """For every request of every sample: each phase is the difference of the times of its two frames."""
    check_frames(analyze(str(sample)), open_capture(str(sample), Options(), None).time.tolist())

"""Tables as DataFrames: documented types, unknown stays unknown."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest

import analyzer
import analyzer.errors
from analyzer.schema import TABLES
from tests.conftest import SAMPLES


@pytest.fixture(scope="module")
def visit() -> analyzer.Analysis:
    return analyzer.analyze(str(SAMPLES / "plain-visit.pcapng"))


def test_http_types(visit: analyzer.Analysis) -> None:
    frame = visit.frame("http")
    assert list(frame.columns[:3]) == ["stream", "http_version", "http_stream"]
    assert frame["status"].dtype == "Int64"
    assert isinstance(frame["request_time"].dtype, pd.DatetimeTZDtype)
    assert frame["dns_ms"].dtype == "float64"
    assert frame["dns_ms"].isna().sum() == sum(row.dns_ms is None for row in visit.result.http)
    assert frame["request_time"][0].value == visit.result.http[0].request_time


@pytest.mark.parametrize("table", [name for name, _ in TABLES])
def test_every_table(visit: analyzer.Analysis, table: str) -> None:
    frame = visit.frame(table)
    assert len(frame) == len(list(visit.rows(table)))


def test_unknown_table(visit: analyzer.Analysis) -> None:
    with pytest.raises(analyzer.errors.UsageError, match="there is no table 'packets'; there are: arp, "):
        visit.frame("packets")
    with pytest.raises(analyzer.errors.UsageError, match="there is no table 'packets'"):
        visit.rows("packets")


def test_a_value_that_travels(visit: analyzer.Analysis) -> None:
    """An analysis holds no open file: it can be sent to another process."""
    again = pickle.loads(pickle.dumps(visit))
    assert again.document() == visit.document()

"""The Python interface: what a notebook uses, with facts of a sample."""

from __future__ import annotations

import asyncio
import pickle
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

import analyzer
from analyzer.schema import TABLES
from tests.conftest import SAMPLES


@pytest.fixture(scope="module")
def visit() -> analyzer.Analysis:
    return analyzer.analyze(SAMPLES / "plain-visit.pcapng")


@pytest.mark.parametrize("name", [name for name, _ in TABLES])
def test_every_table_is_an_attribute(visit: analyzer.Analysis, name: str) -> None:
    frame = getattr(visit, name)
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == len(list(visit.rows(name)))
    assert getattr(visit, name) is frame


def test_findings_say_themselves() -> None:
    findings = analyzer.analyze(SAMPLES / "status-codes.pcapng").findings
    assert str(findings["title"].dtype) == "string"
    assert "shop.example answered 504 Gateway Time-out to GET /upstream-silent" in set(findings["title"])
    assert "title" not in analyzer.analyze(SAMPLES / "status-codes.pcapng").frame("findings")


def test_a_question_of_a_notebook(visit: analyzer.Analysis) -> None:
    slow = visit.http.nlargest(1, "wait_ms").iloc[0]
    assert slow["wait_ms"] == max(row.wait_ms for row in visit.result.http if row.wait_ms is not None)
    assert visit.http["status"].value_counts()[200] == sum(row.status == 200 for row in visit.result.http)


def test_it_works_where_an_event_loop_runs() -> None:
    async def cell() -> int:
        return len(analyzer.analyze(SAMPLES / "plain-visit.pcapng").http)

    assert asyncio.run(cell()) > 0


def test_figures(visit: analyzer.Analysis) -> None:
    assert {"timeline", "status", "latency"} <= set(visit.figures())
    figure = visit.figure("timeline")
    assert type(figure).__name__ == "Figure"
    assert len(figure.data) > 0
    with pytest.raises(analyzer.UsageError, match="there is no figure 'pie'"):
        visit.figure("pie")


def test_report(visit: analyzer.Analysis, tmp_path: Path) -> None:
    path = visit.report(tmp_path / "out.html")
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert '<html lang="zh-Hans">' in visit.report(tmp_path / "zh.html", lang="zh").read_text("utf-8")
    with pytest.raises(analyzer.UsageError, match="no language 'xx'"):
        visit.report(tmp_path / "xx.html", lang="xx")


def test_what_a_notebook_shows_is_harmless() -> None:
    from tests.report.fixture import hostile

    shown = analyzer.Analysis(hostile())._repr_html_()
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(shown)
    assert set(tags) <= {"table", "caption", "b", "tbody", "tr", "th", "td", "br", "p"}


def test_it_can_be_pickled(visit: analyzer.Analysis) -> None:
    again = pickle.loads(pickle.dumps(visit))
    assert again.document() == visit.document()
    assert repr(again) == repr(visit)

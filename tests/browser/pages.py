"""Reports of the samples for tests in the browser, each analyzed once and rendered once a language."""

from __future__ import annotations

from functools import cache

from analyzer.analysis import Analysis
from analyzer.pipeline import analyze
from analyzer.report.render import render
from tests.conftest import SAMPLES

FOUR = ("first-visit", "status-codes", "loss", "dns-trouble")
"""Samples that show every section between them: TLS and pictures, every class of status, losses, failed look-ups."""

OPEN_ALL = "for (const fold of document.querySelectorAll('details')) fold.open = true"


@cache
def analysis(name: str) -> Analysis:
    return analyze(str(SAMPLES / f"{name}.pcapng"))


@cache
def html(name: str, lang: str = "en") -> str:
    return render(analysis(name), lang)

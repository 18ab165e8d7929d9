#!/usr/bin/env python3
"""What the report costs: CPU time and bytes here, and how fast it is in a real Chromium.

usage: python3 benchmarks/report.py [--no-browser] [--no-million]

* A capture of 100,000 packets with 5,000 transactions (:mod:`make_http`): CPU time of the report beyond that of the
  analysis, and its bytes without plotly.js.
* The same report in Chromium: when the first screen is painted, when the page answers after it has loaded and when it
  has nothing left to do, and how long a filter takes, with everything laid out anew.
* The same with 200,000 packets in the list: from going to the table until its rows are there, and its nodes.
* The same with a million transactions (the 5,000 again and again): CPU time, bytes, and memory of a process that only
  draws the report.

The capture is made once, into the user's cache folder. Times in the browser are wall-clock times of the page's own
clock: on a busy machine they say little.
"""

from __future__ import annotations

import argparse
import gc
import pickle
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import make_http
import numpy as np
from make_big import Traffic, write
from places import cache_folder

from analyzer.__main__ import COLLECT_AFTER
from analyzer.analysis import Analysis
from analyzer.decode.summary import MAX_PACKETS, Packets
from analyzer.pipeline import analyze
from analyzer.report.render import plotly_source, render

TRANSACTIONS, FILLER = 5_000, 38_600_000
"""Short transactions of twelve packets each, and the bytes of one download that make 100,000 packets of it."""
RENDER_S, BYTES = 3.0, 6_000_000
PAINT_MS, ANSWER_MS, FILTER_MS, TABLE_MS, NODES = 1_000, 2_000, 150, 2_000, 2_000
MILLION = 1_000_000
QUERIES = ("status:503", "item-77", "-proto:dns", "dur:>200ms", "frame:100-2000", "time:1-2s", "nothing at all")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
MB = 1e6

WATCH = """
window.busyUntil = 0;
new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.busyUntil = task.startTime + task.duration;
}).observe({ type: "longtask", buffered: true });
addEventListener("load", () => setTimeout(() => requestAnimationFrame(() => { window.answers = performance.now(); })));
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
FILTER = """async (query) => {
    document.getElementById("search").value = query;
    const start = performance.now();
    document.getElementById("search-form").requestSubmit();
    document.body.getBoundingClientRect();
    return performance.now() - start;
}"""
TABLE = """async () => {
    const start = performance.now();
    location.hash = "packets-table";
    const box = document.getElementById("packets-table").parentElement;
    while (!box.querySelector(".grid-body .grid-row")) await new Promise(requestAnimationFrame);
    return [performance.now() - start, box.querySelectorAll("*").length,
            box.querySelector(".grid").getAttribute("aria-rowcount") - 1];
}"""


def capture() -> Path:
    """Return the capture, made when it is not there."""
    path = cache_folder() / f"report-{TRANSACTIONS}.pcap"
    if not path.exists():
        traffic = Traffic(np.random.default_rng(1))
        make_http.short(traffic, TRANSACTIONS)
        make_http.download(traffic, FILLER)
        write(traffic, path)
    return path


def timed(call: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    """Return the CPU seconds of a call, and what it returns."""
    begin = time.process_time()
    result = call(*args)
    return time.process_time() - begin, result


def line(what: str, value: str, limit: str = "", met: bool = True) -> None:
    """Print one result beside its limit."""
    verdict = f"   limit {limit}: {'met' if met else 'MISSED'}" if limit else ""
    print(f"{what:<58}{value:>14}{verdict}", flush=True)


def own_bytes(html: str) -> int:
    """Return the bytes of a report without plotly.js."""
    return len(html.encode()) - (len(plotly_source().encode()) if "plotly-source" in html else 0)


def longer(packets: Packets, count: int) -> Packets:
    """Return a list of packets with its rows repeated."""
    names = ("time", "length", "kind", "proto", "src", "dst", "sport", "dport")
    columns = {name: np.resize(getattr(packets, name), count) for name in names}
    return replace(packets, total=count, reasons={}, **columns)


def in_browser(html: str, long_html: str) -> None:
    """Open the reports and measure."""
    from playwright.sync_api import sync_playwright

    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        print("no Chromium on this machine")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = opened(browser, Path(folder, "report.html"), html)
        painted, loaded = page.evaluate(PAINTED), page.evaluate(LOADED)
        answers, busy = page.evaluate("[window.answers, window.busyUntil]")
        line("first screen painted", f"{painted:.0f} ms", f"{PAINT_MS} ms", painted < PAINT_MS)
        line("loaded", f"{loaded:.0f} ms")
        line(
            "answers after it has loaded", f"{answers - loaded:.0f} ms", f"{ANSWER_MS} ms", answers - loaded < ANSWER_MS
        )
        line("nothing left to do after it has loaded", f"{max(busy - loaded, 0):.0f} ms")
        page.evaluate(FILTER, QUERIES[0])  # the grids are read when they are first needed
        page.wait_for_timeout(3_000)
        times = [statistics.median(page.evaluate(FILTER, query) for _ in range(3)) for query in QUERIES]
        for query, took in zip(QUERIES, times, strict=True):
            line(f"filter {query}", f"{took:.0f} ms", f"{FILTER_MS} ms", took < FILTER_MS)
        page = opened(browser, Path(folder, "long.html"), long_html)
        took, nodes, rows = page.evaluate(TABLE)
        line(f"table of {rows:,} rows ready", f"{took:.0f} ms", f"{TABLE_MS} ms", took < TABLE_MS)
        line("nodes of it", f"{nodes}", f"{NODES}", nodes < NODES)
        browser.close()


def opened(browser: Any, path: Path, html: str) -> Any:
    """Open a report, and wait until it has nothing to do."""
    path.write_text(html, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(WATCH)
    page.goto(path.as_uri())
    while page.evaluate("performance.now() - window.busyUntil") < 1_500 or not page.evaluate("window.answers"):
        page.wait_for_timeout(250)
    return page


def million(pickled: str) -> None:
    """Draw the report of a million transactions: in a process of its own, so that its memory is the report's."""
    analysis: Analysis = pickle.loads(Path(pickled).read_bytes())
    rows = analysis.http * (MILLION // len(analysis.http) + 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took, html = timed(render, replace(analysis, http=rows[:MILLION]))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line("report of a million transactions: CPU", f"{took:.1f} s")
    line("bytes without plotly.js", f"{own_bytes(html) / MB:.1f} MB")
    line("memory beyond that of the analysis", f"{(after - before) / 1e3:.0f} MB")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Measure the report.")
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--no-million", action="store_true")
    parser.add_argument("--million", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    gc.set_threshold(COLLECT_AFTER)  # as the program does
    if arguments.million:
        million(arguments.million)
        return
    analyzed, analysis = timed(analyze, str(capture()))
    line(
        f"{analysis.capture.packets:,} packets, {len(analysis.http):,} transactions analyzed: CPU", f"{analyzed:.1f} s"
    )
    rendered, html = timed(render, analysis)
    line("report beyond that: CPU", f"{rendered:.1f} s", f"{RENDER_S} s", rendered < RENDER_S)
    line("bytes without plotly.js", f"{own_bytes(html) / MB:.1f} MB", f"{BYTES / MB:.0f} MB", own_bytes(html) <= BYTES)
    if not arguments.no_browser:
        in_browser(html, render(replace(analysis, packets=longer(analysis.packets, MAX_PACKETS))))
    if not arguments.no_million:
        with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
            file.write(pickle.dumps(analysis))
            file.flush()
            subprocess.run([sys.executable, __file__, "--million", file.name], check=True)


if __name__ == "__main__":
    main()

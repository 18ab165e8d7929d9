#!/usr/bin/env python3
"""How fast tables become visits: everything between the parsers' rows and the findings, by itself.

usage: python3 benchmarks/linking.py [--count 50000] [--factor 10]

Measured in one process, because what is measured is one step of many: CPU time of linking (phases, lookups, grouping,
blame, waste, and the findings about visits), which is what the analysis does once all rows are there. On

* ``pages``: COUNT requests, ten to a page: a document and nine parts that name it, on a connection of their own whose
  name was looked up before;
* ``short``: COUNT connections with one request each (:mod:`make_http`), where every request is a visit of its own.

The steps of journeys are not in it: they are drawn when somebody reads them.

Each also with a FACTOR-th of the requests: near-linear is when a request costs the same then. The capture is made once,
into the user's cache folder.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make_http
from make_big import RTT_US, Traffic
from places import cache_folder

from analyzer import pipeline
from analyzer.__main__ import COLLECT_AFTER
from analyzer.findings import rules_visit

LIMIT_S = 3.0
"""Most CPU seconds for 50,000 transactions."""
LIMIT_OF = 50_000
LINEAR = 1.3
"""Most that a request may cost of many, beside what it costs of few."""
PARTS = 9
PAGE_EVERY_US = 5_000_000
"""A person reads for some seconds before asking for the next page."""


class Page(make_http.Talk):
    """A connection that carries one page and its parts."""

    number = 0
    part = 0

    def load(self, number: int) -> None:
        """Ask for the document, then for what it is made of."""
        self.number = number
        for self.part in range(PARTS + 1):
            self.now += 500
            self.say(True, self._request(number, post=False))
            self.now += RTT_US
            self.say(False, self._answer(number * (PARTS + 1) + self.part, b"200 OK", 400))
            self.now += 30
            self.packet(True, make_http.ACK)
            self.traffic.statuses["200"] += 1

    def _request(self, number: int, *, post: bool) -> bytes:
        page = b"http://%s/page-%d.html" % (self.host, number)
        what = b"/page-%d.html" % number if self.part == 0 else b"/page-%d/part-%d.png" % (number, self.part)
        referer = b"" if self.part == 0 else b"Referer: %s\r\n" % page
        return (
            b"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
            b"Firefox/128.0\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n%sCookie: session=%032x\r\n\r\n"
        ) % (what, self.host, referer, number)

    def _answer(self, number: int, status: bytes, size: int) -> bytes:
        return super()._answer(0 if self.part == 0 else 4 * number + 3, status, size)


def pages(traffic: Traffic, count: int) -> None:
    """COUNT requests, ten to a page."""
    for number in range(count // (PARTS + 1)):
        talk = Page(traffic, number * PAGE_EVERY_US // 50)
        talk.resolve()
        talk.open()
        talk.load(number)
        talk.now += 1000
        talk.close()


def capture_of(kind: str, count: int) -> Path:
    """Return the capture of a kind, made when it is not there."""
    path = cache_folder() / f"linking-{kind}-{count}.pcap"
    if not path.exists():
        make_http.MADE["pages"] = pages
        make_http.make(kind, count, path)
    return path


STEPS: tuple[tuple[Any, str], ...] = (
    (pipeline.lookups, "owed"),
    (pipeline, "with_phases"),
    (pipeline.background, "mark"),
    (pipeline.idle, "mark"),
    (pipeline.caching, "with_savings"),
    (pipeline, "visits"),
    (pipeline.sites, "with_parties"),
    (pipeline, "unvisited"),
)
"""The steps of linking, where the pipeline finds them."""


class Watch:
    """Adds up the CPU time of the steps of linking while the pipeline runs them."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.facts: Any = None

    def around(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        """Return a step that is timed."""

        def timed(*given: Any, **named: Any) -> Any:
            begin = time.process_time()
            result = step(*given, **named)
            self.spent[name] = self.spent.get(name, 0.0) + time.process_time() - begin
            if name.endswith(".unvisited"):
                self.facts = given[0]
            return result

        return timed


def measure(kind: str, count: int) -> tuple[dict[str, float], int, int]:
    """Return the CPU seconds of each step, and how many requests and visits there were."""
    path, watch = capture_of(kind, count), Watch()
    kept = [(where, name, getattr(where, name)) for where, name in STEPS]
    try:
        for where, name, step in kept:
            setattr(where, name, watch.around(f"{where.__name__.rpartition('.')[2]}.{name}", step))
        analysis = pipeline.analyze(str(path))
    finally:
        for where, name, step in kept:
            setattr(where, name, step)
    begin = time.process_time()
    for rule in rules_visit.RULES:
        list(rule.check(watch.facts))
    watch.spent["findings"] = time.process_time() - begin
    return watch.spent, len(analysis.http), len(analysis.visits)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure how fast tables become visits.")
    parser.add_argument("--count", type=int, default=50_000, help="requests (default 50,000)")
    parser.add_argument("--factor", type=int, default=10, help="how many times fewer to compare with (default 10)")
    parser.add_argument("--kind", choices=("pages", "short"), action="append", help="only this kind")
    arguments = parser.parse_args()
    gc.set_threshold(COLLECT_AFTER)  # as the program does
    for kind in arguments.kind or ("pages", "short"):
        costs = []
        for count in (arguments.count // arguments.factor, arguments.count):
            spent, requests, visits = measure(kind, count)
            total = sum(spent.values())
            costs.append(total / requests)
            print(f"{kind}: {requests:,} requests, {visits:,} visits: {total:.2f} s CPU, {costs[-1] * 1e6:.0f} µs each")
            print("  " + ", ".join(f"{name} {value:.2f}" for name, value in spent.items()))
        allowed = LIMIT_S * arguments.count / LIMIT_OF
        total = costs[1] * arguments.count
        print(f"  at most {allowed:.1f} s: {'yes' if total <= allowed else 'NO'}", end="; ")
        share = costs[1] / costs[0]
        print(f"many beside few: {share:.2f} (at most {LINEAR}: {'yes' if share <= LINEAR else 'NO'})")


if __name__ == "__main__":
    main()

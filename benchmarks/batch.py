#!/usr/bin/env python3
"""How fast a batch of small captures is: one worker against two, and against a shell loop over tshark.

usage: python3 benchmarks/batch.py [--captures 1000] [--formats json] [--tshark 50]

The captures are made of the bundled samples and of short HTTP captures, 3 to 500 kB each, no two the same. CPU seconds
are of all processes together; the ratio of one worker's time to that of two says what the second is worth. The shell
loop runs ``tshark -T json`` over some of the same captures (it takes a process and a megabyte of text for each). Last,
the index's page is made of 5,000 captures, those of the batch over and over.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SAMPLES = sorted((ROOT / "samples").glob("*.pcapng"))
INDEX = 5_000


def make(folder: Path, amount: int) -> None:
    """Write captures of different content: samples, each with a comment of its own in a section at the end."""
    for number in range(amount):
        whole = SAMPLES[number % len(SAMPLES)].read_bytes()
        text = f"copy {number}".encode()
        text += b"\0" * (-len(text) % 4)
        option = b"\x01\x00" + len(f"copy {number}").to_bytes(2, "little") + text + b"\0\0\0\0"
        body = b"\x4d\x3c\x2b\x1a\x01\x00\x00\x00" + b"\xff" * 8 + option
        size = (len(body) + 12).to_bytes(4, "little")
        (folder / f"lab-{number:04d}.pcapng").write_bytes(whole + b"\x0a\x0d\x0d\x0a" + size + body + size)


def run(command: list[str]) -> tuple[float, float]:
    """Return wall and CPU seconds of a command and its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return time.perf_counter() - began, used


def index_of(amount: int, captures: list[dict[str, Any]]) -> str:
    """Make the page of an index with so many captures; say what it took."""
    from analyzer.batch.index_page import html_text

    many = [
        {**one, "capture": f"{n} {one['capture']}", "sha256": hashlib.sha256(f"{n}".encode()).hexdigest()}
        for n, one in enumerate(islice(cycle(captures), amount))
    ]
    html_text(captures[:1])  # imports and assets, which every batch pays once
    began = time.process_time()
    page = html_text(many)
    return f"index of {amount} captures: {time.process_time() - began:.2f} s CPU, {len(page.encode()) / 1e6:.2f} MB"


def main() -> None:
    """Make the captures, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", type=int, default=1000)
    parser.add_argument("--formats", nargs="+", default=["json"])
    parser.add_argument("--tshark", type=int, default=50, help="captures the shell loop reads; 0 for none")
    arguments = parser.parse_args()
    formats = [part for form in arguments.formats for part in ("-f", form)]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "lab")
        folder.mkdir()
        make(folder, arguments.captures)
        megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        what = f"{arguments.captures} captures, {megabytes:.0f} MB, formats {' '.join(arguments.formats)}"
        print(f"{what}, {os.cpu_count()} cores")
        walls = {}
        for workers in (1, 2):
            out = Path(place, f"out-{workers}")
            command = [sys.executable, "-m", "analyzer", "batch", str(folder), "-o", str(out), "-j", str(workers), "-q"]
            walls[workers], cpu = run([*command, *formats])
            written = json.loads((out / "index.json").read_text())
            totals = written["totals"]
            rate = arguments.captures / walls[workers]
            print(
                f"{workers} worker(s): {walls[workers]:.1f} s wall, {cpu:.1f} s CPU, {rate:.1f} captures/s, "
                f"{totals['ok']} ok, {totals['failed']} failed"
            )
        print(f"two workers are {walls[1] / walls[2]:.2f} times as fast as one")
        if arguments.tshark:
            some = sorted(folder.iterdir())[: arguments.tshark]
            loop = f'for f in "$@"; do tshark -r "$f" -T json > {place}/t.json; done'
            wall, cpu = run(["bash", "-c", loop, "loop", *map(str, some)])
            print(f"shell loop of tshark -T json: {wall / len(some) * 1e3:.0f} ms a capture ({cpu:.1f} s CPU in all)")
            print(f"analyze batch, two workers:   {walls[2] / arguments.captures * 1e3:.0f} ms a capture")
        print(index_of(INDEX, written["captures"]))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""How fast HTTP is: short transactions against `tshark -T fields`, and what a body of a gigabyte costs.

usage: python3 benchmarks/http.py [--count 20000] [--body 1G] [--repeat 1] [--no-tshark] [--no-bodies]

Three parts, each printed with the limit the project set itself:

* COUNT short transactions, each a connection of its own with its name looked up: CPU time of ``analyze -f json`` beside
  that of ``tshark -n -T fields`` with the fields that such a report needs, one after the other in one run;
* as many transactions on one connection: what each costs there, and its memory;
* one download and one upload of a gigabyte: CPU time a packet and memory, beside those of ``bulk.py``'s page loads
  with about as many packets. A body that is skipped costs no more than its packets do.

tshark is asked to put segments in order and not to wait for whole bodies, so that its times are those of first bytes.
Captures are made once, into the user's cache folder (:mod:`make_http`), and read warm. See :mod:`bulk` for how CPU time
and memory are taken.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bulk import FIELDS, Cost, agreement, attempt, compiled, verdict, warm
from bulk import made as made_pages
from places import big_capture, cache_folder

HTTP_FIELDS = (
    "http.request.line", "http.response.line", "http.request.version", "http.response.phrase", "http.user_agent",
    "http.referer", "http.cookie_pair", "http.set_cookie", "http.server", "http.date", "http.last_modified",
    "http.cache_control", "http.connection", "http.content_encoding", "http.transfer_encoding", "http.authorization",
    "http.authbasic", "http.request.full_uri", "http.upgrade", "urlencoded-form.key", "urlencoded-form.value",
    "websocket.opcode", "websocket.payload_length", "tcp.completeness", "tcp.options.mss_val",
    "tcp.options.wscale.shift", "tcp.options.sack_perm", "tcp.options.timestamp.tsval", "tcp.analysis.ack_rtt",
    "tcp.analysis.spurious_retransmission", "tcp.analysis.keep_alive", "tcp.analysis.window_full", "ip.id", "ip.ttl",
    "dns.time", "dns.response_to", "dns.resp.ttl",
)  # fmt: skip
"""What the tables about requests hold beyond :data:`bulk.FIELDS`, in Wireshark's names."""
PREFERENCES = ("-o", "tcp.reassemble_out_of_order:TRUE", "-o", "http.desegment_body:FALSE")

RATIO = 3
"""Least ratio of tshark's CPU time to ours on short transactions."""
BODY_SHARE, BODY_MEMORY = 1.1, 1.1
"""Most CPU time a packet, and memory, of a gigabyte in one body, beside that of page loads with as many packets."""


def capture_of(kind: str, count: int) -> Path:
    """Return the capture of a kind, made when it is not there."""
    path = cache_folder() / f"http-{kind}-{count}.pcap"
    if not (path.exists() and path.with_name(path.name + ".json").exists()):
        script = Path(__file__).with_name("make_http.py")
        subprocess.run([sys.executable, str(script), kind, str(count), str(path)], check=True, stdout=sys.stderr)
    warm(path)
    return path


def truth_of(capture: Path) -> dict[str, object]:
    """Return what was put into a capture."""
    told: dict[str, object] = json.loads(capture.with_name(capture.name + ".json").read_text())
    return told


def packets_of(capture: Path) -> int:
    """Return how many packets a capture has."""
    return int(str(truth_of(capture)["packets"]))


def analyze(name: str, repeat: int, capture: Path, tables: Path) -> Cost | None:
    """Measure an analysis to JSON."""
    command = [sys.executable, "-m", "analyzer", str(capture), "-q", "-f", "json", "-o", "-"]
    return attempt(name, repeat, command, tables, packets_of(capture))


def contents(folder: Path, captures: list[tuple[str, Path]]) -> None:
    """Say whether each analysis holds what was made; last, because this process grows by what it reads."""
    print()
    for name, capture in captures:
        if (tables := folder / f"{name}.json").exists() and tables.stat().st_size:
            print(f"{name}: {agreement(tables, truth_of(capture))}")


def short(arguments: argparse.Namespace, folder: Path) -> Path:
    """Short transactions, ours and tshark's."""
    capture, tables = capture_of("short", arguments.count), folder / "short.json"
    ours = analyze(f"{arguments.count:,} short: analyze", arguments.repeat, capture, tables)
    theirs = None
    if not arguments.no_tshark and (tshark := shutil.which("tshark")):
        fields = [part for name in (*FIELDS, *HTTP_FIELDS) for part in ("-e", name)]
        command = [tshark, "-n", *PREFERENCES, "-r", str(capture), "-T", "fields", *fields]
        theirs = attempt("  tshark -n -T fields", arguments.repeat, command, folder / "fields", packets_of(capture))
    if ours:
        print(f"  {ours.cpu / arguments.count * 1e6:.0f} µs a transaction")
    if ours and theirs:
        ratio = theirs.cpu / ours.cpu
        print(f"  CPU, tshark over analyze: {ratio:.2f} (at least {RATIO}: {verdict(ratio, RATIO, least=True)})")
    return capture


def kept(arguments: argparse.Namespace, folder: Path) -> Path:
    """The same number of transactions on one connection."""
    capture, tables = capture_of("kept", arguments.count), folder / "kept.json"
    ours = analyze(f"{arguments.count:,} on one connection", arguments.repeat, capture, tables)
    if ours:
        each = ours.cpu / arguments.count * 1e6, ours.memory / arguments.count
        print(f"  {each[0]:.0f} µs and {each[1]:,.0f} bytes a transaction")
    return capture


def bodies(arguments: argparse.Namespace, folder: Path) -> list[tuple[str, Path]]:
    """A body of a gigabyte each way, beside page loads of a gigabyte."""
    pages = big_capture(arguments.body)
    if not pages.exists():
        made_pages("--size", arguments.body, str(pages))
    warm(pages)
    beside = analyze(f"{arguments.body} of page loads", arguments.repeat, pages, folder / "tables.json")
    size = int(float(arguments.body.rstrip("GM")) * {"G": 10**9, "M": 10**6}[arguments.body[-1]])
    made: list[tuple[str, Path]] = []
    for kind in ("download", "upload"):
        capture, tables = capture_of(kind, size), folder / f"{kind}.json"
        made.append((kind, capture))
        ours = analyze(f"one {kind} of {arguments.body}", arguments.repeat, capture, tables)
        if not ours or not beside:
            continue
        share = (ours.cpu / packets_of(capture)) / (beside.cpu / packets_of(pages))
        memory = ours.memory / beside.memory
        print(f"  CPU a packet, of the page loads': {share:.2f} (at most {BODY_SHARE}: {verdict(share, BODY_SHARE)})")
        print(f"  memory, of the page loads': {memory:.2f} (at most {BODY_MEMORY}: {verdict(memory, BODY_MEMORY)})")
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the HTTP path.")
    parser.add_argument("--count", type=int, default=20_000, help="short transactions (default 20,000)")
    parser.add_argument("--body", default="1G", help="size of the body: 50M, 1G (default 1G)")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; the cheapest counts")
    parser.add_argument("--no-tshark", action="store_true", help="only ours")
    parser.add_argument("--no-bodies", action="store_true", help="leave out the gigabytes")
    arguments = parser.parse_args()
    compiled()
    print(f"{'':<34}{'CPU s':>9}{'elapsed':>10}{'RSS MB':>9}{'B/packet':>10}{'µs/packet':>10}")
    with tempfile.TemporaryDirectory() as folder:
        captures = [("short", short(arguments, Path(folder))), ("kept", kept(arguments, Path(folder)))]
        if not arguments.no_bodies:
            captures += bodies(arguments, Path(folder))
        contents(Path(folder), captures)


if __name__ == "__main__":
    main()

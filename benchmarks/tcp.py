#!/usr/bin/env python3
"""How fast TCP is followed: labels and all columns of the ``tcp`` table, and tshark with the same fields, in one run.

usage: python3 benchmarks/tcp.py [--size 1G] [--flood 1000000] [--endless 10000000] [--lossy 1000000] [--no-tshark]

For each capture: our CPU time from the file to the packet table (``reading``), for labels, streams and connection
columns (``TCP``), for the whole ``analyze -f json``, and the resident memory; then CPU time and memory of ``tshark -n
-T fields`` with the fields that hold the same facts. A count of 0 leaves a capture out. The captures: page loads
(make_big.py), a flood of SYNs, one endless connection of empty segments, one lossy connection (make_tcp.py).
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bulk import attempt, compiled, made, verdict, warm
from places import big_capture, cache_folder

FIELDS = (
    "frame.number", "frame.time_epoch", "ip.src", "ip.dst", "tcp.stream", "tcp.srcport", "tcp.dstport", "tcp.flags",
    "tcp.seq", "tcp.ack", "tcp.len", "tcp.window_size", "tcp.options.mss_val", "tcp.options.wscale.shift",
    "tcp.options.sack_perm", "tcp.completeness", "tcp.analysis.initial_rtt", "tcp.analysis.ack_rtt",
    "tcp.analysis.bytes_in_flight", "tcp.analysis.retransmission", "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission", "tcp.analysis.out_of_order", "tcp.analysis.lost_segment",
    "tcp.analysis.duplicate_ack", "tcp.analysis.ack_lost_segment", "tcp.analysis.zero_window",
    "tcp.analysis.zero_window_probe", "tcp.analysis.window_full", "tcp.analysis.window_update",
    "tcp.analysis.keep_alive", "tcp.analysis.reused_ports",
)  # fmt: skip
"""What labels and connection columns are made of, in Wireshark's names."""

TCP_CPU = 1.5
FLOOD_CPU, FLOOD_MEMORY = 10, 1.5e9


@dataclass(frozen=True, slots=True)
class Stages:
    """CPU seconds of our stages, and what was found."""

    reading: float
    tcp: float
    memory: int
    segments: int
    connections: int


def stages(capture: str) -> None:
    """Read and follow a capture in this process; print the :class:`Stages` as JSON."""
    from analyzer.capture.source import open_capture
    from analyzer.decode.decode import decode
    from analyzer.flows.build import follow
    from analyzer.options import Options

    options = Options()
    start = time.process_time()
    table = decode(open_capture(capture, options), options)
    middle = time.process_time()
    flows = follow(table)
    end = time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps([middle - start, end - middle, memory, len(flows.segments), len(flows.connections)]))


def measured(capture: Path) -> Stages:
    """Measure the stages in a process of their own."""
    command = [sys.executable, __file__, "--stages", str(capture)]
    return Stages(*json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def measure(name: str, capture: Path, folder: Path, *, tshark: bool) -> Stages:
    """Print the rows of one capture."""
    warm(capture)
    ours = measured(capture)
    size = f"{ours.segments:,} segments, {ours.connections:,} connections"
    print(f"\n{name}: {size}, {capture.stat().st_size / 1e6:,.0f} MB")
    print(f"{'':<34}{'CPU s':>9}{'elapsed':>10}{'RSS MB':>9}{'B/packet':>10}{'µs/packet':>10}")
    for stage, cpu in (("  reading and decoding", ours.reading), ("  labels, streams, columns", ours.tcp)):
        print(f"{stage:<34}{cpu:>9.2f}{'':>10}{ours.memory / 1e6:>9.0f}{'':>10}{cpu / ours.segments * 1e6:>10.2f}")
    whole = [sys.executable, "-m", "analyzer", str(capture), "-q", "-f", "json", "-o", "-"]
    analyze = attempt("analyze -f json -o -", 1, whole, folder / "tables.json", ours.segments)
    program = shutil.which("tshark") if tshark else None
    if program:
        fields = [part for field in FIELDS for part in ("-e", field)]
        command = [program, "-n", "-r", str(capture), "-T", "fields", *fields]
        theirs = attempt(f"tshark -n -T fields ({len(FIELDS)} fields)", 1, command, folder / "output", ours.segments)
        if theirs:
            print(f"  CPU, tshark over reading + TCP: {theirs.cpu / (ours.reading + ours.tcp):.1f}", end="")
            print(f", over the whole analyze: {theirs.cpu / analyze.cpu:.1f}" if analyze else "")
    return ours


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure how TCP is followed, against tshark.")
    parser.add_argument("--size", default="1G", help="size of the capture of page loads (default 1G; 0 leaves it out)")
    for kind, count in (("flood", 1_000_000), ("endless", 10_000_000), ("lossy", 1_000_000)):
        parser.add_argument(f"--{kind}", type=int, default=count, help=f"packets of the {kind} capture (0: none)")
    parser.add_argument("--no-tshark", action="store_true", help="only ours")
    parser.add_argument("--stages", metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stages:
        stages(arguments.stages)
        return
    tshark = not arguments.no_tshark
    compiled()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.size != "0":
            capture = big_capture(arguments.size)
            if not capture.exists():
                made("--size", arguments.size, str(capture))
            pages = measure("page loads", capture, folder, tshark=tshark)
            print(f"  labels and columns: {pages.tcp:.2f} s CPU (at most {TCP_CPU}: {verdict(pages.tcp, TCP_CPU)})")
        for kind in ("flood", "endless", "lossy"):
            count = getattr(arguments, kind)
            if not count:
                continue
            capture = cache_folder() / f"{kind}-{count}.pcap"
            if not capture.exists():
                script = Path(__file__).with_name("make_tcp.py")
                subprocess.run([sys.executable, str(script), kind, str(count), str(capture)], check=True)
            ours = measure(kind, capture, folder, tshark=tshark)
            if kind == "flood":
                cpu = ours.reading + ours.tcp
                print(f"  from file to columns: {cpu:.2f} s CPU (at most {FLOOD_CPU}: {verdict(cpu, FLOOD_CPU)})")
                print(
                    f"  memory: {ours.memory / 1e6:.0f} MB (at most {FLOOD_MEMORY / 1e6:.0f}: "
                    f"{verdict(ours.memory, FLOOD_MEMORY)})"
                )


if __name__ == "__main__":
    main()

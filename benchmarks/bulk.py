#!/usr/bin/env python3
"""How fast and how small: `analyze` against `tshark -T fields` on one big capture, in one run.

usage: python3 benchmarks/bulk.py [--size 1G] [--capture FILE] [--repeat 1] [--no-tshark]

Prints CPU time (user and system, of the process and its children), elapsed time and the largest resident memory of

* ``analyze -f json -o -`` on the capture, and whether it found as many requests of each status as were made;
* ``tshark -n -T fields`` with the fields that such a report needs (:data:`FIELDS`), two passes not asked for;
* ``analyze --help``;
* ``analyze`` of a 1 MB capture to HTML;

and the limits the project set itself. Both programs read the same file, warm in the page cache, one after the other.
The resident memory of ``analyze`` counts pages of the mapped capture that the system has not taken back yet.

This script itself stays small, because the system counts the memory that a process had before ``exec`` as the started
program's: captures are made by another process, and results are read last.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from places import big_capture

FIELDS = (
    "frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols", "eth.src", "eth.dst",
    "vlan.id", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "arp.opcode", "arp.src.hw_mac", "arp.src.proto_ipv4",
    "arp.dst.proto_ipv4", "icmp.type", "icmp.code", "icmp.seq", "udp.srcport", "udp.dstport", "dns.id",
    "dns.flags.response", "dns.flags.rcode", "dns.qry.name", "dns.qry.type", "dns.a", "dns.aaaa", "dns.cname",
    "tcp.stream", "tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq", "tcp.ack", "tcp.len", "tcp.window_size",
    "tcp.analysis.initial_rtt", "tcp.analysis.retransmission", "tcp.analysis.fast_retransmission",
    "tcp.analysis.out_of_order", "tcp.analysis.lost_segment", "tcp.analysis.duplicate_ack",
    "tcp.analysis.zero_window", "tls.handshake.type", "tls.handshake.extensions_server_name",
    "tls.handshake.version", "tls.handshake.ciphersuite", "tls.alert_message.desc", "http.request.method",
    "http.host", "http.request.uri", "http.request_in", "http.time", "http.response.code", "http.content_type",
    "http.content_length_header", "http.location",
)  # fmt: skip
"""What the tables are made of, in Wireshark's names."""

MEMORY_PER_PACKET, MEMORY_FIXED = 150, 300e6
RATIO, HELP_CPU, SMALL_CPU = 10, 0.25, 2.5


@dataclass(frozen=True, slots=True)
class Cost:
    """What a program took: CPU seconds, elapsed seconds, largest resident memory in bytes."""

    cpu: float
    elapsed: float
    memory: int


def cost(command: Sequence[str], output: Path) -> Cost:
    """Run a command to its end, its standard output into a file.

    Raises:
        RuntimeError: it failed.
    """
    with output.open("wb") as out, tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        elapsed = time.monotonic() - started
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command[:4])} …: exit {process.returncode}: {errors.read()[-500:].decode()}")
    return Cost(usage.ru_utime + usage.ru_stime, elapsed, usage.ru_maxrss * 1024)


def cheapest(repeat: int, command: Sequence[str], output: Path) -> Cost:
    """Run several times; the least CPU time is the one least disturbed by others."""
    return min((cost(command, output) for _ in range(repeat)), key=lambda one: one.cpu)


def compiled() -> None:
    """Compile the package's modules, as an installer does; some environments forbid the interpreter to keep that."""
    program = "import analyzer, compileall; compileall.compile_dir(analyzer.__path__[0], quiet=2)"
    subprocess.run([sys.executable, "-c", program], check=True)


def warm(path: Path) -> None:
    """Read the file once, so that neither program pays for the disk."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


def agreement(document: Path, truth: dict[str, object]) -> str:
    """Say whether the analysis holds what was put into the capture."""
    tables = json.loads(document.read_bytes())
    found = {
        "packets": tables["capture"]["packets"],
        "connections": len(tables["tcp"]),
        "dns": len(tables["dns"]),
        "requests": len(tables["http"]),
        "statuses": dict(sorted(Counter(str(row["status"]) for row in tables["http"]).items())),
    }
    wrong = [f"{key}: {value} instead of {truth[key]}" for key, value in found.items() if value != truth[key]]
    return "; ".join(wrong) or "packets, connections, DNS questions, requests and statuses are all as made"


def verdict(value: float, limit: float, *, least: bool = False) -> str:
    """Say whether a limit is kept."""
    return "ok" if (value >= limit if least else value <= limit) else "NOT MET"


def line(name: str, one: Cost, packets: int | None = None) -> None:
    """Print one row of the table."""
    per_packet = f"{one.memory / packets:>10.0f}" if packets else f"{'':>10}"
    per_time = f"{one.cpu / packets * 1e6:>10.2f}" if packets else f"{'':>10}"
    print(f"{name:<34}{one.cpu:>9.2f}{one.elapsed:>10.2f}{one.memory / 1e6:>9.0f}{per_packet}{per_time}")


def attempt(name: str, repeat: int, command: Sequence[str], output: Path, packets: int | None = None) -> Cost | None:
    """Measure a command and print its row; None when it failed."""
    try:
        one = cheapest(repeat, command, output)
    except RuntimeError as error:
        print(f"{name:<34} failed: {error}")
        return None
    line(name, one, packets)
    return one


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure analyze against tshark on a big capture.")
    parser.add_argument("--size", default="1G", help="size of the capture to make or reuse: 50M, 1G (default 1G)")
    parser.add_argument("--capture", type=Path, help="measure this capture instead")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; the cheapest counts")
    parser.add_argument("--no-tshark", action="store_true", help="only ours")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments, Path(folder))


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    """Make what is missing, run the programs one after the other, print the table and the verdicts."""
    capture = arguments.capture or big_capture(arguments.size)
    truth_file = capture.with_name(capture.name + ".json")
    if not arguments.capture and not (capture.exists() and truth_file.exists()):
        made("--size", arguments.size, str(capture))
    truth = json.loads(truth_file.read_text()) if truth_file.exists() else None
    packets = truth["packets"] if truth else None
    small, tables, output = folder / "small.pcap", folder / "tables.json", folder / "output"
    made("--size", "1M", str(small))
    warm(capture)
    compiled()
    analyze, few = [sys.executable, "-m", "analyzer"], max(3, arguments.repeat)
    print(f"{capture}: {capture.stat().st_size:,} bytes, {packets or 'unknown number of'} packets")
    print(f"{'':<34}{'CPU s':>9}{'elapsed':>10}{'RSS MB':>9}{'B/packet':>10}{'µs/packet':>10}")
    whole = [*analyze, str(capture), "-q", "-f", "json", "-o", "-"]
    ours = attempt("analyze -f json -o -", arguments.repeat, whole, tables, packets)
    theirs = None
    if not arguments.no_tshark and (tshark := shutil.which("tshark")):
        fields = [part for name in FIELDS for part in ("-e", name)]
        command = [tshark, "-n", "-r", str(capture), "-T", "fields", *fields]
        theirs = attempt(f"tshark -n -T fields ({len(FIELDS)} fields)", arguments.repeat, command, output, packets)
    start_up = attempt("analyze --help", few, [*analyze, "--help"], output)
    page = attempt("analyze, 1 MB to HTML", few, [*analyze, str(small), "-q", "-o", str(folder / "r.html")], output)
    print()
    if ours and truth:
        print(f"content: {agreement(tables, truth)}")
        allowed = MEMORY_PER_PACKET * truth["packets"] + MEMORY_FIXED
        print(f"memory: {ours.memory / 1e6:.0f} MB of {allowed / 1e6:.0f} allowed: {verdict(ours.memory, allowed)}")
    if ours and theirs:
        ratio = theirs.cpu / ours.cpu
        print(f"CPU, tshark over analyze: {ratio:.1f} (at least {RATIO}: {verdict(ratio, RATIO, least=True)})")
    if start_up:
        print(f"--help: {start_up.cpu:.2f} s CPU (at most {HELP_CPU}: {verdict(start_up.cpu, HELP_CPU)})")
    if page:
        print(f"1 MB to HTML: {page.cpu:.2f} s CPU (at most {SMALL_CPU}: {verdict(page.cpu, SMALL_CPU)})")


def made(*arguments: str) -> None:
    """Let make_big.py make a capture, in a process of its own."""
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("make_big.py")), *arguments], check=True, stdout=sys.stderr
    )


if __name__ == "__main__":
    main()

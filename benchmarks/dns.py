#!/usr/bin/env python3
"""How fast names are: two hundred thousand DNS datagrams, `analyze` against `tshark -T fields`.

usage: python3 benchmarks/dns.py [--pairs 100000] [--repeat 1] [--capture FILE]

Prints CPU time (see :mod:`bulk`) of ``analyze -f json``, of the same analysis without an output, and of
``tshark -n -T fields`` with the fields that the ``dns`` table is made of; then the ratio and the limit the project set
itself. The capture is made once, into the user's cache folder (:mod:`make_dns`), and read warm.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bulk import Cost, attempt, compiled, verdict, warm
from places import cache_folder

FIELDS = (
    "frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols", "eth.src", "eth.dst",
    "ip.src", "ip.dst", "ip.id", "ip.ttl", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport", "udp.length", "dns.id",
    "dns.flags.response", "dns.flags.opcode", "dns.flags.rcode", "dns.flags.authoritative", "dns.flags.truncated",
    "dns.flags.recdesired", "dns.flags.recavail", "dns.flags.authenticated", "dns.flags.checkdisable",
    "dns.qry.name", "dns.qry.type", "dns.qry.class", "dns.count.queries", "dns.count.answers", "dns.count.auth_rr",
    "dns.count.add_rr", "dns.resp.name", "dns.resp.type", "dns.resp.ttl", "dns.resp.len", "dns.a", "dns.aaaa",
    "dns.cname", "dns.ns", "dns.ptr.domain_name", "dns.mx.preference", "dns.mx.mail_exchange", "dns.txt",
    "dns.soa.mname", "dns.soa.rname", "dns.soa.minimum_ttl", "dns.srv.target", "dns.rr.udp_payload_size",
    "dns.resp.z.do", "dns.time", "dns.response_to", "dns.response_in", "dns.retransmission", "dns.unsolicited",
)  # fmt: skip
"""What the table is made of, in Wireshark's names."""

RATIO = 3
"""Least ratio of tshark's CPU time to ours."""


def capture_of(pairs: int) -> Path:
    """Return the capture, made when it is not there."""
    path = cache_folder() / f"dns-{pairs}.pcap"
    if not (path.exists() and path.with_name(path.name + ".json").exists()):
        script = Path(__file__).with_name("make_dns.py")
        subprocess.run([sys.executable, str(script), str(pairs), str(path)], check=True, stdout=sys.stderr)
    warm(path)
    return path


def agreement(document: Path, truth: dict[str, object]) -> str:
    """Say whether the analysis holds what was put into the capture."""
    tables = json.loads(document.read_bytes())
    found = {
        "packets": tables["capture"]["packets"],
        "dns": len(tables["dns"]),
        "rcodes": dict(sorted(Counter(row["rcode"] for row in tables["dns"]).items())),
    }
    wrong = [f"{key}: {value} instead of {truth[key]}" for key, value in found.items() if value != truth[key]]
    return "; ".join(wrong) or "packets, questions and response codes are all as made"


def compare(name: str, ours: Cost | None, theirs: Cost | None) -> None:
    """Print a ratio and what is thought of it."""
    if ours and theirs:
        ratio = theirs.cpu / ours.cpu
        print(f"CPU, tshark over {name}: {ratio:.2f} (at least {RATIO}: {verdict(ratio, RATIO, least=True)})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the DNS path.")
    parser.add_argument("--pairs", type=int, default=100_000, help="questions with their answers (default 100,000)")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; the cheapest counts")
    parser.add_argument("--capture", type=Path, help="measure this capture instead")
    arguments = parser.parse_args()
    capture = arguments.capture or capture_of(arguments.pairs)
    beside = capture.with_name(capture.name + ".json")
    truth = json.loads(beside.read_text()) if beside.exists() else None
    packets = truth["packets"] if truth else None
    compiled()
    print(f"{'':<34}{'CPU s':>9}{'elapsed':>10}{'RSS MB':>9}{'B/packet':>10}{'µs/packet':>10}")
    with tempfile.TemporaryDirectory() as folder:
        tables, output = Path(folder) / "tables.json", Path(folder) / "output"
        whole = [sys.executable, "-m", "analyzer", str(capture), "-q", "-f", "json", "-o", "-"]
        ours = attempt("analyze -f json -o -", arguments.repeat, whole, tables, packets)
        program = "import gc, sys, analyzer; gc.set_threshold(1_000_000); analyzer.analyze(sys.argv[1])"
        bare = [sys.executable, "-c", program, str(capture)]
        rows = attempt("analyzer.analyze(), no output", arguments.repeat, bare, output, packets)
        theirs = None
        if tshark := shutil.which("tshark"):
            fields = [part for name in FIELDS for part in ("-e", name)]
            command = [tshark, "-n", "-r", str(capture), "-T", "fields", *fields]
            theirs = attempt(f"tshark -n -T fields ({len(FIELDS)} fields)", arguments.repeat, command, output, packets)
        print()
        if ours and truth:
            print(f"content: {agreement(tables, truth)}")
        compare("analyze -f json", ours, theirs)
        compare("analyzer.analyze()", rows, theirs)


if __name__ == "__main__":
    main()

"""Hold our ``dns`` rows against what tshark says of the same captures: question, pair, latency, code, answers.

    python -m tests.agree_dns GROUP... [--show 20]

GROUP is a folder of the shared captures (``dns``, ``labs`` ...) or the beginning of a capture's path. The answers of
tshark that lie beside the captures (``.tshark.json``) are compared fact by fact: each question or lone response; of a
pair, the response's frame, the latency, the response code, how many answers there are, and the addresses and aliases
in them. Of captures with other records, tshark is run here for the data of MX, NS, PTR, SOA, SRV and TXT records.

What is set right before comparing, each counted and printed:

* ``encrypted``: tshark has keys beside some captures, and tries to read DNS over QUIC; we decrypt nothing.
* ``quoted``: messages inside ICMP errors, which were sent by somebody else, earlier.
* ``repeated``: a further response to an answered question is a row of its own for tshark, and one of
  ``duplicate_frames`` for us. The question counts, if it is the same.

Names are compared without case; a byte that is no visible ASCII is ``\\DDD`` here and something else in tshark, so any
run of those is one mark.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analyzer.analysis import Analysis
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.protocols.dns.registry import RCODES
from analyzer.schema import DnsRow
from tests.agree import ORACLE_SUFFIX, captures_of
from tests.conftest import SHARED

GROUPS = ("dns", "arp", "icmp", "dhcp", "oicq", "mixed", "labs")
LATENCY_MS = 0.002
"""tshark prints times with nine digits and subtracts doubles; captures have microseconds."""
FIELDS = {
    "MX": "dns.mx.mail_exchange",
    "NS": "dns.ns",
    "PTR": "dns.ptr.domain_name",
    "SOA": "dns.soa.mname",
    "SRV": "dns.srv.target",
    "TXT": "dns.txt",
}
"""Record type → the field that holds (the last part, or for TXT the first, of) its data."""
ENCRYPTED = ("tls", "quic", "http2", "http3", "https")
_ODD = re.compile(r"(\\\d{3}|[^\x21-\x7e])+")


@dataclass(slots=True)
class Sum:
    """Facts that agree and facts in all, per kind; what was set right; differences."""

    good: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def fact(self, kind: str, agrees: bool, where: str, ours: object, theirs: object) -> None:
        """Count one fact."""
        self.of[kind] += 1
        self.good[kind] += agrees
        if not agrees:
            self.differences.append(f"{kind}: {where}: ours {ours!r}, theirs {theirs!r}")

    def share(self, kind: str) -> float:
        """Return how many facts of a kind agree, of one."""
        return self.good[kind] / self.of[kind] if self.of[kind] else 1.0


def name(text: str | None) -> str:
    """Return a name as it is compared."""
    plain = (text or "").lower().rstrip(".").replace("<root>", "")
    return _ODD.sub("?", plain)


def compare(capture: str, analysis: Analysis, theirs: list[dict[str, Any]], into: Sum) -> None:
    """Compare the rows of one capture with tshark's."""
    icmp = {frame for row in analysis.icmp for frame in (row.request_frame, row.reply_frame)}
    by_query: defaultdict[int, list[DnsRow]] = defaultdict(list)
    by_response: defaultdict[int, list[DnsRow]] = defaultdict(list)
    for row in analysis.dns:
        for frame in row.query_frames:
            by_query[frame].append(row)
        for frame in (row.response_frame, *row.duplicate_frames):
            if frame is not None:
                by_response[frame].append(row)
    for said in theirs:
        if said.get("kind") != "dns":
            continue
        asked, told = said.get("query_frame"), said.get("response_frame")
        if said.get("transport") in ENCRYPTED:
            into.aside["encrypted"] += 1
            continue
        if (asked or told) in icmp:
            into.aside["quoted"] += 1
            continue
        rows = by_query[asked] if asked else by_response[told or 0]
        same = [row for row in rows if name(row.qname) == name(said.get("qname"))]
        where = f"{capture}@{asked or told}"
        into.fact("question", bool(same), where, [row.qname for row in rows][:2], said.get("qname"))
        if same and not asked and same[0].response_frame != told:
            into.aside["repeated"] += 1
        if same and asked and told:
            _pair(same, said, where, into)


def _pair(same: list[DnsRow], said: dict[str, Any], where: str, into: Sum) -> None:
    row = next((row for row in same if row.response_frame == said["response_frame"]), same[0])
    paired = row.response_frame == said["response_frame"]
    into.fact("pair", paired, where, row.response_frame, said["response_frame"])
    if not paired:
        return
    if said.get("time") is not None and row.query_frame == said["query_frame"]:
        near = row.latency_ms is not None and math.isclose(row.latency_ms, said["time"] * 1e3, abs_tol=LATENCY_MS)
        into.fact("latency", near, where, row.latency_ms, said["time"] * 1e3)
    if said.get("rcode") is not None:
        told = RCODES.get(said["rcode"], f"RCODE{said['rcode']}")
        # tshark shows the header's four bits, we the extended code
        into.fact("rcode", row.rcode == told or _low_bits(row.rcode) == said["rcode"], where, row.rcode, told)
    if said.get("answers") is not None:
        into.fact("answer count", len(row.answers) == said["answers"], where, len(row.answers), said["answers"])
    _data(row, said, where, into)


def _low_bits(rcode: str | None) -> int | None:
    return next((number & 15 for number, word in RCODES.items() if word == rcode and number > 15), None)


def _data(row: DnsRow, said: dict[str, Any], where: str, into: Sum) -> None:
    """Compare addresses and aliases; tshark's lists hold those of all sections, ours the answers'."""
    alone = row.authority_count == 0 and row.additional_count - (row.edns_udp_size is not None) <= 0
    for kind, key in (("A", "a"), ("AAAA", "aaaa"), ("CNAME", "cname")):
        ours = Counter(name(answer.data) for answer in row.answers if answer.type == kind)
        theirs = Counter(map(name, said.get(key) or []))
        if ours or (theirs and alone):
            agrees = ours == theirs if alone else ours <= theirs
            into.fact("data", agrees, f"{where} {kind}", dict(ours), dict(theirs))


def compare_records(capture: str, analysis: Analysis, output: str, into: Sum) -> None:
    """Compare the data of other records with the lines of ``tshark -T fields`` (frame and :data:`FIELDS`)."""
    theirs: dict[int, dict[str, Counter[str]]] = {}
    for line in output.splitlines():
        frame, *columns = line.split("\t")
        if frame.isdigit():
            lists = (Counter(name(value) for value in column.split("|") if value) for column in columns)
            theirs[int(frame)] = dict(zip(FIELDS, lists, strict=False))
    for row in analysis.dns:
        if row.response_frame not in theirs or row.transport == "tcp":
            continue  # a segment may hold several messages
        for kind in FIELDS:
            ours = Counter(_part(kind, answer.data) for answer in row.answers if answer.type == kind)
            ours.pop("", None)  # an empty text is nothing in tshark's list
            if ours:
                told = theirs[row.response_frame].get(kind, Counter())
                into.fact("data", ours <= told, f"{capture}@{row.response_frame} {kind}", dict(ours), dict(told))


def _part(kind: str, data: str) -> str:
    if kind == "TXT":
        return name(data[1:-1].split('" "')[0].replace('\\"', '"').replace("\\\\", "\\"))
    words = data.split(" ")
    return name(words[0] if kind == "SOA" else words[-1])


def records(capture: Path) -> str:
    """Let tshark print the data of records."""
    tshark = shutil.which("tshark")
    if tshark is None:
        return ""
    fields = [part for one in ("frame.number", *FIELDS.values()) for part in ("-e", one)]
    command = [tshark, "-n", "-r", str(capture), "-Y", "dns.flags.response == 1", "-T", "fields", "-E", "aggregator=|"]
    return subprocess.run([*command, *fields], capture_output=True, text=True, errors="replace", check=False).stdout


def agreement(groups: list[str], folder: Path = SHARED) -> Sum:
    """Compare all captures of the groups for which tshark shows DNS."""
    total = Sum()
    for capture in captures_of(groups, folder):
        theirs = json.loads((folder / f"{capture}{ORACLE_SUFFIX}").read_text()).get("dns") or []
        if not any(said.get("kind") == "dns" for said in theirs):
            continue
        analysis = analyze(str(folder / capture), Options(reveal=True))
        compare(capture, analysis, theirs, total)
        if any(answer.type in FIELDS for row in analysis.dns for answer in row.answers):
            compare_records(capture, analysis, records(folder / capture), total)
    return total


def main() -> None:
    """Print how many facts agree, what was set right, and what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", default=list(GROUPS))
    parser.add_argument("--show", type=int, default=20, help="differences shown")
    asked = parser.parse_args()
    total = agreement(asked.groups)
    for kind in total.of:
        print(f"{kind:14s} {total.good[kind]:6d} / {total.of[kind]:6d}  {100 * total.share(kind):7.2f} %")
    print("set right: " + ", ".join(f"{kind} {count}" for kind, count in sorted(total.aside.items())))
    print("\n".join(total.differences[: asked.show]))


if __name__ == "__main__":
    main()

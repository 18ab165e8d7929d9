"""The second opinion on real captures: verdicts checked by hand in Wireshark, and every duplicate that tshark reports.

What was seen by hand stands beside each verdict; the numbers in it are Wireshark's relative ones.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.errors import AnalyzerError
from analyzer.flows.build import Flows, follow
from analyzer.flows.model import Label
from analyzer.flows.suspects import SUSPICIOUS
from analyzer.options import Options
from analyzer.schema import TcpOpinion

GROUPS = ("mixed", "http1", "tls")

BY_HAND = [
    # The FIN (IP ID 0x70fa, TSval …855) passed 0.7 ms after the ACK sent behind it (0x70fb, …856).
    ("tls/zui-data-sample.pcap", 13, TcpOpinion(142, "server", "retransmission", "reordered", "timestamp", (141,))),
    # 9896 was sent at TSval …627; the ACK that comes 3 ms after the repeat (…704), on a path of 80 ms, echoes …627.
    (
        "mixed/gotraffic-captures-http.pcapng",
        57,
        TcpOpinion(1641, "client", "out_of_order", "needless", "timestamp", (1628, 1642)),
    ),
    # IP IDs 0x09f6 to 0x09f8 never came; what fills their hole has 0x09fc to 0x09fe, after 0x09fb.
    ("http1/samples-dns-DNS2.pcap", 39, TcpOpinion(767, "server", "out_of_order", "needed", "ip_id", (751,))),
    ("http1/samples-dns-DNS2.pcap", 39, TcpOpinion(769, "server", "out_of_order", "needed", "ip_id", (751,))),
    ("http1/samples-dns-DNS2.pcap", 39, TcpOpinion(771, "server", "out_of_order", "needed", "ip_id", (751,))),
    # Sent twice (IDs 0x950b and 0x9514); the last ACK tells of 1-1449 below its 12974.
    ("http1/ppa3-dns_isp_hijack.pcapng", 2, TcpOpinion(41, "server", "out_of_order", "needless", "dsack", (32, 47))),
    # The hole at 21073 was told of at 10.204 s and filled at 10.920 s; the round trip takes 0.358 s.
    (
        "http1/sv-tcp-rst-unacked-stream-09-TLPW1-tcp-110.37.219.134-10.12.14.101-tcp-990-49230.pcap",
        0,
        TcpOpinion(38, "server", "out_of_order", "needed", "sack", (34, 35)),
    ),
    # ID 0xb2be with TTL 255, and 83 µs later with TTL 254: a router between two recorders.
    (
        "tunnels/russo-wccp_serv123_redirect_layer2.pcapng",
        0,
        TcpOpinion(4, "client", "retransmission", "captured_twice", "same_packet", (3,)),
    ),
    # The same ID 0x2220 within 16 µs, one hop on; the client's 536 tells of 5259-5677 below its 5677.
    (
        "mixed/packets-freepp_ios_V3.7.15.413_boce_login.pcap",
        6,
        TcpOpinion(532, "server", "retransmission", "doubled", "dsack", (531, 536)),
    ),
    # 1449 was first captured in frame 394, with ID 0x221b, and again 50 µs later; 397 tells of it once, below 2897.
    (
        "mixed/packets-freepp_ios_V3.7.15.413_boce_login.pcap",
        6,
        TcpOpinion(395, "server", "retransmission", "doubled", "dsack", (394, 397)),
    ),
    # IP ID 0, all else equal, in the same microsecond.
    (
        "tcp/zeek-ssh-dups.pcap",
        0,
        TcpOpinion(5, "client", "retransmission", "captured_twice", "alike", (4,)),
    ),
    # The FIN of frame 58 was acknowledged by frame 59 before it came again.
    (
        "tcp/nDPI-custom_categories.pcapng",
        0,
        TcpOpinion(60, "server", "retransmission", "needless", "acknowledged", (58, 59)),
    ),
    # A router said "too big": 1220 was cut into 46 and 47, and their own timestamp (…716) came back.
    ("tunnels/nDPI-6in4tunnel.pcap", 0, TcpOpinion(46, "client", "out_of_order", "needed", "timestamp", (36, 49))),
]


def flows_of_file(path: Path) -> Flows:
    return follow(decode(open_capture(str(path), Options()), Options()))


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: f"{case[0].split('/')[1][:30]}-{case[2].frame}")
def test_verdicts_seen_by_hand(case: tuple[str, int, TcpOpinion], shared_captures: Path) -> None:
    name, stream, expected = case
    assert expected in flows_of_file(shared_captures / name).connections.row(stream).opinions


FIELDS = ("frame.number", "tcp.stream", "tcp.options.sack.dsack_le", "tcp.options.sack.dsack_re")


def tshark_duplicates(path: Path) -> list[tuple[int, int, int, int]]:
    """Return (frame, stream, left, right), edges relative as tshark counts, of every duplicate that was told of."""
    done = subprocess.run(
        [
            *("tshark", "-n", "-r", str(path), "-Y", "tcp.options.sack.dsack", "-T", "fields", "-E", "occurrence=f"),
            *(part for name in FIELDS for part in ("-e", name)),
        ],
        capture_output=True,
        text=True,
        check=False,  # a capture cut short is an error to tshark; what it read counts
    )
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return [(int(f), int(stream), int(left), int(right)) for f, stream, left, right in rows]


@pytest.mark.referee
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("group", GROUPS)
def test_every_duplicate_tshark_finds_is_accounted_for(group: str, shared_captures: Path) -> None:
    told = unexplained = 0
    for path in sorted((shared_captures / group).iterdir()):
        if path.suffix not in (".pcap", ".pcapng") or not _may_hold_duplicates(path):
            continue
        reports = tshark_duplicates(path)
        if not reports:
            continue
        flows = flows_of_file(path)
        s = flows.segments
        for frame, stream, left, right in reports:
            part = s.of(stream)
            at = int(np.flatnonzero(s.frame[part] == frame)[0])
            before = slice(part.start, part.start + at)
            hit = (s.from_client[before] != s.from_client[part][at]) & ((s.label[before] & int(SUSPICIOUS)) != 0)
            hit &= (s.seq[before] >= left) & (s.seq[before] + s.length[before] <= right) & (s.length[before] > 0)
            frames = set(s.frame[before][hit].tolist())
            if not frames:
                continue
            told += 1
            row = flows.connections.row(stream)
            differing = {o.frame: o.verdict for o in row.opinions}
            spurious = set(s.frame[before][hit & ((s.label[before] & Label.SPURIOUS_RETRANSMISSION) != 0)].tolist())
            agreed = {f for f in spurious if f not in differing}
            good = {f for f in frames if differing.get(f) in ("needless", "doubled")} | agreed
            unexplained += not good
    assert unexplained == 0
    assert told > 10


def _may_hold_duplicates(path: Path) -> bool:
    """Return whether our own reading finds any label to judge: tshark takes a second for each capture."""
    try:
        flows = flows_of_file(path)
    except AnalyzerError:  # what cannot be opened is another test's business
        return False
    return bool(((flows.segments.label & int(SUSPICIOUS)) != 0).any())

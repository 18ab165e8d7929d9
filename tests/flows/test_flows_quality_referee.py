"""tshark as the oracle for round trips and bytes in flight, on the samples and some shared captures.

Rules that differ, so what is compared leaves room for exactly them:

* tshark samples the segment whose end is the number acknowledged, so none for data that is acknowledged together with
  the FIN behind it; we take the newest data segment that is covered;
* tshark goes on sampling over bytes that were sent more than once or filled a hole, and counts a reset as an ACK; we
  follow Karn's rule (RFC 6298 section 3), and a reset acknowledges nothing;
* tshark gives no round trip of 0 ms (a coarse clock); for us it is one;
* tshark forgets what was under way before a hole, and counts SYN, FIN and what follows a reset; we do not.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.decode.table import Flag
from analyzer.flows.build import Flows, follow
from analyzer.flows.model import Label
from analyzer.flows.quality import course
from analyzer.options import Options
from tests.conftest import SAMPLES

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]

SHARED_NAMES = (
    "labs/kr-tcp-ethereal-trace-1.pcap",
    "labs/kr-ssl-ethereal-trace-1.pcap",
    "labs/kr-http-ethereal-trace-4.pcap",
    "labs/Wireshark-tr-http-pcaprnet.pcapng",
    "tcp/ja4-pcap-ssh-r.pcap",
    "tcp/joy-kali-normal-ssh.pcap",
)
_REPEATS = Label.RETRANSMISSION | Label.FAST_RETRANSMISSION | Label.SPURIOUS_RETRANSMISSION | Label.OUT_OF_ORDER
_HOLE = _REPEATS | Label.LOST_SEGMENT | Label.KEEP_ALIVE
FIELDS = ("frame.number", "tcp.stream", "tcp.analysis.acks_frame", "tcp.analysis.ack_rtt")
Side = tuple[int, bool]


def tshark(path: Path) -> tuple[dict[int, tuple[int, float]], dict[int, int]]:
    """Return ACK frame -> (frame acknowledged, ms), and frame -> bytes in flight."""
    columns = [part for name in (*FIELDS, "tcp.analysis.bytes_in_flight") for part in ("-e", name)]
    done = subprocess.run(
        [
            *("tshark", "-n", "-2", "-r", str(path), "-o", "tcp.check_checksum:FALSE"),
            *("-Y", "tcp && !icmp && !icmpv6", "-T", "fields", *columns),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    rtt, flight = {}, {}
    for line in done.stdout.splitlines():
        frame, _, acked, took, under_way = line.split("\t")
        if took:
            rtt[int(frame)] = (int(acked), float(took) * 1000)
        if under_way:
            flight[int(frame)] = int(under_way)
    return rtt, flight


def compare(path: Path) -> int:
    """Compare a capture; return how many samples were the same."""
    flows = follow(decode(open_capture(str(path), Options()), Options()))
    their_rtt, their_flight = tshark(path)
    at = {frame: k for k, frame in enumerate(flows.segments.frame.tolist())}
    s = flows.segments
    ours: dict[int, tuple[int, float]] = {}
    for stream in range(len(flows.connections)):
        for client in (False, True):
            rtt = course(s, stream, client=client).rtt
            pairs = zip(rtt.data_frame.tolist(), rtt.ms.tolist(), strict=True)
            ours |= dict(zip(rtt.ack_frame.tolist(), pairs, strict=True))
    theirs = {ack: pair for ack, pair in their_rtt.items() if s.length[at[pair[0]]] > 0}
    same = [ack for ack in ours if ack in theirs and theirs[ack][0] == ours[ack][0]]
    for ack in same:
        assert ours[ack][1] == pytest.approx(theirs[ack][1], abs=0.001), f"frame {ack}"
    for ack in ours.keys() - same:
        data = at[ours[ack][0]]
        if ours[ack][1] == 0:
            continue
        assert s.ack[at[ack]] != s.seq[data] + s.length[data], f"{ack}: tshark had nothing at this very number"
    for ack in theirs.keys() - same:
        assert _reason(flows, at[ack], at[theirs[ack][0]]), f"frame {ack}: {theirs[ack]}, ours {ours.get(ack)}"
    _compare_flight(flows, {at[frame]: value for frame, value in their_flight.items()})
    return len(same)


def _reason(flows: Flows, ack: int, data: int) -> bool:
    """Return whether a sample of tshark's is one that we do not want: of a reset, or near repeats and holes."""
    s = flows.segments
    stream = slice(int(s.first[s.first.searchsorted(ack, "right") - 1]), ack)
    repeated = (s.label[stream] & int(_HOLE) != 0) & (s.from_client[stream] == s.from_client[data])
    return bool(s.flags[ack] & Flag.RST) or bool(repeated.any()) or bool(s.label[ack] & int(Label.ACKED_UNSEEN))


def _compare_flight(flows: Flows, theirs: dict[int, int]) -> None:
    s, columns = flows.segments, flows.connections
    highest: dict[Side, int] = defaultdict(int)
    for k, value in theirs.items():
        side = int(s.first.searchsorted(k, "right")) - 1, bool(s.from_client[k])
        highest[side] = max(highest[side], value)
    for stream in range(len(columns)):
        part = s.of(stream)
        for client, name in ((False, "server"), (True, "client")):
            ours = columns.number(f"{name}_max_in_flight_bytes", stream)
            own = s.from_client[part] == client
            if ours is None or (s.label[part][own] & int(_HOLE)).any() or (s.flags[part][own] & Flag.FIN).any():
                continue
            assert ours == highest[stream, client], f"stream {stream}, {name}"


LITTLE_TCP = {"arp", "dhcp-lease", "dns-iterative", "dns-trouble", "ping"}
"""Samples about what comes before a connection."""


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.pcap*")), ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    assert compare(path) > 10 or path.stem in LITTLE_TCP


@pytest.mark.parametrize("name", SHARED_NAMES)
def test_shared_captures(name: str, shared_captures: Path) -> None:
    assert compare(shared_captures / name) > 10

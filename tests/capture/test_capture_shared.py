"""Every shared capture against tshark: as many frames, the same first and last instant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analyzer.capture.source import open_capture
from analyzer.errors import CaptureError
from analyzer.options import Options

pytestmark = pytest.mark.shared

DIFFERENCES = {
    "PcapPlusPlus-clusterfuzz-testcase-minimized-FuzzTarget-4672344017862656.pcap": (
        "538976288 us in a second: tshark multiplies by 1000 in 32 bits and wraps, here it is added as it stands"
    ),
    "PcapPlusPlus-clusterfuzz-testcase-minimized-FuzzTarget-5468403752632320.pcap": "the same",
    "tcpdump-timestamp_invalid_micro.pcap": "0x80000000 us in a second: the same",
    "tcpdump-dsa-high-vid.pcap": "link type 284: tshark 4.0 does not know it and refuses the file, we read it",
    "tcpdump-edsa-high-vid.pcap": "link type 285: the same",
}
"""Files where we and tshark 4.0.17 differ, and why."""

SIMPLE_PACKETS = ("gopacket-test010", "gopacket-test017", "gopacket-test100", "gopacket-test202")
"""Files with Simple Packet Blocks, which have no time: 0 here, nothing in tshark."""


def nanoseconds(text: str | None) -> int | None:
    """Turn tshark's ``seconds.fraction`` into nanoseconds; a second may have more than 10^9 of them."""
    if not text:
        return None
    seconds, fraction = text.lstrip("-").split(".")
    value = int(seconds) * 10**9 + int(fraction)
    return -value if text.startswith("-") else value


def facts(path: Path) -> tuple[int, int | None, int | None]:
    """Return frames, first and last instant."""
    try:
        index = open_capture(str(path), Options())
    except CaptureError:
        return 0, None, None
    clocked = index.time[index.time != 0] if path.name.startswith(SIMPLE_PACKETS) else index.time
    return len(index), int(clocked[0]) if clocked.size else None, int(clocked[-1]) if clocked.size else None


def test_frames_and_instants_are_tsharks(shared_captures: Path) -> None:
    oracles = sorted(shared_captures.rglob("*.tshark.json"))
    assert len(oracles) > 1000
    different = {}
    for oracle in oracles:
        capture = Path(str(oracle).removesuffix(".tshark.json"))
        said = json.loads(oracle.read_text())["capture"]
        theirs = said["packets"], nanoseconds(said["first_ts"]), nanoseconds(said["last_ts"])
        ours = facts(capture)
        if ours != theirs:
            different[capture.name] = (ours, theirs)
    assert different.keys() == DIFFERENCES.keys(), different


def test_cut_files_are_those_that_tshark_calls_cut(shared_captures: Path) -> None:
    """Where tshark stops with "cut short" or "damaged" we have a partial result, and nowhere else."""
    partial, expected = set(), set()
    for oracle in sorted(shared_captures.rglob("*.tshark.json")):
        capture = Path(str(oracle).removesuffix(".tshark.json"))
        said = json.loads(oracle.read_text())["tshark"]["fields"]["stderr"]
        if "cut short" in said or "damaged or corrupt" in said:
            expected.add(capture.name)
        try:
            if open_capture(str(capture), Options()).truncated:
                partial.add(capture.name)
        except CaptureError:
            continue
    assert partial == expected
    assert partial

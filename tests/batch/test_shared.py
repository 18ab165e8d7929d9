"""A batch over all captures that nobody here made: it ends, every file is listed, and each failure has its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.batch.test_run import analyze_batch

UNREADABLE = {
    "broken/PcapPlusPlus-clusterfuzz-testcase-minimized-FuzzTarget-5631583764873216.pcap": "reserved bits set",
    "broken/PcapPlusPlus-clusterfuzz-testcase-minimized-FuzzTarget-5752969003008000.pcap": "reserved bits set",
    "broken/libpcap-pcapng-invalid-vers-1.pcapng": "pcapng version 0.1 is not supported",
}
"""Captures whose headers say what no reader knows."""


@pytest.mark.shared
def test_every_file_is_listed(shared_captures: Path, tmp_path: Path) -> None:
    analyze_batch(shared_captures, "-r", "-o", tmp_path, "-f", "json", "-j", 2, "-q", code=5, seconds=1200)
    found = {entry["capture"]: entry for entry in json.loads((tmp_path / "index.json").read_text())["captures"]}
    lines = (shared_captures / "INDEX.tsv").read_text("utf-8").splitlines()[1:]
    named = ("{1}/{0}".format(*line.split("\t")) for line in lines)
    there = {name for name in named if (shared_captures / name).is_file()}
    assert len(there) > 1000
    assert there <= found.keys()
    failed = {name: entry["error"] for name, entry in found.items() if entry["status"] == "failed"}
    assert failed.keys() == UNREADABLE.keys()
    assert all(reason in failed[name] for name, reason in UNREADABLE.items())
    assert all((tmp_path / entry["outputs"]["json"]).is_file() for name, entry in found.items() if name not in failed)

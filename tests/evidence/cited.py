"""Captures of which every frame is cited by a finding, so that all of what evidence may hold can be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from analyzer import pipeline
from analyzer.analysis import Analysis
from analyzer.evidence import collect
from analyzer.options import Options
from analyzer.schema import FindingRow

ETHERNET_IP_TCP = 14 + 20 + 20


def finding(*frames: int, code: str = "TCP-RESET", severity: str = "note") -> FindingRow:
    """Return a finding that cites frames."""
    return FindingRow(code, severity, "tcp", "network", code, {}, None, None, None, None, frames, "", "")


def cite(patch: pytest.MonkeyPatch, findings: Iterable[FindingRow] | None = None, *, room: int = 1 << 26) -> None:
    """Let the next analyses find these; by default one finding for each frame. ``room`` replaces the limits."""
    given = None if findings is None else list(findings)

    def found(facts: pipeline.Facts, _problems: object) -> list[FindingRow]:
        return [finding(n + 1) for n in range(facts.capture.packets)] if given is None else given

    patch.setattr(pipeline, "find", found)
    patch.setattr(collect, "TOTAL_BYTES", room)
    patch.setattr(collect, "FINDING_BYTES", room)


def analyzed(folder: Path, capture: bytes, *, reveal: bool = False) -> Analysis:
    """Analyze the bytes of a capture file."""
    path = folder / "capture"
    path.write_bytes(capture)
    return pipeline.analyze(str(path), Options(reveal=reveal))


def data(analysis: Analysis, frame: int) -> bytes:
    """Return what evidence keeps of a TCP segment's data (Ethernet, IPv4, no options)."""
    return analysis.evidence.packets[frame].data[ETHERNET_IP_TCP:]

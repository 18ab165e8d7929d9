"""tshark as the oracle: on every sample it agrees with our tables."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from analyzer.errors import CaptureError
from analyzer.referee import verify
from analyzer.referee.ask import ask, find_tshark
from tests.conftest import SAMPLES

CAPTURES = sorted(path for path in SAMPLES.glob("*.pcap*"))

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]

ENOUGH = 0.97
"""Share of facts; what is left is explained in docs/differences.md."""


def test_there_are_samples() -> None:
    assert CAPTURES


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_tshark_agrees(path: Path) -> None:
    comparisons = verify(str(path))
    agree, total = sum(row.agree for row in comparisons), sum(row.total for row in comparisons)
    different = {row.kind: row.differences[:3] for row in comparisons if row.differences}
    assert total > 10
    assert agree >= ENOUGH * total, different
    assert next(row for row in comparisons if row.kind == "capture.packets").differences == []


def test_what_tshark_cannot_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no capture")
    with pytest.raises(CaptureError, match="tshark cannot read it"):
        ask(str(tmp_path / "text"), find_tshark())
    with pytest.raises(CaptureError, match="verify needs a file"):
        ask("-", find_tshark())


def test_a_cut_capture_is_answered_in_part(tmp_path: Path) -> None:
    path = CAPTURES[0]
    (tmp_path / "cut").write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    whole = len(ask(str(path), find_tshark()))
    assert 0 < len(ask(str(tmp_path / "cut"), find_tshark())) < whole


def test_inside_a_running_event_loop() -> None:
    """A notebook runs one; verify must not need another in the same thread."""

    async def notebook() -> int:
        return sum(row.agree for row in verify(str(SAMPLES / "ping.pcapng")))

    assert asyncio.run(notebook()) > 10

"""``analyze evidence``: a file for each finding, the same that the report has inside."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from analyzer.pipeline import analyze as analysis_of
from analyzer.report.render import render
from tests.build import pcap_file
from tests.cli.conftest import Analyze
from tests.conftest import SAMPLES

CAPTURE = SAMPLES / "handshake-and-close.pcapng"


def test_the_files_are_those_of_the_report(analyze: Analyze, tmp_path: Path) -> None:
    done = analyze("evidence", CAPTURE, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    page = render(analysis_of(str(CAPTURE)))
    inside = dict(re.findall(r'download="([^"]+)" href="data:application/octet-stream;base64,([^"]+)"', page))
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert written == {name: base64.b64decode(data) for name, data in inside.items()}
    assert len(written) == 6
    assert done.out.splitlines()[0].startswith(str(tmp_path / "out" / "finding-1-TCP-SYN-UNANSWERED.pcapng"))
    assert "3 of 3 frames" in done.out


def test_one_finding(analyze: Analyze, tmp_path: Path) -> None:
    done = analyze("evidence", CAPTURE, "--finding", 2, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["finding-2-HTTP-NO-RESPONSE.pcapng"]


def test_no_such_finding(analyze: Analyze, tmp_path: Path) -> None:
    done = analyze("evidence", CAPTURE, "--finding", 99, "-o", tmp_path / "out")
    assert done.code == 2
    assert "there is no finding 99; there are 6" in done.err
    assert not (tmp_path / "out").exists()


def test_nothing_found(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "none.pcap").write_bytes(pcap_file([]))
    done = analyze("evidence", tmp_path / "none.pcap", "-o", tmp_path / "out")
    assert done.code == 0
    assert "there are no findings" in done.err
    assert not (tmp_path / "out").exists()

"""``--plotly shared``: one library beside a folder of reports, written once, whole, and never for standard output."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Analyze, visit

MEGABYTE = 1_000_000


def library(folder: Path) -> Path:
    (path,) = (folder / "assets").iterdir()
    return path


def test_reports_share_one_library(analyze: Analyze, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "second.pcap").write_bytes(visit())
    assert analyze(capture, "second.pcap", "-o", "out/", "-q", "--plotly", "shared").code == 0
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == ["assets", "second.pcap.html", "visit.pcap.html"]
    path = library(out)
    assert re.fullmatch(r"plotly-[0-9.]+\.min\.js", path.name)
    script = path.read_text("utf-8")
    assert f"plotly.js v{path.name.removeprefix('plotly-').removesuffix('.min.js')}" in script[:200]
    for report in out.glob("*.html"):
        text = report.read_text("utf-8")
        assert f'data-src="assets/{path.name}"' in text
        assert len(text) < MEGABYTE < len(script)
        digest = base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
        assert f'data-integrity="sha256-{digest}"' in text


def test_the_library_is_left_alone_when_it_is_there(analyze: Analyze, capture: Path, tmp_path: Path) -> None:
    assert analyze(capture, "-q", "--plotly", "shared").code == 0
    path = library(tmp_path / "reports")
    os.utime(path, (1, 1))
    number = path.stat().st_ino
    assert analyze(capture, "-q", "--plotly", "shared").code == 0
    assert (path.stat().st_mtime, path.stat().st_ino) == (1, number)


def test_a_damaged_library_is_replaced(analyze: Analyze, capture: Path, tmp_path: Path) -> None:
    assert analyze(capture, "-q", "--plotly", "shared").code == 0
    path = library(tmp_path / "reports")
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert analyze(capture, "-q", "--plotly", "shared").code == 0
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


def test_a_library_that_cannot_be_written_is_an_error_and_no_report(
    analyze: Analyze, capture: Path, tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "assets").write_text("a file where a folder should be")
    result = analyze(capture, "-q", "--plotly", "shared")
    assert result.code == 4
    assert result.err.count("\n") == 1
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["assets"]


def test_standard_output_cannot_share(analyze: Analyze, capture: Path) -> None:
    result = analyze(capture, "-o", "-", "--plotly", "shared")
    assert (result.code, result.out) == (2, "")
    assert "--plotly shared needs a folder" in result.err
    assert analyze(capture, "-f", "json", "-o", "-", "--plotly", "shared").code == 0  # has no charts


def test_without_the_option_a_report_is_one_file(analyze: Analyze, capture: Path, tmp_path: Path) -> None:
    assert analyze(capture, "-q").code == 0
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["visit.pcap.html"]
    assert "data-src" not in (tmp_path / "reports" / "visit.pcap.html").read_text("utf-8").partition("<script>")[0]


def test_two_processes_write_the_same_bytes(capture: Path, tmp_path: Path) -> None:
    """Whatever order sets and dictionaries of strings have there."""
    written = []
    for seed in ("0", "1234"):
        folder = tmp_path / seed
        command = [sys.executable, "-m", "analyzer", str(capture), "-q", "-o", f"{folder}/", "--plotly", "shared"]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        written.append({path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert len(written[0]) == 2
    assert written[0] == written[1]

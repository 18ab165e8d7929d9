"""The summary and the progress bar."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from analyzer import terminal
from analyzer.pipeline import analyze
from analyzer.terminal import Line, ProgressBar, print_summary, summary_lines
from tests import build
from tests.cli.conftest import lookup, unanswered, visit


class Screen(io.StringIO):
    """A terminal that remembers what was written."""

    def isatty(self) -> bool:
        return True


def lines_of(data: bytes, tmp_path: Path) -> list[Line]:
    path = tmp_path / "given.pcap"
    path.write_bytes(data)
    return summary_lines(analyze(str(path)), [Path("reports/given.pcap.html")])


def text(lines: list[Line], label: str) -> list[str]:
    """Return the lines of one label and those that continue it."""
    out: list[str] = []
    inside = False
    for line in lines:
        inside = line.label == label or (inside and not line.label)
        if inside:
            out.append(line.text)
    return out


def test_a_visit(tmp_path: Path) -> None:
    lines = lines_of(visit(), tmp_path)
    capture, *_ = text(lines, "Capture")
    assert "9 packets" in capture
    assert "80 ms" in capture  # nine packets, 10 ms apart
    assert "1970-01-01 00:00:01 UTC" in capture
    assert "1 HTTP request" in text(lines, "Happened")[0]
    assert text(lines, "Written") == ["reports/given.pcap.html"]


def test_what_failed_is_named(tmp_path: Path) -> None:
    failed = text(lines_of(unanswered(), tmp_path), "Failed")
    assert failed == ["TCP no answer  10.0.0.1 → 10.0.0.2 port 80 (stream 0)"]
    assert text(lines_of(lookup(b"nobody"), tmp_path), "Failed") == ["DNS no answer  A nobody"]
    broken = visit().replace(b"200 OK", b"503 No")
    assert text(lines_of(broken, tmp_path), "Failed") == ["503  GET http://shop.example/index.html (stream 0)"]


def test_a_long_list_is_cut_and_says_so() -> None:
    lines = list(terminal._listed("Failed", [f"row {n}" for n in range(100)], 100))
    assert [line.text for line in lines] == ["row 0", "row 1", "row 2", "… and 97 more"]
    assert [line.label for line in lines] == ["Failed", "", "", ""]


def test_a_terminal_and_a_pipe_get_the_same_words(tmp_path: Path) -> None:
    path = tmp_path / "given.pcap"
    path.write_bytes(visit())
    result = analyze(str(path))
    screen, pipe = Screen(), io.StringIO()
    print_summary(result, [], screen, color=False)
    print_summary(result, [], pipe)
    assert "\x1b[3" not in screen.getvalue()  # no colour
    assert "\x1b" not in pipe.getvalue()
    for word in ("Capture", "Happened", "9 packets"):
        assert word in screen.getvalue()
        assert word in pipe.getvalue()


def test_the_bar_comes_up_only_after_a_second_and_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(terminal, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def drawn(file: io.StringIO, seconds: float, *, enabled: bool = True) -> str:
        monkeypatch.setattr(sys, "stderr", file)
        now[0] = 0.0
        with ProgressBar("big\x1b[2J.pcap", enabled=enabled) as bar:
            bar("reading", 0.0)
            now[0] = seconds
            bar("reading", 0.5)
            bar("decoding", 7.0)
        return file.getvalue()

    shown = drawn(Screen(), 1.5)
    assert "big⟨U+001B⟩[2J.pcap: decoding" in shown
    assert "100%" in shown
    assert drawn(Screen(), 0.5) == ""
    assert drawn(io.StringIO(), 1.5) == ""
    assert drawn(Screen(), 1.5, enabled=False) == ""


def test_an_answer_cut_short_is_not_called_by_its_status_alone(tmp_path: Path) -> None:
    cut = visit().replace(b"Content-Length: 5", b"Content-Length: 9")
    told = "200, the client left  GET http://shop.example/index.html (stream 0)"
    assert text(lines_of(cut, tmp_path), "Failed") == [told]


def test_frames_of_other_protocols_are_named(tmp_path: Path) -> None:
    hello = build.eth(build.ip4(build.udp(b"x", sport=123, dport=123), proto=17))
    assert text(lines_of(build.pcap_file([(1, hello), (2, hello)]), tmp_path), "Frames") == ["NTP 2"]

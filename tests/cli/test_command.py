"""The command line's promises: what goes where, and which exit code comes back."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.cli import COMMANDS
from analyzer.version import __version__
from tests.cli.conftest import Analyze, lookup, unanswered, visit
from tests.conftest import default_signals

PROGRAM = [sys.executable, "-m", "analyzer"]
LIMIT_S = 60
"""A program that has not ended by then hangs."""


def test_a_capture_needs_no_subcommand(analyze: Analyze, capture: Path, tmp_path: Path) -> None:
    result = analyze(capture)
    assert result.code == 0
    assert result.err == ""
    report = tmp_path / "reports" / "visit.pcap.html"
    assert report.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")
    assert "reports/visit.pcap.html" in result.out
    assert "9 packets" in result.out
    assert "1 connection" in result.out


def test_json_to_standard_output_and_nothing_else(analyze: Analyze, capture: Path, tmp_path: Path) -> None:
    result = analyze(capture, "-f", "json", "-o", "-")
    assert (result.code, result.err) == (0, "")
    assert list(result.document)[:3] == ["schema_version", "analyzer_version", "capture"]
    (row,) = result.document["http"]
    assert (row["method"], row["target"], row["status"]) == ("GET", "/index.html", 200)
    assert not (tmp_path / "reports").exists()


def test_the_document_is_deterministic(analyze: Analyze, capture: Path) -> None:
    assert analyze(capture, "-f", "json", "-o", "-").out == analyze(capture, "-f", "json", "-o", "-").out


def test_quiet_prints_nothing(analyze: Analyze, capture: Path) -> None:
    result = analyze("-q", capture)
    assert (result.code, result.out, result.err) == (0, "", "")


def test_several_captures_and_formats(analyze: Analyze, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "visit.pcap"
    twin.write_bytes(unanswered())
    assert analyze(capture, twin, "-f", "html", "-f", "json", "-o", "out").code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["visit.pcap-2.html", "visit.pcap-2.json", "visit.pcap.html", "visit.pcap.json"]
    assert json.loads((tmp_path / "out" / "visit.pcap-2.json").read_text())["capture"]["packets"] == 3


def test_one_failing_capture_does_not_stop_the_others(analyze: Analyze, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").write_bytes(b"")
    result = analyze("bad.pcap", capture, "nowhere.pcap", "-o", "out/")
    assert result.code == 3
    assert result.err.count("\n") == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["visit.pcap.html"]


def test_the_worst_exit_code_wins(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes(visit()[:-5])
    (tmp_path / "alone.pcap").write_bytes(unanswered())
    options = ("--strict", "--fail-on", "note", "-q", "-f", "json", "-o", "out/")
    assert analyze("cut.pcap", "--strict", "-q").code == 7
    assert analyze("cut.pcap", "alone.pcap", *options).code == 6
    assert analyze("alone.pcap", "cut.pcap", *options).code == 6
    assert analyze("nowhere.pcap", "cut.pcap", "alone.pcap", *options).code == 3


@pytest.mark.parametrize("threshold", ["error", "warning", "note"])
def test_fail_on(threshold: str, analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "alone.pcap").write_bytes(unanswered())
    found = {row["severity"] for row in analyze("alone.pcap", "-f", "json", "-o", "-").document["findings"]}
    assert found & {"error", "warning"}, "three SYNs without any answer must be a finding"
    counted = ["error", "warning", "note"][: ["error", "warning", "note"].index(threshold) + 1]
    result = analyze("alone.pcap", "-q", "--fail-on", threshold)
    assert result.code == (6 if found & set(counted) else 0)
    assert (tmp_path / "reports" / "alone.pcap.html").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--no-such-option", "x"],
        ["x", "-f", "xml"],
        ["x", "--fail-on", "info"],
        ["x", "y", "-o", "-"],
        ["x", "y", "-o", "all.html"],
        ["verify"],
    ],
)
def test_a_wrong_call_is_one_line_and_2(arguments: list[str], analyze: Analyze) -> None:
    result = analyze(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("analyze: ")
    assert result.err.count("\n") == 1


def test_version_and_help(analyze: Analyze) -> None:
    assert analyze("--version").out == f"analyze {__version__}\n"
    text = analyze("--help").out
    for option in ("--output", "--format", "--reveal", "--open", "--quiet", "--no-color", "--fail-on", "--strict"):
        assert option in text
    for name in COMMANDS:
        assert f"analyze {name}" in " ".join(text.split())
        assert analyze(name, "--help").code == 0


def test_a_file_named_like_a_subcommand(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "verify").write_bytes(visit())
    assert analyze("./verify").code == 0
    assert analyze("--", "verify", "-q").code == 3  # after -- everything is a capture, and "-q" is none
    assert (tmp_path / "reports" / "verify.html").is_file()


def test_an_output_that_cannot_be_written(analyze: Analyze, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for target in ("file/below.html", "/dev/full"):
        result = analyze(capture, "-o", target)
        assert result.code == 4
        assert result.err.startswith(f"analyze: {target}: cannot be written: ")
        assert result.err.count("\n") == 1


def test_the_capture_is_never_replaced(analyze: Analyze, capture: Path) -> None:
    assert analyze(capture, "-o", capture).code == 2
    assert capture.read_bytes() == visit()


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "analyze: interrupted\n"),
        (MemoryError(), 3, "analyze: visit.pcap: there is not enough memory to analyze it\n"),
        (OSError(5, "Input/output error"), 3, "analyze: visit.pcap: Input/output error\n"),
        (ZeroDivisionError("\x1b[2J"), 1, "internal error (ZeroDivisionError: ⟨U+001B⟩[2J); please report it"),
    ],
)
def test_whatever_happens_is_one_line(
    error: BaseException, code: int, line: str, analyze: Analyze, capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import analyzer.pipeline

    def fail(*_: object) -> None:
        raise error

    monkeypatch.delenv("ANALYZER_DEBUG", raising=False)
    monkeypatch.setattr(analyzer.pipeline, "analyze", fail)
    result = analyze(capture.name)
    assert result.code == code
    assert line in result.err
    assert result.err.count("\n") == 1


def test_debug_shows_the_traceback(capture: Path) -> None:
    program = (
        "import sys, analyzer.pipeline as p\n"
        "def fail(*a): raise ZeroDivisionError\n"
        "p.analyze = fail\n"
        "from analyzer.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(capture)],
        capture_output=True,
        text=True,
        env={**os.environ, "ANALYZER_DEBUG": "1"},
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "-"], input=visit(), capture_output=True, cwd=tmp_path, timeout=LIMIT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "reports" / "stdin.html").is_file()


def test_a_reader_that_goes_away(capture: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*PROGRAM, str(capture), "-f", "json", "-o", "-"],
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=LIMIT_S,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("options", [["-f", "json", "-o", "-"], []])
def test_a_full_standard_output(options: list[str], capture: Path, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [*PROGRAM, str(capture), *options],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            timeout=LIMIT_S,
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr.count(b"\n") == 1
    assert b"standard output" in done.stderr


@pytest.mark.parametrize(("options", "code"), [("-q -o out.html", 0), ("-o out.html", 4), ("-q -f json -o -", 4)])
def test_a_standard_output_closed_from_the_start(options: str, code: int, capture: Path, tmp_path: Path) -> None:
    """``analyze … >&-`` in a shell."""
    line = shlex.join([*PROGRAM, str(capture), *options.split()])
    done = subprocess.run(
        ["sh", "-c", f"{line} >&-"], stderr=subprocess.PIPE, cwd=tmp_path, timeout=LIMIT_S, check=False
    )
    assert done.returncode == code
    assert done.stderr.count(b"\n") == (1 if code else 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_run_leaves_nothing(number: int, code: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = [*PROGRAM, "pipe", "-o", "out/"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, preexec_fn=default_signals) as process:
        with (tmp_path / "pipe").open("wb") as feed:  # opens when the program reads from the other end
            feed.write(visit()[:100])
            feed.flush()
            for _ in range(LIMIT_S // 2):
                # A signal that comes just before a blocking read wakes nobody up; a person presses Ctrl-C again.
                process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=2)
                    break
            else:
                process.kill()
        _, err = process.communicate()
    assert process.returncode == code
    assert err in (b"analyze: interrupted\n", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_open_starts_a_browser(
    analyze: Analyze, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import webbrowser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)) or True)
    assert analyze(capture, "--open", "-q", "-f", "html", "-f", "json").code == 0
    assert opened == [(tmp_path / "reports" / "visit.pcap.html").as_uri()]
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    assert "no browser" in analyze(capture, "--open", "-q").err


def test_hostile_names_do_nothing_to_the_terminal(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "evil.pcap").write_bytes(lookup(b"\x1b[2J[red]\xe2\x80\xaex"))
    result = analyze("evil.pcap")
    assert result.code == 0
    assert "[red]" in result.out, "markup is text"
    assert "\x1b" not in result.out
    assert "\u202e" not in result.out


def test_secrets_are_masked_unless_revealed(analyze: Analyze, tmp_path: Path) -> None:
    data = visit().replace(b"Host: shop.example", b"Cookie: id=topscrt")
    assert b"topscrt" in data
    (tmp_path / "secret.pcap").write_bytes(data)
    assert "topscrt" not in analyze("secret.pcap", "-f", "json", "-o", "-").out
    assert "topscrt" in analyze("secret.pcap", "-f", "json", "-o", "-", "--reveal").out

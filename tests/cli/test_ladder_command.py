"""``analyze ladder``: what is drawn at which width, what is said below, and what a wrong call gets."""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from analyzer.terminal import PLAIN
from analyzer.text_ladder import MAX_WIDTH, MIN_WIDTH, PIPE_WIDTH, wrapped
from tests import build
from tests.cli.conftest import SECOND, Analyze, unanswered, visit
from tests.playbook import Playbook

VISIT_100 = """\
Stream 0: client 10.0.0.1:40000, server 10.0.0.2:80
9 segments in 80 ms: 48 B from the client, 43 B from the server

 time, s frame                client                                               server
                   CLOSED (inferred) ┊                                           ┊ LISTEN (inferred)
0.000000     1              SYN_SENT │ SYN seq 0 win 64240 ─────────────────────▶┊
0.010000     2                       │◀─────────── SYN,ACK seq 0 ack 1 win 64240 │ SYN_RCVD
0.020000     3           ESTABLISHED │ ACK seq 1 ack 1 win 64240 ───────────────▶│ ESTABLISHED
0.030000     4                       │ PSH,ACK seq 1 ack 1 len 48 win 64240 ────▶│
                                     │   └ GET /index.html                       │
0.040000     5                       │◀───────────── PSH,ACK seq 1 ack 49 len 43 │
                                     │   └ 200 OK                                │
0.050000     6            FIN_WAIT_1 │ FIN,ACK seq 49 ack 44 win 64240 ─────────▶│
0.060000     7            FIN_WAIT_2 │◀───────────── ACK seq 44 ack 50 win 64240 │ CLOSE_WAIT
0.070000     8                       │◀───────── FIN,ACK seq 44 ack 50 win 64240 │ LAST_ACK
0.080000     9  TIME_WAIT (inferred) ┊ ACK seq 50 ack 45 win 64240 ─────────────▶│ CLOSED
"""


def test_one_visit_in_full(analyze: Analyze, capture: Path) -> None:
    result = analyze("ladder", capture)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(VISIT_100)
    assert "client's initial sequence number (ISN) is 1000" in result.out
    assert "\x1b" not in result.out


def lossy() -> Playbook:
    """A request whose answer loses a segment, with a pause before the close and a run of ordinary segments."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(b"GET /big HTTP/1.1\r\nHost: a.example\r\n\r\n")
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {1460 * 20}\r\n\r\n".encode()
    parts = p.server.prepare(head + bytes(1460 * 20))
    for n, part in enumerate(parts):
        p.at(90 + n).emit(part, delivered=n != 12)
    p.at(400).resend(parts[12:13])
    p.client.ack()
    p.at(2000).close()
    return p


def test_runs_silence_and_trouble(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "lossy.pcap").write_bytes(lossy().pcap())
    out = analyze("ladder", "lossy.pcap").out
    assert "⋯ 19 segments, 27.7 kB" in out
    assert "silence for 1.60 s" in out
    assert "retransmission" in out
    assert "└ GET /big" in out


@pytest.mark.parametrize("option", ["--stream=0", "--absolute"])
def test_options_on_a_capture_with_one_connection(option: str, analyze: Analyze, capture: Path) -> None:
    assert analyze("ladder", capture, option).code == 0


def test_absolute_numbers(analyze: Analyze, tmp_path: Path) -> None:
    book = Playbook(client_isn=2**32 - 1, server_isn=5000)  # the first byte of the client has the number 0
    book.handshake()
    book.at(50).client.send(b"x" * 10)
    book.at(90).server.ack()
    (tmp_path / "wrap.pcap").write_bytes(book.pcap())
    out = analyze("ladder", "wrap.pcap", "--absolute").out
    assert "SYN seq 4294967295 " in out
    assert "SYN,ACK seq 5000 ack 0 " in out
    assert "PSH,ACK seq 0 ack 5001 len 10 " in out
    assert "ACK seq 5001 ack 10 " in out
    assert "relative" not in out
    assert "SYN,ACK seq 0 ack 1 " in analyze("ladder", "wrap.pcap").out


def test_absolute_numbers_that_nobody_knows(analyze: Analyze, tmp_path: Path) -> None:
    book = Playbook()
    book.recording = False
    book.handshake()
    book.recording = True
    book.at(50).client.send(b"x" * 10)
    (tmp_path / "mid.pcap").write_bytes(book.pcap())
    out = analyze("ladder", "mid.pcap", "--absolute").out
    assert "The client's and the server's first sequence number is not in this capture" in " ".join(out.split())
    assert "PSH,ACK seq 1 ack 1 len 10 " in out


def test_rows_are_limited_and_it_says_so(analyze: Analyze, capture: Path) -> None:
    out = analyze("ladder", capture, "--rows", 3).out
    assert "Showing 3 of 9 segments; --rows N shows more." in out
    assert "ESTABLISHED" in out
    assert "FIN" not in out.split("Showing")[0]
    assert "Showing" not in analyze("ladder", capture, "--rows", 9).out


def test_secrets_are_masked_until_asked_for(analyze: Analyze, tmp_path: Path) -> None:
    book = Playbook()
    book.handshake()
    book.at(50).client.send(b"GET /?password=hunter2 HTTP/1.1\r\nHost: a.example\r\n\r\n")
    (tmp_path / "secret.pcap").write_bytes(book.pcap())
    assert "hunter2" not in analyze("ladder", "secret.pcap").out
    assert "hunter2" in analyze("ladder", "secret.pcap", "--reveal").out


def test_a_hostile_target_neither_escapes_nor_breaks_the_drawing(analyze: Analyze, tmp_path: Path) -> None:
    book = Playbook(mss=60_000)
    book.handshake()
    target = "/\x1b[2J\u202e" + "龍" * 200 + "\x9b31m"
    book.at(50).client.send(f"GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode())
    (tmp_path / "hostile.pcap").write_bytes(book.pcap())
    result = analyze("ladder", "hostile.pcap")
    assert result.code == 0
    for char in "\x1b\x9b\u202e":
        assert char not in result.out
    drawing = [line for line in result.out.splitlines() if "│" in line or "┊" in line]
    assert "龍" in result.out
    assert all(cell_len(line) <= PIPE_WIDTH for line in drawing)


# ── which connection ─────────────────────────────────────────────────────────────────────────────────────────────


def two() -> bytes:
    """Two SYNs from different ports."""
    syns = (build.eth(build.ip4(build.tcp(sport=40000 + n, dport=80))) for n in range(2))
    return build.pcap_file((SECOND * (n + 1), packet) for n, packet in enumerate(syns))


def test_more_than_one_connection_needs_a_choice(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "two.pcap").write_bytes(two())
    result = analyze("ladder", "two.pcap")
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    for words in ("2 TCP connections", "--stream", "0: 10.0.0.1:40000 → 10.0.0.2:80", "1: 10.0.0.1:40001"):
        assert words in result.err
    assert "10.0.0.1:40001" in analyze("ladder", "two.pcap", "--stream", 1).out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--stream", "9"], "no stream 9"),
        (["--stream", "-1"], "--stream"),
        (["--stream", "x"], "--stream"),
        (["--rows", "0"], "--rows"),
        (["another.pcap"], "another.pcap"),
    ],
)
def test_a_wrong_call_is_one_line_and_2(options: list[str], words: str, analyze: Analyze, capture: Path) -> None:
    result = analyze("ladder", capture, *options)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert words in result.err


def test_no_tcp_at_all(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "udp.pcap").write_bytes(build.pcap_file([(SECOND, build.eth(build.ip4(build.udp(b"x"), proto=17)))]))
    result = analyze("ladder", "udp.pcap")
    assert (result.code, result.err) == (2, "analyze: udp.pcap: there is no TCP connection in it\n")


def test_an_unreadable_capture(analyze: Analyze) -> None:
    assert analyze("ladder", "nowhere.pcap").code == 3


# ── terminals ────────────────────────────────────────────────────────────────────────────────────────────────────


def in_terminal(columns: int, *arguments: str) -> list[str]:
    """Run the command in a terminal of this width and return what it shows, without colours."""
    import fcntl
    import re
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    environment |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "analyzer", "ladder", *arguments]
    with subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(slave)
        out = b""
        while True:
            try:
                part = os.read(master, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            out += part
    os.close(master)
    assert process.returncode == 0
    assert b"\x1b[" in out, "a terminal gets colours"
    return re.sub(r"\x1b\[[0-9;]*m", "", out.decode()).replace("\r", "").splitlines()


@pytest.mark.parametrize(("columns", "most"), [(40, MIN_WIDTH), (80, 80), (120, 120), (300, MAX_WIDTH)])
def test_it_fits_the_terminal(columns: int, most: int, tmp_path: Path) -> None:
    path = tmp_path / "lossy.pcap"
    path.write_bytes(lossy().pcap())
    lines = in_terminal(columns, str(path))
    assert max(cell_len(line) for line in lines) <= most
    text = "\n".join(lines)
    for word in ("FIN_WAIT_2", "retransmission", "GET /big", "TIME_WAIT"):
        assert word in text
    assert ("TIME_WAIT (inferred)" in text) == (columns > 80)
    assert ("+40 ms" in text) == (columns > 100)
    # In a wide one notes stand beside their segment, in a narrow one below it.
    (note,) = [line for line in lines if "GET /big" in line]
    assert ("PSH,ACK" in note) == (columns > 120)
    # The bands are straight: every line of the drawing has them in the same columns.
    places = {tuple(k for k, char in enumerate(line) if char in "│┊") for line in lines if "│" in line or "┊" in line}
    drawn = {place for place in places if len(place) == 2}
    assert len(drawn) == 1


def test_an_encoding_without_arrows_gets_plain_ones(capture: Path) -> None:
    command = [sys.executable, "-m", "analyzer", "ladder", str(capture)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, check=True, timeout=60)
    text = done.stdout.decode("ascii")
    assert "\\u" not in text.split("Sequence numbers")[0]
    assert "----->:" in text
    assert "|<-----" in text
    assert "| SYN seq 0 win 64240 -----" in text
    assert all(ord(plain) < 128 for plain in map(chr, PLAIN.values()))


# ── words in lines ───────────────────────────────────────────────────────────────────────────────────────────────


def test_words_are_wrapped_between_words() -> None:
    assert wrapped("the quick brown fox", 10) == ["the quick", "brown fox"]
    assert wrapped("", 10) == [""]
    assert wrapped("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert wrapped("the quick brown fox", 10, most=1) == ["the quick…"]


def test_wide_characters_count_twice() -> None:
    assert wrapped("龍" * 7, 5) == ["龍龍", "龍龍", "龍龍", "龍"]


def test_nobody_answered(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "alone.pcap").write_bytes(unanswered())
    out = " ".join(analyze("ladder", "alone.pcap").out.split())
    assert "unknown (inferred)" in out
    assert "Filtered: the client sent 3 SYNs and nothing at all came back." in out


def test_a_capture_cut_in_the_middle_is_drawn_as_far_as_it_goes(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes(visit()[:-5])
    result = analyze("ladder", "cut.pcap")
    assert result.code == 0
    assert "8 segments" in result.out

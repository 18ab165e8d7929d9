"""OICQ: the header of QQ's classic protocol, commands with their answers, and tshark's opinion of real captures."""

from __future__ import annotations

import struct
import subprocess
from collections import Counter
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.masking import mask_accounts
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.protocols.base import Datagram
from analyzer.protocols.collect import on_ports
from analyzer.protocols.oicq import PORTS, exchanges, parse
from tests import build

CLIENT, SERVER = ("10.0.0.1", 4000), ("192.0.2.9", 8000)
LOGOUT = bytes.fromhex("02 3b0b 0001 0017 561f3fdb") + b"sealed" + b"\x03"
"""Version 0x3b0b, command 1, sequence 23, user 0x561f3fdb."""
USER = "1444888539"


def message(command: int = 2, sequence: int = 7, qq: int = 12345678, body: bytes = b"?") -> bytes:
    return b"\x02" + struct.pack(">HHHI", 0x3619, command, sequence, qq) + body + b"\x03"


def sent(*parts: tuple[float, str, bytes]) -> list[Datagram]:
    """Return (ms, ``>`` from the client or ``<`` from the server, bytes) as frames 1, 2, 3 ..."""
    out = []
    for frame, (ms, way, payload) in enumerate(parts, 1):
        source, destination = (CLIENT, SERVER) if way == ">" else (SERVER, CLIENT)
        out.append(Datagram(frame, round(ms * 1e6), *source, *destination, payload))
    return out


def test_header() -> None:
    header = parse(LOGOUT)
    assert header is not None
    assert (header.version, header.command, header.sequence, str(header.qq)) == (0x3B0B, 1, 23, USER)
    (row,) = exchanges(sent((0, ">", LOGOUT)))
    assert (row.command_name, row.qq, row.outcome, row.sent_by) == ("log out", USER, "unanswered", "client")
    assert (row.client, row.client_port, row.server, row.server_port) == (*CLIENT, *SERVER)
    assert row.recognised_by == "port_start_end"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x02\x03",
        LOGOUT[:-1],  # no end byte
        b"\x03" + LOGOUT[1:],  # no start byte
        LOGOUT[:10] + b"\x03",  # no room for the user's number
        b"\xfe\x45\x00" + bytes(20) + b"\x03",
    ],
)
def test_what_is_none(payload: bytes) -> None:
    assert parse(payload) is None
    assert exchanges(sent((0, ">", payload))) == []


def test_cut_by_the_recorder() -> None:
    """The end byte cannot be asked for where the recorder cut it off."""
    cut = Datagram(1, 0, *CLIENT, *SERVER, LOGOUT[:11], True)
    (row,) = exchanges([cut])
    assert (row.qq, row.recognised_by) == (USER, "port_start")
    assert exchanges([Datagram(1, 0, *CLIENT, *SERVER, LOGOUT[:10], True)]) == []


def test_command_and_answer() -> None:
    (row,) = exchanges(sent((0, ">", message()), (35.5, "<", message(body=b"ok"))))
    assert (row.request_frame, row.reply_frame, row.latency_ms, row.attempts) == (1, 2, 35.5, 1)
    assert (row.outcome, row.command_name) == ("answered", "keep alive")


def test_retries() -> None:
    """The latency is what the user waited: from the first attempt."""
    (row,) = exchanges(
        sent((0, ">", message()), (3000, ">", message()), (3040, "<", message()), (3041, "<", message()))
    )
    assert (row.request_frames, row.reply_frames, row.attempts, row.latency_ms) == ((1, 2), (3, 4), 2, 3040.0)


def test_recorded_twice_is_one_attempt() -> None:
    (row,) = exchanges(sent((0, ">", message()), (0.01, ">", message()), (3000, ">", message())))
    assert (row.request_frames, row.attempts) == ((1, 2, 3), 2)


def test_server_begins() -> None:
    """A message that arrives is a command of the server, and the client confirms it."""
    alone, confirmed = exchanges(sent((0, "<", message(23, 1)), (1, "<", message(23, 2)), (2, ">", message(23, 2))))
    assert (alone.sent_by, alone.outcome, alone.command_name) == ("server", "unsolicited", "receive message")
    assert (confirmed.outcome, confirmed.reply_frame, confirmed.client, confirmed.server) == (
        "answered",
        3,
        CLIENT[0],
        SERVER[0],
    )


@pytest.mark.parametrize(
    "other",
    [message(command=3), message(sequence=8), message(qq=99999999)],
    ids=["command", "sequence", "user"],
)
def test_other_exchanges(other: bytes) -> None:
    assert len(exchanges(sent((0, ">", message()), (1, "<", other)))) == 2


def test_sequence_numbers_come_round() -> None:
    rows = exchanges(sent((0, ">", message()), (61_000, ">", message())))
    assert [row.request_frames for row in rows] == [(1,), (2,)]


def test_unknown_command() -> None:
    (row,) = exchanges(sent((0, ">", message(command=777))))
    assert row.command_name == "command 777"


@given(st.lists(st.tuples(st.sampled_from("<>"), st.binary(max_size=40)), max_size=10))
def test_any_bytes(parts: list[tuple[str, bytes]]) -> None:
    datagrams = sent(*((at, way, payload) for at, (way, payload) in enumerate(parts)))
    rows = exchanges(datagrams)
    frames = [frame for row in rows for frame in row.request_frames + row.reply_frames]
    read = [d.frame for d in datagrams if parse(d.payload) is not None]
    assert sorted(frames) == read


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_reads_what_was_written(command: int, sequence: int, qq: int, body: bytes) -> None:
    header = parse(message(command, sequence, qq, body))
    assert header is not None
    assert (header.version, header.command, header.sequence, header.qq) == (0x3619, command, sequence, qq)


def test_masking() -> None:
    rows = exchanges(sent((0, ">", LOGOUT), (1, ">", message(qq=7))))
    shown, count = mask_accounts(rows)
    assert ([row.qq for row in shown], count) == (["[masked]39", "[masked]"], 2)
    assert mask_accounts(shown) == (shown, 0)


@pytest.mark.parametrize("reveal", [False, True])
def test_number_is_shown_on_demand(tmp_path: Path, reveal: bool) -> None:
    path = tmp_path / "qq.pcap"
    path.write_bytes(build.pcap_file([(0, build.eth(build.ip4(build.udp(LOGOUT, dport=8000), proto=17)))]))
    analysis = analyze(str(path), Options(reveal=reveal))
    (row,) = analysis.oicq
    assert (row.qq, analysis.masked) == ((USER, 0) if reveal else ("[masked]39", 1))
    (finding,) = analysis.findings
    assert (finding.code, finding.severity, finding.frames) == ("OICQ-CLEAR", "note", (1,))
    assert USER not in str(finding.args)


FIELDS = ("frame.number", "oicq.version", "oicq.command", "oicq.seq", "oicq.qqid")


@pytest.mark.shared
@pytest.mark.skipif(which("tshark") is None, reason="tshark is not installed")
def test_as_tshark_says(shared_captures: Path) -> None:
    """Every frame that tshark calls OICQ is in a row with the same header, and nothing else is."""
    compared = 0
    for path in sorted((shared_captures / "oicq").glob("*.pcap")):
        command = ["tshark", "-n", "-r", str(path), "-Y", "oicq", "-T", "fields"]
        command += [part for name in FIELDS for part in ("-e", name)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        theirs = Counter(tuple(int(value, 0) for value in line.split("\t")) for line in lines)
        rows = exchanges(on_ports(decode(open_capture(str(path), Options()), Options()), PORTS))
        ours = Counter(
            (frame, row.version, row.command, row.sequence, int(row.qq or 0))
            for row in rows
            for frame in row.request_frames + row.reply_frames
        )
        assert ours == theirs, path.name
        compared += len(lines)
    assert compared == 444

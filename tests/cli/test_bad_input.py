"""What bad input gets: one clear line and the right exit code, or a partial report. Never a traceback."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from tests.build import eth, ip4, pcap_file, pcapng_file, tcp
from tests.cli.conftest import SECOND, Analyze, visit

PACKET = eth(ip4(tcp(b"x" * 400, flags="PA")))


def lying_first_block() -> bytes:
    data = bytearray(pcapng_file([(SECOND, PACKET)]))
    data[4:8] = struct.pack("<I", 0xFFFF_FFF0)
    return bytes(data)


UNREADABLE = {
    "empty": (b"", "the file is empty"),
    "html": (b"<!DOCTYPE html>\n<html><body>404 not found</body></html>", "an HTML page"),
    "text": (b"just some words\n" * 20, ""),
    "cut header": (visit()[:10], "at byte"),
    "cut magic": (visit()[:3], ""),
    "lying first block": (lying_first_block(), "at byte"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_capture_gets_one_line(name: str, analyze: Analyze, tmp_path: Path) -> None:
    data, reason = UNREADABLE[name]
    path = tmp_path / "given.pcap"
    path.write_bytes(data)
    result = analyze(path)
    assert result.code == 3
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert result.err.startswith(f"analyze: {path}: ")
    assert reason in result.err
    assert not (tmp_path / "reports").exists()


def test_a_directory(analyze: Analyze, tmp_path: Path) -> None:
    result = analyze(tmp_path)
    assert (result.code, result.out) == (3, "")
    assert result.err == f"analyze: {tmp_path}: it is a directory, not a capture\n"


def test_a_missing_file(analyze: Analyze) -> None:
    result = analyze("nowhere.pcap")
    assert (result.code, result.err) == (3, "analyze: nowhere.pcap: there is no such file\n")


def test_an_unreadable_file(analyze: Analyze, tmp_path: Path) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(visit())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user (root) may read every file")
    result = analyze(path)
    assert result.code == 3
    assert "permission denied" in result.err


def test_a_file_that_fails_while_it_is_read(analyze: Analyze) -> None:
    """/proc/self/mem opens and then refuses to be read."""
    result = analyze("/proc/self/mem")
    assert result.code == 3
    assert result.err.count("\n") == 1


def test_a_hostile_path_is_shown_safely(analyze: Analyze) -> None:
    result = analyze("a\x1b[2Jb\nc")
    assert result.code == 3
    assert result.err.count("\n") == 1
    assert "\x1b" not in result.err


def lying_later_block() -> bytes:
    data = pcapng_file([(SECOND, PACKET), (2 * SECOND, PACKET)])
    second = data.rindex(PACKET) - 28
    return data[: second + 4] + struct.pack("<I", 0x7FFF_FFF0) + data[second + 8 :]


PARTIAL = {
    "cut inside a packet": visit()[:-20],
    "cut inside a record header": visit()[: -(len(visit()) - visit().rindex(b"\x02\0\0\0\0\x02")) - 5],
    "a later block length lies": lying_later_block(),
}


@pytest.mark.parametrize("name", PARTIAL)
def test_a_damaged_capture_is_reported_in_part(name: str, analyze: Analyze, tmp_path: Path) -> None:
    path = tmp_path / "damaged.pcap"
    path.write_bytes(PARTIAL[name])

    result = analyze(path)
    assert result.code == 0
    assert "Partial" in result.out
    assert (tmp_path / "reports" / "damaged.pcap.html").is_file()

    document = analyze(path, "-f", "json", "-o", "-").document
    assert document["capture"]["partial"] is True
    assert document["capture"]["partial_why"]
    assert document["capture"]["ledger"]["truncated_file"] is True
    assert document["capture"]["packets"] >= 1

    strict = analyze(path, "--strict", "-q")
    assert strict.code == 7
    assert strict.err.count("\n") == 1


def test_zero_packets(analyze: Analyze, tmp_path: Path) -> None:
    path = tmp_path / "none.pcap"
    path.write_bytes(pcap_file([]))
    assert analyze(path).code == 0
    document = analyze(path, "-f", "json", "-o", "-").document
    assert document["capture"]["packets"] == 0
    assert document["capture"]["start_time"] is None
    assert analyze(path, "--strict").code == 0


def test_an_unknown_link_type(analyze: Analyze, tmp_path: Path) -> None:
    path = tmp_path / "odd.pcap"
    path.write_bytes(pcap_file([(SECOND, b"\x01\x02\x03\x04")] * 3, link_type=60_000))
    assert analyze(path).code == 0
    ledger = analyze(path, "-f", "json", "-o", "-").document["capture"]["ledger"]
    assert sum(ledger["unsupported"].values()) == 3
    assert ledger["decoded"] == 0


def test_a_snaplen_of_64(analyze: Analyze, tmp_path: Path) -> None:
    path = tmp_path / "short.pcap"
    path.write_bytes(pcap_file([(SECOND, PACKET[:64], len(PACKET))], snaplen=64))
    assert analyze(path).code == 0
    document = analyze(path, "-f", "json", "-o", "-").document
    assert document["capture"]["ledger"]["cut_by_snaplen"] == 1
    (row,) = document["tcp"]
    assert row["client_bytes"] + row["server_bytes"] == 400  # from the IP header, not from what was kept


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_a_capture_cut_anywhere_is_read_or_refused(
    kind: str, big_endian: bool, analyze: Analyze, tmp_path: Path
) -> None:
    make = pcap_file if kind == "pcap" else pcapng_file
    data = make([(SECOND, PACKET[:90]), (2 * SECOND, PACKET[:90])], big_endian=big_endian)
    path = tmp_path / "cut"
    codes = set()
    for length in range(0, len(data), 5):
        path.write_bytes(data[:length])
        result = analyze(path, "-f", "json", "-o", "-")
        assert result.code in (0, 3), (length, result.err)
        if result.code == 0:
            ledger = result.document["capture"]["ledger"]
            parts = ledger["decoded"] + ledger["fragments"] + sum(ledger["unsupported"].values())
            assert parts + sum(ledger["malformed"].values()) == result.document["capture"]["packets"]
        codes.add(result.code)
    assert codes == {0, 3}

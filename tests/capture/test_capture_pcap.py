"""Classic pcap: kinds of file, odd values, where reading stops."""

from __future__ import annotations

import struct

import pytest

from analyzer.capture import pcap
from analyzer.capture.model import PacketIndex
from analyzer.errors import CorruptCaptureError, UnsupportedFormatError
from tests.build import pcap_file
from tests.capture.reading import codes, packets, read

BODY = b"\x11" * 20
T = 1_700_000_000_123_456_789


def header(magic: int = 0xA1B2C3D4, version: tuple[int, int] = (2, 4), network: int = 1, order: str = "<") -> bytes:
    """File header with a snaplen of 65535."""
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, 65535, network)


def record(seconds: int = 1, fraction: int = 2, first: int = 20, second: int = 20, extra: bytes = b"") -> bytes:
    """Record header in little endian, its extra fields, and 20 bytes."""
    return struct.pack("<IIII", seconds, fraction, first, second) + extra + BODY


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_every_kind_of_file(big_endian: bool, nanoseconds: bool) -> None:
    index = read(
        pcap_file([(T, b"abc"), (T + 5_000, b"", 60)], big_endian=big_endian, nanoseconds=nanoseconds, link_type=101)
    )
    time = T if nanoseconds else T // 1000 * 1000
    assert packets(index) == [(time, b"abc", 3), (time + 5_000, b"", 60)]
    assert (index.format, index.byte_order) == ("pcap", "big" if big_endian else "little")
    interface = index.interfaces[0]
    assert (interface.link_type, interface.link_name, interface.snaplen) == (101, "Raw IP", 262144)
    assert interface.ticks_per_second == (10**9 if nanoseconds else 10**6)
    assert not index.truncated
    assert index.bytes_unread == 0
    assert index.problems == ()


def test_bytes_by_hand() -> None:
    """One packet of four bytes, 2009-02-13 23:31:30.000007 UTC, written out by hand."""
    data = bytes.fromhex(
        "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000"  # magic, 2.4, zone, accuracy, snaplen, Ethernet
        "d2029649 07000000 04000000 40000000 deadbeef"  # 1234567890 s, 7 us, 4 captured of 64
    )
    assert packets(read(data)) == [(1_234_567_890_000_007_000, b"\xde\xad\xbe\xef", 64)]


def test_no_packets() -> None:
    index = read(pcap_file([]))
    assert len(index) == 0
    assert not index.truncated


def test_seconds_are_unsigned_and_fractions_stand_as_they_are() -> None:
    """Seen with tshark 4.0: 0xffffffff s is the year 2106, 2000000 us are two seconds, 0xffffffff us is -1 us."""
    data = header() + record(0xFFFFFFFF, 0) + record(1, 2_000_000) + record(1, 0xFFFFFFFF)
    index = read(data)
    assert index.time.tolist() == [4_294_967_295_000_000_000, 3_000_000_000, 999_999_000]
    assert codes(index) == ["PCAP-BAD-TIME"]
    assert index.problems[0].offset == 24 + 36


def test_link_type_field_with_checksum_length() -> None:
    """The top bits say how long the frame check sequence is (draft-ietf-opsawg-pcap), not what the link is."""
    assert read(header(network=0x24000001) + record()).interfaces[0].link_type == 1


def test_reserved_link_type_bits() -> None:
    with pytest.raises(UnsupportedFormatError, match="0x00200001 has reserved bits set at byte 20"):
        read(header(network=0x00200001) + record())


def test_unknown_link_type_is_read() -> None:
    index = read(header(network=4000) + record())
    assert len(index) == 1
    assert index.interfaces[0].link_name == "link type 4000"


def test_more_captured_than_on_the_wire() -> None:
    index = read(header() + record(first=20, second=5) + record())
    assert index.caplen.tolist() == [20, 20]
    assert index.wirelen.tolist() == [5, 20]


@pytest.mark.parametrize("version", [(2, 2), (2, 0), (543, 0)])
def test_lengths_swapped_in_old_versions(version: tuple[int, int]) -> None:
    index = read(header(version=version) + record(first=64, second=20) * 2)
    assert (index.caplen.tolist(), index.wirelen.tolist()) == ([20, 20], [64, 64])


def test_lengths_perhaps_swapped_in_version_2_3() -> None:
    data = header(version=(2, 3)) + record(first=64, second=20) + record(first=20, second=70)
    index = read(data)
    assert (index.caplen.tolist(), index.wirelen.tolist()) == ([20, 20], [64, 70])
    cut = read(data[:-1])
    assert cut.caplen.tolist() == [20]
    assert codes(cut) == ["PCAP-CUT-PACKET"]


def test_version_1() -> None:
    with pytest.raises(UnsupportedFormatError, match=r"pcap version 1\.4 is not supported"):
        read(header(version=(1, 4)) + record())


def test_aix() -> None:
    """AIX: version 2.2, interface type 6 for Ethernet, nanoseconds under the plain magic, lengths swapped."""
    index = read(header(version=(2, 2), network=6) + record(first=30, second=20) * 2)
    assert index.interfaces[0].link_type == 1
    assert packets(index) == [(1_000_000_002, BODY, 30)] * 2


@pytest.mark.parametrize(
    ("magic", "between", "extra"),
    [
        (0xA1B2CD34, b"", b"\1\0\0\0\x00\x08\0\0"),  # patched libpcap: interface, protocol, packet type
        (0xA1B2CD34, b"", b"\1\0\0\0\x00\x08\0\0\0\0\0\0"),  # a variant with four bytes more
        (0xA1B2C3D4, b"", b"\1\0\0\0\x00\x08\0\0"),  # the same under the plain magic
        (0xA1B2C3D4, b"", b"\0\0\0\0"),  # Nokia
        (0x1C0001AC, b"\x6c\0\0\0", b""),  # Ixia: the length of all records after the file header
    ],
)
def test_longer_record_headers(magic: int, between: bytes, extra: bytes) -> None:
    index = read(header(magic) + between + record(extra=extra) * 3)
    assert packets(index) == [(1_000_002_000, BODY, 20)] * 3
    assert not index.truncated


def test_odd_time_does_not_look_like_another_record_header() -> None:
    index = read(header() + record() + record(fraction=1_000_000) + record())
    assert index.time.tolist() == [1_000_002_000, 2_000_000_000, 1_000_002_000]


def test_length_that_lies() -> None:
    """A record longer than libpcap's 262144 ends the reading; what came before stays."""
    index = read(header() + record() + record(first=262145) + b"\0" * 300_000)
    assert len(index) == 1
    assert index.truncated
    assert codes(index) == ["PCAP-BAD-LENGTH"]
    assert index.problems[0].offset == 60
    assert index.bytes_unread == 36 + 300_000


def test_longest_record() -> None:
    long = struct.pack("<IIII", 1, 2, 262144, 262144) + bytes(262144)
    assert read(header() + long + record()).caplen.tolist() == [262144, 20]


def test_dbus_may_be_longer() -> None:
    long = struct.pack("<IIII", 1, 2, 1 << 20, 1 << 20) + bytes(1 << 20)
    assert read(header(network=231) + long + record()).caplen.tolist() == [1 << 20, 20]


def test_first_length_lies() -> None:
    with pytest.raises(CorruptCaptureError, match="nothing can be read: a record claims 2147483648 bytes") as caught:
        read(header() + record(first=1 << 31))
    assert caught.value.offset == 24


def test_cut_inside_a_packet() -> None:
    index = read((header() + record() * 2)[:-1])
    assert len(index) == 1
    assert index.truncated
    assert index.bytes_unread == 35
    assert index.problems[0].message == "the file ends inside a packet: 19 of its 20 bytes are there"
    assert index.problems[0].offset == 60


def columns(index: PacketIndex) -> list[list[int]]:
    return [column.tolist() for column in (index.offset, index.caplen, index.wirelen, index.time, index.interface)]


@pytest.mark.parametrize("window", [16, 17, 63, 64, 1000])
@pytest.mark.parametrize("big_endian", [False, True])
def test_windows_do_not_show(window: int, big_endian: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pcap_file([(T + i, bytes([i]) * (i * 7 % 41)) for i in range(60)], big_endian=big_endian)
    whole = read(data)
    cut = read(data[:-3])
    monkeypatch.setattr(pcap, "WINDOW_BYTES", window)
    assert columns(read(data)) == columns(whole)
    assert columns(read(data[:-3])) == columns(cut)
    assert len(whole) == 60

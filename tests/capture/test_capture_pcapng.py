"""pcapng: sections, interfaces, every block type, and where reading stops."""

from __future__ import annotations

import struct

import pytest

from analyzer.capture import pcapng, tlv
from analyzer.capture.model import Secrets
from analyzer.errors import CorruptCaptureError, UnsupportedFormatError
from tests.build import (
    pcapng_block,
    pcapng_file,
    pcapng_interface,
    pcapng_option,
    pcapng_packet,
    pcapng_section,
)
from tests.capture.reading import codes, packets, read

T = 1_700_000_000_123_456_789
BODY = b"\x11" * 21
ORDERS = pytest.mark.parametrize("big_endian", [False, True])


def start(big_endian: bool = False) -> bytes:
    """A section with one Ethernet interface in nanoseconds."""
    return pcapng_section(big_endian=big_endian) + pcapng_interface(big_endian=big_endian)


def packet(time: int = T, *, interface: int = 0, options: bytes = b"", big_endian: bool = False) -> bytes:
    return pcapng_packet((time, BODY), interface=interface, options=options, big_endian=big_endian)


@ORDERS
@pytest.mark.parametrize("ticks", [None, 6, 9])
def test_plain_file(big_endian: bool, ticks: int | None) -> None:
    index = read(pcapng_file([(T, b"abc"), (T + 5_000, b"", 60)], big_endian=big_endian, ticks=ticks))
    time = T if ticks == 9 else T // 1000 * 1000
    assert packets(index) == [(time, b"abc", 3), (time + 5_000, b"", 60)]
    assert (index.format, index.byte_order) == ("pcapng", "big" if big_endian else "little")
    assert index.interfaces[0].ticks_per_second == (10**9 if ticks == 9 else 10**6)
    assert not index.truncated
    assert index.problems == ()


def test_bytes_by_hand() -> None:
    """One packet of four bytes, 2009-02-13 23:31:30.000007 UTC, written out by hand."""
    data = bytes.fromhex(
        "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000"
        "01000000 14000000 0100 0000 00000000 14000000"
        # 1234567890000007 us = 0x000462D5 3C88D887
        "06000000 24000000 00000000 d5620400 87d8883c 04000000 40000000 deadbeef 24000000"
    )
    assert packets(read(data)) == [(1_234_567_890_000_007_000, b"\xde\xad\xbe\xef", 64)]


@ORDERS
def test_what_the_file_says_of_itself(big_endian: bool) -> None:
    def option(code: int, value: bytes) -> bytes:
        return pcapng_option(code, value, big_endian=big_endian)

    order = ">" if big_endian else "<"
    section = option(2, b"a machine") + option(3, b"an OS") + option(4, b"dumpcap") + option(1, b"of the section")
    interface = option(2, b"eth0") + option(3, b"uplink") + option(1, "über".encode())
    lost = option(4, struct.pack(order + "Q", 999)) + option(5, struct.pack(order + "Q", 7))
    names = (
        struct.pack(order + "HH", 1, 4 + 10) + b"\xc0\x00\x02\x01one\0one.1\0" + b"\0\0"
        + struct.pack(order + "HH", 2, 16 + 2) + bytes(15) + b"\x01l\0" + b"\0\0"
        + b"\0\0\0\0"
    )  # fmt: skip
    index = read(
        pcapng_section(options=section, big_endian=big_endian)
        + pcapng_interface(options=interface, snaplen=96, big_endian=big_endian)
        + pcapng_block(4, names, big_endian=big_endian)
        + pcapng_block(10, struct.pack(order + "II", 0x544C534B, 5) + b"x y z", big_endian=big_endian)
        + packet(options=option(2, b"\0\0\0\1") + option(1, b"first") + option(1, b"second"), big_endian=big_endian)
        + packet(big_endian=big_endian)
        + packet(options=option(1, b"third"), big_endian=big_endian)
        + pcapng_block(5, struct.pack(order + "III", 0, 0, 0), options=lost, big_endian=big_endian)
    )
    assert index.application == "dumpcap"
    assert index.extra == {"hardware": "a machine", "os": "an OS"}
    assert index.comments == ((None, "of the section"), (None, "über"), (1, "first"), (1, "second"), (3, "third"))
    assert index.names == (("192.0.2.1", "one"), ("192.0.2.1", "one.1"), ("::1", "l"))
    assert index.secrets == (Secrets(0x544C534B, b"x y z"),)
    only = index.interfaces[0]
    assert (only.name, only.description, only.snaplen, only.drops) == ("eth0", "uplink", 96, 7)
    assert index.problems == ()


def test_statistics_count_up() -> None:
    """Each statistics block replaces the one before it; what the system dropped comes on top."""
    blocks = b"".join(
        pcapng_block(
            5,
            struct.pack("<III", number, 0, 0),
            options=pcapng_option(5, struct.pack("<Q", lost)) + pcapng_option(7, struct.pack("<Q", 100)),
        )
        for number, lost in ((0, 1), (1, 2), (0, 3))
    )
    index = read(start() + pcapng_interface() + blocks)
    assert [interface.drops for interface in index.interfaces] == [103, 102]


@ORDERS
def test_obsolete_packet_block(big_endian: bool) -> None:
    order = ">" if big_endian else "<"
    fields = struct.pack(order + "HHIIII", 1, 65535, T >> 32, T & 0xFFFFFFFF, 3, 60) + b"abc"
    index = read(
        start(big_endian) + pcapng_interface(link_type=101, big_endian=big_endian)
        + pcapng_block(2, fields, big_endian=big_endian) + packet(big_endian=big_endian)
    )  # fmt: skip
    assert packets(index) == [(T, b"abc", 60), (T, BODY, 21)]
    assert index.interface.tolist() == [1, 0]


@ORDERS
def test_simple_packet_block(big_endian: bool) -> None:
    """It has the first interface, no time, and as many bytes as that interface's snaplen leaves."""
    order = ">" if big_endian else "<"
    index = read(
        pcapng_section(big_endian=big_endian) + pcapng_interface(snaplen=10, big_endian=big_endian)
        + pcapng_block(3, struct.pack(order + "I", 20) + b"0123456789", big_endian=big_endian)
        + pcapng_block(3, struct.pack(order + "I", 3) + b"abc", big_endian=big_endian)
        + packet(big_endian=big_endian)
    )  # fmt: skip
    assert packets(index) == [(0, b"0123456789", 20), (0, b"abc", 3), (T, BODY, 21)]


def test_blocks_that_are_no_packets_but_frames() -> None:
    """Wireshark numbers custom blocks, journal entries and Sysdig events; unknown blocks it does not."""
    event = struct.pack("<HQQIH", 3, T, 77, 22, 9)
    index = read(
        start() + packet()
        + pcapng_block(0xBAD, struct.pack("<I", 32473) + b"custom!!")
        + pcapng_block(0x40000BAD, struct.pack("<I", 32473))
        + pcapng_block(9, b"MESSAGE=hello\n")
        + pcapng_block(0x204, event)
        + pcapng_block(0x80000001, b"local") + pcapng_block(7, b"x" * 16)
        + packet(options=pcapng_option(1, b"six"))
    )  # fmt: skip
    assert len(index) == 6
    assert packets(index)[1:4] == [(0, b"custom!!", 8), (0, b"", 0), (0, b"MESSAGE=hello\n\0\0", 16)]
    assert index.time.tolist() == [T, 0, 0, 0, T, T]
    assert [index.interfaces[i].link_type for i in index.interface] == [1, 0xFFFF, 0xFFFF, 0xFFFE, 0xFFFD, 1]
    assert index.comments == ((6, "six"),)


def test_sections_have_their_own_interfaces_and_byte_order() -> None:
    index = read(
        start() + pcapng_interface(link_type=101) + packet(interface=1)
        + start(True) + packet(big_endian=True)
        + pcapng_section() + pcapng_interface(link_type=113) + packet()
    )  # fmt: skip
    assert packets(index) == [(T, BODY, 21)] * 3
    assert index.interface.tolist() == [1, 2, 3]
    assert [interface.link_type for interface in index.interfaces] == [1, 101, 1, 113]
    assert index.byte_order == "little"


def test_resolutions_and_offset_are_each_interfaces_own() -> None:
    offset = pcapng_option(14, struct.pack("<q", -100))
    index = read(
        pcapng_section() + pcapng_interface(ticks=None) + pcapng_interface(ticks=0x80 | 10, options=offset)
        + pcapng_packet((2_500_000_000, BODY), ticks=0x80 | 10, interface=1)
        + pcapng_packet((2_500_000_000, BODY), ticks=6, interface=0)
    )  # fmt: skip
    assert index.time.tolist() == [-97_500_000_000, 2_500_000_000]
    assert [interface.ticks_per_second for interface in index.interfaces] == [1_000_000, 1024]


def test_version_1_2_is_1_0() -> None:
    section = pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 2, -1))
    assert len(read(section + pcapng_interface() + packet())) == 1


def test_lengths_are_rounded_up() -> None:
    """A block of 53 bytes takes 56 places in the file, as tshark 4.0 reads it."""
    odd = struct.pack("<IIIIIII", 6, 53, 0, T >> 32, T & 0xFFFFFFFF, 21, 21) + BODY + b"\0\0\0" + struct.pack("<I", 53)
    assert packets(read(start() + odd + packet())) == [(T, BODY, 21)] * 2


BAD_BLOCKS = {
    "length 0": struct.pack("<III", 0x77, 0, 0),
    "length 8": struct.pack("<III", 0x77, 8, 8),
    "huge length": struct.pack("<II", 0x77, 0x90000000) + bytes(64),
    "trailing length": struct.pack("<IIII", 0x77, 16, 0, 20),
    "trailing length of an unknown block not rounded": struct.pack("<II", 0x77, 15) + b"abc" + struct.pack("<I", 15),
    "unknown interface": packet(interface=1),
    "interface described later": packet(interface=1) + pcapng_interface(),
    "captured beyond the block": pcapng_block(6, struct.pack("<IIIII", 0, 0, 0, 60, 60) + BODY),
    "captured beyond any packet": pcapng_block(6, struct.pack("<IIIII", 0, 0, 0, 262145, 262145) + bytes(262145)),
    "packet block too short": pcapng_block(6, bytes(16)),
    "simple packet beyond the block": pcapng_block(3, struct.pack("<I", 40) + BODY),
    "simple packet too short": pcapng_block(3, b""),
    "custom block without a number": pcapng_block(0xBAD, b""),
    "interface too short": pcapng_block(1, bytes(4)),
    "byte-order magic": pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x11111111, 1, 0, -1)),
    "version": pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 2, 0, -1)),
    "section too short": pcapng_block(0x0A0D0D0A, struct.pack("<III", 0x1A2B3C4D, 1, 0)),
    "zeros": bytes(64),
}


@pytest.mark.parametrize("name", BAD_BLOCKS)
def test_a_block_that_lies_ends_the_reading(name: str) -> None:
    good = start() + packet()
    index = read(good + BAD_BLOCKS[name] + packet())
    assert packets(index) == [(T, BODY, 21)]
    assert index.truncated
    assert len(index.interfaces) == 1
    assert index.problems[-1].offset == len(good)
    assert "-BAD-" in index.problems[-1].code
    assert index.bytes_unread == len(BAD_BLOCKS[name]) + len(packet())


def test_nothing_before_the_lie() -> None:
    with pytest.raises(CorruptCaptureError, match="nothing can be read: a packet is of interface 0") as caught:
        read(pcapng_section() + packet())
    assert caught.value.offset == 28


@pytest.mark.parametrize(("major", "minor"), [(0, 1), (1, 1), (2, 0)])
def test_unsupported_version(major: int, minor: int) -> None:
    section = pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, major, minor, -1))
    with pytest.raises(UnsupportedFormatError, match=rf"pcapng version {major}\.{minor} is not supported"):
        read(section + pcapng_interface() + packet())


def test_unknown_byte_order() -> None:
    with pytest.raises(CorruptCaptureError, match="byte-order magic of the pcapng section header is unknown at byte 8"):
        read(pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x11111111, 1, 0, -1)))


def test_broken_options_cost_only_themselves() -> None:
    beyond = struct.pack("<HH", 1, 200) + b"abcd"
    index = read(
        pcapng_section(options=pcapng_option(4, b"app") + beyond)
        + pcapng_interface(options=pcapng_option(2, b"eth0") + beyond)
        + packet(options=pcapng_option(1, b"kept") + beyond)
        + packet()
    )
    assert len(index) == 2
    assert index.application == "app"
    assert index.interfaces[0].name == "eth0"
    assert index.comments == ((1, "kept"),)
    assert codes(index) == ["PCAPNG-BAD-OPTIONS"] * 3
    assert not index.truncated


def test_broken_side_blocks_cost_only_themselves() -> None:
    index = read(
        start()
        + pcapng_block(4, struct.pack("<HH", 1, 200) + bytes(16))
        + pcapng_block(10, struct.pack("<II", 0x544C534B, 500))
        + pcapng_block(10, b"")
        + pcapng_block(5, struct.pack("<III", 9, 0, 0), options=pcapng_option(5, bytes(8)))
        + packet()
    )
    assert len(index) == 1
    assert codes(index) == ["PCAPNG-BAD-NAMES", "PCAPNG-BAD-SECRETS", "PCAPNG-BAD-SECRETS"]


def test_too_many_interfaces_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcapng, "MAX_INTERFACES", 3)
    index = read(start() + pcapng_interface() * 2 + packet(interface=2) + pcapng_interface() + packet())
    assert len(index) == 1
    assert codes(index) == ["LIMIT-REACHED"]
    assert index.truncated


def test_too_many_sections_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcapng, "MAX_SECTIONS", 2)
    index = read((start() + packet()) * 3)
    assert len(index) == 2
    assert codes(index) == ["LIMIT-REACHED"]


def test_too_many_comments_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcapng, "MAX_COMMENTS", 2)
    index = read(start() + packet(options=pcapng_option(1, b"x")) * 4)
    assert len(index) == 4
    assert index.comments == ((1, "x"), (2, "x"))
    assert codes(index) == ["LIMIT-REACHED"]
    assert not index.truncated


def test_too_many_options_are_not_walked() -> None:
    index = read(start() + packet(options=pcapng_option(2988, b"") * (tlv.MAX_OPTIONS + 5) + pcapng_option(1, b"x")))
    assert index.comments == ()
    assert codes(index) == ["PCAPNG-BAD-OPTIONS"]


def test_a_time_that_64_bits_cannot_hold() -> None:
    index = read(
        pcapng_section() + pcapng_interface(ticks=0)
        + pcapng_block(6, struct.pack("<IIIII", 0, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0))
    )  # fmt: skip
    assert index.time.tolist() == [9_223_372_035_000_000_000]
    assert codes(index) == ["PCAPNG-BAD-TIME"]


@pytest.mark.parametrize("window", [8, 40, 63, 1000])
@ORDERS
def test_windows_do_not_show(window: int, big_endian: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"".join(
        pcapng_file(
            [(T + i, bytes([i]) * (i * 7 % 41)) for i in range(20)],
            big_endian=order,
            extra=pcapng_interface(link_type=101, big_endian=order) + pcapng_block(0xBAD, b"1234x", big_endian=order),
        )
        + packet(options=pcapng_option(1, b"end", big_endian=order), big_endian=order)
        for order in (big_endian, not big_endian, not big_endian)
    )
    whole, cut = read(data), read(data[:-3])
    assert len(whole) == 3 * 22
    monkeypatch.setattr(pcapng, "WINDOW_BYTES", window)
    monkeypatch.setattr(pcapng, "_SMALL_WINDOW", window)
    for ours, theirs in ((read(data), whole), (read(data[:-3]), cut)):
        assert packets(ours) == packets(theirs)
        assert ours.interface.tolist() == theirs.interface.tolist()
        assert ours.interfaces == theirs.interfaces
        assert ours.comments == theirs.comments
        assert codes(ours) == codes(theirs)

"""Classic pcap: where each packet of the file lies.

Rules. The one loop per packet of this package is here: it reads nothing but the length that leads to the next
record; everything else is gathered from the positions it leaves, a window of the file at a time, and the window's
pages are given back. Reading stops at the first record that cannot be one - longer than any capture program writes,
or beyond the end of the file - and keeps what came before, so frames are numbered as Wireshark numbers them. A
record that the end of the file cuts is no frame.

Kinds of file, told by the first four bytes in either byte order: microseconds, nanoseconds, the patched format of
Alexey Kuznetzov's libpcap (longer record headers), Ixia's (a length after the file header). Some programs wrote
longer record headers under the plain magic; they are recognised by trying (:func:`_record_header`).

Sources: draft-ietf-opsawg-pcap (file and record header, link-type field); pcap-savefile(5) (lengths swapped before
version 2.3, perhaps swapped in 2.3); behaviour of tshark 4.0 on odd values.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analyzer.capture import linktypes
from analyzer.capture.model import Interface, PacketBytes
from analyzer.capture.records import WINDOW_BYTES, Progress, Records
from analyzer.capture.words import as_words, gather
from analyzer.errors import CorruptCaptureError, UnsupportedFormatError
from analyzer.options import Limits
from analyzer.units import NS_PER_S

FILE_HEADER = 24
RESERVED_LINK_BITS = 0x03FF0000
AIX_VERSION = (2, 2)
AIX_LINK_TYPES = {6: linktypes.ETHERNET, 9: 6, 15: 10, 24: linktypes.NULL}
"""AIX writes interface types of RFC 1573 and nanoseconds under the plain magic and version 2.2."""
PROBED_RECORDS = 8


@dataclass(frozen=True, slots=True)
class _Kind:
    ticks_per_second: int
    record_headers: tuple[int, ...]
    start: int = FILE_HEADER


_PLAIN = (16, 24, 20)  # as specified, patched (Red Hat), Nokia
_KINDS = {
    0xA1B2C3D4: _Kind(1_000_000, _PLAIN),
    0xA1B23C4D: _Kind(NS_PER_S, (16,)),
    0xA1B2CD34: _Kind(1_000_000, (24, 28)),
    0x1C0001AC: _Kind(1_000_000, (16,), FILE_HEADER + 4),
    0x1C0001AB: _Kind(1_000_000, (16,), FILE_HEADER + 4),
}
MAGICS = {struct.pack(order + "I", magic): order for magic in _KINDS for order in "<>"}
"""First four bytes of a pcap file and the byte order they tell, ``<`` or ``>``."""


@dataclass(frozen=True, slots=True)
class _Header:
    """What the file header says, after repair.

    ``lengths`` is "plain", "swapped" (original length first), or "either" (the smaller one is the captured one).
    """

    order: str
    start: int
    record: int
    ticks_per_second: int
    link_type: int
    snaplen: int
    lengths: str
    longest: int


def read(path: str, data: PacketBytes, limits: Limits, progress: Progress | None = None) -> Records:
    """Index a pcap file.

    Args:
        path: the file's name, for errors.
        data: its bytes, starting with one of :data:`MAGICS`.
        limits: bounds; ``packet_bytes`` is used.
        progress: told the share read after each window.

    Raises:
        UnsupportedFormatError: a version or link-type field that is not read.
        CorruptCaptureError: the file header is cut short.
    """
    header = _file_header(path, data, limits)
    size = int(data.array.size)
    records = Records("pcap", "little" if header.order == "<" else "big")
    records.interfaces.append(
        Interface(
            header.link_type,
            linktypes.description(header.link_type),
            header.snaplen or None,
            header.ticks_per_second,
        )
    )
    position = header.start
    while position < size and records.stopped is None:
        window = position
        starts, position = _walk(data.array, position, header)
        _window(records, data, header, starts, position)
        data.release(window, min(position, size))
        if progress is not None:
            progress("reading", min(position / size, 1.0))
    if records.stopped is None:
        records.end = size
    return records


def _file_header(path: str, data: PacketBytes, limits: Limits) -> _Header:
    raw = data.read(0, FILE_HEADER)
    order = MAGICS[raw[:4]]
    if len(raw) < FILE_HEADER:
        raise CorruptCaptureError(
            path, f"the pcap header is cut short: {FILE_HEADER} bytes are needed, {len(raw)} are there", len(raw)
        )
    magic, major, minor, _zone, _accuracy, snaplen, network = struct.unpack(order + "IHHiIII", raw)
    kind = _KINDS[magic]
    if major < 2:
        raise UnsupportedFormatError(path, f"pcap version {major}.{minor} is not supported", 4)
    if network & RESERVED_LINK_BITS:
        raise UnsupportedFormatError(path, f"the pcap link-type field 0x{network:08x} has reserved bits set", 20)
    link_type = network & 0xFFFF
    ticks = kind.ticks_per_second
    if (major, minor) == AIX_VERSION and link_type in AIX_LINK_TYPES:
        link_type, ticks = AIX_LINK_TYPES[link_type], NS_PER_S
    lengths = "plain"
    if major == 543 or (major, minor) < (2, 3):
        lengths = "swapped"
    elif (major, minor) == (2, 3):
        lengths = "either"
    longest = linktypes.longest_packet(link_type, limits.packet_bytes)
    plain = _Header(order, kind.start, kind.record_headers[0], ticks, link_type, snaplen, lengths, longest)
    return _record_header(data, plain, kind.record_headers)


def _record_header(data: PacketBytes, header: _Header, sizes: tuple[int, ...]) -> _Header:
    """Choose the record header size: the first of ``sizes``, unless only another one makes sense of the file.

    Another one is believed when every record tried with it looks right, and more of them than with the first.
    """
    good, right = _try_records(data, header)
    if not right:
        for size in sizes[1:]:
            trial = replace(header, record=size)
            trial_good, trial_right = _try_records(data, trial)
            if trial_right and trial_good > good:
                return trial
    return header


def _try_records(data: PacketBytes, header: _Header) -> tuple[int, bool]:
    """Count the whole records at the beginning that look right, and tell whether no record looked wrong."""
    size = int(data.array.size)
    position, good = header.start, 0
    while good < PROBED_RECORDS and position + header.record <= size:
        _seconds, fraction, *lengths = struct.unpack(header.order + "IIII", data.read(position, 16))
        captured = _captured(lengths, header.lengths)
        if max(lengths) > header.longest or captured > min(lengths) or fraction >= header.ticks_per_second:
            return good, False
        position += header.record + captured
        if position > size:
            break
        good += 1
    return good, True


def _captured(lengths: list[int], how: str) -> int:
    return lengths[0] if how == "plain" else lengths[1] if how == "swapped" else min(lengths)


def _walk(data: NDArray[np.uint8], start: int, header: _Header) -> tuple[NDArray[np.int64], int]:
    """Follow the record lengths from ``start`` for one window.

    Returns:
        (n,) int64 positions of record headers, and the position after the last of them (perhaps beyond the data).
        A header whose length field the data does not hold any more is not among them.
    """
    stop = min(start + WINDOW_BYTES, data.size)
    if header.lengths == "either":
        return _walk_either(data, start, stop, header)
    field = 12 if header.lengths == "swapped" else 8
    # Lengths lie at any alignment: four views of the window, one for each, so that reading one is a plain index.
    views = [as_words(data[start + field + shift : stop], header.order) for shift in range(4)]
    positions = array("q")
    append = positions.append
    size = header.record
    at = 0
    try:
        while True:
            length = views[at & 3][at >> 2]
            append(at)
            at += length + size
    except IndexError:
        pass
    if not positions:  # less than a record header is left before the end
        return np.zeros(0, np.int64), start
    return np.frombuffer(positions, np.int64) + start, start + at


def _walk_either(data: NDArray[np.uint8], start: int, stop: int, header: _Header) -> tuple[NDArray[np.int64], int]:
    """The same for files of version 2.3, whose two lengths may be in either order (programs of the early 1990s)."""
    unpack = struct.Struct(header.order + "II").unpack_from
    window = data[start:stop].data
    positions = array("q")
    at, last = 0, len(window) - 16
    while at <= last:
        positions.append(at)
        at += min(unpack(window, at + 8)) + header.record
    return np.frombuffer(positions, np.int64) + start, start + at


def _window(records: Records, data: PacketBytes, header: _Header, starts: NDArray[np.int64], after: int) -> None:
    """Gather the records of one window into columns, up to the first that is none."""
    size = int(data.array.size)
    if not starts.size:
        records.stop("PCAP-CUT-PACKET", f"the file ends inside a record header, {size - after} bytes of it", after)
        return
    readable = starts[starts <= size - header.record]
    fields = gather(data.array, readable, 16, header.order)
    first, second = fields[:, 2], fields[:, 3]
    if header.lengths == "swapped":
        first, second = second, first
    elif header.lengths == "either":
        first, second = np.minimum(first, second), np.maximum(first, second)
    offset = readable + header.record
    lies = first > header.longest
    cut = offset + first > size
    bad = np.flatnonzero(lies | cut)
    count = int(bad[0]) if bad.size else int(readable.size)
    ticks = fields[:count, 1].view(np.int32).astype(np.int64)
    time = fields[:count, 0].astype(np.int64) * NS_PER_S + ticks * (NS_PER_S // header.ticks_per_second)
    odd = np.flatnonzero((ticks < 0) | (ticks >= header.ticks_per_second))
    if odd.size:
        at = int(starts[odd[0]])
        message = "the part of a second of a timestamp is more than a second; it was added as it stands"
        records.problem("PCAP-BAD-TIME", message, at, times=int(odd.size))
    records.columns.add(offset[:count], first[:count].copy(), second[:count].copy(), time, np.zeros(count, np.uint16))
    if count == starts.size:
        return
    at = int(starts[count])
    if count == readable.size:
        records.stop("PCAP-CUT-PACKET", f"the file ends inside a record header, {size - at} bytes of it", at)
    elif lies[count]:
        claim = f"a record claims {int(first[count])} bytes, more than the {header.longest} that are believed"
        records.stop("PCAP-BAD-LENGTH", claim, at)
    else:
        there = size - int(offset[count])
        claim = f"the file ends inside a packet: {there} of its {int(first[count])} bytes are there"
        records.stop("PCAP-CUT-PACKET", claim, at)

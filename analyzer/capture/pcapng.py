"""pcapng: where each packet of the file lies, and what its other blocks say.

Rules. One loop per block reads nothing but the length that leads to the next block (blocks begin on 32-bit borders,
so the file is a list of words); types, trailing lengths and packet headers are then gathered a window at a time.
Only blocks that are no packets are read one by one (``blocks.py``), and options of packets only where the block is
longer than its packet (``tlv.py``). Unknown blocks are stepped over. The first block whose structure lies ends the
reading, and what came before is kept, so frames are numbered as Wireshark numbers them - which also counts custom
blocks, journal entries and Sysdig events: they are rows here, with a pseudo link type.

Interface numbers are the section's; a row's ``interface`` counts over the whole file. Byte order is the section's.

Sources: draft-ietf-opsawg-pcapng, sections 3 and 4; draft-ietf-opsawg-pcapng appendix on obsolete blocks (Packet
Block); behaviour of tshark 4.0 on unsound files (lengths are rounded up to 32 bits, both of them).
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from analyzer.capture import blocks, linktypes, tlv
from analyzer.capture.model import Interface, PacketBytes
from analyzer.capture.pcapng_packets import PSEUDO, Blocks, PacketChunk, Section, is_row, least
from analyzer.capture.records import WINDOW_BYTES, Progress, Records
from analyzer.capture.words import as_words, gather
from analyzer.errors import CorruptCaptureError, UnsupportedFormatError
from analyzer.options import Limits
from analyzer.text import decode

MAGIC = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _NAMES, _STATISTICS, _SECRETS = 0x0A0D0D0A, 1, 4, 5, 10
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_VERSIONS = ((1, 0), (1, 2))  # 1.2 is written by some programs and means 1.0

BLOCK_OVERHEAD = (128 << 10) + 32
"""Bytes a block may have beyond its packet: headers and as many options as two lengths of 16 bits allow."""
MAX_INTERFACES = 65_000
"""Interfaces in a file; the column has 16 bits, and ``editcap`` and ``mergecap`` make hundreds at most."""
MAX_SECTIONS = 20_000
"""Sections in a file: files put together with ``cat`` have as many as there were files."""
MAX_SIDE_BLOCKS = 100_000
"""Name, statistics and secrets blocks that are read; they are read one by one."""
MAX_NAMES = 100_000
"""Resolved names kept."""
MAX_COMMENTS = 100_000
"""Comments kept; a person wrote them, or a program one for each packet."""
MAX_COMMENT_BYTES = 16 << 20
"""Bytes of comments kept altogether."""
MAX_SECRET_BYTES = 64 << 20
"""Bytes of decryption secrets kept: a key log of 64 MiB opens some 300,000 connections."""
_SMALL_WINDOW = 64 << 10  # after a change of byte order, what was walked beyond it is walked again


@dataclass(frozen=True, slots=True)
class _Fault:
    """The block at ``row`` of a window cannot be read, nor anything behind it."""

    row: int
    code: str
    message: str


def read(path: str, data: PacketBytes, limits: Limits, progress: Progress | None = None) -> Records:
    """Index a pcapng file.

    Args:
        path: the file's name, for errors.
        data: its bytes, starting with :data:`MAGIC`.
        limits: bounds; ``packet_bytes`` is used.
        progress: told the share read after each window.

    Raises:
        UnsupportedFormatError: a version of pcapng that is not read.
        CorruptCaptureError: the first section header is cut short or lies.
    """
    return _Reader(path, data, limits).read(progress)


class _Reader:
    """Reads one file; holds the state that lasts from block to block."""

    def __init__(self, path: str, data: PacketBytes, limits: Limits) -> None:
        self.path = path
        self.data = data
        self.array = data.array
        self.size = int(data.array.size)
        self.limits = limits
        self.order = self._first_order()
        self.records = Records("pcapng", "little" if self.order == "<" else "big")
        self.section = Section()
        self.sections = 0
        self.pseudo: dict[int, int] = {}
        self.side_blocks = 0
        self.comment_bytes = 0
        self.secret_bytes = 0

    def read(self, progress: Progress | None) -> Records:
        """Walk the file window by window."""
        position, span = 0, WINDOW_BYTES
        while position < self.size and self.records.stopped is None:
            window, order = position, self.order
            starts, after = _walk(self.array, position, min(position + span, self.size), order)
            if not starts.size:
                left = self.size - position
                self.records.stop("PCAPNG-CUT-BLOCK", f"the file ends inside a block header, {left} bytes of it", after)
                break
            position = self._window(starts, after)
            span = min(span * 2, WINDOW_BYTES) if order == self.order else _SMALL_WINDOW
            self.data.release(window, min(position, self.size))
            if progress is not None:
                progress("reading", min(position / self.size, 1.0))
        if self.records.stopped is None:
            self.records.end = self.size
        return self.records

    def _first_order(self) -> str:
        raw = self.data.read(0, 28)
        order = _order_of(raw[8:12])
        if len(raw) >= 12 and order is None:
            raise CorruptCaptureError(self.path, "the byte-order magic of the pcapng section header is unknown", 8)
        if order is None or len(raw) < 28:
            message = f"the pcapng section header is cut short: 28 bytes are needed, {len(raw)} are there"
            raise CorruptCaptureError(self.path, message, len(raw))
        (length,) = struct.unpack_from(order + "I", raw, 4)
        if length > self.size:
            message = f"the pcapng section header claims {length} bytes, the file has {self.size}"
            raise CorruptCaptureError(self.path, message, 4)
        return order

    def _window(self, starts: NDArray[np.int64], after: int) -> int:
        """Read the blocks of one window; return where the next one begins."""
        found, fault = self._structure(starts)
        stop = fault.row if fault is not None else int(starts.size)
        marks = np.flatnonzero(found.kind[:stop] == _SECTION).tolist()
        first = 0
        for mark in [*marks, stop]:
            inner = self._blocks(found.slice(first, mark), first)
            if inner is None and mark < stop:
                inner = self._begin_section(found, mark)
            if inner is not None:
                self._stop(starts, inner)
                return after
            first = mark + 1
        if fault is None:
            return after
        if fault.code == "":  # a section in the other byte order: walk on from there
            self.order = ">" if self.order == "<" else "<"
            return int(starts[stop])
        self._stop(starts, fault)
        return after

    def _stop(self, starts: NDArray[np.int64], fault: _Fault) -> None:
        self.records.stop(fault.code, fault.message, int(starts[fault.row]))

    def _structure(self, starts: NDArray[np.int64]) -> tuple[Blocks, _Fault | None]:
        """Check lengths and byte order of the blocks; a fault with an empty code is a change of byte order."""
        heads = gather(self.array, starts, 8, self.order)
        kind, length = heads[:, 0], heads[:, 1].astype(np.int64)
        end = starts + ((length + 3) & ~3)
        fits = (length >= 12) & (length <= self.limits.packet_bytes + BLOCK_OVERHEAD) & (end <= self.size)
        trailer = np.zeros(starts.size, np.int64)
        trailer[fits] = gather(self.array, end[fits] - 4, 4, self.order)[:, 0]
        bad = ~fits | (((trailer + 3) & ~3) != end - starts)
        whole = Blocks(starts, kind, end)
        first_bad = int(np.argmax(bad)) if bad.any() else int(starts.size)
        for row in np.flatnonzero(kind[: first_bad + 1] == _SECTION).tolist():
            order = _order_of(self.data.read(int(starts[row]) + 8, 4))
            if order is not None and order != self.order:
                return whole, _Fault(row, "", "")
            if order is None and row < first_bad:
                message = "a section header has an unknown byte-order magic"
                return whole, _Fault(row, "PCAPNG-BAD-SECTION", message)
        if first_bad == starts.size:
            return whole, None
        return whole, self._length_fault(first_bad, int(starts[first_bad]), int(length[first_bad]), trailer)

    def _length_fault(self, row: int, start: int, length: int, trailer: NDArray[np.int64]) -> _Fault:
        if length < 12:
            return _Fault(row, "PCAPNG-BAD-LENGTH", f"a block claims {length} bytes, less than the 12 every block has")
        if length > self.limits.packet_bytes + BLOCK_OVERHEAD:
            return _Fault(row, "PCAPNG-BAD-LENGTH", f"a block claims {length} bytes, more than any block has")
        there = self.size - start
        if there < (length + 3) & ~3:
            message = f"the file ends inside a block: {there} of its {length} bytes are there"
            return _Fault(row, "PCAPNG-CUT-BLOCK", message)
        return _Fault(row, "PCAPNG-BAD-LENGTH", f"a block's two lengths differ: {length} and {int(trailer[row])}")

    def _body(self, found: Blocks, row: int) -> bytes:
        start, end = int(found.start[row]) + 8, int(found.end[row]) - 4
        return self.data.read(start, end - start)

    def _begin_section(self, found: Blocks, row: int) -> _Fault | None:
        body = self._body(found, row)
        if len(body) < 16:
            return _Fault(row, "PCAPNG-BAD-SECTION", "a section header is too short")
        version = struct.unpack_from(self.order + "HH", body, 4)
        if version not in _VERSIONS:
            message = f"pcapng version {version[0]}.{version[1]} is not supported"
            if self.sections == 0:
                raise UnsupportedFormatError(self.path, message, int(found.start[row]) + 12)
            return _Fault(row, "PCAPNG-BAD-VERSION", message)
        if self.sections == MAX_SECTIONS:
            return _Fault(row, "LIMIT-REACHED", f"more than {MAX_SECTIONS} sections")
        self.sections += 1
        self.section = Section()
        facts = blocks.section(body, self.order)
        self._unsound_options(facts.sound, int(found.start[row]))
        for text in facts.comments:
            self._comment(None, text)
        self.records.application = self.records.application or facts.application
        for key, value in (("hardware", facts.hardware), ("os", facts.system)):
            if value:
                self.records.extra.setdefault(key, value)
        return None

    def _blocks(self, found: Blocks, first: int) -> _Fault | None:
        """Read blocks of one section; ``first`` is the window's row of the first of them."""
        if not found.start.size:
            return None
        had = len(self.section.index)
        defined = np.flatnonzero(found.kind == _INTERFACE)
        fault = self._interfaces(found, defined)
        stop = fault.row if fault is not None else int(found.start.size)
        inner = self._packets(found, stop, had, defined)
        if inner is not None:
            fault = inner
            stop = inner.row
        self._side_blocks(found.slice(0, stop))
        return replace(fault, row=first + fault.row) if fault is not None else None

    def _interfaces(self, found: Blocks, defined: NDArray[np.int64]) -> _Fault | None:
        for row in defined.tolist():
            body = self._body(found, row)
            if len(body) < 8:
                return _Fault(row, "PCAPNG-BAD-LENGTH", "an interface description is too short")
            if len(self.records.interfaces) >= MAX_INTERFACES:
                return _Fault(row, "LIMIT-REACHED", f"more than {MAX_INTERFACES} interfaces")
            facts = blocks.interface(body, self.order)
            self._unsound_options(facts.sound, int(found.start[row]))
            for text in facts.comments:
                self._comment(None, text)
            section = self.section
            section.index.append(len(self.records.interfaces))
            section.resolution.append(facts.resolution)
            section.offset.append(facts.offset)
            section.snaplen.append(facts.interface.snaplen or 0)
            section.longest.append(linktypes.longest_packet(facts.interface.link_type, self.limits.packet_bytes))
            self.records.interfaces.append(facts.interface)
        return None

    def _forget_interfaces(self, count: int) -> None:
        """Drop interfaces that were described behind the place where reading stopped."""
        dropped = self.section.index[count:]
        self.section.shorten(count)
        if dropped:
            del self.records.interfaces[dropped[0] :]

    def _pseudo_interface(self, link_type: int) -> int:
        """Return the index of the interface that stands for rows that are no packets."""
        if link_type not in self.pseudo:
            self.pseudo[link_type] = len(self.records.interfaces)
            self.records.interfaces.append(Interface(link_type, linktypes.description(link_type), None, 10**9))
        return self.pseudo[link_type]

    def _packets(self, found: Blocks, stop: int, had: int, defined: NDArray[np.int64]) -> _Fault | None:
        """Gather the packets before row ``stop`` into columns, up to the first that lies."""
        rows = np.flatnonzero(is_row(found.kind[:stop]))
        if not rows.size:
            return None
        packets = found.take(rows)
        short = packets.end - packets.start < least(packets.kind)
        count = int(np.argmax(short)) if short.any() else int(rows.size)
        message = "a packet block is too short for its own fields"
        known = had + np.searchsorted(defined, rows[:count])
        chunk = PacketChunk(self.array, self.order, self.section, packets.slice(0, count), known)
        lie = chunk.lie()
        if lie is not None:
            count, message = lie
        fault = None
        if count < rows.size:
            fault = _Fault(int(rows[count]), "PCAPNG-BAD-PACKET", message)
            self._forget_interfaces(had + int(np.searchsorted(defined, fault.row)))
        self._keep(chunk, count)
        return fault

    def _keep(self, chunk: PacketChunk, count: int) -> None:
        """Append the first ``count`` rows of a chunk to the file's columns, and their comments."""
        if not count:
            return
        records = self.records
        frames = records.columns.rows
        interface = chunk.interfaces(count)
        if (chunk.number[:count] < 0).any():
            for link_type, kinds in PSEUDO:
                member = np.isin(chunk.found.kind[:count], kinds)
                if member.any():
                    interface[member] = self._pseudo_interface(link_type)
        time, outside = chunk.times(count)
        if outside:
            message = "a timestamp is outside the years 1677 to 2262; it was brought to the border"
            records.problem("PCAPNG-BAD-TIME", message, times=outside)
        captured, wire = chunk.captured[:count].astype(np.uint32), chunk.wire[:count].astype(np.uint32)
        records.columns.add(chunk.offset[:count], captured, wire, time, interface.astype(np.uint16))
        rows, start, end = chunk.options(count)
        if rows.size:
            self._packet_comments(chunk, frames + 1 + rows, start, end)

    def _packet_comments(
        self, chunk: PacketChunk, frame: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
    ) -> None:
        row, offset, length, bad = tlv.find(self.array, start, end, tlv.COMMENT, self.order)
        for number, at, size in zip(frame[row].tolist(), offset.tolist(), length.tolist(), strict=True):
            if not self._comment(number, decode(self.data.read(at, size).rstrip(b"\0"))):
                break
        if bad.size:
            message = "the options of a packet are broken or too many; those before the fault were read"
            self.records.problem("PCAPNG-BAD-OPTIONS", message, int(start[bad[0]]), times=int(bad.size))

    def _side_blocks(self, found: Blocks) -> None:
        """Read names, statistics and secrets."""
        kind = found.kind
        rows = np.flatnonzero((kind == _NAMES) | (kind == _SECRETS))
        statistics = np.flatnonzero((kind == _STATISTICS) & (found.end - found.start >= 24))
        if statistics.size:  # counters only grow: the last block of each interface holds them all
            number = gather(self.array, found.start[statistics] + 8, 4, self.order)[::-1, 0]
            last = statistics[::-1][np.unique(number, return_index=True)[1]]
            rows = np.sort(np.concatenate([rows, last]))
        for row in rows.tolist():
            if self.side_blocks == MAX_SIDE_BLOCKS:
                message = f"more than {MAX_SIDE_BLOCKS} name, statistics and secrets blocks; the rest is not read"
                self.records.problem("LIMIT-REACHED", message, int(found.start[row]))
                return
            self.side_blocks += 1
            self._side_block(int(kind[row]), self._body(found, row), int(found.start[row]))

    def _side_block(self, kind: int, body: bytes, start: int) -> None:
        if kind == _STATISTICS:
            number, lost = blocks.drops(body, self.order)
            if lost is not None and number < len(self.section.index):
                index = self.section.index[number]
                self.records.interfaces[index] = replace(self.records.interfaces[index], drops=lost)
        elif kind == _NAMES:
            found, sound = blocks.names(body, self.order, MAX_NAMES - len(self.records.names))
            self.records.names.extend(found)
            if not sound:
                message = "a name resolution block is broken, or there are too many names; some are missing"
                self.records.problem("PCAPNG-BAD-NAMES", message, start)
        else:
            secret = blocks.secrets(body, self.order)
            if secret is None:
                self.records.problem("PCAPNG-BAD-SECRETS", "a secrets block claims more bytes than it has", start)
            elif self.secret_bytes + len(secret.data) > MAX_SECRET_BYTES:
                self.records.problem("LIMIT-REACHED", f"more than {MAX_SECRET_BYTES} bytes of secrets", start)
            else:
                self.secret_bytes += len(secret.data)
                self.records.secrets.append(secret)

    def _unsound_options(self, sound: bool, start: int) -> None:
        if not sound:
            message = "the options of a block are broken; those before the fault were read"
            self.records.problem("PCAPNG-BAD-OPTIONS", message, start)

    def _comment(self, frame: int | None, text: str) -> bool:
        """Keep a comment; False when there are too many."""
        self.comment_bytes += len(text)
        if len(self.records.comments) >= MAX_COMMENTS or self.comment_bytes > MAX_COMMENT_BYTES:
            self.records.problem("LIMIT-REACHED", "too many comments; the rest is not kept")
            return False
        self.records.comments.append((frame, text))
        return True


def _order_of(magic: bytes) -> str | None:
    """Return the byte order that a section's magic tells, or None when it is none."""
    for order in "<>":
        if magic == struct.pack(order + "I", _BYTE_ORDER_MAGIC):
            return order
    return None


def _walk(data: NDArray[np.uint8], start: int, stop: int, order: str) -> tuple[NDArray[np.int64], int]:
    """Follow the block lengths from ``start``, a multiple of 4, for one window.

    Returns:
        (n,) int64 positions of blocks whose first 8 bytes are within the window, and the position after the last.
        Lengths are not checked: behind a block that lies, positions mean nothing.
    """
    words = as_words(data[start:stop], order)
    positions = array("q")
    append = positions.append
    at = 0
    try:
        # Every sound block has 3 words or more; the bound ends the walk over a length of 0.
        for _ in repeat(None, len(words) // 3 + 1):
            length = words[at + 1]
            append(at)
            at += (length + 3) >> 2
    except IndexError:
        pass
    return np.frombuffer(positions, np.int64) * 4 + start if positions else np.zeros(0, np.int64), start + at * 4

"""From a packet index to the packet table: the order in which headers are read.

Packets are decoded in chunks of columns. Within a chunk, work is a list of :class:`Cursors`, each a set of packets
before headers of known kind; every step takes some and may leave others, one header deeper. Vector steps come
first, then the packet-by-packet ones for what the vectors do not read, whose inner packets go back to the vectors.
Fragments of a chunk are put together at its end, in file order, and their datagrams are decoded like packets.

Memory: the table, about 50 bytes a packet, plus temporaries in proportion to the chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from analyzer.capture.model import PacketIndex
from analyzer.decode import fallback, layer, link, network, transport
from analyzer.decode.columns import Columns
from analyzer.decode.fragments import Datagram, Piece, Reassembler, Rebuilt
from analyzer.decode.gather import Bytes, Cursors
from analyzer.decode.network import Fragments
from analyzer.decode.table import PacketTable
from analyzer.decode.unwrap import NotReadError, Packet
from analyzer.errors import MalformedError, NeedMoreData
from analyzer.options import Options
from analyzer.problems import Problem

CHUNK = 1 << 15
"""Packets decoded at a time: small enough that a chunk's columns stay in the processor's cache, large enough that
the price of a numpy call does not count."""

Progress = Callable[[str, float], None]


def decode(index: PacketIndex, options: Options | None = None, progress: Progress | None = None) -> PacketTable:
    """Decode every packet of a capture.

    Args:
        index: where the packets lie.
        options: its limits bound tunnels and reassembly.
        progress: called with ("decode", part done from 0 to 1) after each chunk.

    Returns:
        One row per packet. Broken packets are rows with a reason, never an exception.
    """
    decoder = _Decoder(index, options or Options())
    count = len(index)
    for first in range(0, count, CHUNK):
        last = min(first + CHUNK, count)
        decoder.chunk(first, last)
        index.data.release(int(index.offset[first]), int(index.offset[last - 1]) + int(index.caplen[last - 1]))
        if progress is not None:
            progress("decode", last / count)
    return decoder.columns.table(index, decoder.rebuilt)


class _Work(NamedTuple):
    """Cursors to go on with, and how many encapsulations they lie in."""

    cursors: Cursors
    depth: int


class _Decoder:
    """Decodes chunk after chunk into one set of columns."""

    def __init__(self, index: PacketIndex, options: Options) -> None:
        self.index = index
        self.limits = options.limits
        self.columns = Columns(len(index))
        self.rebuilt = Rebuilt(index.data.array)
        self.reassembler = Reassembler(options.limits, self.columns.problems)
        self.link_types = np.array([i.link_type for i in index.interfaces] or [0], dtype=np.int64)

    def chunk(self, first: int, last: int) -> None:
        """Decode rows [first, last)."""
        work = [_Work(self._packets(first, last), 0)]
        while work:
            fragments: list[tuple[Fragments, int]] = []
            while work:
                self._round(work.pop(), work, fragments)
            work = self._datagrams(fragments)

    def _packets(self, first: int, last: int) -> Cursors:
        index = self.index
        captured = index.caplen[first:last].astype(np.int64)
        interface = np.minimum(index.interface[first:last], self.link_types.size - 1)
        return Cursors(
            data=index.data.array,
            rows=np.arange(first, last, dtype=np.int64),
            start=index.offset[first:last],
            at=np.zeros(last - first, dtype=np.int64),
            end=captured,
            # A record that claims less on the wire than it holds is wrong about the wire.
            wire=np.maximum(index.wirelen[first:last], captured),
            layer=self.link_types[interface] + layer.LINK,
        )

    def _round(self, item: _Work, work: list[_Work], fragments: list[tuple[Fragments, int]]) -> None:
        """Read link layers, then IP and transport; append what lies deeper to ``work`` and ``fragments``."""
        if item.depth > self.limits.tunnel_depth:
            self._too_deep(item.cursors)
            return
        rest: list[Cursors] = []
        for cursors in self._link_layers(item.cursors):
            unread = cursors.layer < layer.AFTER_IPV4
            for kind, read in ((layer.IPV4, network.ipv4), (layer.IPV6, network.ipv6)):
                chosen = cursors.layer == kind
                if chosen.any():
                    after, pieces = read(cursors.take(chosen), self.columns)
                    self._transport(after, pieces, item.depth, work, fragments)
                    unread &= ~chosen
            later = cursors.layer >= layer.AFTER_IPV4
            if later.any():
                self._resume(cursors.take(later), item.depth, work, fragments)
            if unread.any():
                rest.append(cursors.take(unread))
        for cursors in rest:
            work += [_Work(inner, item.depth + 1) for inner in self._packet_by_packet(cursors)]

    def _link_layers(self, cursors: Cursors) -> list[Cursors]:
        """Read link-layer headers until none is left that vectors can read."""
        done: list[Cursors] = []
        todo = [cursors]
        for _ in range(link.MAX_HEADERS):
            following: list[Cursors] = []
            for now in todo:
                left = self._link_layer(now, following)
                if len(left):
                    done.append(left)
            todo = following
            if not todo:
                return done
        for now in todo:
            self.columns.book_malformed(now.rows, f"more than {link.MAX_HEADERS} link-layer headers")
        return done

    def _link_layer(self, cursors: Cursors, following: list[Cursors]) -> Cursors:
        """Read one link-layer header of each packet that has one; return the packets that have none."""
        for number, step in link.STEPS:
            chosen = cursors.layer == number
            if chosen.any():
                following.append(step(cursors.take(chosen), self.columns))
                if chosen.all():
                    return cursors.take(~chosen)
                cursors = cursors.take(~chosen)
        tagged = np.isin(cursors.layer, link.TAG_TYPES)
        if not tagged.any():
            return cursors
        following.append(link.tags(cursors.take(tagged), self.columns))
        return cursors.take(~tagged)

    def _transport(
        self,
        after: Cursors,
        pieces: list[Fragments],
        depth: int,
        work: list[_Work],
        fragments: list[tuple[Fragments, int]],
    ) -> None:
        fragments += [(piece, depth) for piece in pieces]
        authenticated = after.layer == network.AUTHENTICATION
        if authenticated.any():
            work_after, more = network.extensions(after, self.columns)
            fragments += [(piece, depth) for piece in more]
            after = work_after
        work += [_Work(inner, depth) for inner in transport.decode(after, self.columns)]

    def _resume(self, cursors: Cursors, depth: int, work: list[_Work], fragments: list[tuple[Fragments, int]]) -> None:
        """Go on inside datagrams put together from fragments."""
        is_v6 = cursors.layer >= layer.AFTER_IPV6
        if not is_v6.all():
            v4 = cursors.take(~is_v6)
            self._transport(v4.advance(0, v4.layer - layer.AFTER_IPV4), [], depth, work, fragments)
        if is_v6.any():
            v6 = cursors.take(is_v6)
            after, pieces = network.extensions(v6.advance(0, v6.layer - layer.AFTER_IPV6), self.columns)
            self._transport(after, pieces, depth, work, fragments)

    def _packet_by_packet(self, cursors: Cursors) -> list[Cursors]:
        """Unwrap what vectors do not read; book link types that nobody reads."""
        known = np.isin(cursors.layer, _UNWRAPPED)
        unknown_link = ~known & (cursors.layer >= layer.LINK) & (cursors.layer < layer.IP_PROTOCOL)
        if unknown_link.any():
            self._unsupported(cursors.take(unknown_link))
        if not known.any():
            return []
        chosen = cursors.take(known)
        view = chosen.data.data
        kept: list[int] = []
        steps: list[tuple[int, int, int]] = []
        packets = zip(
            chosen.start.tolist(), chosen.at.tolist(), chosen.end.tolist(), chosen.wire.tolist(), chosen.layer.tolist(),
            strict=True,
        )  # fmt: skip
        for place, (start, at, end, wire, number) in enumerate(packets):
            try:
                step = fallback.UNWRAP[number](Packet(view[start : start + end], at, wire))
            except NeedMoreData:
                if end >= wire and number >= layer.UDP_PORT:
                    continue  # too short for the tunnel of its port, so it is none
                cut = "cut by snaplen" if end < wire else "packet ends"
                reason = f"{cut} inside the {fallback.name(number)} header"
                self.columns.book_malformed(chosen.rows[place : place + 1], reason)
                continue
            except MalformedError as error:
                self.columns.book_malformed(chosen.rows[place : place + 1], f"{error.layer}: {error.reason}")
                continue
            except NotReadError as error:
                self.columns.book_unsupported(chosen.rows[place : place + 1], str(error))
                continue
            if step is not None:
                kept.append(place)
                steps.append((step.layer, step.at, wire if step.wire is None else min(step.wire, wire)))
        if not kept:
            return []
        mask = np.zeros(len(chosen), dtype=np.bool_)
        mask[kept] = True
        numbers = np.array(steps, dtype=np.int64)
        inner = chosen.take(mask)
        return [
            replace(
                inner,
                layer=numbers[:, 0].copy(),
                at=numbers[:, 1].copy(),
                wire=numbers[:, 2].copy(),
                end=np.minimum(inner.end, numbers[:, 2]),
            )
        ]

    def _unsupported(self, cursors: Cursors) -> None:
        names = {i.link_type: i.link_name for i in self.index.interfaces}
        for number in np.unique(cursors.layer).tolist():
            link_type = number - layer.LINK
            name = names.get(link_type, "inside another")
            self.columns.book_unsupported(cursors.rows[cursors.layer == number], f"link type {link_type} ({name})")

    def _too_deep(self, cursors: Cursors) -> None:
        if len(cursors):
            text = f"More than {self.limits.tunnel_depth} encapsulations; the rest of the packet is not read."
            first = int(cursors.rows.min()) + 1
            self.columns.problems.add(Problem("LIMIT-REACHED", "ip", text, first), len(cursors))

    def _datagrams(self, fragments: list[tuple[Fragments, int]]) -> list[_Work]:
        """Give a chunk's fragments to reassembly in file order; return the datagrams that became complete."""
        complete: dict[int, list[tuple[int, int, Datagram]]] = {}
        for row, depth, version, number, key, piece, more in sorted(_each(fragments, self.columns), key=_file_order):
            datagram = self.reassembler.add(key, row + 1, int(self.index.time[row]), self._lasting(piece), more, number)
            if datagram is not None:
                self.rebuilt.keep(row, datagram)
                base = layer.AFTER_IPV4 if version == 4 else layer.AFTER_IPV6
                complete.setdefault(depth + 1, []).append((row, base + datagram.proto, datagram))
        return [_Work(_rebuilt_cursors(found), depth) for depth, found in complete.items()]

    def _lasting(self, piece: Piece) -> Piece:
        """Copy a piece that lies in a datagram put together here: only the capture itself lasts."""
        if piece.data is self.index.data.array:
            return piece
        copy = piece.data[piece.position : piece.position + piece.size].copy()
        return Piece(copy, 0, piece.offset, piece.size)


_Fragment = tuple[int, int, int, int, tuple[int, ...], Piece, bool]


def _file_order(fragment: _Fragment) -> tuple[int, int]:
    return fragment[0], fragment[1]


def _each(fragments: list[tuple[Fragments, int]], columns: Columns) -> list[_Fragment]:
    """Return (row, depth, version, protocol, key, piece, more) of every fragment."""
    out: list[_Fragment] = []
    for found, depth in fragments:
        cursors = found.cursors
        rows = cursors.rows
        size = cursors.wire - cursors.at
        values = zip(
            rows.tolist(),
            columns.src[rows].tolist(),
            columns.dst[rows].tolist(),
            cursors.layer.tolist(),
            found.ident.tolist(),
            (cursors.start + cursors.at).tolist(),
            found.offset.tolist(),
            size.tolist(),
            found.more.tolist(),
            strict=True,
        )
        for row, src, dst, proto, ident, position, offset, length, more in values:
            key = (4, src, dst, ident, proto) if found.version == 4 else (6, src, dst, ident)
            piece = Piece(cursors.data, position, offset, length)
            out.append((row, depth, found.version, proto, key, piece, more))
    return out


def _rebuilt_cursors(found: list[tuple[int, int, Datagram]]) -> Cursors:
    """Lay datagrams end to end and return cursors at their starts."""
    sizes = np.array([datagram.size for _, _, datagram in found], dtype=np.int64)
    data: Bytes = np.concatenate([datagram.assemble() for _, _, datagram in found])
    return Cursors(
        data=data,
        rows=np.array([row for row, _, _ in found], dtype=np.int64),
        start=np.cumsum(sizes) - sizes,
        at=np.zeros(sizes.size, dtype=np.int64),
        end=sizes,
        wire=sizes.copy(),
        layer=np.array([number for _, number, _ in found], dtype=np.int64),
    )


_UNWRAPPED = np.array(sorted(fallback.UNWRAP), dtype=np.int64)

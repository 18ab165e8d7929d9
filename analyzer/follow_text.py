"""What both sides of a connection sent, as text or as a hex dump, turn by turn; and the same bytes raw.

Rules: our own lines begin at the left margin, bytes from the capture are indented, so no content can pass for a line
of ours. In text, UTF-8 is shown where it is valid and other bytes as ``\\xNN``; tabs and line ends are kept (CR LF is
one line end) and every other control character is shown by name, so that nothing acts on a terminal. A character that
is split between segments is one character; between turns it is not. The hex dump has Wireshark's form: offsets count
each side's bytes on their own, the server's lines stand further right. Nothing is masked: this is about the bytes.

Everything is given in pieces of at most a few hundred kilobytes, so a stream of any length passes in bounded memory.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from analyzer.addresses import endpoint
from analyzer.flows.turns import Hole, Turn
from analyzer.schema import TcpConflict, TcpRow
from analyzer.text import visible_lines
from analyzer.units import NS_PER_MS, human_ms

CHUNK_BYTES = 1 << 16
"""Bytes read and written at a time (a multiple of a hex dump's 16)."""
MAX_CONFLICTS_SHOWN = 10
"""Lines about bytes that came twice, for each turn; the last one says how many more there are."""
INDENT = "  "
_SERVER_HEX = "    "
"""What Wireshark puts before the server's lines of a hex dump."""
_PRINTABLE = bytes(byte if 0x20 <= byte < 0x7F else ord(".") for byte in range(256))

_LINE_BEGINS = re.compile(r"\n(?=[^\n])")
"""Before a line that holds something."""


@dataclass(frozen=True, slots=True)
class Colors:
    """Terminal codes for each kind of line (Wireshark's colours for the sides); empty without colours."""

    client: str = ""
    server: str = ""
    note: str = ""
    head: str = ""
    off: str = ""

    def side(self, client: bool) -> str:
        """Return the colour of a side's bytes."""
        return self.client if client else self.server


ANSI = Colors("\x1b[31m", "\x1b[34m", "\x1b[33m", "\x1b[1m", "\x1b[0m")


def _side(client: bool) -> str:
    return "client" if client else "server"


def _bytes(count: int) -> str:
    return f"{count:,} {'byte' if count == 1 else 'bytes'}"


# ── lines of ours ────────────────────────────────────────────────────────────────────────────────────────────────


def heading(row: TcpRow) -> str:
    """Return the first line: which connection this is."""
    client, server = endpoint(row.client, row.client_port), endpoint(row.server, row.server_port)
    return f"Stream {row.stream}: client {client}, server {server}"


def turn_line(turn: Turn, start_time: int) -> str:
    """Return the line above a turn: the side, its frames, the time since the connection's start, the size."""
    if turn.first_frame is None or turn.time is None:
        return f"--- {_side(turn.client)}, nothing captured"
    frames = f"frame {turn.first_frame}"
    if turn.last_frame != turn.first_frame:
        frames = f"frames {turn.first_frame} to {turn.last_frame}"
    after = human_ms((turn.time - start_time) / NS_PER_MS)
    return f"--- {_side(turn.client)}, {frames}, {after} after the start, {_bytes(turn.size)}"


def hole_line(hole: Hole) -> str:
    """Return the line that stands where bytes are missing."""
    size = hole.end - hole.start
    what = f"{_bytes(size)} {'was' if size == 1 else 'were'} not captured"
    if hole.cut_frame is not None:
        return f"[{what}: cut off by the recorder at the end of frame {hole.cut_frame}]"
    return f"[{what}: {_where(hole.before_frame, hole.after_frame)}]"


def _where(before: int | None, after: int | None) -> str:
    if before is not None and after is not None:
        return f"between frames {before} and {after}"
    if after is not None:
        return f"before frame {after}"
    return "no frame has them" if before is None else f"after frame {before}"


def conflict_line(conflict: TcpConflict) -> str:
    """Return the line about bytes that came twice with different contents."""
    what = f"{_bytes(conflict.bytes)} {'differs' if conflict.bytes == 1 else 'differ'}"
    return (
        f"[sent twice with different contents: in frame {conflict.frame} {what}, from position {conflict.position:,} "
        f"on; shown is frame {conflict.first_frame}, which came first]"
    )


class _Conflicts:
    """Conflicts of a connection by the turn they fall into."""

    def __init__(self, conflicts: Iterable[TcpConflict]) -> None:
        self._of: dict[bool, list[TcpConflict]] = {True: [], False: []}
        for conflict in conflicts:
            self._of[conflict.from_ == "client"].append(conflict)
        for rows in self._of.values():
            rows.sort(key=lambda c: (c.position, c.frame))
        self._at = {client: [c.position for c in rows] for client, rows in self._of.items()}

    def lines(self, turn: Turn) -> Iterator[str]:
        at = self._at[turn.client]
        low, high = bisect_left(at, turn.low), bisect_left(at, turn.high)
        shown = self._of[turn.client][low:high][:MAX_CONFLICTS_SHOWN]
        yield from map(conflict_line, shown)
        if more := high - low - len(shown):
            yield f"[and {more:,} more like this]"


# ── bytes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def chunks(turn: Turn, low: int, high: int) -> Iterator[tuple[int, bytes]]:
    """Yield the captured run [low, high) of a turn as (offset, bytes), :data:`CHUNK_BYTES` at a time."""
    while low < high:
        part = turn.stream.read(low, min(CHUNK_BYTES, high - low))
        if not part:  # the file was cut while it was being read
            return
        yield low, part
        low += len(part)


class _Text:
    """Turns the bytes of a run into indented lines, however they are cut."""

    def __init__(self, color: str, off: str) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._color, self._off = color, off
        self._next = f"{off}\n{INDENT}{color}"
        self._held = ""  # a CR that may be half of a line end
        self._fresh = True

    def feed(self, part: bytes, *, last: bool = False) -> str:
        text = self._held + self._decoder.decode(part, last)
        self._held = "\r" if text.endswith("\r") and not last else ""
        text = visible_lines(text.removesuffix(self._held).replace("\r\n", "\n"))
        if not text:
            return ""
        begin = INDENT if self._fresh and text[0] != "\n" else ""
        self._fresh = text.endswith("\n")
        lines = _LINE_BEGINS.sub(self._next, text.removesuffix("\n"))
        return f"{begin}{self._color}{lines}{self._off}" + ("\n" if self._fresh else "")

    def finish(self) -> str:
        """End the run, and the line it is in."""
        rest = self.feed(b"", last=True)
        return rest if self._fresh else f"{rest}\n"


def _text_run(turn: Turn, low: int, high: int, colors: Colors) -> Iterator[str]:
    text = _Text(colors.side(turn.client), colors.off)
    for _, part in chunks(turn, low, high):
        yield text.feed(part)
    yield text.finish()


def _hex_run(turn: Turn, low: int, high: int, colors: Colors) -> Iterator[str]:
    indent = INDENT if turn.client else INDENT + _SERVER_HEX
    begin, end = f"{indent}{colors.side(turn.client)}", f"{colors.off}\n"
    for at, part in chunks(turn, low, high):
        place = at - turn.stream.start
        shown = part.translate(_PRINTABLE).decode("ascii")
        yield "".join(
            f"{begin}{place + k:08x}  {part[k : k + 8].hex(' '):<23}  {part[k + 8 : k + 16].hex(' '):<23}  "
            f"{shown[k : k + 8]} {shown[k + 8 : k + 16]}".rstrip()
            + end
            for k in range(0, len(part), 16)
        )


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────


def document(row: TcpRow, turns: Iterable[Turn], *, dump: bool = False, colors: Colors | None = None) -> Iterator[str]:
    """Yield the turns of a connection as text, or as a hex dump, in pieces that end anywhere.

    Args:
        row: the connection; turns: those to show.
    """
    colors = colors or Colors()
    run = _hex_run if dump else _text_run
    conflicts = _Conflicts(row.conflicts)

    def note(line: str) -> str:
        return f"{colors.note}{line}{colors.off}\n"

    yield f"{colors.head}{heading(row)}{colors.off}\n"
    sides: set[bool] = set()
    for turn in turns:
        yield "\n"
        if turn.client not in sides and not turn.stream.from_start:
            yield note(f"[the beginning of what the {_side(turn.client)} sent is not in this capture]")
        sides.add(turn.client)
        yield f"{colors.head}{turn_line(turn, row.start_time)}{colors.off}\n"
        for line in conflicts.lines(turn):
            yield note(line)
        for part in turn.parts():
            if isinstance(part, Hole):
                yield note(hole_line(part))
            else:
                yield from run(turn, *part, colors)
    yield from map(note, _not_described(row, sides))


def _not_described(row: TcpRow, sides: set[bool]) -> Iterator[str]:
    """Say how many bytes differed of which the table keeps only the number."""
    for client in sorted(sides, reverse=True):
        counted = row.client_conflicting_bytes if client else row.server_conflicting_bytes
        rest = counted - sum(c.bytes for c in row.conflicts if c.from_ == _side(client))
        where = "in later frames too, " if rest < counted else ""
        if rest > 0:
            yield f"[{where}{_bytes(rest)} of the {_side(client)} came again with different contents]"


@dataclass(slots=True)
class Raw:
    """The bytes of the turns as they were sent, and what there is to say about them.

    Attributes:
        size: bytes given so far.
    """

    turns: Iterable[Turn]
    size: int = 0
    _missing: int = 0
    _holes: int = 0
    _first: Hole | None = field(default=None)

    def __iter__(self) -> Iterator[bytes]:
        for turn in self.turns:
            for part in turn.parts():
                if isinstance(part, Hole):
                    self._missing += part.end - part.start
                    self._holes += 1
                    self._first = self._first or part
                    continue
                for _, data in chunks(turn, *part):
                    self.size += len(data)
                    yield data

    def remarks(self, row: TcpRow, sides: Sequence[bool]) -> str | None:
        """Return one line about what is missing or ambiguous in the bytes given so far, None when nothing is."""
        said = []
        if self._first is not None:
            count = "1 hole" if self._holes == 1 else f"{self._holes:,} holes, the first one"
            first = self._first
            where = (
                f"at the end of frame {first.cut_frame}, which the recorder cut"
                if first.cut_frame is not None
                else _where(first.before_frame, first.after_frame)
            )
            verb = "was" if self._missing == 1 else "were"
            said.append(f"{_bytes(self._missing)} {verb} not captured ({count} {where}) and left out")
        total = sum(row.client_conflicting_bytes if client else row.server_conflicting_bytes for client in sides)
        if total:
            first_seen = next((f" (see frame {c.frame})" for c in row.conflicts if (c.from_ == "client") in sides), "")
            said.append(f"{_bytes(total)} came again with different contents{first_seen}; what came first was written")
        return "; ".join(said) or None

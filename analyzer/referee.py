"""The referee: our tables held against tshark's answers about the same capture, value by value.

tshark is found and driven through pyshark. Both sides' answers are turned into the same form - facts, a value per
key (``(stream,)``, ``(frame,)`` ...) and kind (``tcp.endpoints``) - so that comparing them knows no protocol. A fact
that only one side has is a difference too.

pyshark's own packet objects cost milliseconds each and need every field of every frame; so tshark is asked for the
fields below only (``-T ek -e …``) and pyshark's reader is given a parser that takes a chunk of lines at a time. The
event loop is made and closed here: pyshark would otherwise use the thread's policy, deprecated since Python 3.12.

Sources of the fields' meaning: the Wireshark display filter reference (packet-tcp, -dns, -http, -tls, -arp, -icmp).
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.errors import AnalyzerError, CaptureError
from analyzer.text import display
from analyzer.units import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

FIELDS = (
    "frame.number",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.stream",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.seq",
    "tcp.analysis.initial_rtt",
    "arp.opcode",
    "icmp.type",
    "icmp.resp_to",
    "icmpv6.type",
    "icmpv6.echo.sequence_number",
    "icmpv6.resp_to",
    "dns.flags.response",
    "dns.qry.name",
    "dns.response_to",
    "dns.time",
    "http.request.method",
    "http.request.uri",
    "http.response.code",
    "http.request_in",
    "tls.handshake.type",
    "tls.handshake.extensions_server_name",
    "tls.handshake.ciphersuite",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
)
"""What tshark is asked for, per frame."""

PREFERENCES = {
    "tcp.desegment_tcp_streams": "TRUE",
    "tcp.relative_sequence_numbers": "TRUE",
    "tcp.reassemble_out_of_order": "TRUE",
    "tcp.check_checksum": "FALSE",
    "ip.defragment": "TRUE",
    "tls.desegment_ssl_records": "TRUE",
}
"""Preferences that must not depend on what the user has set in Wireshark."""

TOLERANCE_MS = 0.0015
"""Times agree within this: tshark prints initial_rtt and dns.time with nine digits, computed in doubles."""

LINE_LIMIT = 64 << 20
"""Longest line of tshark's answer that is waited for; a frame with these fields has a few hundred bytes."""

SYN, ACK, RST, FIN = 0x02, 0x10, 0x04, 0x01

VERSIONS = {0x0002: "SSLv2", 0x0300: "SSLv3", 0x0301: "TLSv1.0", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
"""RFC 8446 section 4.2.1 and earlier; what the ``version`` column calls them."""

Frame = Mapping[str, Sequence[str]]
"""One frame's fields, as tshark wrote them: name with underscores → values in order of occurrence."""

Facts = dict[str, dict[tuple[object, ...], object]]
"""Kind → key → value."""


class TsharkNotFoundError(AnalyzerError):
    """tshark is not installed, or pyshark cannot run it."""


@dataclass(slots=True)
class Comparison:
    """How far two sides agree on one kind of fact.

    Attributes:
        differences: (key, ours, theirs); None where a side has no such fact.
    """

    kind: str
    agree: int = 0
    differences: list[tuple[tuple[object, ...], object, object]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Facts that were compared."""
        return self.agree + len(self.differences)


def find_tshark() -> str:
    """Return the path of tshark.

    Raises:
        TsharkNotFoundError: there is none. pyshark also looks into a ``config.ini`` of the current folder; that is
            not wanted here, because the folder of a capture is no place to take a program's path from.
    """
    import shutil

    found = shutil.which("tshark")
    if found is None and not Path("config.ini").exists():
        import pyshark.tshark.tshark as finder

        try:
            found = str(finder.get_process_path())
        except finder.TSharkNotFoundException:
            found = None
    if found is None:
        raise TsharkNotFoundError("verify needs tshark, and it is not installed (Debian: apt install tshark)")
    return found


def verify(path: str, analysis: Analysis | None = None) -> list[Comparison]:
    """Compare our tables with tshark's answers; analyze the capture first when no analysis is given.

    Raises:
        TsharkNotFoundError: tshark is not installed.
        CaptureError: the capture cannot be read, by us or by tshark.
    """
    tshark = find_tshark()
    if analysis is None:
        from analyzer.pipeline import analyze

        analysis = analyze(path)
    return compare(path, analysis, tshark)


def compare(path: str, analysis: Analysis, tshark: str) -> list[Comparison]:
    """Ask this tshark about the capture and compare, one :class:`Comparison` per kind of fact, sorted by kind."""
    return differences(our_facts(analysis), tshark_facts(ask(path, tshark)))


def differences(ours: Facts, theirs: Facts) -> list[Comparison]:
    """Compare two sets of facts; every key of either side counts once."""
    out: list[Comparison] = []
    for kind in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(kind, {}), theirs.get(kind, {})
        comparison = Comparison(kind)
        for key in mine | other:
            a, b = mine.get(key), other.get(key)
            if _same(a, b):
                comparison.agree += 1
            else:
                comparison.differences.append((key, a, b))
        out.append(comparison)
    return out


def _same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=TOLERANCE_MS)
    return a == b


def report_lines(path: str, comparisons: Iterable[Comparison], show: int = 3) -> Iterator[str]:
    """Yield what a person reads: agreement per kind, then the first ``show`` differences of each."""
    rows = list(comparisons)
    agree, total = sum(row.agree for row in rows), sum(row.total for row in rows)
    yield f"{display(path, 1000)}: tshark agrees on {agree} of {total} facts ({_percent(agree, total)})"
    for row in rows:
        yield f"  {row.kind:<22} {row.agree:>7} / {row.total:<7} {_percent(row.agree, row.total):>9}"
        for key, ours, theirs in row.differences[:show]:
            where = " ".join(display(part, 60) for part in key)
            yield f"      {where}: ours {display(ours, 80)}, tshark's {display(theirs, 80)}"
        if len(row.differences) > show > 0:
            yield f"      … and {len(row.differences) - show} more"


def _percent(agree: int, total: int) -> str:
    return f"{100 * agree / total:.2f} %" if total else "nothing to compare"


# --- tshark's side


def ask(path: str, tshark: str) -> list[Frame]:
    """Return the :data:`FIELDS` of every frame.

    Raises:
        CaptureError: tshark cannot read the file at all. One that it can read in part is answered in part.
    """
    if not Path(path).is_file():
        raise CaptureError(path, "verify needs a file: tshark reads it a second time")
    parameters = ["-2", *(part for name in FIELDS for part in ("-e", name))]
    loop = asyncio.new_event_loop()
    try:
        capture = _fields_capture()(
            path,
            tshark_path=tshark,
            use_ek=True,
            keep_packets=False,
            custom_parameters=parameters,
            override_prefs=PREFERENCES,
            eventloop=loop,
        )
        frames = [frame for chunk in _chunks(capture, path) for frame in chunk]
    finally:
        loop.close()
    return frames


def _chunks(capture: Any, path: str) -> Iterator[list[Frame]]:
    """Read all of tshark's answer, and end tshark whatever happens."""
    from pyshark.capture.capture import TSharkCrashException

    answered = False
    try:
        for chunk in capture:
            answered = True
            yield chunk
    except TSharkCrashException as error:
        if not answered:
            reason = str(error).splitlines()[1:2] or [str(error)]
            raise CaptureError(path, f"tshark cannot read it: {reason[0]}") from None
    finally:
        capture.close()


def _fields_capture() -> Any:
    """Return a pyshark FileCapture whose "packets" are lists of :data:`Frame`, one list per chunk of output."""
    import pyshark
    from pyshark.tshark.output_parser.base_parser import BaseTsharkOutputParser

    class FieldsParser(BaseTsharkOutputParser):  # type: ignore[misc]
        def _extract_packet_from_data(self, data: bytes, got_first_packet: bool = True) -> tuple[bytes | None, bytes]:
            end = data.rfind(b"\n") + 1
            if not end and len(data) > LINE_LIMIT:
                raise ValueError("tshark's answer has a line without end")
            return (data[:end] or None), data[end:]

        def _parse_single_packet(self, lines: bytes) -> list[Frame]:
            documents = (json.loads(line.decode("utf-8", "replace")) for line in lines.splitlines() if line.strip())
            return [document["layers"] for document in documents if "layers" in document]

    class FieldsCapture(pyshark.FileCapture):  # type: ignore[misc]
        def _setup_tshark_output_parser(self) -> FieldsParser:
            return FieldsParser()

    return FieldsCapture


def _first(frame: Frame, name: str) -> str | None:
    values = frame.get(name)
    return values[0] if values else None


def _number(frame: Frame, name: str) -> int | None:
    value = _first(frame, name)
    return None if value is None else int(value, 0)


def _nanoseconds(seconds: str) -> float:
    """Turn tshark's ``0.001331000`` into milliseconds without a detour that loses digits."""
    whole, _, fraction = seconds.partition(".")
    return (int(whole) * NS_PER_S + int(fraction.ljust(9, "0")[:9])) / NS_PER_MS


def _addresses(frame: Frame) -> tuple[str | None, str | None]:
    """Return the innermost addresses of a frame (a tunnel has several)."""
    for source, destination in (("ip_src", "ip_dst"), ("ipv6_src", "ipv6_dst")):
        if frame.get(source) and frame.get(destination):
            return frame[source][-1], frame[destination][-1]
    return None, None


def tshark_facts(frames: Iterable[Frame]) -> Facts:
    """Turn tshark's fields into facts."""
    facts: Facts = {}
    count = 0
    http = _HttpPairs()
    for frame in frames:
        count += 1
        number = _number(frame, "frame_number") or 0
        if frame.get("tcp_stream"):
            _tcp(facts, frame, number)
        if frame.get("arp_opcode"):
            _put(facts, "arp.frames", (number,), True)
        _icmp(facts, frame, number)
        _dns(facts, frame, number)
        http.add(frame, number)
        if frame.get("tls_handshake_type") and frame.get("tcp_stream"):
            _tls(facts, frame)
    _put(facts, "capture.packets", (), count)
    _handshakes(facts)
    http.finish(facts)
    return facts


def _put(facts: Facts, kind: str, key: tuple[object, ...], value: object) -> None:
    facts.setdefault(kind, {})[key] = value

"""Asking tshark, found and driven through pyshark, for a few fields of every frame.

pyshark's own packet objects cost milliseconds each and need every field of every frame; so tshark is asked for the
fields below only (``-T ek -e …``) and pyshark's reader is given a parser that takes a chunk of lines at a time. The
event loop is made and closed here: pyshark would otherwise use the thread's policy, deprecated since Python 3.14,
and a child watcher that is gone there.

Source of the fields' meaning: the Wireshark display filter reference.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from analyzer.errors import AnalyzerError, CaptureError

FIELDS = (
    "frame.number",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.stream",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.ack",
    "tcp.analysis.initial_rtt",
    "arp.opcode",
    "icmp.type",
    "icmp.resp_to",
    "icmpv6.type",
    "icmpv6.resp_to",
    "dns.flags.response",
    "dns.qry.name",
    "dns.response_to",
    "dns.time",
    "dns.retransmit_response",
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

LINE_LIMIT = 64 << 20
"""Longest line of tshark's answer that is waited for; a frame with these fields has a few hundred bytes."""

Frame = Mapping[str, Sequence[str]]
"""One frame's fields, as tshark wrote them: name with underscores → values in order of occurrence."""


class TsharkNotFoundError(AnalyzerError):
    """tshark is not installed, or pyshark cannot run it."""


def find_tshark() -> str:
    """Return the path of tshark.

    Raises:
        TsharkNotFoundError: there is none. pyshark also looks into a ``config.ini`` of the current folder; that is
            not wanted here, because the folder of a capture is no place to take a program's path from.
    """
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


def ask(path: str, tshark: str) -> list[Frame]:
    """Return the :data:`FIELDS` of every frame.

    Raises:
        CaptureError: tshark cannot read the file at all. One that it can read in part is answered in part.
    """
    if not Path(path).is_file():
        raise CaptureError(path, "verify needs a file: tshark reads it a second time")
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _ask(path, tshark)
    # Inside a running event loop (a notebook) no other one may run: the question goes to a thread with its own.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_ask, path, tshark).result()


def _ask(path: str, tshark: str) -> list[Frame]:
    loop = asyncio.new_event_loop()
    try:
        with _fields_capture()(
            Path(path).absolute(),
            tshark_path=tshark,
            use_ek=True,
            keep_packets=False,
            custom_parameters=["-2", *(part for name in FIELDS for part in ("-e", name))],
            override_prefs=PREFERENCES,
            eventloop=loop,
        ) as capture:
            frames = [frame for chunk in capture for frame in chunk]
    finally:
        loop.close()
    if capture.exit_status and not frames:
        raise CaptureError(path, f"tshark cannot read it: {capture.complaint}")
    return frames


def _fields_capture() -> Any:
    """Return a pyshark FileCapture whose "packets" are lists of :data:`Frame`, one list per chunk of output.

    It also ends tshark in its own way: pyshark kills even a process that has finished, and on losing that race
    takes it for a crash.
    """
    import pyshark
    from pyshark.tshark.output_parser.base_parser import BaseTsharkOutputParser

    class FieldsParser(BaseTsharkOutputParser):  # type: ignore[misc]
        def _extract_packet_from_data(self, data: bytes, got_first_packet: bool = True) -> tuple[bytes | None, bytes]:
            end = data.rfind(b"\n") + 1
            if not end and len(data) > LINE_LIMIT:
                raise ValueError("tshark's answer has a line without end")
            return (data[:end] or None), data[end:]

        def _parse_single_packet(self, lines: bytes) -> list[Frame]:
            documents = (json.loads(line) for line in lines.decode("utf-8", "replace").split("\n") if line)
            return [document["layers"] for document in documents if "layers" in document]

    class FieldsCapture(pyshark.FileCapture):  # type: ignore[misc]
        exit_status: int | None = None

        @property
        def complaint(self) -> str:
            """tshark's last words."""
            return str(self._last_error_line or "it says nothing").removeprefix("tshark: ")

        def _setup_tshark_output_parser(self) -> FieldsParser:
            return FieldsParser()

        async def _cleanup_subprocess(self, process: Any) -> None:
            if not self._eof_reached:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            self.exit_status = await process.wait()
            self._running_processes.discard(process)

    return FieldsCapture


def cipher_names(tshark: str) -> dict[int, str]:
    """Return Wireshark's names of the TLS cipher suites by number."""
    done = subprocess.run([tshark, "-G", "values"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    names: dict[int, str] = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("V\ttls.handshake.ciphersuite\t"):
            _, _, number, name = line.split("\t", 3)
            names[int(number, 0)] = name
    return names

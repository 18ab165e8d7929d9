"""tshark as the referee: message by message on every shared capture with WebSockets, and on scripted ones.

tshark lists frames, under the packet that completed them; here they are put together to messages. Where it stops
(it takes a connection without a close frame to its end, and reads no compressed text without asking), ours goes on.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.flows.build import follow
from analyzer.options import Options
from analyzer.pipeline import conversation
from analyzer.problems import ProblemLog
from analyzer.protocols import detect
from analyzer.protocols.budget import Budget
from analyzer.protocols.http1.session import transactions
from analyzer.protocols.websocket.session import connections
from analyzer.schema import WebSocketRow
from tests.playbook import Playbook
from tests.websocket.test_library import KINDS, Pair
from tests.websocket.wire import check

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]

Message = tuple[str, int, int, int | None]
"""(opcode, payload bytes, frames, close code)."""
NAMES = {"0": "continuation", "1": "text", "2": "binary", "8": "close", "9": "ping", "10": "pong"}
FIELDS = ("tcp.stream", "frame.number", "tcp.srcport", "tcp.dstport", "websocket.fin", "websocket.opcode",
          "websocket.payload_length", "websocket.payload_length_ext_16", "websocket.payload_length_ext_64",
          "websocket.payload.close.status_code")  # fmt: skip


def theirs(path: Path) -> dict[tuple[int, int], list[Message]]:
    """Ask tshark: (stream, sending port) → its messages in order."""
    wanted = [part for name in FIELDS for part in ("-e", name)]
    command = ["tshark", "-n", "-2", "-r", str(path), "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "websocket"]
    done = subprocess.run([*command, "-T", "fields", *wanted], capture_output=True, text=True, check=True)
    out: dict[tuple[int, int], list[Message]] = defaultdict(list)
    open_: dict[tuple[int, int], Message] = {}
    for line in done.stdout.splitlines():
        stream, _, source, _, fins, opcodes, sizes, words, longs, codes = line.split("\t")
        side = int(stream), int(source)
        more = {"126": iter(words.split(",")), "127": iter(longs.split(","))}
        code = iter(codes.split(","))
        for fin, opcode, size in zip(fins.split(","), opcodes.split(","), sizes.split(","), strict=True):
            length = int(next(more[size])) if size in more else int(size)
            name = NAMES[opcode]
            if name == "close":
                out[side].append((name, length, 1, int(next(code)) if length else None))
            elif opcode in ("9", "10"):
                out[side].append((name, length, 1, None))
            else:
                begun = open_.pop(side, (name, 0, 0, None))
                message = (begun[0], begun[1] + length, begun[2] + 1, None)
                if fin == "1" or fin == "True":
                    out[side].append(message)
                else:
                    open_[side] = message
    return {side: sorted(messages) for side, messages in out.items()}


def ours(path: Path) -> dict[tuple[int, int], list[Message]]:
    """Our messages, in the same form."""
    out: dict[tuple[int, int], list[Message]] = defaultdict(list)
    for row, ports in rows(path):
        for m in row.messages:
            code = int((m.text or "0").split()[0]) if m.opcode == "close" and m.text else None
            assert m.transferred_bytes is not None
            out[row.stream, ports[m.from_]].append((m.opcode, m.transferred_bytes, m.fragments, code))
    return {side: sorted(messages) for side, messages in out.items()}


def rows(path: Path) -> list[tuple[WebSocketRow, dict[str, int]]]:
    options, problems, budget = Options(), ProblemLog(), Budget()
    index = open_capture(str(path), options)
    flows = follow(decode(index, options))
    out = []
    for stream in flows.streams_with_data().tolist():
        talk = conversation(flows, stream, 0, options, problems, budget)
        if detect.application(talk) == "http1":
            for row in connections(talk, transactions(talk)):
                check(row)
                out.append((row, {"client": talk.client_address[1], "server": talk.server_address[1]}))
    assert "PARSER-FAILED" not in problems.counts
    return out


CAPTURES = {
    "http1/sv-websocket-basic_websockets.pcap": 1,
    "http1/sv-websocket-compressed-example_websocket.pcap": 1,
    "http1/sv-websocket-control-frag.pcap": 1,
    "http1/sv-websocket-ping.pcap": 1,
    "http1/zeek-fragmented-http-reply.pcap": 1,
    "http1/zeek-jupyter-websocket.pcap": 1,
    "http1/zeek-message-too-big-status.pcap": 1,
    "http1/zeek-oversized-close-frame.pcapng": 1,
    "http1/zeek-reply-ping-coalesced.pcap": 1,
    "http1/zeek-websocket.pcap": 1,
    "http1/zeek-wrong-accept-header.pcap": 1,
    "http1/zeek-wstunnel-https.pcap": 1,
    "http1/zeek-wstunnel-ssh.pcap": 2,
    "linktypes/brimcap-loopback.pcap": 1,
    "tls/nDPI-tls_heur__vmess-websocket.pcapng": 1,
}
"""Captures, and how many WebSocket connections are in each."""


@pytest.mark.parametrize("name", CAPTURES)
def test_shared_captures(shared_captures: Path, name: str) -> None:
    path = shared_captures / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    assert len(rows(path)) == CAPTURES[name]
    assert ours(path) == theirs(path)


@pytest.mark.parametrize("kind", KINDS)
def test_scripted(tmp_path: Path, kind: str) -> None:
    pair = Pair(deflate=KINDS[kind])
    for n in (1, 125, 126, 3000, 70_000):
        pair.client.send_text(b"x" * n)
        pair.pump()
        pair.server.send_binary(bytes(n), fin=False)
        pair.client.send_ping(b"?")
        pair.pump()
        pair.server.send_continuation(b"end", fin=True)
        pair.pump()
    pair.server.send_close(1011, "sorry")
    pair.pump()
    book = Playbook()
    book.at(0).handshake()
    for at, (who, data) in enumerate(pair.turns):
        (book.at(100 + at).client if who == "c" else book.at(100 + at).server).send(data)
    path = tmp_path / "talk.pcap"
    path.write_bytes(book.pcap())
    assert ours(path) == theirs(path)
    assert sum(map(len, ours(path).values())) == 22

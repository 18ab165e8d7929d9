"""Our rows against what tshark says about the shared captures (its answers lie beside them as JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.decode.table import PacketTable
from analyzer.options import Options
from analyzer.protocols import arp, icmp
from analyzer.protocols.collect import arp_messages, datagrams, icmp_messages, resolver
from analyzer.protocols.dns.session import exchanges

pytestmark = pytest.mark.shared


def captures(folder: Path, group: str) -> Iterator[tuple[str, dict[str, Any], PacketTable]]:
    """Yield name, oracle and packets of each capture of a group."""
    for oracle in sorted((folder / group).glob("*.tshark.json")):
        facts = json.loads(oracle.read_text(encoding="utf-8"))
        if facts.get("capture", {}).get("packets"):
            path = oracle.with_name(oracle.name.removesuffix(".tshark.json"))
            yield path.name, facts, decode(open_capture(str(path), Options()), Options())


@pytest.mark.parametrize("group", ["arp", "dhcp", "mixed"])
def test_every_arp_frame_with_its_kind(shared_captures: Path, group: str) -> None:
    compared = 0
    for name, facts, table in captures(shared_captures, group):
        kinds: dict[int, str] = {}
        for row in arp.exchanges(arp_messages(table)):
            kinds |= dict.fromkeys(row.request_frames, row.kind)
            if row.reply_frame is not None:
                kinds.setdefault(row.reply_frame, row.kind)
        assert set(kinds) == {theirs["frame"] for theirs in facts["arp"]}, name
        for theirs in facts["arp"]:
            wanted = next((k for k in ("probe", "announcement", "gratuitous") if theirs[k]), None)
            kind = kinds[theirs["frame"]]
            assert kind == wanted if wanted else kind in ("request", "probe", "unsolicited_reply"), (name, theirs)
            compared += 1
    assert compared > 0


ECHOES = {"dns": 24, "arp": 1, "icmp": 759, "dhcp": 1, "labs": 51, "oicq": 0, "mixed": 0}
"""How many echo requests tshark finds in a group of captures."""


@pytest.mark.parametrize("group", ECHOES)
def test_echoes_and_other_messages(shared_captures: Path, group: str) -> None:
    """Each request with the reply that tshark gives it, without exception."""
    compared = 0
    for name, facts, table in captures(shared_captures, group):
        rows = icmp.exchanges(icmp_messages(table), resolver(table))
        replies = {row.request_frame: row.reply_frame for row in rows if row.kind == "echo" and row.request_frame}
        theirs = {one["request"]: one["reply"] for one in facts["icmp"] if "note" not in one}
        assert replies == theirs, name
        others = {row.request_frame for row in rows if row.kind != "echo"}
        assert others >= {one["frame"] for one in facts["icmp_other"]}, name
        compared += len(theirs)
    assert compared == ECHOES[group]


def test_dns_pairs(shared_captures: Path) -> None:
    """UDP only; what differs is explained in docs/differences: duplicates, other questions, names as raw bytes."""
    agree = compared = 0
    for _, facts, table in captures(shared_captures, "dns"):
        rows = {frame: row for row in exchanges(datagrams(table)) for frame in row.query_frames}
        for theirs in facts["dns"]:
            if theirs["kind"] == "dns" and theirs["transport"] == "udp" and theirs["query_frame"] and theirs["qname"]:
                row = rows.get(theirs["query_frame"])
                compared += 1
                agree += (
                    row is not None
                    and row.qname.rstrip(".") == theirs["qname"].lower().replace("<root>", "")
                    and theirs["response_frame"] in (None, row.response_frame)
                )
    assert compared > 500
    assert agree / compared > 0.93

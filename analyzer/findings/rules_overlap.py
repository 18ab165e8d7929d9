"""Findings about bytes that were sent twice with different contents (:mod:`analyzer.flows.conflict`).

Each octet has a sequence number of its own (RFC 9293 section 3.4), so what is sent again under a number is the same
octet. Where it is not, the two ends may have read
different things, and so may everybody on the way: an attack on an inspecting device, a middlebox that rewrites one copy
only, or a packet that was damaged. Which, the bytes do not say.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analyzer.findings.model import Hit, Rule
from analyzer.findings.thresholds import MAX_FINDINGS_PER_CODE, MAX_FRAMES
from analyzer.visits.model import Facts


def overlap_conflict(facts: Facts) -> Iterator[Hit]:
    """A connection on which bytes came again with other contents; most bytes first."""
    columns = facts.connections.columns
    sides = [np.asarray(columns[f"{side}_conflicting_bytes"], np.int64) for side in ("client", "server")]
    total = sides[0] + sides[1]
    streams = np.flatnonzero(total)
    for stream in streams[np.argsort(-total[streams], kind="stable")][:MAX_FINDINGS_PER_CODE].tolist():
        row = facts.connections.row(stream)
        both = row.client_conflicting_bytes and row.server_conflicting_bytes
        args: dict[str, object] = {
            "client": row.client,
            "server": row.server,
            "server_port": row.server_port,
            "stream": stream,
            "by": "client and the server" if both else "client" if row.client_conflicting_bytes else "server",
            "conflicting_bytes": int(total[stream]),
        }
        frames = [frame for c in row.conflicts[: MAX_FRAMES // 2] for frame in (c.first_frame, c.frame)]
        # A flood of them: those of this connection were counted, but not kept one by one.
        yield Hit(args, tuple(frames) or (row.first_frame, row.last_frame), "tcp", stream, stream)


RULES: tuple[Rule, ...] = (
    Rule("TCP-OVERLAP-CONFLICT", "warning", "tcp", "unknown", "RFC 9293 section 3.4", overlap_conflict),
)

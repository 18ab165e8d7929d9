"""A second opinion on what Wireshark labels: was it lost, late, sent for nothing, or recorded twice?

Wireshark's labels are rules of thumb over sequence numbers and times. The packets often say more. For each segment
labelled as retransmission (of any kind) or out of order :mod:`.verdict` asks the evidence. A verdict that agrees with
the label is only counted; one that does not is listed too, with the frames that prove it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import PacketTable
from analyzer.flows.handshake import Handshakes
from analyzer.flows.model import DOUBLED, NEEDED, NEEDLESS, REORDERED, TWICE, VERDICTS, Label
from analyzer.flows.segments import Sorted
from analyzer.flows.suspects import SUSPICIOUS
from analyzer.flows.verdict import EVIDENCE, Bools, Ints, Judged, judge
from analyzer.problems import Problem
from analyzer.schema import TcpOpinion

MAX_OPINIONS_PER_CONNECTION = 50
"""Opinions kept for each connection: a reader needs examples; the counts are complete."""
MAX_OPINIONS = 10_000
"""Opinions kept for a capture, so that a hostile one of a million lossy connections stays a report one can open."""
_BATCH = 1 << 18
"""Segments laid out at a time (whole connections), so that temporary columns stay small next to the capture."""
_EXPECTED = (
    (Label.RETRANSMISSION, "retransmission", NEEDED),
    (Label.FAST_RETRANSMISSION, "fast_retransmission", NEEDED),
    (Label.SPURIOUS_RETRANSMISSION, "spurious_retransmission", NEEDLESS),
    (Label.OUT_OF_ORDER, "out_of_order", REORDERED),
)
"""The verdict that each of Wireshark's words stands for."""
_COUNTED = (("resent_needed", NEEDED), ("resent_needless", NEEDLESS), ("reordered", REORDERED), ("doubled", DOUBLED))
_RESENT = Label.RETRANSMISSION | Label.FAST_RETRANSMISSION | Label.SPURIOUS_RETRANSMISSION


@dataclass(frozen=True, slots=True)
class Opinions:
    """What the evidence says.

    Attributes:
        columns: of the ``tcp`` table: per side, verdicts counted, and what was really sent again.
        rows: stream -> opinions that differ from Wireshark's label, in the order of frames.
        judged: (k,) int64 index, ascending, of the segments with a verdict; verdict: (k,) uint8 code into VERDICTS.
        problems: what was left out of ``rows``.
    """

    columns: dict[str, NDArray[np.generic]]
    rows: dict[int, tuple[TcpOpinion, ...]]
    judged: Ints
    verdict: NDArray[np.uint8]
    problems: tuple[Problem, ...] = ()

    def having(self, verdict: int) -> Ints:
        """Return the segments with some verdict."""
        return np.asarray(self.judged[self.verdict == verdict])


def read(table: PacketTable, s: Sorted, h: Handshakes, label: NDArray[np.uint16]) -> Opinions:
    """Weigh the evidence for each labelled segment.

    Args:
        label: (n,) uint16 of Label.

    Returns:
        Columns of (streams,) int64, the opinions that differ, and all verdicts.
    """
    names = (*(name for name, _ in _COUNTED), "sent_again")
    columns = {f"{side}_{name}": np.zeros(s.groups.count, np.int64) for side in ("client", "server") for name in names}
    kept: list[tuple[int, TcpOpinion]] = []
    segments, verdicts = [np.zeros(0, np.int64)], [np.zeros(0, np.uint8)]
    differing = 0
    for streams in _batches(s, label):
        judged = judge(table, s, h, label, streams)
        of_kind = {name: judged.verdict == verdict for name, verdict in _COUNTED}
        of_kind["sent_again"] = _sent_again(judged, label)
        client = s.client[judged.segment]
        for name, hits in of_kind.items():
            for side, own in (("client", client), ("server", ~client)):
                np.add.at(columns[f"{side}_{name}"], s.groups.of[judged.segment[hits & own]], 1)
        settled = judged.verdict != 0
        segments.append(judged.segment[settled])
        verdicts.append(judged.verdict[settled])
        differs = judged.take(np.flatnonzero(_differs(judged, label)))
        differing += differs.segment.size
        kept += _rows(s, differs, label, MAX_OPINIONS - len(kept))
    rows: dict[int, list[TcpOpinion]] = {}
    for stream, opinion in kept:
        rows.setdefault(stream, []).append(opinion)
    listed = {stream: tuple(held) for stream, held in rows.items()}
    segment = np.concatenate(segments)
    order = np.argsort(segment)
    counted: dict[str, NDArray[np.generic]] = dict(columns)
    problems = _problems(differing - len(kept))
    return Opinions(counted, listed, segment[order], np.concatenate(verdicts)[order], problems)


def _sent_again(judged: Judged, label: NDArray[np.uint16]) -> Bools:
    """Return which segments their sender sent again, by Wireshark's label unless the evidence says something else."""
    resent = (label[judged.segment] & int(_RESENT)) != 0
    once = np.isin(judged.verdict, (REORDERED, TWICE, DOUBLED)) | judged.fresh
    return np.asarray((resent & ~once) | np.isin(judged.verdict, (NEEDED, NEEDLESS)))


def _problems(left_out: int) -> tuple[Problem, ...]:
    if not left_out:
        return ()
    more = "1 more segment is" if left_out == 1 else f"{left_out} more segments are"
    message = (
        f"{more} something else than Wireshark's label says; the counts include them, the list does not"
        f" (at most {MAX_OPINIONS_PER_CONNECTION} in a connection, {MAX_OPINIONS} in a capture)"
    )
    return (Problem("LIMIT-REACHED", "tcp", message),)


def _batches(s: Sorted, label: NDArray[np.uint16]) -> Iterator[Ints]:
    """Yield the connections with labelled segments, (k,) int64 each, not too many segments at a time."""
    marked = s.groups.of[(label & int(SUSPICIOUS)) != 0]
    if not marked.size:
        return
    heads = np.ones(marked.size, np.bool_)
    heads[1:] = marked[1:] != marked[:-1]
    streams = marked[heads]
    ends = np.cumsum(s.groups.first[streams + 1] - s.groups.first[streams])
    low = 0
    while low < streams.size:
        done = int(ends[low - 1]) if low else 0
        high = max(int(np.searchsorted(ends, done + _BATCH, side="right")), low + 1)
        yield streams[low:high]
        low = high


def _differs(judged: Judged, label: NDArray[np.uint16]) -> Bools:
    """Return where there is a verdict that can be shown, and it is not what the label stands for."""
    out = (judged.verdict != 0) & (judged.proof >= 0).any(axis=1)
    for bit, _, expected in _EXPECTED:
        out &= ((label[judged.segment] & bit) == 0) | (judged.verdict != expected)
    return np.asarray(out)


def _rows(s: Sorted, judged: Judged, label: NDArray[np.uint16], room: int) -> list[tuple[int, TcpOpinion]]:
    """Draw differing opinions as (stream, opinion), by stream and frame, at most ``room`` and so many a connection."""
    order = np.argsort(judged.segment)  # sorted segments stand by stream, then frame
    judged = judged.take(order)
    stream = s.groups.of[judged.segment]
    rank = np.arange(stream.size) - np.searchsorted(stream, stream)
    judged = judged.take(np.flatnonzero(rank < MAX_OPINIONS_PER_CONNECTION)[:room])
    out = []
    columns = (judged.segment, s.groups.of[judged.segment], s.client[judged.segment], label[judged.segment])
    listed = [c.tolist() for c in (*columns, judged.verdict, judged.evidence, judged.proof)]
    for segment, owner, client, bits, verdict, by, proof in zip(*listed, strict=True):
        name = next(word for bit, word, _ in _EXPECTED if bits & bit)
        frames = tuple(sorted({int(s.rows[k]) + 1 for k in proof if k >= 0}))
        opinion = TcpOpinion(
            int(s.rows[segment]) + 1, "client" if client else "server", name, VERDICTS[verdict], EVIDENCE[by], frames
        )
        out.append((owner, opinion))
    return out

"""Which segments a side that sent a SYN may take for an answer to it.

A SYN is answered by an acknowledgement that covers it, and covers nothing that was never sent. Two others look like
answers at first sight and open nothing:

* an ACK of something older: a side that still remembers an old connection on these ports answers a SYN with what it
  expects next (RFC 9293 section 3.5.1, figure 9; RFC 5961 section 4). It lies outside of what the SYN began, and a side
  in SYN-SENT does not accept it (RFC 9293 section 3.10.7.3);
* an ACK beyond everything that was sent. A side in SYN-RECEIVED resets it, with a reset that takes its number from that
  very ACK (RFC 9293 section 3.10.7.4). Without such a reset more may have been sent than was captured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.groups import Groups, ranges

MAX_ACKED = 1 << 30
"""An acknowledgement of a SYN may cover data too, but no gigabyte of it: then it belongs to something else."""
_WRAP = 1 << 32


def answering(
    groups: Groups,
    client: NDArray[np.bool_],
    flags: NDArray[np.uint16],
    seq: NDArray[np.int64],
    ack: NDArray[np.int64],
    length: NDArray[np.integer],
) -> NDArray[np.bool_]:
    """Return which segments the other side may take for an answer to its SYN; resets are none.

    Args:
        client, flags, seq, ack, length: (n,), as in :class:`analyzer.flows.segments.Sorted`.

    Returns:
        (n,) bool. Where the other side's SYN was not captured nothing speaks against a segment.
    """
    acks = (flags & (Flag.RST | Flag.ACK)) == Flag.ACK
    covers = acks & (ack > 0) & (ack <= MAX_ACKED)
    doubtful = np.flatnonzero(~covers)
    if doubtful.size:
        syns = np.flatnonzero(flags & Flag.SYN)
        begun = np.stack([groups.first_of(syns[client[syns] == mine]) >= 0 for mine in (False, True)])
        unknown = ~begun[1 - client[doubtful].astype(np.int8), groups.of[doubtful]]
        covers[doubtful[unknown & ((flags[doubtful] & Flag.RST) == 0)]] = True
    covers[_reset(groups, client, flags, seq, ack, length, acks)] = False
    return np.asarray(covers)


def _reset(
    groups: Groups,
    client: NDArray[np.bool_],
    flags: NDArray[np.uint16],
    seq: NDArray[np.int64],
    ack: NDArray[np.int64],
    length: NDArray[np.integer],
    acks: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Return the client's acknowledgements of what was never sent, which the server answered with a reset of their own.

    Such a reset has no ACK. The same reset answers an acknowledgement of a closed connection; what was sent in that one
    tells them apart.
    """
    resets = np.flatnonzero(((flags & (Flag.RST | Flag.ACK)) == Flag.RST) & ~client)
    if not resets.size:
        return resets
    owners = groups.of[resets]
    owners = owners[np.concatenate(([True], owners[1:] != owners[:-1]))]
    index = ranges(groups.first[owners], groups.first[owners + 1])
    index = index[client[index] & acks[index]]
    told = groups.of[index] * _WRAP + (ack[index] & (_WRAP - 1))
    index = index[np.isin(told, groups.of[resets] * _WRAP + (seq[resets] & (_WRAP - 1)))]
    if not index.size:
        return index
    counted = ((flags & Flag.SYN) != 0).astype(np.int64) + ((flags & Flag.FIN) != 0)
    sent = groups.running_max(seq + length.astype(np.int64) + counted, ~client & ((flags & Flag.RST) == 0))
    return np.asarray(index[ack[index] > sent[index]])

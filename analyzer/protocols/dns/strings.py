"""Byte strings of any length as columns: gathered from a capture, hashed, and put into groups of equal ones.

Rules: a string is a run of little-endian 64-bit words, the last one filled up with zeros, so that a hundred thousand
strings are compared by a few operations on all their words. Strings are equal when their sizes and words are: a hash
only proposes, because whoever made the capture may have chosen bytes with one hash on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.gather import gather

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

WORD = 8
AT_ONCE = 4096
"""Strings worked on at a time: their words fit into a processor's cache."""
_WORD = np.dtype("<u8")
_PLACE, _VALUE, _LAST = (np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""Odd numbers with about as many ones as zeros; the bits of a product depend on all lower bits of its factors."""
_HALF = np.uint64(32)


@dataclass(slots=True)
class Strings:
    """Byte strings one after the other.

    Attributes:
        words: (w,) uint64, all words.
        first: (n,) int64, the first word of each string; counts: (n,) how many words it has, at least one.
        sizes: (n,) int64, bytes.
    """

    words: NDArray[np.uint64]
    first: Ints
    counts: Ints
    sizes: Ints

    def hashes(self) -> NDArray[np.uint64]:
        """Return (n,) a hash of each string."""
        out = np.zeros(self.sizes.size, np.uint64)
        for part in self._parts():
            out[part] = self.take(part)._hashes()
        return out

    def _parts(self) -> Iterator[slice]:
        for low in range(0, self.sizes.size, AT_ONCE):
            yield slice(low, low + AT_ONCE)

    def _hashes(self) -> NDArray[np.uint64]:
        starts, place = self._places()
        mixed = self.words[np.repeat(self.first - starts, self.counts) + place]
        mixed += (place - np.repeat(starts, self.counts)).astype(np.uint64) * _PLACE
        mixed *= _VALUE
        mixed ^= mixed >> _HALF
        mixed *= _LAST
        mixed ^= mixed >> _HALF
        return np.asarray(np.add.reduceat(mixed, starts) ^ self.sizes.astype(np.uint64), np.uint64)

    def _places(self) -> tuple[Ints, Ints]:
        """Return where each string begins when all are laid side by side, and (w,) the places of their words then."""
        return np.cumsum(self.counts) - self.counts, np.arange(int(self.counts.sum()))

    def same(self, other: Strings) -> Mask:
        """Return (n,) whether each string equals the other's string with the same number."""
        same: Mask = np.asarray(self.sizes == other.sizes, np.bool_)
        if not same.all():
            at = np.flatnonzero(same)
            same[at] = self.take(at).same(other.take(at))
            return same
        for part in self._parts():
            same[part] = self.take(part)._same_words(other.take(part))
        return same

    def _same_words(self, other: Strings) -> Mask:
        starts, place = self._places()
        mine = self.words[np.repeat(self.first - starts, self.counts) + place]
        theirs = other.words[np.repeat(other.first - starts, self.counts) + place]
        return np.asarray(np.logical_and.reduceat(mine == theirs, starts), np.bool_)

    def groups(self) -> tuple[Ints, Ints, Mask]:
        """Put equal strings together.

        Returns:
            (g,) one string of each group; (n,) the group of each string; (n,) whether it equals that one.
        """
        _, chosen, group = np.unique(self.hashes(), return_index=True, return_inverse=True)
        chosen, group = chosen.astype(np.int64), group.astype(np.int64)
        return chosen, group, self.same(self.take(chosen[group]))

    def take(self, which: Ints | slice) -> Strings:
        """Return chosen strings (of the same words)."""
        return Strings(self.words, self.first[which], self.counts[which], self.sizes[which])


def gathered(
    data: NDArray[np.uint8],
    starts: Ints,
    sizes: Ints,
    spans: Callable[[Ints], Iterable[slice]] | None = None,
) -> Strings:
    """Copy strings out of bytes.

    Args:
        data: (size,) uint8, contiguous.
        starts: (n,) int64, where each string begins; sizes: (n,) its bytes, at least one.
        spans: cuts ascending starts into runs that lie close together (:meth:`PacketBytes.spans`).
    """
    counts = (sizes + WORD - 1) // WORD
    first = np.cumsum(counts) - counts
    words = np.zeros(int(counts.sum()), np.uint64)
    for run in [slice(0, starts.size)] if spans is None else spans(starts):
        for begin in range(run.start, run.stop, AT_ONCE):
            part = slice(begin, min(begin + AT_ONCE, run.stop))
            some, low = counts[part], int(first[begin])
            place = WORD * np.arange(low, low + int(some.sum()))
            found = gather(data, np.repeat(starts[part] - WORD * first[part], some) + place, _WORD)
            words[low : low + found.size] = found
    blank_ends(words, first + counts - 1, sizes)
    return Strings(words, first, counts, sizes)


def blank_ends(words: NDArray[np.uint64], last: Ints, sizes: Ints) -> None:
    """Fill up the last word of each string with zeros."""
    bits = (sizes % WORD).astype(np.uint64) * np.uint64(8)
    short = bits > 0
    words[last[short]] &= (np.uint64(1) << bits[short]) - np.uint64(1)

"""What stands out among the segments of a connection: a symbol and a word for each of Wireshark's labels.

The words are those of the ladder. Symbols differ in shape, so that no colour is needed to tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.model import Label
from analyzer.report.escape import Prose
from analyzer.report.figures.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILLION, YELLOW
from analyzer.report.ladder import LABEL_WORDS
from analyzer.report.wording import say


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of mark.

    Attributes:
        key: short name; words: for legend and table, in English.
        symbol, colour: in plotly's words.
        answers: it says something about what the other side sent (an acknowledgement), so it lies on that side's graph.
        label, flag: which segments have it; ``unless`` are labels that say the same more exactly.
        quiet: so ordinary and frequent that it is drawn only when asked for.
    """

    key: str
    words: str
    symbol: str
    colour: str
    answers: bool = False
    label: int = 0
    flag: int = 0
    unless: int = 0
    quiet: bool = False

    def of(self, flags: NDArray[np.uint16], label: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Tell which segments have this mark.

        Args:
            flags, label: (n,) uint16 as in :class:`analyzer.flows.model.Segments`.
        """
        # Plain numbers, since numpy takes several microseconds to look at a flag.
        mine = (label & int(self.label)) != 0 if self.label else (flags & int(self.flag)) != 0
        return np.asarray(mine & ((label & int(self.unless)) == 0))

    def said(self) -> Prose:
        """Say the words in the language that is spoken."""
        return say(self.words)


_RESENT = Label.FAST_RETRANSMISSION | Label.SPURIOUS_RETRANSMISSION
_WORDS = dict(LABEL_WORDS)


def _labelled(
    key: str, label: Label, symbol: str, colour: str, *, answers: bool = False, unless: int = 0, quiet: bool = False
) -> Kind:
    return Kind(key, _WORDS[label], symbol, colour, answers, label, unless=unless, quiet=quiet)


KINDS = (
    Kind("syn", "SYN", "circle-open", INK, flag=Flag.SYN),
    Kind("fin", "FIN", "square-open", INK, flag=Flag.FIN),
    Kind("rst", "RST", "hexagram", VERMILLION, flag=Flag.RST),
    _labelled("retransmission", Label.RETRANSMISSION, "x", VERMILLION, unless=_RESENT),
    _labelled("fast", Label.FAST_RETRANSMISSION, "star", ORANGE),
    _labelled("spurious", Label.SPURIOUS_RETRANSMISSION, "diamond", PURPLE),
    _labelled("order", Label.OUT_OF_ORDER, "triangle-up", SKY),
    _labelled("lost", Label.LOST_SEGMENT, "triangle-left", ORANGE),
    _labelled("unseen", Label.ACKED_UNSEEN, "pentagon", GREEN, answers=True),
    _labelled("duplicate", Label.DUPLICATE_ACK, "triangle-right", YELLOW, answers=True),
    _labelled("zero", Label.ZERO_WINDOW, "square", VERMILLION, answers=True),
    _labelled("probe", Label.ZERO_WINDOW_PROBE, "diamond-tall", BLUE),
    _labelled("probed", Label.ZERO_WINDOW_PROBE_ACK, "diamond-wide", SKY, answers=True),
    _labelled("full", Label.WINDOW_FULL, "hourglass", ORANGE),
    _labelled("update", Label.WINDOW_UPDATE, "triangle-down", GREEN, answers=True, quiet=True),
    _labelled("alive", Label.KEEP_ALIVE, "cross", GREEN),
    _labelled("answer", Label.KEEP_ALIVE_ACK, "bowtie", SKY, answers=True),
    _labelled("twice", Label.CAPTURED_TWICE, "asterisk-open", GREY),
)
"""All marks, in the order of the legend."""

LARGE, SMALL, MANY = 10, 8, 60
"""Pixels of a symbol, and how many make the small ones better."""


def present(flags: NDArray[np.uint16], label: NDArray[np.uint16]) -> Iterator[tuple[Kind, NDArray[np.int64]]]:
    """Yield the marks that occur, each with the places of the segments that have it (arguments as of ``Kind.of``)."""
    some_flags, some_label = int(np.bitwise_or.reduce(flags)), int(np.bitwise_or.reduce(label))
    for kind in KINDS:
        if some_label & kind.label if kind.label else some_flags & kind.flag:
            found = np.flatnonzero(kind.of(flags, label))
            if found.size:
                yield kind, found


def marker(kind: Kind, count: int) -> dict[str, object]:
    """Return plotly's description of a kind's symbol: filled ones have an outline in the theme's text colour.

    Args:
        count: of all symbols in the graph.
    """
    hollow = kind.symbol.endswith("-open")
    return {
        "symbol": kind.symbol,
        "size": LARGE if count < MANY else SMALL,
        "color": kind.colour,
        "line": {"width": 2 if hollow else 1, "color": kind.colour if hollow else INK},
    }

"""Zeek's history words, spelled by hand."""

from __future__ import annotations

import pytest

from tests.flows.script import row

OPEN = """
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @40
C A    1   1   0  5000  @40
"""

WORDS = [
    (
        "an ordinary request",
        "ShADadFf",
        OPEN
        + """
C PA   1   1 100  5000  @50
S A    1 101   0  5000  @90
S PA   1 101 200  5000  @95
C A  101 201   0  5000  @95
C FA 101 201   0  5000  @100
S FA 201 102   0  5000  @140
C A  102 202   0  5000  @140
""",
    ),
    (
        "data and ACKs once per side, however many",
        "ShADd",
        OPEN
        + """
C PA   1   1 100  5000  @50
C PA 101   1 100  5000  @51
S PA   1 201 100  5000  @90
S PA 101 201 100  5000  @91
C A  201 201   0  5000  @92
C A  201 201   0  4000  @93
""",
    ),
    ("a repeated SYN is one event", "Sh", "C S 0 0 0 5000 @0\nC S 0 0 0 5000 @1000\nS SA 0 1 0 5000 @1040"),
    ("resets with different numbers are two", "SRR", "C S 0 0 0 5000 @0\nC R 1 0 0 0 @1\nC R 2 0 0 0 @2"),
    ("the first packet was the server's", "^hA", "S SA 0 1 0 5000 @0\nC A 1 1 0 5000 @40"),
    ("mid-stream, the server first", "^dA", "S PA 1 1 9 5000 @0\nC A 1 10 0 5000 @40"),
    ("FIN and RST together are inconsistent", "ShAFRI", OPEN + "C FRA 1 1 0 0 @50"),
    ("SYN and FIN together", "SFQ", "C SF 0 0 0 500 @0"),
    ("SYN and RST together", "SRQ", "C SR 0 0 0 500 @0"),
    (
        "a hole and a retransmission",
        "ShAdgt",
        OPEN
        + """
S PA   1   1 100  5000  @90
S PA 201   1 100  5000  @91
S PA   1   1 100  5000  @500
""",
    ),
    (
        "a hole that is filled late is none",
        "ShAdt",
        OPEN
        + """
S PA   1   1 100  5000  @90
S PA 201   1 100  5000  @91
S PA 101   1 100  5000  @500
""",
    ),
    (
        "one of two holes is filled",
        "ShAdgt",
        OPEN
        + """
S PA   1   1 100  5000  @90
S PA 201   1 100  5000  @91
S PA 401   1 100  5000  @92
S PA 101   1 100  5000  @500
""",
    ),
    ("a closed window", "ShAdW", OPEN + "S PA 1 1 100 5000 @90\nC A 1 101 0 0 @91"),
    (
        "the 1st and the 10th retransmission",
        "ShADTT",
        OPEN + "C PA 1 1 100 5000 @50\n" + "".join(f"C PA 1 1 100 5000 @{500 * k}\n" for k in range(1, 16)),
    ),
]


@pytest.mark.parametrize(("name", "word", "text"), WORDS, ids=[w[0] for w in WORDS])
def test_word(name: str, word: str, text: str) -> None:
    assert row(text).history == word

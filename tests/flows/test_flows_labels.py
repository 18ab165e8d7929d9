"""Each of Wireshark's labels in a small script, with the labels that its rules (MEASURES) give by hand.

The labels expected of a segment stand behind its line. :mod:`tests.flows.test_flows_labels_referee` holds these same
scripts against tshark.
"""

from __future__ import annotations

import pytest

from tests.flows.script import followed, labels_of, packets_of, script
from tests.flows.walker import walk

OPEN = """
C S    0   0   0  5000  @0   ws=0
S SA   0   1   0  5000  @40  ws=0
C A    1   1   0  5000  @40
"""
UNSCALED = """
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @40
C A    1   1   0  5000  @40
"""

SCRIPTS: dict[str, str] = {
    "an ordinary exchange has no labels": OPEN
    + """
C PA   1   1 100  5000  @50
S A    1 101   0  5000  @90
S PA   1 101 200  5000  @95
C A  101 201   0  5000  @95
C FA 101 201   0  5000  @100
S FA 201 102   0  5000  @140
C A  102 202   0  5000  @140
""",
    "lost segment": OPEN
    + """
S PA 101   1 100  5000  @90   # LOST_SEGMENT
""",
    "a pure ACK beyond the next number tells of a lost segment, a reset does not": OPEN
    + """
C A  101   1   0  5000  @90   # LOST_SEGMENT
C R  500   1   0  5000  @91
""",
    "retransmission after the initial round trip": OPEN
    + """
S PA   1   1 100  5000  @90
S PA 101   1 100  5000  @90
S PA   1   1 100  5000  @131  # RETRANSMISSION
""",
    "out of order within the initial round trip of 40 ms": OPEN
    + """
S PA   1   1 100  5000  @90
S PA 201   1 100  5000  @91   # LOST_SEGMENT
S PA 101   1 100  5000  @130.999  # OUT_OF_ORDER
""",
    "no longer out of order at the initial round trip": OPEN
    + """
S PA   1   1 100  5000  @90
S PA 201   1 100  5000  @91   # LOST_SEGMENT
S PA 101   1 100  5000  @131  # RETRANSMISSION
""",
    "out of order within 3 ms when the round trip is unknown": """
S A    1   1 100  5000  @0
S A  201   1 100  5000  @1    # LOST_SEGMENT
S A  101   1  50  5000  @3.999  # OUT_OF_ORDER
S A  151   1  50  5000  @4    # RETRANSMISSION
""",
    "what reaches the highest number exactly is sent again, never out of order": OPEN
    + """
S PA   1   1 100  5000  @90
S PA   1   1 100  5000  @91   # RETRANSMISSION
""",
    "a repeated SYN, SYN-ACK and FIN are retransmissions": """
C S    0   0   0  5000  @0    ws=0
C S    0   0   0  5000  @1000 ws=0  # RETRANSMISSION
S SA   0   1   0  5000  @1040 ws=0
S SA   0   1   0  5000  @1041 ws=0  # RETRANSMISSION
C A    1   1   0  5000  @1050
C FA   1   1   0  5000  @1100
C FA   1   1   0  5000  @1400  # RETRANSMISSION
""",
    "fast retransmission: two duplicate ACKs and 20 ms": OPEN
    + """
S A    1   1 100  5000  @90
S A  101   1 100  5000  @90
S A  201   1 100  5000  @90
S A  301   1 100  5000  @90
C A    1 101   0  5000  @91
C A    1 101   0  5000  @92   # DUPLICATE_ACK
C A    1 101   0  5000  @93   # DUPLICATE_ACK
S A  101   1 100  5000  @112.999  # FAST_RETRANSMISSION
S A  101   1 100  5000  @113  # OUT_OF_ORDER
""",
    "one duplicate ACK makes no fast retransmission": OPEN
    + """
S A    1   1 100  5000  @90
S A  101   1 100  5000  @90
S A  201   1 100  5000  @90
C A    1 101   0  5000  @91
C A    1 101   0  5000  @92   # DUPLICATE_ACK
S A  101   1 100  5000  @140  # RETRANSMISSION
""",
    "spurious retransmission: the data was acknowledged": OPEN
    + """
S A    1   1 100  5000  @90
C A    1 101   0  5000  @91
S A    1   1 100  5000  @500  # SPURIOUS_RETRANSMISSION
S A    1   1 101  5000  @501  # RETRANSMISSION
""",
    "duplicate ACKs: same number, same window, no data": OPEN
    + """
S A    1   1 100  5000  @90
C A    1 101   0  5000  @91
C A    1 101   0  5000  @92   # DUPLICATE_ACK
C A    1 101  10  5000  @93
C A   11 101   0  5000  @94   # DUPLICATE_ACK
C A   11 101   0  4000  @95   # WINDOW_UPDATE
C FA  11 101   0  4000  @96
""",
    "keep-alive and its ACK": OPEN
    + """
C A    0   1   1  5000  @9000  # KEEP_ALIVE
S A    1   1   0  5000  @9040  # KEEP_ALIVE_ACK
C A    0   1   0  5000  @9100  # KEEP_ALIVE
S A    1   1   0  5000  @9140  # KEEP_ALIVE_ACK
S A    1   1   0  5000  @9141  # KEEP_ALIVE_ACK
C A    1   1   0  5000  @9150  # DUPLICATE_ACK
S A    1   1   0  5000  @9151  # DUPLICATE_ACK
""",
    "a FIN is no keep-alive": OPEN
    + """
C FA   0   1   0  5000  @500   # RETRANSMISSION
""",
    "zero window, probe, probe ACK, update": OPEN
    + """
S A    1   1 100  5000  @90
C A    1 101   0     0  @91   # ZERO_WINDOW
S A  101   1   1  5000  @300  # ZERO_WINDOW_PROBE
C A    1 101   0     0  @301  # ZERO_WINDOW_PROBE_ACK ZERO_WINDOW
S A  101   1   1  5000  @700  # ZERO_WINDOW_PROBE
C A    1 101   0  5000  @701  # WINDOW_UPDATE
S A  101   1 100  5000  @702
""",
    "a probe does not advance: the next data is neither lost nor sent again": OPEN
    + """
S A    1   1 100  5000  @90
C A    1 101   0     0  @91   # ZERO_WINDOW
S A  101   1   1  5000  @300  # ZERO_WINDOW_PROBE
C A    1 102   0  5000  @301  # ACKED_UNSEEN
S A  101   1 100  5000  @302
S A  201   1 100  5000  @303
""",
    "single bytes towards a closed window that go on are no probes": OPEN
    + """
C A    1   1   0     0  @91   # ZERO_WINDOW
S A    1   1   1  5000  @92   # ZERO_WINDOW_PROBE
S A    2   1   1  5000  @93   # LOST_SEGMENT
S A    3   1   1  5000  @94   # ZERO_WINDOW_PROBE
S A    3   1   1  5000  @95   # ZERO_WINDOW_PROBE
""",
    "resets and FINs with a closed window are no zero window": OPEN
    + """
C FA   1   1   0     0  @91
S RA   1   2   0     0  @92
""",
    "window full": OPEN
    + """
C A    1   1   0   300  @50    # WINDOW_UPDATE
S A    1   1 200  5000  @90
S A  201   1 100  5000  @90    # WINDOW_FULL
""",
    "window full with scaling": """
C S    0   0   0  5000  @0    ws=7
S SA   0   1   0  5000  @40   ws=2
C A    1   1   0     2  @40
S A    1   1 255  5000  @90
S A  256   1   1  5000  @90   # WINDOW_FULL
""",
    "the window of a SYN is not scaled": """
C S    0   0   0    50  @0    ws=7
S SA   0   1   0   100  @40   ws=7
C A    1   1 100  5000  @41   # WINDOW_FULL
""",
    "scaling that only one side offered is not used": """
C S    0   0   0  5000  @0    ws=7
S SA   0   1   0  5000  @40
C A    1   1   0   100  @40
S A    1   1 100  5000  @90   # WINDOW_FULL
""",
    "without the SYNs the window is not known": """
C A    1   1   0   100  @40
S A    1   1 100  5000  @90
""",
    "acknowledged but never captured": OPEN
    + """
S A    1   1 100  5000  @90
C A    1 301   0  5000  @91   # ACKED_UNSEEN
C A    1 401   0  5000  @92
""",
    "a hole in the capture, acknowledged": OPEN
    + """
S A    1   1 100  5000  @90
S A  201   1 100  5000  @90   # LOST_SEGMENT
C A    1 301   0  5000  @91   # ACKED_UNSEEN
S A  301   1 100  5000  @92
C A    1 401   0  5000  @93
""",
    "a hole that is filled in time is nothing unseen": OPEN
    + """
S A    1   1 100  5000  @90
S A  201   1 100  5000  @90   # LOST_SEGMENT
S A  101   1 100  5000  @91   # OUT_OF_ORDER
C A    1 301   0  5000  @92
S A  301   1 100  5000  @93
C A    1 401   0  5000  @94
""",
    "unseen twice: the side whose bytes are missing has to acknowledge something in between": OPEN
    + """
C A    1 101   0  5000  @50   # ACKED_UNSEEN
C A    1 201   0  5000  @51
S A    1  11   0  5000  @52   # ACKED_UNSEEN
C A    1 301   0  5000  @53   # ACKED_UNSEEN
""",
    "data on a SYN": """
C S    0   0 100  5000  @0    ws=0
S SA   0 101   0  5000  @40   ws=0
C A  101   1  50  5000  @41
""",
    "data on a SYN that the server did not take": """
C S    0   0 100  5000  @0
S SA   0   1   0  5000  @40
C A    1   1 100  5000  @41   # RETRANSMISSION
""",
    "time running backwards makes nothing out of order": OPEN
    + """
S A    1   1 100  5000  @90
S A  201   1 100  5000  @91   # LOST_SEGMENT
S A  101   1  50  5000  @80   # RETRANSMISSION
""",
    "a refusal's reset has number 0, which says nothing of the next SYN-ACK": """
C S    0   0   0  5000  @0
S A    1   1   0  5000  @1
C R    1   0   0     0  @2
""",
}


def expected(text: str) -> list[set[str]]:
    lines = [line for line in text.strip().splitlines() if line.split("#")[0].strip()]
    return [set(line.partition("#")[2].split()) for line in lines]


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name: str) -> None:
    text = SCRIPTS[name]
    got = labels_of(followed(packets_of(script(text))))
    assert [got[k + 1] for k in range(len(got))] == expected(text)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_walk_says_the_same(name: str) -> None:
    assert walk(script(SCRIPTS[name])) == expected(SCRIPTS[name])


def test_all_scripts_at_once_as_many_connections() -> None:
    """Connections do not disturb each other, whatever lies between their frames."""
    scripts = [
        list(zip(packets_of(script(text), client_port=20000 + k), expected(text), strict=True))
        for k, text in enumerate(SCRIPTS.values())
    ]
    woven = [lines[k] for k in range(max(map(len, scripts))) for lines in scripts if k < len(lines)]
    got = labels_of(followed([packet for packet, _ in woven]))
    assert [got[frame + 1] for frame in range(len(woven))] == [wanted for _, wanted in woven]


def test_counts_per_direction() -> None:
    flows = followed(packets_of(script(SCRIPTS["fast retransmission: two duplicate ACKs and 20 ms"])))
    row = flows.connections.row(0)
    assert (row.client_duplicate_acks, row.server_duplicate_acks) == (2, 0)
    assert (row.server_fast_retransmissions, row.server_retransmissions, row.server_out_of_order) == (1, 0, 1)
    assert (row.client_packets, row.server_packets) == (5, 7)
    assert (row.server_bytes, row.server_unique_bytes) == (600, 400)

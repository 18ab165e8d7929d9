"""The second opinion, rule by rule: conversations whose truth is known because they were written that way.

Each scene says which segments differ from Wireshark's label, and how, and how many verdicts of each kind the server's
segments get. Frame numbers stand in comments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from analyzer.decode.table import PacketTable
from analyzer.flows import opinion, verdict
from analyzer.flows.handshake import Handshakes
from analyzer.flows.model import VERDICTS
from analyzer.flows.segments import Sorted
from analyzer.schema import TcpOpinion
from tests.flows.script import followed, labels_of, only
from tests.flows.talk import flows_of, row_of, talk

OPEN = """
    C S   0   0   0  @0                 # 1
    S SA  0   1   0  @40                # 2
    C A   1   1   0  @40                # 3: the round trip takes 40 ms
"""
TIMED = """
    C S   0   0   0  @0   ts=100/0      # 1
    S SA  0   1   0  @40  ts=920/100    # 2
    C A   1   1   0  @40  ts=140/920    # 3
"""
FAST, LATE, SPURIOUS, ORDER = (
    "fast_retransmission",
    "retransmission",
    "spurious_retransmission",
    "out_of_order",
)
Differs = tuple[int, str, str, str, tuple[int, ...]]


@dataclass(frozen=True)
class Scene:
    name: str
    text: str
    differs: tuple[Differs, ...] = ()
    needed: int = 0
    needless: int = 0
    reordered: int = 0
    doubled: int = 0


SCENES = (
    # ── duplicates the receiver told of (RFC 2883 section 4) ─────────────────────────────────────────────────────
    Scene(
        "the acknowledgement got lost, and the repeat is told of as a duplicate",
        OPEN
        + """
        S PA  1    1 1000  @50                   # 4
        S PA  1    1 1000  @300                  # 5
        C A   1 1001    0  @340 sack=1-1001      # 6
        """,
        ((5, LATE, "needless", "dsack", (4, 6)),),
        needless=1,
    ),
    Scene(
        "a duplicate above the cumulative acknowledgement, inside the second block",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  101  1  100  @51                   # 5: lost on its way
        S PA  201  1  100  @52                   # 6
        C A   1  101    0  @92                   # 7
        S PA  201  1  100  @300                  # 8: sent again, while it is 5 that is missing
        C A   1  101    0  @340 sack=201-301,201-301  # 9
        """,
        ((8, LATE, "needless", "dsack", (6, 9)),),
        needless=1,
    ),
    Scene(
        "one report for three segments that the receiver's card had merged",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  101  1  100  @50                   # 5
        S PA  201  1  100  @50                   # 6
        S PA  1    1  100  @300                  # 7
        S PA  101  1  100  @300.1                # 8
        S PA  201  1  100  @300.2                # 9
        C A   1  301    0  @340 sack=1-301       # 10
        """,
        (
            (7, LATE, "needless", "dsack", (4, 10)),
            (8, LATE, "needless", "dsack", (5, 10)),
            (9, LATE, "needless", "dsack", (6, 10)),
        ),
        needless=3,
    ),
    Scene(
        "sent three times, told of once: the last one was needless, of the other nobody knows",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  1    1  100  @300                  # 5
        S PA  1    1  100  @700                  # 6
        C A   1  101    0  @740 sack=1-101       # 7
        """,
        ((6, LATE, "needless", "dsack", (5, 7)),),
        needless=1,
    ),
    Scene(
        "sent three times, told of twice: both repeats were needless",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  1    1  100  @300                  # 5
        S PA  1    1  100  @700                  # 6
        C A   1  101    0  @740 sack=1-101       # 7
        C A   1  101    0  @741 sack=1-101       # 8
        """,
        (
            (5, LATE, "needless", "dsack", (4, 8)),
            (6, LATE, "needless", "dsack", (5, 7)),
        ),
        needless=2,
    ),
    Scene(
        "a duplicate that covers only half of the segment proves nothing about it",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  1    1  100  @300                  # 5
        C A   1  101    0  @340 sack=1-51        # 6
        """,
    ),
    Scene(
        "a report from before the repeat is not about it; but it shows that the receiver had it",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  101  1  100  @51                   # 5: lost
        S PA  201  1  100  @52                   # 6: doubled by the network
        C A   1  101    0  @92 sack=201-301,201-301   # 7
        S PA  201  1  100  @300                  # 8
        """,
        ((8, LATE, "needless", "sack", (6, 7)),),
        needless=1,
    ),
    # ── what the receiver had already, or still lacked ───────────────────────────────────────────────────────────
    Scene(
        "a FIN repeated after it was acknowledged (Wireshark calls only data spurious)",
        OPEN
        + """
        S FA  1    1    0  @50                   # 4
        C A   1    2    0  @90                   # 5
        S FA  1    1    0  @300                  # 6
        """,
        ((6, LATE, "needless", "acknowledged", (4, 5)),),
        needless=1,
    ),
    Scene(
        "data repeated after it was acknowledged: Wireshark says so too",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        C A   1  101    0  @90                   # 5
        S PA  1    1  100  @300                  # 6
        """,
        needless=1,
    ),
    Scene(
        "repeated although the receiver had told that it has it above a hole",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4: lost
        S PA  101  1  100  @51                   # 5
        C A   1    1    0  @91 sack=101-201      # 6
        S PA  1    1  100  @300                  # 7
        S PA  101  1  100  @301                  # 8
        """,
        ((8, LATE, "needless", "sack", (5, 6)),),
        needed=1,
        needless=1,
    ),
    Scene(
        "told of long ago, and left out since for newer blocks",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4: lost
        S PA  101  1  100  @51                   # 5
        S PA  201  1  100  @52                   # 6: lost
        S PA  301  1  100  @53                   # 7
        C A   1    1    0  @91 sack=101-201      # 8
        C A   1    1    0  @93 sack=301-401      # 9
        S PA  101  1  100  @301                  # 10
        """,
        ((10, LATE, "needless", "sack", (5, 8)),),
        needless=1,
    ),
    Scene(
        "lacked by the receiver, which had later data: needed, as Wireshark says",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4: lost
        S PA  101  1  100  @51                   # 5
        C A   1    1    0  @91 sack=101-201      # 6
        S PA  1    1  100  @300                  # 7
        """,
        needed=1,
    ),
    Scene(
        "no room for another block: what is not told may have arrived all the same",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4: lost
        S PA  101  1  800  @51                   # 5
        C A   1    1    0  @91 sack=801-901,601-701,401-501,201-301  # 6
        S PA  301  1  100  @300                  # 7
        """,
    ),
    Scene(
        "room for another block: what is not told is lacking",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4: lost
        S PA  101  1  100  @51                   # 5
        S PA  201  1  100  @52                   # 6: lost
        S PA  301  1  100  @53                   # 7
        C A   1    1    0  @93 sack=301-401,101-201   # 8
        S PA  201  1  100  @300                  # 9
        """,
        needed=1,
    ),
    Scene(
        "a second repeat is not called needed by what was told before the first could arrive",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4: lost
        S PA  101  1  100  @51                   # 5
        S PA  1    1  100  @90                   # 6
        C A   1    1    0  @91 sack=101-201      # 7
        S PA  1    1  100  @300                  # 8: is it needed, or was 6 not?
        """,
    ),
    # ── a hole in the capture is filled: late or sent again? ─────────────────────────────────────────────────────
    Scene(
        "the hole was told of more than a round trip before: sent again, and Wireshark is misled by newer data",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  201  1  100  @51                   # 5: 101 was lost before the recorder
        C A   1  101    0  @51 sack=201-301      # 6
        S PA  301  1  100  @90                   # 7
        S PA  101  1  100  @93                   # 8
        """,
        ((8, ORDER, "needed", "sack", (5, 6)),),
        needed=1,
    ),
    Scene(
        "the hole was told of just before: late or sent again, nobody knows",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  201  1  100  @51                   # 5
        C A   1  101    0  @51 sack=201-301      # 6
        S PA  101  1  100  @53                   # 7
        """,
    ),
    Scene(
        "late by more than a round trip, but its timestamp is older",
        TIMED
        + """
        S PA  1    1  100  @50  ts=930/140       # 4
        S PA  201  1  100  @51  ts=932/140       # 5
        S PA  101  1  100  @151 ts=931/140       # 6
        """,
        ((6, LATE, "reordered", "timestamp", (5,)),),
        reordered=1,
    ),
    Scene(
        "a little late, and its timestamp is older: Wireshark says so too",
        TIMED
        + """
        S PA  1    1  100  @50  ts=930/140       # 4
        S PA  201  1  100  @51  ts=932/140       # 5
        S PA  101  1  100  @52  ts=931/140       # 6
        """,
        reordered=1,
    ),
    Scene(
        "a little late, but its timestamp is newer",
        TIMED
        + """
        S PA  1    1  100  @50  ts=930/140       # 4
        S PA  201  1  100  @51  ts=931/140       # 5
        S PA  101  1  100  @53  ts=933/140       # 6
        """,
        ((6, ORDER, "needed", "timestamp", (5,)),),
        needed=1,
    ),
    Scene(
        "the same tick of the clock tells nothing",
        TIMED
        + """
        S PA  1    1  100  @50  ts=930/140       # 4
        S PA  201  1  100  @51  ts=930/140       # 5
        S PA  101  1  100  @53  ts=930/140       # 6
        """,
    ),
    Scene(
        "the clock passes 2^32",
        TIMED.replace("920", "4294967290")
        + """
        S PA  1    1  100  @50  ts=4294967295/140   # 4
        S PA  201  1  100  @51  ts=1/140            # 5
        S PA  101  1  100  @151 ts=4294967295/140   # 6
        """,
        ((6, LATE, "reordered", "timestamp", (5,)),),
        reordered=1,
    ),
    Scene(
        "the clock tells over IPv6 too",
        """
        C S   0    0    0  @0   ts=100/0    6
        S SA  0    1    0  @40  ts=920/100  6
        C A   1    1    0  @40  ts=140/920  6
        S PA  1    1  100  @50  ts=930/140  6
        S PA  201  1  100  @51  ts=932/140  6
        S PA  101  1  100  @151 ts=931/140  6    # 6
        """,
        ((6, LATE, "reordered", "timestamp", (5,)),),
        reordered=1,
    ),
    Scene(
        "numbered between its neighbours: late",
        OPEN
        + """
        S PA  1    1  100  @50 id=65533          # 4
        S PA  101  1  100  @50 id=65534          # 5
        S PA  201  1  100  @50 id=65535          # 6
        S PA  401  1  100  @51 id=2              # 7: the counter passes 2^16
        S PA  501  1  100  @51 id=3              # 8
        S PA  301  1  100  @151 id=1             # 9
        """,
        ((9, LATE, "reordered", "ip_id", (7,)),),
        reordered=1,
    ),
    Scene(
        "numbered after all the others: sent again",
        OPEN
        + """
        S PA  1    1  100  @50 id=10             # 4
        S PA  101  1  100  @50 id=11             # 5
        S PA  201  1  100  @50 id=12             # 6
        S PA  401  1  100  @51 id=14             # 7
        S PA  501  1  100  @51 id=15             # 8
        S PA  301  1  100  @53 id=16             # 9
        """,
        ((9, ORDER, "needed", "ip_id", (7,)),),
        needed=1,
    ),
    Scene(
        "random numbers tell nothing",
        OPEN
        + """
        S PA  1    1  100  @50 id=41000          # 4
        S PA  101  1  100  @50 id=900            # 5
        S PA  201  1  100  @50 id=62012          # 6
        S PA  401  1  100  @51 id=62014          # 7
        S PA  501  1  100  @51 id=62015          # 8
        S PA  301  1  100  @53 id=62013          # 9
        """,
    ),
    Scene(
        "three segments do not show that a counter counts",
        OPEN
        + """
        S PA  1    1  100  @50 id=10             # 4
        S PA  201  1  100  @51 id=12             # 5
        S PA  101  1  100  @53 id=11             # 6
        """,
    ),
    Scene(
        "the first acknowledgement of it echoes its own timestamp: recorded after its answer, sent once",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        C A   1  201    0  @51   ts=151/931      # 5
        S PA  101  1  100  @51.1 ts=931/140      # 6
        """,
        ((6, SPURIOUS, "reordered", "timestamp", (5,)),),
        reordered=1,
    ),
    Scene(
        "acknowledged a moment before it passed: the recorder may have swapped them",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        C A   1  201    0  @51                   # 5
        S PA  101  1  100  @51.1                 # 6
        """,
    ),
    Scene(
        "acknowledged long before it passed: a repeat of what was not captured",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        C A   1  201    0  @51                   # 5
        S PA  101  1  100  @300                  # 6
        """,
        needless=1,
    ),
    # ── which transmission the receiver echoes (RFC 3522) ────────────────────────────────────────────────────────
    Scene(
        "the acknowledgement echoes the first transmission",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        S PA  1    1  100  @300  ts=1180/140     # 5
        C A   1  101    0  @302  ts=402/930      # 6
        """,
        ((5, LATE, "needless", "timestamp", (4, 6)),),
        needless=1,
    ),
    Scene(
        "the acknowledgement echoes the repeat",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        S PA  1    1  100  @300  ts=1180/140     # 5
        C A   1  101    0  @340  ts=440/1180     # 6
        """,
        needed=1,
    ),
    Scene(
        "sent again within a round trip: no reordering, since both were captured",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        S PA  101  1  100  @51   ts=931/140      # 5
        S PA  1    1  100  @71   ts=951/140      # 6
        C A   1  201    0  @111  ts=211/951      # 7
        """,
        ((6, ORDER, "needed", "timestamp", (4, 7)),),
        needed=1,
    ),
    Scene(
        "the acknowledgement echoes the second repeat: the receiver lacked it both times",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        S PA  1    1  100  @300  ts=1180/140     # 5
        S PA  1    1  100  @800  ts=1680/140     # 6
        C A   1  101    0  @840  ts=940/1680     # 7
        """,
        needed=2,
    ),
    Scene(
        "the acknowledgement echoes the first repeat: the second was for nothing",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        S PA  1    1  100  @300  ts=1180/140     # 5
        S PA  1    1  100  @800  ts=1680/140     # 6
        C A   1  101    0  @802  ts=902/1180     # 7
        """,
        ((6, LATE, "needless", "timestamp", (5, 7)),),
        needed=1,
        needless=1,
    ),
    Scene(
        "a delayed acknowledgement echoes the segment before it (RFC 7323 section 4.3): that tells nothing",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        S PA  101  1  100  @51   ts=931/140      # 5: lost
        S PA  101  1  100  @140  ts=1020/140     # 6
        C A   1  201    0  @180  ts=280/930      # 7
        """,
    ),
    Scene(
        "an echo of what was never sent tells nothing",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        S PA  1    1  100  @300  ts=1180/140     # 5
        C A   1  101    0  @340  ts=440/77       # 6
        """,
    ),
    Scene(
        "two transmissions in one tick of the clock cannot be told apart",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        C A   1    1    0  @50.5 ts=150/920      # 5
        S PA  1    1  100  @51   ts=930/140      # 6
        C A   1  101    0  @90   ts=190/930      # 7
        """,
    ),
    Scene(
        "a report of a duplicate is stronger than an echo",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140                # 4
        S PA  1    1  100  @300  ts=1180/140               # 5
        C A   1  101    0  @340  ts=440/1180               # 6: arrived first
        C A   1  101    0  @341  ts=441/1180 sack=1-101    # 7: but the other one arrived too
        """,
        ((5, LATE, "needless", "dsack", (4, 7)),),
        needless=1,
    ),
    # ── one packet, several records ──────────────────────────────────────────────────────────────────────────────
    Scene(
        "recorded twice within a millisecond, with the same number",
        OPEN
        + """
        S PA  1    1  100  @50   id=7            # 4
        C A   1  101    0  @50.1 id=9            # 5
        S PA  1    1  100  @50.3 id=7            # 6
        """,
        ((6, SPURIOUS, "captured_twice", "same_packet", (4,)),),
    ),
    Scene(
        "recorded again behind a router, one hop on",
        OPEN
        + """
        S PA  1    1  100  @50 id=7              # 4
        S PA  101  1  100  @51 id=8              # 5
        S PA  1    1  100  @95 id=7 ttl=63       # 6
        S PA  101  1  100  @96 id=8 ttl=63       # 7
        """,
        (
            (6, LATE, "captured_twice", "same_packet", (4,)),
            (7, LATE, "captured_twice", "same_packet", (5,)),
        ),
    ),
    Scene(
        "a sender that gives every packet the same number, over two routes",
        OPEN
        + """
        S PA  1    1  100  @50 id=7              # 4
        S PA  101  1  100  @51 id=7              # 5
        S PA  1    1  100  @95 id=7 ttl=63       # 6
        """,
    ),
    Scene(
        "no number, but at once and unprovoked",
        TIMED
        + """
        S PA  1    1  100  @50   ts=930/140      # 4
        S PA  1    1  100  @50.1 ts=930/140      # 5
        C A   1  101    0  @90   ts=190/930      # 6
        """,
        ((5, LATE, "captured_twice", "alike", (4,)),),
    ),
    Scene(
        "seen twice within a millisecond, and the receiver got both: the network doubled it",
        OPEN
        + """
        S PA  1    1  100  @50   id=7            # 4
        S PA  1    1  100  @50.1 id=7            # 5
        C A   1  101    0  @90   sack=1-101      # 6
        """,
        ((5, LATE, "doubled", "dsack", (4, 6)),),
        doubled=1,
    ),
    Scene(
        "behind a router that forwards it twice, the receiver got both",
        OPEN
        + """
        S PA  1    1  100  @50 id=7              # 4
        S PA  101  1  100  @51 id=8              # 5
        S PA  1    1  100  @52 id=7 ttl=63       # 6
        S PA  101  1  100  @53 id=8 ttl=63       # 7
        C A   1  201    0  @90 sack=1-101        # 8
        C A   1  201    0  @90 sack=101-201      # 9
        """,
        (
            (6, ORDER, "doubled", "dsack", (4, 8)),
            (7, LATE, "doubled", "dsack", (5, 9)),
        ),
        doubled=2,
    ),
    Scene(
        "what fills a hole of the capture was no duplicate: its copy was, although it was sent again",
        OPEN
        + """
        S PA  1    1  100  @50    id=7           # 4
        S PA  201  1  100  @51    id=9           # 5: id 8 was lost before the recorder
        C A   1  101    0  @51    sack=201-301   # 6
        S PA  101  1  100  @300   id=10          # 7
        S PA  101  1  100  @300.1 id=10          # 8
        C A   1  301    0  @340                  # 9
        C A   1  301    0  @340   sack=101-201   # 10
        """,
        ((8, LATE, "doubled", "dsack", (7, 10)),),
        needed=1,
        doubled=1,
    ),
    Scene(
        "a repeat that was recorded twice is still judged by itself",
        OPEN
        + """
        S PA  1    1  100  @50    id=7           # 4
        S PA  1    1  100  @300   id=8           # 5
        S PA  1    1  100  @300.1 id=8           # 6
        C A   1  101    0  @340   sack=1-101     # 7
        """,
        (
            (5, LATE, "needless", "dsack", (4, 7)),
            (6, LATE, "captured_twice", "same_packet", (5,)),
        ),
        needless=1,
    ),
    # ── SYNs that bear the number of an earlier one and repeat nothing ───────────────────────────────────────────
    Scene(
        "simultaneous open (RFC 9293 figure 7): the SYN/ACK is the answer to the other side's SYN",
        """
        C S   0    0    0  @0                    # 1
        S S   0    0    0  @1                    # 2
        C SA  0    1    0  @2                    # 3
        S SA  0    1    0  @3                    # 4: the client's 3 has acknowledged 2
        C PA  1    1   10  @10                   # 5
        """,
    ),
    Scene(
        "its SYN/ACK sent again is a repeat all the same",
        """
        C S   0    0    0  @0                    # 1
        S S   0    0    0  @1                    # 2
        C SA  0    1    0  @2                    # 3
        S SA  0    1    0  @3                    # 4
        S SA  0    1    0  @1003                 # 5
        """,
        ((5, LATE, "needless", "acknowledged", (3, 4)),),
        needless=1,
    ),
    Scene(
        "opened anew with the same number after the client reset the answer: the answer is no repeat either",
        """
        C S   0    0    0  @0                    # 1
        S SA  0    1    0  @10                   # 2
        C R   1    0    0  @10.1                 # 3
        C S   0    0    0  @20                   # 4
        S SA  0    1    0  @30                   # 5
        C R   1    0    0  @30.1                 # 6
        """,
    ),
    Scene(
        "the server answers each SYN: the first answer was all that was needed",
        """
        C S   0    0    0  @0                    # 1
        C S   0    0    0  @1000                 # 2
        S SA  0    1    0  @1200                 # 3
        C A   1    1    0  @1200.1               # 4
        S SA  0    1    0  @2200                 # 5
        """,
        ((5, LATE, "needless", "acknowledged", (3, 4)),),
        needless=1,
    ),
    Scene(
        "opened anew after both had closed",
        """
        S SA  0    1    0  @10                   # 1: the SYN before it was not captured
        C A   1    1    0  @11                   # 2
        C FA  1    1    0  @12                   # 3
        S FA  1    2    0  @13                   # 4
        C A   2    2    0  @14                   # 5
        C S   0    0    0  @15                   # 6
        """,
    ),
    # ── nothing to go by ─────────────────────────────────────────────────────────────────────────────────────────
    Scene(
        "a plain retransmission without any option",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  1    1  100  @300                  # 5
        C A   1  101    0  @340                  # 6
        """,
    ),
    Scene(
        "known and new bytes in one segment: only the known ones can be needless",
        OPEN
        + """
        S PA  1    1  100  @50                   # 4
        S PA  1    1  200  @300                  # 5
        C A   1  201    0  @340 sack=1-101       # 6
        """,
        ((5, LATE, "needless", "dsack", (4, 6)),),
        needless=1,
    ),
)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_scene(scene: Scene) -> None:
    row = row_of(scene.text)
    assert row.opinions == tuple(
        TcpOpinion(frame, "server", label, word, evidence, frames)
        for frame, label, word, evidence, frames in scene.differs
    )
    counts = row.server_resent_needed, row.server_resent_needless, row.server_reordered, row.server_doubled
    assert counts == (scene.needed, scene.needless, scene.reordered, scene.doubled)
    counts = row.client_resent_needed, row.client_resent_needless, row.client_reordered, row.client_doubled
    assert counts == (0, 0, 0, 0)
    recorded_twice = [word for _, _, word, _, _ in scene.differs].count("captured_twice")
    assert (row.client_duplicates_in_capture, row.server_duplicates_in_capture) == (0, recorded_twice)


SENT_AGAIN = {
    "the acknowledgement got lost, and the repeat is told of as a duplicate": 1,
    "sent three times, told of once: the last one was needless, of the other nobody knows": 2,
    "data repeated after it was acknowledged: Wireshark says so too": 1,  # a spurious one
    "the hole was told of more than a round trip before: sent again, and Wireshark is misled by newer data": 1,
    "the hole was told of just before: late or sent again, nobody knows": 0,
    "late by more than a round trip, but its timestamp is older": 0,
    "recorded twice within a millisecond, with the same number": 0,
    "recorded again behind a router, one hop on": 0,
    "seen twice within a millisecond, and the receiver got both: the network doubled it": 0,
    "a repeat that was recorded twice is still judged by itself": 1,
    "simultaneous open (RFC 9293 figure 7): the SYN/ACK is the answer to the other side's SYN": 0,
    "its SYN/ACK sent again is a repeat all the same": 1,
    "a plain retransmission without any option": 1,
}
"""Scene → segments that the server sent again, as the scene's own words have it."""


@pytest.mark.parametrize("name", SENT_AGAIN)
def test_what_was_sent_again(name: str) -> None:
    (scene,) = (scene for scene in SCENES if scene.name == name)
    row = row_of(scene.text)
    assert (row.client_sent_again, row.server_sent_again) == (0, SENT_AGAIN[name])


def test_a_syn_that_begins_anew_is_not_sent_again() -> None:
    (text,) = (scene.text for scene in SCENES if scene.name.startswith("opened anew with the same number"))
    row = row_of(text)
    assert (row.client_retransmissions, row.server_retransmissions) == (1, 1)
    assert (row.client_sent_again, row.server_sent_again) == (0, 0)


def test_a_reset_of_an_older_connection_does_not_end_this_one() -> None:
    """RFC 9293 figure 9: the client resets what the server still remembers, and sends its SYN again."""
    row = row_of(
        """
        C S   0    0    0  @0                    # 1
        S A   -100 -300 0  @10                   # 2
        C R   -300 0    0  @10.2                 # 3
        C S   0    0    0  @1000                 # 4
        S SA  0    1    0  @1010                 # 5
        C A   1    1    0  @1011                 # 6
        """
    )
    assert (row.client_sent_again, row.server_sent_again) == (1, 0)


def test_a_syn_ack_of_a_server_that_missed_the_reset_is_a_repeat() -> None:
    row = row_of(
        """
        C S   0    0    0  @0                    # 1
        S SA  0    1    0  @10                   # 2
        C R   1    0    0  @10.1                 # 3: lost behind the recorder
        S SA  0    1    0  @1010                 # 4
        """
    )
    assert row.server_sent_again == 1


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_label_is_wiresharks(scene: Scene) -> None:
    labels = labels_of(flows_of(talk(scene.text)))
    for frame, label, *_ in scene.differs:
        assert label.upper() in labels[frame]


def test_every_kind_of_evidence_and_verdict_has_a_scene() -> None:
    seen = {(word, evidence) for scene in SCENES for _, _, word, evidence, _ in scene.differs}
    assert {evidence for _, evidence in seen} == set(verdict.EVIDENCE) - {""}
    assert {word for word, _ in seen} == set(VERDICTS) - {""}


def test_a_repeated_syn_of_the_client_that_had_arrived() -> None:
    row = row_of(
        """
        C S   0   0   0  @0    ts=100/0      # 1
        C S   0   0   0  @1000 ts=1100/0     # 2
        S SA  0   1   0  @1001 ts=900/100    # 3: answers the first one
        C A   1   1   0  @1001 ts=1101/900   # 4
        """
    )
    assert row.opinions == (TcpOpinion(2, "client", "retransmission", "needless", "timestamp", (1, 3)),)
    assert row.client_resent_needless == 1


def needless_repeats(count: int) -> str:
    """Return a script of so many repeats that were for nothing; the repeats are frames 5, 8, 11 …"""
    lines = [OPEN]
    for k in range(count):
        low, high, ms = 1 + 10 * k, 11 + 10 * k, 100 + 100 * k
        lines += [
            f"S PA {low} 1 10 @{ms}",
            f"S PA {low} 1 10 @{ms + 50}",
            f"C A 1 {high} 0 @{ms + 90} sack={low}-{high}",
        ]
    return "\n".join(lines)


def opinions_of(packets: list[tuple[int, bytes]], monkeypatch: pytest.MonkeyPatch) -> opinion.Opinions:
    """Return what the module itself answers, its problems included."""
    answers = []
    read = opinion.read

    def spy(table: PacketTable, s: Sorted, h: Handshakes, label: NDArray[np.uint16]) -> opinion.Opinions:
        answers.append(read(table, s, h, label))
        return answers[-1]

    monkeypatch.setattr(opinion, "read", spy)
    followed(packets)
    return answers[0]


def two_connections(count: int) -> list[tuple[int, bytes]]:
    said = talk(needless_repeats(count))
    return [packet for s in said for packet in (s.packet(port=40000), s.packet(port=40001))]


def test_opinions_beyond_the_limits_are_counted_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opinion, "MAX_OPINIONS_PER_CONNECTION", 3)
    monkeypatch.setattr(opinion, "MAX_OPINIONS", 5)
    got = opinions_of(two_connections(4), monkeypatch)
    assert {stream: [o.frame for o in rows] for stream, rows in got.rows.items()} == {0: [9, 15, 21], 1: [10, 16]}
    assert got.columns["server_resent_needless"].tolist() == [4, 4]
    (problem,) = got.problems
    assert problem.code == "LIMIT-REACHED"
    assert problem.message.startswith("3 more segments are")


def test_what_is_done_at_a_time_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = opinions_of(two_connections(6), monkeypatch)
    monkeypatch.setattr(opinion, "_BATCH", 1)
    monkeypatch.setattr(verdict, "_CHUNK", 2)
    parts = opinions_of(two_connections(6), monkeypatch)
    assert whole.rows == parts.rows
    assert len(whole.rows[0]) == len(whole.rows[1]) == 6
    assert not whole.problems
    assert {k: v.tolist() for k, v in whole.columns.items()} == {k: v.tolist() for k, v in parts.columns.items()}


def test_a_capture_without_a_label_reads_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opinion, "judge", None)
    got = opinions_of([s.packet() for s in talk(OPEN + "S PA 1 1 10 @50")], monkeypatch)
    assert got.rows == {}
    assert {name: column.tolist() for name, column in got.columns.items()} == {
        f"{side}_{name}": [0]
        for side in ("client", "server")
        for name in ("resent_needed", "resent_needless", "reordered", "doubled", "sent_again")
    }


def test_snaplen_cuts_the_options_away() -> None:
    packets = [s.packet() for s in talk(needless_repeats(1))]
    flows = followed([(time, data[:54]) for time, data in packets], wire=[len(data) for _, data in packets])
    assert only(flows).opinions == ()

"""What the findings about the recording itself say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

CAPTURE: dict[str, tuple[str, str, str]] = {
    # bytes_unread, packets, reason
    "CAPTURE-TRUNCATED": (
        "The capture file cannot be read to its end: {reason}",
        "What came after it is missing: connections may look unfinished although they were not.",
        "Record it again, and stop the recorder cleanly before copying the file.",
    ),
    # packets, snaplen
    "CAPTURE-SNAPLEN": (
        "{packets:packet was|packets were} cut short when recorded",
        "Only the beginning of these packets was kept, so names, headers or certificates inside may be missing.",
        "Record without a snap length (tcpdump -s 0).",
    ),
    # drops
    "CAPTURE-DROPS": (
        "The recorder lost {drops:packet|packets}",
        "What looks like loss on the network may only be missing from the recording.",
        "Record to a faster disk, with a larger buffer (tcpdump -B) or a narrower filter.",
    ),
    # step_ms, packets
    "CAPTURE-PACED": (
        "The times in this file are not those of the network: one packet was recorded every {step_ms}",
        "Packets that come when they come are not evenly spaced. These are, so the times say when the recorder wrote "
        "them down, or a program made them up. What was sent is right; how long anything took is not.",
        "Do not judge speed by this file. Record again with tcpdump, dumpcap or Wireshark on the machine itself.",
    ),
    # connections, total, heard
    "CAPTURE-ONE-WAY": (
        "Only one direction of {connections:connection|connections} was recorded (of {total} in all)",
        "What the other side sent is missing: answers look as if they had not come, and nothing can be said about how "
        "long they took. Here mostly the packets of the {heard} are there.",
        "Record on one of the two machines. On a switch, mirror both directions of the port; where the ways there and "
        "back differ, record at a place that both pass.",
    ),
    # connections, total, missing_bytes, missing_share
    "CAPTURE-GAPS": (
        "{missing_bytes} that arrived were not recorded ({missing_share} of the data, in "
        "{connections:connection|connections})",
        "The receiver acknowledged these bytes, so they were not lost on the network: the recorder missed their "
        "packets. Requests, answers and files with such a hole cannot be read to their end.",
        "Record with a larger buffer (tcpdump -B), a narrower filter, or to a faster disk, and on the machine itself "
        "rather than on a busy mirror port.",
    ),
    # packets, packets_share, connections
    "CAPTURE-DUPLICATES": (
        "{packets:packet was|packets were} recorded twice",
        "The same packet appears again unchanged, moments later: the recorder listened at two places of one path, such "
        "as both sides of a mirrored port or two interfaces. They were sent once; this report counts none as lost.",
        "Record one interface, or mirror only the incoming direction. editcap -d removes the copies.",
    ),
    # count, back_ms
    "CAPTURE-CLOCK": (
        "The times in this file jump backwards {count:time|times}, by up to {back_ms}",
        "Either the clock of the recorder was set meanwhile, or several recordings were put together without sorting "
        "them. Durations across such a jump are not known.",
        "Sort joined files by time (mergecap without -a, or reordercap). Keep the recorder's clock synchronised.",
    ),
    # segments, largest_bytes, mss_bytes, connections
    "CAPTURE-OFFLOAD": (
        "{segments:packet is|packets are} larger than the two sides agreed on (up to {largest_bytes} of data instead "
        "of {mss_bytes})",
        "The capture was made on one of the two machines, whose network card does a part of the work: it cuts large "
        "packets into small ones after they were recorded, or joins small ones before. On the cable they were smaller.",
        "Nothing to do. To see the packets as they are on the cable, record elsewhere or turn offloading off while "
        "recording (ethtool -K INTERFACE gro off lro off gso off tso off).",
    ),
}

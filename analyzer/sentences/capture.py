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
}

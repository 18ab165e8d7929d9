"""What the findings about neighbours (ARP) say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

ARP: dict[str, tuple[str, str, str]] = {
    # target_ip, asker_ip, attempts
    "ARP-UNANSWERED": (
        "Nobody on the local network answered for {target_ip} ({attempts:request|requests} by {asker_ip})",
        "Without the hardware address no packet can be delivered to that machine, not even through a router.",
        "Check that the machine is up, in the same network, and that the address and netmask of {asker_ip} are right.",
    ),
    "ARP-UNANSWERED.unheard": (
        "{asker_ip} asked for {target_ip} ({attempts:request|requests}); no answer was recorded",
        "Requests go to everybody, answers only to the one who asked: a recorder elsewhere in the network hears only "
        "the questions. So this may be quite in order.",
        "To be sure, record on {asker_ip} itself, or on a mirror port of its switch.",
    ),
    # target_ip, macs, first, last
    "ARP-CONFLICT": (
        "More than one machine claims {target_ip}: {macs}",
        "Packets go now to the one and now to the other, so connections break at random. It may also be somebody who "
        "redirects traffic on purpose.",
        "Find both machines by their hardware addresses; give one of them another address.",
    ),
    "ARP-CONFLICT.moved": (
        "{target_ip} moved from {first} to {last}",
        "First the one machine answered for the address, then the other. That is what a new lease, a replaced card or "
        "a standby machine taking over looks like.",
        "If nobody changed anything, find both machines by their hardware addresses.",
    ),
}

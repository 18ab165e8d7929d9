"""What the findings about IPv6 neighbours (NDP) say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

NDP: dict[str, tuple[str, str, str]] = {
    # target_ip, asker_ip, attempts
    "NDP-UNANSWERED": (
        "No IPv6 neighbour answered for {target_ip} ({attempts:question|questions} by {asker_ip})",
        "Without the hardware address no packet can be delivered to that machine. Programs then fall back to IPv4, "
        "often after a wait.",
        "Check that the machine is up and in the same network as {asker_ip}, and that no filter stops ICMPv6 there.",
    ),
    "NDP-UNANSWERED.unheard": (
        "{asker_ip} asked for {target_ip} ({attempts:question|questions}); no answer was recorded",
        "Questions go to a group, answers only to the one who asked: a recorder elsewhere in the network hears only "
        "the questions. So this may be quite in order.",
        "To be sure, record on {asker_ip} itself, or on a mirror port of its switch.",
    ),
    # target_ip, owner, asker_mac
    "NDP-ADDRESS-TAKEN": (
        "{asker_mac} wanted the IPv6 address {target_ip}, but {owner} already uses it",
        "A machine asks first whether its new address is free. It was not, so the machine must not use it. A machine "
        "that claims every address asked for shuts all others out.",
        "Find the machine {owner}. Two machines with one address are a mistake in a setup, or copies of one machine.",
    ),
    # target_ip, macs, first, last
    "NDP-CONFLICT": (
        "More than one machine claims the IPv6 address {target_ip}: {macs}",
        "Packets go now to the one and now to the other. It may also be somebody who redirects traffic on purpose: "
        "anybody in the network can send such claims.",
        "Find both machines by their hardware addresses. Switches can keep false claims out (RA guard, ND inspection).",
    ),
    "NDP-CONFLICT.moved": (
        "The IPv6 address {target_ip} moved from {first} to {last}",
        "First the one machine answered for the address, then the other: a replaced card, or a standby machine that "
        "took over.",
        "If nobody changed anything, find both machines by their hardware addresses.",
    ),
    # routers, count, prefixes
    "NDP-ROUTERS": (
        "{count:router offers itself|routers offer themselves} as the way to other networks: {routers}",
        "Hosts choose one of them, and make addresses of all prefixes ({prefixes}). That is in order when it is meant; "
        "a router nobody knows of, such as a shared phone, takes the traffic of the whole network.",
        "Check that each of them is meant to be a router. Switches can keep others out (RA guard, RFC 6105).",
    ),
}

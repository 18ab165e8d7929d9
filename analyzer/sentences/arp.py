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
    # target_ip, owner, asker_mac
    "ARP-ADDRESS-TAKEN": (
        "{asker_mac} wanted the address {target_ip}, but {owner} already uses it",
        "A machine asks first whether its new address is free. It was not, so the machine has no address, or takes "
        "another one.",
        "Find out which of the two was set by hand. Addresses set by hand must lie outside what DHCP gives out.",
    ),
    # ip, first, last, macs, hosts, packets
    "ARP-GATEWAY-CHANGED": (
        "The gateway {ip} was {first} and is now {last}",
        "All traffic to other networks goes through that machine, here that of {hosts}. A router is seldom replaced "
        "while it is in use: a standby took over, or somebody reads, and may change, what passes.",
        "Compare the hardware address with the label on the router. If it is not the router's, find the machine and "
        "disconnect it; switches can forbid this (dynamic ARP inspection).",
    ),
    "ARP-GATEWAY-CHANGED.contested": (
        "More than one machine claims to be the gateway {ip}: {macs}",
        "Traffic to other networks, here that of {hosts}, goes now to the one and now to the other. Two machines that "
        "take turns are mostly one router and one that reads or changes what passes.",
        "Compare the hardware addresses with the label on the router, and disconnect the other machine; switches can "
        "forbid this (dynamic ARP inspection).",
    ),
    # asker_mac, asker_ip, seconds, requests, rate, askers, targets
    "ARP-STORM": (
        "{asker_ip} ({asker_mac}) sent {requests} ARP requests in {seconds:second|seconds}, {rate} in each",
        "Each one is a broadcast: it interrupts every machine of the network and takes the air of every Wi-Fi cell.",
        "Find out what that machine runs: a worm, a broken program, or a frame that goes round in a loop.",
    ),
    "ARP-STORM.many": (
        "{asker_ip} asked for {targets:address|addresses}, {rate} requests in each of {seconds:second|seconds}",
        "Each request interrupts every machine of the network. A router does this when its network is large, or when "
        "somebody outside tries all addresses of it and most do not exist.",
        "If {asker_ip} is a router, filter scans from outside; if not, find out what runs on it.",
    ),
    "ARP-STORM.all": (
        "{askers:machine|machines} sent {requests} ARP requests in {seconds:second|seconds}, {rate} in each",
        "Each one is a broadcast that interrupts every machine. So many at once are mostly a loop: two switches joined "
        "twice, which pass the same broadcasts round and round.",
        "Look for a cable that closes a loop, and switch the spanning tree protocol on.",
    ),
    # asker_ip, asker_mac, targets, answered
    "ARP-SCAN": (
        "{asker_ip} asked for {targets:address|addresses} one after the other; {answered} answered",
        "That is how programs look for the machines of a network: an administrator's tool, a printer driver, or "
        "somebody who has no business there.",
        "If nobody meant to list the network, find out what runs on {asker_ip} ({asker_mac}).",
    ),
    # asker_ip, target_ip, latency_ms, attempts, count
    "ARP-SLOW": (
        "{target_ip} took {latency_ms} to tell its hardware address to {asker_ip}",
        "The first packet to that machine had to wait for it. Most machines answer within a millisecond; sleeping "
        "ones, and those behind a weak radio link, take longer.",
        "If it happens again and again, look at the power saving or the radio link of {target_ip}.",
    ),
    "ARP-SLOW.retry": (
        "{asker_ip} had to ask for {target_ip} {attempts:time|times}; the answer came after {latency_ms}",
        "The first packet to that machine had to wait for it. A question or an answer was lost, or the machine slept.",
        "If it happens again and again, look at the cable, the radio link, or the power saving of {target_ip}.",
    ),
}

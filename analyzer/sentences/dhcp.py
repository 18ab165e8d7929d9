"""What the findings about addresses handed out (DHCP) say: for each code, statement, why it matters, what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

DHCP: dict[str, tuple[str, str, str]] = {
    # client, client_mac, attempts, waited_ms, address, server, new_address
    "DHCP-NO-ANSWER": (
        "{client} asked for an address {attempts:time|times} within {waited_ms}, and no DHCP server answered",
        "Without an address a machine cannot use the network at all. It may give itself one (169.254...), with which "
        "it reaches nobody beyond the cable.",
        "Check that the DHCP server runs and has free addresses, that {client_mac} is plugged into the right network, "
        "and that a relay passes questions on where the server is in another one.",
    ),
    "DHCP-NO-ANSWER.later": (
        "{client} asked {attempts:time|times} within {waited_ms} before a DHCP server answered; it then got "
        "{new_address}",
        "Until then the machine could not use the network. A server that is slow to start, or a switch port that "
        "opens late (spanning tree), are the usual causes.",
        "If it happens at every start, let the switch open ports to machines at once (PortFast, edge port).",
    ),
    "DHCP-NO-ANSWER.moved": (
        "{client} asked to keep its address {address} {attempts:time|times}; no answer came, and it then got "
        "{new_address}",
        "The new address is of another network. Every connection that the machine had open is broken, and whoever "
        "knew it by its old address does not find it any more.",
        "Check why the server that gave the address fell silent, and whether the one that answered instead is meant "
        "to be there.",
    ),
    "DHCP-NO-ANSWER.renewal": (
        "{client} asked to keep its address {address} {attempts:time|times}; no answer came",
        "The address is good until the lease ends. If nobody answers by then, the machine loses it and every "
        "connection breaks.",
        "Check that the server which gave the address still runs and can be reached.",
    ),
    "DHCP-NO-ANSWER.unheard": (
        "{client} asked for an address {attempts:time|times}; no answer was recorded",
        "Questions go to everybody, answers often only to the one who asked: a recorder elsewhere hears only the "
        "questions. That the client repeats them speaks for a lack of answers, though.",
        "To be sure, record on the client itself, or on a mirror port of its switch.",
    ),
    # clients, attempts
    "DHCP-NO-ANSWER.many": (
        "{clients:client|clients} asked for an address again and again; no DHCP server answered them",
        "Either the server is down or has no address left, or one machine pretends to be many to use all of them up.",
        "Look at the server's list of leases. If most of these clients do not exist, limit the number of hardware "
        "addresses that a switch port may have.",
    ),
    # client, client_mac, server, address, reason, new_address, count
    "DHCP-REFUSED": (
        "The DHCP server {server} refused {client} the address {address}",
        "The machine has to give the address up and ask anew; here it was not seen to get another one.",
        "Check the server's log for {client_mac}: the address belongs to another network or another machine, or the "
        "server does not know the lease.",
    ),
    "DHCP-REFUSED.again": (
        "The DHCP server {server} refused {client} the address {address}; it then got {new_address}",
        "That is how a machine which comes from another network learns that its old address is no good here.",
        "Nothing to do, unless it happens at every start.",
    ),
    "DHCP-REFUSED.unseen": (
        "The DHCP server {server} refused an address to {client}; what had been asked was not recorded",
        "Refusals go to everybody. A machine that comes from another network is refused its old address and then gets "
        "a new one, which a recorder elsewhere does not hear.",
        "Nothing to do, unless users of {client_mac} complain.",
    ),
    # clients, server
    "DHCP-REFUSED.many": (
        "DHCP requests of {clients:client|clients} were refused by {server}",
        "The server has no address left for them, two servers contradict each other, or one machine pretends to be "
        "many.",
        "Look at the server's list of leases and its log. If most of these clients do not exist, limit the number of "
        "hardware addresses that a switch port may have.",
    ),
    # client, first, second, what, first_offer, second_offer
    "DHCP-SERVERS": (
        "Two DHCP servers offer {client} different things: {first} ({first_offer}) and {second} ({second_offer})",
        "They differ in: {what}. Which one a machine listens to is chance. A second server is often a home router "
        "plugged in the wrong way round, or somebody who wants to be everybody's gateway.",
        "Find out which of the two servers is not meant to be there. Switches can keep it out (DHCP snooping).",
    ),
    # client, first, second, address, count
    "DHCP-SERVERS.refusing": (
        "The DHCP server {second} refuses {client} the address {address}, which the server {first} had offered",
        "Servers that share a network keep quiet when a machine takes the other one's offer. Here each thinks that the "
        "network is its own ({count:refusal|refusals} of this kind), and which one a machine ends up with is chance.",
        "Find out which of the two servers is not meant to be there. Switches can keep it out (DHCP snooping).",
    ),
    # client, client_mac, address, server
    "DHCP-DECLINED": (
        "{client} was given {address} and gave it back because another machine uses it",
        "The server hands out an address that somebody has taken by hand, or that another server gave out.",
        "Find the machine that uses {address} and move it, or take the address out of the server's range.",
    ),
    # client, server, address, latency_ms, attempts
    "DHCP-SLOW": (
        "It took {client} {latency_ms} to get the address {address} ({attempts:try|tries})",
        "Until then the machine could not use the network. Servers check for about a second that an address is free; "
        "more is a lost message or a busy server.",
        "If it happens often, look at the load of {server}, and at switch ports that open late (spanning tree).",
    ),
}

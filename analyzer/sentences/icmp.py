"""What the findings about ICMP messages say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

ICMP: dict[str, tuple[str, str, str]] = {
    # source, destination (of the quoted packet), meaning, count, sender (of the quoted packet)
    "ICMP-UNREACHABLE": (
        "{source} reported that {destination} cannot be reached: {meaning}",
        "A router or the machine itself said that packets do not arrive; whoever waits for an answer waits in vain.",
        "See which machine sent the message: the trouble lies at it or just behind it.",
    ),
    "ICMP-UNREACHABLE.refused": (
        "{source} received {count:packet|packets} from {sender} that no program there takes: {meaning}",
        "The machine was reached, but nothing listens where the packets were sent to.",
        "Check that the service is running on {source}, and on which port.",
    ),
    "ICMP-UNREACHABLE.gone": (
        "{source} received {count:packet|packets} from {sender} for a program that is gone: {meaning}",
        "The port is one that systems lend to programs for a while. This one was closed before {sender} knew, or "
        "somebody remembers a partner that has left, as peer-to-peer programs do.",
        "Nothing to do, unless something on {source} stopped working: then see why its program closed the port.",
    ),
    "ICMP-UNREACHABLE.probed": (
        "{source} refused {count:datagram|datagrams} that {senders:stranger|strangers} sent to {ports:port|ports}",
        "Attempts from many sides on many ports are unwanted messages and programs that look for open doors; here they "
        "were closed.",
        "Nothing to do, unless one of these ports should be open. A firewall in front would keep them away.",
    ),
    "ICMP-UNREACHABLE.late": (
        "{source} no longer waited for {count:DNS answer|DNS answers} from {sender}: {meaning}",
        "The answer came after the program that asked had given up, or had got another one first.",
        "Nothing to do, unless names resolve slowly: then look at the time this resolver takes.",
    ),
    # sender, destination, routers (that gave up), ttl (the packets were sent with), count
    "ICMP-LOOP": (
        "Packets from {sender} to {destination} go round in a circle: {routers} gave up on {count:packet|packets}",
        "They were sent to pass up to {ttl:router|routers}, and no way is that long. Two or more routers send them to "
        "each other until their time runs out, so nothing arrives, and their links carry every packet many times.",
        "Compare what the routers named here, and their neighbours, have in their routing tables for {destination}: "
        "one of them sends it back to where it came from. A missing route behind a default route does that.",
    ),
    # router, sender, destination, mtu (None for unsaid), count
    "ICMP-PMTU": (
        "{router} told {sender} that the way to {destination} takes packets of {mtu:byte|bytes} at most",
        "That is how a sender learns the largest packet a path takes; each first packet that is too big is lost. "
        "Tunnels and PPPoE make packets smaller than the 1500 bytes of Ethernet.",
        "Nothing to do if the connection goes on. If it stalls, something drops these messages on their way.",
    ),
    "ICMP-PMTU.unsaid": (
        "{router} told {sender} to send smaller packets to {destination}, but not how small",
        "Routers that do not name the size (older than RFC 1191) leave the sender to guess, at the cost of a lost "
        "packet for each guess.",
        "Nothing to do if the connection goes on. If it stalls, replace the router's software or lower the MSS on it.",
    ),
    # router, sender, gateway (the better router), destination, count
    "ICMP-REDIRECT": (
        "{router} told {sender} to use the router {gateway} for {destination}",
        "Both routers are on the sender's link, and the packets took a detour through the first. A stranger on the "
        "link can send such messages as well, to get the packets himself.",
        "Give {sender} a route through {gateway}, or let the routers share one address. If {gateway} is no router of "
        "yours, find out who sent this.",
    ),
    "ICMP-REDIRECT.direct": (
        "{router} told {sender} that {destination} is a neighbour and needs no router",
        "The sender takes a machine on its own link for a distant one, so each packet crosses the link twice.",
        "Check the prefix (network mask) that {sender} is configured with.",
    ),
    # source, destination, protocol, hops, answered, silent, latency_ms (of the last hop)
    "ICMP-TRACEROUTE": (
        "{source} traced the way to {destination}: {hops:hop|hops}, {silent} of them silent",
        "The packets with few hops to live, and the errors about them, belong to the trace. They are no failures. A "
        "silent router passes packets on all the same; it only does not say so.",
        "See the hops and their times among the protocols. A jump that stays in all later hops is a long or slow link.",
    ),
    "ICMP-TRACEROUTE.whole": (
        "{source} traced the way to {destination}: {hops:hop|hops}, each of them answered",
        "The packets with few hops to live, and the errors about them, belong to the trace. They are no failures.",
        "See the hops and their times among the protocols. A jump that stays in all later hops is a long or slow link.",
    ),
    "ICMP-TRACEROUTE.lost": (
        "{source} traced the way to {destination}: the last of {hops:hop|hops} is not the destination",
        "The packets with few hops to live, and the errors about them, belong to the trace. The way breaks off behind "
        "the last router that answered, or whoever is there does not answer such packets.",
        "Trace with packets of the kind that fails (TCP to the port of the service): many hosts drop the others.",
    ),
    # source, destination, sent, lost, lost_share
    "ICMP-ECHO-LOSS": (
        "{source} pinged {destination} {sent:time|times}, {lost} of them without an answer ({lost_share} lost)",
        "What happens to pings happens to all packets on the way: each lost one is repeated after a wait, and calls "
        "and video miss a piece.",
        "Ping each router on the way, nearest first: the loss begins behind the last one that answers every time.",
    ),
    "ICMP-ECHO-LOSS.silent": (
        "{destination} answered none of {sent:ping|pings} from {source}",
        "The host is down, the way to it or back is broken, or a firewall drops pings.",
        "See whether {destination} answers anything else. If it does, only pings are filtered on the way.",
    ),
    "ICMP-ECHO-LOSS.one_way": (
        "No answer from {destination} to {sent:ping|pings} from {source} is in this capture",
        "The capture shows no packet at all on its way to {source}: the answers may have come, unrecorded.",
        "Record at the sender, or where both directions pass.",
    ),
    # source, targets, destination (list)
    "ICMP-ECHO-LOSS.sweep": (
        "{source} pinged {targets:address|addresses} that did not answer: {destination}",
        "Whoever asks many addresses looks for hosts that are there: inventory and monitoring do, and intruders.",
        "Find out which program on {source} does that.",
    ),
    # source, destination, count, min_ms, median_ms, max_ms, spread_ms
    "ICMP-ECHO-SLOW": (
        "Pings from {source} to {destination} take {median_ms} (half of {count})",
        "Light in glass goes around half the world and back in less. Satellites, full queues and sleeping radios take "
        "longer, and each step of every conversation waits for one such round trip.",
        "Ping while nothing else is sent: if it is faster then, the packets wait in a queue on the way.",
    ),
    "ICMP-ECHO-SLOW.jitter": (
        "Pings from {source} to {destination} take between {min_ms} and {max_ms}, {spread_ms} off their mean",
        "Calls and video have to buffer as much as the round trips vary, or they miss pieces.",
        "Look for a full link or a weak radio on the way: ping each router on it, nearest first.",
    ),
    # source, destination, replies, data_bytes
    "ICMP-TUNNEL": (
        "{replies} echo replies from {destination} to {source} return other data than was sent",
        "A host that is pinged returns what it got. Here both sides say something of their own: a tunnel through a "
        "firewall that lets pings pass, {data_bytes} so far.",
        "Find out which program on {source} sends these pings, and whether it should.",
    ),
    # sender, receiver, count, segment, passed, waited_ms
    "ICMP-BLACK-HOLE": (
        "Large packets from {sender} to {receiver} vanish: {segment:byte|bytes} were sent {count:time|times} in "
        "{waited_ms} and never arrived",
        "Segments of up to {passed:byte|bytes} arrived before, and the other side still answers. A link on the way "
        "takes only smaller packets, and the message that would tell {sender} so is missing or does not get through.",
        'Let ICMP "fragmentation needed" and "packet too big" through every firewall on the way, or lower the MSS at '
        "the tunnel or PPPoE router (MSS clamping).",
    ),
    # sender, receiver, count, segment, smaller, waited_ms
    "ICMP-BLACK-HOLE.recovered": (
        "Large packets from {sender} to {receiver} vanish: it took {waited_ms} until smaller ones were tried",
        "{segment:byte|bytes} at once were sent {count:time|times} in vain, {smaller:byte|bytes} arrived. A link on "
        "the way takes only smaller packets, and the message that would say so is missing or does not get through; "
        "every connection has to find out by itself.",
        'Let ICMP "fragmentation needed" and "packet too big" through every firewall on the way, or lower the MSS '
        "at the tunnel or PPPoE router (MSS clamping).",
    ),
    # with router and mtu
    "ICMP-BLACK-HOLE.ignored": (
        "{sender} goes on sending {segment:byte|bytes} at once to {receiver}, though {router} said that at most "
        "{mtu:byte|bytes} pass",
        "The same segment was sent {count:time|times} in {waited_ms} and never arrived: the router's message did not "
        "reach the sender, or was not believed.",
        "See whether a firewall in front of {sender} drops ICMP, and whether it translates what the message quotes.",
    ),
    # messages, users, clients (counts), servers (list)
    "OICQ-CLEAR": (
        "QQ talks in its classic protocol: {messages:message|messages} of {users:account|accounts} in plain headers",
        "The text is encrypted, but number, command and moment of every message are readable to anybody on the way. "
        "It is recognised by its port and first and last byte, so something else may look the same.",
        "Nothing to do for the network. Newer programs of QQ do not show the number.",
    ),
}

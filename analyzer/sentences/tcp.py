"""What the findings about TCP connections say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

TCP: dict[str, tuple[str, str, str]] = {
    # client, server, server_port, attempts
    "TCP-SYN-UNANSWERED": (
        "{client} tried {attempts:time|times} to connect to {server} port {server_port} and nobody answered",
        "Nothing at all came back, not even a refusal: the packets, or the answers to them, were dropped on the way, "
        "or the machine is not there. The program behind it waits until it gives up.",
        "Check that the address is right and the machine is up, then look for a firewall that silently drops packets "
        "to port {server_port}. A capture at the server tells which direction is lost.",
    ),
    # client, server, servers, ports, targets, attempts
    "TCP-SYN-UNANSWERED.scan": (
        "{client} tried {targets:connection|connections} to {servers:address|addresses} ({ports:port|ports}) and "
        "nobody answered",
        "Targets tried one after the other are not a service that fails but a program that looks for something: a "
        "scanner, a peer-to-peer program, or malware.",
        "Find out which program on {client} does this.",
    ),
    # clients, server, server_port, attempts
    "TCP-SYN-UNANSWERED.clients": (
        "{clients:machine|machines} tried to connect to {server} port {server_port} and nobody answered",
        "That many clients get no answer at all: the server is down, cut off, or buried under more requests than it "
        "takes.",
        "Check that {server} is up and reachable. Many unknown clients at once are a sign of an attack with forged "
        "senders.",
    ),
    # client, server, server_port
    "TCP-REFUSED": (
        "{server} refused the connection to port {server_port}",
        "The machine is reachable and answered at once, but no program listens on that port, or a firewall rejects it.",
        "Check that the service is running and listening on port {server_port} of this address, and not only on "
        "localhost.",
    ),
    "TCP-REFUSED.scan": (
        "{client} tried {targets:connection|connections} to {servers:address|addresses} ({ports:port|ports}) that were "
        "refused",
        "Targets tried one after the other are not a service that fails but a program that looks for something, such "
        "as a port scanner.",
        "Find out which program on {client} does this.",
    ),
    # clients, server, ports, connections
    "TCP-SYN-UNANSWERED.probed": (
        "{server} was tried on {ports:port|ports} by {clients:machine|machines} ({connections:time|times}) and did not "
        "answer",
        "Attempts from many sides on many ports are strangers looking for open doors; a firewall that drops them is "
        "doing its work.",
        "Nothing to do, unless one of these ports should be open.",
    ),
    "TCP-REFUSED.probed": (
        "{server} refused {connections:connection|connections} from {clients:machine|machines} to {ports:port|ports}",
        "Attempts from many sides on many ports are strangers looking for open doors; here they were closed.",
        "Nothing to do, unless one of these ports should be open. A firewall in front would keep them away.",
    ),
    "TCP-REFUSED.clients": (
        "{server} refused the connections of {clients:machine|machines} to port {server_port}",
        "The machine is reachable, but no program listens on that port, or a firewall rejects it.",
        "Check that the service is running and listening on port {server_port} of this address.",
    ),
    # client, server, server_port, attempts, loss_ms
    "TCP-SYN-LOST": (
        "Connecting to {server} port {server_port} took {loss_ms} longer because a first SYN went unanswered",
        "A lost SYN is only repeated after a fixed pause (usually 1 s, then 2 s, 4 s …), so one lost packet is felt "
        "by the person waiting.",
        "If it happens often, look for loss on the link or for a server whose queue of new connections is full.",
    ),
    # client, server, server_port, by, stream
    "TCP-RESET": (
        "The {by} reset the connection between {client} and {server} port {server_port}",
        "A reset ends a connection at once and throws away what was on its way: the request it cut short failed.",
        "Look into the logs of the {by} at that moment (a crash, a timeout, a limit). If neither side admits to it, a "
        "firewall or proxy between them may have sent it.",
    ),
    # by, count, client, server, server_port
    "TCP-RESET.polite": (
        "The {by} ended {count:connection|connections} to {server} port {server_port} with a reset",
        "Nothing that was asked for is known to be missing: many programs hang up this way instead of saying goodbye.",
        "Nothing to do, unless people complain about broken downloads from this server.",
    ),
    # retransmissions, loss_share, loss_ms, by, client, server, server_port
    "TCP-LOSS": (
        "{retransmissions:segment|segments} between {client} and {server} were sent again ({loss_share} of the data)",
        "Every lost segment holds back all data behind it until it has been repeated, which costs at least one round "
        "trip and often much more.",
        "Look for a bad cable or radio link, an overloaded interface, or a duplex mismatch. Compare with a capture at "
        "the other end to see in which direction the packets vanish.",
    ),
    # by, conflicting_bytes, client, server, server_port, stream
    "TCP-OVERLAP-CONFLICT": (
        "The {by} sent {conflicting_bytes} again with different contents ({client} to {server} port {server_port})",
        "A repeated packet must hold the same bytes as the first one. Where it does not, the receiver may have read "
        "something else than a firewall, a virus scanner or this report: they show the copy that was recorded first. "
        "It is a known trick to get past inspection, but also what a broken middlebox or a damaged packet looks like.",
        "Compare the copies: analyze follow with --stream {stream} names the frames. Wrong checksums on one of them "
        "mean damage; different hop limits (TTL) mean that one came from somewhere else on the way.",
    ),
    # by, other, closed_ms, times, connections, client, server, server_port
    "TCP-ZERO-WINDOW": (
        "The {by} had no room for more data for {closed_ms} ({client} to {server} port {server_port})",
        "A receiver says with every packet how much it can still take. Here that was nothing, {times:time|times}, "
        "so the {other} had to stop although it had more to send: the program on the {by} did not read fast enough "
        "what had already arrived.",
        "Look at the program on the {by}: a slow disk, a busy processor, or a program that reads only when it likes "
        "to, as players of video do on purpose.",
    ),
    "TCP-ZERO-WINDOW.stuck": (
        "The {by} had no room for more data and never made any again ({client} to {server} port {server_port})",
        "A receiver says with every packet how much it can still take. Here that was nothing, and the {other} asked "
        "in vain for {closed_ms} whether there was room again: the program on the {by} does not read what arrived.",
        "Look at the program on the {by}: it hangs, is overloaded, or forgot about this connection.",
    ),
    # by, sender, window_bytes, rtt_ms, limited_ms, sent_bytes, connections, client, server, server_port
    "TCP-WINDOW-LIMIT": (
        "The receive window of the {by} held back {sent_bytes} for {limited_ms} ({client} to {server} port "
        "{server_port})",
        "The {sender} may have no more bytes under way than the {by} offers room for, here {window_bytes} at most, and "
        "has to wait a round trip for every such portion. The network could have carried more.",
        "Let the {by} use larger receive buffers (on Linux net.ipv4.tcp_rmem), or remove a fixed buffer size from its "
        "program.",
    ),
    "TCP-WINDOW-LIMIT.unscaled": (
        "Without window scaling the {by} held back {sent_bytes} for {limited_ms} ({client} to {server} port "
        "{server_port})",
        "The two sides did not agree on window scaling when they connected, so no more than 64 kB can be under way in "
        "a round trip, however fast the network is. Here it was {window_bytes} at most.",
        "Turn window scaling on (on Linux net.ipv4.tcp_window_scaling). If it is on at both ends, a firewall on the "
        "way removes the option.",
    ),
    # by, other, sent, waited_ms, connections, client, server, server_port
    "TCP-BACKOFF": (
        "The {by} had to send the same data {sent:time|times} until it arrived, which took {waited_ms} ({client} to "
        "{server} port {server_port})",
        "When the repetition of a lost packet is lost as well, the sender waits twice as long before each further one. "
        "To the person in front of it the connection seems to hang.",
        "Look for a path that broke for a moment: a radio link, a route that changed, a firewall that dropped the "
        "connection, or packets that are too large for a part of the way.",
    ),
    "TCP-BACKOFF.lost": (
        "The {by} sent the same data {sent:time|times} in {waited_ms} and nobody confirmed it ({client} to {server} "
        "port {server_port})",
        "The {other} had answered before, and then no more: it is gone, or the path to it broke. The {by} goes on "
        "for minutes before it gives up, with longer and longer pauses.",
        "See whether the {other} was switched off, moved to another network, or lies behind a firewall that forgot the "
        "connection. If small packets get through and large ones do not, look at the path's MTU.",
    ),
    "TCP-BACKOFF.unseen": (
        "The {by} sent the same data {sent:time|times} in {waited_ms} ({client} to {server} port {server_port})",
        "After each try without an answer it waited twice as long. Whether the data arrived is not known: the other "
        "direction was not recorded.",
        "Record both directions, then look for the place where the packets, or the answers to them, are lost.",
    ),
    # by, other, probes, connections, client, server, server_port
    "TCP-KEEPALIVE-DEAD": (
        "The {other} no longer answers: {probes:question|questions} of the {by} whether it is still there got no reply "
        "({client} to {server} port {server_port})",
        "On an idle connection the {by} asks from time to time whether the other end lives (keep-alive). No answer "
        "means that the {other} is gone without a goodbye, or that something on the way forgot the connection.",
        "A firewall or home router that drops idle connections after some minutes is the usual cause: let the program "
        "send keep-alives more often than that.",
    ),
    # opening_ms, later_ms, connections, client, server, server_port
    "TCP-SLOW-CONNECT": (
        "It takes {opening_ms} to open a connection from {client} to {server} port {server_port}",
        "Nothing was lost; packets need that long there and back. Everything that needs an answer takes at least as "
        "long, for every file again.",
        "Find out what makes the way so long: distance (a server on another continent, a satellite), a VPN, or a queue "
        "that is full somewhere (compare with ping at a quiet hour). A server nearer by, or a CDN, shortens it.",
    ),
    "TCP-SLOW-CONNECT.once": (
        "It took {opening_ms} to open a connection from {client} to {server} port {server_port}, though the way there "
        "and back takes {later_ms}",
        "Nothing was lost, and the distance does not explain it: one side hesitated, or a packet stood in a queue. "
        "Servers under load, and radio links that wake up, do that.",
        "If it happens often, look at the load of the server and at its queue of new connections.",
    ),
    # attempts, clients, server, server_port
    "TCP-SYN-FLOOD": (
        "{attempts:connection|connections} to {server} port {server_port} were begun and left half open",
        "The server answered each of them and waits for a reply that does not come; {clients:address|addresses} sent "
        "them. That fills its queue until nobody gets through: an attack (SYN flood), or answers that get lost.",
        "Turn SYN cookies on at the server (on Linux net.ipv4.tcp_syncookies). If the senders are real, look for the "
        "place where the server's answers are lost.",
    ),
}

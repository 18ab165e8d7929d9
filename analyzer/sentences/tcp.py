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
        "So many different targets are not a service that fails but a program that looks for something: a scanner, a "
        "peer-to-peer program, or malware.",
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
        "So many different targets are not a service that fails but a program that looks for something, such as a "
        "port scanner.",
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
}

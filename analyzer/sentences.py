"""The catalogue of sentences: every statement the analyzer makes about traffic, in plain English.

Rows carry a key and arguments, never a finished sentence, so that the report, the terminal and a later
translation all speak from here. Rules:

* A template names its arguments in braces. An argument whose name ends in ``_ms`` is written as a duration, in
  ``_bytes`` as a size, in ``_share`` (0 to 1) as a percentage; lists are joined; None becomes ``unknown``.
* ``{attempts:query|queries}`` writes the number and the fitting noun: ``1 query``, ``3 queries``.
* Arguments come from captures: each passes :func:`analyzer.text.display`, so what comes out is safe to show as text
  (markup is escaped by whoever makes markup).
* ``{status_meaning}`` is the plain sentence that explains the argument ``status``; ``{close_name}`` and
  ``{close_meaning}`` do that for ``close_code``, the code that a WebSocket was closed with.
* A key that is not in the catalogue gives the key and its arguments, never an exception.

To add a sentence, add an entry to :mod:`~analyzer.sentences_steps`, :mod:`~analyzer.sentences_why` (reason codes),
:mod:`~analyzer.sentences_web` and :mod:`~analyzer.sentences_browsing` (findings about HTTP) or :data:`FINDINGS` (the
others). A finding's ``title_key`` is its code, or its code and a variant (``TCP-RESET.polite``), which falls back to
the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer import close_codes, http_status
from analyzer.sentences_browsing import BROWSING
from analyzer.sentences_steps import STEPS, WITHOUT
from analyzer.sentences_web import WEB
from analyzer.sentences_why import WHY
from analyzer.text import display
from analyzer.units import human_bytes, human_ms

__all__ = ["FINDINGS", "MAX_LISTED", "STEPS", "WHY", "FindingText", "fill", "finding_text", "sentence", "why"]

MAX_LISTED = 4
"""Items of a list argument written out; a sentence with more is not read."""


@dataclass(frozen=True, slots=True)
class FindingText:
    """What a finding says: the statement, why it matters, and what to try."""

    title: str
    why: str
    advice: str


FINDINGS: dict[str, FindingText] = {
    # client, server, server_port, attempts
    "TCP-SYN-UNANSWERED": FindingText(
        "{client} tried {attempts:time|times} to connect to {server} port {server_port} and nobody answered",
        "Nothing at all came back, not even a refusal: the packets, or the answers to them, were dropped on the way, "
        "or the machine is not there. The program behind it waits until it gives up.",
        "Check that the address is right and the machine is up, then look for a firewall that silently drops packets "
        "to port {server_port}. A capture at the server tells which direction is lost.",
    ),
    # client, server, servers, ports, targets, attempts
    "TCP-SYN-UNANSWERED.scan": FindingText(
        "{client} tried {targets:connection|connections} to {servers:address|addresses} ({ports:port|ports}) and "
        "nobody answered",
        "So many different targets are not a service that fails but a program that looks for something: a scanner, a "
        "peer-to-peer program, or malware.",
        "Find out which program on {client} does this.",
    ),
    # clients, server, server_port, attempts
    "TCP-SYN-UNANSWERED.clients": FindingText(
        "{clients:machine|machines} tried to connect to {server} port {server_port} and nobody answered",
        "That many clients get no answer at all: the server is down, cut off, or buried under more requests than it "
        "takes.",
        "Check that {server} is up and reachable. Many unknown clients at once are a sign of an attack with forged "
        "senders.",
    ),
    # client, server, server_port
    "TCP-REFUSED": FindingText(
        "{server} refused the connection to port {server_port}",
        "The machine is reachable and answered at once, but no program listens on that port, or a firewall rejects it.",
        "Check that the service is running and listening on port {server_port} of this address, and not only on "
        "localhost.",
    ),
    "TCP-REFUSED.scan": FindingText(
        "{client} tried {targets:connection|connections} to {servers:address|addresses} ({ports:port|ports}) that were "
        "refused",
        "So many different targets are not a service that fails but a program that looks for something, such as a "
        "port scanner.",
        "Find out which program on {client} does this.",
    ),
    # clients, server, ports, connections
    "TCP-SYN-UNANSWERED.probed": FindingText(
        "{server} was tried on {ports:port|ports} by {clients:machine|machines} ({connections:time|times}) and did not "
        "answer",
        "Attempts from many sides on many ports are strangers looking for open doors; a firewall that drops them is "
        "doing its work.",
        "Nothing to do, unless one of these ports should be open.",
    ),
    "TCP-REFUSED.probed": FindingText(
        "{server} refused {connections:connection|connections} from {clients:machine|machines} to {ports:port|ports}",
        "Attempts from many sides on many ports are strangers looking for open doors; here they were closed.",
        "Nothing to do, unless one of these ports should be open. A firewall in front would keep them away.",
    ),
    "TCP-REFUSED.clients": FindingText(
        "{server} refused the connections of {clients:machine|machines} to port {server_port}",
        "The machine is reachable, but no program listens on that port, or a firewall rejects it.",
        "Check that the service is running and listening on port {server_port} of this address.",
    ),
    # client, server, server_port, attempts, loss_ms
    "TCP-SYN-LOST": FindingText(
        "Connecting to {server} port {server_port} took {loss_ms} longer because a first SYN went unanswered",
        "A lost SYN is only repeated after a fixed pause (usually 1 s, then 2 s, 4 s …), so one lost packet is felt "
        "by the person waiting.",
        "If it happens often, look for loss on the link or for a server whose queue of new connections is full.",
    ),
    # client, server, server_port, by, stream
    "TCP-RESET": FindingText(
        "The {by} reset the connection between {client} and {server} port {server_port}",
        "A reset ends a connection at once and throws away what was on its way: the request it cut short failed.",
        "Look into the logs of the {by} at that moment (a crash, a timeout, a limit). If neither side admits to it, a "
        "firewall or proxy between them may have sent it.",
    ),
    # by, count, client, server, server_port
    "TCP-RESET.polite": FindingText(
        "The {by} ended {count:connection|connections} to {server} port {server_port} with a reset",
        "Nothing that was asked for is known to be missing: many programs hang up this way instead of saying goodbye.",
        "Nothing to do, unless people complain about broken downloads from this server.",
    ),
    # retransmissions, loss_share, loss_ms, by, client, server, server_port
    "TCP-LOSS": FindingText(
        "{retransmissions:segment|segments} between {client} and {server} were sent again ({loss_share} of the data)",
        "Every lost segment holds back all data behind it until it has been repeated, which costs at least one round "
        "trip and often much more.",
        "Look for a bad cable or radio link, an overloaded interface, or a duplex mismatch. Compare with a capture at "
        "the other end to see in which direction the packets vanish.",
    ),
    # by, conflicting_bytes, client, server, server_port, stream
    "TCP-OVERLAP-CONFLICT": FindingText(
        "The {by} sent {conflicting_bytes} again with different contents ({client} to {server} port {server_port})",
        "A repeated packet must hold the same bytes as the first one. Where it does not, the receiver may have read "
        "something else than a firewall, a virus scanner or this report: they show the copy that was recorded first. "
        "It is a known trick to get past inspection, but also what a broken middlebox or a damaged packet looks like.",
        "Compare the copies: analyze follow with --stream {stream} names the frames. Wrong checksums on one of them "
        "mean damage; different hop limits (TTL) mean that one came from somewhere else on the way.",
    ),
    # name, qtype, rcode, server
    "DNS-FAILED": FindingText(
        "The name {name} could not be resolved: {server} answered {rcode}",
        "Without an address nothing can be opened. NXDOMAIN means the name does not exist; SERVFAIL means the resolver "
        "could not find out; REFUSED means it will not answer this client.",
        "Check the spelling and the search domain. For SERVFAIL ask another resolver: if that one answers, the first "
        "is broken or DNSSEC validation fails.",
    ),
    # name, qtype, server, latency_ms
    "DNS-SLOW": FindingText(
        "Resolving {name} took {latency_ms}",
        "Nothing else can start before the name is resolved, so this is added to the waiting time of the whole page.",
        "Use a nearer or faster resolver, or look at which step of the resolver's own search is slow.",
    ),
    # name, qtype, server, attempts, latency_ms
    "DNS-RETRY": FindingText(
        "The lookup of {name} had to be repeated: {attempts:query|queries} until an answer came",
        "A DNS query over UDP that gets lost is repeated only after a timeout of seconds.",
        "Look for loss between the client and {server}, or an overloaded resolver.",
    ),
    # name, qtype, server, attempts
    "DNS-NO-ANSWER": FindingText(
        "{server} never answered the question for {name} ({attempts:query|queries})",
        "The client waits until it gives up, then tries another resolver or fails.",
        "Check that {server} is the right resolver and reachable, and that nothing blocks UDP port 53.",
    ),
    # sni, alert, by, server
    "TLS-ALERT": FindingText(
        "The {by} ended the TLS session for {sni} with the alert {alert}",
        "The encrypted session could not be set up or was broken off, so nothing could be sent through it.",
        "The alert names the reason: an unknown or expired certificate, a name that does not match, or no common "
        "version or cipher.",
    ),
    # target_ip, asker_ip, attempts
    "ARP-UNANSWERED": FindingText(
        "Nobody on the local network answered for {target_ip} ({attempts:request|requests} by {asker_ip})",
        "Without the hardware address no packet can be delivered to that machine, not even through a router.",
        "Check that the machine is up, in the same network, and that the address and netmask of {asker_ip} are right.",
    ),
    "ARP-UNANSWERED.unheard": FindingText(
        "{asker_ip} asked for {target_ip} ({attempts:request|requests}); no answer was recorded",
        "Requests go to everybody, answers only to the one who asked: a recorder elsewhere in the network hears only "
        "the questions. So this may be quite in order.",
        "To be sure, record on {asker_ip} itself, or on a mirror port of its switch.",
    ),
    # target_ip, macs, first, last
    "ARP-CONFLICT": FindingText(
        "More than one machine claims {target_ip}: {macs}",
        "Packets go now to the one and now to the other, so connections break at random. It may also be somebody who "
        "redirects traffic on purpose.",
        "Find both machines by their hardware addresses; give one of them another address.",
    ),
    "ARP-CONFLICT.moved": FindingText(
        "{target_ip} moved from {first} to {last}",
        "First the one machine answered for the address, then the other. That is what a new lease, a replaced card or "
        "a standby machine taking over looks like.",
        "If nobody changed anything, find both machines by their hardware addresses.",
    ),
    # bytes_unread, packets, reason
    "CAPTURE-TRUNCATED": FindingText(
        "The capture file cannot be read to its end: {reason}",
        "What came after it is missing: connections may look unfinished although they were not.",
        "Record it again, and stop the recorder cleanly before copying the file.",
    ),
    # packets, snaplen
    "CAPTURE-SNAPLEN": FindingText(
        "{packets:packet was|packets were} cut short when recorded",
        "Only the beginning of these packets was kept, so names, headers or certificates inside may be missing.",
        "Record without a snap length (tcpdump -s 0).",
    ),
    # drops
    "CAPTURE-DROPS": FindingText(
        "The recorder lost {drops:packet|packets}",
        "What looks like loss on the network may only be missing from the recording.",
        "Record to a faster disk, with a larger buffer (tcpdump -B) or a narrower filter.",
    ),
    # step_ms, packets
    "CAPTURE-PACED": FindingText(
        "The times in this file are not those of the network: one packet was recorded every {step_ms}",
        "Packets that come when they come are not evenly spaced. These are, so the times say when the recorder wrote "
        "them down, or a program made them up. What was sent is right; how long anything took is not.",
        "Do not judge speed by this file. Record again with tcpdump, dumpcap or Wireshark on the machine itself.",
    ),
    # source, destination (of the quoted packet), meaning, count, sender (of the quoted packet)
    "ICMP-UNREACHABLE": FindingText(
        "{source} reported that {destination} cannot be reached: {meaning}",
        "A router or the machine itself said that packets do not arrive; whoever waits for an answer waits in vain.",
        "See which machine sent the message: the trouble lies at it or just behind it.",
    ),
    "ICMP-UNREACHABLE.refused": FindingText(
        "{source} received {count:packet|packets} from {sender} that no program there takes: {meaning}",
        "The machine was reached, but nothing listens where the packets were sent to.",
        "Check that the service is running on {source}, and on which port.",
    ),
    "ICMP-UNREACHABLE.too_big": FindingText(
        "{source} told {sender} to send smaller packets to {destination}",
        "That is how a sender learns the largest packet a path takes; each first packet that is too big is lost.",
        "Nothing to do if the connection goes on. If it stalls, something drops these messages on their way.",
    ),
    "ICMP-UNREACHABLE.late": FindingText(
        "{source} no longer waited for {count:DNS answer|DNS answers} from {sender}: {meaning}",
        "The answer came after the program that asked had given up, or had got another one first.",
        "Nothing to do, unless names resolve slowly: then look at the time this resolver takes.",
    ),
    **{key: FindingText(*texts) for key, texts in (*WEB.items(), *BROWSING.items())},
}
"""Finding code → its texts (each comment lists the arguments of the entries that follow)."""


class _Word(str):
    """Text of an argument that knows how to count nouns."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if "|" not in spec:
            return str(self)
        one, many = spec.split("|", 1)
        return f"{self} {one if self == '1' else many}"


class _Arguments(dict[str, _Word]):
    """Arguments of a sentence; a missing one is unknown."""

    def __missing__(self, key: str) -> _Word:
        return _Word("unknown")


def _word(name: str, value: object) -> _Word:
    if value is None:
        return _Word("unknown")
    if isinstance(value, bool):
        return _Word("yes" if value else "no")
    if isinstance(value, int | float):
        if value != value or value in (float("inf"), float("-inf")):
            return _Word("unknown")
        if name.endswith("_ms"):
            return _Word(human_ms(float(value)))
        if name.endswith("_bytes"):
            return _Word(human_bytes(int(value)))
        if name.endswith("_share"):
            return _Word(f"{value * 100:.0f} %" if value >= 0.1 else f"{value * 100:.1f} %")
        return _Word(f"{value:g}" if isinstance(value, float) else str(value))
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(dict.fromkeys(map(str, value)))
        text = ", ".join(display(item) for item in items[:MAX_LISTED])
        return _Word(text + (f" and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else "") or "nothing")
    return _Word(display(value))


def fill(template: str, args: Mapping[str, object]) -> str:
    """Put arguments into a template by the module's rules; what is missing is ``unknown``."""
    words = _Arguments({str(name): _word(str(name), value) for name, value in args.items()})
    status = args.get("status")
    if isinstance(status, int):
        if not args.get("reason"):  # RFC 9112 section 4: it may be absent, and says nothing that the code does not
            words["reason"] = _Word(http_status.name(status))
        words.setdefault("status_meaning", _Word(http_status.explain(status)))
    close = args.get("close_code")
    if isinstance(close, int):
        words.setdefault("close_name", _Word(close_codes.name(close)))
        words.setdefault("close_meaning", _Word(close_codes.explain(close)))
    return template.format_map(words)


def _bare(key: str, args: Mapping[str, object]) -> str:
    """Say what is known of a key that has no sentence."""
    words = ", ".join(f"{display(name)}: {_word(str(name), value)}" for name, value in args.items())
    return display(key) + (f" ({words})" if words else "")


def sentence(key: str, args: Mapping[str, object]) -> str:
    """Return the sentence of a step's key or the title of a finding's, filled with its arguments.

    Args:
        key: of :data:`STEPS`, or a finding's ``title_key``.
        args: values by name; see the module's rules for how they are written.

    Returns:
        Safe display text. For a key without an entry, the key and its arguments.
    """
    counted, instead = WITHOUT.get(key, ("", key))
    template = STEPS.get(instead if counted and args.get(counted) == 0 else key)
    if template is not None:
        return fill(template, args)
    if ".absent." in key:
        step, reason = key.removeprefix("step.").split(".absent.", 1)
        return f"No {display(step)}: {why(reason)}."
    text = _finding(key)
    return _bare(key, args) if text is None else fill(text.title, args)


def finding_text(title_key: str, args: Mapping[str, object]) -> FindingText:
    """Return a finding's three texts, filled; ``why`` and ``advice`` are empty for a key without an entry."""
    text = _finding(title_key)
    if text is None:
        return FindingText(_bare(title_key, args), "", "")
    return FindingText(fill(text.title, args), fill(text.why, args), fill(text.advice, args))


def _finding(key: str) -> FindingText | None:
    return FINDINGS.get(key) or FINDINGS.get(key.split(".", 1)[0])


def why(reason: str | None) -> str:
    """Say a reason code in words: ``cached`` → "already known from before, so nobody had to ask"."""
    if reason is None:
        return "not known from this capture"
    return WHY.get(reason, display(reason).replace("_", " "))

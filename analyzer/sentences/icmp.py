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
    "ICMP-UNREACHABLE.too_big": (
        "{source} told {sender} to send smaller packets to {destination}",
        "That is how a sender learns the largest packet a path takes; each first packet that is too big is lost.",
        "Nothing to do if the connection goes on. If it stalls, something drops these messages on their way.",
    ),
    "ICMP-UNREACHABLE.late": (
        "{source} no longer waited for {count:DNS answer|DNS answers} from {sender}: {meaning}",
        "The answer came after the program that asked had given up, or had got another one first.",
        "Nothing to do, unless names resolve slowly: then look at the time this resolver takes.",
    ),
}

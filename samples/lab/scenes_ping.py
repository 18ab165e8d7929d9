"""Sample ``ping``: echoes that are answered, that are not, and that a router sends back as undeliverable."""

from __future__ import annotations

from pathlib import Path

from lab import net, services
from lab.forwarder import Rule
from lab.scene import Lab, require


def _ping(*arguments: str) -> str:
    """Run ping in the client's namespace; no answer is not an error here."""
    return net.run("ping", "-n", *arguments, namespace=net.CLIENT, check=False)


def ping(lab: Lab, target: Path) -> None:
    """Answered (IPv4, IPv6), unanswered, unreachable network (both), a hop too far, and an absent neighbour."""
    net.run("ip", "route", "add", "unreachable", "203.0.113.128/25", namespace=net.ROUTER)
    net.run("ip", "-6", "route", "add", "unreachable", "2001:db8:dead::/48", namespace=net.ROUTER)
    lab.forwarder.rules.append(
        Rule("unanswered", lambda p: p.way == "up" and p.protocol == 1 and p.destination == "198.51.100.81", times=None)
    )
    comment = (
        "Pings answered, unanswered, unreachable, with a TTL of 1, to an absent neighbour. Recorded at the client."
    )
    with services.recorder(target, lab.home, comment=comment):
        require("3 received" in _ping("-c", "3", "-i", "0.3", "198.51.100.80"), "three answers")
        require("2 received" in _ping("-c", "2", "-i", "0.3", "-s", "1000", "192.0.2.1"), "two answers of the gateway")
        require("0 received" in _ping("-c", "2", "-i", "0.3", "-W", "1", "198.51.100.81"), "no answer")
        require("Unreachable" in _ping("-c", "2", "-i", "0.3", "-W", "1", "203.0.113.200"), "host unreachable")
        require("exceeded" in _ping("-c", "1", "-t", "1", "-W", "1", "198.51.100.80"), "time exceeded")
        require("Unreachable" in _ping("-c", "1", "-W", "4", "192.0.2.77"), "an absent neighbour")
        require("3 received" in _ping("-6", "-c", "3", "-i", "0.3", "2001:db8:2::80"), "three IPv6 answers")
        require("0 received" in _ping("-6", "-c", "1", "-W", "1", "2001:db8:dead::1"), "no IPv6 route")

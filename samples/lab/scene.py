"""What a scenario gets: a folder, the forwarder, names for the client, and the servers' log to check itself against."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from lab.forwarder import Forwarder

_TOLD = re.compile(r" (query\[|forwarded|cached|reply) ?")
_LINE = re.compile(r'connection=(\S+) (\S+) "(\S*) ?(\S*)[^"]*" status=(\d+) body=(\d+)')


def require(truth: bool, what: str) -> None:
    """Stop the making of a sample that does not show what it should."""
    if not truth:
        raise RuntimeError(f"the sample does not show: {what}")


@dataclass(slots=True)
class Lab:
    """One sample's surroundings.

    Attributes:
        home: temporary folder of this sample.
        witnesses: what each program wrote about what it did, kept beside the sample (``expected/<name>.log``).
        served: (scheme, method, target, status, body bytes) in the order of the servers' log.
    """

    home: Path
    forwarder: Forwarder
    witnesses: dict[str, list[str]] = field(default_factory=dict)
    served: list[tuple[str, str, str, int, int]] = field(default_factory=list)

    @property
    def resolv_conf(self) -> Path:
        """The client's resolver configuration, made when first asked for."""
        path = self.home / "resolv.conf"
        if not path.exists():
            path.write_text("nameserver 192.0.2.53\n")
        return path

    def keep_log(self, *access_logs: Path) -> None:
        """Remember what the servers' access logs say, in order of time."""
        lines = sorted(line for log in access_logs for line in log.read_text().splitlines())
        self.witnesses["servers"] = lines
        for line in lines:
            found = _LINE.search(line)
            if found:
                _, scheme, method, target, status, body = found.groups()
                self.served.append((scheme, method, target, int(status), int(body)))

    def count(self, scheme: str, target: str, status: int) -> int:
        """How many requests for a target were answered with a status, by the servers' log."""
        return sum(row[0] == scheme and row[2] == target and row[3] == status for row in self.served)

    def keep_answers(self) -> None:
        """Remember what the resolver was asked by the client, and what it answered or knew already."""
        lines = (self.home / "dnsmasq.log").read_text().splitlines()
        self.witnesses["resolver"] = [line.partition(": ")[2] for line in lines if _TOLD.search(line)]

    def record(self) -> str:
        """Write down what all witnesses said."""
        self.witnesses["forwarder"] = self.forwarder.log
        return "".join(
            f"# {who}\n" + "".join(f"{line}\n" for line in said) for who, said in self.witnesses.items() if said
        )

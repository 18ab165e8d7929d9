"""Sample ``loss``: packets lost and swapped on purpose, each kind on its own connection with its own URL."""

from __future__ import annotations

import time
from pathlib import Path

from lab import services, site
from lab.client import curl
from lab.forwarder import ACK, SYN, Packet, Rule
from lab.scene import Lab, require

SIZE = 14_000  # ten segments of 1,448 bytes: all of them leave at once (initial window, RFC 6928)
CONFIG = """
    server {{ listen 198.51.100.80:80; server_name shop.example; root {root}; }}
"""


def _syn(packet: Packet) -> bool:
    return packet.way == "up" and packet.destination_port == 80 and packet.flags & (SYN | ACK) == SYN


def _request(packet: Packet) -> bool:
    return packet.way == "up" and packet.payload.startswith(b"GET /lost-request")


def _answer_data(packet: Packet) -> bool:
    return packet.way == "down" and packet.source_port == 80 and bool(packet.payload)


STEPS: tuple[tuple[str, Rule | None], ...] = (
    ("/nothing-lost.bin", None),
    ("/lost-syn.bin", Rule("first SYN", _syn)),
    ("/lost-request.bin", Rule("first transmission of the request", _request)),
    # Segments follow each other every 0.6 ms at 20 Mbit/s: 0.9 ms late means exactly one place later.
    ("/swapped.bin", Rule("fifth data segment of the answer", _answer_data, skip=4, hold_ms=0.9)),
    ("/lost-response.bin", Rule("fifth data segment of the answer", _answer_data, skip=4)),
)


def loss(lab: Lab, target: Path) -> None:
    """A lost SYN, a lost request, two swapped segments and a lost segment of an answer; and one without trouble."""
    root = lab.home / "www"
    site.write(root, {path[1:]: bytes(SIZE) for path, _ in STEPS})
    comment = "A lost SYN, a lost request, two swapped segments, a lost segment of an answer. Recorded at the client."
    with services.nginx(lab.home, CONFIG.format(root=root)) as access_log, services.name_servers(lab.home):
        with services.recorder(target, lab.home, comment=comment):
            for path, rule in STEPS:
                lab.forwarder.rules[:] = [rule] if rule else []
                curl(lab, "-o", "/dev/null", f"http://shop.example{path}")
                time.sleep(0.2)
        lab.keep_log(access_log)
        lab.keep_answers()
    for path, _ in STEPS:
        require(lab.count("http", path, 200) == 1, f"200 for {path}")
    require(len(lab.forwarder.log) == 4, "four mishaps")

"""Network namespaces of the lab: make them, enter them, run programs in them, remove them.

The lab is always the same small internet::

    client 192.0.2.10 ──┐
                        ├─ bridge in "router" 192.0.2.1 ══ forwarder (TAP) ══ "server" 198.51.100.80, .81, 203.0.113.53
    resolver 192.0.2.53 ┘                 198.51.100.1

and the same over IPv6 (2001:db8:1::/64 at the client, 2001:db8:2::/64 at the server). MAC addresses are fixed and
locally administered, so a sample looks the same each time it is made. Offloads are off on every interface: the
recorder sees segments as they travel, with right checksums.

Documentation addresses: RFC 5737, RFC 3849; names under ``example``: RFC 2606.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

PREFIX = "capsample-"
CLIENT, RESOLVER, ROUTER, SERVER = (PREFIX + name for name in ("client", "resolver", "router", "server"))
STANDBY, PRINTER, CAMERA = (PREFIX + name for name in ("standby", "printer", "camera"))
ALWAYS = (CLIENT, RESOLVER, ROUTER, SERVER)
"""In every sample; the others are brought in with :func:`plug`."""
MACS = {
    CLIENT: "02:00:00:00:00:10",
    RESOLVER: "02:00:00:00:00:53",
    ROUTER: "02:00:00:00:00:01",
    SERVER: "02:00:00:00:00:80",
    STANDBY: "02:00:00:00:00:02",
    PRINTER: "02:00:00:00:00:40",
    CAMERA: "02:00:00:00:00:41",
}
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

_SYSCTLS = {
    # No background chatter: duplicate address detection, router solicitations, multicast reports, reachability probes.
    "net.ipv6.conf.{dev}.accept_dad": "0",
    "net.ipv6.conf.{dev}.accept_ra": "0",
    "net.ipv6.conf.{dev}.router_solicitations": "0",
    "net.ipv4.neigh.{dev}.base_reachable_time_ms": "3600000",
    "net.ipv6.neigh.{dev}.base_reachable_time_ms": "3600000",
    "net.ipv4.neigh.{dev}.delay_first_probe_time": "600",
    "net.ipv6.neigh.{dev}.delay_first_probe_time": "600",
}


def run(*command: str, namespace: str | None = None, check: bool = True) -> str:
    """Run a command to its end, in a namespace if given, and return what it printed."""
    done = subprocess.run(
        [*(["ip", "netns", "exec", namespace] if namespace else []), *command],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def start(
    command: Sequence[str],
    namespace: str,
    *,
    log: Path,
    resolv_conf: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a namespace; it ends with this process at the latest. Output goes to ``log``.

    Servers go before clients when both want the processor: a browser takes all there are, and then a server's log would
    tell of a request later than the recorder.

    ``ip netns exec`` gives the program a mount namespace of its own, so a resolv.conf can be laid over the machine's
    without anybody else seeing it.
    """
    inner = ["chrt", "--fifo", "1", *command] if namespace in (SERVER, RESOLVER) else list(command)
    if resolv_conf is not None:
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        inner = ["sh", "-c", script, str(resolv_conf), *inner]
    with log.open("ab") as out:
        return subprocess.Popen(
            ["ip", "netns", "exec", namespace, *inner],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            preexec_fn=_die_with_parent,
        )


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Move the calling thread into a namespace for a while; sockets made meanwhile stay there."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        _enter(there)
        yield
    finally:
        _enter(here)
        os.close(here)
        os.close(there)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


def _quiet(namespace: str, device: str) -> None:
    for key, value in _SYSCTLS.items():
        # A kernel without one of these is only noisier.
        run("sysctl", "-qw", f"{key.format(dev=device)}={value}", namespace=namespace, check=False)


def _cable(namespace: str, port: str, addresses: Sequence[str]) -> None:
    """Join a namespace's eth0 to a port of the router's bridge."""
    run("ip", "link", "add", "eth0", "netns", namespace, "address", MACS[namespace], "type", "veth",
        "peer", "name", port, "netns", ROUTER)  # fmt: skip
    offloads_off(namespace, "eth0")
    offloads_off(ROUTER, port)
    _quiet(namespace, "eth0")
    run("sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1", namespace=ROUTER)
    run("ip", "link", "set", port, "master", "lan", "up", namespace=ROUTER)
    run("ip", "link", "set", "eth0", "up", namespace=namespace)
    for address in addresses:
        run("ip", "address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []), namespace=namespace)


def plug(namespace: str, port: str, addresses: Sequence[str]) -> None:
    """Bring one more machine into the client's network; it has no route out unless a scenario gives it one."""
    run("ip", "netns", "add", namespace)
    run("ip", "link", "set", "lo", "up", namespace=namespace)
    _cable(namespace, port, addresses)


def offloads_off(namespace: str, device: str) -> None:
    """Switch off what would let the recorder see super-segments or unfinished checksums."""
    for feature in ("tso", "gso", "gro", "tx", "rx", "sg"):
        run("ethtool", "-K", device, feature, "off", namespace=namespace, check=False)


def remove() -> None:
    """Remove every namespace of the lab, with all that is in it; harmless when there is none.

    Programs still running in one (dnsmasq outlives a parent that was killed) were started by an interrupted run: what
    is inside these namespaces is there because this module put it there.
    """
    for line in run("ip", "netns", "list").splitlines():
        name = line.split()[0]
        if name.startswith(PREFIX):
            for pid in run("ip", "netns", "pids", name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "delete", name)


def build() -> None:
    """Make namespaces, bridge, cables, addresses and routes. The server's side waits for the forwarder's TAPs."""
    remove()
    for namespace in ALWAYS:
        run("ip", "netns", "add", namespace)
        run("ip", "link", "set", "lo", "up", namespace=namespace)
        run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", namespace=namespace)
        run("sysctl", "-qw", "net.ipv6.conf.default.router_solicitations=0", namespace=namespace)
        run("sysctl", "-qw", "net.ipv4.tcp_no_metrics_save=1", namespace=namespace, check=False)
        # Newer kernels repeat a SYN every second at first; RFC 6298 section 5.5 doubles the wait each time.
        run("sysctl", "-qw", "net.ipv4.tcp_syn_linear_timeouts=0", namespace=namespace, check=False)
    run("ip", "link", "add", "lan", "address", MACS[ROUTER], "type", "bridge", "mcast_snooping", "0", namespace=ROUTER)
    _quiet(ROUTER, "lan")
    run("ip", "link", "set", "lan", "up", namespace=ROUTER)
    for address in ("192.0.2.1/24", "2001:db8:1::1/64"):
        extra = ["nodad"] if ":" in address else []
        run("ip", "address", "add", address, "dev", "lan", *extra, namespace=ROUTER)
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", namespace=ROUTER)
    run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1", namespace=ROUTER)
    _cable(CLIENT, "p-client", ["192.0.2.10/24", "2001:db8:1::10/64"])
    _cable(RESOLVER, "p-resolver", ["192.0.2.53/24"])
    for namespace in (CLIENT, RESOLVER):
        run("ip", "route", "add", "default", "via", "192.0.2.1", namespace=namespace)
    run("ip", "-6", "route", "add", "default", "via", "2001:db8:1::1", namespace=CLIENT)
    # Resolver and router looking for each other would be flooded to the client: questions whose answers it never sees.
    run("ip", "neigh", "replace", "192.0.2.1", "lladdr", MACS[ROUTER], "dev", "eth0", namespace=RESOLVER)
    run("ip", "neigh", "replace", "192.0.2.53", "lladdr", MACS[RESOLVER], "dev", "lan", namespace=ROUTER)


def finish_uplink(router_device: str, server_device: str) -> None:
    """Address the two ends of the forwarder once their TAP devices exist."""
    for namespace, device in ((ROUTER, router_device), (SERVER, server_device)):
        offloads_off(namespace, device)
        _quiet(namespace, device)
        run("ip", "link", "set", device, "up", namespace=namespace)
    wan = {
        ROUTER: ["198.51.100.1/24", "2001:db8:2::1/64"],
        SERVER: ["198.51.100.80/24", "198.51.100.81/24", "203.0.113.53/32", "2001:db8:2::80/64"],
    }
    for namespace, device in ((ROUTER, router_device), (SERVER, server_device)):
        for address in wan[namespace]:
            extra = ["nodad"] if ":" in address else []
            run("ip", "address", "add", address, "dev", device, *extra, namespace=namespace)
    # Both ends know each other: what happens beyond the router, where nobody records, shall not cost time.
    for address in ("198.51.100.80", "198.51.100.81", "2001:db8:2::80"):
        run("ip", "neigh", "replace", address, "lladdr", MACS[SERVER], "dev", router_device, namespace=ROUTER)
    for address in ("198.51.100.1", "2001:db8:2::1"):
        run("ip", "neigh", "replace", address, "lladdr", MACS[ROUTER], "dev", server_device, namespace=SERVER)
    run("ip", "route", "add", "203.0.113.53/32", "via", "198.51.100.80", namespace=ROUTER)
    run("ip", "route", "add", "default", "via", "198.51.100.1", namespace=SERVER)
    run("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1", namespace=SERVER)

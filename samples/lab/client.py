"""curl in the client's namespace."""

from __future__ import annotations

import os
import subprocess

from lab import net
from lab.scene import Lab


def curl(lab: Lab, *arguments: str, fails: int = 0) -> None:
    """Run curl as a new process: new connections, a new look-up. Bodies go nowhere.

    Raises:
        RuntimeError: curl ended with another code than ``fails`` (an HTTP status of 400 and more is no failure).
    """
    environment = {"PATH": os.environ["PATH"], "HOME": str(lab.home)}
    log = lab.home / "curl.log"
    command = ["curl", "-q", "-s", "-S", "--max-time", "20", *arguments]
    process = net.start(command, net.CLIENT, log=log, resolv_conf=lab.resolv_conf, env=environment)
    try:
        code = process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    if code != fails:
        raise RuntimeError(f"{' '.join(command)}: exit {code}: {log.read_text()[-500:]}")

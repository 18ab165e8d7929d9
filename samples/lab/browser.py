"""Headless Chromium as the visitor: nothing but the page, no background traffic, HTTP/1.1, a profile that lasts."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from lab import net
from lab.services import Program, wait_until

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-default-apps", "--disable-domain-reliability", "--disable-client-side-phishing-detection",
    "--disable-breakpad", "--metrics-recording-only", "--no-pings", "--disable-dev-shm-usage", "--lang=en",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode,HttpsFirstBalancedModeAutoEnable,OptimizationHints,"
    "MediaRouter,DialMediaRouteProvider,Translate,UseDnsHttpsSvcb,AsyncDns,NetworkTimeServiceQuerying,"
    "CertificateTransparencyComponentUpdater,AutofillServerCommunication",
    # What the browser asks for on its own account ends here, not on the wire.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.shop.example, EXCLUDE shop.example, "
    "EXCLUDE *.assets.example, EXCLUDE *.books.example",
    "--window-size=800,600", "--disable-popup-blocking",
)  # fmt: skip


def key_pin(certificate: Path) -> str:
    """Return the base64 SHA-256 of a certificate's public key (RFC 7469 section 2.4).

    Chromium trusts exactly this key. With ``--ignore-certificate-errors`` it would load the page, too, but keep
    nothing of it in its cache.
    """
    pem = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"], check=True, capture_output=True, input=pem.stdout
    )
    return base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()


def visit(
    url: str,
    home: Path,
    resolv_conf: Path,
    key_log: Path | None = None,
    trusted_key: str = "",
    until: Callable[[], bool] | None = None,
) -> None:
    """Open a page as a person would, wait until it is loaded and drawn (or ``until``), and quit the browser.

    The profile lies under ``home``, so a second visit finds the first one's cache.
    """
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "LANG": "C.UTF-8"}
    if key_log:
        environment["SSLKEYLOGFILE"] = str(key_log)
    trust = [f"--ignore-certificate-errors-spki-list={trusted_key}"] if trusted_key else []
    draw = [] if until else [f"--screenshot={home}/page.png"]
    command = ["chromium", *FLAGS, *trust, f"--user-data-dir={home}/profile", *draw, url]
    log = home / "chromium.log"
    program = Program(net.start(command, net.CLIENT, log=log, resolv_conf=resolv_conf, env=environment), log)
    try:
        if until:
            wait_until(until, f"{url} to be done", 60)
            program.stop()
        elif program.process.wait(60):
            raise RuntimeError(f"chromium: exit {program.process.returncode}: {log.read_text()[-2000:]}")
    finally:
        program.stop(signal.SIGKILL)

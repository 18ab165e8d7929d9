"""Three slow sites for sample ``two-visits``: every answer takes its time, so that two pages load at the same time.

usage: python3 -m lab.slow_sites ACCESS_LOG

``www.shop.example`` (198.51.100.80), ``www.books.example`` and ``cdn.assets.example`` (198.51.100.81), all on port 80.
The two pages are of the same make: style, script and pictures of their own, and one script of the third site.
"""

from __future__ import annotations

import sys
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

from lab import app, site

ADDRESSES = ("198.51.100.80", "198.51.100.81")
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{name}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/css/{name}.css">
<script src="/js/{name}.js" defer></script>
<script src="http://cdn.assets.example/count.js" defer></script>
<p><img src="/img/{first}.png" width="24" height="16" alt="">
<img src="/img/{last}.png" width="24" height="16" alt=""></p>
"""
FAST, MEDIUM, SLOW = 0.12, 0.25, 0.4
PICTURE = site.picture(site.COLOURS["bread"], 24, 16)


def _pages(name: str, first: str, last: str) -> dict[str, tuple[float, str, bytes]]:
    return {
        "/": (SLOW, "text/html; charset=utf-8", PAGE.format(name=name, first=first, last=last).encode()),
        f"/css/{name}.css": (MEDIUM, "text/css", b"body { font: 16px sans-serif; }\n"),
        f"/js/{name}.js": (SLOW, "text/javascript", b"document.title += ' (ready)';\n"),
        f"/img/{first}.png": (FAST, "image/png", PICTURE),
        f"/img/{last}.png": (SLOW, "image/png", PICTURE),
    }


SITES = {
    "www.shop.example": _pages("shop", "apple", "cheese"),
    "www.books.example": _pages("books", "novel", "atlas"),
    "cdn.assets.example": {"/count.js": (FAST, "text/javascript", b"document.title += ' (counted)';\n")},
}
"""Host → target → (seconds until the answer, type, body)."""
REQUESTS = 12
"""Of both visits: five for each page, and one of each for the third site's script."""


class Slow(app.Direct):
    """What is asked for comes after a while."""

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        found = SITES.get(self.headers.get("Host", ""), {}).get(self.path)
        if found is None:
            self.answer("404 Not Found", b"nothing here\n", "Content-Type: text/plain")
            return
        seconds, kind, body = found
        time.sleep(seconds)
        self.answer("200 OK", body, f"Content-Type: {kind}", "Cache-Control: no-store")


def main(log: str) -> None:
    """Serve until killed."""
    Slow.log = app.Direct.log = Path(log)
    Slow.log.touch()
    servers = [ThreadingHTTPServer((address, 80), Slow) for address in ADDRESSES]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])

"""The little shop that the browser visits: one page, style, script, pictures. Sizes are facts that the tests know.

The pictures are PNG with stored (not compressed) pixels, so that their size depends on no library's version.
"""

from __future__ import annotations

import os
import random
import struct
import zlib
from pathlib import Path

MODIFIED = 1_767_225_600  # 2026-01-01 00:00:00 UTC, the Last-Modified (and half of the ETag) of every file

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>The example shop</title>
<link rel="stylesheet" href="/css/shop.css">
<script src="/js/shop.js" defer></script>
</head>
<body>
<h1>The example shop</h1>
<p id="note">Three things are on offer today.</p>
<ul>
<li><img src="/img/apple.png" width="96" height="64" alt="apple"> Apples, by the kilogram</li>
<li><img src="/img/bread.png" width="96" height="64" alt="bread"> Bread, from this morning</li>
<li><img src="/img/cheese.png" width="96" height="64" alt="cheese"> Cheese, from the hills</li>
</ul>
{text}
</body>
</html>
"""
COLOURS = {"apple": (200, 60, 50), "bread": (190, 140, 70), "cheese": (240, 210, 90)}


def picture(colour: tuple[int, int, int], width: int = 96, height: int = 64) -> bytes:
    """Draw a plain gradient as PNG (W3C PNG, section 5); 18,594 bytes for 96 x 64."""
    rows = b"".join(
        b"\0" + bytes(min(255, c * (x + y) // (width + height) + 40) for x in range(width) for c in colour)
        for y in range(height)
    )
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows
    stored += struct.pack(">I", zlib.adler32(rows))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")


def make(root: Path) -> dict[str, int]:
    """Write the shop's files under ``root``; return path → size."""
    dice = random.Random(2026)
    text = "\n".join(f"<p>Item {dice.randrange(10**9)} costs {dice.randrange(10**6)} cents.</p>" for _ in range(160))
    style = "\n".join(f".item-{n} {{ color: #{dice.randrange(1 << 24):06x}; margin: {n}px; }}" for n in range(300))
    prices = ", ".join(str(dice.randrange(10**6)) for _ in range(1500))
    script = f"'use strict';\nconst prices = [{prices}];"
    files = {
        "index.html": PAGE.format(text=text).encode(),
        "css/shop.css": f"body {{ font: 16px sans-serif; margin: 2em; }}\n{style}\n".encode(),
        "js/shop.js": f"{script}\ndocument.getElementById('note').textContent += ' Welcome.';\n".encode(),
        **{f"img/{name}.png": picture(colour) for name, colour in COLOURS.items()},
    }
    return write(root, files)


def write(root: Path, files: dict[str, bytes]) -> dict[str, int]:
    """Write files with a fixed modification time, so that their ETags are the same each time."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o644)
        os.utime(path, (MODIFIED, MODIFIED))
    return {f"/{name}": len(data) for name, data in files.items()}

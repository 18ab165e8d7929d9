"""Where big captures are kept: outside the repository. Imports nothing large, see :mod:`bulk`."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of this project's big captures in the user's cache, made when missing."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "capture-analyzer-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def big_capture(size: str) -> Path:
    """Return the path of the big capture of a size, there or not."""
    return cache_folder() / f"pages-{size}.pcap"

"""plotly.js: the library that draws the charts, inside each report or in one file beside a folder of them.

It comes from the plotly package, whose code is never run here. Inside a report it lies as inert text until the first
chart comes near. Beside the reports it is ``assets/plotly-<version>.min.js``, which each report refers to by a relative
address; the name has the version, so that reports of different days may lie in one folder.

A file's hash cannot hold that file to its word when a report is opened from a folder: browsers check it only where they
can ask who may read the file (Subresource Integrity section 3.3.5), and a folder answers nobody. So the page's policy
says ``'strict-dynamic'`` instead: the page's own script, named by its hash, may load a script, and nothing that stands
in the markup may (Content Security Policy Level 3 section 8.2). From a web server the hash is checked as well.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from analyzer.report.escape import script_hash, script_text

FOLDER = "assets"
"""Folder of the shared file, beside the reports."""

_VERSION = re.compile(r"plotly\.js v([0-9][0-9A-Za-z.]{0,30})")


@cache
def plotly_script() -> str:
    """Return plotly.js, read from the plotly package without importing it.

    Raises:
        ModuleNotFoundError: the plotly package is not installed.
    """
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("plotly is not installed")
    # files("plotly") would run the package; its data folder is a plain one beside it.
    return Path(spec.submodule_search_locations[0], "package_data", "plotly.min.js").read_text("utf-8")


@cache
def plotly_source() -> str:
    """Return plotly.js as it goes into a page."""
    return script_text(plotly_script())


@cache
def shared_path() -> str:
    """Return where the shared file lies, as seen from the reports: ``assets/plotly-3.0.1.min.js``."""
    found = _VERSION.search(plotly_script()[:1000])
    return f"{FOLDER}/plotly-{found[1] if found else 'unknown'}.min.js"


@cache
def integrity() -> str:
    """Return the hash of the shared file, as the ``integrity`` of a script element."""
    return script_hash(plotly_script()).strip("'")


def is_there(folder: Path) -> bool:
    """Tell whether a folder has the shared file already, with exactly these bytes."""
    path = folder / shared_path()
    return path.is_file() and path.read_bytes() == plotly_script().encode("utf-8")

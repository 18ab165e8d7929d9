"""Globs of paths as shells and Python know them, whose ``**`` does not go round in circles.

Python's own follows links to folders, so two links to ``.`` are a tree without end. Here ``**`` stands for the folders
below, itself included, as they are entered by ``--recursive``: not hidden ones, and not by links.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator

_SEPARATOR = r"[\\/]" if os.sep == "\\" else "/"
_DEEP = re.compile(rf"(?:(?<={_SEPARATOR})|^)\*\*(?:{_SEPARATOR}+|$)")


def fitting(pattern: str) -> list[str]:
    """Return the files and folders whose path fits, each once, in order."""
    return sorted(_below("", pattern, {}))


def _below(base: str, pattern: str, walked: dict[str, set[str]]) -> set[str]:
    """Return what fits.

    Args:
        base: folder in which to look, with the separator behind it; or nothing.
        walked: of each rest of the pattern, the folders in which it was looked for.
    """
    deep = _DEEP.search(pattern)
    if deep is None:
        return {base + name for name in glob.glob(pattern, root_dir=base or None)}  # noqa: PTH207 - may be absolute
    first, rest = pattern[: deep.start()], pattern[deep.end() :]
    roots = [base + name for name in glob.glob(first, root_dir=base or None)] if first else [base]  # noqa: PTH207
    found = set[str]()
    for root in roots:
        for folder, names in _folders(root, walked.setdefault(rest, set())):
            if rest:
                found |= _below(folder, rest, walked)
            else:
                found |= {folder, *(folder + name for name in names if deep[0] == "**")} - {""}
    return found


def _folders(root: str, seen: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Give a folder and those below it, each with the separator behind it, and the names of the files there."""
    for path, below, names in os.walk(root or os.curdir):
        folder = os.path.join(path, "")  # noqa: PTH118 - a path of Path has no separator behind it
        folder = folder if root else folder.removeprefix(os.path.join(os.curdir, ""))  # noqa: PTH118
        if folder in seen:
            below.clear()
            continue
        seen.add(folder)
        below[:] = [name for name in below if not name.startswith(".")]
        yield folder, [name for name in names if not name.startswith(".")]
